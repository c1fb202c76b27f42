import { randomUUID } from "node:crypto";
import { z } from "zod";
import {
  deletePlatformConfig,
  findPost,
  readPlatformConfig,
  readPlatformHealth,
  writePlatformConfig,
} from "../../queries/recon/platforms.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { credentials, sealGiven } from "./credentials.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { id, link, linkTo, platformName, tags } from "./shapes.ts";
import { instant, iso, text } from "../server/shapes.ts";

const staff = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const ofPlatform = z.object({ platform: platformName });

const config = z.object({
  platform: z.string(),
  mode: z.enum(["real", "sandbox"]).nullable().describe("null: the settings decide"),
  hasCredentials: z.boolean().describe("stored here, encrypted; never shown"),
  updatedAt: instant.nullable(),
  updatedBy: text,
});
export const status = config.extend({
  works: z.boolean().nullable().describe("null before the first request"),
  since: instant.nullable().describe("since when it works, or does not"),
  lastOkAt: instant.nullable(),
  lastErrorAt: instant.nullable(),
  lastErrorKind: text,
  lastError: text,
  quotaLeftPct: z.number().nullable().describe("percent of the quota left, by the platform's last answer"),
  quotaResetsAt: instant.nullable(),
  quotaSeenAt: instant.nullable(),
});

const fetched = z.object({
  workflowId: z.string(),
  result: z.unknown().describe("the platform's numbers of the post"),
  href: link,
});
const underWay = z.object({ workflowId: z.string(), href: link.describe("where the numbers will be") });

/** Whether the platforms answer, and how they are asked. */
export function platformRoutes(api: Api, parts: ServerParts): void {
  statusRoute(api, parts);
  configRoute(api, parts);
  fetchRoute(api, parts);
}

function statusRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/platforms/:platform/status",
    {
      config: staff,
      schema: {
        tags,
        summary: "Whether the platform works, since when, and the quota left, by its last answer",
        params: ofPlatform,
        response: { 200: status },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, platform: request.params.platform };
      const [set, health] = await Promise.all([readPlatformConfig(reading, of), readPlatformHealth(reading, of)]);
      const works = health === null ? null : health.failingSince === null;
      const since = works === null ? null : works ? health?.worksSince : health?.failingSince;
      return {
        ...toConfig(of.platform, set),
        works,
        since: iso(since ?? null),
        lastOkAt: iso(health?.lastOkAt ?? null),
        lastErrorAt: iso(health?.lastErrorAt ?? null),
        lastErrorKind: health?.lastErrorKind ?? null,
        lastError: health?.lastError ?? null,
        quotaLeftPct: health?.quotaLeftPct == null ? null : Number(health.quotaLeftPct),
        quotaResetsAt: iso(health?.quotaResetsAt ?? null),
        quotaSeenAt: iso(health?.quotaSeenAt ?? null),
      };
    },
  );
}

function configRoute(api: Api, parts: ServerParts): void {
  api.put(
    "/platforms/:platform/config",
    {
      config: keepers,
      schema: {
        tags,
        summary:
          "Switches between the real platform and the sandbox, with stored credentials; null returns to the settings",
        params: ofPlatform,
        body: z.object({ mode: z.enum(["real", "sandbox"]).nullable(), credentials: credentials.optional() }),
        response: { 200: config },
      },
    },
    async (request) => {
      const { platform } = request.params;
      const { client, subject } = callerOf(request);
      const { mode, credentials: given } = request.body;
      if (mode === null) {
        if (given !== undefined)
          throw new ApiError("validation_error", "credentials go with a mode", { mode: "must be real or sandbox" });
        await audited(parts, request, async (session, record) => {
          if (await deletePlatformConfig(session, { client, platform }))
            await record(session, switched(platform, null));
        });
        return toConfig(platform, null);
      }
      const sealed = given === undefined ? null : sealGiven(parts, { client, platform, affiliateId: null }, given);
      const row = await audited(parts, request, async (session, record) => {
        await record(session, switched(platform, mode, given));
        return writePlatformConfig(session, { client, platform, mode, sealed, updatedBy: subject });
      });
      return toConfig(platform, row);
    },
  );
}

function fetchRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/platforms/:platform/fetch",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Fetches one post's numbers now; no verdict changes",
        params: ofPlatform,
        body: z.object({ postId: id }),
        response: { 200: fetched, 202: underWay },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { platform } = request.params;
      const { postId } = request.body;
      if ((await findPost(parts.reading, { client, postId, platform })) === null)
        throw notFound("post on this platform");
      const outcome = await runWorkflow<unknown>(parts, {
        type: "fetchPost",
        workflowId: `fetch/${platform}/${postId}/${randomUUID()}`,
        client,
        input: { client, platform, postId },
        summary: `${platform} post ${postId}, client ${client}`,
      });
      const href = linkTo("/submissions", { post: postId });
      return outcome.done
        ? reply.code(200).send({ workflowId: outcome.workflowId, result: outcome.result, href })
        : reply.code(202).send({ workflowId: outcome.workflowId, href });
    },
  );
}

function switched(platform: string, mode: string | null, credentials: Record<string, string> = {}) {
  const details = { mode: mode ?? "as the settings have it", credentials: Object.keys(credentials) };
  return { action: "platform_switched" as const, subject: `platform/${platform}`, details };
}

function toConfig(platform: string, row: Awaited<ReturnType<typeof readPlatformConfig>>): z.infer<typeof config> {
  return {
    platform,
    mode: (row?.mode ?? null) as z.infer<typeof config>["mode"],
    hasCredentials: row?.hasCredentials ?? false,
    updatedAt: iso(row?.updatedAt ?? null),
    updatedBy: row?.updatedBy ?? null,
  };
}

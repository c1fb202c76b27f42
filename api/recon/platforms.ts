import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { settingName } from "../../settings/config.ts";
import { sealCredentials } from "../../rules/recon/platform-credentials.ts";
import { postPlatforms } from "../../rules/recon/post-url.ts";
import type { AuditAction } from "../../queries/ops/audit.ts";
import {
  deleteAffiliateToken,
  deletePlatformConfig,
  findPost,
  readPlatformConfig,
  readPlatformHealth,
  writeAffiliateToken,
  writePlatformConfig,
  type AffiliateTokenOf,
} from "../../queries/recon/platforms.ts";
import { allow, allowAffiliates, callerOf } from "../server/access.ts";
import { requireOwn, scopeOf } from "./affiliate-key.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { id, instant, link, linkTo, tags, text } from "./shapes.ts";

const staff = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const ofPlatform = z.object({ platform: z.enum(postPlatforms as [string, ...string[]]) });

const config = z.object({
  platform: z.string(),
  mode: z.enum(["real", "sandbox"]).nullable().describe("null: as the settings have it"),
  hasCredentials: z.boolean().describe("kept here, sealed; none of them is ever shown"),
  updatedAt: instant.nullable(),
  updatedBy: text,
});
const status = config.extend({
  works: z.boolean().nullable().describe("null before it was asked anything"),
  since: instant.nullable().describe("since when it has, or has not"),
  lastOkAt: instant.nullable(),
  lastErrorAt: instant.nullable(),
  lastErrorKind: text,
  lastError: text,
  quotaLeftPct: z.number().nullable().describe("of a hundred, as the platform said it last"),
  quotaResetsAt: instant.nullable(),
  quotaSeenAt: instant.nullable(),
});

const credentials = z
  .record(
    z.string().regex(/^[A-Z][A-Z0-9_]{2,60}$/, "must be named as the setting is"),
    z
      .string()
      .min(1)
      .max(4_000)
      .regex(/^[^\u0000]*$/, "must be text"),
  )
  .refine((given) => Object.keys(given).length > 0 && Object.keys(given).length <= 10, "must be one to ten")
  .describe("by their names as settings: REDDIT_CLIENT_ID and the like; sealed, never read back");

const fetched = z.object({
  workflowId: z.string(),
  result: z.unknown().describe("what the platform said of the post"),
  href: link,
});
const underWay = z.object({ workflowId: z.string(), href: link.describe("where the numbers will be") });

/** Whether the platforms answer, and how they are asked. */
export function platformRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;

  api.get(
    "/platforms/:platform/status",
    {
      config: staff,
      schema: {
        tags,
        summary: "Whether it works, since when not, and the quota left: as activities saw it last",
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
        since: since?.toISOString() ?? null,
        lastOkAt: health?.lastOkAt?.toISOString() ?? null,
        lastErrorAt: health?.lastErrorAt?.toISOString() ?? null,
        lastErrorKind: health?.lastErrorKind ?? null,
        lastError: health?.lastError ?? null,
        quotaLeftPct: health?.quotaLeftPct == null ? null : Number(health.quotaLeftPct),
        quotaResetsAt: health?.quotaResetsAt?.toISOString() ?? null,
        quotaSeenAt: health?.quotaSeenAt?.toISOString() ?? null,
      };
    },
  );

  api.put(
    "/platforms/:platform/config",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Asks the platform itself or its sandbox, with credentials kept here; null goes back to the settings",
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
      const sealed = given === undefined ? null : seal({ client, platform, affiliateId: null }, given);
      const row = await audited(parts, request, async (session, record) => {
        await record(session, switched(platform, mode, given));
        return writePlatformConfig(session, { client, platform, mode, sealed, updatedBy: subject });
      });
      return toConfig(platform, row);
    },
  );

  api.post(
    "/platforms/:platform/fetch",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Asks the platform about one post now; nothing is judged by it",
        params: ofPlatform,
        body: z.object({ postId: id }),
        response: { 200: fetched, 202: underWay },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { platform } = request.params;
      const { postId } = request.body;
      if ((await findPost(reading, { client, postId, platform })) === null) throw notFound("post on this platform");
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

  const ofToken = ofPlatform.extend({ id });
  const holders = allowAffiliates("admin", "operator");
  api.put(
    "/affiliates/:id/tokens/:platform",
    {
      config: holders,
      schema: {
        tags,
        summary: "Lets us see this affiliate's posts with its own token at the platform; sealed, never shown",
        params: ofToken,
        body: z.object({ credentials }),
        response: { 200: z.object({ affiliateId: z.string(), platform: z.string() }) },
      },
    },
    async (request) => {
      const of = tokenOf(request, request.params);
      const sealed = seal(of, request.body.credentials);
      await audited(parts, request, async (session, record) => {
        if (!(await writeAffiliateToken(session, { ...of, sealed }))) throw notFound("affiliate");
        await record(session, tokenEntry("platform_token_set", of));
      });
      return { affiliateId: of.affiliateId, platform: of.platform };
    },
  );
  api.delete(
    "/affiliates/:id/tokens/:platform",
    {
      config: holders,
      schema: {
        tags,
        summary: "Forgets it",
        params: ofToken,
        response: { 200: z.object({ affiliateId: z.string(), platform: z.string() }) },
      },
    },
    async (request) => {
      const of = tokenOf(request, request.params);
      await audited(parts, request, async (session, record) => {
        if (await deleteAffiliateToken(session, of)) await record(session, tokenEntry("platform_token_removed", of));
      });
      return { affiliateId: of.affiliateId, platform: of.platform };
    },
  );

  function seal(
    owner: { client: string; platform: string; affiliateId: string | null },
    given: Record<string, string>,
  ): Buffer {
    const key = parts.config.credentialsKey;
    if (key === null)
      throw new ApiError("unavailable", "credentials cannot be kept: CREDENTIALS_ENCRYPTION_KEY is not set");
    const beginning = `${settingName(owner.platform)}_`;
    const foreign = Object.keys(given).find((name) => !name.startsWith(beginning));
    if (foreign !== undefined)
      throw new ApiError("validation_error", "body is not valid", {
        [`credentials.${foreign}`]: `must begin with ${beginning}`,
      });
    return sealCredentials(key, owner, given);
  }
}

function switched(platform: string, mode: string | null, credentials: Record<string, string> = {}) {
  const details = { mode: mode ?? "as the settings have it", credentials: Object.keys(credentials) };
  return { action: "platform_switched" as const, subject: `platform/${platform}`, details };
}

function tokenEntry(action: AuditAction, { affiliateId, platform }: AffiliateTokenOf) {
  return { action, subject: `affiliate/${affiliateId}`, details: { platform } };
}

function tokenOf(
  request: Pick<FastifyRequest, "caller" | "affiliate">,
  { id: affiliateId, platform }: { id: string; platform: string },
) {
  requireOwn(request, affiliateId);
  return { client: scopeOf(request).client, affiliateId, platform };
}

function toConfig(platform: string, row: Awaited<ReturnType<typeof readPlatformConfig>>): z.infer<typeof config> {
  return {
    platform,
    mode: (row?.mode ?? null) as z.infer<typeof config>["mode"],
    hasCredentials: row?.hasCredentials ?? false,
    updatedAt: row?.updatedAt.toISOString() ?? null,
    updatedBy: row?.updatedBy ?? null,
  };
}

import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { AuditAction } from "../../queries/ops/audit.ts";
import {
  deleteAffiliateToken,
  dropOfferedToken,
  listTokens,
  offerToken,
  type AffiliateTokenOf,
  type TokenRow,
} from "../../queries/recon/tokens.ts";
import { allowAffiliates } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import type { checkAffiliateToken } from "../../workflows/recon/check-affiliate-token.ts";
import { need } from "./affiliates.ts";
import { requireOwn, scopeOf } from "./affiliate-key.ts";
import { credentials, sealGiven } from "./credentials.ts";
import { id, link, linkTo, platformName, tags } from "./shapes.ts";
import { instant, iso, text } from "../server/shapes.ts";

const holders = allowAffiliates("admin", "operator");
const ofToken = z.object({ id, platform: platformName });
const named = z.object({ affiliateId: z.string(), platform: z.string() });
const given = named.extend({
  works: z.boolean().nullable().describe("null: it is still being tried"),
  href: link.describe("the address of its state"),
});
const token = z.object({
  platform: z.string(),
  works: z.boolean().nullable().describe("null before it was used"),
  since: instant.nullable().describe("since when it works, or does not"),
  checkedAt: instant.nullable().describe("when the platform last answered with it"),
  lastError: text,
  isInUse: z.boolean(),
  isBeingTried: z.boolean().describe("true: a new token that was not tried yet"),
});

/** An affiliate's own tokens at the platforms: tried when they are given, used where the client's account shows too little. */
export function tokenRoutes(api: Api, parts: ServerParts): void {
  listTokensRoute(api, parts);

  api.put(
    "/affiliates/:id/tokens/:platform",
    {
      config: holders,
      schema: {
        tags,
        summary: "Stores the affiliate's own platform token, encrypted. It is tried at once and kept only if it works",
        params: ofToken,
        body: z.object({ credentials }),
        response: { 200: given, 202: given.describe("it is still being tried") },
      },
    },
    async (request, reply) => {
      const of = tokenOf(request, request.params);
      const { client, affiliateId, platform } = of;
      const sealed = sealGiven(parts, of, request.body.credentials);
      const offerId = await audited(parts, request, async (session, record) => {
        const offered = await offerToken(session, { ...of, sealed });
        if (offered === null) throw notFound("affiliate");
        await record(session, tokenEntry("platform_token_set", of));
        return offered;
      });
      const offer = { ...of, offerId };
      const outcome = await runWorkflow<Awaited<ReturnType<typeof checkAffiliateToken>>>(parts, {
        type: "checkAffiliateToken",
        workflowId: `check-token/${client}/${affiliateId}/${platform}/${offerId}`,
        client,
        input: offer,
        summary: `${platform} token of affiliate ${affiliateId}, client ${client}`,
      }).catch(async (error: unknown) => {
        await dropOfferedToken(parts.reading, offer);
        throw error;
      });
      const answer = { affiliateId, platform, href: linkTo(`/affiliates/${affiliateId}/tokens`) };
      if (!outcome.done) return reply.code(202).send({ ...answer, works: null });
      if (!outcome.result.works)
        throw new ApiError("validation_error", `the token was not accepted: ${outcome.result.reason}`, {
          credentials: outcome.result.reason,
        });
      return reply.code(200).send({ ...answer, works: true });
    },
  );

  api.delete(
    "/affiliates/:id/tokens/:platform",
    {
      config: holders,
      schema: { tags, summary: "Deletes the token", params: ofToken, response: { 200: named } },
    },
    async (request) => {
      const of = tokenOf(request, request.params);
      await audited(parts, request, async (session, record) => {
        if (!(await deleteAffiliateToken(session, of))) throw notFound("token");
        await record(session, tokenEntry("platform_token_removed", of));
      });
      return { affiliateId: of.affiliateId, platform: of.platform };
    },
  );
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

function listTokensRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/affiliates/:id/tokens",
    {
      config: holders,
      schema: {
        tags,
        summary: "For which platforms the affiliate gave a token, and whether it works; tokens are never shown",
        params: z.object({ id }),
        response: { 200: z.object({ items: z.array(token) }) },
      },
    },
    async (request) => {
      requireOwn(request, request.params.id);
      const scope = scopeOf(request);
      await need(reading, scope, request.params.id);
      const rows = await listTokens(reading, { client: scope.client, affiliateId: request.params.id });
      return { items: rows.map(toToken) };
    },
  );
}

function toToken({ platform, isInUse, isBeingTried, lastError, ...row }: TokenRow): z.infer<typeof token> {
  const works = row.failingSince !== null ? false : row.worksSince !== null ? true : null;
  return {
    platform,
    isInUse,
    isBeingTried,
    lastError,
    works,
    since: iso(row.failingSince ?? row.worksSince),
    checkedAt: iso(row.checkedAt),
  };
}

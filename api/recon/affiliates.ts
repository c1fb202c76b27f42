import { z } from "zod";
import { makeAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { seal, hmacSha256 } from "../../core/crypto.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import {
  createAffiliate,
  emailContext,
  findAffiliate,
  listAffiliates,
  rotateKey,
  setAffiliateActive,
  setDiscordUser,
  type AffiliateRow,
} from "../../queries/recon/keys.ts";
import type { AuditAction } from "../../queries/ops/audit.ts";
import { countVerdictsOfAffiliate, listReports, readTrend, worksForAdvertiser } from "../../queries/recon/reports.ts";
import { sqlState } from "../../schema/database.ts";
import { allow, allowAffiliates, callerOf } from "../server/access.ts";
import { affiliateOf, requireOwn, scopeOf, type Scope } from "./affiliate-key.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { reportFilters, toFilter } from "./submissions.ts";
import { id, levelName, link, linkTo, report, tags, toReport, verdictName } from "./shapes.ts";
import { instant, text } from "../server/shapes.ts";

const staff = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const readers = allowAffiliates("admin", "operator", "analyst", "advertiser");

const trust = z
  .number()
  .describe(
    "0 to 1: the share of its posts, each once, of which no claim was found too high; 1 before the first verdict",
  );
const affiliate = z.object({
  affiliateId: z.string(),
  name: z.string(),
  hasEmail: z.boolean(),
  hasDiscord: z.boolean().describe("whether a Discord account may submit for it; which one is never shown again"),
  keyPrefix: text.describe("how its key begins"),
  keyIssuedAt: instant.nullable(),
  trust,
  counted: z.number().describe("posts of which a claim could be checked, each once however often it was claimed"),
  accurate: z.number().describe("those of them of which no claim was found too high"),
  isActive: z.boolean(),
  createdAt: instant,
  submissions: link,
  performance: link,
});
const withKey = affiliate.extend({ key: z.string().describe("shown now and never again") });

const snowflake = z.string().regex(/^\d{1,20}$/, "must be a Discord user id, a number as text");
const newAffiliate = z.object({
  name: z.string().trim().pipe(word),
  email: z.email().max(200).nullish().describe("kept sealed, never shown again"),
  discordUserId: snowflake.nullish().describe("who may submit with /submit for it; kept as a keyed hash"),
});

const ofAffiliate = z.object({ id });
const performance = z.object({
  affiliateId: z.string(),
  name: z.string(),
  isActive: z.boolean(),
  trust,
  counted: z.number().describe("posts of which a claim could be checked, each once however often it was claimed"),
  accurate: z.number().describe("those of them of which no claim was found too high"),
  accuracyPct: z.number().nullable().describe("null before the first that counts"),
  submitted: z.number().describe("reports, each claim by itself"),
  verdicts: z.array(
    z.object({
      verdict: verdictName.nullable().describe("null: waits for one"),
      level: levelName.nullable(),
      reports: z.number(),
      href: link,
    }),
  ),
  trend: z.array(
    z.object({
      date: z.string().describe("the day of the verdict, in UTC; its numbers are of reports, each claim by itself"),
      judged: z.number(),
      counted: z.number(),
      accurate: z.number(),
      accuracyPct: z.number().nullable(),
    }),
  ),
});

/** Affiliates, their keys, and what each has shown to be worth. */
export function affiliateRoutes(api: Api, parts: ServerParts): void {
  const { reading, config } = parts;
  api.get(
    "/affiliates/me",
    {
      config: allowAffiliates(),
      schema: { tags, summary: "The affiliate whose key this is", response: { 200: affiliate } },
    },
    async (request) => {
      const row = await findAffiliate(reading, affiliateOf(request));
      if (row === null) throw notFound("affiliate");
      return toAffiliate(row);
    },
  );

  api.post(
    "/affiliates",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Creates an affiliate; the answer holds its key, once",
        body: newAffiliate,
        response: { 201: withKey },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { name, email, discordUserId } = request.body;
      const { key, ...stored } = newKey();
      const wanted = {
        client,
        name,
        ...sealEmail(config, client, email ?? null),
        discordUserHash: hashAccount(config.hashingKey, client, discordUserId ?? null),
        ...stored,
      };
      const row = await audited(parts, request, async (session, record) => {
        const created = await createAffiliate(session, wanted);
        if (created !== null) await record(session, keyEntry("key_issued", created));
        return created;
      });
      if (row === null)
        throw new ApiError("conflict", "there is an affiliate of this name, address or Discord account already");
      return reply.code(201).send({ ...toAffiliate(row), key });
    },
  );

  api.get(
    "/affiliates",
    {
      config: staff,
      schema: {
        tags,
        summary: "Affiliates, the oldest first",
        querystring: paging.extend({ active: z.enum(["true", "false"]).optional() }),
        response: { 200: pageOf(affiliate) },
      },
    },
    async (request) => {
      const { limit, cursor, active } = request.query;
      const rows = await listAffiliates(reading, {
        client: callerOf(request).client,
        active: active === undefined ? undefined : active === "true",
        afterId: readCursor(cursor, id),
        limit: limit + 1,
      });
      return toPage(rows, limit, (row) => row.affiliateId, toAffiliate);
    },
  );

  api.get(
    "/affiliates/:id",
    {
      config: allowAffiliates("admin", "operator", "analyst"),
      schema: { tags, summary: "One affiliate", params: ofAffiliate, response: { 200: affiliate } },
    },
    async (request) => {
      requireOwn(request, request.params.id);
      return toAffiliate(await need(scopeOf(request), request.params.id));
    },
  );

  api.post(
    "/affiliates/:id/rotate-key",
    {
      config: keepers,
      schema: {
        tags,
        summary: "A new key in place of the old one, which stops working now",
        params: ofAffiliate,
        response: { 200: withKey },
      },
    },
    async (request) => {
      const { key, ...stored } = newKey();
      const of = { client: callerOf(request).client, affiliateId: request.params.id };
      const row = await audited(parts, request, async (session, record) => {
        const rotated = await rotateKey(session, { ...of, ...stored });
        if (rotated !== null) await record(session, keyEntry("key_rotated", rotated));
        return rotated;
      });
      if (row === null) throw notFound("affiliate");
      return { ...toAffiliate(row), key };
    },
  );

  for (const [path, isActive, summary] of [
    ["disable", false, "Takes no submissions of it and lets its key in nowhere, until it is enabled again"],
    ["enable", true, "Lets it in again, with the key it had"],
  ] as const) {
    api.put(
      `/affiliates/:id/${path}`,
      { config: keepers, schema: { tags, summary, params: ofAffiliate, response: { 200: affiliate } } },
      async (request) => {
        const of = { client: callerOf(request).client, affiliateId: request.params.id };
        const row = await audited(parts, request, async (session, record) => {
          const changed = await setAffiliateActive(session, { ...of, isActive });
          if (changed !== null) await record(session, keyEntry(isActive ? "key_enabled" : "key_disabled", changed));
          return changed;
        });
        if (row === null) throw notFound("affiliate");
        return toAffiliate(row);
      },
    );
  }

  api.put(
    "/affiliates/:id/discord",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Which Discord account may submit for it; null for none",
        params: ofAffiliate,
        body: z.object({ discordUserId: snowflake.nullable() }),
        response: { 200: affiliate },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const affiliateId = request.params.id;
      const discordUserHash = hashAccount(config.hashingKey, client, request.body.discordUserId);
      const row = await audited(parts, request, async (session, record) => {
        const linked = await setDiscordUser(session, { client, affiliateId, discordUserHash });
        if (linked !== null)
          await record(session, {
            action: "discord_linked",
            subject: `affiliate/${affiliateId}`,
            details: { linked: discordUserHash !== null },
          });
        return linked;
      }).catch((error: unknown) => {
        if (sqlState(error) === "23505") throw new ApiError("conflict", "the account is another affiliate's");
        throw error;
      });
      if (row === null) throw notFound("affiliate");
      return toAffiliate(row);
    },
  );

  api.get(
    "/affiliates/:id/submissions",
    {
      config: readers,
      schema: {
        tags,
        summary: "What it submitted, newest first, each with its verdict and the numbers compared",
        params: ofAffiliate,
        querystring: paging.extend(reportFilters.omit({ affiliate: true }).shape),
        response: { 200: pageOf(report) },
      },
    },
    async (request) => {
      const affiliateId = request.params.id;
      requireOwn(request, affiliateId);
      const scope = scopeOf(request);
      await need(scope, affiliateId);
      const { limit, cursor, ...query } = request.query;
      const rows = await listReports(reading, {
        scope,
        filter: { ...toFilter(query), affiliateId },
        beforeId: readCursor(cursor, id),
        limit: limit + 1,
      });
      return toPage(rows, limit, (row) => row.reportId, toReport);
    },
  );

  api.get(
    "/affiliates/:id/performance",
    {
      config: readers,
      schema: {
        tags,
        summary: "Its trust, its reports by verdict, and how accurate it was day by day",
        params: ofAffiliate,
        querystring: z.object({ days: z.coerce.number().int().min(1).max(400).default(30) }),
        response: { 200: performance },
      },
    },
    async (request) => {
      const affiliateId = request.params.id;
      requireOwn(request, affiliateId);
      const scope = scopeOf(request);
      const of = { ...scope, affiliateId };
      const [row, verdicts, trend] = await Promise.all([
        need(scope, affiliateId),
        countVerdictsOfAffiliate(reading, of),
        readTrend(reading, { ...of, days: request.query.days }),
      ]);
      return {
        affiliateId,
        name: row.name,
        isActive: row.isActive,
        trust: Number(row.trustScore),
        counted: row.totalSubmissions,
        accurate: row.accurateSubmissions,
        accuracyPct: share(row.accurateSubmissions, row.totalSubmissions),
        submitted: verdicts.reduce((sum, { reports }) => sum + reports, 0),
        verdicts: verdicts.map(({ verdict, level, reports }) => ({
          verdict: verdict as z.infer<typeof verdictName> | null,
          level: level as z.infer<typeof levelName> | null,
          reports,
          href: linkTo(`/affiliates/${affiliateId}/submissions`, {
            verdict: verdict ?? undefined,
            level: level ?? undefined,
          }),
        })),
        trend: trend.map((day) => ({ ...day, accuracyPct: share(day.accurate, day.counted) })),
      };
    },
  );

  /** One that the caller may know of. An advertiser knows those that posted for it. */
  async function need({ client, advertiserId }: Scope, affiliateId: string): Promise<AffiliateRow> {
    const row = await findAffiliate(reading, { client, affiliateId });
    const isKnown =
      row !== null &&
      (advertiserId === null || (await worksForAdvertiser(reading, { client, affiliateId, advertiserId })));
    if (!isKnown) throw notFound("affiliate");
    return row;
  }
}

function keyEntry(action: AuditAction, { affiliateId, name, keyPrefix }: AffiliateRow) {
  return { action, subject: `affiliate/${affiliateId}`, details: { name, keyPrefix } };
}

function newKey(): { key: string; keyHash: string; keyPrefix: string } {
  const { key, hash } = makeAffiliateKey();
  return { key, keyHash: hash, keyPrefix: key.slice(0, 8) };
}

function sealEmail(
  { credentialsKey, hashingKey }: Pick<ServerParts["config"], "credentialsKey" | "hashingKey">,
  client: string,
  email: string | null,
): { emailHash: string | null; emailSealed: Buffer | null } {
  if (email === null) return { emailHash: null, emailSealed: null };
  if (credentialsKey === null || hashingKey === null)
    throw new ApiError("validation_error", "an e-mail address cannot be kept: CREDENTIALS_ENCRYPTION_KEY is not set", {
      email: "cannot be kept",
    });
  // Keyed: an address without one is guessed in no time.
  const emailHash = hmacSha256(hashingKey, `${emailContext(client)}/${email.toLowerCase()}`);
  return { emailHash, emailSealed: seal(credentialsKey, Buffer.from(email), emailContext(client)) };
}

function hashAccount(key: Buffer | null, client: string, userId: string | null): string | null {
  if (userId === null) return null;
  if (key !== null) return hashDiscordUser(key, { client, userId });
  const why = "CREDENTIALS_ENCRYPTION_KEY is not set";
  throw new ApiError("validation_error", `a Discord account cannot be linked: ${why}`, {
    discordUserId: "cannot be linked",
  });
}

/** Per hundred, two decimals. */
export function share(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((10_000 * part) / whole) / 100;
}

function toAffiliate(row: AffiliateRow): z.infer<typeof affiliate> {
  const { affiliateId, name, hasEmail, hasDiscord, keyPrefix, isActive } = row;
  return {
    affiliateId,
    name,
    hasEmail,
    hasDiscord,
    keyPrefix,
    isActive,
    keyIssuedAt: row.keyIssuedAt?.toISOString() ?? null,
    trust: Number(row.trustScore),
    counted: row.totalSubmissions,
    accurate: row.accurateSubmissions,
    createdAt: row.createdAt.toISOString(),
    submissions: linkTo(`/affiliates/${affiliateId}/submissions`),
    performance: linkTo(`/affiliates/${affiliateId}/performance`),
  };
}

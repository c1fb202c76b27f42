import { z } from "zod";
import { hmacSha256, seal } from "../../core/crypto.ts";
import type { AuditAction } from "../../queries/ops/audit.ts";
import {
  createAffiliate,
  emailContext,
  rotateKey,
  setAffiliateActive,
  setDiscordUser,
  type AffiliateRow,
} from "../../queries/recon/keys.ts";
import { makeAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import { sqlState } from "../../schema/database.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { nameText } from "../server/shapes.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { affiliate, ofAffiliate, toAffiliate } from "./affiliate-shapes.ts";
import { givenOrigin, tags } from "./shapes.ts";

const keepers = allow("admin", "operator");

const withKey = affiliate.extend({ key: z.string().describe("shown now and never again") });

const snowflake = z.string().regex(/^\d{1,20}$/, "must be a Discord user id, a number as text");
const newAffiliate = z.object({
  name: nameText,
  email: z.email().max(200).nullish().describe("kept sealed, never shown again"),
  discordUserId: snowflake.nullish().describe("who may submit with /submit for it; kept as a keyed hash"),
  origin: givenOrigin,
});

/** Affiliates as staff set them up: each change is in the audit log. */
export function affiliateChangeRoutes(api: Api, parts: ServerParts): void {
  createRoute(api, parts);
  rotateRoute(api, parts);
  activeRoutes(api, parts);
  discordRoute(api, parts);
}

function createRoute(api: Api, parts: ServerParts): void {
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
      const { name, email, discordUserId, origin } = request.body;
      const { key, ...stored } = newKey();
      const wanted = {
        client,
        name,
        origin,
        ...sealEmail(parts.config, client, email ?? null),
        discordUserHash: hashAccount(parts.config.hashingKey, client, discordUserId ?? null),
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
}

function rotateRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/affiliates/:id/rotate-key",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Replaces the key; the old one stops working now",
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
}

function activeRoutes(api: Api, parts: ServerParts): void {
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
}

function discordRoute(api: Api, parts: ServerParts): void {
  api.put(
    "/affiliates/:id/discord",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Sets which Discord account may submit for it; null for none",
        params: ofAffiliate,
        body: z.object({ discordUserId: snowflake.nullable() }),
        response: { 200: affiliate },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const affiliateId = request.params.id;
      const discordUserHash = hashAccount(parts.config.hashingKey, client, request.body.discordUserId);
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

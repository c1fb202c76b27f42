import type { Origin, StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** Whose key it is. The hash comes back to be compared once more, in constant time. */
export interface KeyHolder {
  client: string;
  affiliateId: string;
  keyHash: string;
  isActive: boolean;
}

export async function findByKeyHash(database: Queryable, keyHash: string): Promise<KeyHolder | null> {
  const { rows } = await database.query<KeyHolder>(
    `select _client_id as client, affiliate_id::text as "affiliateId", api_key_hash as "keyHash", is_active as "isActive"
       from recon.affiliates where api_key_hash = $1`,
    [keyHash],
  );
  return rows[0] ?? null;
}

/** Of these hashes, those of keys that open something. */
export async function findGoodKeys(database: Queryable, keyHashes: readonly string[]): Promise<string[]> {
  const { rows } = await database.query<{ keyHash: string }>(
    `select api_key_hash as "keyHash" from recon.affiliates where api_key_hash = any($1) and is_active`,
    [keyHashes],
  );
  return rows.map(({ keyHash }) => keyHash);
}

export interface AffiliateRow {
  affiliateId: string;
  name: string;
  hasEmail: boolean;
  /** Which account it is, is never shown. */
  hasDiscord: boolean;
  keyPrefix: string | null;
  keyIssuedAt: Date | null;
  trustScore: string;
  totalSubmissions: number;
  accurateSubmissions: number;
  isActive: boolean;
  /** `sandbox`: made up to try things out; it goes with its claims when sandbox data are purged. */
  origin: StoredOrigin;
  createdAt: Date;
}

export const affiliateColumns = `affiliate_id::text as "affiliateId", name, email_hash is not null as "hasEmail", discord_user_hash is not null as "hasDiscord",
  api_key_prefix as "keyPrefix", api_key_issued_at as "keyIssuedAt", trust_score as "trustScore", total_submissions as "totalSubmissions",
  accurate_submissions as "accurateSubmissions", is_active as "isActive", origin, created_at as "createdAt"`;

/** A key as it is stored: its hash, and the beginning by which a person recognises it. */
export interface StoredKey {
  keyHash: string;
  keyPrefix: string;
}

export interface NewAffiliate extends StoredKey {
  client: string;
  name: string;
  emailHash: string | null;
  emailSealed: Buffer | null;
  discordUserHash: string | null;
  origin: Origin;
}

/** Null when the client has an affiliate of this name, address or Discord account already. */
export async function createAffiliate(database: Queryable, affiliate: NewAffiliate): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `insert into recon.affiliates (_client_id, name, email_hash, email_sealed, discord_user_hash, api_key_hash, api_key_prefix, origin, api_key_issued_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, now()) on conflict do nothing returning ${affiliateColumns}`,
    [
      affiliate.client,
      affiliate.name,
      affiliate.emailHash,
      affiliate.emailSealed,
      affiliate.discordUserHash,
      affiliate.keyHash,
      affiliate.keyPrefix,
      affiliate.origin,
    ],
  );
  return rows[0] ?? null;
}

export async function findAffiliate(
  database: Queryable,
  { client, affiliateId }: { client: string; affiliateId: string },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `select ${affiliateColumns} from recon.affiliates where _client_id = $1 and affiliate_id = $2`,
    [client, affiliateId],
  );
  return rows[0] ?? null;
}

export async function findAffiliateNamed(
  database: Queryable,
  { client, name }: { client: string; name: string },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `select ${affiliateColumns} from recon.affiliates where _client_id = $1 and name = $2`,
    [client, name],
  );
  return rows[0] ?? null;
}

/** The oldest first, so that new ones appear at the end of a list that is being read; or by name or trust. */
export const affiliateOrders = {
  by: {
    createdAt: [],
    name: [{ sql: "lower(a.name)", type: "text" }],
    trust: [{ sql: "a.trust_score", type: "number" }],
  },
  then: [{ sql: "a.affiliate_id", type: "whole" }],
  usual: "createdAt",
} satisfies Orders;

interface AffiliateFilter {
  client: string;
  active?: boolean | undefined;
}

const inList = "a._client_id = :client and (:active::boolean is null or a.is_active = :active)";

export function listAffiliates(
  database: Queryable,
  { client, active, order, limit }: AffiliateFilter & { order?: Order; limit: number },
): Promise<Placed<AffiliateRow>[]> {
  return readOrdered<AffiliateRow>(database, {
    ...{ columns: affiliateColumns, from: "recon.affiliates a", where: inList },
    ...{ values: { client, active: active ?? null }, orders: affiliateOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countAffiliates = (database: Queryable, { client, active }: AffiliateFilter) =>
  countUpTo(database, {
    name: "affiliates",
    parts: {
      active: "count(*) filter (where is_active)",
      judged: "count(*) filter (where total_submissions > 0)",
    },
    columns: "a.is_active, a.total_submissions",
    ...{ from: "recon.affiliates a", where: inList, values: { client, active: active ?? null } },
  });

/** The key before stops working in the same moment. */
export async function rotateKey(
  database: Queryable,
  { client, affiliateId, keyHash, keyPrefix }: StoredKey & { client: string; affiliateId: string },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `update recon.affiliates set api_key_hash = $3, api_key_prefix = $4, api_key_issued_at = now(), updated_at = now()
      where _client_id = $1 and affiliate_id = $2 returning ${affiliateColumns}`,
    [client, affiliateId, keyHash, keyPrefix],
  );
  return rows[0] ?? null;
}

/** A disabled affiliate keeps its rows and its key, which opens nothing until it is enabled again. */
export async function setAffiliateActive(
  database: Queryable,
  { client, affiliateId, isActive }: { client: string; affiliateId: string; isActive: boolean },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `update recon.affiliates set is_active = $3, updated_at = case when is_active = $3 then updated_at else now() end
      where _client_id = $1 and affiliate_id = $2 returning ${affiliateColumns}`,
    [client, affiliateId, isActive],
  );
  return rows[0] ?? null;
}

/** Null when there is no such affiliate; throws a unique violation when the account is another's. */
export async function setDiscordUser(
  database: Queryable,
  { client, affiliateId, discordUserHash }: { client: string; affiliateId: string; discordUserHash: string | null },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `update recon.affiliates set discord_user_hash = $3, updated_at = now()
      where _client_id = $1 and affiliate_id = $2 returning ${affiliateColumns}`,
    [client, affiliateId, discordUserHash],
  );
  return rows[0] ?? null;
}

/** What an affiliate's sealed e-mail address is bound to. */
export const emailContext = (client: string) => `affiliate email/${client}`;

import type { Queryable } from "../../schema/database.ts";
import { raiseAlert, settleAlerts } from "../ops/alerts.ts";

export interface AffiliateTokenOf {
  client: string;
  affiliateId: string;
  platform: string;
}

const ofToken = "_client_id = $1 and affiliate_id = $2 and platform = $3";
const keyOf = ({ client, affiliateId, platform }: AffiliateTokenOf) => [client, affiliateId, platform];

/** Lays a token beside the one in use until it has been tried. Null when there is no such affiliate. */
export async function offerToken(
  database: Queryable,
  { sealed, ...of }: AffiliateTokenOf & { sealed: Buffer },
): Promise<string | null> {
  const { rows } = await database.query<{ offerId: string }>(
    `insert into recon.affiliate_tokens (_client_id, affiliate_id, platform, offered_sealed, offer_id)
     select _client_id, affiliate_id, $3, $4, gen_random_uuid() from recon.affiliates where _client_id = $1 and affiliate_id = $2
     on conflict on constraint affiliate_tokens_key do update
        set offered_sealed = excluded.offered_sealed, offer_id = excluded.offer_id, updated_at = now()
     returning offer_id::text as "offerId"`,
    [...keyOf(of), sealed],
  );
  return rows[0]?.offerId ?? null;
}

export interface OfferOf extends AffiliateTokenOf {
  offerId: string;
}

export interface OfferedToken {
  sealed: Buffer;
  mode: "real" | "sandbox" | null;
  sealedConfig: Buffer | null;
}

/** The offered token, and how its platform is asked. Null when it was tried before, or another was offered since. */
export async function readOfferedToken(database: Queryable, { offerId, ...of }: OfferOf): Promise<OfferedToken | null> {
  const { rows } = await database.query<OfferedToken>(
    `select t.offered_sealed as sealed, c.mode, c.sealed as "sealedConfig"
       from recon.affiliate_tokens t left join recon.platform_config c on c._client_id = t._client_id and c.platform = t.platform
      where t._client_id = $1 and t.affiliate_id = $2 and t.platform = $3 and t.offer_id = $4`,
    [...keyOf(of), offerId],
  );
  return rows[0] ?? null;
}

/** It works, and takes the place of the one before. */
export async function acceptToken(database: Queryable, { offerId, ...of }: OfferOf): Promise<void> {
  const { rowCount } = await database.query(
    `update recon.affiliate_tokens
        set sealed = offered_sealed, offered_sealed = null, offer_id = null, works_since = now(), failing_since = null, last_error = null,
            checked_at = now(), updated_at = now()
      where ${ofToken} and offer_id = $4`,
    [...keyOf(of), offerId],
  );
  if (rowCount === 1) await settleTokenAlert(database, of, "a token that works was given");
}

/** It is not kept, and the one before stays in use. */
export async function dropOfferedToken(database: Queryable, { offerId, ...of }: OfferOf): Promise<void> {
  await database.query(
    `with dropped as (delete from recon.affiliate_tokens where ${ofToken} and offer_id = $4 and sealed is null)
     update recon.affiliate_tokens set offered_sealed = null, offer_id = null where ${ofToken} and offer_id = $4 and sealed is not null`,
    [...keyOf(of), offerId],
  );
}

export interface TokenRow {
  platform: string;
  isInUse: boolean;
  isBeingTried: boolean;
  worksSince: Date | null;
  failingSince: Date | null;
  checkedAt: Date | null;
  lastError: string | null;
}

/** Which platforms an affiliate gave a token for, and whether each works. What was sealed is not read here. */
export async function listTokens(
  database: Queryable,
  { client, affiliateId }: Pick<AffiliateTokenOf, "client" | "affiliateId">,
): Promise<TokenRow[]> {
  const { rows } = await database.query<TokenRow>(
    `select platform, sealed is not null as "isInUse", offered_sealed is not null as "isBeingTried", works_since as "worksSince",
            failing_since as "failingSince", checked_at as "checkedAt", last_error as "lastError"
       from recon.affiliate_tokens where _client_id = $1 and affiliate_id = $2 order by platform`,
    [client, affiliateId],
  );
  return rows;
}

/** False when there was none. */
export async function deleteAffiliateToken(database: Queryable, of: AffiliateTokenOf): Promise<boolean> {
  const { rowCount } = await database.query(`delete from recon.affiliate_tokens where ${ofToken}`, keyOf(of));
  if (rowCount !== 1) return false;
  await settleTokenAlert(database, of, "the token was deleted");
  return true;
}

/** The one that was used, by what it is sealed as: another may have taken its place since. */
export type UsedToken = AffiliateTokenOf & { sealed: Buffer };

/** The platform answered it. Written now and then, and at once when it had failed. */
export async function noteTokenWorks(database: Queryable, { sealed, ...of }: UsedToken): Promise<void> {
  const { rows } = await database.query<{ recovered: boolean }>(
    `with before as (select failing_since is not null as failing from recon.affiliate_tokens where ${ofToken})
     update recon.affiliate_tokens
        set works_since = case when failing_since is null then coalesce(works_since, now()) else now() end, failing_since = null, checked_at = now()
      where ${ofToken} and sealed = $4 and (failing_since is not null or checked_at is null or checked_at < now() - interval '1 minute')
     returning coalesce((select failing from before), false) as recovered`,
    [...keyOf(of), sealed],
  );
  if (rows[0]?.recovered === true) await settleTokenAlert(database, of, "the token works again");
}

/** The platform refused it: an alert once, when it stops working. */
export async function noteTokenFails(
  database: Queryable,
  { sealed, message, ...of }: UsedToken & { message: string },
): Promise<void> {
  const { rows } = await database.query<{ since: Date; isNew: boolean; name: string }>(
    `with before as (select failing_since from recon.affiliate_tokens where ${ofToken})
     update recon.affiliate_tokens
        set failing_since = coalesce(failing_since, now()), works_since = null, checked_at = now(), last_error = left($5, 500)
      where ${ofToken} and sealed = $4
     returning failing_since as since, (select failing_since from before) is null as "isNew",
               (select a.name from recon.affiliates a where a._client_id = $1 and a.affiliate_id = affiliate_tokens.affiliate_id) as name`,
    [...keyOf(of), sealed, message],
  );
  const [failing] = rows;
  if (failing?.isNew !== true) return;
  const { client, affiliateId, platform } = of;
  await raiseAlert(database, {
    client,
    area: "recon",
    kind: "affiliate_token_failing",
    subject: subjectOf(of),
    severity: "warning",
    message: `${platform} refuses the token of ${failing.name} (${affiliateId}): posts that only this token shows are UNVERIFIABLE until the affiliate gives a new one`,
    details: { affiliateId, platform, since: failing.since },
  });
}

const subjectOf = ({ affiliateId, platform }: AffiliateTokenOf) => `affiliate/${affiliateId}/${platform}`;

async function settleTokenAlert(database: Queryable, of: AffiliateTokenOf, notes: string): Promise<void> {
  const about = { client: of.client, area: "recon", subject: subjectOf(of) };
  await settleAlerts(database, { ...about, kinds: ["affiliate_token_failing"], notes });
}

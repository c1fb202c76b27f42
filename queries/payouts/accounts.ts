import { maskContacts } from "../../core/personal.ts";
import type { Queryable, Session } from "../../schema/database.ts";

export interface PayoutAccount {
  affiliateId: string;
  affiliate: string | null;
  /** The affiliate of reconciliation; null where it is not linked. */
  reconAffiliateId: number | null;
  reconAffiliate: string | null;
  hold: "automatic" | "all" | "none";
  reason: string | null;
  setBy: string | null;
  setAt: Date | null;
  /** What is held by itself, claims and trust, and why. */
  heldFor: string | null;
}

const select = `
  select n.affiliate_id as "affiliateId", n.affiliate, a.recon_affiliate_id as "reconAffiliateId", r.name as "reconAffiliate", coalesce(a.hold, 'automatic') as hold,
         a.reason, a.set_by as "setBy", a.set_at as "setAt", h.detail as "heldFor"
    from (select coalesce(s.affiliate_id, k.affiliate_id) as affiliate_id, s.affiliate
            from (select affiliate_id, max(affiliate_name) as affiliate from everflow.daily_stats where _client_id = $1 group by affiliate_id) s
            full join (select affiliate_id from payouts.accounts where _client_id = $1) k on k.affiliate_id = s.affiliate_id) n
    left join payouts.accounts a on a._client_id = $1 and a.affiliate_id = n.affiliate_id
    left join recon.affiliates r on r._client_id = $1 and r.affiliate_id = a.recon_affiliate_id
    left join payouts.affiliate_holds h on h._client_id = $1 and h.affiliate_id = n.affiliate_id`;

/** Everflow's affiliates, and who they are in reconciliation. */
export async function listAccounts(database: Queryable, client: string): Promise<PayoutAccount[]> {
  const { rows } = await database.query<PayoutAccount>(`${select} order by n.affiliate, n.affiliate_id limit 2000`, [
    client,
  ]);
  return rows;
}

export async function findAccount(
  database: Queryable,
  client: string,
  affiliateId: string,
): Promise<PayoutAccount | null> {
  const { rows } = await database.query<PayoutAccount>(`${select} where n.affiliate_id = $2`, [client, affiliateId]);
  return rows[0] ?? null;
}

export interface AccountChange {
  client: string;
  affiliateId: string;
  reconAffiliateId: number | null;
  hold: PayoutAccount["hold"];
  reason: string | null;
  by: string;
}

/** What an account cannot be set to. Nothing was written. */
export class AccountProblem extends Error {
  constructor(
    readonly field: "affiliateId" | "reconAffiliateId",
    message: string,
  ) {
    super(message);
    this.name = "AccountProblem";
  }
}

/** Links an account and says what of it is held; false where it was so before. */
export async function setAccount(session: Session, change: AccountChange): Promise<boolean> {
  const { client, affiliateId, reconAffiliateId, hold, reason, by } = change;
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`payouts/${client}`]);
  if ((await findAccount(session, client, affiliateId)) === null)
    throw new AccountProblem("affiliateId", `Everflow has no affiliate ${affiliateId}`);
  const { rows } = await session.query<{ there: boolean; takenBy: string | null }>(
    `select exists (select from recon.affiliates where _client_id = $1 and affiliate_id = $2) as there,
            (select affiliate_id from payouts.accounts where _client_id = $1 and recon_affiliate_id = $2 and affiliate_id <> $3) as "takenBy"`,
    [client, reconAffiliateId, affiliateId],
  );
  if (reconAffiliateId !== null && rows[0]?.there !== true)
    throw new AccountProblem("reconAffiliateId", `reconciliation has no affiliate ${reconAffiliateId}`);
  if (rows[0]?.takenBy != null)
    throw new AccountProblem("reconAffiliateId", `it is linked to Everflow's affiliate ${rows[0].takenBy}`);
  const { rowCount } = await session.query(
    `insert into payouts.accounts as a (_client_id, affiliate_id, recon_affiliate_id, hold, reason, set_by) values ($1, $2, $3, $4, $5, $6)
     on conflict on constraint accounts_key do update
        set recon_affiliate_id = excluded.recon_affiliate_id, hold = excluded.hold, reason = excluded.reason, set_by = excluded.set_by, set_at = now()
      where (a.recon_affiliate_id, a.hold, a.reason) is distinct from (excluded.recon_affiliate_id, excluded.hold, excluded.reason)`,
    // It goes into lines of statements, which are never changed.
    [client, affiliateId, reconAffiliateId, hold, reason === null ? null : maskContacts(reason), by],
  );
  return (rowCount ?? 0) > 0;
}

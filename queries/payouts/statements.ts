import { cents, exactMoney, sumMoney } from "../../core/money.ts";
import {
  withSeal,
  type Seal,
  type SignedStatement,
  type StatementHead,
  type StatementTotal,
} from "../../rules/payouts/statement.ts";
import type { Queryable } from "../../schema/database.ts";
import { toLine } from "./close-month.ts";
import { firstDay, lineColumns, type LineRow, type Owed, type PayoutMonth } from "./shapes.ts";

const totalColumns = (t: string) =>
  `${t}.currency, coalesce(${t}.approved, 0) as approved, coalesce(${t}.approved_amount, 0)::text as "approvedAmount", coalesce(${t}.pending, 0) as pending,
   coalesce(${t}.pending_amount, 0)::text as "pendingAmount", coalesce(${t}.rejected, 0) as rejected, coalesce(${t}.rejected_amount, 0)::text as "rejectedAmount",
   coalesce(${t}.held, 0) as held, coalesce(${t}.held_amount, 0)::text as "heldAmount", coalesce(${t}.new_amount, 0)::text as "newAmount",
   coalesce(${t}.corrections, 0) as corrections, coalesce(${t}.corrections_amount, 0)::text as "correctionsAmount",
   coalesce(${t}.rounding_carried, 0)::text as "roundingCarried", coalesce(${t}.owed, 0)::text as owed`;

/** The months of a client, the newest first. */
export async function readMonths(database: Queryable, client: string): Promise<PayoutMonth[]> {
  const { rows } = await database.query<PayoutMonth>(
    `select to_char(m.month, 'YYYY-MM') as month, case when m.is_closed then 'closed' else 'open' end as state, m.is_next as "isNext",
            coalesce(k.days_not_final, (select count(*)::int from generate_series(m.month, m.month + interval '1 month' - interval '1 day', interval '1 day') d(day)
                where not exists (select from ops.slices s where s._client_id = m._client_id and s.source = 'everflow.conversions' and s.slice = d.day::date::text and s.is_final))) as "daysNotFinal",
            k.closed_at as "closedAt", k.closed_by as "closedBy", k.forced_reason as "forcedReason"
       from payouts.months m left join payouts.closings k on k._client_id = m._client_id and k.month = m.month
      where m._client_id = $1 order by m.month desc`,
    [client],
  );
  return rows;
}

interface OfStatements {
  client: string;
  /** Null for all closed ones. */
  month: string | null;
  affiliateId: string | null;
}

/** What each affiliate is owed in a month per currency: stated, or as it stands now. */
export async function readOwed(database: Queryable, of: OfStatements): Promise<Owed[]> {
  const { rows: closed } = await database.query<Owed>(
    `select to_char(s.month, 'YYYY-MM') as month, 'closed' as state, s.statement_id as "statementId", s.affiliate_id as "affiliateId", s.affiliate, s.origin, ${totalColumns("t")}
       from payouts.statements s left join payouts.statement_totals t on t._client_id = s._client_id and t.statement_id = s.statement_id
      where s._client_id = $1 and ($2::date is null or s.month = $2) and ($3::text is null or s.affiliate_id = $3)
      order by s.month desc, s.affiliate, s.affiliate_id, t.currency limit 5000`,
    [of.client, of.month === null ? null : firstDay(of.month), of.affiliateId],
  );
  if (closed.length > 0 || of.month === null) return closed.map(toCents);
  const { rows } = await database.query<Owed>(
    `select $4::text as month, 'draft' as state, null as "statementId", d.affiliate_id as "affiliateId", coalesce(nullif(d.affiliate, ''), n.affiliate, d.affiliate_id) as affiliate,
            o.origin, ${totalColumns("d")}
       from payouts.draft_totals($1, $2, $3, false) d
       left join lateral (select s.affiliate from payouts.statements s where s._client_id = $1 and s.affiliate_id = d.affiliate_id order by s.month desc limit 1) n on d.affiliate is null
      cross join (select case when bool_or(origin = 'sandbox') then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin
                    from ops.slices where _client_id = $1 and source = 'everflow.conversions' and day >= $2 and day < ($2::date + interval '1 month')::date) o
      where not exists (select from payouts.closings k where k._client_id = $1 and k.month = $2)
      order by affiliate, d.affiliate_id, d.currency`,
    [of.client, firstDay(of.month), of.affiliateId, of.month],
  );
  return rows.map(toCents);
}

/** Rounded here, so that a page shows what the JSON says. */
function toCents(row: Owed): Owed {
  const { approvedAmount, pendingAmount, rejectedAmount, heldAmount, newAmount, correctionsAmount, owed } = row;
  return {
    ...row,
    approvedAmount: cents(approvedAmount),
    pendingAmount: cents(pendingAmount),
    rejectedAmount: cents(rejectedAmount),
    heldAmount: cents(heldAmount),
    newAmount: cents(newAmount),
    correctionsAmount: cents(correctionsAmount),
    roundingCarried: exactMoney(row.roundingCarried),
    owed: cents(owed),
  };
}

export interface OwedInAll {
  currency: string;
  affiliates: number;
  owed: string;
  heldAmount: string;
  correctionsAmount: string;
}

/** What all statements come to, per currency. */
export function sumOwed(rows: readonly Owed[]): OwedInAll[] {
  const currencies = [...new Set(rows.flatMap(({ currency }) => (currency === null ? [] : [currency])))].sort();
  return currencies.map((currency) => {
    const own = rows.filter((row) => row.currency === currency);
    const sum = (of: "owed" | "heldAmount" | "correctionsAmount") => cents(sumMoney(own.map((row) => row[of])));
    return {
      currency,
      affiliates: new Set(own.map(({ affiliateId }) => affiliateId)).size,
      owed: sum("owed"),
      heldAmount: sum("heldAmount"),
      correctionsAmount: sum("correctionsAmount"),
    };
  });
}

export interface StatementFound extends Seal {
  statement: StatementHead;
  closedBy: string;
  forcedReason: string | null;
  lines: number;
}

/** A closed statement without its lines; an affiliate of reconciliation finds their own alone. */
export async function findStatement(
  database: Queryable,
  of: { client: string; statementId: number; reconAffiliateId: string | null },
): Promise<StatementFound | null> {
  const { rows } = await database.query<
    Omit<StatementHead, "closedAt"> &
      Seal & { closedAt: Date; closedBy: string; forcedReason: string | null; lines: number }
  >(
    `select s.statement_id as "statementId", s._client_id as client, to_char(s.month, 'YYYY-MM') as month, s.affiliate_id as "affiliateId", s.affiliate, s.closed_at as "closedAt",
            s.days_not_final as "daysNotFinal", s.claims, s.claims_verified as "claimsVerified", s.claims_disputed as "claimsDisputed", s.origin, s.previous_hash as "previousHash",
            s.content_hash as hash, s.signature, s.key_id as "keyId", s.public_key as "publicKey", s.lines, k.closed_by as "closedBy", k.forced_reason as "forcedReason"
       from payouts.statements s join payouts.closings k on k._client_id = s._client_id and k.month = s.month
      where s._client_id = $1 and s.statement_id = $2
        and ($3::bigint is null or exists (select from payouts.accounts a where a._client_id = s._client_id and a.affiliate_id = s.affiliate_id and a.recon_affiliate_id = $3))`,
    [of.client, of.statementId, of.reconAffiliateId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { hash, signature, keyId, publicKey, closedBy, forcedReason, lines, closedAt, ...head } = row;
  const statement = { ...head, closedAt: closedAt.toISOString() };
  return { statement, hash, signature, keyId, publicKey, closedBy, forcedReason, lines };
}

/** A closed statement whole, as it was signed. */
export async function readSigned(database: Queryable, found: StatementFound): Promise<SignedStatement> {
  const { statement, hash, signature, keyId, publicKey } = found;
  const of = [statement.client, statement.statementId];
  const { rows: totals } = await database.query<StatementTotal>(
    `select ${totalColumns("t")} from payouts.statement_totals t where t._client_id = $1 and t.statement_id = $2 order by t.currency collate "C"`,
    of,
  );
  const { rows: lines } = await database.query<LineRow & { line: number }>(
    // A line that says another affiliate or month than its statement is none of it: then the signature does not hold.
    `select l.line, ${lineColumns} from payouts.statement_lines l
      where l._client_id = $1 and l.statement_id = $2 and l.affiliate_id = $3 and l.month = $4 order by l.line`,
    [...of, statement.affiliateId, firstDay(statement.month)],
  );
  const content = { statement, totals: totals.map(exactly), lines: lines.map(toLine) };
  return withSeal(content, { hash, signature, keyId, publicKey });
}

function exactly(total: StatementTotal): StatementTotal {
  const amounts = [
    "approvedAmount",
    "pendingAmount",
    "rejectedAmount",
    "heldAmount",
    "newAmount",
    "correctionsAmount",
    "roundingCarried",
    "owed",
  ] as const;
  return { ...total, ...Object.fromEntries(amounts.map((name) => [name, exactMoney(total[name])])) };
}

/** The Everflow affiliate whose statements an affiliate of reconciliation may read. */
export async function accountOf(database: Queryable, client: string, reconAffiliateId: string): Promise<string | null> {
  const { rows } = await database.query<{ affiliateId: string }>(
    `select affiliate_id as "affiliateId" from payouts.accounts where _client_id = $1 and recon_affiliate_id = $2`,
    [client, reconAffiliateId],
  );
  return rows[0]?.affiliateId ?? null;
}

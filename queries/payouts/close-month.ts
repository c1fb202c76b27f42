import { addDays, dayAt } from "../../core/days.ts";
import { exactMoney } from "../../core/money.ts";
import { maskContacts } from "../../core/personal.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import type { SigningKey } from "../../core/signing.ts";
import { nextMonth } from "../../rules/payouts/months.ts";
import { sealStatement, type StatementHead, type StatementLine } from "../../rules/payouts/statement.ts";
import { totalLines } from "../../rules/payouts/total-lines.ts";
import { recordAudit, type Actor } from "../ops/audit.ts";
import type { Session } from "../../schema/database.ts";
import { insertStatement } from "./insert-statement.ts";
import { firstDay, lineColumns, lineOrder, type LineRow } from "./shapes.ts";

/** The month cannot be closed now. Nothing was written. */
export class ClosingProblem extends Error {
  constructor(
    readonly kind: "not_over" | "out_of_order" | "not_final" | "nothing_there",
    message: string,
  ) {
    super(message);
    this.name = "ClosingProblem";
  }
}

export interface Closing {
  client: string;
  /** `2026-10` */
  month: string;
  by: Actor;
  key: SigningKey;
  /** Why it is closed although not all of its days are final. */
  reason: string | null;
  /** Earlier months that have conversions are left without statements, for good. */
  startHere: boolean;
  now: Date;
}

export interface Closed {
  month: string;
  /** False: it was closed before, and nothing was written. */
  isNew: boolean;
  statements: number;
  daysNotFinal: number;
}

const zone = "America/New_York";
/** A fetch that stores conversions holds their table for seconds. */
const lockMs = 20_000;

/**
 * Closes a month in the caller's transaction: every affiliate's statement, its totals and lines, signed, with the entry in
 * the audit log. Closing again finds it closed. Whoever else closes, waits; whoever stores conversions, too, so that what
 * is stored later has a later place in the ledger.
 */
export async function closeMonth(session: Session, closing: Closing): Promise<Closed> {
  const { client, month } = closing;
  await session.query(`set local lock_timeout = ${lockMs}`);
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`payouts/${client}`]);
  const before = await findClosing(session, client, month);
  if (before !== null) return { month, isNew: false, ...before };
  await checkOrder(session, closing);
  await session.query("lock table everflow.conversions in share mode");
  const days = await readDays(session, client, month);
  if (days.notFinal.length > 0 && closing.reason === null)
    throw new ClosingProblem(
      "not_final",
      `${days.notFinal.length} days of ${month} are not final, the first is ${days.notFinal[0]}: fetch them, or give a reason to close all the same`,
    );
  const made = await writeStatements(session, closing, days);
  await recordAudit(session, {
    ...closing.by,
    client,
    action: "month_closed",
    subject: `payouts/${month}`,
    details: { statements: made, daysNotFinal: days.notFinal.length, reason: closing.reason, keyId: closing.key.keyId },
  });
  return { month, isNew: true, statements: made, daysNotFinal: days.notFinal.length };
}

async function findClosing(session: Session, client: string, month: string) {
  const { rows } = await session.query<{ statements: number; daysNotFinal: number }>(
    `select statements, days_not_final as "daysNotFinal" from payouts.closings where _client_id = $1 and month = $2`,
    [client, firstDay(month)],
  );
  return rows[0] ?? null;
}

async function checkOrder(session: Session, { client, month, startHere, now }: Closing): Promise<void> {
  if (month >= dayAt(now, zone).slice(0, 7)) throw new ClosingProblem("not_over", `${month} is not over`);
  const { rows } = await session.query<{ last: string | null; first: string | null }>(
    `select (select to_char(max(month), 'YYYY-MM') from payouts.closings where _client_id = $1) as last,
            (select to_char(min(day), 'YYYY-MM') from ops.slices where _client_id = $1 and source = 'everflow.conversions' and rows > 0) as first`,
    [client],
  );
  const { last = null, first = null } = rows[0] ?? {};
  if (last !== null && month !== nextMonth(last))
    throw new ClosingProblem(
      "out_of_order",
      month < last
        ? `${month} lies before the first month with statements`
        : `${nextMonth(last)} has to be closed first`,
    );
  if (last === null && (first === null || month < first))
    throw new ClosingProblem("nothing_there", `there are no conversions of ${month}, and none before`);
  if (last === null && first !== null && month > first && !startHere)
    throw new ClosingProblem(
      "out_of_order",
      `${first} has conversions and has to be closed first; to begin with ${month}, and leave what is before without statements, say startHere`,
    );
}

interface Days {
  notFinal: string[];
  origin: StoredOrigin;
}

async function readDays(session: Session, client: string, month: string): Promise<Days> {
  const { rows } = await session.query<Days>(
    `select coalesce(array_agg(d.day::date::text order by d.day) filter (where s.is_final is not true), '{}') as "notFinal",
            case when bool_or(s.origin = 'sandbox') then 'sandbox' when bool_or(coalesce(s.origin, 'unknown') = 'unknown') then 'unknown' else 'real' end as origin
       from generate_series($2::date, $3::date, interval '1 day') d(day)
       left join ops.slices s on s._client_id = $1 and s.source = 'everflow.conversions' and s.slice = d.day::date::text`,
    [client, firstDay(month), addDays(firstDay(nextMonth(month)), -1)],
  );
  return rows[0] ?? { notFinal: [], origin: "unknown" };
}

async function writeStatements(session: Session, closing: Closing, { notFinal, origin }: Days): Promise<number> {
  const { client, month, by, reason } = closing;
  await session.query(
    `create temp table closing_lines on commit drop as
     select l.*, row_number() over (partition by l.affiliate_id order by ${lineOrder})::int as line
       from payouts.draft($1, $2, null, true) l`,
    [client, firstDay(month)],
  );
  await session.query("create index on closing_lines (affiliate_id, line)");
  await session.query("analyze closing_lines");
  const { rows: affiliates } = await session.query<Statement>(readAffiliates, [client]);
  // What is stored from now on has a greater number: the table is locked.
  await session.query(
    `insert into payouts.closings (_client_id, month, closed_by, days_not_final, forced_reason, ledger_id, statements, origin)
     select $1, $2, $3, $4, $5, coalesce(max(restatement_id), 0), $6, $7 from ops.restatements`,
    [
      client,
      firstDay(month),
      by.actor,
      notFinal.length,
      notFinal.length === 0 || reason === null ? null : maskContacts(reason),
      affiliates.length,
      origin,
    ],
  );
  for (const affiliate of affiliates)
    await writeStatement(session, closing, { ...affiliate, daysNotFinal: notFinal.length, origin });
  return affiliates.length;
}

interface Statement {
  affiliateId: string;
  affiliate: string;
  reconAffiliateId: string | null;
  statementId: number;
  closedAt: Date;
  previousHash: string | null;
  /** Parts of a cent by currency. */
  carried: Record<string, string>;
}

const readAffiliates = `
  select f.affiliate_id as "affiliateId", coalesce(nullif(f.affiliate, ''), p.affiliate, f.affiliate_id) as affiliate, a.recon_affiliate_id::text as "reconAffiliateId",
         nextval(pg_get_serial_sequence('payouts.statements', 'statement_id')) as "statementId", date_trunc('milliseconds', now()) as "closedAt",
         p.content_hash as "previousHash", coalesce(t.carried, '{}') as carried
    from (select affiliate_id, max(affiliate) as affiliate from closing_lines group by affiliate_id order by affiliate_id) f
    left join payouts.accounts a on a._client_id = $1 and a.affiliate_id = f.affiliate_id
    left join lateral (select s.content_hash, s.affiliate from payouts.statements s
                        where s._client_id = $1 and s.affiliate_id = f.affiliate_id order by s.month desc limit 1) p on true
    left join lateral (select jsonb_object_agg(o.currency, o.carried) as carried
                         from (select t.currency, sum(t.new_amount + t.corrections_amount - t.owed)::text as carried
                                 from payouts.statements s join payouts.statement_totals t on t._client_id = s._client_id and t.statement_id = s.statement_id
                                where s._client_id = $1 and s.affiliate_id = f.affiliate_id group by t.currency) o) t on true
   order by f.affiliate_id`;

async function writeStatement(
  session: Session,
  { client, month, key }: Closing,
  of: Statement & { daysNotFinal: number; origin: StoredOrigin },
): Promise<void> {
  const { rows } = await session.query<LineRow & { line: number }>(
    `select l.line, ${lineColumns} from closing_lines l where l.affiliate_id = $1 order by l.line`,
    [of.affiliateId],
  );
  const lines = rows.map(toLine);
  const { reconAffiliateId, carried, closedAt, ...known } = of;
  const claims = lines.filter(({ kind }) => kind === "claim");
  const statement: StatementHead = {
    ...known,
    client,
    month,
    closedAt: closedAt.toISOString(),
    claims: claims.length,
    claimsVerified: claims.filter(({ status }) => status === "verified").length,
    claimsDisputed: claims.filter(({ status }) => status === "disputed").length,
  };
  const totals = totalLines(lines, carried);
  const seal = sealStatement({ statement, totals, lines }, key);
  await insertStatement(session, { statement, totals, seal, reconAffiliateId, lines: lines.length });
}

/** A line as it is signed. */
export function toLine(row: LineRow & { line: number }): StatementLine {
  const { payout, stated, amount, held } = row;
  return {
    ...row,
    payout: exactMoney(payout),
    stated: exactMoney(stated),
    amount: exactMoney(amount),
    held: exactMoney(held),
  };
}

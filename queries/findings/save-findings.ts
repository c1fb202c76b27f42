import type { Found, FindingState, Identity, Tested } from "../../rules/findings/kinds.ts";
import { identityOf } from "../../rules/findings/kinds.ts";
import type { Sums } from "../../rules/findings/words.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import type { Kept } from "../shared/listed-states.ts";
import { named } from "../shared/named.ts";

/** Where findings are kept, with what became of them. */
export const keptFindings: Kept = {
  table: "findings.findings",
  id: "finding_id",
  changes: "findings.finding_changes",
};

/** On how many nights before the one that ends with `to` each was tested. */
export async function readLooks(
  database: Queryable,
  { client, to }: { client: string; to: string },
): Promise<(identity: Identity) => number> {
  const { rows } = await database.query<Identity & { nights: number }>(
    `select kind, subject, nights - case when last_night < $2 then 0 else 1 end as nights from findings.finding_tests where _client_id = $1`,
    [client, to],
  );
  const known = new Map(rows.map(({ nights, ...identity }) => [identityOf(identity), nights]));
  return (identity) => known.get(identityOf(identity)) ?? 0;
}

/** The same window tested again, after a day of it was restated, is the same night. */
export async function recordTests(
  session: Session,
  { client, to }: { client: string; to: string },
  tests: readonly Tested[],
): Promise<void> {
  await session.query(
    `insert into findings.finding_tests as t (_client_id, kind, subject, nights, last_night, p, facts)
     select $1, g.kind, g.subject, g.nights, $2, g.p, g.facts
       from unnest($3::text[], $4::text[], $5::int[], $6::float8[], $7::jsonb[]) as g(kind, subject, nights, p, facts)
     on conflict on constraint finding_tests_key do update
       set nights = excluded.nights, last_night = greatest(t.last_night, excluded.last_night), p = excluded.p, facts = excluded.facts`,
    [
      client,
      to,
      tests.map(({ kind }) => kind),
      tests.map(({ subject }) => subject),
      tests.map(({ looks }) => looks),
      tests.map(({ p }) => p),
      tests.map(({ facts }) => JSON.stringify(facts)),
    ],
  );
}

export interface KnownFinding extends Identity {
  findingId: number;
  state: FindingState;
  snoozedUntil: string | null;
  atStake: string;
  decidedAtStake: string | null;
  currency: string;
  words: string;
}

export async function readKnown(database: Queryable, { client }: { client: string }): Promise<KnownFinding[]> {
  const { rows } = await database.query<KnownFinding>(
    `select finding_id as "findingId", kind, subject, state, snoozed_until as "snoozedUntil", at_stake as "atStake",
            decided_at_stake as "decidedAtStake", currency, words
       from findings.findings where _client_id = $1`,
    [client],
  );
  return rows;
}

export interface SearchRun {
  client: string;
  runId: string;
}

/** Its number and its state stay. What its rows say is written once they are there. */
export async function saveFound(session: Session, run: SearchRun, one: Found): Promise<number> {
  const { rows } = await session.query<{ id: number }>(
    named(
      `insert into findings.findings (_client_id, kind, subject, subject_name, currency, at_stake, cases, first_day, last_day, words, p, window_from, window_to, facts, held_on, _run_id)
       values (:client, :kind, :subject, :name, :currency, 0, 0, :from, :to, '', :p, :from, :to, :facts, :to, :runId)
       on conflict on constraint findings_subject do update
         set subject_name = excluded.subject_name, currency = excluded.currency, p = excluded.p, window_from = excluded.window_from, window_to = excluded.window_to,
             facts = excluded.facts, held_on = excluded.held_on, updated_at = now(), _run_id = excluded._run_id
       returning finding_id as id`,
      { ...run, ...one, currency: one.facts.currency, facts: JSON.stringify(one.facts) },
    ),
  );
  return rows[0]?.id ?? 0;
}

/** One that is found, by its number. */
export interface Saved {
  id: number;
  found: Found;
}

const columns =
  "date, item, said_by, amount, currency, count, other_said_by, other_amount, other_currency, usual, origin";
const target = `insert into findings.finding_rows (_client_id, finding_id, position, ${columns}, at_stake)`;

/** The rows that each follows from, in place of those of the search before. */
export async function saveRows(session: Session, { client }: SearchRun, saved: readonly Saved[]): Promise<void> {
  await session.query("delete from findings.finding_rows where _client_id = $1 and finding_id = any($2::bigint[])", [
    client,
    saved.map(({ id }) => id),
  ]);
  for (const [kind, rowsOf] of [
    ["paid_twice", "paid_twice_rows"],
    ["repeat_addresses", "repeat_rows"],
  ] as const) {
    const own = saved.filter(({ found }) => found.kind === kind);
    const [first] = own;
    if (first === undefined) continue;
    await session.query(
      `${target}
       select $1, f.id, row_number() over (partition by f.id order by e.date, e.item, e.said_by, e.other_said_by), ${columns.replace(/\w+/g, "e.$&")},
              case when e.currency = f.currency then e.at_stake end
         from findings.${rowsOf}($1, $2, $3) e
         join unnest($4::bigint[], $5::text[], $6::text[]) f(id, subject, currency) on f.subject = e.subject`,
      [
        client,
        first.found.from,
        first.found.to,
        own.map(({ id }) => id),
        own.map(({ found }) => found.subject),
        own.map(({ found }) => found.facts.currency),
      ],
    );
  }
  for (const { id, found } of saved.filter(({ found: { kind } }) => !["paid_twice", "repeat_addresses"].includes(kind)))
    await session.query(
      `${target} select $1, $2, e.position, ${columns.replace(/\w+/g, "e.$&")}, e.at_stake from findings.evidence_of($1, $3, $4, $5, $6, $7) e`,
      [client, id, found.kind, found.subject, found.from, found.to, JSON.stringify(found.facts)],
    );
}

export interface RowSums extends Sums {
  firstDay: string;
  lastDay: string;
  origin: StoredOrigin;
}

/** What the rows of each come to, to the cent. */
export async function readSums(
  session: Session,
  { client }: SearchRun,
  ids: readonly number[],
): Promise<Map<number, RowSums>> {
  const { rows } = await session.query<RowSums & { id: number }>(
    `select f.finding_id as id, count(*)::int as cases, coalesce(sum(r.at_stake), 0)::numeric(18, 2) as "atStake", min(r.date) as "firstDay", max(r.date) as "lastDay",
            coalesce(array_agg(distinct split_part(r.other_said_by, ':', 1)) filter (where r.other_said_by is not null), '{}') as others,
            coalesce(sum(r.count), 0)::float8 as count, round(coalesce(sum(r.amount) filter (where r.currency = f.currency), 0), 2) as amount,
            case when bool_or(r.origin = 'real') then 'real' when bool_and(r.origin = 'sandbox') then 'sandbox' else 'unknown' end as origin
       from findings.findings f join findings.finding_rows r using (_client_id, finding_id)
      where f._client_id = $1 and f.finding_id = any($2::bigint[]) group by f.finding_id`,
    [client, ids],
  );
  return new Map(rows.map(({ id, ...sums }) => [id, sums]));
}

export async function describeFound(
  session: Session,
  { client }: SearchRun,
  { id, sums, words }: { id: number; sums: RowSums; words: string },
): Promise<void> {
  await session.query(
    `update findings.findings set at_stake = $3, cases = $4, first_day = $5, last_day = $6, words = $7, origin = $8
      where _client_id = $1 and finding_id = $2`,
    [client, id, sums.atStake, sums.cases, sums.firstDay, sums.lastDay, words, sums.origin],
  );
}

/** What was at stake when a person was done with it; forgotten when it is open again. */
export async function rememberDecided(session: Session, of: { client: string; id: number }): Promise<void> {
  await session.query(
    `update findings.findings set decided_at_stake = case when state in ('dismissed', 'done') then at_stake end
      where _client_id = $1 and finding_id = $2`,
    [of.client, of.id],
  );
}

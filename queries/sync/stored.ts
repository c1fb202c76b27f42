import { nameOf, quote } from "../../schema/merge-key.ts";
import { prepared, type Queryable, type Session } from "../../schema/database.ts";
import type { Amount, MergeTarget } from "./shapes.ts";

/** How much a table holds of a slice: rows, and the sum of its amount in the one currency it is summed in. */
export interface Held {
  rows: number;
  total: string;
}

/** Rows that another day's slice had until now. */
export type Moved = Held & { day: string };

/** What the table holds of a slice, after all that has been written. */
export async function readHeld(
  session: Session,
  { client, day, table, amount }: Pick<MergeTarget, "client" | "day" | "table" | "amount">,
): Promise<Held> {
  const values = [client, day];
  const sum = sumOf(amount, values);
  const { rows } = await session.query<Held>(
    prepared(
      `select count(*)::int as rows, ${sum}::text as total from ${nameOf(table)} where _client_id = $1 and _slice = $2`,
      values,
    ),
  );
  return rows[0] ?? { rows: 0, total: "0" };
}

/**
 * Takes rows that a slice has got from others off those. All of them are locked first and in one order, so that two
 * merges that take rows from each other's day wait instead of deadlocking.
 */
export async function moveBetween(session: Session, target: MergeTarget, moved: readonly Moved[]): Promise<void> {
  const days = moved.map(({ day }) => day);
  await session.query(
    `select from ops.slices where _client_id = $1 and source = $2 and slice = any($3) order by slice for update`,
    [target.client, target.source, [...days, target.day]],
  );
  await session.query(
    `update ops.slices s set rows = s.rows - m.rows, total = s.total - m.total
       from unnest($3::text[], $4::int[], $5::numeric[]) as m(day, rows, total)
      where s._client_id = $1 and s.source = $2 and s.slice = m.day`,
    [target.client, target.source, days, moved.map(({ rows }) => rows), moved.map(({ total }) => total)],
  );
}

/** A slice whose table holds something else than its latest receipt left there. */
export interface BooksDifference {
  client: string;
  source: string;
  slice: string;
  expected: Held;
  held: Held;
}

/** Which slices to compare: all where nothing is said. */
export interface BooksRange {
  client?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** One of so many equal shares of all slices that have a receipt. */
  share?: { number: number; of: number } | undefined;
}

/** Compares the slices of a source with its table, in one statement: what is being merged is seen before or after, never in between. */
export async function compareBooks(
  database: Queryable,
  feed: Pick<MergeTarget, "source" | "table" | "amount">,
  range: BooksRange = {},
): Promise<{ slices: number; differences: BooksDifference[] }> {
  const { client = null, from = null, to = null, share } = range;
  const values: unknown[] = [feed.source, client, from, to, share?.number ?? null, share?.of ?? null];
  const sum = sumOf(feed.amount, values);
  const { rows } = await database.query<{
    slices: number;
    differences: { client: string; slice: string; expected: Held; held: Held }[] | null;
  }>(
    `with expected as (
       select _client_id, slice, rows, total from ops.slices
        where source = $1 and ($2::text is null or _client_id = $2) and ($3::text is null or slice >= $3) and ($4::text is null or slice <= $4)
          and ($5::int is null or abs(hashtext(_client_id || slice)::bigint) % $6::int = $5)
     ), held as (
       select _client_id, _slice as slice, count(*)::int as rows, ${sum} as total from ${nameOf(feed.table)}
        where ($2::text is null or _client_id = $2) and ($3::text is null or _slice >= $3) and ($4::text is null or _slice <= $4)
          and ($5::int is null or (_client_id, _slice) in (select _client_id, slice from expected))
        group by 1, 2
     ), compared as (
       select _client_id as client, slice,
              jsonb_build_object('rows', coalesce(e.rows, 0), 'total', coalesce(e.total, 0)::text) as expected,
              jsonb_build_object('rows', coalesce(h.rows, 0), 'total', coalesce(h.total, 0)::text) as held,
              coalesce(e.rows, 0) <> coalesce(h.rows, 0) or coalesce(e.total, 0) <> coalesce(h.total, 0) as differs
         from expected e full join held h using (_client_id, slice)
     )
     select count(*)::int as slices,
            (select jsonb_agg(d) from (select client, slice, expected, held from compared where differs order by client, slice limit 1000) d) as differences
       from compared`,
    values,
  );
  const [found] = rows;
  const differences = (found?.differences ?? []).map((one) => ({ ...one, source: feed.source }));
  return { slices: found?.slices ?? 0, differences };
}

/** Rows of slices that nothing is recorded of: something else than a merge has written them. */
export async function readUnrecorded(
  database: Queryable,
  feed: Pick<MergeTarget, "source" | "table" | "amount">,
): Promise<BooksDifference[]> {
  const values: unknown[] = [feed.source];
  const sum = sumOf(feed.amount, values);
  const { rows } = await database.query<{ client: string; slice: string; held: Held }>(
    `select _client_id as client, _slice as slice, jsonb_build_object('rows', count(*)::int, 'total', ${sum}::text) as held
       from ${nameOf(feed.table)} t
      where not exists (select from ops.slices s where s.source = $1 and s._client_id = t._client_id and s.slice = t._slice)
      group by 1, 2 order by 1, 2 limit 1000`,
    values,
  );
  return rows.map((one) => ({ ...one, source: feed.source, expected: { rows: 0, total: "0" } }));
}

/** The sum of an amount, in the one currency it is summed in. */
export function sumOf({ column, currency }: Amount, values: unknown[]): string {
  if (currency === undefined) return `coalesce(sum(${quote(column)}), 0)`;
  values.push(currency.summed);
  return `coalesce(sum(${quote(column)}) filter (where ${quote(currency.column)} = $${values.length}), 0)`;
}

import type { Queryable } from "../../schema/database.ts";

/** The first day that scheduled runs answer for; null before the first of them. */
export async function readCoveredFrom(
  database: Queryable,
  of: { client: string; source: string },
): Promise<string | null> {
  const { rows } = await database.query<{ day: string }>(
    "select covered_from as day from ops.coverage where _client_id = $1 and source = $2",
    [of.client, of.source],
  );
  return rows[0]?.day ?? null;
}

export interface RunProgress {
  planned: number;
  done: number;
  failed: number;
}

/** How far a run is, as the ledger sees it; null before it has a plan. */
export async function readRunProgress(database: Queryable, runId: string): Promise<RunProgress | null> {
  const { rows } = await database.query<RunProgress>(
    `select slices_planned as planned,
            (select count(distinct slice) from ops.receipts where run_id = r.run_id) as done,
            (select count(*) from ops.run_failures where run_id = r.run_id and recovered_at is null) as failed
       from ops.runs r where run_id = $1`,
    [runId],
  );
  return rows[0] ?? null;
}

export interface RunDay {
  day: string;
  outcome: string;
  final: boolean;
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  /** Rows of the answer that could not be stored. */
  rejected: number;
  /** What the vendor's answer sums to, as decimal text. */
  total: string;
  /** What is stored of the day now: something else where the answer was not accepted. */
  stands: string;
  failure: string | null;
}

/** What a run did to each of its days. A day it read twice, as a retry may, is one line. */
export async function readRunDays(database: Queryable, runId: string): Promise<RunDay[]> {
  const { rows } = await database.query<RunDay>(
    `with merged as (
       select _client_id, source, slice, (array_agg(outcome order by fetch_seq desc))[1] as outcome, max(fetched_at) as fetched_at,
              sum(inserted)::bigint as inserted, sum(updated)::bigint as updated, sum(withdrawn)::bigint as withdrawn,
              (array_agg(unchanged order by fetch_seq desc))[1]::bigint as unchanged, (array_agg(total order by fetch_seq desc))[1]::text as total,
              (array_agg(quarantined order by fetch_seq desc))[1]::bigint as rejected
         from ops.receipts where run_id = $1 group by 1, 2, 3
     ), failed as (
       select _client_id, source, slice, type || ': ' || reason as failure from ops.run_failures where run_id = $1 and recovered_at is null
     )
     select s.day, case when f.failure is not null then 'failed' else m.outcome end as outcome, coalesce(s.is_final and m.slice is not null, false) as final,
            coalesce(m.inserted, 0) as inserted, coalesce(m.updated, 0) as updated, coalesce(m.unchanged, 0) as unchanged,
            coalesce(m.withdrawn, 0) as withdrawn, coalesce(m.rejected, 0) as rejected, coalesce(m.total, '0') as total, s.total::text as stands, f.failure
       from merged m
       full join failed f using (_client_id, source, slice)
       join ops.slices s using (_client_id, source, slice)
      order by s.day`,
    [runId],
  );
  return rows;
}

export interface OpenQuarantine {
  client: string;
  source: string;
  entries: number;
  slices: number;
  amount: string;
}

/** What lies in quarantine unresolved, per feed. */
export async function countQuarantine(
  database: Queryable,
  filter: { client?: string | undefined; source?: string | undefined },
): Promise<OpenQuarantine[]> {
  const { rows } = await database.query<OpenQuarantine>(
    `select _client_id as client, source, count(*) as entries, count(distinct slice) as slices, coalesce(sum(amount), 0)::text as amount
       from ops.quarantine
      where resolved_at is null and ($1::text is null or _client_id = $1) and ($2::text is null or source = $2)
      group by 1, 2 order by 1, 2`,
    [filter.client ?? null, filter.source ?? null],
  );
  return rows;
}

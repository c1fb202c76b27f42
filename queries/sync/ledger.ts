import type { Queryable } from "../../schema/database.ts";

export interface SliceState {
  slice: string;
  isFinal: boolean;
  fetchedAt: Date | null;
  outcome: string | null;
  failure: string | null;
}

/** What is known of each slice in a range of days. */
export async function readSlices(
  database: Queryable,
  range: { client: string; source: string; from: string; to: string },
): Promise<Map<string, SliceState>> {
  const { rows } = await database.query<SliceState>(
    `select slice, is_final as "isFinal", fetched_at as "fetchedAt", outcome, failure
       from ops.slices where _client_id = $1 and source = $2 and day between $3 and $4`,
    [range.client, range.source, range.from, range.to],
  );
  return new Map(rows.map((row) => [row.slice, row]));
}

/** The first day scheduled runs answer for; the first such run sets it. */
export async function coverFrom(
  database: Queryable,
  coverage: { client: string; source: string; day: string },
): Promise<string> {
  const { rows } = await database.query<{ coveredFrom: string }>(
    `insert into ops.coverage as c (_client_id, source, covered_from) values ($1, $2, $3)
     on conflict on constraint coverage_key do update set covered_from = least(c.covered_from, excluded.covered_from)
     returning covered_from as "coveredFrom"`,
    [coverage.client, coverage.source, coverage.day],
  );
  return rows[0]?.coveredFrom ?? coverage.day;
}

export interface SliceFailure {
  runId: string;
  client: string;
  source: string;
  day: string;
  timezone: string;
  type: string;
  reason: string;
}

/** Records that a slice failed, in the ledger and in its run. What was stored before stays. */
export async function recordFailure(database: Queryable, failure: SliceFailure): Promise<void> {
  await database.query(
    `with run as (
       insert into ops.run_failures as f (run_id, _client_id, source, slice, type, reason) values ($1, $2, $3, $4::text, $5, $6)
       on conflict on constraint run_failures_key do update set type = excluded.type, reason = excluded.reason, failed_at = now(), recovered_at = null
     )
     insert into ops.slices (_client_id, source, slice, day, timezone, failure, failure_type, failed_at) values ($2, $3, $4::text, ($4::text)::date, $7, $6, $5, now())
     on conflict on constraint slices_key do update set failure = excluded.failure, failure_type = excluded.failure_type, failed_at = excluded.failed_at`,
    [failure.runId, failure.client, failure.source, failure.day, failure.type, failure.reason, failure.timezone],
  );
}

export interface FailedSlice {
  client: string;
  source: string;
  slice: string;
  day: string;
  type: string;
  reason: string;
  failedAt: Date;
}

export async function readFailedSlices(
  database: Queryable,
  filter: { client?: string | undefined; source?: string | undefined },
): Promise<FailedSlice[]> {
  const { rows } = await database.query<FailedSlice>(
    `select _client_id as client, source, slice, day, failure_type as type, failure as reason, failed_at as "failedAt"
       from ops.slices
      where failed_at is not null and ($1::text is null or _client_id = $1) and ($2::text is null or source = $2)
      order by _client_id, source, day`,
    [filter.client ?? null, filter.source ?? null],
  );
  return rows;
}

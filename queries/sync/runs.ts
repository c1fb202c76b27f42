import type { Queryable } from "../../schema/database.ts";

export type RunKind = "sync" | "backfill" | "dry_run";

export interface OpenRun {
  runId: string;
  client: string;
  source: string;
  kind: RunKind;
  workflowId: string;
  scheduledFor: Date | null;
  from: string | null;
  to: string | null;
  slices: number;
}

/** Opening the same run again, as a retry does, changes nothing that has been counted since. */
export async function openRun(database: Queryable, run: OpenRun): Promise<void> {
  await database.query(
    `insert into ops.runs as r (run_id, _client_id, source, kind, workflow_id, scheduled_for, day_from, day_to, slices_planned)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (run_id) do update set slices_planned = excluded.slices_planned, outcome = 'running', finished_at = null`,
    [run.runId, run.client, run.source, run.kind, run.workflowId, run.scheduledFor, run.from, run.to, run.slices],
  );
}

export interface RunTotals {
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
}

export interface CloseRun {
  runId: string;
  outcome: "completed" | "failed" | "cancelled";
  done: number;
  failed: number;
  reason: string | null;
  /** What a dry run found would change. For any other run its receipts say what was written, also where an answer got lost. */
  found: RunTotals | null;
}

/**
 * Ends a run's record and returns what it wrote. A run whose failed slices were all loaded since is recovered, not failed; one that
 * never started some of its days is not.
 */
export async function closeRun(database: Queryable, run: CloseRun): Promise<RunTotals> {
  const { rows } = await database.query<RunTotals>(
    `with written as (
       select coalesce(sum(inserted), 0) as inserted, coalesce(sum(updated), 0) as updated,
              coalesce(sum(unchanged), 0) as unchanged, coalesce(sum(withdrawn), 0) as withdrawn
         from ops.receipts where run_id = $1
     )
     update ops.runs r
        set finished_at = now(), outcome = $2, slices_done = $3, slices_failed = $4, reason = $5,
            inserted = coalesce($6::bigint, w.inserted), updated = coalesce($7::bigint, w.updated),
            unchanged = coalesce($8::bigint, w.unchanged), withdrawn = coalesce($9::bigint, w.withdrawn)
       from written w
      where r.run_id = $1
     returning r.inserted, r.updated, r.unchanged, r.withdrawn`,
    [
      ...[run.runId, run.outcome, run.done, run.failed, run.reason],
      ...[run.found?.inserted, run.found?.updated, run.found?.unchanged, run.found?.withdrawn],
    ],
  );
  // In a statement of its own: the first may have waited for a slice that was recovering, and still sees it failed.
  await database.query(
    `update ops.runs r set outcome = 'recovered'
      where run_id = $1 and outcome = 'failed' and slices_failed > 0 and slices_done + slices_failed >= slices_planned
        and exists (select from ops.run_failures f where f.run_id = r.run_id)
        and not exists (select from ops.run_failures f where f.run_id = r.run_id and f.recovered_at is null)`,
    [run.runId],
  );
  return rows[0] ?? { inserted: 0, updated: 0, unchanged: 0, withdrawn: 0 };
}

export interface RunRow extends RunTotals {
  runId: string;
  client: string;
  source: string;
  kind: RunKind;
  workflowId: string;
  scheduledFor: Date | null;
  startedAt: Date;
  finishedAt: Date | null;
  outcome: string;
  from: string | null;
  to: string | null;
  planned: number;
  done: number;
  failed: number;
  reason: string | null;
}

export async function readRuns(
  database: Queryable,
  filter: { client?: string | undefined; source?: string | undefined; limit: number; before?: Date | undefined },
): Promise<RunRow[]> {
  const { rows } = await database.query<RunRow>(
    `select run_id as "runId", _client_id as client, source, kind, workflow_id as "workflowId", scheduled_for as "scheduledFor",
            started_at as "startedAt", finished_at as "finishedAt", outcome, day_from as "from", day_to as "to",
            slices_planned as planned, slices_done as done, slices_failed as failed, inserted, updated, unchanged, withdrawn, reason
       from ops.runs
      where ($1::text is null or _client_id = $1) and ($2::text is null or source = $2) and ($3::timestamptz is null or started_at < $3)
      order by started_at desc limit $4`,
    [filter.client ?? null, filter.source ?? null, filter.before ?? null, filter.limit],
  );
  return rows;
}

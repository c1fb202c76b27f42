import { inTransaction, type Database, type Queryable } from "../schema/database.ts";

export interface PendingReport {
  client: string;
  reportId: string;
}

/**
 * Reports that nobody seems to work at: never started, or left by a workflow that is gone. One that is worked at after
 * all is found out by its workflow's id.
 */
export async function findPendingReports(
  database: Queryable,
  { limit, quietMs }: { limit: number; quietMs: number },
): Promise<PendingReport[]> {
  const { rows } = await database.query<PendingReport>(
    `select _client_id as client, report_id::text as "reportId" from recon.report_state
      where state in ('PENDING', 'WAITING') and updated_at < now() - $2 * interval '1 millisecond'
        and (next_try_at is null or next_try_at < now() - interval '5 minutes')
      order by updated_at limit $1`,
    [limit, quietMs],
  );
  return rows;
}

export type RunScope = "report" | "post" | "affiliate" | "campaign";

export interface RunRequest {
  client: string;
  runId: string;
  scope: RunScope;
  scopeId: string;
  requestedBy: string;
  /** Every report of the scope, not only each post's latest. */
  all: boolean;
}

export interface PlannedReport {
  reportId: string;
  attempt: number;
}

const scopeColumns: Record<RunScope, string> = {
  report: "report_id",
  post: "post_id",
  affiliate: "affiliate_id",
  campaign: "campaign_id",
};

/**
 * Opens a manual run: reports that have a verdict, or were stopped, are given their next attempt; those under way are
 * left to it. Asking again for the same run gives the same plan. Null when there is nothing of that name.
 */
export async function planRun(database: Database, run: RunRequest): Promise<PlannedReport[] | null> {
  const { client, runId, scope, scopeId, requestedBy, all } = run;
  return inTransaction(database, async (session) => {
    const planned = async () => {
      const { rows } = await session.query<PlannedReport>(
        `select report_id::text as "reportId", attempt from recon.run_reports where _client_id = $1 and run_id = $2 order by recon.run_reports.report_id`,
        [client, runId],
      );
      return rows;
    };
    const { rowCount } = await session.query(
      `insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned) values ($1, $2, $3, $4, $5, 0)
       on conflict on constraint runs_key do nothing`,
      [client, runId, scope, scopeId, requestedBy],
    );
    if (rowCount === 0) return planned();
    const { rows } = await session.query<{ reportId: string }>(
      `select report_id::text as "reportId" from recon.report_state s
        where _client_id = $1 and ${scopeColumns[scope]} = $2
          and ($3 or not exists (select from recon.report_state n where n._client_id = s._client_id and n.post_id = s.post_id and n.report_id > s.report_id))
        order by s.report_id for update`,
      [client, scopeId, all || scope === "report"],
    );
    if (rows.length === 0) {
      await session.query("delete from recon.runs where _client_id = $1 and run_id = $2", [client, runId]);
      return null;
    }
    await session.query(
      `with again as (
         update recon.report_state s
            set attempt = s.attempt + case when exists (select from recon.reconciliation_logs l where l._client_id = s._client_id and l.report_id = s.report_id and l.attempt = s.attempt) then 1 else 0 end,
                state = 'PENDING', detail = null, next_try_at = null, tries = 0, attempt_since = now(), requested_by = $3, updated_at = now()
          where _client_id = $1 and report_id = any($2) and state in ('RECONCILED', 'STOPPED')
         returning report_id, attempt
       )
       insert into recon.report_steps (_client_id, report_id, attempt, step, detail, workflow_id)
       select $1, report_id, attempt, 'rerun_requested', 'by ' || $4, $3 from again order by report_id`,
      [client, rows.map(({ reportId }) => reportId), runId, requestedBy],
    );
    await session.query(
      `insert into recon.run_reports (_client_id, run_id, report_id, attempt)
       select _client_id, $3, report_id, attempt from recon.report_state where _client_id = $1 and report_id = any($2)`,
      [client, rows.map(({ reportId }) => reportId), runId],
    );
    await session.query("update recon.runs set planned = $3 where _client_id = $1 and run_id = $2", [
      client,
      runId,
      rows.length,
    ]);
    return planned();
  });
}

/** Closes a run, with what did not come of it by report. */
export async function closeReconRun(
  database: Queryable,
  run: {
    client: string;
    runId: string;
    outcome: "completed" | "failed" | "cancelled";
    reason: string | null;
    failures: { reportId: string; reason: string }[];
  },
): Promise<void> {
  await database.query(
    `with failed as (
       update recon.run_reports r set failure = f.reason from unnest($5::bigint[], $6::text[]) f(report_id, reason)
        where r._client_id = $1 and r.run_id = $2 and r.report_id = f.report_id
     )
     update recon.runs set finished_at = now(), outcome = $3, reason = $4 where _client_id = $1 and run_id = $2 and finished_at is null`,
    [
      run.client,
      run.runId,
      run.outcome,
      run.reason,
      run.failures.map(({ reportId }) => reportId),
      run.failures.map(({ reason }) => reason),
    ],
  );
}

import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";

export interface PendingReport {
  client: string;
  reportId: string;
}

/**
 * Reports that are not being processed: never started, or left by a workflow that has ended. One that is under way after
 * all is found out by its workflow's id; one of a manual run is that run's to start, for a day.
 */
export async function findPendingReports(
  database: Queryable,
  { limit, quietMs }: { limit: number; quietMs: number },
): Promise<PendingReport[]> {
  const { rows } = await database.query<PendingReport>(
    // Marked as looked at, so that those whose platform is paused do not keep the others from being found.
    // One whose workflow said that it is at it is looked at again after a while, as workflows can be terminated.
    `update recon.report_state found set updated_at = now(), under_way_at = case when found.under_way_at is not null then now() end
       from (select _client_id, report_id from recon.report_state s
              where state in ('PENDING', 'WAITING') and updated_at < now() - $2 * interval '1 millisecond'
                and (next_try_at is null or next_try_at < now() - interval '5 minutes')
                and (under_way_at is null or under_way_at < now() - interval '15 minutes')
                and not exists (select from recon.runs r where r._client_id = s._client_id and r.run_id = s.requested_by
                                   and r.finished_at is null and r.started_at > now() - interval '1 day')
              order by updated_at limit $1 for update skip locked) open
      where found._client_id = open._client_id and found.report_id = open.report_id
     returning found._client_id as client, found.report_id::text as "reportId"`,
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
 * Stores what a run is asked for, before it starts: of several requests with the same id the first one's counts.
 * False when the id stands for another run.
 */
export async function openRun(
  database: Queryable,
  { client, runId, scope, scopeId, requestedBy, all }: RunRequest,
): Promise<boolean> {
  await database.query(
    `insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned, latest_only) values ($1, $2, $3, $4, $5, 0, $6)
     on conflict on constraint runs_key do nothing`,
    [client, runId, scope, scopeId, requestedBy, !all],
  );
  const { rows } = await database.query<{ isSame: boolean }>(
    `select scope = $3 and scope_id = $4 and coalesce(latest_only = $5, true) as "isSame" from recon.runs where _client_id = $1 and run_id = $2`,
    [client, runId, scope, scopeId, !all],
  );
  return rows[0]?.isSame ?? false;
}

/** It could not be started: the id is free again. */
export async function dropUnplannedRun(
  database: Queryable,
  { client, runId }: { client: string; runId: string },
): Promise<void> {
  await database.query(
    "delete from recon.runs where _client_id = $1 and run_id = $2 and planned = 0 and finished_at is null",
    [client, runId],
  );
}

/**
 * Opens a manual run: reports that have a verdict, or were stopped, are given their next attempt; those under way are
 * left to it. Asking again for the same run plans nothing more. How many reports it has, or null when there is nothing
 * of that name.
 */
export async function planRun(database: Database, run: RunRequest): Promise<number | null> {
  const { client, runId, scope, scopeId, requestedBy, all } = run;
  return inTransaction(database, async (session) => {
    const { rows: opened } = await session.query<{ planned: number }>(
      `insert into recon.runs as r (_client_id, run_id, scope, scope_id, requested_by, planned, latest_only) values ($1, $2, $3, $4, $5, 0, $6)
       on conflict on constraint runs_key do update set run_id = r.run_id returning planned`,
      [client, runId, scope, scopeId, requestedBy, !all],
    );
    const earlier = opened[0]?.planned ?? 0;
    if (earlier > 0) return earlier;
    // Locked in order, as two runs may want the same reports.
    const { rowCount: planned } = await session.query(
      `insert into recon.run_reports (_client_id, run_id, report_id, attempt)
       select _client_id, $3, report_id, attempt from (
         select _client_id, report_id, attempt from recon.report_state s
          where _client_id = $1 and ${scopeColumns[scope]} = $2
            and ($4 or not exists (select from recon.report_state n where n._client_id = s._client_id and n.post_id = s.post_id and n.report_id > s.report_id))
          order by s.report_id for update) wanted`,
      [client, scopeId, runId, all || scope === "report"],
    );
    if (planned === null || planned === 0) {
      await session.query("delete from recon.runs where _client_id = $1 and run_id = $2", [client, runId]);
      return null;
    }
    await session.query(
      `with again as (
         update recon.report_state s
            set attempt = s.attempt + (s.log_id is not null and l.attempt is not distinct from s.attempt)::int,
                state = 'PENDING', detail = null, next_try_at = null, tries = 0, attempt_since = now(), requested_by = $2, under_way_at = null, updated_at = now()
           from recon.run_reports u
           join recon.report_state o on o._client_id = u._client_id and o.report_id = u.report_id
           left join recon.reconciliation_logs l on l._client_id = o._client_id and l.log_id = o.log_id
          where u._client_id = $1 and u.run_id = $2 and s._client_id = u._client_id and s.report_id = u.report_id and s.state in ('RECONCILED', 'STOPPED')
         returning s.report_id, s.attempt
       ), noted as (
         insert into recon.report_steps (_client_id, report_id, attempt, step, detail, workflow_id)
         select $1, report_id, attempt, 'rerun_requested', 'by ' || $3, $2 from again order by report_id
       )
       update recon.run_reports u set attempt = again.attempt from again where u._client_id = $1 and u.run_id = $2 and u.report_id = again.report_id`,
      [client, runId, requestedBy],
    );
    await session.query("update recon.runs set planned = $3 where _client_id = $1 and run_id = $2", [
      client,
      runId,
      planned,
    ]);
    return planned;
  });
}

/** The reports of a run that come after this one. */
export async function readRunPage(
  database: Queryable,
  { client, runId, after, limit }: { client: string; runId: string; after: string | null; limit: number },
): Promise<PlannedReport[]> {
  const { rows } = await database.query<PlannedReport>(
    `select report_id::text as "reportId", attempt from recon.run_reports u
      where _client_id = $1 and run_id = $2 and report_id > coalesce($3::bigint, 0) order by u.report_id limit $4`,
    [client, runId, after, limit],
  );
  return rows;
}

/** A token that no verdict can use any more is no token to keep. */
export async function deleteExpiredInteractions(database: Queryable): Promise<void> {
  await database.query("delete from recon.discord_interactions where expires_at <= now()");
}

export interface RunFailure {
  reportId: string;
  reason: string;
}

export async function noteRunFailures(
  database: Queryable,
  { client, runId, failures }: { client: string; runId: string; failures: RunFailure[] },
): Promise<void> {
  await database.query(
    `update recon.run_reports r set failure = left(f.reason, 500) from unnest($3::bigint[], $4::text[]) f(report_id, reason)
      where r._client_id = $1 and r.run_id = $2 and r.report_id = f.report_id`,
    [client, runId, failures.map(({ reportId }) => reportId), failures.map(({ reason }) => reason)],
  );
}

/** Closes a run. Of one that was cancelled, reports that were not started are stopped: else a sweep would start them. */
export async function closeReconRun(
  database: Queryable,
  run: {
    client: string;
    runId: string;
    outcome: "completed" | "failed" | "cancelled";
    reason: string | null;
    after: string | null;
  },
): Promise<void> {
  await database.query(
    `with stopped as (
       update recon.report_state s set state = 'STOPPED', detail = 'its manual run was cancelled', updated_at = now()
         from recon.run_reports u
        where $3 = 'cancelled' and u._client_id = $1 and u.run_id = $2 and u.report_id > coalesce($5::bigint, 0)
          and s._client_id = u._client_id and s.report_id = u.report_id and s.state = 'PENDING' and s.requested_by = $2
     )
     update recon.runs set finished_at = now(), outcome = $3, reason = left($4, 1000) where _client_id = $1 and run_id = $2 and finished_at is null`,
    [run.client, run.runId, run.outcome, run.reason, run.after],
  );
}

import type { Queryable } from "../../schema/database.ts";
import { attemptDetails, attemptJoins, type AttemptRow } from "./reports.ts";

export interface RunRow {
  runId: string;
  scope: string;
  scopeId: string;
  requestedBy: string;
  startedAt: Date;
  finishedAt: Date | null;
  planned: number;
  outcome: string;
  reason: string | null;
}

const runColumns = `run_id as "runId", scope, scope_id as "scopeId", requested_by as "requestedBy", started_at as "startedAt",
  finished_at as "finishedAt", planned, outcome, reason`;

/** A manual run. */
export async function findReconciliationRun(
  database: Queryable,
  { client, runId }: { client: string; runId: string },
): Promise<RunRow | null> {
  const { rows } = await database.query<RunRow>(
    `select ${runColumns} from recon.runs where _client_id = $1 and run_id = $2`,
    [client, runId],
  );
  return rows[0] ?? null;
}

/** Manual runs, newest first. */
export async function listReconciliationRuns(
  database: Queryable,
  { client, before, limit }: { client: string; before: { startedAt: string; runId: string } | null; limit: number },
): Promise<(RunRow & { place: string })[]> {
  const { rows } = await database.query<RunRow & { place: string }>(
    `select ${runColumns}, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place from recon.runs
      where _client_id = $1 and ($2::timestamptz is null or (started_at, run_id) < ($2, $3))
      order by runs.started_at desc, runs.run_id desc limit $4`,
    [client, before?.startedAt ?? null, before?.runId ?? null, limit],
  );
  return rows;
}

export interface RunReportRow extends AttemptRow {
  reportId: string;
  affiliateId: string;
  state: string;
  detail: string | null;
  failure: string | null;
  trustBefore: string | null;
  trustAfter: string | null;
}

/**
 * Trust as the logs up to one of them give it, and what people had settled by then: what a verdict did to it, whenever it
 * is looked at. Who claimed a post first is as it is known now.
 */
const trustUpTo = (comparison: "<" | "<=") => `(
  select coalesce(round(count(*) filter (where post.is_accurate)::numeric / nullif(count(*), 0), 2), 1.00)::text
    from (select bool_and(earlier.is_accurate) as is_accurate
            from (select distinct on (e.report_id) e.report_id, coalesce(d.counts_for_trust, e.counts_for_trust) as counts_for_trust,
                         coalesce(d.is_accurate, e.is_accurate) as is_accurate
                    from recon.reconciliation_logs e
                    left join lateral (select b.counts_for_trust, b.is_accurate from recon.settlements b
                                        where b._client_id = e._client_id and b.report_id = e.report_id and b.settled_at <= l.processed_at
                                        order by b.settled_at desc, b.dispute_id desc limit 1) d on true
                   where e._client_id = l._client_id and e.affiliate_id = l.affiliate_id and e.log_id ${comparison} l.log_id
                   order by e.report_id, e.attempt desc) earlier
            join recon.report_state es on es._client_id = l._client_id and es.report_id = earlier.report_id
            join recon.posts ep on ep._client_id = l._client_id and ep.post_id = es.post_id
           where earlier.counts_for_trust group by ep.platform, ep.post_key
          having not bool_and(earlier.is_accurate) or not exists (
                 select from recon.post_totals o
                  where o._client_id = l._client_id and o.platform = ep.platform and o.post_key = ep.post_key and o.affiliate_id <> l.affiliate_id and o.counts_for_trust
                  group by o.affiliate_id having bool_and(o.is_accurate) and min(o.first_report_id) < min(earlier.report_id))) post)`;

/** The reports of a run, each with the verdict of its own attempt, what it stood on and what it did to trust. */
export async function listRunReports(
  database: Queryable,
  { client, runId, afterId, limit }: { client: string; runId: string; afterId: string | null; limit: number },
): Promise<RunReportRow[]> {
  const { rows } = await database.query<RunReportRow>(
    `select u.report_id::text as "reportId", u.attempt, u.failure, s.affiliate_id::text as "affiliateId", s.state, s.detail, ${attemptDetails},
            case when l.log_id is not null then ${trustUpTo("<")} end as "trustBefore", case when l.log_id is not null then ${trustUpTo("<=")} end as "trustAfter"
       from recon.run_reports u
       join recon.report_state s on s._client_id = u._client_id and s.report_id = u.report_id
       left join recon.reconciliation_logs l on l._client_id = u._client_id and l.report_id = u.report_id and l.attempt = u.attempt
       ${attemptJoins}
      where u._client_id = $1 and u.run_id = $2 and u.report_id > coalesce($3::bigint, 0)
      order by u.report_id limit $4`,
    [client, runId, afterId, limit],
  );
  return rows;
}

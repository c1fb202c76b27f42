import type { Queryable } from "../../schema/database.ts";

/** Whose rows may be read: all of a client for its staff, those of an advertiser's campaigns, or an affiliate's own. */
export interface ReportScope {
  client: string;
  affiliateId: string | null;
  advertiserId: string | null;
}

export interface ReportFilter {
  reportId?: string | undefined;
  affiliateId?: string | undefined;
  campaignId?: string | undefined;
  postId?: string | undefined;
  platform?: string | undefined;
  state?: string | undefined;
  verdict?: string | undefined;
  level?: string | undefined;
  disputed?: boolean | undefined;
  /** Whether it has a verdict. */
  judged?: boolean | undefined;
  /** Whether something is still to come by itself. */
  open?: boolean | undefined;
}

export interface ReportRow {
  reportId: string;
  postId: string;
  campaignId: string;
  affiliateId: string;
  platform: string;
  url: string;
  method: string;
  submittedAt: Date;
  claimedViews: number;
  claimedClicks: number;
  claimedConversions: number;
  state: string;
  detail: string | null;
  nextTryAt: Date | null;
  attempt: number;
  logId: string | null;
  verdict: string | null;
  level: string | null;
  reason: string | null;
  worstMetric: string | null;
  countsForTrust: boolean | null;
  isAccurate: boolean | null;
  verifiedViews: number | null;
  verifiedClicks: number | null;
  verifiedConversions: number | null;
  viewsDiscrepancy: number | null;
  clicksDiscrepancy: number | null;
  conversionsDiscrepancy: number | null;
  viewsDiffPct: string | null;
  clicksDiffPct: string | null;
  conversionsDiffPct: string | null;
  processedAt: Date | null;
  disputeId: string | null;
  disputeReason: string | null;
  disputedAt: Date | null;
  disputeOutcome: string | null;
  settledAt: Date | null;
  disputeNotes: string | null;
}

const comparisonColumns = `l.log_id::text as "logId", l.verdict, l.level, l.reason, l.worst_metric as "worstMetric", l.counts_for_trust as "countsForTrust",
  l.is_accurate as "isAccurate", l.verified_views as "verifiedViews", l.verified_clicks as "verifiedClicks",
  l.verified_conversions as "verifiedConversions", l.views_discrepancy as "viewsDiscrepancy", l.clicks_discrepancy as "clicksDiscrepancy",
  l.conversions_discrepancy as "conversionsDiscrepancy", l.views_diff_pct as "viewsDiffPct", l.clicks_diff_pct as "clicksDiffPct",
  l.conversions_diff_pct as "conversionsDiffPct", l.processed_at as "processedAt"`;

const attemptJoins = `left join recon.platform_reports q on q._client_id = l._client_id and q.platform_report_id = l.platform_report_id`;
const attemptDetails = `${comparisonColumns}, l.claimed_views as "claimedViews", l.claimed_clicks as "claimedClicks",
  l.claimed_conversions as "claimedConversions", l.workflow_id as "workflowId", q.platform_report_id::text as "platformReportId",
  q.views, q.clicks, q.conversions, q.spend, q.currency, q.hints, q.raw_data as "rawData", q.fetched_at as "fetchedAt"`;

const reportColumns = `s.report_id::text as "reportId", s.post_id::text as "postId", s.campaign_id::text as "campaignId",
  s.affiliate_id::text as "affiliateId", s.platform, p.url, r.submission_method as method, r.submitted_at as "submittedAt",
  r.claimed_views as "claimedViews", r.claimed_clicks as "claimedClicks", r.claimed_conversions as "claimedConversions",
  s.state, s.detail, s.next_try_at as "nextTryAt", s.attempt, ${comparisonColumns},
  d.dispute_id::text as "disputeId", d.reason as "disputeReason", d.opened_at as "disputedAt", d.outcome as "disputeOutcome",
  d.settled_at as "settledAt", d.notes as "disputeNotes"`;

/** A report with what it is about, how far it is, its latest verdict and what the affiliate said to that. */
const reportTables = `recon.report_state s
  join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
  join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
  left join recon.reconciliation_logs l on l._client_id = s._client_id and l.log_id = s.log_id
  left join recon.disputes d on d._client_id = s._client_id and d.log_id = s.log_id`;

const inScope = `s._client_id = $1 and ($2::bigint is null or s.affiliate_id = $2)
  and ($3::text is null or exists (select from recon.campaigns c
        where c._client_id = s._client_id and c.campaign_id = s.campaign_id and c.advertiser_id = $3))`;

/** Newest first. */
export async function listReports(
  database: Queryable,
  {
    scope,
    filter,
    beforeId,
    limit,
  }: { scope: ReportScope; filter: ReportFilter; beforeId: string | null; limit: number },
): Promise<ReportRow[]> {
  const { rows } = await database.query<ReportRow>(
    `select ${reportColumns} from ${reportTables}
      where ${inScope} and ($4::bigint is null or s.affiliate_id = $4) and ($5::bigint is null or s.campaign_id = $5)
        and ($6::bigint is null or s.post_id = $6) and ($7::text is null or s.platform = $7) and ($8::text is null or s.state = $8)
        and ($9::text is null or s.verdict = $9) and ($10::text is null or s.level = $10)
        and ($11::boolean is null or (d.dispute_id is not null and d.outcome is null) = $11)
        and ($12::boolean is null or (s.verdict is not null) = $12)
        and ($13::boolean is null or (s.state in ('PENDING', 'WAITING')) = $13)
        and ($14::bigint is null or s.report_id < $14) and ($15::bigint is null or s.report_id = $15)
      order by s.report_id desc limit $16`,
    [
      scope.client,
      scope.affiliateId,
      scope.advertiserId,
      filter.affiliateId ?? null,
      filter.campaignId ?? null,
      filter.postId ?? null,
      filter.platform ?? null,
      filter.state ?? null,
      filter.verdict ?? null,
      filter.level ?? null,
      filter.disputed ?? null,
      filter.judged ?? null,
      filter.open ?? null,
      beforeId,
      filter.reportId ?? null,
      limit,
    ],
  );
  return rows;
}

export async function findReport(
  database: Queryable,
  { scope, reportId }: { scope: ReportScope; reportId: string },
): Promise<ReportRow | null> {
  const { rows } = await database.query<ReportRow>(
    `select ${reportColumns} from ${reportTables} where ${inScope} and s.report_id = $4`,
    [scope.client, scope.affiliateId, scope.advertiserId, reportId],
  );
  return rows[0] ?? null;
}

export interface AttemptRow {
  logId: string;
  attempt: number;
  verdict: string;
  level: string | null;
  reason: string;
  worstMetric: string | null;
  countsForTrust: boolean;
  isAccurate: boolean;
  claimedViews: number;
  claimedClicks: number;
  claimedConversions: number;
  verifiedViews: number | null;
  verifiedClicks: number | null;
  verifiedConversions: number | null;
  viewsDiscrepancy: number | null;
  clicksDiscrepancy: number | null;
  conversionsDiscrepancy: number | null;
  viewsDiffPct: string | null;
  clicksDiffPct: string | null;
  conversionsDiffPct: string | null;
  processedAt: Date;
  workflowId: string;
  platformReportId: string | null;
  views: number | null;
  clicks: number | null;
  conversions: number | null;
  spend: string | null;
  currency: string | null;
  hints: Record<string, number> | null;
  rawData: unknown;
  fetchedAt: Date | null;
}

/** Every verdict on a report, each with what the platform answered for it. */
export async function listAttempts(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<AttemptRow[]> {
  const { rows } = await database.query<AttemptRow>(
    `select l.attempt, ${attemptDetails} from recon.reconciliation_logs l ${attemptJoins}
      where l._client_id = $1 and l.report_id = $2 order by l.attempt`,
    [client, reportId],
  );
  return rows;
}

export interface StepRow {
  attempt: number;
  step: string;
  detail: string;
  workflowId: string | null;
  at: Date;
}

export async function listSteps(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<StepRow[]> {
  const { rows } = await database.query<StepRow>(
    `select attempt, step, detail, workflow_id as "workflowId", at from recon.report_steps
      where _client_id = $1 and report_id = $2 order by step_id`,
    [client, reportId],
  );
  return rows;
}

export interface VerdictCount {
  verdict: string | null;
  level: string | null;
  reports: number;
}

/** How an affiliate's reports were judged; without a verdict are those that wait for one. */
export async function countVerdictsOfAffiliate(
  database: Queryable,
  { client, affiliateId, advertiserId }: { client: string; affiliateId: string; advertiserId: string | null },
): Promise<VerdictCount[]> {
  const { rows } = await database.query<VerdictCount>(
    `select verdict, level, count(*) as reports from recon.report_state s
      where _client_id = $1 and affiliate_id = $2
        and ($3::text is null or campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $3))
      group by verdict, level order by verdict nulls last, level nulls first`,
    [client, affiliateId, advertiserId],
  );
  return rows;
}

export interface TrendDay {
  date: string;
  judged: number;
  counted: number;
  accurate: number;
}

/**
 * Latest verdicts by the day they were given, in UTC: what of them counts for trust, and how much of that was accurate.
 * By verdict and level alone, as trust has them: to look at each log would take ten times as long.
 */
export async function readTrend(
  database: Queryable,
  of: { client: string; affiliateId: string; advertiserId: string | null; days: number },
): Promise<TrendDay[]> {
  const { rows } = await database.query<TrendDay>(
    `select (s.reconciled_at at time zone 'UTC')::date as date, count(*) as judged,
            count(*) filter (where s.verdict in ('MATCHED', 'DISCREPANCY') or d.outcome = 'affiliate') as counted,
            count(*) filter (where s.verdict = 'MATCHED' or s.level = 'LOW' or d.outcome = 'affiliate') as accurate
       from recon.report_state s
       left join recon.disputes d on d._client_id = s._client_id and d.log_id = s.log_id and d.affiliate_id = $2 and d._client_id = $1
      where s._client_id = $1 and s.affiliate_id = $2 and s.reconciled_at > now() - make_interval(days => $4)
        and ($3::text is null or s.campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $3))
      group by 1 order by 1`,
    [of.client, of.affiliateId, of.advertiserId, of.days],
  );
  return rows;
}

/** Whether an advertiser may know of an affiliate: it posted for one of its campaigns. */
export async function worksForAdvertiser(
  database: Queryable,
  { client, affiliateId, advertiserId }: { client: string; affiliateId: string; advertiserId: string },
): Promise<boolean> {
  const { rows } = await database.query<{ works: boolean }>(
    `select exists (select from recon.posts p join recon.campaigns c on c._client_id = p._client_id and c.campaign_id = p.campaign_id
      where p._client_id = $1 and p.affiliate_id = $2 and c.advertiser_id = $3) as works`,
    [client, affiliateId, advertiserId],
  );
  return rows[0]?.works ?? false;
}

export interface PostRow {
  postId: string;
  campaignId: string;
  affiliateId: string;
  platform: string;
  url: string;
  reports: number;
  claimedViews: number;
  claimedClicks: number;
  claimedConversions: number;
  verifiedViews: number | null;
  verifiedClicks: number | null;
  verifiedConversions: number | null;
  spend: string | null;
  currency: string | null;
  verifiedAt: Date | null;
  verdict: string | null;
  level: string | null;
}

/** Posts with their latest claim beside the platform's latest numbers: the rows that a dashboard's totals add up. */
export async function listPosts(
  database: Queryable,
  {
    scope,
    filter,
    afterId,
    limit,
  }: {
    scope: ReportScope;
    filter: Pick<ReportFilter, "affiliateId" | "campaignId" | "platform" | "verdict" | "level"> & {
      currency?: string | undefined;
    };
    afterId: string | null;
    limit: number;
  },
): Promise<PostRow[]> {
  const { rows } = await database.query<PostRow>(
    `select s.post_id::text as "postId", s.campaign_id::text as "campaignId", s.affiliate_id::text as "affiliateId", s.platform, p.url, s.reports,
            s.claimed_views as "claimedViews", s.claimed_clicks as "claimedClicks", s.claimed_conversions as "claimedConversions",
            s.verified_views as "verifiedViews", s.verified_clicks as "verifiedClicks", s.verified_conversions as "verifiedConversions",
            s.spend, s.currency, s.verified_at as "verifiedAt", s.verdict, s.level
       from recon.post_totals s join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
      where ${inScope} and ($4::bigint is null or s.affiliate_id = $4) and ($5::bigint is null or s.campaign_id = $5)
        and ($6::text is null or s.platform = $6) and ($7::text is null or s.verdict = $7) and ($8::text is null or s.level = $8)
        and ($9::text is null or (s.spend is not null and s.currency = $9)) and s.post_id > coalesce($10::bigint, 0)
      order by s.post_id limit $11`,
    [
      scope.client,
      scope.affiliateId,
      scope.advertiserId,
      filter.affiliateId ?? null,
      filter.campaignId ?? null,
      filter.platform ?? null,
      filter.verdict ?? null,
      filter.level ?? null,
      filter.currency ?? null,
      afterId,
      limit,
    ],
  );
  return rows;
}

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

/** Trust as the logs up to one of them give it, each post once and disputes left aside: what a verdict did to it, whenever it is looked at. */
const trustUpTo = (comparison: "<" | "<=") => `(
  select coalesce(round(count(*) filter (where post.is_accurate)::numeric / nullif(count(*), 0), 2), 1.00)::text
    from (select bool_and(earlier.is_accurate) as is_accurate
            from (select distinct on (report_id) report_id, counts_for_trust, is_accurate from recon.reconciliation_logs e
                   where e._client_id = l._client_id and e.affiliate_id = l.affiliate_id and e.log_id ${comparison} l.log_id
                   order by report_id, attempt desc) earlier
            join recon.report_state es on es._client_id = l._client_id and es.report_id = earlier.report_id
            join recon.posts ep on ep._client_id = l._client_id and ep.post_id = es.post_id
           where earlier.counts_for_trust group by ep.platform, ep.url) post)`;

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

import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

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

interface Claimed {
  claimedViews: number;
  claimedClicks: number;
  claimedConversions: number;
}

/** A claim beside what the platform said. */
interface Comparison {
  logId: string;
  verdict: string;
  level: string | null;
  reason: string;
  worstMetric: string | null;
  countsForTrust: boolean;
  isAccurate: boolean;
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
  /** Whose answer the verdict goes by. */
  origin: StoredOrigin;
}

type BeforeVerdict<Row> = { [Name in keyof Row]: Row[Name] | null };

export interface ReportRow extends Claimed, BeforeVerdict<Comparison> {
  reportId: string;
  postId: string;
  campaignId: string;
  campaignName: string;
  affiliateId: string;
  affiliateName: string;
  platform: string;
  url: string;
  method: string;
  submittedAt: Date;
  /** Whether its affiliate exists. */
  claimOrigin: StoredOrigin;
  state: string;
  detail: string | null;
  nextTryAt: Date | null;
  attempt: number;
  /** What it comes to for trust, in a word; null before there is a verdict. */
  trust: string | null;
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
  l.conversions_diff_pct as "conversionsDiffPct", l.processed_at as "processedAt", l.origin`;

export const attemptJoins = `left join recon.platform_reports q on q._client_id = l._client_id and q.platform_report_id = l.platform_report_id`;
export const attemptDetails = `${comparisonColumns}, l.claimed_views as "claimedViews", l.claimed_clicks as "claimedClicks",
  l.claimed_conversions as "claimedConversions", l.workflow_id as "workflowId", q.platform_report_id::text as "platformReportId",
  q.views, q.clicks, q.conversions, q.spend, q.currency, q.hints, q.raw_data as "rawData", q.fetched_at as "fetchedAt"`;

const reportColumns = `s.report_id::text as "reportId", s.post_id::text as "postId", s.campaign_id::text as "campaignId",
  c.name as "campaignName", s.affiliate_id::text as "affiliateId", a.name as "affiliateName", s.platform, p.url, r.submission_method as method, r.submitted_at as "submittedAt",
  r.origin as "claimOrigin", r.claimed_views as "claimedViews", r.claimed_clicks as "claimedClicks", r.claimed_conversions as "claimedConversions",
  s.state, s.detail, s.next_try_at as "nextTryAt", s.attempt, ${comparisonColumns},
  (select v.trust from recon.counted_verdicts v where v._client_id = s._client_id and v.report_id = s.report_id) as trust,
  d.dispute_id::text as "disputeId", d.reason as "disputeReason", d.opened_at as "disputedAt", d.outcome as "disputeOutcome",
  d.settled_at as "settledAt", d.notes as "disputeNotes"`;

/**
 * A report with what it is about, how far it is, its latest verdict and what the affiliate said to that. Campaigns and affiliates
 * are always there; joined so, they are looked up for each report and never gone through beside all reports.
 */
const reportTables = `recon.report_state s
  join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
  join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
  left join recon.campaigns c on c._client_id = s._client_id and c.campaign_id = s.campaign_id
  left join recon.affiliates a on a._client_id = s._client_id and a.affiliate_id = s.affiliate_id
  left join recon.reconciliation_logs l on l._client_id = s._client_id and l.log_id = s.log_id
  left join recon.disputes d on d._client_id = s._client_id and d.dispute_id = s.dispute_id`;

/** What its lists are filtered and put in order by. */
const listTables = `recon.report_state s
  join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
  left join recon.disputes d on d._client_id = s._client_id and d.dispute_id = s.dispute_id`;

export const inScope = `s._client_id = :client and (:ownAffiliate::bigint is null or s.affiliate_id = :ownAffiliate)
  and (:advertiser::text is null or exists (select from recon.campaigns o
        where o._client_id = s._client_id and o.campaign_id = s.campaign_id and o.advertiser_id = :advertiser))`;

/** The values that the scope's conditions name. */
export const scopeValues = ({ client, affiliateId, advertiserId }: ReportScope) => ({
  client,
  ownAffiliate: affiliateId,
  advertiser: advertiserId,
});

/** What reports and posts are both filtered by. */
export const matches = `(:affiliate::bigint is null or s.affiliate_id = :affiliate) and (:campaign::bigint is null or s.campaign_id = :campaign)
        and (:platform::text is null or s.platform = :platform) and (:verdict::text is null or s.verdict = :verdict)
        and (:level::text is null or s.level = :level)`;

/** The values that those conditions name. */
export const matchValues = (filter: ReportFilter) => ({
  affiliate: filter.affiliateId ?? null,
  campaign: filter.campaignId ?? null,
  platform: filter.platform ?? null,
  verdict: filter.verdict ?? null,
  level: filter.level ?? null,
});

const inList = `${inScope} and ${matches}
        and (:post::bigint is null or s.post_id = :post) and (:state::text is null or s.state = :state)
        and (:disputed::boolean is null or (d.dispute_id is not null and d.outcome is null) = :disputed)
        and (:judged::boolean is null or (s.verdict is not null) = :judged)
        and (:open::boolean is null or (s.state in ('PENDING', 'WAITING')) = :open)
        and (:report::bigint is null or s.report_id = :report)`;

const listValues = (scope: ReportScope, filter: ReportFilter) => ({
  ...scopeValues(scope),
  ...matchValues(filter),
  post: filter.postId ?? null,
  state: filter.state ?? null,
  disputed: filter.disputed ?? null,
  judged: filter.judged ?? null,
  open: filter.open ?? null,
  report: filter.reportId ?? null,
});

/** As they were submitted, or by what is claimed. */
export const reportOrders = {
  by: {
    submittedAt: [{ sql: "s.report_id", type: "whole" }],
    "claimed.views": [
      { sql: "r.claimed_views", type: "whole" },
      { sql: "r.report_id", type: "whole" },
    ],
    "claimed.clicks": [
      { sql: "r.claimed_clicks", type: "whole" },
      { sql: "r.report_id", type: "whole" },
    ],
  },
  then: [],
  usual: "-submittedAt",
} satisfies Orders;

export function listReports(
  database: Queryable,
  { scope, filter, order, limit }: { scope: ReportScope; filter: ReportFilter; order?: Order; limit: number },
): Promise<Placed<ReportRow>[]> {
  return readOrdered<ReportRow>(database, {
    ...{ columns: reportColumns, from: reportTables, where: inList, values: listValues(scope, filter) },
    page: { from: listTables, client: "s._client_id", id: "s.report_id" },
    ...{ orders: reportOrders, order, limit },
  });
}

export interface ReportTotals {
  claims: number;
  posts: number;
  matched: number;
  tooHigh: number;
  /** Of those that are too high. */
  farTooHigh: number;
  waiting: number;
  openDisputes: number;
}

/** All that the filters of the list leave. */
export async function countReports(
  database: Queryable,
  { scope, filter }: { scope: ReportScope; filter: ReportFilter },
): Promise<ReportTotals> {
  const { text, values } = named(
    `select count(*)::int as claims, count(distinct s.post_id)::int as posts, count(*) filter (where s.verdict = 'MATCHED')::int as matched,
            count(*) filter (where s.verdict = 'DISCREPANCY')::int as "tooHigh", count(*) filter (where s.level = 'HIGH')::int as "farTooHigh",
            count(*) filter (where s.state in ('PENDING', 'WAITING'))::int as waiting,
            count(*) filter (where d.dispute_id is not null and d.outcome is null)::int as "openDisputes"
       from recon.report_state s
       left join recon.disputes d on d._client_id = s._client_id and d.dispute_id = s.dispute_id
      where ${inList}`,
    listValues(scope, filter),
  );
  const { rows } = await database.query<ReportTotals>(text, values);
  const [row] = rows;
  if (row === undefined) throw new Error("a count has one row");
  return row;
}

export async function findReport(
  database: Queryable,
  { scope, reportId }: { scope: ReportScope; reportId: string },
): Promise<ReportRow | null> {
  const { text, values } = named(
    `select ${reportColumns} from ${reportTables} where ${inScope} and s.report_id = :report`,
    { ...scopeValues(scope), report: reportId },
  );
  const { rows } = await database.query<ReportRow>(text, values);
  return rows[0] ?? null;
}

export interface AttemptRow extends Claimed, Comparison {
  attempt: number;
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
    `select verdict, level, sum(reports)::bigint as reports from recon.verdict_counts
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
 * Latest verdicts by the day they were given, in UTC, whole days: what of them counts for trust, and how much of that was
 * accurate. By verdict and level, as trust has them; of reports that a person settled, what the person said.
 */
export async function readTrend(
  database: Queryable,
  of: { client: string; affiliateId: string; advertiserId: string | null; days: number },
): Promise<TrendDay[]> {
  const counts = (s: string) => `(${s}.verdict in ('MATCHED', 'DISCREPANCY') and not ${s}.says_nothing)`;
  const isAccurate = (s: string) =>
    `((${s}.verdict = 'MATCHED' and not ${s}.says_nothing) or ${s}.level is not distinct from 'LOW')`;
  const { client, affiliateId, advertiserId, days } = of;
  // Of an advertiser's campaigns the reports are counted: the sums by day have no campaigns.
  const judged =
    advertiserId === null
      ? "recon.verdict_days"
      : "(select s.*, (s.reconciled_at at time zone 'UTC')::date as date, 1 as reports from recon.report_state s where s.verdict is not null)";
  const inCampaigns = (s: string) =>
    advertiserId === null
      ? "$4::text is null"
      : `${s}.campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $4)`;
  const { rows } = await database.query<TrendDay>(
    `with since as materialized (select ((now() - make_interval(days => $3)) at time zone 'UTC')::date as day), parts as (
       select v.date, v.reports as judged, case when ${counts("v")} then v.reports else 0 end as counted, case when ${isAccurate("v")} then v.reports else 0 end as accurate
         from ${judged} v
        where v._client_id = $1 and v.affiliate_id = $2 and v.date >= (select day from since) and ${inCampaigns("v")}
        union all
       select (s.reconciled_at at time zone 'UTC')::date, 0, d.counts_for_trust::int - ${counts("s")}::int, d.is_accurate::int - ${isAccurate("s")}::int
         from (select distinct on (report_id) report_id, counts_for_trust, is_accurate from recon.settlements
                where _client_id = $1 and affiliate_id = $2 order by report_id, settled_at desc, dispute_id desc) d
         join recon.report_state s on s._client_id = $1 and s.report_id = d.report_id
        where s.affiliate_id = $2 and (s.reconciled_at at time zone 'UTC')::date >= (select day from since) and ${inCampaigns("s")}
     )
     select date, sum(judged)::bigint as judged, sum(counted)::bigint as counted, sum(accurate)::bigint as accurate from parts group by date order by date`,
    [client, affiliateId, days, advertiserId],
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

import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** One platform and currency of a campaign: each post once, its latest claim beside the platform's latest numbers. */
export interface PlatformTotals {
  platform: string;
  currency: string | null;
  /** Null where nothing was spent, or the platform reports nothing. */
  spend: string | null;
  postsWithSpend: number;
  posts: number;
  reports: number;
  claimedViews: string;
  claimedClicks: string;
  claimedConversions: string;
  /** What was claimed for the posts whose number the platform reports: the part to compare with the verified sum. */
  comparableViews: string;
  comparableClicks: string;
  comparableConversions: string;
  verifiedViews: string | null;
  verifiedClicks: string | null;
  verifiedConversions: string | null;
}

export async function readCampaignTotals(
  database: Queryable,
  { client, campaignId }: { client: string; campaignId: string },
): Promise<PlatformTotals[]> {
  const metrics = ["views", "clicks", "conversions"].map((metric) => {
    const name = metric[0]?.toUpperCase() + metric.slice(1);
    return `sum(claimed_${metric})::text as "claimed${name}", sum(comparable_${metric})::text as "comparable${name}",
      case when sum(posts_with_${metric}) > 0 then sum(verified_${metric})::text end as "verified${name}"`;
  });
  const { rows } = await database.query<PlatformTotals>(
    `select platform, currency, sum(posts)::bigint as posts, sum(reports)::bigint as reports, case when sum(posts_with_spend) > 0 then sum(spend) end as spend,
            sum(posts_with_spend)::bigint as "postsWithSpend", ${metrics.join(", ")}
       from recon.post_sums where _client_id = $1 and campaign_id = $2
      group by platform, currency order by platform, currency`,
    [client, campaignId],
  );
  return rows;
}

/** Few or none, and found by an index of their own: no row of a real platform is looked at. */
const sandboxVerdicts = `from recon.reconciliation_logs l join recon.report_state s on s._client_id = l._client_id and s.report_id = l.report_id and s.log_id = l.log_id
  where l._client_id = $1 and l.origin = 'sandbox'`;

export interface VerdictCount {
  verdict: string | null;
  level: string | null;
  reports: number;
}

/** Latest verdicts of a campaign's reports; without one are those that wait. */
export async function countVerdictsOfCampaign(
  database: Queryable,
  { client, campaignId }: { client: string; campaignId: string },
): Promise<VerdictCount[]> {
  const { rows } = await database.query<VerdictCount>(
    `select verdict, level, sum(reports)::bigint as reports from recon.verdict_counts
      where _client_id = $1 and campaign_id = $2 group by verdict, level order by verdict nulls last, level nulls first`,
    [client, campaignId],
  );
  return rows;
}

/** How many of a campaign's latest verdicts go by what a mock platform made up. */
export async function countSandboxVerdicts(
  database: Queryable,
  { client, campaignId }: { client: string; campaignId: string },
): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count ${sandboxVerdicts} and s.campaign_id = $2`,
    [client, campaignId],
  );
  return rows[0]?.count ?? 0;
}

export interface AffiliateOverview {
  affiliateId: string;
  name: string;
  isActive: boolean;
  origin: StoredOrigin;
  trustScore: string;
  totalSubmissions: number;
  accurateSubmissions: number;
  reports: number;
  matched: number;
  low: number;
  medium: number;
  high: number;
  unverifiable: number;
  gone: number;
  waiting: number;
  /** Of those that were judged. */
  sandbox: number;
}

/** The least trusted first, or by name. */
export const overviewOrders = {
  by: {
    name: [{ sql: "lower(a.name)", type: "text" }],
    trust: [{ sql: "a.trust_score", type: "number" }],
  },
  then: [{ sql: "a.affiliate_id", type: "whole" }],
  usual: "trust",
} satisfies Orders;

type OverviewHead = Pick<
  AffiliateOverview,
  "affiliateId" | "name" | "isActive" | "origin" | "trustScore" | "totalSubmissions" | "accurateSubmissions"
>;

/** Affiliates with how their reports were judged: first who is on the page, then the counts of those. */
export async function readAffiliateOverview(
  database: Queryable,
  of: { client: string; advertiserId: string | null; order?: Order; limit: number },
): Promise<Placed<AffiliateOverview>[]> {
  const { client, advertiserId, order, limit } = of;
  const shown = await readOrdered<OverviewHead>(database, {
    columns: `a.affiliate_id::text as "affiliateId", a.name, a.is_active as "isActive", a.origin, a.trust_score as "trustScore",
            a.total_submissions as "totalSubmissions", a.accurate_submissions as "accurateSubmissions"`,
    from: "recon.affiliates a",
    where: `a._client_id = :client and (:advertiser::text is null or exists (
              select from recon.posts p join recon.campaigns c on c._client_id = p._client_id and c.campaign_id = p.campaign_id
               where p._client_id = a._client_id and p.affiliate_id = a.affiliate_id and c.advertiser_id = :advertiser))`,
    ...{ values: { client, advertiser: advertiserId }, orders: overviewOrders, order, limit },
  });
  const ids = shown.map(({ affiliateId }) => affiliateId);
  const { rows } = await database.query<Omit<AffiliateOverview, keyof OverviewHead> & { affiliateId: string }>(
    `select of_page.affiliate_id::text as "affiliateId", counts.*,
            (select count(*)::int ${sandboxVerdicts} and s.affiliate_id = of_page.affiliate_id
                and ($2::text is null or s.campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $2))) as sandbox
       from unnest($3::bigint[]) of_page(affiliate_id) cross join lateral (
         select coalesce(sum(n), 0)::int as reports, coalesce(sum(n) filter (where verdict = 'MATCHED'), 0)::int as matched,
                coalesce(sum(n) filter (where level = 'LOW'), 0)::int as low, coalesce(sum(n) filter (where level = 'MEDIUM'), 0)::int as medium,
                coalesce(sum(n) filter (where level = 'HIGH'), 0)::int as high,
                coalesce(sum(n) filter (where verdict = 'UNVERIFIABLE'), 0)::int as unverifiable,
                coalesce(sum(n) filter (where verdict in ('POST_DELETED', 'POST_UNKNOWN')), 0)::int as gone,
                coalesce(sum(n) filter (where verdict is null), 0)::int as waiting
           from (select verdict, level, sum(reports) as n from recon.verdict_counts s
                  where s._client_id = $1 and s.affiliate_id = of_page.affiliate_id
                    and ($2::text is null or s.campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $2))
                  group by verdict, level) judged
       ) counts`,
    [client, advertiserId, ids],
  );
  const counts = new Map(rows.map((row) => [row.affiliateId, row]));
  return shown.flatMap((row) => {
    const counted = counts.get(row.affiliateId);
    return counted === undefined ? [] : [{ ...counted, ...row }];
  });
}

export interface Attention {
  medium: number;
  high: number;
  openDisputes: number;
  waiting: number;
}

/** How much there is that a person should look at. */
export async function readAttention(
  database: Queryable,
  { client, advertiserId }: { client: string; advertiserId: string | null },
): Promise<Attention> {
  const ofAdvertiser = `($2::text is null or s.campaign_id in (select campaign_id from recon.campaigns c where c._client_id = $1 and c.advertiser_id = $2))`;
  const { rows } = await database.query<Attention>(
    `select (select count(*) from recon.report_state s where _client_id = $1 and level = 'MEDIUM' and ${ofAdvertiser}) as medium,
            (select count(*) from recon.report_state s where _client_id = $1 and level = 'HIGH' and ${ofAdvertiser}) as high,
            (select count(*) from recon.disputes d join recon.report_state s on s._client_id = d._client_id and s.report_id = d.report_id
              where d._client_id = $1 and d.outcome is null and ${ofAdvertiser}) as "openDisputes",
            (select count(*) from recon.report_state s where _client_id = $1 and state in ('PENDING', 'WAITING') and ${ofAdvertiser}) as waiting`,
    [client, advertiserId],
  );
  return rows[0] ?? { medium: 0, high: 0, openDisputes: 0, waiting: 0 };
}

export interface OpenAlerts {
  kind: string;
  severity: string;
  alerts: number;
}

export async function countReconAlerts(database: Queryable, { client }: { client: string }): Promise<OpenAlerts[]> {
  const { rows } = await database.query<OpenAlerts>(
    `select kind, severity, count(*) as alerts from ops.alerts
      where _client_id = $1 and area = 'recon' and resolved_at is null group by kind, severity order by kind, severity`,
    [client],
  );
  return rows;
}

import type { StoredOrigin } from "../../core/origin.ts";
import { conversionKeyOfOrder } from "../../rules/conversions/conversion-key.ts";
import type { JourneyState } from "../../rules/conversions/attribution.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export interface ConversionFilter {
  client: string;
  from: string;
  to: string;
  source?: string | undefined;
  campaign?: string | undefined;
  affiliate?: string | undefined;
  type?: string | undefined;
}

export interface ConversionRow {
  conversionKey: string;
  orderId: string | null;
  vendorId: string | null;
  assetId: string | null;
  type: string;
  eventName: string | null;
  eventTime: Date;
  date: string;
  revenue: string | null;
  currency: string | null;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  clickId: string | null;
  subIds: Record<string, string> | null;
  seenByWebhookAt: Date | null;
  seenByPullAt: Date | null;
  journey: JourneyState;
  origin: StoredOrigin;
}

const conversionColumns = `conversion_key as "conversionKey", order_id as "orderId", vendor_id as "vendorId", asset_id as "assetId", type, event_name as "eventName",
  event_time as "eventTime", date, revenue, currency, source, campaign_id as "campaignId", ad_id as "adId", affiliate_id as "affiliateId", click_id as "clickId",
  sub_ids as "subIds", seen_by_webhook_at as "seenByWebhookAt", seen_by_pull_at as "seenByPullAt",
  journey, origin`;

/** Which conversions a list and its totals are of; its values are `valuesOf`. */
const filtered = `c._client_id = :client and c.date between :from and :to and (:source::text is null or c.source = :source)
        and (:campaign::text is null or c.campaign_id = :campaign) and (:affiliate::text is null or c.affiliate_id = :affiliate)
        and (:type::text is null or c.type = :type)`;

const valuesOf = ({ client, from, to, source, campaign, affiliate, type }: ConversionFilter) => ({
  ...{ client, from, to, source: source ?? null, campaign: campaign ?? null },
  ...{ affiliate: affiliate ?? null, type: type ?? null },
});

export interface ConversionTotal {
  /** Null: what has no amount. */
  currency: string | null;
  origin: StoredOrigin;
  conversions: number;
  revenue: string | null;
}

const summed = `select currency, origin, sum(conversions)::int as conversions, case when sum(amounts) > 0 then round(sum(revenue), 2) end as revenue
         from anytrack.conversion_days c
        where c._client_id = :client and c.date between :from and :to and (:type::text is null or c.type = :type)
        group by 1, 2 having sum(conversions) > 0 order by 3 desc, 1, 2`;
const counted = `select currency, origin, count(*)::int as conversions, round(sum(revenue), 2) as revenue
         from anytrack.conversions c where ${filtered} group by 1, 2 order by 3 desc, 1, 2`;

/**
 * Of all that a list shows page by page: amounts of two currencies, or of the sandbox and a vendor, are never added. Sums
 * by day know the type; whoever asks for one source, campaign or affiliate has the rows counted.
 */
export async function readConversionTotals(database: Queryable, filter: ConversionFilter): Promise<ConversionTotal[]> {
  const { source, campaign, affiliate } = filter;
  const isByDay = source === undefined && campaign === undefined && affiliate === undefined;
  const { rows } = await database.query<ConversionTotal>(named(isByDay ? summed : counted, valuesOf(filter)));
  return rows;
}

/** By the moment of the event, or by what a conversion brought. */
export const conversionOrders = {
  by: {
    // Its day comes first: an index has both, and a range of days is a part of it.
    eventTime: [
      { sql: "c.date", type: "day" },
      { sql: "c.event_time", type: "moment" },
    ],
    revenue: [{ sql: "c.revenue", type: "number", canBeMissing: true }],
  },
  then: [{ sql: "c.conversion_key", type: "text" }],
  usual: "-eventTime",
} satisfies Orders;

export function listConversions(
  database: Queryable,
  { order, limit, ...filter }: ConversionFilter & { order?: Order; limit: number },
): Promise<Placed<ConversionRow>[]> {
  return readOrdered<ConversionRow>(database, {
    ...{ columns: conversionColumns, from: "anytrack.conversions c", where: filtered, values: valuesOf(filter) },
    ...{ orders: conversionOrders, order, limit },
  });
}

export interface TouchpointRow {
  position: number;
  type: string;
  at: Date;
  source: string | null;
  campaignId: string | null;
  adId: string | null;
  affiliateId: string | null;
  clickId: string | null;
  origin: string;
}

export interface ConversionDetails extends ConversionRow {
  /** When we sent it to AnyTrack. */
  trackedAt: Date | null;
  touchpoints: TouchpointRow[];
  weights: { model: string; position: number; weight: string }[];
}

/** One conversion with its journey and what each model makes of it, by its key or by its order alone. */
export async function findConversion(
  database: Queryable,
  of: { client: string; key: string },
): Promise<ConversionDetails | null> {
  const { rows } = await database.query<ConversionRow & { trackedAt: Date | null }>(
    `select ${conversionColumns},
            (select sent_at from anytrack.tracked t where t._client_id = c._client_id and t.tracking_key = c.order_id) as "trackedAt"
       from anytrack.conversions c where _client_id = $1 and conversion_key in ($2, $3) order by conversion_key = $2 desc limit 1`,
    [of.client, of.key, conversionKeyOfOrder(of.key)],
  );
  const [conversion] = rows;
  if (conversion === undefined) return null;
  const parameters = [of.client, conversion.conversionKey];
  const where = "where _client_id = $1 and conversion_key = $2";
  const [touchpoints, weights] = await Promise.all([
    database.query<TouchpointRow>(
      `select position, type, at, source, campaign_id as "campaignId", ad_id as "adId", affiliate_id as "affiliateId", click_id as "clickId", origin
         from anytrack.touchpoints ${where} order by position`,
      parameters,
    ),
    database.query<{ model: string; position: number; weight: string }>(
      `select model, position, weight from anytrack.attribution ${where} order by model, position`,
      parameters,
    ),
  ]);
  return { ...conversion, touchpoints: touchpoints.rows, weights: weights.rows };
}

export interface Range {
  client: string;
  from: string;
  to: string;
}

export interface AffiliateRow {
  affiliateId: string;
  clicks: number;
  conversions: number;
  conversionRate: string | null;
  origin: StoredOrigin;
  /** One entry per currency: amounts of two are never added. */
  revenue: { currency: string | null; amount: string; epc: string | null }[];
}

export const affiliateMetrics = ["revenue", "conversions", "epc", "conversion_rate"] as const;
export type AffiliateMetric = (typeof affiliateMetrics)[number];

const affiliates = `
  with days as (
    select *, origin = 'sandbox' as is_sandbox from anytrack.affiliate_daily where _client_id = $1 and date between $2 and $3 and ($4::text is null or affiliate_id = $4)
  ), totals as (
    select affiliate_id, is_sandbox, case when is_sandbox then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin,
           sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions from days group by 1, 2
  ), money as (
    select affiliate_id, is_sandbox, currency, sum(revenue) as amount from days where revenue is not null group by 1, 2, 3
  ), shown as (
    select t.affiliate_id as "affiliateId", t.origin, t.clicks, t.conversions, round(100.0 * t.conversions / nullif(t.clicks, 0), 2) as "conversionRate",
           100.0 * t.conversions / nullif(t.clicks, 0) as rate,
           coalesce((select jsonb_agg(jsonb_build_object('currency', m.currency, 'amount', round(m.amount, 2)::text, 'epc', round(m.amount / nullif(t.clicks, 0), 4)::text)
                                      order by m.currency) from money m where (m.affiliate_id, m.is_sandbox) = (t.affiliate_id, t.is_sandbox)), '[]') as revenue,
           (select m.amount from money m where (m.affiliate_id, m.is_sandbox) = (t.affiliate_id, t.is_sandbox) and m.currency = $5) as amount
      from totals t
  )
  select "affiliateId", origin, clicks, conversions, "conversionRate", revenue from shown`;

export async function readAffiliate(
  database: Queryable,
  of: Range & { affiliate: string },
): Promise<AffiliateRow | null> {
  const { rows } = await database.query<AffiliateRow>(
    `${affiliates} where $5::text is null order by origin = 'sandbox' limit 1`,
    [of.client, of.from, of.to, of.affiliate, null],
  );
  return rows[0] ?? null;
}

/** By one metric, best first; money in the currency given. */
export async function readTopAffiliates(
  database: Queryable,
  of: Range & { metric: AffiliateMetric; currency: string | null; limit: number },
): Promise<AffiliateRow[]> {
  const by = {
    revenue: "amount",
    conversions: "conversions",
    epc: "amount / nullif(clicks, 0)",
    conversion_rate: "rate",
  }[of.metric];
  const { rows } = await database.query<AffiliateRow>(
    `${affiliates} order by ${by} desc nulls last, "affiliateId", origin limit $6`,
    [of.client, of.from, of.to, null, of.currency, of.limit],
  );
  return rows;
}

/** The currencies that affiliates' revenue of a range comes in. */
export async function readCurrencies(database: Queryable, { client, from, to }: Range): Promise<string[]> {
  const { rows } = await database.query<{ currency: string }>(
    `select distinct currency from anytrack.conversions
      where _client_id = $1 and date between $2 and $3 and affiliate_id is not null and revenue is not null and currency is not null order by 1`,
    [client, from, to],
  );
  return rows.map((row) => row.currency);
}

export interface ReportPart {
  /** Sandbox and real figures stand on rows of their own. */
  origin: StoredOrigin;
  currency: string | null;
  conversions: number;
  revenue: string;
}

export interface DailyReport {
  totals: (ReportPart & { sales: number; averageOrderValue: string | null })[];
  bySource: (ReportPart & { source: string | null })[];
  byCampaign: (ReportPart & { campaignId: string | null })[];
}

/** A day's figures, per currency. */
export async function readDailyReport(database: Queryable, of: { client: string; date: string }): Promise<DailyReport> {
  const parameters = [of.client, of.date];
  const where = "where _client_id = $1 and date = $2";
  const [totals, bySource, byCampaign] = await Promise.all([
    database.query<DailyReport["totals"][number]>(
      `select origin, currency, conversions, sales, round(revenue, 2) as revenue, average_order_value as "averageOrderValue" from anytrack.daily_report ${where} order by currency, origin`,
      parameters,
    ),
    database.query<DailyReport["bySource"][number]>(
      `select origin, source, currency, conversions, round(revenue, 2) as revenue from anytrack.daily_by_source ${where} order by currency, revenue desc, source, origin`,
      parameters,
    ),
    database.query<DailyReport["byCampaign"][number]>(
      `select origin, campaign_id as "campaignId", currency, conversions, round(revenue, 2) as revenue from anytrack.daily_by_campaign ${where} order by currency, revenue desc, campaign_id, origin`,
      parameters,
    ),
  ]);
  return { totals: totals.rows, bySource: bySource.rows, byCampaign: byCampaign.rows };
}

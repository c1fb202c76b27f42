import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** Amounts and ratios: decimal text with two places, rounded here and not in the views that are added up, or null. */
interface Figures {
  currency: string;
  /** What the sandbox made up is never in one row with what is real. */
  origin: StoredOrigin;
  efClicks: number | null;
  efConversions: number | null;
  efPayout: string | null;
  rtSpend: string | null;
  rtClicks: number | null;
  finalCost: string | null;
  cpa: string | null;
  revenue: string | null;
  margin: string | null;
  roas: string | null;
}

interface Affiliate {
  affiliateId: string | null;
  affiliate: string;
  isInternal: boolean;
  costBasis: "spend" | "payout";
  /** Why a ratio is missing or what it leaves out. */
  note: string | null;
}

export type CpaDay = Affiliate & Figures & { date: string };

const figures = `currency, origin, ef_clicks as "efClicks", ef_conversions as "efConversions", round(ef_payout, 2) as "efPayout", round(rt_spend, 2) as "rtSpend",
  rt_clicks as "rtClicks", round(final_cost, 2) as "finalCost", cpa, round(revenue, 2) as revenue, round(margin, 2) as margin, roas`;
const affiliate = `affiliate_id as "affiliateId", affiliate, is_internal as "isInternal", cost_basis as "costBasis", note`;

/** The newest day first, or by what a day cost or brought. */
export const cpaDayOrders = {
  by: {
    date: [{ sql: "d.date", type: "day" }],
    affiliate: [{ sql: "lower(d.affiliate)", type: "text" }],
    efConversions: [{ sql: "d.ef_conversions", type: "number", canBeMissing: true }],
    finalCost: [{ sql: "d.final_cost", type: "number", canBeMissing: true }],
    cpa: [{ sql: "d.cpa", type: "number", canBeMissing: true }],
    revenue: [{ sql: "d.revenue", type: "number", canBeMissing: true }],
    margin: [{ sql: "d.margin", type: "number", canBeMissing: true }],
  },
  then: [
    { sql: "d.date", type: "day", always: "down" },
    { sql: "d.affiliate", type: "text", always: "up" },
    { sql: "coalesce(d.affiliate_id, '')", type: "text", always: "up" },
    { sql: "d.currency", type: "text", always: "up" },
    { sql: "d.origin", type: "text", always: "up" },
  ],
  usual: "-date",
} satisfies Orders;

interface DayFilter {
  client: string;
  from?: string | undefined;
  to?: string | undefined;
  affiliateId?: string | undefined;
  /** Of rows without an id: by its name. */
  affiliate?: string | undefined;
}

export function readCpaDaily(
  database: Queryable,
  { client, from, to, affiliateId, affiliate: name, order, limit }: DayFilter & { order?: Order; limit: number },
): Promise<Placed<CpaDay>[]> {
  return readOrdered<CpaDay>(database, {
    ...{ columns: `date, ${affiliate}, ${figures}`, from: "public.cpa_daily d" },
    where: `d._client_id = :client and (:from::date is null or d.date >= :from) and (:to::date is null or d.date <= :to)
        and (:affiliateId::text is null or d.affiliate_id = :affiliateId)
        and (:name::text is null or (d.affiliate_id is null and d.affiliate = :name))`,
    values: { client, from: from ?? null, to: to ?? null, affiliateId: affiliateId ?? null, name: name ?? null },
    ...{ orders: cpaDayOrders, order, limit },
  });
}

export interface Range {
  client: string;
  from: string;
  to: string;
}

export type CpaAffiliate = Affiliate &
  Figures & { days: number; daysWithoutCost: number; conversionsWithoutCost: number };

/** The greatest cost first, currency by currency. */
export async function readCpaByAffiliate(database: Queryable, { client, from, to }: Range): Promise<CpaAffiliate[]> {
  const { rows } = await database.query<CpaAffiliate>(
    `select ${affiliate}, days, ${figures}, days_without_cost as "daysWithoutCost", conversions_without_cost as "conversionsWithoutCost"
       from public.cpa_by_affiliate($2, $3, $1)
      order by currency, origin = 'sandbox', final_cost desc nulls last, revenue desc nulls last, affiliate, affiliate_id`,
    [client, from, to],
  );
  return rows;
}

export type CpaTotal = Figures & {
  /** Spend that reaches no affiliate; in no other figure of this row. */
  unmappedSpend: string;
  conversionsWithoutCost: number;
  /** Cost of days that Everflow has no row of: in the cost, and so in the ratios. */
  costWithoutResults: string;
  /** An affiliate in it has spend and results in several currencies: there are no ratios. */
  acrossCurrencies: boolean;
};

/** One row per currency, and one more for what the sandbox made up; summed before it is rounded. Spend without an affiliate is shown beside the sum, not in it. */
export async function readCpaTotals(database: Queryable, { client, from, to }: Range): Promise<CpaTotal[]> {
  return (await readCpaTotalsOf(database, client, [{ from, to }]))[0] ?? [];
}

/** The same for several ranges at once: Postgres needs longer to plan this than to carry it out. */
export async function readCpaTotalsOf(
  database: Queryable,
  client: string,
  ranges: readonly Omit<Range, "client">[],
): Promise<CpaTotal[][]> {
  const { rows } = await database.query<CpaTotal & { place: number }>(
    // Ranges overlap: each day is read once, and summed for all of them.
    `with figures as materialized (
       select * from public.cpa_figures
        where _client_id = $1 and date between (select min(d) from unnest($2::date[]) d) and (select max(d) from unnest($3::date[]) d)
     ), unmapped_days as materialized (
       select * from public.unmapped_spend
        where _client_id = $1 and date between (select min(d) from unnest($2::date[]) d) and (select max(d) from unnest($3::date[]) d)
     )
     select r.place::int as place, t.*
       from unnest($2::date[], $3::date[]) with ordinality r(first, last, place)
      cross join lateral (
       with summed as (
         select currency, origin = 'sandbox' as is_sandbox, bool_or(origin = 'unknown') as is_unknown, sum(ef_clicks)::bigint as ef_clicks, sum(ef_conversions)::bigint as ef_conversions, sum(ef_payout) as ef_payout,
                sum(rt_spend) as rt_spend, sum(rt_clicks)::bigint as rt_clicks, sum(final_cost) as final_cost, sum(revenue) as revenue,
                sum(ef_conversions) filter (where final_cost is not null) as costed_conversions, sum(revenue) filter (where final_cost is not null) as costed_revenue,
                coalesce(sum(ef_conversions) filter (where final_cost is null), 0)::bigint as conversions_without_cost,
                sum(final_cost) filter (where ef_conversions is null) as cost_without_results
           from figures where date between r.first and r.last group by 1, 2
       ), mixed as (
         -- An affiliate whose spend and results are in several currencies spoils the ratios of each of them. Whose they are is
         -- asked only where there are several.
         select distinct a.currency, a.origin = 'sandbox' as is_sandbox
           from (select where (select count(distinct currency) from figures where is_internal and date between r.first and r.last) > 1) several
          cross join lateral public.cpa_by_affiliate(r.first, r.last, $1) a where a.across_currencies
       ), unmapped as (
         select currency, origin = 'sandbox' as is_sandbox, bool_or(origin = 'unknown') as is_unknown, sum(cost) as cost
           from unmapped_days where date between r.first and r.last group by 1, 2
       )
       select coalesce(s.currency, u.currency) as currency,
              case when coalesce(s.is_sandbox, u.is_sandbox) then 'sandbox' when s.is_unknown or u.is_unknown then 'unknown' else 'real' end as origin, ef_clicks as "efClicks", ef_conversions as "efConversions", round(ef_payout, 2) as "efPayout",
              round(rt_spend, 2) as "rtSpend", rt_clicks as "rtClicks", round(final_cost, 2) as "finalCost",
              case when m.currency is null then round(final_cost / nullif(costed_conversions, 0), 2) end as cpa, round(revenue, 2) as revenue,
              case when m.currency is null then round(costed_revenue - final_cost, 2) end as margin,
              case when m.currency is null then round(costed_revenue / nullif(final_cost, 0), 2) end as roas,
              coalesce(conversions_without_cost, 0) as "conversionsWithoutCost", round(coalesce(cost_without_results, 0), 2) as "costWithoutResults", round(coalesce(u.cost, 0), 2) as "unmappedSpend",
              m.currency is not null as "acrossCurrencies"
         from summed s
         full join unmapped u on u.currency = s.currency and u.is_sandbox = s.is_sandbox
         left join mixed m on m.currency = s.currency and m.is_sandbox = s.is_sandbox) t
      order by r.place, t.origin = 'sandbox', t."finalCost" desc nulls last, t.currency`,
    [client, ranges.map(({ from }) => from), ranges.map(({ to }) => to)],
  );
  return ranges.map((_, index) =>
    rows.filter(({ place }) => place === index + 1).map(({ place: _place, ...row }) => row),
  );
}

export interface DayTotal {
  date: string;
  currency: string;
  isSandbox: boolean;
  /** Rounded to the cent; null where nothing is known of it. */
  finalCost: string | null;
  revenue: string | null;
  conversions: number;
}

/** Cost and revenue per day, for charts. */
export async function readCostPerDay(database: Queryable, { client, from, to }: Range): Promise<DayTotal[]> {
  const { rows } = await database.query<DayTotal>(
    `select date, currency, origin = 'sandbox' as "isSandbox", round(sum(final_cost), 2) as "finalCost", round(sum(revenue), 2) as revenue,
            coalesce(sum(ef_conversions), 0)::bigint as conversions
       from public.cpa_figures where _client_id = $1 and date between $2 and $3 group by 1, 2, 3 order by 1, 2, 3`,
    [client, from, to],
  );
  return rows;
}

export interface SourceDays {
  source: string;
  /** Days of the range that are not final, and those nothing was ever read of. */
  provisional: string[];
  failed: string[];
  missing: string[];
  /** Days that the sandbox made up. */
  sandbox: string[];
  loadedAt: Date | null;
}

/** How complete the figures of a range are. */
export async function readReliability(database: Queryable, { client, from, to }: Range): Promise<SourceDays[]> {
  const { rows } = await database.query<SourceDays>(
    `select w.source, max(f.loaded_at) as "loadedAt",
            coalesce(array_agg(d::date::text order by d) filter (where f.state = 'provisional'), '{}') as provisional,
            coalesce(array_agg(d::date::text order by d) filter (where f.state in ('failed', 'emptied')), '{}') as failed,
            coalesce(array_agg(d::date::text order by d) filter (where f.state is null), '{}') as missing,
            coalesce(array_agg(d::date::text order by d) filter (where f.origin = 'sandbox'), '{}') as sandbox
       from unnest(array['everflow.daily_stats', 'redtrack.daily_spend']) w(source)
      cross join generate_series($2::timestamp, $3::timestamp, interval '1 day') d
       left join ops.freshness f on f._client_id = $1 and f.source = w.source and f.day = d::date
      group by 1 order by 1`,
    [client, from, to],
  );
  return rows;
}

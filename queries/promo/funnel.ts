import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import type { Scope } from "./analytics.ts";

/** Conversions of a variation's clicks, in one currency and of one origin. */
export interface ConversionRow {
  offerId: number;
  variationId: number;
  currency: string | null;
  origin: StoredOrigin;
  conversions: number;
  payout: string | null;
  revenue: string | null;
}

export interface AffiliateRow {
  affiliateId: string | null;
  affiliate: string | null;
  currency: string | null;
  origin: StoredOrigin;
  conversions: number;
  payout: string | null;
  revenue: string | null;
  spend: string | null;
  cost: string | null;
  profit: string | null;
  roi: number | null;
  conversionsWithoutCost: number;
}

const inScope = `c._client_id = :client and c.clicked_date between :from and :to
  and (:offer::int is null or c.offer_id = :offer) and (:variation::int is null or c.variation_id = :variation)`;

/**
 * What became of the clicks in the scope's days, per variation, and what that pays and costs per affiliate, each per
 * currency and origin. Two statements, each on a connection of its own, as adding up is what takes the time.
 */
export async function readFunnel(
  database: Queryable,
  { client, from, to, offerId: offer, variationId: variation }: Scope,
): Promise<{ conversions: ConversionRow[]; affiliates: AffiliateRow[] }> {
  const values = { client, from, to, offer, variation };
  const [conversions, affiliates] = await Promise.all([
    database.query<ConversionRow>(named(byVariation, values)),
    database.query<AffiliateRow>(named(byAffiliate, values)),
  ]);
  return { conversions: conversions.rows, affiliates: affiliates.rows };
}

const byVariation = `
  select c.offer_id as "offerId", c.variation_id as "variationId", c.currency, c.origin, sum(c.conversions)::bigint as conversions,
         sum(c.payout)::text as payout, sum(c.revenue)::text as revenue
    from promo.clicked_conversions c where ${inScope}
   group by 1, 2, 3, 4 order by 1, 2, 3, 4`;

/**
 * As promo.commission has it, but added up before it is priced: conversions of one day of one of our own affiliates cost
 * the same each, and those of the others their payout on whatever day. Costs are had for the days of these alone.
 */
const byAffiliate = `
  with own as materialized (
    select promo.own_affiliates(:client) as ids
  ), summed as materialized (
    select c.affiliate_id, max(c.affiliate) as affiliate, c.feed, case when c.feed = 'everflow' and c.affiliate_id = any((select ids from own)::text[]) then c.date end as day,
           c.currency, c.origin, sum(c.conversions)::bigint as conversions, sum(c.payout) as payout, sum(c.revenue) as revenue
      from promo.clicked_conversions c where ${inScope}
     group by 1, 3, 4, 5, 6
  ), spent as (
    select s.*, f.date is not null as is_own,
           promo.share_of_spend(f.date is not null, f.across_currencies, s.conversions, f.rt_spend, f.ef_conversions) as spend
      from summed s
      left join promo.own_costs_of(:client, (select min(day) from summed), (select max(day) from summed)) f
        on f.date = s.day and f.affiliate_id = s.affiliate_id and f.currency = s.currency and f.is_sandbox = (s.origin = 'sandbox')
  ), priced as (
    select *, case when is_own then spend when feed = 'everflow' then payout end as cost from spent
  )
  select affiliate_id as "affiliateId", max(affiliate) as affiliate, currency, origin, sum(conversions)::bigint as conversions,
         round(sum(payout), 2)::text as payout, round(sum(revenue), 2)::text as revenue, round(sum(spend), 2)::text as spend,
         round(sum(cost), 2)::text as cost, round(sum(revenue - cost), 2)::text as profit,
         round(100 * sum(revenue - cost) / nullif(sum(cost), 0), 2)::float8 as roi,
         coalesce(sum(conversions) filter (where cost is null), 0)::bigint as "conversionsWithoutCost"
    from priced group by affiliate_id, currency, origin
   order by 5 desc, 1, 3, 4`;

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

type Row = ({ of: "variation" } & ConversionRow) | ({ of: "affiliate" } & AffiliateRow);

/**
 * What became of the clicks in the scope's days, per variation, and what that pays and costs per affiliate, each per
 * currency and origin. In one statement: finding the click of each conversion is what takes time, and both need it.
 */
export async function readFunnel(
  database: Queryable,
  { client, from, to, offerId: offer, variationId: variation }: Scope,
): Promise<{ conversions: ConversionRow[]; affiliates: AffiliateRow[] }> {
  const { rows } = await database.query<Row>(
    named(
      // promo.commission, with costs on the days of these conversions alone: they take the longest.
      `with clicked as materialized (
         select * from promo.clicked_conversions
          where _client_id = :client and clicked_date between :from and :to
            and (:offer::int is null or offer_id = :offer) and (:variation::int is null or variation_id = :variation)
       ), costs as materialized (
         select * from promo.own_costs
          where _client_id = :client and date between (select min(date) from clicked) and (select max(date) from clicked)
       ), spent as (
         select c.*, coalesce(f.is_internal, false) as is_internal,
                promo.share_of_spend(f.is_internal, f.across_currencies, c.conversions, f.rt_spend, f.ef_conversions) as spend
           from clicked c
           left join costs f on c.feed = 'everflow' and f.date = c.date and f.affiliate_id = c.affiliate_id and f.currency = c.currency
                            and (f.origin = 'sandbox') = (c.origin = 'sandbox')
       ), priced as (
         select *, case when is_internal then spend when feed = 'everflow' then payout end as cost,
                revenue - case when is_internal then spend when feed = 'everflow' then payout end as profit from spent
       )
       select case when grouping(offer_id) = 0 then 'variation' else 'affiliate' end as of, offer_id as "offerId",
              variation_id as "variationId", affiliate_id as "affiliateId", max(affiliate) as affiliate, currency, origin,
              sum(conversions)::bigint as conversions,
              case when grouping(offer_id) = 0 then sum(payout) else round(sum(payout), 2) end::text as payout,
              case when grouping(offer_id) = 0 then sum(revenue) else round(sum(revenue), 2) end::text as revenue,
              round(sum(spend), 2)::text as spend, round(sum(cost), 2)::text as cost, round(sum(profit), 2)::text as profit,
              round(100 * sum(profit) / nullif(sum(cost) filter (where profit is not null), 0), 2)::float8 as roi,
              coalesce(sum(conversions) filter (where cost is null), 0)::bigint as "conversionsWithoutCost"
         from priced
        group by grouping sets ((offer_id, variation_id, currency, origin), (affiliate_id, currency, origin))
        order by offer_id, variation_id, case when grouping(offer_id) = 1 then -sum(conversions) end, affiliate_id, currency, origin`,
      { client, from, to, offer, variation },
    ),
  );
  return {
    conversions: rows.filter((row) => row.of === "variation"),
    affiliates: rows.filter((row) => row.of === "affiliate"),
  };
}

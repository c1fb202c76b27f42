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

const places = (scope: Scope) => ({
  client: scope.client,
  from: scope.from,
  to: scope.to,
  offer: scope.offerId,
  variation: scope.variationId,
});

const inScope = `_client_id = :client and clicked_date between :from and :to
  and (:offer::int is null or offer_id = :offer) and (:variation::int is null or variation_id = :variation)`;

/** Of clicks in the scope's days. */
export async function readConversions(database: Queryable, scope: Scope): Promise<ConversionRow[]> {
  const { rows } = await database.query<ConversionRow>(
    named(
      `select offer_id as "offerId", variation_id as "variationId", currency, origin, sum(conversions)::bigint as conversions,
              sum(payout)::text as payout, sum(revenue)::text as revenue
         from promo.clicked_conversions where ${inScope}
        group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
      places(scope),
    ),
  );
  return rows;
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

/** What the conversions of the scope's clicks pay and cost, per affiliate and currency. */
export async function readCommission(database: Queryable, scope: Scope): Promise<AffiliateRow[]> {
  const { rows } = await database.query<AffiliateRow>(
    named(
      `select affiliate_id as "affiliateId", max(affiliate) as affiliate, currency, origin, sum(conversions)::bigint as conversions,
              round(sum(payout), 2)::text as payout, round(sum(revenue), 2)::text as revenue, round(sum(spend), 2)::text as spend,
              round(sum(cost), 2)::text as cost, round(sum(profit), 2)::text as profit,
              round(100 * sum(profit) / nullif(sum(cost) filter (where profit is not null), 0), 2)::float8 as roi,
              coalesce(sum(conversions) filter (where cost is null), 0)::bigint as "conversionsWithoutCost"
         from promo.commission where ${inScope}
        group by 1, 3, 4 order by conversions desc, 1, 3, 4`,
      places(scope),
    ),
  );
  return rows;
}

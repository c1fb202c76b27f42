import type { Queryable } from "../../schema/database.ts";

export interface ConversionDifference {
  affiliateId: string;
  affiliateName: string | null;
  currency: string;
  statsConversions: number;
  rawConversions: number;
  statsEvents: number;
  rawEvents: number;
  statsPayout: string;
  rawPayout: string;
  statsRevenue: string;
  rawRevenue: string;
}

/**
 * Where a day's approved conversions do not add up to its statistics. Null while they cannot be compared: one of them
 * is not final, or they were read at moments too far apart for the vendor to have said the same at both.
 */
export async function readConversionDifferences(
  database: Queryable,
  { client, day }: { client: string; day: string },
): Promise<ConversionDifference[] | null> {
  const both = await database.query(
    `select from ops.slices s join ops.slices c using (_client_id, slice)
      where _client_id = $1 and slice = $2 and s.source = 'everflow.daily_stats' and c.source = 'everflow.conversions'
        and s.is_final and c.is_final and abs(extract(epoch from s.fetched_at - c.fetched_at)) < 6 * 3600`,
    [client, day],
  );
  if (both.rowCount === 0) return null;
  const { rows } = await database.query<ConversionDifference>(
    `select affiliate_id as "affiliateId", affiliate_name as "affiliateName", currency,
            stats_conversions as "statsConversions", raw_conversions as "rawConversions", stats_events as "statsEvents", raw_events as "rawEvents",
            round(stats_payout, 2) as "statsPayout", round(raw_payout, 2) as "rawPayout", round(stats_revenue, 2) as "statsRevenue", round(raw_revenue, 2) as "rawRevenue"
       from everflow.conversion_differences where _client_id = $1 and date = $2::date order by abs(stats_payout - raw_payout) desc, affiliate_id, currency`,
    [client, day],
  );
  return rows;
}

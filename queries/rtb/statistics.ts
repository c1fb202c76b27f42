import type { Queryable } from "../../schema/database.ts";
import { ratioSql } from "./metrics.ts";

export interface Size {
  canonicalSize: string | null;
  sizeCategory: string | null;
  format: string | null;
  creatives: number;
  /** Of all days, rounded to the cent. */
  spend: string;
}

/** Which sizes there are, the most frequent first. */
export async function listSizes(database: Queryable, of: { client: string }): Promise<Size[]> {
  const { rows } = await database.query<Size>(
    `select c.canonical_size as "canonicalSize", c.size_category as "sizeCategory", c.format, count(*) as creatives,
            round(coalesce(sum(p.spend_all), 0), 2) as spend
       from rtb.creatives c left join rtb.creative_performance p on p._client_id = c._client_id and p.creative_id = c.id
      where c._client_id = $1 group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 1000`,
    [of.client],
  );
  return rows;
}

export interface RtbStats {
  creatives: number;
  stubs: number;
  withPerformance: number;
  seats: number;
  campaigns: number;
  rows: number;
  firstDay: string | null;
  lastDay: string | null;
  spend: string;
  impressions: string;
  clicks: string;
  cpc: string | null;
  cpm: string | null;
}

/** From roll-ups and the ledger of files: counting the rows themselves would take as long as there are rows. */
export async function readRtbStats(database: Queryable, of: { client: string }): Promise<RtbStats> {
  const { rows } = await database.query<RtbStats>(
    `select c.creatives, c.stubs, p.creatives as "withPerformance",
            (select count(*) from rtb.buyer_seats where _client_id = $1) as seats,
            (select count(*) from rtb.campaigns where _client_id = $1) as campaigns,
            d.rows, d.first_day as "firstDay", d.last_day as "lastDay", round(p.spend, 2) as spend, p.impressions::text, p.clicks::text,
            ${ratioSql.cpc("p.spend", "p.clicks")} as cpc, ${ratioSql.cpm("p.spend", "p.impressions")} as cpm
       from (select count(*) as creatives, count(*) filter (where is_stub) as stubs from rtb.creatives where _client_id = $1) c,
            (select count(*) as creatives, coalesce(sum(spend_all), 0) as spend, coalesce(sum(impressions_all), 0) as impressions,
                    coalesce(sum(clicks_all), 0) as clicks from rtb.creative_performance where _client_id = $1) p,
            (select coalesce(sum(inserted), 0)::bigint as rows, min(date) as first_day, max(date) as last_day
               from ops.file_days where _client_id = $1) d`,
    [of.client],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("rtb gives no statistics");
  return row;
}

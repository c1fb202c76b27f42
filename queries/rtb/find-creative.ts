import { prepared, type Queryable } from "../../schema/database.ts";
import {
  campaignsSql,
  createValues,
  figureColumns,
  heavyColumns,
  lightColumns,
  type CampaignOf,
  type CreativeFigures,
  type CreativeRow,
  type HeavyFields,
} from "./creative-shapes.ts";
import { comparedSql, daysOf, percentSql, stateSql } from "./metrics.ts";
import { periods, type Period } from "./rollups.ts";

export type FoundCreative = CreativeRow &
  HeavyFields & {
    /** The day that its periods end with; null when nothing was rolled up yet. */
    asOf: string | null;
    performance: (CreativeFigures & { period: Period })[];
    campaigns: CampaignOf[];
  };

/** The seats that a client has a creative of this id in, each with our number for it; a seat is null where it is not known. */
export async function findCreativeIds(
  database: Queryable,
  of: { client: string; creativeId: string; buyerId?: string | undefined },
): Promise<{ id: string; buyerId: string | null }[]> {
  const { rows } = await database.query<{ id: string; buyerId: string | null }>(
    `select id::text, buyer_id as "buyerId" from rtb.creatives
      where _client_id = $1 and creative_id = $2 and ($3::text is null or buyer_id = $3) order by buyer_id nulls first`,
    [of.client, of.creativeId, of.buyerId ?? null],
  );
  return rows;
}

/** One creative with every period, by our number; null when the client has none of it. */
export async function findCreative(
  database: Queryable,
  of: { client: string; id: string; asOf: string },
): Promise<FoundCreative | null> {
  const { values, put } = createValues();
  const [client, creativeId] = [put(of.client), put(of.id)];
  const sums = periods.map((period, place) => {
    const { ended, previous } = comparedSql(period, "o");
    return `(${place}, '${period}', o.spend_${period}, o.impressions_${period}, o.clicks_${period}, ${ended}, ${previous}, o.spend_${period})`;
  });
  const days = periods.map((period) => {
    const { from, to } = daysOf(period, of.asOf);
    return `('${period}', ${from === null ? "'-infinity'" : put(from)}::date, ${to === null ? "'infinity'" : put(to)}::date)`;
  });
  const { rows } = await database.query<FoundCreative>(
    prepared(
      `with top as materialized (
         select distinct on (d.period) d.period, m.geography, sum(m.spend) as spend
           from rtb.performance_metrics m join (values ${days.join(", ")}) d(period, first, last) on m.date between d.first and d.last
          where m._client_id = ${client} and m.creative_id = ${creativeId} and m.geography <> ''
          group by 1, 2 having sum(m.spend) > 0 order by 1, 3 desc, 2
       ), figures as (
         select p.place, p.period, ${figureColumns}, g.geography as "topGeography", ${percentSql("g.spend", "p.whole")}::float8 as "topGeographyShare"
           from (select) one left join rtb.creative_performance o on o._client_id = ${client} and o.creative_id = ${creativeId}
          cross join lateral (values ${sums.join(", ")}) p(place, period, spend, impressions, clicks, ended, previous, whole)
           left join rtb.spend_tiers t on t._client_id = ${client} and t.period = p.period
           left join top g on g.period = p.period and p.whole > 0
       )
       select ${lightColumns}, ${heavyColumns}, v."asOf",
              (select json_agg(json_build_object('period', period, 'spend', spend::text, 'impressions', impressions, 'clicks', clicks, 'cpc', cpc::text, 'cpm', cpm::text,
                         'trend', trend, 'tier', tier, 'topGeography', "topGeography", 'topGeographyShare', "topGeographyShare") order by place) from figures) as performance,
              ${campaignsSql("c")} as campaigns
         from rtb.creatives c, ${stateSql(client)} v
        where c._client_id = ${client} and c.id = ${creativeId}`,
      values,
    ),
  );
  return rows[0] ?? null;
}

/** Whether the client has any. */
export async function hasCreatives(database: Queryable, { client }: { client: string }): Promise<boolean> {
  const { rows } = await database.query<{ there: boolean }>(
    "select exists (select from rtb.creatives where _client_id = $1) as there",
    [client],
  );
  return rows[0]?.there === true;
}

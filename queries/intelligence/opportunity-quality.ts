import type { Quality } from "../../rules/intelligence/opportunity-quality.ts";
import type { Queryable } from "../../schema/database.ts";
import type { WindowOf } from "./opportunity-cells.ts";

export interface QualityOf {
  campaigns: ReadonlyMap<number, Quality>;
  /** By our number of the creative. */
  creatives: ReadonlyMap<string, Quality>;
}

const counted = (column: string) => `case when count(q.${column}) = count(*) then sum(q.${column})::float8 end`;

/** From the quality report of the window's days: a row without the column makes the sum unknown, not small. */
export async function readQuality(database: Queryable, { client, from, to }: WindowOf): Promise<QualityOf> {
  const { rows } = await database.query<Quality & { campaignId: number | null; creative: string | null }>(
    `select k.campaign_id as "campaignId", c.id::text as creative, ${counted("impressions")} as impressions, ${counted("invalid_impressions")} as invalid,
            ${counted("measurable")} as measurable, ${counted("viewable")} as viewable
       from rtb.report_quality q
       join rtb.creatives c on c._client_id = q._client_id and c.creative_id = q.creative_id and c.buyer_id = q.buyer_id
       left join rtb.campaign_creatives k on k._client_id = c._client_id and k.creative_id = c.id
      where q._client_id = $1 and q.date between $2 and $3 group by grouping sets ((1), (2))`,
    [client, from, to],
  );
  return {
    campaigns: new Map(rows.flatMap((row) => (row.campaignId === null ? [] : [[row.campaignId, row]]))),
    creatives: new Map(rows.flatMap((row) => (row.creative === null ? [] : [[row.creative, row]]))),
  };
}

import type { Queryable } from "../../schema/database.ts";

/** Where a campaign that is gone was merged into, over as many merges as there were; null where it was not, or that is gone, too. */
export async function findSuccessor(
  database: Queryable,
  { client, campaignId }: { client: string; campaignId: number },
): Promise<number | null> {
  const { rows } = await database.query<{ id: number }>(
    `with recursive way as (
       select $2::bigint as id, 0 as steps
       union all
       select d.campaign_id, w.steps + 1 from way w
        cross join lateral (select campaign_id from rtb.campaign_decisions
                             where _client_id = $1 and kind = 'merged' and from_campaign_id = w.id order by decision_id desc limit 1) d
        where w.steps < 100
     )
     select w.id from way w join rtb.campaigns c on c._client_id = $1 and c.campaign_id = w.id where w.steps > 0 order by w.steps limit 1`,
    [client, campaignId],
  );
  return rows[0]?.id ?? null;
}

/** All campaigns of a client that were merged away, each with the one that has its creatives now. */
export async function readSuccessors(
  database: Queryable,
  { client }: { client: string },
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await database.query<{ id: number; successor: number }>(
    `with recursive merged as (
       select distinct on (from_campaign_id) from_campaign_id as id, campaign_id as successor from rtb.campaign_decisions
        where _client_id = $1 and kind = 'merged' order by from_campaign_id, decision_id desc
     ), way as (
       select id, successor, 1 as steps from merged
       union all
       select w.id, m.successor, w.steps + 1 from way w join merged m on m.id = w.successor where w.steps < 100
     )
     select distinct on (w.id) w.id, w.successor from way w
       join rtb.campaigns c on c._client_id = $1 and c.campaign_id = w.successor order by w.id, w.steps`,
    [client],
  );
  return new Map(rows.map(({ id, successor }) => [id, successor]));
}

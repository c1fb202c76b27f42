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

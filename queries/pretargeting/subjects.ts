import type { Size } from "../../rules/pretargeting/propose.ts";
import type { Queryable } from "../../schema/database.ts";

/** The bidders whose seats are known. */
export async function readBidders(database: Queryable, client: string): Promise<string[]> {
  const { rows } = await database.query<{ bidderId: string }>(
    `select distinct bidder_account_id as "bidderId" from rtb.buyer_seats where _client_id = $1 and bidder_account_id is not null order by 1`,
    [client],
  );
  return rows.map(({ bidderId }) => bidderId);
}

/** Of creatives that are still listed, their own sizes as the exchange sent them: of one creative, or of a campaign those that count as a size. */
export async function readSizes(
  database: Queryable,
  of: { client: string; opportunityId: number; isSizeGap: boolean },
): Promise<Size[]> {
  const { rows } = await database.query<Size>(
    of.isSizeGap
      ? `select distinct c.width, c.height
           from rtb.opportunities o
           join rtb.campaign_creatives k on k._client_id = o._client_id and k.campaign_id = o.campaign_id
           join rtb.creatives c on c._client_id = k._client_id and c.id = k.creative_id
          where o._client_id = $1 and o.opportunity_id = $2 and c.canonical_size = o.size and c.vanished_at is null and c.width > 1 and c.height > 1
          order by 1, 2`
      : `select c.width, c.height
           from rtb.opportunities o join rtb.creatives c on c._client_id = o._client_id and c.id = o.creative_id
          where o._client_id = $1 and o.opportunity_id = $2 and c.width > 1 and c.height > 1`,
    [of.client, of.opportunityId],
  );
  return rows;
}

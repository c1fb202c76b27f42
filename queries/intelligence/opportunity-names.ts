import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";

export interface CampaignNames {
  name: string;
  origin: StoredOrigin;
}

/** Names of a client's campaigns, by their numbers. */
export async function readCampaignNames(
  database: Queryable,
  { client }: { client: string },
): Promise<Map<number, CampaignNames>> {
  const { rows } = await database.query<CampaignNames & { campaignId: number }>(
    `select campaign_id as "campaignId", campaign_name as name, origin from rtb.campaigns where _client_id = $1`,
    [client],
  );
  return new Map(rows.map(({ campaignId, ...names }) => [campaignId, names]));
}

import type { Origin } from "../../core/origin.ts";
import { type Database, inTransaction, type Session } from "../../schema/database.ts";
import { putCampaignsIn, type PutCampaigns } from "./campaigns.ts";
import { nameSql } from "./creative-shapes.ts";
import { mergeCreativesIn, type GivenCreative } from "./merge-creatives.ts";
import type { Merged } from "./merged.ts";
import { mergeSeatsIn, type GivenSeat } from "./seats.ts";
import { lockPerformance } from "./rollups.ts";

export interface LoadedCreatives {
  seats: Merged;
  creatives: Merged;
  campaigns: Pick<PutCampaigns, "created" | "updated" | "unchanged">;
}

const lockMs = 60_000;

/** Merges seats, creatives and who is in which campaign, all or nothing. Campaigns keep the creatives that they had. */
export async function loadCreatives(
  database: Database,
  load: {
    client: string;
    origin: Origin;
    seats: readonly GivenSeat[];
    creatives: readonly GivenCreative[];
    campaigns: readonly { campaignName: string; creativeIds: readonly string[] }[];
  },
): Promise<LoadedCreatives> {
  const { client, origin } = load;
  return inTransaction(database, async (session) => {
    // Before any other lock, as whoever changes sums does.
    if (load.campaigns.length > 0) await lockPerformance(session, client);
    const creatives = await mergeCreativesIn(session, { client, origin, rows: load.creatives });
    const seats = await mergeSeatsIn(session, { client, origin, rows: load.seats });
    const rows = [];
    for (const { campaignName, creativeIds } of load.campaigns)
      rows.push({
        campaignName,
        creativeIds: [...new Set([...(await membersOf(session, client, campaignName)), ...creativeIds])],
      });
    const { created, updated, unchanged } = await putCampaignsIn(session, { client, origin, rows, waitMs: lockMs });
    return { seats, creatives, campaigns: { created, updated, unchanged } };
  });
}

async function membersOf(session: Session, client: string, campaignName: string): Promise<string[]> {
  const { rows } = await session.query<{ id: string }>(
    `select ${nameSql("r")} as id
       from rtb.campaigns c join rtb.campaign_creatives k using (_client_id, campaign_id)
       join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id
      where c._client_id = $1 and c.campaign_name = $2`,
    [client, campaignName],
  );
  return rows.map(({ id }) => id);
}

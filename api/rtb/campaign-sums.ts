import {
  findCampaign,
  readCampaignGeographies,
  type FoundCampaign,
  type GeographyFigures,
} from "../../queries/rtb/campaigns.ts";
import type { Period } from "../../queries/rtb/rollups.ts";
import type { ServerParts } from "../server/parts.ts";
import { readUpToToday } from "./day.ts";
import { createVersionedMemory, untilOneVersion } from "./versioned-memory.ts";

/** A campaign with its sums per country, and the day that its period ends with. */
export interface CampaignSums {
  findCampaign(of: {
    client: string;
    campaignId: number;
    period: Period;
  }): Promise<{ asOf: string; campaign: (FoundCampaign & { geographies: GeographyFigures[] }) | null }>;
}

export function createCampaignSums(parts: ServerParts): CampaignSums {
  const { reading } = parts;
  const geographies = createVersionedMemory<GeographyFigures[]>();
  return {
    findCampaign: (of) =>
      untilOneVersion(async () => {
        const { asOf, found } = await readUpToToday(parts, of.client, () => findCampaign(reading, of));
        if (found === null) return { asOf, campaign: null };
        const { version, ids } = found;
        // Regrouped, it is of other creatives, whose sums have the same version.
        const key = JSON.stringify([of.client, of.campaignId, of.period, asOf, ids]);
        const known = geographies.get(key, version);
        if (known !== undefined) return { asOf, campaign: { ...found, geographies: known } };
        const read = await readCampaignGeographies(reading, { ...of, asOf, ids });
        if (read.version !== version) return undefined;
        geographies.put(key, version, read.rows);
        return { asOf, campaign: { ...found, geographies: read.rows } };
      }),
  };
}

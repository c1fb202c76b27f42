import type { Api, ServerParts } from "../server/parts.ts";
import { createCampaignSums } from "./campaign-sums.ts";
import { createCreativeLists } from "./creative-lists.ts";
import { rtbCampaignRoutes } from "./campaigns.ts";
import { rtbCreativeRoutes } from "./creatives.ts";
import { recordRoutes } from "./records.ts";
import { rtbSeatRoutes } from "./seats.ts";
import { rtbStatisticsRoutes } from "./statistics.ts";
import { thumbnailRoutes } from "./thumbnails.ts";
import { wasteRoutes } from "./waste.ts";

/** What imported files say: the records, creatives and campaigns. */
export function rtbRoutes(api: Api, parts: ServerParts): void {
  recordRoutes(api, parts);
  rtbCreativeRoutes(api, parts, createCreativeLists(parts));
  rtbSeatRoutes(api, parts);
  rtbStatisticsRoutes(api, parts);
  thumbnailRoutes(api, parts);
  wasteRoutes(api, parts);
  rtbCampaignRoutes(api, parts, createCampaignSums(parts));
}

import type { Api, ServerParts } from "../server/parts.ts";
import { createSeenSums } from "./seen-sums.ts";
import { rtbCampaignRoutes } from "./campaigns.ts";
import { rtbCreativeRoutes } from "./creatives.ts";
import { rtbPerformanceRoutes } from "./performance.ts";

/** Ad performance that bidders and buyers hand over as files: the files, the records, creatives and campaigns. */
export function rtbRoutes(api: Api, parts: ServerParts): void {
  const seen = createSeenSums(parts);
  rtbPerformanceRoutes(api, parts);
  rtbCreativeRoutes(api, parts, seen);
  rtbCampaignRoutes(api, parts, seen);
}

import type { Api, ServerParts } from "../parts.ts";
import { createSeenSums } from "../seen-sums.ts";
import { rtbCampaignRoutes } from "./rtb-campaigns.ts";
import { rtbCreativeRoutes } from "./rtb-creatives.ts";
import { rtbPerformanceRoutes } from "./rtb-performance.ts";

/** Ad performance that bidders and buyers hand over as files: the files, the records, creatives and campaigns. */
export function rtbRoutes(api: Api, parts: ServerParts): void {
  const seen = createSeenSums(parts);
  rtbPerformanceRoutes(api, parts);
  rtbCreativeRoutes(api, parts, seen);
  rtbCampaignRoutes(api, parts, seen);
}

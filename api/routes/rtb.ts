import type { Api, ServerParts } from "../parts.ts";
import { rtbCampaignRoutes } from "./rtb-campaigns.ts";
import { rtbCreativeRoutes } from "./rtb-creatives.ts";
import { rtbPerformanceRoutes } from "./rtb-performance.ts";

/** Ad performance that bidders and buyers hand over as files: the files, the records, creatives and campaigns. */
export function rtbRoutes(api: Api, parts: ServerParts): void {
  rtbPerformanceRoutes(api, parts);
  rtbCreativeRoutes(api, parts);
  rtbCampaignRoutes(api, parts);
}

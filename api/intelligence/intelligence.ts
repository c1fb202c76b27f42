import type { Api, ServerParts } from "../server/parts.ts";
import { campaignGroupingRoutes } from "./campaign-grouping.ts";
import { clusterRoutes } from "./cluster.ts";
import { decisionRoutes } from "./decisions.ts";

/** Creatives into campaigns, and what people decide about these. */
export function intelligenceRoutes(api: Api, parts: ServerParts): void {
  clusterRoutes(api, parts);
  decisionRoutes(api, parts);
  campaignGroupingRoutes(api, parts);
}

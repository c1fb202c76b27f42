import type { Api, ServerParts } from "../server/parts.ts";
import { campaignGroupingRoutes } from "./campaign-grouping.ts";
import { clusterRoutes } from "./cluster.ts";
import { decisionRoutes } from "./decisions.ts";
import { geographicRoute } from "./geographic.ts";
import { questionRoutes } from "./questions.ts";
import { opportunityRoutes } from "./opportunities.ts";
import { scorecardRoute } from "./scorecard.ts";
import { sentenceRoute } from "./sentence.ts";

/** Creatives into campaigns, what people decide about these, and what could be bought for less. */
export function intelligenceRoutes(api: Api, parts: ServerParts): void {
  clusterRoutes(api, parts);
  decisionRoutes(api, parts);
  campaignGroupingRoutes(api, parts);
  opportunityRoutes(api, parts);
  scorecardRoute(api, parts);
  geographicRoute(api, parts);
  questionRoutes(api, parts);
  sentenceRoute(api, parts);
}

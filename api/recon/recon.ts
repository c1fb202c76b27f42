import type { Api, ServerParts } from "../server/parts.ts";
import { alertRoutes } from "../ops/alerts.ts";
import { affiliateChangeRoutes } from "./affiliate-changes.ts";
import { affiliateRoutes } from "./affiliates.ts";
import { campaignRoutes } from "./campaigns.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { disputeRoutes } from "./disputes.ts";
import { platformRoutes } from "./platforms.ts";
import { postRoutes } from "./posts.ts";
import { reconciliationRoutes } from "./reconciliation.ts";
import { tags } from "./shapes.ts";
import { submissionRoutes } from "./submissions.ts";
import { tokenRoutes } from "./tokens.ts";

/** Affiliate reconciliation: claims, verdicts and trust. */
export function reconRoutes(api: Api, parts: ServerParts): void {
  submissionRoutes(api, parts);
  postRoutes(api, parts);
  affiliateRoutes(api, parts);
  affiliateChangeRoutes(api, parts);
  campaignRoutes(api, parts);
  platformRoutes(api, parts);
  tokenRoutes(api, parts);
  reconciliationRoutes(api, parts);
  disputeRoutes(api, parts);
  alertRoutes(api, parts, { tags, area: "recon" });
  dashboardRoutes(api, parts);
}

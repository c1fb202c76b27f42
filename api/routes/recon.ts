import { readAffiliateKeys } from "../affiliate-key.ts";
import type { Api, ServerParts } from "../parts.ts";
import { alertRoutes } from "./alerts.ts";
import { affiliateRoutes } from "./recon-affiliates.ts";
import { campaignRoutes } from "./recon-campaigns.ts";
import { dashboardRoutes } from "./recon-dashboard.ts";
import { platformRoutes } from "./recon-platforms.ts";
import { reconciliationRoutes } from "./recon-reconciliation.ts";
import { tags } from "./recon-shapes.ts";
import { submissionRoutes } from "./recon-submissions.ts";

/** Affiliate reconciliation: claims, verdicts, and whom to believe. */
export function reconRoutes(api: Api, parts: ServerParts): void {
  readAffiliateKeys(api, parts);
  submissionRoutes(api, parts);
  affiliateRoutes(api, parts);
  campaignRoutes(api, parts);
  platformRoutes(api, parts);
  reconciliationRoutes(api, parts);
  alertRoutes(api, parts, { tags, area: "recon" });
  dashboardRoutes(api, parts);
}

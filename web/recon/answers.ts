import type { z } from "zod";
import type { affiliate } from "../../api/recon/affiliate-shapes.ts";
import type { trackRecord } from "../../api/recon/affiliates.ts";
import type { campaign } from "../../api/recon/campaigns.ts";
import type { campaignDashboard, discrepancies, overview } from "../../api/recon/dashboard.ts";
import type { status } from "../../api/recon/platforms.ts";
import type { report } from "../../api/recon/shapes.ts";
import type { claimTotals, details } from "../../api/recon/submissions.ts";

/** What the JSON routes answer: the pages show that, and nothing else. */
export type Affiliate = z.infer<typeof affiliate>;
export type TrackRecord = z.infer<typeof trackRecord>;
export type AffiliateOverview = z.infer<typeof overview>;
export type Campaign = z.infer<typeof campaign>;
export type CampaignDashboard = z.infer<typeof campaignDashboard>;
export type Discrepancies = z.infer<typeof discrepancies>;
export type PlatformStatus = z.infer<typeof status>;
export type Report = z.infer<typeof report>;
export type ClaimTotals = z.infer<typeof claimTotals>;
export type ReportDetails = z.infer<typeof details>;

export const recon = "/api/v1/recon";

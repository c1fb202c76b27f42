import { z } from "zod";
import { cents } from "../../core/money.ts";
import { platformNames } from "../../connectors/platforms/addresses.ts";
import type { PostRow } from "../../queries/recon/list-posts.ts";
import type { AffiliateRow } from "../../queries/recon/keys.ts";
import type { AttemptRow, ReportRow } from "../../queries/recon/reports.ts";
import { instant, iso, money, storedOrigin, text } from "../server/shapes.ts";

export const tags = ["reconciliation"];

/** Numbers of the database that may not fit a JavaScript number travel as text. */
export const id = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, "must be an id, a whole number")
  .describe("an id, as text");
export const verdictName = z.enum(["MATCHED", "DISCREPANCY", "UNVERIFIABLE", "POST_DELETED", "POST_UNKNOWN"]);
export const levelName = z.enum(["LOW", "MEDIUM", "HIGH"]);
export const platformName = z.enum(platformNames);
export const stateName = z.enum(["PENDING", "WAITING", "RECONCILED", "STOPPED"]);

export const prefix = "/api/v1/recon";
export const link = z.string().describe("where its rows are");

/** What is created to try things out says so, and can be purged. */
export const givenOrigin = z
  .enum(["real", "sandbox"])
  .default("real")
  .describe("sandbox: made up, to try things out. `npm run purge -- --sandbox` deletes it, and the claims made by it");

/** An address of ours with its filters. */
export function linkTo(path: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${prefix}${path}${given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`}`;
}

/** How many of something there are, and where they are listed. */
export const reportsAt = z.object({ reports: z.number(), href: link });
export const verdictCount = reportsAt.extend({
  verdict: verdictName.nullable().describe("null: waits for one"),
  level: levelName.nullable(),
});

/** A verdict's columns in the words of the API: the database keeps them as text, under a check. */
export function toNames(row: { verdict: string | null; level: string | null }) {
  return {
    verdict: row.verdict as z.infer<typeof verdictName> | null,
    level: row.level as z.infer<typeof levelName> | null,
  };
}

/** How far an affiliate's claims can be believed. */
export const standing = z.object({
  trust: z
    .number()
    .describe(
      "0 to 1: the share of its posts, each once, of which no claim was found too high; 1 before the first verdict",
    ),
  counted: z
    .number()
    .describe(
      "`total_submissions` of recon.affiliates: posts of which a claim could be checked, each once however often it was claimed; not the reports that were submitted",
    ),
  accurate: z.number().describe("those of them of which no claim was found too high"),
});

export function toStanding(
  row: Pick<AffiliateRow, "trustScore" | "totalSubmissions" | "accurateSubmissions">,
): z.infer<typeof standing> {
  return { trust: Number(row.trustScore), counted: row.totalSubmissions, accurate: row.accurateSubmissions };
}

/** Per hundred, two decimals. */
export function share(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((10_000 * part) / whole) / 100;
}

export const counts = z.object({ views: z.number(), clicks: z.number(), conversions: z.number() });
export const known = z.number().nullable().describe("null when the platform does not report it: that is not zero");

const compared = z.object({
  metric: z.enum(["views", "clicks", "conversions"]),
  claimed: z.number(),
  verified: known,
  difference: z.number().nullable().describe("claimed beyond what the platform says; negative when below it"),
  differencePct: z.number().nullable().describe("of the platform's number; null when that is 0 or unknown"),
});

export const verdict = z.object({
  logId: z.string(),
  verdict: verdictName,
  level: levelName.nullable(),
  reason: z.string().describe("why, in words"),
  worstMetric: text,
  countsForTrust: z.boolean(),
  isAccurate: z.boolean(),
  at: instant,
  origin: storedOrigin.describe("whose numbers it goes by; sandbox: a mock platform's"),
  compared: z.array(compared),
});

export const dispute = z.object({
  disputeId: z.string(),
  reason: z.string(),
  openedAt: instant,
  outcome: text.describe("in whose favour: affiliate or platform; null while open"),
  settledAt: instant.nullable(),
  notes: text,
});

const trustNames = ["accurate", "too_high", "says_nothing", "claimed_before", "cannot_be_checked"] as const;

export const report = z.object({
  reportId: z.string(),
  postId: z.string(),
  campaignId: z.string(),
  campaignName: z.string(),
  affiliateId: z.string(),
  affiliateName: z.string(),
  platform: z.string(),
  url: z.string(),
  method: z.string(),
  submittedAt: instant,
  origin: storedOrigin.describe("of the claim; sandbox: its affiliate was made up"),
  claimed: counts,
  state: stateName,
  detail: text.describe("what it waits for, in words"),
  nextTryAt: instant.nullable(),
  attempt: z.number(),
  verdict: verdict.nullable().describe("of the latest attempt; null until there is one"),
  trust: z
    .enum(trustNames)
    .nullable()
    .describe(
      "what it comes to for trust, a settled dispute included: accurate counts for it, too_high against it, the others neither. says_nothing: next to nothing is claimed; claimed_before: another affiliate claimed the post first",
    ),
  dispute: dispute.nullable(),
  href: link,
});

export const post = z.object({
  postId: z.string(),
  campaignId: z.string(),
  affiliateId: z.string(),
  platform: z.string(),
  url: z.string(),
  reports: z.number(),
  claimed: counts.describe("by its latest report"),
  verified: z.object({ views: known, clicks: known, conversions: known }),
  spend: money.nullable(),
  currency: text,
  verifiedAt: instant.nullable(),
  verdict: verdictName.nullable(),
  level: levelName.nullable(),
  isCounted: z
    .boolean()
    .describe(
      "whether a campaign's posts, verified numbers and spend have it; false for a post that another row is, too",
    ),
  href: link,
});

type Compared = Pick<
  ReportRow,
  | "verifiedViews"
  | "verifiedClicks"
  | "verifiedConversions"
  | "viewsDiscrepancy"
  | "clicksDiscrepancy"
  | "conversionsDiscrepancy"
  | "viewsDiffPct"
  | "clicksDiffPct"
  | "conversionsDiffPct"
> & { claimedViews: number; claimedClicks: number; claimedConversions: number };

function toCompared(row: Compared): z.infer<typeof compared>[] {
  const metric = (name: "views" | "clicks" | "conversions") => {
    const of = { views: "Views", clicks: "Clicks", conversions: "Conversions" } as const;
    const pct = row[`${name}DiffPct`];
    return {
      metric: name,
      claimed: row[`claimed${of[name]}`],
      verified: row[`verified${of[name]}`],
      difference: row[`${name}Discrepancy`],
      differencePct: pct === null ? null : Number(pct),
    };
  };
  return [metric("views"), metric("clicks"), metric("conversions")];
}

export function toReport(row: ReportRow): z.infer<typeof report> {
  const { reportId, postId, campaignId, campaignName, affiliateId, affiliateName } = row;
  const { platform, url, method, detail, attempt } = row;
  return {
    reportId,
    postId,
    campaignId,
    campaignName,
    affiliateId,
    affiliateName,
    platform,
    url,
    method,
    detail,
    attempt,
    trust: row.trust as z.infer<typeof report>["trust"],
    submittedAt: row.submittedAt.toISOString(),
    origin: row.claimOrigin,
    claimed: { views: row.claimedViews, clicks: row.claimedClicks, conversions: row.claimedConversions },
    state: row.state as z.infer<typeof stateName>,
    nextTryAt: iso(row.nextTryAt),
    verdict:
      row.logId === null || row.verdict === null || row.processedAt === null
        ? null
        : {
            logId: row.logId,
            verdict: row.verdict as z.infer<typeof verdictName>,
            level: row.level as z.infer<typeof levelName> | null,
            reason: row.reason ?? "",
            worstMetric: row.worstMetric,
            countsForTrust: row.countsForTrust ?? false,
            isAccurate: row.isAccurate ?? false,
            at: row.processedAt.toISOString(),
            origin: row.origin ?? "unknown",
            compared: toCompared(row),
          },
    dispute:
      row.disputeId === null || row.disputedAt === null
        ? null
        : {
            disputeId: row.disputeId,
            reason: row.disputeReason ?? "",
            openedAt: row.disputedAt.toISOString(),
            outcome: row.disputeOutcome,
            settledAt: iso(row.settledAt),
            notes: row.disputeNotes,
          },
    href: linkTo(`/submissions/${reportId}`),
  };
}

export const attempt = verdict.extend({
  attempt: z.number(),
  workflowId: z.string().describe("to look for in the Temporal UI"),
  platformReport: z
    .object({
      platformReportId: z.string(),
      views: known,
      clicks: known,
      conversions: known,
      spend: money.nullable(),
      currency: text,
      hints: z.record(z.string(), z.number()),
      raw: z.unknown().describe("what the platform answered, without anything of a person"),
      fetchedAt: instant,
    })
    .nullable(),
});

export function toAttempt(row: AttemptRow): z.infer<typeof attempt> {
  return {
    logId: row.logId,
    attempt: row.attempt,
    workflowId: row.workflowId,
    verdict: row.verdict as z.infer<typeof verdictName>,
    level: row.level as z.infer<typeof levelName> | null,
    reason: row.reason,
    worstMetric: row.worstMetric,
    countsForTrust: row.countsForTrust,
    isAccurate: row.isAccurate,
    at: row.processedAt.toISOString(),
    origin: row.origin,
    compared: toCompared(row),
    platformReport:
      row.platformReportId === null || row.fetchedAt === null
        ? null
        : {
            platformReportId: row.platformReportId,
            views: row.views,
            clicks: row.clicks,
            conversions: row.conversions,
            spend: row.spend === null ? null : cents(row.spend),
            currency: row.currency,
            hints: row.hints ?? {},
            raw: row.rawData,
            fetchedAt: row.fetchedAt.toISOString(),
          },
  };
}

export function toPost(row: PostRow): z.infer<typeof post> {
  const { postId, campaignId, affiliateId, platform, url, reports, currency } = row;
  return {
    postId,
    campaignId,
    affiliateId,
    platform,
    url,
    reports,
    currency,
    claimed: { views: row.claimedViews, clicks: row.claimedClicks, conversions: row.claimedConversions },
    verified: { views: row.verifiedViews, clicks: row.verifiedClicks, conversions: row.verifiedConversions },
    spend: row.spend === null ? null : cents(row.spend),
    verifiedAt: iso(row.verifiedAt),
    isCounted: row.isCounted,
    ...toNames(row),
    href: linkTo("/submissions", { post: postId }),
  };
}

/** What a campaign cost is between its advertiser and the platform. */
export function withoutSpend<Row extends { spend: string | null; currency: string | null }>(row: Row): Row {
  return { ...row, spend: null, currency: null, ...("rawData" in row ? { rawData: null } : {}) };
}

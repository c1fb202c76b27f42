import { sql } from "drizzle-orm";
import { boolean, check, foreignKey, index, integer, jsonb, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";
import { claimed, identity, levels, long, notNegative, percentage, recon, verdicts, verified } from "./recon.ts";
import { posts, affiliateReports } from "./recon-reports.ts";

/** What the platform said of a post, each time it was asked; null is "cannot be known". */
export const platformReports = recon.table(
  "platform_reports",
  {
    ...clientColumn,
    platformReportId: identity("platform_report_id"),
    postId: long("post_id").notNull(),
    platform: text("platform").notNull(),
    /** For which attempt it was asked; null for a manual fetch. */
    reportId: long("report_id"),
    attempt: integer("attempt"),
    views: long("views"),
    clicks: long("clicks"),
    conversions: long("conversions"),
    spend: money("spend"),
    currency: text("currency"),
    hints: jsonb("hints").notNull().default({}),
    rawData: jsonb("raw_data"),
    fetchedAt: instant("fetched_at").notNull().defaultNow(),
    /** Who answered. */
    ...originColumn,
  },
  (table) => [
    originCheck("platform_reports_origin_known", table.origin),
    primaryKey({ name: "platform_reports_key", columns: [table.clientId, table.platformReportId] }),
    unique("platform_reports_attempt").on(table.clientId, table.reportId, table.attempt),
    index("platform_reports_post").on(table.clientId, table.postId, table.platformReportId),
    foreignKey({
      name: "platform_reports_post_id",
      columns: [table.clientId, table.postId],
      foreignColumns: [posts.clientId, posts.postId],
    }),
    notNegative("platform_reports_numbers", [table.views, table.clicks, table.conversions, table.spend]),
    check("platform_reports_currency", sql`${table.spend} is null or ${table.currency} is not null`),
  ],
);

/** Every verdict, one per report and attempt; the latest counts. Triggers refuse every change. */
export const reconciliationLogs = recon.table(
  "reconciliation_logs",
  {
    ...clientColumn,
    logId: identity("log_id"),
    reportId: long("report_id").notNull(),
    attempt: integer("attempt").notNull(),
    postId: long("post_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    platformReportId: long("platform_report_id"),
    verdict: text("verdict").notNull(),
    level: text("level"),
    countsForTrust: boolean("counts_for_trust").notNull(),
    isAccurate: boolean("is_accurate").notNull(),
    worstMetric: text("worst_metric"),
    ...claimed(),
    ...verified(),
    viewsDiscrepancy: long("views_discrepancy"),
    clicksDiscrepancy: long("clicks_discrepancy"),
    conversionsDiscrepancy: long("conversions_discrepancy"),
    viewsDiffPct: percentage("views_diff_pct"),
    clicksDiffPct: percentage("clicks_diff_pct"),
    conversionsDiffPct: percentage("conversions_diff_pct"),
    reason: text("reason").notNull(),
    workflowId: text("workflow_id").notNull(),
    runId: text("_run_id").notNull(),
    processedAt: instant("processed_at").notNull().defaultNow(),
    /** Whose answer it was judged by. */
    ...originColumn,
  },
  (table) => [
    originCheck("reconciliation_logs_origin_known", table.origin),
    primaryKey({ name: "reconciliation_logs_key", columns: [table.clientId, table.logId] }),
    unique("reconciliation_logs_attempt").on(table.clientId, table.reportId, table.attempt),
    // Dashboards name what was made up, and purging finds it, without a look at the rest.
    index("reconciliation_logs_sandbox")
      .on(table.clientId, table.reportId, table.logId)
      .where(sql`${table.origin} = 'sandbox'`),
    // Trust is counted from here, without a look at the table.
    index("reconciliation_logs_affiliate").on(
      table.clientId,
      table.affiliateId,
      table.reportId,
      table.attempt,
      table.logId,
      table.countsForTrust,
      table.isAccurate,
    ),
    foreignKey({
      name: "reconciliation_logs_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
    foreignKey({
      name: "reconciliation_logs_platform_report",
      columns: [table.clientId, table.platformReportId],
      foreignColumns: [platformReports.clientId, platformReports.platformReportId],
    }),
    check("reconciliation_logs_verdict", sql`${table.verdict} in ${verdicts}`),
    check(
      "reconciliation_logs_level",
      sql`(${table.level} in ${levels}) = (${table.verdict} = 'DISCREPANCY') and (${table.level} is null) = (${table.verdict} <> 'DISCREPANCY')`,
    ),
    check("reconciliation_logs_accurate", sql`${table.countsForTrust} or not ${table.isAccurate}`),
    check("reconciliation_logs_attempts", sql`${table.attempt} >= 1`),
  ],
);

/** What changes about a report: how far it is, and its latest verdict. */
export const reportState = recon.table(
  "report_state",
  {
    ...clientColumn,
    reportId: long("report_id").notNull(),
    postId: long("post_id").notNull(),
    campaignId: long("campaign_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    platform: text("platform").notNull(),
    state: text("state").notNull().default("PENDING"),
    detail: text("detail"),
    nextTryAt: instant("next_try_at"),
    /** The attempt under way, or the last one. */
    attempt: integer("attempt").notNull().default(1),
    attemptSince: instant("attempt_since").notNull().defaultNow(),
    tries: integer("tries").notNull().default(0),
    /** Which run asked for this attempt, so that asking twice is asking once. */
    requestedBy: text("requested_by"),
    claimCheckedAt: instant("claim_checked_at"),
    logId: long("log_id"),
    verdict: text("verdict"),
    level: text("level"),
    reconciledAt: instant("reconciled_at"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    /** When its workflow said that it is at it. */
    underWayAt: instant("under_way_at"),
    /** The verdict is MATCHED, and the claim too small to count for trust. */
    saysNothing: boolean("says_nothing").notNull().default(false),
    /** The latest dispute about it, of whichever attempt. */
    disputeId: long("dispute_id"),
  },
  (table) => [
    primaryKey({ name: "report_state_key", columns: [table.clientId, table.reportId] }),
    // What a sweep looks for is little beside what is done.
    index("report_state_open")
      .on(table.updatedAt)
      .where(sql`${table.state} in ('PENDING', 'WAITING')`),
    index("report_state_affiliate").on(table.clientId, table.affiliateId, table.verdict, table.level, table.reportId),
    index("report_state_campaign").on(table.clientId, table.campaignId, table.verdict, table.level, table.reportId),
    // Its reports as they were submitted, a page at a time.
    index("report_state_affiliate_recent").on(table.clientId, table.affiliateId, table.reportId),
    index("report_state_campaign_recent").on(table.clientId, table.campaignId, table.reportId),
    index("report_state_post").on(table.clientId, table.postId, table.reportId),
    index("report_state_discrepancies")
      .on(table.clientId, table.level, table.reportId)
      .where(sql`${table.level} in ('MEDIUM', 'HIGH')`),
    foreignKey({
      name: "report_state_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
    foreignKey({
      name: "report_state_post_id",
      columns: [table.clientId, table.postId],
      foreignColumns: [posts.clientId, posts.postId],
    }),
    foreignKey({
      name: "report_state_log",
      columns: [table.clientId, table.logId],
      foreignColumns: [reconciliationLogs.clientId, reconciliationLogs.logId],
    }),
    check("report_state_state", sql`${table.state} in ('PENDING', 'WAITING', 'RECONCILED', 'STOPPED')`),
    check("report_state_verdict", sql`(${table.logId} is null) = (${table.verdict} is null)`),
  ],
);

/** Each post once, with its latest claim beside the platform's latest numbers: dashboards add these up. */
export const postTotals = recon.table(
  "post_totals",
  {
    ...clientColumn,
    postId: long("post_id").notNull(),
    campaignId: long("campaign_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    platform: text("platform").notNull(),
    reports: integer("reports").notNull(),
    latestReportId: long("latest_report_id").notNull(),
    ...claimed(),
    ...verified(),
    spend: money("spend"),
    currency: text("currency"),
    platformReportId: long("platform_report_id"),
    verifiedAt: instant("verified_at"),
    /** Of the latest report that has one. */
    judgedReportId: long("judged_report_id"),
    verdict: text("verdict"),
    level: text("level"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    /** Some claim of it could be checked; and none of those was too high. */
    countsForTrust: boolean("counts_for_trust").notNull().default(false),
    isAccurate: boolean("is_accurate").notNull().default(false),
    /** As in posts. */
    postKey: text("post_key").notNull(),
    /** The first report of those that count: who claimed the post first. */
    firstReportId: long("first_report_id"),
  },
  (table) => [
    primaryKey({ name: "post_totals_key", columns: [table.clientId, table.postId] }),
    index("post_totals_campaign_posts").on(table.clientId, table.campaignId, table.postId),
    index("post_totals_affiliate").on(table.clientId, table.affiliateId, table.postId),
    // Who claimed this post first?
    index("post_totals_same_post").on(table.clientId, table.platform, table.postKey, table.affiliateId),
    foreignKey({
      name: "post_totals_post",
      columns: [table.clientId, table.postId],
      foreignColumns: [posts.clientId, posts.postId],
    }),
    check("post_totals_accurate", sql`${table.countsForTrust} or not ${table.isAccurate}`),
    check("post_totals_first", sql`${table.countsForTrust} = (${table.firstReportId} is not null)`),
  ],
);

/** An affiliate's objection to a verdict: once per verdict, settled by a person. */
export const disputes = recon.table(
  "disputes",
  {
    ...clientColumn,
    disputeId: identity("dispute_id"),
    logId: long("log_id").notNull(),
    reportId: long("report_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    reason: text("reason").notNull(),
    openedAt: instant("opened_at").notNull().defaultNow(),
    outcome: text("outcome"),
    settledAt: instant("settled_at"),
    settledBy: text("settled_by"),
    notes: text("notes"),
  },
  (table) => [
    primaryKey({ name: "disputes_key", columns: [table.clientId, table.disputeId] }),
    unique("disputes_verdict").on(table.clientId, table.logId),
    index("disputes_affiliate").on(table.clientId, table.affiliateId, table.disputeId),
    index("disputes_report").on(table.clientId, table.reportId, table.disputeId),
    foreignKey({
      name: "disputes_log",
      columns: [table.clientId, table.logId],
      foreignColumns: [reconciliationLogs.clientId, reconciliationLogs.logId],
    }),
    check("disputes_outcome", sql`${table.outcome} in ('affiliate', 'platform')`),
    check(
      "disputes_settled",
      sql`(${table.outcome} is null) = (${table.settledAt} is null) and (${table.outcome} is null) = (${table.settledBy} is null)`,
    ),
  ],
);

import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, money } from "./columns.ts";
import { ops } from "./ops.ts";

export const recon = pgSchema("recon");

/** Leaves Postgres as text: the driver makes numbers of bigint columns, so statements cast ids and counts. */
const long = (name: string) => bigint(name, { mode: "bigint" });
const identity = (name: string) => long(name).notNull().generatedAlwaysAsIdentity();
/** A share of something: 3.27 is 3.27 %. A claim may be above the platform's number by any factor. */
const percentage = (name: string) => numeric(name, { precision: 26, scale: 2 });

const claimed = () => ({
  claimedViews: long("claimed_views").notNull(),
  claimedClicks: long("claimed_clicks").notNull(),
  claimedConversions: long("claimed_conversions").notNull(),
});
/** Null is "cannot be known", never zero. */
const verified = () => ({
  verifiedViews: long("verified_views"),
  verifiedClicks: long("verified_clicks"),
  verifiedConversions: long("verified_conversions"),
});
const notNegative = (name: string, columns: AnyPgColumn[]) =>
  check(
    name,
    sql.join(
      columns.map((column) => sql`${column} >= 0`),
      sql` and `,
    ),
  );

const verdicts = sql`('MATCHED', 'DISCREPANCY', 'UNVERIFIABLE', 'POST_DELETED', 'POST_UNKNOWN')`;
const levels = sql`('LOW', 'MEDIUM', 'HIGH')`;

export const campaigns = recon.table(
  "campaigns",
  {
    ...clientColumn,
    campaignId: identity("campaign_id"),
    advertiserId: text("advertiser_id").notNull(),
    name: text("name").notNull(),
    startsOn: date("starts_on"),
    endsOn: date("ends_on"),
    status: text("status").notNull().default("active"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "campaigns_key", columns: [table.clientId, table.campaignId] }),
    unique("campaigns_name").on(table.clientId, table.advertiserId, table.name),
    check("campaigns_status", sql`${table.status} in ('active', 'paused', 'ended')`),
    check("campaigns_dates", sql`${table.endsOn} >= ${table.startsOn}`),
  ],
);

/** A platform has a row once a campaign of the client runs on it; what it can do is the connectors' to say. */
export const platforms = recon.table(
  "platforms",
  { ...clientColumn, platform: text("platform").notNull(), createdAt: instant("created_at").notNull().defaultNow() },
  (table) => [primaryKey({ name: "platforms_key", columns: [table.clientId, table.platform] })],
);

export const campaignPlatforms = recon.table(
  "campaign_platforms",
  {
    ...clientColumn,
    campaignId: long("campaign_id").notNull(),
    platform: text("platform").notNull(),
    assignedAt: instant("assigned_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "campaign_platforms_key", columns: [table.clientId, table.campaignId, table.platform] }),
    foreignKey({
      name: "campaign_platforms_campaign",
      columns: [table.clientId, table.campaignId],
      foreignColumns: [campaigns.clientId, campaigns.campaignId],
    }),
    foreignKey({
      name: "campaign_platforms_platform",
      columns: [table.clientId, table.platform],
      foreignColumns: [platforms.clientId, platforms.platform],
    }),
  ],
);

export const affiliates = recon.table(
  "affiliates",
  {
    ...clientColumn,
    affiliateId: identity("affiliate_id"),
    name: text("name").notNull(),
    emailHash: text("email_hash"),
    emailSealed: bytes("email_sealed"),
    discordUserHash: text("discord_user_hash"),
    apiKeyHash: text("api_key_hash"),
    apiKeyPrefix: text("api_key_prefix"),
    apiKeyIssuedAt: instant("api_key_issued_at"),
    trustScore: numeric("trust_score", { precision: 3, scale: 2 }).notNull().default("1.00"),
    totalSubmissions: integer("total_submissions").notNull().default(0),
    accurateSubmissions: integer("accurate_submissions").notNull().default(0),
    isActive: boolean("is_active").notNull().default(true),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "affiliates_key", columns: [table.clientId, table.affiliateId] }),
    unique("affiliates_name").on(table.clientId, table.name),
    uniqueIndex("affiliates_email")
      .on(table.clientId, table.emailHash)
      .where(sql`${table.emailHash} is not null`),
    uniqueIndex("affiliates_discord")
      .on(table.clientId, table.discordUserHash)
      .where(sql`${table.discordUserHash} is not null`),
    // Whoever shows a key has not said yet whose client it is.
    uniqueIndex("affiliates_api_key")
      .on(table.apiKeyHash)
      .where(sql`${table.apiKeyHash} is not null`),
    check("affiliates_trust", sql`${table.trustScore} between 0 and 1`),
    check("affiliates_counts", sql`${table.accurateSubmissions} between 0 and ${table.totalSubmissions}`),
  ],
);

/** What an affiliate lets us see at a platform, sealed: the token in use, and one that was given and is still being tried. */
export const affiliateTokens = recon.table(
  "affiliate_tokens",
  {
    ...clientColumn,
    affiliateId: long("affiliate_id").notNull(),
    platform: text("platform").notNull(),
    sealed: bytes("sealed"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    offeredSealed: bytes("offered_sealed"),
    offerId: uuid("offer_id"),
    worksSince: instant("works_since"),
    failingSince: instant("failing_since"),
    checkedAt: instant("checked_at"),
    lastError: text("last_error"),
  },
  (table) => [
    primaryKey({ name: "affiliate_tokens_key", columns: [table.clientId, table.affiliateId, table.platform] }),
    foreignKey({
      name: "affiliate_tokens_affiliate",
      columns: [table.clientId, table.affiliateId],
      foreignColumns: [affiliates.clientId, affiliates.affiliateId],
    }),
    check("affiliate_tokens_sealed", sql`${table.sealed} is not null or ${table.offeredSealed} is not null`),
    check("affiliate_tokens_offer", sql`(${table.offeredSealed} is null) = (${table.offerId} is null)`),
  ],
);

/**
 * One row per address an affiliate submitted for a campaign. A share link that turned out to lead to another address
 * names that post in `joinedPostId`, and its reports count there.
 */
export const posts = recon.table(
  "posts",
  {
    ...clientColumn,
    postId: identity("post_id"),
    campaignId: long("campaign_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    platform: text("platform").notNull(),
    url: text("url").notNull(),
    platformPostId: text("platform_post_id"),
    isShareLink: boolean("is_share_link").notNull().default(false),
    joinedPostId: long("joined_post_id"),
    title: text("title"),
    description: text("description"),
    postedAt: instant("posted_at"),
    isReconciled: boolean("is_reconciled").notNull().default(false),
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "posts_key", columns: [table.clientId, table.postId] }),
    unique("posts_url").on(table.clientId, table.campaignId, table.platform, table.url, table.affiliateId),
    // Who else claims this address?
    index("posts_same_url").on(table.clientId, table.platform, table.url, table.affiliateId),
    index("posts_affiliate").on(table.clientId, table.affiliateId, table.postId),
    foreignKey({
      name: "posts_campaign",
      columns: [table.clientId, table.campaignId],
      foreignColumns: [campaigns.clientId, campaigns.campaignId],
    }),
    foreignKey({
      name: "posts_platform",
      columns: [table.clientId, table.platform],
      foreignColumns: [platforms.clientId, platforms.platform],
    }),
    foreignKey({
      name: "posts_affiliate_id",
      columns: [table.clientId, table.affiliateId],
      foreignColumns: [affiliates.clientId, affiliates.affiliateId],
    }),
    foreignKey({
      name: "posts_joined",
      columns: [table.clientId, table.joinedPostId],
      foreignColumns: [table.clientId, table.postId],
    }),
    check("posts_joined_elsewhere", sql`${table.joinedPostId} <> ${table.postId}`),
  ],
);

/** What affiliates claimed, for ever as it came: triggers refuse every change. What changes lies in `report_state`. */
export const affiliateReports = recon.table(
  "affiliate_reports",
  {
    ...clientColumn,
    reportId: identity("report_id"),
    /** As submitted; `report_state.post_id` is the post it counts for. */
    postId: long("post_id").notNull(),
    affiliateId: long("affiliate_id").notNull(),
    ...claimed(),
    /** Empty: evidence lies sealed in `report_evidence`. */
    evidenceData: jsonb("evidence_data"),
    submissionMethod: text("submission_method").notNull(),
    submissionKey: text("submission_key").notNull(),
    contentHash: text("content_hash").notNull(),
    submittedAt: instant("submitted_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "affiliate_reports_key", columns: [table.clientId, table.reportId] }),
    unique("affiliate_reports_submission").on(table.clientId, table.affiliateId, table.submissionKey),
    index("affiliate_reports_recent").on(table.clientId, table.affiliateId, table.reportId),
    index("affiliate_reports_post").on(table.clientId, table.postId, table.reportId),
    foreignKey({
      name: "affiliate_reports_post_id",
      columns: [table.clientId, table.postId],
      foreignColumns: [posts.clientId, posts.postId],
    }),
    foreignKey({
      name: "affiliate_reports_affiliate",
      columns: [table.clientId, table.affiliateId],
      foreignColumns: [affiliates.clientId, affiliates.affiliateId],
    }),
    notNegative("affiliate_reports_claims", [table.claimedViews, table.claimedClicks, table.claimedConversions]),
    check("affiliate_reports_method", sql`${table.submissionMethod} in ('API', 'DISCORD')`),
    check("affiliate_reports_evidence", sql`${table.evidenceData} is null`),
  ],
);

/**
 * What an affiliate added to a claim, sealed. In a table of its own, as reports only grow and this is deleted when it was
 * kept for long enough.
 */
export const reportEvidence = recon.table(
  "report_evidence",
  {
    ...clientColumn,
    reportId: long("report_id").notNull(),
    sealed: bytes("sealed"),
    /** Moved here by a migration, which has no key; sealed by the next sweep that has one. */
    unsealed: jsonb("unsealed"),
    keptUntil: instant("kept_until").notNull(),
  },
  (table) => [
    primaryKey({ name: "report_evidence_key", columns: [table.clientId, table.reportId] }),
    index("report_evidence_expiry").on(table.keptUntil),
    index("report_evidence_unsealed")
      .on(table.clientId, table.reportId)
      .where(sql`${table.unsealed} is not null`),
    foreignKey({
      name: "report_evidence_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
    check("report_evidence_once", sql`(${table.sealed} is null) <> (${table.unsealed} is null)`),
  ],
);

/** What the platform said of a post, each time it was asked; null is "cannot be known". */
export const platformReports = recon.table(
  "platform_reports",
  {
    ...clientColumn,
    platformReportId: identity("platform_report_id"),
    postId: long("post_id").notNull(),
    platform: text("platform").notNull(),
    /** For which attempt it was asked; null when somebody only wanted to look. */
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
  },
  (table) => [
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
  },
  (table) => [
    primaryKey({ name: "reconciliation_logs_key", columns: [table.clientId, table.logId] }),
    unique("reconciliation_logs_attempt").on(table.clientId, table.reportId, table.attempt),
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
  },
  (table) => [
    primaryKey({ name: "report_state_key", columns: [table.clientId, table.reportId] }),
    // What a sweep looks for is little beside what is done.
    index("report_state_open")
      .on(table.updatedAt)
      .where(sql`${table.state} in ('PENDING', 'WAITING')`),
    index("report_state_affiliate").on(table.clientId, table.affiliateId, table.verdict, table.level, table.reportId),
    index("report_state_campaign").on(table.clientId, table.campaignId, table.verdict, table.level, table.reportId),
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
  },
  (table) => [
    primaryKey({ name: "post_totals_key", columns: [table.clientId, table.postId] }),
    index("post_totals_campaign").on(table.clientId, table.campaignId, table.platform, table.postId),
    index("post_totals_affiliate").on(table.clientId, table.affiliateId, table.postId),
    foreignKey({
      name: "post_totals_post",
      columns: [table.clientId, table.postId],
      foreignColumns: [posts.clientId, posts.postId],
    }),
    check("post_totals_accurate", sql`${table.countsForTrust} or not ${table.isAccurate}`),
  ],
);

/** What happened to a report, step by step; triggers refuse every change. */
export const reportSteps = recon.table(
  "report_steps",
  {
    ...clientColumn,
    reportId: long("report_id").notNull(),
    stepId: identity("step_id"),
    attempt: integer("attempt").notNull(),
    step: text("step").notNull(),
    detail: text("detail").notNull(),
    workflowId: text("workflow_id"),
    at: instant("at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "report_steps_key", columns: [table.clientId, table.reportId, table.stepId] }),
    foreignKey({
      name: "report_steps_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
    check(
      "report_steps_step",
      sql`${table.step} in ('accepted', 'link_resolved', 'waiting', 'fetched', 'verdict', 'rerun_requested', 'stopped', 'disputed', 'settled')`,
    ),
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

/** A manual run over a report, a post, an affiliate or a campaign. */
export const runs = recon.table(
  "runs",
  {
    ...clientColumn,
    runId: text("run_id").notNull(),
    scope: text("scope").notNull(),
    scopeId: text("scope_id").notNull(),
    requestedBy: text("requested_by").notNull(),
    startedAt: instant("started_at").notNull().defaultNow(),
    finishedAt: instant("finished_at"),
    planned: integer("planned").notNull(),
    outcome: text("outcome").notNull().default("running"),
    reason: text("reason"),
    /** Only each post's latest report; null for runs of before this was kept. */
    latestOnly: boolean("latest_only"),
  },
  (table) => [
    primaryKey({ name: "runs_key", columns: [table.clientId, table.runId] }),
    index("runs_recent").on(table.clientId, table.startedAt),
    check("runs_scope", sql`${table.scope} in ('report', 'post', 'affiliate', 'campaign')`),
    check("runs_outcome", sql`${table.outcome} in ('running', 'completed', 'failed', 'cancelled')`),
  ],
);

/** The reports of a manual run, and the attempt each was given. */
export const runReports = recon.table(
  "run_reports",
  {
    ...clientColumn,
    runId: text("run_id").notNull(),
    reportId: long("report_id").notNull(),
    attempt: integer("attempt").notNull(),
    failure: text("failure"),
  },
  (table) => [
    primaryKey({ name: "run_reports_key", columns: [table.clientId, table.runId, table.reportId] }),
    foreignKey({
      name: "run_reports_run",
      columns: [table.clientId, table.runId],
      foreignColumns: [runs.clientId, runs.runId],
    }),
    foreignKey({
      name: "run_reports_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
  ],
);

/** How a client reaches a platform, where a person set it; else the settings hold. Credentials are sealed. */
export const platformConfig = recon.table(
  "platform_config",
  {
    ...clientColumn,
    platform: text("platform").notNull(),
    mode: text("mode").notNull(),
    sealed: bytes("sealed"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    updatedBy: text("updated_by").notNull(),
  },
  (table) => [
    primaryKey({ name: "platform_config_key", columns: [table.clientId, table.platform] }),
    check("platform_config_mode", sql`${table.mode} in ('real', 'sandbox')`),
  ],
);

/** Whom to tell of a verdict in Discord: the token, sealed, for its 15 minutes. */
export const discordInteractions = recon.table(
  "discord_interactions",
  {
    ...clientColumn,
    reportId: long("report_id").notNull(),
    applicationId: text("application_id").notNull(),
    sealed: bytes("sealed").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (table) => [
    primaryKey({ name: "discord_interactions_key", columns: [table.clientId, table.reportId] }),
    index("discord_interactions_expiry").on(table.expiresAt),
    foreignKey({
      name: "discord_interactions_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
  ],
);

/** Whether a platform works with the client's own account, as activities saw it last. */
export const platformHealth = ops.table(
  "platform_health",
  {
    ...clientColumn,
    platform: text("platform").notNull(),
    worksSince: instant("works_since"),
    failingSince: instant("failing_since"),
    lastOkAt: instant("last_ok_at"),
    lastErrorAt: instant("last_error_at"),
    lastErrorKind: text("last_error_kind"),
    lastError: text("last_error"),
    quotaLeftPct: numeric("quota_left_pct", { precision: 5, scale: 2 }),
    quotaResetsAt: instant("quota_resets_at"),
    quotaSeenAt: instant("quota_seen_at"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: "platform_health_key", columns: [table.clientId, table.platform] })],
);

import { sql } from "drizzle-orm";
import { boolean, check, foreignKey, index, integer, jsonb, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { claimed, identity, long, notNegative, recon } from "./recon.ts";
import { campaigns, platforms } from "./recon-campaigns.ts";
import { affiliates } from "./recon-affiliates.ts";

/**
 * One row per post an affiliate claims for a campaign. A share link that turned out to lead to another address names
 * that post in `joinedPostId`, and its reports count there.
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
    /** One post has one, in whatever spelling it was submitted: an ad's id is the same in every tab of the Ads Manager. */
    postKey: text("post_key")
      .notNull()
      .generatedAlwaysAs(sql`coalesce(platform_post_id, url)`),
    partOf: text("part_of").array(),
  },
  (table) => [
    primaryKey({ name: "posts_key", columns: [table.clientId, table.postId] }),
    unique("posts_once").on(table.clientId, table.campaignId, table.platform, table.postKey, table.affiliateId),
    // Who else claims this post?
    index("posts_same_post").on(table.clientId, table.platform, table.postKey, table.affiliateId),
    // What is claimed of its parts?
    index("posts_part_of")
      .using("gin", table.partOf)
      .where(sql`${table.partOf} is not null`),
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
    /** That of the affiliate, as it was then: what the sandbox made up may be deleted, and nothing else. */
    ...originColumn,
  },
  (table) => [
    originCheck("affiliate_reports_origin_known", table.origin),
    primaryKey({ name: "affiliate_reports_key", columns: [table.clientId, table.reportId] }),
    unique("affiliate_reports_submission").on(table.clientId, table.affiliateId, table.submissionKey),
    index("affiliate_reports_recent").on(table.clientId, table.affiliateId, table.reportId),
    index("affiliate_reports_by_views").on(table.clientId, table.claimedViews, table.reportId),
    index("affiliate_reports_by_clicks").on(table.clientId, table.claimedClicks, table.reportId),
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

/** Where a verdict is sent in Discord: the token, sealed, for its 15 minutes. */
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

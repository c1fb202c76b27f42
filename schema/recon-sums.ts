import { bigint, boolean, date, index, numeric, text, unique } from "drizzle-orm/pg-core";
import { clientColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { long, recon } from "./recon.ts";

const count = (name: string) => bigint(name, { mode: "number" }).notNull();
const total = (name: string) => numeric(name, { precision: 38, scale: 0 }).notNull();
const affiliateId = long("affiliate_id").notNull();
const ofAffiliate = { campaignId: long("campaign_id").notNull(), affiliateId };
const judged = { verdict: text("verdict"), level: text("level") };

/** Kept by triggers on reports and posts, in the transaction that changes them: views/recon-sums.sql. */
export const verdictCounts = recon.table(
  "verdict_counts",
  { ...clientColumn, ...ofAffiliate, ...judged, reports: count("reports") },
  (table) => [
    unique("verdict_counts_key")
      .on(table.clientId, table.campaignId, table.affiliateId, table.verdict, table.level)
      .nullsNotDistinct(),
    index("verdict_counts_affiliate").on(table.clientId, table.affiliateId, table.campaignId),
  ],
);

export const verdictDays = recon.table(
  "verdict_days",
  {
    ...clientColumn,
    affiliateId,
    date: date("date").notNull(),
    verdict: text("verdict").notNull(),
    level: text("level"),
    saysNothing: boolean("says_nothing").notNull(),
    reports: count("reports"),
  },
  (table) => [
    unique("verdict_days_key")
      .on(table.clientId, table.affiliateId, table.date, table.verdict, table.level, table.saysNothing)
      .nullsNotDistinct(),
  ],
);

export const postSums = recon.table(
  "post_sums",
  {
    ...clientColumn,
    ...ofAffiliate,
    platform: text("platform").notNull(),
    currency: text("currency"),
    posts: count("posts"),
    reports: count("reports"),
    postsWithSpend: count("posts_with_spend"),
    spend: numeric("spend", { precision: 38, scale: 6 }).notNull(),
    claimedViews: total("claimed_views"),
    claimedClicks: total("claimed_clicks"),
    claimedConversions: total("claimed_conversions"),
    comparableViews: total("comparable_views"),
    comparableClicks: total("comparable_clicks"),
    comparableConversions: total("comparable_conversions"),
    verifiedViews: total("verified_views"),
    verifiedClicks: total("verified_clicks"),
    verifiedConversions: total("verified_conversions"),
    postsWithViews: count("posts_with_views"),
    postsWithClicks: count("posts_with_clicks"),
    postsWithConversions: count("posts_with_conversions"),
  },
  (table) => [
    unique("post_sums_key")
      .on(table.clientId, table.campaignId, table.affiliateId, table.platform, table.currency)
      .nullsNotDistinct(),
  ],
);

const words = {
  campaignId: "The campaign, as in recon.campaigns.",
  affiliateId: "The affiliate, as in recon.affiliates.",
  reports: "How many reports.",
};

describeTable(verdictCounts, "Reports by campaign, affiliate and latest verdict.", {
  ...words,
  verdict: "As in recon.report_state; null: none yet.",
  level: "As in recon.report_state.",
});

describeTable(verdictDays, "Reports by affiliate and day of the latest verdict.", {
  affiliateId: words.affiliateId,
  reports: words.reports,
  date: "The day of the verdict, in UTC.",
  verdict: "As in recon.report_state.",
  level: "As in recon.report_state.",
  saysNothing: "As in recon.report_state.",
});

describeTable(
  postSums,
  "Sums of recon.post_totals by campaign, affiliate and platform. What the platform says of a post that several claim in one campaign is counted once, of the row that was verified last.",
  {
    ...words,
    platform: "The platform by its name: reddit, instagram, meta.",
    currency: "Of the post's spend; null where the platform reports none.",
    posts: "How many posts.",
    postsWithSpend: "Of how many the spend is known.",
    spend: "What was spent, as far as it is known.",
    claimedViews: "Views of the latest claims.",
    claimedClicks: "Clicks of the latest claims.",
    claimedConversions: "Conversions of the latest claims.",
    comparableViews: "Those of posts whose views the platform reports.",
    comparableClicks: "Those of posts whose clicks the platform reports.",
    comparableConversions: "Those of posts whose conversions the platform reports.",
    verifiedViews: "Views as the platform says.",
    verifiedClicks: "Clicks as the platform says.",
    verifiedConversions: "Conversions as the platform says.",
    postsWithViews: "Of how many posts the platform reports views.",
    postsWithClicks: "Of how many posts the platform reports clicks.",
    postsWithConversions: "Of how many posts the platform reports conversions.",
  },
);

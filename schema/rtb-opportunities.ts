import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  primaryKey,
  text,
  unique,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { rtb } from "./rtb.ts";

const cents = (name: string) => numeric(name, { precision: 18, scale: 2 });

/** One for each campaign and part of it that was ever worth a recommendation: it keeps its number over nights. */
export const opportunities = rtb.table(
  "opportunities",
  {
    ...clientColumn,
    opportunityId: bigint("opportunity_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    insightType: text("insight_type").notNull(),
    campaignId: bigint("campaign_id", { mode: "number" }).notNull(),
    subject: text("subject").notNull(),
    geography: text("geography"),
    size: text("size"),
    creativeId: bigint("creative_id", { mode: "bigint" }),
    state: text("state").notNull().default("new"),
    stateReason: text("state_reason"),
    stateBy: text("state_by"),
    stateAt: instant("state_at").notNull().defaultNow(),
    snoozedUntil: date("snoozed_until"),
    doneOn: date("done_on"),
    currentMetricName: text("current_metric_name").notNull().default("CPC"),
    currentMetricValue: numeric("current_metric_value", { precision: 18, scale: 6 }).notNull(),
    referenceValue: numeric("reference_value", { precision: 18, scale: 6 }).notNull(),
    recommendation: text("recommendation").notNull(),
    basis: text("basis").notNull(),
    currentSpendWeekly: cents("current_spend_weekly").notNull(),
    targetSpendWeekly: cents("target_spend_weekly").notNull(),
    potentialSavingsWeekly: cents("potential_savings_weekly").notNull(),
    potentialSavingsWeeklyLow: cents("potential_savings_weekly_low").notNull(),
    confidenceScore: doublePrecision("confidence_score").notNull(),
    blockedBy: text("blocked_by"),
    windowFrom: date("window_from").notNull(),
    windowTo: date("window_to").notNull(),
    evidence: jsonb("evidence").notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    heldOn: date("held_on").notNull(),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("opportunities_origin_known", table.origin),
    primaryKey({ name: "opportunities_id", columns: [table.clientId, table.opportunityId] }),
    unique("opportunities_part").on(table.clientId, table.insightType, table.campaignId, table.subject),
    index("opportunities_savings").on(
      table.clientId,
      table.potentialSavingsWeekly.desc().nullsFirst(),
      table.opportunityId,
    ),
    check(
      "opportunities_type",
      sql`${table.insightType} in ('undervalued_geo', 'high_cpc_low_spend', 'size_gap', 'neglected_creative')`,
    ),
    check(
      "opportunities_state",
      sql`${table.state} in ('new', 'seen', 'dismissed', 'snoozed', 'planned', 'done', 'gone')`,
    ),
    check("opportunities_confidence", sql`${table.confidenceScore} between 0 and 1`),
  ],
);

/** What was tested, whether listed or not: how many nights, so that looking again and again does not make chance a finding. */
export const opportunityTests = rtb.table(
  "opportunity_tests",
  {
    ...clientColumn,
    insightType: text("insight_type").notNull(),
    campaignId: bigint("campaign_id", { mode: "number" }).notNull(),
    subject: text("subject").notNull(),
    nights: integer("nights").notNull(),
    lastNight: date("last_night").notNull(),
    confidence: doublePrecision("confidence").notNull(),
    p: doublePrecision("p").notNull(),
  },
  (table) => [
    primaryKey({
      name: "opportunity_tests_key",
      columns: [table.clientId, table.insightType, table.campaignId, table.subject],
    }),
  ],
);

/** One for each time that was looked for opportunities. */
export const opportunityRuns = rtb.table(
  "opportunity_runs",
  {
    ...clientColumn,
    opportunityRunId: bigint("opportunity_run_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    endedAt: instant("ended_at").notNull().defaultNow(),
    windowFrom: date("window_from").notNull(),
    windowTo: date("window_to").notNull(),
    daysWithData: integer("days_with_data").notNull(),
    campaigns: integer("campaigns").notNull(),
    tested: integer("tested").notNull(),
    listed: integer("listed").notNull(),
    created: integer("created").notNull(),
    gone: integer("gone").notNull(),
    blocked: integer("blocked").notNull(),
    togetherness: jsonb("togetherness").notNull(),
    records: text("records").notNull(),
    workflowId: text("workflow_id").notNull(),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("opportunity_runs_origin_known", table.origin),
    primaryKey({ name: "opportunity_runs_id", columns: [table.clientId, table.opportunityRunId] }),
    unique("opportunity_runs_run").on(table.clientId, table.runId),
  ],
);

/** What became of an opportunity, in order. A row is never changed. */
export const opportunityChanges = rtb.table(
  "opportunity_changes",
  {
    ...clientColumn,
    changeId: bigint("change_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    opportunityId: bigint("opportunity_id", { mode: "number" }).notNull(),
    at: instant("at").notNull().defaultNow(),
    actor: text("actor").notNull(),
    role: text("role"),
    fromState: text("from_state"),
    toState: text("to_state").notNull(),
    reason: text("reason"),
  },
  (table) => [
    primaryKey({ name: "opportunity_changes_key", columns: [table.clientId, table.changeId] }),
    index("opportunity_changes_opportunity").on(table.clientId, table.opportunityId),
  ],
);

/** Of the last search: what each genre paid for clicks in each country. */
export const geographicCells = rtb.table(
  "geographic_cells",
  {
    ...clientColumn,
    genre: text("genre").notNull(),
    geography: text("geography").notNull(),
    campaigns: integer("campaigns").notNull(),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    spend: numeric("spend", { precision: 38, scale: 6 }).notNull(),
    impressions: bigint("impressions", { mode: "number" }).notNull(),
    isEnough: boolean("is_enough").notNull(),
    windowFrom: date("window_from").notNull(),
    windowTo: date("window_to").notNull(),
  },
  (table) => [primaryKey({ name: "geographic_cells_key", columns: [table.clientId, table.genre, table.geography] })],
);

/** Of the last search: two countries that differ in one genre otherwise than in the others. */
export const geographicPatterns = rtb.table(
  "geographic_patterns",
  {
    ...clientColumn,
    genre: text("genre").notNull(),
    dear: text("dear").notNull(),
    cheap: text("cheap").notNull(),
    ratio: doublePrecision("ratio").notNull(),
    othersRatio: doublePrecision("others_ratio").notNull(),
    factor: doublePrecision("factor").notNull(),
    low: doublePrecision("low").notNull(),
    high: doublePrecision("high").notNull(),
    confidence: doublePrecision("confidence").notNull(),
    campaigns: bigint("campaigns", { mode: "number" }).array().notNull(),
    otherGenres: text("other_genres").array().notNull(),
    spendWeekly: cents("spend_weekly").notNull(),
    savingsWeekly: cents("savings_weekly").notNull(),
    windowFrom: date("window_from").notNull(),
    windowTo: date("window_to").notNull(),
  },
  (table) => [
    primaryKey({ name: "geographic_patterns_key", columns: [table.clientId, table.genre, table.dear, table.cheap] }),
  ],
);

const originText = "real; sandbox: computed from made-up rows; unknown: from rows stored before this was recorded.";

describeTable(
  opportunities,
  "What could be bought for less: one row for each campaign and part of it, with its evidence and what became of it.",
  {
    opportunityId: "Number of the opportunity; it stays over nights.",
    insightType: "undervalued_geo, high_cpc_low_spend, size_gap or neglected_creative.",
    campaignId: "The campaign.",
    subject: "What part of it: the geography, the size, our number of the creative; empty for the campaign itself.",
    geography: "The country; null for other types.",
    size: "The size that is missing; null for other types.",
    creativeId: "Our number of the creative; null for other types.",
    state: "new, seen, dismissed, snoozed, planned, done, or gone: it does not hold any more.",
    stateReason: "Why a person said so; null where the search did.",
    stateBy: "Who put it there: the subject of a token or session; null where the search did.",
    stateAt: "Since when it is so.",
    snoozedUntil: "The first day on which it comes back; null unless it is snoozed.",
    doneOn: "The client's day on which it was done: what came of it is measured from then on; null unless it was.",
    currentMetricName: "What is measured: CPC.",
    currentMetricValue:
      "Price per click of the part in the window; estimated for a size that the campaign does not have.",
    referenceValue:
      "Price per click of the rest of the campaign, without the part; of the other campaigns for a campaign.",
    recommendation: "What to do, in words.",
    basis: "How the savings were computed, in words.",
    currentSpendWeekly: "Spent on it per week, of the window; rounded to the cent.",
    targetSpendWeekly: "What it would be raised to.",
    potentialSavingsWeekly:
      "What the clicks of the raise would cost less per week: at today's volume, a test and not a forecast.",
    potentialSavingsWeeklyLow: "The same by the price that is at most to be feared, with 90 % confidence.",
    confidenceScore: "How sure it is that the part is cheaper than the rest, 0 to 1.",
    blockedBy:
      "Why it is not recommended though it is cheap: invalid traffic or few viewable impressions; null if nothing speaks against it.",
    windowFrom: "First day of the 28 that were looked at.",
    windowTo: "Last day.",
    evidence: "All figures that it follows from, as JSON.",
    createdAt: "When it was first listed.",
    updatedAt: "When its figures last changed.",
    heldOn: "Last day of the last window in which it was listed.",
    origin: originText,
  },
);

describeTable(opportunityTests, "Everything that was ever tested for an opportunity, and on how many nights.", {
  insightType: "The type it was tested for.",
  campaignId: "The campaign.",
  subject: "What part of it.",
  nights: "On how many nights: the more, the surer it must be.",
  lastNight: "Last day of the last window.",
  confidence: "How sure it was then that the part is cheaper.",
  p: "1 − confidence, with all its digits.",
});

describeTable(opportunityRuns, "Each time that was looked for opportunities.", {
  opportunityRunId: "Number of the run.",
  endedAt: "When it was stored.",
  windowFrom: "First day of the 28.",
  windowTo: "Last day: the last that is over and has data.",
  daysWithData: "How many of the 28 have data.",
  campaigns: "Campaigns with spend in the window.",
  tested: "Parts of campaigns above the floors: all were tested.",
  listed: "Of these, how many are opportunities.",
  created: "Of these, how many are new.",
  gone: "Opportunities that do not hold any more.",
  blocked: "Opportunities that are not recommended because of their quality.",
  togetherness: "How much more weeks vary than independent days would make them, by breakdown, as JSON.",
  records: "State of the rows it was computed from: another state, another text.",
  workflowId: "The workflow that did it.",
  origin: originText,
});

describeTable(opportunityChanges, "What became of each opportunity, in order.", {
  changeId: "Number of the change.",
  opportunityId: "The opportunity.",
  at: "When.",
  actor: "Who: the subject of a token or session, or the workflow.",
  role: "Their role; null for the workflow.",
  fromState: "Its state before; null for the first.",
  toState: "Its state after.",
  reason: "Why; null where no reason was given.",
});

describeTable(
  geographicCells,
  "What each genre of campaigns paid for clicks in each country, in the 28 days of the last search.",
  {
    genre: "The genre; unclassified where a campaign has none.",
    geography: "The country.",
    campaigns: "Campaigns of the genre with clicks or spend there.",
    clicks: "Their clicks.",
    spend: "Their spend.",
    impressions: "Their impressions.",
    isEnough: "Whether that is enough to say a price: 100 clicks and 20 of spend.",
    windowFrom: "First day of the 28.",
    windowTo: "Last day.",
  },
);

describeTable(
  geographicPatterns,
  "Two countries that differ in one genre otherwise than in the others, in the 28 days of the last search.",
  {
    genre: "The genre.",
    dear: "Where its clicks are dear, for what others pay there.",
    cheap: "Where they are cheap.",
    ratio: "Price in the dear country by the price in the cheap one, of this genre.",
    othersRatio: "The same of the other genres: their median.",
    factor: "The first by the second.",
    low: "With 90 % confidence the factor lies between this",
    high: "and this.",
    confidence: "How sure it is that the genre differs, 0 to 1.",
    campaigns: "The campaigns that show it, each on its own.",
    otherGenres: "The genres it was held against.",
    spendWeekly: "Spent on the genre in the dear country per week.",
    savingsWeekly: "What the same clicks would cost less in the cheap one.",
    windowFrom: "First day of the 28.",
    windowTo: "Last day.",
  },
);

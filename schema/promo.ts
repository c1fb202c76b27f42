import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  numeric,
  pgSchema,
  primaryKey,
  text,
  unique,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const promo = pgSchema("promo");

const count = (name: string) => bigint(name, { mode: "number" }).notNull().default(0);

/** In percent and without a cap: clicks can be more than recipients. */
const rate = (name: string, of: { clicks: string; impressions: string }) =>
  numeric(name).generatedAlwaysAs(sql.raw(`round(100.0 * ${of.clicks} / nullif(${of.impressions}, 0), 2)`));

/** Chosen by a caller of the table, or by the sequence: links that are out already carry numbers of their own. */
const number = (name: string) => integer(name).notNull().generatedByDefaultAsIdentity();

const changedColumns = {
  createdAt: instant("created_at").notNull().defaultNow(),
  updatedAt: instant("updated_at").notNull().defaultNow(),
};

/** Archived instead of deleted, as what was counted stays. Ids and slugs are unique over all clients: a link names no client. */
export const promoOffers = promo.table(
  "promo_offers",
  {
    ...clientColumn,
    id: number("id"),
    name: text("name").notNull(),
    offerType: text("offer_type").notNull().default("affiliate"),
    slug: text("slug").notNull(),
    destinationUrl: text("destination_url").notNull(),
    clickIdParameter: text("click_id_parameter"),
    landingUrl: text("landing_url"),
    weight: numeric("weight", { precision: 12, scale: 4 }).notNull().default("1"),
    active: boolean("active").notNull().default(true),
    archived: boolean("archived").notNull().default(false),
    totalImpressions: count("total_impressions"),
    totalClicks: count("total_clicks"),
    totalRawClicks: count("total_raw_clicks"),
    totalBotClicks: count("total_bot_clicks"),
    totalRepeatClicks: count("total_repeat_clicks"),
    ctr: rate("ctr", { clicks: "total_clicks", impressions: "total_impressions" }),
    rawCtr: rate("raw_ctr", { clicks: "total_raw_clicks", impressions: "total_impressions" }),
    ...changedColumns,
    ...originColumn,
  },
  (table) => [
    originCheck("promo_offers_origin_known", table.origin),
    primaryKey({ name: "promo_offers_key", columns: [table.clientId, table.id] }),
    unique("promo_offers_id").on(table.id),
    unique("promo_offers_slug").on(table.slug),
    check("promo_offers_slug_form", sql`${table.slug} ~ '^[a-z0-9][a-z0-9-]{0,99}$'`),
    check("promo_offers_destination", sql`${table.destinationUrl} ~ '^https?://'`),
    check("promo_offers_parameter", sql`${table.clickIdParameter} ~ '^[A-Za-z0-9_.-]{1,50}$'`),
    check("promo_offers_weight", sql`${table.weight} >= 0`),
  ],
);

export const promoTextVariations = promo.table(
  "promo_text_variations",
  {
    ...clientColumn,
    id: number("id"),
    offerId: integer("offer_id").notNull(),
    textContent: text("text_content").notNull(),
    ctaText: text("cta_text"),
    tone: text("tone"),
    lengthCategory: text("length_category"),
    approved: boolean("approved").notNull().default(false),
    weight: numeric("weight", { precision: 12, scale: 4 }).notNull().default("1"),
    impressions: count("impressions"),
    clicks: count("clicks"),
    rawClicks: count("raw_clicks"),
    botClicks: count("bot_clicks"),
    repeatClicks: count("repeat_clicks"),
    ctr: rate("ctr", { clicks: "clicks", impressions: "impressions" }),
    rawCtr: rate("raw_ctr", { clicks: "raw_clicks", impressions: "impressions" }),
    ...changedColumns,
  },
  (table) => [
    primaryKey({ name: "promo_text_variations_key", columns: [table.clientId, table.id] }),
    unique("promo_text_variations_id").on(table.id),
    unique("promo_text_variations_offer").on(table.clientId, table.offerId, table.id),
    foreignKey({
      name: "promo_text_variations_of_offer",
      columns: [table.clientId, table.offerId],
      foreignColumns: [promoOffers.clientId, promoOffers.id],
    }),
    check("promo_text_variations_weight", sql`${table.weight} >= 0`),
  ],
);

/** Written with the events it sums, in their transaction; it stays when they are deleted by age. */
export const promoPerformanceMetrics = promo.table(
  "promo_performance_metrics",
  {
    ...clientColumn,
    variationId: integer("variation_id").notNull(),
    offerId: integer("offer_id").notNull(),
    date: date("date").notNull(),
    sends: count("sends"),
    impressions: count("impressions"),
    clicks: count("clicks"),
    rawClicks: count("raw_clicks"),
    botClicks: count("bot_clicks"),
    repeatClicks: count("repeat_clicks"),
    firstSentAt: instant("first_sent_at"),
    ctr: rate("ctr", { clicks: "clicks", impressions: "impressions" }),
    rawCtr: rate("raw_ctr", { clicks: "raw_clicks", impressions: "impressions" }),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    clicksBeforeSend: count("clicks_before_send"),
    cohort: date("cohort"),
    cohortBefore: date("cohort_before"),
  },
  (table) => [
    primaryKey({ name: "promo_performance_metrics_key", columns: [table.clientId, table.variationId, table.date] }),
    // Not the client first: the key alone begins with it, so that no plan finds a variation's days by their client.
    index("promo_performance_metrics_date").on(table.date, table.clientId),
  ],
);

describeSchema(promo, "Promotional offers in newsletters: what was shown, what was clicked, which text works.");

const percent = "Clicks of people per hundred impressions; NULL without impressions.";
const rawPercent = "The same with all clicks.";
const clicksOfPeople = "Clicks of people, without repeats of one address on one variation within seconds.";
const allClicks = "All clicks: of people, of bots, and repeats.";
const ofBots = "Clicks of bots, link scanners and link previews.";
const ofRepeats = "Clicks of people that repeat one of the same address on the same variation.";

describeTable(promoOffers, "What newsletters promote.", {
  id: "Number of the offer, unique over all clients.",
  name: "Its name.",
  offerType: "Kind of offer, such as affiliate.",
  slug: "Its address below /r/, unique over all clients.",
  destinationUrl: "Where its links lead.",
  clickIdParameter:
    "The parameter of the destination that carries our click id, such as sub1 or s2s; NULL appends none.",
  landingUrl: "The page at the end of all redirects, to be asked whether it still answers; NULL is not asked.",
  weight: "How often it is selected, against the other offers.",
  active: "Whether it is selected. Its links lead on and count all the same.",
  archived: "Whether it is over: never selected, and its address below /r/ answers 404.",
  totalImpressions: "Recipients it was shown to.",
  totalClicks: clicksOfPeople,
  totalRawClicks: allClicks,
  totalBotClicks: ofBots,
  totalRepeatClicks: ofRepeats,
  ctr: percent,
  rawCtr: rawPercent,
  createdAt: "When it was made.",
  updatedAt: "When a person changed it last.",
  origin:
    "real; sandbox: made up by the demo or the example, with all that is counted of it; unknown: stored before this was recorded.",
});

describeTable(promoTextVariations, "The texts of an offer, compared with each other.", {
  id: "Number of the variation, unique over all clients: the promo_var of its links.",
  offerId: "The offer.",
  textContent: "The text.",
  ctaText: "The words of the link.",
  tone: "Tone of the text, such as professional.",
  lengthCategory: "Length of the text, such as short.",
  approved: "Whether it may be selected. Its events count all the same.",
  weight: "How often it is selected, against the other variations of the offer.",
  impressions: "Recipients it was shown to.",
  clicks: clicksOfPeople,
  rawClicks: allClicks,
  botClicks: ofBots,
  repeatClicks: ofRepeats,
  ctr: percent,
  rawCtr: rawPercent,
  createdAt: "When it was made.",
  updatedAt: "When a person changed it last.",
});

describeTable(promoPerformanceMetrics, "Each variation's day, in the client's time zone.", {
  variationId: "The variation.",
  offerId: "Its offer.",
  date: "The day on which the events were received.",
  sends: "Sends that showed it: impressions, whatever number of recipients each has.",
  impressions: "Recipients of these sends.",
  clicks: clicksOfPeople,
  rawClicks: allClicks,
  botClicks: ofBots,
  repeatClicks: ofRepeats,
  firstSentAt: "When the first send of the day was received; NULL on days without one.",
  ctr: percent,
  rawCtr: rawPercent,
  updatedAt: "When the row was written last.",
  clicksBeforeSend:
    "Of the clicks of people, those that came before the day's first send: they belong to an earlier one.",
  cohort: "The day of the last send up to this day; NULL before the first one.",
  cohortBefore:
    "Where clicks came before the day's first send: the day of the last send before this day, whose clicks they are.",
});

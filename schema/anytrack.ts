import { sql } from "drizzle-orm";
import { check, date, index, integer, jsonb, numeric, pgSchema, primaryKey, text } from "drizzle-orm/pg-core";
import { clientColumn, instant, loadedColumns, money, originCheck, originColumn, sliceColumns } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const anytrack = pgSchema("anytrack");

/** What an event says of its conversion, whoever brought it: the webhook, the pull, and what both came to. */
const said = () => ({
  orderId: text("order_id"),
  vendorId: text("vendor_id"),
  assetId: text("asset_id"),
  eventName: text("event_name"),
  type: text("type").notNull(),
  clickId: text("click_id"),
  revenue: money("revenue"),
  currency: text("currency"),
  source: text("source"),
  campaignId: text("campaign_id"),
  adId: text("ad_id"),
  affiliateId: text("affiliate_id"),
  eventTime: instant("event_time").notNull(),
  /** When the vendor last changed its mind: of two sayings, the later version holds. */
  version: instant("version").notNull(),
  subIds: jsonb("sub_ids").$type<string | null>(),
  /** Names only: a person-level feed keeps no values it does not know. */
  extra: jsonb("unknown_fields").$type<string | null>(),
  /** The journey as AnyTrack sent it; null when it sent none. */
  touchpoints: jsonb("touchpoints").$type<string | null>(),
});

/** What leads from a conversion to its clicks. */
const clicked = () => ({
  /** When the click happened, where the event says so. */
  clickTime: instant("click_time"),
  /** Stands for the visitor, so that clicks of one visitor are found together: keyed, and of no use outside. */
  visitor: text("visitor"),
});

/** Every distinct event of the webhook, for ever as it came: a conversion is worked out from these and never lost by them. */
export const webhookEvents = anytrack.table(
  "webhook_events",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    eventHash: text("event_hash").notNull(),
    ...said(),
    receivedAt: instant("received_at").notNull().defaultNow(),
    ...clicked(),
    ...originColumn,
  },
  (table) => [
    originCheck("webhook_events_origin_known", table.origin),
    primaryKey({ name: "webhook_events_key", columns: [table.clientId, table.conversionKey, table.eventHash] }),
  ],
);

/** What the pull client read: one row per conversion, as the vendor says it now. */
export const pulledConversions = anytrack.table(
  "pulled_conversions",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    ...said(),
    revenue: money("revenue").notNull(),
    ...sliceColumns,
    ...clicked(),
  },
  (table) => [
    primaryKey({ name: "pulled_conversions_key", columns: [table.clientId, table.conversionKey] }),
    index("pulled_conversions_slice").on(table.clientId, table.slice),
  ],
);

/** One record per conversion, worked out from all that was said of it; only anytrack.fold writes it. */
export const conversions = anytrack.table(
  "conversions",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    ...said(),
    date: date("date").notNull(),
    seenByWebhookAt: instant("seen_by_webhook_at"),
    seenByPullAt: instant("seen_by_pull_at"),
    ...loadedColumns,
    ...clicked(),
    /** How complete the journey in `touchpoints` is. */
    journey: text("journey").notNull().default("unknown"),
    /** Of what it was worked out from: real data replaces what a mock server sent for the same conversion. */
    ...originColumn,
  },
  (table) => [
    originCheck("conversions_origin_known", table.origin),
    primaryKey({ name: "conversions_key", columns: [table.clientId, table.conversionKey] }),
    index("conversions_recent").on(table.clientId, table.eventTime, table.conversionKey),
    index("conversions_by_revenue").on(table.clientId, table.revenue, table.conversionKey),
    index("conversions_by_time").on(table.clientId, table.date, table.eventTime, table.conversionKey),
    index("conversions_loaded").on(table.clientId, table.loadedAt),
    // A click that comes after its conversion has to find it.
    index("conversions_click")
      .on(table.clientId, table.clickId)
      .where(sql`${table.clickId} is not null`),
    index("conversions_visitor")
      .on(table.clientId, table.visitor)
      .where(sql`${table.visitor} is not null`),
    // As findings.order_number has it, which does not exist yet when tables are made.
    index("conversions_order_number")
      .on(table.clientId, sql`(nullif(lower(ltrim(btrim(${table.orderId}), '#')), ''))`)
      .where(sql`${table.orderId} is not null`),
    check("conversions_journey", sql`${table.journey} in ('told', 'clicks', 'conversion', 'unknown')`),
    check("conversions_seen", sql`${table.seenByWebhookAt} is not null or ${table.seenByPullAt} is not null`),
  ],
);

/** The steps of a conversion's journey, in order. */
export const touchpoints = anytrack.table(
  "touchpoints",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    position: integer("position").notNull(),
    type: text("type").notNull(),
    source: text("source"),
    campaignId: text("campaign_id"),
    adId: text("ad_id"),
    affiliateId: text("affiliate_id"),
    clickId: text("click_id"),
    at: instant("at").notNull(),
    ...loadedColumns,
    /** Who says so. */
    origin: text("origin").notNull().default("told"),
  },
  (table) => [primaryKey({ name: "touchpoints_key", columns: [table.clientId, table.conversionKey, table.position] })],
);

/** How much of a conversion each step of its journey is given, by each model. */
export const attribution = anytrack.table(
  "attribution",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    model: text("model").notNull(),
    position: integer("position").notNull(),
    weight: numeric("weight", { precision: 7, scale: 6 }).notNull(),
    ...loadedColumns,
  },
  (table) => [
    primaryKey({
      name: "attribution_key",
      columns: [table.clientId, table.conversionKey, table.model, table.position],
    }),
    check("attribution_weight", sql`${table.weight} between 0 and 1`),
    check("attribution_model", sql`${table.model} in ('last_click', 'first_click', 'linear', 'time_decay')`),
  ],
);

/** Clicks that are known of: the denominator of earnings per click. */
export const clicks = anytrack.table(
  "clicks",
  {
    ...clientColumn,
    clickId: text("click_id").notNull(),
    at: instant("at").notNull(),
    date: date("date").notNull(),
    source: text("source"),
    campaignId: text("campaign_id"),
    adId: text("ad_id"),
    affiliateId: text("affiliate_id"),
    ...loadedColumns,
    visitor: text("visitor"),
    ...originColumn,
  },
  (table) => [
    originCheck("clicks_origin_known", table.origin),
    primaryKey({ name: "clicks_key", columns: [table.clientId, table.clickId] }),
    index("clicks_day").on(table.clientId, table.date),
    index("clicks_visitor")
      .on(table.clientId, table.visitor, table.at)
      .where(sql`${table.visitor} is not null`),
  ],
);

/** What we sent to AnyTrack: one row per order, so that an order is sent once. */
export const tracked = anytrack.table(
  "tracked",
  {
    ...clientColumn,
    trackingKey: text("tracking_key").notNull(),
    contentHash: text("content_hash").notNull(),
    type: text("type").notNull(),
    revenue: money("revenue").notNull(),
    currency: text("currency").notNull(),
    state: text("state").notNull(),
    attempts: integer("attempts").notNull(),
    answer: text("answer"),
    firstTriedAt: instant("first_tried_at").notNull().defaultNow(),
    sentAt: instant("sent_at"),
    ...loadedColumns,
    clickId: text("click_id"),
    eventTime: instant("event_time"),
    /** What it was sent to: the vendor or the sandbox. */
    ...originColumn,
  },
  (table) => [
    originCheck("tracked_origin_known", table.origin),
    primaryKey({ name: "tracked_key", columns: [table.clientId, table.trackingKey] }),
    check("tracked_state", sql`${table.state} in ('sending', 'sent', 'refused')`),
  ],
);

describeSchema(anytrack, "Conversions from AnyTrack, their journeys, and the clicks and revenue of affiliates.");

describeTable(pulledConversions, "What the unverified pull client read, as the vendor says it now.", {
  conversionKey: "What makes it one conversion: order:<id>, or event:<hash of asset, event, click and second>.",
  orderId: "The order or transaction it belongs to.",
  vendorId: "AnyTrack's own id, where the pull gave one.",
  assetId: "The property that tracked it.",
  eventName: "The event as the vendor named it.",
  type: "SALE, LEAD, SIGNUP or CUSTOM; an unknown event keeps its own name.",
  clickId: "AnyTrack's id of the click that led to it.",
  revenue: "Revenue in its currency; null when no amount was sent.",
  currency: "Currency of the amount, as sent.",
  source: "Traffic source.",
  campaignId: "Campaign.",
  adId: "Ad.",
  affiliateId: "Affiliate: named as such, or by a sub id.",
  eventTime: "When it happened.",
  version: "When the vendor last changed it; of two sayings the later holds.",
  subIds: "Sub ids, without those that hold a person's address.",
  extra: "Names of fields we did not know; never their values.",
  touchpoints: "The journey as AnyTrack sent it; null when it sent none.",
  clickTime: "When the click happened, where the event says so.",
  visitor: "Stands for the visitor: a keyed hash, so that clicks of one visitor are found together.",
});

import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { promo } from "./promo.ts";

const recipientsAllowed = 100_000_000;

/** In order of arrival. Nothing is looked up by it: the event id is the key, and each further index costs every event. */
const arrival = () => bigint("id", { mode: "number" }).notNull().generatedAlwaysAsIdentity();

/**
 * No foreign keys on events: their trigger would cost as much as the event. What records them joins the variation, which is
 * never deleted.
 */
export const promoImpressionTracking = promo.table(
  "promo_impression_tracking",
  {
    ...clientColumn,
    id: arrival(),
    eventId: text("event_id").notNull(),
    offerId: integer("offer_id").notNull(),
    variationId: integer("variation_id").notNull(),
    newsletterSendId: text("newsletter_send_id"),
    recipients: integer("recipients").notNull().default(1),
    recipientsGiven: integer("recipients_given"),
    recipientsAt: instant("recipients_at"),
    trackedAt: instant("tracked_at").notNull(),
    trackedDate: date("tracked_date").notNull(),
    loadedAt: instant("_loaded_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "promo_impression_tracking_key", columns: [table.clientId, table.eventId] }),
    uniqueIndex("promo_impression_tracking_send")
      .on(table.clientId, table.newsletterSendId, table.variationId)
      .where(sql`${table.newsletterSendId} is not null`),
    // Not the client first: the key alone begins with it, so that no plan finds an event by its client.
    index("promo_impression_tracking_date").on(table.trackedDate, table.clientId),
    check(
      "promo_impression_tracking_recipients",
      sql`${table.recipients} between 1 and ${sql.raw(`${recipientsAllowed}`)}`,
    ),
  ],
);

/** A send that is reported again: its event id is remembered, and nothing is counted but the correction. */
export const promoImpressionRepeats = promo.table(
  "promo_impression_repeats",
  {
    ...clientColumn,
    eventId: text("event_id").notNull(),
    offerId: integer("offer_id").notNull(),
    variationId: integer("variation_id").notNull(),
    newsletterSendId: text("newsletter_send_id").notNull(),
    recipientsGiven: integer("recipients_given"),
    trackedAt: instant("tracked_at").notNull(),
    loadedAt: instant("_loaded_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "promo_impression_repeats_key", columns: [table.clientId, table.eventId] }),
    index("promo_impression_repeats_age").on(table.trackedAt),
  ],
);

export const promoClickTracking = promo.table(
  "promo_click_tracking",
  {
    ...clientColumn,
    id: arrival(),
    eventId: text("event_id").notNull(),
    offerId: integer("offer_id").notNull(),
    variationId: integer("variation_id").notNull(),
    clickedAt: instant("clicked_at").notNull(),
    clickedDate: date("clicked_date").notNull(),
    via: text("via").notNull(),
    clickId: text("click_id"),
    referrer: text("referrer"),
    device: text("device").notNull().default("unknown"),
    bot: text("bot"),
    isBot: boolean("is_bot").notNull().default(false),
    isRepeat: boolean("is_repeat").notNull().default(false),
    ipHash: text("ip_hash"),
    bodyHash: text("body_hash"),
    userAgentSealed: bytes("user_agent_sealed"),
    loadedAt: instant("_loaded_at").notNull().defaultNow(),
    clickedHour: smallint("clicked_hour"),
  },
  (table) => [
    primaryKey({ name: "promo_click_tracking_key", columns: [table.clientId, table.eventId] }),
    uniqueIndex("promo_click_tracking_click")
      .on(table.clientId, table.clickId)
      .where(sql`${table.clickId} is not null`),
    index("promo_click_tracking_date").on(table.clickedDate, table.clientId),
    index("promo_click_tracking_repeats")
      .on(table.variationId, table.ipHash, table.clickedAt)
      .where(sql`${table.ipHash} is not null and not ${table.isBot}`),
    index("promo_click_tracking_agents")
      .on(table.clickedAt)
      .where(sql`${table.userAgentSealed} is not null`),
    check("promo_click_tracking_via", sql`${table.via} in ('api', 'redirect')`),
    check("promo_click_tracking_bot", sql`${table.isBot} or ${table.bot} is null`),
  ],
);

/** Read back from the spool, and not to be counted. The client of an unknown variation is unknown: ''. */
export const promoQuarantine = promo.table(
  "promo_quarantine",
  {
    ...clientColumn,
    kind: text("kind").notNull(),
    eventId: text("event_id").notNull(),
    reason: text("reason").notNull(),
    offerId: integer("offer_id"),
    variationId: integer("variation_id"),
    receivedAt: instant("received_at"),
    event: jsonb("event").notNull(),
    quarantinedAt: instant("quarantined_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "promo_quarantine_key", columns: [table.clientId, table.kind, table.eventId] }),
    check("promo_quarantine_kind", sql`${table.kind} in ('impression', 'click')`),
    check(
      "promo_quarantine_reason",
      sql`${table.reason} in ('unknown_variation', 'unknown_offer', 'wrong_offer', 'conflict', 'too_old', 'refused')`,
    ),
  ],
);

/** Counted where a caller was over its limit, so that events that were not counted are known. */
export const promoRefusals = promo.table(
  "promo_refusals",
  {
    ...clientColumn,
    kind: text("kind").notNull(),
    caller: text("caller").notNull(),
    date: date("date").notNull(),
    refused: bigint("refused", { mode: "number" }).notNull(),
    lastAt: instant("last_at").notNull(),
  },
  (table) => [
    primaryKey({ name: "promo_refusals_key", columns: [table.clientId, table.kind, table.date, table.caller] }),
    check("promo_refusals_kind", sql`${table.kind} in ('impression', 'click')`),
  ],
);

const theOffer = "The offer.";
const theVariation = "The variation.";
const eventId = "Id of the event, the caller's or ours; it counts once.";

describeTable(promoImpressionTracking, "A variation shown in a newsletter, one row per send.", {
  id: "Number in the order of arrival.",
  eventId,
  offerId: theOffer,
  variationId: theVariation,
  newsletterSendId: "The send that showed it, as the newsletter names it; one row per send and variation.",
  recipients: "How many people the send went to; what it counts as.",
  recipientsGiven: "What the first report of the send said of them; NULL when nothing, which counts as 1.",
  recipientsAt: "When the number of recipients that holds was received; NULL while none was given.",
  trackedAt: "When it was received.",
  trackedDate: "The day of that in the client's time zone.",
  loadedAt: "When it was stored: later, if the database was away.",
});

describeTable(promoImpressionRepeats, "Further reports of a send that is known: at most they correct its recipients.", {
  eventId,
  offerId: theOffer,
  variationId: theVariation,
  newsletterSendId: "The send.",
  recipientsGiven: "The recipients it gives; NULL corrects nothing.",
  trackedAt: "When it was received; of two corrections the later one holds.",
  loadedAt: "When it was stored.",
});

describeTable(promoClickTracking, "A click on the link of a variation.", {
  id: "Number in the order of arrival.",
  eventId,
  offerId: theOffer,
  variationId: theVariation,
  clickedAt: "When it was received.",
  clickedDate: "The day of that in the client's time zone.",
  via: "api (a website reported it) or redirect (it came through /r/).",
  clickId: "What the destination was given under the offer's parameter; NULL where it was given none.",
  referrer: "The page that the link was on, cut to 500 characters.",
  device: "desktop, mobile, tablet, tv, ... or unknown.",
  bot: "Name of the bot, link scanner or link preview; NULL for people, and where a bot has no name.",
  isBot: "Whether a program clicked.",
  isRepeat: "Whether the same address clicked the same variation within seconds before.",
  ipHash: "The address, hashed with a secret of its month that is deleted afterwards.",
  bodyHash:
    "What a repeat of the event id is compared by, hashed with the same secret; NULL where the event id is ours.",
  userAgentSealed: "The browser's own words, cut and sealed, deleted after seven days.",
  loadedAt: "When it was stored: later, if the database was away.",
  clickedHour:
    "The hour of that day, 0 to 23, by the client's clock; NULL where it was stored before this was recorded.",
});

describeTable(promoQuarantine, "Events of the spool that could not be counted, with the reason.", {
  clientId: "The client; empty where no offer says whose event it is.",
  kind: "impression or click.",
  eventId: "Id of the event.",
  reason:
    "unknown_variation, unknown_offer, wrong_offer (the variation is of another one), conflict (the id is of another event), too_old (ids that old are not remembered), refused (the database would not take it).",
  offerId: theOffer,
  variationId: theVariation,
  receivedAt: "When it was received.",
  event: "The event as it was kept, hashed and sealed where it stands for a person.",
  quarantinedAt: "When it was quarantined.",
});

describeTable(promoRefusals, "Events that were refused because their caller sent too many.", {
  kind: "impression or click.",
  caller: "Who: the subject of a token, or an address hashed with the month's secret.",
  date: "The day, UTC.",
  refused: "How many were refused.",
  lastAt: "When the last one was.",
});

import { date, index, integer, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { promo } from "./promo.ts";

/** Days that are over, summed, so that nobody who asks for a year reads its clicks. */
export const promoClickDays = promo.table(
  "promo_click_days",
  {
    ...clientColumn,
    variationId: integer("variation_id").notNull(),
    date: date("date").notNull(),
    offerId: integer("offer_id").notNull(),
    hours: integer("hours").array().notNull(),
    devices: integer("devices").array().notNull(),
    rawDevices: integer("raw_devices").array().notNull(),
  },
  (table) => [
    primaryKey({
      name: "promo_click_days_key",
      columns: [table.clientId, table.variationId, table.date, table.offerId],
    }),
  ],
);

/** Up to which day: the clicks of later ones are read themselves. */
export const promoClickDaysSummed = promo.table(
  "promo_click_days_summed",
  { ...clientColumn, until: date("until").notNull() },
  (table) => [primaryKey({ name: "promo_click_days_summed_key", columns: [table.clientId] })],
);

/** Written by triggers on the conversions and, for clicks that come after their conversion, by what records clicks. */
export const promoConversionClicks = promo.table(
  "promo_conversion_clicks",
  {
    ...clientColumn,
    feed: text("feed").notNull(),
    conversionId: text("conversion_id").notNull(),
    place: smallint("place").notNull(),
    clickId: text("click_id").notNull(),
    offerId: integer("offer_id").notNull(),
    variationId: integer("variation_id").notNull(),
    clickedAt: instant("clicked_at").notNull(),
    clickedDate: date("clicked_date").notNull(),
  },
  (table) => [
    primaryKey({
      name: "promo_conversion_clicks_key",
      columns: [table.clientId, table.feed, table.conversionId, table.place],
    }),
    index("promo_conversion_clicks_date").on(table.clientId, table.clickedDate),
    // What both feeds report is found by its click.
    index("promo_conversion_clicks_click").on(table.clientId, table.clickId),
  ],
);

describeTable(
  promoClickDays,
  "Clicks of days that are over, by hour and by device; they stay when clicks are deleted by age.",
  {
    variationId: "The variation; 0 is all variations of the offer.",
    date: "The day, in the client's time zone.",
    offerId: "The offer.",
    hours: "Clicks of people in each hour of the day, from 0 to 23, by the client's clock when they were counted.",
    devices: "Clicks of people on each device: desktop, mobile, tablet, tv, bot, other, unknown.",
    rawDevices: "The same of all clicks.",
  },
);

describeTable(promoClickDaysSummed, "Up to which day the clicks of a client are in promo.promo_click_days.", {
  until: "The last day of them.",
});

describeTable(
  promoConversionClicks,
  "Conversions that brought back the id of a promo click: which click. Rows stay when the click is deleted by age.",
  {
    feed: "everflow or anytrack.",
    conversionId: "The conversion's id in the feed.",
    place: "The sub id that held it, 1 to 5; 0 is AnyTrack's click id. Of several the first has the conversion.",
    clickId: "The id that the click gave the destination.",
    offerId: "The offer that was clicked.",
    variationId: "The variation that was clicked.",
    clickedAt: "When it was clicked.",
    clickedDate: "The day of that, in the client's time zone.",
  },
);

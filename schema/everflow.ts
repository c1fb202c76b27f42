import { sql } from "drizzle-orm";
import { bigint, boolean, date, index, jsonb, pgSchema, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { clientColumn, money, sliceColumns } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const everflow = pgSchema("everflow");

/** One grain only: a second one in the same table would double every sum. Counts have no check: adjustments are negative. */
export const dailyStats = everflow.table(
  "daily_stats",
  {
    ...clientColumn,
    date: date("date").notNull(),
    affiliateId: text("affiliate_id").notNull(),
    affiliateName: text("affiliate_name"),
    advertiserId: text("advertiser_id").notNull(),
    advertiserName: text("advertiser_name"),
    offerId: text("offer_id").notNull(),
    offerName: text("offer_name"),
    currency: text("currency").notNull(),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    conversions: bigint("conversions", { mode: "number" }).notNull(),
    payout: money("payout").notNull(),
    revenue: money("revenue").notNull(),
    profit: money("profit").notNull(),
    events: bigint("events", { mode: "number" }).notNull(),
    extra: jsonb("_extra").$type<string | null>(),
    ...sliceColumns,
  },
  (table) => [
    primaryKey({
      name: "daily_stats_key",
      columns: [table.clientId, table.date, table.affiliateId, table.advertiserId, table.offerId, table.currency],
    }),
    index("daily_stats_slice").on(table.clientId, table.slice),
    // The mapping finds affiliates by their label.
    index("daily_stats_affiliate").on(table.clientId, table.affiliateName, table.affiliateId),
  ],
);

/** Nothing in here names a person: no e-mail, no address, no device. */
export const conversions = everflow.table(
  "conversions",
  {
    ...clientColumn,
    conversionId: text("conversion_id").notNull(),
    date: date("date").notNull(),
    convertedAt: timestamp("converted_at", { withTimezone: true }).notNull(),
    clickedAt: timestamp("clicked_at", { withTimezone: true }),
    status: text("status").notNull(),
    isEvent: boolean("is_event").notNull(),
    event: text("event"),
    affiliateId: text("affiliate_id").notNull(),
    affiliateName: text("affiliate_name"),
    advertiserId: text("advertiser_id"),
    advertiserName: text("advertiser_name"),
    offerId: text("offer_id"),
    offerName: text("offer_name"),
    currency: text("currency").notNull(),
    payout: money("payout").notNull(),
    revenue: money("revenue").notNull(),
    saleAmount: money("sale_amount"),
    payoutType: text("payout_type"),
    revenueType: text("revenue_type"),
    transactionId: text("transaction_id"),
    orderId: text("order_id"),
    couponCode: text("coupon_code"),
    sourceId: text("source_id"),
    sub1: text("sub1"),
    sub2: text("sub2"),
    sub3: text("sub3"),
    sub4: text("sub4"),
    sub5: text("sub5"),
    country: text("country"),
    isScrub: boolean("is_scrub"),
    isViewThrough: boolean("is_view_through"),
    errorCode: text("error_code"),
    extra: jsonb("_extra").$type<string | null>(),
    ...sliceColumns,
  },
  (table) => [
    primaryKey({ name: "conversions_key", columns: [table.clientId, table.conversionId] }),
    index("conversions_slice").on(table.clientId, table.slice),
    index("conversions_date").on(table.clientId, table.date, table.affiliateId),
    index("conversions_by_time").on(table.clientId, table.date, table.convertedAt, table.conversionId),
    index("conversions_by_payout").on(table.clientId, table.payout, table.conversionId),
    index("conversions_by_revenue").on(table.clientId, table.revenue, table.conversionId),
    // Deliveries ask whether an order of another feed is in here too.
    index("conversions_order")
      .on(table.clientId, table.orderId)
      .where(sql`${table.orderId} is not null and not ${table.isEvent}`),
    // What a chargeback takes back: the conversion of its order, or of its click where it names no order.
    index("conversions_charged_back_order")
      .on(table.clientId, table.orderId)
      .where(sql`${table.revenue} < 0`),
    index("conversions_charged_back_click")
      .on(table.clientId, table.transactionId)
      .where(sql`${table.revenue} < 0`),
    // A promo click that was stored after its conversion has to find it. The pending list that GIN keeps by default would
    // have to be read through each time.
    index("conversions_subs")
      .using(
        "gin",
        sql`(array_remove(array[${table.sub1}, ${table.sub2}, ${table.sub3}, ${table.sub4}, ${table.sub5}], null))`,
      )
      .with({ fastupdate: false }),
  ],
);

describeSchema(everflow, "Affiliate statistics and conversions from Everflow.");

describeTable(
  dailyStats,
  "Affiliate figures per day, affiliate, advertiser, offer and currency, as Everflow reports them now.",
  {
    date: "The day, in America/New_York.",
    affiliateId: "Everflow's id of the affiliate.",
    affiliateName: "The affiliate's name.",
    advertiserId: "Everflow's id of the advertiser.",
    advertiserName: "The advertiser's name.",
    offerId: "Everflow's id of the offer.",
    offerName: "The offer's name.",
    currency: "The currency of the row's money; nothing is converted.",
    clicks: "Clicks, of all kinds that Everflow counts.",
    conversions: "Approved conversions, events left out; negative in an adjustment.",
    payout: "What the affiliate earns; negative in an adjustment.",
    revenue: "What the advertiser pays.",
    profit: "Revenue less payout, as Everflow reports it.",
    events: "Approved events after the conversion.",
  },
);

describeTable(
  conversions,
  "Every conversion and event Everflow knows of, in its last known status. Nothing in it names a person.",
  {
    conversionId: "Everflow's id of the conversion.",
    date: "The day it is counted on, in America/New_York.",
    convertedAt: "The moment of the conversion.",
    clickedAt: "The moment of the click before it.",
    status:
      "approved, pending, rejected, invalid, or what the vendor adds one day; earlier ones are in ops.restatements.",
    isEvent: "An event after the conversion, not the conversion itself.",
    event: "The name of the event; Base for the conversion.",
    affiliateId: "Everflow's id of the affiliate.",
    affiliateName: "The affiliate's name.",
    advertiserId: "Everflow's id of the advertiser.",
    advertiserName: "The advertiser's name.",
    offerId: "Everflow's id of the offer.",
    offerName: "The offer's name.",
    currency: "The currency of the row's money: its offer's.",
    payout: "What the affiliate earns.",
    revenue: "What the advertiser pays.",
    saleAmount: "What the customer paid.",
    payoutType: "How the payout is computed.",
    revenueType: "How the revenue is computed.",
    transactionId: "The id of the click's session.",
    orderId: "The advertiser's order number.",
    couponCode: "The coupon that was used.",
    sourceId: "The affiliate's own traffic source.",
    sub1: "The affiliate's first own value; null where it held an address of a person.",
    sub2: "The affiliate's second own value, likewise.",
    sub3: "The affiliate's third own value, likewise.",
    sub4: "The affiliate's fourth own value, likewise.",
    sub5: "The affiliate's fifth own value, likewise.",
    country: "Where the conversion came from.",
    isScrub: "Held back by a scrub rule.",
    isViewThrough: "Without a click.",
    errorCode: "Why it was refused, as Everflow counts reasons.",
  },
);

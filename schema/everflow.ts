import { bigint, date, index, jsonb, numeric, pgSchema, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

export const everflow = pgSchema("everflow");

const money = (name: string) => numeric(name, { precision: 18, scale: 6 });

/** One grain only: a second one in the same table would double every sum. Counts have no check: adjustments are negative. */
export const dailyStats = everflow.table(
  "daily_stats",
  {
    clientId: text("_client_id").notNull(),
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
    slice: text("_slice").notNull(),
    loadedAt: timestamp("_loaded_at", { withTimezone: true }).notNull().defaultNow(),
    runId: text("_run_id").notNull(),
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

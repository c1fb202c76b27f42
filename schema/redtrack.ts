import { sql } from "drizzle-orm";
import { bigint, check, date, index, jsonb, numeric, pgSchema, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

export const redtrack = pgSchema("redtrack");

export const dailySpend = redtrack.table(
  "daily_spend",
  {
    clientId: text("_client_id").notNull(),
    date: date("date").notNull(),
    sourceId: text("source_id").notNull(),
    sourceName: text("source_name"),
    sourceAlias: text("source_alias"),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    conversions: bigint("conversions", { mode: "number" }).notNull(),
    totalConversions: bigint("total_conversions", { mode: "number" }),
    cost: numeric("cost", { precision: 18, scale: 6 }).notNull(),
    revenue: numeric("revenue", { precision: 18, scale: 6 }),
    totalRevenue: numeric("total_revenue", { precision: 18, scale: 6 }),
    extra: jsonb("_extra").$type<string | null>(),
    slice: text("_slice").notNull(),
    loadedAt: timestamp("_loaded_at", { withTimezone: true }).notNull().defaultNow(),
    runId: text("_run_id").notNull(),
  },
  (table) => [
    primaryKey({ name: "daily_spend_key", columns: [table.clientId, table.date, table.sourceId] }),
    index("daily_spend_slice").on(table.clientId, table.slice),
    check("daily_spend_counts", sql`${table.clicks} >= 0 and ${table.conversions} >= 0`),
  ],
);

import { sql } from "drizzle-orm";
import { bigint, check, date, index, jsonb, pgSchema, primaryKey, text } from "drizzle-orm/pg-core";
import { clientColumn, money, sliceColumns } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const redtrack = pgSchema("redtrack");

export const dailySpend = redtrack.table(
  "daily_spend",
  {
    ...clientColumn,
    date: date("date").notNull(),
    sourceId: text("source_id").notNull(),
    sourceName: text("source_name"),
    sourceAlias: text("source_alias"),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    conversions: bigint("conversions", { mode: "number" }).notNull(),
    totalConversions: bigint("total_conversions", { mode: "number" }),
    cost: money("cost").notNull(),
    revenue: money("revenue"),
    totalRevenue: money("total_revenue"),
    extra: jsonb("_extra").$type<string | null>(),
    ...sliceColumns,
  },
  (table) => [
    primaryKey({ name: "daily_spend_key", columns: [table.clientId, table.date, table.sourceId] }),
    index("daily_spend_slice").on(table.clientId, table.slice),
    check("daily_spend_counts", sql`${table.clicks} >= 0 and ${table.conversions} >= 0`),
  ],
);

/** A feed of its own: in one table with the sources, each amount would be there twice. */
export const campaignSpend = redtrack.table(
  "campaign_spend",
  {
    ...clientColumn,
    date: date("date").notNull(),
    campaignId: text("campaign_id").notNull(),
    sourceId: text("source_id").notNull(),
    campaignName: text("campaign_name"),
    sourceName: text("source_name"),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    conversions: bigint("conversions", { mode: "number" }).notNull(),
    cost: money("cost").notNull(),
    revenue: money("revenue"),
    extra: jsonb("_extra").$type<string | null>(),
    ...sliceColumns,
  },
  (table) => [
    primaryKey({
      name: "campaign_spend_key",
      columns: [table.clientId, table.date, table.campaignId, table.sourceId],
    }),
    index("campaign_spend_slice").on(table.clientId, table.slice),
    check("campaign_spend_counts", sql`${table.clicks} >= 0 and ${table.conversions} >= 0`),
  ],
);

describeSchema(redtrack, "Ad spend from Redtrack.");

describeTable(dailySpend, "Ad spend per traffic source and day, as Redtrack reports it now.", {
  date: "The day, in America/New_York.",
  sourceId: "Redtrack's id of the traffic source.",
  sourceName: "Its name; several ids can share one.",
  sourceAlias: "The platform, such as facebook.",
  clicks: "Clicks.",
  conversions: "Conversions of the account's default type.",
  totalConversions: "Conversions of all types.",
  cost: "Spend, as Redtrack reports it, in the account's currency.",
  revenue: "Revenue of the default type.",
  totalRevenue: "Revenue of all types.",
});

describeTable(
  campaignSpend,
  "Ad spend per Redtrack campaign, traffic source and day, as Redtrack reports it now. The same money as in redtrack.daily_spend.",
  {
    date: "The day, in America/New_York.",
    campaignId: "Redtrack's id of the campaign.",
    sourceId: "Redtrack's id of the traffic source; none for traffic without one.",
    campaignName: "The campaign's name.",
    sourceName: "The source's name.",
    clicks: "Clicks.",
    conversions: "Conversions of the account's default type.",
    cost: "Spend, in the account's currency.",
    revenue: "Revenue of the default type.",
  },
);

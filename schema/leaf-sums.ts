import { bigint, boolean, date, index, integer, numeric, primaryKey, text } from "drizzle-orm/pg-core";
import { sql } from "drizzle-orm";
import { clientColumn, money } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { ops } from "./ops.ts";

const count = (name: string) => bigint(name, { mode: "number" }).notNull();
const sum = (name: string) => numeric(name, { precision: 38, scale: 6 }).notNull();
const leaf = {
  ...clientColumn,
  source: text("source").notNull(),
  leaf: text("leaf").array().notNull(),
  name: text("name"),
  partName: text("part_name"),
};

/** Kept by triggers on the rows, in the transaction that changes them: views/leaf-sums.sql. */
export const leafDays = ops.table(
  "leaf_days",
  {
    ...leaf,
    date: date("date").notNull(),
    isThere: boolean("is_there").notNull(),
    clicks: count("clicks"),
    conversions: count("conversions"),
    cost: money("cost").notNull(),
    revenue: money("revenue"),
    wasThere: boolean("was_there").notNull(),
    wholeClicks: count("whole_clicks"),
    wholeConversions: count("whole_conversions"),
    wholeCost: money("whole_cost").notNull(),
    wholeRevenue: money("whole_revenue"),
    isRestated: boolean("is_restated").notNull(),
  },
  (table) => [
    primaryKey({ name: "leaf_days_key", columns: [table.clientId, table.source, table.date, table.leaf] }),
    index("leaf_days_restated")
      .on(table.clientId, table.source, table.date)
      .where(sql`${table.isRestated}`),
  ],
);

/** The days of a month added up: a year is read from twelve rows of a leaf, its first and last days from their own. */
export const leafMonths = ops.table(
  "leaf_months",
  {
    ...leaf,
    month: date("month").notNull(),
    days: integer("days").notNull(),
    clicks: sum("clicks"),
    conversions: sum("conversions"),
    cost: sum("cost"),
    revenue: sum("revenue"),
    revenues: integer("revenues").notNull(),
    wholeDays: integer("whole_days").notNull(),
    wholeClicks: sum("whole_clicks"),
    wholeConversions: sum("whole_conversions"),
    wholeCost: sum("whole_cost"),
    wholeRevenue: sum("whole_revenue"),
    wholeRevenues: integer("whole_revenues").notNull(),
  },
  (table) => [
    primaryKey({ name: "leaf_months_key", columns: [table.clientId, table.source, table.month, table.leaf] }),
  ],
);

/** From this reading on, a day's rows of leaf_days keep what they were. */
export const firstWhole = ops.table(
  "first_whole",
  {
    ...clientColumn,
    source: text("source").notNull(),
    date: date("date").notNull(),
    fetchSeq: count("fetch_seq"),
  },
  (table) => [primaryKey({ name: "first_whole_key", columns: [table.clientId, table.source, table.date] })],
);

/** One row per reading that changed something: rows of their own would be as many as the ledger's. */
export const knownDays = ops.table(
  "known_days",
  {
    ...clientColumn,
    source: text("source").notNull(),
    date: date("date").notNull(),
    fetchSeq: count("fetch_seq"),
    who: text("who").array().notNull(),
    currencies: text("currencies").array().notNull(),
    conversions: bigint("conversions", { mode: "number" }).array().notNull(),
    costs: numeric("costs", { precision: 38, scale: 6 }).array().notNull(),
    revenues: numeric("revenues", { precision: 38, scale: 6 }).array().notNull(),
  },
  (table) => [
    primaryKey({ name: "known_days_key", columns: [table.clientId, table.source, table.date, table.fetchSeq] }),
  ],
);

const leafWords = {
  source: "The feed, such as redtrack.daily_spend.",
  leaf: "What is paid for: of Redtrack the source, of Everflow affiliate, advertiser, offer and currency.",
  name: "The name of the source or affiliate.",
  partName: "The name of the offer.",
};

describeTable(
  leafDays,
  "Rows of spend and of Everflow's statistics as they are, and as their day was first read whole.",
  {
    ...leafWords,
    date: "The day.",
    isThere: "Whether the feed has the row now.",
    clicks: "Clicks now.",
    conversions: "Conversions now.",
    cost: "Spend, or payout, now.",
    revenue: "Revenue now; null where it is not known.",
    wasThere: "Whether the feed had the row when the day was first read whole; before that, whether it has it now.",
    wholeClicks: "Clicks then.",
    wholeConversions: "Conversions then.",
    wholeCost: "Spend, or payout, then.",
    wholeRevenue: "Revenue then.",
    isRestated: "Whether the row is another one than it was then.",
  },
);

describeTable(leafMonths, "The rows of leaf_days added up by month.", {
  ...leafWords,
  month: "Its first day.",
  days: "On which days the feed has the row now: the first day is the lowest bit.",
  clicks: "Clicks now.",
  conversions: "Conversions now.",
  cost: "Spend, or payout, now.",
  revenue: "Revenue now, as far as it is known.",
  revenues: "On how many days it is known.",
  wholeDays: "On which days the feed had the row when they were first read whole.",
  wholeClicks: "Clicks then.",
  wholeConversions: "Conversions then.",
  wholeCost: "Spend, or payout, then.",
  wholeRevenue: "Revenue then.",
  wholeRevenues: "On how many days it was known then.",
});

describeTable(firstWhole, "The first reading of each day after its end.", {
  source: "The feed.",
  date: "The day.",
  fetchSeq: "The number of the reading, as in ops.receipts.",
});

describeTable(knownDays, "What each reading of a day knew, per affiliate or source: one value each in every list.", {
  source: "The feed.",
  date: "The day.",
  fetchSeq: "The number of the reading, as in ops.receipts.",
  who: "Everflow's affiliates, or Redtrack's sources.",
  currencies: "The currency of each; empty for Redtrack, whose amounts are in the account's.",
  conversions: "Conversions of each.",
  costs: "Spend, or payout, of each.",
  revenues: "Revenue of each, as far as it is known.",
});

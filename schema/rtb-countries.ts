import { bigint, date, numeric, primaryKey, text } from "drizzle-orm/pg-core";
import { clientColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { rtb } from "./rtb.ts";

const counts = (name: string) => bigint(name, { mode: "bigint" }).array().notNull();

/** Added to by each import, in its transaction, and put together by each refresh: one row has the creatives of a country and day. */
export const countrySums = rtb.table(
  "country_sums",
  {
    ...clientColumn,
    geography: text("geography").notNull(),
    sumId: bigint("sum_id", { mode: "bigint" }).notNull().generatedAlwaysAsIdentity(),
    date: date("date"),
    creatives: counts("creatives"),
    rows: counts("rows"),
    impressions: counts("impressions"),
    clicks: counts("clicks"),
    spend: numeric("spend", { precision: 38, scale: 6 }).array().notNull(),
  },
  (table) => [primaryKey({ name: "country_sums_key", columns: [table.clientId, table.geography, table.sumId] })],
);

describeTable(
  countrySums,
  "What creatives brought in a country: one value each in every list. Several rows of one day are added to each other: an import adds what it changed.",
  {
    geography: "The country, as in rtb.performance_metrics.",
    sumId: "Made by the database.",
    date: "The day; null: all days that were more than 60 days ago when the row was written.",
    creatives: "Creatives, by our numbers.",
    rows: "How many more rows of rtb.performance_metrics each has.",
    impressions: "By how much more impressions.",
    clicks: "By how much more clicks.",
    spend: "By how much more spend.",
  },
);

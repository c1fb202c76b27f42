import { bigint, date, numeric, smallint, text, unique } from "drizzle-orm/pg-core";
import { anytrack } from "./anytrack.ts";
import { clientColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { everflow } from "./everflow.ts";

const sum = (name: string) => numeric(name, { precision: 38, scale: 6 }).notNull();
const count = (name: string) => bigint(name, { mode: "number" }).notNull();

/** Kept by triggers on the conversions, in the transaction that changes them: views/conversion-days.sql. */
export const anytrackDays = anytrack.table(
  "conversion_days",
  {
    ...clientColumn,
    date: date("date").notNull(),
    type: text("type").notNull(),
    currency: text("currency"),
    origin: text("origin").notNull(),
    part: smallint("part").notNull(),
    conversions: count("conversions"),
    amounts: count("amounts"),
    revenue: sum("revenue"),
  },
  (table) => [
    unique("conversion_days_key")
      .on(table.clientId, table.date, table.type, table.currency, table.origin, table.part)
      .nullsNotDistinct(),
  ],
);

export const everflowDays = everflow.table(
  "conversion_days",
  {
    ...clientColumn,
    date: date("date").notNull(),
    slice: text("_slice").notNull(),
    status: text("status").notNull(),
    currency: text("currency").notNull(),
    part: smallint("part").notNull(),
    conversions: count("conversions"),
    events: count("events"),
    payout: sum("payout"),
    revenue: sum("revenue"),
  },
  (table) => [
    unique("conversion_days_key")
      .on(table.clientId, table.date, table.slice, table.status, table.currency, table.part)
      .nullsNotDistinct(),
  ],
);

/** What payout statements of an open month are added up from. */
export const affiliateDays = everflow.table(
  "affiliate_days",
  {
    ...clientColumn,
    date: date("date").notNull(),
    affiliateId: text("affiliate_id").notNull(),
    affiliateName: text("affiliate_name"),
    status: text("status").notNull(),
    currency: text("currency").notNull(),
    part: smallint("part").notNull(),
    conversions: count("conversions"),
    payout: sum("payout"),
    positive: count("positive"),
    positivePayout: sum("positive_payout"),
    nonzero: count("nonzero"),
  },
  (table) => [
    unique("affiliate_days_key")
      .on(
        ...([
          table.clientId,
          table.date,
          table.affiliateId,
          table.affiliateName,
          table.status,
          table.currency,
        ] as const),
        table.part,
      )
      .nullsNotDistinct(),
  ],
);

const part =
  "Writers that add at the same time have parts of their own, or they would wait for each other; sum over them.";

describeTable(anytrackDays, "Conversions summed by day, so that the totals of 90 days do not read a million rows.", {
  date: "The day, in America/New_York.",
  type: "The type of the conversions.",
  currency: "The currency of their amounts; null for those without one.",
  origin: "Where they come from: real, sandbox or unknown.",
  part,
  conversions: "How many.",
  amounts: "How many of them have an amount.",
  revenue: "What they brought.",
});

describeTable(everflowDays, "Everflow's conversions and events summed by day.", {
  date: "The day, in America/New_York.",
  status: "The status of the conversions.",
  currency: "The currency of their money.",
  part,
  conversions: "How many conversions, events left out.",
  events: "How many events.",
  payout: "What affiliates earn by them.",
  revenue: "What the advertisers pay for them.",
});

describeTable(affiliateDays, "What affiliates earn by Everflow's conversions and events, summed by day.", {
  date: "The day, in America/New_York.",
  affiliateId: "Everflow's id of the affiliate.",
  affiliateName: "The affiliate's name on these conversions.",
  status: "The status of the conversions.",
  currency: "The currency of their payout.",
  part,
  conversions: "How many, events included.",
  payout: "What the affiliate earns by them.",
  positive: "How many of them have a payout above zero, of which something may be held.",
  positivePayout: "The payout of these.",
  nonzero: "How many of them have any payout.",
});

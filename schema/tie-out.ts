import { sql } from "drizzle-orm";
import { bigint, boolean, check, date, index, integer, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { clientColumn, instant, money } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { findings } from "./findings.ts";

const count = (name: string) => integer(name).notNull();

/** Written by triggers on the conversions, in the transaction that changes them; without a key, so that no writer waits for another. */
export const changedDays = findings.table(
  "changed_days",
  { ...clientColumn, date: date("date").notNull(), clickId: text("click_id") },
  (table) => [index("changed_days_client").on(table.clientId, table.date)],
);

/** Worked out from the conversions alone, by findings.refresh_tie_out: what the sandbox made up stands on rows of its own. */
export const tieOutDays = findings.table(
  "tie_out_days",
  {
    ...clientColumn,
    date: date("date").notNull(),
    affiliateId: text("affiliate_id"),
    affiliate: text("affiliate"),
    isSandbox: boolean("is_sandbox").notNull(),
    everflow: count("everflow"),
    anytrack: count("anytrack"),
    inBoth: count("in_both"),
    onlyAnytrack: count("only_anytrack"),
    missingInAnytrack: count("missing_in_anytrack"),
    missingInEverflow: count("missing_in_everflow"),
    amountDiffers: count("amount_differs"),
    refusedByEverflow: count("refused_by_everflow"),
  },
  (table) => [
    unique("tie_out_days_key").on(table.clientId, table.date, table.affiliateId, table.isSandbox).nullsNotDistinct(),
  ],
);

/** Conversions that the two do not both have alike, and those that they date more than three days apart. */
export const tieOutItems = findings.table(
  "tie_out_items",
  {
    ...clientColumn,
    item: text("item").notNull(),
    date: date("date").notNull(),
    difference: text("difference"),
    matchedBy: text("matched_by"),
    affiliateId: text("affiliate_id"),
    affiliate: text("affiliate"),
    orderId: text("order_id"),
    clickId: text("click_id"),
    everflowId: text("everflow_id"),
    everflowDate: date("everflow_date"),
    everflowAt: instant("everflow_at"),
    everflowStatus: text("everflow_status"),
    everflowConversions: integer("everflow_conversions"),
    everflowCurrency: text("everflow_currency"),
    everflowRevenue: money("everflow_revenue"),
    everflowSaleAmount: money("everflow_sale_amount"),
    everflowPayout: money("everflow_payout"),
    anytrackKey: text("anytrack_key"),
    anytrackDate: date("anytrack_date"),
    anytrackType: text("anytrack_type"),
    anytrackSource: text("anytrack_source"),
    anytrackCurrency: text("anytrack_currency"),
    anytrackRevenue: money("anytrack_revenue"),
    atStake: money("at_stake"),
    currency: text("currency"),
    isSandbox: boolean("is_sandbox").notNull(),
  },
  (table) => [
    primaryKey({ name: "tie_out_items_key", columns: [table.clientId, table.item] }),
    index("tie_out_items_date")
      .on(table.clientId, table.date, table.item)
      .where(sql`${table.difference} is not null`),
    index("tie_out_items_at_stake")
      .on(table.clientId, table.atStake, table.item)
      .where(sql`${table.difference} is not null`),
    index("tie_out_items_day").on(table.clientId, table.date),
    check(
      "tie_out_items_difference",
      sql`${table.difference} in ('missing_in_anytrack', 'missing_in_everflow', 'amount_differs', 'refused_by_everflow')`,
    ),
    check("tie_out_items_matched_by", sql`${table.matchedBy} in ('order', 'click')`),
  ],
);

/** How far each client's conversions have been compared. */
export const tieOutRuns = findings.table(
  "tie_out_runs",
  {
    ...clientColumn,
    endedAt: instant("ended_at").notNull(),
    days: bigint("days", { mode: "number" }).notNull(),
    workflowId: text("workflow_id").notNull(),
    runId: text("_run_id").notNull(),
  },
  (table) => [primaryKey({ name: "tie_out_runs_key", columns: [table.clientId] })],
);

describeTable(
  changedDays,
  "Days whose conversions have changed since they were last compared, and clicks that have come or gone; a day may stand here often.",
  {
    date: "The day, in America/New_York.",
    clickId:
      "A click of this day that has come or gone: to be compared again are the days of conversions that name it.",
  },
);

describeTable(
  tieOutDays,
  "Conversions per day and affiliate as Everflow and AnyTrack have them; findings.tie_out_daily has Redtrack's beside them.",
  {
    date: "The day, in America/New_York: Everflow's, or AnyTrack's where Everflow has none.",
    affiliateId:
      "Everflow's id of the affiliate; null for AnyTrack's conversions that are of no affiliate of Everflow.",
    affiliate: "The affiliate's name in Everflow.",
    isSandbox: "Whether mock servers made it up.",
    everflow: "Everflow's conversions, without refused ones, events and chargebacks.",
    anytrack: "AnyTrack's conversions.",
    inBoth: "Everflow's conversions that AnyTrack has, too.",
    onlyAnytrack: "AnyTrack's conversions that Everflow does not have or has refused, of whatever affiliate.",
    missingInAnytrack: "Everflow's conversions that AnyTrack does not have.",
    missingInEverflow: "AnyTrack's conversions of an affiliate of Everflow that Everflow does not have.",
    amountDiffers: "Orders that both have with different amounts.",
    refusedByEverflow: "AnyTrack's conversions that Everflow rejected or calls invalid.",
  },
);

describeTable(
  tieOutItems,
  "Conversions that Everflow and AnyTrack do not both have alike, one by one; and those that they date more than three days apart, without a difference.",
  {
    item: "everflow:<conversion id>, or anytrack:<conversion key> of what Everflow does not have.",
    date: "The day, in America/New_York: Everflow's, or AnyTrack's where Everflow has none.",
    difference:
      "missing_in_anytrack, missing_in_everflow, amount_differs or refused_by_everflow; null where only the days are far apart.",
    matchedBy: "By what the two met: order or click; null where one of them is missing.",
    affiliateId: "Everflow's id of the affiliate.",
    affiliate: "The affiliate's name in Everflow.",
    orderId: "The order number.",
    clickId: "The click that AnyTrack knows: Everflow names it in one of its values.",
    everflowId: "Everflow's id of the conversion.",
    everflowDate: "The day in Everflow.",
    everflowAt: "The moment in Everflow.",
    everflowStatus: "The status in Everflow.",
    everflowConversions: "How many conversions Everflow has of the order: the amounts are their sums.",
    everflowCurrency: "The currency in Everflow.",
    everflowRevenue: "What the advertiser pays, as Everflow says.",
    everflowSaleAmount: "What the customer paid, as Everflow says; null where it has none.",
    everflowPayout: "What the affiliate earns, as Everflow says.",
    anytrackKey: "The conversion in AnyTrack, as in anytrack.conversions.",
    anytrackDate: "The day in AnyTrack.",
    anytrackType: "Its type in AnyTrack.",
    anytrackSource: "Its traffic source in AnyTrack.",
    anytrackCurrency: "The currency in AnyTrack.",
    anytrackRevenue: "The amount, as AnyTrack says.",
    atStake: "The amount that one of them lacks, or by how much they differ; null where the currencies do.",
    currency: "The currency of what is at stake.",
    isSandbox: "Whether mock servers made it up.",
  },
);

describeTable(tieOutRuns, "When each client's conversions were last compared.", {
  endedAt: "When it was stored.",
  days: "How many days were compared again.",
  workflowId: "The workflow that did it.",
});

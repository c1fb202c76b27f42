import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  unique,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";
import { describeSchema, describeTable } from "./describe.ts";

export const findings = pgSchema("findings");

const cents = (name: string) => numeric(name, { precision: 18, scale: 2 });

/** One for each kind and what it is about that was ever found: it keeps its number over nights. */
export const found = findings.table(
  "findings",
  {
    ...clientColumn,
    findingId: bigint("finding_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    kind: text("kind").notNull(),
    subject: text("subject").notNull(),
    subjectName: text("subject_name").notNull(),
    state: text("state").notNull().default("new"),
    stateReason: text("state_reason"),
    stateBy: text("state_by"),
    stateAt: instant("state_at").notNull().defaultNow(),
    snoozedUntil: date("snoozed_until"),
    doneOn: date("done_on"),
    currency: text("currency").notNull(),
    atStake: cents("at_stake").notNull(),
    /** What was at stake when a person was done with it: it comes back when it has grown beyond this. */
    decidedAtStake: cents("decided_at_stake"),
    cases: integer("cases").notNull(),
    firstDay: date("first_day").notNull(),
    lastDay: date("last_day").notNull(),
    words: text("words").notNull(),
    p: doublePrecision("p"),
    windowFrom: date("window_from").notNull(),
    windowTo: date("window_to").notNull(),
    facts: jsonb("facts").notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    heldOn: date("held_on").notNull(),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("findings_origin_known", table.origin),
    primaryKey({ name: "findings_id", columns: [table.clientId, table.findingId] }),
    unique("findings_subject").on(table.clientId, table.kind, table.subject),
    index("findings_at_stake").on(table.clientId, table.atStake, table.findingId),
    check(
      "findings_kind",
      sql`${table.kind} in ('paid_twice', 'spend_without_clicks', 'clicks_without_spend', 'click_times', 'repeat_addresses', 'parted_ways')`,
    ),
    check("findings_state", sql`${table.state} in ('new', 'seen', 'dismissed', 'snoozed', 'done', 'gone')`),
  ],
);

/** What each follows from, row by row, as it was when it was last found. */
export const findingRows = findings.table(
  "finding_rows",
  {
    ...clientColumn,
    findingId: bigint("finding_id", { mode: "number" }).notNull(),
    position: integer("position").notNull(),
    date: date("date").notNull(),
    item: text("item").notNull(),
    saidBy: text("said_by").notNull(),
    amount: money("amount").notNull(),
    currency: text("currency").notNull(),
    count: bigint("count", { mode: "number" }),
    otherSaidBy: text("other_said_by"),
    otherAmount: money("other_amount"),
    otherCurrency: text("other_currency"),
    usual: money("usual"),
    atStake: cents("at_stake"),
    ...originColumn,
  },
  (table) => [
    originCheck("finding_rows_origin_known", table.origin),
    primaryKey({ name: "finding_rows_key", columns: [table.clientId, table.findingId, table.position] }),
    index("finding_rows_at_stake").on(table.clientId, table.findingId, table.atStake, table.position),
  ],
);

/** What was tested against others, whether found or not: how many nights, so that looking again and again does not make chance a finding. */
export const findingTests = findings.table(
  "finding_tests",
  {
    ...clientColumn,
    kind: text("kind").notNull(),
    subject: text("subject").notNull(),
    nights: integer("nights").notNull(),
    lastNight: date("last_night").notNull(),
    p: doublePrecision("p").notNull(),
    facts: jsonb("facts").notNull(),
  },
  (table) => [primaryKey({ name: "finding_tests_key", columns: [table.clientId, table.kind, table.subject] })],
);

/** One for each search. */
export const findingRuns = findings.table(
  "finding_runs",
  {
    ...clientColumn,
    findingRunId: bigint("finding_run_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    endedAt: instant("ended_at").notNull().defaultNow(),
    windowTo: date("window_to").notNull(),
    tested: integer("tested").notNull(),
    listed: integer("listed").notNull(),
    created: integer("created").notNull(),
    gone: integer("gone").notNull(),
    facts: jsonb("facts").notNull(),
    records: text("records").notNull(),
    workflowId: text("workflow_id").notNull(),
    runId: text("_run_id").notNull(),
    ...originColumn,
  },
  (table) => [
    originCheck("finding_runs_origin_known", table.origin),
    primaryKey({ name: "finding_runs_id", columns: [table.clientId, table.findingRunId] }),
    unique("finding_runs_run").on(table.clientId, table.runId),
  ],
);

/** What became of a finding, in order. A row is never changed. */
export const findingChanges = findings.table(
  "finding_changes",
  {
    ...clientColumn,
    changeId: bigint("change_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    findingId: bigint("finding_id", { mode: "number" }).notNull(),
    at: instant("at").notNull().defaultNow(),
    actor: text("actor").notNull(),
    role: text("role"),
    fromState: text("from_state"),
    toState: text("to_state").notNull(),
    reason: text("reason"),
  },
  (table) => [
    primaryKey({ name: "finding_changes_key", columns: [table.clientId, table.changeId] }),
    index("finding_changes_finding").on(table.clientId, table.findingId),
  ],
);

const originText = "real; sandbox: computed from made-up rows; unknown: from rows stored before this was recorded.";
const theFinding = "The finding, as in findings.findings.";

describeSchema(findings, "Double and missing money: what does not add up between vendors, with its evidence.");

describeTable(
  found,
  "Double and missing money: one row for each kind and what it is about, with what became of it. Evidence to look at, no accusation.",
  {
    findingId: "Number of the finding; it stays over nights.",
    kind: "paid_twice, spend_without_clicks, clicks_without_spend, click_times, repeat_addresses or parted_ways.",
    subject:
      "What it is about: affiliate/<Everflow id>, anytrack/<AnyTrack's affiliate>, source/<Redtrack id> or campaign/<our number>; paid_twice also has the currency.",
    subjectName: "Its name.",
    state: "new, seen, dismissed, snoozed, done, or gone: it does not hold any more.",
    stateReason: "Why a person said so; null where the search did.",
    stateBy: "Who put it there: the subject of a token or session; null where the search did.",
    stateAt: "Since when it is so.",
    snoozedUntil: "The first day on which it comes back; null unless it is snoozed.",
    doneOn: "The client's day on which it was done; null unless it was.",
    currency: "The currency of what is at stake.",
    atStake: "The sum of what its rows put at stake, to the cent.",
    decidedAtStake:
      "What was at stake when it was dismissed or done: it comes back when it has grown beyond this; null for others.",
    cases: "How many rows it has.",
    firstDay: "The day of its first row.",
    lastDay: "The day of its last row.",
    words: "What was found, in a sentence.",
    p: "How likely chance alone would do this; null where chance has no part.",
    windowFrom: "First day that was looked at.",
    windowTo: "Last day: the last that is final.",
    facts: "All figures that it follows from, as JSON.",
    createdAt: "When it was first found.",
    updatedAt: "When its figures last changed.",
    heldOn: "Last day of the last window in which it was found.",
    origin: originText,
  },
);

describeTable(
  findingRows,
  "What each finding follows from, row by row, as it was when it was last found; findings.evidence has the same rows as they are now.",
  {
    findingId: theFinding,
    position: "Its place, from 1.",
    date: "The day.",
    item: "What the row is about: an order, a conversion, a traffic source or a campaign.",
    saidBy: "Who says so.",
    amount: "The amount that they say: the payout, or the spend.",
    currency: "Its currency.",
    count:
      "Clicks, conversions, seconds from the click to the conversion, or which conversion of its address it is; null for orders.",
    otherSaidBy: "Who also says that it is paid; null unless an order is paid twice.",
    otherAmount: "The amount that they say.",
    otherCurrency: "Its currency.",
    usual: "What would be usual: clicks for the spend, spend for the clicks or the conversions; null for others.",
    atStake: "What of it is at stake, to the cent; null where it is in another currency than the finding.",
    origin: originText,
  },
);

describeTable(findingTests, "All that was ever held against others for a finding, and on how many nights.", {
  kind: "The kind it was tested for.",
  subject: "What was tested.",
  nights: "On how many nights: the more, the surer it must be.",
  lastNight: "Last day of the last window.",
  p: "How likely chance alone would do this.",
  facts: "The figures, as JSON.",
});

describeTable(findingRuns, "Each time that was looked for findings.", {
  findingRunId: "Number of the run.",
  endedAt: "When it was stored.",
  windowTo: "The last final day.",
  tested: "What was above the floors and tested.",
  listed: "Of it, how much was found.",
  created: "Of these, how many are new.",
  gone: "Findings that do not hold any more.",
  facts: "What was looked at, as JSON.",
  records: "State of the rows it was computed from: another state, another text.",
  workflowId: "The workflow that did it.",
  origin: originText,
});

describeTable(findingChanges, "What became of each finding, in order.", {
  changeId: "Number of the change.",
  findingId: theFinding,
  at: "When.",
  actor: "Who: the subject of a token or session, or the workflow.",
  role: "Their role; null for the workflow.",
  fromState: "Its state before; null for the first.",
  toState: "Its state after.",
  reason: "Why; null where no reason was given.",
});

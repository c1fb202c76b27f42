import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { rtb } from "./rtb.ts";

/** A change of one pretargeting configuration: computed, perhaps approved, perhaps made. */
export const pretargetingPlans = rtb.table(
  "pretargeting_plans",
  {
    ...clientColumn,
    planId: bigint("plan_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    source: text("source").notNull(),
    opportunityId: bigint("opportunity_id", { mode: "number" }),
    wanted: jsonb("wanted").notNull(),
    wantedConfigId: text("wanted_config_id"),
    wantedRollout: text("wanted_rollout"),
    state: text("state").notNull().default("planning"),
    stateReason: text("state_reason"),
    stateAt: instant("state_at").notNull().defaultNow(),
    stage: integer("stage").notNull().default(0),
    title: text("title"),
    bidderId: text("bidder_id"),
    configId: text("config_id"),
    configName: text("config_name"),
    configActive: text("config_state"),
    snapshot: jsonb("snapshot"),
    target: jsonb("target"),
    difference: jsonb("difference"),
    rollout: text("rollout"),
    rolloutReason: text("rollout_reason"),
    totalQps: integer("total_qps"),
    expectedShare: doublePrecision("expected_share"),
    blockedBy: text("blocked_by"),
    digest: text("digest"),
    baselineQps: doublePrecision("baseline_qps"),
    cloneName: text("clone_name"),
    cloneId: text("clone_id"),
    fence: bigint("fence", { mode: "number" }).notNull().default(0),
    createdAt: instant("created_at").notNull().defaultNow(),
    createdBy: text("created_by").notNull(),
    workflowId: text("workflow_id"),
    ...originColumn,
    theirs: jsonb("theirs").notNull().default([]),
    candidates: jsonb("candidates").notNull().default([]),
  },
  (table) => [
    originCheck("pretargeting_plans_origin_known", table.origin),
    primaryKey({ name: "pretargeting_plans_id", columns: [table.clientId, table.planId] }),
    // Of two at once the effects on the bidder's QPS could not be separated.
    uniqueIndex("pretargeting_plans_under_way")
      .on(table.clientId, table.bidderId)
      .where(sql`${table.state} in ('approved', 'applying', 'rolling_back')`),
    check(
      "pretargeting_plans_state",
      sql`${table.state} in ('planning', 'planned', 'refused', 'approved', 'applying', 'applied', 'rolling_back', 'rolled_back', 'overtaken')`,
    ),
    check("pretargeting_plans_source", sql`${table.source} in ('waste', 'opportunity')`),
    check("pretargeting_plans_rollout", sql`${table.rollout} in ('gradual', 'at_once')`),
    check("pretargeting_plans_stage", sql`${table.stage} in (0, 10, 50, 100)`),
  ],
);

/** Who accepted which text for which plan. A row is never changed. */
export const pretargetingApprovals = rtb.table(
  "pretargeting_approvals",
  {
    ...clientColumn,
    approvalId: bigint("approval_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    planId: bigint("plan_id", { mode: "number" }).notNull(),
    digest: text("digest").notNull(),
    warningVersion: integer("warning_version").notNull(),
    warning: text("warning").notNull(),
    approvedBy: text("approved_by").notNull(),
    role: text("role").notNull(),
    at: instant("at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "pretargeting_approvals_key", columns: [table.clientId, table.approvalId] }),
    index("pretargeting_approvals_plan").on(table.clientId, table.planId, table.approvalId),
  ],
);

/** Every request that changes something at the exchange, written down before it is sent. */
export const pretargetingWrites = rtb.table(
  "pretargeting_writes",
  {
    ...clientColumn,
    writeId: bigint("write_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    planId: bigint("plan_id", { mode: "number" }).notNull(),
    stage: integer("stage").notNull(),
    which: text("which").notNull(),
    kind: text("kind").notNull(),
    changes: jsonb("changes").notNull(),
    state: text("state").notNull().default("sent"),
    sentAt: instant("sent_at").notNull().defaultNow(),
    settledAt: instant("settled_at"),
    settledNo: bigint("settled_no", { mode: "number" }),
  },
  (table) => [
    primaryKey({ name: "pretargeting_writes_key", columns: [table.clientId, table.writeId] }),
    index("pretargeting_writes_plan").on(table.clientId, table.planId, table.writeId),
    check("pretargeting_writes_state", sql`${table.state} in ('sent', 'arrived', 'refused', 'withheld')`),
    check("pretargeting_writes_which", sql`${table.which} in ('original', 'clone')`),
    check("pretargeting_writes_kind", sql`${table.kind} in ('patch', 'add', 'remove', 'create', 'delete')`),
  ],
);

/** What became of a plan, in order. A row is never changed. */
export const pretargetingEvents = rtb.table(
  "pretargeting_events",
  {
    ...clientColumn,
    eventId: bigint("event_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    planId: bigint("plan_id", { mode: "number" }).notNull(),
    at: instant("at").notNull().defaultNow(),
    kind: text("kind").notNull(),
    actor: text("actor").notNull(),
    words: text("words").notNull(),
    qps: doublePrecision("qps"),
  },
  (table) => [
    primaryKey({ name: "pretargeting_events_key", columns: [table.clientId, table.eventId] }),
    index("pretargeting_events_plan").on(table.clientId, table.planId, table.eventId),
  ],
);

describeTable(pretargetingPlans, "Changes of pretargeting configurations: computed, and some of them made.", {
  planId: "Number of the plan.",
  source: "What it follows from: waste or opportunity.",
  opportunityId: "The opportunity; null for waste.",
  wanted: "What is to be let in or left out, as JSON.",
  wantedConfigId: "The configuration that was named; null where it follows by itself.",
  wantedRollout: "gradual or at_once where a person chose; null where it follows by itself.",
  state:
    "planning, planned, refused (cannot be planned), approved, applying, applied, rolling_back, rolled_back, or overtaken: another person changed the configuration.",
  stateReason: "Why it is so, in words.",
  stateAt: "Since when.",
  stage: "Which share of the traffic the change has now, in percent.",
  title: "What it does, in words; null until that is known.",
  bidderId: "The bidder's account at the exchange.",
  configId: "The configuration that is changed.",
  configName: "Its name when it was read.",
  configActive: "Its state when it was read: ACTIVE or SUSPENDED.",
  snapshot: "All that it targeted when it was read, as JSON: what a rollback returns to.",
  target: "All that it is to target, as JSON.",
  difference: "The parts that differ, before and after, as JSON.",
  rollout: "gradual: 10, 50, 100 %; at_once: in one step.",
  rolloutReason: "Why that way.",
  totalQps: "What shares are of, in requests a second; null where there are none.",
  expectedShare:
    "Share of the bidder's requests that the change takes, 0 to 1 (JSON has percent); null where it is not known.",
  blockedBy: "Why it could not be applied when it was computed; null if nothing spoke against it.",
  digest: "Hash of all that is approved: a plan that was computed again has another.",
  baselineQps: "The bidder's requests a second before the first write.",
  cloneName: "Name of the clone that takes a share; unique among the bidder's configurations.",
  cloneId: "Its id at the exchange; null while it is not known.",
  theirs:
    "What another person was seen to have changed meanwhile, as JSON: it is never written again. `lost`: a request of ours arrived after that all the same.",
  candidates:
    "Where it could be made in several configurations and none was named: their ids and names, as JSON. A person chooses one.",
  fence: "Number of the attempt that may write: an earlier one may still be alive.",
  createdAt: "When it was asked for.",
  createdBy: "Who asked for it: the subject of a token or session.",
  workflowId: "The workflow that applies it; null before.",
  origin: "real, or sandbox: the exchange is a mock server.",
});

describeTable(pretargetingApprovals, "Who accepted which warning for which change.", {
  approvalId: "Number of the approval.",
  planId: "The plan.",
  digest: "Hash of what was approved.",
  warningVersion: "Version of the text that was shown.",
  warning: "The text.",
  approvedBy: "Who: the subject of a token or session.",
  role: "Their role.",
  at: "When.",
});

describeTable(
  pretargetingWrites,
  "Every request that changes a pretargeting configuration, written before it is sent.",
  {
    writeId: "Number of the request.",
    planId: "The plan.",
    stage: "The stage that it leads to; 0 is back.",
    which: "original, or clone: the capped copy that takes a share.",
    kind: "patch, add or remove (members of a list), create, delete.",
    changes: "The parts that it changes, before and after, as JSON.",
    state:
      "sent: whether it arrived is not known; arrived; refused; withheld: not sent, because something had changed in the last moment.",
    sentAt: "When it was written down, just before it was sent.",
    settledAt: "When it was known what became of it.",
    settledNo: "In which order that became known; null where it is not, and where it did not.",
  },
);

describeTable(pretargetingEvents, "What became of each plan, in order.", {
  eventId: "Number of the event.",
  planId: "The plan.",
  at: "When.",
  kind: "planned, refused, approved, begun, reached, watched, applied, rollback_asked, rolling_back, rolled_back, overtaken, lost, rollback_refused or stuck.",
  actor: "Who: the subject of a token or session; workflow where no person was.",
  words: "What happened, in words.",
  qps: "The bidder's requests a second then; null where none were read.",
});

import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { changedAmount } from "./changed-amount.ts";
import { bytes, clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";

export const ops = pgSchema("ops");

/** Each fetch attempt takes a number before its first request; a smaller number never overwrites a greater one. */
export const fetchSeq = ops.sequence("fetch_seq");

export const runs = ops.table(
  "runs",
  {
    runId: text("run_id").primaryKey(),
    ...clientColumn,
    source: text("source").notNull(),
    kind: text("kind").notNull(),
    workflowId: text("workflow_id").notNull(),
    scheduledFor: instant("scheduled_for"),
    dayFrom: date("day_from"),
    dayTo: date("day_to"),
    startedAt: instant("started_at").notNull().defaultNow(),
    finishedAt: instant("finished_at"),
    outcome: text("outcome").notNull().default("running"),
    slicesPlanned: integer("slices_planned").notNull().default(0),
    slicesDone: integer("slices_done").notNull().default(0),
    slicesFailed: integer("slices_failed").notNull().default(0),
    inserted: bigint("inserted", { mode: "number" }).notNull().default(0),
    updated: bigint("updated", { mode: "number" }).notNull().default(0),
    unchanged: bigint("unchanged", { mode: "number" }).notNull().default(0),
    withdrawn: bigint("withdrawn", { mode: "number" }).notNull().default(0),
    reason: text("reason"),
  },
  (table) => [
    index("runs_recent").on(table.clientId, table.source, table.startedAt),
    index("runs_by_start").on(table.clientId, table.startedAt, table.runId),
    // All that a list's totals add up: the rows themselves are not read.
    index("runs_totals").on(
      ...[table.clientId, table.source, table.outcome],
      ...[table.slicesDone, table.slicesFailed, table.inserted, table.updated],
    ),
    check("runs_kind", sql`${table.kind} in ('sync', 'backfill', 'dry_run')`),
    check("runs_outcome", sql`${table.outcome} in ('running', 'completed', 'failed', 'cancelled', 'recovered')`),
  ],
);

export const runFailures = ops.table(
  "run_failures",
  {
    runId: text("run_id").notNull(),
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    type: text("type").notNull(),
    reason: text("reason").notNull(),
    failedAt: instant("failed_at").notNull().defaultNow(),
    recoveredAt: instant("recovered_at"),
  },
  (table) => [
    primaryKey({ name: "run_failures_key", columns: [table.runId, table.slice] }),
    index("run_failures_open")
      .on(table.clientId, table.source, table.slice)
      .where(sql`${table.recoveredAt} is null`),
  ],
);

export const slices = ops.table(
  "slices",
  {
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    day: date("day").notNull(),
    timezone: text("timezone").notNull(),
    receiptId: bigint("receipt_id", { mode: "number" }),
    fetchSeq: bigint("fetch_seq", { mode: "number" }),
    fetchedAt: instant("fetched_at"),
    isFinal: boolean("is_final").notNull().default(false),
    outcome: text("outcome"),
    rows: integer("rows").notNull().default(0),
    total: money("total").notNull().default("0"),
    contentHash: text("content_hash"),
    failure: text("failure"),
    failureType: text("failure_type"),
    failedAt: instant("failed_at"),
    runId: text("run_id"),
    ...originColumn,
  },
  (table) => [
    primaryKey({ name: "slices_key", columns: [table.clientId, table.source, table.slice] }),
    // Before each pull: is anything of another origin stored?
    index("slices_origin").on(table.clientId, table.source, table.origin),
    originCheck("slices_origin_known", table.origin),
    index("slices_failed")
      .on(table.clientId, table.source)
      .where(sql`${table.failedAt} is not null`),
  ],
);

export const receipts = ops.table(
  "receipts",
  {
    receiptId: bigint("receipt_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    timezone: text("timezone").notNull(),
    fetchSeq: bigint("fetch_seq", { mode: "number" }).notNull(),
    fetchedAt: instant("fetched_at").notNull(),
    committedAt: instant("committed_at").notNull().defaultNow(),
    outcome: text("outcome").notNull(),
    pages: integer("pages").notNull(),
    fetched: integer("fetched").notNull(),
    inserted: integer("inserted").notNull(),
    updated: integer("updated").notNull(),
    unchanged: integer("unchanged").notNull(),
    withdrawn: integer("withdrawn").notNull(),
    quarantined: integer("quarantined").notNull(),
    quarantinedTotal: money("quarantined_total").notNull(),
    total: money("total").notNull(),
    vendorTotal: money("vendor_total"),
    contentHash: text("content_hash").notNull(),
    runId: text("run_id").notNull(),
    workflowId: text("workflow_id").notNull(),
    workflowRunId: text("workflow_run_id").notNull(),
    attempt: integer("attempt").notNull(),
    ...originColumn,
  },
  (table) => [
    uniqueIndex("receipts_fetch").on(table.fetchSeq),
    originCheck("receipts_origin_known", table.origin),
    index("receipts_slice").on(table.clientId, table.source, table.slice, table.fetchSeq),
    index("receipts_run").on(table.runId),
    // What lists of receipts are sorted by.
    index("receipts_by_slice").on(table.clientId, table.slice, table.receiptId),
    index("receipts_by_total").on(table.clientId, table.total, table.receiptId),
    index("receipts_by_inserted").on(table.clientId, table.inserted, table.receiptId),
    index("receipts_by_updated").on(table.clientId, table.updated, table.receiptId),
    check("receipts_outcome", sql`${table.outcome} in ('changed', 'unchanged', 'emptied', 'shrunk', 'unreconciled')`),
  ],
);

/** What was answered of a slice that is asked for in parts, until it is stored whole: a retry goes on from here. */
export const sliceParts = ops.table(
  "slice_parts",
  {
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    workflowRunId: text("workflow_run_id").notNull(),
    part: text("part").notNull(),
    fetchSeq: bigint("fetch_seq", { mode: "number" }).notNull(),
    fetchedAt: instant("fetched_at").notNull(),
    answer: bytes("answer").notNull(),
  },
  (table) => [
    primaryKey({
      name: "slice_parts_key",
      columns: [table.clientId, table.source, table.slice, table.workflowRunId, table.part],
    }),
  ],
);

export const restatements = ops.table(
  "restatements",
  {
    restatementId: bigint("restatement_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    rowKey: jsonb("row_key").notNull(),
    kind: text("kind").notNull(),
    old: jsonb("old"),
    new: jsonb("new"),
    fetchSeq: bigint("fetch_seq", { mode: "number" }).notNull(),
    runId: text("run_id").notNull(),
    recordedAt: instant("recorded_at").notNull().defaultNow(),
  },
  (table) => [
    index("restatements_slice").on(table.clientId, table.source, table.slice, table.fetchSeq),
    index("restatements_run").on(table.runId),
    index("restatements_by_slice").on(table.clientId, table.slice, table.restatementId),
    index("restatements_by_change").on(table.clientId, sql.raw(changedAmount("")), table.restatementId),
    // What Everflow said of a conversion before; and those that it counts on another day now.
    index("restatements_conversion")
      .on(table.clientId, sql`(row_key ->> 'conversion_id')`, table.restatementId)
      .where(sql`source = 'everflow.conversions' and kind in ('changed', 'withdrawn')`),
    index("restatements_moved")
      .on(table.clientId, table.restatementId)
      .where(sql`source = 'everflow.conversions' and kind = 'changed' and (old ->> 'date') <> slice`),
    check("restatements_kind", sql`${table.kind} in ('first', 'changed', 'withdrawn')`),
  ],
);

export const quarantine = ops.table(
  "quarantine",
  {
    quarantineId: bigint("quarantine_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    source: text("source").notNull(),
    slice: text("slice").notNull(),
    line: integer("line"),
    reason: text("reason").notNull(),
    amount: money("amount"),
    content: text("content").notNull(),
    contentHash: text("content_hash").notNull(),
    firstSeenAt: instant("first_seen_at").notNull().defaultNow(),
    lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
    resolvedAt: instant("resolved_at"),
    runId: text("run_id").notNull(),
    whole: boolean("whole").notNull().default(true),
    columnName: text("column_name"),
    correctedSealed: text("corrected_sealed"),
    correctedAt: instant("corrected_at"),
    contentDeletedAt: instant("content_deleted_at"),
    position: text("position"),
  },
  (table) => [
    uniqueIndex("quarantine_open")
      .on(table.clientId, table.source, table.slice, table.contentHash)
      .where(sql`${table.resolvedAt} is null`),
    index("quarantine_recent").on(table.clientId, table.source, table.lastSeenAt),
    index("quarantine_by_line").on(table.clientId, table.slice, sql`coalesce(line, 0)`, table.quarantineId),
  ],
);

/** The first day that scheduled runs answer for: everything from here to yesterday has to become final. */
export const coverage = ops.table(
  "coverage",
  {
    ...clientColumn,
    source: text("source").notNull(),
    coveredFrom: date("covered_from").notNull(),
  },
  (table) => [primaryKey({ name: "coverage_key", columns: [table.clientId, table.source] })],
);

/** The feeds that the workers pull and when, as their registry says: the HTTP server has no other way to know. */
export const sources = ops.table("sources", {
  source: text("source").primaryKey(),
  timezone: text("timezone").notNull(),
  hourFrom: integer("hour_from").notNull(),
  hourTo: integer("hour_to").notNull(),
  minute: integer("minute").notNull(),
});

export const rateGate = ops.table("rate_gate", {
  account: text("account").primaryKey(),
  nextAt: instant("next_at").notNull().defaultNow(),
  heldUntil: instant("held_until"),
  leases: jsonb("leases").notNull().default({}),
});

export const alerts = ops.table(
  "alerts",
  {
    alertId: bigint("alert_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    area: text("area").notNull(),
    kind: text("kind").notNull(),
    subject: text("subject").notNull(),
    severity: text("severity").notNull(),
    message: text("message").notNull(),
    details: jsonb("details").notNull().default({}),
    openedAt: instant("opened_at").notNull().defaultNow(),
    lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
    timesSeen: integer("times_seen").notNull().default(1),
    notifiedAt: instant("notified_at"),
    resolvedAt: instant("resolved_at"),
    resolvedBy: text("resolved_by"),
    notes: text("notes"),
    edition: integer("edition").notNull().default(1),
    snoozedUntil: instant("snoozed_until"),
  },
  (table) => [
    uniqueIndex("alerts_open")
      .on(table.clientId, table.area, table.kind, table.subject)
      .where(sql`${table.resolvedAt} is null`),
    index("alerts_recent").on(table.clientId, table.openedAt),
    // All that a list's totals count: alerts are wide.
    index("alerts_totals").on(table.clientId, table.resolvedAt, table.severity, table.area, table.kind),
    check("alerts_severity", sql`${table.severity} in ('info', 'warning', 'critical')`),
  ],
);

/** Who did what by hand. Only ever grows: a trigger refuses to change or remove a row, to the owner too. */
export const audit = ops.table(
  "audit",
  {
    auditId: bigint("audit_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    /** Null where the act is no one client's: keys were rotated. */
    clientId: text("_client_id"),
    at: instant("at").notNull().defaultNow(),
    actor: text("actor").notNull(),
    role: text("role"),
    action: text("action").notNull(),
    subject: text("subject").notNull(),
    details: jsonb("details").notNull().default({}),
  },
  (table) => [index("audit_recent").on(table.clientId, table.auditId)],
);

/** Tokens that are refused before they end. */
export const revokedTokens = ops.table("revoked_tokens", {
  tokenId: text("token_id").primaryKey(),
  ...clientColumn,
  expiresAt: instant("expires_at"),
  revokedAt: instant("revoked_at").notNull().defaultNow(),
  revokedBy: text("revoked_by").notNull(),
});

/** How often each caller called in the present minute, over all processes. Unlogged: a crash may lose it. */
export const callCounts = ops.table("call_counts", {
  caller: text("caller").primaryKey(),
  resetsAt: instant("resets_at").notNull(),
  calls: integer("calls").notNull(),
});

/** Which text of views, comments and grants this database has: what is the same is not run again. */
export const appliedSql = ops.table("applied_sql", {
  file: text("file").primaryKey(),
  hash: text("hash").notNull(),
  appliedAt: instant("applied_at").notNull().defaultNow(),
});

/** How far texts of earlier versions were cleaned, per table: those that were read to the end are not read again. */
export const cleanings = ops.table("cleanings", {
  tableName: text("table_name").primaryKey(),
  edition: integer("edition").notNull(),
  after: jsonb("after"),
  changed: bigint("changed", { mode: "number" }).notNull().default(0),
  finishedAt: instant("finished_at"),
  updatedAt: instant("updated_at").notNull().defaultNow(),
});

/** Where each rule stands with each thing it watches: an alert is raised and closed on a change, not on a value. */
export const ruleStates = ops.table(
  "rule_states",
  {
    ...clientColumn,
    rule: text("rule").notNull(),
    entity: text("entity").notNull(),
    state: text("state").notNull(),
    day: date("day").notNull(),
    firstAt: instant("first_at").notNull(),
    lastAt: instant("last_at").notNull(),
    firedAt: instant("fired_at"),
    value: numeric("value", { precision: 18, scale: 6 }),
    threshold: numeric("threshold", { precision: 18, scale: 6 }),
  },
  (table) => [
    primaryKey({ name: "rule_states_key", columns: [table.clientId, table.rule, table.entity] }),
    check("rule_states_state", sql`${table.state} in ('normal', 'suspected', 'firing')`),
  ],
);

import { isLosslessNumber, parse } from "lossless-json";
import { z } from "zod";
import { cents, subtractMoney } from "../../core/money.ts";
import { changedAmount } from "../../rules/sync/changed-amount.ts";
import type { RestatementRow } from "../../queries/sync/list-restatements.ts";
import type { FoundReceipt, ReceiptRow } from "../../queries/sync/receipt-lists.ts";
import type { RunRow } from "../../queries/sync/runs.ts";
import { instant, isMore, iso, money, part, storedOrigin } from "../server/shapes.ts";

export const freshness = z.object({
  source: z.string(),
  day: z.string(),
  state: z.enum(["final", "provisional", "failed", "emptied"]),
  loadedAt: instant.nullable(),
  rows: z.number(),
  total: money,
  reconciled: z
    .boolean()
    .nullable()
    .describe("does it add up to the vendor's own total? null when the vendor gives none"),
  failure: z.string().nullable(),
  origin: storedOrigin,
});

export const slice = z.object({
  source: z.string(),
  slice: z.string(),
  day: z.string(),
  timezone: z.string(),
  isFinal: z.boolean(),
  outcome: z.string().nullable(),
  rows: z.number(),
  total: money,
  fetchedAt: instant.nullable(),
  receiptId: z.number().nullable(),
  runId: z.string().nullable(),
  failure: z.string().nullable(),
  failureType: z.string().nullable(),
  failedAt: instant.nullable(),
  origin: storedOrigin,
});

export const run = z.object({
  runId: z.string(),
  source: z.string(),
  kind: z.string(),
  workflowId: z.string(),
  scheduledFor: instant.nullable(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  outcome: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  planned: z.number(),
  done: z.number(),
  failed: z.number(),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  withdrawn: z.number(),
  reason: z.string().nullable(),
});

export const runTotals = z.object({
  ...{ runs: z.number(), isMore, running: part, failed: part, daysDone: part, daysFailed: part },
  ...{ inserted: part, updated: part },
});

export const runFailure = z.object({
  slice: z.string(),
  type: z.string(),
  reason: z.string(),
  failedAt: instant,
  recoveredAt: instant.nullable(),
});

const hasRun = z.boolean().describe("false: the run is not among the runs (any more), and its address answers 404");

export const receipt = z.object({
  receiptId: z.number(),
  source: z.string(),
  slice: z.string(),
  timezone: z.string(),
  fetchedAt: instant,
  committedAt: instant,
  outcome: z.string(),
  pages: z.number(),
  fetched: z.number(),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  withdrawn: z.number(),
  quarantined: z.number(),
  quarantinedTotal: money,
  total: money,
  vendorTotal: money.nullable(),
  contentHash: z.string(),
  runId: z.string(),
  hasRun,
  workflowId: z.string(),
  workflowRunId: z.string(),
  attempt: z.number(),
  origin: storedOrigin,
});

export const receiptTotals = z.object({
  ...{ receipts: z.number(), isMore, inserted: part, updated: part, withdrawn: part, quarantined: part },
  unreconciled: part.describe("do not add up to the vendor's own total"),
});

export function toReceipt(row: ReceiptRow): z.infer<typeof receipt> {
  return {
    ...row,
    fetchedAt: row.fetchedAt.toISOString(),
    committedAt: row.committedAt.toISOString(),
    quarantinedTotal: cents(row.quarantinedTotal),
    total: cents(row.total),
    vendorTotal: row.vendorTotal === null ? null : cents(row.vendorTotal),
  };
}

export const foundReceipt = receipt.extend({
  day: z.string(),
  state: z.enum(["final", "provisional", "failed", "emptied"]).describe("of the day, as it is now"),
  latestReceiptId: z
    .number()
    .nullable()
    .describe("what the day rests on now: another than this once it was read again"),
  previousReceiptId: z.number().nullable(),
  previousTotal: money.nullable(),
  change: money.nullable().describe("against the reading before; null for the first"),
});

export function toFoundReceipt({ state, previousTotal, ...row }: FoundReceipt): z.infer<typeof foundReceipt> {
  const { day, latestReceiptId, previousReceiptId } = row;
  const taken = !["emptied", "shrunk"].includes(row.outcome);
  return {
    ...toReceipt(row),
    day,
    latestReceiptId,
    previousReceiptId,
    state: state as z.infer<typeof foundReceipt>["state"],
    previousTotal: previousTotal === null ? null : cents(previousTotal),
    change: previousTotal === null || !taken ? null : cents(subtractMoney(row.total, previousTotal)),
  };
}

const amounts = z
  .record(z.string(), z.unknown())
  .nullable()
  .describe("amounts are decimals with all their digits: the ledger keeps what is below a cent");
export const restatement = z.object({
  restatementId: z.number(),
  source: z.string(),
  slice: z.string(),
  rowKey: z.record(z.string(), z.unknown()),
  kind: z.string(),
  old: amounts,
  new: amounts,
  change: z.string().nullable().describe("of the row's first amount: its cost, payout or revenue"),
  runId: z.string(),
  hasRun,
  receiptId: z.number().nullable(),
  recordedAt: instant,
});

export const restatementTotals = z.object({
  ...{ changes: z.number(), isMore, first: part, changed: part, withdrawn: part },
});

export function toRestatement(row: RestatementRow): z.infer<typeof restatement> {
  const values = { old: exactAmounts(row.old), new: exactAmounts(row.new) };
  return { ...row, ...values, change: changedAmount(values), recordedAt: row.recordedAt.toISOString() };
}

export const quarantined = z.object({
  quarantineId: z.number(),
  source: z.string(),
  slice: z.string(),
  line: z.number().nullable(),
  position: z.string().nullable().describe("of a message: its topic, its partition and its place there"),
  reason: z.string(),
  amount: money.nullable(),
  content: z.string(),
  firstSeenAt: instant,
  lastSeenAt: instant,
  resolvedAt: instant.nullable(),
  runId: z.string(),
  origin: storedOrigin,
});

export const quarantineTotals = z.object({ entries: z.number(), isMore, open: part, resolved: part });

export function toRun({ client: _client, ...row }: RunRow): z.infer<typeof run> {
  return {
    ...row,
    scheduledFor: iso(row.scheduledFor),
    startedAt: row.startedAt.toISOString(),
    finishedAt: iso(row.finishedAt),
  };
}

/** The ledger's numerics carry a point, its counts do not; amounts become text before a float can touch them. */
export function exactAmounts(json: string | null): Record<string, unknown> | null {
  if (json === null) return null;
  const entries = Object.entries(parse(json) as Record<string, unknown>);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isLosslessNumber(value) ? exactNumber(value.toString()) : value]),
  );
}

function exactNumber(digits: string): string | number {
  if (!digits.includes(".")) return Number(digits);
  // At least cents, and no zeros after what was said.
  return digits.replace(/(\.\d\d\d*?)0+$/, "$1");
}

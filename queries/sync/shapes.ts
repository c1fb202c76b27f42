import type { PgTable } from "drizzle-orm/pg-core";
import type { StagedRows } from "./staged-rows.ts";
import type { Origin } from "../../core/origin.ts";
import type { Seal } from "../../core/seal.ts";

/** What a slice's total sums: a column, and of a table in several currencies the rows in one of them. */
export interface Amount {
  column: string;
  currency?: { column: string; summed: string };
}

/** Which slice of which feed. A slice is one civil day, and is named by it. */
export interface SliceOf {
  client: string;
  source: string;
  day: string;
  timezone: string;
}

/** The same, and how its table is merged. */
export interface MergeTarget extends SliceOf {
  table: PgTable;
  amount: Amount;
  answers: "complete" | "partial";
  keyedBy: "aggregate" | "id";
}

/** A slice read whole, ready to be stored. */
export interface MergeContent {
  rows: Record<string, unknown>[] | StagedRows;
  quarantined: { reason: string; amount: string; content: unknown }[];
  pages: number;
  total: string;
  quarantinedTotal: string;
  vendorTotal: string | null;
  contentHash: string;
}

/** Which attempt fetches, and when it began by the database's clock. */
export interface MergeAttempt {
  fetchSeq: number;
  fetchedAt: Date;
  isFinal: boolean;
  /** Who was asked: a vendor or a mock server. */
  origin: Origin;
  runId: string;
  workflowId: string;
  workflowRunId: string;
  attempt: number;
  /** An operator has said that an answer that is empty, or has lost many rows, is true. */
  acceptEmpty: boolean;
  /** The share of a day's rows, 0 to 100, that may be withdrawn at once without an operator's confirmation. */
  mostWithdrawnPercent: number;
  /** What rows that cannot be stored are sealed with. */
  seal: Seal;
}

/**
 * `emptied` and `shrunk`: the answer holds nothing, or has lost many of the rows that are stored; nothing was written, and
 * an operator decides.
 */
export type MergeOutcome = "changed" | "unchanged" | "emptied" | "shrunk" | "unreconciled" | "superseded";

export interface Receipt {
  receiptId: number | null;
  outcome: MergeOutcome;
  isFinal: boolean;
  fetched: number;
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  quarantined: number;
  quarantinedTotal: string;
  total: string;
  vendorTotal: string | null;
}

/** What a merge would do to a slice, or did. */
export interface Differences {
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  totalBefore: string;
}

/** One row that differs between the vendor and the table. */
export interface RowDifference {
  kind: "first" | "changed" | "withdrawn";
  key: string;
  stored: string | null;
  vendor: string | null;
}

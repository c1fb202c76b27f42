import type { StoredOrigin } from "../../core/origin.ts";

export interface Sums {
  impressions: string;
  clicks: string;
  spend: string;
}

export interface LineError {
  line: number;
  column: string | null;
  reason: string;
}

/** What became of a file: the same for the command, the HTTP server and the UI. */
export interface IngestAnswer {
  status: "ingested" | "already_ingested" | "refused" | "checked";
  /** Null when nothing was written: the number of a file in ops.files otherwise. */
  fileId: number | null;
  client: string;
  name: string;
  mapping: string;
  bytes: number;
  lines: number;
  /** Lines whose amounts are in the table now. */
  imported: number;
  /** Lines that are not: superseded or rejected. */
  skipped: number;
  inserted: number;
  updated: number;
  unchanged: number;
  /** Rows of earlier files that it took away, because they split its days by other columns. */
  removed: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  superseded: Sums & { lines: number };
  rejected: number;
  /** The first of the rejected lines; the quarantine holds all. */
  errors: LineError[];
  sums: Sums;
  days: { from: string | null; to: string | null };
  /** Of the rows it wrote, those that later files have replaced. */
  replacedSince: number;
  /** Why it was refused; of one that was ingested before, what became of its rows since. */
  reason: string | null;
  /** What to look at, though it is stored. */
  warning: string | null;
  preamble: number;
  totals: number;
  /** Null when nothing was written. */
  origin: StoredOrigin | null;
  /** Columns that split the file's lines finer than they are stored. */
  summedOver: string[];
  encoding: string | null;
  delimiter: string | null;
}

/** What became of a file's lines, and the sums of what was stored: of inserted, updated and unchanged rows. */
export interface FileCounts extends Sums {
  lines: number;
  preamble: number;
  totals: number;
  inserted: number;
  updated: number;
  unchanged: number;
  /** Rows of earlier files that it took away, because they split its days by other columns. */
  removed: number;
  /** Lines that were added to another of the same key. */
  combined: number;
  /** Lines overwritten by a later one of the same key, or by a newer file. */
  superseded: number;
  supersededImpressions: string;
  supersededClicks: string;
  supersededSpend: string;
  rejected: number;
  dayFrom: string | null;
  dayTo: string | null;
  /** How many of the rows it wrote later files have replaced. */
  replaced: number;
}

/** A file's receipt, or what reading it came to where none was written. */
export interface Receipt extends FileCounts {
  fileId: number | null;
  client: string;
  name: string;
  mapping: string;
  bytes: number;
  outcome: "ingested" | "refused" | "checked";
  reason: string | null;
  warning: string | null;
  origin: StoredOrigin | null;
}

/** What is known only while a file is read, and is not in its receipt. */
export type ReadingFacts = Pick<IngestAnswer, "summedOver" | "encoding" | "delimiter">;

interface Beside {
  errors?: readonly LineError[] | undefined;
  facts?: ReadingFacts | undefined;
  /** The same content came again: the receipt is that of the first time. */
  isKnown?: boolean | undefined;
}

export function answerOf(receipt: Receipt, { errors = [], facts, isKnown = false }: Beside = {}): IngestAnswer {
  const skipped = receipt.outcome === "refused" ? receipt.lines : receipt.superseded + receipt.rejected;
  return {
    status: isKnown ? "already_ingested" : receipt.outcome,
    fileId: receipt.fileId,
    client: receipt.client,
    name: receipt.name,
    mapping: receipt.mapping,
    bytes: receipt.bytes,
    lines: receipt.lines,
    imported: receipt.lines - skipped,
    skipped,
    inserted: receipt.inserted,
    updated: receipt.updated,
    unchanged: receipt.unchanged,
    removed: receipt.removed,
    combined: receipt.combined,
    superseded: {
      lines: receipt.superseded,
      impressions: receipt.supersededImpressions,
      clicks: receipt.supersededClicks,
      spend: receipt.supersededSpend,
    },
    rejected: receipt.rejected,
    errors: [...errors],
    sums: { impressions: receipt.impressions, clicks: receipt.clicks, spend: receipt.spend },
    days: { from: receipt.dayFrom, to: receipt.dayTo },
    replacedSince: receipt.replaced,
    reason: receipt.reason,
    warning: receipt.warning,
    preamble: receipt.preamble,
    totals: receipt.totals,
    origin: receipt.origin,
    summedOver: facts?.summedOver ?? [],
    encoding: facts?.encoding ?? null,
    delimiter: facts?.delimiter ?? null,
  };
}

import type { OpenedFile } from "../../connectors/files/file-places.ts";
import type { Redact } from "../../core/redact.ts";
import type { Database } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import type { NamedMapping } from "./mapping.ts";
import type { FilePlace } from "./places.ts";

/** What every activity of files needs. What `redact` lets through names no person: a cell can hold anything. */
export interface FilesContext {
  database: Database;
  config: Config;
  redact: Redact;
}

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
  /** Why it was refused. */
  reason: string | null;
  preamble: number;
  totals: number;
  /** Columns that split the file's lines finer than they are stored. */
  summedOver: string[];
  encoding: string | null;
  delimiter: string | null;
}

/** How far an attempt is, as its heartbeats report. */
export interface IngestProgress {
  phase: "hashing" | "reading" | "merging";
  bytes: number;
  ofBytes: number;
  lines: number;
}

/** One file under way: where it lies, how it is read, how far it is. */
export interface Taking {
  place: FilePlace;
  mapping: NamedMapping;
  opened: OpenedFile;
  progress: IngestProgress;
  signal: AbortSignal;
}

export interface Reading extends Taking {
  digest: string;
  startedAt: Date;
  errors: LineError[];
}

/** No answer shows more rejected lines than this, nor longer reasons. */
export const shownErrors = 100;
export const shownReason = 300;

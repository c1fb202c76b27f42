import type { OpenedFile } from "../../connectors/files/file-places.ts";
import type { Redact } from "../../core/redact.ts";
import type { LineError } from "../../rules/files/ingest-answer.ts";
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
  mostRecords: number | null;
  startedAt: Date;
  errors: LineError[];
}

/** No answer shows more rejected lines than this, nor longer reasons. */
export const shownErrors = 100;
export const shownReason = 300;

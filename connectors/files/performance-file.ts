import type { FileMapping } from "./mapping.ts";

export type { FileField, FileMapping } from "./mapping.ts";

/** Columns of a staged line, in the order of the COPY text. */
export const stagedColumns = [
  "line",
  "creative_id",
  "date",
  "hour",
  "geography",
  "device_type",
  "placement",
  "impressions",
  "clicks",
  "spend",
] as const;

/** The device types that are stored; what senders call them is translated. */
export const deviceTypes = [
  "mobile",
  "desktop",
  "tablet",
  "connected_tv",
  "set_top_box",
  "game_console",
  "connected_device",
  "out_of_home",
  "other",
  "unknown",
] as const;
export type DeviceType = (typeof deviceTypes)[number];

/** Why a line was not taken. */
export type RejectCode =
  | "unknown_creative"
  | "creative_id"
  | "date"
  | "future_date"
  | "hour"
  | "geography"
  | "device_type"
  | "placement"
  | "impressions"
  | "clicks"
  | "clicks_above_impressions"
  | "spend"
  | "negative"
  | "currency"
  | "column_count"
  | "quotation_mark"
  | "nul"
  | "line_too_long";

/** Why a file was not taken. */
export type RefusalCode =
  | "empty"
  | "not_text"
  | "encoding"
  | "header"
  | "missing_column"
  | "doubled_column"
  | "unknown_column"
  | "currency"
  | "unclosed_quote"
  | "quotation_mark"
  | "mostly_rejected";

export interface RejectedLine {
  /** The physical line of the file, counted from 1, where the record begins. */
  line: number;
  column: string | null;
  /** In words for whoever bought the media. */
  reason: string;
  code: RejectCode;
  /** The line itself, capped, with NUL made visible. */
  content: string;
}

export interface FileCounts {
  /** Data lines: those accepted and those rejected. Every record of the file is one of header, preamble, totals, blank or line. */
  lines: number;
  accepted: number;
  rejected: number;
  preamble: number;
  totals: number;
  blank: number;
  header: number;
  /** Bytes of the file as it was handed in. */
  bytes: number;
  /** Exact sums of the accepted lines. */
  sum: { impressions: string; clicks: string; spend: string };
  rejectedBy: Record<string, number>;
  encoding: string;
  delimiter: string;
  /** The first and the last day of the accepted lines. */
  from: string | null;
  to: string | null;
  /** Columns of the file that split its lines finer than the key does: lines of one key are to be added. */
  summedOver: string[];
  /** As the mapping says: whether lines of one key are added or the last one wins. */
  combine: "later" | "sum";
}

export interface ReadingLimits {
  maxLineBytes: number;
  /** A file with more than this share of its lines rejected is refused… */
  refuseAboveShare: number;
  /** …if it has at least so many lines. */
  refuseFromLines: number;
}

export const defaultLimits: ReadingLimits = { maxLineBytes: 1_048_576, refuseAboveShare: 0.5, refuseFromLines: 100 };

export interface PerformanceReading {
  mapping: FileMapping;
  /** The last civil day allowed, in the client's zone. */
  today: string;
  /** The client's one currency: a header or a line in another is refused by name. */
  currency: string;
  /** Null: every id is fine, and whoever stores the lines creates what is not there. */
  knownCreatives: { has(id: string): boolean } | null;
  limits: ReadingLimits;
  signal?: AbortSignal;
  /** Takes COPY text in whole lines; the next block comes when the promise is kept. */
  accepted(block: Buffer): Promise<void>;
  rejected(lines: RejectedLine[]): Promise<void>;
  progress?(at: { bytes: number; lines: number }): void;
  /** The header record as it stands in the file, decoded, and its delimiter: with it, a rejected line can be read again alone. Called once, before the first line. */
  header?(found: { text: string; delimiter: string }): void;
}

/** The file is broken, or most of it is wrong: nothing of it may be stored. */
export class FileRefused extends Error {
  readonly line: number | null;
  readonly column: string | null;
  readonly counts: Partial<FileCounts>;

  constructor(
    readonly code: RefusalCode,
    message: string,
    at: { line?: number | null; column?: string | null; counts?: Partial<FileCounts> } = {},
  ) {
    super(message);
    this.name = "FileRefused";
    this.line = at.line ?? null;
    this.column = at.column ?? null;
    this.counts = at.counts ?? {};
  }
}

/** Reads a file of ad performance: checked lines go out as COPY text, the others with their reasons. */
export async function readPerformanceFile(
  _bytes: AsyncIterable<Uint8Array>,
  _reading: PerformanceReading,
): Promise<FileCounts> {
  return Promise.reject(new Error("files are not read yet"));
}

export const shippedMappings: readonly FileMapping[] = [];

/** A mapping that comes with the code, by its name. */
export function findMapping(name: string): FileMapping {
  const mapping = shippedMappings.find((one) => one.name === name);
  if (mapping !== undefined) return mapping;
  throw new Error(
    `there is no mapping "${name}": there are ${shippedMappings.map((one) => one.name).join(", ")}, and those in the folder of your own`,
  );
}

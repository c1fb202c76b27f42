import type { FileCounts } from "./performance-file.ts";

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
  | "mostly_rejected";

/** What a cell holds, short enough for a sentence. */
export function shown(text: string): string {
  const plain = text.replace(/\0/g, "␀").replace(/[\r\n\t]+/g, " ");
  return `"${plain.length > 40 ? `${plain.slice(0, 40)}…` : plain}"`;
}

/** The file is broken, or most of it is wrong: nothing of it may be stored. */
export class FileRefused extends Error {
  readonly line: number | null;
  readonly column: string | null;
  /** How far reading had come. */
  counts: Partial<FileCounts> = {};

  constructor(
    readonly code: RefusalCode,
    message: string,
    at: { line?: number | null; column?: string | null } = {},
  ) {
    super(message);
    this.name = "FileRefused";
    this.line = at.line ?? null;
    this.column = at.column ?? null;
  }
}

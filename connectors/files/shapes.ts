import type { FileField } from "../../rules/files/file-kinds.ts";
import type { KnownCreatives, NamedCreative } from "./file-creatives.ts";
import type { FileMapping } from "./mapping.ts";

/** Why a line was not taken. */
export type RejectCode =
  | "unknown_creative"
  | "buyer_id"
  | "creative_id"
  | "date"
  | "future_date"
  | "other_owner"
  | "hour"
  | "geography"
  | "device_type"
  | "placement"
  | "impressions"
  | "clicks"
  | "clicks_above_impressions"
  | "impossible"
  | "spend"
  | "negative"
  | "currency"
  | "column_count"
  | "quotation_mark"
  | "nul"
  | "line_too_long"
  | "json"
  | "count"
  | "timestamp"
  | "text";

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
  | "json"
  | "decimal_sign"
  | "mostly_rejected";

export interface RejectedLine {
  /** The physical line of the file, counted from 1, where the record begins; each record of a line of JSON has a number of its own. */
  line: number;
  column: string | null;
  /** In words for media buyers. */
  reason: string;
  code: RejectCode;
  /** The line itself, capped, with NUL made visible. */
  content: string;
  /** Whether `content` is all of the line, so that it can be read again. */
  whole: boolean;
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
  /** Bytes of the file as it was sent. */
  bytes: number;
  /** Exact sums of the accepted lines. */
  sum: { impressions: string; clicks: string; spend: string };
  rejectedBy: Record<string, number>;
  encoding: string;
  /** "json" for a file of JSON records. */
  delimiter: string;
  /** The first and the last day of the accepted lines. */
  from: string | null;
  to: string | null;
  /** Accepted lines that may have the key of an earlier one: no other line has. Null: too many to name, so any may. */
  doubtful: readonly number[] | null;
  /** By which of its keys a file splits its days; "" of traffic. */
  grain: string;
  /** What the accepted lines of each day carry, in the order of the days; null of reports. */
  days: readonly CountedDay[] | null;
  /** Columns of the file that split its lines finer than the key does. */
  summedOver: string[];
  /** What the mapping says of lines of one key: the last one wins, or they are added. */
  combine: "later" | "sum";
  /** The header as it stands in the file: put before rejected lines, they can be read again. Of JSON the list of its fields. */
  headerText: string;
}

/** Exact sums of a day. */
export interface CountedDay {
  date: string;
  rows: number;
  impressions: string;
  clicks: string;
  spend: string;
}

/** Which column of a file says what. */
export interface Layout {
  width: number;
  /** The headers as they stand in the file. */
  names: string[];
  /** Where a field stands; -1 where the file has no such column. */
  place: Record<FileField, number>;
  currency: number[];
  sameDay: number[];
  /** Columns without a header: their cells are ignored. */
  nameless: number[];
  /** Columns whose cells are looked into. */
  used: Uint8Array;
  summedOver: string[];
  /** Columns that an export's summary leaves empty, and no line of data does. */
  summaryBlank: number[];
}

/** Days that a line may not be about, because they come from elsewhere. */
export interface OthersDays {
  /** Null: all days. */
  from: string | null;
  owner: string;
}

/** What lines are checked against. */
export interface LineRules {
  /** So many rejected lines are handed out with what stands in them, and the others only counted; all where it is left out. */
  mostRejected?: number | undefined;
  /** An amount that may be a thousand times as much is refused with its line, whatever else the file shows. */
  refusesDoubt?: boolean;
  /** The lines are messages, each with fields of its own: an empty cell is as if its line had no such column. */
  isOfMessages?: boolean;
  mapping: FileMapping;
  today: string;
  currency: string;
  /** The seat of lines that name none. */
  buyerId: string | null;
  knownCreatives: KnownCreatives;
  /** Days from here on are of somebody else, who is named; left out where all days may be stored. */
  others?: OthersDays | undefined;
  /** Whose clock the days and hours of reports are by; UTC where it is not said. */
  zone?: string | undefined;
}

/** Checks lines, and writes them as COPY text of the table that their kind goes into. */
export interface LineTaker {
  /** What was wrong with the last line. */
  readonly fault: Pick<RejectedLine, "code" | "column" | "reason">;
  readonly accepted: number;
  /** YYYYMMDD as a number; zero before the first line. */
  readonly firstDay: number;
  readonly lastDay: number;
  /** False when something is wrong with the line, and then `fault` says what. */
  take(line: number, cells: Cells): boolean;
  /** Hands out what is written; the last block with it when `last` says so. */
  blocks(last: boolean): Buffer[];
  /** Creatives that the lines name by a number, since it was asked last. */
  named(): NamedCreative[];
  /** Exact; spend in millionths. */
  sums(): { impressions: bigint; clicks: bigint; micros: bigint };
  /** Amounts that may be a thousand times as much, and whether the file shows that they are. */
  readonly doubt: { showsOther: boolean; doubtful: number };
  /** Which of its keys a report has; "" of other files. */
  readonly grain: string;
  /** Lines that may have the key of an earlier one; null: any may. */
  doubtfulKeys(): readonly number[] | null;
  /** What the accepted lines of each day carry; null where nobody adds it up. */
  days(): CountedDay[] | null;
}

/** The cells of a record: each begins and ends somewhere in `bytes`. */
export interface Cells {
  bytes: Buffer;
  starts: Int32Array;
  ends: Int32Array;
}

/**
 * A record as the parser found it. A reader has one and fills it again for each record: making an
 * object of every one of a million records costs more than reading them.
 */
export interface FileRecord {
  /** The record's own text, without its line break, is in `raw` from `start` to `end`. */
  raw: Buffer;
  start: number;
  end: number;
  cells: Cells;
  /** How many cells it has, also where they are more than the header has. */
  count: number;
  hasNul: boolean;
  /** Whether every quotation mark stands where it should. */
  wellQuoted: boolean;
  /** The lines that it goes over. */
  breaks: number;
  /** What is wrong with a record that was read otherwise than as a line of columns. */
  fault?: Pick<RejectedLine, "code" | "column" | "reason"> | null;
}

/** The result of parsing a piece of text: what is left of it, and why it was left. */
export interface Taken {
  rest: Buffer;
  /** "more": a record is not over yet. "complex": a real parser must go on. "long": a record is longer than one may be. */
  then: "more" | "complex" | "long";
}

import { maskName } from "../../core/personal.ts";
import { dayText } from "./day-sums.ts";
import { decodeFile } from "./decode.ts";
import type { KnownCreatives, NamedCreative } from "./file-creatives.ts";
import { FileLines } from "./file-lines.ts";
import { findHeader, recogniseHeader } from "./header.ts";
import { isJson, jsonDelimiter } from "./json-fields.ts";
import { openJson } from "./json-header.ts";
import { JsonRecords } from "./json-records.ts";
import { LongLine } from "./long-line.ts";
import type { FileMapping } from "./mapping.ts";
import { microsText } from "./numbers.ts";
import { PlainScanner } from "./plain-scanner.ts";
import { QuotedParser } from "./quoted-parser.ts";
import { FileRefused } from "./reasons.ts";
import type { FileCounts, OthersDays, RejectedLine, Taken } from "./shapes.ts";

export { deviceTypes } from "./devices.ts";
export type { CreativeState, KnownCreatives, NamedCreative } from "./file-creatives.ts";
export { findMapping, parseMapping, type FileMapping } from "./mapping.ts";
export { FileRefused } from "./reasons.ts";
export type { FileCounts, RefusalCode, RejectCode, RejectedLine } from "./shapes.ts";

/** Columns of a staged line, in the order of the COPY text. */
export const stagedColumns = [
  "line",
  "creative",
  "date",
  "hour",
  "geography",
  "device_type",
  "placement",
  "impressions",
  "clicks",
  "spend",
] as const;

export interface ReadingLimits {
  maxLineBytes: number;
  /** A file with more than this share of its lines rejected is refused… */
  refuseAboveShare: number;
  /** …if it has at least so many lines. */
  refuseFromLines: number;
}

export const defaultLimits: ReadingLimits = { maxLineBytes: 1_048_576, refuseAboveShare: 0.5, refuseFromLines: 100 };

export interface PerformanceReading {
  /** Whose clock the days and hours of reports are by; UTC where it is not said. */
  zone?: string | undefined;
  mapping: FileMapping;
  /** The last civil day allowed, in the client's zone. */
  today: string;
  /** The client's one currency: a header or a line in another is refused by name. */
  currency: string;
  /** Whose creatives the lines name where the file does not say; null where nobody has said. */
  buyerId: string | null;
  knownCreatives: KnownCreatives;
  others?: OthersDays | undefined;
  limits: ReadingLimits;
  refusesDoubt?: boolean;
  /** As of `LineRules`. */
  isOfMessages?: boolean;
  /** So many rejected lines go out, and the others are only counted; all where it is left out. */
  mostRejected?: number | undefined;
  /** Of a JSON file: the fields of all its records. Without them those of its beginning are taken. */
  fields?: readonly string[] | null;
  /** More records than this the text cannot have, where that is known and it is no JSON: most are rejected as soon as so many are. */
  mostRecords?: number | null;
  signal?: AbortSignal;
  /** Takes what the numbers of creatives in staged lines mean. */
  named(creatives: NamedCreative[]): Promise<void>;
  /** Takes COPY text in whole lines; the next block comes when the promise is kept. */
  accepted(block: Buffer): Promise<void>;
  rejected(lines: RejectedLine[]): Promise<void>;
  progress?(at: { bytes: number; lines: number }): void;
}

/** The least that is looked through for a header, however short lines may be. */
const shortestHead = 65_536;
const rejectsAtOnce = 1_000;

/** Reads a file of ad performance: checked lines go out as COPY text, the others with their reasons. */
export async function readPerformanceFile(
  bytes: AsyncIterable<Uint8Array>,
  reading: PerformanceReading,
): Promise<FileCounts> {
  return readFile(bytes, reading, { scan: true });
}

interface How {
  /** Whether plain records are taken apart by the scanner, or all of them by the parser: the result is the same. */
  scan: boolean;
}

/** The same with the choice of who takes the records apart, so that a test can compare. */
export async function readFile(
  bytes: AsyncIterable<Uint8Array>,
  reading: PerformanceReading,
  how: How,
): Promise<FileCounts> {
  const { mapping, limits, signal } = reading;
  const file = decodeFile(bytes, mapping.encoding, signal);
  const pieces = file.pieces[Symbol.asyncIterator]();
  let lines: FileLines | null = null;
  try {
    const { head, whole } = await gather(pieces, Math.max(limits.maxLineBytes, shortestHead));
    const opening = isJson(head) ? openJson(head, whole, reading) : findHeader(head, whole, mapping, reading.currency);
    lines = new FileLines(opening, mapping, reading, limits.maxLineBytes);
    const rest = { first: head.subarray(opening.start), isAll: whole, pieces, bytesTaken: () => file.bytes() };
    await readLines(rest, lines, reading, opening.isJson ? "json" : how.scan ? "scan" : "parse");
    const counts = { ...countsOf(lines), preamble: opening.preamble, header: opening.isJson ? 0 : 1 };
    const complete: FileCounts = {
      ...counts,
      bytes: file.bytes(),
      encoding: file.encoding(),
      delimiter: opening.isJson ? jsonDelimiter : String.fromCharCode(opening.delimiter),
      summedOver: opening.layout.summedOver.map(maskName),
      combine: mapping.combine,
      headerText: opening.text,
    };
    refuseMostlyRejected(complete, limits);
    refuseMixedDecimals(lines);
    return complete;
  } catch (error) {
    if (error instanceof FileRefused && lines !== null) error.counts = { ...countsOf(lines), ...error.counts };
    throw error;
  } finally {
    await pieces.return?.(undefined);
  }
}

/**
 * Which of these mappings a file is read by, from its header alone; null when it is near none of them. Its bytes are read
 * no further than a header can reach.
 */
export async function recogniseFile(
  bytes: AsyncIterable<Uint8Array>,
  mappings: readonly FileMapping[],
  signal?: AbortSignal,
): Promise<FileMapping | null> {
  const pieces = decodeFile(bytes, "auto", signal).pieces[Symbol.asyncIterator]();
  try {
    const { head, whole } = await gather(pieces, defaultLimits.maxLineBytes);
    return recogniseHeader(head, whole, mappings);
  } finally {
    await pieces.return?.(undefined);
  }
}

/** The first bytes of a text, at least so many where there are, and whether they are all of it. */
export async function gather(pieces: AsyncIterator<Buffer>, size: number): Promise<{ head: Buffer; whole: boolean }> {
  const parts: Buffer[] = [];
  for (let length = 0; length < size;) {
    const next = await pieces.next();
    if (next.done === true) return { head: Buffer.concat(parts), whole: true };
    parts.push(next.value);
    length += next.value.length;
  }
  return { head: Buffer.concat(parts), whole: false };
}

/** What of a file comes after its header. */
interface Rest {
  /** What is read of it already, and whether that is all. */
  first: Buffer;
  isAll: boolean;
  pieces: AsyncIterator<Buffer>;
  bytesTaken: () => number;
}

async function readLines(
  { first, isAll, pieces, bytesTaken }: Rest,
  lines: FileLines,
  reading: PerformanceReading,
  by: "json" | "scan" | "parse",
): Promise<void> {
  const { maxLineBytes } = reading.limits;
  const parser = () => new QuotedParser(lines, maxLineBytes);
  let taker: { take(bytes: Buffer, last: boolean): Taken | Promise<Taken> } =
    by === "json"
      ? new JsonRecords(lines, reading.mapping, maxLineBytes)
      : by === "scan"
        ? new PlainScanner(lines, maxLineBytes)
        : parser();
  let long: LongLine | null = null;
  let rest: Buffer = Buffer.alloc(0);
  for (let piece: Buffer = first, last = isAll; ;) {
    let bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (;;) {
      if (long !== null) {
        const end = long.end(bytes);
        if (end < 0 && !last) {
          rest = Buffer.alloc(0);
          break;
        }
        if (end < 0 && long.open)
          throw new FileRefused(
            "unclosed_quote",
            `line ${lines.line}: a quotation mark is opened in this record and never closed, so its end cannot be found`,
            { line: lines.line },
          );
        lines.line += Math.max(1, long.breaks);
        long = null;
        bytes = end < 0 ? Buffer.alloc(0) : bytes.subarray(end);
        if (taker instanceof QuotedParser) taker = parser();
      }
      const taken: Taken = await taker.take(bytes, last);
      rest = taken.rest;
      if (taken.then === "more") break;
      bytes = taken.rest;
      if (taken.then === "complex") taker = parser();
      else {
        lines.tooLong(lines.line, bytes);
        long = new LongLine(lines.delimiter);
      }
    }
    await passOn(lines, reading, last);
    if (by !== "json" && !last) refuseWhenCertain(lines, reading);
    reading.progress?.({ bytes: bytesTaken(), lines: lines.lines });
    if (last) return;
    const next = await pieces.next();
    last = next.done === true;
    piece = next.done === true ? Buffer.alloc(0) : next.value;
  }
}

async function passOn(lines: FileLines, reading: PerformanceReading, last: boolean): Promise<void> {
  reading.signal?.throwIfAborted();
  const named = lines.staged.named();
  if (named.length > 0) await reading.named(named);
  for (const block of lines.staged.blocks(last)) await reading.accepted(block);
  const rejects = lines.rejects();
  for (let at = 0; at < rejects.length; at += rejectsAtOnce)
    await reading.rejected(rejects.slice(at, at + rejectsAtOnce));
}

export function countsOf(lines: FileLines) {
  const { staged } = lines;
  const { impressions, clicks, micros } = staged.sums();
  return {
    lines: lines.lines,
    accepted: staged.accepted,
    rejected: lines.rejected,
    totals: lines.totals,
    blank: lines.blank,
    sum: {
      impressions: impressions.toString(),
      clicks: clicks.toString(),
      spend: microsText(micros),
    },
    rejectedBy: { ...lines.rejectedBy },
    from: staged.firstDay === 0 ? null : dayText(staged.firstDay),
    to: staged.lastDay === 0 ? null : dayText(staged.lastDay),
    doubtful: staged.doubtfulKeys(),
    grain: staged.grain,
    days: staged.days(),
  };
}

/** Some amounts were taken before one showed how the file is written: they may be a thousand times too small. */
export function refuseMixedDecimals({ staged, decimal }: Pick<FileLines, "staged" | "decimal">): void {
  const { showsOther, doubtful } = staged.doubt;
  if (!showsOther || doubtful === 0) return;
  const [example, other] = decimal === "point" ? ["1.234", "comma"] : ["1,234", "point"];
  const amounts = `${doubtful} ${doubtful === 1 ? "amount" : "amounts"} such as ${example}`;
  throw new FileRefused(
    "decimal_sign",
    `spend: ${amounts} can mean 1234, because other lines have a decimal ${other}. Add "decimal": "${other}" to the mapping if so, else "threeDecimals": true`,
  );
}

/** Whatever the rest has: so many are rejected that it would be refused at its end. */
function refuseWhenCertain(lines: FileLines, { mostRecords, limits }: PerformanceReading): void {
  if (mostRecords == null || lines.lines < limits.refuseFromLines) return;
  if (lines.rejected <= mostRecords * limits.refuseAboveShare) return;
  refuseMostlyRejected(countsOf(lines), limits, `at most ${mostRecords}`);
}

export function refuseMostlyRejected(
  counts: Partial<FileCounts> & Pick<FileCounts, "lines" | "rejected" | "rejectedBy">,
  limits: ReadingLimits,
  ofLines = String(counts.lines),
): void {
  const { lines, rejected } = counts;
  if (lines < limits.refuseFromLines || rejected <= lines * limits.refuseAboveShare) return;
  const reasons = Object.entries(counts.rejectedBy)
    .sort(([, one], [, other]) => other - one)
    .map(([code, count]) => `${count} ${code.replaceAll("_", " ")}`);
  const refused = new FileRefused(
    "mostly_rejected",
    `${rejected} of ${ofLines} lines would be rejected (${reasons.join(", ")}): nothing is stored. Is this the right mapping?`,
  );
  refused.counts = counts;
  throw refused;
}

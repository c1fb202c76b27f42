import { parse } from "csv-parse/sync";
import { meaningsOf, type Meanings } from "../../rules/files/header-meanings.ts";
import type { FileHead, PreviewColumn, PreviewLine } from "../../rules/files/preview.ts";
import { decodeFile } from "./decode.ts";
import { FileLines } from "./file-lines.ts";
import { findHeader, likeliestHeader, type Opening } from "./header.ts";
import { fieldsIn, isJson, jsonDelimiter } from "./json-fields.ts";
import { openJson } from "./json-header.ts";
import { JsonRecords, valuesOf } from "./json-records.ts";
import {
  countsOf,
  gather,
  refuseMixedDecimals,
  refuseMostlyRejected,
  type PerformanceReading,
} from "./performance-file.ts";
import { QuotedParser } from "./quoted-parser.ts";
import { FileRefused } from "./reasons.ts";
import type { FileRecord, Layout, RejectedLine } from "./shapes.ts";

/** No more of a file's text is read, packed or not: what a header can reach, and some thousand lines. */
const headBytes = 1_048_576;
const shownLines = 20;
const shownRejects = 100;
const longestCell = 200;

type HeadReading = Pick<
  PerformanceReading,
  "mapping" | "today" | "currency" | "buyerId" | "knownCreatives" | "others" | "limits" | "signal"
>;

/** Reads the beginning of a file with the recognition and the checks of an import, and stores nothing. */
export async function readHead(bytes: AsyncIterable<Uint8Array>, reading: HeadReading): Promise<FileHead> {
  const head = emptyHead();
  const file = decodeFile(bytes, reading.mapping.encoding, reading.signal);
  const pieces = file.pieces[Symbol.asyncIterator]();
  try {
    const { head: text, whole } = await gather(pieces, headBytes);
    head.encoding = file.encoding();
    head.read.isAll = whole;
    await readText(text, head, reading);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    head.refusal = { line: error.line, column: error.column, reason: error.message };
  } finally {
    await pieces.return?.(undefined);
  }
  return head;
}

export const emptyHead = (): FileHead => ({
  encoding: null,
  delimiter: null,
  preamble: 0,
  headerLine: null,
  columns: [],
  lines: [],
  rejects: [],
  read: { lines: 0, rejected: 0, totals: 0, isAll: false },
  sum: null,
  days: { from: null, to: null },
  refusal: null,
});

async function readText(text: Buffer, head: FileHead, reading: HeadReading): Promise<void> {
  const { mapping, currency, limits } = reading;
  const { isAll } = head.read;
  let opening: Opening;
  try {
    opening = isJson(text) ? openJson(text, isAll, { mapping, currency }) : findHeader(text, isAll, mapping, currency);
  } catch (error) {
    if (error instanceof FileRefused) showUnread(text, head, reading);
    throw error;
  }
  const { layout } = opening;
  head.delimiter = opening.isJson ? jsonDelimiter : String.fromCharCode(opening.delimiter);
  head.preamble = opening.preamble;
  head.headerLine = opening.isJson ? null : opening.headerLine;
  head.columns = layout.names.map((name, place) => columnOf(name, place, layout, meaningsOf(mapping, currency)));
  const lines = new ShownLines(opening, mapping, reading, limits.maxLineBytes);
  try {
    const parser = opening.isJson
      ? new JsonRecords(lines, mapping, limits.maxLineBytes)
      : new QuotedParser(lines, limits.maxLineBytes);
    const { then, rest } = await parser.take(text.subarray(opening.start), isAll);
    if (then === "long") {
      lines.tooLong(lines.line, rest);
      lines.collect();
      head.read.isAll = false;
    }
    if (head.read.isAll) refuseMostlyRejected(countsOf(lines), limits);
    refuseMixedDecimals(lines);
  } finally {
    const { rejected, totals, sum, from, to } = countsOf(lines);
    head.read = { ...head.read, lines: lines.lines, rejected, totals };
    Object.assign(head, { lines: lines.shown, rejects: lines.firstRejects, sum, days: { from, to } });
  }
}

/** What stands in a file whose header is refused, so that a person sees what the sentence about it means. */
function showUnread(text: Buffer, head: FileHead, { mapping, currency }: HeadReading): void {
  const meanings = meaningsOf(mapping, currency);
  if (isJson(text)) return showUnreadRecords(text, head, meanings);
  const found = likeliestHeader(text, head.read.isAll, mapping, meanings);
  if (found === null) return;
  head.delimiter = String.fromCharCode(found.delimiter);
  head.preamble = found.preamble;
  head.headerLine = found.headerLine;
  head.columns = found.record.slice(0, 1_000).map((name) => unplaced(name.trim(), meanings));
  let { line } = found;
  const records = parse(text.subarray(found.start), {
    delimiter: head.delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    ltrim: true,
    skip_records_with_error: true,
    to: shownLines,
  }) as string[][];
  for (const record of records) {
    const cells = record.slice(0, head.columns.length).map(capped);
    if (cells.some((cell) => cell.trim() !== ""))
      head.lines.push({ line, cells, outcome: null, column: null, reason: null });
    line += 1 + record.join("").split(/\r\n|\r|\n/).length - 1;
  }
}

function showUnreadRecords(text: Buffer, head: FileHead, meanings: Meanings): void {
  const names = fieldsIn(text, head.read.isAll).slice(0, 1_000);
  head.delimiter = jsonDelimiter;
  head.columns = names.map((name) => unplaced(name, meanings));
  for (const { line, values } of valuesOf(text, names, shownLines))
    head.lines.push({ line, cells: values.map(capped), outcome: null, column: null, reason: null });
}

function unplaced(name: string, meanings: Meanings): PreviewColumn {
  if (name === "") return { name, use: "nameless", field: null };
  const [use] = meanings.of(name);
  if (use === undefined) return { name, use: "unknown", field: null };
  return use.kind === "field"
    ? { name, use: "field", field: use.field }
    : { name, use: ({ ignore: "ignored", sumOver: "summed" } as const)[use.kind as "ignore"] ?? use.kind, field: null };
}

function columnOf(name: string, place: number, layout: Layout, meanings: Meanings): PreviewColumn {
  const column = unplaced(name, meanings);
  if (column.field === null || layout.place[column.field] === place) return column;
  return { name, use: layout.summedOver.includes(name) ? "summed" : "spare", field: null };
}

const capped = (text: string) => (text.length > longestCell ? `${text.slice(0, longestCell)}…` : text);

/** The lines of a file with what an import does to each of the first. */
class ShownLines extends FileLines {
  readonly shown: PreviewLine[] = [];
  readonly firstRejects: RejectedLine[] = [];

  override take(record: FileRecord): void {
    const { line, rejected, totals } = this;
    const { accepted } = this.staged;
    super.take(record);
    const why = this.collect();
    if (this.shown.length >= shownLines) return;
    const outcome =
      this.rejected > rejected
        ? "rejected"
        : this.totals > totals
          ? "total"
          : this.staged.accepted > accepted
            ? "imported"
            : null;
    if (outcome === null) return;
    const { column = null, reason = null } = why ?? {};
    this.shown.push({ line, cells: this.#cellsOf(record), outcome, column, reason });
  }

  /** Keeps what was rejected last, and nothing of what is good: it goes nowhere. */
  collect(): RejectedLine | undefined {
    this.staged.blocks(false);
    const rejects = this.rejects();
    this.firstRejects.push(...rejects.slice(0, shownRejects - this.firstRejects.length));
    return rejects.at(-1);
  }

  #cellsOf({ cells: { bytes, starts, ends }, count }: FileRecord): string[] {
    const width = Math.min(count, this.layout.width);
    return Array.from({ length: width }, (_, place) =>
      capped(bytes.toString("utf8", starts[place], ends[place]).replaceAll("\0", "␀")),
    );
  }
}

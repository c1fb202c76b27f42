import { CsvError, parse } from "csv-parse/sync";
import { requiredFields } from "../../rules/files/file-kinds.ts";
import { meaningsOf, type Meanings } from "../../rules/files/header-meanings.ts";
import { matchHeader, recogniseFormat } from "../../rules/files/recognise.ts";
import { fieldsIn, isJson } from "./json-fields.ts";
import { layOut, mostColumns } from "./layout.ts";
import { shippedMappings, type FileMapping } from "./mapping.ts";
import { FileRefused, named } from "./reasons.ts";
import type { Layout } from "./shapes.ts";
import { delimiterLine, delimiters } from "./delimiters.ts";

export interface Opening {
  layout: Layout;
  delimiter: number;
  /** Whether the file holds records, each with the names of its fields, and no columns below a header. */
  isJson: boolean;
  /** The line of the file that the header stands in. */
  headerLine: number;
  /** Where the data begin, in bytes of the head and as a line of the file. */
  start: number;
  line: number;
  preamble: number;
  blank: number;
  /** The header's own text, with which lines can be read again later. */
  text: string;
}

export interface Candidate extends Omit<Opening, "layout" | "isJson"> {
  record: string[];
  score: number;
}

/** Finds the header at the top of a file, and with it the delimiter. `whole` says that the head is all there is. */
export function findHeader(head: Buffer, whole: boolean, mapping: FileMapping, currency: string): Opening {
  const meanings = meaningsOf(mapping, currency);
  const best = likeliestHeader(head, whole, mapping, meanings);
  if (best === null) {
    if (head.toString("utf8").trim() === "") throw new FileRefused("empty", "the file is empty");
    throw new FileRefused(
      "header",
      "line 1: no header can be read here: the first line does not end, or is longer than a line may be",
      { line: 1 },
    );
  }
  const { record, score, ...opening } = best;
  const line = opening.headerLine;
  const refuse = (why: string) => new FileRefused("header", `line ${line}: ${why}`, { line });
  if (record.length > mostColumns) throw refuse(`has ${record.length} columns, and at most ${mostColumns} are read`);
  if (score < 2) {
    const wanted = requiredFields(mapping.kind)
      .map((field) => named(mapping.columns[field]?.[0] ?? field))
      .join(", ");
    const nor = mapping.preambleLines > 0 ? `; nor is one of the ${mapping.preambleLines} lines after it` : "";
    throw refuse(
      `this is no header of the mapping ${mapping.name}, which has ${wanted}${nor}. Mappings: ${shippedMappings.map(({ name }) => name).join(", ")}, or a file of your own`,
    );
  }
  return { ...opening, isJson: false, layout: layOut(record, { mapping, meanings, currency, line }) };
}

/** Which of several mappings the file is read by: the one that its header is whole in, else the nearest; null when it is near none. */
export function recogniseHeader(head: Buffer, whole: boolean, mappings: readonly FileMapping[]): FileMapping | null {
  const fields = isJson(head) ? fieldsIn(head, whole) : null;
  const matches = mappings.flatMap((mapping) => {
    const meanings = meaningsOf(mapping, "");
    if (fields !== null) return [matchHeader(fields, mapping, meanings)];
    const best = likeliestHeader(head, whole, mapping, meanings);
    return best === null || best.record.length > mostColumns ? [] : [matchHeader(best.record, mapping, meanings)];
  });
  const found = recogniseFormat(matches);
  return found === null ? null : (mappings.find((mapping) => mapping === found.format) ?? null);
}

export function likeliestHeader(
  head: Buffer,
  whole: boolean,
  mapping: FileMapping,
  meanings: Meanings,
): Candidate | null {
  let best: Candidate | null = null;
  const named = delimiterLineOf(head)?.[1];
  const likely = named === undefined ? delimiters : [named, ...delimiters.filter((one) => one !== named)];
  for (const delimiter of mapping.delimiter === null ? likely : [mapping.delimiter])
    for (const candidate of candidates(head, whole, delimiter, mapping.preambleLines)) {
      candidate.score = scoreOf(candidate.record, meanings);
      if (best === null || candidate.score > best.score) best = candidate;
    }
  return best;
}

const delimiterLineOf = (head: Buffer) => delimiterLine(head.subarray(0, 200).toString("latin1"));

/** Every line near the top that might be the header, as this delimiter takes it apart. */
function candidates(head: Buffer, whole: boolean, delimiter: string, preambleLines: number): Candidate[] {
  const read: { record: string[]; end: number }[] = [];
  try {
    parse(head, {
      delimiter,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true,
      relax_quotes: true,
      ltrim: true,
      to: preambleLines + 10,
      on_record: (record: string[], { bytes }) => {
        read.push({ record, end: bytes });
        return null;
      },
    });
  } catch (error) {
    // What is broken further down is found where the lines are read; the header above it can be read all the same.
    if (!(error instanceof CsvError)) throw error;
  }
  const found: Candidate[] = [];
  const above = delimiterLineOf(head)?.[0].length ?? 0;
  const mostPreamble = preambleLines + (above > 0 ? 1 : 0);
  let preamble = 0;
  let blank = 0;
  let from = 0;
  for (const { record, end } of read) {
    const raw = head.subarray(from, end);
    const ended = whole || /[\r\n]$/.test(raw.toString("latin1"));
    if (!ended || preamble > mostPreamble) break;
    if (from < above) preamble += 1;
    else if (record.every((cell) => cell.trim() === "")) blank += 1;
    else {
      found.push({
        record,
        score: 0,
        headerLine: countBreaks(head.subarray(0, from)) + 1,
        delimiter: delimiter.charCodeAt(0),
        start: end,
        line: countBreaks(head.subarray(0, end)) + 1,
        preamble,
        blank,
        text: raw.toString("utf8").replace(/[\r\n]+$/, ""),
      });
      preamble += 1;
    }
    from = end;
  }
  return found;
}

/** Line breaks of any kind. */
export function countBreaks(bytes: Buffer, start = 0, end = bytes.length): number {
  let breaks = 0;
  for (let at = start; at < end; at += 1)
    if (bytes[at] === 10 || (bytes[at] === 13 && (at + 1 >= end || bytes[at + 1] !== 10))) breaks += 1;
  return breaks;
}

/** How many fields a line names. */
function scoreOf(record: string[], meanings: Meanings): number {
  if (record.length > 100_000) return 0;
  return new Set(
    record.flatMap((header) => meanings.of(header).flatMap((use) => (use.kind === "field" ? use.field : []))),
  ).size;
}

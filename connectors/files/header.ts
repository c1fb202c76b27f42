import { CsvError, parse } from "csv-parse/sync";
import { fileFields, plainHeader, requiredFields, type FileField, type FileMapping } from "./mapping.ts";
import { FileRefused, shown } from "./reasons.ts";

/** Which column of a file says what. */
export interface Layout {
  width: number;
  /** The headers as they stand in the file. */
  names: string[];
  /** Where a field stands; -1 where the file has no such column. */
  place: Record<FileField, number>;
  currency: number[];
  sameDay: number[];
  /** Columns without a header: what stands in them belongs to nothing. */
  nameless: number[];
  /** Columns whose cells are looked into. */
  used: Uint8Array;
  summedOver: string[];
  /** Columns that an export's summary leaves empty, and no line of data does. */
  summaryBlank: number[];
}

export interface Opening {
  layout: Layout;
  delimiter: number;
  /** Where the data begin, in bytes of the head and as a line of the file. */
  start: number;
  line: number;
  preamble: number;
  blank: number;
  /** The header's own text, with which lines can be read again later. */
  text: string;
}

const delimiters = [",", ";", "\t", "|"] as const;
const mostColumns = 1_000;

interface Candidate extends Omit<Opening, "layout"> {
  record: string[];
  score: number;
  headerLine: number;
}

/** Finds the header at the top of a file, and with it the delimiter. `whole` says that the head is all there is. */
export function findHeader(head: Buffer, whole: boolean, mapping: FileMapping, currency: string): Opening {
  const meanings = compile(mapping, currency);
  let best: Candidate | null = null;
  for (const delimiter of mapping.delimiter === null ? delimiters : [mapping.delimiter])
    for (const candidate of candidates(head, whole, delimiter, mapping.preambleLines)) {
      candidate.score = score(candidate.record, meanings);
      if (best === null || candidate.score > best.score) best = candidate;
    }
  if (best === null) {
    if (head.toString("utf8").trim() === "") throw new FileRefused("empty", "the file is empty");
    throw new FileRefused(
      "header",
      "line 1: no header can be read here: the first line does not end, or is longer than a line may be",
      { line: 1 },
    );
  }
  const { record, score: found, headerLine, ...opening } = best;
  if (record.length > mostColumns)
    throw new FileRefused(
      "header",
      `line ${headerLine}: has ${record.length} columns, and at most ${mostColumns} are read`,
      {
        line: headerLine,
      },
    );
  if (found < 2)
    throw new FileRefused(
      "header",
      `line ${headerLine}: this is no header of "${mapping.name}", which has ${requiredFields
        .map((field) => shown(mapping.columns[field]?.[0] ?? field))
        .join(", ")}${mapping.preambleLines > 0 ? `; nor is one of the ${mapping.preambleLines} lines after it` : ""}`,
      { line: headerLine },
    );
  return { ...opening, layout: layOut(record, mapping, meanings, headerLine, currency) };
}

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
  let preamble = 0;
  let blank = 0;
  let from = 0;
  for (const { record, end } of read) {
    const raw = head.subarray(from, end);
    const ended = whole || /[\r\n]$/.test(raw.toString("latin1"));
    if (!ended || preamble > preambleLines) break;
    if (record.every((cell) => cell.trim() === "")) blank += 1;
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

type Use =
  | { kind: "field"; field: FileField; rank: number }
  | { kind: "currency" }
  | { kind: "sameDay" }
  | { kind: "ignore" }
  | { kind: "sumOver" };

interface Meanings {
  of(header: string): Use[];
  currencyIn(header: string): string | null;
}

function compile(mapping: FileMapping, currency: string): Meanings {
  const exact = new Map<string, Use[]>();
  const open: { start: string; use: Use }[] = [];
  const withCurrency: { pattern: RegExp; use: Use }[] = [];
  const add = (header: string, use: Use) => {
    const plain = plainHeader(header);
    if (plain.includes("{currency}")) {
      const [before = "", after = ""] = plain
        .split("{currency}")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      withCurrency.push({ pattern: new RegExp(`^${before}([a-z]{3})${after}$`), use });
    } else if (plain.endsWith("*")) open.push({ start: plain.slice(0, -1), use });
    else exact.set(plain, [...(exact.get(plain) ?? []), use]);
  };
  for (const field of fileFields)
    mapping.columns[field]?.forEach((header, rank) => add(header, { kind: "field", field, rank }));
  for (const header of mapping.currencyColumns) add(header, { kind: "currency" });
  for (const header of mapping.sameDayColumns) add(header, { kind: "sameDay" });
  for (const header of mapping.ignore) add(header, { kind: "ignore" });
  for (const header of mapping.sumOver) add(header, { kind: "sumOver" });
  return {
    of(header) {
      const plain = plainHeader(header);
      const known = exact.get(plain);
      if (known !== undefined) return known;
      const spoken = withCurrency.find(({ pattern }) => pattern.test(plain));
      if (spoken !== undefined) return [spoken.use];
      const opening = open.find(({ start }) => plain.startsWith(start));
      return opening === undefined ? [] : [opening.use];
    },
    currencyIn(header) {
      const plain = plainHeader(header);
      for (const { pattern } of withCurrency) {
        const said = pattern.exec(plain)?.[1]?.toUpperCase();
        if (said !== undefined && said !== currency) return said;
      }
      return null;
    },
  };
}

/** How many fields a line names. */
function score(record: string[], meanings: Meanings): number {
  if (record.length > 100_000) return 0;
  return new Set(
    record.flatMap((header) => meanings.of(header).flatMap((use) => (use.kind === "field" ? use.field : []))),
  ).size;
}

/** Dimensions that split lines: a second column of one of them is not lost without a word. */
const measures: readonly FileField[] = ["date", "impressions", "clicks", "spend"];

function layOut(record: string[], mapping: FileMapping, meanings: Meanings, line: number, currency: string): Layout {
  const refuse = (
    code: "missing_column" | "doubled_column" | "unknown_column" | "currency",
    why: string,
    column: string | null,
  ) => new FileRefused(code, `line ${line}: ${why}`, { line, column });
  const names = record.map((header) => header.trim());
  const layout: Layout = {
    width: names.length,
    names,
    place: Object.fromEntries(fileFields.map((field) => [field, -1])) as Record<FileField, number>,
    currency: [],
    sameDay: [],
    nameless: [],
    used: new Uint8Array(names.length),
    summedOver: [],
    summaryBlank: [],
  };
  const ranks = new Map<FileField, { rank: number; place: number }>();
  const unknown: string[] = [];
  const finer: number[] = [];
  const seen = new Map<string, number>();
  names.forEach((name, place) => {
    const plain = plainHeader(name);
    if (plain === "") return void layout.nameless.push(place);
    const uses = meanings.of(name);
    if (uses.length === 0) return void unknown.push(name);
    if (uses.some((use) => use.kind !== "ignore") && seen.has(plain))
      throw refuse(
        "doubled_column",
        `the column ${shown(name)} stands there twice, as number ${(seen.get(plain) ?? 0) + 1} and ${place + 1}`,
        name,
      );
    seen.set(plain, place);
    for (const use of uses) {
      if (use.kind === "currency") layout.currency.push(place);
      else if (use.kind === "sameDay") layout.sameDay.push(place);
      else if (use.kind === "sumOver") {
        layout.summedOver.push(name);
        finer.push(place);
      } else if (use.kind === "field") {
        const other = ranks.get(use.field);
        const loser = other === undefined ? null : other.rank <= use.rank ? place : other.place;
        if (other === undefined || use.rank < other.rank) ranks.set(use.field, { rank: use.rank, place });
        if (loser !== null && other?.rank === use.rank)
          throw refuse("doubled_column", `${shown(names[other.place] ?? "")} and ${shown(name)} say the same`, name);
        if (loser !== null && !measures.includes(use.field)) {
          if (mapping.combine === "sum") layout.summedOver.push(names[loser] ?? "");
          else
            throw refuse(
              "doubled_column",
              `${shown(names[other?.place ?? 0] ?? "")} and ${shown(name)} both say ${use.field}`,
              name,
            );
        }
      }
    }
  });
  if (unknown.length > 0)
    throw refuse(
      "unknown_column",
      `the mapping "${mapping.name}" does not know the column${unknown.length > 1 ? "s" : ""} ${unknown.slice(0, 10).map(shown).join(", ")}${unknown.length > 10 ? ` and ${unknown.length - 10} more` : ""}: list ${unknown.length > 1 ? "them" : "it"} under "ignore" if no line is split by it, else under "sumOver"`,
      unknown[0] ?? null,
    );
  for (const [field, { place }] of ranks) layout.place[field] = place;
  layout.summaryBlank = blankInSummary(layout, mapping, finer);
  for (const field of requiredFields)
    if (layout.place[field] < 0 && mapping.constants[field] === undefined)
      throw refuse(
        "missing_column",
        `the column ${shown(mapping.columns[field]?.[0] ?? field)} is missing: add it to the report, or give "${field}" a constant in the mapping`,
        field,
      );
  const spend = names[layout.place.spend];
  const said = spend === undefined ? null : meanings.currencyIn(spend);
  if (said !== null)
    throw refuse(
      "currency",
      `the column ${shown(spend ?? "")} is in ${said}, and this client's spend is in ${currency}`,
      spend ?? null,
    );
  for (const place of [...Object.values(layout.place), ...layout.currency, ...layout.sameDay, ...layout.nameless])
    if (place >= 0) layout.used[place] = 1;
  return layout;
}

/**
 * A summary has no creative and none of our dimensions. Where the creative is a constant it is known by what else names or
 * splits the lines; a day is no sign where the exporter writes the reported range there.
 */
function blankInSummary({ place, names, sameDay }: Layout, mapping: FileMapping, finer: readonly number[]): number[] {
  const dimensions = [place.creative_id, place.geography, place.device_type, place.placement, place.hour];
  if (place.creative_id >= 0) return dimensions.filter((column) => column >= 0);
  const naming = new Set(mapping.totals.naming?.map(plainHeader));
  const named = names.flatMap((name, column) => (naming.has(plainHeader(name)) ? [column] : []));
  const day = sameDay.includes(place.date) ? -1 : place.date;
  return [...dimensions, day, ...finer, ...named].filter((column) => column >= 0);
}

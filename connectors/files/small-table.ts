import { CsvError, parse } from "csv-parse/sync";
import { decodeWhole } from "./decode.ts";
import { delimiterLine, delimiters } from "./delimiters.ts";
import { FileRefused } from "./reasons.ts";

/** What a table has for columns, by their names in small letters. */
export interface TableShape<Column extends string> {
  columns: readonly Column[];
  required: readonly Column[];
  /** What is thrown where nothing of the file can be used. */
  refuse: (problems: string[]) => Error;
}

/** A line by its columns. What it leaves blank is not there. */
export interface TableLine<Column extends string> {
  line: number;
  cells: Partial<Record<Column, string>>;
}

export interface SmallTable<Column extends string> {
  lines: TableLine<Column>[];
  /** Of lines that are left out, as they have more or fewer cells than the first. */
  problems: string[];
}

interface Read {
  record: string[];
  line: number;
}

/** A CSV that fits in memory, in any of the spellings that spreadsheets have: encodings with a mark, `;` or tabs, `sep=;`. */
export function readSmallTable<Column extends string>(
  bytes: Uint8Array,
  shape: TableShape<Column>,
): SmallTable<Column> {
  const { columns, refuse } = shape;
  const [header, ...rest] = recordsOf(textOf(bytes, refuse), shape);
  if (header === undefined)
    throw refuse([`the file is empty: its first line must name columns: ${columns.join(", ")}`]);
  const places = placesIn(header, shape);
  const width = header.record.length;
  const problems: string[] = [];
  const lines = rest.flatMap(({ record, line }): TableLine<Column>[] => {
    if (record.length === width) return [{ line, cells: cellsOf(record, places) }];
    problems.push(`line ${line}: has ${record.length} columns where the first line has ${width}`);
    return [];
  });
  return { lines, problems };
}

function textOf(bytes: Uint8Array, refuse: TableShape<string>["refuse"]): string {
  try {
    return decodeWhole(bytes);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    throw refuse([error.code === "encoding" ? "the file is not UTF-8: save it as CSV UTF-8" : error.message]);
  }
}

/** By the delimiter that makes most columns of the first line: the one that the file names, where several make as many. */
function recordsOf<Column extends string>(text: string, { columns, refuse }: TableShape<Column>): Read[] {
  const [above = "", named] = delimiterLine(text) ?? [];
  const body = text.slice(above.length);
  const likely = [...new Set([...(named === undefined ? [] : [named]), ...delimiters])];
  const knownIn = (delimiter: string) =>
    (firstOf(body, delimiter) ?? []).filter((name) => columnNamed(columns, name) !== undefined).length;
  const delimiter = likely.reduce((best, one) => (knownIn(one) > knownIn(best) ? one : best), likely[0] ?? ",");
  try {
    const ends: number[] = [];
    const onRecord = (record: string[], { lines }: { lines: number }) => {
      ends.push(lines);
      return record;
    };
    const read: string[][] = parse(body, { ...asWritten, delimiter, onRecord });
    // It counts up to the end of a record; with a line break inside quotes it began earlier.
    return read.map((record, index) => ({
      record,
      line: (ends[index] ?? 0) - record.join("").split(/\r\n|\r|\n/).length + 1 + (above === "" ? 0 : 1),
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error["lines"]) + (above === "" ? 0 : 1);
    throw refuse([`line ${Number.isNaN(line) ? "?" : line}: ${error.message}`]);
  }
}

const asWritten = {
  record_delimiter: ["\r\n", "\n", "\r"],
  relax_column_count: true,
  skip_empty_lines: true,
  trim: true,
};

/** Null where this delimiter cannot take it apart. */
function firstOf(text: string, delimiter: string): string[] | null {
  try {
    return parse(text, { ...asWritten, delimiter, to: 1 })[0] ?? null;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return null;
  }
}

const columnNamed = <Column extends string>(columns: readonly Column[], name: string): Column | undefined =>
  columns.find((known) => known === name.toLowerCase().replaceAll(" ", "_"));

function placesIn<Column extends string>(
  { record, line }: Read,
  { columns, required, refuse }: TableShape<Column>,
): Map<Column, number> {
  const problems: string[] = [];
  const places = new Map<Column, number>();
  for (const [place, name] of record.entries()) {
    const column = columnNamed(columns, name);
    if (column === undefined)
      problems.push(
        `line ${line}, column ${place + 1}: "${name.slice(0, 80)}" is no column of this file: there are ${columns.join(", ")}`,
      );
    else if (places.has(column)) problems.push(`line ${line}, column ${place + 1}: ${column} is there twice`);
    else places.set(column, place);
  }
  for (const column of required)
    if (!places.has(column)) problems.push(`line ${line}: the column ${column} is missing`);
  if (problems.length > 0) throw refuse(problems);
  return places;
}

function cellsOf<Column extends string>(record: string[], places: Map<Column, number>) {
  const filled = [...places].filter(([, place]) => record[place] !== "");
  return Object.fromEntries(filled.map(([column, place]) => [column, record[place]])) as TableLine<Column>["cells"];
}

import { CsvError, parse } from "csv-parse/sync";

/** One record of a small CSV, and the line it begins at. */
export interface TableRecord {
  record: string[];
  line: number;
}

/** A CSV that fits in memory and is used whole or not at all. What cannot be read is handed to `refuse`. */
export function readSmallTable(bytes: Uint8Array, refuse: (problem: string) => Error): TableRecord[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("the file is not UTF-8: save it as CSV UTF-8");
  }
  const options = {
    info: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  };
  try {
    // The parser's types know no `info` without named columns.
    const read = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    // It counts up to the end of a record; with a line break inside quotes it began earlier.
    return read.map(({ record, info }) => ({
      record,
      line: info.lines - record.join("").split(/\r\n|\r|\n/).length + 1,
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refuse(`line ${String(error["lines"] ?? "?")}: ${error.message}`);
  }
}

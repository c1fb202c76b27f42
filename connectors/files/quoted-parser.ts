import { finished } from "node:stream/promises";
import { CsvError, Parser, type Options } from "csv-parse";
import type { FileLines } from "./file-lines.ts";
import { countBreaks } from "./header.ts";
import { FileRefused } from "./reasons.ts";
import type { Cells, Taken } from "./shapes.ts";

const quote = 0x22;

/** csv-parse with its records handed over as they are found, each with where it ends: objects about each cost a third more. */
class Records extends Parser {
  failure: unknown = null;

  constructor(
    options: Options,
    private readonly each: (record: string[], end: number) => void,
  ) {
    super(options);
  }

  override push(record: string[] | null): boolean {
    if (record === null) return super.push(null);
    try {
      if (this.failure === null) this.each(record, this.info.bytes);
    } catch (error) {
      // Thrown from within a stream it would end the process; whoever feeds the parser looks here.
      this.failure = error;
    }
    return true;
  }
}

/** Takes records apart with csv-parse: quotes over lines, doubled quotes, line breaks of any kind. */
export class QuotedParser {
  readonly #parser: Records;
  readonly #ended: Promise<void>;
  /** The end of what csv-parse was given, from a record's start on, and where in its input that begins. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  /** Where in the window the next record begins. */
  #offset = 0;
  /** The cells of a record as bytes again. */
  readonly #cells: Cells;

  constructor(
    private readonly lines: FileLines,
    maxLineBytes: number,
  ) {
    const { width } = lines.layout;
    this.#cells = { bytes: Buffer.alloc(65_536), starts: new Int32Array(width), ends: new Int32Array(width) };
    this.#parser = new Records(
      {
        delimiter: String.fromCharCode(lines.delimiter),
        record_delimiter: ["\r\n", "\n", "\r"],
        relax_column_count: true,
        // A stray quotation mark costs its line, and #record sees to it; it must not cost the file.
        relax_quotes: true,
        ltrim: true,
        max_record_size: maxLineBytes,
      },
      (record, end) => this.#record(record, end),
    );
    this.#parser.resume();
    this.#ended = finished(this.#parser);
    this.#ended.catch(() => undefined);
  }

  async take(bytes: Buffer, last: boolean): Promise<Taken> {
    this.#window =
      this.#offset === this.#window.length ? bytes : Buffer.concat([this.#window.subarray(this.#offset), bytes]);
    this.#windowStart += this.#offset;
    this.#offset = 0;
    try {
      if (bytes.length > 0)
        await new Promise<void>((resolve, reject) => {
          this.#parser.write(bytes, (error) => (error == null ? resolve() : reject(error)));
        });
      if (last) {
        this.#parser.end();
        await this.#ended;
      }
    } catch (error) {
      if (this.#parser.failure !== null) throw this.#parser.failure;
      if (!(error instanceof CsvError)) throw error;
      if (error.code === "CSV_MAX_RECORD_SIZE") return { rest: this.#window.subarray(this.#offset), then: "long" };
      throw this.#refusal(error);
    }
    if (this.#parser.failure !== null) throw this.#parser.failure;
    // csv-parse makes no record of blanks that no line break follows.
    if (last && this.#offset < this.#window.length) this.lines.blank += 1;
    return { rest: Buffer.alloc(0), then: "more" };
  }

  #refusal(error: CsvError): FileRefused {
    const { line } = this.lines;
    if (error.code === "CSV_QUOTE_NOT_CLOSED")
      return new FileRefused(
        "unclosed_quote",
        `line ${line}: a quotation mark is opened in this record and never closed, so its end cannot be found`,
        { line },
      );
    return new FileRefused("unclosed_quote", `line ${line}: the quotation marks cannot be read: ${error.message}`, {
      line,
    });
  }

  /** Called for every record; `ended` is where it ends in all that the parser was given. */
  #record(record: string[], ended: number): void {
    const window = this.#window;
    const start = this.#offset;
    const end = ended - this.#windowStart;
    this.#offset = end;
    const textEnd = end - breakAtEnd(window, start, end);
    this.#layOut(record, end - start);
    this.lines.take({
      raw: window,
      start,
      end: textEnd,
      cells: this.#cells,
      count: record.length,
      hasNul: hasByte(window, start, textEnd, 0),
      wellQuoted: isWellQuoted(window, start, textEnd, this.lines.delimiter),
      breaks: countBreaks(window, start, end) + (textEnd === end ? 1 : 0),
    });
  }

  /** Writes the cells of a record as bytes again, for the checks that everybody shares. */
  #layOut(record: string[], length: number): void {
    const cells = this.#cells;
    const { starts, ends } = cells;
    if (cells.bytes.length < length * 3) cells.bytes = Buffer.alloc(length * 3);
    const text = record.join("");
    const isAscii = cells.bytes.write(text) === text.length;
    let at = 0;
    for (let cell = 0; cell < record.length && cell < starts.length; cell += 1) {
      const content = record[cell] as string;
      starts[cell] = at;
      at += isAscii ? content.length : cells.bytes.write(content, at);
      ends[cell] = at;
    }
  }
}

function breakAtEnd(bytes: Buffer, start: number, end: number): number {
  const last = end > start ? bytes[end - 1] : 0;
  if (last === 0x0d) return 1;
  if (last !== 0x0a) return 0;
  return end - 1 > start && bytes[end - 2] === 0x0d ? 2 : 1;
}

function hasByte(bytes: Buffer, start: number, end: number, byte: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] === byte) return true;
  return false;
}

/** Whether every quotation mark opens a cell, closes one, or is doubled within one. */
function isWellQuoted(bytes: Buffer, start: number, end: number, delimiter: number): boolean {
  if (!hasByte(bytes, start, end, quote)) return true;
  let at = start;
  while (at <= end) {
    while (at < end && bytes[at] !== delimiter && (bytes[at] as number) <= 0x20) at += 1;
    if (at < end && bytes[at] === quote) {
      for (at += 1; at < end; at += 1) {
        if (bytes[at] !== quote) continue;
        if (at + 1 >= end || bytes[at + 1] !== quote) break;
        at += 1;
      }
      if (at >= end) return false;
      at += 1;
      if (at < end && bytes[at] !== delimiter) return false;
    } else {
      for (; at < end && bytes[at] !== delimiter; at += 1) if (bytes[at] === quote) return false;
    }
    at += 1;
  }
  return true;
}

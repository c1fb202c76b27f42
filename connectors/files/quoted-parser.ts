import { finished } from "node:stream/promises";
import { CsvError, Parser } from "csv-parse";
import type { FileLines } from "./file-lines.ts";
import { countBreaks } from "./header.ts";
import type { Taken } from "./plain-scanner.ts";
import { FileRefused } from "./reasons.ts";

const quote = 0x22;

/** Takes records apart with csv-parse: quotes over lines, doubled quotes, line breaks of any kind. */
export class QuotedParser {
  readonly #parser: Parser;
  readonly #ended: Promise<void>;
  /** What csv-parse was given since the end of the last record, and where in its input that begins. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #scratch = Buffer.alloc(65_536);
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(
    private readonly lines: FileLines,
    maxLineBytes: number,
  ) {
    this.#starts = new Int32Array(lines.layout.width);
    this.#ends = new Int32Array(lines.layout.width);
    this.#parser = new Parser({
      delimiter: String.fromCharCode(lines.delimiter),
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true,
      // A stray quotation mark costs its line, and this.#record sees to it; it must not cost the file.
      relax_quotes: true,
      ltrim: true,
      max_record_size: maxLineBytes,
      on_record: (record: string[], { bytes }) => this.#record(record, bytes),
    });
    this.#parser.resume();
    this.#ended = finished(this.#parser);
    this.#ended.catch(() => undefined);
  }

  async take(bytes: Buffer, last: boolean): Promise<Taken> {
    this.#window = this.#window.length === 0 ? bytes : Buffer.concat([this.#window, bytes]);
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
      if (!(error instanceof CsvError)) throw error;
      if (error.code === "CSV_MAX_RECORD_SIZE") return { rest: this.#window, then: "long" };
      throw this.#refusal(error);
    }
    return { rest: Buffer.alloc(0), then: "more" };
  }

  #refusal(error: CsvError): FileRefused {
    const { line } = this.lines;
    if (error.code === "CSV_QUOTE_NOT_CLOSED")
      return new FileRefused(
        "unclosed_quote",
        `line ${line}: a quotation mark is opened in this record and never closed, so nobody can tell where it ends`,
        { line },
      );
    return new FileRefused("unclosed_quote", `line ${line}: the quotation marks cannot be read: ${error.message}`, {
      line,
    });
  }

  /** Called by csv-parse for every record; `end` is where it ends in what the parser was given. */
  #record(record: string[], end: number): null {
    const raw = this.#window.subarray(0, end - this.#windowStart);
    this.#window = this.#window.subarray(raw.length);
    this.#windowStart = end;
    const breaks = countBreaks(raw);
    const rawEnd = raw.length - breakAtEnd(raw);
    const ended = rawEnd < raw.length;
    if (this.#scratch.length < raw.length * 3) this.#scratch = Buffer.alloc(raw.length * 3);
    let at = 0;
    for (let cell = 0; cell < record.length && cell < this.#starts.length; cell += 1) {
      this.#starts[cell] = at;
      at += this.#scratch.write(record[cell] ?? "", at);
      this.#ends[cell] = at;
    }
    this.lines.record(
      raw,
      0,
      rawEnd,
      this.#scratch,
      this.#starts,
      this.#ends,
      record.length,
      raw.indexOf(0) >= 0,
      isWellQuoted(raw, rawEnd, this.lines.delimiter),
      ended ? breaks : breaks + 1,
    );
    return null;
  }
}

function breakAtEnd(raw: Buffer): number {
  const last = raw[raw.length - 1];
  if (last === 0x0d) return 1;
  if (last !== 0x0a) return 0;
  return raw[raw.length - 2] === 0x0d ? 2 : 1;
}

/** Whether every quotation mark opens a cell, closes one, or is doubled within one. */
function isWellQuoted(raw: Buffer, end: number, delimiter: number): boolean {
  let at = raw.indexOf(quote);
  if (at < 0) return true;
  at = 0;
  while (at <= end) {
    while (at < end && raw[at] !== delimiter && (raw[at] as number) <= 0x20) at += 1;
    if (at < end && raw[at] === quote) {
      for (at += 1; at < end; at += 1) {
        if (raw[at] !== quote) continue;
        if (raw[at + 1] !== quote || at + 1 >= end) break;
        at += 1;
      }
      if (at >= end) return false;
      at += 1;
      if (at < end && raw[at] !== delimiter) return false;
    } else {
      while (at < end && raw[at] !== delimiter) {
        if (raw[at] === quote) return false;
        at += 1;
      }
    }
    at += 1;
  }
  return true;
}

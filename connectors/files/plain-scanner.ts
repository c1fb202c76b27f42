import type { FileLines } from "./file-lines.ts";
import type { Cells, FileRecord, Taken } from "./shapes.ts";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

/**
 * Takes plain records apart by looking at bytes: cells without quotation marks or wholly between two of them, each record
 * on a line of its own. It stops at the first record that is anything else, and a real parser takes the file from there.
 */
export class PlainScanner {
  readonly #stops = new Uint8Array(256);
  readonly #cells: Cells;
  readonly #record: FileRecord;

  constructor(
    private readonly lines: FileLines,
    private readonly maxLineBytes: number,
  ) {
    for (const byte of [lines.delimiter, lineFeed, carriageReturn, quote]) this.#stops[byte] = 1;
    const { width } = lines.layout;
    const nothing = Buffer.alloc(0);
    this.#cells = { bytes: nothing, starts: new Int32Array(width), ends: new Int32Array(width) };
    const plain = { wellQuoted: true, breaks: 1 };
    this.#record = { raw: nothing, start: 0, end: 0, cells: this.#cells, count: 0, hasNul: false, ...plain };
  }

  // eslint-disable-next-line max-lines-per-function -- the hot loop over every byte of a file: a call per cell would cost more than the cell
  take(bytes: Buffer, last: boolean): Taken {
    const { lines, maxLineBytes } = this;
    const stops = this.#stops;
    const record = this.#record;
    const { starts, ends } = this.#cells;
    record.raw = this.#cells.bytes = bytes;
    const { delimiter } = lines;
    const { width, used } = lines.layout;
    const size = bytes.length;
    const stop = (begin: number, then: "more" | "complex"): Taken => ({
      rest: bytes.subarray(begin),
      then: then === "more" && size - begin > maxLineBytes ? "long" : then,
    });
    let nul = bytes.indexOf(0);
    let at = 0;
    while (at < size) {
      const begin = at;
      let cell = 0;
      let end: number;
      for (;;) {
        if (at < size && bytes[at] === quote) {
          const open = at + 1;
          let close = open;
          for (;;) {
            let byte = 0;
            while (
              close < size &&
              (byte = bytes[close] as number) !== quote &&
              byte !== lineFeed &&
              byte !== carriageReturn
            )
              close += 1;
            if (close >= size) return stop(begin, last ? "complex" : "more");
            if (byte !== quote) return stop(begin, "complex");
            if (close + 1 >= size) {
              if (!last) return stop(begin, "more");
              break;
            }
            if (bytes[close + 1] !== quote) break;
            // Two of them stand for one, which matters only where the text is used.
            if (cell >= width || used[cell] === 1) return stop(begin, "complex");
            close += 2;
          }
          if (cell < width) {
            starts[cell] = open;
            ends[cell] = close;
          }
          at = close + 1;
          if (at < size) {
            const after = bytes[at];
            if (after !== delimiter && after !== lineFeed && after !== carriageReturn) return stop(begin, "complex");
          }
        } else {
          const from = at;
          while (at < size && stops[bytes[at] as number] === 0) at += 1;
          if (at < size && bytes[at] === quote) return stop(begin, "complex");
          if (cell < width) {
            starts[cell] = from;
            ends[cell] = at;
          }
        }
        cell += 1;
        end = at;
        if (at >= size) {
          if (!last) return stop(begin, "more");
          break;
        }
        const byte = bytes[at];
        at += 1;
        if (byte === delimiter) continue;
        if (byte === lineFeed) break;
        if (at >= size) {
          if (!last) return stop(begin, "more");
          break;
        }
        if (bytes[at] !== lineFeed) return stop(begin, "complex");
        at += 1;
        break;
      }
      while (nul >= 0 && nul < begin) nul = bytes.indexOf(0, begin);
      record.start = begin;
      record.end = end;
      record.count = cell;
      record.hasNul = nul >= 0 && nul < end;
      lines.take(record);
    }
    return { rest: bytes.subarray(size), then: "more" };
  }
}

import type { FileLines } from "./file-lines.ts";

/** What came of a piece of text: what is left of it, and why it was left. */
export interface Taken {
  rest: Buffer;
  /** "more": a record is not over yet. "complex": a real parser must go on. "long": a record is longer than one may be. */
  then: "more" | "complex" | "long";
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

/**
 * Takes plain records apart by looking at bytes: cells without quotation marks or wholly between two of them, each record
 * on a line of its own. It stops at the first record that is anything else, and a real parser takes the file from there.
 */
export class PlainScanner {
  readonly #stops = new Uint8Array(256);
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;

  constructor(
    private readonly lines: FileLines,
    private readonly maxLineBytes: number,
  ) {
    for (const byte of [lines.delimiter, lineFeed, carriageReturn, quote]) this.#stops[byte] = 1;
    this.#starts = new Int32Array(lines.layout.width);
    this.#ends = new Int32Array(lines.layout.width);
  }

  take(bytes: Buffer, last: boolean): Taken {
    const { lines, maxLineBytes } = this;
    const stops = this.#stops;
    const starts = this.#starts;
    const ends = this.#ends;
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
            // Two of them stand for one, which matters only where somebody looks.
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
      lines.record(bytes, begin, end, bytes, starts, ends, cell, nul >= 0 && nul < end);
    }
    return { rest: bytes.subarray(size), then: "more" };
  }
}

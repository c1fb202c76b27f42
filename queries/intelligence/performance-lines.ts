import type { WindowSums } from "../../rules/intelligence/window-sums.ts";

const [tab, newline, minus, dot, zero] = [9, 10, 45, 46, 48];
/** Places of an amount: `0.500000`. */
const places = 6;

/**
 * Takes COPY's lines: creative, geography, days back, clicks, impressions, spend. Byte by byte: a million lines as texts
 * would take several times as long. What is wrong is thrown at the end, for the connection is of use only when all is read.
 */
export async function readRecords(stream: AsyncIterable<unknown>, sums: WindowSums): Promise<void> {
  const lines = new PerformanceLines(sums);
  let problem: unknown;
  for await (const chunk of stream) {
    if (problem !== undefined) continue;
    try {
      lines.take(chunk as Buffer);
    } catch (error) {
      problem = error;
    }
  }
  if (problem !== undefined) throw problem;
}

class PerformanceLines {
  /** The beginning of a line whose end has not come. */
  #open: Buffer = Buffer.alloc(0);
  #bytes: Buffer = this.#open;
  #at = 0;
  /** Geographies by their first two bytes, which are mostly all of them. */
  readonly #short = new Int32Array(65_536).fill(-1);
  readonly #record = { daysBack: 0, clicks: 0, impressions: 0, units: 0, micros: 0 };

  constructor(readonly sums: WindowSums) {}

  take(chunk: Buffer): void {
    this.#bytes = this.#open.length === 0 ? chunk : Buffer.concat([this.#open, chunk]);
    this.#at = 0;
    const end = this.#bytes.lastIndexOf(newline) + 1;
    while (this.#at < end) this.#line();
    this.#open = this.#bytes.subarray(end);
  }

  #line(): void {
    const record = this.#record;
    const creative = this.#whole(tab);
    const geography = this.#geography();
    record.daysBack = this.#whole(tab);
    record.clicks = this.#whole(tab);
    record.impressions = this.#whole(tab);
    this.#amount();
    this.sums.add(creative, geography, record);
  }

  /** A whole number up to `end`, which is passed. */
  #whole(end: number): number {
    const bytes = this.#bytes;
    const isNegative = bytes[this.#at] === minus;
    if (isNegative) this.#at += 1;
    let value = 0;
    for (;;) {
      const byte = bytes[this.#at] ?? 0;
      this.#at += 1;
      if (byte === end) return isNegative ? -value : value;
      const digit = byte - zero;
      if (digit < 0 || digit > 9) throw new TypeError("a record of performance has something else than a number");
      value = value * 10 + digit;
    }
  }

  #amount(): void {
    const isNegative = this.#bytes[this.#at] === minus;
    const units = this.#whole(dot);
    const start = this.#at;
    const parts = this.#whole(newline);
    if (this.#at - start !== places + 1) throw new TypeError(`an amount has ${places} places`);
    this.#record.units = units;
    this.#record.micros = isNegative ? -parts : parts;
  }

  #geography(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    while (bytes[this.#at] !== tab) this.#at += 1;
    const length = this.#at - start;
    this.#at += 1;
    const name = () => unescaped(bytes.toString("utf8", start, start + length));
    if (length !== 2) return this.sums.placeOf(name());
    const key = (bytes[start] ?? 0) * 256 + (bytes[start + 1] ?? 0);
    if ((this.#short[key] ?? -1) < 0) this.#short[key] = this.sums.placeOf(name());
    return this.#short[key] ?? 0;
  }
}

const escapes: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** As COPY writes texts. */
const unescaped = (text: string) =>
  text.includes("\\") ? text.replaceAll(/\\(.)/g, (_, one: string) => escapes[one] ?? one) : text;

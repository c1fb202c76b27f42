import type { FileMapping } from "./mapping.ts";
import type { Cells, Layout } from "./shapes.ts";

/** Recognises blank lines and lines of totals, which are no data. */
export class TotalsLines {
  readonly #layout: Layout;
  readonly #words: Set<string>;
  /** Bytes that the first word of a line of totals may begin with: other lines need no look at their words. */
  readonly #starts = new Uint8Array(256).fill(1, 0x80);
  /** A file has one summary at most. */
  #seeksSummary: boolean;

  constructor(layout: Layout, totals: FileMapping["totals"]) {
    this.#layout = layout;
    this.#words = new Set(totals.words.map((word) => word.toLowerCase()));
    for (const word of this.#words)
      for (const spelled of [word, word.toUpperCase()]) this.#starts[Buffer.from(spelled)[0] ?? 0] = 1;
    this.#seeksSummary = totals.summaryLine && layout.summaryBlank.length > 0;
  }

  /** What a record with so many cells is. */
  kindOf(cells: Cells, count: number): "data" | "blank" | "totals" {
    const first = firstFilled(cells, 0, count);
    if (first < 0) return "blank";
    const [blank = -1] = this.#seeksSummary ? this.#layout.summaryBlank : [];
    const mayBeSummary = blank >= 0 && (blank >= count || firstFilled(cells, blank, blank + 1) < 0);
    if (!mayBeSummary && this.#starts[cells.bytes[first] as number] === 0) return "data";
    const texts = Array.from({ length: count }, (_, place) =>
      cells.bytes.toString("utf8", cells.starts[place], cells.ends[place]).trim(),
    );
    return this.#isTotals(texts) ? "totals" : "data";
  }

  #isTotals(texts: readonly string[]): boolean {
    const { place, summaryBlank } = this.#layout;
    const creative = texts[place.creative_id] ?? "";
    const first = texts.find((text) => text !== "") ?? "";
    const word = first.split(":")[0]?.trim().toLowerCase() ?? "";
    const noCreative = creative === "" || creative === "--" || creative === "-" || creative === first;
    if (noCreative && this.#words.has(word)) return true;
    if (!this.#seeksSummary) return false;
    const isSummary = summaryBlank.every((column) => (texts[column] ?? "") === "");
    this.#seeksSummary = !isSummary;
    return isSummary;
  }
}

/** Where the first byte stands that is no blank, in the cells of these places; -1 where there is none. */
function firstFilled({ bytes, starts, ends }: Cells, from: number, to: number): number {
  for (let place = from; place < to; place += 1)
    for (let at = starts[place] as number; at < (ends[place] as number); at += 1)
      if ((bytes[at] as number) > 0x20) return at;
  return -1;
}

import type { Layout } from "./header.ts";
import type { FileMapping } from "./mapping.ts";
import { FileRefused, type RejectCode } from "./reasons.ts";
import { StagedLines, type LineRules } from "./staged-line.ts";

export interface RejectedLine {
  /** The physical line of the file, counted from 1, where the record begins. */
  line: number;
  column: string | null;
  /** In words for whoever bought the media. */
  reason: string;
  code: RejectCode;
  /** The line itself, capped, with NUL made visible. */
  content: string;
  /** Whether `content` is all of the line, so that it can be read again. */
  whole: boolean;
}

const longestContent = 8_192;

/** Sorts the records of a file into blank lines, totals, lines that are taken and lines that are not. */
export class FileLines {
  readonly staged: StagedLines;
  readonly rejectedBy: Record<string, number> = {};
  readonly #totalWords: Set<string>;
  /** Bytes that the first word of a line of totals may begin with: other lines need no look at their words. */
  readonly #totalStarts = new Uint8Array(256).fill(1, 0x80);
  #waiting: RejectedLine[] = [];
  /** The physical line where the next record begins. */
  line: number;
  blank: number;
  totals = 0;
  rejected = 0;
  #seeksSummary: boolean;

  constructor(
    readonly layout: Layout,
    readonly delimiter: number,
    mapping: FileMapping,
    rules: LineRules,
    private readonly maxLineBytes: number,
    at: { line: number; blank: number },
  ) {
    this.staged = new StagedLines(layout, rules);
    this.#totalWords = new Set(mapping.totals.words.map((word) => word.toLowerCase()));
    for (const word of this.#totalWords)
      for (const spelled of [word, word.toUpperCase()]) this.#totalStarts[Buffer.from(spelled)[0] ?? 0] = 1;
    this.#seeksSummary = mapping.totals.summaryLine && layout.summaryBlank.length > 0;
    this.line = at.line;
    this.blank = at.blank;
  }

  get lines(): number {
    return this.staged.accepted + this.rejected;
  }

  /**
   * Takes a record: its own bytes, without the line break, and its cells within `bytes`. `breaks` are the lines it goes
   * over, `wellQuoted` says whether every quotation mark stands where it should.
   */
  record(
    raw: Buffer,
    rawStart: number,
    rawEnd: number,
    bytes: Buffer,
    starts: Int32Array,
    ends: Int32Array,
    cells: number,
    hasNul: boolean,
    wellQuoted = true,
    breaks = 1,
  ): void {
    const line = this.line;
    this.line = line + breaks;
    if (cells === this.layout.width && !hasNul && wellQuoted && rawEnd - rawStart <= this.maxLineBytes) {
      // Asked before anything else: with a constant for the creative, totals have all that a line of data has.
      if (this.#isNoData(bytes, starts, ends)) return;
      if (this.staged.take(line, bytes, starts, ends)) return;
    }
    this.#notTaken(line, raw, rawStart, rawEnd, bytes, starts, ends, cells, hasNul, wellQuoted, breaks);
  }

  #notTaken(
    line: number,
    raw: Buffer,
    rawStart: number,
    rawEnd: number,
    bytes: Buffer,
    starts: Int32Array,
    ends: Int32Array,
    cells: number,
    hasNul: boolean,
    wellQuoted: boolean,
    breaks: number,
  ): void {
    const { staged, layout } = this;
    const seen = Math.min(cells, layout.width);
    const reject = (code: RejectCode, column: string | null, reason: string) =>
      this.#reject({ line, code, column, reason, ...contentOf(raw, rawStart, rawEnd) });
    if (rawEnd - rawStart > this.maxLineBytes) return this.tooLong(line, raw.subarray(rawStart, rawEnd));
    if (hasNul)
      return reject(
        "nul",
        null,
        "the line has a byte that is no text (NUL): the file was damaged on its way, or is no CSV",
      );
    if (breaks > 1 && (!wellQuoted || cells !== layout.width))
      throw new FileRefused(
        "unclosed_quote",
        `line ${line}: a cell that begins with a quotation mark goes on to line ${line + breaks - 1}, and then the columns do not fit: a quotation mark is missing or one too many`,
        { line },
      );
    if (!wellQuoted)
      return reject(
        "quotation_mark",
        null,
        'a quotation mark stands in the middle of a cell: put the whole cell in quotation marks and double those in it, "5"" banner"',
      );
    if (cells !== layout.width) {
      if (cells < layout.width && firstFilled(bytes, starts, ends, seen) < 0) {
        this.blank += 1;
        return;
      }
      const texts = Array.from({ length: seen }, (_, place) =>
        bytes.toString("utf8", starts[place], ends[place]).trim(),
      );
      if (this.#isTotals(texts)) return;
      return reject("column_count", null, `the line has ${cells} columns where the header has ${layout.width}`);
    }
    reject(staged.code, staged.column, staged.reason);
  }

  /** Counts a line that is blank or of totals; false when it is a line of data. */
  #isNoData(bytes: Buffer, starts: Int32Array, ends: Int32Array): boolean {
    const { width, summaryBlank } = this.layout;
    const first = firstFilled(bytes, starts, ends, width);
    if (first < 0) {
      this.blank += 1;
      return true;
    }
    const [blank = -1] = this.#seeksSummary ? summaryBlank : [];
    const mayBeSummary = blank >= 0 && isEmpty(bytes, starts[blank] as number, ends[blank] as number);
    if (!mayBeSummary && this.#totalStarts[bytes[first] as number] === 0) return false;
    return this.#isTotals(
      Array.from({ length: width }, (_, place) => bytes.toString("utf8", starts[place], ends[place]).trim()),
    );
  }

  /** Counts a line of totals; false when it is none. */
  #isTotals(cells: string[]): boolean {
    const { place, summaryBlank } = this.layout;
    const creative = cells[place.creative_id] ?? "";
    const first = cells.find((cell) => cell !== "") ?? "";
    const word = first.split(":")[0]?.trim().toLowerCase() ?? "";
    const noCreative = creative === "" || creative === "--" || creative === "-" || creative === first;
    let isTotals = noCreative && this.#totalWords.has(word);
    if (!isTotals && this.#seeksSummary) {
      isTotals = summaryBlank.every((column) => (cells[column] ?? "") === "");
      this.#seeksSummary = !isTotals;
    }
    if (isTotals) this.totals += 1;
    return isTotals;
  }

  /** Rejects a line that is longer than a line may be; `beginning` is what was kept of it. */
  tooLong(line: number, beginning: Buffer): void {
    this.#reject({
      line,
      code: "line_too_long",
      column: null,
      reason: `the line is longer than ${this.maxLineBytes} bytes`,
      content: contentOf(beginning, 0, Math.min(beginning.length, this.maxLineBytes)).content.replace(/\ufffd+$/, ""),
      whole: false,
    });
  }

  #reject(line: RejectedLine): void {
    this.rejected += 1;
    this.rejectedBy[line.code] = (this.rejectedBy[line.code] ?? 0) + 1;
    this.#waiting.push(line);
  }

  /** Hands out the rejected lines that wait. */
  rejects(): RejectedLine[] {
    return this.#waiting.splice(0);
  }
}

/** Where the first byte stands that is no blank; -1 where there is none. */
function firstFilled(bytes: Buffer, starts: Int32Array, ends: Int32Array, cells: number): number {
  for (let place = 0; place < cells; place += 1)
    for (let at = starts[place] as number; at < (ends[place] as number); at += 1)
      if ((bytes[at] as number) > 0x20) return at;
  return -1;
}

function isEmpty(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] as number) > 0x20) return false;
  return true;
}

function contentOf(raw: Buffer, start: number, end: number): { content: string; whole: boolean } {
  const whole = end - start <= longestContent;
  const text = raw.toString("utf8", start, whole ? end : start + longestContent);
  const content = text.replace(/\0/g, "␀");
  return { content: whole ? content : content.replace(/\ufffd+$/, ""), whole: whole && content === text };
}

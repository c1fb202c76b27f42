import type { FileMapping } from "./mapping.ts";
import { FileRefused } from "./reasons.ts";
import { ReportLines } from "./report-line.ts";
import type { FileRecord, Layout, LineRules, LineTaker, RejectCode, RejectedLine } from "./shapes.ts";
import { StagedLines } from "./staged-line.ts";
import { TotalsLines } from "./totals.ts";

const longestContent = 8_192;

/** Sorts the records of a file into blank lines, totals, lines that are taken and lines that are not. */
export class FileLines {
  readonly staged: LineTaker;
  readonly rejectedBy: Record<string, number> = {};
  readonly layout: Layout;
  readonly delimiter: number;
  readonly decimal: FileMapping["decimal"];
  readonly #maxLineBytes: number;
  readonly #mostRejected: number;
  readonly #totals: TotalsLines;
  #waiting: RejectedLine[] = [];
  /** The physical line where the next record begins. */
  line: number;
  blank: number;
  totals = 0;
  rejected = 0;

  constructor(
    opening: { layout: Layout; delimiter: number; line: number; blank: number },
    mapping: FileMapping,
    rules: LineRules,
    maxLineBytes: number,
  ) {
    this.layout = opening.layout;
    this.delimiter = opening.delimiter;
    this.decimal = mapping.decimal;
    this.line = opening.line;
    this.blank = opening.blank;
    const { kind = "performance" } = mapping;
    this.staged =
      kind === "performance"
        ? new StagedLines(opening.layout, rules, opening.delimiter)
        : new ReportLines(kind, opening, rules);
    this.#totals = new TotalsLines(opening.layout, mapping.totals);
    this.#maxLineBytes = maxLineBytes;
    this.#mostRejected = rules.mostRejected ?? Infinity;
  }

  get lines(): number {
    return this.staged.accepted + this.rejected;
  }

  /** Takes a record; what of it is kept is copied. */
  take(record: FileRecord): void {
    const line = this.line;
    this.line = line + record.breaks;
    const { count, start, end } = record;
    if (
      count === this.layout.width &&
      !record.hasNul &&
      record.wellQuoted &&
      end - start <= this.#maxLineBytes &&
      record.fault == null
    ) {
      // Asked before anything else: with a constant for the creative, totals have all that a line of data has.
      const kind = this.#totals.kindOf(record.cells, count);
      if (kind !== "data") this[kind] += 1;
      else if (!this.staged.take(line, record.cells)) this.#reject(line, record, this.staged.fault);
    } else this.#takeOdd(line, record);
  }

  /** A record that is not as the header says. */
  #takeOdd(line: number, record: FileRecord): void {
    const { count, breaks, raw, start, end, cells } = record;
    const { width } = this.layout;
    const reject = (code: RejectCode, reason: string) => this.#reject(line, record, { code, column: null, reason });
    if (end - start > this.#maxLineBytes) return this.tooLong(line, raw.subarray(start, end));
    if (record.hasNul)
      return reject("nul", "the line has a byte that is no text (NUL): the file was damaged on its way, or is no CSV");
    if (breaks > 1 && (!record.wellQuoted || count !== width))
      throw new FileRefused(
        "unclosed_quote",
        `line ${line}: a cell that begins with a quotation mark goes on to line ${line + breaks - 1}, and then the columns do not fit: a quotation mark is missing or one too many`,
        { line },
      );
    if (!record.wellQuoted)
      return reject(
        "quotation_mark",
        'a quotation mark stands in the middle of a cell: put the whole cell in quotation marks and double those in it, "5"" banner"',
      );
    const kind = this.#totals.kindOf(cells, Math.min(count, width));
    if (record.fault?.code === "json") this.#reject(line, record, record.fault);
    else if (kind === "totals" || (kind === "blank" && (count < width || record.fault != null))) this[kind] += 1;
    else if (record.fault != null) this.#reject(line, record, record.fault);
    else reject("column_count", `the line has ${count} columns where the header has ${width}`);
  }

  /** Rejects a line that is longer than a line may be; `beginning` is what was kept of it. */
  tooLong(line: number, beginning: Buffer): void {
    const reason = `the line is longer than ${this.#maxLineBytes} bytes`;
    this.#keep({ line, code: "line_too_long", column: null, reason }, () => ({
      content: contentOf(beginning, 0, Math.min(beginning.length, this.#maxLineBytes)).content.replace(/\ufffd+$/, ""),
      whole: false,
    }));
  }

  #reject(line: number, { raw, start, end }: FileRecord, why: Pick<RejectedLine, "code" | "column" | "reason">): void {
    const { code, column, reason } = why;
    this.#keep({ line, code, column, reason }, () => contentOf(raw, start, end));
  }

  #keep(
    rejected: Pick<RejectedLine, "line" | "code" | "column" | "reason">,
    contentOfIt: () => Pick<RejectedLine, "content" | "whole">,
  ): void {
    const { code } = rejected;
    this.rejected += 1;
    this.rejectedBy[code] = (this.rejectedBy[code] ?? 0) + 1;
    if (this.rejected <= this.#mostRejected) this.#waiting.push({ ...rejected, ...contentOfIt() });
  }

  /** Hands out the rejected lines that wait. */
  rejects(): RejectedLine[] {
    return this.#waiting.splice(0);
  }
}

function contentOf(raw: Buffer, start: number, end: number): { content: string; whole: boolean } {
  const whole = end - start <= longestContent;
  const text = raw.toString("utf8", start, whole ? end : start + longestContent);
  const content = text.replace(/\0/g, "␀");
  return { content: whole ? content : content.replace(/\ufffd+$/, ""), whole: whole && content === text };
}

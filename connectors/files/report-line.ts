import { reportKinds, type FileField, type ReportKind, type ReportName } from "../../rules/files/file-kinds.ts";
import { currenciesOf } from "./currencies.ts";
import { CopyText } from "./copy-text.ts";
import { ExactSum } from "./exact-sum.ts";
import type { NamedCreative } from "./file-creatives.ts";
import { KeyCells } from "./key-cells.ts";
import { LineFault } from "./line-fault.ts";
import { MetricCells } from "./metric-cells.ts";
import { PartCells } from "./part-cells.ts";
import { FileRefused, named, shown } from "./reasons.ts";
import { ReportCells } from "./report-cells.ts";
import type { LineKey } from "./seen-keys.ts";
import type { Cells, Layout, LineRules, LineTaker } from "./shapes.ts";
import { TrafficCells } from "./traffic-cells.ts";

/** What is part of something else in one and the same line, however Google counts. */
const neverAbove = [
  ["auctions_won", "bids_in_auction"],
  ["viewable", "measurable"],
  ["clicks", "impressions"],
] as const satisfies [FileField, FileField][];

/** Checks lines of a report, or of a bidder's own traffic, and writes them as COPY text: seat, keys, names, counts, spend. */
export class ReportLines implements LineTaker {
  readonly fault: LineFault;
  accepted = 0;
  firstDay = 0;
  lastDay = 0;
  readonly #kind: ReportKind;
  readonly #layout: Layout;
  readonly #rules: LineRules;
  readonly #out = new CopyText();
  readonly #key: LineKey = { high: 0, low: 0, day: 0, bytes: this.#out.block, start: 0, end: 0 };
  readonly #days: KeyCells;
  readonly #parts: PartCells;
  readonly #cells: ReportCells;
  readonly #spend: MetricCells;
  readonly #traffic: TrafficCells | null;
  readonly #sums = { impressions: new ExactSum(), clicks: new ExactSum() };
  /** Of the line that is read. */
  readonly #counted: Partial<Record<FileField, number | bigint>> = {};
  /** Which of its counts the report has, each with what it is a part of. */
  readonly #parted: (typeof neverAbove)[number][];

  constructor(name: ReportName, { layout, delimiter }: { layout: Layout; delimiter: number }, rules: LineRules) {
    this.#kind = reportKinds[name];
    this.#layout = layout;
    this.#rules = rules;
    this.fault = new LineFault(layout);
    const { mapping, buyerId } = rules;
    const constants = Object.fromEntries(
      Object.entries({ ...(buyerId === null ? {} : { buyer_id: buyerId }), ...mapping.constants }).map(
        ([field, text]) => [field, Buffer.from(text)],
      ),
    );
    const reading = { rules, constants, out: this.#out, faults: this.fault };
    this.#cells = new ReportCells(reading, name, layout);
    if (!this.#cells.has("buyer_id"))
      throw new FileRefused(
        "missing_column",
        'the file does not say which seat it is of: give the constant buyer_id=…, set RTB_BUYER_ID, or add the column "Buyer account ID"',
      );
    this.#parted = neverAbove.filter((pair) =>
      pair.every((field) => this.#kind.counts.includes(field) && this.#cells.has(field)),
    );
    this.#days = new KeyCells(reading, this.#key);
    this.#parts = new PartCells(reading);
    this.#spend = new MetricCells(reading, layout.place, delimiter);
    this.#traffic = name === "traffic" ? new TrafficCells(reading, this.#cells, this.#key) : null;
  }

  /** Which of its keys the file has: two files that split one day otherwise say the same things twice. */
  get grain(): string {
    // A bidder leaves out what it does not know of a request, from one post to the next.
    if (this.#traffic !== null) return "";
    return this.#kind.keys.filter((key) => this.#cells.has(key as FileField)).join(",");
  }

  take(line: number, cells: Cells): boolean {
    const out = this.#out;
    const begin = out.begin(line);
    const { keys, named: names, counts, hasSpend } = this.#kind;
    const isGood =
      this.#cells.name(cells, "buyer_id") &&
      (this.#traffic?.take(cells) ?? true) &&
      [...keys, ...names].every((column) => this.#column(cells, column as FileField)) &&
      counts.every((column) => this.#count(cells, column as FileField)) &&
      this.#isPossible() &&
      (!hasSpend || this.#amount(cells)) &&
      this.#others(cells);
    if (!isGood) {
      out.at = begin;
      return false;
    }
    out.end();
    this.accepted += 1;
    this.#addUp("impressions");
    this.#addUp("clicks");
    if (hasSpend && this.#cells.has("spend")) this.#spend.addUp();
    const { day } = this.#key;
    if (this.firstDay === 0 || day < this.firstDay) this.firstDay = day;
    if (day > this.lastDay) this.lastDay = day;
    return true;
  }

  blocks(last: boolean): Buffer[] {
    return this.#out.blocks(last);
  }

  named(): NamedCreative[] {
    return [];
  }

  sums(): { impressions: bigint; clicks: bigint; micros: bigint } {
    const { impressions, clicks } = this.#sums;
    return { impressions: impressions.total, clicks: clicks.total, micros: this.#spend.micros.total };
  }

  get doubt(): { showsOther: boolean; doubtful: number } {
    return this.#spend;
  }

  doubtfulKeys(): null {
    return null;
  }

  days(): null {
    return null;
  }

  #column(cells: Cells, column: FileField | "at"): boolean {
    const { place } = this.#layout;
    if (this.#traffic?.isOwn(column) === true) return this.#traffic.column(column);
    switch (column) {
      case "date":
        return this.#days.day(cells, place.date);
      case "hour":
        return this.#parts.hour(cells, place.hour);
      case "geography":
        return this.#parts.geography(cells, place.geography);
      case "device_type":
        return this.#parts.device(cells, place.device_type);
      default:
        return this.#cells.name(cells, column as FileField);
    }
  }

  #count(cells: Cells, field: FileField): boolean {
    if (this.#traffic !== null) return this.#traffic.requests(cells);
    if (!this.#cells.count(cells, field)) return false;
    this.#counted[field] = this.#cells.lastCount;
    return true;
  }

  #isPossible(): boolean {
    for (const [part, whole] of this.#parted) {
      const [some, all] = [this.#counted[part] ?? 0, this.#counted[whole] ?? 0];
      if (some <= all) continue;
      const words = (field: FileField) => field.replaceAll("_", " ");
      return this.fault.refuse(
        part === "clicks" ? "clicks_above_impressions" : "impossible",
        part,
        `${some} ${words(part)} of ${all} ${words(whole)}: there cannot be more`,
      );
    }
    return true;
  }

  #addUp(measure: "impressions" | "clicks"): void {
    const count = this.#counted[measure] ?? 0;
    if (typeof count === "number") this.#sums[measure].add(count);
    else this.#sums[measure].addLarge(count);
  }

  #amount(cells: Cells): boolean {
    if (this.#cells.has("spend")) return this.#spend.spend(cells);
    this.#out.column();
    return this.#out.nothing();
  }

  /** The line's currency, and cells without a header. */
  #others({ bytes, starts, ends }: Cells): boolean {
    const cell = (place: number) => bytes.toString("utf8", starts[place], ends[place]).trim();
    const { currency } = this.#rules;
    for (const said of this.#layout.currency.map(cell))
      if (said.toUpperCase() !== currency)
        return this.fault.refuse(
          "currency",
          null,
          `the line is in ${currenciesOf(said) === undefined ? shown(said) : named(said)}, and this client's spend is in ${currency}`,
        );
    const place = this.#layout.nameless.find((at) => cell(at) !== "");
    return (
      place === undefined ||
      this.fault.refuse("column_count", null, `column ${place + 1} has no header, and something stands in it`)
    );
  }
}

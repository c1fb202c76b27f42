import { currenciesOf } from "./currencies.ts";
import { CopyText } from "./copy-text.ts";
import { SumsByDay } from "./day-sums.ts";
import { KeyCells } from "./key-cells.ts";
import { LineFault } from "./line-fault.ts";
import { MetricCells } from "./metric-cells.ts";
import { PartCells } from "./part-cells.ts";
import type { FileCreatives } from "./file-creatives.ts";
import { named, shown } from "./reasons.ts";
import { SeenKeys, type LineKey } from "./seen-keys.ts";
import type { NamedCreative } from "./file-creatives.ts";
import type { Cells, CountedDay, Layout, LineRules, LineTaker } from "./shapes.ts";

/**
 * Checks the cells of a line and writes it as COPY text. It looks at bytes and makes strings only of what is not
 * plainly a number, a day or a name seen before: a million lines pass in about a second.
 */
export class StagedLines implements LineTaker {
  readonly fault: LineFault;
  readonly keys = new SeenKeys();
  readonly creatives: FileCreatives;
  readonly metrics: MetricCells;
  readonly #byDay = new SumsByDay();
  accepted = 0;
  /** YYYYMMDD as a number; zero before the first line. */
  firstDay = 0;
  lastDay = 0;

  readonly #layout: Layout;
  readonly #rules: LineRules;
  readonly #out = new CopyText();
  readonly #lineKey: LineKey = { high: 0, low: 0, day: 0, bytes: this.#out.block, start: 0, end: 0 };
  readonly #key: KeyCells;
  readonly #parts: PartCells;

  constructor(layout: Layout, rules: LineRules, delimiter: number) {
    this.#layout = layout;
    this.#rules = rules;
    this.fault = new LineFault(layout);
    const constants = Object.fromEntries(
      Object.entries(rules.mapping.constants).map(([field, text]) => [field, Buffer.from(text)]),
    );
    const reading = { rules, constants, out: this.#out, faults: this.fault };
    this.#key = new KeyCells(reading, this.#lineKey);
    this.creatives = this.#key.creatives;
    this.#parts = new PartCells(reading);
    this.metrics = new MetricCells(reading, layout.place, delimiter);
  }

  /** Takes a line; false when something is wrong with it, and then `fault` says what. */
  take(line: number, cells: Cells): boolean {
    const out = this.#out;
    const begin = out.begin(line);
    const { place } = this.#layout;
    const dayIsGood = this.#key.creative(cells, place) && this.#key.day(cells, place.date);
    const key = this.#lineKey;
    key.start = out.at;
    const keyIsGood =
      dayIsGood &&
      this.#parts.hour(cells, place.hour) &&
      this.#parts.geography(cells, place.geography) &&
      this.#parts.device(cells, place.device_type) &&
      this.#parts.placement(cells, place.placement);
    key.end = out.at;
    const cellsAreGood =
      keyIsGood && this.metrics.counts(cells) && this.metrics.spend(cells) && this.#others(cells) && this.#key.known();
    if (!cellsAreGood) {
      out.at = begin;
      return false;
    }
    out.end();
    this.creatives.use();
    this.accepted += 1;
    key.bytes = out.block;
    this.keys.take(line, key);
    this.metrics.addUp();
    const { day } = key;
    this.#byDay.add(day, this.metrics);
    if (this.firstDay === 0 || day < this.firstDay) this.firstDay = day;
    if (day > this.lastDay) this.lastDay = day;
    return true;
  }

  named(): NamedCreative[] {
    return this.creatives.named();
  }

  sums(): { impressions: bigint; clicks: bigint; micros: bigint } {
    const { impressions, clicks, micros } = this.metrics;
    return { impressions: impressions.total, clicks: clicks.total, micros: micros.total };
  }

  get doubt(): { showsOther: boolean; doubtful: number } {
    return this.metrics;
  }

  get grain(): string {
    const { place } = this.#layout;
    const { constants } = this.#rules.mapping;
    const dimensions = ["hour", "geography", "device_type", "placement"] as const;
    return dimensions.filter((field) => place[field] >= 0 || constants[field] !== undefined).join(",");
  }

  doubtfulKeys(): readonly number[] | null {
    return this.keys.doubtful;
  }

  days(): CountedDay[] {
    return this.#byDay.all();
  }

  /** Hands out what is written; the last block with it when `last` says so. */
  blocks(last: boolean): Buffer[] {
    return this.#out.blocks(last);
  }

  /** The columns that are in few files: the line's currency, its other dates, and cells without a header. */
  #others({ bytes, starts, ends }: Cells): boolean {
    const { currency, sameDay, nameless } = this.#layout;
    const isLeftOut = (place: number) => this.#rules.isOfMessages === true && starts[place] === ends[place];
    for (const place of currency) {
      if (isLeftOut(place)) continue;
      const said = bytes.toString("utf8", starts[place], ends[place]).trim();
      if (said.toUpperCase() !== this.#rules.currency)
        return this.fault.refuse(
          "currency",
          null,
          `the line is in ${said === "" ? "no currency" : currenciesOf(said) === undefined ? shown(said) : named(said)}, and this client's spend is in ${this.#rules.currency}`,
        );
    }
    for (const place of sameDay) {
      if (isLeftOut(place)) continue;
      const day = this.#key.readDay(bytes, starts[place] as number, ends[place] as number);
      if (day === 0) return false;
      if (day !== this.#lineKey.day)
        return this.fault.refuse(
          "date",
          "date",
          `the line covers more than one day (${named(this.#layout.names[place] ?? "")} is another): export the report by day`,
        );
    }
    for (const place of nameless)
      if (bytes.toString("utf8", starts[place], ends[place]).trim() !== "")
        return this.fault.refuse("column_count", null, `column ${place + 1} has no header, and something stands in it`);
    return true;
  }
}

import type { CellReading } from "./cell-reading.ts";
import type { CopyText } from "./copy-text.ts";
import { currenciesOf } from "./currencies.ts";
import { ExactSum } from "./exact-sum.ts";
import type { FileField } from "../../rules/files/header-meanings.ts";
import type { LineFault } from "./line-fault.ts";
import {
  mayBeGrouped,
  microsText,
  readAmount,
  readCount,
  showsOtherDecimal,
  type NumberStyle,
  type Refusal,
} from "./numbers.ts";
import { shown } from "./reasons.ts";
import type { Cells, Layout, LineRules } from "./shapes.ts";

const zero = 0x30;
const nine = 0x39;
const point = 0x2e;
const dollar = 0x24;
const semicolon = 0x3b;
const dashes = new Set(["", "-", "--", "—", "–"]);

/** The numbers of a line: how often it was shown and clicked, and what that cost. */
export class MetricCells {
  readonly impressions = new ExactSum();
  readonly clicks = new ExactSum();
  readonly micros = new ExactSum();

  readonly #rules: LineRules;
  readonly #constants: Partial<Record<FileField, Buffer>>;
  readonly #out: CopyText;
  readonly #faults: LineFault;
  readonly #style: NumberStyle;
  /** Whether a bare $ can be the client's currency. */
  readonly #isDollar: boolean;
  readonly #places: Pick<Layout["place"], "impressions" | "clicks" | "spend">;
  /** Whether amounts such as 1.234 are in doubt: not where the mapping says so, nor in JSON, whose numbers have a point. */
  readonly #doubts: boolean;
  /** Such a line is refused: in a file with semicolons from the start, as where commas are decimal, else since an amount showed it. */
  #refusesDoubt: boolean;
  #isDoubtful = false;
  /** Lines that were taken before that. */
  doubtful = 0;
  /** The file has amounts that are written with the other decimal sign. */
  showsOther = false;

  /** Below zero where the number is kept in #largeImpressions or #largeClicks. */
  #impressions = 0;
  #clicks = 0;
  #largeImpressions = 0n;
  #largeClicks = 0n;
  #largeCount = 0n;
  #lineMicros = 0;
  #largeMicros = 0n;

  constructor(
    reading: CellReading,
    places: Pick<Layout["place"], "impressions" | "clicks" | "spend">,
    delimiter: number,
  ) {
    const { rules, constants, out, faults } = reading;
    this.#rules = rules;
    this.#constants = constants;
    this.#out = out;
    this.#faults = faults;
    const { mapping, currency } = rules;
    this.#style = { decimal: mapping.decimal, thousands: mapping.thousands, currency };
    this.#doubts = delimiter !== 0 && places.spend >= 0 && mapping.threeDecimals !== true;
    this.#refusesDoubt =
      this.#doubts && (rules.refusesDoubt === true || (delimiter === semicolon && mapping.decimal === "point"));
    this.#isDollar = currenciesOf("$")?.includes(currency) ?? false;
    this.#places = { impressions: places.impressions, clicks: places.clicks, spend: places.spend };
  }

  counts(cells: Cells): boolean {
    this.#impressions = this.#count(cells, "impressions");
    if (this.#impressions === -2) return false;
    this.#largeImpressions = this.#largeCount;
    this.#clicks = this.#count(cells, "clicks");
    if (this.#clicks === -2) return false;
    this.#largeClicks = this.#largeCount;
    const tooMany =
      this.#impressions >= 0 && this.#clicks >= 0
        ? this.#clicks > this.#impressions
        : (this.#clicks < 0 ? this.#largeClicks : BigInt(this.#clicks)) >
          (this.#impressions < 0 ? this.#largeImpressions : BigInt(this.#impressions));
    if (!tooMany) return true;
    const clicks = this.#clicks < 0 ? this.#largeClicks : this.#clicks;
    const impressions = this.#impressions < 0 ? this.#largeImpressions : this.#impressions;
    return this.#faults.refuse(
      "clicks_above_impressions",
      "clicks",
      `${clicks} clicks on ${impressions} impressions: there cannot be more clicks than impressions`,
    );
  }

  /** A count below 10^15; -1 when it is larger and in #largeCount, -2 when it is none. */
  #count({ bytes: line, starts, ends }: Cells, field: "impressions" | "clicks"): number {
    const place = field === "clicks" ? this.#places.clicks : this.#places.impressions;
    this.#out.column();
    const bytes = place < 0 ? (this.#constants[field] as Buffer) : line;
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const digits = end - start;
    if (digits > 0 && digits <= 15) {
      let value = 0;
      let at = start;
      for (; at < end; at += 1) {
        const digit = (bytes[at] as number) - zero;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (at === end) {
        this.#out.copy(bytes, start, end);
        return value;
      }
    }
    const cell = bytes.toString("utf8", start, end);
    if (this.#isZero(cell, field)) {
      this.#out.block[this.#out.at++] = zero;
      return 0;
    }
    const count = readCount(cell, field, this.#style);
    if (typeof count !== "bigint") {
      this.#faults.refuse(count.code, field, count.reason);
      return -2;
    }
    this.#out.text(count.toString());
    if (count < 1_000_000_000_000_000n) return Number(count);
    this.#largeCount = count;
    return -1;
  }

  #isZero(cell: string, field: "impressions" | "clicks" | "spend"): boolean {
    return this.#rules.mapping.emptyIsZero.includes(field) && dashes.has(cell.trim());
  }

  spend({ bytes: line, starts, ends }: Cells): boolean {
    this.#out.column();
    const place = this.#places.spend;
    const bytes = place < 0 ? (this.#constants.spend as Buffer) : line;
    const cell = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const start = bytes[cell] === dollar && this.#isDollar ? cell + 1 : cell;
    let whole = 0;
    let at = start;
    for (; at < end; at += 1) {
      const digit = (bytes[at] as number) - zero;
      if (digit < 0 || digit > 9) break;
      whole = whole * 10 + digit;
    }
    const places = end - at - 1;
    this.#isDoubtful = places === 3 && this.#doubts && at - start <= 3 && whole > 0 && bytes[at] === point;
    if (this.#isDoubtful && this.#refusesDoubt) return this.#readSpend(bytes.toString("utf8", cell, end));
    if (at > start && at - start <= 9) {
      if (at === end) {
        this.#lineMicros = whole * 1_000_000;
        this.#out.copy(bytes, start, end);
        return true;
      }
      if (bytes[at] === point && places > 0 && places <= 40 && this.#style.decimal === "point") {
        let fraction = 0;
        let from = at + 1;
        for (; from < end; from += 1) {
          const byte = bytes[from] as number;
          if (byte < zero || byte > nine) break;
          if (from - at <= 6) fraction = fraction * 10 + byte - zero;
        }
        if (from === end) {
          for (let digits = places; digits < 6; digits += 1) fraction *= 10;
          if (places <= 6) {
            this.#lineMicros = whole * 1_000_000 + fraction;
            this.#out.copy(bytes, start, end);
            return true;
          }
          const up = (bytes[at + 7] as number) >= 0x35 ? 1 : 0;
          this.#lineMicros = whole * 1_000_000 + fraction + up;
          this.#out.number(Math.floor(this.#lineMicros / 1_000_000));
          this.#out.block[this.#out.at++] = point;
          this.#out.digits(this.#lineMicros % 1_000_000, 6);
          return true;
        }
      }
    }
    return this.#readSpend(bytes.toString("utf8", cell, end));
  }

  #readSpend(cell: string): boolean {
    const amount = this.#isZero(cell, "spend") ? 0n : readAmount(cell, this.#style);
    if (typeof amount !== "bigint") return this.#refuseSpend(cell, amount);
    this.#isDoubtful = this.#doubts && mayBeGrouped(cell, this.#style.decimal);
    if (this.#isDoubtful && this.#refusesDoubt)
      return this.#faults.refuse(
        "spend",
        "spend",
        `spend ${shown(cell)} may be a thousand times as much: the mapping must say decimal: ${this.#otherDecimal()}, or threeDecimals: true`,
      );
    this.#out.text(microsText(amount));
    if (amount < 1_000_000_000_000_000n) this.#lineMicros = Number(amount);
    else {
      this.#lineMicros = -1;
      this.#largeMicros = amount;
    }
    return true;
  }

  #refuseSpend(cell: string, { code, reason }: Refusal): false {
    if (code !== "spend" || !this.#doubts || !showsOtherDecimal(cell, this.#style))
      return this.#faults.refuse(code, "spend", reason);
    this.showsOther = this.#refusesDoubt = true;
    return this.#faults.refuse(
      code,
      "spend",
      `${reason}: for a decimal ${this.#otherDecimal()} the mapping must say decimal: ${this.#otherDecimal()}`,
    );
  }

  #otherDecimal(): string {
    return this.#style.decimal === "point" ? "comma" : "point";
  }

  /** Adds the line to the sums of the file. */
  addUp(): void {
    if (this.#isDoubtful) this.doubtful += 1;
    this.addTo(this);
  }

  /** Adds the line to others. */
  addTo({ impressions, clicks, micros }: Record<"impressions" | "clicks" | "micros", ExactSum>): void {
    if (this.#impressions < 0) impressions.addLarge(this.#largeImpressions);
    else impressions.add(this.#impressions);
    if (this.#clicks < 0) clicks.addLarge(this.#largeClicks);
    else clicks.add(this.#clicks);
    if (this.#lineMicros < 0) micros.addLarge(this.#largeMicros);
    else micros.add(this.#lineMicros);
  }
}

import { windowDays, windowWeeks, type CellSums } from "./opportunity-cells.ts";

const micros = 1_000_000;
/** Of a day: clicks, units, millionths. */
const figures = 3;

/** An amount as whole units and millionths, both with its sign: sums of either stay exact where one number would not. */
export interface Amount {
  units: number;
  micros: number;
}

/** What happened on one day; `daysBack` counts from the window's last day. */
export interface DayRecord extends Amount {
  daysBack: number;
  clicks: number;
  impressions: number;
}

/** With every digit, as Postgres writes it: `12.500000`. */
export function amountText({ units, micros: parts }: Amount): string {
  const total = BigInt(units) * BigInt(micros) + BigInt(parts);
  const digits = (total < 0n ? -total : total).toString().padStart(7, "0");
  return `${total < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/**
 * Sums of many parts, day by day. Flat arrays, which grow: a million records make half a million days of parts, and that
 * many objects would cost more than all the reckoning.
 */
export class DaySums {
  #parts = 0;
  /** Clicks, units and millionths of each day, beside each other: a record is one place in memory. */
  #days = new Float64Array(0);
  #impressions = new Float64Array(0);
  /** A bit for each day that has a record, whatever it says. */
  #seen = new Uint32Array(0);

  /** A new part, and how it is named here. */
  addPart(): number {
    if (this.#parts === this.#seen.length) this.#grow(Math.max(64, 2 * this.#parts));
    this.#parts += 1;
    return this.#parts - 1;
  }

  #grow(parts: number): void {
    const larger = (old: Float64Array, size: number) => {
      const grown = new Float64Array(size);
      grown.set(old);
      return grown;
    };
    this.#days = larger(this.#days, parts * windowDays * figures);
    this.#impressions = larger(this.#impressions, parts);
    const seen = new Uint32Array(parts);
    seen.set(this.#seen);
    this.#seen = seen;
  }

  add(part: number, { daysBack, clicks, units, micros: parts, impressions }: DayRecord): void {
    const days = this.#days;
    const at = (part * windowDays + daysBack) * figures;
    days[at] = (days[at] ?? 0) + clicks;
    days[at + 1] = (days[at + 1] ?? 0) + units;
    days[at + 2] = (days[at + 2] ?? 0) + parts;
    this.#impressions[part] = (this.#impressions[part] ?? 0) + impressions;
    this.#seen[part] = (this.#seen[part] ?? 0) | (1 << daysBack);
  }

  /** All of another part's days, of these sums or others. */
  addAll(part: number, other: DaySums, from: number): void {
    const [to, at] = [part * windowDays * figures, from * windowDays * figures];
    for (let one = 0; one < windowDays * figures; one += 1)
      this.#days[to + one] = (this.#days[to + one] ?? 0) + (other.#days[at + one] ?? 0);
    this.#impressions[part] = (this.#impressions[part] ?? 0) + (other.#impressions[from] ?? 0);
    this.#seen[part] = (this.#seen[part] ?? 0) | (other.#seen[from] ?? 0);
  }

  /** On how many days anything has a record. */
  countDays(): number {
    return bits(this.#seen.reduce((all, seen) => all | seen, 0));
  }

  amountOf(part: number): Amount {
    const sum = { clicks: 0, units: 0, micros: 0 };
    for (let day = 0; day < windowDays; day += 1) take(sum, 1, this.#dayOf(part, day));
    return sum;
  }

  sumsOf(part: number): CellSums {
    return this.#sums(part, null);
  }

  /** The days of a whole without one of its parts; days and weeks on which that part is all there is do not count. */
  restOf(whole: number, without: Part): CellSums {
    return { ...this.#sums(whole, without), recentDays: 0 };
  }

  #sums(part: number, without: Part | null): CellSums {
    const found = { days: 0, weeks: 0, recentDays: 0, squares: 0, weekSquares: 0 };
    const sum = { clicks: 0, units: 0, micros: 0 };
    for (let week = 0; week < windowWeeks; week += 1) {
      const ofWeek = { clicks: 0, units: 0, micros: 0 };
      let [isSeen, hadPart] = [false, false];
      for (let day = 7 * week; day < 7 * week + 7; day += 1) {
        if (!this.#isSeen(part, day)) continue;
        const ofDay = this.#dayOf(part, day);
        const hasPart = without !== null && without.sums.#isSeen(without.part, day);
        if (hasPart) take(ofDay, -1, without.sums.#dayOf(without.part, day));
        take(ofWeek, 1, ofDay);
        isSeen = true;
        hadPart ||= hasPart;
        if (hasPart && isNothing(ofDay)) continue;
        found.days += 1;
        if (day < 7) found.recentDays += 1;
        found.squares += squared(ofDay);
      }
      take(sum, 1, ofWeek);
      if (!isSeen || (hadPart && isNothing(ofWeek))) continue;
      found.weeks += 1;
      found.weekSquares += squared(ofWeek);
    }
    const spendText = amountText(sum);
    const impressions = this.#impressions[part] ?? 0;
    const ofPart = without === null ? 0 : (without.sums.#impressions[without.part] ?? 0);
    return { ...found, clicks: sum.clicks, spend: Number(spendText), spendText, impressions: impressions - ofPart };
  }

  #isSeen(part: number, day: number): boolean {
    return ((this.#seen[part] ?? 0) & (1 << day)) !== 0;
  }

  #dayOf(part: number, day: number): Bought {
    const days = this.#days;
    const at = (part * windowDays + day) * figures;
    return { clicks: days[at] ?? 0, units: days[at + 1] ?? 0, micros: days[at + 2] ?? 0 };
  }
}

export interface Part {
  sums: DaySums;
  part: number;
}

interface Bought extends Amount {
  clicks: number;
}

function take(to: Bought, sign: 1 | -1, of: Bought): void {
  to.clicks += sign * of.clicks;
  to.units += sign * of.units;
  to.micros += sign * of.micros;
}

/** To the nearest number, as long as it is under nine thousand million. */
const spendOf = ({ units, micros: parts }: Amount) => (units * micros + parts) / micros;
const isNothing = (of: Bought) => of.clicks === 0 && spendOf(of) === 0;

/** Clicks² / spend; nothing where nothing was spent. */
function squared(of: Bought): number {
  const spend = spendOf(of);
  return spend > 0 ? (of.clicks * of.clicks) / spend : 0;
}

function bits(of: number): number {
  let count = 0;
  for (let left = of; left !== 0; left &= left - 1) count += 1;
  return count;
}

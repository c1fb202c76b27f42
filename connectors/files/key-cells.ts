import type { CellReading } from "./cell-reading.ts";
import type { CopyText } from "./copy-text.ts";
import { readDay, twoDigits } from "./dates.ts";
import type { FileField } from "../../rules/files/header-meanings.ts";
import type { LineFault } from "./line-fault.ts";
import { shown } from "./reasons.ts";
import { SeenCells } from "./seen-cells.ts";
import type { LineKey } from "./seen-keys.ts";
import type { Cells, LineRules } from "./shapes.ts";

const space = 0x20;
const zero = 0x30;
const hyphen = 0x2d;
const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The cells that every line's key has: which creative, and which day. */
export class KeyCells {
  readonly #rules: LineRules;
  readonly #constants: Partial<Record<FileField, Buffer>>;
  readonly #out: CopyText;
  readonly #faults: LineFault;
  readonly #today: number;
  readonly #days = new SeenCells<number>();
  /** The key of the line that is read. */
  readonly key: LineKey;

  constructor(reading: CellReading, key: LineKey) {
    const { rules, constants, out, faults } = reading;
    this.#rules = rules;
    this.#constants = constants;
    this.#out = out;
    this.#faults = faults;
    this.#today = Number(rules.today.replaceAll("-", ""));
    this.key = key;
  }

  creative({ bytes: line, starts, ends }: Cells, place: number): boolean {
    const bytes = place < 0 ? (this.#constants.creative_id as Buffer) : line;
    let start = place < 0 ? 0 : (starts[place] as number);
    let end = place < 0 ? bytes.length : (ends[place] as number);
    while (start < end && (bytes[start] as number) <= space) start += 1;
    while (end > start && (bytes[end - 1] as number) <= space) end -= 1;
    const from = start;
    while (start < end && bytes[start] === zero) start += 1;
    const digits = end - start;
    let high = 0;
    let low = 0;
    const turn = end - 9;
    let plain = digits > 0 && digits <= 19;
    for (let at = start; plain && at < end; at += 1) {
      const digit = (bytes[at] as number) - zero;
      if (digit < 0 || digit > 9) plain = false;
      else if (at < turn) high = high * 10 + digit;
      else low = low * 10 + digit;
    }
    // The largest bigint is 9223372036854775807.
    if (!plain || high > 9_223_372_036 || (high === 9_223_372_036 && low > 854_775_807))
      return this.#noCreative(bytes.toString("utf8", from, end));
    this.key.high = high;
    this.key.low = low;
    this.#out.column();
    this.#out.copy(bytes, start, end);
    return true;
  }

  #noCreative(cell: string): false {
    const text = cell.trim();
    const refuse = (why: string) =>
      this.#faults.refuse("creative_id", "creative_id", `creative id ${shown(cell)} ${why}`);
    if (text === "") return refuse("is empty");
    if (/^\d(\.\d+)?[eE]\+?\d+$/.test(text))
      return refuse("was shortened by a spreadsheet and its last digits are gone: export it as text");
    if (/^\d+\.0*$/.test(text))
      return refuse("is written as a decimal number, and long ones lose digits that way: export it as text");
    if (/^\d+$/.test(text)) return refuse("is no id: ids are whole numbers from 1 to 9223372036854775807");
    return refuse("is not a whole number");
  }

  day({ bytes: line, starts, ends }: Cells, place: number): boolean {
    const bytes = place < 0 ? (this.#constants.date as Buffer) : line;
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const day = this.readDay(bytes, start, end);
    if (day === 0) return false;
    if (day > this.#today)
      return this.#faults.refuse(
        "future_date",
        "date",
        `date ${shown(bytes.toString("utf8", start, end))} is in the future: today is ${this.#rules.today} where this client is`,
      );
    this.key.day = day;
    const out = this.#out;
    out.column();
    out.digits(Math.floor(day / 10_000), 4);
    out.block[out.at++] = hyphen;
    out.digits(Math.floor(day / 100) % 100, 2);
    out.block[out.at++] = hyphen;
    out.digits(day % 100, 2);
    return true;
  }

  /** A day as YYYYMMDD; zero when it is none, with the reason said. */
  readDay(bytes: Buffer, start: number, end: number): number {
    if (end - start === 10 && bytes[start + 4] === hyphen && bytes[start + 7] === hyphen) {
      const year = fourDigits(bytes, start);
      const month = twoDigits(bytes, start + 5);
      const day = twoDigits(bytes, start + 8);
      if (year >= 2000 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))
        return year * 10_000 + month * 100 + day;
    }
    const seen = this.#days.get(bytes, start, end);
    if (seen !== undefined) return seen;
    const read = readDay(bytes.toString("utf8", start, end), this.#rules.mapping.dateOrder);
    if ("reason" in read) {
      this.#faults.refuse("date", "date", read.reason);
      return 0;
    }
    const day = Number(read.day.replaceAll("-", ""));
    this.#days.set(bytes, start, end, day);
    return day;
  }
}

function fourDigits(bytes: Uint8Array, at: number): number {
  const high = twoDigits(bytes, at);
  const low = twoDigits(bytes, at + 2);
  return high < 0 || low < 0 ? -1 : high * 100 + low;
}

function daysOf(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return monthDays[month] as number;
}

import type { CellReading } from "./cell-reading.ts";
import type { CopyText } from "./copy-text.ts";
import { readDay, twoDigits } from "./dates.ts";
import type { FileField } from "../../rules/files/header-meanings.ts";
import type { LineFault } from "./line-fault.ts";
import { creativeCheck } from "./creative-check.ts";
import { FileCreatives, type CreativeFault, type Part } from "./file-creatives.ts";
import { shown } from "./reasons.ts";
import { SeenCells } from "./seen-cells.ts";
import type { LineKey } from "./seen-keys.ts";
import type { Cells, LineRules } from "./shapes.ts";

const space = 0x20;
const hyphen = 0x2d;
const nothing = Buffer.alloc(0);
const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The cells that every line's key has: which creative, and which day. */
export class KeyCells {
  readonly #rules: LineRules;
  readonly #constants: Partial<Record<FileField, Buffer>>;
  readonly #out: CopyText;
  readonly #faults: LineFault;
  readonly #today: number;
  readonly #othersFrom: number;
  readonly #days = new SeenCells<number>();
  readonly #id: Part = { bytes: nothing, start: 0, end: 0 };
  readonly #seat: Part = { bytes: nothing, start: 0, end: 0 };
  readonly creatives: FileCreatives;
  #unknown: CreativeFault | null = null;
  /** The key of the line that is read. */
  readonly key: LineKey;

  constructor(reading: CellReading, key: LineKey) {
    const { rules, constants, out, faults } = reading;
    this.#rules = rules;
    const { buyerId } = rules;
    this.#constants = { ...(buyerId === null ? {} : { buyer_id: Buffer.from(buyerId) }), ...constants };
    this.creatives = new FileCreatives(creativeCheck(rules));
    this.#out = out;
    this.#faults = faults;
    this.#today = Number(rules.today.replaceAll("-", ""));
    const { others } = rules;
    this.#othersFrom = others === undefined ? Infinity : Number((others.from ?? "").replaceAll("-", ""));
    this.key = key;
  }

  creative(cells: Cells, place: Record<FileField, number>): boolean {
    const id = this.#part(this.#id, cells, place.creative_id, "creative_id");
    if (id.start === id.end) return this.#faults.refuse("creative_id", "creative_id", `creative id "" is empty`);
    const seat = this.#part(this.#seat, cells, place.buyer_id, "buyer_id");
    if (seat.start === seat.end && place.buyer_id >= 0 && this.#rules.isOfMessages !== true)
      return this.#faults.refuse("buyer_id", "buyer_id", "the line does not say which seat its creative belongs to");
    const fault = this.creatives.find(seat, id);
    this.#unknown = fault?.code === "unknown_creative" ? fault : null;
    if (fault !== null && this.#unknown === null) return this.#faults.refuse(fault.code, "creative_id", fault.reason);
    this.key.high = this.creatives.high;
    this.key.low = this.creatives.low;
    this.#out.column();
    this.#out.number(this.creatives.number);
    return true;
  }

  /** Whether the creative of the line may be stored. Asked last: a line that is wrong itself is not helped by adding it. */
  known(): boolean {
    if (this.#unknown === null) return true;
    return this.#faults.refuse(this.#unknown.code, "creative_id", this.#unknown.reason);
  }

  /** What of a cell counts, or of what stands for it; empty where there is nothing. */
  #part(part: Part, { bytes, starts, ends }: Cells, given: number, field: "creative_id" | "buyer_id"): Part {
    const isLeftOut = given >= 0 && this.#rules.isOfMessages === true && starts[given] === ends[given];
    const place = isLeftOut ? -1 : given;
    part.bytes = place < 0 ? (this.#constants[field] ?? nothing) : bytes;
    part.start = place < 0 ? 0 : (starts[place] as number);
    part.end = place < 0 ? part.bytes.length : (ends[place] as number);
    while (part.start < part.end && (part.bytes[part.start] as number) <= space) part.start += 1;
    while (part.end > part.start && (part.bytes[part.end - 1] as number) <= space) part.end -= 1;
    return part;
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
    if (day >= this.#othersFrom)
      return this.#faults.refuse(
        "other_owner",
        "date",
        `date ${shown(bytes.toString("utf8", start, end))} is a day of ${this.#rules.others?.owner}, and no file's (RTB_PERFORMANCE_OWNER)`,
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

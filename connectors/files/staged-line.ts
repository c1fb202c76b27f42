import { countryCodes, countryNamed } from "./countries.ts";
import { currenciesOf } from "./currencies.ts";
import { readDay, readHour } from "./dates.ts";
import { deviceSpelled, deviceTypes } from "./devices.ts";
import { ExactSum } from "./exact-sum.ts";
import type { FileField } from "../../rules/files/header-meanings.ts";
import { microsText, readAmount, readCount, type NumberStyle, type Refusal } from "./numbers.ts";
import { shown } from "./reasons.ts";
import { idText, SeenCells, SeenIds } from "./seen-cells.ts";
import { SeenKeys } from "./seen-keys.ts";
import type { Cells, Layout, LineRules, RejectCode } from "./shapes.ts";

const tab = 0x09;
const space = 0x20;
const nought = 0x30;
const nine = 0x39;
const hyphen = 0x2d;
const point = 0x2e;
const dollar = 0x24;
const backslash = 0x5c;
const blockSize = 131_072;
/** No staged line is longer: a placement of 100 characters, each of four bytes or escaped, and some numbers. */
const longestStaged = 1_024;
const mostPlacement = 100;
const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const absentCell = 0;
const dashes = new Set(["", "-", "--", "—", "–"]);

/**
 * Checks the cells of a line and writes it as COPY text. It looks at bytes and makes strings only of what is not
 * plainly a number, a day or a name seen before: a million lines pass in about a second.
 */
export class StagedLines {
  /** Why the last line was not taken. */
  code: RejectCode = "column_count";
  column: string | null = null;
  reason = "";

  readonly impressions = new ExactSum();
  readonly clicks = new ExactSum();
  readonly micros = new ExactSum();
  accepted = 0;
  /** YYYYMMDD as a number; nought before the first line. */
  firstDay = 0;
  lastDay = 0;

  readonly keys = new SeenKeys();
  readonly full: Buffer[] = [];
  #block = Buffer.allocUnsafeSlow(blockSize);
  #at = 0;

  readonly #layout: Layout;
  readonly #style: NumberStyle;
  readonly #constants: Partial<Record<FileField, Buffer>>;
  readonly #today: number;
  /** Whether a bare $ can be the client's currency. */
  readonly #isDollar: boolean;
  readonly #ids: SeenIds | null;
  readonly #countries = new Uint8Array(65_536);
  readonly #named = new SeenCells<number>();
  readonly #days = new SeenCells<number>();
  readonly #devices = new SeenCells<number>();
  readonly #deviceTexts = deviceTypes.map((type) => Buffer.from(type));
  readonly #absent: Set<string>;
  /** By the bytes they have: most cells need not be compared with any. */
  readonly #absentLengths = new Uint8Array(512);
  readonly #geographies: Map<string, string>;
  readonly #deviceNames: Map<string, string>;

  constructor(
    layout: Layout,
    private readonly rules: LineRules,
  ) {
    const { mapping } = rules;
    this.#layout = layout;
    this.#style = { decimal: mapping.decimal, thousands: mapping.thousands, currency: rules.currency };
    this.#constants = Object.fromEntries(
      Object.entries(mapping.constants).map(([field, text]) => [field, Buffer.from(text)]),
    );
    this.#isDollar = currenciesOf("$")?.includes(rules.currency) ?? false;
    this.#today = Number(rules.today.replaceAll("-", ""));
    this.#ids = rules.knownCreatives === null ? null : new SeenIds(rules.knownCreatives);
    for (const code of countryCodes) this.#countries[(code.charCodeAt(0) << 8) | code.charCodeAt(1)] = 1;
    this.#absent = new Set(mapping.absent.map((word) => word.toLowerCase()));
    for (const word of mapping.absent) this.#absentLengths[Buffer.byteLength(word)] = 1;
    const lowered = (names: Record<string, string>) =>
      new Map(Object.entries(names).map(([name, value]) => [name.toLowerCase(), value]));
    this.#geographies = lowered(mapping.geographies);
    this.#deviceNames = lowered(mapping.devices);
  }

  /** Takes a line; false when something is wrong with it, and then says what. */
  take(line: number, { bytes, starts, ends }: Cells): boolean {
    if (this.#at + longestStaged > blockSize) this.#next();
    const begin = this.#at;
    this.#lineNumber(line);
    const { place } = this.#layout;
    const dayIsGood =
      this.#creative(bytes, starts, ends, place.creative_id) && this.#day(bytes, starts, ends, place.date);
    const rest = this.#at;
    const keyIsGood =
      dayIsGood &&
      this.#hour(bytes, starts, ends, place.hour) &&
      this.#geography(bytes, starts, ends, place.geography) &&
      this.#device(bytes, starts, ends, place.device_type) &&
      this.#placement(bytes, starts, ends, place.placement);
    const restEnd = this.#at;
    const cellsAreGood =
      keyIsGood &&
      this.#counts(bytes, starts, ends) &&
      this.#spend(bytes, starts, ends, place.spend) &&
      this.#others(bytes, starts, ends) &&
      this.#known();
    if (!cellsAreGood) {
      this.#at = begin;
      return false;
    }
    this.#block[this.#at++] = 0x0a;
    this.accepted += 1;
    this.keys.take(line, this.#high, this.#low, this.#dayNumber, this.#block, rest, restEnd);
    this.#addUp();
    return true;
  }

  /** Hands out what is written; the last block with it when `last` says so. */
  blocks(last: boolean): Buffer[] {
    if (last && this.#at > 0) this.#next();
    return this.full.splice(0);
  }

  #next(): void {
    this.full.push(this.#block.subarray(0, this.#at));
    this.#block = Buffer.allocUnsafeSlow(blockSize);
    this.#at = 0;
  }

  #refuse(code: RejectCode, field: FileField | null, reason: string): false {
    this.code = code;
    const place = field === null ? -1 : this.#layout.place[field];
    this.column = place < 0 ? field : (this.#layout.names[place] ?? field);
    this.reason = reason;
    return false;
  }

  #lastLine = -1;
  readonly #lineDigits = Buffer.alloc(16, nought);
  #lineStart = 16;

  /** The number of a line, which is mostly one more than that of the line before. */
  #lineNumber(line: number): void {
    const digits = this.#lineDigits;
    if (line === this.#lastLine + 1) {
      let at = 15;
      for (; digits[at] === nine; at -= 1) digits[at] = nought;
      digits[at] = (digits[at] as number) + 1;
      if (at < this.#lineStart) this.#lineStart = at;
    } else {
      const text = String(line);
      digits.fill(nought);
      this.#lineStart = 16 - digits.write(text, 16 - text.length, "latin1");
    }
    this.#lastLine = line;
    this.#copy(digits, this.#lineStart, 16);
  }

  /** A whole number in decimal digits. */
  #number(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
    this.#digits(value, digits);
  }

  #digits(value: number, digits: number): void {
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at -= 1) {
      const next = Math.floor(rest / 10);
      this.#block[at] = nought + rest - next * 10;
      rest = next;
    }
    this.#at += digits;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const block = this.#block;
    let at = this.#at;
    for (let from = start; from < end; from += 1) block[at++] = bytes[from] as number;
    this.#at = at;
  }

  #text(text: string): void {
    this.#at += this.#block.write(text, this.#at, "latin1");
  }

  #nothing(): true {
    this.#block[this.#at] = backslash;
    this.#block[this.#at + 1] = 0x4e;
    this.#at += 2;
    return true;
  }

  #high = 0;
  #low = 0;

  #creative(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    const bytes = place < 0 ? (this.#constants.creative_id as Buffer) : line;
    let start = place < 0 ? 0 : (starts[place] as number);
    let end = place < 0 ? bytes.length : (ends[place] as number);
    while (start < end && (bytes[start] as number) <= space) start += 1;
    while (end > start && (bytes[end - 1] as number) <= space) end -= 1;
    const from = start;
    while (start < end && bytes[start] === nought) start += 1;
    const digits = end - start;
    let high = 0;
    let low = 0;
    const turn = end - 9;
    let plain = digits > 0 && digits <= 19;
    for (let at = start; plain && at < end; at += 1) {
      const digit = (bytes[at] as number) - nought;
      if (digit < 0 || digit > 9) plain = false;
      else if (at < turn) high = high * 10 + digit;
      else low = low * 10 + digit;
    }
    // The largest bigint is 9223372036854775807.
    if (!plain || high > 9_223_372_036 || (high === 9_223_372_036 && low > 854_775_807))
      return this.#noCreative(bytes.toString("utf8", from, end));
    this.#high = high;
    this.#low = low;
    this.#block[this.#at++] = tab;
    this.#copy(bytes, start, end);
    return true;
  }

  #noCreative(cell: string): false {
    const text = cell.trim();
    const refuse = (why: string) => this.#refuse("creative_id", "creative_id", `creative id ${shown(cell)} ${why}`);
    if (text === "") return refuse("is empty");
    if (/^\d(\.\d+)?[eE]\+?\d+$/.test(text))
      return refuse("was shortened by a spreadsheet and its last digits are gone: export it as text");
    if (/^\d+\.0*$/.test(text))
      return refuse("is written as a decimal number, and long ones lose digits that way: export it as text");
    if (/^\d+$/.test(text)) return refuse("is no id: ids are whole numbers from 1 to 9223372036854775807");
    return refuse("is not a whole number");
  }

  #dayNumber = 0;

  #day(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    const bytes = place < 0 ? (this.#constants.date as Buffer) : line;
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const day = this.#readDay(bytes, start, end);
    if (day === 0) return false;
    if (day > this.#today)
      return this.#refuse(
        "future_date",
        "date",
        `date ${shown(bytes.toString("utf8", start, end))} is in the future: today is ${this.rules.today} where this client is`,
      );
    this.#dayNumber = day;
    const block = this.#block;
    const at = this.#at;
    block[at] = tab;
    this.#at = at + 1;
    this.#digits(Math.floor(day / 10_000), 4);
    block[at + 5] = hyphen;
    this.#at = at + 6;
    this.#digits(Math.floor(day / 100) % 100, 2);
    block[at + 8] = hyphen;
    this.#at = at + 9;
    this.#digits(day % 100, 2);
    return true;
  }

  /** A day as YYYYMMDD; nought when it is none, with the reason said. */
  #readDay(bytes: Buffer, start: number, end: number): number {
    if (end - start === 10 && bytes[start + 4] === hyphen && bytes[start + 7] === hyphen) {
      const year = fourDigits(bytes, start);
      const month = twoDigits(bytes, start + 5);
      const day = twoDigits(bytes, start + 8);
      if (year >= 2000 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))
        return year * 10_000 + month * 100 + day;
    }
    const seen = this.#days.get(bytes, start, end);
    if (seen !== undefined) return seen;
    const read = readDay(bytes.toString("utf8", start, end), this.rules.mapping.dateOrder);
    if ("reason" in read) {
      this.#refuse("date", "date", read.reason);
      return 0;
    }
    const day = Number(read.day.replaceAll("-", ""));
    this.#days.set(bytes, start, end, day);
    return day;
  }

  #hour(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    this.#block[this.#at++] = tab;
    const bytes = place < 0 ? this.#constants.hour : line;
    if (bytes === undefined) return this.#nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#nothing();
    const one = (bytes[start] as number) - nought;
    if (end - start === 1 && one >= 0 && one <= 9) {
      this.#digits(one, 1);
      return true;
    }
    const two = end - start === 2 ? twoDigits(bytes, start) : -1;
    if (two >= 0 && two <= 23) {
      this.#number(two);
      return true;
    }
    const cell = bytes.toString("utf8", start, end);
    if (this.#isAbsent(cell)) return this.#nothing();
    const hour = readHour(cell);
    if (hour === null) return this.#refuse("hour", "hour", `hour ${shown(cell)} is no hour from 0 to 23`);
    this.#number(hour);
    return true;
  }

  #geography(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    this.#block[this.#at++] = tab;
    const bytes = place < 0 ? this.#constants.geography : line;
    if (bytes === undefined) return this.#nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#nothing();
    let code = 0;
    if (end - start === 2) {
      // Small letters differ from large ones in one bit.
      code = (((bytes[start] as number) & 0xdf) << 8) | ((bytes[start + 1] as number) & 0xdf);
      if (this.#countries[code] !== 1) code = 0;
    }
    if (code === 0) {
      const seen = this.#named.get(bytes, start, end) ?? this.#readCountry(bytes, start, end);
      if (seen === absentCell) return this.#nothing();
      if (seen < 0) return false;
      code = seen;
    }
    this.#block[this.#at] = code >> 8;
    this.#block[this.#at + 1] = code & 0xff;
    this.#at += 2;
    return true;
  }

  #readCountry(bytes: Buffer, start: number, end: number): number {
    const cell = bytes.toString("utf8", start, end);
    const text = cell.trim();
    let code: string | undefined;
    let value = absentCell;
    if (!this.#isAbsent(cell)) {
      const upper = text.toUpperCase();
      code =
        this.#geographies.get(text.toLowerCase()) ??
        (/^[A-Z]{2}$/.test(upper) && countryCodes.includes(upper) ? upper : undefined) ??
        (this.rules.mapping.countryNames ? countryNamed(text) : undefined);
      if (code === undefined) {
        this.#refuse("geography", "geography", `geography ${shown(cell)} ${notACountry(text)}`);
        return -1;
      }
      value = (code.charCodeAt(0) << 8) | code.charCodeAt(1);
    }
    this.#named.set(bytes, start, end, value);
    return value;
  }

  #device(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    this.#block[this.#at++] = tab;
    const bytes = place < 0 ? this.#constants.device_type : line;
    if (bytes === undefined) return this.#nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#nothing();
    const device = this.#devices.get(bytes, start, end) ?? this.#readDevice(bytes, start, end);
    if (device === absentCell) return this.#nothing();
    if (device < 0) return false;
    const text = this.#deviceTexts[device - 1] as Buffer;
    this.#copy(text, 0, text.length);
    return true;
  }

  /** The number of a device type, from 1. */
  #readDevice(bytes: Buffer, start: number, end: number): number {
    const cell = bytes.toString("utf8", start, end);
    let device = absentCell;
    if (!this.#isAbsent(cell)) {
      const type = this.#deviceNames.get(cell.trim().toLowerCase()) ?? deviceSpelled(cell.trim());
      if (type === undefined) {
        this.#refuse(
          "device_type",
          "device_type",
          `device type ${shown(cell)} is not known: there are ${deviceTypes.join(", ")}, and the mapping may name others`,
        );
        return -1;
      }
      device = deviceTypes.indexOf(type as (typeof deviceTypes)[number]) + 1;
    }
    this.#devices.set(bytes, start, end, device);
    return device;
  }

  #isAbsent(cell: string): boolean {
    const text = cell.trim();
    return text === "" || this.#absent.has(text.toLowerCase());
  }

  #placement(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    this.#block[this.#at++] = tab;
    const given = place < 0 ? this.#constants.placement : line;
    if (given === undefined) return this.#nothing();
    let bytes = given;
    let start = place < 0 ? 0 : (starts[place] as number);
    let end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#nothing();
    const first = bytes[start] as number;
    const last = bytes[end - 1] as number;
    if (first <= space || last <= space || first >= 0x80 || last >= 0x80) {
      bytes = Buffer.from(bytes.toString("utf8", start, end).trim());
      start = 0;
      end = bytes.length;
      if (end === 0) return this.#nothing();
    }
    if (this.#absentLengths[end - start] === 1 && this.#isAbsent(bytes.toString("utf8", start, end)))
      return this.#nothing();
    if (end - start > mostPlacement * 4) return this.#longPlacement(bytes, start, end);
    const block = this.#block;
    let at = this.#at;
    let characters = 0;
    for (let from = start; from < end; from += 1) {
      const byte = bytes[from] as number;
      if ((byte & 0xc0) !== 0x80) characters += 1;
      if (byte === backslash || byte === tab || byte === 0x0a || byte === 0x0d) {
        block[at++] = backslash;
        block[at++] = byte === tab ? 0x74 : byte === 0x0a ? 0x6e : byte === 0x0d ? 0x72 : backslash;
      } else block[at++] = byte;
    }
    if (characters > mostPlacement) return this.#longPlacement(bytes, start, end);
    this.#at = at;
    return true;
  }

  #longPlacement(bytes: Buffer, start: number, end: number): false {
    const text = bytes.toString("utf8", start, Math.min(end, start + 400));
    return this.#refuse(
      "placement",
      "placement",
      `placement ${shown(text)} is longer than ${mostPlacement} characters`,
    );
  }

  /** Below nought where the number is kept in #largeImpressions or #largeClicks. */
  #impressions = 0;
  #clicks = 0;
  #largeImpressions = 0n;
  #largeClicks = 0n;

  #counts(bytes: Buffer, starts: Int32Array, ends: Int32Array): boolean {
    const { place } = this.#layout;
    this.#impressions = this.#count(bytes, starts, ends, place.impressions, "impressions");
    if (this.#impressions === -2) return false;
    this.#largeImpressions = this.#largeCount;
    this.#clicks = this.#count(bytes, starts, ends, place.clicks, "clicks");
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
    return this.#refuse(
      "clicks_above_impressions",
      "clicks",
      `${clicks} clicks on ${impressions} impressions: nobody clicks on what was not shown`,
    );
  }

  #largeCount = 0n;

  /** A count below 10^15; -1 when it is larger and in #largeCount, -2 when it is none. */
  #count(line: Buffer, starts: Int32Array, ends: Int32Array, place: number, field: "impressions" | "clicks"): number {
    this.#block[this.#at++] = tab;
    const bytes = place < 0 ? (this.#constants[field] as Buffer) : line;
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const digits = end - start;
    if (digits > 0 && digits <= 15) {
      let value = 0;
      let at = start;
      for (; at < end; at += 1) {
        const digit = (bytes[at] as number) - nought;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      if (at === end) {
        this.#copy(bytes, start, end);
        return value;
      }
    }
    const cell = bytes.toString("utf8", start, end);
    if (this.#isZero(cell, field)) {
      this.#block[this.#at++] = nought;
      return 0;
    }
    const count = readCount(cell, field, this.#style);
    if (typeof count !== "bigint") {
      this.#refused(count, field);
      return -2;
    }
    this.#text(count.toString());
    if (count < 1_000_000_000_000_000n) return Number(count);
    this.#largeCount = count;
    return -1;
  }

  #refused({ code, reason }: Refusal, field: FileField): false {
    return this.#refuse(code, field, reason);
  }

  #isZero(cell: string, field: "impressions" | "clicks" | "spend"): boolean {
    return this.rules.mapping.emptyIsZero.includes(field) && dashes.has(cell.trim());
  }

  #lineMicros = 0;
  #largeMicros = 0n;

  #spend(line: Buffer, starts: Int32Array, ends: Int32Array, place: number): boolean {
    this.#block[this.#at++] = tab;
    const bytes = place < 0 ? (this.#constants.spend as Buffer) : line;
    const cell = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    const start = bytes[cell] === dollar && this.#isDollar ? cell + 1 : cell;
    let whole = 0;
    let at = start;
    for (; at < end; at += 1) {
      const digit = (bytes[at] as number) - nought;
      if (digit < 0 || digit > 9) break;
      whole = whole * 10 + digit;
    }
    const places = end - at - 1;
    if (at > start && at - start <= 9) {
      if (at === end) {
        this.#lineMicros = whole * 1_000_000;
        this.#copy(bytes, start, end);
        return true;
      }
      if (bytes[at] === point && places > 0 && places <= 40 && this.#style.decimal === "point") {
        let fraction = 0;
        let from = at + 1;
        for (; from < end; from += 1) {
          const byte = bytes[from] as number;
          if (byte < nought || byte > nine) break;
          if (from - at <= 6) fraction = fraction * 10 + byte - nought;
        }
        if (from === end) {
          for (let digits = places; digits < 6; digits += 1) fraction *= 10;
          if (places <= 6) {
            this.#lineMicros = whole * 1_000_000 + fraction;
            this.#copy(bytes, start, end);
            return true;
          }
          const up = (bytes[at + 7] as number) >= 0x35 ? 1 : 0;
          this.#lineMicros = whole * 1_000_000 + fraction + up;
          this.#number(Math.floor(this.#lineMicros / 1_000_000));
          this.#block[this.#at++] = point;
          this.#digits(this.#lineMicros % 1_000_000, 6);
          return true;
        }
      }
    }
    return this.#readSpend(bytes.toString("utf8", cell, end));
  }

  #readSpend(cell: string): boolean {
    const amount = this.#isZero(cell, "spend") ? 0n : readAmount(cell, this.#style);
    if (typeof amount !== "bigint") return this.#refused(amount, "spend");
    this.#text(microsText(amount));
    if (amount < 1_000_000_000_000_000n) this.#lineMicros = Number(amount);
    else {
      this.#lineMicros = -1;
      this.#largeMicros = amount;
    }
    return true;
  }

  /** The columns that are in few files: the line's currency, its other dates, and cells without a header. */
  #others(bytes: Buffer, starts: Int32Array, ends: Int32Array): boolean {
    const { currency, sameDay, nameless } = this.#layout;
    for (const place of currency) {
      const said = bytes.toString("utf8", starts[place], ends[place]).trim();
      if (said.toUpperCase() !== this.rules.currency)
        return this.#refuse(
          "currency",
          null,
          `the line is in ${said === "" ? "no currency" : shown(said)}, and this client's spend is in ${this.rules.currency}`,
        );
    }
    for (const place of sameDay) {
      const day = this.#readDay(bytes, starts[place] as number, ends[place] as number);
      if (day === 0) return false;
      if (day !== this.#dayNumber)
        return this.#refuse(
          "date",
          "date",
          `the line covers more than one day (${shown(this.#layout.names[place] ?? "")} is another): export the report by day`,
        );
    }
    for (const place of nameless)
      if (bytes.toString("utf8", starts[place], ends[place]).trim() !== "")
        return this.#refuse("column_count", null, `column ${place + 1} has no header, and something stands in it`);
    return true;
  }

  #known(): boolean {
    if (this.#ids === null || this.#ids.has(this.#high, this.#low)) return true;
    return this.#refuse(
      "unknown_creative",
      "creative_id",
      `creative ${idText(this.#high, this.#low)} is not known: add it, then redrive`,
    );
  }

  #addUp(): void {
    if (this.#impressions < 0) this.impressions.addLarge(this.#largeImpressions);
    else this.impressions.add(this.#impressions);
    if (this.#clicks < 0) this.clicks.addLarge(this.#largeClicks);
    else this.clicks.add(this.#clicks);
    if (this.#lineMicros < 0) this.micros.addLarge(this.#largeMicros);
    else this.micros.add(this.#lineMicros);
    const day = this.#dayNumber;
    if (this.firstDay === 0 || day < this.firstDay) this.firstDay = day;
    if (day > this.lastDay) this.lastDay = day;
  }
}

function notACountry(text: string): string {
  if (text.toUpperCase() === "UK") return "is no ISO 3166 code: the United Kingdom is GB";
  if (text.toUpperCase() === "EL") return "is no ISO 3166 code: Greece is GR";
  if (text.length === 2) return "is no country's ISO 3166 code of two letters";
  return "is no ISO 3166 code of two letters, as US or BR";
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - nought;
  const ones = (bytes[at + 1] as number) - nought;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
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

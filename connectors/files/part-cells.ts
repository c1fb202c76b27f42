import type { CellReading } from "./cell-reading.ts";
import type { CopyText } from "./copy-text.ts";
import { countryCodes, countryNamed } from "./countries.ts";
import { readHour, twoDigits } from "./dates.ts";
import { deviceSpelled, deviceTypes } from "./devices.ts";
import type { FileField } from "../../rules/files/header-meanings.ts";
import type { LineFault } from "./line-fault.ts";
import { shown, shownCountry } from "./reasons.ts";
import { SeenCells } from "./seen-cells.ts";
import type { Cells, LineRules } from "./shapes.ts";

const tab = 0x09;
const space = 0x20;
const zero = 0x30;
const backslash = 0x5c;
const mostPlacement = 100;
const absentCell = 0;

/** The cells that a line's key may have: hour, country, device and placement. */
export class PartCells {
  readonly #rules: LineRules;
  readonly #constants: Partial<Record<FileField, Buffer>>;
  readonly #out: CopyText;
  readonly #faults: LineFault;
  readonly #countries = new Uint8Array(65_536);
  readonly #named = new SeenCells<number>();
  readonly #devices = new SeenCells<number>();
  readonly #deviceTexts = deviceTypes.map((type) => Buffer.from(type));
  readonly #absent: Set<string>;
  /** By the bytes they have: most cells need not be compared with any. */
  readonly #absentLengths = new Uint8Array(512);
  readonly #geographies: Map<string, string>;
  readonly #deviceNames: Map<string, string>;

  constructor(reading: CellReading) {
    const { rules, constants, out, faults } = reading;
    this.#rules = rules;
    this.#constants = constants;
    this.#out = out;
    this.#faults = faults;
    const { mapping } = rules;
    for (const code of countryCodes) this.#countries[(code.charCodeAt(0) << 8) | code.charCodeAt(1)] = 1;
    this.#absent = new Set(mapping.absent.map((word) => word.toLowerCase()));
    for (const word of mapping.absent) this.#absentLengths[Buffer.byteLength(word)] = 1;
    this.#geographies = lowered(mapping.geographies);
    this.#deviceNames = lowered(mapping.devices);
  }

  hour({ bytes: line, starts, ends }: Cells, place: number): boolean {
    this.#out.column();
    const bytes = place < 0 ? this.#constants.hour : line;
    if (bytes === undefined) return this.#out.nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#out.nothing();
    const one = (bytes[start] as number) - zero;
    if (end - start === 1 && one >= 0 && one <= 9) {
      this.#out.digits(one, 1);
      return true;
    }
    const two = end - start === 2 ? twoDigits(bytes, start) : -1;
    if (two >= 0 && two <= 23) {
      this.#out.number(two);
      return true;
    }
    const cell = bytes.toString("utf8", start, end);
    if (this.#isAbsent(cell)) return this.#out.nothing();
    const hour = readHour(cell);
    if (hour === null) return this.#faults.refuse("hour", "hour", `hour ${shown(cell)} is no hour from 0 to 23`);
    this.#out.number(hour);
    return true;
  }

  geography({ bytes: line, starts, ends }: Cells, place: number): boolean {
    this.#out.column();
    const bytes = place < 0 ? this.#constants.geography : line;
    if (bytes === undefined) return this.#out.nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#out.nothing();
    let code = 0;
    if (end - start === 2) {
      // Small letters differ from large ones in one bit.
      code = (((bytes[start] as number) & 0xdf) << 8) | ((bytes[start + 1] as number) & 0xdf);
      if (this.#countries[code] !== 1) code = 0;
    }
    if (code === 0) {
      const seen = this.#named.get(bytes, start, end) ?? this.#readCountry(bytes, start, end);
      if (seen === absentCell) return this.#out.nothing();
      if (seen < 0) return false;
      code = seen;
    }
    this.#out.block[this.#out.at] = code >> 8;
    this.#out.block[this.#out.at + 1] = code & 0xff;
    this.#out.at += 2;
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
        (this.#rules.mapping.countryNames ? countryNamed(text) : undefined);
      if (code === undefined) {
        this.#faults.refuse("geography", "geography", `geography ${shownCountry(cell)} ${notACountry(text)}`);
        return -1;
      }
      value = (code.charCodeAt(0) << 8) | code.charCodeAt(1);
    }
    this.#named.set(bytes, start, end, value);
    return value;
  }

  device({ bytes: line, starts, ends }: Cells, place: number): boolean {
    this.#out.column();
    const bytes = place < 0 ? this.#constants.device_type : line;
    if (bytes === undefined) return this.#out.nothing();
    const start = place < 0 ? 0 : (starts[place] as number);
    const end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#out.nothing();
    const device = this.#devices.get(bytes, start, end) ?? this.#readDevice(bytes, start, end);
    if (device === absentCell) return this.#out.nothing();
    if (device < 0) return false;
    const text = this.#deviceTexts[device - 1] as Buffer;
    this.#out.copy(text, 0, text.length);
    return true;
  }

  /** The number of a device type, from 1. */
  #readDevice(bytes: Buffer, start: number, end: number): number {
    const cell = bytes.toString("utf8", start, end);
    let device = absentCell;
    if (!this.#isAbsent(cell)) {
      const type = this.#deviceNames.get(cell.trim().toLowerCase()) ?? deviceSpelled(cell.trim());
      if (type === undefined) {
        this.#faults.refuse(
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

  placement({ bytes: line, starts, ends }: Cells, place: number): boolean {
    this.#out.column();
    const given = place < 0 ? this.#constants.placement : line;
    if (given === undefined) return this.#out.nothing();
    let bytes = given;
    let start = place < 0 ? 0 : (starts[place] as number);
    let end = place < 0 ? bytes.length : (ends[place] as number);
    if (start === end) return this.#out.nothing();
    const first = bytes[start] as number;
    const last = bytes[end - 1] as number;
    if (first <= space || last <= space || first >= 0x80 || last >= 0x80) {
      bytes = Buffer.from(bytes.toString("utf8", start, end).trim());
      start = 0;
      end = bytes.length;
      if (end === 0) return this.#out.nothing();
    }
    if (this.#absentLengths[end - start] === 1 && this.#isAbsent(bytes.toString("utf8", start, end)))
      return this.#out.nothing();
    if (end - start > mostPlacement * 4) return this.#longPlacement(bytes, start, end);
    const block = this.#out.block;
    let at = this.#out.at;
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
    this.#out.at = at;
    return true;
  }

  #longPlacement(bytes: Buffer, start: number, end: number): false {
    const text = bytes.toString("utf8", start, Math.min(end, start + 400));
    return this.#faults.refuse(
      "placement",
      "placement",
      `placement ${shown(text)} is longer than ${mostPlacement} characters`,
    );
  }
}

function lowered(names: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(names).map(([name, value]) => [name.toLowerCase(), value]));
}

function notACountry(text: string): string {
  if (text.toUpperCase() === "UK") return "is no ISO 3166 code: the United Kingdom is GB";
  if (text.toUpperCase() === "EL") return "is no ISO 3166 code: Greece is GR";
  if (text.length === 2) return "is no country's ISO 3166 code of two letters";
  return "is no ISO 3166 code of two letters, as US or BR";
}

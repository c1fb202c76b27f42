import { fileFields, isNumber, requiredFields } from "../../rules/files/file-kinds.ts";
import { maskName } from "../../core/personal.ts";
import type { FileLines } from "./file-lines.ts";
import { plainNumber, readRecord, type ValueKind } from "./json-record.ts";
import { JsonScanner, type FoundRecord, type RecordSink } from "./json-scanner.ts";
import type { FileMapping } from "./mapping.ts";
import { FileRefused, named } from "./reasons.ts";
import type { Cells, RejectCode, Taken } from "./shapes.ts";

type Fault = { code: RejectCode; column: string | null; reason: string };

/** Reads the records of a JSON text as the lines of a file, with the same checks. */
export class JsonRecords implements RecordSink {
  readonly #scanner: JsonScanner;
  readonly #places: Map<string, number>;
  readonly #required: number[];
  readonly #measures: Set<number>;
  readonly #decimalComma: boolean;
  readonly #cells: Cells;
  /** Of the record that is read; undefined where it lacks a field. */
  readonly #values: (string | undefined)[];

  constructor(
    private readonly lines: FileLines,
    mapping: FileMapping,
    maxBytes: number,
  ) {
    const { names, place, width } = lines.layout;
    this.#scanner = new JsonScanner(this, maxBytes, lines.line);
    this.#places = new Map(names.map((name, at) => [name, at]));
    this.#required = requiredFields(mapping.kind)
      .map((field) => place[field])
      .filter((at) => at >= 0);
    this.#measures = new Set(
      fileFields
        .filter(isNumber)
        .map((field) => place[field])
        .filter((at) => at >= 0),
    );
    this.#decimalComma = mapping.decimal === "comma";
    this.#cells = { bytes: Buffer.alloc(65_536), starts: new Int32Array(width), ends: new Int32Array(width) };
    this.#values = new Array<string | undefined>(width);
  }

  take(bytes: Buffer, last: boolean): Taken {
    return this.#scanner.take(bytes, last);
  }

  tooLong(line: number, beginning: Buffer): void {
    this.lines.tooLong(line, beginning);
  }

  record({ bytes, start, end, line, isAlone }: FoundRecord): void {
    const text = bytes.toString("utf8", start, end);
    const fault = this.#read(text);
    if (fault?.code === "json" && !isAlone)
      throw new FileRefused("json", `line ${line}: ${fault.reason}, and so it is not certain where it ends`, { line });
    const values = this.#values;
    const hasNul = this.#layOut();
    // Kept on one line, whatever it was written over: blanks between its fields say nothing.
    const raw = /[\r\n]/.test(text) ? Buffer.from(text.replace(/[ \t]*[\r\n]+[ \t]*/g, " ")) : null;
    this.lines.line = line;
    this.lines.take({
      raw: raw ?? bytes,
      start: raw === null ? start : 0,
      end: raw === null ? end : raw.length,
      cells: this.#cells,
      count: values.length,
      hasNul,
      wellQuoted: true,
      breaks: 1,
      fault,
    });
  }

  /** Sorts the fields of a record into their places; says what keeps it from being a line of the file. */
  #read(text: string): Fault | null {
    const values = this.#values.fill(undefined);
    const { names, used } = this.lines.layout;
    let fault: Fault | null = null;
    const isJson = readRecord(text, (name, value, kind) => {
      const place = this.#places.get(name.trim());
      if (place === undefined) {
        if (name.trim() !== "") fault ??= odd(name, "is in no other record, so what it means is not known");
      } else if (values[place] !== undefined) fault ??= odd(name, "is there twice");
      else {
        if (kind === "nested" && used[place] === 1) fault ??= odd(name, "holds a list or a record, not a value");
        values[place] = kind === "nested" ? "" : this.#cell(value, kind, place);
      }
    });
    if (!isJson) return { code: "json", column: null, reason: "the record cannot be read as JSON" };
    if (fault !== null) return fault;
    const missing = this.#required.find((place) => values[place] === undefined);
    return missing === undefined ? null : odd(names[missing] ?? "", "is missing: a missing value is not zero");
  }

  #cell(value: string, kind: ValueKind, place: number): string {
    if (kind !== "number" || !this.#measures.has(place)) return value;
    const plain = plainNumber(value);
    // A number of JSON has a point, however its sender writes numbers as text.
    return this.#decimalComma ? plain.replace(".", ",") : plain;
  }

  /** Writes the values as the cells of a line; true when one has a NUL, or half of a character. */
  #layOut(): boolean {
    const cells = this.#cells;
    let length = 0;
    for (const value of this.#values) length += (value?.length ?? 0) * 3;
    if (cells.bytes.length < length) cells.bytes = Buffer.alloc(length);
    let at = 0;
    let isDamaged = false;
    for (let place = 0; place < this.#values.length; place += 1) {
      const value = this.#values[place] ?? "";
      cells.starts[place] = at;
      if (value !== "") {
        at += cells.bytes.write(value, at);
        isDamaged ||= damaged.test(value);
      }
      cells.ends[place] = at;
    }
    return isDamaged;
  }
}

/** The first records of a text with the values of these fields, as they stand there. */
export function valuesOf(head: Buffer, names: readonly string[], most: number): { line: number; values: string[] }[] {
  const found: { line: number; values: string[] }[] = [];
  const places = new Map(names.map((name, place) => [name, place]));
  const record = ({ bytes, start, end, line }: FoundRecord) => {
    if (found.length >= most) return;
    const values = names.map(() => "");
    readRecord(bytes.toString("utf8", start, end), (name, value) => {
      const place = places.get(name.trim());
      if (place !== undefined) values[place] = value;
    });
    found.push({ line, values });
  };
  try {
    new JsonScanner({ record, tooLong: () => undefined }, head.length).take(head, false);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
  }
  return found;
}

/** NUL, or one half of a pair of code units. */
const damaged = /[\0\p{Cs}]/u;

const odd = (name: string, why: string): Fault => ({
  code: "column_count",
  column: fileFields.find((field) => field === name) ?? maskName(name),
  reason: `the field ${named(name)} ${why}`,
});

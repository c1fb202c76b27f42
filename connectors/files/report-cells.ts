import { maskContacts } from "../../core/personal.ts";
import { requiredFields, type FileField, type FileKind } from "../../rules/files/file-kinds.ts";
import type { CellReading } from "./cell-reading.ts";
import { whyNoId } from "./creative-check.ts";
import { readCount, type NumberStyle } from "./numbers.ts";
import { shown } from "./reasons.ts";
import { SeenCells } from "./seen-cells.ts";
import type { Cells, Layout } from "./shapes.ts";

const mostCharacters = 128;

/** The texts and counts of a report's lines, each by its field. */
export class ReportCells {
  readonly #reading: CellReading;
  readonly #place: Layout["place"];
  readonly #absent: Set<string>;
  readonly #required: readonly FileField[];
  readonly #style: NumberStyle;
  /** Of each field what its cells were written as: a name comes again in many lines. */
  readonly #written = new Map<FileField, SeenCells<Buffer>>();

  /** A large one is a bigint. */
  lastCount: number | bigint = 0;

  constructor(reading: CellReading, kind: FileKind, { place }: Layout) {
    const { mapping, currency } = reading.rules;
    this.#reading = reading;
    this.#place = place;
    this.#absent = new Set(mapping.absent.map((word) => word.toLowerCase()));
    this.#required = requiredFields(kind);
    this.#style = { decimal: mapping.decimal, thousands: mapping.thousands, currency };
  }

  has(field: FileField): boolean {
    return this.#place[field] >= 0 || this.#reading.constants[field] !== undefined;
  }

  /** What a cell says, or what stands for it; "" where there is nothing. */
  text({ bytes, starts, ends }: Cells, field: FileField): string {
    const place = this.#place[field];
    const text =
      place < 0
        ? (this.#reading.constants[field]?.toString("utf8") ?? "")
        : bytes.toString("utf8", starts[place], ends[place]);
    const plain = text.trim();
    return this.#absent.has(plain.toLowerCase()) ? "" : plain;
  }

  /** A name or id, as it stands there; "" where the line has none. */
  name(cells: Cells, field: FileField): boolean {
    const { out } = this.#reading;
    out.column();
    const place = this.#place[field];
    if (place < 0) return this.#writeName(this.text(cells, field), field);
    const { bytes, starts, ends } = cells;
    const [start, end] = [starts[place] as number, ends[place] as number];
    let seen = this.#written.get(field);
    if (seen === undefined) this.#written.set(field, (seen = new SeenCells()));
    const known = seen.get(bytes, start, end);
    if (known !== undefined) {
      out.copy(known, 0, known.length);
      return true;
    }
    const from = out.at;
    if (!this.#writeName(this.text(cells, field), field)) return false;
    seen.set(bytes, start, end, Buffer.from(out.block.subarray(from, out.at)));
    return true;
  }

  #writeName(text: string, field: FileField): boolean {
    const { out } = this.#reading;
    if (text === "" && field === "buyer_id")
      return this.refuse("buyer_id", field, "is empty: the line does not say which seat it is of");
    if (text === "")
      return (
        !this.#required.includes(field) ||
        this.refuse(field === "creative_id" ? "creative_id" : "text", field, "is empty")
      );
    if (field === "creative_id") {
      const why = whyNoId(text);
      if (why !== null) return this.refuse("creative_id", field, `${shown(text)} ${why}`);
    }
    if (text.length > mostCharacters)
      return this.refuse("text", field, `${shown(text)} is longer than ${mostCharacters} characters`);
    if (/\p{Cc}/u.test(text)) return this.refuse("text", field, `${shown(text)} has a control character`);
    // Publishers are firms, and some are people.
    out.escaped(field === "publisher_name" ? maskContacts(text).slice(0, mostCharacters) : text);
    return true;
  }

  /** A count, which is `lastCount` then; NULL where the file has no such column. */
  count(cells: Cells, field: FileField): boolean {
    const { out } = this.#reading;
    out.column();
    const place = this.#place[field];
    const small = place < 0 ? -1 : digitsIn(cells, place);
    if (small >= 0) {
      out.copy(cells.bytes, cells.starts[place] as number, cells.ends[place] as number);
      this.lastCount = small;
      return true;
    }
    this.lastCount = 0;
    if (!this.has(field)) return out.nothing();
    const count = readCount(this.text(cells, field), field, this.#style);
    if (typeof count !== "bigint") {
      return this.#reading.faults.refuse(count.code, field, count.reason);
    }
    out.text(count.toString());
    this.lastCount = count;
    return true;
  }

  refuse(code: "creative_id" | "text" | "timestamp" | "count" | "buyer_id", field: FileField, why: string): false {
    return this.#reading.faults.refuse(code, field, `${field.replaceAll("_", " ")} ${why}`);
  }
}

const zero = 0x30;

/** A plain number of up to 15 digits; -1 where the cell is anything else. */
function digitsIn({ bytes, starts, ends }: Cells, place: number): number {
  const [start, end] = [starts[place] as number, ends[place] as number];
  if (start === end || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

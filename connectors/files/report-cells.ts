import { maskContacts } from "../../core/personal.ts";
import { requiredFields, type FileField, type FileKind } from "../../rules/files/file-kinds.ts";
import type { CellReading } from "./cell-reading.ts";
import { whyNoId } from "./creative-check.ts";
import { readCount, type NumberStyle } from "./numbers.ts";
import { shown } from "./reasons.ts";
import type { Cells, Layout } from "./shapes.ts";

const mostCharacters = 128;

/** The texts and counts of a report's lines, each by its field. */
export class ReportCells {
  readonly #reading: CellReading;
  readonly #place: Layout["place"];
  readonly #absent: Set<string>;
  readonly #required: readonly FileField[];
  readonly style: NumberStyle;

  constructor(reading: CellReading, kind: FileKind, { place }: Layout) {
    const { mapping, currency } = reading.rules;
    this.#reading = reading;
    this.#place = place;
    this.#absent = new Set(mapping.absent.map((word) => word.toLowerCase()));
    this.#required = requiredFields(kind);
    this.style = { decimal: mapping.decimal, thousands: mapping.thousands, currency };
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
    const text = this.text(cells, field);
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

  /** A count; NULL where the file has no such column. Null when the cell holds none. */
  count(cells: Cells, field: FileField): bigint | null {
    const { out } = this.#reading;
    out.column();
    if (!this.has(field)) {
      out.nothing();
      return 0n;
    }
    const count = readCount(this.text(cells, field), field, this.style);
    if (typeof count !== "bigint") {
      this.#reading.faults.refuse(count.code, field, count.reason);
      return null;
    }
    out.text(count.toString());
    return count;
  }

  refuse(code: "creative_id" | "text" | "timestamp" | "count" | "buyer_id", field: FileField, why: string): false {
    return this.#reading.faults.refuse(code, field, `${field.replaceAll("_", " ")} ${why}`);
  }
}

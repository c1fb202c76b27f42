import type { FileField } from "../../rules/files/header-meanings.ts";
import { maskName } from "../../core/personal.ts";
import type { Layout, RejectCode } from "./shapes.ts";

/** Why the last line was not taken: one object for all lines, because most have nothing wrong. */
export class LineFault {
  code: RejectCode = "column_count";
  column: string | null = null;
  reason = "";
  /** What the columns are called where people see it: once for each, and not for each line. */
  readonly #names = new Map<FileField, string>();

  constructor(private readonly layout: Layout) {}

  refuse(code: RejectCode, field: FileField | null, reason: string): false {
    this.code = code;
    this.column = field === null ? null : this.#nameOf(field);
    this.reason = reason;
    return false;
  }

  #nameOf(field: FileField): string {
    const known = this.#names.get(field);
    if (known !== undefined) return known;
    const place = this.layout.place[field];
    const name = place < 0 ? field : maskName(this.layout.names[place] ?? field);
    this.#names.set(field, name);
    return name;
  }
}

import type { FileField } from "../../rules/files/header-meanings.ts";
import { maskName } from "../../core/personal.ts";
import type { Layout, RejectCode } from "./shapes.ts";

/** Why the last line was not taken: one object for all lines, because most have nothing wrong. */
export class LineFault {
  code: RejectCode = "column_count";
  column: string | null = null;
  reason = "";

  constructor(private readonly layout: Layout) {}

  refuse(code: RejectCode, field: FileField | null, reason: string): false {
    this.code = code;
    const place = field === null ? -1 : this.layout.place[field];
    this.column = place < 0 ? field : maskName(this.layout.names[place] ?? field ?? "");
    this.reason = reason;
    return false;
  }
}

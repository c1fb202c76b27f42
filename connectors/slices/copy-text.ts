import type { MergeColumn } from "../../schema/merge-key.ts";

const escapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const special = /[\\\t\n\r]/;

/** A row as Postgres reads it in COPY's text format, without the end of the line. */
export function copyLine(row: Record<string, unknown>, columns: readonly MergeColumn[]): string {
  let line = "";
  let separator = "";
  for (const column of columns) {
    line += separator + copyText(row[column.property], column);
    separator = "\t";
  }
  return line;
}

function copyText(value: unknown, { type }: MergeColumn): string {
  if (value === undefined || value === null) return "\\N";
  if (typeof value === "string") return special.test(value) ? escaped(value) : value;
  if (value instanceof Date) return value.toISOString();
  return type.startsWith("json") ? escaped(JSON.stringify(value)) : String(value as number | boolean | bigint);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\t\n\r]/g, (character) => escapes[character] ?? character);
}

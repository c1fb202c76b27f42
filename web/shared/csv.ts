import { stringify } from "csv-stringify/sync";
import type { Column } from "../components/table.tsx";

const figures = ["money", "count", "ratio", "percent"];

/**
 * The rows of a table as a file that is safe to open in a spreadsheet: text that would be taken for a formula gets an
 * apostrophe, amounts stay numbers.
 */
export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    columns.map((column) => {
      const value = column.value(row);
      if (value === null) return "";
      if (value instanceof Date) return value.toISOString();
      return figures.includes(column.kind) ? String(value) : harmless(String(value));
    }),
  );
  return stringify([columns.map(({ name }) => name), ...lines], { record_delimiter: "\r\n" });
}

/** What is not seen in front, a tab, a line break or a mark of direction, does not keep a spreadsheet from seeing a formula behind it. */
function harmless(text: string): string {
  return /^[\s\u0000-\u001f\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/u.test(text) ? `'${text}` : text;
}

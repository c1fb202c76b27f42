import { stringify } from "csv-stringify/sync";

export type CsvValue = string | number | boolean | Date | null;

const plainNumber = /^-?\d+(?:\.\d+)?$/;

/** Blanks, controls and whatever else is not seen in front of a sign; a wide sign counts as the sign. */
const formula = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*[=+\-@\uFF0B\uFF0D\uFF1D\uFF20]|^[\t\r\n]/u;

/**
 * Rows as CSV that is safe to open in a spreadsheet: text that would run as a formula gets an apostrophe in front, a
 * negative amount stays a number.
 */
export function csvRows(rows: readonly (readonly CsvValue[])[]): string {
  return stringify(
    rows.map((row) => row.map(cell)),
    // A spreadsheet that separates by semicolon or tab must not see a second cell in a text.
    { record_delimiter: "\r\n", quoted_match: /[;\t\r\n']/ },
  );
}

function cell(value: CsvValue): string {
  if (value === null) return "";
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "string") return String(value);
  return formula.test(value) && !plainNumber.test(value) ? `'${value}` : value;
}

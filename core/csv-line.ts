export type CsvValue = string | number | Date | null;

const plainNumber = /^-?\d+(\.\d+)?$/;

/** One line of CSV. A text that a spreadsheet would run as a formula is shown to it as text; a negative amount stays a number. */
export function csvLine(values: readonly CsvValue[]): string {
  return `${values.map(cell).join(",")}\r\n`;
}

function cell(value: CsvValue): string {
  if (value === null) return "";
  if (value instanceof Date) return value.toISOString();
  const text = String(value);
  // A spreadsheet drops blanks and controls before it looks for the sign, and takes the wide forms of the signs too.
  const safe = /^[\s\p{Cc}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/u.test(text) && !plainNumber.test(text) ? `'${text}` : text;
  return /[",\r\n\t;']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

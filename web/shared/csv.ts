import { csvRows } from "../../core/csv.ts";
import type { Column } from "../components/table.tsx";

/** The rows of a table as a file. */
export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return csvRows([columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ value }) => value(row)))]);
}

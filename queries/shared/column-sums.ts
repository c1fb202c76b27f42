import { widened } from "../../schema/clickhouse/column-tables.ts";
import type { ColumnReading } from "./column-reading.ts";

interface Sums {
  /** Columns of the feed that stay apart, each with its own SQL there where it is not the column itself. */
  by: Readonly<Record<string, string>>;
  measures: readonly string[];
  where?: readonly string[];
  values?: Record<string, unknown>;
}

/**
 * Sums that the column store has made, as JSON for `json_to_recordset`. Rows that have a number and rows that lack it stay
 * apart, for a sum of rows of which one lacks it is not known.
 */
export async function readColumnSums(
  reading: ColumnReading,
  { by, measures, where = [], values = {} }: Sums,
): Promise<string> {
  const columns = new Map(reading.feed.columns.map((column) => [column.name, column]));
  const names = [...Object.keys(by), ...measures];
  const sums = measures.map((name) => {
    const { type = "bigint", isNullable = false } = columns.get(name) ?? {};
    const sum = `toString(sum(${type.endsWith("[]") ? name : widened({ name, type })}))`;
    return isNullable ? `if(isNull(any(${name})), null, ${sum})` : sum;
  });
  const keys = Object.values(by);
  const apart = measures.filter((name) => columns.get(name)?.isNullable === true).map((name) => `isNull(${name})`);
  const rows = await reading.rows({
    text: `select ${[...keys.map((sql) => `toString(${sql})`), ...sums].join(", ")} from ${reading.table(reading.feed.name)}
            where ${[reading.where, ...where].join(" and ")}${keys.length + apart.length === 0 ? "" : ` group by ${[...keys, ...apart].join(", ")}`}`,
    values: { ...reading.values, ...values },
  });
  return JSON.stringify(rows.map((row) => Object.fromEntries(names.map((name, place) => [name, row[place] ?? null]))));
}

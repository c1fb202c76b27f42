import type { ReportKind } from "../../rules/files/file-kinds.ts";

const types: Readonly<Record<string, string>> = { date: "date", at: "timestamptz", hour: "smallint", seconds: "int" };

export interface ReportColumns {
  /** What tells its rows apart, beside the client. */
  key: readonly string[];
  named: readonly string[];
  measures: readonly string[];
  /** In the order in which lines are written. */
  all: readonly string[];
}

/** Columns of a report's table besides client, file, line and grain. */
export function columnsOf({ keys, named, counts, hasSpend }: ReportKind): ReportColumns {
  const key = ["buyer_id", ...keys];
  const measures = [...counts, ...(hasSpend ? ["spend"] : [])];
  return { key, named, measures, all: [...key, ...named, ...measures] };
}

/** The columns as a temporary table has them. */
export function declared(kind: ReportKind): string {
  const { all, measures } = columnsOf(kind);
  const typeOf = (column: string) =>
    types[column] ?? (column === "spend" ? "numeric(18,6)" : measures.includes(column) ? "bigint" : 'text collate "C"');
  return all.map((column) => `${column} ${typeOf(column)}`).join(", ");
}

/** Lines as they are staged, in the order of the reader's columns. */
export const stagedReport = (kind: ReportKind) => `(line bigint, ${declared(kind)}) on commit drop`;

/** All that a row carries, as one number: sums of it add up where nothing is lost and nothing is there twice. */
export const controlOf = (kind: ReportKind, alias: string) =>
  `(${columnsOf(kind)
    .measures.map((column) => `coalesce(${alias}.${column}, 0)::numeric`)
    .join(" + ")})`;

/** What of it a receipt shows, for every kind of file. */
export function carriedOf(kind: ReportKind, alias: string): string {
  const { measures } = columnsOf(kind);
  return ["impressions", "clicks", "spend"]
    .map((column) => (measures.includes(column) ? `coalesce(${alias}.${column}, 0)::numeric` : "0::numeric"))
    .join(", ");
}

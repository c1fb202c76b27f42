import { z } from "zod";
import { sortNames, sortRows, Table, type Column, type TableProps } from "./table.tsx";

/** A table whose rows are all here: each of its columns sorts them. */
const anyOrder = <Row,>(columns: readonly Column<Row>[]): Column<Row>[] =>
  columns.map((column) => ({ ...column, isSortable: column.isLocal !== true }));

/** What an address may say of the order of such a table. */
export const sortByAny = <Row,>(columns: readonly Column<Row>[]) =>
  z.enum(sortNames(anyOrder(columns)) as [string, ...string[]]).optional();

/** Its rows in the order that is asked for; as they came when none is. */
export const inAnyOrder = <Row,>(columns: readonly Column<Row>[], rows: readonly Row[], sort: string | undefined) =>
  sortRows(anyOrder(columns), rows, sort ?? null);

type Props<Row> = Pick<TableProps<Row>, "columns" | "rows" | "caption" | "zone" | "empty"> & {
  url: URL;
  /** What the address calls the order of this table. */
  name: string;
  json: { url: string; path: string };
  /** So many are shown. */
  most?: number;
};

/** A table that is here whole, sorted by the heads of its columns. */
export function SortedTable<Row>({ columns, rows, url, name, json, most, ...shown }: Props<Row>) {
  const sort = url.searchParams.get(name) ?? undefined;
  return (
    <Table
      {...shown}
      columns={anyOrder(columns)}
      rows={inAnyOrder(columns, rows, sort).slice(0, most)}
      url={url}
      sort={sort ?? null}
      names={{ sort: name, cursor: "cursor" }}
      json={{ ...json, indexOf: (row) => rows.indexOf(row) }}
    />
  );
}

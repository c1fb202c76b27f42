import type { Orders } from "../../queries/shared/ordered.ts";
import type { JsonPage } from "../shared/json.ts";
import type { At } from "../shared/web.ts";
import { NextPage } from "./parts.tsx";
import { Table, type Column, type TableProps } from "./table.tsx";

type Props<Row> = Pick<TableProps<Row>, "columns" | "caption" | "empty"> & {
  at: Pick<At<unknown>, "url" | "zone">;
  list: JsonPage<Row>;
  /** What its JSON route sorts by: the columns of these names have links that sort. */
  orders?: Orders;
  /** Of several lists on a page, each has its own names for its sort and its place. */
  names?: { sort: string; cursor: string };
};

const usualNames = { sort: "sort", cursor: "cursor" };

/** One page of a list as its JSON route answered it, and the link to the next. */
export function ListTable<Row>({ at, list, orders, columns, names = usualNames, ...shown }: Props<Row>) {
  const sorted =
    orders === undefined
      ? { columns }
      : {
          columns: sortable(columns, orders),
          url: at.url,
          sort: at.url.searchParams.get(names.sort) ?? orders.usual,
          names,
        };
  return (
    <>
      <Table {...shown} {...sorted} rows={list.items} zone={at.zone} json={{ url: list.url, path: "items" }} />
      <NextPage url={at.url} next={list.next} name={names.cursor} />
    </>
  );
}

/** Columns that a list can be sorted by are those that have the name of one of its sorts. */
export const sortable = <Row,>(columns: readonly Column<Row>[], { by }: Pick<Orders, "by">): Column<Row>[] =>
  columns.map((column) => ({ ...column, isSortable: Object.hasOwn(by, column.name) }));

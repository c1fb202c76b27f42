import type { JsonPage } from "../shared/json.ts";
import type { At } from "../shared/web.ts";
import { NextPage } from "./parts.tsx";
import { Table, type TableProps } from "./table.tsx";

type Props<Row> = Pick<TableProps<Row>, "columns" | "caption" | "empty"> & {
  at: Pick<At<unknown>, "url" | "zone">;
  list: JsonPage<Row>;
};

/** One page of a list as its JSON route answered it, and the link to the next. */
export function ListTable<Row>({ at, list, ...shown }: Props<Row>) {
  return (
    <>
      <Table {...shown} rows={list.items} zone={at.zone} json={{ url: list.url, path: "items" }} />
      <NextPage url={at.url} next={list.next} />
    </>
  );
}

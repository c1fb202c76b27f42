import type { z } from "zod";
import type { Column } from "../components/table.tsx";
import { toCsv } from "./csv.ts";
import { callWhole, type AskedList } from "./json.ts";
import { download, type PageOptions, type Visit } from "./page.tsx";
import type { Web } from "./web.ts";

interface Exported<Row> extends AskedList {
  /** The name of the file. */
  name: string;
  columns: readonly Column<Row>[];
}

/** All rows of a list as a file: the JSON route, the filters and the columns of its page, from the first row on. */
export function exportList<Row, Query extends z.ZodRawShape>(
  web: Web,
  options: PageOptions<Query>,
  listed: (at: Visit<Query>) => Exported<Row>,
): void {
  download(web, options, async (at) => {
    const { name, columns, ...asked } = listed(at);
    return { name, text: toCsv(columns, await callWhole<Row>(web, at, asked)) };
  });
}

import { ApiError } from "../../api/server/errors.ts";
import { call } from "./page.tsx";
import type { At, Web } from "./web.ts";

/** A row as a JSON route sends it: moments are text. */
export type Json<Row> = Row extends Date
  ? string
  : Row extends readonly (infer Item)[]
    ? Json<Item>[]
    : Row extends object
      ? { [Name in keyof Row]: Json<Row[Name]> }
      : Row;

/** A list as every JSON route answers it. */
export interface Listed<Item> {
  items: Item[];
  next: string | null;
}

export interface JsonPage<Item> extends Listed<Item> {
  /** The address that was asked: a table names it as the source of its figures. */
  url: string;
}

/** How many rows a table shows at a time, and an export at most. */
export const rowsOfTable = 100;
const rowsOfExport = 50_000;
const rowsOfCall = 500;

/** An address of a JSON route; what is undefined or empty is left out. */
export function jsonAddress(path: string, query: Record<string, string | number | undefined>): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") asked.set(name, String(value));
  const search = asked.toString();
  return search === "" ? path : `${path}?${search}`;
}

export interface AskedList {
  path: string;
  query: Record<string, string | number | undefined>;
}

/** One page of a list, as its JSON route answers whoever looks. */
export async function callList<Item>(
  web: Web,
  { request }: Pick<At<unknown>, "request">,
  { path, query }: AskedList,
): Promise<JsonPage<Item>> {
  const url = jsonAddress(path, { limit: rowsOfTable, ...query });
  const { body } = await call<Listed<Item>>(web, request, { method: "GET", url });
  return { ...body, url };
}

/** What the same filters leave in all: of the route beside the list's, whatever the order and the page. */
export async function callTotals<Totals>(
  web: Web,
  { request }: Pick<At<unknown>, "request">,
  { path, query }: AskedList,
): Promise<{ totals: Totals; json: string }> {
  const json = jsonAddress(`${path}/totals`, { ...query, sort: undefined, cursor: undefined, limit: undefined });
  const { body } = await call<Totals>(web, request, { method: "GET", url: json });
  return { totals: body, json };
}

/** The first rows of a list, or those from a cursor on, and where it goes on. */
export async function callUpTo<Item>(
  web: Web,
  at: Pick<At<unknown>, "request">,
  { path, query }: AskedList,
  most: number,
): Promise<Listed<Item>> {
  const items: Item[] = [];
  let cursor = query["cursor"];
  for (;;) {
    const limit = Math.min(rowsOfCall, most - items.length);
    const page = await callList<Item>(web, at, { path, query: { ...query, limit, cursor } });
    items.push(...page.items);
    if (page.next === null || items.length >= most) return { items, next: page.next };
    cursor = page.next;
  }
}

/** All of a list, for an export. One that would be cut short is refused: nobody sees of a file what it lacks. */
export async function callWhole<Item>(
  web: Web,
  at: Pick<At<unknown>, "request">,
  { path, query }: AskedList,
): Promise<Item[]> {
  const fromTheFirst = { path, query: { ...query, cursor: undefined } };
  const { items, next } = await callUpTo<Item>(web, at, fromTheFirst, rowsOfExport);
  if (next !== null)
    throw new ApiError(
      "validation_error",
      `the export would have more than ${rowsOfExport.toLocaleString("en-US")} rows: choose fewer days or more filters, or read the table in SQL`,
    );
  return items;
}

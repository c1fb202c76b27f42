import { parseMoney } from "../../core/money.ts";
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

/** One page of a list, as its JSON route answers whoever looks. */
export async function callList<Item>(
  web: Web,
  { request }: Pick<At<unknown>, "request">,
  { path, query }: { path: string; query: Record<string, string | number | undefined> },
): Promise<JsonPage<Item>> {
  const url = jsonAddress(path, { limit: rowsOfTable, ...query });
  const { body } = await call<Listed<Item>>(web, request, { method: "GET", url });
  return { ...body, url };
}

/** All of a list, page by page, up to what an export may hold or to `most`. */
export async function callWhole<Item>(
  web: Web,
  at: Pick<At<unknown>, "request">,
  { path, query }: { path: string; query: Record<string, string | number | undefined> },
  most = rowsOfExport,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | null | undefined; cursor !== null && items.length < most;) {
    const page: JsonPage<Item> = await callList<Item>(web, at, {
      path,
      query: { ...query, limit: Math.min(rowsOfCall, most), cursor: cursor ?? undefined },
    });
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

/** Is this text an amount as the ledger writes it? */
export const isAmount = (value: unknown): value is string =>
  typeof value === "string" && /^-?\d+\.\d+$/.test(value) && parseMoney(value) !== null;

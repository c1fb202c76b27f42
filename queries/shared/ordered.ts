import { prepared, type Queryable } from "../../schema/database.ts";
import { named } from "./named.ts";

/** Something that rows are put in order by. */
export interface SortKey {
  /** As an index has it, and with the table's alias: a bare name would mean the column of the answer. */
  sql: string;
  type: "text" | "number" | "whole" | "moment" | "day";
  /** Rows without it come last, whichever way round. Only of what is first sorted by. */
  canBeMissing?: true;
  /** Goes this way whichever way the sort goes. */
  always?: "up" | "down";
}

export type Sort<Name extends string = string> = Name | `-${Name}`;

/** What a list can be sorted by: by the names of its answer's fields; a minus stands for the greatest first. */
export interface Orders<Name extends string = string> {
  by: Readonly<Record<Name, readonly SortKey[]>>;
  /** What no two rows share: equals have an order, so that pages join without a gap. */
  then: readonly SortKey[];
  usual: Sort<Name>;
}

export interface Order {
  sort: string;
  /** The keys of the row after which the page begins; null for the first page. */
  after: readonly (string | null)[] | null;
}

/** A row with its place in the order: the keys with every digit, as text. */
export type Placed<Row> = Row & { inOrder: { sort: string; keys: (string | null)[] } };

/** Each sort that a list takes. */
export function sortsOf<Name extends string>({ by }: Orders<Name>): [Sort<Name>, ...Sort<Name>[]] {
  const sorts = (Object.keys(by) as Name[]).flatMap((name): Sort<Name>[] => [name, `-${name}`]);
  return sorts as [Sort<Name>, ...Sort<Name>[]];
}

type Directed = SortKey & { isUp: boolean };

/** What a sort goes by, the first first. */
export function keysOf({ by, then }: Orders, sort: string): Directed[] {
  const isUp = !sort.startsWith("-");
  const first = by[isUp ? sort : sort.slice(1)];
  if (first === undefined) throw new RangeError(`no list is sorted by ${sort}`);
  return [...first, ...then].map((key) => ({ ...key, isUp: key.always === undefined ? isUp : key.always === "up" }));
}

const casts = { text: "text", number: "numeric", whole: "bigint", moment: "timestamptz", day: "date" } as const;

function written({ sql, type }: SortKey): string {
  if (type === "moment") return `to_char(${sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  return type === "day" ? `to_char(${sql}, 'YYYY-MM-DD')` : `(${sql})::text`;
}

/** Rows behind a place. All keys in one direction are compared as one row: that an index can start from. */
function beyond(keys: readonly Directed[], valueOf: (key: Directed) => string): string {
  const [first] = keys;
  if (first === undefined) return "false";
  const sign = (key: Directed) => (key.isUp ? ">" : "<");
  if (keys.every(({ isUp }) => isUp === first.isUp))
    return `(${keys.map(({ sql }) => sql).join(", ")}) ${sign(first)} (${keys.map(valueOf).join(", ")})`;
  const parts = keys.map((key, index) =>
    [
      ...keys.slice(0, index).map((equal) => `${equal.sql} = ${valueOf(equal)}`),
      `${key.sql} ${sign(key)} ${valueOf(key)}`,
    ].join(" and "),
  );
  return `(${parts.map((part) => `(${part})`).join(" or ")})`;
}

export interface Ordered {
  columns: string;
  from: string;
  where: string;
  /**
   * Where joins are many: the few tables that say which rows are on the page, and what names one in both: its client, the statement's
   * value of that name, and a whole number. The page is found by these alone, and joined by a statement that is planned once: no
   * plan can join all that the filters leave.
   */
  page?: { from: string; client: string; id: string };
  /** The values that the statement names. */
  values: Readonly<Record<string, unknown>>;
  orders: Orders;
  /** Left out: the first page in the usual order. */
  order?: Order | undefined;
  limit: number;
}

/** One page of a list in any of its orders. */
export async function readOrdered<Row>(database: Queryable, of: Ordered): Promise<Placed<Row>[]> {
  const { sort, after } = of.order ?? { sort: of.orders.usual, after: null };
  const keys = keysOf(of.orders, sort);
  const [first] = keys;
  const ask = (conditions: string[], limit: number) =>
    askFor<Row>(database, of, { sort, after, keys, conditions, limit });
  const since = (from: readonly Directed[]) =>
    after === null ? [] : [beyond(from, (key) => `:after${keys.indexOf(key as Directed)}::${casts[key.type]}`)];
  if (first?.canBeMissing !== true) return ask(since(keys), of.limit);
  // Two questions: one with both kinds of rows could not start from an index.
  const isPastKnown = after !== null && after[0] === null;
  const known = isPastKnown ? [] : await ask([`${first.sql} is not null`, ...since(keys)], of.limit);
  if (known.length >= of.limit) return known;
  const missing = [`${first.sql} is null`, ...(isPastKnown ? since(keys.slice(1)) : [])];
  return [...known, ...(await ask(missing, of.limit - known.length))];
}

interface Part {
  sort: string;
  after: Order["after"];
  keys: readonly Directed[];
  conditions: readonly string[];
  limit: number;
}

async function askFor<Row>(
  database: Queryable,
  { columns, from, where, values, page }: Ordered,
  { sort, after, keys, conditions, limit }: Part,
): Promise<Placed<Row>[]> {
  const places = Object.fromEntries((after ?? []).map((key, index) => [`after${index}`, key]));
  const shown = page === undefined ? columns : `${page.id}::text as "pageId"`;
  const { text, values: numbered } = named(
    `select ${shown}, array[${keys.map(written).join(", ")}] as "inOrder" from ${page?.from ?? from}
      where ${[where, ...conditions].join(" and ")}
      order by ${keys.map(({ sql, isUp }) => `${sql} ${isUp ? "asc" : "desc"}`).join(", ")} limit :pageLimit`,
    { ...values, ...places, pageLimit: limit },
  );
  const { rows } = await database.query<Row & { pageId: string; inOrder: (string | null)[] }>(text, numbered);
  const whole = page === undefined ? null : await readWhole<Row>(database, { columns, from, values, page, rows });
  return rows.flatMap((row) => {
    const { pageId, inOrder } = row;
    const found = whole === null ? row : whole.get(pageId);
    return found === undefined ? [] : [{ ...found, inOrder: { sort, keys: inOrder } }];
  });
}

/** The rows of a page, by what names them. */
async function readWhole<Row>(
  database: Queryable,
  of: Pick<Ordered, "columns" | "from" | "values"> &
    Required<Pick<Ordered, "page">> & { rows: readonly { pageId: string }[] },
): Promise<Map<string, Row>> {
  const { columns, from, values, page } = of;
  if (of.rows.length === 0) return new Map();
  const { rows } = await database.query<Row & { pageId: string }>(
    prepared(
      `select ${columns}, ${page.id}::text as "pageId" from ${from} where ${page.client} = $1 and ${page.id} = any($2::bigint[])`,
      [values["client"], of.rows.map(({ pageId }) => pageId)],
    ),
  );
  return new Map(rows.map((row) => [row.pageId, row]));
}

import { to as copyTo } from "pg-copy-streams";
import Big from "big.js";
import type { Readable } from "node:stream";
import type { Session } from "../../schema/database.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { rollupsOf, tableName, widened } from "../../schema/clickhouse/column-tables.ts";
import type { Feed, MirroredColumn } from "../../schema/clickhouse/feeds.ts";
import type { Copy, DaySums } from "./mirror-versions.ts";

export interface Copied {
  feed: Feed;
  client: string;
  copies: readonly Copy[];
}

/** The columns of a copy, in the order in which its rows have them. */
export const copiedColumns = ({ day, columns }: Feed): [string, ...string[]] => [
  "_client_id",
  day,
  "_version",
  ...columns.filter(({ name }) => name !== day).map(({ name }) => name),
];

/** As the column store reads it from COPY's text. */
function written({ name, type }: MirroredColumn): string {
  if (type.endsWith("[]")) return `'[' || array_to_string(t.${name}, ',') || ']'`;
  if (type.startsWith("timestamp")) return `to_char(t.${name} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;
  return `t.${name}`;
}

/** Rows of the days as COPY writes them, each with the number of its day's copy. */
export function copyRows(session: Session, { feed, client, copies }: Copied): Readable {
  const { day, table, columns } = feed;
  // COPY takes no parameters.
  const values = copies.map(
    (copy) => `(${session.escapeLiteral(copy.day)}::date, ${Math.trunc(copy.version)}::bigint)`,
  );
  const rest = columns.filter(({ name }) => name !== day).map(written);
  const days = copies.map((copy) => session.escapeLiteral(copy.day)).join(", ");
  const ofDays = day === "date" ? `t.date in (${days})` : `t.${day} in (${days})`;
  return session.query(
    copyTo(
      `copy (select t._client_id, v.day, v.version${rest.map((sql) => `, ${sql}`).join("")}
               from ${table} t join (values ${values.join(", ")}) v(day, version) on v.day = t.${day}::date
              where t._client_id = ${session.escapeLiteral(client)} and ${ofDays}) to stdout`,
    ),
  );
}

const summedOf = (feed: Feed) => feed.columns.filter((column) => column.isSummed);

/** What the days add up to in Postgres. Days without rows are not among them. */
export async function sumsInPostgres(
  session: Session,
  { feed, client, copies }: Copied,
): Promise<Map<string, DaySums>> {
  const sums = summedOf(feed).map(({ name, type }) =>
    type.endsWith("[]")
      ? `sum((select sum(one) from unnest(t.${name}) one))::text as ${name}`
      : `sum(t.${name})::text as ${name}`,
  );
  const { rows } = await session.query<Record<string, string | null> & { day: string; rows: number }>(
    `select t.${feed.day}::date as day, count(*)::int as rows${sums.map((sum) => `, ${sum}`).join("")}
       from ${feed.table} t where t._client_id = $1 and t.${feed.day} = any($2) group by 1`,
    [client, copies.map(({ day }) => day)],
  );
  return new Map(rows.map(({ day, rows: count, ...found }) => [day, { rows: count, sums: plain(found) }]));
}

/** The same of one value, however it is written. */
const plain = (sums: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, new Big(sum ?? "0").toFixed()]));

/** What copies add up to in the column store, by their number: all that there are of these days, known or not. */
export async function sumsInStore(
  store: ColumnStore,
  { feed, client, copies }: Copied,
  identity: string,
): Promise<Map<number, DaySums>> {
  const columns = summedOf(feed);
  const read = async (name: string, sumOf: (column: MirroredColumn) => string) => {
    const rows = await store.rows(
      {
        text: `select toString(_version), toString(count())${columns.map((column) => `, toString(coalesce(${sumOf(column)}, 0))`).join("")}
                 from ${tableName(name, identity)} where _client_id = {client:String} and ${feed.day} in {days:Array(Date32)} group by _version`,
        values: { client, days: copies.map(({ day }) => day) },
      },
      AbortSignal.timeout(60_000),
    );
    return new Map(
      rows.map(([version, count, ...sums]) => [
        Number(version),
        {
          rows: Number(count),
          sums: plain(Object.fromEntries(columns.map((column, place) => [column.name, sums[place] ?? null]))),
        },
      ]),
    );
  };
  const own = await read(feed.name, (column) =>
    column.type.endsWith("[]") ? `sum(arraySum(${column.name}))` : `sum(${widened(column)})`,
  );
  for (const rollup of rollupsOf(feed)) {
    const kept = await read(rollup.name, ({ name }) => `sum(${name})`);
    // A sum that the store keeps by itself is as much a part of the copy as its rows.
    for (const [version, { sums }] of kept) {
      const rows = own.get(version);
      if (rows === undefined || !sameSums(rows.sums, sums)) own.set(version, { rows: -1, sums });
    }
    for (const [version, { rows }] of own) if (rows > 0 && !kept.has(version)) own.set(version, { rows: -1, sums: {} });
  }
  return own;
}

const sameSums = (one: Record<string, string>, other: Record<string, string>): boolean =>
  Object.keys(one).every((name) => one[name] === other[name]);

const nothing: DaySums = { rows: 0, sums: {} };

/** Whether a day is the same on both sides. */
export function isSame(here: DaySums = nothing, there: DaySums = nothing): boolean {
  return here.rows === there.rows && (here.rows === 0 || sameSums(here.sums, there.sums));
}

import { sha256 } from "../../core/crypto.ts";
import { feeds, type Feed, type MirroredColumn } from "./feeds.ts";

/** Sums of a feed that the column store keeps by itself, as rows of a copy come in. */
export interface Rollup {
  feed: string;
  name: string;
  by: readonly string[];
}

/** Most questions are about parts or about creatives, and few about parts of creatives. */
export const rollups: readonly Rollup[] = [
  { feed: "performance", name: "performance_parts", by: ["hour", "geography", "device_type"] },
  { feed: "performance", name: "performance_creatives", by: ["creative_id"] },
];

export const rollupsOf = (feed: Feed): readonly Rollup[] => rollups.filter((one) => one.feed === feed.name);

/** The name of a table of one filling: another filling has other tables, so nobody reads half of one. */
export const tableName = (name: string, identity: string): string => `${name}_${identity}`;

const plainTypes: Record<string, string> = {
  bigint: "Int64",
  integer: "Int32",
  smallint: "Int16",
  date: "Date32",
  boolean: "Bool",
  "integer[]": "Array(Int32)",
  "numeric(18, 6)": "Decimal(18, 6)",
};
/** Of these there are many: a dictionary of them is no help. */
const manyValues = /(_id|_name|placement)$/;

function typeOf({ name, type, isNullable }: MirroredColumn): string {
  if (type === "text") {
    const text = isNullable ? "Nullable(String)" : "String";
    return manyValues.test(name) ? text : `LowCardinality(${text})`;
  }
  const found = plainTypes[type] ?? (type.startsWith("timestamp") ? "DateTime64(6, 'UTC')" : undefined);
  if (found === undefined) throw new Error(`${name} is ${type}, for which the column store's type is not decided`);
  return isNullable ? `Nullable(${found})` : found;
}

/** Sums have room for any number of the greatest amounts and counts. */
const sumType = (type: string) => (type.startsWith("numeric") ? "Decimal(38, 6)" : "Int128");

const codecOf = (column: MirroredColumn) => (column.type === "bigint" ? " codec(T64, LZ4)" : "");

interface Table {
  name: string;
  columns: readonly string[];
  order: readonly string[];
  engine: string;
  /** By what it is split where there are months. */
  partition: string | null;
}

function tableOf(feed: Feed): Table {
  const { name, day, columns } = feed;
  return {
    name,
    columns: [
      ...head(day),
      ...columns
        .filter((column) => column.name !== day)
        .map((column) => `${column.name} ${typeOf(column)}${codecOf(column)}`),
    ],
    order: [
      "_client_id",
      day,
      "_version",
      ...columns.filter((one) => one.isKey && one.name !== day).map((one) => one.name),
    ],
    engine: "ReplacingMergeTree",
    partition: `toYYYYMM(${day})`,
  };
}

const head = (day: string) => [
  "_client_id LowCardinality(String)",
  `${day} Date32`,
  "_version UInt64 codec(Delta, ZSTD)",
];

const summed = (feed: Feed) => feed.columns.filter((column) => column.isSummed);

function rollupTable(feed: Feed, { name, by }: Rollup): Table {
  const columnOf = (wanted: string) => feed.columns.find((column) => column.name === wanted);
  return {
    name,
    columns: [
      ...head(feed.day),
      ...by.map((one) => {
        const column = columnOf(one);
        if (column === undefined) throw new Error(`${feed.name} has no column ${one}`);
        return `${one} ${typeOf(column)}`;
      }),
      ...summed(feed).map((column) => `${column.name} ${sumType(column.type)}`),
    ],
    order: ["_client_id", feed.day, "_version", ...by],
    engine: `SummingMergeTree((${summed(feed)
      .map((column) => column.name)
      .join(", ")}))`,
    partition: `toYYYYMM(${feed.day})`,
  };
}

/** Which copy of each day is whole, for people who ask the column store themselves. */
const daysTable: Table = {
  name: "mirrored_days",
  columns: ["feed LowCardinality(String)", "_client_id LowCardinality(String)", "day Date32", "version UInt64"],
  order: ["feed", "_client_id", "day"],
  engine: "ReplacingMergeTree(version)",
  partition: null,
};

export interface StoreShape {
  identity: string;
  /** The cluster whose nodes share the clients; null is one server. */
  cluster: string | null;
}

/** Everything that makes an empty column store ready, in order. */
export function storeStatements({ identity, cluster }: StoreShape): string[] {
  const at = (name: string) => tableName(name, identity);
  const rollupTables = feeds.flatMap((feed) => rollupsOf(feed).map((one) => ({ feed, one })));
  return [
    ...[...feeds.map(tableOf), ...rollupTables.map(({ feed, one }) => rollupTable(feed, one)), daysTable].flatMap(
      (table) => tableStatements(table, { identity, cluster }),
    ),
    ...rollupTables.map(
      ({ feed, one }) =>
        `create materialized view if not exists ${at(one.name)}_fill${on(cluster)} to ${local(at(one.name), cluster)} as
         select _client_id, ${feed.day}, _version, ${one.by.join(", ")}, ${summed(feed)
           .map((column) => `sum(${widened(column)}) as ${column.name}`)
           .join(", ")} from ${local(at(feed.name), cluster)} group by all`,
    ),
    ...feeds.map(
      (feed) =>
        `create or replace view ${feed.name}${on(cluster)} as select * except (_version) from ${at(feed.name)}
          where (_client_id, ${feed.day}, _version) in
                (select _client_id, day, max(version) from ${at(daysTable.name)} where feed = '${feed.name}' group by all)`,
    ),
  ];
}

/** What a column is added up as, without running over. */
export const widened = ({ name, type }: Pick<MirroredColumn, "name" | "type">): string =>
  type.startsWith("numeric") ? `toDecimal128(${name}, 6)` : `toInt128(${name})`;

const on = (cluster: string | null) => (cluster === null ? "" : ` on cluster '${cluster}'`);
/** On a cluster each node has its own clients' rows in a table of its own. */
const local = (name: string, cluster: string | null) => (cluster === null ? name : `${name}_local`);

/** The tables that hold rows: those that copies are deleted from. */
export const rowTables = (feed: Feed, { identity, cluster }: StoreShape): string[] =>
  [feed.name, ...rollupsOf(feed).map(({ name }) => name)].map((name) => local(tableName(name, identity), cluster));

function tableStatements(
  { name, columns, order, engine, partition }: Table,
  { identity, cluster }: StoreShape,
): string[] {
  const at = tableName(name, identity);
  const body = (kind: string) =>
    `(${columns.join(", ")}) engine = ${kind}${partition === null ? "" : ` partition by ${partition}`} order by (${order.join(", ")})`;
  if (cluster === null) return [`create table if not exists ${at} ${body(engine)}`];
  return [
    `create table if not exists ${at}_local${on(cluster)} ${body(`Replicated${engine}`)}`,
    `create table if not exists ${at}${on(cluster)} as ${at}_local engine = Distributed('${cluster}', currentDatabase(), '${at}_local', cityHash64(_client_id))`,
  ];
}

/** Changes with whatever makes the tables others. */
export const storeShape = (cluster: string | null): string =>
  sha256(storeStatements({ identity: "", cluster }).join(";")).slice(0, 32);

/** Every table that one filling needs. */
export const tablesNeeded = (identity: string): string[] =>
  [...feeds.map(({ name }) => name), ...rollups.map(({ name }) => name), daysTable.name].map((name) =>
    tableName(name, identity),
  );

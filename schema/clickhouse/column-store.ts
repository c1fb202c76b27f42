import { finished } from "node:stream/promises";
import type { Readable } from "node:stream";
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseSettings } from "@clickhouse/client";

export interface ColumnStoreOptions {
  url: string;
  user: string;
  password: string | null;
  database: string;
  cluster: string | null;
  timeoutMs: number;
  /** Shown in ClickHouse's query log. */
  name: string;
}

/** A statement with its values, which are never a part of its text. */
export interface StoreQuery {
  text: string;
  values?: Record<string, unknown>;
}

/** ClickHouse, beside Postgres. */
export interface ColumnStore {
  cluster: string | null;
  /** Makes the database where it is missing. */
  begin(): Promise<void>;
  /** Rows of texts: a statement writes its numbers as texts, which keep their digits. */
  rows(query: StoreQuery, signal?: AbortSignal): Promise<(string | null)[][]>;
  /** The answer's bytes, tab-separated as COPY writes them; all of it is there when the first comes. */
  lines(query: StoreQuery, signal?: AbortSignal): Promise<Readable>;
  run(query: StoreQuery, signal?: AbortSignal): Promise<void>;
  /** Rows in COPY's text format. */
  insert(table: string, columns: readonly string[], rows: Readable, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** It does not answer, or not what it was asked for. The message names no address and holds none of its words. */
export class ColumnStoreAway extends Error {
  constructor(
    /** ClickHouse's own number of the error; null when there was no answer. */
    readonly code: string | null,
    /** What went wrong at all, for the log of whoever runs it. */
    override readonly cause: unknown,
  ) {
    super(code === null ? "ClickHouse does not answer" : `ClickHouse refused a statement with its error ${code}`);
    this.name = "ColumnStoreAway";
  }
}

const settingsFor = (cluster: string | null): ClickHouseSettings => ({
  // An error in the middle would otherwise look like the end of the answer.
  wait_end_of_query: 1,
  output_format_decimal_trailing_zeros: 1,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  max_partitions_per_insert_block: "0",
  ...(cluster === null
    ? {}
    : {
        // A copy is compared when it is there, on whichever replica is asked.
        distributed_foreground_insert: 1,
        insert_quorum: "auto",
        select_sequential_consistency: "1",
      }),
});

async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new ColumnStoreAway(error instanceof ClickHouseError ? error.code : null, error);
  }
}

/** The only place that opens ClickHouse. */
export function openColumnStore(options: ColumnStoreOptions): ColumnStore {
  const { url, user, password, database, cluster, timeoutMs, name } = options;
  const common = { url, username: user, ...(password === null ? {} : { password }), application: name };
  const client = createClient({
    ...common,
    database,
    // What is long, the copy of a day, has a limit of its own.
    request_timeout: 120_000,
    max_open_connections: 8,
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: settingsFor(cluster),
  });
  const limited = (signal?: AbortSignal) => signal ?? AbortSignal.timeout(timeoutMs);
  return {
    cluster,
    begin: () =>
      asked(async () => {
        // Where it is missing, nothing can be asked of it.
        const apart = createClient({ ...common, database: "default", log: { level: ClickHouseLogLevel.OFF } });
        const on = cluster === null ? "" : ` on cluster '${cluster}'`;
        await apart.command({ query: `create database if not exists ${database}${on}` }).finally(() => apart.close());
      }),
    rows: ({ text, values = {} }, signal) =>
      asked(async () => {
        const result = await client.query({
          query: text,
          query_params: values,
          format: "JSONCompactEachRow",
          abort_signal: limited(signal),
          use_multipart_params_auto: true,
        });
        const body = await result.text();
        return body
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as (string | null)[]);
      }),
    lines: ({ text, values = {} }, signal) =>
      asked(async () => {
        const { stream } = await client.exec({
          query: `${text} format TabSeparated`,
          query_params: values,
          abort_signal: limited(signal),
          use_multipart_params_auto: true,
        });
        return stream;
      }),
    run: ({ text, values = {} }, signal) =>
      asked(async () => {
        const { stream } = await client.exec({
          query: text,
          query_params: values,
          abort_signal: signal ?? AbortSignal.timeout(120_000),
        });
        stream.resume();
        await finished(stream);
      }),
    insert: (table, columns, rows, signal) =>
      asked(async () => {
        await client.insert({
          table,
          columns: columns as [string, ...string[]],
          values: rows,
          format: "TabSeparated",
          ...(signal === undefined ? {} : { abort_signal: signal }),
        });
      }),
    close: () => client.close(),
  };
}

import { ColumnStoreAway, type ColumnStore, type StoreQuery } from "../../schema/clickhouse/column-store.ts";
import { tableName } from "../../schema/clickhouse/column-tables.ts";
import { feedNamed, type Feed } from "../../schema/clickhouse/feeds.ts";
import type { Queryable } from "../../schema/database.ts";

export interface ReadDays {
  feed: string;
  client: string;
  from: string;
  to: string;
}

/** With more of them a question is one for Postgres. */
const mostUnmirrored = 31;
/** After it was away, a server is not asked again for so long. */
const restMs = 10_000;
const restingUntil = new WeakMap<ColumnStore, number>();

/** What of some days can be read from the column store, as one snapshot of Postgres knows it. */
export interface ColumnReading {
  feed: Feed;
  /** Days that have changed and are not mirrored yet: they are read from Postgres. */
  unmirrored: string[];
  table: (name: string) => string;
  /** Rows of the other days, each once: the beginning of every condition. */
  where: string;
  values: Record<string, unknown>;
  rows: (query: StoreQuery) => Promise<(string | null)[][]>;
  lines: ColumnStore["lines"];
}

/** What one answer has read from the column store. */
export class ColumnReadings {
  readonly #seen: (ReadDays & { state: string; marks: string | null })[] = [];

  constructor(readonly store: ColumnStore) {}

  /** Null where these days are better read from Postgres. */
  async open(session: Queryable, of: ReadDays): Promise<ColumnReading | null> {
    const feed = feedNamed(of.feed);
    const { rows } = await session.query<{
      identity: string | null;
      unmirrored: string[] | null;
      left: string[] | null;
      state: string | null;
      marks: string | null;
    }>(
      `select (select identity from ops.mirror_store) as identity, ${stateSql} as state, ${marksSql} as marks,
              (select array_agg(distinct day::text) from ops.mirror_marks where feed = $1 and _client_id = $2 and day between $3 and $4) as unmirrored,
              (select array_agg(version::text) from ops.mirror_versions
                where feed = $1 and _client_id = $2 and day between $3 and $4 and state <> 'current') as left`,
      valuesOf(of),
    );
    const { identity = null, unmirrored = null, left = null, state = null, marks = null } = rows[0] ?? {};
    if (identity === null || (unmirrored ?? []).length > mostUnmirrored) return null;
    this.#seen.push({ ...of, state: state ?? "", marks });
    const { client, from, to } = of;
    return {
      feed,
      unmirrored: unmirrored ?? [],
      table: (name) => tableName(name, identity),
      where: [
        `_client_id = {client:String} and ${feed.day} between {from:Date32} and {to:Date32}`,
        ...(unmirrored === null ? [] : [`${feed.day} not in {unmirrored:Array(Date32)}`]),
        ...(left === null ? [] : ["_version not in {left:Array(UInt64)}"]),
      ].join(" and "),
      values: {
        client,
        from,
        to,
        ...(unmirrored === null ? {} : { unmirrored }),
        ...(left === null ? {} : { left: left.map(Number) }),
      },
      rows: (query) => this.store.rows(query),
      lines: (query, signal) => this.store.lines(query, signal),
    };
  }

  /** Whether no copy has been begun, replaced or given up since: what was read is then what the snapshot had. */
  async stillHold(database: Queryable, { ofOneMoment }: { ofOneMoment: boolean }): Promise<boolean> {
    for (const { state, marks, ...of } of this.#seen) {
      const { rows } = await database.query<{ state: string | null; marks: string | null }>(
        `select ${stateSql} as state, ${marksSql} as marks`,
        valuesOf(of),
      );
      if ((rows[0]?.state ?? "") !== state || (ofOneMoment && rows[0]?.marks !== marks)) return false;
    }
    return true;
  }
}

/** Changes with every copy of these days, and with the column store itself. */
const stateSql = `(select md5(coalesce((select identity from ops.mirror_store), '') || coalesce(string_agg(version || ' ' || state, ',' order by version), ''))
  from ops.mirror_versions where feed = $1 and _client_id = $2 and day between $3 and $4)`;

/** Changes with every change of these days. */
const marksSql = `(select max(mark_id)::text from ops.mirror_marks where feed = $1 and _client_id = $2 and day between $3 and $4)`;

const valuesOf = ({ feed, client, from, to }: ReadDays) => [feed, client, from, to];

export interface Asking {
  database: Queryable;
  store?: ColumnStore | null | undefined;
  /** Whether what Postgres adds is read by statements that each see their own moment: then no day may have changed between them. */
  ofOneMoment?: boolean;
}

/**
 * An answer that may be read from the column store. It is the one that Postgres has: where the column store is away, too
 * slow, or was written to meanwhile, the answer is read from Postgres.
 */
export async function withColumns<Result>(
  { database, store = null, ofOneMoment = false }: Asking,
  answer: (columns: ColumnReadings | null) => Promise<Result>,
): Promise<Result> {
  if (store === null || (restingUntil.get(store) ?? 0) > Date.now()) return answer(null);
  const readings = new ColumnReadings(store);
  try {
    const result = await answer(readings);
    if (await readings.stillHold(database, { ofOneMoment })) return result;
  } catch (error) {
    if (!(error instanceof ColumnStoreAway)) throw error;
    restingUntil.set(store, Date.now() + restMs);
  }
  return answer(null);
}

/** Values of a statement of the column store, by names that are made here. */
export function createStoreValues(values: Record<string, unknown>): {
  values: Record<string, unknown>;
  put: (value: unknown, type: string) => string;
} {
  const all = { ...values };
  return {
    values: all,
    put: (value, type) => {
      const name = `v${Object.keys(all).length}`;
      all[name] = value;
      return `{${name}:${type}}`;
    },
  };
}

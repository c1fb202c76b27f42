import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { feedNamed } from "../../schema/clickhouse/feeds.ts";
import { tableName } from "../../schema/clickhouse/column-tables.ts";
import { inTransaction } from "../../schema/database.ts";
import { marksSeen, type MarkedDays } from "../../queries/ops/mirror-marks.ts";
import { copiedColumns, copyRows, isSame, sumsInPostgres, sumsInStore } from "../../queries/ops/mirror-rows.ts";
import {
  abandonCopies,
  beginCopies,
  currentCopies,
  makeCurrent,
  type Copy,
  type DaySums,
} from "../../queries/ops/mirror-versions.ts";
import { sayDifferences } from "./say-differences.ts";
import type { OpenMirror } from "./mirror-context.ts";

export interface CopiedDays {
  days: number;
  rows: number;
  different: number;
}

/**
 * Copies days of one feed and client. All that is said of them is of one moment: their rows, their sums, the copies that
 * are replaced and the marks that are done with. A copy is read when it is whole and adds up on both sides.
 */
export async function copyDays(
  { database, store }: OpenMirror,
  { identity, ...marked }: MarkedDays & { identity: string },
  signal: AbortSignal,
): Promise<CopiedDays> {
  const { client } = marked;
  const feed = feedNamed(marked.feed);
  const copies = await beginCopies(database, marked);
  const taken = { feed, client, copies };
  const versions = copies.map(({ version }) => version);
  try {
    const seen = await inTransaction(database, async (session) => {
      await session.query("set transaction isolation level repeatable read, read only; set local jit = off");
      const state = {
        marks: await marksSeen(session, marked),
        before: await currentCopies(session, marked),
        here: await sumsInPostgres(session, taken),
      };
      if (state.here.size > 0)
        await send(copyRows(session, taken), (rows) =>
          store.insert(tableName(feed.name, identity), copiedColumns(feed), rows, signal),
        );
      return state;
    });
    const there = await sumsInStore(store, taken, identity);
    const nothing: DaySums = { rows: 0, sums: {} };
    const different: Copy[] = [];
    const current: (Copy & { rows: number })[] = [];
    for (const copy of copies) {
      const here = seen.here.get(copy.day) ?? nothing;
      if (!isSame(here, there.get(copy.version))) different.push(copy);
      else if (
        await makeCurrent(database, marked, {
          ...{ ...copy, ...here, before: seen.before.get(copy.day) ?? null },
          marks: seen.marks.get(copy.day) ?? [],
        })
      )
        current.push({ ...copy, rows: here.rows });
    }
    await tellStore(store, { feed: feed.name, client, identity, current });
    await sayDifferences(database, {
      ...marked,
      different: different.map(({ day }) => day),
      same: current.map(({ day }) => day),
    });
    return {
      days: current.length,
      rows: current.reduce((sum, { rows }) => sum + rows, 0),
      different: different.length,
    };
  } finally {
    // What did not become current will not.
    await abandonCopies(database, versions);
  }
}

/** Whatever becomes of them, the rows are read to their end: the connection that they come from is of use only then. */
async function send(rows: Readable, insert: (rows: Readable) => Promise<void>): Promise<void> {
  const through = new PassThrough();
  rows.pipe(through);
  rows.once("error", (error) => through.destroy(error));
  try {
    await insert(through);
  } finally {
    rows.unpipe(through);
    if (!rows.readableEnded && !rows.destroyed) {
      rows.resume();
      await finished(rows);
    }
  }
}

/** For people who ask the column store: which copy of each day is whole. */
async function tellStore(
  store: OpenMirror["store"],
  { feed, client, identity, current }: { feed: string; client: string; identity: string; current: readonly Copy[] },
): Promise<void> {
  if (current.length === 0) return;
  await store.run({
    text: `insert into ${tableName("mirrored_days", identity)} (feed, _client_id, day, version)
           select {feed:String}, {client:String}, day.1, day.2 from (select arrayJoin(arrayZip({days:Array(Date32)}, {versions:Array(UInt64)})) as day)`,
    values: { feed, client, days: current.map(({ day }) => day), versions: current.map(({ version }) => version) },
  });
}

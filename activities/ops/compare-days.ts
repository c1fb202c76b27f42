import { feedNamed } from "../../schema/clickhouse/feeds.ts";
import { inTransaction } from "../../schema/database.ts";
import { markDays, marksSeen } from "../../queries/ops/mirror-marks.ts";
import { isSame, sumsInPostgres, sumsInStore } from "../../queries/ops/mirror-rows.ts";
import { currentCopies, nextUnchecked, recordChecked } from "../../queries/ops/mirror-versions.ts";
import { sayDifferences } from "./say-differences.ts";
import type { OpenMirror } from "./mirror-context.ts";

/**
 * Compares days that nobody has compared for a day, on both sides as they are now: somebody may have changed a table by
 * hand, here or there. One that differs is marked, and so copied again.
 */
export async function compareDays(
  { database, store }: OpenMirror,
  identity: string,
): Promise<{ days: number; different: number }> {
  const unchecked = await nextUnchecked(database);
  if (unchecked === null) return { days: 0, different: 0 };
  const feed = feedNamed(unchecked.feed);
  const { client, days } = unchecked;
  const seen = await inTransaction(database, async (session) => {
    await session.query("set transaction isolation level repeatable read, read only; set local jit = off");
    const marks = await marksSeen(session, unchecked);
    const current = await currentCopies(session, unchecked);
    const copies = days
      .filter((day) => !marks.has(day) && current.has(day))
      .map((day) => ({ day, version: current.get(day) ?? 0 }));
    return { copies, here: await sumsInPostgres(session, { feed, client, copies }) };
  });
  const { copies, here } = seen;
  const there = await sumsInStore(store, { feed, client, copies }, identity);
  const different = copies.filter(({ day, version }) => !isSame(here.get(day), there.get(version)));
  await recordChecked(
    database,
    copies.map(({ version }) => version),
  );
  if (different.length > 0)
    await markDays(database, { feed: feed.name, client, days: different.map(({ day }) => day) });
  await sayDifferences(database, {
    ...{ feed: feed.name, client, different: different.map(({ day }) => day) },
    same: copies.map(({ day }) => day),
  });
  return { days: copies.length, different: different.length };
}

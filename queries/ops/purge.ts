import type { StoredOrigin } from "../../core/origin.ts";
import { nameOf } from "../../schema/merge-key.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { settleAlerts } from "./alerts.ts";
import type { Actor } from "./audit.ts";
import { matchLabels } from "../cost/affiliate-mapping.ts";
import type { MergeTarget } from "../sync/shapes.ts";
import { sumOf } from "../sync/stored.ts";
import { refold } from "./purge-events.ts";
import { forgetUnsent, recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

/** Only these: a real row is in nobody's reach here. */
export type PurgedOrigin = Exclude<StoredOrigin, "real">;

/** A feed whose slices are purged; its table and amount as a merge knows them. */
export type PurgedFeed = Pick<MergeTarget, "client" | "source" | "table" | "amount" | "keyedBy">;

const plainName = ({ table }: Pick<PurgedFeed, "table">) => nameOf(table).replaceAll('"', "");

/** What hangs on the slices of a feed, beside its own table. */
const ofSlices = [
  "ops.restatements",
  "ops.receipts",
  "ops.quarantine",
  "ops.run_failures",
  "ops.slice_parts",
  "ops.slices",
] as const;

/** What of a feed is of these origins: to be shown before anything is deleted. */
export async function countFeed(
  database: Queryable,
  feed: PurgedFeed,
  origins: readonly PurgedOrigin[],
): Promise<PurgeCount[]> {
  const { client, source } = feed;
  const values: unknown[] = [client, source, origins];
  const own = `_client_id = $1 and source = $2 and slice in (${slicesOf})`;
  const { rows } = await database.query<{ table: string; rows: number; sum: string | null }>(
    `select '${plainName(feed)}' as table, count(*)::int as rows, ${sumOf(feed.amount, values)}::text as sum
       from ${nameOf(feed.table)} where _client_id = $1 and _slice in (${slicesOf})
     ${ofSlices.map((name) => `union all select '${name}', count(*)::int, null from ${name} where ${own}`).join("\n")}`,
    values,
  );
  return rows.map((row) => ({ client, source, ...row })).filter((row) => row.rows > 0);
}

export const slicesOf =
  "select s.slice from ops.slices s where s._client_id = $1 and s.source = $2 and s.origin = any($3) and s.receipt_id is not null";

/**
 * Deletes the slices of these origins with all that hangs on them, some at a time: stopped in between, or run twice,
 * what is left adds up, and the next run goes on from there.
 */
export async function purgeFeed(
  database: Database,
  feed: PurgedFeed,
  origins: readonly PurgedOrigin[],
  { atATime, by, onStep }: PurgeStep,
): Promise<PurgeCount[]> {
  const all: PurgeCount[] = [];
  for (;;) {
    const counts = await inTransaction(database, async (session) => {
      const { rows } = await session.query<{ slice: string }>(`${slicesOf} order by s.slice limit $4`, [
        feed.client,
        feed.source,
        origins,
        atATime,
      ]);
      const slices = rows.map(({ slice }) => slice);
      if (slices.length === 0) {
        await settleFeed(session, feed);
        return [];
      }
      return deleteSlices(session, { ...feed, slices, origins, by });
    });
    if (counts.length === 0) return all;
    all.push(...counts);
    onStep?.(all);
  }
}

type SlicesToDelete = PurgedFeed & { slices: string[]; origins: readonly PurgedOrigin[]; by: Actor };

async function deleteSlices(session: Session, of: SlicesToDelete): Promise<PurgeCount[]> {
  const { client, source, slices: found, origins, table, amount, by } = of;
  // As a merge locks its slice: what is being merged is waited for, and looked at again.
  for (const slice of found)
    await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [[client, source, slice].join("/")]);
  const { rows: still } = await session.query<{ slice: string }>(
    "select slice from ops.slices where _client_id = $1 and source = $2 and slice = any($3) and origin = any($4) order by slice for update",
    [client, source, found, origins],
  );
  const slices = still.map(({ slice }) => slice);
  const keys = await keysOf(session, { ...of, slices });
  const values: unknown[] = [client, slices];
  const sum = sumOf(amount, values);
  const { rows: deleted } = await session.query<{ rows: number; sum: string }>(
    `with gone as (delete from ${nameOf(table)} where _client_id = $1 and _slice = any($2) returning *)
     select count(*)::int as rows, ${sum}::text as sum from gone`,
    values,
  );
  const counts: PurgeCount[] = deleted.map((one) => ({ client, source, table: plainName(of), ...one }));
  counts.push(...(await deleteLedger(session, { client, source, slices })));
  await afterDeletion(session, of, keys);
  const there = counts.filter(({ rows }) => rows > 0);
  await recordPurge(session, { client, source, by, counts: there, details: { slices: slices.length, origins } });
  return there;
}

/** What slices leave beside rows: runs that brought nothing else, the ledger, and alerts about them. */
export async function deleteLedger(
  session: Session,
  { client, source, slices }: { client: string; source: string; slices: readonly string[] },
): Promise<PurgeCount[]> {
  const counts: PurgeCount[] = [];
  await session.query(
    `delete from ops.runs r using (select distinct run_id from ops.receipts where _client_id = $1 and source = $2 and slice = any($3)) p
      where r.run_id = p.run_id and r.outcome <> 'running'
        and not exists (select from ops.receipts o where o.run_id = p.run_id and not (o._client_id = $1 and o.source = $2 and o.slice = any($3)))`,
    [client, source, slices],
  );
  for (const name of ofSlices) {
    const { rowCount } = await session.query(
      `delete from ${name} where _client_id = $1 and source = $2 and slice = any($3)`,
      [client, source, slices],
    );
    counts.push({ client, source, table: name, rows: rowCount ?? 0, sum: null });
  }
  await session.query(
    `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = 'the sandbox data it is about were deleted'
      where _client_id = $1 and area = 'sync' and subject = any($2) and resolved_at is null`,
    [client, slices.map((slice) => `${source}/${slice}`)],
  );
  return counts;
}

/** Feeds that bring conversions: the column of their key, and what a delivery's key begins with. */
const conversionFeeds: Record<string, { column: string; prefix: string }> = {
  "everflow.conversions": { column: "conversion_id", prefix: "everflow" },
  "anytrack.pulled_conversions": { column: "conversion_key", prefix: "anytrack" },
};

/** The conversions that the rows are of, where the feed brings conversions. */
async function keysOf(session: Session, { client, source, slices }: SlicesToDelete): Promise<string[]> {
  const feed = conversionFeeds[source];
  if (feed === undefined) return [];
  const { rows } = await session.query<{ key: string }>(
    `select ${feed.column} as key from ${source} where _client_id = $1 and _slice = any($2) order by 1`,
    [client, slices],
  );
  return rows.map((row) => row.key);
}

/** What was worked out from the rows is worked out again without them. */
async function afterDeletion(session: Session, { client, source }: PurgedFeed, keys: string[]): Promise<void> {
  if (source === "anytrack.pulled_conversions") await refold(session, { client, keys });
  if (source === "everflow.daily_stats") await matchLabels(session, { client });
  const feed = conversionFeeds[source];
  if (feed !== undefined && keys.length > 0) await forgetUnsent(session, { client, prefix: feed.prefix, keys });
}

/** With the last of its slices a feed begins again. */
export async function settleFeed(
  session: Session,
  { client, source }: Pick<PurgedFeed, "client" | "source">,
): Promise<void> {
  await session.query(
    `delete from ops.coverage where _client_id = $1 and source = $2
        and not exists (select from ops.slices where _client_id = $1 and source = $2 and receipt_id is not null)`,
    [client, source],
  );
  const kinds = ["origin_mixed"];
  await settleAlerts(session, { client, area: "sync", kinds, subject: source, notes: "the sandbox data were deleted" });
}

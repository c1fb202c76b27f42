import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { lockPerformance, refreshAggregates } from "../rtb/rollups.ts";
import { deleteLedger, settleFeed, slicesOf } from "./purge.ts";
import { deleteFiles } from "./purge-files.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

interface PurgedWarehouse {
  client: string;
  /** The feed: bigquery.performance. */
  source: string;
}

const filesOf =
  "ops.files where _client_id = $1 and origin = 'sandbox' and place = 'warehouse' and split_part(path, '/', 1) = $2";
const origins = ["sandbox"];

/** What a mock warehouse has answered, counted only. */
export async function countWarehouse(database: Queryable, { client, source }: PurgedWarehouse): Promise<PurgeCount[]> {
  const { rows } = await database.query<{ table: string; rows: number; sum: string | null }>(
    `select * from (
       select 'rtb.performance_metrics' as table, count(*)::int as rows, sum(spend)::text as sum from rtb.performance_metrics
        where _client_id = $1 and _file_id in (select file_id from ${filesOf})
        union all
       select 'ops.files', count(*)::int, null from ${filesOf}
        union all
       select 'ops.slices', count(*)::int, null from (${slicesOf}) s
     ) counted where rows > 0`,
    [client, source, origins],
  );
  return rows.map((row) => ({ client, source, ...row }));
}

/**
 * Deletes the days that a mock warehouse has answered, with their rows, which lie among those of files. A day may have no
 * file, since it had no rows: its slice would be in the way of a real pull all the same.
 */
export async function purgeWarehouse(
  database: Database,
  { client, source }: PurgedWarehouse,
  { by, onStep }: PurgeStep,
): Promise<PurgeCount[]> {
  const counts = await inTransaction(database, async (session) => {
    // Whoever merges a day holds it too.
    await lockPerformance(session, client);
    const { rows: files } = await session.query<{ fileId: number }>(
      `select file_id as "fileId" from ${filesOf} for update`,
      [client, source],
    );
    const { rows: days } = await session.query<{ slice: string }>(slicesOf, [client, source, origins]);
    const fileIds = files.map(({ fileId }) => fileId);
    const slices = days.map(({ slice }) => slice);
    const deleted = [
      ...(await deleteFiles(session, { client, source, fileIds })),
      ...(await deleteLedger(session, { client, source, slices })),
    ].filter(({ rows }) => rows > 0);
    await settleFeed(session, { client, source });
    if (deleted.length > 0)
      await recordPurge(session, { client, source, by, counts: deleted, details: { slices: slices.length, origins } });
    return deleted;
  });
  if (counts.length > 0) await refreshAggregates(database, { client, today: "1970-01-01" });
  onStep?.(counts);
  return counts;
}

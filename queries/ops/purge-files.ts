import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { refoldFunnels } from "../files/funnel-sums.ts";
import { quarantineSlice } from "../files/quarantined-lines.ts";
import { fileSources, reportKinds } from "../../rules/files/file-kinds.ts";
import { lockPerformance, refreshAggregates } from "../rtb/rollups.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

/** Days of a warehouse lie among files, too, and are purged as the feed that they are. */
export const purgedFiles = "ops.files where _client_id = $1 and origin = 'sandbox' and place <> 'warehouse'";

/** Files that the demo made up, with the rows that are still theirs: what another file has overwritten is that file's. */
export async function purgeFiles(database: Database, client: string, { by }: PurgeStep): Promise<PurgeCount[]> {
  const counts = await inTransaction(database, async (session) => {
    await lockPerformance(session, client);
    const { rows: files } = await session.query<{ fileId: number }>(
      `select file_id as "fileId" from ${purgedFiles} for update`,
      [client],
    );
    const fileIds = files.map(({ fileId }) => fileId);
    const deleted = await deleteFiles(session, { client, source: "files", fileIds });
    if (deleted.length > 0) await recordPurge(session, { client, source: "files", by, counts: deleted });
    return deleted;
  });
  // Sums of rows that are gone. A roll-up's own day never turns back, so any day of the past means "as of now".
  if (counts.length > 0) await refreshAggregates(database, { client, today: "1970-01-01" });
  return counts;
}

/** Files with their rows; the caller holds the client's lock. */
export async function deleteFiles(
  session: Session,
  { client, source, fileIds }: { client: string; source: string; fileIds: readonly number[] },
): Promise<PurgeCount[]> {
  const counts: PurgeCount[] = [];
  if (fileIds.length === 0) return counts;
  const count = (table: string, rows: number | null, sum: string | null = null) => {
    if (rows !== null && rows > 0) counts.push({ client, source, table, rows, sum });
  };
  const { rows } = await session.query<{ rows: number; sum: string | null }>(
    `with gone as (delete from rtb.performance_metrics where _client_id = $1 and _file_id = any($2) returning spend)
     select count(*)::int as rows, sum(spend)::text as sum from gone`,
    [client, fileIds],
  );
  count("rtb.performance_metrics", rows[0]?.rows ?? 0, rows[0]?.sum ?? null);
  const quarantined = await session.query(
    "delete from ops.quarantine where _client_id = $1 and source = any($2) and slice = any($3)",
    [client, fileSources, fileIds.map(quarantineSlice)],
  );
  count("ops.quarantine", quarantined.rowCount);
  for (const { table } of Object.values(reportKinds))
    count(
      table,
      (await session.query(`delete from ${table} where _client_id = $1 and _file_id = any($2)`, [client, fileIds]))
        .rowCount,
    );
  await refoldFunnels(session, client);
  for (const table of ["ops.file_headers", "ops.file_days", "ops.report_days", "ops.stream_batches", "ops.files"])
    count(
      table,
      (await session.query(`delete from ${table} where _client_id = $1 and file_id = any($2)`, [client, fileIds]))
        .rowCount,
    );
  await session.query(
    `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = 'the sandbox data it is about were deleted'
      where _client_id = $1 and resolved_at is null and (details ->> 'fileId')::int = any($2)`,
    [client, fileIds],
  );
  return counts;
}

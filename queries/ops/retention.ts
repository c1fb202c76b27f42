import { fileSources } from "../../rules/files/file-kinds.ts";
import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import type { Retention } from "../../settings/alerts.ts";
import { lockPerformance } from "../rtb/rollups.ts";

/** When a source was last read for a client; null when never. */
export async function readLastFetch(database: Queryable, of: { client: string; source: string }): Promise<Date | null> {
  const { rows } = await database.query<{ at: Date | null }>(
    "select max(fetched_at) as at from ops.slices where _client_id = $1 and source = $2",
    [of.client, of.source],
  );
  return rows[0]?.at ?? null;
}

/** Days that scheduled runs answer for, are over for long, and are still not final. */
export async function readOverdueDays(
  database: Queryable,
  of: { client: string; source: string; before: string },
): Promise<string[]> {
  const { rows } = await database.query<{ day: string }>(
    `select d::date as day
       from ops.coverage c
      cross join lateral generate_series(c.covered_from::timestamp, $3::date - 1, interval '1 day') d
       left join ops.slices s on s._client_id = c._client_id and s.source = c.source and s.day = d::date
      where c._client_id = $1 and c.source = $2 and s.is_final is not true
      order by 1`,
    [of.client, of.source, of.before],
  );
  return rows.map((row) => row.day);
}

const batch = 10_000;

/** Each deletes at most $1 rows, those with more than $2 days. */
const deleteOldReceipts = `delete from ops.receipts where ctid = any(array(
  select ctid from ops.receipts r where committed_at < now() - $2 * interval '1 day'
     and not exists (select from ops.slices s where s.receipt_id = r.receipt_id) limit $1))`;
const deleteOldRestatements = `delete from ops.restatements where ctid = any(array(
  select ctid from ops.restatements where recorded_at < now() - $2 * interval '1 day' limit $1))`;
const deleteOldQuarantine = `delete from ops.quarantine where ctid = any(array(
  select ctid from ops.quarantine where resolved_at < now() - $2 * interval '1 day' limit $1))`;
/** The entry stays, with its line, reason and amount. What was corrected lately waits to be read. */
const emptyOldContent = `update ops.quarantine
   set content = '', corrected_sealed = null, whole = false, content_deleted_at = now()
 where ctid = any(array(
  select ctid from ops.quarantine
   where (content <> '' or corrected_sealed is not null) and greatest(first_seen_at, corrected_at) < now() - $2 * interval '1 day' limit $1))`;
/** Of files whose rejected lines are kept no longer: nothing else is read by them. */
const deleteOldHeaders = `delete from ops.file_headers where ctid = any(array(
  select h.ctid from ops.file_headers h join ops.files f on f._client_id = h._client_id and f.file_id = h.file_id
   where f.committed_at < now() - $2 * interval '1 day'
     and not exists (select from ops.quarantine q
                      where q._client_id = h._client_id and q.source = any($3) and q.slice = 'file/' || h.file_id
                        and (q.content <> '' or q.corrected_sealed is not null)) limit $1))`;
const deleteOldRuns = `delete from ops.runs where ctid = any(array(
  select ctid from ops.runs where finished_at < now() - $2 * interval '1 day' limit $1))`;
/** These end by themselves. */
const deleteEndedTokens = `delete from ops.revoked_tokens where ctid = any(array(
  select ctid from ops.revoked_tokens where expires_at < now() - $2 * interval '1 day' limit $1))`;
const deleteOldCallCounts = `delete from ops.call_counts where ctid = any(array(
  select ctid from ops.call_counts where resets_at < now() - $2 * interval '1 day' limit $1))`;
/** Of readings that were given up. */
const deleteOldParts = `delete from ops.slice_parts where ctid = any(array(
  select ctid from ops.slice_parts where fetched_at < now() - $2 * interval '1 day' limit $1))`;

/** Who was logged in when, the audit log has. */
const deleteEndedSessions = `delete from ops.sessions where ctid = any(array(
  select ctid from ops.sessions where least(expires_at, ended_at) < now() - $2 * interval '1 day' limit $1))`;
const deleteOldLoginCodes = `delete from ops.login_codes where ctid = any(array(
  select ctid from ops.login_codes where expires_at < now() - $2 * interval '1 day' limit $1))`;

/**
 * A day goes whole, in one transaction with what the files' books say of it: else rows would be missing that a file wrote.
 * Whoever merges traffic of the client meanwhile waits.
 */
async function pruneTraffic(database: Database, days: number | null): Promise<number> {
  if (days === null) return 0;
  const { rows: old } = await database.query<{ client: string; date: string }>(
    "select distinct _client_id as client, date::text as date from rtb.rtb_traffic where date < current_date - $1::int order by 1, 2 limit 1000",
    [days],
  );
  let deleted = 0;
  for (const { client, date } of old)
    deleted += await inTransaction(database, async (session) => {
      await lockPerformance(session, client);
      const { rowCount } = await session.query("delete from rtb.rtb_traffic where _client_id = $1 and date = $2", [
        client,
        date,
      ]);
      await session.query(
        "delete from ops.report_days where _client_id = $1 and date = $2 and source = 'rtb.rtb_traffic'",
        [client, date],
      );
      return rowCount ?? 0;
    });
  return deleted;
}

/** In batches, so that a first pruning after years does not hold locks for long. The current receipt of a slice always stays. */
export async function prune(database: Database, retention: Retention): Promise<number> {
  const deleted = [
    await deleteOlder(database, deleteOldReceipts, retention.receiptsDays),
    await deleteOlder(database, deleteOldRestatements, retention.restatementsDays),
    await deleteOlder(database, deleteOldQuarantine, retention.quarantineDays),
    await deleteOlder(database, deleteOldRuns, retention.runsDays),
    await pruneTraffic(database, retention.trafficDays),
  ];
  await deleteOlder(database, emptyOldContent, retention.quarantinedContentDays);
  await deleteOlder(database, deleteOldHeaders, retention.quarantinedContentDays, [fileSources]);
  await deleteOlder(database, deleteEndedTokens, 1);
  await deleteOlder(database, deleteOldCallCounts, 1);
  await deleteOlder(database, deleteOldParts, 1);
  await deleteOlder(database, deleteEndedSessions, 30);
  await deleteOlder(database, deleteOldLoginCodes, 1);
  return deleted.reduce((sum, count) => sum + count, 0);
}

async function deleteOlder(
  database: Database,
  statement: string,
  days: number | null,
  more: unknown[] = [],
): Promise<number> {
  if (days === null) return 0;
  for (let deleted = 0; ;) {
    const { rowCount } = await database.query(statement, [batch, days, ...more]);
    deleted += rowCount ?? 0;
    if ((rowCount ?? 0) < batch) return deleted;
  }
}

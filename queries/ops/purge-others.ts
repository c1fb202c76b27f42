import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { purgeEvents } from "./purge-events.ts";
import { purgeFiles } from "./purge-files.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";
import { purgeVerdicts } from "./purge-verdicts.ts";

/** What else a mock server sent, was sent or decided, by the name it is purged under. */
export const otherPurges = {
  "anytrack.webhook": purgeEvents,
  deliveries: purgeDeliveries,
  files: purgeFiles,
  reconciliation: purgeVerdicts,
} as const;

/** What was sent to mock servers: a real destination has not seen it, and gets it once there is one. */
async function purgeDeliveries(database: Database, client: string, { by }: PurgeStep): Promise<PurgeCount[]> {
  return inTransaction(database, async (session) => {
    const source = "deliveries";
    const counts: PurgeCount[] = [];
    for (const table of ["ops.deliveries", "anytrack.tracked"]) {
      // One that is under way ends first: the next purge finds it.
      const { rowCount } = await session.query(
        `delete from ${table} where _client_id = $1 and origin = 'sandbox' and state <> 'sending'`,
        [client],
      );
      if (rowCount !== null && rowCount > 0) counts.push({ client, source, table, rows: rowCount, sum: null });
    }
    if (counts.length > 0) await recordPurge(session, { client, source, by, counts });
    return counts;
  });
}

/** The same, counted only. */
export async function countOthers(database: Queryable, client: string): Promise<PurgeCount[]> {
  const { rows } = await database.query<PurgeCount>(
    `select $1::text as client, * from (
       select 'anytrack.webhook' as source, 'anytrack.webhook_events' as table, count(*)::int as rows, null::text as sum
         from anytrack.webhook_events where _client_id = $1 and origin = 'sandbox'
        union all
       select 'anytrack.webhook', 'anytrack.clicks', count(*)::int, null from anytrack.clicks where _client_id = $1 and origin = 'sandbox'
        union all
       select 'deliveries', 'ops.deliveries', count(*)::int, null from ops.deliveries where _client_id = $1 and origin = 'sandbox' and state <> 'sending'
        union all
       select 'deliveries', 'anytrack.tracked', count(*)::int, null from anytrack.tracked where _client_id = $1 and origin = 'sandbox' and state <> 'sending'
        union all
       select 'files', 'ops.files', count(*)::int, null from ops.files where _client_id = $1 and origin = 'sandbox'
        union all
       select 'files', 'rtb.performance_metrics', count(*)::int, sum(spend)::text from rtb.performance_metrics
        where _client_id = $1 and _file_id in (select file_id from ops.files where _client_id = $1 and origin = 'sandbox')
        union all
       select 'reconciliation', 'recon.reconciliation_logs', count(*)::int, null from recon.reconciliation_logs where _client_id = $1 and origin = 'sandbox'
        union all
       select 'reconciliation', 'recon.platform_reports', count(*)::int, null from recon.platform_reports where _client_id = $1 and origin = 'sandbox'
     ) counted where rows > 0`,
    [client],
  );
  return rows;
}

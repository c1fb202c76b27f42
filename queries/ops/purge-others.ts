import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { purgeEvents } from "./purge-events.ts";
import { purgeFindings } from "./purge-findings.ts";
import { purgedFiles, purgeFiles } from "./purge-files.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";
import { madeUpAffiliates, madeUpCampaigns, madeUpClaims, purgeClaims } from "./purge-claims.ts";
import { madeUpCreatives, purgeCreatives } from "./purge-creatives.ts";
import { countedPromo, purgePromo } from "./purge-promo.ts";
import { purgeStatements } from "./purge-statements.ts";
import { purgeVerdicts } from "./purge-verdicts.ts";
import { reportKinds } from "../../rules/files/file-kinds.ts";

const reportRows = Object.values(reportKinds)
  .map(
    ({ table }) => `select 'files', '${table}', count(*)::int, null from ${table}
        where _client_id = $1 and _file_id in (select file_id from ${purgedFiles})`,
  )
  .join(" union all ");

/** What else a mock server sent, was sent or decided, by the name it is purged under. */
export const otherPurges = {
  "anytrack.webhook": purgeEvents,
  deliveries: purgeDeliveries,
  files: purgeFiles,
  // Creatives after the files about them, claims after their verdicts.
  creatives: purgeCreatives,
  reconciliation: purgeReconciliation,
  promo: purgePromo,
  // After the affiliates that they were linked to.
  statements: purgeStatements,
  findings: purgeFindings,
} as const;

async function purgeReconciliation(database: Database, client: string, step: PurgeStep): Promise<PurgeCount[]> {
  return [...(await purgeVerdicts(database, client, step)), ...(await purgeClaims(database, client, step))];
}

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
       select 'files', 'ops.files', count(*)::int, null from ${purgedFiles}
        union all
       select 'files', 'rtb.performance_metrics', count(*)::int, sum(spend)::text from rtb.performance_metrics
        where _client_id = $1 and _file_id in (select file_id from ${purgedFiles})
        union all
       ${reportRows}
        union all
       select 'reconciliation', 'recon.reconciliation_logs', count(*)::int, null from recon.reconciliation_logs where _client_id = $1 and origin = 'sandbox'
        union all
       select 'reconciliation', 'recon.platform_reports', count(*)::int, null from recon.platform_reports where _client_id = $1 and origin = 'sandbox'
        union all
       select 'reconciliation', 'recon.affiliate_reports', count(*)::int, null from ${madeUpClaims}
        union all
       select 'reconciliation', 'recon.affiliates', count(*)::int, null from ${madeUpAffiliates}
        union all
       select 'reconciliation', 'recon.posts', count(*)::int, null from recon.posts
        where _client_id = $1 and affiliate_id in (select a.affiliate_id from ${madeUpAffiliates})
        union all
       select 'reconciliation', 'recon.campaigns', count(*)::int, null from ${madeUpCampaigns}
        union all
       select 'statements', 'payouts.statements', count(*)::int, null from payouts.statements where _client_id = $1 and origin = 'sandbox'
        union all
       select 'findings', 'findings.findings', count(*)::int, null from findings.findings where _client_id = $1 and origin = 'sandbox'
        union all
       select 'creatives', 'rtb.pretargeting_plans', count(*)::int, null from rtb.pretargeting_plans where _client_id = $1 and origin = 'sandbox'
        union all
       select 'creatives', 'rtb.campaigns', count(*)::int, null from rtb.campaigns where _client_id = $1 and origin = 'sandbox'
        union all
       select 'creatives', 'rtb.creatives', count(*)::int, null from ${madeUpCreatives}
        union all
       select 'creatives', 'rtb.buyer_seats', count(*)::int, null from rtb.buyer_seats s where _client_id = $1 and origin = 'sandbox'
          and not exists (select from rtb.creatives c where c._client_id = s._client_id and c.buyer_id = s.buyer_id
                             and c.id not in (select c.id from ${madeUpCreatives}))
        union all
       ${countedPromo}
     ) counted where rows > 0`,
    [client],
  );
  return rows;
}

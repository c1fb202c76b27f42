import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { lockPerformance } from "../rtb/rollups.ts";
import { countCreatives } from "../rtb/seats.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

const source = "creatives";

/** Made-up creatives of which no stored row and no real campaign that people made is left. What a real file reports of one keeps it. */
export const madeUpCreatives = `rtb.creatives c where c._client_id = $1 and c.origin = 'sandbox'
  and not exists (select from rtb.performance_metrics m join ops.files f on f.file_id = m._file_id
                   where m._client_id = c._client_id and m.creative_id = c.id and f.origin <> 'sandbox')
  and not exists (select from rtb.campaign_creatives k join rtb.campaigns p on p._client_id = k._client_id and p.campaign_id = k.campaign_id
                   where k._client_id = c._client_id and k.creative_id = c.id and p.origin <> 'sandbox' and p.anchor is null)`;

/** Deletes the seats, campaigns and creatives of the demo and of the example. Their files must be gone first. */
export async function purgeCreatives(database: Database, client: string, { by }: PurgeStep): Promise<PurgeCount[]> {
  return inTransaction(database, async (session) => {
    // The same locks in the same order as a load of creatives takes.
    await lockPerformance(session, client);
    await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
    const counts = (await deleteAll(session, client)).filter(({ rows }) => rows > 0);
    if (counts.length > 0) await recordPurge(session, { client, source, by, counts });
    return counts;
  });
}

async function deleteAll(session: Session, client: string): Promise<PurgeCount[]> {
  // Its creatives leave it by themselves, and what people decided about it goes with it.
  const campaigns = await session.query<{ id: number }>(
    "delete from rtb.campaigns where _client_id = $1 and origin = 'sandbox' returning campaign_id as id",
    [client],
  );
  await session.query("delete from rtb.campaign_decisions where _client_id = $1 and campaign_id = any($2::bigint[])", [
    client,
    campaigns.rows.map(({ id }) => id),
  ]);
  await deleteOpportunities(session, client);
  const plans = await deletePlans(session, client);
  for (const table of ["rtb.cluster_runs", "rtb.model_calls", "rtb.opportunity_runs"])
    await session.query(`delete from ${table} where _client_id = $1 and origin = 'sandbox'`, [client]);
  const { rows: creatives } = await session.query<{ id: string; buyerId: string | null }>(
    `delete from ${madeUpCreatives}
        and not exists (select from rtb.performance_metrics m where m._client_id = c._client_id and m.creative_id = c.id)
     returning c.id::text, c.buyer_id as "buyerId"`,
    [client],
  );
  // A campaign that clustering keeps may have had some of them beside real ones.
  await session.query("delete from rtb.campaign_creatives where _client_id = $1 and creative_id = any($2::bigint[])", [
    client,
    creatives.map(({ id }) => id),
  ]);
  await session.query(
    "delete from rtb.creative_performance where _client_id = $1 and creative_id = any($2::bigint[])",
    [client, creatives.map(({ id }) => id)],
  );
  const buyers = creatives.map(({ buyerId }) => buyerId);
  const seats = await session.query(
    `delete from rtb.buyer_seats s where _client_id = $1 and origin = 'sandbox'
        and not exists (select from rtb.creatives c where c._client_id = s._client_id and c.buyer_id = s.buyer_id)`,
    [client],
  );
  await countCreatives(session, client, buyers);
  return [
    { table: "rtb.pretargeting_plans", rows: plans },
    { table: "rtb.campaigns", rows: campaigns.rowCount ?? 0 },
    { table: "rtb.creatives", rows: creatives.length },
    { table: "rtb.buyer_seats", rows: seats.rowCount ?? 0 },
  ].map((one) => ({ client, source, sum: null, ...one }));
}

/** Changes of a made-up exchange, with all that became of them. */
async function deletePlans(session: Session, client: string): Promise<number> {
  const { rows } = await session.query<{ id: number }>(
    "delete from rtb.pretargeting_plans where _client_id = $1 and origin = 'sandbox' returning plan_id as id",
    [client],
  );
  for (const table of ["rtb.pretargeting_approvals", "rtb.pretargeting_writes", "rtb.pretargeting_events"])
    await session.query(`delete from ${table} where _client_id = $1 and plan_id = any($2::bigint[])`, [
      client,
      rows.map(({ id }) => id),
    ]);
  return rows.length;
}

/** What was found in made-up campaigns, what became of it, and on how many nights parts of campaigns that are gone were tested. */
async function deleteOpportunities(session: Session, client: string): Promise<void> {
  const { rows } = await session.query<{ id: number }>(
    "delete from rtb.opportunities where _client_id = $1 and origin = 'sandbox' returning opportunity_id as id",
    [client],
  );
  await session.query(
    "delete from rtb.opportunity_changes where _client_id = $1 and opportunity_id = any($2::bigint[])",
    [client, rows.map(({ id }) => id)],
  );
  // The next search makes them again, of what is left.
  for (const table of ["rtb.geographic_cells", "rtb.geographic_patterns"])
    await session.query(`delete from ${table} where _client_id = $1`, [client]);
  await session.query(
    `delete from rtb.opportunity_tests t where _client_id = $1
        and not exists (select from rtb.campaigns c where c._client_id = t._client_id and c.campaign_id = t.campaign_id)`,
    [client],
  );
}

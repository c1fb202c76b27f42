import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { forgetUnsent, recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

/** What journeys weigh by when nobody says otherwise; the next event of a conversion weighs it by the setting again. */
const halfLifeDays = 7;

/** Deletes what the mock server posted to AnyTrack's webhook; conversions that others told of too stay, without it. */
export async function purgeEvents(
  database: Database,
  client: string,
  { atATime, by, onStep }: PurgeStep,
): Promise<PurgeCount[]> {
  const all: PurgeCount[] = [];
  for (;;) {
    const counts = await inTransaction(database, (session) => purgeSome(session, { client, atATime, by }));
    if (counts.length === 0) return all;
    all.push(...counts);
    onStep?.(all);
  }
}

async function purgeSome(
  session: Session,
  { client, atATime, by }: Pick<PurgeStep, "atATime" | "by"> & { client: string },
): Promise<PurgeCount[]> {
  const source = "anytrack.webhook";
  const { rows: found } = await session.query<{ key: string }>(
    `select distinct conversion_key as key from anytrack.webhook_events where _client_id = $1 and origin = 'sandbox' order by 1 limit $2`,
    [client, atATime],
  );
  const keys = found.map(({ key }) => key);
  await session.query("select anytrack.lock($1, $2)", [client, keys]);
  const { rowCount: events } = await session.query(
    "delete from anytrack.webhook_events where _client_id = $1 and conversion_key = any($2) and origin = 'sandbox'",
    [client, keys],
  );
  const { rowCount: clicks } = await session.query(
    `delete from anytrack.clicks where _client_id = $1
        and click_id in (select click_id from anytrack.clicks where _client_id = $1 and origin = 'sandbox' order by 1 limit $2)`,
    [client, atATime],
  );
  await refold(session, { client, keys });
  await forgetUnsent(session, { client, prefix: "anytrack", keys });
  const counts = [
    { client, source, table: "anytrack.webhook_events", rows: events ?? 0, sum: null },
    { client, source, table: "anytrack.clicks", rows: clicks ?? 0, sum: null },
  ].filter(({ rows }) => rows > 0);
  if (counts.length > 0) await recordPurge(session, { client, source, by, counts });
  return counts;
}

/** Works conversions out again from what is left of them: of one that nothing is left of nothing stays. */
export async function refold(session: Session, { client, keys }: { client: string; keys: string[] }): Promise<void> {
  await session.query("select anytrack.lock($1, $2)", [client, keys]);
  for (const table of ["attribution", "touchpoints", "conversions"])
    await session.query(`delete from anytrack.${table} where _client_id = $1 and conversion_key = any($2)`, [
      client,
      keys,
    ]);
  await session.query("select anytrack.weigh($1, array(select f from anytrack.fold($1, $2, 'purge') f), $3, 'purge')", [
    client,
    keys,
    halfLifeDays,
  ]);
}

import { inTransaction, type Database } from "../../schema/database.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

const source = "statements";
const months = "select month from payouts.closings where _client_id = $1 and origin = 'sandbox'";
const made = `select statement_id from payouts.statements where _client_id = $1 and origin = 'sandbox' and month in (${months})`;

/** Statements of months that a mock server had a part in; what a real month was stated as is never deleted. */
export async function purgeStatements(database: Database, client: string, { by }: PurgeStep): Promise<PurgeCount[]> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`payouts/${client}`]);
    const counts: PurgeCount[] = [];
    for (const [table, which] of [
      ["payouts.statement_lines", `statement_id in (${made})`],
      ["payouts.statement_totals", `statement_id in (${made})`],
      ["payouts.statements", `statement_id in (${made})`],
      ["payouts.closings", `month in (${months})`],
      // Who an affiliate was that is deleted.
      [
        "payouts.accounts",
        "recon_affiliate_id is not null and recon_affiliate_id not in (select affiliate_id from recon.affiliates where _client_id = $1)",
      ],
    ] as const) {
      const { rowCount } = await session.query(`delete from ${table} where _client_id = $1 and ${which}`, [client]);
      if ((rowCount ?? 0) > 0) counts.push({ client, source, table, rows: rowCount ?? 0, sum: null });
    }
    if (counts.length > 0) await recordPurge(session, { client, source, by, counts });
    return counts;
  });
}

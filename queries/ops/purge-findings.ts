import { inTransaction, type Database } from "../../schema/database.ts";
import { keptFindings } from "../findings/save-findings.ts";
import { lockListed } from "../shared/listed-states.ts";
import { settleAlerts } from "./alerts.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

const source = "findings";
const made = "select finding_id from findings.findings where _client_id = $1 and origin = 'sandbox'";

/** What was found in rows that a mock server made up, and how often they were tested: real rows have a budget of their own. */
export async function purgeFindings(database: Database, client: string, { by }: PurgeStep): Promise<PurgeCount[]> {
  return inTransaction(database, async (session) => {
    await lockListed(session, keptFindings, client);
    const { rows: gone } = await session.query<{ id: number }>(made.replace("finding_id", "finding_id as id"), [
      client,
    ]);
    for (const { id } of gone)
      await settleAlerts(session, {
        ...{ client, area: "findings", subject: `finding/${id}`, kinds: ["finding"] },
        notes: "it was found in sandbox data, which was deleted",
      });
    const counts: PurgeCount[] = [];
    for (const [table, which] of [
      ["findings.finding_rows", `finding_id in (${made})`],
      ["findings.finding_changes", `finding_id in (${made})`],
      ["findings.findings", `finding_id in (${made})`],
      [
        "findings.finding_tests",
        "not exists (select from findings.finding_runs r where r._client_id = $1 and r.origin <> 'sandbox')",
      ],
      ["findings.finding_runs", "origin = 'sandbox'"],
    ] as const) {
      const { rowCount } = await session.query(`delete from ${table} where _client_id = $1 and ${which}`, [client]);
      if ((rowCount ?? 0) > 0) counts.push({ client, source, table, rows: rowCount ?? 0, sum: null });
    }
    if (counts.length > 0) await recordPurge(session, { client, source, by, counts });
    return counts;
  });
}

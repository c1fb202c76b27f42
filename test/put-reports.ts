import { refoldFunnels } from "../queries/files/funnel-sums.ts";
import { inTransaction, type Database } from "../schema/database.ts";

/** For tests only: rows of a report's table as a file would have left them, with what is summed of them. */
export async function putReport(
  database: Database,
  table: string,
  rows: readonly Record<string, unknown>[],
): Promise<void> {
  for (const row of rows) {
    const whole = { _client_id: "713", buyer_id: "A", _file_id: 1, _line: 1, _grain: "", ...row };
    const names = Object.keys(whole);
    await database.query(
      `insert into rtb.${table} (${names.join(", ")}) values (${names.map((_, index) => `$${index + 1}`).join(", ")})`,
      Object.values(whole),
    );
  }
  const clients = new Set(rows.map((row) => String(row["_client_id"] ?? "713")));
  for (const client of clients) await inTransaction(database, (session) => refoldFunnels(session, client));
}

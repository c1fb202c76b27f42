import type { Database, Queryable } from "../../schema/database.ts";

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

export interface Retention {
  receiptsDays: number | null;
  restatementsDays: number | null;
  quarantineDays: number | null;
  runsDays: number | null;
}

const batch = 10_000;

/** In batches, so that a first pruning after years does not hold locks for long. The current receipt of a slice always stays. */
export async function prune(database: Database, retention: Retention): Promise<number> {
  const rules: [number | null, string][] = [
    [
      retention.receiptsDays,
      "ops.receipts where committed_at < now() - $1 * interval '1 day' and not exists (select from ops.slices s where s.receipt_id = ops.receipts.receipt_id)",
    ],
    [retention.restatementsDays, "ops.restatements where recorded_at < now() - $1 * interval '1 day'"],
    [retention.quarantineDays, "ops.quarantine where resolved_at < now() - $1 * interval '1 day'"],
    [retention.runsDays, "ops.runs where finished_at < now() - $1 * interval '1 day'"],
  ];
  let deleted = 0;
  for (const [days, rule] of rules) {
    if (days === null) continue;
    const table = rule.split(" ")[0];
    for (let count = batch; count === batch; deleted += count) {
      const result = await database.query(
        `delete from ${table} where ctid = any(array(select ctid from ${rule} limit ${batch}))`,
        [days],
      );
      count = result.rowCount ?? 0;
    }
  }
  return deleted;
}

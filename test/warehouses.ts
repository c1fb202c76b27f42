import { createRateGate } from "../activities/shared/rate-gate.ts";
import { createSyncActivities } from "../activities/sync/sync.ts";
import { warehouseFeeds } from "../activities/warehouses/elsewhere.ts";
import { feeds, vendors } from "../connectors/registry.ts";
import { createRedactor } from "../core/redact.ts";
import type { Database } from "../schema/database.ts";
import type { WarehouseName } from "../scripts/embedded/warehouses.ts";
import { loadConfig } from "../settings/config.ts";

/** The activities of a sync, for a client whose performance comes from one of the warehouses. */
export function warehouseActivities(database: Database, settings: Record<string, string>, owner: WarehouseName) {
  const config = loadConfig(
    {
      ...{ DATABASE_URL: "postgres://unused", RTB_TIMEZONE: "UTC", UNAVAILABLE_ATTEMPTS: "3" },
      ...{ RTB_PERFORMANCE_OWNER: owner, ...settings },
    },
    vendors,
    feeds,
  );
  const redact = createRedactor(config.secrets);
  const gate = createRateGate(database);
  const elsewhere = warehouseFeeds({ database, config, gate, redact });
  return { config, activities: createSyncActivities({ database, config, sources: [], gate, redact, elsewhere }) };
}

/** Puts rows into the lake: `creative impressions clicks cost country device`. */
export async function fillLake(database: Database, day: string, rows: readonly string[]): Promise<void> {
  for (const row of rows) {
    const [creative, impressions, clicks, cost, country, device] = row
      .split(" ")
      .map((cell) => (cell === "NULL" ? null : cell));
    await database.query("insert into lake.rows values ($1, $2, $3, $4, $5, $6, $7)", [
      ...[day, creative, impressions, clicks, cost, country ?? null, device ?? null],
    ]);
  }
}

/** What is stored of a day, as people read it. */
export async function storedDay(database: Database, day: string): Promise<string[]> {
  const { rows } = await database.query<{ row: string }>(
    `select concat_ws(' ', c.creative_id, impressions, clicks, trim_scale(spend), nullif(geography, ''), nullif(device_type, '')) as row
       from rtb.performance_metrics p join rtb.creatives c on c._client_id = p._client_id and c.id = p.creative_id
      where p._client_id = '713' and date = $1 order by 1`,
    [day],
  );
  return rows.map(({ row }) => row);
}

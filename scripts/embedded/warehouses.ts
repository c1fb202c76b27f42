import { generateKeyPairSync } from "node:crypto";
import { startBigquery } from "../../sandbox/warehouses/bigquery.ts";
import { startSnowflake } from "../../sandbox/warehouses/snowflake.ts";
import type { MockWarehouse, MockOptions } from "../../sandbox/warehouses/mock-warehouse.ts";
import type { Database } from "../../schema/database.ts";
import { postgresEngine } from "./warehouse-engine.ts";

export const warehouseNames = ["bigquery", "snowflake"] as const;
export type WarehouseName = (typeof warehouseNames)[number];

export interface Warehouses extends Record<WarehouseName, MockWarehouse> {
  /** What a client sets to be let in and to ask for the lake. */
  settings: Record<string, string>;
  close(): Promise<void>;
}

const columns = "creative_id=creative,date=day,impressions,clicks,spend=cost,geography=country,device_type=device";

/** Mock servers of both warehouses over one Postgres: what they are asked for lies there, in `lake.rows`. */
export async function startWarehouses(database: Database, options: Partial<MockOptions> = {}): Promise<Warehouses> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const engine = postgresEngine(database);
  await database.query(
    `create schema lake;
     create table lake.rows (day date, creative text, impressions bigint, clicks bigint, cost numeric, country text, device text)`,
  );
  const bigquery = await startBigquery({ engine, ...options });
  const snowflake = await startSnowflake({ engine, publicKey, ...options });
  const settings = {
    BIGQUERY_BASE_URL: bigquery.url,
    BIGQUERY_KEY: JSON.stringify({
      client_email: "reader@mock-lake.example",
      private_key: pem,
      project_id: "mock-lake",
    }),
    BIGQUERY_TABLE: "mock-lake.lake.rows",
    BIGQUERY_COLUMNS: columns,
    BIGQUERY_INTERVAL_MS: "0",
    SNOWFLAKE_BASE_URL: snowflake.url,
    SNOWFLAKE_ACCOUNT: "mock-lake",
    SNOWFLAKE_USER: "reader",
    SNOWFLAKE_PRIVATE_KEY: pem.trim().replaceAll("\n", "\\n"),
    SNOWFLAKE_TABLE: "mock.lake.rows",
    SNOWFLAKE_COLUMNS: columns,
    SNOWFLAKE_INTERVAL_MS: "0",
  };
  const close = async () => {
    await Promise.all([bigquery.close(), snowflake.close()]);
  };
  return { bigquery, snowflake, settings, close };
}

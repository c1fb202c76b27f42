import type { Redact } from "../../core/redact.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import type { Database } from "../../schema/database.ts";
import type { ClusterSettings } from "../../settings/clusters.ts";
import type { Config } from "../../settings/config.ts";
import { invalidInput } from "../shared/failures.ts";
import type { RateGate } from "../shared/rate-gate.ts";

/** What the activities of clustering need. */
export interface ClusterContext {
  database: Database;
  /** Where there is one: what it adds up Postgres need not. */
  store?: ColumnStore | null;
  config: Pick<Config, "accounts" | "clients" | "clusters" | "ingest" | "worker">;
  gate: RateGate;
  redact: Redact;
}

export function clusterSettings({ config }: Pick<ClusterContext, "config">, client: string): ClusterSettings {
  const settings = config.clusters.get(client);
  if (settings === undefined) throw invalidInput(`client ${client} has no settings`);
  return settings;
}

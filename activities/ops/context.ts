import type { Redact } from "../../core/redact.ts";
import type { Database } from "../../schema/database.ts";
import type { Config, SyncSchedule } from "../../settings/config.ts";

/** What maintenance works with. */
export interface MaintenanceContext {
  database: Database;
  config: Config;
  redact: Redact;
  schedules: readonly SyncSchedule[];
}

import { guardedBy } from "../shared/failures.ts";
import { applyRetention } from "./apply-retention.ts";
import type { MaintenanceContext } from "./context.ts";
import { sendAlerts } from "./send-alerts.ts";
import { watchFreshness } from "./watch-freshness.ts";

/** Regular maintenance: finds late sources, sends alerts, deletes what is older than its retention. */
export function createMaintenanceActivities(context: MaintenanceContext) {
  const guarded = guardedBy(context.redact);
  return {
    watchFreshness: () => guarded("freshness", () => watchFreshness(context)),
    sendAlerts: () => guarded("alert webhook", () => sendAlerts(context)),
    applyRetention: () => guarded("retention", () => applyRetention(context)),
  };
}

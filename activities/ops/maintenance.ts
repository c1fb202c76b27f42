import { guardedBy } from "../shared/failures.ts";
import { applyRetention } from "./apply-retention.ts";
import type { MaintenanceContext } from "./context.ts";
import { watchFreshness } from "./watch-freshness.ts";

/** Regular maintenance: finds late sources, deletes what is older than its retention. */
export function createMaintenanceActivities(context: MaintenanceContext) {
  const guarded = guardedBy(context.redact);
  return {
    watchFreshness: () => guarded("freshness", () => watchFreshness(context)),
    /** For runs that began before alerts had a workflow of their own: what they would send, that one does. */
    sendAlerts: () => Promise.resolve({ sent: 0, refused: 0 }),
    applyRetention: () => guarded("retention", () => applyRetention(context)),
  };
}

/** What workflows may call. */
export type MaintenanceActivities = ReturnType<typeof createMaintenanceActivities>;

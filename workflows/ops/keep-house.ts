import { patched, proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { MaintenanceActivities } from "../../activities/ops/maintenance.ts";
import { takesNoInput } from "../shared/no-input.ts";

const { watchFreshness, sendAlerts, applyRetention } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "8 minutes",
  retry: { initialInterval: "5 seconds" },
});

export interface MaintenanceSummary {
  late: string[];
  deleted: number;
}

/** Finds late sources, and deletes what is older than its retention. */
export async function keepHouse(input?: unknown): Promise<MaintenanceSummary> {
  takesNoInput("keepHouse", input);
  const { late } = await watchFreshness();
  const { deleted } = await applyRetention();
  // Runs that began before `deliverAlerts` did have this step in their history.
  if (!patched("channels")) await sendAlerts();
  setCurrentDetails(
    `late: ${late.length === 0 ? "none" : late.join(", ")}; rows deleted after their retention: ${deleted}`,
  );
  return { late, deleted };
}

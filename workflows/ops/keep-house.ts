import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { MaintenanceActivities } from "../../activities/types.ts";
import { takesNoInput } from "../shared/no-input.ts";

const { watchFreshness, sendAlerts, applyRetention } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "8 minutes",
  retry: { initialInterval: "5 seconds" },
});

export interface MaintenanceSummary {
  late: string[];
  sent: number;
  /** Alerts that the webhook refused. */
  refused: number;
  deleted: number;
}

/** Finds late sources, sends new alerts, and deletes what is older than its retention. */
export async function keepHouse(input?: unknown): Promise<MaintenanceSummary> {
  takesNoInput("keepHouse", input);
  const { late } = await watchFreshness();
  const { deleted } = await applyRetention();
  // Last: a webhook that does not answer must not block the rest.
  const { sent, refused } = await sendAlerts();
  setCurrentDetails(
    `late: ${late.length === 0 ? "none" : late.join(", ")}; alerts sent: ${sent}${refused > 0 ? `, refused: ${refused}` : ""}; rows deleted after their retention: ${deleted}`,
  );
  return { late, sent, refused, deleted };
}

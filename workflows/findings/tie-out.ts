import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { TieOutSummary } from "../../activities/findings/compare-conversions.ts";
import type { FindingActivities } from "../../activities/findings/finding-activities.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";

export interface TieOutInput {
  client?: string;
}

const { compareConversions } = proxyActivities<FindingActivities>({
  startToCloseTimeout: "30 minutes",
  scheduleToCloseTimeout: "6 hours",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Holds a client's conversions in AnyTrack against those in Everflow, on the days that have changed since the last time. */
export async function tieOut(input: TieOutInput = {}): Promise<TieOutSummary> {
  const summary = await compareConversions({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: summary.client }]);
  setCurrentDetails(
    `Client ${summary.client}: ${summary.changed} days had changed, ${summary.compared} compared again`,
  );
  return summary;
}

import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { FindingActivities } from "../../activities/findings/finding-activities.ts";
import type { FindingSummary } from "../../activities/findings/search-findings.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";

export interface DetectFindingsInput {
  client?: string;
  /** Does nothing while neither the final days nor the day are others than in the last search. */
  onlyIfChanged?: boolean;
}

const { searchFindings } = proxyActivities<FindingActivities>({
  startToCloseTimeout: "10 minutes",
  scheduleToCloseTimeout: "6 hours",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Looks for double and missing money on a client's final days. */
export async function detectFindings(input: DetectFindingsInput = {}): Promise<FindingSummary> {
  const summary = await searchFindings({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: summary.client }]);
  setCurrentDetails(describe(summary));
  return summary;
}

function describe(summary: FindingSummary): string {
  if (!summary.searched) return `Client ${summary.client}: not searched, ${summary.reason}`;
  const { client, windowTo, tested, listed, created, gone } = summary;
  return `Client ${client}: ${listed} findings, ${created} of them new, ${gone} gone\n\nup to ${windowTo}, ${tested} tests`;
}

import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { ClusterActivities } from "../../activities/intelligence/cluster-activities.ts";
import type { SearchSummary } from "../../activities/intelligence/search-opportunities.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";

export interface DetectOpportunitiesInput {
  client?: string;
  /** Does nothing while neither the rows nor the day are others than in the last search. */
  onlyIfChanged?: boolean;
}

const { searchOpportunities } = proxyActivities<ClusterActivities>({
  startToCloseTimeout: "10 minutes",
  scheduleToCloseTimeout: "6 hours",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Looks for what could be bought for less, in the last 28 complete days of a client. */
export async function detectOpportunities(input: DetectOpportunitiesInput = {}): Promise<SearchSummary> {
  const summary = await searchOpportunities({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: summary.client }]);
  setCurrentDetails(describe(summary));
  return summary;
}

function describe(summary: SearchSummary): string {
  if (!summary.searched) return `Client ${summary.client}: not searched, ${summary.reason}`;
  const { client, windowFrom, windowTo, daysWithData, campaigns, tested, listed, created, gone, blocked } = summary;
  return [
    `Client ${client}: ${listed} opportunities, ${created} of them new, ${gone} gone`,
    `${windowFrom} to ${windowTo}, ${daysWithData} days with data; ${tested} parts of ${campaigns} campaigns tested`,
    ...(blocked === 0 ? [] : [`${blocked} are not recommended because of their quality`]),
  ].join("\n\n");
}

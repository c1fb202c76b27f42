import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { AskedQuestions } from "../../activities/intelligence/ask-questions.ts";
import type { ClusterActivities } from "../../activities/intelligence/cluster-activities.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";

export interface AskQuestionsInput {
  client?: string;
  /** Asks only what was not asked yet of the records and the day as they are. */
  onlyIfChanged?: boolean;
}

const { askWatchedQuestions } = proxyActivities<ClusterActivities>({
  startToCloseTimeout: "10 minutes",
  scheduleToCloseTimeout: "6 hours",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Asks the questions of a client that are watched, and raises or closes their alerts. */
export async function askQuestions(input: AskQuestionsInput = {}): Promise<AskedQuestions> {
  const summary = await askWatchedQuestions({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: summary.client }]);
  setCurrentDetails(describe(summary));
  return summary;
}

function describe({ client, watched, asked, opened, more, closed, refused }: AskedQuestions): string {
  return [
    `Client ${client}: ${asked} of ${watched} watched questions asked`,
    `Alerts: ${opened} opened, ${more} with more rows, ${closed} closed`,
    ...refused.map(({ questionId, reason }) => `Question ${questionId}: ${reason}`),
  ].join("\n\n");
}

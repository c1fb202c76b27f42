import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { IngestActivities } from "../../activities/files/ingest.ts";
import { ingestQueue } from "../shared/queues.ts";
import { planFailure } from "../shared/failures.ts";

type Refreshed = Awaited<ReturnType<IngestActivities["refreshClients"]>>[number];

/** Recomputes the sums per creative and campaign from the rows: nightly, when the windows move on by a day, and on demand. */
export async function refreshAggregates(input: { client?: string } = {}): Promise<Refreshed[]> {
  const { refreshClients } = proxyActivities<IngestActivities>({
    taskQueue: ingestQueue(),
    startToCloseTimeout: "1 hour",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "15 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
  });
  const refreshed = await refreshClients(input).catch(planFailure);
  setCurrentDetails(
    refreshed
      .map(
        ({ client, asOf, creatives, campaigns }) =>
          `Client ${client}, periods up to ${asOf}: ${creatives} creatives, ${campaigns} campaigns`,
      )
      .join("\n\n"),
  );
  return refreshed;
}

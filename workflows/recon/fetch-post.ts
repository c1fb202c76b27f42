import { proxyActivities, proxyLocalActivities, setCurrentDetails } from "@temporalio/workflow";
import type { FetchedPost, FetchPostInput } from "../../activities/recon/fetch-numbers.ts";
import type { ReconcileActivities } from "../../activities/recon/reconcile-activities.ts";
import { vendorQueue } from "../shared/queues.ts";
import { planFailure } from "../shared/failures.ts";

const { planFetch } = proxyLocalActivities<ReconcileActivities>({
  startToCloseTimeout: "10 seconds",
  scheduleToCloseTimeout: "10 minutes",
  retry: { initialInterval: "200 milliseconds", maximumInterval: "30 seconds" },
});

/** Fetches one post's numbers from a platform and stores them; no verdict changes. */
export async function fetchPost(input: FetchPostInput): Promise<FetchedPost> {
  const { vendor } = await planFetch({ ...input }).catch(planFailure);
  const { fetchNumbers } = proxyActivities<ReconcileActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "5 minutes",
    scheduleToCloseTimeout: "15 minutes",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
  });
  const fetched = await fetchNumbers
    .executeWithOptions({ summary: `${input.platform} post ${input.postId}` }, [input])
    .catch(planFailure);
  setCurrentDetails(
    fetched.kind === "metrics"
      ? `**${fetched.metrics.views ?? "?"}** views, **${fetched.metrics.clicks ?? "?"}** clicks, **${fetched.metrics.conversions ?? "?"}** conversions`
      : `**${fetched.kind}**: ${fetched.reason}`,
  );
  return fetched;
}

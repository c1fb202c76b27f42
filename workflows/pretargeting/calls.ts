import { ActivityCancellationType, proxyActivities } from "@temporalio/workflow";
import type { PretargetingActivities } from "../../activities/pretargeting/pretargeting-activities.ts";
import { vendorQueue } from "../shared/queues.ts";

const retry = { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "30 seconds" } as const;

/** Work that needs only Postgres. A watch without it for five minutes sees nothing, and so ends. */
export const records = () =>
  proxyActivities<PretargetingActivities>({
    startToCloseTimeout: "1 minute",
    scheduleToCloseTimeout: "5 minutes",
    retry,
  });

/** Steps at the exchange: what cannot be done in a quarter of an hour is rolled back. */
export const atExchange = (vendor: string) =>
  proxyActivities<PretargetingActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "5 minutes",
    scheduleToCloseTimeout: "15 minutes",
    heartbeatTimeout: "12 seconds",
    // A step that is cancelled is over before the way back begins.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry,
  });

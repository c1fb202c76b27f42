import { proxyActivities } from "@temporalio/workflow";
import type { SeatActivities } from "../../activities/rtb/seat-activities.ts";
import { vendorQueue } from "../shared/queues.ts";

const retry = { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "60 seconds" } as const;

/** Work with seats that needs only Postgres. */
export const seatRecords = () =>
  proxyActivities<SeatActivities>({ startToCloseTimeout: "5 minutes", scheduleToCloseTimeout: "6 hours", retry });

/** Work with seats that asks the exchange. */
export const atExchange = (vendor: string) =>
  proxyActivities<SeatActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "10 minutes",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "12 seconds",
    retry,
  });

import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { ParentClosePolicy, proxyActivities, setCurrentDetails, startChild } from "@temporalio/workflow";
import type { ReportToStart } from "../../activities/recon/find-pending.ts";
import type { ReconcileActivities } from "../../activities/types.ts";
import type { reconcileReport } from "./reconcile-report.ts";
import { clientIdKey, searchAttributes, startMemo } from "../shared/attributes.ts";
import { settleWithin } from "../shared/settle.ts";

const { findPending } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "5 minutes",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

const atATime = 50;

export interface Swept {
  found: number;
  started: number;
  /** Somebody was at them after all. */
  underWay: number;
}

/** Starts the reports that nobody started: taken in while Temporal was away, or left behind. The table is the truth, a start only a hint. */
export async function sweepReports(): Promise<Swept> {
  const pending = await findPending();
  const started = await settleWithin(atATime, pending, start);
  const swept = {
    found: pending.length,
    started: started.filter(Boolean).length,
    underWay: started.filter((isNew) => !isNew).length,
  };
  setCurrentDetails(
    swept.found === 0
      ? "nothing was left behind"
      : `${swept.found} reports without anybody at them: ${swept.started} started, ${swept.underWay} under way`,
  );
  return swept;
}

/** False when it is under way. */
async function start({ client, reportId, workflowId }: ReportToStart): Promise<boolean> {
  try {
    await startChild<typeof reconcileReport>("reconcileReport", {
      workflowId,
      args: [{ client, reportId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `report ${reportId}, client ${client}`,
      ...startMemo(),
      ...searchAttributes([{ key: clientIdKey, value: client }]),
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

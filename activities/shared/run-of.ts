import { activityInfo } from "@temporalio/activity";

/** Which run an activity works for, and which try of it this is: what ledgers and receipts write down. */
export function runOf(): { workflowId: string; runId: string; attempt: number } {
  const { workflowExecution, attempt } = activityInfo();
  return { workflowId: workflowExecution?.workflowId ?? "", runId: workflowExecution?.runId ?? "", attempt };
}

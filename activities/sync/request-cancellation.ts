import { getClient } from "@temporalio/activity";
import { runOf } from "../shared/run-of.ts";

/** Asks Temporal to cancel the workflow that calls this. */
export async function requestCancellation(): Promise<void> {
  const { workflowId, runId } = runOf();
  if (workflowId !== "") await getClient().workflow.getHandle(workflowId, runId).cancel();
}

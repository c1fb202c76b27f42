import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import { ParentClosePolicy } from "@temporalio/workflow";
import { clientIdKey, searchAttributes, startMemo } from "./attributes.ts";

/** Options of a child that goes on without the workflow that starts it. */
export const apart = (client: string, summary: string) => ({
  parentClosePolicy: ParentClosePolicy.ABANDON,
  staticSummary: summary,
  ...startMemo(),
  ...searchAttributes([{ key: clientIdKey, value: client }]),
});

/** False when it runs already: what is new is in the table, and it or the next run takes it. */
export async function unlessRunning(start: () => Promise<unknown>): Promise<boolean> {
  try {
    await start();
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  sleep,
} from "@temporalio/workflow";
import { describeFailure } from "../shared/failures.ts";
import { clientIdKey, searchAttributes, sliceDayKey, sourceKey, startMemo } from "../shared/attributes.ts";
import type { SliceSettled, SyncSliceInput } from "./shapes.ts";
import { sliceWorkflowId } from "./slice-id.ts";
import type { syncSlice } from "./sync-slice.ts";

const firstWaitMs = 10_000;
const longestWaitMs = 60_000;

/** One durable workflow per slice. When another run works on the same slice, it waits and fetches after it, so its fetch is later than its request. */
export async function runSlice(input: SyncSliceInput & { client: string; runId: string }): Promise<SliceSettled> {
  const { day } = input;
  const workflowId = sliceWorkflowId(input);
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      const result = await executeChild<typeof syncSlice>("syncSlice", {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${input.source} ${day}`,
        ...startMemo(),
        ...searchAttributes([
          { key: clientIdKey, value: input.client },
          { key: sourceKey, value: input.source },
          { key: sliceDayKey, value: day },
        ]),
      });
      return { day, state: "done", result };
    } catch (error) {
      if (isCancellation(error)) {
        if (CancellationScope.current().consideredCancelled) return { day, state: "cancelled" };
        // A day that is cancelled by hand counts as failed; the run goes on.
        return { day, state: "failed", type: "Cancelled", reason: "the day was cancelled by hand" };
      }
      if (error instanceof WorkflowExecutionAlreadyStartedError) {
        try {
          await sleep(waitMs, { summary: `waiting for ${workflowId}` });
        } catch {
          return { day, state: "cancelled" };
        }
        continue;
      }
      return { day, state: "failed", ...describeFailure(error) };
    }
  }
}

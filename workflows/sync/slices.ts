import {
  ApplicationFailure,
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
  type SearchAttributePair,
} from "@temporalio/common";
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import type { SliceResult } from "../../activities/sync/sync.ts";
import type { syncSlice, SyncSliceInput } from "./sync-slice.ts";

export const clientIdKey = defineSearchAttributeKey("ClientId", SearchAttributeType.KEYWORD);
export const sourceKey = defineSearchAttributeKey("Source", SearchAttributeType.KEYWORD);
export const sliceDayKey = defineSearchAttributeKey("SliceDay", SearchAttributeType.KEYWORD);
export const outcomeKey = defineSearchAttributeKey("Outcome", SearchAttributeType.KEYWORD);

export type SliceSettled = { day: string } & (
  { state: "done"; result: SliceResult } | { state: "failed"; type: string; reason: string } | { state: "cancelled" }
);

const firstWaitMs = 10_000;
const longestWaitMs = 60_000;

/** A stack whose namespace does not know our search attributes starts its workflows without them: an unknown one refuses the start. */
export function searchAttributes(pairs: SearchAttributePair[]): { typedSearchAttributes?: SearchAttributePair[] } {
  return workflowInfo().memo?.["searchAttributes"] === "off" ? {} : { typedSearchAttributes: pairs };
}

/** What a child has to know of that. */
export function startMemo(): { memo?: Record<string, string> } {
  return workflowInfo().memo?.["searchAttributes"] === "off" ? { memo: { searchAttributes: "off" } } : {};
}

/** The queue of a vendor's activities: isolation, so that one that is down fills only its own. */
export function vendorQueue(source: string): string {
  return workflowInfo().taskQueue.replace(/signal-room$/, `vendor-${source.split(".")[0]}`);
}

/** One durable workflow per slice. When another run is at the same slice, waits and pulls after it: later than its own request. */
export async function runSlice(input: SyncSliceInput & { client: string; runId: string }): Promise<SliceSettled> {
  const { day } = input;
  const workflowId = `${input.source}/${input.client}/${day}`;
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
        // One day cancelled by hand is one day that did not come, not the end of the run.
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

/** The innermost failure that has a type of ours: what a person needs to read. */
export function describeFailure(error: unknown): { type: string; reason: string } {
  let cause: unknown = error;
  while (cause instanceof Error && !(cause instanceof ApplicationFailure) && cause.cause !== undefined)
    cause = cause.cause;
  if (cause instanceof ApplicationFailure) return { type: cause.type ?? "Unexpected", reason: cause.message };
  if (error instanceof ChildWorkflowFailure)
    return {
      type: "Terminated",
      reason: `the slice's workflow was ended from outside: ${cause instanceof Error ? cause.message : error.message}`,
    };
  return { type: "Unexpected", reason: error instanceof Error ? error.message : String(error) };
}

/** Runs `work` for every item, at most `concurrency` at a time, as long as `mayStart` lets it. Every failure is an outcome, never an exception. */
export async function settleWithin<Item, Outcome>(
  concurrency: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Outcome>,
  options: { mayStart?: () => Promise<boolean>; onSettled?: (outcome: Outcome) => void } = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      if (options.mayStart !== undefined && !(await options.mayStart())) return;
      const item = items[next];
      next += 1;
      if (item === undefined) return;
      const outcome = await work(item);
      outcomes.push(outcome);
      options.onSettled?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  return outcomes;
}

/** Runs even when the workflow has been cancelled: the record of a run is closed in any case. */
export function whateverHappens<Result>(work: () => Promise<Result>): Promise<Result> {
  return CancellationScope.nonCancellable(work);
}

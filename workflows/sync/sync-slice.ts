import {
  ActivityCancellationType,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from "@temporalio/workflow";
import type { SliceResult } from "../../activities/sync/shapes.ts";
import type { SyncActivities } from "../../activities/sync/sync.ts";
import { clientIdKey, note, outcomeKey, sliceDayKey, sourceKey } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { sourceQueue } from "../shared/queues.ts";
import { whateverHappens } from "../shared/settle.ts";
import type { SyncSliceInput } from "./shapes.ts";

const records = proxyActivities<SyncActivities>({
  startToCloseTimeout: "30 seconds",
  scheduleToCloseTimeout: "6 hours",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** Fetches one day of one source for one client, whole, and merges it with a receipt. */
export async function syncSlice(input: SyncSliceInput): Promise<SliceResult> {
  // A parent has checked its plan; input that a person typed is checked here.
  const planned = workflowInfo().parent === undefined ? undefined : input.client;
  const client = planned ?? (await records.checkSlice({ ...input }).catch(planFailure)).client;
  const { source, day } = input;
  if (workflowInfo().parent === undefined) {
    note([
      { key: clientIdKey, value: client },
      { key: sourceKey, value: source },
      { key: sliceDayKey, value: day },
    ]);
  }
  const { pullSlice } = proxyActivities<SyncActivities>({
    taskQueue: sourceQueue(source),
    startToCloseTimeout: "30 minutes",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "60 seconds" },
    // A cancelled slice is over only when its activity is.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const runId = input.runId ?? workflowInfo().runId;
  setCurrentDetails(`Fetching **${source}** ${day} for client ${client}.`);
  try {
    const result = await pullSlice.executeWithOptions({ summary: `${source} ${day}` }, [
      { client, source, day, runId, acceptEmpty: input.acceptEmpty ?? false },
    ]);
    note([{ key: outcomeKey, value: result.outcome }]);
    setCurrentDetails(describeResult(source, client, result));
    return result;
  } catch (error) {
    if (isCancellation(error)) {
      note([{ key: outcomeKey, value: "cancelled" }]);
      throw error;
    }
    const { type, reason } = describeFailure(error);
    note([{ key: outcomeKey, value: "failed" }]);
    setCurrentDetails(
      `**Failed** (${type}): ${reason}\n\nReset this workflow to its first task, or start it again, to try once more.`,
    );
    await whateverHappens(() => records.recordSliceFailure({ client, source, day, runId, type, reason }));
    throw ApplicationFailure.create({ type, message: reason, nonRetryable: true });
  }
}

/** Results in older histories name the quarantined rows differently. */
type StoredResult = Omit<SliceResult, "quarantined" | "quarantinedTotal"> &
  (Pick<SliceResult, "quarantined" | "quarantinedTotal"> | { setAside: number; setAsideTotal: string });

function describeResult(source: string, client: string, result: StoredResult): string {
  const { quarantined, quarantinedTotal } =
    "setAside" in result ? { quarantined: result.setAside, quarantinedTotal: result.setAsideTotal } : result;
  const lines = [
    ["rows in the answer", result.fetched],
    ["inserted", result.inserted],
    ["updated", result.updated],
    ["unchanged", result.unchanged],
    ["withdrawn", result.withdrawn],
    ["quarantined", `${quarantined} (${quarantinedTotal})`],
    ["sum", result.shownTotal],
    ["vendor's total", result.vendorTotal ?? "none given"],
  ].map(([name, value]) => `${String(name).padEnd(20)} ${value}`);
  const state = result.isFinal ? "final" : "provisional";
  return `**${source}** ${result.day}, client ${client}: **${result.outcome}**, ${state}\n\n\`\`\`\n${lines.join("\n")}\n\`\`\``;
}

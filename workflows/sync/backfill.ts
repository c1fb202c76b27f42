import {
  ActivityCancellationType,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  defineQuery,
  defineUpdate,
  isCancellation,
  makeContinueAsNewFunc,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import type { BackfillInput, BackfillPlan, DayPreview } from "../../activities/sync/shapes.ts";
import type { SyncActivities } from "../../activities/sync/sync.ts";
import { runSlice } from "./slices.ts";
import { finishRun } from "./finish-run.ts";
import { addPreview, addSettled, describeDays, emptyTally, summarize, type RunSummary, type Tally } from "./tally.ts";
import { clientIdKey, searchAttributes, sourceKey } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { settleWithin, whateverHappens } from "../shared/settle.ts";
import { sourceQueue } from "../shared/queues.ts";
import { type SliceSettled } from "./shapes.ts";

/** Where a backfill goes on after it continued as new. Set by the workflow, never typed. */
export interface BackfillProgress {
  runId: string;
  cursor: number;
  paused: boolean;
  tally: Tally;
  previews: DayPreview[];
  /** A history of this many slices is long enough to read; the rest goes on in a new one. Tests want it short. */
  slicesPerHistory: number;
}

export const pauseUpdate = defineUpdate<string>("pause");
export const resumeUpdate = defineUpdate<string>("resume");
export const cancelUpdate = defineUpdate<string>("cancel");
export const progressQuery = defineQuery<RunSummary & { paused: boolean }>("progress");

const { planBackfill, requestCancellation } = proxyActivities<SyncActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "6 hours",
  // A plan opens the run's record: cancelled while it does, the run still has to be closed.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** Days of which a dry run keeps the change; beyond, only the sums. */
const mostPreviews = 1_000;
const defaultSlicesPerHistory = 400;

/** Another run's record would be written to under its id: only a history that goes on as a new one knows where it is. */
function refuseTypedProgress(resumed: Partial<BackfillProgress>): void {
  const [typed] = Object.keys(resumed).filter((name) => name !== "slicesPerHistory" && name !== "paused");
  if (typed === undefined || workflowInfo().continuedFromExecutionRunId !== undefined) return;
  throw ApplicationFailure.create({
    type: "InvalidInput",
    message: `unknown field "${typed}" in a second input: a backfill takes one`,
    nonRetryable: true,
  });
}

/**
 * Reads a range of days again, a few at a time. Pause, resume and cancel are updates; the UI's own Cancel does the
 * same as `cancel`.
 */
export async function backfill(input: BackfillInput, resumed: Partial<BackfillProgress> = {}): Promise<RunSummary> {
  refuseTypedProgress(resumed);
  const { workflowId } = workflowInfo();
  const { runId = workflowInfo().runId, slicesPerHistory = defaultSlicesPerHistory } = resumed;
  const scope = new CancellationScope({ cancellable: true });
  let paused = resumed.paused ?? false;
  let cancelled = false;
  let tally = resumed.tally ?? emptyTally(0);
  const previews = resumed.previews ?? [];
  let show = () => undefined as void;

  const pause = () => ((paused = true), show(), "paused: the days under way are finished, no new one is started");
  setHandler(pauseUpdate, pause, {
    description: "Finish the days under way, then wait. Takes effect at once, lasts until resume.",
  });
  setHandler(resumeUpdate, () => ((paused = false), show(), "resumed"), { description: "Go on after a pause." });
  const cancel = async () => {
    cancelled = true;
    scope.cancel();
    show();
    // Only what Temporal itself was asked to cancel ends as Cancelled.
    await whateverHappens(() => requestCancellation());
    return "cancelled: days that are merged stay merged";
  };
  setHandler(cancelUpdate, cancel, {
    description: "Stop. Days that are merged stay merged; the run is recorded as cancelled.",
  });
  setHandler(progressQuery, () => ({ ...summarize(tally), paused }), {
    description: "How many days are done, and what they came to.",
  });

  const plan = await planBackfill({ ...input }, { runId, workflowId }).catch(planFailure);
  if (resumed.tally === undefined) tally = emptyTally(plan.slices.length);
  makeFindable(plan);
  const title = `**${plan.dryRun ? "Dry run of " : ""}${plan.source}** ${plan.day} to ${plan.to}, client ${plan.client}`;
  show = () => setCurrentDetails(describeDays(title, tally, cancelled ? "cancelling" : paused ? "paused" : ""));
  show();

  let cursor = resumed.cursor ?? 0;
  let started = 0;
  const historyIsFull = () => started >= slicesPerHistory || workflowInfo().continueAsNewSuggested;
  const mayStart = async () => {
    if (historyIsFull()) return false;
    // Cancelled while paused: not an exception, or days that are still running would be left behind.
    await condition(() => !paused || cancelled).catch(() => undefined);
    return !cancelled && !scope.consideredCancelled && !tally.credentials && !tally.cancelled && !historyIsFull();
  };
  const work = async (day: string): Promise<void> => {
    started += 1;
    cursor += 1;
    if (plan.dryRun) await preview(plan, { day, runId }, tally, previews);
    else
      addSettled(
        tally,
        await runSlice({ client: plan.client, source: plan.source, day, runId, acceptEmpty: plan.acceptEmpty }),
      );
    show();
  };
  const remaining = plan.slices.slice(cursor).map((slice) => slice.day);
  try {
    await scope.run(() => settleWithin(plan.parallel, remaining, work, { mayStart }));
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  // The UI's Cancel arrives here as the workflow's own cancellation, which the scope passes on.
  if (cancelled || scope.consideredCancelled) tally.cancelled = true;

  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  if (!tally.cancelled && !tally.credentials && cursor < plan.slices.length) {
    // Every child is over: continuing as new would end those that are not.
    await continueOnNewestBuild(input, { runId, cursor, paused, tally, previews, slicesPerHistory });
  }
  return finishRun({
    runId,
    client: plan.client,
    source: plan.source,
    tally,
    ...(plan.dryRun ? { preview: previews.filter(wouldChange) } : {}),
  });
}

function makeFindable(plan: BackfillPlan): void {
  if (searchAttributes([]).typedSearchAttributes === undefined) return;
  upsertSearchAttributes([
    { key: clientIdKey, value: plan.client },
    { key: sourceKey, value: plan.source },
  ]);
}

/** A pinned workflow would otherwise pass its old build on to every history after it. */
function continueOnNewestBuild(...of: Parameters<typeof backfill>): Promise<never> {
  return makeContinueAsNewFunc<typeof backfill>({ initialVersioningBehavior: "AUTO_UPGRADE" })(...of);
}

function wouldChange({ change, inserted, updated, withdrawn, reconciled }: DayPreview): boolean {
  return change !== "0.00" || inserted + updated + withdrawn > 0 || !reconciled;
}

async function preview(
  plan: BackfillPlan,
  { day, runId }: { day: string; runId: string },
  tally: Tally,
  previews: DayPreview[],
): Promise<void> {
  const { previewSlice } = proxyActivities<SyncActivities>({
    taskQueue: sourceQueue(plan.source),
    startToCloseTimeout: "30 minutes",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "12 seconds",
  });
  try {
    const found = await previewSlice.executeWithOptions({ summary: `${plan.source} ${day}` }, [
      { client: plan.client, source: plan.source, day, runId, acceptEmpty: plan.acceptEmpty },
    ]);
    addPreview(tally, found);
    if (previews.length < mostPreviews) previews.push(found);
  } catch (error) {
    const settled: SliceSettled = isCancellation(error)
      ? { day, state: "cancelled" }
      : { day, state: "failed", ...describeFailure(error) };
    addSettled(tally, settled);
  }
}

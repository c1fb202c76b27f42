import { ActivityCancellationType, proxyActivities, setCurrentDetails, workflowInfo } from "@temporalio/workflow";
import type { SyncInput } from "../../activities/sync/shapes.ts";
import type { SyncActivities } from "../../activities/sync/sync.ts";
import { finishRun } from "./finish-run.ts";
import { addSettled, describeDays, emptyTally, type RunSummary } from "./tally.ts";
import { runSlice } from "./slices.ts";
import { clientIdKey, note, sourceKey } from "../shared/attributes.ts";
import { settleWithin } from "../shared/settle.ts";
import { planFailure } from "../shared/failures.ts";

const { planSync } = proxyActivities<SyncActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "6 hours",
  // A plan opens the run's record: cancelled while it does, the run still has to be closed.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** Brings one source up to date: plan, one child per slice, record the run; name the days that failed. */
export async function syncSource(input: SyncInput): Promise<RunSummary> {
  const { runId, workflowId, startTime } = workflowInfo();
  // The moment a schedule meant, not the one a late worker got to it.
  const scheduledFor = workflowInfo().searchAttributes["TemporalScheduledStartTime"]?.[0] as Date | string | undefined;
  const moment = scheduledFor === undefined ? startTime : new Date(scheduledFor);
  const run = { runId, workflowId, moment: moment.toISOString(), scheduled: scheduledFor !== undefined };
  const plan = await planSync({ ...input }, run).catch(planFailure);
  note([
    { key: clientIdKey, value: plan.client },
    { key: sourceKey, value: plan.source },
  ]);

  const tally = emptyTally(plan.slices.length);
  const title = `**${plan.source}**, client ${plan.client}, run of ${plan.day}`;
  setCurrentDetails(describeDays(title, tally));
  await settleWithin(
    plan.parallel,
    plan.slices,
    (slice) => runSlice({ client: plan.client, source: plan.source, day: slice.day, runId }),
    {
      // A refused key fails for every day: no need to try each.
      mayStart: () => Promise.resolve(!tally.credentials && !tally.cancelled),
      onSettled: (settled) => {
        addSettled(tally, settled);
        setCurrentDetails(describeDays(title, tally));
      },
    },
  );
  return finishRun({ runId, client: plan.client, source: plan.source, tally });
}

import { ApplicationFailure } from "@temporalio/common";
import {
  ActivityCancellationType,
  CancelledFailure,
  proxyActivities,
  setCurrentDetails,
  upsertMemo,
  workflowInfo,
} from "@temporalio/workflow";
import type { DayPreview, SyncInput } from "../../activities/sync/sync.ts";
import type { SyncActivities } from "../../activities/types.ts";
import { addSettled, describeDays, emptyTally, summarize, type RunSummary, type Tally } from "./tally.ts";
import { runSlice } from "./slices.ts";
import { clientIdKey, note, outcomeKey, sourceKey } from "../shared/attributes.ts";
import { settleWithin, whateverHappens } from "../shared/settle.ts";
import { planFailure } from "../shared/failures.ts";

const { planSync, closeRun } = proxyActivities<SyncActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "6 hours",
  // A plan opens the run's record: cancelled while it does, the run still has to be closed.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** Brings one source up to date: plan, one child per slice, record the run; name the days that would not come. */
export async function syncSource(input: SyncInput): Promise<RunSummary> {
  const { runId, workflowId, startTime } = workflowInfo();
  // The moment a schedule meant, not the one a late worker got to it.
  const scheduledFor = workflowInfo().searchAttributes["TemporalScheduledStartTime"]?.[0] as Date | string | undefined;
  const moment = scheduledFor === undefined ? startTime : new Date(scheduledFor);
  const plan = await planSync({
    ...input,
    runId,
    workflowId,
    moment: moment.toISOString(),
    scheduled: scheduledFor !== undefined,
  }).catch(planFailure);
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
      // A key that is refused is refused for every day: no need to ask again with each.
      mayStart: () => Promise.resolve(!tally.credentials && !tally.cancelled),
      onSettled: (settled) => {
        addSettled(tally, settled);
        setCurrentDetails(describeDays(title, tally));
      },
    },
  );
  return finishRun({ runId, client: plan.client, source: plan.source, tally });
}

/** Records how a run ended, then ends it that way: failed slices fail the run, after the rest is written, and are named. */
export async function finishRun(run: {
  runId: string;
  client: string;
  source: string;
  tally: Tally;
  preview?: DayPreview[];
}): Promise<RunSummary> {
  const { runId, client, source, tally, preview } = run;
  const outcome = tally.cancelled ? "cancelled" : tally.failed.length > 0 ? "failed" : "completed";
  const summary: RunSummary = { ...summarize(tally), ...(preview === undefined ? {} : { preview }) };
  const reason = tally.failed.length === 0 ? null : describeFailures(tally);
  note([{ key: outcomeKey, value: outcome }]);
  upsertMemo({ summary: summarize(tally) });
  await whateverHappens(() =>
    closeRun({
      runId,
      client,
      source,
      outcome,
      done: tally.done,
      failed: tally.failed.length,
      reason,
      inserted: summary.inserted,
      updated: summary.updated,
      unchanged: summary.unchanged,
      withdrawn: summary.withdrawn,
      failedDays: tally.failed.map((failure) => failure.day),
      credentials: tally.credentials,
      dryRun: preview !== undefined,
    }),
  );
  if (outcome === "cancelled") throw new CancelledFailure(`cancelled after ${tally.done} of ${tally.planned} days`);
  if (reason !== null) {
    throw ApplicationFailure.create({
      type: tally.credentials ? "CredentialsRejected" : "SlicesFailed",
      message: reason,
      nonRetryable: true,
      details: [summary],
    });
  }
  return summary;
}

function describeFailures(tally: Tally): string {
  const named = tally.failed.slice(0, 10).map(({ day, type, reason }) => `${day} (${type}): ${reason}`);
  const more = tally.failed.length > named.length ? [`and ${tally.failed.length - named.length} more`] : [];
  const rest = tally.planned - tally.done - tally.failed.length;
  const unstarted = rest > 0 ? [`${rest} days were not started`] : [];
  return `${tally.failed.length} of ${tally.planned} days failed: ${[...named, ...more, ...unstarted].join("; ")}`;
}

import { ApplicationFailure } from "@temporalio/common";
import { ActivityCancellationType, CancelledFailure, proxyActivities, upsertMemo } from "@temporalio/workflow";
import type { DayPreview } from "../../activities/sync/shapes.ts";
import type { SyncActivities } from "../../activities/sync/sync.ts";
import { note, outcomeKey } from "../shared/attributes.ts";
import { whateverHappens } from "../shared/settle.ts";
import { summarize, type RunSummary, type Tally } from "./tally.ts";

const { closeRun } = proxyActivities<SyncActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "6 hours",
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

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
  const tallied = summarize(tally);
  const reason = tally.failed.length === 0 ? null : describeFailures(tally);
  note([{ key: outcomeKey, value: outcome }]);
  upsertMemo({ summary: tallied });
  const written = await whateverHappens(() =>
    closeRun({
      runId,
      client,
      source,
      outcome,
      done: tally.done,
      failed: tally.failed.length,
      reason,
      inserted: tallied.inserted,
      updated: tallied.updated,
      unchanged: tallied.unchanged,
      withdrawn: tallied.withdrawn,
      failedDays: tally.failed.map((failure) => failure.day),
      credentials: tally.credentials,
      dryRun: preview !== undefined,
    }),
  );
  // A fetch whose result got lost has still written: the receipts say what.
  const summary: RunSummary = { ...tallied, ...written, ...(preview === undefined ? {} : { preview }) };
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

import { ApplicationFailure } from "@temporalio/common";
import {
  ActivityCancellationType,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { ReconcileInput, ReconcilePlan } from "../../activities/recon/plan-reconciliation.ts";
import type { ReconcileStep } from "../../activities/recon/reconcile.ts";
import type { DiscordActivities } from "../../activities/recon/discord.ts";
import type { ReconcileActivities } from "../../activities/recon/reconcile-activities.ts";
import { clientIdKey, note, outcomeKey, sourceKey } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";
import { whateverHappens } from "../shared/settle.ts";

/** Ends a wait: the platform is asked again at once. */
export const retryNow = defineSignal("retryNow");

/** A local activity: a normal one would cost a tenth of a second. Left out where the API has told what it would answer. */
const { planReconciliation } = proxyLocalActivities<ReconcileActivities>({
  startToCloseTimeout: "10 seconds",
  scheduleToCloseTimeout: "1 hour",
  retry: { initialInterval: "200 milliseconds", maximumInterval: "30 seconds" },
});
const { noteStopped } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: "30 seconds",
  scheduleToCloseTimeout: "6 hours",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});
/** Discord takes an answer for 15 minutes. */
const { sendVerdict } = proxyActivities<DiscordActivities>({
  startToCloseTimeout: "30 seconds",
  scheduleToCloseTimeout: "12 minutes",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

/** The result of a report. */
export interface Reconciled {
  client: string;
  reportId: string;
  attempt: number;
  verdict: string;
  level: string | null;
  reason: string;
}

/** What a workflow that continues as new carries on. */
export interface Waited {
  tries: number;
  /** How many tries one history holds at most; when left out, as many as Temporal suggests. */
  triesPerHistory?: number;
}

/** Brings one report to the verdict of the attempt it is at, however long its platform takes. */
export async function reconcileReport(input: ReconcileInput, waited: Waited = { tries: 0 }): Promise<Reconciled> {
  let isNudged = false;
  setHandler(retryNow, () => void (isNudged = true), { description: "ask the platform again now instead of waiting" });
  const plan = takenIn(input, waited) ?? (await planReconciliation({ ...input }).catch(planFailure));
  const { client, reportId, attempt, platform } = plan;
  // Told at the start by the API; telling costs Temporal a write. A history that goes on has always told it again.
  const isTold = waited.tries === 0 && workflowInfo().typedSearchAttributes.get(sourceKey) === platform;
  if (!isTold)
    note([
      { key: clientIdKey, value: client },
      { key: sourceKey, value: platform },
    ]);
  const { reconcile } = proxyActivities<ReconcileActivities>({
    taskQueue: vendorQueue(plan.vendor),
    startToCloseTimeout: "5 minutes",
    // A platform whose worker is stopped is paused: its reports stay in its queue.
    scheduleToCloseTimeout: "15 days",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "5 minutes" },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const lastTry = waited.tries + (waited.triesPerHistory ?? Number.POSITIVE_INFINITY);
  let { tries } = waited;
  const verdict = await untilVerdict().catch(stopped);
  // After the catch: continuing as new is thrown, and must not be handled as an error.
  if (verdict === null) return continueAsNew<typeof reconcileReport>(input, { ...waited, tries });
  return finish(plan, verdict);

  /** Null when the history is full. */
  async function untilVerdict(): Promise<Extract<ReconcileStep, { kind: "verdict" }> | null> {
    let sent = Promise.resolve();
    for (;;) {
      isNudged = false;
      tries += 1;
      const step = await reconcile.executeWithOptions({ summary: `${platform}, attempt ${attempt}, try ${tries}` }, [
        { client, reportId, attempt },
      ]);
      if (tries === 1 || step.kind === "verdict") sent = observed(sent.then(() => answerDiscord(plan)));
      setCurrentDetails(describe(plan, step, tries));
      if (step.kind === "verdict") {
        await sent;
        return step;
      }
      note([{ key: outcomeKey, value: "waiting" }]);
      await condition(() => isNudged, step.waitMs, { summary: `${platform}: ${step.reason}`.slice(0, 200) });
      if (tries >= lastTry || workflowInfo().continueAsNewSuggested) {
        await sent;
        return null;
      }
    }
  }

  async function stopped(error: unknown): Promise<never> {
    const byHand = isCancellation(error);
    if (!byHand && !(error instanceof Error)) throw error;
    const { type, reason } = byHand ? { type: "Cancelled", reason: "stopped by hand" } : describeFailure(error);
    await whateverHappens(() => noteStopped({ client, reportId, reason, byHand }));
    note([{ key: outcomeKey, value: "stopped" }]);
    setCurrentDetails(`**Stopped** (${type}): ${reason}`);
    if (byHand) throw error;
    throw ApplicationFailure.create({ type, message: reason, nonRetryable: true });
  }
}

/** What the API says of a report that it has just taken in. What a person starts has none, nor has one that goes on. */
function takenIn({ client, reportId }: ReconcileInput, waited: Waited): ReconcilePlan | null {
  const told = workflowInfo().memo?.["takenIn"] as Omit<ReconcilePlan, keyof ReconcileInput> | undefined;
  return waited.tries > 0 || told === undefined ? null : { client, reportId, ...told };
}

/**
 * A promise that is awaited later, if at all: whoever awaits it meets its failure, and until then a failure is not one
 * that is not handled. Such a failure fails each workflow task, and the workflow hangs.
 */
function observed<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

/** A submission over Discord is answered there; a failed message changes no verdict. */
async function answerDiscord({ client, reportId, hasInteraction }: ReconcilePlan): Promise<void> {
  if (!hasInteraction) return;
  await sendVerdict
    .executeWithOptions({ summary: `report ${reportId}` }, [{ client, reportId }])
    .catch((error: unknown) => {
      if (isCancellation(error)) throw error;
    });
}

function finish(
  { client, reportId, attempt }: ReconcilePlan,
  { verdict, level, reason }: Extract<ReconcileStep, { kind: "verdict" }>,
): Reconciled {
  note([{ key: outcomeKey, value: level === null ? verdict : `${verdict} ${level}` }]);
  return { client, reportId, attempt, verdict, level, reason };
}

function describe({ client, reportId, attempt, platform }: ReconcilePlan, step: ReconcileStep, tries: number): string {
  const title = `Report **${reportId}**, client ${client}, on ${platform}, attempt ${attempt}`;
  if (step.kind === "verdict")
    return `${title}\n\n**${step.verdict}${step.level === null ? "" : ` ${step.level}`}**: ${step.reason}`;
  const minutes = Math.ceil(step.waitMs / 6_000) / 10;
  const detail = step.detail === null ? "" : `\n\n${step.detail}`;
  return `${title}\n\n**waiting** after try ${tries}: ${step.reason}; next try within ${minutes} minutes, or at once with the signal retryNow${detail}`;
}

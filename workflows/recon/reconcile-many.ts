import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  CancellationScope,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import type { ReportToStart } from "../../activities/recon/find-pending.ts";
import type { ReconcileManyInput } from "../../activities/recon/plan-many.ts";
import type { ReconcileActivities } from "../../activities/recon/reconcile-activities.ts";
import { retryNow, type reconcileReport } from "./reconcile-report.ts";
import { clientIdKey, searchAttributes, startMemo } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { settleWithin, whateverHappens } from "../shared/settle.ts";
import { withinPatience } from "../shared/within-patience.ts";

const { planMany, readPage, noteFailures, closeReconciliation } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "6 hours",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
});

const atATime = 20;
/** A report that waits for its platform continues by itself; the run does not wait for it. */
const patience = "2 minutes";

export interface ManyReconciled {
  client: string;
  runId: string;
  planned: number;
  /** By verdict, as "DISCREPANCY HIGH". */
  verdicts: Record<string, number>;
  /** Still running when the run had waited long enough. */
  waiting: number;
  failed: number;
}

type Settled =
  { kind: "verdict"; judged: string } | { kind: "waiting" } | { kind: "failed"; reportId: string; reason: string };

export interface ManyProgress extends ManyReconciled {
  after: string | null;
}

/** Judges again: a report, or those of a post, an affiliate or a campaign; each gets its next attempt. */
export async function reconcileMany(input: ReconcileManyInput, progress?: ManyProgress): Promise<ManyReconciled> {
  const sum: ManyProgress = progress ?? {
    ...(await planMany({ ...input }).catch(planFailure)),
    verdicts: {},
    waiting: 0,
    failed: 0,
    after: null,
  };
  const { client, runId } = sum;
  try {
    for (;;) {
      const page = await readPage({ client, runId, after: sum.after });
      const settled = await settleWithin(atATime, page, judgeAgain, {
        onSettled: (one) => count(sum, one),
      });
      const failures = settled.filter((one) => one.kind === "failed");
      if (failures.length > 0) await noteFailures({ client, runId, failures });
      const last = page.at(-1);
      if (last === undefined) break;
      sum.after = last.reportId;
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof reconcileMany>(input, sum);
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await whateverHappens(() =>
      closeReconciliation({ client, runId, outcome: "cancelled", reason: null, after: sum.after }),
    );
    throw error;
  }
  const { after, ...result } = sum;
  const reason =
    sum.failed === 0 ? null : `${sum.failed} of ${sum.planned} reports failed; recon.run_reports names them`;
  await closeReconciliation({ client, runId, outcome: reason === null ? "completed" : "failed", reason, after });
  if (reason !== null)
    throw ApplicationFailure.create({ type: "ReportsFailed", message: reason, nonRetryable: true, details: [result] });
  return result;
}

async function judgeAgain({ client, reportId, workflowId }: ReportToStart): Promise<Settled> {
  try {
    const child = await startChild<typeof reconcileReport>("reconcileReport", {
      workflowId,
      args: [{ client, reportId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `report ${reportId}, client ${client}`,
      ...startMemo(),
      ...searchAttributes([{ key: clientIdKey, value: client }]),
    });
    const judged = await withinPatience(child.result(), { patience, whenCancelled: () => null });
    return judged === null
      ? { kind: "waiting" }
      : { kind: "verdict", judged: judged.level === null ? judged.verdict : `${judged.verdict} ${judged.level}` };
  } catch (error) {
    if (isCancellation(error) && CancellationScope.current().consideredCancelled) throw error;
    if (!(error instanceof WorkflowExecutionAlreadyStartedError))
      return { kind: "failed", reportId, reason: describeFailure(error).reason };
    // It is running and has no verdict of this attempt yet: only its wait is cut short.
    await getExternalWorkflowHandle(workflowId)
      .signal(retryNow)
      .catch(() => undefined);
    return { kind: "waiting" };
  }
}

function count(sum: ManyReconciled, settled: Settled): void {
  if (settled.kind === "verdict") sum.verdicts[settled.judged] = (sum.verdicts[settled.judged] ?? 0) + 1;
  else if (settled.kind === "waiting") sum.waiting += 1;
  else sum.failed += 1;
  setCurrentDetails(describe(sum));
}

function describe({ planned, verdicts, waiting, failed }: ManyReconciled): string {
  const lines = Object.entries(verdicts).map(([verdict, reports]) => `${reports} ${verdict}`);
  return `${planned} reports: ${[...lines, `${waiting} waiting`, `${failed} failed`].join(", ")}`;
}

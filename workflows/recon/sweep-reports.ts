import { continueAsNew, proxyActivities, setCurrentDetails, startChild } from "@temporalio/workflow";
import type { ReportToStart } from "../../activities/recon/find-pending.ts";
import type { ReconcileActivities } from "../../activities/recon/reconcile-activities.ts";
import type { reconcileReport } from "./reconcile-report.ts";
import { apart, unlessRunning } from "../shared/start-apart.ts";
import { settleWithin } from "../shared/settle.ts";
import { takesNoInput } from "../shared/no-input.ts";

/** Ends soon, also when Postgres is away: the next sweep is a minute later, and no two run at the same time. */
const { findPending } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: "20 seconds",
  scheduleToCloseTimeout: "40 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "10 seconds" },
});

const batch = 50;
/** After these the sweep continues as new. */
const batchesPerHistory = 4;

export interface Swept {
  found: number;
  started: number;
  /** Their workflow was running after all. */
  underWay: number;
}

/**
 * Starts the reports that were not started, in small batches: accepted while Temporal was away, or left behind. The table
 * is the truth, a start only a hint. The sweep does not wait for their results.
 */
export async function sweepReports(given?: Swept): Promise<Swept> {
  takesNoInput("sweepReports", given);
  const sum: Swept = { found: 0, started: 0, underWay: 0, ...given };
  for (let batches = 1; ; batches += 1) {
    const pending = await findPending({ limit: batch });
    const started = await settleWithin(batch, pending, start);
    sum.found += pending.length;
    sum.started += started.filter(Boolean).length;
    sum.underWay += started.filter((isNew) => !isNew).length;
    setCurrentDetails(
      sum.found === 0
        ? "every report has its workflow"
        : `${sum.found} reports without a workflow: ${sum.started} started, ${sum.underWay} running already`,
    );
    if (pending.length < batch) return sum;
    if (batches === batchesPerHistory) await continueAsNew<typeof sweepReports>(sum);
  }
}

async function start({ client, reportId, workflowId }: ReportToStart): Promise<boolean> {
  const options = { workflowId, ...apart(client, `report ${reportId}, client ${client}`) };
  return unlessRunning(() =>
    startChild<typeof reconcileReport>("reconcileReport", { ...options, args: [{ client, reportId }] }),
  );
}

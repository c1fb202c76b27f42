import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { readFailedSlices } from "../../queries/sync/ledger.ts";
import { closeRun as closeRecord, type CloseRun, type RunTotals } from "../../queries/sync/runs.ts";
import { guardedBy } from "../shared/failures.ts";
import type { SyncContext } from "./context.ts";

export interface RunToClose extends Omit<CloseRun, "found">, RunTotals {
  client: string;
  source: string;
  failedDays: string[];
  credentials: boolean;
  dryRun?: boolean;
}

/** Ends a run's record, and alerts people when it failed: once, not every hour. Returns what it wrote, by its receipts. */
export async function closeRun({ database, redact }: SyncContext, run: RunToClose): Promise<RunTotals> {
  return guardedBy(redact)(run.source, async () => {
    const reason = run.reason === null ? null : redact(run.reason);
    const { inserted, updated, unchanged, withdrawn } = run;
    const found = run.dryRun === true ? { inserted, updated, unchanged, withdrawn } : null;
    const totals = await closeRecord(database, { ...run, reason, found });
    // Whoever asked what would change is looking at the answer.
    if (run.dryRun === true) return totals;
    const subject = { client: run.client, area: "sync", subject: run.source };
    if (run.outcome === "failed") {
      await raiseAlert(database, {
        ...subject,
        kind: run.credentials ? "credentials_rejected" : "run_failed",
        severity: run.credentials ? "critical" : "warning",
        message: reason ?? "the run failed",
        details: { runId: run.runId, days: run.failedDays.slice(0, 50) },
      });
    } else if (run.outcome === "completed") {
      // A run of other days, or a dry run, recovers no slice, but it shows that the key works.
      const failed = await readFailedSlices(database, { client: run.client, source: run.source });
      const kinds = failed.length === 0 ? ["credentials_rejected", "run_failed"] : ["credentials_rejected"];
      await settleAlerts(database, { ...subject, kinds, notes: "a later run completed" });
    }
    return totals;
  });
}

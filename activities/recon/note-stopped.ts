import { recordStopped } from "../../queries/recon/record-progress.ts";
import { runOf } from "../shared/run-of.ts";
import type { ReconContext } from "./context.ts";
import type { ReconcileInput } from "./plan-reconciliation.ts";

/** The report is no longer being processed. */
export async function noteStopped(
  { database, redact }: Pick<ReconContext, "database" | "redact">,
  { client, reportId, reason, byHand }: ReconcileInput & { reason: string; byHand: boolean },
): Promise<void> {
  const said = redact(reason).slice(0, 500);
  await recordStopped(database, { client, reportId, reason: said, byHand, workflowId: runOf().workflowId });
}

import { deleteExpiredEvidence, sealMovedEvidence } from "../../queries/recon/evidence.ts";
import { watchPlatforms } from "../../queries/recon/health.ts";
import { findPendingReports, deleteExpiredInteractions } from "../../queries/recon/runs.ts";
import { reportWorkflowId } from "../../rules/recon/workflow-ids.ts";
import type { ReconContext } from "./context.ts";
import type { ReconcileInput } from "./plan-reconciliation.ts";

/** With its workflow's id, as that depends on settings, which workflows do not know. */
export interface ReportToStart extends ReconcileInput {
  workflowId: string;
}

/** A platform that fails for longer than this needs a person. */
const failingForMs = 30 * 60_000;
const sealedAtOnce = 500;

/** What a sweep has to start; and, as it comes by every minute, which platforms have failed for long. */
export async function findPending(
  { database, config }: Pick<ReconContext, "database" | "config">,
  { limit }: { limit: number },
): Promise<ReportToStart[]> {
  await watchPlatforms(database, { failingForMs });
  await deleteExpiredInteractions(database);
  await deleteExpiredEvidence(database);
  const key = config.credentialsKey;
  if (key !== null) await sealMovedEvidence(database, { key, limit: sealedAtOnce });
  const found = await findPendingReports(database, { limit, quietMs: config.recon.sweepQuietMs });
  return found.map((report) => toStart(config, report));
}

export function toStart(
  { queuePrefix }: Pick<ReconContext["config"], "queuePrefix">,
  { client, reportId }: ReconcileInput,
): ReportToStart {
  return { client, reportId, workflowId: queuePrefix + reportWorkflowId(reportId) };
}

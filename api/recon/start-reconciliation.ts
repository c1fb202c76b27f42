import { vendorOfPlatform } from "../../connectors/platforms/addresses.ts";
import { noteUnderWay } from "../../queries/recon/record-progress.ts";
import { reportWorkflowId } from "../../rules/recon/workflow-ids.ts";
import { forLog } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";
import { startWorkflow } from "../server/run-workflow.ts";

interface ReportToStart {
  client: string;
  reportId: string;
  platform: string;
  /** Of one that was taken in just now; null where it is not known how far an earlier one is. */
  takenIn: { hasInteraction: boolean } | null;
}

/**
 * A hint, not a promise: the report is stored, and a sweep starts what nobody started. So nobody waits for it, and a
 * Temporal that is away is a line in the log.
 */
export function startReconciliation(
  parts: Pick<ServerParts, "config" | "database" | "temporal" | "logger">,
  { client, reportId, platform, takenIn }: ReportToStart,
): void {
  const vendor = vendorOfPlatform(platform);
  const start = startWorkflow(parts, {
    type: "reconcileReport",
    workflowId: reportWorkflowId(reportId),
    client,
    source: platform,
    input: { client, reportId },
    ...(takenIn === null || vendor === null ? {} : { memo: { takenIn: { attempt: 1, platform, vendor, ...takenIn } } }),
    summary: `report ${reportId}, client ${client}`,
  });
  start
    .then(() => (takenIn === null ? undefined : noteUnderWay(parts.database, { client, reportId })))
    .catch((error: unknown) => {
      parts.logger.warn(
        { reportId, error: forLog(error) },
        "a report may wait for the sweep: Temporal or Postgres does not answer",
      );
    });
}

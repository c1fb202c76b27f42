import { reportWorkflowId } from "../../rules/recon/workflow-ids.ts";
import { forLog } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";
import { startWorkflow } from "../server/run-workflow.ts";

/**
 * A hint, not a promise: the report is stored, and a sweep starts what nobody started. So nobody waits for it, and a
 * Temporal that is away is a line in the log.
 */
export function startReconciliation(
  parts: Pick<ServerParts, "config" | "temporal" | "logger">,
  { client, reportId, platform }: { client: string; reportId: string; platform: string },
): void {
  startWorkflow(parts, {
    type: "reconcileReport",
    workflowId: reportWorkflowId(reportId),
    client,
    source: platform,
    input: { client, reportId },
    summary: `report ${reportId}, client ${client}`,
  }).catch((error: unknown) => {
    parts.logger.warn({ reportId, error: forLog(error) }, "a report waits for the sweep: Temporal does not answer");
  });
}

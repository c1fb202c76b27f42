import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { PreviewDone, PreviewInput } from "../../activities/files/preview-draft.ts";
import type { IngestActivities } from "../../activities/files/ingest.ts";
import { clientIdKey, note, outcomeKey, sourceKey } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { ingestQueue } from "../shared/queues.ts";

/**
 * Reads the first lines of an uploaded file as an import would, and imports nothing. What stands in them lies beside the
 * file: a history keeps only how many there are.
 */
export async function previewFile(input: PreviewInput): Promise<PreviewDone> {
  const { previewDraft } = proxyActivities<IngestActivities>({
    taskQueue: ingestQueue(),
    startToCloseTimeout: "1 minute",
    scheduleToCloseTimeout: "10 minutes",
    heartbeatTimeout: "10 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "5 seconds" },
  });
  const done = await previewDraft(input).catch(planFailure);
  note([
    { key: clientIdKey, value: input.client },
    { key: sourceKey, value: "rtb.performance" },
    { key: outcomeKey, value: done.isRefused ? "refused" : "checked" },
  ]);
  setCurrentDetails(
    `The first ${done.lines} lines, read as ${done.mapping}: ${done.rejected} would be rejected${done.isRefused ? "; the file would be refused" : ""}. Nothing is stored.`,
  );
  return done;
}

import { ActivityCancellationType, proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { RedriveInput } from "../../activities/files/plan-redrive.ts";
import type { Redriven, RedriveStep } from "../../activities/files/redrive-lines.ts";
import type { IngestActivities } from "../../activities/files/ingest.ts";
import { ingestQueue } from "../shared/queues.ts";
import { clientIdKey, note, outcomeKey, sourceKey } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";

/** The result of re-processing rejected lines, over all files. */
export interface RedriveSummary {
  client: string;
  resolved: number;
  remaining: number;
  files: Redriven[];
}

const shownFiles = 50;
const shownLines = 20;

/** Re-processes the rejected lines of one file, or of all: after a creative was loaded or a mapping corrected. */
export async function redriveFiles(input: RedriveInput = {}): Promise<RedriveSummary> {
  const { planRedrive, redriveLines } = proxyActivities<IngestActivities>({
    taskQueue: ingestQueue(),
    startToCloseTimeout: "1 hour",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "10 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const { client, files } = await planRedrive(input).catch(planFailure);
  const summary: RedriveSummary = { client, resolved: 0, remaining: 0, files: [] };
  note([
    { key: clientIdKey, value: client },
    { key: sourceKey, value: "rtb.performance" },
  ]);
  for (const { fileId } of files) {
    let sum: Redriven | undefined;
    for (let after: number | null = 0; after !== null;) {
      const step: RedriveStep = await redriveLines
        .executeWithOptions({ summary: `file ${fileId}, lines after ${after}` }, [{ client, fileId, after }])
        .catch(planFailure);
      const { next, ...numbers } = step;
      sum = sum === undefined ? numbers : add(sum, numbers);
      after = next;
    }
    if (sum === undefined) continue;
    summary.resolved += sum.resolved;
    summary.remaining += sum.remaining;
    summary.files = [...summary.files, sum].slice(-500);
    setCurrentDetails(describe(summary));
  }
  note([{ key: outcomeKey, value: summary.remaining === 0 ? "completed" : "remaining" }]);
  setCurrentDetails(describe(summary));
  return summary;
}

function add(sum: Redriven, more: Redriven): Redriven {
  return {
    ...more,
    tried: sum.tried + more.tried,
    resolved: sum.resolved + more.resolved,
    remaining: sum.remaining + more.remaining,
    inserted: sum.inserted + more.inserted,
    updated: sum.updated + more.updated,
    unchanged: sum.unchanged + more.unchanged,
    superseded: sum.superseded + more.superseded,
    errors: [...(sum.errors ?? []), ...(more.errors ?? [])],
  };
}

function describe({ client, resolved, remaining, files }: RedriveSummary): string {
  const lines = files
    .slice(-shownFiles)
    .map((file) =>
      [
        String(file.fileId).padStart(7),
        String(file.resolved).padStart(9),
        String(file.remaining).padStart(9),
        `${file.name}${file.reason === null ? "" : `: ${file.reason.slice(0, 200)}`}`,
      ].join("  "),
    );
  const left = files
    .flatMap(({ fileId, errors = [] }) => errors.map(({ line, reason }) => `- file ${fileId}, line ${line}: ${reason}`))
    .slice(0, shownLines);
  const heading = ["   file", " resolved", "remaining", "name"].join("  ");
  return [
    remaining === 0
      ? `Client ${client}: ${resolved} lines resolved, none remain`
      : `**Client ${client}: ${remaining} still rejected**, ${resolved} resolved`,
    ...(left.length === 0 ? [] : [left.join("\n")]),
    ...(lines.length === 0 ? [] : [`\`\`\`\n${heading}\n${lines.join("\n")}\n\`\`\``]),
  ].join("\n\n");
}

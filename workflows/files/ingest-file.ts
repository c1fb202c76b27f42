import {
  ActivityCancellationType,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from "@temporalio/workflow";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import type { IngestInput } from "../../activities/files/input.ts";
import type { IngestActivities } from "../../activities/files/ingest.ts";
import { clientIdKey, note, outcomeKey, sourceKey } from "../shared/attributes.ts";
import { describeFailure } from "../shared/failures.ts";
import { whateverHappens } from "../shared/settle.ts";
import { ingestQueue } from "../shared/queues.ts";

/** Imports one file of ad performance: reads it, checks every line, stores it whole or not at all, and reports the result. */
export async function ingestFile(input: IngestInput): Promise<IngestAnswer> {
  const { takeFile, noteIngestFailure } = proxyActivities<IngestActivities>({
    taskQueue: ingestQueue(),
    startToCloseTimeout: "4 hours",
    scheduleToCloseTimeout: "24 hours",
    // Short, so that what a killed worker left half done starts again soon; a retry starts the file from its first line.
    heartbeatTimeout: "10 seconds",
    retry: { initialInterval: "1 second", backoffCoefficient: 1.5, maximumInterval: "5 seconds" },
    // A cancelled ingest is over only when its transaction is.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const name = nameOf(input);
  setCurrentDetails(`Importing **${name}**. The heartbeat details of the pending activity show its progress.`);
  try {
    const answer = await takeFile.executeWithOptions({ summary: name }, [input]);
    note([
      { key: clientIdKey, value: answer.client },
      { key: sourceKey, value: "rtb.performance" },
      { key: outcomeKey, value: answer.status },
    ]);
    setCurrentDetails(describeAnswer(answer));
    return answer;
  } catch (error) {
    if (isCancellation(error)) {
      note([{ key: outcomeKey, value: "cancelled" }]);
      throw error;
    }
    const { type, reason } = describeFailure(error);
    note([
      { key: sourceKey, value: "rtb.performance" },
      { key: outcomeKey, value: "failed" },
    ]);
    setCurrentDetails(
      `**Failed** (${type}): ${reason}\n\nNothing was stored. Fix the cause and import the file again.`,
    );
    // After a dry run or a wrong input no alert is needed: the person sees the answer.
    const isSeen = input?.dryRun === true || (type === "InvalidInput" && workflowInfo().parent === undefined);
    if (!isSeen) await whateverHappens(() => noteIngestFailure({ input: input ?? {}, type, reason }));
    throw ApplicationFailure.create({ type, message: reason, nonRetryable: true });
  }
}

function nameOf(input: IngestInput | undefined): string {
  const name = input?.url ?? input?.path ?? "a file";
  return name.length > 120 ? `…${name.slice(-120)}` : name;
}

/** For people in the UI: one row per number, the first lines that were rejected, and what to do about them. */
export function describeAnswer(answer: IngestAnswer): string {
  const { status, superseded, sums, days } = answer;
  const rows: [string, string | number][] = [
    ["lines", answer.lines],
    ["inserted", answer.inserted],
    ["updated", answer.updated],
    ["unchanged", answer.unchanged],
    ...(answer.removed > 0 ? [["taken away", answer.removed] satisfies [string, number]] : []),
    ...(answer.combined === 0 ? [] : [["added to another", answer.combined] satisfies [string, number]]),
    ["overwritten", superseded.lines === 0 ? 0 : `${superseded.lines} (spend ${superseded.spend})`],
    ["rejected", answer.rejected],
    ["impressions", sums.impressions],
    ["clicks", sums.clicks],
    ["spend", sums.spend],
    ["days", days.from === null ? "none" : `${days.from} to ${days.to}`],
  ];
  const title = `**${answer.name}**, client ${answer.client}, mapping ${answer.mapping}: **${status.replace("_", " ")}**`;
  const notes = [
    ...(answer.reason === null || status === "already_ingested" ? [] : [`Nothing was stored: ${answer.reason}`]),
    ...(status === "already_ingested"
      ? [
          `File ${answer.fileId} is the same content. \`"force": true\` imports it again. ${answer.reason === null ? `Later files have replaced ${answer.replacedSince} of the rows it wrote.` : `${answer.reason}.`}`,
        ]
      : []),
    ...(answer.warning == null ? [] : [`**Look**: ${answer.warning}`]),
    ...(answer.summedOver.length === 0
      ? []
      : [`Lines that differ only in ${answer.summedOver.join(", ")} were added to each other.`]),
  ];
  const errors = answer.errors
    // Lines that the refusal names are not repeated.
    .filter(({ reason }) => answer.reason?.includes(reason) !== true)
    .slice(0, 10)
    .map(({ line, column, reason }) => `line ${line}${column === null ? "" : `, ${column}`}: ${reason}`);
  const more = answer.rejected > errors.length ? [`and ${answer.rejected - errors.length} more`] : [];
  return [
    title,
    ...notes,
    `\`\`\`\n${rows.map(([label, value]) => `${label.padEnd(18)} ${value}`).join("\n")}\n\`\`\``,
    ...(errors.length === 0 ? [] : [`Rejected:\n\`\`\`\n${[...errors, ...more].join("\n")}\n\`\`\``]),
  ].join("\n\n");
}

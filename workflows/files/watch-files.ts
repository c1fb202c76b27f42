import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  patched,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import type { FoundFile } from "../../activities/files/look-for-files.ts";
import type { IngestActivities } from "../../activities/files/ingest.ts";
import { type ingestFile } from "./ingest-file.ts";
import { ingestQueue } from "../shared/queues.ts";
import { clientIdKey, searchAttributes, sourceKey } from "../shared/attributes.ts";
import { describeFailure } from "../shared/failures.ts";
import { settleWithin } from "../shared/settle.ts";
import { withinPatience } from "../shared/within-patience.ts";
import { takesNoInput } from "../shared/no-input.ts";

/** The result of a look at the import folder, the uploads and S3. */
export interface FilesWatched {
  found: number;
  /** Still growing, or gone again: looked at the next time. */
  moving: number;
  taken: { path: string; outcome: string }[];
  failed: { path: string; type: string; reason: string }[];
  deletedUploads: number;
  more: boolean;
}

type Settled = FoundFile & { outcome: string; failure: { type: string; reason: string } | null };

/** Failures that a retry does not fix: such a file is skipped until it changes. */
const lasting = ["InvalidInput", "RowRejected", "RequestRejected"];

/** Imports every new file that has not changed for a while, and deletes finished uploads. */
export async function watchFiles(input?: unknown): Promise<FilesWatched> {
  takesNoInput("watchFiles", input);
  const { lookForFiles, rememberFiles, sweepUploads } = proxyActivities<IngestActivities>({
    taskQueue: ingestQueue(),
    startToCloseTimeout: "10 minutes",
    scheduleToCloseTimeout: "1 hour",
    heartbeatTimeout: "15 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "30 seconds" },
  });
  const first = await lookForFiles();
  const watched: FilesWatched = {
    found: first.files.length,
    moving: 0,
    taken: [],
    failed: [],
    deletedUploads: 0,
    more: first.more,
  };
  if (first.files.length > 0) {
    await sleep(first.stillMs, { summary: "are they still being written?" });
    const second = await lookForFiles();
    const there = new Set(second.files.map(({ workflowId, identity }) => `${workflowId} ${identity}`));
    const still = first.files.filter(({ workflowId, identity }) => there.has(`${workflowId} ${identity}`));
    watched.moving = first.files.length - still.length;
    const settled = await settleWithin(first.parallel, still, (file) => takeInLane(file, first.stillMs), {
      mayStart: () => Promise.resolve(!CancellationScope.current().consideredCancelled),
      onSettled(one) {
        if (one === null) return;
        if (one.failure === null) watched.taken.push({ path: one.path, outcome: one.outcome });
        else watched.failed.push({ path: one.path, ...one.failure });
        setCurrentDetails(describe(watched));
      },
    });
    const dealtWith = settled.filter(
      (one): one is Settled => one !== null && (one.failure === null || lasting.includes(one.failure.type)),
    );
    if (dealtWith.length > 0)
      await rememberFiles(
        dealtWith.map(({ client, place, path, identity, outcome, workflowId }) => ({
          client,
          place,
          path,
          identity,
          outcome,
          workflowId,
        })),
      );
  }
  watched.deletedUploads = (await sweepUploads()).deleted;
  setCurrentDetails(describe(watched));
  return watched;
}

/** For how long, beyond its quiet time, a file may keep others waiting. */
const patience = 12;

/**
 * Imports a file, and waits for it only so long: one that takes long, or keeps failing, must not keep those behind
 * it waiting. It continues by itself, and a later look finds it running or done. Null when it was not waited for.
 */
async function takeInLane(file: FoundFile, stillMs: number): Promise<Settled | null> {
  if (!patched("lanes-go-on")) return takeFound(file, ParentClosePolicy.REQUEST_CANCEL);
  const child = takeFound(file, ParentClosePolicy.ABANDON);
  return withinPatience(child, {
    patience: Math.max(stillMs, 1_000) * patience,
    summary: `waiting for ${file.path.slice(-100)}`,
    whenCancelled: () => child,
  });
}

/** One file, one workflow. Null when it is running already. */
async function takeFound(file: FoundFile, parentClosePolicy: ParentClosePolicy): Promise<Settled | null> {
  try {
    const answer = await executeChild<typeof ingestFile>("ingestFile", {
      workflowId: file.workflowId,
      args: [file.input],
      parentClosePolicy,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      staticSummary: `${file.path.slice(-150)}, client ${file.client}`,
      ...(workflowInfo().memo?.["searchAttributes"] === "off" ? { memo: { searchAttributes: "off" } } : {}),
      ...searchAttributes([
        { key: clientIdKey, value: file.client },
        { key: sourceKey, value: "rtb.performance" },
      ]),
    });
    return { ...file, outcome: answer.status, failure: null };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    if (isCancellation(error)) {
      if (CancellationScope.current().consideredCancelled) return null;
      // Cancelled by hand: not asked for again until it changes.
      return { ...file, outcome: "cancelled", failure: { type: "InvalidInput", reason: "cancelled by hand" } };
    }
    return { ...file, outcome: "failed", failure: describeFailure(error) };
  }
}

function describe({ found, moving, taken, failed, deletedUploads, more }: FilesWatched): string {
  const lines = [
    ...taken.map(({ path, outcome }) => `${outcome.padEnd(18)} ${path}`),
    ...failed.map(({ path, type, reason }) => `${type.padEnd(18)} ${path}: ${reason.slice(0, 200)}`),
  ];
  return [
    `${found} new${more ? " and more" : ""}, ${moving} still being written, ${taken.length} imported, ${failed.length} failed; ${deletedUploads} old uploads deleted`,
    ...(lines.length === 0 ? [] : [`\`\`\`\n${lines.slice(-40).join("\n")}\n\`\`\``]),
  ].join("\n\n");
}

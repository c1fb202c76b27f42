import { WorkflowNotFoundError, type WorkflowExecutionDescription, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure, type Payload } from "@temporalio/common";
import { decodeArrayFromPayloads } from "@temporalio/common/lib/internal-non-workflow/index.js";
import { answerOf, type IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { uploadFolder, type UploadRecord } from "../../rules/files/uploads.ts";
import { ingestWorkflowId } from "../../rules/files/workflow-ids.ts";
import { readFileRow, type FileRow } from "../../queries/files/files.ts";
import { findFileIdOfContent, findFileIdOfWorkflow } from "../../queries/files/imports.ts";
import { sayReplaced } from "../../queries/files/replaced-rows.ts";
import { readRejectedLines } from "../../queries/files/quarantined-lines.ts";
import { ApiError } from "../server/errors.ts";
import { withinMs } from "../../core/deadline.ts";
import type { ServerParts } from "../server/parts.ts";
import { runWorkflow, startWorkflow, type Outcome, type WorkflowRun } from "../server/run-workflow.ts";

type Parts = Pick<ServerParts, "config" | "temporal" | "reading">;
export type ImportAnswer = Omit<IngestAnswer, "client">;
/** Of a workflow that may have ended before answers had all of this. */
type Later = "origin" | "removed" | "warning";
type Ended = Omit<IngestAnswer, Later> & Partial<Pick<IngestAnswer, Later>>;

/** Where an import is, and its answer once there is one. */
export interface ImportStatus {
  /** `accepted`: whole on disk, and its turn has not come; whoever looks for files starts it. */
  state: "accepted" | "running" | "done" | "failed";
  progress: { phase: string; bytes: number; ofBytes: number; lines: number } | null;
  /** Why it failed. */
  reason: string | null;
  answer: ImportAnswer | null;
}

const askMs = 1_500;
const shownErrors = 100;
const nothingYet = { progress: null, reason: null, answer: null };

/** Starts the ingest of an accepted upload, or joins it, and waits a little for its answer. */
export async function ingestUpload(parts: Parts, record: UploadRecord): Promise<Outcome<IngestAnswer>> {
  try {
    const outcome = await runWorkflow<Ended>(parts, ingestOf(record));
    return outcome.done ? { ...outcome, result: whole(outcome.result) } : outcome;
  } catch (error) {
    // Where it lies means nothing to whoever sent it.
    if (error instanceof ApiError) error.message = error.message.replaceAll(pathOf(record), record.fileName);
    throw error;
  }
}

const whole = (answer: Ended): IngestAnswer => ({ origin: null, removed: 0, warning: null, ...answer });

/** The same for whoever follows it by its address. */
export async function startUpload(parts: Parts, record: UploadRecord): Promise<void> {
  await startWorkflow(parts, ingestOf(record));
}

const pathOf = ({ client, file }: UploadRecord) => `${uploadFolder(client)}/${file}`;

function ingestOf(record: UploadRecord): WorkflowRun {
  const { client, fileName } = record;
  return {
    type: "ingestFile",
    workflowId: ingestWorkflowId(client, record.importId),
    client,
    input: { client, place: "upload", path: pathOf(record) },
    summary: `${fileName.slice(0, 120)}, client ${client}`,
  };
}

/** The ledger first: what it says is so, also while Temporal is away. */
export async function statusOfUpload(parts: Parts, record: UploadRecord): Promise<ImportStatus> {
  const { client } = record;
  const workflowIds = workflowIdsOf(parts, record);
  const fileId = await findFileIdOfWorkflow(parts.reading, { client, workflowIds });
  const answer = fileId === null ? null : await readAnswer(parts, { client, fileId });
  if (answer !== null) return { ...nothingYet, state: "done", answer };
  for (const workflowId of workflowIds) {
    const status = await statusOfWorkflow(parts, record, workflowId);
    if (status !== null) return status;
  }
  // Neither started nor in the ledger: but the same content may have been taken before.
  const known = record.force
    ? null
    : await findFileIdOfContent(parts.reading, { client, sha256: record.contentHash, mapping: record.mapping });
  const earlier = known === null ? null : await readAnswer(parts, { client, fileId: known, isKnown: true });
  return earlier === null ? { ...nothingYet, state: "accepted" } : { ...nothingYet, state: "done", answer: earlier };
}

/** As we start it, and as a watch of the folder does. */
function workflowIdsOf({ config }: Parts, record: UploadRecord): string[] {
  const id = ingestWorkflowId(record.client, record.importId);
  return [...new Set([`${config.queuePrefix}${id}`, id])];
}

/** Null when Temporal knows nothing of it, or does not answer. */
async function statusOfWorkflow(
  { temporal }: Parts,
  record: UploadRecord,
  workflowId: string,
): Promise<ImportStatus | null> {
  const handle: WorkflowHandle = temporal.client.workflow.getHandle(workflowId);
  const described = await withinMs(askMs, handle.describe()).catch((error: unknown) =>
    error instanceof WorkflowNotFoundError ? null : undefined,
  );
  if (described === null || described === undefined) return null;
  if (described.status.name === "RUNNING")
    return { ...nothingYet, state: "running", progress: await progressOf(temporal, described) };
  try {
    return { ...nothingYet, state: "done", answer: whole((await withinMs(askMs, handle.result())) as Ended) };
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause;
    const reason = cause instanceof ApplicationFailure ? cause.message : `it ended as ${described.status.name}`;
    return { ...nothingYet, state: "failed", reason: reason.replaceAll(pathOf(record), record.fileName) };
  }
}

/** What the attempt that is under way last told of itself. */
async function progressOf(
  { client }: Parts["temporal"],
  { raw }: WorkflowExecutionDescription,
): Promise<ImportStatus["progress"]> {
  const payloads = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads as Payload[] | undefined;
  if (payloads === undefined) return null;
  const [told] = await decodeArrayFromPayloads(client.options.loadedDataConverter, payloads);
  const { phase, bytes, ofBytes, lines } = (told ?? {}) as Partial<NonNullable<ImportStatus["progress"]>>;
  return typeof phase === "string" && typeof bytes === "number" && typeof ofBytes === "number"
    ? { phase, bytes, ofBytes, lines: lines ?? 0 }
    : null;
}

/** What became of a file, as the ledger has it; null when the client has none of this number. */
export async function readAnswer(
  { reading }: Pick<Parts, "reading">,
  { isKnown, ...of }: { client: string; fileId: number; isKnown?: boolean },
): Promise<(ImportAnswer & { file: FileRow }) | null> {
  const file = await readFileRow(reading, of);
  if (file === null) return null;
  const errors =
    file.rejected === 0 ? [] : await readRejectedLines(reading, { ...of, openOnly: false, limit: shownErrors });
  const replaced = isKnown === true ? await sayReplaced(reading, file) : null;
  return { ...answerOf(replaced === null ? file : { ...file, reason: replaced }, { errors, isKnown }), file };
}

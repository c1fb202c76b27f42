import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import { mainQueue } from "../../temporal.config.ts";
import { withinMs } from "../../core/deadline.ts";
import { ApiError, Unavailable } from "./errors.ts";
import type { ServerParts } from "./parts.ts";

export interface WorkflowRun {
  type: string;
  /** The natural key of the work: the same id is the same work. */
  workflowId: string;
  client: string;
  /** Which vendor or platform it is about, where that is known before. */
  source?: string;
  input: unknown;
  summary: string;
  /** What is known of the work already, so that it need not look it up. */
  memo?: Record<string, unknown>;
  /** Started again each time it is asked for, and joined only while it is under way. */
  again?: boolean;
}

export type Outcome<Result> = { done: true; workflowId: string; result: Result } | { done: false; workflowId: string };

const startMs = 3_000;
const patienceMs = 5_000;
const clientId = defineSearchAttributeKey("ClientId", SearchAttributeType.KEYWORD);
const source = defineSearchAttributeKey("Source", SearchAttributeType.KEYWORD);

/**
 * Starts what needs a vendor and waits a little for its result; what takes longer goes on, under its workflow id. Work
 * that is under way or done is joined, work that failed is tried again.
 */
export async function runWorkflow<Result>(
  parts: Pick<ServerParts, "config" | "temporal">,
  run: WorkflowRun,
): Promise<Outcome<Result>> {
  const handle = await startWorkflow(parts, run);
  const { temporal } = parts;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), patienceMs);
  try {
    return {
      done: true,
      workflowId: handle.workflowId,
      result: (await temporal.client.withAbortSignal(waiting.signal, () => handle.result())) as Result,
    };
  } catch (error) {
    if (error instanceof WorkflowFailedError) throw refusal(error);
    // Whatever keeps its result from us: it was started, and goes on.
    return { done: false, workflowId: handle.workflowId };
  } finally {
    clearTimeout(timer);
  }
}

/** Starts it, or joins the one that is under way or done, and waits for nothing. */
export async function startWorkflow(
  { config, temporal }: Pick<ServerParts, "config" | "temporal">,
  run: WorkflowRun,
): Promise<WorkflowHandle> {
  const workflowId = `${config.queuePrefix}${run.workflowId}`;
  const { workflow } = temporal.client;
  try {
    return await withinMs(
      startMs,
      workflow.start(run.type, {
        workflowId,
        taskQueue: config.queuePrefix + mainQueue,
        args: [run.input],
        workflowIdReusePolicy: run.again === true ? "ALLOW_DUPLICATE" : "ALLOW_DUPLICATE_FAILED_ONLY",
        workflowIdConflictPolicy: "USE_EXISTING",
        staticSummary: run.summary,
        memo: { ...run.memo, ...(config.searchAttributes ? {} : { searchAttributes: "off" }) },
        ...(config.searchAttributes
          ? {
              typedSearchAttributes: [
                { key: clientId, value: run.client },
                ...(run.source === undefined ? [] : [{ key: source, value: run.source }]),
              ],
            }
          : {}),
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return workflow.getHandle(workflowId);
    throw new Unavailable("Temporal does not answer, nothing was started; try again soon", error);
  }
}

/** An activity that failed says only that; the reason is what it failed of. */
export function reasonOf(cause: unknown): string | null {
  let reason = cause;
  while (reason instanceof Error && !(reason instanceof ApplicationFailure) && reason.cause instanceof Error)
    reason = reason.cause;
  return reason instanceof Error ? reason.message : null;
}

function refusal({ cause }: WorkflowFailedError): ApiError {
  const type = cause instanceof ApplicationFailure ? cause.type : null;
  const message = reasonOf(cause) ?? "the work failed";
  return type === "InvalidInput" || type === "RequestRejected"
    ? new ApiError("validation_error", message)
    : new Unavailable(message, cause);
}

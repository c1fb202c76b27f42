import type { WorkflowHandleWithFirstExecutionRunId } from "@temporalio/client";
import type { SearchAttributePair } from "@temporalio/common";
import { mainQueue, type searchAttributes } from "../../temporal.config.ts";
import { CommandError, exitCodes, type CommandContext, type Report } from "./command-line.ts";
import { leavingController } from "./leaving.ts";

export interface WorkflowStart {
  workflowType: string;
  workflowId: string;
  input: object;
  summary: string;
  searchAttributes: Partial<Record<keyof typeof searchAttributes, string>>;
  /** Its id was made just now, so that nobody can have started it. */
  isNew?: boolean;
}

export interface StartedWorkflow {
  handle: WorkflowHandleWithFirstExecutionRunId;
  workflowId: string;
  /** The run that `ops.runs` knows it by. */
  runId: string;
  /** It had been started before; what was asked for now did not change it. */
  wasRunning: boolean;
}

const invalidArgument = 3;

// Loaded when a workflow is really asked for: it takes longer than everything else a command loads, `--help` included.
const loadClient = () => import("@temporalio/client");
const loadCommon = () => import("@temporalio/common");

/** Starts a workflow, or joins it when it is running. */
export async function startWorkflow(
  context: Pick<CommandContext, "config" | "temporal">,
  start: WorkflowStart,
): Promise<StartedWorkflow> {
  const { client, connection, namespace } = await context.temporal();
  const { workflowId, isNew = false } = start;
  const wasRunning = !isNew && (await isRunning(context, workflowId));
  const options = context.config.searchAttributes
    ? { typedSearchAttributes: await attributePairs(start.searchAttributes) }
    : { memo: { searchAttributes: "off" } };
  try {
    const handle = await client.workflow.start(start.workflowType, {
      workflowId,
      taskQueue: context.config.queuePrefix + mainQueue,
      args: [start.input],
      workflowIdConflictPolicy: "USE_EXISTING",
      staticSummary: start.summary,
      ...options,
    });
    const described = isNew ? null : await handle.describe();
    const runId = described?.raw.workflowExecutionInfo?.firstRunId ?? "";
    return { handle, workflowId, runId: runId === "" ? handle.firstExecutionRunId : runId, wasRunning };
  } catch (error) {
    const { isGrpcServiceError, ServiceError } = await loadClient();
    const grpc = error instanceof ServiceError ? error.cause : error;
    if (!isGrpcServiceError(grpc) || Number(grpc.code) !== invalidArgument || !context.config.searchAttributes)
      throw error;
    const { missingSearchAttributes } = await import("../../temporal/search-attributes.ts");
    const missing = await missingSearchAttributes(connection, namespace);
    if (missing.length === 0) throw error;
    throw new CommandError(
      exitCodes.usage,
      `the namespace ${namespace} does not know the search attributes ${missing.join(", ")}: run \`npm run schedules\`, or set SEARCH_ATTRIBUTES=off`,
    );
  }
}

export type WorkflowEnd<Result> =
  | { state: "completed"; result: Result }
  | { state: "failed"; type: string; reason: string; details: unknown }
  | { state: "cancelled"; reason: string }
  /** Ctrl-C: the workflow goes on. */
  | { state: "left" };

export interface Following {
  /** What to show while it runs; asked for again and again. */
  progress: () => Promise<string>;
  everyMs?: number;
}

const pollerHintAfterMs = 6_000;
/** One hint a command, not one for each of its workflows. */
const hinted = new WeakSet<CommandContext>();

/** Waits for a workflow's end and shows how far it is. Ctrl-C stops the waiting, not the workflow. */
export async function followWorkflow<Result>(
  context: CommandContext,
  started: Pick<StartedWorkflow, "handle">,
  { progress, everyMs = 700 }: Following,
): Promise<WorkflowEnd<Result>> {
  const { result, stop } = leaveOnInterrupt();
  const { client } = await context.temporal();
  // A call that is still open when its connection closes is repeated on the closed one, and ends the process.
  const leaving = leavingController();
  const left = result.then((): WorkflowEnd<Result> => {
    leaving.abort();
    return { state: "left" };
  });
  const began = Date.now();
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      context.progress.show(await progress());
      if (!hinted.has(context) && Date.now() - began > pollerHintAfterMs) {
        hinted.add(context);
        await hintAtMissingWorker(context);
      }
    } catch {
      // The next look may see more; what matters is the workflow's end.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  try {
    return await Promise.race([left, client.withAbortSignal(leaving.signal, () => endOf<Result>(started.handle))]);
  } finally {
    clearInterval(timer);
    stop();
    context.progress.end();
  }
}

interface Run {
  start: WorkflowStart;
  /** What is shown while it runs. */
  progress: string;
  /** The command that joins it again. */
  again: string;
}

/** Starts a workflow or joins it, and waits for its end. One that is left or fails is a report of its own. */
export async function runToEnd<Result>(
  context: CommandContext,
  { start, progress, again }: Run,
): Promise<{ result: Result } | { report: Report }> {
  const started = await startWorkflow(context, start);
  const { workflowId, runId } = started;
  context.note(started.wasRunning ? `${workflowId} is running already: following it` : `started ${workflowId}`);
  const end = await followWorkflow<Result>(context, started, { progress: () => Promise.resolve(progress) });
  if (end.state === "completed") return { result: end.result };
  if (end.state === "left")
    return {
      report: {
        exitCode: exitCodes.interrupted,
        document: { workflowId, runId, state: "running" },
        lines: howToFollow(workflowId, again),
      },
    };
  const { state, reason } = end;
  return {
    report: {
      exitCode: exitCodes.found,
      document: { workflowId, runId, state, reason },
      lines: [`${workflowId} ${state}: ${reason}`],
    },
  };
}

/** How a workflow ended, as data. */
export async function endOf<Result>(handle: { result: () => Promise<unknown> }): Promise<WorkflowEnd<Result>> {
  try {
    return { state: "completed", result: (await handle.result()) as Result };
  } catch (error) {
    const [{ WorkflowFailedError }, { ApplicationFailure, CancelledFailure, TerminatedFailure }] = await Promise.all([
      loadClient(),
      loadCommon(),
    ]);
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { state: "cancelled", reason: cause.message };
    if (cause instanceof TerminatedFailure)
      return {
        state: "failed",
        type: "Terminated",
        reason: "the workflow was terminated from outside",
        details: undefined,
      };
    if (cause instanceof ApplicationFailure)
      return { state: "failed", type: cause.type ?? "Unexpected", reason: cause.message, details: cause.details?.[0] };
    return {
      state: "failed",
      type: cause?.name ?? "Unexpected",
      reason: cause?.message ?? error.message,
      details: undefined,
    };
  }
}

/** What a person does with a workflow that this command no longer waits for. */
export function howToFollow(workflowId: string, again: string): string[] {
  return [
    `${workflowId} goes on.`,
    `  follow it:  ${again}`,
    `  look at it: temporal workflow describe --workflow-id ${workflowId}, or the Temporal UI`,
  ];
}

function leaveOnInterrupt(): { result: Promise<void>; stop: () => void } {
  let listener: () => void = () => undefined;
  const result = new Promise<void>((resolve) => (listener = resolve));
  process.once("SIGINT", listener);
  return { result, stop: () => void process.off("SIGINT", listener) };
}

async function isRunning(context: Pick<CommandContext, "temporal">, workflowId: string): Promise<boolean> {
  const { client } = await context.temporal();
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name === "RUNNING";
  } catch (error) {
    const { WorkflowNotFoundError } = await loadClient();
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** How many workers ask a queue for work. */
export async function countPollers(
  context: CommandContext,
  queue: string,
  kind: "workflows" | "activities",
): Promise<number> {
  const { connection, namespace } = await context.temporal();
  const { default: protos } = await import("@temporalio/proto");
  const { TaskQueueType } = protos.temporal.api.enums.v1;
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType:
      kind === "workflows" ? TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW : TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
  });
  return pollers.length;
}

async function hintAtMissingWorker(context: CommandContext): Promise<void> {
  const queue = context.config.queuePrefix + mainQueue;
  if ((await countPollers(context, queue, "workflows")) === 0)
    context.note(`no worker asks the queue ${queue} for work: start one with \`npm start\` or \`npm run worker\``);
}

async function attributePairs(values: WorkflowStart["searchAttributes"]): Promise<SearchAttributePair[]> {
  const { defineSearchAttributeKey } = await loadCommon();
  return Object.entries(values).map(([name, value]): SearchAttributePair => ({
    key: defineSearchAttributeKey(name, "KEYWORD"),
    value,
  }));
}

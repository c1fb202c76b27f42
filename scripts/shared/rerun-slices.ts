import type { SliceResult } from "../../activities/sync/shapes.ts";
import { sliceWorkflowId } from "../../workflows/sync/slice-id.ts";
import { inParallel, type CommandContext } from "./command-line.ts";
import { followWorkflow, startWorkflow } from "./follow-workflow.ts";
import { type SyncSliceInput } from "../../workflows/sync/shapes.ts";

export interface SliceToRerun {
  client: string;
  source: string;
  day: string;
}

export interface Rerun extends SliceToRerun {
  workflowId: string;
  state: "read" | "failed" | "left";
  outcome: string | null;
  reason: string | null;
}

const atATime = 4;

/** Starts each slice again, a few at a time, and waits. Ctrl-C leaves those that run, and starts no more. */
export async function rerunSlices(context: CommandContext, slices: readonly SliceToRerun[]): Promise<Rerun[]> {
  const done: Rerun[] = [];
  let leaving = false;
  const show = () =>
    context.progress.show(
      `${done.length} of ${slices.length} slices, ${done.filter((slice) => slice.state === "failed").length} failed`,
    );
  return inParallel(atATime, slices, async (slice) => {
    const workflowId = sliceWorkflowId(slice);
    const rerun = leaving
      ? { ...slice, workflowId, state: "left" as const, outcome: null, reason: "was not started" }
      : await rerunSlice(context, slice, workflowId);
    leaving ||= rerun.state === "left";
    done.push(rerun);
    show();
    return rerun;
  });
}

async function rerunSlice(context: CommandContext, slice: SliceToRerun, workflowId: string): Promise<Rerun> {
  const { client, source, day } = slice;
  const input: SyncSliceInput = { source, client, day };
  const started = await startWorkflow(context, {
    workflowType: "syncSlice",
    workflowId,
    input,
    summary: `${source} ${day}`,
    searchAttributes: { ClientId: client, Source: source, SliceDay: day },
  });
  const end = await followWorkflow<SliceResult>(context, started, {
    progress: () => Promise.resolve(`reading ${workflowId}`),
    everyMs: 5_000,
  });
  const rerun = { ...slice, workflowId };
  if (end.state === "left") return { ...rerun, state: "left", outcome: null, reason: "goes on by itself" };
  return end.state === "completed"
    ? { ...rerun, state: "read", outcome: end.result.outcome, reason: null }
    : { ...rerun, state: "failed", outcome: null, reason: end.reason };
}

import { WorkflowFailedError, WorkflowNotFoundError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { z } from "zod";
import { cents, sumMoney } from "../../core/money.ts";
import { readRunChanges } from "../../queries/sync/run-changes.ts";
import { findRun } from "../../queries/sync/list-runs.ts";
import type { RunRow } from "../../queries/sync/runs.ts";
import { readRunProgress } from "../../queries/sync/status.ts";
import type { RunSummary } from "../../workflows/sync/tally.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { withinMs } from "../../core/deadline.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { money } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const tags = ["operations"];
const params = z.object({ id: word });

const progress = z.object({
  planned: z.number(),
  done: z.number(),
  failed: z.number(),
  paused: z.boolean().nullable().describe("null where only the ledger could be asked, or the run cannot be paused"),
});
const dayChange = {
  day: z.string(),
  before: money.nullable().describe("null where the day had never been read"),
  after: money.nullable(),
  change: money.nullable(),
  inserted: z.number(),
  updated: z.number(),
  withdrawn: z.number(),
};
const sums = z.object({ before: money, after: money, change: money });
const changes = z.object({
  isDryRun: z.boolean().describe("of a dry run, what would change: nothing was written"),
  items: z.array(
    z.object({
      ...dayChange,
      outcome: z.string(),
      receiptId: z.number().nullable(),
      failure: z.string().nullable(),
    }),
  ),
  totals: sums,
  unchangedDays: z.number().describe("days of a dry run that would stay as they are; they are not in the list"),
});
type Changes = z.infer<typeof changes>;

/** How far a run is, what it changed in money per day, and the levers of a backfill. */
export function steeringRoutes(api: Api, parts: ServerParts): void {
  progressRoute(api, parts);
  changesRoute(api, parts);
  for (const act of ["pause", "resume", "cancel"] as const) leverRoute(api, parts, act);
}

async function runOf({ reading }: ServerParts, of: { client: string; runId: string }): Promise<RunRow> {
  const run = await findRun(reading, of);
  if (run === null) throw notFound("run");
  return run;
}

/** The run itself, not another that was given the same workflow id later. */
const handleOf = ({ temporal }: ServerParts, { workflowId, runId }: RunRow) =>
  temporal.client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });

function progressRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/runs/:id/progress",
    { config: readers, schema: { tags, summary: "How far a run is", params, response: { 200: progress } } },
    async (request) => {
      const run = await runOf(parts, { client: callerOf(request).client, runId: request.params.id });
      const { planned, done, failed } = run;
      if (run.outcome !== "running") return { planned, done, failed, paused: null };
      const asked = run.kind === "sync" ? null : await askWorkflow(parts, run);
      if (asked !== null) return { planned: asked.days, done: asked.done, failed: asked.failed, paused: asked.paused };
      const known = await readRunProgress(parts.reading, run.runId);
      return { ...(known ?? { planned, done, failed }), paused: null };
    },
  );
}

/** Only a worker can answer; without one the ledger has to do. */
async function askWorkflow(parts: ServerParts, run: RunRow): Promise<(RunSummary & { paused: boolean }) | null> {
  try {
    return await withinMs(1_500, handleOf(parts, run).query<RunSummary & { paused: boolean }>("progress"));
  } catch {
    return null;
  }
}

function changesRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/runs/:id/changes",
    {
      config: readers,
      schema: {
        tags,
        summary: "What a run changed, or would change, in money per day",
        params,
        response: { 200: changes },
      },
    },
    async (request): Promise<Changes> => {
      const of = { client: callerOf(request).client, runId: request.params.id };
      const run = await runOf(parts, of);
      if (run.kind === "dry_run") return previewOf(run, await resultOf(parts, run));
      const items = await readRunChanges(parts.reading, of);
      return { isDryRun: false, items, totals: sumsOf(items), unchangedDays: 0 };
    },
  );
}

/** What a dry run found lies in its workflow alone, for as long as Temporal keeps that. */
async function resultOf(parts: ServerParts, run: RunRow): Promise<RunSummary | null> {
  if (run.outcome === "running") return null;
  try {
    const handle = parts.temporal.client.workflow.getHandle(run.workflowId, run.runId);
    return (await withinMs(3_000, handle.result())) as RunSummary;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    if (!(error instanceof WorkflowFailedError))
      throw new Unavailable("Temporal does not answer; try again soon", error);
    const [details] = error.cause instanceof ApplicationFailure ? (error.cause.details ?? []) : [];
    return typeof details === "object" && details !== null && "failedDays" in details ? (details as RunSummary) : null;
  }
}

function previewOf({ done }: RunRow, summary: RunSummary | null): Changes {
  const items = (summary?.preview ?? [])
    .map(({ reconciled, ...day }) => ({
      ...day,
      outcome: reconciled ? "would change" : "does not add up",
      receiptId: null,
      failure: null,
    }))
    .sort((one, other) => (one.day < other.day ? -1 : 1));
  const unchangedDays = summary === null ? 0 : Math.max(0, done - items.length);
  return { isDryRun: true, items, totals: sumsOf(items), unchangedDays };
}

function sumsOf(items: readonly Pick<Changes["items"][number], "before" | "after" | "change">[]): z.infer<typeof sums> {
  const sum = (field: "before" | "after" | "change") => cents(sumMoney(items.map((item) => item[field] ?? "0")));
  return { before: sum("before"), after: sum("after"), change: sum("change") };
}

const levers = {
  pause: { summary: "Finishes the days under way, then waits", action: "run_paused" },
  resume: { summary: "Goes on after a pause", action: "run_resumed" },
  cancel: { summary: "Stops a run; days that are merged stay merged", action: "run_cancelled" },
} as const;
const leverMs = 10_000;

function leverRoute(api: Api, parts: ServerParts, act: keyof typeof levers): void {
  const { summary, action } = levers[act];
  const response = { 200: z.object({ runId: z.string(), workflowId: z.string(), answer: z.string() }) };
  api.post(`/runs/:id/${act}`, { config: keepers, schema: { tags, summary, params, response } }, async (request) => {
    const run = await runOf(parts, { client: callerOf(request).client, runId: request.params.id });
    const { runId, workflowId } = run;
    if (run.outcome !== "running") throw new ApiError("conflict", `the run is over: ${run.outcome}`);
    if (run.kind === "sync" && act !== "cancel")
      throw new ApiError("conflict", "a sync cannot be paused, only a backfill");
    const answer = await audited(parts, request, async (session, record) => {
      await record(session, { action, subject: `run/${runId}`, details: { workflowId } });
      return pull(parts, run, act);
    });
    return { runId, workflowId, answer };
  });
}

async function pull(parts: ServerParts, run: RunRow, act: keyof typeof levers): Promise<string> {
  const handle = handleOf(parts, run);
  try {
    if (run.kind === "sync") {
      await withinMs(leverMs, handle.cancel());
      return "cancelling: the days under way are finished first";
    }
    return await withinMs(leverMs, handle.executeUpdate<string, []>(act));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new ApiError("conflict", "the run is over");
    throw new Unavailable("no worker answered; nothing was changed that is known of, look at the run again", error);
  }
}

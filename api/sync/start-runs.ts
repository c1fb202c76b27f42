import { setTimeout as wait } from "node:timers/promises";
import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { findStarted, lockKey, type AuditAction } from "../../queries/ops/audit.ts";
import { readFeeds } from "../../queries/sync/feeds.ts";
import { findRun } from "../../queries/sync/list-runs.ts";
import { backfillWorkflowId, syncByHandWorkflowId } from "../../rules/sync/workflow-ids.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { withinMs } from "../../core/deadline.ts";
import { ApiError, Unavailable } from "../server/errors.ts";
import { day, inOrder, orderError, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { startWorkflow } from "../server/run-workflow.ts";

const keepers = allow("admin", "operator");
const headers = z.object({
  "idempotency-key": word.optional().describe("the same key and body is the same run, for a day"),
});
const started = z.object({
  runId: z.string(),
  workflowId: z.string(),
  href: z.string().describe("where the run's state is"),
  isPlanned: z.boolean().describe("false while no worker has taken it up: it waits, and is not lost"),
});

const syncBody = z.object({ source: word });
const backfillBody = z
  .object({
    source: word,
    from: day,
    to: day,
    dryRun: z.boolean().default(false).describe("only show what would change, in rows and in money"),
    acceptEmpty: z
      .boolean()
      .default(false)
      .describe("take an empty answer for true: what it does not hold is withdrawn"),
    parallel: z.number().int().min(1).max(50).optional().describe("days under way at a time"),
  })
  .refine(inOrder, orderError);

/** Brings a feed up to date, or reads a range of its days again: starts the workflow, which goes on by itself. */
export function startRoutes(api: Api, parts: ServerParts): void {
  api.post(
    "/syncs",
    {
      config: keepers,
      schema: {
        tags: ["operations"],
        summary: "Brings a source up to date now; joins a sync by hand that is under way",
        headers,
        body: syncBody,
        response: { 202: started },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { source } = request.body;
      const run = await start(parts, request, {
        source,
        type: "syncSource",
        workflowId: syncByHandWorkflowId({ source, client }),
        input: { source, client },
        summary: `${source}, client ${client}, by hand`,
        action: "sync_started",
        subject: source,
      });
      return reply.code(202).send(run);
    },
  );

  api.post(
    "/backfills",
    {
      config: keepers,
      schema: {
        tags: ["operations"],
        summary: "Reads a range of days again, or with `dryRun` shows what that would change; joins one under way",
        headers,
        body: backfillBody,
        response: { 202: started },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { source, from, to, dryRun } = request.body;
      const run = await start(parts, request, {
        source,
        type: "backfill",
        workflowId: backfillWorkflowId({ source, client, from, to, dryRun }),
        input: { ...request.body, client },
        summary: `${dryRun ? "dry run of " : ""}${source} ${from} to ${to}, client ${client}`,
        action: "backfill_started",
        subject: `${source}/${from}..${to}`,
      });
      return reply.code(202).send(run);
    },
  );
}

interface Wanted {
  source: string;
  type: string;
  workflowId: string;
  input: Record<string, unknown>;
  summary: string;
  action: AuditAction;
  subject: string;
}

async function start(parts: ServerParts, request: FastifyRequest, wanted: Wanted): Promise<z.infer<typeof started>> {
  const { client } = callerOf(request);
  const { source, action, subject, input } = wanted;
  await refuseUnknownFeed(parts, client, source);
  const idempotencyKey = request.headers["idempotency-key"] as string | undefined;
  const { handle, ...run } = await audited(parts, request, async (session, record) => {
    if (idempotencyKey !== undefined) {
      await lockKey(session, { client, key: idempotencyKey });
      const before = await findStarted(session, { client, key: idempotencyKey });
      if (before !== null) return { ...joined(before, wanted), handle: null };
    }
    const handle = await startWorkflow(parts, { ...wanted, client, again: true });
    const known = { workflowId: handle.workflowId, runId: await firstRunOf(handle) };
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    await record(session, { action, subject, details: { ...input, ...known, ...key } });
    if (input["acceptEmpty"] === true && input["dryRun"] !== true)
      await record(session, { action: "empty_answer_approved", subject });
    return { ...known, handle };
  });
  const isPlanned = await untilPlanned(parts, handle, { client, runId: run.runId });
  return { ...run, href: `/api/v1/ops/runs/${encodeURIComponent(run.runId)}`, isPlanned };
}

/** A worker would refuse it, too, but only once there is one. Whether there is a key for it only workers know. */
async function refuseUnknownFeed({ reading }: ServerParts, client: string, source: string): Promise<void> {
  const feeds = (await readFeeds(reading, client)).filter(({ isPulled }) => isPulled).map((feed) => feed.source);
  if (!feeds.includes(source))
    throw new ApiError("validation_error", "body is not valid", {
      source: `is none that is pulled${feeds.length === 0 ? ": no worker has started yet" : `: there are ${feeds.join(", ")}`}`,
    });
}

function joined(
  before: { action: string; details: Record<string, unknown> },
  { action, input }: Wanted,
): { workflowId: string; runId: string } {
  const { workflowId, runId, idempotencyKey: _, ...known } = before.details;
  const isSame = before.action === action && JSON.stringify(sorted(known)) === JSON.stringify(sorted(input));
  if (!isSame) throw new ApiError("conflict", "this Idempotency-Key was used for another run");
  return { workflowId: String(workflowId), runId: String(runId) };
}

const sorted = (fields: Record<string, unknown>) =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));

/** A backfill that goes on in a new history keeps the number of its first. */
async function firstRunOf(handle: WorkflowHandle): Promise<string> {
  try {
    const { raw, runId } = await withinMs(3_000, handle.describe());
    return raw.workflowExecutionInfo?.firstRunId ?? runId;
  } catch (error) {
    throw new Unavailable("Temporal does not answer; ask again, what was started is joined", error);
  }
}

const patienceMs = 5_000;
const lookEveryMs = 100;

/** Waits a little for its plan, so that the caller finds the run; what the plan refuses is the caller's mistake. */
async function untilPlanned(
  { reading, temporal }: ServerParts,
  handle: WorkflowHandle | null,
  run: { client: string; runId: string },
): Promise<boolean> {
  const waiting = new AbortController();
  const isThere = async () => {
    while (!waiting.signal.aborted) {
      if ((await findRun(reading, run)) !== null) return true;
      await wait(lookEveryMs);
    }
    return false;
  };
  const refused = async (): Promise<boolean> => {
    if (handle === null) return new Promise(() => undefined);
    try {
      await temporal.client.withAbortSignal(waiting.signal, () => handle.result());
    } catch (error) {
      const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
      if (cause instanceof ApplicationFailure && cause.type === "InvalidInput")
        throw new ApiError("validation_error", cause.message);
    }
    // Over, or not to be known: its record says what became of it.
    return new Promise(() => undefined);
  };
  const timer = setTimeout(() => waiting.abort(), patienceMs);
  try {
    return await Promise.race([isThere(), refused()]);
  } finally {
    clearTimeout(timer);
    waiting.abort();
  }
}

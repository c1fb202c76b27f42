import { z } from "zod";
import type { FastifyRequest } from "fastify";
import { correctLine, readCorrected, type StoredCorrection } from "../../queries/files/correct-line.ts";
import { redriveWorkflowId } from "../../rules/files/workflow-ids.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import type { redriveFiles } from "../../workflows/files/redrive-files.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { instant, number as id } from "../server/shapes.ts";

const keepers = allow("admin", "operator");

export const corrected = z.object({
  quarantineId: z.number(),
  state: z
    .enum(["resolved", "rejected", "running"])
    .describe("running: it is kept, and its file's rejected lines are still to be read again"),
  reason: z.string().nullable().describe("why it is rejected still"),
});

const correctionBody = z.object({
  line: z.string().min(1).describe("exactly one line of the file, as its header says"),
  replaces: instant
    .optional()
    .describe("`correctedAt` of the correction that this one replaces: without it one that waits is not replaced"),
});

/** A rejected line as it should have been; it is processed again at once, by the rule that all rejected lines are. */
export function correctRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/quarantine/:id/correct",
    {
      config: keepers,
      schema: {
        tags: ["operations"],
        summary: "Corrects a rejected line of a file and processes it again",
        params: z.object({ id }),
        body: correctionBody,
        response: { 200: corrected, 202: corrected },
      },
    },
    async (request, reply) => {
      const quarantineId = request.params.id;
      const { client } = callerOf(request);
      const { fileId } = await correct(parts, request, { quarantineId, ...request.body });
      const after = await becameOf(parts, { client, quarantineId, fileId });
      if (after === null) return reply.code(202).send({ quarantineId, state: "running" as const, reason: null });
      const { isOpen, reason } = after;
      return reply.code(200).send({
        quarantineId,
        state: isOpen ? ("rejected" as const) : ("resolved" as const),
        reason: isOpen ? reason : null,
      });
    },
  );
}

async function correct(
  parts: ServerParts,
  request: FastifyRequest,
  { quarantineId, line, replaces }: { quarantineId: number } & z.output<typeof correctionBody>,
): Promise<{ fileId: number }> {
  const { client } = callerOf(request);
  return audited(parts, request, async (session, record) => {
    const done = await correctLine(session, {
      client,
      quarantineId,
      line,
      replaces: replaces === undefined ? null : new Date(replaces),
      seal: quarantineSeal(parts.config),
    });
    if (done.outcome === "absent") throw notFound("entry");
    if (done.outcome === "refused") throw new ApiError("conflict", done.reason, storedDetails(done.stored));
    await record(session, {
      action: "line_corrected",
      subject: `quarantine/${quarantineId}`,
      details: { file: done.fileId, line: done.line },
    });
    return done;
  });
}

function storedDetails(stored: StoredCorrection | null): Record<string, string> | undefined {
  if (stored === null) return undefined;
  const { state, correctedAt } = stored;
  return { state, ...(correctedAt === null ? {} : { correctedAt: correctedAt.toISOString() }) };
}

interface Became {
  isOpen: boolean;
  reason: string;
}

/** Null while it is not known: the file's lines are still read, or nobody is there to read them. */
async function becameOf(
  parts: ServerParts,
  of: { client: string; quarantineId: number; fileId: number },
): Promise<Became | null> {
  // A run that was joined may have read the line before it was corrected: the next one reads it.
  for (let round = 0; round < 2; round += 1) {
    const read = await readAgain(parts, of);
    if (read === null) return null;
    const after = await readCorrected(parts.reading, of);
    if (after !== null) return after;
    if (read.reason !== null) return { isOpen: true, reason: read.reason };
  }
  return null;
}

/** What is kept is kept: without Temporal it is read with the next redrive, and the answer is null. */
async function readAgain(
  parts: ServerParts,
  { client, fileId }: { client: string; fileId: number },
): Promise<{ reason: string | null } | null> {
  try {
    const outcome = await runWorkflow<Awaited<ReturnType<typeof redriveFiles>>>(parts, {
      type: "redriveFiles",
      workflowId: redriveWorkflowId(client, fileId),
      client,
      input: { client, fileId },
      summary: `rejected lines of file ${fileId}, client ${client}`,
      again: true,
    });
    return outcome.done ? { reason: outcome.result.files[0]?.reason ?? null } : null;
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}

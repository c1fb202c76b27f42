import { z } from "zod";
import type { FastifyRequest } from "fastify";
import { correctLine, readCorrected } from "../../queries/files/correct-line.ts";
import { redriveWorkflowId } from "../../rules/files/workflow-ids.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { number as id } from "../server/shapes.ts";

const keepers = allow("admin", "operator");

export const corrected = z.object({
  quarantineId: z.number(),
  state: z
    .enum(["resolved", "rejected", "running"])
    .describe("running: it is kept, and its file's rejected lines are still to be read again"),
  reason: z.string().nullable().describe("why it is rejected still"),
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
        body: z.object({ line: z.string().min(1) }),
        response: { 200: corrected, 202: corrected },
      },
    },
    async (request, reply) => {
      const quarantineId = request.params.id;
      const { client } = callerOf(request);
      const { fileId } = await correct(parts, request, { quarantineId, line: request.body.line });
      const isDone = await readAgain(parts, { client, fileId });
      const after = isDone ? await readCorrected(parts.reading, { client, quarantineId }) : null;
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
  { quarantineId, line }: { quarantineId: number; line: string },
): Promise<{ fileId: number }> {
  const { client } = callerOf(request);
  return audited(parts, request, async (session, record) => {
    const done = await correctLine(session, { client, quarantineId, line, seal: quarantineSeal(parts.config) });
    if (done.outcome === "absent") throw notFound("entry");
    if (done.outcome === "refused") throw new ApiError("conflict", done.reason);
    await record(session, {
      action: "line_corrected",
      subject: `quarantine/${quarantineId}`,
      details: { file: done.fileId, line: done.line },
    });
    return done;
  });
}

/** What is kept is kept: without Temporal it is read with the next redrive. */
async function readAgain(parts: ServerParts, { client, fileId }: { client: string; fileId: number }): Promise<boolean> {
  try {
    const { done } = await runWorkflow(parts, {
      type: "redriveFiles",
      workflowId: redriveWorkflowId(client, fileId),
      client,
      input: { client, fileId },
      summary: `rejected lines of file ${fileId}, client ${client}`,
      again: true,
    });
    return done;
  } catch (error) {
    if (error instanceof Unavailable) return false;
    throw error;
  }
}

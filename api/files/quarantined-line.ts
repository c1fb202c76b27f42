import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { cents } from "../../core/money.ts";
import { readLine, readRejectedInClear } from "../../queries/files/read-line.ts";
import { readFileRow } from "../../queries/files/files.ts";
import { redriveWorkflowId } from "../../rules/files/workflow-ids.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { instant, iso, money, number } from "../server/shapes.ts";
import type { redriveFiles } from "../../workflows/files/redrive-files.ts";

const keepers = allow("admin", "operator");

export const clearLine = z.object({
  quarantineId: z.number(),
  source: z.string(),
  slice: z.string(),
  line: z.number().nullable(),
  position: z.string().nullable().describe("of a message: its topic, its partition and its place there"),
  column: z.string().nullable(),
  reason: z.string(),
  amount: money.nullable(),
  firstSeenAt: instant,
  lastSeenAt: instant,
  resolvedAt: instant.nullable(),
  content: z.string().nullable().describe("as it came; null when it is not kept, or was sealed with another key"),
  isKept: z
    .boolean()
    .describe("false: there was no CREDENTIALS_ENCRYPTION_KEY to seal it with, or its retention is over"),
  contentDeletedAt: instant.nullable().describe("when its content was deleted: it can no longer be corrected"),
  isWhole: z.boolean().describe("false: it was cut, because it is very long"),
  corrected: z.string().nullable(),
  correctedAt: instant.nullable(),
  file: z
    .object({ fileId: z.number(), name: z.string(), header: z.string().nullable() })
    .nullable()
    .describe("null for a row of a vendor"),
});

/** A quarantined row or line itself. Whoever looks at it is written down before it is shown. */
export function quarantinedLineRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/quarantine/:id",
    {
      config: keepers,
      schema: {
        tags: ["operations"],
        summary: "A quarantined row or line, decrypted; each view is recorded in the audit log",
        params: z.object({ id: number }),
        response: { 200: clearLine },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, quarantineId: request.params.id };
      const found = await readLine(parts.reading, of, quarantineSeal(parts.config));
      if (found === null) throw notFound("entry");
      const { source, slice, line } = found;
      await audited(parts, request, (session, record) =>
        record(session, {
          action: "line_viewed",
          subject: `quarantine/${of.quarantineId}`,
          details: { source, slice, line },
        }),
      );
      return {
        ...found,
        amount: found.amount === null ? null : cents(found.amount),
        firstSeenAt: found.firstSeenAt.toISOString(),
        lastSeenAt: found.lastSeenAt.toISOString(),
        resolvedAt: iso(found.resolvedAt),
        contentDeletedAt: iso(found.contentDeletedAt),
        correctedAt: iso(found.correctedAt),
      };
    },
  );
}

export const rejectedLine = clearLine.pick({
  quarantineId: true,
  line: true,
  column: true,
  reason: true,
  content: true,
  isWhole: true,
  lastSeenAt: true,
});

/** The rejected lines of a file as they came, to be corrected elsewhere. Whoever reads them is written down first. */
export function rejectedLinesRoute(api: Api, parts: ServerParts): void {
  listRoute(api, "/performance/imports/:id/rejected", {
    config: keepers,
    tags: ["performance files"],
    summary: "The rejected lines of a file that are open, decrypted; each page is recorded in the audit log",
    params: z.object({ id: wholeNumber({ most: 2_147_483_647 }) }),
    querystring: paging,
    item: rejectedLine,
    place: number,
    read: async ({ after, limit }, request) => {
      const { client } = callerOf(request);
      const { id: fileId } = request.params as { id: number };
      if ((await readFileRow(parts.reading, { client, fileId })) === null) throw notFound("import");
      const of = { client, fileId, after, limit };
      return audited(parts, request, async (session, record) => {
        const lines = await readRejectedInClear(session, of, quarantineSeal(parts.config));
        if (lines.length > 0)
          await record(session, {
            action: "lines_viewed",
            subject: `file/${fileId}`,
            details: { lines: Math.min(lines.length, limit - 1) },
          });
        return lines;
      });
    },
    placeOf: ({ quarantineId }) => quarantineId,
    toItem: (row) => ({ ...row, lastSeenAt: row.lastSeenAt.toISOString() }),
  });
}

export const redriven = z.object({
  fileId: z.number(),
  state: z.enum(["done", "running"]),
  resolved: z.number().nullable().describe("lines that are stored now; null while it runs"),
  remaining: z.number().nullable(),
  reason: z.string().nullable().describe("why none of them could be read, when that is so"),
});

/** The rejected lines of a file once more, after a creative was added or a mapping corrected. */
export function redriveRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/performance/imports/:id/redrive",
    {
      config: keepers,
      schema: {
        tags: ["performance files"],
        summary: "Processes the rejected lines of a file again; by the file's number",
        params: z.object({ id: wholeNumber({ most: 2_147_483_647 }) }),
        response: { 200: redriven, 202: redriven },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const fileId = request.params.id;
      if ((await readFileRow(parts.reading, { client, fileId })) === null) throw notFound("import");
      await audited(parts, request, (session, record) =>
        record(session, { action: "redriven", subject: `file/${fileId}` }),
      );
      const outcome = await runWorkflow<Awaited<ReturnType<typeof redriveFiles>>>(parts, {
        type: "redriveFiles",
        workflowId: redriveWorkflowId(client, fileId),
        client,
        input: { client, fileId },
        summary: `rejected lines of file ${fileId}, client ${client}`,
        again: true,
      });
      if (!outcome.done)
        return reply.code(202).send({ fileId, state: "running", resolved: null, remaining: null, reason: null });
      const { resolved, remaining, files } = outcome.result;
      return reply.code(200).send({ fileId, state: "done", resolved, remaining, reason: files[0]?.reason ?? null });
    },
  );
}

import multipart from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { answerOf } from "../../rules/files/ingest-answer.ts";
import { importIdOfData, type UploadRecord } from "../../rules/files/uploads.ts";
import { ingestWorkflowId } from "../../rules/files/workflow-ids.ts";
import { readFileHistory } from "../../queries/files/file-history.ts";
import { countFiles, fileOrders, listFiles, readFileRow } from "../../queries/files/files.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { day, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { acceptUpload } from "./accept-upload.ts";
import { answerUpload } from "./answer-upload.ts";
import { formRoute } from "./form-route.ts";
import { importDaysRoute } from "./import-days.ts";
import {
  done,
  fields,
  fileTotals,
  form,
  historyDay,
  idempotencyKey,
  listedImport,
  mappingIn,
  status,
  underWay,
} from "./import-shapes.ts";
import { readAnswer, statusOfUpload } from "./imports.ts";
import { previewRoutes } from "./preview-routes.ts";
import { receiveUpload } from "./receive-upload.ts";
import { trafficRoute } from "./traffic-route.ts";
import { clearAbandoned, findUpload, type UploadPlace } from "./upload-folder.ts";

const readers = allow("admin", "operator", "analyst");

/** Uploads of ad performance, and what became of every imported file. */
export function importRoutes(api: Api, parts: ServerParts): void {
  const { config, settings } = parts;
  const place = { importDir: config.ingest.importDir, limitBytes: settings.uploadLimitBytes };
  void api.register(multipart);
  clearRegularly(api, place);
  uploadRoute(api, parts, place);
  trafficRoute(api, parts, place);
  importsRoute(api, parts);
  statusRoute(api, parts, place);
  historyRoute(api, parts);
  importDaysRoute(api, parts);
  previewRoutes(api, parts, place);
}

function uploadRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.post(
    "/performance/import",
    {
      ...formRoute(parts),
      schema: {
        tags: ["performance files"],
        summary: "Imports a file of ad performance",
        description:
          "One file per request, several requests at once. The answer comes with the request if the file is done within five seconds; else 202 and an import to follow. The same content again is answered at once and changes nothing. An accepted file is safe on disk: if Temporal is away, it is started later. A file that is refused is a 400 with the line, the column and the reason.",
        consumes: ["multipart/form-data"],
        headers: idempotencyKey,
        body: form,
        response: { 200: done, 202: underWay },
      },
    },
    async (request, reply) => {
      const upload = await accept(request, place);
      const { code, body } = await answerUpload(parts, upload, request.log);
      return code === 200 ? reply.code(200).send(body) : reply.code(202).send(body);
    },
  );
}

async function accept(request: FastifyRequest, place: UploadPlace): Promise<UploadRecord> {
  const { client, subject } = callerOf(request);
  const key = (request.headers["idempotency-key"] as string | undefined) ?? null;
  const received = await receiveUpload(request, place, client, fields);
  const { record: accepted } = await acceptUpload(received, place, {
    client,
    by: subject,
    mapping: mappingIn(received.fields),
    constants: received.fields.constant,
    ignore: received.fields.ignore,
    force: received.fields.force === "true",
    idempotencyKey: key,
    now: new Date(),
  });
  return accepted;
}

const fileFilters = {
  outcome: z.enum(["ingested", "refused"]).optional(),
  mapping: word.optional().describe("how they were read"),
  day: day.optional().describe("files that have rows of this day"),
};

function importsRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/performance/imports/totals",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "What the same filters leave in the list of files, in all",
        querystring: z.strictObject(fileFilters),
        response: { 200: fileTotals },
      },
    },
    (request) => countFiles(reading, { ...request.query, client: callerOf(request).client }),
  );
  sortedListRoute(api, "/performance/imports", {
    config: readers,
    tags: ["performance files"],
    summary: "Files that were taken or refused, the latest first, wherever they came from",
    querystring: paging.extend({ ...fileFilters, sort: sortIn(fileOrders) }),
    item: listedImport,
    orders: fileOrders,
    read: ({ filter, order, limit }, request) =>
      listFiles(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: (row) => ({
      ...answerOf(row),
      importId: importIdOf(row),
      source: row.source,
      place: row.place,
      isRepeat: row.isRepeat,
      committedAt: row.committedAt.toISOString(),
    }),
  });
}

function statusRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.get(
    "/performance/imports/:id",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "The state of an import, and its result",
        params: z.object({ id: z.string().regex(/^(\d{1,9}|[0-9a-f]{32})$/, "is no import's id") }),
        response: { 200: status },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { id } = request.params;
      if (/^\d{1,9}$/.test(id)) {
        const known = await readAnswer(parts, { client, fileId: Number(id) });
        if (known === null) throw notFound("import");
        return {
          importId: id,
          name: known.name,
          acceptedAt: null,
          state: "done" as const,
          progress: null,
          reason: null,
          answer: known,
          ...(await recordOf(parts, { client, fileId: Number(id), workflowId: null })),
        };
      }
      const upload = await findUpload(place, { client, importId: id });
      if (upload === null) throw notFound("import");
      const { fileName: name, acceptedAt } = upload;
      const found = await statusOfUpload(parts, upload);
      const workflowId = `${parts.config.queuePrefix}${ingestWorkflowId(client, id)}`;
      const record = await recordOf(parts, { client, fileId: found.answer?.fileId ?? null, workflowId });
      return { importId: id, name, acceptedAt, ...found, ...record };
    },
  );
}

/** The run that left the file in the ledger, and as what; before that, the workflow that will. */
async function recordOf(
  { reading }: ServerParts,
  { client, fileId, workflowId }: { client: string; fileId: number | null; workflowId: string | null },
): Promise<{ source: string | null; workflow: { workflowId: string; runId: string | null } }> {
  const row = fileId === null ? null : await readFileRow(reading, { client, fileId });
  if (row !== null) return { source: row.source, workflow: { workflowId: row.workflowId, runId: row.runId } };
  if (workflowId === null) throw notFound("import");
  return { source: null, workflow: { workflowId, runId: null } };
}

function historyRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/performance/imports/:id/days",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "What a file did to each day, and which later files wrote to the same days; by the file's number",
        params: z.object({ id: wholeNumber({ most: 2_147_483_647 }) }),
        response: { 200: z.object({ items: z.array(historyDay) }) },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, fileId: request.params.id };
      if ((await readFileRow(reading, of)) === null) throw notFound("import");
      return { items: await readFileHistory(reading, of) };
    },
  );
}

const clearEveryMs = 3_600_000;

/** What killed servers and commands left half received goes with the start, and every hour. */
function clearRegularly(api: Api, place: UploadPlace): void {
  const clear = async () => {
    const cleared = await clearAbandoned(place, Date.now());
    if (cleared > 0) api.log.info({ cleared }, "files of uploads that were never accepted are deleted");
  };
  const timer = setInterval(() => {
    clear().catch((error: unknown) => api.log.warn({ error: String(error) }, "abandoned uploads are not deleted"));
  }, clearEveryMs).unref();
  api.addHook("onReady", clear);
  api.addHook("onClose", (_api, done) => {
    clearInterval(timer);
    done();
  });
}

/** An upload is followed by its own id, any other file by its number. */
function importIdOf({ place, path, fileId }: { place: string; path: string; fileId: number }): string {
  return (place === "upload" ? importIdOfData(path) : null) ?? String(fileId);
}

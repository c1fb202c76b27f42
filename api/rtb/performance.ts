import multipart from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { z } from "zod";
import { parseConstants, type Constants } from "../../rules/files/constants.ts";
import { besideReason } from "../../rules/files/refusal.ts";
import { importIdOfData, type UploadRecord } from "../../rules/files/uploads.ts";
import { listFiles } from "../../queries/files/files.ts";
import { hasCreative } from "../../queries/rtb/find-creative.ts";
import { readMetrics } from "../../queries/rtb/metrics.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import { answerOfRow, ingestUpload, readAnswer, statusOfUpload, type ImportAnswer } from "../files/imports.ts";
import { day, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { counted, creativeId, geography, instant, number } from "./shapes.ts";
import { acceptUpload } from "../files/accept-upload.ts";
import { receiveUpload } from "../files/receive-upload.ts";
import { clearAbandoned, findUpload, type UploadPlace } from "../files/upload-folder.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const digits = z.string().describe("a decimal with every digit, as the ledger keeps it");
const sums = z.object({ impressions: digits, clicks: digits, spend: digits });
const answer = z.object({
  status: z
    .enum(["ingested", "already_ingested", "refused", "checked"])
    .describe("already_ingested: the same content was taken before, and nothing was written now"),
  fileId: z.number().nullable().describe("the file's number in ops.files"),
  name: z.string(),
  mapping: z.string(),
  bytes: z.number(),
  lines: z.number().describe("data lines: inserted, updated, unchanged, combined, superseded and rejected ones"),
  imported: z.number().describe("lines whose amounts are stored now"),
  skipped: z.number().describe("lines that are not: superseded or rejected"),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  combined: z.number().describe("lines that were added to another of the same key"),
  superseded: sums.extend({ lines: z.number() }).describe("lines that a later one of the same key outweighs"),
  rejected: z.number(),
  errors: z
    .array(z.object({ line: z.number(), column: z.string().nullable(), reason: z.string() }))
    .describe("the first hundred rejected lines; all are in the quarantine"),
  sums,
  days: z.object({ from: z.string().nullable(), to: z.string().nullable() }),
  replacedSince: z.number().describe("rows it wrote that later files have replaced"),
  reason: z.string().nullable().describe("why it was refused"),
  preamble: z.number(),
  totals: z.number(),
  summedOver: z.array(z.string()).describe("columns that split the file's lines finer than they are stored"),
  encoding: z.string().nullable(),
  delimiter: z.string().nullable(),
});
const importId = z.string().describe("`GET /performance/imports/{id}` tells what became of it");
const state = z.enum(["accepted", "running", "done", "failed"]);
const done = answer.extend({ importId });
const underWay = z.object({
  importId,
  state: state.describe("accepted: it is safe on disk, and is started as soon as that can be"),
});
const progress = z.object({ phase: z.string(), bytes: z.number(), ofBytes: z.number(), lines: z.number() });
const status = z.object({
  importId,
  name: z.string(),
  acceptedAt: instant.nullable().describe("null for a file that was not uploaded"),
  state,
  progress: progress.nullable(),
  reason: z.string().nullable().describe("why it failed"),
  answer: answer.nullable(),
});
const listedImport = answer.omit({ errors: true, summedOver: true, encoding: true, delimiter: true }).extend({
  importId,
  place: z.enum(["upload", "import", "s3"]),
  isRepeat: z.boolean().describe("the same content had been taken before, and this was forced"),
  committedAt: instant,
});

const record = z.object({
  date: z.string(),
  hour: z.number().nullable().describe("null for a record of the whole day"),
  geography: z.string().nullable(),
  deviceType: z.string().nullable(),
  placement: z.string().nullable(),
  impressions: z.number(),
  clicks: z.number(),
  spend: z.string().describe("a decimal with every digit: one record may have spent less than a cent"),
  cpc: z.string().nullable().describe("spend by clicks, four places; null without clicks"),
  cpm: z.string().nullable().describe("spend per thousand impressions, four places; null without impressions"),
  fileId: z.number().describe("the file that wrote it"),
});

const part = z
  .string()
  .max(1_000)
  .regex(/^[^\u0000]*$/);
const recordPlace = z.object({
  date: day,
  hour: z.number().int().min(-1).max(23),
  geography: part,
  deviceType: part,
  placement: part,
});

/** Told of in the documentation; what comes is a stream, and is checked as it comes. */
const form = z.object({
  file: z.file().describe("CSV, also gzipped"),
  mapping: z
    .string()
    .optional()
    .describe(
      "a mapping that comes with the server, or a mapping file of the import folder; without one the file is recognised by its header",
    ),
  constant: z
    .array(z.string())
    .optional()
    .describe("`field=value`, as often as needed: what a field is that the file has no column for, as `clicks=0`"),
  ignore: z.array(z.string()).optional().describe("columns to leave out; `*` at the end stands for any ending"),
  force: z.enum(["true", "false"]).optional().describe("take it again although the same content was taken before"),
});
const mapping = z
  .string()
  .trim()
  .max(300)
  .regex(/^[\w./ -]*$/, "must be the name of a mapping")
  .transform((name) => (name === "" ? null : name))
  .nullable()
  .default(null);
const several = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional();
const constant = several.transform((typed, context): Constants | undefined => {
  if (typed === undefined) return undefined;
  const read = parseConstants(typed);
  if ("constants" in read) return read.constants;
  context.addIssue(read.problem);
  return z.NEVER;
});
const fields = z.strictObject({
  mapping,
  constant,
  ignore: several,
  force: z.enum(["true", "false"], "must be true or false").default("false"),
});
const idempotencyKey = z.object({
  "idempotency-key": word
    .optional()
    .describe("the same key with the same request gives the first answer again, for a day"),
});

/** Files that are handed over, and the records that came of them. */
export function rtbPerformanceRoutes(api: Api, parts: ServerParts): void {
  const { config, settings, reading } = parts;
  const place = { importDir: config.ingest.importDir, limitBytes: settings.uploadLimitBytes };
  void api.register(multipart);
  clearRegularly(api, place);

  api.post(
    "/performance/import",
    {
      config: { ...keepers, bodyTimeoutMs: settings.uploadTimeoutMs },
      handlerTimeout: settings.uploadTimeoutMs + 30_000,
      // The form is read as it comes; there is no body to check afterwards.
      validatorCompiler: (route) =>
        route.httpPart === "body"
          ? () => ({ value: undefined })
          : validatorCompiler({ ...route, schema: route.schema as unknown as z.ZodType }),
      schema: {
        tags: ["performance files"],
        summary: "Takes a file of ad performance",
        description:
          "One file per request, several requests at once. The answer comes with the request if the file is done within five seconds; else 202 and an import to follow. The same content again is answered at once and changes nothing. An accepted file is safe on disk: if Temporal is away, it is started later. A file that is refused is a 400 with the line, the column and the reason.",
        consumes: ["multipart/form-data"],
        headers: idempotencyKey,
        body: form,
        response: { 200: done, 202: underWay },
      },
    },
    async (request, reply) => {
      const upload = await take(request);
      try {
        const outcome = await ingestUpload(parts, upload);
        if (!outcome.done) return reply.code(202).send({ importId: upload.importId, state: "running" as const });
        if (outcome.result.status === "refused") throw refused(outcome.result);
        return reply.code(200).send({ ...outcome.result, importId: upload.importId });
      } catch (error) {
        // Accepted is accepted: whoever looks through the uploads starts it.
        if (!(error instanceof Unavailable)) throw error;
        request.log.warn({ importId: upload.importId, error: error.message }, "an upload waits to be started");
        return reply.code(202).send({ importId: upload.importId, state: "accepted" as const });
      }
    },
  );

  async function take(request: FastifyRequest): Promise<UploadRecord> {
    const { client, subject } = callerOf(request);
    const key = (request.headers["idempotency-key"] as string | undefined) ?? null;
    const received = await receiveUpload(request, place, client, fields);
    const { record: accepted } = await acceptUpload(received, place, {
      client,
      by: subject,
      mapping: received.fields.mapping,
      constants: received.fields.constant,
      ignore: received.fields.ignore,
      force: received.fields.force === "true",
      idempotencyKey: key,
      now: new Date(),
    });
    return accepted;
  }

  api.get(
    "/performance/imports",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "Files that were taken or refused, the latest first, wherever they came from",
        querystring: paging.extend({ outcome: z.enum(["ingested", "refused"]).optional() }),
        response: { 200: pageOf(listedImport) },
      },
    },
    async (request) => {
      const { limit, cursor, outcome } = request.query;
      const before = readCursor(cursor, number.max(2_147_483_647)) ?? undefined;
      const rows = await listFiles(reading, { client: callerOf(request).client, outcome, before, limit: limit + 1 });
      return toPage(
        rows,
        limit,
        (row) => row.fileId,
        (row) => ({
          ...answerOfRow(row),
          importId: importIdOf(row),
          place: row.place,
          isRepeat: row.isRepeat,
          committedAt: row.committedAt.toISOString(),
        }),
      );
    },
  );

  api.get(
    "/performance/imports/:id",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "Where an import is, and what came of it",
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
        };
      }
      const upload = await findUpload(place, { client, importId: id });
      if (upload === null) throw notFound("import");
      const { fileName: name, acceptedAt } = upload;
      return { importId: id, name, acceptedAt, ...(await statusOfUpload(parts, upload)) };
    },
  );

  api.get(
    "/performance/metrics/:creative_id",
    {
      config: readers,
      schema: {
        tags: ["performance files"],
        summary: "The records of one creative, the newest first",
        params: z.object({ creative_id: creativeId }),
        querystring: paging
          .extend({ start_date: day.optional(), end_date: day.optional(), geography: geography.optional() })
          .refine(({ start_date: from, end_date: to }) => from === undefined || to === undefined || from <= to, {
            path: ["start_date"],
            error: "must not be after `end_date`",
          }),
        response: { 200: pageOf(record) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { creative_id: creative } = request.params;
      const { limit, cursor, start_date: from, end_date: to, geography: country } = request.query;
      const after = readCursor(cursor, recordPlace);
      const of = { client, creativeId: creative };
      const rows = await readMetrics(reading, { ...of, from, to, geography: country, after, limit: limit + 1 });
      if (rows.length === 0 && !(await hasCreative(reading, of))) throw notFound("creative");
      return toPage(
        rows,
        limit,
        (row) => ({
          date: row.date,
          hour: row.hour ?? -1,
          geography: row.geography ?? "",
          deviceType: row.deviceType ?? "",
          placement: row.placement ?? "",
        }),
        counted,
      );
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

/** The house's shape of an error, with each line that was the reason. */
function refused({ reason, errors }: Pick<ImportAnswer, "reason" | "errors">): ApiError {
  const lines = besideReason(reason, errors)
    .slice(0, 50)
    .map(({ line, column, reason: why }) => [column === null ? `line ${line}` : `line ${line}, ${column}`, why]);
  return new ApiError("validation_error", `the file was refused, nothing of it is stored: ${reason ?? ""}`, {
    file: reason ?? "is not valid",
    ...(Object.fromEntries(lines) as Record<string, string>),
  });
}

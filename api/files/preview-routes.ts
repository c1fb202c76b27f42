import { z } from "zod";
import { findFileIdOfContent } from "../../queries/files/imports.ts";
import { sha256 } from "../../core/crypto.ts";
import { previewKey, type DraftRecord, type ReadAs } from "../../rules/files/drafts.ts";
import { abandonedMs } from "../../rules/files/uploads.ts";
import { previewWorkflowId } from "../../rules/files/workflow-ids.ts";
import type { FilePreview } from "../../rules/files/preview.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { acceptUpload } from "./accept-upload.ts";
import { formRoute } from "./form-route.ts";
import { findDraft, keepDraft, readPreview, takeDraft } from "./drafts.ts";
import { fields, form, idempotencyKey, mappingIn, underWay } from "./import-shapes.ts";
import { startUpload } from "./imports.ts";
import { importBody, preview, previewUnderWay, readAsQuery } from "./preview-shapes.ts";
import { receiveUpload } from "./receive-upload.ts";
import type { UploadPlace } from "./upload-folder.ts";

const keepers = allow("admin", "operator");
const params = z.object({ id: z.string().max(64) });
/** A creative that was added, or a mapping file that was corrected, shows after this at the latest. */
const freshMs = 60_000;

/** A file is looked at before it is imported. */
export function previewRoutes(api: Api, parts: ServerParts, place: UploadPlace): void {
  sendRoute(api, parts, place);
  lookRoute(api, parts, place);
  importRoute(api, parts, place);
}

function sendRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.post(
    "/performance/preview",
    {
      ...formRoute(parts),
      schema: {
        tags: ["performance files"],
        summary: "Shows how a file of ad performance would be read",
        description:
          "The same form as for an import. Nothing is stored but the file itself, for a day; `POST /performance/preview/{id}/import` imports it.",
        consumes: ["multipart/form-data"],
        body: form,
        response: { 200: preview, 202: previewUnderWay },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const received = await receiveUpload(request, place, client, fields);
      const mapping = mappingIn(received.fields);
      const draft = await keepDraft(received, place, { client, by: subject });
      const { constant = {}, ignore = [] } = received.fields;
      const found = await look(parts, place, { draft, readAs: { mapping, constants: constant, ignore } });
      return found === null ? reply.code(202).send(running(draft)) : reply.code(200).send(found);
    },
  );
}

function lookRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.get(
    "/performance/preview/:id",
    {
      config: keepers,
      schema: {
        tags: ["performance files"],
        summary: "How a file that was sent would be read, also by another mapping",
        params,
        querystring: readAsQuery,
        response: { 200: preview, 202: previewUnderWay },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const draft = await findDraft(place, { client, id: request.params.id });
      const { constant = {}, ignore = [] } = request.query;
      const mapping = mappingIn(request.query);
      const found = await look(parts, place, { draft, readAs: { mapping, constants: constant, ignore } });
      return found === null ? reply.code(202).send(running(draft)) : reply.code(200).send(found);
    },
  );
}

function importRoute(api: Api, parts: ServerParts, place: UploadPlace): void {
  api.post(
    "/performance/preview/:id/import",
    {
      config: keepers,
      schema: {
        tags: ["performance files"],
        summary: "Imports a file that was looked at",
        description: "As if it had been sent to be imported. The same request again is the same import.",
        params,
        headers: idempotencyKey,
        body: importBody,
        response: { 202: underWay },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const draft = await findDraft(place, { client, id: request.params.id });
      const { constant, ignore, force } = request.body;
      const key = request.headers["idempotency-key"] as string | undefined;
      const { record } = await acceptUpload(await takeDraft(place, draft), place, {
        client,
        by: subject,
        mapping: mappingIn(request.body),
        constants: constant,
        ignore,
        force,
        idempotencyKey: key ?? sha256(JSON.stringify(["preview", draft.draftId, request.body])),
        now: new Date(),
      });
      const outcome = await startUpload(parts, record).catch((error: unknown) => {
        // Accepted is accepted: whoever looks through the uploads starts it, and its own page says what is wrong with it.
        request.log.warn({ importId: record.importId, error: String(error) }, "an upload waits to be started");
        return null;
      });
      const state = outcome === null ? ("accepted" as const) : ("running" as const);
      return reply.code(202).send({ importId: record.importId, state });
    },
  );
}

interface Looking {
  draft: DraftRecord;
  readAs: ReadAs;
}

/** Null while it is being read. */
async function look(
  parts: ServerParts,
  place: UploadPlace,
  { draft, readAs }: Looking,
): Promise<z.infer<typeof preview> | null> {
  const key = previewKey(readAs);
  const known = await readPreview(place, { draft, key, oldestMs: freshMs });
  if (known !== null) return shown(parts, draft, known);
  const { client, draftId: id, fileName } = draft;
  const { mapping, constants, ignore } = readAs;
  try {
    const { done } = await runWorkflow(parts, {
      type: "previewFile",
      workflowId: previewWorkflowId(client, id, key),
      client,
      input: { client, draftId: id, mapping: mapping ?? undefined, constants, ignore },
      summary: `${fileName.slice(0, 120)}, client ${client}`,
      again: true,
    });
    if (!done) return null;
  } catch (error) {
    // Where it lies means nothing to whoever sent it.
    if (error instanceof ApiError) error.message = error.message.replaceAll(draft.file, fileName);
    throw error;
  }
  const made = await readPreview(place, { draft, key, oldestMs: abandonedMs });
  return made === null ? null : shown(parts, draft, made);
}

async function shown(
  { reading }: ServerParts,
  draft: DraftRecord,
  made: FilePreview,
): Promise<z.infer<typeof preview>> {
  const { client, contentHash, draftId: previewId, fileName: name, bytes, receivedAt } = draft;
  const fileId = await findFileIdOfContent(reading, { client, sha256: contentHash, mapping: made.mapping.name });
  const expiresAt = new Date(Date.parse(receivedAt) + abandonedMs).toISOString();
  const imported = fileId === null ? null : { fileId };
  return { ...made, previewId, state: "done", name, bytes, expiresAt, imported };
}

const running = ({ draftId: previewId }: DraftRecord) => ({ previewId, state: "running" as const });

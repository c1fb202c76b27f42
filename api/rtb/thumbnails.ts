import { z } from "zod";
import { countThumbnails, readThumbnail } from "../../queries/rtb/thumbnails.ts";
import type { FetchedThumbnails } from "../../workflows/rtb/fetch-thumbnails.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { sendPicture } from "../server/send-picture.ts";
import { instant, iso } from "../server/shapes.ts";
import { oneCreative } from "./one-creative.ts";
import { creativeId, seatOfCreative } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

export const thumbnailState = z.object({
  consents: z.boolean().describe("the setting THUMBNAIL_CONSENT of this client"),
  named: z.number().describe("creatives whose picture the exchange names"),
  unnamed: z.number().describe("creatives without: HTML, and videos without a companion picture"),
  stored: z.number(),
  refused: z.number().describe("what is there is no picture that is shown"),
  failed: z.number().describe("could not be fetched, and are tried again tomorrow"),
  bytes: z.number(),
  lastFetch: instant.nullable(),
});
/** Sent as they are. */
const bytes = z.custom<Buffer>(Buffer.isBuffer).meta({ type: "string", format: "binary" });
const running = z.object({ state: z.literal("running"), workflowId: z.string() });
const fetched = z.object({
  workflowId: z.string(),
  consents: z.boolean(),
  stored: z.number(),
  refused: z.number(),
  failed: z.number(),
  deleted: z.number(),
});

/** Pictures of creatives: fetched by the worker where the client consents, and served from here. */
export function thumbnailRoutes(api: Api, parts: ServerParts): void {
  const { reading, config } = parts;
  api.get(
    "/creatives/:id/thumbnail",
    {
      // A page of cards asks for many at once.
      config: { ...readers, rateLimit: { max: 10 * parts.settings.requestsPerMinute, timeWindow: 60_000 } },
      schema: {
        tags: ["creatives"],
        summary: "The picture of a creative, as it was fetched; 404 without the client's consent or without one",
        params: z.object({ id: creativeId }),
        querystring: z.object({ buyer_id: seatOfCreative, v: z.string().max(64).optional() }),
        response: { 200: { description: "the picture", content: { "image/*": { schema: bytes } } } },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      if (!config.thumbnails.consenting.has(client)) throw notFound("thumbnail");
      const { buyer_id: buyerId } = request.query;
      const id = await oneCreative(reading, { client, creativeId: request.params.id, buyerId });
      const found = await readThumbnail(reading, { client, id });
      if (found === null) throw notFound("thumbnail");
      return sendPicture(request, reply, found);
    },
  );
  api.get(
    "/thumbnails",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "How many pictures of creatives were fetched, and whether that is consented to",
        response: { 200: thumbnailState },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { lastFetch, ...counts } = await countThumbnails(reading, client);
      return { consents: config.thumbnails.consenting.has(client), ...counts, lastFetch: iso(lastFetch) };
    },
  );
  fetchRoute(api, parts);
}

function fetchRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/thumbnails/fetch",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Fetches the pictures that are due, as every morning; without consent nothing is fetched",
        body: z.strictObject({}).nullish(),
        response: { 200: fetched, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      await audited(parts, request, (session, record) =>
        record(session, { action: "thumbnails_started", subject: "thumbnails" }),
      );
      const outcome = await runWorkflow<FetchedThumbnails>(parts, {
        type: "fetchThumbnails",
        workflowId: `fetch-thumbnails/${client}`,
        client,
        input: { client },
        summary: `pictures of creatives, client ${client}`,
        again: true,
      });
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      const { client: _client, ...counts } = outcome.result;
      return reply.code(200).send({ workflowId: outcome.workflowId, ...counts });
    },
  );
}

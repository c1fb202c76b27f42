import type { FastifyRequest } from "fastify";
import { z } from "zod";
import {
  mappingKey,
  MappingConflict,
  mergeMapping,
  readMapping,
  type MappingMerge,
  type MappingRow,
} from "../../queries/cost/affiliate-mapping.ts";
import { previewMapping } from "../../queries/cost/preview-mapping.ts";
import { allow, callerOf } from "../server/access.ts";
import { actorOf } from "../server/audited.ts";
import { ApiError } from "../server/errors.ts";
import { day, inOrder, orderError, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { perAffiliate, total } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const mostMapped = 5_000;

const text = word
  .regex(/^\P{Cc}*$/u, "must have no control characters")
  .trim()
  .min(1);
const mapped = z.object({
  redtrackSourceId: text.nullable().default(null),
  redtrackSourceName: text.nullable().default(null),
  everflowAffiliateId: text.nullable().default(null),
  everflowAffiliateLabel: text,
  isInternal: z.boolean(),
});
const mappingRow = z.object({
  redtrackSourceId: z.string().nullable(),
  redtrackSourceName: z.string().nullable(),
  everflowAffiliateId: z.string().nullable(),
  everflowAffiliateLabel: z.string(),
  isInternal: z.boolean(),
  matchedAt: z
    .string()
    .nullable()
    .describe("when the Everflow id was found by the label; null where the file gave the id, or none was found"),
  loadedAt: z.string().describe("an instant in UTC, ISO 8601"),
  loadedBy: z.string(),
});

const change = z.object({ items: z.array(mapped).max(mostMapped), replace: z.boolean().default(false) });
const merged = z.object({
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  removed: z.number(),
});
export const figures = z.object({ items: z.array(perAffiliate), totals: z.array(total) });

/** Which affiliate each Redtrack source spends for: for the client of the token. */
export function affiliateMappingRoutes(api: Api, { reading, database }: ServerParts): void {
  api.get(
    "/mapping",
    {
      config: readers,
      schema: {
        tags: ["cost"],
        summary: "Which affiliate each Redtrack source belongs to",
        response: { 200: z.object({ items: z.array(mappingRow) }) },
      },
    },
    async (request) => ({
      items: (await readMapping(reading, { client: callerOf(request).client })).map(toRow),
    }),
  );

  api.put(
    "/mapping",
    {
      config: keepers,
      schema: {
        tags: ["cost"],
        summary:
          "Merges rows by source; the same call again changes nothing. Rows that are not named stay, unless `replace` is set",
        body: change,
        response: { 200: merged.extend({ items: z.array(mappingRow) }) },
      },
    },
    async (request) => {
      const merge = toMerge(request, request.body);
      const counts = await mergeMapping(database, merge).catch(throwConflict);
      return { ...counts, items: (await readMapping(reading, { client: merge.client })).map(toRow) };
    },
  );

  api.post(
    "/mapping/preview",
    {
      config: keepers,
      schema: {
        tags: ["cost"],
        summary: "What such a change would make of the figures of these days; nothing is changed",
        body: change.extend({ from: day, to: day }).refine(inOrder, orderError),
        response: { 200: z.object({ merged, before: figures, after: figures }) },
      },
    },
    async (request) => {
      const { from, to } = request.body;
      return previewMapping(database, toMerge(request, request.body), { from, to }).catch(throwConflict);
    },
  );
}

function toRow(row: MappingRow): z.infer<typeof mappingRow> {
  return { ...row, loadedAt: row.loadedAt.toISOString(), matchedAt: row.matchedAt?.toISOString() ?? null };
}

function toMerge(
  request: Pick<FastifyRequest, "caller" | "affiliate">,
  { items, replace }: z.output<typeof change>,
): MappingMerge {
  const { client, ...actor } = actorOf(request);
  const keys = items.map(mappingKey);
  const twice = keys.findIndex((key, place) => keys.indexOf(key) !== place);
  if (twice !== -1)
    throw new ApiError("validation_error", "body is not valid", {
      [`items.${twice}`]: `${keys[twice]} is given twice`,
    });
  return { client, rows: items, by: actor.actor, actor, replace };
}

function throwConflict(error: unknown): never {
  if (error instanceof MappingConflict) throw new ApiError("conflict", error.problems.join("; "));
  throw error;
}

import { z } from "zod";
import { countSeats, listSeats, mergeSeats, seatOrders } from "../../queries/rtb/seats.ts";
import { allow, callerOf } from "../server/access.ts";
import { paging, word } from "../server/lists.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { instant, isMore, iso, nameText, part, storedOrigin, text } from "../server/shapes.ts";
import { assertUnique, merged, mostMerged, name } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

const givenSeat = z.strictObject({
  buyerId: word.trim().min(1),
  displayName: nameText.nullable().optional(),
  bidderAccountId: name,
});
export const seat = z.object({
  buyerId: z.string(),
  displayName: text,
  bidderAccountId: text,
  creativeCount: z.number(),
  approved: z.number().describe("of its creatives, as the exchange judged them"),
  disapproved: z.number(),
  pending: z.number().describe("wait for the exchange's review"),
  vanished: z.number().describe("are listed no longer, whatever they were"),
  lastSync: instant.nullable(),
  lastOutcome: z
    .enum(["synced", "emptied", "short", "failed"])
    .nullable()
    .describe(
      "what came of the last sync; emptied or short: the list was not believed, and nothing marked as vanished",
    ),
  lastReason: text.describe("why, in words"),
  origin: storedOrigin,
});

export const seatTotals = z.object({
  ...{ seats: z.number(), isMore, creatives: part, approved: part, pending: part, disapproved: part, vanished: part },
});

/** A field that nothing reads would be taken for one that does something. */
const nothing = z.strictObject({}).nullish();
const running = z.object({ state: z.literal("running"), workflowId: z.string() });
const foundSeats = z.object({
  seats: z.array(z.object({ buyerId: z.string(), displayName: text, bidderAccountId: text })),
});
const synced = z.object({
  seats: z.array(
    z.object({
      buyerId: z.string(),
      outcome: z.enum(["synced", "emptied", "short"]),
      listed: z.number(),
      inserted: z.number(),
      updated: z.number(),
      returned: z.number().describe("were marked as vanished, and are listed again"),
      vanished: z.number().describe("are listed no longer, and marked so"),
    }),
  ),
});

/** Buyer accounts: whose the creatives are. */
export function rtbSeatRoutes(api: Api, parts: ServerParts): void {
  const { reading, database } = parts;
  discoverRoute(api, parts);
  syncRoute(api, parts);
  sortedListRoute(api, "/seats", {
    config: readers,
    tags: ["creatives"],
    summary: "Buyer accounts, and how many creatives each has",
    querystring: paging.extend({ sort: sortIn(seatOrders) }),
    item: seat,
    orders: seatOrders,
    read: ({ order, limit }, request) => listSeats(reading, { client: callerOf(request).client, order, limit }),
    toItem: (row) => ({ ...row, lastSync: iso(row.lastSync) }),
  });
  totalsRoute(api, "/seats", {
    ...{ config: readers, tags: ["creatives"], summary: "All seats, and the creatives that are here of them" },
    ...{ filters: {}, answer: seatTotals },
    read: (_filter, request) => countSeats(reading, { client: callerOf(request).client }),
  });

  api.put(
    "/seats",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Merges buyer accounts by id; the same call again changes nothing",
        body: z.object({ items: z.array(givenSeat).min(1).max(mostMerged) }),
        response: { 200: merged },
      },
    },
    async (request) => {
      const { items } = request.body;
      assertUnique(items.map((item) => item.buyerId));
      return mergeSeats(database, { client: callerOf(request).client, origin: "real", rows: items });
    },
  );
}

function discoverRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/seats/discover",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Lists the seats that the client's account at Google Authorized Buyers may see, and merges them",
        body: nothing,
        response: { 200: foundSeats, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const outcome = await runWorkflow<z.infer<typeof foundSeats>>(parts, {
        type: "discoverSeats",
        workflowId: `discover-seats/${client}`,
        client,
        input: { client },
        summary: `seats of Authorized Buyers, client ${client}`,
        again: true,
      });
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      return reply.code(200).send({ seats: outcome.result.seats });
    },
  );
}

function syncRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/seats/:buyer/sync",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Brings the creatives of a seat up to what Google Authorized Buyers lists",
        description:
          "A creative that is listed no longer is marked as vanished, not deleted; one that returns is not marked any more.",
        params: z.object({ buyer: word.trim().min(1) }),
        body: nothing,
        response: { 200: synced, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { buyer: buyerId } = request.params;
      const outcome = await runWorkflow<z.infer<typeof synced>>(parts, {
        type: "syncCreatives",
        workflowId: `sync-creatives/${client}/${buyerId}`,
        client,
        input: { client, buyerId },
        summary: `creatives of seat ${buyerId}, client ${client}`,
        again: true,
      });
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      return reply.code(200).send({ seats: outcome.result.seats });
    },
  );
}

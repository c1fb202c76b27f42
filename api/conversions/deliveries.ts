import { z } from "zod";
import {
  countDeliveries,
  countListedDeliveries,
  deliveryOrders,
  deliveryStates,
  listDeliveries,
  retryDelivery,
  type DeliveryRow,
} from "../../queries/conversions/list-deliveries.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { startWorkflow } from "../server/run-workflow.ts";
import { instant, isMore, iso, money, part, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const tags = ["conversions"];
const state = z.enum(deliveryStates);

export const delivery = z.object({
  destination: z.string(),
  conversionKey: z.string(),
  eventName: z.string(),
  eventTime: instant,
  value: money.nullable(),
  currency: text,
  state,
  attempts: z.number(),
  lastAnswer: text.describe("why it failed or waits"),
  heldUntil: instant.nullable(),
  deliveredAt: instant.nullable(),
  updatedAt: instant,
});
export const deliveryCounts = z.object({
  items: z.array(z.object({ destination: z.string(), state, deliveries: z.number() })),
});

export const deliveryTotals = z.object({
  ...{ deliveries: z.number(), isMore, delivered: part, failed: part },
  waiting: part.describe("pending, being sent, or held back"),
});

/** Conversions on their way to Meta, HubSpot and others. */
export function deliveryRoutes(api: Api, parts: ServerParts): void {
  const filters = {
    destination: word.optional(),
    state: state.optional(),
    conversion: word.optional().describe("a conversion's key"),
  };
  sortedListRoute(api, "", {
    config: readers,
    tags,
    summary: "Deliveries with their state, the latest conversion first",
    querystring: paging.extend({ ...filters, sort: sortIn(deliveryOrders) }),
    item: delivery,
    orders: deliveryOrders,
    read: ({ filter, order, limit }, request) =>
      listDeliveries(parts.reading, { client: callerOf(request).client, filter, order, limit }),
    toItem,
  });
  totalsRoute(api, "", {
    ...{ config: readers, tags, summary: "How many deliveries the same filters leave", filters },
    answer: deliveryTotals,
    read: (filter, request) => countListedDeliveries(parts.reading, { client: callerOf(request).client, filter }),
  });

  api.get(
    "/counts",
    { config: readers, schema: { tags, summary: "How many are in which state", response: { 200: deliveryCounts } } },
    async (request) => ({ items: await countDeliveries(parts.reading, { client: callerOf(request).client }) }),
  );

  retryRoute(api, parts);
}

function retryRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/retry",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Sends one again that was refused or is held back; a destination that took it is not asked twice",
        body: z.object({ destination: word, conversion: word.describe("a conversion's key") }),
        response: { 202: delivery },
      },
    },
    async (request, reply) => {
      const { destination, conversion: conversionKey } = request.body;
      const of = { client: callerOf(request).client, destination, conversionKey };
      const isQueued = await audited(parts, request, async (session, record) => {
        const queued = await retryDelivery(session, of);
        if (queued)
          await record(session, { action: "delivery_retried", subject: `delivery/${destination}/${conversionKey}` });
        return queued;
      });
      const filter = { destination, conversion: conversionKey };
      const [row] = await listDeliveries(parts.reading, { client: of.client, filter, limit: 1 });
      if (row === undefined) throw notFound("delivery");
      if (!isQueued && row.state !== "pending")
        throw new ApiError("conflict", `the delivery is ${row.state}: only one that failed or is held can be retried`);
      // The schedule would send it, too: this only saves the wait.
      await startWorkflow(parts, {
        type: "deliverConversions",
        workflowId: `deliver/${of.client}/${destination}`,
        client: of.client,
        input: { client: of.client, destination },
        summary: `what waits for ${destination}, client ${of.client}`,
        again: true,
      }).catch((error: unknown) => request.log.warn({ err: String(error) }, "the delivery waits for the schedule"));
      return reply.code(202).send(toItem(row));
    },
  );
}

function toItem(row: DeliveryRow): z.infer<typeof delivery> {
  return {
    ...row,
    eventTime: row.eventTime.toISOString(),
    heldUntil: iso(row.heldUntil),
    deliveredAt: iso(row.deliveredAt),
    updatedAt: row.updatedAt.toISOString(),
  };
}

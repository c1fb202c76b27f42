import { z } from "zod";
import {
  everflowOrders,
  findEverflowConversion,
  listEverflowConversions,
  readEverflowTotals,
  type EverflowConversion,
} from "../../queries/conversions/list-everflow.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { inOrder, orderError, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { instant, iso, money, text } from "../server/shapes.ts";
import { range, rangeOf, total } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");

export const everflowConversion = z.object({
  conversionId: z.string(),
  date: z.string().describe("the day in America/New_York"),
  convertedAt: instant,
  clickedAt: instant.nullable(),
  status: z.string().describe("approved, pending, rejected, invalid, or what Everflow adds one day"),
  isEvent: z.boolean(),
  event: text,
  affiliateId: z.string(),
  affiliateName: text,
  advertiserId: text,
  advertiserName: text,
  offerId: text,
  offerName: text,
  currency: z.string(),
  payout: money,
  revenue: money,
  saleAmount: money.nullable(),
  orderId: text,
  transactionId: text,
  country: text,
  errorCode: text,
  slice: z.string().describe("the slice it came with"),
  runId: z.string(),
});

const filters = z.object({
  ...range.shape,
  affiliate: word.optional(),
  offer: word.optional(),
  status: word.optional(),
});
export const everflowTotals = z.object({
  from: z.string(),
  to: z.string(),
  items: z.array(total.extend({ currency: z.string(), events: z.number(), payout: money })),
});

/** Everflow's conversions and events, in their last known status. */
export function everflowRoutes(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/conversions", {
    config: readers,
    tags: ["conversions"],
    summary: "Everflow's conversions by day, affiliate, offer or status, newest first",
    querystring: paging.extend({ ...filters.shape, sort: sortIn(everflowOrders) }).refine(inOrder, orderError),
    item: everflowConversion,
    orders: everflowOrders,
    read: ({ filter, order, limit }, request) => {
      const { client } = callerOf(request);
      return listEverflowConversions(reading, { client, filter: { ...filter, ...rangeOf(filter) }, order, limit });
    },
    toItem,
  });

  api.get(
    "/conversions/totals",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "The same added up, per currency and origin; events apart from conversions",
        querystring: filters.refine(inOrder, orderError),
        response: { 200: everflowTotals },
      },
    },
    async (request) => {
      const days = rangeOf(request.query);
      const of = { client: callerOf(request).client, filter: { ...request.query, ...days } };
      return { ...days, items: await readEverflowTotals(reading, of) };
    },
  );

  api.get(
    "/conversions/:id",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "One of Everflow's conversions",
        params: z.object({ id: word }),
        response: { 200: everflowConversion },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, conversionId: request.params.id };
      const found = await findEverflowConversion(reading, of);
      if (found === null) throw notFound("conversion");
      return toItem(found);
    },
  );
}

function toItem(row: EverflowConversion): z.infer<typeof everflowConversion> {
  return { ...row, convertedAt: row.convertedAt.toISOString(), clickedAt: iso(row.clickedAt) };
}

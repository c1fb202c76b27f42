import { z } from "zod";
import { addDays, isDay } from "../../core/days.ts";
import { cpaDayOrders, readCpaByAffiliate, readCpaDaily, readCpaTotals } from "../../queries/cost/cpa.ts";
import { readUnmappedSpend } from "../../queries/cost/affiliate-mapping.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, inOrder, orderError, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { daily, perAffiliate, total, unmapped } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const mostDays = 1_100;

const range = z.object({ from: day.optional(), to: day.optional() });

/** What was spent, what came of it, and whose it was: for the client of the token. */
export function cpaRoutes(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/cpa/daily", {
    config: readers,
    tags: ["cost"],
    summary: "Cost per acquisition per day, affiliate and currency, newest day first",
    querystring: paging
      .extend(range.shape)
      .extend({
        affiliateId: word.optional(),
        affiliate: word.optional().describe("of rows without an `affiliateId`"),
        sort: sortIn(cpaDayOrders),
      })
      .refine(inOrder, orderError),
    item: daily,
    orders: cpaDayOrders,
    read: ({ filter, order, limit }, request) =>
      readCpaDaily(reading, { ...filter, client: callerOf(request).client, order, limit }),
    toItem: (row) => row,
  });

  api.get(
    "/cpa/affiliates",
    {
      config: readers,
      schema: {
        tags: ["cost"],
        summary: "Cost per acquisition per affiliate and currency over a range, with totals per currency",
        querystring: z
          .object({ from: day, to: day })
          .refine(inOrder, orderError)
          // Asked of what is no day, too: zod names every mistake at once.
          .refine(({ from, to }) => !isDay(from) || !isDay(to) || addDays(from, mostDays) > to, {
            path: ["from"],
            error: `must be at most ${mostDays} days before \`to\``,
          }),
        response: {
          200: z.object({ from: z.string(), to: z.string(), items: z.array(perAffiliate), totals: z.array(total) }),
        },
      },
    },
    async (request) => {
      const of = { ...request.query, client: callerOf(request).client };
      const [items, totals] = await Promise.all([readCpaByAffiliate(reading, of), readCpaTotals(reading, of)]);
      return { ...request.query, items, totals };
    },
  );

  api.get(
    "/unmapped-spend",
    {
      config: readers,
      schema: {
        tags: ["cost"],
        summary: "Redtrack sources with spend and no affiliate, the greatest first",
        querystring: range.refine(inOrder, orderError),
        response: { 200: z.object({ items: z.array(unmapped) }) },
      },
    },
    async (request) => ({
      items: await readUnmappedSpend(reading, { ...request.query, client: callerOf(request).client }),
    }),
  );
}

import { z } from "zod";
import { addDays, isDay } from "../../core/days.ts";
import { readCpaByAffiliate, readCpaDaily, readCpaTotals } from "../../queries/cost/cpa.ts";
import { readUnmappedSpend } from "../../queries/cost/affiliate-mapping.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, inOrder, orderError, paging } from "../server/lists.ts";
import { listRoute } from "../server/list-route.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { money, storedOrigin } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const mostDays = 1_100;

const known = money.nullable();
const count = z.number().nullable();
/** What a row of an affiliate and a total have in common. */
const amounts = {
  currency: z.string(),
  origin: storedOrigin.describe("sandbox figures have rows and totals of their own, and never meet real ones"),
  efClicks: count,
  efConversions: count,
  efPayout: known,
  rtSpend: known.describe("null without a row in Redtrack: that is not zero"),
  rtClicks: count,
  finalCost: known,
  cpa: known.describe("final cost / conversions; null without conversions or across currencies"),
  revenue: known,
  margin: known,
  roas: known.describe("revenue / final cost, two decimals"),
};
const ofAffiliate = {
  affiliateId: z.string().nullable().describe("null for spend that is not mapped to exactly one affiliate"),
  affiliate: z.string(),
  isInternal: z.boolean(),
  costBasis: z.enum(["spend", "payout"]).describe("what the cost is: Redtrack spend or Everflow payout"),
  note: z
    .string()
    .nullable()
    .describe("why a ratio is missing, what it leaves out, or which cost has no row in Everflow"),
  ...amounts,
};
const daily = z.object({ date: z.string(), ...ofAffiliate });
const perAffiliate = z.object({
  ...ofAffiliate,
  days: z.number(),
  daysWithoutCost: z.number(),
  conversionsWithoutCost: z.number(),
});
const total = z.object({
  ...amounts,
  conversionsWithoutCost: z.number(),
  costWithoutResults: money.describe("cost of days without a row in Everflow; included in the cost and in the ratios"),
  acrossCurrencies: z.boolean().describe("true when an affiliate has spend and results in different currencies"),
  unmappedSpend: money.describe("spend without an affiliate; not included in the other figures"),
});
const unmapped = z.object({
  sourceId: z.string(),
  sourceName: z.string().nullable(),
  currency: z.string(),
  origin: storedOrigin,
  days: z.number(),
  firstDay: z.string(),
  lastDay: z.string(),
  cost: money,
  clicks: z.number(),
});

const range = z.object({ from: day.optional(), to: day.optional() });

const place = z.object({
  date: day,
  affiliate: z.string(),
  affiliateId: z.string(),
  currency: z.string(),
  origin: z.string().default("real"),
});

/** What was spent, what came of it, and whose it was: for the client of the token. */
export function cpaRoutes(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/cpa/daily", {
    config: readers,
    tags: ["cost"],
    summary: "Cost per acquisition per day, affiliate and currency, newest day first",
    querystring: paging.extend(range.shape).refine(inOrder, orderError),
    item: daily,
    place,
    read: ({ filter, after, limit }, request) =>
      readCpaDaily(reading, { ...filter, client: callerOf(request).client, after, limit }),
    placeOf: ({ date, affiliate, affiliateId, currency, origin }) => ({
      date,
      affiliate,
      affiliateId: affiliateId ?? "",
      currency,
      origin,
    }),
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

import { z } from "zod";
import { addDays, isDay } from "../../core/days.ts";
import { readCpaByAffiliate, readCpaDaily, readCpaTotals } from "../../queries/cost/cpa.ts";
import {
  mappingKey,
  MappingConflict,
  mergeMapping,
  readMapping,
  readUnmappedSpend,
  type MappingRow,
} from "../../queries/cost/mapping.ts";
import { allow, callerOf } from "../server/access.ts";
import { actorOf } from "../server/audited.ts";
import { ApiError } from "../server/errors.ts";
import { day, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const mostDays = 1_100;
const mostMapped = 5_000;

const money = z.string().describe("a decimal, in cents");
const known = money.nullable();
const count = z.number().nullable();
const figures = {
  affiliateId: z.string().nullable().describe("null for spend whose mapping leads to no single affiliate"),
  affiliate: z.string(),
  isInternal: z.boolean(),
  currency: z.string(),
  efClicks: count,
  efConversions: count,
  efPayout: known,
  rtSpend: known.describe("null without a row in Redtrack, which is not zero"),
  rtClicks: count,
  costBasis: z.enum(["spend", "payout"]).describe("which cost counts"),
  finalCost: known,
  cpa: known.describe("final cost / conversions; null without conversions or across currencies"),
  revenue: known,
  margin: known,
  roas: known.describe("revenue / final cost, two decimals"),
  note: z.string().nullable().describe("why a ratio is missing, or what it leaves out"),
};
const daily = z.object({ date: z.string(), ...figures });
const perAffiliate = z.object({
  ...figures,
  days: z.number(),
  daysWithoutCost: z.number(),
  conversionsWithoutCost: z.number(),
});
const total = z.object({
  currency: z.string(),
  efClicks: count,
  efConversions: count,
  efPayout: known,
  rtSpend: known,
  rtClicks: count,
  finalCost: known,
  cpa: known,
  revenue: known,
  margin: known,
  roas: known,
  conversionsWithoutCost: z.number(),
  acrossCurrencies: z.boolean().describe("an affiliate in it has spend and results in several currencies"),
  unmappedSpend: money.describe("spend that reaches no affiliate, beside the other figures"),
});
const unmapped = z.object({
  sourceId: z.string(),
  sourceName: z.string().nullable(),
  currency: z.string(),
  days: z.number(),
  firstDay: z.string(),
  lastDay: z.string(),
  cost: money,
  clicks: z.number(),
});

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
  loadedAt: z.string().describe("an instant in UTC, ISO 8601"),
  loadedBy: z.string(),
});

const inOrder = ({ from, to }: { from?: string | undefined; to?: string | undefined }) =>
  from === undefined || to === undefined || from <= to;
const orderError = { path: ["from"], error: "must not be after `to`" };
const range = z.object({ from: day.optional(), to: day.optional() });

/** What was spent, what came of it, and whose it was: for the client of the token. */
export function performanceRoutes(api: Api, { reading, database }: ServerParts): void {
  api.get(
    "/cpa/daily",
    {
      config: readers,
      schema: {
        tags: ["performance"],
        summary: "Cost per acquisition per day, affiliate and currency, newest day first",
        querystring: paging.extend(range.shape).refine(inOrder, orderError),
        response: { 200: pageOf(daily) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const place = z.object({ date: day, affiliate: z.string(), affiliateId: z.string(), currency: z.string() });
      const after = readCursor(cursor, place);
      const rows = await readCpaDaily(reading, {
        ...filter,
        client: callerOf(request).client,
        after,
        limit: limit + 1,
      });
      return toPage(
        rows,
        limit,
        ({ date, affiliate, affiliateId, currency }) => ({ date, affiliate, affiliateId: affiliateId ?? "", currency }),
        (row) => row,
      );
    },
  );

  api.get(
    "/cpa/affiliates",
    {
      config: readers,
      schema: {
        tags: ["performance"],
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
        tags: ["performance"],
        summary: "Redtrack sources with spend and no affiliate, the greatest first",
        querystring: range.refine(inOrder, orderError),
        response: { 200: z.object({ items: z.array(unmapped) }) },
      },
    },
    async (request) => ({
      items: await readUnmappedSpend(reading, { ...request.query, client: callerOf(request).client }),
    }),
  );

  api.get(
    "/mapping",
    {
      config: readers,
      schema: {
        tags: ["performance"],
        summary: "Which affiliate each Redtrack source spends for",
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
        tags: ["performance"],
        summary:
          "Merges rows by source; the same call again changes nothing. Rows that are not named stay, unless `replace` is set",
        body: z.object({ items: z.array(mapped).max(mostMapped), replace: z.boolean().default(false) }),
        response: {
          200: z.object({
            inserted: z.number(),
            updated: z.number(),
            unchanged: z.number(),
            removed: z.number(),
            items: z.array(mappingRow),
          }),
        },
      },
    },
    async (request) => {
      const { client, ...actor } = actorOf(request);
      const { items, replace } = request.body;
      const keys = items.map(mappingKey);
      const twice = keys.findIndex((key, place) => keys.indexOf(key) !== place);
      if (twice !== -1)
        throw new ApiError("validation_error", "body is not valid", {
          [`items.${twice}`]: `${keys[twice]} stands there twice`,
        });
      try {
        const merged = await mergeMapping(database, { client, rows: items, by: actor.actor, actor, replace });
        return { ...merged, items: (await readMapping(reading, { client })).map(toRow) };
      } catch (error) {
        if (error instanceof MappingConflict) throw new ApiError("conflict", error.problems.join("; "));
        throw error;
      }
    },
  );
}

function toRow(row: MappingRow): z.infer<typeof mappingRow> {
  return { ...row, loadedAt: row.loadedAt.toISOString() };
}

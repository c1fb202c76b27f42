import { z } from "zod";
import { addDays, comparedDays, isDay, rangeBefore } from "../../core/days.ts";
import {
  readPulls,
  readSpendByCampaign,
  readSpendByDay,
  readSpendBySource,
  readSpendCalendar,
  readSpendTotal,
} from "../../queries/cost/spend.ts";
import { daysToCompare, paceOf } from "../../rules/cost/pace.ts";
import { allow, callerOf } from "../server/access.ts";
import { day, inOrder, orderError, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, iso, money, storedOrigin } from "../server/shapes.ts";

const config = allow("admin", "operator", "analyst");
const tags = ["cost"];
const mostDays = 1_100;

const known = money.nullable();
const count = z.number().nullable();
const amounts = {
  cost: known.describe("null where nothing was loaded"),
  clicks: count,
  conversions: count,
  revenue: known,
};
const ofOver = {
  costOver: known.describe("of the days that are over: to be compared with `costOverBefore`"),
  costOverBefore: known.describe("of the same days of the range before"),
};
export const spendTotal = z.object({
  ...amounts,
  costBefore: known,
  daysBefore: z.number().describe("how many of the days before have spend"),
  ...ofOver,
});
const ofRange = {
  from: z.string(),
  to: z.string(),
  before: z.object({ from: z.string(), to: z.string() }).describe("as many days before"),
  timezone: z.string().describe("whose days they are"),
  currency: z.string(),
  origin: storedOrigin,
  totals: spendTotal,
};
export const bySource = z.object({
  sourceId: z.string(),
  sourceName: z.string().nullable(),
  days: z.number(),
  ...amounts,
  costBefore: known,
  ...ofOver,
});
export const byDay = z.object({
  date: z.string(),
  sources: z.number(),
  ...amounts,
  state: z.enum(["final", "provisional", "failed", "emptied", "missing"]),
  loadedAt: instant.nullable(),
  receiptId: z.number().nullable(),
  origin: storedOrigin.nullable(),
  restated: known.describe("change of the day since it was first read whole; null of one source, or before that"),
});
const byCampaign = bySource.omit({ days: true }).extend({
  campaignId: z.string(),
  campaignName: z.string().nullable(),
  sourceId: z.string().describe("none: traffic without a source"),
});
const hour = z.object({
  hour: z.number().describe("by the feed's clock; 24 is what was read after the day's end"),
  time: z.string().nullable().describe("when the day was last read in this hour: the other two are of this time"),
  cost: known,
  receiptId: z.number().nullable(),
  dayBefore: known.describe("as it was read then, or between the readings before and after by the share of the time"),
  median: known.describe("of the same weekday of the last four weeks, of those read around this time"),
  medianOf: z.number(),
});

const inReach = ({ from, to }: { from: string; to: string }) =>
  // Asked of what is no day, too: zod names every mistake at once.
  !isDay(from) || !isDay(to) || addDays(from, mostDays) > to;
const reachError = { path: ["from"], error: `must be at most ${mostDays} days before \`to\`` };
const range = z.object({ from: day, to: day }).refine(inOrder, orderError).refine(inReach, reachError);
const ofSource = z
  .object({ from: day, to: day, sourceId: word.optional() })
  .refine(inOrder, orderError)
  .refine(inReach, reachError);

const compare = (range: { from: string; to: string }, today: string) => ({
  from: range.from,
  to: range.to,
  before: rangeBefore(range.from, range.to),
  compared: comparedDays(range, today),
});

/** What was spent, by traffic source, campaign, day and hour. */
export function spendRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  campaignsRoute(api, parts);

  api.get(
    "/spend/sources",
    {
      config,
      schema: {
        tags,
        summary: "Spend per traffic source over a range, beside as many days before",
        querystring: range,
        response: { 200: z.object({ ...ofRange, items: z.array(bySource) }) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { timezone, currency, origin, today } = await readSpendCalendar(reading, client);
      const of = { client, ...compare(request.query, today) };
      const [items, totals] = await Promise.all([readSpendBySource(reading, of), readSpendTotal(reading, of)]);
      return { ...request.query, before: of.before, timezone, currency, origin, totals, items };
    },
  );

  api.get(
    "/spend/days",
    {
      config,
      schema: {
        tags,
        summary: "Spend per day, with how final it is and what restated; also of one traffic source",
        querystring: ofSource,
        response: { 200: z.object({ ...ofRange, items: z.array(byDay) }) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { from, to, sourceId } = request.query;
      const { timezone, currency, origin, today } = await readSpendCalendar(reading, client);
      const of = { client, sourceId, ...compare({ from, to }, today) };
      const [items, totals] = await Promise.all([readSpendByDay(reading, of), readSpendTotal(reading, of)]);
      const shown = items.map((row) => ({ ...row, loadedAt: iso(row.loadedAt) }));
      return { from, to, before: of.before, timezone, currency, origin, totals, items: shown };
    },
  );

  api.get(
    "/spend/hours",
    {
      config,
      schema: {
        tags,
        summary: "How a day's spend grew, beside the day before and the median of the last four same weekdays",
        querystring: z.object({ day: day.optional().describe("today by default"), sourceId: word.optional() }),
        response: {
          200: z.object({ day: z.string(), timezone: z.string(), currency: z.string(), items: z.array(hour) }),
        },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { timezone, currency, today } = await readSpendCalendar(reading, client);
      const { day: of = today, sourceId } = request.query;
      const { dayBefore, sameWeekdays } = daysToCompare(of);
      const readings = await readPulls(reading, { client, sourceId, days: [of, dayBefore, ...sameWeekdays] });
      return { day: of, timezone, currency, items: paceOf(readings, of) };
    },
  );
}

function campaignsRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/spend/campaigns",
    {
      config,
      schema: {
        tags,
        summary: "Spend per Redtrack campaign and traffic source over a range, beside as many days before",
        querystring: z
          .object({ from: day, to: day, campaignId: word.optional() })
          .refine(inOrder, orderError)
          .refine(inReach, reachError),
        response: {
          200: z.object({ ...ofRange, items: z.array(byCampaign) }).omit({ totals: true }),
        },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { from, to, campaignId } = request.query;
      const { timezone, currency, origin, today } = await readSpendCalendar(reading, client);
      const of = { client, campaignId, ...compare({ from, to }, today) };
      const items = await readSpendByCampaign(reading, of);
      return { from, to, before: of.before, timezone, currency, origin, items };
    },
  );
}

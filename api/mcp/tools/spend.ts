import { z } from "zod";
import { spendSource } from "../../../queries/cost/spend.ts";
import { byDay, bySource, spendTotal } from "../../cost/spend.ts";
import { storedOrigin } from "../../server/shapes.ts";
import { word } from "../../server/lists.ts";
import { finality, finalityWords, originWords, readFinality, sources } from "../finality.ts";
import { defineTool, range, rangeName, rangeOf } from "../tool.ts";

const day = byDay.pick({ date: true, cost: true, clicks: true, conversions: true, revenue: true, restated: true });
const trafficSource = bySource.pick({
  ...{ sourceId: true, sourceName: true, days: true, cost: true, clicks: true, conversions: true, revenue: true },
  ...{ costBefore: true },
});
const output = z.object({
  from: z.string(),
  to: z.string(),
  timezone: z.string().describe("whose days they are"),
  currency: z.string(),
  origin: storedOrigin,
  totals: spendTotal.pick({ cost: true, clicks: true, conversions: true, revenue: true, costBefore: true }),
  before: z.object({ from: z.string(), to: z.string() }).describe("as many days before, of `costBefore`"),
  days: z.array(day).describe("the newest first"),
  trafficSources: z.array(trafficSource).describe("the greatest cost first"),
  trafficSourcesLeftOut: z.number(),
  finality,
  sources,
});
interface Days extends Omit<z.infer<typeof output>, "days" | "finality" | "sources"> {
  items: z.infer<typeof day>[];
}

/** What the ad account was charged, as Redtrack reports it. */
export const spend = defineTool({
  name: "spend",
  title: "Spend",
  description:
    "What was spent on traffic, as Redtrack reports it: in all, per day and per traffic source, with clicks and the conversions and revenue that Redtrack counts. For what it earned by Everflow's count, and cost per conversion, use `cpa`.",
  roles: ["admin", "operator", "analyst"],
  outside: ["trafficSources[].sourceName", "trafficSources[].sourceId"],
  input: z.strictObject({
    ...range,
    sourceId: word.optional().describe("only this traffic source, by its id in Redtrack"),
    limit: z.int().min(0).max(200).default(20).describe("how many traffic sources are listed"),
  }),
  output,
  answer: async (asking, { sourceId, limit, ...asked }) => {
    const of = rangeOf(asked, asking.today);
    const [days, { items }, read] = await Promise.all([
      asking.get<Days>("/api/v1/cost/spend/days", { ...of, sourceId }),
      asking.get<{ items: z.infer<typeof trafficSource>[] }>("/api/v1/cost/spend/sources", of),
      readFinality(asking, { ...of, feeds: [spendSource] }),
    ]);
    const wanted = items.filter((one) => sourceId === undefined || one.sourceId === sourceId);
    const { cost, clicks } = days.totals;
    const nothing = sourceId === undefined ? "nothing was read" : "that traffic source has no rows on these days";
    const amount = cost === null ? nothing : `${cost} ${days.currency}, ${clicks ?? 0} clicks`;
    return {
      summary: `Redtrack spend of ${rangeName(of)} (${days.timezone}): ${amount}; ${finalityWords(read.finality)}; ${originWords(read.sources)}.`,
      data: {
        ...days,
        ...of,
        days: days.items,
        trafficSources: wanted.slice(0, limit),
        trafficSourcesLeftOut: Math.max(0, wanted.length - limit),
        ...read,
      },
    };
  },
});

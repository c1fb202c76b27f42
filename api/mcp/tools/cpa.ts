import { z } from "zod";
import { spendSource } from "../../../queries/cost/spend.ts";
import { perAffiliate, total } from "../../cost/shapes.ts";
import { word } from "../../server/lists.ts";
import { finality, finalityWords, originWords, readFinality, sources } from "../finality.ts";
import { defineTool, range, rangeName, rangeOf } from "../tool.ts";

const output = z.object({
  from: z.string(),
  to: z.string(),
  totals: z.array(total).describe("one per currency, and one more for what mock servers made up"),
  affiliates: z.array(perAffiliate).describe("the greatest cost first, currency by currency"),
  affiliatesLeftOut: z.number(),
  finality,
  sources,
});
type Answer = Pick<z.infer<typeof output>, "totals"> & { items: z.infer<typeof perAffiliate>[] };

/** What conversions cost and earned. */
export const cpa = defineTool({
  name: "cpa",
  title: "Cost per acquisition",
  description:
    "What was earned and what a conversion cost: Everflow's conversions, payout and revenue beside the spend, per affiliate and in all, with margin and return on ad spend. Spend that belongs to no affiliate is named beside the totals and is not in them.",
  roles: ["admin", "operator", "analyst"],
  outside: ["affiliates[].affiliate", "affiliates[].affiliateId"],
  input: z.strictObject({
    ...range,
    affiliateId: word.optional().describe("only this affiliate, by its id in Everflow; totals stay those of all"),
    limit: z.int().min(0).max(200).default(20).describe("how many affiliates are listed"),
  }),
  output,
  answer: async (asking, { affiliateId, limit, ...asked }) => {
    const of = rangeOf(asked, asking.today);
    const [{ items, totals }, read] = await Promise.all([
      asking.get<Answer>("/api/v1/cost/cpa/affiliates", of),
      readFinality(asking, { ...of, feeds: [spendSource, "everflow.daily_stats"] }),
    ]);
    const wanted = items.filter((one) => affiliateId === undefined || one.affiliateId === affiliateId);
    const nobody = affiliateId !== undefined && wanted.length === 0 ? "; that affiliate has no rows on these days" : "";
    return {
      summary: `${rangeName(of)}: ${totals.length === 0 ? "no cost and no results" : totals.map(totalWords).join("; ")}; ${finalityWords(read.finality)}; ${originWords(read.sources)}${nobody}.`,
      data: {
        ...of,
        totals,
        affiliates: wanted.slice(0, limit),
        affiliatesLeftOut: Math.max(0, wanted.length - limit),
        ...read,
      },
    };
  },
});

function totalWords({ currency, finalCost, revenue, cpa: price, efConversions, unmappedSpend }: z.infer<typeof total>) {
  const amount = (of: string | null) => (of === null ? "unknown" : `${of} ${currency}`);
  return `cost ${amount(finalCost)}, revenue ${amount(revenue)}, ${efConversions ?? 0} conversions at ${amount(price)} each, ${unmappedSpend} ${currency} of spend without an affiliate`;
}

import { z } from "zod";
import { opportunityTypes } from "../../../rules/intelligence/opportunity-cells.ts";
import { caution } from "../../../rules/intelligence/opportunity-words.ts";
import { opportunityStates } from "../../../rules/intelligence/opportunity-states.ts";
import { found, opportunity } from "../../intelligence/opportunity-shapes.ts";
import { last, totals } from "../../intelligence/opportunities.ts";
import { placeInList } from "../../server/lists.ts";
import { defineTool } from "../tool.ts";

const readers = ["admin", "operator", "analyst"] as const;
const typed = ["campaignName", "size", "creativeId", "recommendation", "stateReason", "stateBy"];
const estimate = z
  .object({ isFinal: z.literal(false), why: z.string() })
  .describe("an opportunity is an estimate: it is computed again after each import and every night");
const finality = {
  isFinal: false as const,
  why: "estimated from the days of the window as they were at the last search; see `lastSearch`",
};

const list = z.object({
  currency: z.string(),
  totals: totals.describe("of all under the same filters"),
  items: z.array(opportunity).describe("the greatest savings first"),
  next: z.string().nullable().describe("give it as `cursor` for the next page"),
  lastSearch: last.nullable().describe("where they come from: null before the first search"),
  caution: z.string(),
  finality: estimate,
});
type List = z.infer<typeof list>;

/** What could be bought for less. */
export const opportunities = defineTool({
  name: "opportunities",
  title: "Opportunities",
  description:
    "Parts of campaigns whose clicks cost clearly less than those of the rest, with what a raise would save per week and how sure that is. Use `opportunity` for the evidence of one.",
  roles: readers,
  outside: typed.map((field) => `items[].${field}`),
  input: z.strictObject({
    type: z.enum(opportunityTypes).optional(),
    campaignId: z.int().min(1).optional(),
    minSavings: z
      .string()
      .regex(/^\d{1,12}(\.\d{1,2})?$/, "must be an amount, such as 100 or 99.50")
      .optional()
      .describe("at least so much a week"),
    state: z
      .enum([...opportunityStates, "open", "all"])
      .default("open")
      .describe("open: new, seen and planned"),
    blocked: z.boolean().default(false).describe("true: also those that invalid traffic or viewability speaks against"),
    limit: z.int().min(1).max(100).default(20),
    cursor: placeInList,
  }),
  output: list,
  answer: async (asking, { campaignId, minSavings, limit, cursor, ...rest }) => {
    const filters = { ...rest, campaign_id: campaignId, min_savings: minSavings };
    const [page, all, { last: lastSearch }] = await Promise.all([
      asking.get<Pick<List, "items" | "next">>("/api/v1/rtb/opportunities", { ...filters, limit, cursor }),
      asking.get<List["totals"]>("/api/v1/rtb/opportunities/totals", filters),
      asking.get<{ last: List["lastSearch"] }>("/api/v1/rtb/opportunities/search"),
    ]);
    const when =
      lastSearch === null
        ? "there was no search yet"
        : `searched at ${lastSearch.at} in the days ${lastSearch.windowFrom} to ${lastSearch.windowTo}`;
    return {
      summary: `${all.count} opportunities, ${all.savingsWeekly} ${asking.currency} a week in all, at the least ${all.savingsWeeklyLow} ${asking.currency}; estimates; ${when}. ${caution}`,
      data: { currency: asking.currency, totals: all, ...page, lastSearch, caution, finality },
    };
  },
});

const one = found.extend({ currency: z.string(), finality: estimate });

/** One, with all that it follows from. */
export const opportunityTool = defineTool({
  name: "opportunity",
  title: "One opportunity",
  description: "One opportunity with its evidence, its days, what people decided about it, and the SQL that shows it.",
  roles: readers,
  outside: [...typed, "changes[].reason", "changes[].actor"],
  input: z.strictObject({ opportunityId: z.int().min(1) }),
  output: one,
  answer: async (asking, { opportunityId }) => {
    const answer = await asking.get<z.infer<typeof found>>(`/api/v1/rtb/opportunities/${opportunityId}`);
    const { currency } = asking;
    return {
      summary: `Opportunity ${opportunityId} (${answer.type}, ${answer.state}): ${answer.savingsWeekly} ${currency} a week, at the least ${answer.savingsWeeklyLow}; confidence ${answer.confidence}; days ${answer.windowFrom} to ${answer.windowTo}; ${answer.origin} data; an estimate.`,
      data: { ...answer, currency, finality },
    };
  },
});

import { z } from "zod";
import { opportunityTypes } from "../../rules/intelligence/opportunity-cells.ts";
import { opportunityStates } from "../../rules/intelligence/opportunity-states.ts";
import { outcomes } from "../../rules/intelligence/scorecard.ts";
import type { OpportunityDay, OpportunityRow } from "../../queries/intelligence/opportunities.ts";
import { changeOf, stateFields } from "../server/listed-states.ts";
import { instant, money, storedOrigin, text } from "../server/shapes.ts";

const price = z.string().describe("per click, four places, in the client's currency");

export const opportunity = z.object({
  opportunityId: z.number().describe("stays the same over nights"),
  type: z.enum(opportunityTypes),
  campaignId: z.number(),
  campaignName: text.describe("null for a campaign that is gone"),
  geography: text,
  size: text,
  creativeId: text,
  ...stateFields(opportunityStates),
  metric: z.string(),
  current: price.describe("price per click of the part; estimated for a size that the campaign does not have"),
  reference: price.describe("price per click of the rest, without the part"),
  recommendation: z.string(),
  basis: z.string().describe("how the savings were computed"),
  currentSpendWeekly: money,
  targetSpendWeekly: money,
  savingsWeekly: money.describe("what the clicks of the raise would cost less per week: a test, not a forecast"),
  savingsWeeklyLow: money.describe("the same by the price that is at most to be feared, with 90 % confidence"),
  confidence: z.number().describe("that the part is cheaper than the rest, 0 to 1"),
  blockedBy: text.describe("why it is not recommended though it is cheap; null if nothing speaks against it"),
  windowFrom: z.string(),
  windowTo: z.string(),
  heldOn: z.string().describe("the last day of the last window in which it was listed"),
  createdAt: instant,
  updatedAt: instant,
  origin: storedOrigin,
});

export const toOpportunity = (row: OpportunityRow): z.infer<typeof opportunity> => ({
  opportunityId: row.opportunityId,
  type: row.type,
  campaignId: row.campaignId,
  campaignName: row.campaignName,
  geography: row.geography,
  size: row.size,
  creativeId: row.creativeId,
  state: row.state,
  stateReason: row.stateReason,
  stateBy: row.stateBy,
  stateAt: row.stateAt.toISOString(),
  snoozedUntil: row.snoozedUntil,
  doneOn: row.doneOn,
  metric: row.metric,
  current: row.current,
  reference: row.reference,
  recommendation: row.recommendation,
  basis: row.basis,
  currentSpendWeekly: row.currentSpendWeekly,
  targetSpendWeekly: row.targetSpendWeekly,
  savingsWeekly: row.savingsWeekly,
  savingsWeeklyLow: row.savingsWeeklyLow,
  confidence: Math.round(row.confidence * 1e4) / 1e4,
  blockedBy: row.blockedBy,
  windowFrom: row.windowFrom,
  windowTo: row.windowTo,
  heldOn: row.heldOn,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  origin: row.origin,
});

const sums = z.object({
  clicks: z.number(),
  spend: money,
  impressions: z.number(),
  days: z.number(),
  dispersion: z.number().describe("how many times more its clicks vary than chance alone would make them"),
});

/** As the search stored it. */
export const evidence = z.object({
  window: z.object({ from: z.string(), to: z.string() }),
  current: z.number(),
  reference: z.number(),
  ratio: z.number().describe("the part's price as a share of the rest's"),
  ratioBound: z.number().describe("with 90 % confidence the ratio is below"),
  own: sums,
  rest: sums,
  shrunk: z.number().nullable().describe("the price drawn towards the rest's by the prior; null for a size"),
  peers: z.array(z.number()).nullable().describe("the campaigns that a size was pooled of; null for others"),
  pooled: z
    .object({
      ratio: z.number(),
      low: z.number(),
      high: z.number(),
      bound: z.number(),
      spread: z.number(),
      confidence: z.number(),
      p: z.number(),
    })
    .nullable(),
  confidence: z.number(),
  p: z.number().describe("1 − confidence, with its digits"),
  looks: z.number().describe("on how many nights it was tested: the more, the surer it must be"),
  togetherness: z.record(z.string(), z.number()),
});

const count = z.number();
export const day = z.object({
  date: z.string(),
  clicks: count,
  spend: money,
  impressions: count,
  restClicks: count,
  restSpend: money,
  restImpressions: count,
});

export const toDay = (row: OpportunityDay): z.infer<typeof day> => ({
  date: row.date,
  clicks: Number(row.clicks),
  spend: row.spend,
  impressions: Number(row.impressions),
  restClicks: Number(row.restClicks),
  restSpend: row.restSpend,
  restImpressions: Number(row.restImpressions),
});

export const found = opportunity.extend({
  evidence,
  days: z.array(day).describe("of the window, as the rows are now"),
  changes: z.array(changeOf(opportunityStates)).describe("the last first"),
  sql: z.string().describe("what an analyst runs to see the same sums"),
  caution: z.string(),
  workflowId: text,
  runId: z.string(),
});

const measured = money.nullable();
export const scored = opportunity.extend({
  outcome: z.enum(outcomes),
  weeks: z.number().describe("complete weeks since it was done that were measured, four at most"),
  raisedWeekly: measured.describe("spent a week more than in as many weeks before"),
  forecast: measured.describe("what was said, scaled to the raise that was made"),
  forecastLow: measured,
  came: measured.describe("what came: the raise, times how much less its clicks cost than the rest's"),
  cameFrom: measured.describe("with 90 % between this"),
  cameTo: measured.describe("and this"),
});
export const score = z.object({
  type: z.enum(opportunityTypes),
  done: z.number(),
  right: z.number(),
  partly: z.number().describe("it saved, and less than the cautious figure"),
  wrong: z.number().describe("it cost more"),
  undecided: z.number(),
  rightShare: z.number().nullable().describe("in percent of those of which it is known; null where it is of none"),
});

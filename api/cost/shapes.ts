import { z } from "zod";
import { money, storedOrigin } from "../server/shapes.ts";

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
export const daily = z.object({ date: z.string(), ...ofAffiliate });
export const perAffiliate = z.object({
  ...ofAffiliate,
  days: z.number(),
  daysWithoutCost: z.number(),
  conversionsWithoutCost: z.number(),
});
export const total = z.object({
  ...amounts,
  conversionsWithoutCost: z.number(),
  costWithoutResults: money.describe("cost of days without a row in Everflow; included in the cost and in the ratios"),
  acrossCurrencies: z.boolean().describe("true when an affiliate has spend and results in different currencies"),
  unmappedSpend: money.describe("spend without an affiliate; not included in the other figures"),
});
export const unmapped = z.object({
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

import { z } from "zod";
import type { Sendable, TieOutDay, TieOutItem } from "../../queries/findings/tie-out.ts";
import { tieOutDifferences, whyNotSent, type Collector } from "../../rules/findings/tie-out.ts";
import { instant, iso, money, text } from "../server/shapes.ts";

const count = z.number();
const open = count.nullable();
const origin = z.enum(["real", "sandbox"]).describe("sandbox: made up by mock servers");
const notFinal = "null where the day is not final";

const counts = {
  redtrack: open.describe("null where Redtrack has no source of the affiliate, or the day was not read"),
  everflow: open.describe("without refused ones, events and chargebacks; null for sources that no affiliate has"),
  anytrack: open,
  inAll: open.describe(
    "as far as numbers go: Redtrack reports how many, and not which; null where Redtrack has no number",
  ),
  inTwo: count,
  inOne: count,
  missingInRedtrack: open.describe(`Everflow's less Redtrack's, where that is more than 0; ${notFinal}`),
  moreInRedtrack: open.describe(`Redtrack's less Everflow's, where that is more than 0; ${notFinal}`),
  missingInAnytrack: open.describe(notFinal),
  missingInEverflow: open.describe(`of Everflow's affiliates; ${notFinal}`),
  amountDiffers: open.describe(notFinal),
  refusedByEverflow: open.describe(`AnyTrack counts them; ${notFinal}`),
};

export const tieOutDay = z.object({
  date: z.string(),
  affiliateId: text.describe("null for what is of no affiliate of Everflow"),
  affiliate: text,
  sourceId: text.describe("a source of Redtrack that no affiliate has"),
  redtrackSources: text,
  ...counts,
  differences: count.describe("all of the day's, those of Redtrack by number"),
  isFinal: z.boolean().describe("in Everflow"),
  redtrackIsFinal: z.boolean(),
  origin,
});

export const tieOutSums = z.object({
  items: z.array(z.object({ origin, ...counts, openDays: count.describe("days that are not final") })),
});

export const tieOutItem = z.object({
  item: z.string().describe("everflow:<conversion>, or anytrack:<conversion> of what Everflow does not have"),
  date: z.string(),
  difference: z.enum(tieOutDifferences),
  matchedBy: z.enum(["order", "click"]).nullable(),
  affiliateId: text,
  affiliate: text,
  orderId: text,
  clickId: text.describe("the click that AnyTrack knows"),
  everflowId: text,
  everflowStatus: text,
  everflowConversions: count.nullable().describe("conversions of the order: amounts are their sums"),
  everflowCurrency: text,
  everflowRevenue: money.nullable(),
  everflowSaleAmount: money.nullable(),
  everflowPayout: money.nullable(),
  anytrackKey: text,
  anytrackDate: text,
  anytrackType: text,
  anytrackSource: text,
  anytrackCurrency: text,
  anytrackRevenue: money.nullable(),
  atStake: money.nullable().describe("what one of them lacks, or by how much they differ"),
  currency: text,
  origin,
  canSend: z.boolean().describe("our own record is enough to send it to AnyTrack"),
  whyNot: text.describe("why it cannot be sent, or how far it is"),
  sentAt: instant.nullable(),
});

export const toDay = (row: TieOutDay): z.infer<typeof tieOutDay> => row;

export const toItem =
  (collector: Collector) =>
  ({ sending, sentAt, ...row }: TieOutItem): z.infer<typeof tieOutItem> => {
    const whyNot = whyNotSent({ ...row, sending }, collector);
    const isMissing = row.difference.startsWith("missing");
    return { ...row, canSend: whyNot === null, whyNot: isMissing ? whyNot : null, sentAt: iso(sentAt) };
  };

export const tieOutTotals = z.object({
  differences: count,
  missingInAnytrack: count,
  missingInEverflow: count,
  amountDiffers: count,
  refusedByEverflow: count,
  amounts: z.array(z.object({ currency: z.string(), origin, atStake: money, count })),
});

export const tieOutLast = z.object({
  at: instant,
  days: count.describe("how many days were compared again"),
  workflowId: z.string(),
  runId: z.string(),
});

export const sentConversion = z.object({
  orderId: z.string().describe("sent under this number, once: the order's, or Everflow's id where it has none"),
  everflowId: z.string(),
  clickId: z.string(),
  revenue: money,
  currency: z.string(),
  eventTime: instant,
  workflowId: z.string(),
});

export const resent = z.object({
  dryRun: z.boolean(),
  conversions: z.array(sentConversion).describe("what is sent, or with dryRun would be"),
  left: z.array(z.object({ everflowId: z.string(), why: z.string() })),
});

/** As AnyTrack takes it. */
export const toTracked = (client: string, one: Sendable) => ({
  client,
  type: "SALE" as const,
  orderId: one.trackingKey,
  clickId: one.clickId ?? undefined,
  revenue: one.revenue,
  currency: one.everflowCurrency ?? "",
  eventTime: one.eventTime.toISOString(),
});

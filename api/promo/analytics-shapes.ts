import { z } from "zod";
import { cents, sumMoney } from "../../core/money.ts";
import type { CohortRow, DayRow, DeviceRow } from "../../queries/promo/analytics.ts";
import type { AffiliateRow, ConversionRow } from "../../queries/promo/funnel.ts";
import type { Figures, RankedOffer, RankedVariation } from "../../rules/promo/rank.ts";
import type { DateRange } from "../../rules/promo/period.ts";
import { ctrOf, intervalOf } from "../../rules/promo/rate.ts";
import { money, storedOrigin, text } from "../server/shapes.ts";
import { figures, interval, toFigures } from "./shapes.ts";

const count = z.number();
const amount = money.nullable();
const { impressions, clicks, ctr } = figures;

const paid = z.object({
  currency: text,
  origin: storedOrigin,
  conversions: count,
  payout: amount,
  revenue: amount,
});
const steps = {
  impressions,
  clicks,
  conversions: count.describe(
    "of clicks in these days, whenever the conversion came; not one that came after its click was deleted by age",
  ),
  conversion_rate: z.number().nullable().describe("conversions per hundred clicks; null without clicks"),
  payout: z.array(paid).describe("one for each currency and origin"),
};
const affiliate = z.object({
  affiliate_id: text,
  affiliate: text,
  currency: text,
  origin: storedOrigin,
  conversions: count,
  payout: amount.describe("the commission: what they pay the affiliate"),
  revenue: amount,
  spend: amount.describe("of internal affiliates, the share of their spend; null where it is unknown"),
  cost: amount.describe("spend of an internal affiliate, payout of another one"),
  profit: amount,
  roi: z.number().nullable().describe("profit per hundred of cost, of conversions whose cost is known"),
  conversions_without_cost: count,
});

export const analytics = z.object({
  summary: z.object({
    total_impressions: count,
    total_clicks: count,
    overall_ctr: z.number().nullable(),
    raw_clicks: count,
    bot_clicks: count,
    repeat_clicks: count,
    raw_ctr: z.number().nullable(),
    interval,
    date_range: z.object({ start: z.string(), end: z.string(), days: count }),
    timezone: z.string().describe("whose days and hours they are"),
  }),
  offers: z.array(
    z.object({
      offer_id: z.number(),
      offer_name: z.string(),
      offer_type: z.string(),
      origin: storedOrigin,
      ...figures,
      interval,
      best_variation_id: z.number().nullable(),
      best_reason: z.string().describe("why that variation is best, or why none is"),
    }),
  ),
  variations: z
    .array(
      z.object({
        variation_id: z.number(),
        offer_id: z.number(),
        offer_name: z.string(),
        text_preview: text,
        cta_text: text,
        tone: text,
        approved: z.boolean().nullable(),
        ...figures,
        interval,
      }),
    )
    .optional()
    .describe("the best first; those that nothing happened to in these days have zeros"),
  timeline: z
    .array(z.object({ date: z.string(), impressions, clicks, raw_clicks: count, ctr }))
    .optional()
    .describe("every day, the latest first"),
  cohorts: z
    .array(z.object({ date: z.string(), sends: count, impressions, clicks, ctr, interval }))
    .optional()
    .describe("by the day of the send; a click belongs to its variation's last send before it, however late it comes"),
  devices: z
    .array(z.object({ device: z.string(), clicks, raw_clicks: count }))
    .optional()
    .describe("of clicks, also of those that were deleted by age since"),
  hours: z
    .array(z.object({ weekday: z.number().describe("1 is Monday"), hour: z.number(), clicks }))
    .optional()
    .describe(
      "by the clock of the time zone at the moment of the click; also of clicks that were deleted by age since",
    ),
  funnel: z
    .object({
      ...steps,
      by_offer: z.array(z.object({ offer_id: z.number(), offer_name: z.string(), ...steps })),
      by_variation: z.array(z.object({ variation_id: z.number(), offer_id: z.number(), ...steps })),
      by_affiliate: z.array(affiliate).describe("commission and return of these conversions"),
    })
    .optional(),
});
export type Analytics = z.infer<typeof analytics>;

export function toSummary(total: Figures, range: DateRange, timezone: string): Analytics["summary"] {
  const { impressions: shown, clicks: clicked, ctr: rate, ...raw } = toFigures(total);
  return {
    total_impressions: shown,
    total_clicks: clicked,
    overall_ctr: rate,
    ...raw,
    interval: intervalOf(total),
    date_range: range,
    timezone,
  };
}

export function toOffer(row: RankedOffer): Analytics["offers"][number] {
  return {
    offer_id: row.id,
    offer_name: row.name,
    offer_type: row.offerType,
    origin: row.origin,
    ...toFigures(row),
    interval: intervalOf(row),
    best_variation_id: row.best.id,
    best_reason: row.best.reason,
  };
}

export function toVariation(row: RankedVariation): NonNullable<Analytics["variations"]>[number] {
  return {
    variation_id: row.id,
    offer_id: row.offerId,
    offer_name: row.offerName,
    text_preview: row.textPreview,
    cta_text: row.ctaText,
    tone: row.tone,
    approved: row.approved,
    ...toFigures(row),
    interval: intervalOf(row),
  };
}

export const toDay = (row: DayRow) => ({
  date: row.date,
  impressions: row.impressions,
  clicks: row.clicks,
  raw_clicks: row.rawClicks,
  ctr: ctrOf(row),
});

export const toCohort = (row: CohortRow) => ({ ...row, ctr: ctrOf(row), interval: intervalOf(row) });

export const toDevice = ({ device, clicks: clicked, rawClicks }: DeviceRow) => ({
  device,
  clicks: clicked,
  raw_clicks: rawClicks,
});

interface FunnelParts {
  total: Figures;
  offers: readonly RankedOffer[];
  variations: readonly RankedVariation[];
  conversions: readonly ConversionRow[];
  affiliates: readonly AffiliateRow[];
}

export function toFunnel({ total, offers, variations, conversions, affiliates }: FunnelParts): Analytics["funnel"] {
  return {
    ...toSteps(total, conversions),
    by_offer: offers.map((one) => ({
      offer_id: one.id,
      offer_name: one.name,
      ...toSteps(
        one,
        conversions.filter(({ offerId }) => offerId === one.id),
      ),
    })),
    by_variation: variations.map((one) => ({
      variation_id: one.id,
      offer_id: one.offerId,
      ...toSteps(
        one,
        conversions.filter(({ variationId }) => variationId === one.id),
      ),
    })),
    by_affiliate: affiliates.map((one) => ({
      affiliate_id: one.affiliateId,
      affiliate: one.affiliate,
      currency: one.currency,
      origin: one.origin,
      conversions: one.conversions,
      payout: one.payout,
      revenue: one.revenue,
      spend: one.spend,
      cost: one.cost,
      profit: one.profit,
      roi: one.roi,
      conversions_without_cost: one.conversionsWithoutCost,
    })),
  };
}

function toSteps(of: Figures, rows: readonly ConversionRow[]) {
  const converted = rows.reduce((sum, one) => sum + one.conversions, 0);
  const kinds = new Map<string, ConversionRow[]>();
  for (const row of rows) {
    const kind = JSON.stringify([row.currency, row.origin]);
    kinds.set(kind, [...(kinds.get(kind) ?? []), row]);
  }
  return {
    impressions: of.impressions,
    clicks: of.clicks,
    conversions: converted,
    conversion_rate: ctrOf({ impressions: of.clicks, clicks: converted }),
    payout: [...kinds.values()].map((own) => {
      const [{ currency, origin }] = own as [ConversionRow];
      return {
        currency,
        origin,
        conversions: own.reduce((sum, one) => sum + one.conversions, 0),
        payout: addAmounts(own.map(({ payout }) => payout)),
        revenue: addAmounts(own.map(({ revenue }) => revenue)),
      };
    }),
  };
}

/** Null where nothing is known; to the cent only once it is summed. */
function addAmounts(amounts: readonly (string | null)[]): string | null {
  const known = amounts.filter((one) => one !== null);
  return known.length === 0 ? null : cents(sumMoney(known));
}

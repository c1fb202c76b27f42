import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { ctrOf, intervalOf } from "../../rules/promo/rate.ts";
import type { Figures } from "../../rules/promo/rank.ts";
import type { OfferRow, VariationRow } from "../../queries/promo/shapes.ts";
import { instant, storedOrigin, text } from "../server/shapes.ts";

export const tags = ["promo"];

/** Ids are 32-bit in the database: what is larger is nobody's. */
export const promoId = wholeNumber({ most: 2_147_483_647 });

const count = z.number();
const percent = z.number().nullable();
export const figures = {
  impressions: count.describe("recipients of the sends that showed it"),
  clicks: count.describe("of people, without repeats of one address within seconds"),
  raw_clicks: count.describe("all: of people, of bots, and repeats"),
  bot_clicks: count,
  repeat_clicks: count,
  ctr: percent.describe("clicks of people per hundred impressions; null without impressions"),
  raw_ctr: percent,
};
export const interval = z
  .object({ low: z.number(), high: z.number() })
  .nullable()
  .describe("Wilson's interval of the CTR at 95 %, in percent; null where there is no rate to be sure of");

export const variation = z.object({
  variation_id: z.number(),
  offer_id: z.number(),
  text_content: z.string(),
  cta_text: text,
  tone: text,
  length_category: text,
  approved: z.boolean(),
  weight: z.number(),
  ...figures,
  interval,
  created_at: instant,
  updated_at: instant,
});

export const offer = z.object({
  offer_id: z.number(),
  name: z.string(),
  offer_type: z.string(),
  slug: z.string(),
  destination_url: z.string(),
  click_id_parameter: text,
  landing_url: text,
  weight: z.number(),
  active: z.boolean(),
  archived: z.boolean(),
  origin: storedOrigin,
  ...figures,
  interval,
  created_at: instant,
  updated_at: instant,
  variations: z.array(variation),
});

export function toFigures(row: Figures) {
  return {
    impressions: row.impressions,
    clicks: row.clicks,
    raw_clicks: row.rawClicks,
    bot_clicks: row.botClicks,
    repeat_clicks: row.repeatClicks,
    ctr: ctrOf(row),
    raw_ctr: ctrOf({ impressions: row.impressions, clicks: row.rawClicks }),
  };
}

export function toVariation(row: VariationRow): z.infer<typeof variation> {
  return {
    variation_id: row.variationId,
    offer_id: row.offerId,
    text_content: row.textContent,
    cta_text: row.ctaText,
    tone: row.tone,
    length_category: row.lengthCategory,
    approved: row.approved,
    weight: row.weight,
    ...toFigures(row),
    interval: intervalOf(row),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

export function toOffer(row: OfferRow): z.infer<typeof offer> {
  return {
    offer_id: row.offerId,
    name: row.name,
    offer_type: row.offerType,
    slug: row.slug,
    destination_url: row.destinationUrl,
    click_id_parameter: row.clickIdParameter,
    landing_url: row.landingUrl,
    weight: row.weight,
    active: row.active,
    archived: row.archived,
    origin: row.origin,
    ...toFigures(row),
    interval: intervalOf(row),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    variations: row.variations.map(toVariation),
  };
}

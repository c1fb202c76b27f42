import { z } from "zod";
import { asSeen, nameOf } from "../../core/person-text.ts";

/** What a person says of offers and their texts, over HTTP or in a file: one shape for both. */
const text = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\u0000]*$/, "must be text")
    // What a newsletter prints is not ours to change; something must be seen of it.
    .refine((given) => asSeen(given) !== "", "is empty");

const webAddress = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// address" })
  .max(2_000)
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), "must not carry a user or a password");

const weight = z
  .number()
  .min(0)
  .max(1_000_000)
  // As it is stored: else the same offer would differ from itself.
  .transform((given) => Math.round(given * 10_000) / 10_000)
  .describe("against the others' weights; 0 is never selected; four decimals are kept");

export const clickIdParameter = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,50}$/, "must have 1 to 50 letters, digits, - _ or .")
  // A link says by it which text was clicked.
  .refine((name) => name !== "promo_var", "must be another name than promo_var");

export const offerFields = {
  name: nameOf({ most: 200 }),
  offer_type: nameOf({ most: 50 }).describe("affiliate, internal, ..."),
  slug: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,99}$/, "must have 1 to 100 small letters, digits and -")
    .describe("the offer's address below /r/; unique over all clients"),
  destination_url: webAddress.describe("where its links lead"),
  click_id_parameter: clickIdParameter
    .nullable()
    .describe("the parameter of the destination that carries the click id, such as sub1 or s2s"),
  landing_url: webAddress.nullable().describe("the last page of the redirects, for the check whether it still answers"),
  weight,
  active: z.boolean(),
};

export const newOffer = z.object({
  ...offerFields,
  offer_type: offerFields.offer_type.default("affiliate"),
  click_id_parameter: offerFields.click_id_parameter.default(null),
  landing_url: offerFields.landing_url.default(null),
  weight: weight.default(1),
  active: z.boolean().default(true),
});

export const variationFields = {
  text_content: text(20_000),
  cta_text: text(200).nullable(),
  tone: nameOf({ most: 50 }).nullable(),
  length_category: nameOf({ most: 50 }).nullable(),
  approved: z.boolean(),
  weight,
};

export const newVariation = z.object({
  ...variationFields,
  cta_text: variationFields.cta_text.default(null),
  tone: variationFields.tone.default(null),
  length_category: variationFields.length_category.default(null),
  approved: z.boolean().default(false).describe("only approved texts are selected"),
  weight: weight.default(1),
});

export function toNewOffer(given: z.output<typeof newOffer>) {
  return {
    name: given.name,
    offerType: given.offer_type,
    slug: given.slug,
    destinationUrl: given.destination_url,
    clickIdParameter: given.click_id_parameter,
    landingUrl: given.landing_url,
    weight: given.weight,
    active: given.active,
  };
}

export function toNewVariation(given: z.output<typeof newVariation>) {
  return {
    textContent: given.text_content,
    ctaText: given.cta_text,
    tone: given.tone,
    lengthCategory: given.length_category,
    approved: given.approved,
    weight: given.weight,
  };
}

/** What of an offer is not as this says: its counts and its variations are no part of it. */
export function differencesOf<Fields extends object>(stored: Fields, wanted: Fields): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => (stored as Record<string, unknown>)[name] !== value)
    .map(([name]) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

/** In a file an offer or a text may keep the number that links which are out already carry. */
const ownNumber = z.number().int().min(1).max(1_000_000).optional();

export const offersFile = z.strictObject({
  offers: z
    .array(
      z.strictObject({
        ...newOffer.shape,
        offer_id: ownNumber,
        variations: z
          .array(z.strictObject({ ...newVariation.shape, variation_id: ownNumber }))
          .max(1_000)
          .default([]),
      }),
    )
    .min(1)
    .max(10_000),
});

export function toFileOffers({ offers }: z.output<typeof offersFile>) {
  return offers.map((offer) => ({
    offer: toNewOffer(offer),
    id: offer.offer_id,
    variations: offer.variations.map((one) => ({ variation: toNewVariation(one), id: one.variation_id })),
  }));
}

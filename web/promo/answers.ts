import { z } from "zod";
import type { Analytics as Answer } from "../../api/promo/analytics-shapes.ts";
import type { offer } from "../../api/promo/shapes.ts";
import { periods } from "../../rules/promo/period.ts";

/** What the JSON routes answer: pages ask for every part. */
export type Analytics = { [Part in keyof Answer]-?: NonNullable<Answer[Part]> };
export type Offer = z.infer<typeof offer>;
export type Variation = Offer["variations"][number];
export type OfferFigures = Analytics["offers"][number];
export type VariationFigures = Analytics["variations"][number];
export type Cohort = Analytics["cohorts"][number];
export type Device = Analytics["devices"][number];
export type Hour = Analytics["hours"][number];
export type Funnel = Analytics["funnel"];

export const promo = "/api/v1/promo";
export const query = { days: z.enum(periods).optional() };
export type Query = z.output<z.ZodObject<typeof query>>;

/** The whole of it, of all offers or of one. */
export function analyticsOf(days: Query["days"], offerId?: number): string {
  const parts = ["variations", "timeline", "cohorts", "devices", "hours", "funnel"];
  const of = offerId === undefined ? "" : `&offer_id=${offerId}`;
  return `${promo}/analytics?days=${days ?? "30"}${of}${parts.map((part) => `&include_${part}=true`).join("")}`;
}

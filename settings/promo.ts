import { z } from "zod";
import { isTimeZone } from "../core/days.ts";
import { about } from "../core/about-setting.ts";
import { countingOf, countingShape, type CountingSettings } from "./promo-counting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, wholeNumber } from "./shapes.ts";

const general = z.object({
  PROMO_SELECT_PER_MINUTE: wholeNumber(1)
    .default(120)
    .meta(about("Selections of a promotional text that one caller may ask for.", { unit: "a minute" })),
  PROMO_ANALYTICS_PER_MINUTE: wholeNumber(1)
    .default(60)
    .meta(about("Requests for promo analytics that one caller may make.", { unit: "a minute" })),
  PROMO_ANALYTICS_CACHE_SECONDS: wholeNumber(0, 3_600)
    .default(10)
    .meta(about("How long an answer of promo analytics is remembered; 0 remembers none.", { unit: "s" })),
});

const ofClient = z.object({
  PROMO_TIMEZONE: z
    .string()
    .refine(isTimeZone, "must be a time zone such as Europe/Berlin")
    .default("America/New_York")
    .meta(about("Whose days and hours promo figures are counted in.", { clients: "shared" })),
  PROMO_SELECTION: z
    .enum(["fixed", "performance", "thompson"], { error: "must be fixed, performance or thompson" })
    .default("fixed")
    .meta(
      about(
        "How an offer and its text are selected: `fixed` weights, `performance` (weight × (1 + CTR/100)), or `thompson` (learns from clicks and keeps trying new texts).",
        { clients: "shared" },
      ),
    ),
  PROMO_LINK_BASE: z
    .url({ protocol: /^https?$/, error: "must be an address" })
    .optional()
    .meta(
      about("Where the links of newsletters lead, up to the offer's slug, when your site has redirects of its own.", {
        clients: "own",
        unset: "`/r/` of this server, at PUBLIC_URL",
        example: "https://news.example/?utm_source=newsletter",
      }),
    ),
});

export const promoArea = defineArea({
  title: "Promo tracking",
  needs: "API",
  shape: general.extend({ ...ofClient.shape, ...countingShape.shape }),
});

export interface PromoClientSettings {
  timezone: string;
  selection: "fixed" | "performance" | "thompson";
  /** Where links lead, up to the slug; null is our own redirect. */
  linkBase: string | null;
}

export interface PromoSettings {
  selectPerMinute: number;
  analyticsPerMinute: number;
  analyticsCacheSeconds: number;
  counting: CountingSettings;
  /** One for each client. */
  clients: ReadonlyMap<string, PromoClientSettings>;
}

export function readPromoSettings(reader: SettingsReader): PromoSettings {
  const values = reader.values(general);
  const settingsOf = (client: string): PromoClientSettings => {
    const own = reader.valuesOf(client, ofClient);
    return { timezone: own.PROMO_TIMEZONE, selection: own.PROMO_SELECTION, linkBase: own.PROMO_LINK_BASE ?? null };
  };
  return {
    selectPerMinute: values.PROMO_SELECT_PER_MINUTE,
    analyticsPerMinute: values.PROMO_ANALYTICS_PER_MINUTE,
    analyticsCacheSeconds: values.PROMO_ANALYTICS_CACHE_SECONDS,
    counting: countingOf(reader.values(countingShape)),
    clients: new Map(reader.clients.map((client) => [client, settingsOf(client)])),
  };
}

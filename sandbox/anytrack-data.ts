import { chance } from "./chance.ts";
import type { JsonObject } from "./vendor.ts";

/** One conversion as the sandbox knows it; the webhook and the reading API are two spellings of it. */
export interface SandboxConversion {
  id: string;
  /** Leads have no order. */
  order: string | null;
  assetId: string;
  clickId: string;
  eventName: string;
  type: "sale" | "lead" | "signup";
  cents: number;
  currency: string;
  source: string;
  campaignId: string;
  adId: string;
  affiliateId: string;
  /** UTC, to the millisecond. */
  at: string;
  touchpoints: { type: string; source: string; campaignId: string; clickId: string; at: string }[];
}

const sources = ["facebook", "google", "tiktok", "newsletter"] as const;
const dayMs = 86_400_000;

/** A dozen a day, by noon of New York at the latest: the same in every run. */
export function conversionsOfDay(client: string, day: string): SandboxConversion[] {
  const count = 8 + Math.floor(chance(client, day, "count") * 8);
  return Array.from({ length: count }, (_, index) =>
    conversion(client, day, index, Date.parse(`${day}T12:00:00Z`) + index * 900_000),
  );
}

/** As many as are asked for, each a second after the other. */
export function streamOf(client: string, name: string, count: number, from: string): SandboxConversion[] {
  return Array.from({ length: count }, (_, index) => conversion(client, name, index, Date.parse(from) + index * 1_000));
}

function conversion(client: string, series: string, index: number, atMs: number): SandboxConversion {
  const dice = (what: string) => chance(client, series, index, what);
  const pick = <Item>(items: readonly Item[], what: string) => items[Math.floor(dice(what) * items.length)] as Item;
  const kind = dice("kind");
  const type = kind < 0.6 ? "sale" : kind < 0.9 ? "lead" : "signup";
  const id = `${client}-${series}-${index}`;
  const source = pick(sources, "source");
  const steps = dice("journey") < 0.5 ? 0 : 1 + Math.floor(dice("steps") * 4);
  return {
    id: `conv_${id}`,
    order: type === "sale" ? `ord-${id}` : null,
    assetId: "asset_sandbox",
    clickId: `atclk_${id}`,
    eventName: { sale: "Purchase", lead: "Lead", signup: "CompleteRegistration" }[type],
    type,
    cents: type === "sale" ? 500 + Math.floor(dice("amount") * 30_000) : 0,
    currency: dice("currency") < 0.9 ? "USD" : "EUR",
    source,
    campaignId: `camp_${Math.floor(dice("campaign") * 5)}`,
    adId: `ad_${Math.floor(dice("ad") * 20)}`,
    affiliateId: `aff_${Math.floor(dice("affiliate") * 6)}`,
    at: new Date(atMs + Math.floor(dice("ms") * 1_000)).toISOString(),
    touchpoints: Array.from({ length: steps }, (_, step) => ({
      type: step === 1 ? "view" : "click",
      source: step === steps - 1 ? source : pick(sources, `step ${step}`),
      campaignId: `camp_${step}`,
      clickId: `atclk_${id}_${step}`,
      at: new Date(atMs - (steps - step) * 2 * dayMs).toISOString(),
    })),
  };
}

/** What AnyTrack posts of a day: its conversions, the clicks that led to them, and those that led to nothing. */
export function webhooksOfDay(client: string, day: string, withIdleClicks = true): { at: string; body: JsonObject }[] {
  return conversionsOfDay(client, day).flatMap((one, index) => {
    const idle = withIdleClicks ? 4 + Math.floor(chance(client, day, index, "idle clicks") * 12) : 0;
    const clicks = Array.from({ length: 1 + idle }, (_, click) => ({
      clickId: click === 0 ? one.clickId : `${one.clickId}_idle_${click}`,
      at: new Date(Date.parse(one.at) - (click + 1) * 60_000).toISOString(),
    }));
    return [
      ...clicks.map(({ clickId, at }) => ({ at, body: { ...clickBody(one), clickId, eventTime: at } })),
      { at: one.at, body: webhookBody(one) },
    ];
  });
}

function clickBody({ assetId, source, campaignId, affiliateId }: SandboxConversion): JsonObject {
  return { assetId, eventName: "OutboundClick", source, campaignId, sub1: affiliateId };
}

/** What AnyTrack posts: where it came from, the visitor's browser, address and mailbox and all. Journeys are not in it. */
export function webhookBody(one: SandboxConversion): JsonObject {
  return {
    assetId: one.assetId,
    clientId: `visitor-${one.clickId}`,
    externalClientIds: { googleAnalytics: "99532458.1592848149" },
    clickId: one.clickId,
    externalClickId: `fbclid-${one.clickId}`,
    eventName: one.eventName,
    eventTime: one.at,
    eventTimestamp: Math.floor(Date.parse(one.at) / 1_000),
    ...(one.type === "sale" ? { eventValue: one.cents / 100, currency: one.currency } : {}),
    ...(one.order === null ? {} : { transactionId: one.order }),
    source: one.source,
    campaignId: one.campaignId,
    sub1: one.affiliateId,
    userAgent: "Mozilla/5.0 (sandbox)",
    ip: "203.0.113.7",
    ...(one.type === "signup" ? {} : { email: `buyer.${one.clickId}@canary-mail.example` }),
  };
}

/** What the reading API of the document would say: more of where it came from, less of the event. */
export function pulledRow(one: SandboxConversion): JsonObject {
  return {
    id: one.id,
    order_id: one.order,
    asset_id: one.assetId,
    click_id: one.clickId,
    conversion_type: one.type,
    revenue: one.cents / 100,
    currency: one.currency,
    source: one.source,
    campaign_id: one.campaignId,
    ad_id: one.adId,
    // As Python's isoformat writes UTC: no zone.
    timestamp: one.at.slice(0, 19),
    sub_ids: { sub1: one.affiliateId },
    touchpoints: one.touchpoints.map(({ campaignId, clickId, at, ...step }) => ({
      ...step,
      campaign_id: campaignId,
      click_id: clickId,
      timestamp: at.slice(0, 19),
    })),
    ip_address: "203.0.113.7",
    user_agent: "Mozilla/5.0 (sandbox)",
  };
}

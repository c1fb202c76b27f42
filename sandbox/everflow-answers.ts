import { chance } from "./chance.ts";
import { decimalFromMicros } from "./decimal.ts";
import type { Conversion } from "./everflow-data.ts";
import { secondOf, type Stats } from "./everflow-model.ts";
import type { JsonObject } from "./vendor.ts";

export const statsColumns = ["affiliate", "advertiser", "offer", "currency", "date"] as const;
export type StatsColumn = (typeof statsColumns)[number];

const toUsd: Readonly<Record<string, number>> = { USD: 1, EUR: 1.08, GBP: 1.27 };

/** One row of the report: the sum of its group. Without the currency among the columns it is converted into the one asked for. */
export function statsRow(
  rows: readonly [Stats, ...Stats[]],
  columns: readonly StatsColumn[],
  currency: string,
): JsonObject {
  const [first] = rows;
  const converted = !columns.includes("currency");
  // Sums of floats, with the noise that brings.
  const money = (pick: (row: Stats) => bigint) =>
    rows.reduce(
      (sum, row) =>
        sum + amount(pick(row)) * (converted ? (toUsd[row.offer.currency] ?? 1) / (toUsd[currency] ?? 1) : 1),
      0,
    );
  const count = (pick: (row: Stats) => number) => rows.reduce((sum, row) => sum + pick(row), 0);
  const clicks = count((row) => row.clicks);
  const cv = count((row) => row.conversions);
  const event = count((row) => row.events);
  const payout = money((row) => row.payoutMicros) + noise(first);
  const revenue = money((row) => row.revenueMicros);
  const per = (value: number, of: number) => (of === 0 ? 0 : Math.round((value / of) * 100) / 100);
  return {
    columns: columns.map((column) => ({ column_type: column, ...columnValue(first, column) })),
    reporting: {
      imp: 0,
      total_click: clicks,
      unique_click: Math.ceil(clicks * 0.95),
      invalid_click: Math.floor(clicks * 0.01),
      duplicate_click: Math.floor(clicks * 0.02),
      gross_click: clicks,
      cv,
      total_cv: cv,
      invalid_cv_scrub: 0,
      view_through_cv: 0,
      event,
      cvr: per(100 * cv, clicks),
      evr: per(100 * event, cv),
      ctr: 0,
      cpc: per(payout, clicks),
      cpa: per(payout, cv),
      epc: per(revenue, clicks),
      rpc: per(revenue, clicks),
      rpa: per(revenue, cv),
      payout,
      revenue,
      profit: revenue - payout,
      margin: per(100 * (revenue - payout), revenue),
      roas: 0,
      event_revenue: 0,
      gross_sales: 0,
      avg_sale_value: 0,
      media_buying_cost: 0,
      on_hold_conversion_count: 0,
      on_hold_potential_payout: 0,
      on_hold_potential_revenue: 0,
    },
  };
}

function columnValue({ affiliate, offer, day }: Stats, column: StatsColumn): JsonObject {
  switch (column) {
    case "affiliate":
      return { id: affiliate.id, label: affiliate.name };
    case "advertiser":
      return { id: offer.advertiser.id, label: offer.advertiser.name };
    case "offer":
      return { id: offer.id, label: offer.name };
    case "currency":
      return { id: offer.currency, label: offer.currency };
    case "date":
      // Midnight in UTC, which is the evening before in New York: not the day to believe.
      return { id: String(Date.parse(`${day}T00:00:00Z`) / 1_000), label: `${day} 00:00:00` };
  }
}

function noise({ affiliate, offer, day }: Stats): number {
  return chance("everflow", day, affiliate.id, offer.id, "noise") < 0.2 ? 1e-9 : 0;
}

/** A row as the network sees it: with the person, the device and the place in it. */
export function conversionRow(conversion: Conversion, client: string): JsonObject {
  const { id, affiliate, offer, event } = conversion;
  const draw = (what: string) => chance("everflow", client, id, what);
  const at = secondOf(conversion);
  const person = Math.floor(draw("person") * 90_000) + 10_000;
  return {
    conversion_id: id,
    conversion_unix_timestamp: at,
    click_unix_timestamp: event === "Adjustment" ? 0 : at - 30 - Math.floor(draw("click") * 7_200),
    status: conversion.status,
    payout: amount(conversion.payoutMicros),
    revenue: amount(conversion.revenueMicros),
    sale_amount: event === "Base" ? Math.round(draw("sale") * 20_000) / 100 : 0,
    payout_type: "cpa",
    revenue_type: "rpa",
    is_event: event !== "Base",
    event,
    transaction_id: `t${id.slice(0, 30)}`,
    order_id: draw("order") < 0.7 ? `ord-${id.slice(0, 10)}` : "",
    coupon_code: draw("coupon") < 0.1 ? "WINTER10" : "",
    sub1: `creative-${Math.floor(draw("sub1") * 40)}`,
    sub2: "{{ad.id}}",
    // Partners put into these what they like.
    sub3: draw("sub3") < 0.05 ? `shopper${person}@canary-mail.example` : "",
    sub4: "",
    sub5: "",
    adv1: "",
    adv2: `+1 555 01${person}`,
    adv3: "",
    adv4: "",
    adv5: "",
    source_id: "",
    country: "US",
    region: "New York",
    city: "Canaryville",
    dma: 501,
    carrier: "",
    language: "en",
    isp: "Canary Broadband",
    is_scrub: false,
    is_view_through: false,
    error_code: conversion.status === "invalid" ? 4 : 0,
    error_message: "",
    currency_id: offer.currency,
    email: `shopper${person}@canary-mail.example`,
    session_user_ip: `198.51.100.${person % 250}`,
    conversion_user_ip: `198.51.100.${person % 250}`,
    http_user_agent: "Mozilla/5.0 (Canary; like Gecko)",
    idfa: `canary-idfa-${person}`,
    relationship: {
      offer: { network_offer_id: Number(offer.id), network_id: 1, name: offer.name, offer_status: "active" },
      advertiser: { network_advertiser_id: Number(offer.advertiser.id), network_id: 1, name: offer.advertiser.name },
      affiliate: { network_affiliate_id: Number(affiliate.id), network_id: 1, name: affiliate.name },
      sub6: "",
    },
  };
}

function amount(micros: bigint): number {
  return micros === 0n ? 0 : Number(decimalFromMicros(micros));
}

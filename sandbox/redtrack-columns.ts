import { chance } from "./chance.ts";
import { decimalFromMicros } from "./decimal.ts";
import type { SpendRow } from "./redtrack-rows.ts";
import type { JsonObject } from "./vendor.ts";

export type GroupField = "source" | "date" | "campaign";

/** One row of an answer: the sum of its group, with the columns RedTrack sends by default. */
export function reportRow(rows: readonly [SpendRow, ...SpendRow[]], group: readonly GroupField[]): JsonObject {
  const [first] = rows;
  const identity: JsonObject = {};
  if (group.includes("date")) identity["date"] = first.date;
  if (group.includes("source")) {
    identity["source"] = first.sourceName;
    identity["source_id"] = first.sourceId;
    identity["source_alias"] = first.sourceAlias;
  }
  if (group.includes("campaign")) {
    identity["campaign"] = first.campaign?.name ?? "";
    identity["campaign_id"] = first.campaign?.id ?? "";
  }
  const last = rows.at(-1) ?? first;
  return { ...identity, ...metrics(rows, noise(first.sourceId, first.date, last.date, rows.length)) };
}

/** The totals of a whole answer. Its cost is a float sum, with the noise that brings; everything else is exact. */
export function reportTotal(items: readonly JsonObject[], rows: readonly SpendRow[]): JsonObject {
  const total = metrics(rows, 0);
  for (const column of COUNTS) total[column] = items.reduce((sum, item) => sum + Number(item[column]), 0);
  total["cost"] = items.reduce((sum, item) => sum + Number(item["cost"]), 0);
  return total;
}

const COUNTS = [
  ...["clicks", "unique_clicks", "lp_views", "lp_clicks", "impressions"],
  ...["conversions", "total_conversions", "approved", "pending", "declined"],
  ...["convtype1", "convtype2", "convtype3"],
] as const;

function metrics(rows: readonly SpendRow[], costNoise: number): JsonObject {
  const count = (pick: (row: SpendRow) => number) => rows.reduce((sum, row) => sum + pick(row), 0);
  const money = (pick: (row: SpendRow) => bigint) => rows.reduce((sum, row) => sum + pick(row), 0n);
  const clicks = count((row) => row.clicks);
  const conversions = count((row) => row.conversions);
  const totalConversions = count((row) => row.totalConversions);
  const costMicros = money((row) => row.costMicros);
  const revenueMicros = money((row) => row.revenueMicros);
  const totalRevenueMicros = money((row) => row.totalRevenueMicros);
  const cost = amount(costMicros);
  const revenue = amount(revenueMicros);
  const declined = Math.floor(conversions * 0.02);
  return {
    clicks,
    unique_clicks: clicks - Math.floor(clicks * 0.012),
    lp_views: Math.floor(clicks * 0.94),
    lp_clicks: Math.floor(clicks * 0.31),
    impressions: 0,
    conversions,
    total_conversions: totalConversions,
    approved: conversions - declined,
    pending: 0,
    declined,
    revenue,
    total_revenue: amount(totalRevenueMicros),
    cost: cost + costNoise * ulp(cost),
    profit: amount(revenueMicros - costMicros),
    roi: ratio(100 * (revenue - cost), cost),
    roas: ratio(revenue, cost),
    cpa: ratio(cost, conversions),
    cpc: ratio(cost, clicks),
    cpt: ratio(cost, totalConversions),
    cr: ratio(100 * conversions, clicks),
    epc: ratio(revenue, clicks),
    lp_ctr: ratio(100 * Math.floor(clicks * 0.31), Math.floor(clicks * 0.94)),
    convtype1: totalConversions - conversions,
    convtype2: conversions,
    convtype3: 0,
    revenuetype1: amount(totalRevenueMicros - revenueMicros),
    revenuetype2: revenue,
    revenuetype3: 0,
  };
}

function amount(micros: bigint): number {
  return Number(decimalFromMicros(micros));
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((100 * part) / whole) / 100;
}

// 8450.119999999999 for 8450.12: the traces of a float sum on the vendor's side, one or two of the last binary digits.
function noise(...parts: readonly (string | number)[]): number {
  const draw = chance("noise", ...parts);
  if (draw < 0.15) return -1;
  if (draw < 0.25) return 1;
  return draw < 0.3 ? -2 : 0;
}

function ulp(value: number): number {
  return value === 0 ? 0 : 2 ** (Math.floor(Math.log2(Math.abs(value))) - 52);
}

import { afterAll, beforeAll, expect } from "@jest/globals";
import { Big } from "big.js";
import { addDays, dayAt } from "../core/days.ts";
import { refreshAggregates } from "../queries/rtb/rollups.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import type { Api } from "../api/server/parts.ts";
import { bearer, testServer } from "./api-server.ts";

export const today = dayAt(new Date(), "America/New_York");
export const countries = ["BR", "IE", "NA", "US", ""];
const devices = ["mobile", "desktop", ""];

export interface Row {
  client: string;
  creative: string;
  date: string;
  hour: number;
  geography: string;
  device: string;
  impressions: number;
  clicks: number;
  spend: string;
}

export let database: TestDatabase;
export let api: Api;
export const rows: Row[] = [];

/** The same numbers each time. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Past 2^53, and next to each other: a JS number could not tell them apart. */
export const creativeOf = (number: number) => String(9_007_199_254_740_993n + BigInt(number));
const creativesOf: Record<string, number> = { "713": 40, acme: 7 };

beforeAll(async () => {
  database = await testDatabase();
  const random = createRandom(7);
  for (const [client, many] of Object.entries(creativesOf)) {
    await database.pool.query(
      `insert into rtb.creatives (_client_id, id, creative_id, buyer_id, format, width, height, canonical_size, html_snippet, vast_xml, is_stub)
       select $1, ($2::numeric + n)::bigint, $2::numeric + n, 'of ' || $1 || ' ' || n % 3, (array['HTML', 'VIDEO', 'NATIVE'])[1 + n % 3], 300, 250, '300x250', '<b>heavy</b>', null, n % 10 = 9
         from generate_series(0, $3 - 1) n`,
      [client, creativeOf(0), many],
    );
    await database.pool.query(
      "insert into rtb.buyer_seats (_client_id, buyer_id, display_name) values ($1, 'of ' || $1 || ' 0', 'Seat')",
      [client],
    );
    for (let creative = 0; creative < many; creative += 1) {
      // Some have nothing, some cost nothing, two are equal to the cent and beyond.
      if (creative % 8 === 7) continue;
      const seen = new Set<string>();
      for (let record = 0; record < 40; record += 1) {
        const row: Row = {
          client,
          creative: creativeOf(creative),
          date: addDays(today, -random(record % 2 === 0 ? 16 : 90)),
          hour: random(3) - 1,
          geography: countries[random(countries.length)] ?? "",
          device: devices[random(devices.length)] ?? "",
          impressions: random(4) === 0 ? 0 : random(100_000),
          clicks: 0,
          spend: creative % 8 === 6 ? "0.000000" : `${random(900)}.${String(random(1_000_000)).padStart(6, "0")}`,
        };
        row.clicks = random(Math.min(row.impressions, 5) + 1);
        const key = [row.date, row.hour, row.geography, row.device].join();
        if (!seen.has(key)) rows.push(row);
        seen.add(key);
      }
      if (creative === 12)
        rows.push(
          ...rows
            .filter((row) => row.client === client && row.creative === creativeOf(creative))
            .map((row) => ({ ...row, creative: creativeOf(13) })),
        );
      if (creative === 12) creative += 1;
    }
  }
  await database.pool.query("select rtb.ensure_months($1)", [[...new Set(rows.map(({ date }) => date))]]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     select c, i::bigint, d, h, g, v, '', m, k, s, 1
       from unnest($1::text[], $2::text[], $3::date[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::numeric[]) as t(c, i, d, h, g, v, m, k, s)`,
    [
      rows.map((row) => row.client),
      rows.map((row) => row.creative),
      rows.map((row) => row.date),
      rows.map((row) => row.hour),
      rows.map((row) => row.geography),
      rows.map((row) => row.device),
      rows.map((row) => row.impressions),
      rows.map((row) => row.clicks),
      rows.map((row) => row.spend),
    ],
  );
  for (const client of Object.keys(creativesOf)) await refreshAggregates(database.pool, { client, today });
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type Claims = Parameters<typeof bearer>[0];
export const get = async (url: string, claims: Claims = {}) =>
  api.inject({ url: `/api/v1/rtb${url}`, headers: await bearer(claims) });
export const send = async (method: "PUT" | "POST", url: string, payload: object, claims: Claims = {}) =>
  api.inject({ method, url: `/api/v1/rtb${url}`, headers: await bearer(claims), payload });

interface Listed {
  creativeId: string;
  format: string | null;
  performance: Record<string, unknown> & { spend: string; cpc: string | null; cpm: string | null; tier: string };
}
export interface Page {
  items: Listed[];
  next: string | null;
}

export async function everyPage(query: string, limit = 7): Promise<Listed[]> {
  const items: Listed[] = [];
  let cursor = "";
  for (let page = 0; ; page += 1) {
    expect(page).toBeLessThan(30);
    const answer = await get(`/creatives?${query}&limit=${limit}${cursor}`);
    expect([query, answer.statusCode]).toEqual([query, 200]);
    const { items: found, next } = answer.json<Page>();
    items.push(...found);
    if (next === null) return items;
    expect(found).toHaveLength(limit);
    cursor = `&cursor=${next}`;
  }
}

type Period = "1d" | "7d" | "30d" | "all";
export const lengths = { "1d": 1, "7d": 7, "30d": 30 };

export function inPeriod(period: Period, back = 0): (row: Row) => boolean {
  if (period === "all") return () => back === 0;
  const last = addDays(today, (period === "1d" ? -1 : 0) - back * lengths[period]);
  const first = addDays(last, 1 - lengths[period]);
  return (row) => row.date >= first && row.date <= last;
}

export const total = (of: readonly Row[], what: "spend" | "clicks" | "impressions") =>
  of.reduce((sum, row) => sum.plus(row[what]), new Big(0));
export const places = (number: Big, digits: number) => number.round(digits, Big.roundHalfUp);
export const ratio = (above: Big, below: Big) => (below.eq(0) ? null : places(above.div(below), 4).toFixed(4));
export const percent = (part: Big, whole: Big) =>
  whole.eq(0) ? null : Number(places(part.times(100).div(whole), 2).toFixed(2));

/** A plain recomputation from the rows: what every figure has to equal. */
export function recomputed(own: readonly Row[], period: Period, geography?: string) {
  const restricted = geography === undefined ? own : own.filter((row) => row.geography === geography);
  const now = restricted.filter(inPeriod(period));
  // A running day is held against no whole one: today is left out, and the day that would stand beside it.
  const isOver = (date: string) => date < today && date !== addDays(today, period === "30d" ? -30 : -7);
  const spentOver = (ago: 0 | 1) =>
    total(
      restricted.filter((row) => inPeriod(period, ago)(row) && isOver(row.date)),
      "spend",
    );
  const before = spentOver(1);
  const [spend, clicks, impressions] = [total(now, "spend"), total(now, "clicks"), total(now, "impressions")];
  const whole = own.filter(inPeriod(period));
  const top = countries
    .filter((country) => country !== "")
    .map((country) => ({
      country,
      spend: total(
        whole.filter((row) => row.geography === country),
        "spend",
      ),
    }))
    .filter((one) => one.spend.gt(0))
    .sort((one, other) => other.spend.cmp(one.spend) || (one.country < other.country ? -1 : 1))[0];
  return {
    spend: places(spend, 2).toFixed(2),
    impressions: Number(impressions),
    clicks: Number(clicks),
    cpc: ratio(spend, clicks),
    cpm: ratio(spend.times(1_000), impressions),
    trend: period === "all" ? null : percent(spentOver(0).minus(before), before),
    topGeography: top?.country ?? null,
    topGeographyShare: top === undefined ? null : percent(top.spend, total(whole, "spend")),
    exact: spend,
    exactCpc: clicks.eq(0) ? null : spend.div(clicks),
    exactCpm: impressions.eq(0) ? null : spend.times(1_000).div(impressions),
  };
}

export const rowsOf = (client: string, creative: string) =>
  rows.filter((row) => row.client === client && row.creative === creative);
export const all713 = Array.from({ length: creativesOf["713"] ?? 0 }, (_, number) => creativeOf(number));

export function tierOf(spends: readonly Big[], spend: Big): string {
  if (spend.eq(0)) return "zero";
  const sorted = spends.filter((one) => one.gt(0)).sort((one, other) => other.cmp(one));
  const quarter = Math.ceil(sorted.length / 4);
  if (spend.gte(sorted[quarter - 1] ?? 0)) return "high";
  return spend.lte(sorted[sorted.length - quarter] ?? 0) ? "low" : "medium";
}

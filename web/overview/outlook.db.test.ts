import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { addDays, dayAt, endOfDay } from "../../core/days.ts";
import { readCpaTotals } from "../../queries/cost/cpa.ts";
import { readOutlook } from "../../queries/cost/outlook.ts";
import { readDigest } from "../../queries/overview/digest.ts";
import { readSettling } from "../../queries/sync/settling.ts";
import { digestMessage } from "../../rules/overview/digest.ts";
import { bearer } from "../../test/api-server.ts";
import { mapSources, readDay } from "../../test/cost-readings.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

jest.setTimeout(120_000);
const client = "713";
const zone = "America/New_York";
const today = dayAt(new Date(), zone);
let database: TestDatabase;
let api: Api;

const seen = new Map<string, { cost: string | null; conversions: number | null; revenue: string | null }>();
const hours = [-12, 8, 32];

/** At noon half of a day is known, in the next morning 80 or 90 % of its conversions, a day later all. */
const shareOf = (day: string, at: number) =>
  at < 0 ? 0.5 : at < 24 ? (Number(day.slice(-1)) % 2 === 0 ? 0.8 : 0.9) : 1;

async function readBoth(day: string, at: number): Promise<void> {
  const share = shareOf(day, at);
  const moment = new Date(endOfDay(day, zone).getTime() + at * 3_600_000);
  const reading = { day, isWhole: at > 0, at: moment };
  const size = 10 + Number(day.slice(-1));
  const stats = (affiliateId: string, payout: string) => ({
    ...{ affiliateId, offerId: "a", currency: "USD", clicks: 100, conversions: Math.round(size * 10 * share), payout },
    revenue: (size * 20 * share).toFixed(2),
  });
  await readDay(database.pool, client, {
    ...reading,
    spend: [
      { sourceId: "s1", clicks: 100, conversions: 1, cost: (size * 10 * (at < 0 ? 0.5 : 1)).toFixed(2), revenue: null },
    ],
  });
  await readDay(database.pool, client, {
    ...reading,
    stats: [stats("1", "0"), stats("2", (size * 5 * share).toFixed(2))],
  });
  const [total] = await readCpaTotals(database.pool, { client, from: day, to: day });
  const { finalCost = null, efConversions = null, revenue = null } = total ?? {};
  seen.set(`${day} ${at}`, { cost: finalCost, conversions: efConversions, revenue });
}

beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  await mapSources(database.pool, client, [["s1", "label 1", true]]);
  for (let day = addDays(today, -49); day < today; day = addDays(day, 1))
    for (const at of day === addDays(today, -1) ? [-12, 8] : hours) await readBoth(day, at);
  await readBoth(today, -12);
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

test.each(hours)("known %s hours after the end of a day is what its figures said then", async (at) => {
  const from = addDays(today, -20);
  const to = addDays(today, -8);
  const { rows } = await database.pool.query<{ date: string; cost: string; conversions: number; revenue: string }>(
    `select date, round(cost_then, 2) as cost, conversions_then::int as conversions, round(revenue_then, 2) as revenue
       from public.known_figures($1, $2, $3, $4) order by date`,
    [client, from, to, at],
  );
  expect(rows).toHaveLength(13);
  for (const { date, ...figures } of rows) expect([date, figures]).toEqual([date, seen.get(`${date} ${at}`)]);
});

test.each([
  ["before its first reading", -13],
  ["hours after the last one of a day that ran", -9.5],
  ["after its end, when it was last read while it ran", 3],
])("a day that was not read at the age is left out: %s", async (_what, at) => {
  const { rows } = await database.pool.query("select from public.known_figures($1, $2, $2, $3)", [
    ...[client, addDays(today, -10), at],
  ]);
  expect(rows).toEqual([]);
});

test("yesterday's CPA carries the range in which such days ended, how often it held, and when the day is final", async () => {
  const [cpa, cost] = await readOutlook(database.pool, { client, today, days: [addDays(today, -1)] });
  expect(cpa).toMatchObject({ metric: "cpa", note: null, finalInDays: 2 });
  const [known, low, high] = [Number(cpa?.known), Number(cpa?.low), Number(cpa?.high)];
  // Of days of which 80 or 90 % of the conversions are known: fewer conversions make the CPA too high by as much.
  expect(low).toBeGreaterThan(known * 0.79);
  expect(high).toBeLessThan(known * 0.96);
  expect(low).toBeLessThan(high);
  expect((cpa?.hits ?? 0) / (cpa?.tried ?? 1)).toBeGreaterThan(0.75);
  expect(Number(cost?.low)).toBeGreaterThanOrEqual(Number(cost?.known));
});

test("a day that is running is measured by running days, and one that was not read, or with too little history, says so", async () => {
  const [cpa, cost] = await readOutlook(database.pool, { client, today, days: [today] });
  expect(cpa).toMatchObject({ note: null, finalInDays: 3 });
  expect(cost).toMatchObject({ metric: "cost", low: expect.stringMatching(/^\d+\.\d\d$/) });
  expect(Number(cost?.low) / Number(cost?.known)).toBeCloseTo(2, 1);
  const early = addDays(today, -45);
  const [first] = await readOutlook(database.pool, { client, today: early, days: [addDays(early, -1)] });
  expect(first).toMatchObject({ low: null, high: null, note: "too little history: 0 past days were read at this age" });
  expect(await readOutlook(database.pool, { client: "acme", today, days: [today] })).toEqual([]);
});

test("each source says what share of a day is known when, and how long it is worth looking back", async () => {
  const { sources, weekdays } = await readSettling(database.pool, { client, today });
  const by = (name: string) => sources.find(({ source }) => source === name);
  expect(by("redtrack.daily_spend")).toMatchObject({
    ...{ after1h: 0.5, after6h: 0.5, after1d: 1, after2d: 1, after7d: 1 },
    lookback: { days: 1, isCut: false },
  });
  expect(by("everflow.daily_stats")).toMatchObject({ after1h: 0.5, after2d: 1, lookback: { days: 2, isCut: true } });
  // Between what even and odd days have; which of them are more depends on the months.
  expect([0.8, 0.85, 0.9]).toContain(Number(by("everflow.daily_stats")?.after1d?.toFixed(2)));
  expect(weekdays.filter(({ source }) => source === "everflow.daily_stats").map(({ weekday }) => weekday)).toEqual([
    ...[1, 2, 3, 4, 5, 6, 7],
  ]);
  expect(await readSettling(database.pool, { client: "acme", today })).toEqual({ sources: [], weekdays: [] });
});

test("Today shows it as the JSON route has it, and the page of freshness how days settle", async () => {
  const headers = await loggedIn(database.pool);
  const { body } = await api.inject({ url: "/", headers });
  expect(body).toContain("Where these days end");
  expect(body).toMatch(/data-field="low" data-value="\d+\.\d\d"/);
  expect((await compareFigures(api, body)).wrong).toEqual([]);
  const freshness = await api.inject({ url: "/freshness", headers });
  expect(freshness.body).toContain('title="EVERFLOW_DAILY_STATS_LOOKBACK_DAYS"');
  expect(freshness.body).toContain("2 days or more: days still changed on the last day that they were looked at");
  expect((await compareFigures(api, freshness.body)).wrong).toEqual([]);
});

test("the digest says where yesterday's CPA ends", async () => {
  const digest = await readDigest(database.pool, { client, day: today, timezone: zone, now: new Date() });
  expect(digestMessage(digest).lines).toContainEqual(
    expect.stringMatching(
      /^CPA of \S+ \d+\.\d\d USD so far; such days end at \d+\.\d\d to \d+\.\d\d \(held on \d+ of \d+ past days\), final in 2 days\.$/,
    ),
  );
});

test("a client sees nothing of another's, and no other role anything", async () => {
  for (const url of ["/api/v1/cost/outlook", "/api/v1/ops/freshness/settling"]) {
    const ask = async (claims: Parameters<typeof bearer>[0]) => api.inject({ url, headers: await bearer(claims) });
    expect((await ask({ client: "acme", role: "analyst" })).body).not.toContain("daily_stats");
    expect((await ask({ client: "acme", role: "analyst" })).body).not.toContain("USD");
    expect((await ask({ role: "advertiser", advertiser: "7" })).statusCode).toBe(403);
    expect((await api.inject({ url })).statusCode).toBe(401);
  }
});

import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { addDays, dayAt, daysFromTo } from "../../core/days.ts";
import { readDigest } from "../../queries/overview/digest.ts";
import { digestMessage } from "../../rules/overview/digest.ts";
import { bearer } from "../../test/api-server.ts";
import { mapSources, readDay } from "../../test/cost-readings.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

jest.setTimeout(60_000);
const zone = "America/New_York";
const today = dayAt(new Date(), zone);
const [first, last] = [addDays(today, -14), addDays(today, -1)];
const lastWeek = addDays(today, -7);
let database: TestDatabase;
let api: Api;

/** Two weeks of one internal affiliate with two sources, one of which gets dearer, and of one that is paid per conversion. */
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  await mapSources(database.pool, "713", [
    ["s1", "label 1", true],
    ["s2", "label 1", true],
  ]);
  for (const day of daysFromTo(first, last)) {
    const isLater = day >= lastWeek;
    const spend = (sourceId: string, cost: string) => ({
      ...{ sourceId, sourceName: `\u202e<b>${sourceId}</b>`, clicks: 100, conversions: 2, cost, revenue: null },
    });
    const stats = (affiliateId: string, conversions: number, payout: string) => ({
      ...{
        affiliateId,
        offerId: "9",
        offerName: "Offer",
        currency: "USD",
        clicks: 50,
        conversions,
        payout,
        revenue: "300",
      },
    });
    const all = { day, isWhole: true };
    await readDay(database.pool, "713", { ...all, spend: [spend("s1", isLater ? "120" : "100"), spend("s2", "50")] });
    await readDay(database.pool, "713", { ...all, stats: [stats("1", 10, "0"), stats("2", 5, "40")] });
  }
  // The vendor takes back two conversions of a day that was read whole.
  await readDay(database.pool, "713", {
    ...{ day: lastWeek, isWhole: true },
    stats: [
      {
        affiliateId: "1",
        offerId: "9",
        offerName: "Offer",
        currency: "USD",
        clicks: 50,
        conversions: 8,
        payout: "0",
        revenue: "240",
      },
      {
        affiliateId: "2",
        offerId: "9",
        offerName: "Offer",
        currency: "USD",
        clicks: 50,
        conversions: 5,
        payout: "40",
        revenue: "300",
      },
    ],
  });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string) => api.inject({ url, headers: await loggedIn(database.pool) });
const ask = async (query: string, claims: Parameters<typeof bearer>[0] = { role: "analyst" }) =>
  api.inject({ url: `/api/v1/cost/why?${query}`, headers: await bearer(claims) });
interface Bridge {
  before: string;
  after: string;
  change: string;
  says: string;
  parts: { part: string; amount: string; shares: { leaf: string | null; date: string | null; amount: string }[] }[];
}
const items = async (query: string) => (await ask(query)).json<{ items: Bridge[] }>().items;
const week = `from=${lastWeek}&to=${last}`;

describe("the JSON route", () => {
  test("explains the CPA that the other routes have, in parts with their rows", async () => {
    const [cpa] = await items(`metric=cpa&${week}`);
    const totals = async (from: string, to: string) => {
      const url = `/api/v1/cost/cpa/affiliates?from=${from}&to=${to}`;
      const answer = await api.inject({ url, headers: await bearer({ role: "analyst" }) });
      return answer.json<{ totals: { cpa: string }[] }>().totals[0]?.cpa;
    };
    expect([cpa?.before, cpa?.after]).toEqual([
      await totals(first, addDays(lastWeek, -1)),
      await totals(lastWeek, last),
    ]);
    expect(cpa).toMatchObject({ before: "12.67", after: "14.27", change: "1.60" });
    expect(cpa?.says).toBe("CPA rose by 1.60 USD: +1.34 price, +0.26 restatement.");
    const part = (name: string) => cpa?.parts.find((one) => one.part === name)?.shares;
    expect(part("price")).toEqual([expect.objectContaining({ leaf: "s1", amount: "1.34" })]);
    expect(part("restatement")).toEqual([expect.objectContaining({ date: lastWeek, amount: "0.26" })]);
  });

  test("answers for an affiliate, a source, and every figure at once", async () => {
    expect(await items(`metric=cost&${week}&affiliateId=2`)).toMatchObject([{ before: "280.00", change: "0.00" }]);
    expect(await items(`metric=cost&${week}&sourceId=s1`)).toMatchObject([{ change: "140.00" }]);
    expect((await items(week)).map((item) => item.change)).toEqual(["1.60", "140.00", "-2", "-60.00", "-200.00"]);
  });

  test("compares a period with itself as it was known", async () => {
    const since = (
      await database.pool.query<{ at: Date }>(
        "select max(committed_at) - interval '1 microsecond' as at from ops.receipts",
      )
    ).rows[0]?.at;
    const [conversions] = await items(`metric=conversions&${week}&since=${since?.toISOString() ?? ""}`);
    expect(conversions).toMatchObject({ before: "105", after: "103", change: "-2" });
    expect(conversions?.says).toBe("Conversions fell by 2: −2 restatement.");
  });

  test("shows a client nothing of another's, and no other role anything", async () => {
    expect((await ask(week, { client: "acme", role: "analyst" })).json()).toMatchObject({ items: [] });
    expect((await ask(week, { role: "advertiser", advertiser: "7" })).statusCode).toBe(403);
    expect((await api.inject({ url: `/api/v1/cost/why?${week}` })).statusCode).toBe(401);
  });

  test.each([
    ["affiliateId=1&sourceId=s1", "affiliateId"],
    ["beforeFrom=2026-01-01", "beforeFrom"],
    ["beforeFrom=2026-01-02&beforeTo=2026-01-01", "beforeFrom"],
    ["since=2026-01-01T00:00:00Z&beforeFrom=2026-01-01&beforeTo=2026-01-01", "since"],
    ["until=2026-01-01T00:00:00Z", "until"],
  ])("refuses %s", async (query, field) => {
    const answer = await ask(`${week}&${query}`);
    expect([answer.statusCode, Object.keys(answer.json<{ details: object }>().details)]).toEqual([400, [field]]);
  });
});

describe("the page", () => {
  test("shows the last whole week against the one before: the sentence, the bridge, and every row as the JSON has it", async () => {
    const { body, statusCode } = await open("/why");
    expect(statusCode).toBe(200);
    expect(body).toContain("CPA rose by 1.60 USD: +1.34 price, +0.26 restatement.");
    expect(body).toContain('class="bar rise"');
    expect(body).toContain(`href="/spend?by=day&amp;sourceId=s1&amp;from=${lastWeek}&amp;to=${last}"`);
    expect(body).toContain(`href="/changes?source=everflow.daily_stats&amp;day=${lastWeek}"`);
    expect(body).toContain("<bdi>[U+202E]&lt;b>s1&lt;/b></bdi>");
    expect(body).toContain("Conversions ±, now");
    expect((await open("/why?since=2026-01-01T07:00")).body).not.toContain("±, now");
    const { compared, wrong } = await compareFigures(api, body);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(20);
  });

  test.each([
    "/why?metric=margin&period=30d",
    "/why?metric=conversions&affiliateId=1",
    "/why?metric=cost&sourceId=s1&period=7d",
    "/why?since=2026-01-01T07:00",
    "/why?from=2020-01-01&to=2020-01-02",
  ])("%s agrees with the JSON route", async (url) => {
    const { body, statusCode } = await open(url);
    expect(statusCode).toBe(200);
    expect((await compareFigures(api, body)).wrong).toEqual([]);
  });

  test("explains a campaign by Redtrack's own results, and the campaign's rows lead there and back", async () => {
    for (const [day, cost] of [
      [addDays(lastWeek, -7), "100"],
      [lastWeek, "130"],
    ] as const)
      await readDay(database.pool, "713", {
        ...{ day, isWhole: true },
        campaigns: [
          { campaignId: "c1", sourceId: "s1", sourceName: "One", clicks: 100, conversions: 4, cost, revenue: "500" },
        ],
      });
    const range = `from=${lastWeek}&to=${lastWeek}&beforeFrom=${addDays(lastWeek, -7)}&beforeTo=${addDays(lastWeek, -7)}`;
    expect(await items(`metric=cpa&${range}&campaignId=c1`)).toMatchObject([
      { before: "25.00", after: "32.50", change: "7.50", says: "CPA rose by 7.50 USD: +7.50 price." },
    ]);
    const { body } = await open(`/why?${range}&campaignId=c1`);
    expect(body).toContain("Redtrack campaign");
    expect(body).toContain(`href="/spend?by=campaign&amp;campaignId=c1&amp;from=${lastWeek}&amp;to=${lastWeek}"`);
    expect((await compareFigures(api, body)).wrong).toEqual([]);
    const spend = await open(`/spend?by=campaign&campaignId=c1&from=${lastWeek}&to=${lastWeek}`);
    expect(spend.body).toContain("/why?metric=cpa&amp;from=");
    expect(spend.body).toContain("campaignId=c1");
    expect((await compareFigures(api, spend.body)).wrong).toEqual([]);
    expect((await ask(`${range}&campaignId=c1`, { client: "acme", role: "analyst" })).json()).toMatchObject({
      items: [],
    });
  });

  test("its export has every row of every part", async () => {
    const rows = parse((await open("/why.csv")).body, { columns: true, bom: true }) as {
      part: string;
      amount: string;
    }[];
    expect(rows.map(({ part, amount }) => [part, amount])).toEqual([
      ["restatement", "0.26"],
      ["price", "1.34"],
    ]);
  });

  test("every change that another page shows leads to it", async () => {
    const before = `beforeFrom=${first}&amp;beforeTo=${addDays(lastWeek, -1)}`;
    expect((await open("/?period=7d")).body).toMatch(/href="\/why\?metric=cpa&amp;from=[^"]+affiliateId=1"/);
    expect((await open(`/cost?${week}`)).body).toContain(
      `/why?metric=cpa&amp;from=${lastWeek}&amp;to=${last}&amp;${before}`,
    );
    expect((await open(`/spend?${week}`)).body).toContain(
      `/why?metric=cost&amp;from=${lastWeek}&amp;to=${last}&amp;${before}&amp;sourceId=s1`,
    );
  });
});

test("the digest says in a line what the CPA of the week did, and mostly why", async () => {
  const digest = await readDigest(database.pool, { client: "713", day: today, timezone: zone, now: new Date() });
  expect(digestMessage(digest).lines).toContain(
    "CPA of the last 7 days 14.27 USD, 1.60 more than the week before: mostly price.",
  );
});

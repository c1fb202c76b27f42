import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { addDays, clockTime, dayAt } from "../../core/days.ts";
import { recordFailure } from "../../queries/sync/ledger.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";
import { readSpend } from "../../test/spend-readings.ts";

const zone = "America/New_York";
const now = new Date();
const today = dayAt(now, zone);
const yesterday = addDays(today, -1);
const hour = Number(now.toLocaleString("en-US", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }));
const at = (day: string, of: number) => clockTime(day, of, 0, zone);
const hostile = `"><script>alert(1)</script>`;

let database: TestDatabase;
let api: Api;
let headers: Record<string, string>;
let restatedReceipt: number;
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  const long = addDays(today, -3);
  await readSpend(pool, { day: addDays(today, -7), at: at(addDays(today, -7), hour), costs: { fb: "50" } });
  await readSpend(pool, { day: long, at: at(addDays(long, 1), 8), costs: { fb: "200" } });
  await readSpend(pool, { day: yesterday, at: at(yesterday, hour), costs: { fb: "80", tt: "4" } });
  await readSpend(pool, { day: today, at: at(today, hour), costs: { fb: "100" }, names: { fb: hostile } });
  for (const [day, conversions, revenue] of [
    [yesterday, 4, "400"],
    [addDays(yesterday, -1), 2, "100.005"],
  ] as const)
    await pool.query(
      `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
       values ('713', $1::date, '7', $4, '1', '1', 'USD', 10, $2, 40, $3, 0, 0, $1::date::text, 'r')`,
      [day, conversions, revenue, hostile],
    );
  ({ api } = await pageServer({ database: pool }));
  headers = await loggedIn(pool);
  // The visit before: then the day before yesterday restates.
  await pool.query(
    "insert into ops.last_looks (_client_id, subject, looked_at) values ('713', 'ada', now() - interval '2 hours')",
  );
  await pool.query("update ops.receipts set committed_at = committed_at - interval '3 hours' where slice >= $1", [
    today,
  ]);
  restatedReceipt = await readSpend(pool, { day: long, at: now, costs: { fb: "212.34" } });
  const alert = { client: "713", area: "sync", kind: "failed_run", subject: "redtrack.daily_spend", details: {} };
  await raiseAlert(pool, { ...alert, severity: "critical", message: hostile });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Overview {
  spend: { day: object; dayBefore: object; weekBefore: object; sources: object[] };
  periods: { name: string; isFinal: boolean; totals: { before: object | null }[] }[];
  affiliates: { items: object[] };
  restated: object[];
  open: { source: string; missing: string[] }[];
  alerts: object;
}
const overview = async (query = "", client = "713") =>
  (
    await api.inject({ url: `/api/v1/overview${query}`, headers: await bearer({ client, role: "analyst" }) })
  ).json<Overview>();
const page = async (url = "/") => (await api.inject({ url, headers })).body;

test("every figure is the one of its JSON route, and names from outside are text", async () => {
  const html = await page();
  const { compared, wrong } = await compareFigures(api, html);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(40);
  expect(html).not.toContain(hostile);
});

test("spend by now stands beside yesterday and the same weekday at this hour", async () => {
  const { spend } = await overview();
  expect(spend.day).toMatchObject({ date: today, hour, total: "100.00" });
  expect(spend.dayBefore).toMatchObject({ date: yesterday, hour, total: "84.00" });
  expect(spend.weekBefore).toMatchObject({ hour, total: "50.00" });
  expect(spend.sources).toContainEqual(
    expect.objectContaining({ sourceId: "tt", cost: "0.00", dayBefore: "4.00", weekBefore: "0.00" }),
  );
});

test("a day that was not read in today's last hour has no figure by another one, and every column names the hour", async () => {
  const own = { client: "cheap" };
  const week = addDays(today, -7);
  await readSpend(database.pool, { ...own, day: week, at: clockTime(week, 0, 1, zone), costs: { fb: "10" } });
  await readSpend(database.pool, {
    ...own,
    day: yesterday,
    at: clockTime(yesterday, 1, 5, zone),
    costs: { fb: "20" },
  });
  await readSpend(database.pool, { ...own, day: today, at: clockTime(today, 1, 10, zone), costs: { fb: "30" } });
  const { spend } = await overview("", own.client);
  expect(spend).toMatchObject({
    day: { hour: 1, total: "30.00" },
    dayBefore: { hour: 1, total: "20.00" },
    weekBefore: { date: week, hour: null, total: null, receiptId: null },
    sources: [{ cost: "30.00", dayBefore: "20.00", weekBefore: null }],
  });
  const html = (await api.inject({ url: "/", headers: await loggedIn(database.pool, { client: own.client }) })).body;
  for (const words of ["Today by 01:10", "Yesterday by 01:10", "Week ago by 01:10", `${week} was not read by 01:10`])
    expect(html).toContain(words);
});

test("results of the running day stand without a change against the whole of yesterday", async () => {
  await database.pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     values ('paged', $1::date, '7', 'seven', '1', '1', 'USD', 10, 1, 10, 20, 0, 0, $1::date::text, 'r'),
            ('paged', $2::date, '7', 'seven', '1', '1', 'USD', 10, 4, 40, 80, 0, 0, $2::date::text, 'r')`,
    [today, yesterday],
  );
  const own = await loggedIn(database.pool, { client: "paged" });
  const html = (await api.inject({ url: "/?period=today", headers: own })).body;
  const [row] = /<tr[^>]*>(?:(?!<tr).)*a day that is not over(?:(?!<tr).)*/s.exec(html) ?? [""];
  expect(row).toContain("$20.00");
  expect(row).not.toMatch(/class="change"/);
  expect(/<section aria-labelledby="affiliates">.*?<\/section>/s.exec(html)?.[0]).not.toMatch(/class="change"/);
});

test("a period whose last day runs is compared by its whole days with the same days of the period before", async () => {
  const row = `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
    values ('acme', $1::date, '7', 'seven', '1', '1', 'USD', 10, $2, 10, $3, 0, 0, $1::date::text, 'r')`;
  // 13 days before today and 7 before: the same weekday as today, of which one is a part and the other whole.
  for (const [back, conversions, revenue] of [
    [0, 1, "7"],
    [1, 4, "60"],
    [7, 100, "1000"],
    [8, 2, "40"],
  ] as const)
    await database.pool.query(row, [addDays(today, -back), conversions, revenue]);
  const { periods, affiliates } = await overview("?period=7d", "acme");
  const week = periods.find(({ name }) => name === "7d");
  expect(week).toMatchObject({
    over: { from: addDays(today, -6), to: yesterday },
    before: { from: addDays(today, -13), to: addDays(today, -8) },
    totals: [{ efConversions: 5, revenue: "67.00", over: { revenue: "60.00" }, before: { revenue: "40.00" } }],
  });
  expect(affiliates.items).toMatchObject([
    { efConversions: 5, over: { efConversions: 4 }, before: { efConversions: 2 } },
  ]);
  const headers = await loggedIn(database.pool, { client: "acme" });
  const html = (await api.inject({ url: "/?period=7d", headers })).body;
  const [, shown = ""] = /aria-labelledby="affiliates">(.*?)<\/section>/s.exec(html) ?? [];
  expect(shown).toContain("Change without today, which is not over.");
  // 60 after 40, and 4 after 2.
  for (const words of [">50.0 % more<", ">100 % more<"]) expect(shown).toContain(words);
  expect(html).toContain("change without today, which is not over");
});

test("each source has its course over the whole days before: read without it is no spend, not read is not known", async () => {
  const { spend } = await overview();
  const course = (spend.sources as { sourceId: string; course: (string | null)[] }[]).find(
    ({ sourceId }) => sourceId === "tt",
  )?.course;
  // Of the last 14 days three were read, and only yesterday had this source.
  expect(course?.filter((cost) => cost !== null)).toEqual(["0.00", "0.00", "4.00"]);
  expect([course?.length, course?.at(-1)]).toEqual([14, "4.00"]);
  expect(await page()).toContain("tt: between $0.00 and $4.00 a day in the 14 days before");
});

test("a period stands beside the one before it, says when it is not final, and an affiliate likewise", async () => {
  const { periods, affiliates } = await overview("?period=yesterday");
  expect(periods.map(({ name }) => name)).toEqual(["today", "yesterday", "7d", "30d"]);
  // Of the day before yesterday no spend was read: a change against it says so.
  expect(periods[1]).toMatchObject({
    ...{ isFinal: false, missingBefore: 1 },
    totals: [
      {
        efConversions: 4,
        finalCost: "40.00",
        cpa: "10.00",
        before: { efConversions: 2, cpa: "20.00", revenue: "100.01" },
      },
    ],
  });
  expect(affiliates.items).toMatchObject([{ efConversions: 4, margin: "360.00", before: { revenue: "100.01" } }]);
  // 4 conversions after 2; a cost per acquisition of 10 after 20.
  const html = await page();
  for (const words of [">100 % more<", ">50.0 % less<"]) expect(html).toContain(words);
  expect(html).not.toMatch(/[+−±][\d.]+ %/);
});

test("what restated since the last look says by how much, and leads to its changes and its receipt", async () => {
  const since = encodeURIComponent(new Date(now.getTime() - 3_600_000).toISOString());
  const { restated } = await overview(`?since=${since}`);
  expect(restated).toEqual([
    expect.objectContaining({
      wasWhole: true,
      before: "200.00",
      after: "212.34",
      change: "12.34",
      receiptId: restatedReceipt,
    }),
  ]);
  const html = await page();
  expect(html).toContain("+12.34");
  expect(html).toContain(`/changes?source=redtrack.daily_spend&amp;day=${addDays(today, -3)}&amp;since=`);
  expect(html).toContain(`/receipts/${restatedReceipt}`);
});

test("nothing restated for somebody who looked just now, on their second visit", async () => {
  const { restated } = await overview(`?since=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`);
  expect(restated).toEqual([]);
});

test("a day that is missing is named with the figures that it touches", async () => {
  await database.pool.query("insert into ops.coverage values ('713', 'redtrack.daily_spend', $1)", [
    addDays(today, -7),
  ]);
  const { open } = await overview();
  expect(open.find(({ source }) => source === "redtrack.daily_spend")?.missing).toContain(addDays(today, -2));
  const html = await page();
  expect(html).toContain("CPA and margin of internal affiliates");
  expect(html).toContain(`/freshness/redtrack.daily_spend/${addDays(today, -2)}`);
});

test("a refused key is said on Today, and the day says why", async () => {
  const { pool } = database;
  const refused = "redtrack refused the key: HTTP 401";
  await readSpend(pool, { client: "cheap", day: addDays(today, -2), at: at(yesterday, 8), costs: { fb: "5" } });
  await recordFailure(pool, {
    ...{
      client: "cheap",
      source: "redtrack.daily_spend",
      day: yesterday,
      timezone: "America/New_York",
      runId: "r-401",
    },
    ...{ type: "CredentialsRejected", reason: refused },
  });
  const as = await loggedIn(pool, { client: "cheap" });
  const address = `/freshness/redtrack.daily_spend/${yesterday}`;
  const html = (await api.inject({ url: "/", headers: as })).body;
  expect(html).toContain("Late, or not all there");
  expect(html).toMatch(new RegExp(`failed.*?href="${address}"`));
  expect((await api.inject({ url: address, headers: as })).body).toContain(refused);
});

test("another client sees nothing of it, and each part says what to do next", async () => {
  const html = (await api.inject({ url: "/", headers: await loggedIn(database.pool, { client: "nobody" }) })).body;
  expect(html).not.toMatch(/100\.00|212\.34/);
  for (const words of ["No spend was read today yet", "No results yet", "Nothing changed", "No open alert"])
    expect(html).toContain(words);
});

test("the export has the affiliates of the period, safe for a spreadsheet", async () => {
  const lines = parse(await page("/today.csv?period=yesterday"), { columns: true }) as Record<string, string>[];
  expect(lines).toEqual([expect.objectContaining({ efConversions: "4", finalCost: "40.00", margin: "360.00" })]);
});

test("figures of the sandbox are marked", async () => {
  await readSpend(database.pool, {
    client: "acme",
    day: today,
    at: at(today, hour),
    costs: { fb: "1" },
    origin: "sandbox",
  });
  const html = (await api.inject({ url: "/", headers: await loggedIn(database.pool, { client: "acme" }) })).body;
  expect(html).toContain(">sandbox</span>");
});

test("a section whose rows the sandbox made up, all of them, says so once; where some are real each row says it", async () => {
  const badges = async () => {
    const html = await page("/?period=yesterday");
    const section = /<section aria-labelledby="results">.*?<\/section>/s.exec(html)?.[0] ?? "";
    return [/<h2[^>]*>.*?<\/h2>/s.exec(section)?.[0].includes("sandbox"), section.match(/>sandbox</g)?.length ?? 0];
  };
  expect(await badges()).toEqual([false, 0]);
  const slices = `insert into ops.slices (_client_id, source, slice, day, timezone, origin)
    select '713', 'everflow.daily_stats', d, d::date, $2, 'sandbox' from unnest($1::text[]) d
    on conflict on constraint slices_key do update set origin = 'sandbox'`;
  await database.pool.query(slices, [[yesterday], zone]);
  const [isInHeading, some] = await badges();
  expect([isInHeading, Number(some) > 0]).toEqual([false, true]);
  await database.pool.query("update ops.slices set origin = 'sandbox' where _client_id = '713'");
  await database.pool.query(slices, [[addDays(yesterday, -1)], zone]);
  expect(await badges()).toEqual([true, 1]);
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { addDays, clockTime, dayAt } from "../../core/days.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";
import { readSpend } from "../../test/spend-readings.ts";

const zone = "America/New_York";
const today = dayAt(new Date(), zone);
const day = addDays(today, -2);
const at = (of: string, hour: number) => clockTime(of, hour, 0, zone);
const hostile = `<img src=x onerror=alert(1)>`;

let database: TestDatabase;
let api: Api;
let headers: Record<string, string>;
let lastReceipt: number;
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  for (const [of, costs] of [
    [addDays(day, -7), { fb: "70", tt: "7" }],
    [addDays(day, -1), { fb: "80", tt: "8" }],
    [day, { fb: "90.005", tt: "9" }],
  ] as const) {
    await readSpend(pool, { day: of, at: at(of, 9), costs: { fb: "10" } });
    await readSpend(pool, { day: of, at: at(of, 10), costs: { fb: costs.fb } });
    await readSpend(pool, { day: of, at: at(addDays(of, 1), 7), costs, names: { tt: hostile } });
  }
  lastReceipt = await readSpend(pool, {
    ...{ day, at: at(addDays(day, 1), 8), costs: { fb: "100.005", tt: "9" } },
    names: { tt: hostile },
  });
  await readSpend(pool, { client: "acme", day, at: at(addDays(day, 1), 8), costs: { secret: "12345" } });
  ({ api } = await pageServer({ database: pool }));
  headers = await loggedIn(pool);
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string) => {
  const answer = await api.inject({ url, headers });
  expect([url, answer.statusCode]).toEqual([url, 200]);
  return answer.body;
};
const json = async <Body>(url: string) =>
  (await api.inject({ url: `/api/v1/cost${url}`, headers: await bearer({ role: "analyst" }) })).json<Body>();

const range = `from=${addDays(day, -1)}&to=${day}`;

test.each(["source", "day", "hour"])(
  "every figure by %s is the one of its JSON route, and only this client's",
  async (by) => {
    const html = await open(`/spend?${range}&by=${by}`);
    const { compared, wrong } = await compareFigures(api, html);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(15);
    expect(html).not.toContain("12,345");
    expect(html).not.toContain(hostile);
  },
);

test("sums are rounded once, and compared with as many days before", async () => {
  const { totals, items } = await json<{ totals: object; items: object[] }>(`/spend/sources?${range}`);
  expect(totals).toMatchObject({ cost: "197.01", costBefore: null, daysBefore: 0, clicks: 40 });
  expect(items).toEqual([
    expect.objectContaining({ sourceId: "fb", cost: "180.01", days: 2 }),
    expect.objectContaining({ sourceId: "tt", sourceName: hostile, cost: "17.00" }),
  ]);
});

test("a day says what it restated since it was first read whole, and leads to its receipt", async () => {
  const { items } = await json<{ items: Record<string, unknown>[] }>(`/spend/days?from=${addDays(day, -3)}&to=${day}`);
  expect(items[0]).toMatchObject({
    date: day,
    cost: "109.01",
    restated: "10.00",
    state: "final",
    receiptId: lastReceipt,
  });
  expect(items[3]).toMatchObject({ state: "missing", cost: null, restated: null });
  const html = await open(`/spend?${range}&by=day`);
  expect(html).toContain(`href="/receipts/${lastReceipt}"`);
  expect(html).toContain(`href="/changes?source=redtrack.daily_spend&amp;day=${day}"`);
});

test("the course of a day is the one of the view, beside the day before and the median of the weekdays that were read", async () => {
  const { items } = await json<{ items: Record<string, unknown>[] }>(`/spend/hours?day=${day}`);
  expect(items).toEqual([
    expect.objectContaining({ hour: 9, cost: "10.00", dayBefore: "10.00", median: "10.00", medianOf: 1 }),
    expect.objectContaining({ hour: 10, cost: "90.01", dayBefore: "80.00", median: "70.00" }),
    expect.objectContaining({ hour: 24, cost: "109.01", dayBefore: "88.00", median: "77.00", receiptId: lastReceipt }),
  ]);
  const { rows } = await database.pool.query(
    "select hour, round(cost, 2) as cost, round(cost_day_before, 2) as \"dayBefore\" from redtrack.spend_by_hour where _client_id = '713' and date = $1 order by hour",
    [day],
  );
  expect(items.map(({ hour, cost, dayBefore }) => ({ hour, cost, dayBefore }))).toEqual(rows);
});

test("the export has the rows of the page as they are shown, and nothing that a spreadsheet would run", async () => {
  await database.pool.query(
    "update redtrack.daily_spend set source_name = '=cmd()' where source_id = 'tt' and date = $1",
    [day],
  );
  const lines = parse(await open(`/spend.csv?${range}&by=source&sort=cost`), { columns: true }) as Record<
    string,
    string
  >[];
  expect(lines.map(({ sourceName, cost }) => [sourceName, cost])).toEqual([
    ["'=cmd()", "17.00"],
    ["fb", "180.01"],
  ]);
});

test("one source can be looked at alone; a filter that the page does not know is refused", async () => {
  const html = await open(`/spend?${range}&by=day&sourceId=tt`);
  expect((await compareFigures(api, html)).wrong).toEqual([]);
  expect(html).toContain("Only source <bdi>tt</bdi>");
  expect((await api.inject({ url: "/spend?source=tt", headers })).statusCode).toBe(400);
});

test("a day that is not over is compared with the day before in the hour of its last reading, never with the whole of it", async () => {
  const client = "cheap";
  const before = addDays(today, -1);
  await readSpend(database.pool, { client, day: before, at: at(before, 1), costs: { fb: "40" } });
  await readSpend(database.pool, { client, day: before, at: at(today, 0), costs: { fb: "1000" } });
  await readSpend(database.pool, { client, day: today, at: at(today, 1), costs: { fb: "50" } });
  const own = await loggedIn(database.pool, { client });
  const show = async (url: string) => (await api.inject({ url, headers: own })).body;
  const html = await show("/spend?period=today&by=source");
  expect(html).toContain(">25.0 % more than the day before by 01:00</span>; the day is not over");
  expect(html).not.toContain("% less");
  // Of two days one is over, and the same day of the two before was not read.
  const both = await show(`/spend?from=${before}&to=${today}`);
  expect(both).toContain("; without today, which is not over");
  await readSpend(database.pool, { client, day: addDays(today, -3), at: at(before, 1), costs: { fb: "800" } });
  await readSpend(database.pool, { client, day: addDays(today, -2), at: at(before, 1), costs: { fb: "5" } });
  const compared = await show(`/spend?from=${before}&to=${today}&by=source`);
  expect(compared).toContain(">25.0 % more than the same day of the period before<");
  expect(compared).toContain(">25.0 % more<");
  // In another hour the day before was not read: then no share at all.
  await readSpend(database.pool, { client, day: today, at: at(today, 2), costs: { fb: "60" } });
  const later = await show("/spend?period=today&by=source");
  expect(later).toContain("by 02:00; not over, and the day before was not read around this time");
  expect(later).not.toMatch(/\d %/);
});

test("without any spend the page says what to do", async () => {
  const html = (await api.inject({ url: "/spend", headers: await loggedIn(database.pool, { client: "nobody" }) })).body;
  expect(html).toContain("No spend was loaded for these days");
  expect(html).toContain("was not read hour by hour");
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { bearer } from "../../test/api-server.ts";
import { putReport } from "../../test/put-reports.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const today = dayAt(new Date(), "UTC");
const hostile = `=HYPERLINK("x")<script>alert(1)</script>`;
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  await database.pool.query(
    `insert into rtb.buyer_seats (_client_id, buyer_id, display_name, origin) values ('713', 'A', $1, 'real'), ('713', 'B', 'Other seat', 'real'), ('acme', 'C', 'Theirs', 'real')`,
    [hostile],
  );
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, as: Parameters<typeof loggedIn>[1] = {}) =>
  api.inject({ url, headers: await loggedIn(database.pool, as) });
const put = (table: string, rows: Record<string, unknown>[]) =>
  putReport(
    database.pool,
    table,
    rows.map((row) => ({ date: today, ...row })),
  );
const agrees = async (html: string, least: number) => {
  const { compared, wrong } = await compareFigures(api, html);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThanOrEqual(least);
};

test("without reports the page says which to export and where to upload them, to whoever may", async () => {
  const { body, statusCode } = await open("/waste");
  expect(statusCode).toBe(200);
  for (const shown of [
    `No report of the 7 days to ${today}`,
    "Pipeline by publisher",
    "Inventory matches, Successful responses",
    'href="/files/upload"',
    "POST /api/v1/rtb/traffic",
    "No traffic data by size",
  ])
    expect(body).toContain(shown);
  const read = (await open("/waste?days=1", { role: "analyst" })).body;
  expect(read).toContain(`No report of ${today}`);
  expect(read).toContain("An operator uploads them");
  expect(read).not.toContain('href="/files/upload"');
  expect((await open("/waste", { role: "advertiser", advertiser: "x" })).statusCode).toBe(404);
});

test("funnel, groups, advice and sizes are the figures of the JSON routes", async () => {
  const full = { inventory_matches: 90_000, successful_responses: 70_000, bids: 50, bids_in_auction: 40 };
  await put("report_countries", [
    { hour: 14, geography: "BR", bid_requests: 80_000, ...full, auctions_won: 20, impressions: 18 },
    {
      hour: 3,
      geography: "PE",
      bid_requests: 70_000,
      ...full,
      bids: 0,
      bids_in_auction: 0,
      auctions_won: 0,
      impressions: 0,
    },
    { buyer_id: "B", hour: 3, geography: "DE", bid_requests: 10, ...full, bids: 10, auctions_won: 4, impressions: 3 },
  ]);
  await put("report_publishers", [
    {
      hour: 14,
      geography: "BR",
      publisher_id: "p1",
      publisher_name: hostile,
      bid_requests: 80_000,
      bids: 50,
      impressions: 18,
    },
  ]);
  const { body } = await open("/waste?days=1");
  for (const shown of ["Brazil", "14:00", "no bid", "70,000 requests a day", "10,000 requests a day", "callout rate"])
    expect(body).toContain(shown);
  // What no report says is said in words, and is a dash with its reason.
  for (const shown of ["What no report of these days says", "viewability is unknown", "No spend of these days"])
    expect(body).toContain(shown);
  expect(body).not.toContain("<script>alert");
  await agrees(body, 60);

  const seat = (await open("/waste?days=1&buyer_id=B")).body;
  expect(seat).toContain("Germany");
  expect(seat).not.toContain("Brazil");
  expect(seat).toMatch(/<option value="B" selected>Other seat/);
  expect((await open("/waste?buyer_id=C")).statusCode).toBe(404);
  expect((await open("/waste?days=0")).statusCode).toBe(400);
  expect((await open("/waste?days=1", { client: "acme" })).body).toContain(`No report of ${today}`);
});

test("the spend of the same days is shown by each source that says one, with what of it counts and why they differ", async () => {
  const days = [addDays(today, -1), addDays(today, -2), addDays(today, -3)];
  const bids = (date: string | undefined, spend: number) => ({
    ...{
      buyer_id: "B",
      date,
      hour: -1,
      geography: "",
      creative_id: "x",
      bids: 10,
      bids_in_auction: 5,
      auctions_won: 2,
      impressions: 1,
    },
    spend,
  });
  await put("report_bids", [bids(days[0], 10.004), bids(days[1], 20)]);
  await database.pool.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, origin) values ('713', 'B', 'spender', 'real')`,
  );
  await database.pool.query("select rtb.ensure_months($1::date[])", [days]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, impressions, clicks, date, _file_id, hour, geography, device_type, placement, spend)
     select '713', c.id, 1, 1, d.date, 1, -1, '', '', '', d.spend from rtb.creatives c, unnest($1::date[], $2::numeric[]) d(date, spend) where c.creative_id = 'spender'`,
    [days, [9, 19.5, 7.25]],
  );
  const answer = await api.inject({ url: "/api/v1/rtb/analytics/waste?buyer_id=B", headers: await bearer() });
  const { spend, spendSources } = answer.json<{ spend: { spend: string }; spendSources: object[] }>();
  expect(spend.spend).toBe("37.25");
  expect(spendSources).toEqual([
    { source: "bids_in_auction", days: 2, spend: "30.00", counted: "30.00", common: null },
    {
      ...{ source: "ad_performance", days: 3, spend: "35.75", counted: "7.25" },
      common: { days: 2, spend: "28.50", authority: "30.00" },
    },
  ]);
  const { body } = await open("/waste?buyer_id=B");
  for (const shown of [
    "Spend, by what says it",
    "$28.50 of 2 days",
    "the authority lacks 5 of 7",
    "RTB_REPORT_TIMEZONE",
  ])
    expect(body.replaceAll(/<[^>]+>/g, "")).toContain(shown);
  await agrees(body, 20);
  for (const page of ["/creatives?period=all", "/campaigns"])
    expect((await open(page)).body).toContain('by files of ad performance; <a href="/waste#spend">');
});

test("invalid traffic is shown and advised on by publisher and country, as its report has it", async () => {
  const row = (publisher: string, country: string, impressions: number, invalid: number) => ({
    ...{ hour: -1, geography: country, publisher_id: publisher, creative_id: "", publisher_name: publisher && hostile },
    ...{ impressions, invalid_impressions: invalid, prefiltered_impressions: 2, billed_impressions: null },
  });
  await put("report_invalid", [
    row("p1", "BR", 2_000, 400),
    row("p1", "PE", 2_000, 20),
    row("p2", "PE", 5_000, 5),
    row("", "", 9_000, 8_000),
  ]);
  const url = "/api/v1/rtb/analytics/waste?days=1&buyer_id=A";
  const answer = await api.inject({ url, headers: await bearer() });
  const { invalid, advice, missing } = answer.json<{
    invalid: { by: string; of: string | null; invalid: number; invalidShare: number; billed: null; advice: object[] }[];
    advice: { by: string; of: string; kind: string; text: string }[];
    missing: string[];
  }>();
  expect(invalid.map((one) => [one.by, one.of, one.invalid, one.invalidShare, one.billed, one.advice.length])).toEqual([
    ["publisher", null, 8_000, 88.89, null, 0],
    ["publisher", "p1", 420, 10.5, null, 1],
    ["publisher", "p2", 5, 0.1, null, 0],
    ["country", null, 8_000, 88.89, null, 0],
    ["country", "BR", 400, 20, null, 1],
    ["country", "PE", 25, 0.36, null, 0],
  ]);
  expect(advice.filter(({ kind }) => kind === "invalid_traffic").map(({ by, of, text }) => [by, of, text])).toEqual([
    ["publisher", "p1", "10.5 % of impressions are invalid traffic, over 5.0 %: exclude the publisher in pretargeting"],
    [
      "country",
      "BR",
      "20.0 % of impressions are invalid traffic, over 5.0 %: leave it out of the countries of pretargeting",
    ],
  ]);
  expect(missing.filter((one) => one.includes("invalid traffic"))).toEqual([]);
  const { body } = await open("/waste?days=1&buyer_id=A");
  expect(body).toContain('<h2 id="invalid">Invalid traffic</h2>');
  expect(body).not.toContain("<script>alert");
  await agrees(body, 40);
});

test("yesterday is a choice of its own, by the reports' clock, also of the exports", async () => {
  const yesterday = addDays(today, -1);
  const { body } = await open("/waste?days=1&end=yesterday&buyer_id=B");
  expect(body).toContain(`${yesterday} to ${yesterday}`);
  expect(body).toMatch(/<a href="[^"]*end=yesterday[^"]*" aria-current="true">Yesterday/);
  expect(body).toContain('href="/waste/sizes.csv?days=1&amp;end=yesterday&amp;buyer_id=B"');
  await agrees(body, 5);
  for (const file of ["/waste.csv", "/waste/sizes.csv"])
    expect((await open(`${file}?days=1&end=yesterday&buyer_id=B`)).statusCode).toBe(200);
  expect((await open("/waste?end=tomorrow")).statusCode).toBe(400);
});

test("sizes that are asked for stand beside the creatives there are, with advice and its threshold", async () => {
  const asked = (size: string, requests: number) => ({
    at: `${today}T00:00:00Z`,
    ...{ size, format: "", geography: "", device_type: "", hour: 0, seconds: 86_400, requests },
  });
  const rows = [asked("300x250", 5_000), asked("728x90", 20_000), asked("160x600", 2_000)];
  for (const row of rows) await put("rtb_traffic", [row]);
  await database.pool.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, format, width, height, canonical_size, origin)
     select '713', 'A', 'c' || n, 'HTML', 300, 250, '300x250 (Medium Rectangle)', 'real' from generate_series(1, 4) n
     union all select '713', 'A', 'w', 'HTML', 970, 250, '970x250 (Billboard)', 'real'`,
  );
  const { body } = await open("/waste?days=1");
  for (const shown of [
    "good",
    "excess",
    "<b>leave it out</b>",
    "<b>add a creative</b>",
    "Asked for without a creative",
  ])
    expect(body).toContain(shown);
  expect(body).not.toContain("No traffic data by size");
  await agrees(body, 80);
});

test("the exports have every row of the JSON routes, and no formula", async () => {
  const table = async (url: string): Promise<Record<string, string>[]> =>
    parse((await open(url)).body, { columns: true });
  const json = async (url: string) =>
    (await api.inject({ url: `/api/v1/rtb/analytics${url}`, headers: await bearer() })).json<
      Record<string, Record<string, never>[]>
    >();
  const { countries = [], publishers = [], hours = [] } = await json("/waste?days=1");
  const rows = await table("/waste.csv?days=1");
  expect(rows.map(({ by, of, bidRequests }) => [by, of, bidRequests])).toEqual([
    ...countries.map((one) => ["country", one["country"], String(one["bidRequests"])]),
    ...publishers.map((one) => ["publisher", one["publisherId"], String(one["bidRequests"])]),
    ...hours.map((one) => ["hour", String(one["hour"]), String(one["bidRequests"])]),
  ]);
  expect(rows.find(({ by }) => by === "publisher")?.["name"]).toBe(`'${hostile}`);
  const { sizes = [] } = await json("/size-coverage?days=1");
  expect(
    (await table("/waste/sizes.csv?days=1")).map(({ size, coverage, requests }) => [size, coverage, requests]),
  ).toEqual(sizes.map((one) => [one["size"], one["coverage"], String(one["requests"])]));
});

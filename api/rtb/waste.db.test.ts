import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import { canonicalSize, readSize, standardSizes } from "../../rules/rtb/sizes.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { putReport } from "../../test/put-reports.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

const today = dayAt(new Date(), "UTC");
const day = (ago: number) => addDays(today, -ago);

let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});
beforeEach(async () => {
  await database.pool.query(
    "truncate rtb.funnel_sums, rtb.report_countries, rtb.report_publishers, rtb.report_bids, rtb.report_quality, rtb.report_filtering, rtb.rtb_traffic, rtb.creative_thumbnails, rtb.creatives, rtb.buyer_seats, rtb.performance_metrics",
  );
  await database.pool.query(
    "insert into rtb.buyer_seats (_client_id, buyer_id, origin) values ('713', 'A', 'real'), ('713', 'B', 'real'), ('714', 'A', 'real')",
  );
});

type Answer = Record<string, never>;
async function get(url: string, more: Parameters<typeof bearer>[0] = {}) {
  const answer = await api.inject({ method: "GET", url: `/api/v1/rtb/analytics${url}`, headers: await bearer(more) });
  return { status: answer.statusCode, body: answer.json<Answer>() };
}
const waste = async (query = "") => (await get(`/waste${query}`)).body as never as Record<string, unknown>;
const coverage = async (query = "") =>
  (await get(`/size-coverage${query}`)).body as never as { sizes: Record<string, unknown>[] } & Record<string, unknown>;

const put = (table: string, rows: Record<string, unknown>[], more: Record<string, unknown> = {}) =>
  putReport(
    database.pool,
    table,
    rows.map((row) => ({ date: today, ...more, ...row })),
  );
const hours = { hour: 14, geography: "BR" };
const ask = async (text: string, values: unknown[] = []) =>
  (await database.pool.query(text, values)).rows as Record<string, unknown>[];

describe("waste", () => {
  test("has the funnel as sums of the days, its rates as ratios of these sums, and each part with the most requests first", async () => {
    await put("report_countries", [
      {
        ...hours,
        inventory_matches: 4_000_000,
        bid_requests: 1_000_000,
        successful_responses: 900_000,
        bids: 10,
        bids_in_auction: 8,
        auctions_won: 4,
        impressions: 3,
      },
      {
        ...hours,
        date: day(1),
        inventory_matches: 1_000,
        bid_requests: 100,
        successful_responses: 100,
        bids: 90,
        bids_in_auction: 80,
        auctions_won: 40,
        impressions: 30,
      },
      {
        ...hours,
        geography: "PE",
        hour: 3,
        inventory_matches: 100_000,
        bid_requests: 70_000,
        successful_responses: 70_000,
        bids: 0,
        bids_in_auction: 0,
        auctions_won: 0,
        impressions: 0,
      },
      { ...hours, date: day(7), inventory_matches: 5, bid_requests: 5, bids: 5 },
    ]);
    const answer = await waste("?buyer_id=A&days=7");
    expect(answer).toMatchObject({
      from: day(6),
      to: today,
      timezone: "UTC",
      funnel: {
        report: "pipeline_by_country",
        daysWithData: 2,
        inventoryMatches: 4_101_000,
        bidRequests: 1_070_100,
        bids: 100,
        auctionsWon: 44,
        reachedQueries: null,
        rates: { calloutRate: 26.09, responseRate: 90.66, bidRate: 0.01, winRate: 50, wasteRatio: 99.99, qps: 6.19 },
      },
      countries: [
        { country: "BR", bidRequests: 1_000_100, advice: [] },
        { country: "PE", bidRequests: 70_000, rates: { wasteRatio: 100, winRate: null } },
      ],
      hours: [{ hour: 3, bidRequests: 70_000, rates: { qps: 9.72 } }, { hour: 14 }],
      advice: [
        {
          by: "country",
          of: "PE",
          kind: "no_bids",
          value: 35_000,
          threshold: 10_000,
          text: expect.stringContaining("35,000 bid requests a day"),
        },
        { by: "hour", of: "3", kind: "no_bids" },
      ],
    });
    expect(answer["missing"]).toEqual([
      "Only 2 of 7 days have data",
      'No report "pipeline by publisher": waste by publisher is unknown',
      'No report "bids in auction": delivery loss after bidding is unknown',
      'No report "quality": viewability is unknown',
      'No report "invalid traffic", and no column IVT credited impressions in "quality": invalid traffic is unknown',
      'No report "bid filtering": why bids did not take part is unknown',
      "No spend of these days: what requests cost is unknown",
    ]);
  });

  test("adds no two reports: each counts the same requests", async () => {
    await put("report_countries", [{ ...hours, bid_requests: 100, bids: 10 }]);
    await put("report_publishers", [
      { ...hours, publisher_id: "pub-1", publisher_name: "One", bid_requests: 60, bids: 6 },
      { ...hours, publisher_id: "pub-2", bid_requests: 40, bids: 4 },
    ]);
    await put("report_bids", [
      {
        ...hours,
        creative_id: "7",
        bids: 10,
        bids_in_auction: 9,
        auctions_won: 3,
        reached_queries: 50,
        impressions: 2,
      },
    ]);
    expect(await waste("?days=1")).toMatchObject({
      funnel: { bidRequests: 100, bids: 10, report: "pipeline_by_country" },
      publishers: [
        { publisherId: "pub-1", publisherName: "One", bidRequests: 60 },
        { publisherId: "pub-2", publisherName: null, bidRequests: 40 },
      ],
      delivery: { bids: 10, reachedQueries: 50, winRate: 33.33, deliveryLoss: 96 },
    });
    // The seat whose only report is the one by publisher is read from that.
    await put("report_publishers", [{ ...hours, publisher_id: "pub-1", bid_requests: 7, bids: 1 }], { buyer_id: "B" });
    expect(await waste("?days=1&buyer_id=B")).toMatchObject({
      funnel: { bidRequests: 7, report: "pipeline_by_publisher" },
      countries: [{ country: "BR", bidRequests: 7 }],
    });
    expect(await waste("?days=1")).toMatchObject({ funnel: { bidRequests: 107, bids: 11 } });
  });

  test("a count that not every row has is unknown, and so is what is made of it", async () => {
    await put("report_countries", [
      { ...hours, bid_requests: 100, bids: 10 },
      { ...hours, geography: "PE", bid_requests: 50, bids: null },
    ]);
    const answer = await waste("?days=1");
    expect(answer).toMatchObject({
      funnel: { bidRequests: 150, bids: null, rates: { bidRate: null, wasteRatio: null } },
      countries: [
        { country: "BR", rates: { wasteRatio: 90 } },
        { country: "PE", rates: { wasteRatio: null } },
      ],
    });
    expect(answer["missing"]).toContain("Not every report has Bids: bid rate and waste are unknown");
  });

  test("counts the spend of the authority, of other days what files of ad performance say, and of no day both", async () => {
    await put("report_countries", [{ ...hours, bid_requests: 4_000, bids: 1_000 }]);
    await put("report_bids", [{ ...hours, creative_id: "7", bids_in_auction: 1, spend: "4.125" }]);
    await put("report_quality", [
      {
        billing_id: "1",
        creative_id: "7",
        creative_size: "300 X 250",
        creative_format: "HTML",
        viewable: 400,
        measurable: 1_000,
        impressions: 1_000,
        invalid_impressions: 60,
        spend: "4.2",
      },
    ]);
    await database.pool.query("insert into rtb.creatives (_client_id, creative_id, buyer_id) values ('713', '7', 'A')");
    await database.pool.query("select rtb.ensure_months($1)", [[today, day(1)]]);
    await database.pool.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       select '713', id, d, -1, '', '', '', 10, 1, 1, 1 from rtb.creatives, unnest($1::date[]) d`,
      [[today, day(1)]],
    );
    expect(await waste("?days=2")).toMatchObject({
      spend: {
        spend: "5.13",
        currency: "USD",
        report: "bids_in_auction",
        reportDays: 1,
        performanceDays: 1,
        perThousandRequestsExact: "1.281250",
      },
      quality: [
        {
          size: "300x250",
          viewability: 40,
          invalidShare: 6,
          advice: [
            { kind: "low_viewability", value: 40, threshold: 50 },
            { kind: "invalid_traffic", value: 6, threshold: 5 },
          ],
        },
      ],
    });
    expect(
      await ask(
        "select spend_bids_in_auction::text as b, spend_quality::text as q, spend_performance::text as p from rtb.spend_days where date = $1",
        [today],
      ),
    ).toEqual([{ b: "4.125000", q: "4.200000", p: "1.000000" }]);
  });

  test("says what is unknown where there is nothing, and is strict about what is asked", async () => {
    expect(await waste()).toMatchObject({
      days: 7,
      funnel: null,
      countries: [],
      delivery: null,
      spend: null,
      advice: [],
    });
    expect(((await waste())["missing"] as string[])[0]).toContain("bid requests and their waste are unknown");
    expect(await get("/waste?buyerid=A")).toMatchObject({
      status: 400,
      body: { details: { buyerid: 'unknown field "buyerid": did you mean buyer_id?' } },
    });
    for (const query of ["days=0", "days=366", "days=a"]) expect((await get(`/waste?${query}`)).status).toBe(400);
    expect((await get("/waste?buyer_id=C")).status).toBe(404);
    expect((await get("/size-coverage?buyer_id=C")).status).toBe(404);
  });

  test("shows a client its own rows only", async () => {
    await put("report_countries", [{ ...hours, bid_requests: 100, bids: 10 }], { _client_id: "714" });
    await put(
      "rtb_traffic",
      [
        {
          at: new Date(),
          size: "300x250",
          format: "",
          geography: "",
          device_type: "",
          hour: 1,
          seconds: 60,
          requests: 5,
        },
      ],
      { _client_id: "714" },
    );
    expect(await waste("?buyer_id=A")).toMatchObject({ funnel: null });
    expect(await coverage()).toMatchObject({ sizes: [], requests: null });
  });
});

const asked = { format: "HTML", geography: "BR", device_type: "", hour: 1, seconds: 3_600 };

describe("size coverage", () => {
  test("is good, low, none or excess by the bidder's own traffic, with its advice", async () => {
    await database.pool.query(
      `insert into rtb.creatives (_client_id, buyer_id, creative_id, format, width, height, is_stub, vanished_at)
       select '713', 'A', name, format, w, h, stub, gone from (values
         ('1', 'HTML', 300, 250, false, null::timestamptz), ('2', 'HTML', 301, 251, false, null), ('3', 'HTML', 300, 250, false, null),
         ('4', 'HTML', 728, 90, false, null), ('5', 'HTML', 970, 250, false, null), ('6', 'HTML', 160, 600, false, now()),
         ('7', null, 160, 600, true, null), ('8', 'NATIVE', null, null, false, null)) c(name, format, w, h, stub, gone)`,
    );
    await put("rtb_traffic", [
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "300x250", requests: 9_000 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "300x252", requests: 1_000 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "728x90", requests: 1_001 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "160x600", requests: 20_000 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 2)), size: "interstitial", requests: 6_000, date: day(1) },
      { ...asked, at: new Date(Date.UTC(2026, 0, 2)), size: "video", format: "VIDEO", requests: 10, date: day(1) },
    ]);
    const answer = await coverage("?buyer_id=A");
    expect(
      answer.sizes.map(({ size, coverage: is, creatives, requests, advice }) => [
        size,
        is,
        creatives,
        requests,
        (advice as { kind: string } | null)?.kind,
      ]),
    ).toEqual([
      ["160x600 (Wide Skyscraper)", "none", 0, 20_000, "block"],
      ["300x250 (Medium Rectangle)", "good", 3, 10_000, undefined],
      ["Interstitial (size unknown)", "none", 0, 6_000, "add_creative"],
      ["728x90 (Leaderboard)", "low", 1, 1_001, undefined],
      ["Video (size unknown)", "none", 0, 10, "monitor"],
      ["970x250 (Billboard)", "excess", 1, 0, undefined],
      ["Native", "excess", 1, 0, undefined],
    ]);
    expect(answer).toMatchObject({
      requests: 37_011,
      wasted: 26_010,
      wasteShare: 70.28,
      daysWithData: 2,
      missing: null,
    });

    // Analysts read the same in SQL.
    const rows = await ask(
      "select size, coverage, creatives, requests, days from rtb.size_coverage($1, $2, '713', 'A')",
      [day(6), today],
    );
    expect(rows).toEqual(
      answer.sizes.map(({ size, coverage: is, creatives, requests }) => ({
        size,
        coverage: is,
        creatives,
        requests,
        days: 2,
      })),
    );
  });

  test("matches requests without a size with the creatives of their category, and calls no size that was shown an excess", async () => {
    await database.pool.query(
      `insert into rtb.creatives (_client_id, buyer_id, creative_id, format, width, height)
       select '713', 'A', n::text, f, w, h from (values (1, 'HTML', 320, 480), (2, 'HTML', 320, 480), (3, 'HTML', 1080, 1920), (4, 'VIDEO', 1080, 1920),
         (5, 'NATIVE', null, null), (6, 'HTML', 970, 90), (7, 'HTML', 468, 60)) c(n, f, w, h)`,
    );
    await put("rtb_traffic", [
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "interstitial", requests: 38_000_000 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "video", format: "VIDEO", requests: 25_000_000 },
      { ...asked, at: new Date(Date.UTC(2026, 0, 1)), size: "768x1024", requests: 20_000 },
    ]);
    const shown = { billing_id: "1", creative_format: "", impressions: 10 };
    await put("report_quality", [
      { ...shown, creative_id: "5", creative_size: "Native" },
      { ...shown, creative_id: "6", creative_size: "970 X 90" },
    ]);
    const answer = await coverage("?buyer_id=A");
    expect(
      answer.sizes.map(({ size, coverage: is, creatives, advice }) => [
        size,
        is,
        creatives,
        (advice as { kind: string } | null)?.kind,
      ]),
    ).toEqual([
      ["Interstitial (size unknown)", "good", 3, undefined],
      ["Video (size unknown)", "low", 1, undefined],
      ["768x1024 (Tablet Interstitial, Portrait)", "none", 0, "add_creative"],
      ["320x480 (Mobile Interstitial, Portrait)", "unknown", 2, undefined],
      ["1080x1920 (Phone Interstitial)", "unknown", 1, undefined],
      ["468x60 (Banner)", "excess", 1, undefined],
      ["970x90 (Super Leaderboard)", "unknown", 1, undefined],
      ["Native", "unknown", 1, undefined],
      ["Video 9:16", "unknown", 1, undefined],
    ]);
    expect(
      await ask("select size, coverage, creatives from rtb.size_coverage($1, $2, '713', 'A')", [day(6), today]),
    ).toEqual(answer.sizes.map(({ size, coverage: is, creatives }) => ({ size, coverage: is, creatives })));
  });

  test("is by the seconds that lines are about, those of several sizes and seats once", async () => {
    const at = new Date(Date.UTC(2026, 0, 1));
    await put("rtb_traffic", [
      { ...asked, at, seconds: 600, size: "300x250", requests: 5_000 },
      { ...asked, at, seconds: 300, size: "728x90", requests: 300 },
      { ...asked, at, seconds: 600, size: "300x250", requests: 1_000, buyer_id: "B" },
    ]);
    const answer = await coverage("?buyer_id=A");
    expect(answer).toMatchObject({ daysWithData: 1, secondsWithData: 600 });
    expect(answer.sizes).toMatchObject([
      { requests: 5_000, qps: 8.33, advice: { requestsADay: 720_000 } },
      { requests: 300, qps: 0.5, advice: { requestsADay: 43_200 } },
    ]);
    expect(await coverage()).toMatchObject({ secondsWithData: 600, sizes: [{ requests: 6_000, qps: 10 }, {}] });
    expect(await ask("select qps::float as qps from rtb.size_coverage($1, $1, '713', 'A')", [today])).toEqual([
      { qps: 8.333333 },
      { qps: 0.5 },
    ]);
  });

  test("is unknown without traffic, and says why", async () => {
    await database.pool.query(
      "insert into rtb.creatives (_client_id, buyer_id, creative_id, format, width, height) values ('713', 'A', '1', 'HTML', 300, 250)",
    );
    const answer = await coverage();
    expect(answer).toMatchObject({
      sizes: [{ size: "300x250 (Medium Rectangle)", coverage: "unknown", requests: null, qps: null, advice: null }],
      requests: null,
      wasteShare: null,
      missing: expect.stringContaining("no bid requests by size"),
    });
    expect(await ask("select size, coverage, requests from rtb.size_coverage($1, $1, '713')", [today])).toEqual([
      { size: "300x250 (Medium Rectangle)", coverage: "unknown", requests: null },
    ]);
  });

  test("a size counts as the same in SQL and in the rules, at every edge of every standard size", async () => {
    const sides = standardSizes.flatMap(({ width, height }) =>
      [-6, -5, -3, 0, 2, 5, 6].flatMap((x) => [-6, -5, 0, 4, 5, 6].map((y) => [width + x, height + y] as const)),
    );
    const odd = [
      [0, 0],
      [1, 1],
      [0, 50],
      [500, 500],
      [720, 1280],
      [1080, 1350],
      [1280, 720],
      [100_000, 1],
      [-1, 5],
    ] as const;
    const ratios = Array.from({ length: 130 }, (_, index) => [500 + index * 10, 1_000] as const);
    const cases = [...sides, ...odd, ...ratios].flatMap(([width, height]) =>
      [null, "HTML", "VIDEO", "NATIVE"].map((format) => ({ width, height, format })),
    );
    const rows = await ask(
      "select rtb.canonical_size(w, h, f) as size from unnest($1::int[], $2::int[], $3::text[]) with ordinality c(w, h, f, n) order by n",
      [cases.map(({ width }) => width), cases.map(({ height }) => height), cases.map(({ format }) => format)],
    );
    expect(cases.length).toBeGreaterThan(5_000);
    expect(rows.map(({ size }) => size)).toEqual(cases.map((one) => canonicalSize(one)?.canonical ?? null));
    const words = ["native", "video", "video/overlay", "interstitial", "fluid", "responsive", "300x250", "1x1", "big"];
    const read = await ask(
      "select rtb.canonical_size(s, 'HTML') as size from unnest($1::text[]) with ordinality c(s, n) order by n",
      [words],
    );
    expect(read.map(({ size }) => size)).toEqual(words.map((word) => readSize(word, "HTML")?.canonical ?? null));
  });
});

test("analysts read the funnel in SQL as the answer shows it, rate by rate", async () => {
  await put("report_countries", [
    {
      ...hours,
      inventory_matches: 4_000,
      bid_requests: 1_000,
      successful_responses: 900,
      reached_queries: 7,
      bids: 10,
      bids_in_auction: 8,
      auctions_won: 4,
      impressions: 3,
      clicks: 1,
    },
    {
      ...hours,
      geography: "PE",
      date: day(1),
      inventory_matches: 700,
      bid_requests: 300,
      successful_responses: 30,
      reached_queries: 7,
      bids: 33,
      bids_in_auction: 30,
      auctions_won: 1,
      impressions: 0,
      clicks: 0,
    },
  ]);
  const answer = (await waste()) as {
    funnel: { rates: object };
    countries: { country: string; rates: object }[];
    hours: { rates: { qps: number } }[];
  };
  const read = (by: string) =>
    ask(
      `select value, round(callout_rate * 100, 2)::float8 as "calloutRate", round(response_rate * 100, 2)::float8 as "responseRate", round(bid_rate * 100, 2)::float8 as "bidRate",
              round(win_rate * 100, 2)::float8 as "winRate", round(waste_ratio * 100, 2)::float8 as "wasteRatio", round(qps, 2)::float8 as qps from rtb.funnel_by($1, $2, $3, '713')`,
      [by, day(6), today],
    );
  expect(await read("all")).toEqual([{ value: null, ...answer.funnel.rates }]);
  expect((await read("hour")).map(({ qps }) => qps)).toEqual(answer.hours.map(({ rates }) => rates.qps));
  expect((await read("day")).map(({ qps }) => qps)).toEqual([0.01, 0]);
  expect(await read("country")).toEqual(answer.countries.map(({ country, rates }) => ({ value: country, ...rates })));
  expect(
    await ask(
      "select date::text as date, report, bid_requests, round(waste_ratio, 4)::text as waste from rtb.funnel_days order by date",
    ),
  ).toEqual([
    { date: day(1), report: "pipeline_by_country", bid_requests: 300, waste: "0.8900" },
    { date: today, report: "pipeline_by_country", bid_requests: 1_000, waste: "0.9900" },
  ]);
});

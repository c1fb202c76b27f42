import { describe, expect, test } from "@jest/globals";
import {
  adviceThresholds,
  adviseFunnel,
  emptyFunnel,
  ratesOf,
  sumFunnels,
  type AdviseOf,
  type Funnel,
} from "./funnel.ts";
import { coverSizes, type CoverageQuestion, type SizeTraffic } from "./size-coverage.ts";

const funnel = (more: Partial<Funnel>): Funnel => ({ ...emptyFunnel, ...more });

describe("the funnel", () => {
  // A real seat's seven days: 39,074 callouts a second, 53 bids a second.
  const week = 7 * 86_400;
  const seat = funnel({
    inventoryMatches: 1_000_000 * week,
    bidRequests: 39_074 * week,
    successfulResponses: 38_029 * week,
    bids: 53 * week,
  });

  test("has the rates that practitioners use", () => {
    const rates = ratesOf(seat, 7);
    expect(rates.qps).toBe(39_074);
    expect(rates.calloutRate).toBeCloseTo(0.039074, 9);
    expect(rates.responseRate).toBeCloseTo(0.97326, 5);
    expect(rates.bidRate).toBeCloseTo(0.001356, 6);
    expect(rates.wasteRatio).toBeCloseTo(1 - 53 / 39_074, 12);
    expect([rates.winRate, rates.deliveryLoss, rates.viewability, rates.invalidShare]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  test("divides by the days that have data, and says nothing where there is nothing to divide by", () => {
    expect(ratesOf(seat, 14).qps).toBe(19_537);
    expect(ratesOf(seat, 0).qps).toBeNull();
    expect(ratesOf(funnel({ bidRequests: 0, bids: 0 }), 1)).toMatchObject({ bidRate: null, wasteRatio: null, qps: 0 });
  });

  test("calls reached queries without an impression delivery loss, and never waste", () => {
    const rates = ratesOf(funnel({ reachedQueries: 1_000, impressions: 250 }), 1);
    expect([rates.deliveryLoss, rates.wasteRatio]).toEqual([0.75, null]);
  });

  test("loses nothing where a request has several bids", () => {
    expect(ratesOf(funnel({ bidRequests: 100, bids: 130 }), 1)).toMatchObject({ bidRate: 1.3, wasteRatio: 0 });
  });

  test("is summed before it is divided: a mean of ratios would be another number", () => {
    const sum = sumFunnels([
      funnel({ bids: 10, bidRequests: 1_000 }),
      funnel({ bids: 90, bidRequests: 100 }),
      funnel({}),
    ]);
    expect(sum).toEqual(funnel({ bids: 100, bidRequests: 1_100 }));
    expect(ratesOf(sum, 1).bidRate).toBeCloseTo(100 / 1_100, 12);
    expect(sumFunnels([])).toEqual(emptyFunnel);
  });

  test.each<[string, Partial<Funnel>, number, string[]]>([
    ["many requests and no bid", { bidRequests: 70_000, bids: 0 }, 7, ["no_bids"]],
    ["one request a day fewer", { bidRequests: 69_999, bids: 0 }, 7, []],
    ["the same over more days", { bidRequests: 70_000, bids: 0 }, 14, []],
    ["a single bid", { bidRequests: 70_000, bids: 1 }, 7, []],
    ["bids unknown", { bidRequests: 70_000, bids: null }, 7, []],
    ["few auctions won", { bidsInAuction: 1_000, auctionsWon: 49 }, 7, ["low_win_rate"]],
    ["five in a hundred won", { bidsInAuction: 1_000, auctionsWon: 50 }, 7, []],
    ["few won of few", { bidsInAuction: 999, auctionsWon: 0 }, 7, []],
    ["little is viewable", { measurable: 1_000, viewable: 499 }, 7, ["low_viewability"]],
    ["half is viewable", { measurable: 1_000, viewable: 500 }, 7, []],
    ["much is invalid", { impressions: 1_000, invalid: 51 }, 7, ["invalid_traffic"]],
    ["five in a hundred are invalid", { impressions: 1_000, invalid: 50 }, 7, []],
    ["nothing known", {}, 7, []],
    ["no day with data", { bidRequests: 70_000, bids: 0 }, 0, []],
  ])("%s: %j over %i days is advice %j", (_, counts, days, kinds) => {
    const of = { by: "country" as const, value: "BR" };
    expect(adviseFunnel(funnel(counts), days, of).map(({ kind }) => kind)).toEqual(kinds);
    // Of what the report does not name there is nothing to do.
    for (const value of [null, ""]) expect(adviseFunnel(funnel(counts), days, { ...of, value })).toEqual([]);
  });

  test.each<[AdviseOf["by"], string, string]>([
    ["country", "BR", "leave it out of the countries of pretargeting"],
    ["publisher", "pub-1", "exclude the publisher in pretargeting"],
    ["hour", "3", "pretargeting knows no hours"],
    ["size", "301x251", "leave 301x251 out of the sizes that pretargeting includes"],
    ["size", "1x1", "pretargeting knows it by no size"],
    ["size", "native", "leave NATIVE out of the formats"],
    ["size", "video/overlay", "leave VAST out of the formats"],
    ["size", "interstitial", "without interstitials only"],
    ["size", "other", "leave it out of the sizes"],
  ])("of a %s %s it says what pretargeting has for it: %s", (by, value, action) => {
    const [advice] = adviseFunnel(funnel({ impressions: 1_000, invalid: 90 }), 7, { by, value });
    expect(advice?.text).toContain("9.0 % of impressions are invalid traffic, over 5.0 %: ");
    expect(advice?.text).toContain(action);
    const [seen] = adviseFunnel(funnel({ measurable: 1_000, viewable: 90 }), 7, { by, value });
    expect(seen?.text).toContain("raise the viewability that pretargeting asks for, or ");
    expect(seen?.text).toContain(action);
  });

  test("its advice has what was found, what it was held against, and words", () => {
    const of = { by: "publisher" as const, value: "pub-1" };
    expect(adviseFunnel(funnel({ bidsInAuction: 2_000, auctionsWon: 30 }), 7, of)).toEqual([
      {
        kind: "low_win_rate",
        value: 0.015,
        threshold: 0.05,
        text: "1.5 % of auctions are won, under 5.0 %: bid more here, or exclude the publisher in pretargeting",
      },
    ]);
    const stricter = { ...adviceThresholds, leastWinRate: 0.01 };
    expect(adviseFunnel(funnel({ bidsInAuction: 2_000, auctionsWon: 30 }), 7, of, stricter)).toEqual([]);
  });
});

const traffic = (size: string, requests: number, format = "HTML"): SizeTraffic => {
  const [width = 0, height = 0] = size.split("x").map(Number);
  return { width, height, format, requests };
};
const rectangle = "300x250 (Medium Rectangle)";
const cover = (more: Partial<CoverageQuestion>) =>
  coverSizes({
    ...{ stock: [], traffic: [], daysWithData: 1, costPerThousand: null },
    secondsWithData: (more.daysWithData ?? 1) * 86_400,
    ...more,
  });
const stockOf = (creatives: number, canonical = rectangle) => [{ canonical, format: "HTML", creatives }];

describe("the coverage of a size", () => {
  test.each<[number, number, string]>([
    [0, 1, "none"],
    [0, 1_000_000, "none"],
    [1, 0, "excess"],
    [50, 0, "excess"],
    [2, 1_001, "low"],
    [2, 1_000, "good"],
    [3, 1_001, "good"],
    [3, 1_000_000, "good"],
    [1, 1, "good"],
  ])("of %i creatives for %i requests is %s", (creatives, requests, coverage) => {
    // Another size, so that there is traffic at all.
    const { sizes } = cover({
      stock: stockOf(creatives),
      traffic: [traffic("300x250", requests), traffic("728x90", 5)],
    });
    expect(sizes.find(({ canonical }) => canonical === rectangle)?.coverage).toBe(coverage);
  });

  test("is unknown without traffic of the bidder's own, and says why: nothing is invented", () => {
    const { sizes, missing, wasted, wasteShare, requests } = cover({ stock: stockOf(5) });
    expect(sizes).toMatchObject([{ coverage: "unknown", requests: null, share: null, qps: null, advice: null }]);
    expect([wasted, wasteShare, requests]).toEqual([null, null, null]);
    expect(missing).toContain("no bid requests by size");
    expect(cover({ traffic: [traffic("300x250", 5)], daysWithData: 0 }).missing).not.toBeNull();
  });

  test("counts sizes that are as good as each other together, formats apart", () => {
    const { sizes, unreadable } = cover({
      stock: [
        ...stockOf(2),
        { canonical: rectangle, format: "VIDEO", creatives: 1 },
        { canonical: "Native", format: "NATIVE", creatives: 0 },
      ],
      traffic: [traffic("300x250", 600), traffic("301x251", 400), { ...traffic("0x0", 7), width: null }],
    });
    expect(sizes).toMatchObject([{ creatives: 3, formats: { HTML: 2, VIDEO: 1 }, requests: 1_000, coverage: "good" }]);
    expect(unreadable).toBe(7);
  });

  test("has its share of all requests, and requests a second over the days with data", () => {
    const { sizes, wasted, wasteShare, requests } = cover({
      stock: stockOf(5),
      traffic: [traffic("300x250", 864_000), traffic("970x250", 2_592_000)],
      daysWithData: 2,
    });
    expect([requests, wasted, wasteShare]).toEqual([3_456_000, 2_592_000, 0.75]);
    expect(sizes.map(({ share, qps }) => [share, qps])).toEqual([
      [0.75, 15],
      [0.25, 5],
    ]);
  });
});

describe("advice for a size without a creative", () => {
  test.each<[string, number, number, string, number]>([
    ["300x250", 10_000, 1, "block", 10_000],
    ["300x250", 70_000, 7, "block", 10_000],
    ["300x250", 69_999, 7, "add_creative", 1_000],
    ["300x250", 1_000, 1, "add_creative", 1_000],
    ["300x250", 999, 1, "monitor", 0],
    ["500x500", 10_000, 1, "block", 10_000],
    ["301x251", 10_000, 1, "use_flexible", 1_000],
    ["301x251", 1_000, 1, "use_flexible", 1_000],
    ["301x251", 999, 1, "monitor", 0],
  ])("of %s with %i requests in %i days is %s", (size, requests, daysWithData, kind, threshold) => {
    const [found] = cover({ traffic: [traffic(size, requests)], daysWithData }).sizes;
    expect(found?.advice).toMatchObject({ kind, threshold, requestsADay: requests / daysWithData, monthlyCost: null });
  });

  test("is by the seconds that the traffic is about, and says by how much of a day", () => {
    const short = { traffic: [traffic("300x250", 5_000)], secondsWithData: 600 };
    const [found] = cover(short).sizes;
    expect(found?.qps).toBeCloseTo(8.333, 3);
    expect(found?.advice).toMatchObject({ kind: "block", requestsADay: 720_000 });
    expect(found?.advice?.text).toContain("about 720,000 requests a day (by 10 minutes of data) and no creative");
  });

  test("is about the exact size where most requests have it", () => {
    const [found] = cover({ traffic: [traffic("300x250", 8_000), traffic("301x251", 4_000)] }).sizes;
    expect(found?.advice?.kind).toBe("block");
  });

  test("is given for no size that has a creative", () => {
    expect(cover({ stock: stockOf(1), traffic: [traffic("300x250", 1_000_000)] }).sizes[0]?.advice).toBeNull();
  });

  test("has what the requests cost in a month, to the millionth, where a price is known", () => {
    const [found] = cover({ traffic: [traffic("300x250", 20_001)], daysWithData: 1, costPerThousand: "0.002" }).sizes;
    expect(found?.advice).toMatchObject({ monthlyCost: "1.20006" });
    expect(found?.advice?.text).toBe(
      "20,001 requests a day and no creative: leave 300x250 (Medium Rectangle) out of the sizes that pretargeting includes, or add a creative",
    );
  });
});

test("sizes come with the most requests first, the same at every call", () => {
  const question = {
    stock: [...stockOf(1), ...stockOf(1, "Native"), ...stockOf(4, "Adaptive/Fluid")],
    traffic: [traffic("728x90", 5), traffic("300x250", 9)],
  };
  expect(cover(question).sizes.map(({ canonical }) => canonical)).toEqual([
    rectangle,
    "728x90 (Leaderboard)",
    "Adaptive/Fluid",
    "Native",
  ]);
  expect(cover({ ...question, stock: question.stock.toReversed() })).toEqual(cover(question));
});

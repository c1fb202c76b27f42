import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bestFirst, bestOf, ctrOf, intervalOf, isApart } from "./rate.ts";

const of = (id: number, impressions: number, clicks: number) => ({ id, impressions, clicks });

test.each([
  [0, 50, 0, 7.13],
  [3, 100, 1.03, 8.45],
  [30, 1_000, 2.11, 4.25],
  [15, 60, 15.78, 37.23],
  [1, 1, 20.65, 100],
  [10, 10, 72.25, 100],
])("Wilson's interval of %d clicks of %d impressions is %d to %d %%", (clicks, impressions, low, high) => {
  expect(intervalOf({ impressions, clicks })).toEqual({ low, high });
});

test("no rate and no interval without impressions; a rate but no interval where clicks exceed them", () => {
  expect([ctrOf(of(1, 0, 0)), intervalOf(of(1, 0, 0))]).toEqual([null, null]);
  expect([ctrOf(of(1, 0, 5)), intervalOf(of(1, 0, 5))]).toEqual([null, null]);
  expect([ctrOf(of(1, 2, 25)), intervalOf(of(1, 2, 25))]).toEqual([1250, null]);
});

test("an interval holds its rate and lies between 0 and 100", () => {
  const counts = fc
    .integer({ min: 1, max: 100_000_000 })
    .chain((impressions) => fc.record({ impressions: fc.constant(impressions), clicks: fc.nat(impressions) }));
  fc.assert(
    fc.property(counts, (one) => {
      const interval = intervalOf(one);
      const ctr = ctrOf(one) ?? -1;
      expect(interval?.low).toBeGreaterThanOrEqual(0);
      expect(interval?.high).toBeLessThanOrEqual(100);
      expect(interval?.low).toBeLessThanOrEqual(ctr);
      expect(interval?.high).toBeGreaterThanOrEqual(ctr);
    }),
  );
});

test("the best rate comes first; of equal ones the more often shown, then the older; what was never shown comes last", () => {
  const sorted = bestFirst([of(1, 0, 0), of(5, 100, 10), of(4, 100, 10), of(3, 200, 20), of(2, 10, 9)]);
  expect(sorted.map(({ id }) => id)).toEqual([2, 3, 4, 5, 1]);
});

describe("best is", () => {
  test("a variation with 1,000 impressions whose interval does not overlap that of the second", () => {
    expect(bestOf([of(1, 1_000, 50), of(2, 1_000, 100), of(3, 0, 0)])).toEqual({
      id: 2,
      reason: "the interval of variation 2 lies above that of variation 1",
    });
  });

  test.each([
    ["never shown", [of(1, 0, 0)], "no variation was shown"],
    ["alone", [of(1, 9_000, 10), of(2, 0, 0)], "only one variation was shown: there is nothing to compare it with"],
    [
      "one impression short",
      [of(1, 999, 400), of(2, 900, 1)],
      "variation 1 leads with 999 impressions; at least 1000 are needed",
    ],
    [
      "not apart",
      [of(1, 1_000, 50), of(2, 1_000, 60)],
      "not yet distinguishable: the intervals of variations 2 and 1 overlap",
    ],
    [
      "beside an impossible rate",
      [of(1, 1_000, 5), of(2, 1_000, 100), of(3, 10, 11)],
      "variation 3 has more clicks than impressions, so its rate is not known",
    ],
  ])("nobody when %s", (_what, variations, reason) => {
    expect(bestOf(variations)).toEqual({ id: null, reason });
  });

  test("nobody with nothing to compare", () => {
    expect(bestOf([]).id).toBeNull();
  });
});

test("what has no interval is apart from nothing", () => {
  expect(isApart(of(1, 10, 11), of(2, 1_000, 1))).toBe(false);
  expect(isApart(of(2, 1_000, 900), of(1, 0, 0))).toBe(false);
});

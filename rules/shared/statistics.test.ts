import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pooledRatio } from "../intelligence/pooled-ratio.ts";
import {
  budgetFactor,
  cheaper,
  discoveries,
  dispersionOf,
  incompleteBeta,
  normalCdf,
  ratioBound,
  shrunkCost,
  togetherness,
  type Comparison,
  type DaySums,
} from "./statistics.ts";

const against = (group: [number, number], rest: [number, number], dispersion: number): Comparison => ({
  group: { clicks: group[0], spend: group[1], dispersion },
  rest: { clicks: rest[0], spend: rest[1], dispersion },
});

describe("confidence that a part is cheaper than the rest", () => {
  test.each([
    [40, 12, 5000, 2500, 1, 0.987123],
    [100, 40, 5000, 2500, 1, 0.970499],
    [100, 40, 5000, 2500, 2, 0.885517],
    [45, 9, 4955, 2491, 2, 0.988849],
  ])("%d clicks for $%d against %d for $%d, dispersion %d: %d", (c, s, C, S, dispersion, expected) => {
    const { confidence, p } = cheaper(against([c, s], [C, S], dispersion));
    expect(confidence).toBeCloseTo(expected, 5);
    expect(confidence + p).toBeCloseTo(1, 10);
  });

  test.each([
    [10, 0.76, 0.63, 0.433],
    [20, 0.9, 0.76, 0.4],
    [40, 0.987, 0.903, 0.367],
    [60, 0.998, 0.964, 0.35],
    [100, 1.0, 0.995, 0.333],
    [250, 1.0, 1.0, 0.315],
  ])("%d clicks at 0.30 against 0.50 of 5,000: %d, with dispersion 2 %d; shrunk to %d", (clicks, one, two, shrunk) => {
    const of = (dispersion: number) => against([clicks, clicks * 0.3], [5000, 2500], dispersion);
    expect(Math.abs(cheaper(of(1)).confidence - one)).toBeLessThan(0.006);
    expect(Math.abs(cheaper(of(2)).confidence - two)).toBeLessThan(0.006);
    expect(shrunkCost(of(1))).toBeCloseTo(shrunk, 3);
  });

  test.each([
    [50, 1, 0.887],
    [100, 1, 0.97],
    [100, 2, 0.886],
    [150, 1, 0.992],
    [150, 2, 0.942],
  ])("%d clicks at 0.40 against 0.50, dispersion %d: %d", (clicks, dispersion, expected) => {
    expect(cheaper(against([clicks, clicks * 0.4], [5000, 2500], dispersion)).confidence).toBeCloseTo(expected, 3);
  });

  test("keeps its digits where it is all but certain", () => {
    const { p } = cheaper(against([5_000_000, 1_000_000], [5_000_000, 2_000_000], 1));
    expect(p).toBeGreaterThanOrEqual(0);
    expect(p).toBeLessThan(1e-300);
    expect(cheaper(against([2500, 500], [40_000, 10_000], 10)).p).toBeCloseTo(8.351e-4, 7);
  });

  test("without clicks or spend to compare with nothing is confident", () => {
    expect(cheaper(against([10, 3], [0, 0], 1))).toEqual({ confidence: 0, p: 1 });
    expect(shrunkCost(against([10, 3], [0, 5], 1))).toBeNull();
  });

  test("grows when the same clicks cost less, whatever the figures", () => {
    const whole = fc.integer({ min: 1, max: 100_000 });
    const amount = fc.double({ min: 0.5, max: 50_000, noNaN: true });
    fc.assert(
      fc.property(
        whole,
        amount,
        whole,
        amount,
        fc.double({ min: 1, max: 20, noNaN: true }),
        (c, s, C, S, dispersion) => {
          const dear = cheaper(against([c, s], [C, S], dispersion)).confidence;
          const cheap = cheaper(against([c, s * 0.8], [C, S], dispersion)).confidence;
          expect(cheap).toBeGreaterThanOrEqual(dear - 1e-9);
          expect(dear).toBeGreaterThanOrEqual(0);
          expect(cheap).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe("the document's own examples", () => {
  const angola = (dispersion: number) => against([667, 200], [4990, 2300], dispersion);

  test("Angola is cheaper beyond doubt, and at least 20 % cheaper with less of it", () => {
    expect(cheaper(angola(3)).confidence).toBeCloseTo(1, 4);
    expect(cheaper(angola(10)).confidence).toBeCloseTo(0.995, 3);
    expect(cheaper(angola(3), 0.8).confidence).toBeCloseTo(0.99, 3);
    expect(cheaper(angola(10), 0.8).confidence).toBeCloseTo(0.77, 3);
    expect(ratioBound(angola(3))).toBeCloseTo(0.744, 3);
  });

  test("Finance is the cheapest of the portfolio", () => {
    expect(cheaper(against([2500, 500], [40_000, 10_000], 3)).confidence).toBeCloseTo(1, 4);
    expect(cheaper(against([2500, 500], [40_000, 10_000], 10)).confidence).toBeCloseTo(0.999, 3);
  });

  test("of a neglected creative 45 clicks are enough, 12 are not", () => {
    expect(cheaper(against([45, 9], [4955, 2491], 2)).confidence).toBeCloseTo(0.989, 3);
    expect(shrunkCost(against([45, 9], [4955, 2491], 2))).toBeCloseTo(0.34, 2);
    expect(cheaper(against([12, 1.2], [4955, 2491], 2)).confidence).toBeCloseTo(0.83, 2);
  });

  test("a size is pooled over the campaigns that have it", () => {
    const of = (clicks: number, spend: number) => ({ clicks, spend, dispersion: 2 });
    const pooled = pooledRatio([
      { inside: of(400, 160), outside: of(2200, 1320) },
      { inside: of(120, 58), outside: of(900, 585) },
      { inside: of(250, 110), outside: of(1800, 990) },
    ]);
    expect(pooled?.ratio).toBeCloseTo(0.723, 3);
    expect(pooled?.low).toBeCloseTo(0.655, 3);
    expect(pooled?.high).toBeCloseTo(0.797, 3);
    expect(pooled?.spread).toBeCloseTo(0.0014, 4);
  });
});

describe("of many tests", () => {
  test("those stand that Benjamini and Hochberg let stand", () => {
    const ps = [0.0002, 0.004, 0.011, 0.03, 0.06, 0.21, 0.4, 0.7];
    expect(discoveries(ps).filter(Boolean)).toHaveLength(5);
    expect(discoveries([...ps].reverse())).toEqual(discoveries(ps).reverse());
    expect(discoveries([])).toEqual([]);
  });

  test("what one part may be wrong over a thousand nights stays below one night's share", () => {
    const spent = Array.from({ length: 1_000 }, (_, night) => (night === 0 ? 1 : 0.39) / budgetFactor(night + 1));
    expect(spent.reduce((total, share) => total + share, 0)).toBeLessThan(1.1);
    expect(budgetFactor(90)).toBeGreaterThan(budgetFactor(89));
  });
});

describe("how much clicks vary", () => {
  const days = (clicks: readonly number[], spend = 10): DaySums => ({
    clicks: clicks.reduce((sum, one) => sum + one, 0),
    spend: clicks.length * spend,
    days: clicks.length,
    squares: clicks.reduce((sum, one) => sum + one ** 2 / spend, 0),
    weeks: 1,
    weekSquares: 0,
  });

  test("is what the days themselves say", () => {
    const clicks = [30, 10, 25, 15, 20];
    const expected = clicks.reduce((sum, one) => sum + (one - 20) ** 2 / 20, 0) / 4;
    expect(dispersionOf(days(clicks))).toBeCloseTo(expected, 9);
  });

  test("is never less than chance, and 3 where fewer than four days tell", () => {
    expect(dispersionOf(days([20, 20, 20, 20]))).toBe(1);
    expect(dispersionOf(days([20, 20, 20]))).toBe(3);
    expect(dispersionOf(days([0, 0, 0, 0]))).toBe(3);
  });

  test("days that hang together make weeks vary more, and few cells say nothing of it", () => {
    const cell = (weekSquares: number): DaySums => ({
      clicks: 400,
      spend: 400,
      days: 28,
      squares: 427,
      weeks: 4,
      weekSquares,
    });
    expect(togetherness(Array.from({ length: 40 }, () => cell(406)))).toBeCloseTo(2, 6);
    expect(togetherness(Array.from({ length: 40 }, () => cell(400.5)))).toBe(1);
    expect(togetherness([cell(460)])).toBe(1);
  });
});

test.each([
  [0.5, 2, 3, 0.6875],
  [0.1, 0.5, 0.5, 0.2048327646991335],
  [0.9, 10, 2, 0.6973568802],
  [0, 2, 3, 0],
  [1, 2, 3, 1],
])("the incomplete beta function of %d, %d, %d is %d", (x, a, b, expected) => {
  expect(incompleteBeta(x, a, b)).toBeCloseTo(expected, 9);
});

test.each([
  [0, 0.5],
  [-1.6448536269514722, 0.05],
  [1.959963984540054, 0.975],
  [-6, 9.865876450376981e-10],
])("the share of the normal distribution below %d is %d", (z, expected) => {
  expect(normalCdf(z) / expected).toBeCloseTo(1, 6);
});

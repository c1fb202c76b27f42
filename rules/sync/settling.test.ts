import { describe, expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { alikeDays, leastDays, lookbackOf, quantile, rangeOf, type SettledDay } from "./settling.ts";

/** The same numbers each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
const normal = (next: () => number) => Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());

/** Vendors whose way of settling is known: how much of a day's final figure they have at the age that is asked about. */
const vendors: Record<string, (next: () => number) => number> = {
  "whose days are nearly whole": (next) => 0.97 + 0.02 * next(),
  "that has half of a day by now, more or less": (next) => 0.35 + 0.3 * next(),
  "whose late days are rare and great": (next) => (next() < 0.2 ? 0.5 + 0.3 * next() : 0.95 + 0.04 * next()),
  "that takes back as often as it adds": (next) => 1 + 0.08 * normal(next),
  "with a long tail": (next) => 1 / (1 + 0.05 * Math.exp(normal(next))),
};

describe("an 80 % range", () => {
  test.each(Object.entries(vendors))("holds 75 to 85 %% of the days of a vendor %s", (_, shareOf) => {
    const next = numbers(2026);
    let held = 0;
    const rounds = 600;
    let claimed = { hits: 0, tried: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const make = (index: number): SettledDay => {
        const final = 500 + 1_000 * next();
        return { day: addDays("2026-01-01", index), known: final * shareOf(next), final };
      };
      const past = Array.from({ length: [12, 20, 40, 56][round % 4] ?? 20 }, (_unused, index) => make(index));
      const today = make(60);
      const range = rangeOf(today.known, past);
      if (range !== null && today.final >= range.low && today.final <= range.high) held += 1;
      claimed = { hits: claimed.hits + (range?.hits ?? 0), tried: claimed.tried + (range?.tried ?? 0) };
    }
    for (const share of [held / rounds, claimed.hits / claimed.tried]) {
      expect(share).toBeGreaterThanOrEqual(0.75);
      expect(share).toBeLessThanOrEqual(0.85);
    }
  });

  const days = (count: number, known = 100, final = 110): SettledDay[] =>
    Array.from({ length: count }, (_, index) => ({ day: addDays("2026-01-01", index), known, final }));

  test("is none with too little history, or with nothing known yet", () => {
    expect(rangeOf(100, days(leastDays - 1))).toBeNull();
    expect(rangeOf(100, [...days(leastDays - 1), { day: "2026-02-01", known: 0, final: 5 }])).toBeNull();
    expect(rangeOf(0, days(30))).toBeNull();
    expect(rangeOf(100, days(leastDays))).toMatchObject({ low: expect.closeTo(110, 6), days: leastDays, tried: 0 });
  });

  test("says on how many past days it would have held", () => {
    const range = rangeOf(200, [...days(20), { day: "2026-03-01", known: 100, final: 300 }]);
    expect(range).toMatchObject({ days: 21, hits: 11, tried: 12 });
  });

  test("measures a weekend by weekends where there are enough of them", () => {
    const past = days(70);
    expect(alikeDays("2026-04-04", past)).toHaveLength(20);
    expect(alikeDays("2026-04-06", past)).toHaveLength(50);
    expect(alikeDays("2026-04-04", days(14))).toHaveLength(14);
  });
});

test("a quantile is that of the next value, not of the values there are", () => {
  const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  expect([quantile(nine, 0.1), quantile(nine, 0.9), quantile(nine, 0.55)]).toEqual([1, 9, 5.5]);
});

describe("the lookback that is proposed", () => {
  const changes = (last: readonly number[], lookedFor = 14) => last.map((lastChange) => ({ lastChange, lookedFor }));

  test("is how long 95 of 100 days went on changing", () => {
    expect(lookbackOf(changes([...Array<number>(90).fill(1), ...Array<number>(6).fill(3), 9, 9, 9, 9]))).toEqual({
      days: 3,
      of: 100,
      isCut: false,
    });
  });

  test("says that days were not looked at for long enough where they changed to the last", () => {
    expect(lookbackOf(changes(Array<number>(20).fill(3), 3))).toMatchObject({ days: 3, isCut: true });
    expect(lookbackOf(changes(Array<number>(20).fill(0), 3))).toMatchObject({ days: 0, isCut: false });
  });

  test("is none with too few days", () => {
    expect(lookbackOf(changes([1, 1, 1]))).toEqual({ days: null, of: 3, isCut: false });
  });
});

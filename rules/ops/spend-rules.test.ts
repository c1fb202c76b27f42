import { describe, expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { step, type RuleState } from "./rule-state.ts";
import { judgeCpc, judgeImport, judgeSpend, type SpendDay, type Verdict } from "./spend-rules.ts";

const first = "2026-01-01";
const noon = (day: string) => new Date(`${day}T12:00:00Z`);

/** Numbers that look random and are the same each time. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

interface Planted {
  day: number;
  days: number;
  cpc?: number;
  spend?: number;
}

/**
 * A campaign that nothing happens to: clicks vary twice as much as if each came alone, weekends are weaker, the price of a
 * click moves by 5 % a day; what is planted is added to that.
 */
function campaign(seed: number, days: number, planted: readonly Planted[] = []): Map<string, SpendDay> {
  const next = random(seed);
  const usual = 60 * Math.exp(next() * 4);
  const price = 0.4 + next() * 3;
  const series = new Map<string, SpendDay>();
  for (let index = 0; index < days; index += 1) {
    const day = addDays(first, index);
    const here = planted.find((one) => index >= one.day && index < one.day + one.days);
    const weekend = [0, 6].includes(noon(day).getUTCDay()) ? 0.75 : 1;
    const expected = usual * weekend * Math.exp(0.1 * normal(next)) * (here?.spend ?? 1);
    const clicks = Math.max(0, Math.round(expected + Math.sqrt(2 * expected) * normal(next)));
    const paid = expected * price * Math.exp(0.05 * normal(next)) * (here?.cpc ?? 1);
    series.set(day, { day, clicks, spend: paid });
  }
  return series;
}

/** Goes through the days as the nightly run does, and returns the days on which an alert opened. */
function fired(
  series: ReadonlyMap<string, SpendDay>,
  judge: (days: typeof series, day: string) => Verdict | null,
): string[] {
  let state: RuleState | null = null;
  let firedAt: Date | null = null;
  const opened: string[] = [];
  for (const day of series.keys()) {
    const now = noon(addDays(day, 1));
    const next = step(state, judge(series, day), now);
    if (next.tell === "fire") opened.push(day);
    firedAt = next.tell === "fire" ? now : firedAt;
    state = { state: next.state, day, firedAt };
  }
  return opened;
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(seeds)(
  "50 campaigns of pure noise over 90 days fire fewer than one false alarm a week in all (seed %d)",
  (seed) => {
    const alarms = Array.from({ length: 50 }, (_, index) => campaign(seed * 1_000 + index, 90)).flatMap((series) => [
      ...fired(series, judgeCpc),
      ...fired(series, judgeSpend),
    ]);
    expect(alarms.length).toBeLessThan(90 / 7);
  },
);

test("the bare rules without their thresholds would fire far more often: the noise is real", () => {
  const bare = Array.from({ length: 50 }, (_, index) => campaign(1_000 + index, 90)).flatMap((series) =>
    [...series.keys()].filter((day) => (judgeCpcBare(series, day) ?? 0) > 1.2),
  );
  expect(bare.length).toBeGreaterThan(90);
});

function judgeCpcBare(series: ReadonlyMap<string, SpendDay>, day: string): number | null {
  const now = series.get(day);
  const before = Array.from({ length: 7 }, (_, back) => series.get(addDays(day, -1 - back))).filter(
    (one) => one !== undefined,
  );
  if (now === undefined || now.clicks === 0 || before.length < 7) return null;
  const total = (name: "clicks" | "spend") => before.reduce((sum, one) => sum + one[name], 0);
  return now.spend / now.clicks / (total("spend") / total("clicks"));
}

describe("what is planted fires exactly once:", () => {
  /** Campaigns with enough clicks to judge by. */
  const large = seeds.flatMap((seed) =>
    Array.from({ length: 50 }, (_, index) => seed * 1_000 + index).filter((one) => {
      const days = [...campaign(one, 30).values()];
      return days.every(({ clicks, spend }) => clicks > 900 && spend > 400);
    }),
  );

  test.each(large.slice(0, 20))("a click that costs 70 %% more for a day (%d)", (seed) => {
    expect(fired(campaign(seed, 60, [{ day: 40, days: 1, cpc: 1.7 }]), judgeCpc)).toEqual([addDays(first, 40)]);
  });

  test.each(large.slice(0, 20))("one that costs 42 %% more from a day on (%d)", (seed) => {
    const opened = fired(campaign(seed, 60, [{ day: 40, days: 20, cpc: 1.42 }]), judgeCpc);
    expect(opened).toHaveLength(1);
    // At once where chance makes more than half of it.
    expect([40, 41, 42].map((day) => addDays(first, day))).toContain(opened[0]);
  });

  test.each(large.slice(0, 20))("spend that falls to a fifth for ten days (%d)", (seed) => {
    expect(fired(campaign(seed, 80, [{ day: 50, days: 10, spend: 0.2 }]), judgeSpend)).toEqual([addDays(first, 50)]);
  });
});

test("a day that is missing is not a day without spend", () => {
  const series = campaign(7, 60);
  series.delete(addDays(first, 50));
  expect(judgeSpend(series, addDays(first, 50))).toBeNull();
  expect(judgeCpc(series, addDays(first, 50))).toBeNull();
});

test("a file that does not come is missed where files came on most days before, and only there", () => {
  const days = new Set(Array.from({ length: 10 }, (_, index) => addDays(first, index)));
  expect(judgeImport(days, addDays(first, 10))).toMatchObject({ isOver: true, isClear: false });
  expect(judgeImport(days, addDays(first, 9))).toMatchObject({ isOver: false, isClear: true });
  expect(judgeImport(days, addDays(first, 14))).toMatchObject({ isOver: false });
});

describe("an alert", () => {
  const over: Verdict = { value: 1.3, threshold: 1.2, isOver: true, isUrgent: false, isClear: false };
  const between: Verdict = { ...over, value: 1.15, isOver: false };
  const clear: Verdict = { ...between, value: 1, isClear: true };
  const firing: RuleState = { state: "firing", day: first, firedAt: noon(first) };

  test("stays while the value is between the two thresholds, and closes below the lower", () => {
    expect(step(firing, between, noon(first))).toEqual({ state: "firing", tell: null });
    expect(step(firing, clear, noon(first))).toEqual({ state: "normal", tell: "resolve" });
    expect(step(firing, null, noon(first))).toEqual({ state: "firing", tell: null });
  });

  test("does not open again within 24 hours, and does afterwards", () => {
    const cooling: RuleState = { state: "suspected", day: first, firedAt: noon(first) };
    expect(step(cooling, over, new Date(noon(first).getTime() + 23 * 3_600_000)).tell).toBeNull();
    expect(step(cooling, over, new Date(noon(first).getTime() + 24 * 3_600_000)).tell).toBe("fire");
  });
});

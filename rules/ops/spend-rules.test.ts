import { describe, expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { step, type RuleState } from "./rule-state.ts";
import { judgeCpc, judgeSpend, judgeSpendSoFar, type SpendDay, type Verdict } from "./spend-rules.ts";

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

/** The hours at which a day is read, and what is usual by then: little at night, most in the afternoon. */
const hours = Array.from({ length: 17 }, (_, index) => index + 7);
const shareOf = (hour: number) => 0.5 + Math.sin(((hour - 6) / 24) * 2 * Math.PI) * 0.4;

/** What it had spent by each hour: clicks come twice as unevenly as if each came alone, and each is paid. */
function campaignByHour(
  seed: number,
  days: number,
  planted: readonly Planted[] = [],
): Map<string, Map<number, number>> {
  const next = random(seed);
  const usual = 60 * Math.exp(next() * 4);
  const price = 0.4 + next() * 3;
  const whole = Array.from({ length: 24 }, (_, hour) => shareOf(hour)).reduce((sum, share) => sum + share, 0);
  const series = new Map<string, Map<number, number>>();
  for (let index = 0; index < days; index += 1) {
    const day = addDays(first, index);
    const here = planted.find((one) => index >= one.day && index < one.day + one.days);
    const weekend = [0, 6].includes(noon(day).getUTCDay()) ? 0.75 : 1;
    const ofDay = usual * weekend * Math.exp(0.1 * normal(next)) * (here?.spend ?? 1);
    const spent = new Map<number, number>();
    let sum = 0;
    for (let hour = 0; hour < 24; hour += 1) {
      const expected = ((ofDay * shareOf(hour)) / whole) * Math.exp(0.2 * normal(next));
      sum += Math.max(0, Math.round(expected + Math.sqrt(2 * expected) * normal(next))) * price;
      if (hours.includes(hour)) spent.set(hour, sum);
    }
    series.set(day, spent);
  }
  return series;
}

/** Goes through each day as it runs, from reading to reading, and returns when an alert opened. */
function firedByHour(series: ReadonlyMap<string, ReadonlyMap<number, number>>): string[] {
  let state: RuleState | null = null;
  let firedAt: Date | null = null;
  const opened: string[] = [];
  for (const [day, spent] of series) {
    const soFar = new Map<number, number>();
    const weeks = [7, 14, 21, 28].map((back) => series.get(addDays(day, -back))).filter((one) => one !== undefined);
    for (const [hour, sum] of spent) {
      soFar.set(hour, sum);
      const now = new Date(`${day}T${String(hour).padStart(2, "0")}:59:00Z`);
      const next = step(state, judgeSpendSoFar(soFar, weeks), now);
      if (next.tell === "fire") opened.push(day);
      firedAt = next.tell === "fire" ? now : firedAt;
      state = { state: next.state, day, firedAt };
    }
  }
  return opened;
}

test("by the hour, too, 50 campaigns of pure noise over 90 days fire fewer than one false alarm a week in all", () => {
  for (const seed of seeds.slice(0, 2)) {
    const alarms = Array.from({ length: 50 }, (_, index) => campaignByHour(seed * 1_000 + index, 90)).flatMap(
      firedByHour,
    );
    expect([seed, alarms.length < 90 / 7]).toEqual([seed, true]);
  }
});

test("spend that falls in the running day fires once, on the day it falls, and not again the day after", () => {
  const large = Array.from({ length: 200 }, (_, index) => index).filter((seed) =>
    [...campaignByHour(seed, 30).values()].every((spent) => (spent.get(7) ?? 0) > 300),
  );
  expect(large.length).toBeGreaterThan(10);
  for (const seed of large) {
    const opened = firedByHour(campaignByHour(seed, 60, [{ day: 40, days: 2, spend: 0.2 }]));
    expect([seed, opened]).toEqual([seed, [addDays(first, 40)]]);
  }
});

test("one low reading, one reading alone, and weeks that were not read in that hour say nothing", () => {
  const usual = new Map(hours.map((hour) => [hour, hour * 100]));
  const on = (spent: [number, number][]) => judgeSpendSoFar(new Map(spent), [usual, usual, usual]);
  expect(
    on([
      [9, 900],
      [10, 100],
    ]),
  ).toMatchObject({ isOver: false });
  expect(on([[10, 100]])).toBeNull();
  expect(
    on([
      [9, 90],
      [10, 100],
    ]),
  ).toMatchObject({ isOver: true, isUrgent: true, value: 0.1 });
  expect(
    on([
      [3, 1],
      [4, 1],
    ]),
  ).toBeNull();
});

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

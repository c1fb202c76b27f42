import { addDays } from "../../core/days.ts";
import { median } from "../../core/quantiles.ts";

/** What one source or campaign spent on one complete day. */
export interface SpendDay {
  day: string;
  clicks: number;
  spend: number;
}

/** What a rule says of one day: null where there is too little to judge by. */
export interface Verdict {
  value: number;
  threshold: number;
  isOver: boolean;
  /** So far beyond that one day is enough. */
  isUrgent: boolean;
  /** Back where nobody has to look: the threshold of the way back is another, so that nothing flutters. */
  isClear: boolean;
}

/** Days by name, so that a missing one is missed and not taken for its neighbour. */
export type Series = ReadonlyMap<string, SpendDay>;

const least = { clicks: 100, clicksBefore: 300, spend: 50 };

/**
 * A day's cost per click against that of the 7 days before: over 20 %, and more than chance makes of so few clicks. Clicks
 * vary more than if each came alone, by about twice; with fewer than 100 a bare 20 % would fire on one campaign in nine a day.
 */
export const cpcSpike = { threshold: 1.2, urgent: 1.5, clear: 1.1, z: 2.33, dispersion: 2, days: 7, leastDays: 4 };

export function judgeCpc(series: Series, day: string): Verdict | null {
  const now = series.get(day);
  const before = Array.from({ length: cpcSpike.days }, (_, back) => series.get(addDays(day, -1 - back))).filter(
    (one) => one !== undefined,
  );
  if (now === undefined || before.length < cpcSpike.leastDays) return null;
  const clicks = sum(before.map((one) => one.clicks));
  const spend = sum(before.map((one) => one.spend));
  if (now.clicks < least.clicks || clicks < least.clicksBefore || now.spend < least.spend || spend <= 0) return null;
  const ratio = now.spend / now.clicks / (spend / clicks);
  const z = Math.log(ratio) / Math.sqrt(cpcSpike.dispersion * (1 / now.clicks + 1 / clicks));
  const isOver = ratio > cpcSpike.threshold && z >= cpcSpike.z;
  return {
    value: ratio,
    threshold: cpcSpike.threshold,
    isOver,
    isUrgent: isOver && ratio > cpcSpike.urgent,
    isClear: ratio < cpcSpike.clear,
  };
}

/** A day's spend against the median of the same weekday in the four weeks before: less than half, and far outside what is usual. */
export const spendDrop = { threshold: 0.5, clear: 0.7, deviations: 3, leastSpread: 0.1, weeks: 4, leastWeeks: 3 };

export function judgeSpend(series: Series, day: string): Verdict | null {
  const now = series.get(day);
  const before = Array.from(
    { length: spendDrop.weeks },
    (_, week) => series.get(addDays(day, -7 * (week + 1)))?.spend,
  ).filter((one) => one !== undefined);
  return now === undefined ? null : dropOf(now.spend, before, least.spend);
}

function dropOf(spend: number, before: readonly number[], leastUsual: number): Verdict | null {
  if (before.length < spendDrop.leastWeeks) return null;
  const usual = median(before);
  if (usual < leastUsual) return null;
  const ratio = spend / usual;
  // 1.4826 makes a standard deviation of a median deviation.
  const spread = (1.4826 * median(before.map((one) => Math.abs(one - usual)))) / usual;
  const isOver =
    ratio < spendDrop.threshold && (1 - ratio) / Math.max(spendDrop.leastSpread, spread) >= spendDrop.deviations;
  return {
    value: ratio,
    threshold: spendDrop.threshold,
    isOver,
    isUrgent: isOver,
    isClear: ratio > spendDrop.clear,
  };
}

/** What a day had spent by each hour in which it was read. */
export type HourSpend = ReadonlyMap<number, number>;

/** So early in a day a handful of clicks is half of what is usual: by the hour, more than the daily $50 must be usual. */
export const spendDropSoFar = { leastUsual: 250, hours: 2 };

/**
 * The running day by its last two readings, each against the same hour of the same weekday in the four weeks before: one
 * low hour, or a vendor whose figures come late, is no drop.
 */
export function judgeSpendSoFar(own: HourSpend, sameWeekdays: readonly HourSpend[]): Verdict | null {
  const hours = [...own.keys()].sort((one, other) => one - other).slice(-spendDropSoFar.hours);
  const verdicts = hours.map((hour) => {
    const before = sameWeekdays.map((spent) => spent.get(hour)).filter((one) => one !== undefined);
    return dropOf(own.get(hour) ?? 0, before, spendDropSoFar.leastUsual);
  });
  const last = verdicts.at(-1) ?? null;
  if (last === null || verdicts.length < spendDropSoFar.hours) return null;
  const isOver = verdicts.every((verdict) => verdict?.isOver === true);
  return { ...last, isOver, isUrgent: isOver };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

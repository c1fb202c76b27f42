import { addDays, daysFromTo } from "../../core/days.ts";
import { dispersionOf, ratioBound, type Comparison, type DaySums } from "../shared/statistics.ts";

/** One day of a part and of its rest. */
export interface MeasuredDay {
  date: string;
  clicks: number;
  spend: number;
  restClicks: number;
  restSpend: number;
}

/** As many weeks after as before, at most so many: each weekday is held against itself. */
const mostWeeks = 4;

export interface MatchedWeeks {
  weeks: number;
  before: { from: string; to: string };
  after: { from: string; to: string };
}

/** The complete weeks since something was done, and as many before it; null until the first is over. */
export function matchedWeeks(doneOn: string, lastDay: string): MatchedWeeks | null {
  const days = lastDay < doneOn ? 0 : daysFromTo(doneOn, lastDay).length;
  const weeks = Math.min(mostWeeks, Math.floor(days / 7));
  if (weeks < 1) return null;
  return {
    weeks,
    before: { from: addDays(doneOn, -7 * weeks), to: addDays(doneOn, -1) },
    after: { from: doneOn, to: addDays(doneOn, 7 * weeks - 1) },
  };
}

export const outcomes = ["right", "partly", "wrong", "undecided", "not_raised", "too_early", "campaign_gone"] as const;
export type AdviceOutcome = (typeof outcomes)[number];

export interface Measured {
  outcome: AdviceOutcome;
  weeks: number;
  /** Spent a week more than before; null before there is a week to tell. */
  raisedWeekly: number | null;
  /** What the raise should have saved a week, by the forecast and by its cautious figure. */
  forecast: number | null;
  forecastLow: number | null;
  /** What its clicks cost less than the rest's after it, per week, with 90 % between the two bounds. */
  came: number | null;
  cameFrom: number | null;
  cameTo: number | null;
}

export interface Forecast {
  currentWeekly: number;
  targetWeekly: number;
  savingsWeekly: number;
  savingsWeeklyLow: number;
}

/** Less of the raise than this was not worth measuring. */
const leastRaised = 0.1;

const nothing = { raisedWeekly: null, forecast: null, forecastLow: null, came: null, cameFrom: null, cameTo: null };

/**
 * What came of one piece of advice. The forecast is scaled to the raise that was really made. Right: it saved, and as much as the
 * cautious figure may have come; partly: it saved less than that; wrong: it cost more; undecided: it may have done either. No
 * days: the campaign is gone, and it is not known which creatives it had.
 */
export function measureAdvice(
  forecast: Forecast,
  weeks: MatchedWeeks | null,
  days: { before: readonly MeasuredDay[]; after: readonly MeasuredDay[] } | null,
): Measured {
  if (weeks === null) return { outcome: "too_early", weeks: 0, ...nothing };
  if (days === null) return { outcome: "campaign_gone", weeks: 0, ...nothing };
  const before = sumsOf(days.before);
  const after = sumsOf(days.after);
  const raisedWeekly = (after.own.spend - before.own.spend) / weeks.weeks;
  const planned = forecast.targetWeekly - forecast.currentWeekly;
  const share = planned > 0 ? raisedWeekly / planned : 0;
  if (share < leastRaised || after.own.clicks === 0 || after.rest.clicks === 0)
    return { outcome: "not_raised", weeks: weeks.weeks, ...nothing, raisedWeekly };
  const comparison: Comparison = {
    group: { ...after.own, dispersion: dispersionOf(after.own) },
    rest: { ...after.rest, dispersion: dispersionOf(after.rest) },
  };
  const saved = (ratio: number) => raisedWeekly * (1 - ratio);
  const cameFrom = saved(ratioBound(comparison, 0.95));
  const cameTo = saved(ratioBound(comparison, 0.05));
  const came = saved(after.own.spend / after.own.clicks / (after.rest.spend / after.rest.clicks));
  const forecastLow = forecast.savingsWeeklyLow * share;
  return {
    outcome: cameTo < 0 ? "wrong" : cameFrom <= 0 ? "undecided" : cameTo < forecastLow ? "partly" : "right",
    weeks: weeks.weeks,
    raisedWeekly,
    forecast: forecast.savingsWeekly * share,
    forecastLow,
    came,
    cameFrom,
    cameTo,
  };
}

function sumsOf(days: readonly MeasuredDay[]): { own: DaySums; rest: DaySums } {
  const of = (clicksOf: (day: MeasuredDay) => number, spendOf: (day: MeasuredDay) => number): DaySums => {
    const active = days.filter((day) => clicksOf(day) > 0 || spendOf(day) > 0);
    return {
      clicks: active.reduce((sum, day) => sum + clicksOf(day), 0),
      spend: active.reduce((sum, day) => sum + spendOf(day), 0),
      days: active.length,
      squares: active.reduce((sum, day) => sum + (spendOf(day) > 0 ? clicksOf(day) ** 2 / spendOf(day) : 0), 0),
      weeks: 0,
      weekSquares: 0,
    };
  };
  return {
    own: of(
      (day) => day.clicks,
      (day) => day.spend,
    ),
    rest: of(
      (day) => day.restClicks,
      (day) => day.restSpend,
    ),
  };
}

export interface TypeScore {
  done: number;
  right: number;
  partly: number;
  wrong: number;
  undecided: number;
  /** Of those that could be told, in percent; null where none could. */
  rightShare: number | null;
}

/** The share that was right, of those of which it can be told. */
export function scoreOf(outcomesOf: readonly AdviceOutcome[]): TypeScore {
  const count = (outcome: AdviceOutcome) => outcomesOf.filter((one) => one === outcome).length;
  const right = count("right");
  const partly = count("partly");
  const wrong = count("wrong");
  const told = right + partly + wrong;
  return {
    done: outcomesOf.length,
    right,
    partly,
    wrong,
    undecided: count("undecided"),
    rightShare: told === 0 ? null : Math.round((right / told) * 1000) / 10,
  };
}

import { Big } from "big.js";
import type { StoredOrigin } from "../../core/origin.ts";
import { isRatio, ratios, sortOf, type Comparison, type Metric, type Question, type Ratio } from "./question.ts";
import { dispersionOf, wilson } from "../shared/statistics.ts";

/** What rows come to: exact, as text. */
export interface Sums {
  impressions: string;
  clicks: string;
  spend: string;
}

/** How much a ratio varies from day to day: on how many days there was something, and Σ count² / exposure over these. */
export interface Spread {
  days: number;
  squares: number;
}

/** Of both sides, by the part's key. */
export type Spreads = ReadonlyMap<string, { own: Spread; other: Spread }>;

/** One part of what is asked about; its other side where two are compared. */
export interface Part {
  /** Its key; '' where it is not known. */
  subject: string;
  own: Sums;
  other: Sums | null;
  origin: StoredOrigin;
}

export interface Cells {
  /** Those above the floor. */
  parts: Part[];
  /** All parts, those below the floor too. */
  whole: Sums;
  belowFloor: number;
}

export interface AnswerRow {
  subject: string;
  /** The metric, and that of the other side: amounts to the cent, ratios with four places. */
  value: string;
  other: string | null;
  /** How far apart, as a share of the other side in percent, and in the metric itself. */
  percent: string | null;
  amount: string | null;
  /** With 90 % confidence what was asked for lies between these: the percentage, the amount or the value. */
  low: string | null;
  high: string | null;
  /** Whether chance is no explanation: null where nothing is uncertain. */
  isClear: boolean | null;
  sums: Sums;
  otherSums: Sums | null;
  origin: StoredOrigin;
}

export interface Judged {
  rows: AnswerRow[];
  /** Rows that fulfil the question; more than are listed where its limit is lower. */
  matched: number;
  compared: number;
  belowFloor: number;
  /** Parts without a figure: no clicks to divide by, say. */
  withoutFigure: number;
}

/** An exact quotient: nothing is rounded before it is shown. */
interface Fraction {
  over: Big;
  under: Big;
}

const whole = (amount: Big): Fraction => ({ over: amount, under: new Big(1) });

function figure(metric: Metric, sums: Record<"impressions" | "clicks" | "spend", string>): Fraction | null {
  if (!isRatio(metric)) return whole(new Big(sums[metric]));
  const { count, exposure, times } = ratios[metric];
  const [over, under] = metric === "ctr" ? [sums[count], sums[exposure]] : [sums[exposure], sums[count]];
  if (new Big(under).lte(0)) return null;
  return { over: new Big(over).times(times), under: new Big(under) };
}

const compareFractions = (one: Fraction, other: Fraction) =>
  one.over.times(other.under).cmp(other.over.times(one.under));
const asNumber = ({ over, under }: Fraction) => Number(over) / Number(under);
const times = ({ over, under }: Fraction, by: Big): Fraction => ({ over: over.times(by), under });
const plus = (one: Fraction, other: Fraction): Fraction => ({
  over: one.over.times(other.under).plus(other.over.times(one.under)),
  under: one.under.times(other.under),
});
const shown = ({ over, under }: Fraction, places: number) => {
  const text = over.div(under).round(places, Big.roundHalfUp).toFixed(places);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
};

/** As many places as a metric is shown with. */
export const placesOf = (metric: Metric) => (metric === "spend" ? 2 : isRatio(metric) ? 4 : 0);

export interface Candidate {
  part: Part;
  value: Fraction;
  other: Fraction | null;
  otherSums: Sums | null;
}

/** What each part is held against, as far as both have a figure. */
function candidates({ metric, compare }: Question, { parts, whole: all }: Cells): Candidate[] {
  const own = parts.flatMap((part) => {
    const value = figure(metric, part.own);
    return value === null ? [] : [{ part, value }];
  });
  const middle = compare?.with === "median" ? medianOf(own.map(({ value }) => value)) : null;
  return own.flatMap(({ part, value }): Candidate[] => {
    switch (compare?.with) {
      case undefined:
      case "value":
        return [{ part, value, other: null, otherSums: null }];
      case "median":
        return middle === null ? [] : [{ part, value, other: middle, otherSums: null }];
      case "rest":
        return against(part, value, restOf(all, part.own), metric);
      case "slice":
      case "period_before":
        return against(part, value, part.other, metric);
    }
  });
}

function against(part: Part, value: Fraction, otherSums: Sums | null, metric: Metric): Candidate[] {
  const other = otherSums === null ? null : figure(metric, otherSums);
  return other === null ? [] : [{ part, value, other, otherSums }];
}

function restOf(all: Sums, own: Sums): Sums {
  const minus = (name: keyof Sums) => new Big(all[name]).minus(own[name]).toFixed();
  return { impressions: minus("impressions"), clicks: minus("clicks"), spend: minus("spend") };
}

function medianOf(values: readonly Fraction[]): Fraction | null {
  const sorted = [...values].sort(compareFractions);
  const high = sorted[Math.floor(sorted.length / 2)];
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  return high === undefined || low === undefined ? null : times(plus(low, high), new Big("0.5"));
}

/** Whether a part is as far above or below as was asked, by the figures alone and to the last digit. */
function holds(compare: Comparison, { value, other }: Candidate): boolean {
  const isSide = (order: number) => (compare.is === "above" ? order > 0 : order < 0);
  if (compare.with === "value") return isSide(compareFractions(value, whole(new Big(compare.value))));
  if (other === null) return false;
  const sign = compare.is === "above" ? 1 : -1;
  if ("percent" in compare.by) {
    const factor = new Big(compare.by.percent).times(sign).plus(100).div(100);
    return isSide(compareFractions(value, times(other, factor)));
  }
  return isSide(compareFractions(value, plus(other, whole(new Big(compare.by.amount).times(sign)))));
}

/** Two sides of 5 % each. */
const z = 1.6449;

interface Weighed {
  count: number;
  exposure: number;
  dispersion: number;
}

function weighed(metric: Ratio, sums: Sums, spread: Spread): Weighed {
  const { count, exposure } = ratios[metric];
  const exposed = { clicks: Number(sums[count]), spend: Number(sums[exposure]) };
  const dispersion = dispersionOf({ ...exposed, ...spread, weeks: 0, weekSquares: 0 });
  return { count: exposed.clicks, exposure: exposed.spend, dispersion };
}

/** The variance of the logarithm of a ratio: counts vary by `dispersion` times what chance alone would make of them. */
const variance = ({ count, dispersion }: Weighed) => dispersion / count;

interface Interval {
  low: number;
  high: number;
  /** What has to lie outside of it. */
  threshold: number;
}

const unknownSpread: Spread = { days: 0, squares: 0 };

function intervalOf(
  metric: Ratio,
  compare: Comparison,
  { part, value, other, otherSums }: Candidate,
  spreads: Spreads,
): Interval | null {
  const spread = spreads.get(part.subject) ?? { own: unknownSpread, other: unknownSpread };
  const own = weighed(metric, part.own, spread.own);
  const point = asNumber(value);
  if (compare.with === "value") {
    const threshold = Number(compare.value);
    if (metric === "ctr") {
      const { low, high } = wilson(own.count / own.dispersion, own.exposure / own.dispersion, z);
      return { low: low * 100, high: high * 100, threshold };
    }
    if (own.count <= 0) return null;
    const width = Math.exp(z * Math.sqrt(variance(own)));
    return { low: point / width, high: point * width, threshold };
  }
  // The rest is taken to vary as the part does: of so much, it hardly matters.
  const heldSpread = compare.with === "rest" ? spread.own : spread.other;
  const held = otherSums === null ? null : weighed(metric, otherSums, heldSpread);
  if (other === null || own.count <= 0 || (held !== null && held.count <= 0)) return null;
  // A median of many parts is taken as it is.
  const heldVariance = held === null ? 0 : variance(held);
  const reference = asNumber(other);
  if (reference <= 0) return null;
  const sign = compare.is === "above" ? 1 : -1;
  if ("percent" in compare.by) {
    const width = Math.exp(z * Math.sqrt(variance(own) + heldVariance));
    const percent = (ratio: number) => (ratio - 1) * 100;
    const ratio = point / reference;
    return { low: percent(ratio / width), high: percent(ratio * width), threshold: sign * Number(compare.by.percent) };
  }
  const width = z * Math.sqrt(point ** 2 * variance(own) + reference ** 2 * heldVariance);
  const apart = point - reference;
  return { low: apart - width, high: apart + width, threshold: sign * Number(compare.by.amount) };
}

/** The parts of which the question holds by the figures alone, in order. No figure is rounded before it is judged. */
export interface Standing {
  held: Candidate[];
  /** Keys of those whose spread is to be read: how sure each is counts where only the clear ones are asked for. */
  toWeigh: string[];
  compared: number;
}

export function standing(question: Question, cells: Cells): Standing {
  const { compare, metric, only_clear: onlyClear, limit } = question;
  const compared = candidates(question, cells);
  const held = compared.filter((one) => compare === null || holds(compare, one)).sort(inOrder(question));
  const isUncertain = compare !== null && isRatio(metric);
  const uncertain = isUncertain ? (onlyClear ? held : held.slice(0, limit)) : [];
  return { held, toWeigh: uncertain.map(({ part }) => part.subject), compared: compared.length };
}

/** Answers a question from what stands, with how sure it is. */
export function judge(question: Question, cells: Cells, { held, compared }: Standing, spreads: Spreads): Judged {
  const { only_clear: onlyClear, limit } = question;
  const listed = onlyClear ? held : held.slice(0, limit);
  const rows = listed
    .map((one) => toRow(question, one, spreads))
    .filter(({ isClear }) => !onlyClear || isClear !== false);
  return {
    rows: rows.slice(0, limit),
    matched: onlyClear ? rows.length : held.length,
    compared,
    belowFloor: cells.belowFloor,
    withoutFigure: cells.parts.length - compared,
  };
}

function isOutside({ is }: Comparison, interval: Interval | null): boolean {
  if (interval === null) return false;
  return is === "above" ? interval.low > interval.threshold : interval.high < interval.threshold;
}

function inOrder(question: Question): (one: Candidate, other: Candidate) => number {
  const { compare, direction } = question;
  const sort = sortOf(question);
  const up = direction === "least" ? 1 : -1;
  const key = ({ part, value, other }: Candidate): Fraction => {
    if (sort === "impressions" || sort === "clicks" || sort === "spend") return whole(new Big(part.own[sort]));
    if (sort === "metric" || other === null || compare === null || compare.with === "value") return value;
    return "percent" in compare.by ? quotient(value, other) : plus(value, times(other, new Big(-1)));
  };
  // Asked for what is below, the furthest below comes first.
  const turned = sort === "difference" && compare?.is === "below" ? -up : up;
  const keys = new Map<Candidate, Fraction>();
  const keyOf = (kept: Candidate) => {
    const known = keys.get(kept) ?? key(kept);
    keys.set(kept, known);
    return known;
  };
  return (one, other) =>
    turned * compareFractions(keyOf(one), keyOf(other)) || (one.part.subject < other.part.subject ? -1 : 1);
}

/** By a reference of zero everything is infinitely far above. */
function quotient(value: Fraction, other: Fraction): Fraction {
  const under = value.under.times(other.over);
  return under.eq(0) ? whole(new Big("1e30")) : { over: value.over.times(other.under), under };
}

function toRow({ metric, compare }: Question, one: Candidate, spreads: Spreads): AnswerRow {
  const { part, value, other, otherSums } = one;
  const isUncertain = compare !== null && isRatio(metric);
  const interval = isUncertain ? intervalOf(metric, compare, one, spreads) : null;
  const places = placesOf(metric);
  const isShare = compare !== null && compare.with !== "value" && "percent" in compare.by;
  const bound = (limit: number) => new Big(limit).round(isShare ? 2 : 4, Big.roundHalfUp).toFixed(isShare ? 2 : 4);
  const minusOne = whole(new Big(-1));
  return {
    subject: part.subject,
    value: shown(value, places),
    other: other === null ? null : shown(other, compare?.with === "median" ? Math.max(places, 2) : places),
    percent:
      other === null || other.over.eq(0) ? null : shown(times(plus(quotient(value, other), minusOne), new Big(100)), 2),
    amount: other === null ? null : shown(plus(value, times(other, new Big(-1))), Math.max(places, 2)),
    low: interval === null ? null : bound(interval.low),
    high: interval === null ? null : bound(interval.high),
    isClear: isUncertain ? isOutside(compare, interval) : null,
    sums: part.own,
    otherSums,
    origin: part.origin,
  };
}

import { addDays } from "../core/days.ts";
import {
  weekdays,
  type Condition,
  type Dimension,
  type Question,
  type Subject,
} from "../rules/intelligence/question.ts";

/** A row of performance as one object, its creative and the campaigns of that with it. */
export interface PlainRow {
  date: string;
  hour: number;
  country: string;
  device: string;
  placement: string;
  impressions: number;
  clicks: number;
  /** In millionths. */
  spend: bigint;
  creative: PlainCreative;
}

export interface PlainCreative {
  id: string;
  creativeId: string;
  format: string | null;
  size: string | null;
  seat: string;
  advertiser: string | null;
  os: string | null;
  campaigns: { id: string; name: string; genre: string | null }[];
}

interface Sums {
  impressions: bigint;
  clicks: bigint;
  spend: bigint;
}

export interface PlainAnswer {
  /** In order: what it is about, and the exact quotient of the metric. */
  rows: { subject: string; own: Sums; other: Sums | null }[];
  matched: number;
}

const weekdayOf = (date: string) => (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
const same = (one: string | null, values: readonly string[]) =>
  values.some((value) => value.toLowerCase() === one?.toLowerCase());

function isIn(dimension: Dimension, row: PlainRow, values: readonly string[]): boolean {
  const { creative } = row;
  switch (dimension) {
    case "country":
      return values.includes(row.country);
    case "device":
      return values.includes(row.device);
    case "placement":
      return values.includes(row.placement);
    case "hour":
      return values.includes(String(row.hour));
    case "weekday":
      return values.includes(weekdays[weekdayOf(row.date)] ?? "");
    case "creative":
      return values.includes(creative.creativeId);
    case "format":
      return same(creative.format, values);
    case "size":
      return values.some((value) => creative.size === value || creative.size?.startsWith(`${value} (`));
    case "seat":
      return values.includes(creative.seat);
    case "advertiser":
      return same(creative.advertiser, values);
    case "os":
      return values.includes(creative.os ?? "none");
    case "campaign":
      return creative.campaigns.some((one) => ofCampaign("campaign", one, values));
    case "genre":
      return creative.campaigns.some((one) => ofCampaign("genre", one, values));
  }
}

const ofCampaign = (
  dimension: "campaign" | "genre",
  one: PlainCreative["campaigns"][number],
  values: readonly string[],
) => (dimension === "genre" ? same(one.genre, values) : values.includes(one.id) || same(one.name, values));

/** Whether it holds of the row as a part of this subject: of a campaign's own row only that campaign counts. */
function holds({ dimension, is, values }: Condition, row: PlainRow, of: { subject: Subject; key: string }): boolean {
  const isOwn =
    (dimension === "campaign" || dimension === "genre") && (of.subject === "campaign" || of.subject === dimension);
  const found =
    isOwn && of.subject === "campaign"
      ? row.creative.campaigns.some((one) => one.id === of.key && ofCampaign(dimension, one, values))
      : isOwn
        ? same(of.key, values)
        : isIn(dimension, row, values);
  return found === (is === "in");
}

function keysOf(subject: Subject, row: PlainRow): string[] {
  const { creative } = row;
  switch (subject) {
    case "campaign":
      return creative.campaigns.map(({ id }) => id);
    case "genre":
      return [...new Set(creative.campaigns.map(({ genre }) => genre ?? ""))];
    case "creative":
      return [creative.id];
    case "format":
      return [creative.format ?? ""];
    case "size":
      return [creative.size ?? ""];
    case "seat":
      return [creative.seat];
    case "advertiser":
      return [creative.advertiser ?? ""];
    case "os":
      return [creative.os ?? ""];
    case "weekday":
      return [String(1 + weekdayOf(row.date))];
    case "hour":
      return [row.hour === -1 ? "" : String(row.hour)];
    case "day":
      return [row.date];
    case "country":
      return [row.country];
    case "device":
      return [row.device];
    case "placement":
      return [row.placement];
  }
}

const none = (): Sums => ({ impressions: 0n, clicks: 0n, spend: 0n });
const add = (sums: Sums, row: PlainRow) => {
  sums.impressions += BigInt(row.impressions);
  sums.clicks += BigInt(row.clicks);
  sums.spend += row.spend;
};

/** A quotient with whole numbers above and below; null where there is nothing to divide by. Spend is in millionths throughout. */
function figure(metric: Question["metric"], { impressions, clicks, spend }: Sums): [bigint, bigint] | null {
  const by = { ctr: impressions, cpc: clicks, cpm: impressions, spend: 1n, clicks: 1n, impressions: 1n }[metric];
  const over = {
    ctr: clicks * 100n * million,
    cpc: spend,
    cpm: spend * 1_000n,
    ...{ spend, clicks: clicks * million, impressions: impressions * million },
  }[metric];
  return by === 0n ? null : [over, by * million];
}

const million = 1_000_000n;
const micros = (text: string) => {
  const [whole = "0", part = ""] = text.split(".");
  return BigInt(whole + part.padEnd(6, "0"));
};

type Quotient = [bigint, bigint];
const order = (one: Quotient, other: Quotient) => {
  const [left, right] = [one[0] * other[1], other[0] * one[1]];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Answers a question in one pass over all rows, as plainly as it can be written: what the real one is held against. */
export function plainAnswer(question: Question, rows: readonly PlainRow[], last: string): PlainAnswer {
  const { compare, subject, metric, period, where, floor } = question;
  const from = "days" in period ? addDays(last, 1 - period.days) : period.from;
  const to = "days" in period || period.to > last ? last : period.to;
  const length = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  const first = compare?.with === "period_before" ? addDays(from, -length) : from;
  const parts = new Map<string, { own: Sums; other: Sums; hasOwn: boolean }>();
  for (const row of rows) {
    if (row.date < first || row.date > to) continue;
    for (const key of keysOf(subject, row)) {
      const of = { subject, key };
      if (!where.every((condition) => holds(condition, row, of))) continue;
      const part = parts.get(key) ?? { own: none(), other: none(), hasOwn: false };
      const { isOwn, isOther } = sidesOf(question, row, { ...of, from });
      if (isOwn) {
        add(part.own, row);
        part.hasOwn = true;
      }
      if (isOther) add(part.other, row);
      parts.set(key, part);
    }
  }
  const whole = none();
  for (const { own } of parts.values()) {
    whole.impressions += own.impressions;
    whole.clicks += own.clicks;
    whole.spend += own.spend;
  }
  const isAbove = (sums: Sums) =>
    sums.impressions >= BigInt(floor.impressions) &&
    sums.clicks >= BigInt(floor.clicks) &&
    sums.spend >= micros(floor.spend);
  const hasOther = compare?.with === "slice" || compare?.with === "period_before";
  const standing = [...parts]
    .filter(([, { own, other, hasOwn }]) => hasOwn && isAbove(own) && (!hasOther || isAbove(other)))
    .flatMap(([key, { own, other }]) => {
      const value = figure(metric, own);
      return value === null ? [] : [{ subject: key, own, value, other: hasOther ? other : null }];
    });
  const sorted = standing.map(({ value }) => value).sort(order);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  const median: Quotient | null =
    low === undefined || high === undefined ? null : [low[0] * high[1] + high[0] * low[1], 2n * low[1] * high[1]];
  const rest = (own: Sums): Sums => ({
    impressions: whole.impressions - own.impressions,
    clicks: whole.clicks - own.clicks,
    spend: whole.spend - own.spend,
  });
  const answered = standing.flatMap(({ value, ...one }) => {
    const otherSums = compare?.with === "rest" ? rest(one.own) : one.other;
    const other = compare?.with === "median" ? median : otherSums === null ? null : figure(metric, otherSums);
    if (!isFar(question, value, other)) return [];
    return [{ ...one, other: otherSums, key: keyOf(question, { value, other, own: one.own }) }];
  });
  const turn = (question.direction === "least" ? 1 : -1) * (isTurned(question) ? -1 : 1);
  answered.sort((one, two) => turn * order(one.key, two.key) || (one.subject < two.subject ? -1 : 1));
  return {
    matched: answered.length,
    rows: answered.slice(0, question.limit).map(({ subject: key, own, other }) => ({ subject: key, own, other })),
  };
}

const sortOf = ({ sort, compare }: Question) => sort ?? (compare === null ? "metric" : "difference");
const isTurned = (question: Question) => sortOf(question) === "difference" && question.compare?.is === "below";

function sidesOf(
  { compare }: Question,
  row: PlainRow,
  { from, ...of }: { subject: Subject; key: string; from: string },
): { isOwn: boolean; isOther: boolean } {
  if (compare?.with === "period_before") return { isOwn: row.date >= from, isOther: row.date < from };
  if (compare?.with !== "slice") return { isOwn: true, isOther: false };
  const isOwn = holds(compare.slice, row, of);
  return { isOwn, isOther: compare.against === null ? !isOwn : holds(compare.against, row, of) };
}

function isFar({ compare }: Question, value: Quotient, other: Quotient | null): boolean {
  if (compare === null) return true;
  const isSide = (found: number) => (compare.is === "above" ? found > 0 : found < 0);
  if (compare.with === "value") return isSide(order(value, [micros(compare.value), million]));
  if (other === null) return false;
  const sign = compare.is === "above" ? 1n : -1n;
  const threshold: Quotient =
    "percent" in compare.by
      ? [other[0] * (100n * million + sign * micros(compare.by.percent)), other[1] * 100n * million]
      : [other[0] * million + sign * micros(compare.by.amount) * other[1], other[1] * million];
  return isSide(order(value, threshold));
}

function keyOf(
  question: Question,
  { value, other, own }: { value: Quotient; other: Quotient | null; own: Sums },
): Quotient {
  const { compare } = question;
  const sort = sortOf(question);
  if (sort === "impressions" || sort === "clicks" || sort === "spend") return [own[sort], 1n];
  if (sort === "metric" || compare === null || compare.with === "value" || other === null) return value;
  if ("amount" in compare.by) return [value[0] * other[1] - other[0] * value[1], value[1] * other[1]];
  return other[0] === 0n ? [10n ** 30n, 1n] : [value[0] * other[1], value[1] * other[0]];
}

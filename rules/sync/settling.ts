/** A past day: what was known of it at some age, and what it came to. */
export interface SettledDay {
  day: string;
  known: number;
  final: number;
}

export interface SettlingRange {
  low: number;
  high: number;
  /** How many past days it rests on. */
  days: number;
  /** Of the past days that had enough days before them: how many their range would have held. */
  hits: number;
  tried: number;
}

/** The share of days that a range is to hold. */
export const rangeLevel = 0.8;
/** So many are needed before the middle 80 % of them has a day outside on both sides. */
export const leastDays = 9;

/**
 * Where a figure ends that is known so far: by what past days of the same age went on to, the middle 80 % of their ratios.
 * That such a range holds 80 % of the time needs no guess of a distribution, only that days are alike. With too few
 * days, or where nothing is known yet, there is none.
 */
export function rangeOf(known: number, past: readonly SettledDay[]): SettlingRange | null {
  const days = usable(past);
  const ratios = ratiosOf(days);
  if (!(known > 0) || ratios.length < leastDays) return null;
  const [low, high] = middle(ratios);
  const tests = days.flatMap((day, index) => {
    const before = ratiosOf(days.slice(0, index));
    if (before.length < leastDays) return [];
    const [least, most] = middle(before);
    const ratio = day.final / day.known;
    return [ratio >= least && ratio <= most];
  });
  const hits = tests.filter((held) => held).length;
  return { low: known * low, high: known * high, days: days.length, hits, tried: tests.length };
}

/** Weekdays and weekends go on differently: a day is measured by its kind, where there are enough of it. */
export function alikeDays(day: string, past: readonly SettledDay[]): readonly SettledDay[] {
  const alike = past.filter((one) => isWeekend(one.day) === isWeekend(day));
  return usable(alike).length < leastDays ? past : alike;
}

/** In order of the days; of what was nothing, or less, nothing can be said in shares. */
const usable = (past: readonly SettledDay[]) =>
  past.filter(({ known }) => known > 0).sort((one, other) => (one.day < other.day ? -1 : 1));
const ratiosOf = (days: readonly SettledDay[]) =>
  days.map(({ known, final }) => final / known).sort((one, other) => one - other);
const middle = (sorted: readonly number[]): [number, number] => [
  quantile(sorted, (1 - rangeLevel) / 2),
  quantile(sorted, (1 + rangeLevel) / 2),
];

/** Below which a new value lies with this probability: n values leave n + 1 gaps that are equally likely. */
export function quantile(sorted: readonly number[], probability: number): number {
  const place = (sorted.length + 1) * probability;
  const at = (rank: number) => sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN;
  const below = Math.floor(place);
  return at(below) + (place - below) * (at(below + 1) - at(below));
}

const isWeekend = (day: string) => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());

/** When days have settled: after so many whole days, 95 of 100 past days changed no more. */
const settledShare = 0.95;

export interface Lookback {
  /** Days after a day's end in which it still changes; null with too few days to say. */
  days: number | null;
  of: number;
  /** Days still changed when they were last looked at: they have to be looked at for longer to know. */
  isCut: boolean;
}

/** How long a source is to be looked back at, from how long its past days went on changing, in whole days from the day's end. */
export function lookbackOf(changes: readonly { lastChange: number; lookedFor: number }[]): Lookback {
  const of = changes.length;
  if (of < leastDays) return { days: null, of, isCut: false };
  const sorted = changes.map(({ lastChange }) => lastChange).sort((one, other) => one - other);
  const days = sorted[Math.min(of, Math.ceil(of * settledShare)) - 1] ?? 0;
  const isCut =
    changes.filter(({ lastChange, lookedFor }) => lastChange > 0 && lastChange >= lookedFor).length >
    of * (1 - settledShare);
  return { days, of, isCut };
}

/** Of human readers: clicks without bots and repeats, impressions by recipient. */
export interface Counts {
  impressions: number;
  clicks: number;
}

export interface Interval {
  low: number;
  high: number;
}

/** The 97.5th percentile of the normal distribution: 95 % lie between its two sides. */
const z = 1.959963984540054;

export const bestNeedsImpressions = 1_000;

/** More clicks than impressions: what was counted is incomplete, and no rate follows from it. */
export function isImpossible({ impressions, clicks }: Counts): boolean {
  return clicks > impressions;
}

/** In percent, two decimals; null at zero impressions. */
export function ctrOf({ impressions, clicks }: Counts): number | null {
  // One division of whole numbers: 29 of 20,000 is 0.15 %, as the database rounds it, and not 0.14.
  return impressions === 0 ? null : Math.round((clicks * 10_000) / impressions) / 100;
}

/** Wilson's interval at 95 %, in percent; null where there is no rate to be sure of. */
export function intervalOf(counts: Counts): Interval | null {
  const { impressions: n, clicks } = counts;
  if (n === 0 || isImpossible(counts)) return null;
  const p = clicks / n;
  const middle = p + (z * z) / (2 * n);
  const reach = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const whole = 1 + (z * z) / n;
  return {
    low: twoDecimals(Math.max(0, ((middle - reach) / whole) * 100)),
    high: twoDecimals(Math.min(100, ((middle + reach) / whole) * 100)),
  };
}

/** Best first: by CTR, then by impressions, then by id; those never shown come last. */
export function bestFirst<T extends Counts & { id: number }>(variations: readonly T[]): T[] {
  const rate = (one: Counts) => (one.impressions === 0 ? -1 : one.clicks / one.impressions);
  return [...variations].sort((a, b) => rate(b) - rate(a) || b.impressions - a.impressions || a.id - b.id);
}

export interface Best {
  id: number | null;
  reason: string;
}

/** The variation that is worth the word "best", or nobody and why. */
export function bestOf(variations: readonly (Counts & { id: number })[]): Best {
  const nobody = (reason: string): Best => ({ id: null, reason });
  const impossible = variations.find(isImpossible);
  if (impossible !== undefined)
    return nobody(`variation ${impossible.id} has more clicks than impressions, so its rate is not known`);
  const [first, second] = bestFirst(variations.filter(({ impressions }) => impressions > 0));
  if (first === undefined) return nobody("no variation was shown");
  if (second === undefined) return nobody("only one variation was shown: there is nothing to compare it with");
  if (first.impressions < bestNeedsImpressions)
    return nobody(
      `variation ${first.id} leads with ${first.impressions} impressions; at least ${bestNeedsImpressions} are needed`,
    );
  if (!isApart(first, second))
    return nobody(`not yet distinguishable: the intervals of variations ${first.id} and ${second.id} overlap`);
  return { id: first.id, reason: `the interval of variation ${first.id} lies above that of variation ${second.id}` };
}

/** Whether one's interval lies wholly above the other's. */
export function isApart(above: Counts, below: Counts): boolean {
  return (intervalOf(above)?.low ?? 0) > (intervalOf(below)?.high ?? 100);
}

function twoDecimals(percent: number): number {
  return Math.round(percent * 100) / 100;
}

/**
 * In bidding, money is the exposure and clicks are what is counted: clicks ~ Poisson(spend / CPC). Floats live in here
 * alone; what is shown or stored as money is computed from exact sums.
 */

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0, by Lanczos' approximation. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const shifted = x - 1;
  const sum = lanczos.reduce((total, c, i) => total + c / (shifted + i + 1), 0.9999999999998099);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The continued fraction of the incomplete beta, by Lentz' method; it converges in O(√max(a, b)) steps. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const awayFromZero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-12) break;
  }
  return fraction;
}

/** The regularised incomplete beta function I_x(a, b). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Where I_x(a, b) is small, 1 - (1 - I) has lost its digits: this keeps them. */
export function upperBeta(x: number, a: number, b: number): number {
  return incompleteBeta(1 - x, b, a);
}

/** The share of the normal distribution below z, to seven digits: the complementary error function by Chebyshev's fit. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const tail = t * Math.exp(-x * x + erfcFit.reduceRight((sum, c) => sum * t + c, 0));
  return z > 0 ? 1 - tail / 2 : tail / 2;
}

const erfcFit = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/** What was bought, and what came of it. */
export interface Exposure {
  clicks: number;
  spend: number;
}

/** Days of one thing in sums: enough to say how much its counts vary, however many days there are. */
export interface DaySums extends Exposure {
  days: number;
  /** Σ clicks² / spend over its days. */
  squares: number;
  weeks: number;
  /** Σ clicks² / spend over its weeks. */
  weekSquares: number;
}

/** With so few days, what they vary is not known: this is taken. */
const daysToTell = 4;
const unknownDispersion = 3;

/**
 * How many times more the counts vary from day to day than chance alone would make them: φ = Σ (c_d − λS_d)² / (λS_d) /
 * (D − 1) with λ = Σc / ΣS, at least 1. Multiplied out, so that the days themselves are not needed: Σ(c_d²/S_d) / λ − Σc.
 */
export function dispersionOf(sums: DaySums): number {
  if (sums.days < daysToTell || sums.clicks <= 0 || sums.spend <= 0) return unknownDispersion;
  return Math.max(1, variation(sums, sums.squares, sums.days));
}

const variation = ({ clicks, spend }: Exposure, squares: number, parts: number) =>
  ((squares * spend) / clicks - clicks) / (parts - 1);

/** So few cells say nothing of how days hang together. */
const cellsToTell = 20;
/** The wildest are left out: a price that really changed is no noise. */
const keptShare = 0.98;

/**
 * How much more weeks vary than their days would have them, were these independent: a dear day is followed by another. Four
 * weeks of one cell say little, all cells together say it well. At least 1; what every dispersion is multiplied by.
 */
export function togetherness(cells: readonly DaySums[]): number {
  const ratios = cells
    .filter(({ days, weeks, clicks, spend }) => days >= daysToTell && weeks >= 2 && clicks > 0 && spend > 0)
    .map((sums) => variation(sums, sums.weekSquares, sums.weeks) / variation(sums, sums.squares, sums.days))
    .filter((ratio) => Number.isFinite(ratio) && ratio >= 0)
    .sort((a, b) => a - b);
  if (ratios.length < cellsToTell) return 1;
  const kept = ratios.slice(0, Math.ceil(ratios.length * keptShare));
  return Math.max(1, kept.reduce((sum, ratio) => sum + ratio, 0) / kept.length);
}

/** What was bought and what came of it, with how much that varies. */
export interface Weighed extends Exposure {
  dispersion: number;
}

/** One against the rest: the rest does not contain it. */
export interface Comparison {
  group: Weighed;
  rest: Weighed;
}

/** A prior worth so many clicks at the rest's price. */
export const priorClicks = 20;

function posterior({ group, rest }: Comparison) {
  return {
    clicks: group.clicks / group.dispersion + priorClicks,
    spend: group.spend / group.dispersion + (priorClicks * rest.spend) / rest.clicks,
  };
}

/**
 * The posterior probability that the group's clicks cost less than `times` what the rest's cost, and its complement, which
 * keeps its digits when it is small.
 */
export function cheaper(comparison: Comparison, times = 1): { confidence: number; p: number } {
  const { rest } = comparison;
  if (rest.clicks <= 0 || rest.spend <= 0) return { confidence: 0, p: 1 };
  const group = posterior(comparison);
  const others = { clicks: rest.clicks / rest.dispersion, spend: rest.spend / rest.dispersion };
  const x = group.spend / times / (group.spend / times + others.spend);
  return {
    confidence: upperBeta(x, group.clicks, others.clicks),
    p: incompleteBeta(x, group.clicks, others.clicks),
  };
}

/** The group's price per click, drawn towards the rest's where there is little to go by; null without any of the rest. */
export function shrunkCost(comparison: Comparison): number | null {
  if (comparison.rest.clicks <= 0) return null;
  const { clicks, spend } = posterior(comparison);
  return spend / clicks;
}

/** The ratio of the group's price to the rest's that the posterior is `level` sure to be below. */
export function ratioBound(comparison: Comparison, level = 0.9): number {
  let low = 1e-6;
  let high = 1e6;
  while (high / low > 1 + 1e-9) {
    const middle = Math.sqrt(low * high);
    if (cheaper(comparison, middle).confidence < level) low = middle;
    else high = middle;
  }
  return Math.sqrt(low * high);
}

/** Looks that overlap by all but a day: so many of them are as good as one more of fresh days. */
const lookWeight = 0.39;

/**
 * Who looks every night finds something by chance sooner or later. What is tested has one budget of error for all its nights:
 * the n-th look may spend 1 / (3 (1 + 0.39 (n - 1))^1.5) of it. A window of 28 days that moves on by one crosses a high
 * bar b about b²/28 times as often per night as a single look does, 0.39 at b = 3.3; over all nights the shares add up to one.
 */
export const budgetFactor = (look: number): number => 3 * (1 + lookWeight * (look - 1)) ** 1.5;

/** Benjamini and Hochberg: which of all that was tested stand, so that at most a share `q` of them is chance. */
export function discoveries(ps: readonly number[], q = 0.1): boolean[] {
  const sorted = [...ps].sort((a, b) => a - b);
  const threshold = sorted.reduce((best, p, i) => (p <= (q * (i + 1)) / sorted.length ? p : best), -1);
  return ps.map((p) => p <= threshold);
}

/** Wilson's interval of a share: it stays within 0 and 1, and says something of no successes, too. */
export function wilson(successes: number, trials: number, z: number): { low: number; high: number } {
  if (trials <= 0) return { low: 0, high: 1 };
  const share = Math.min(1, successes / trials);
  const middle = share + z ** 2 / (2 * trials);
  const width = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return { low: Math.max(0, (middle - width) / scale), high: Math.min(1, (middle + width) / scale) };
}

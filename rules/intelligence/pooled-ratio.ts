import { normalCdf, type Weighed } from "../shared/statistics.ts";

/** One campaign's clicks in a size, beside its clicks in all others. */
export interface Peer {
  inside: Weighed;
  outside: Weighed;
}

export interface PooledRatio {
  /** Of prices: below 1, the size is cheaper. */
  ratio: number;
  low: number;
  high: number;
  /** With 90 % confidence the ratio is below: of one side. */
  bound: number;
  /** How much the campaigns differ among themselves, as the variance of the logarithm. */
  spread: number;
  /** The share of the pooled posterior below 1, and its complement. */
  confidence: number;
  p: number;
}

/** The 95th percentile of the normal distribution: 90 % lie between its two sides. */
const bothSides90 = 1.6448536269514722;
const oneSide90 = 1.2815515655446004;

/** DerSimonian and Laird: the logarithms of the ratios, weighed by how well each is known and by how much they differ. */
export function pooledRatio(peers: readonly Peer[]): PooledRatio | null {
  const known = peers.filter(
    ({ inside, outside }) => inside.clicks > 0 && outside.clicks > 0 && inside.spend > 0 && outside.spend > 0,
  );
  if (known.length === 0) return null;
  const logs = known.map(({ inside, outside }) =>
    Math.log(inside.spend / inside.clicks / (outside.spend / outside.clicks)),
  );
  const variances = known.map(
    ({ inside, outside }) => inside.dispersion / inside.clicks + outside.dispersion / outside.clicks,
  );
  const fixed = variances.map((variance) => 1 / variance);
  const middle = mean(logs, fixed);
  const heterogeneity = total(logs.map((log, i) => (fixed[i] ?? 0) * (log - middle) ** 2));
  const weight = total(fixed);
  const scale = weight - total(fixed.map((one) => one ** 2)) / weight;
  const spread = scale > 0 ? Math.max(0, (heterogeneity - (known.length - 1)) / scale) : 0;
  const weights = variances.map((variance) => 1 / (variance + spread));
  const pooled = mean(logs, weights);
  const error = 1 / Math.sqrt(total(weights));
  return {
    ratio: Math.exp(pooled),
    low: Math.exp(pooled - bothSides90 * error),
    high: Math.exp(pooled + bothSides90 * error),
    bound: Math.exp(pooled + oneSide90 * error),
    spread,
    confidence: normalCdf(-pooled / error),
    p: normalCdf(pooled / error),
  };
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

const mean = (values: readonly number[], weights: readonly number[]) =>
  total(values.map((value, i) => value * (weights[i] ?? 0))) / total(weights);

import { sampleGamma, sampleNormal } from "../rules/promo/random.ts";

/** Numbers drawn from distributions, the same for the same seed. */
export interface Draws {
  /** From 0 to 1. */
  uniform: () => number;
  normal: () => number;
  /** With a scale of 1. */
  gamma: (shape: number) => number;
  poisson: (mean: number) => number;
}

export function draws(uniform: () => number): Draws {
  const normal = () => sampleNormal(uniform);
  const gamma = (shape: number): number =>
    shape < 1 ? sampleGamma(uniform, shape + 1) * uniform() ** (1 / shape) : sampleGamma(uniform, shape);
  // Knuth's, and the normal distribution where that is as good.
  const poisson = (mean: number): number => {
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const least = Math.exp(-mean);
    let product = uniform();
    let count = 0;
    while (product > least) {
      count += 1;
      product *= uniform();
    }
    return count;
  };
  return { uniform, normal, gamma, poisson };
}

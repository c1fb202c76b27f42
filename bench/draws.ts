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
  // Marsaglia's polar method.
  const normal = (): number => {
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
    }
  };
  // Marsaglia and Tsang.
  const gamma = (shape: number): number => {
    if (shape < 1) return gamma(shape + 1) * uniform() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  };
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

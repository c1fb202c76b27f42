/**
 * Splits a whole number by weights into whole parts that add up to it exactly: each part gets its `least`, then the
 * floor of its share of the rest, and what is left goes one by one to the largest remainders.
 */
export function apportion(total: number, weights: readonly number[], least = 0): number[] {
  const rest = total - least * weights.length;
  if (rest < 0) throw new RangeError(`${total} is too little for ${weights.length} parts of at least ${least}`);
  const weight = weights.reduce((sum, one) => sum + one, 0);
  if (!(weight > 0)) {
    if (total === 0) return weights.map(() => 0);
    throw new RangeError(`cannot split ${total} by weights that add up to ${weight}`);
  }
  const shares = weights.map((one) => (rest * one) / weight);
  const parts = shares.map((share) => least + Math.floor(share));
  const left = total - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = shares
    .map((share, index) => ({ index, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) parts[index] = (parts[index] ?? 0) + 1;
  return parts;
}

/** Numbers from 0 up to 1 that are the same after the same seed, so that a bad ending can be looked for again. */
export function createChance(seed: number): () => number {
  const modulus = 2_147_483_647;
  // A seed of zero, or of the modulus, would give zeros for ever.
  let state = ((Math.abs(Math.trunc(seed)) % modulus) * 48_271) % modulus || 1;
  return () => (state = (state * 16_807) % modulus) / modulus;
}

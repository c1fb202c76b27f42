const PLACES = 6;
const ONE = 1_000_000n;

/** Exact amounts are millionths in a bigint: the sandbox is the oracle for money and must not round. */
export function microsFromDecimal(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw new RangeError(`not a decimal of at most ${PLACES} places: ${text}`);
  const micros = BigInt(match[2] ?? "0") * ONE + BigInt((match[3] ?? "").padEnd(PLACES, "0"));
  return match[1] === "-" ? -micros : micros;
}

/** Decimal text with at least two places and no needless zeros after them: 26269.20, 1999.005. */
export function decimalFromMicros(micros: bigint): string {
  const absolute = micros < 0n ? -micros : micros;
  const places = String(absolute % ONE)
    .padStart(PLACES, "0")
    .replace(/0{1,4}$/, "");
  return `${micros < 0n ? "-" : ""}${absolute / ONE}.${places}`;
}

export function microsFromCents(cents: number): bigint {
  return BigInt(cents) * 10_000n;
}

/** Half-up at the sixth place, away from zero. */
export function multiplyMicros(micros: bigint, factorMicros: bigint): bigint {
  const product = micros * factorMicros;
  const absolute = product < 0n ? -product : product;
  const rounded = (absolute + ONE / 2n) / ONE;
  return product < 0n ? -rounded : rounded;
}

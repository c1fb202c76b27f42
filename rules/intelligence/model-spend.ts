import { fromMicros, toMicros } from "../../core/money.ts";

/** What a model costs, as its vendor lists it: amounts for a million tokens. A setting, since prices change. */
export interface ModelPrice {
  input: string;
  output: string;
}

/** A character of any script is at most about so many tokens: counting too many is the safe side. */
const tokensPerCharacter = { latin: 0.4, other: 1.5 };

export function estimateTokens(text: string): number {
  let other = 0;
  for (const character of text) if ((character.codePointAt(0) ?? 0) > 0x24f) other += 1;
  return Math.ceil((text.length - other) * tokensPerCharacter.latin + other * tokensPerCharacter.other);
}

/** What a call costs, rounded up to the sixth place. */
export function callCost({ input, output }: { input: number; output: number }, price: ModelPrice): string {
  const micros = BigInt(input) * toMicros(price.input) + BigInt(output) * toMicros(price.output);
  return fromMicros((micros + 999_999n) / 1_000_000n);
}

export interface SpendQuestion {
  /** On this day, so far. */
  spent: string;
  /** For a day; null for none. */
  limit: string | null;
  /** What the call costs at most. */
  most: string;
}

/** Whether a call may be made: one that could pass the limit is not begun. */
export function mayAsk({ spent, limit, most }: SpendQuestion): { allowed: true } | { allowed: false; reason: string } {
  if (limit === null || toMicros(spent) + toMicros(most) <= toMicros(limit)) return { allowed: true };
  return {
    allowed: false,
    reason: `the limit of ${limit} a day would be passed: ${spent} are spent, and this call may cost ${most}`,
  };
}

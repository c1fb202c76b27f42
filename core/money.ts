import { Big } from "big.js";

/** Digits before and after the point that `numeric(18,6)` holds. */
const scale = 6;
const limit = new Big("1e12");
const decimalText = /^-?\d+(\.\d+)?([eE][+-]?\d{1,4})?$/;

/** Decimal text for a `numeric(18,6)` column, half-up at the sixth place; null when the text is no amount that fits. */
export function parseMoney(text: string): string | null {
  if (!decimalText.test(text)) return null;
  const amount = new Big(text).round(scale, Big.roundHalfUp);
  if (amount.abs().gte(limit)) return null;
  return plain(amount);
}

/** The exact sum of decimal texts. */
export function sumMoney(amounts: Iterable<string>): string {
  let sum = new Big(0);
  for (const amount of amounts) sum = sum.plus(amount);
  return plain(sum);
}

export function subtractMoney(minuend: string, subtrahend: string): string {
  return plain(new Big(minuend).minus(subtrahend));
}

/** Half-up to two places: how money is shown, never how it is stored. */
export function cents(amount: string): string {
  return new Big(amount).round(2, Big.roundHalfUp).toFixed(2);
}

/**
 * Equal to the cent: less than half a cent apart. Rounding both sides first would call 0.005 and a
 * vendor's 0.00499999999 a cent apart.
 */
export function sameCents(one: string, other: string): boolean {
  return new Big(one).minus(other).abs().lt("0.005");
}

function plain(amount: Big): string {
  // big.js keeps a negative zero; Postgres would print it as 0 and a comparison of texts would see a change.
  return amount.eq(0) ? "0" : amount.toFixed();
}

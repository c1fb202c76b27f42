import { Big } from "big.js";

/** Digits before and after the point that `numeric(18,6)` holds. */
const scale = 6;
const limit = new Big("1e12");
/** Already as it is stored: most amounts are, and need not be calculated with. */
const storedText = /^(?:0|-?[1-9]\d{0,11}|-?(?:0|[1-9]\d{0,11})\.\d{0,5}[1-9])$/;
const decimalText = /^-?\d+(\.\d+)?([eE][+-]?\d{1,4})?$/;

/** Decimal text for a `numeric(18,6)` column, half-up at the sixth place; null when the text is no amount that fits. */
export function parseMoney(text: string): string | null {
  if (storedText.test(text)) return text;
  if (!decimalText.test(text)) return null;
  const amount = new Big(text).round(scale, Big.roundHalfUp);
  if (amount.abs().gte(limit)) return null;
  return plain(amount);
}

/** The digits of a whole number below 10^12, also where it is written as 7.0 or 7e2; null for what only rounding makes whole. */
export function parseWhole(text: string): string | null {
  const digits = parseMoney(text);
  if (digits === null || digits.includes(".")) return null;
  return digits === text || new Big(text).eq(digits) ? digits : null;
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

/** An amount of at most six places, as parseMoney gives it, in millionths: for sums of many. */
export function toMicros(amount: string): bigint {
  const [whole = "", fraction = ""] = amount.split(".");
  if (fraction.length > scale) throw new RangeError(`more than ${scale} places: ${amount}`);
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

export function fromMicros(micros: bigint): string {
  const digits = (micros < 0n ? -micros : micros).toString().padStart(scale + 1, "0");
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  return `${micros < 0n ? "-" : ""}${digits.slice(0, -scale)}${fraction && `.${fraction}`}`;
}

/** Half-up to two places: how money is shown, never how it is stored. */
export function cents(amount: string): string {
  return new Big(amount).round(2, Big.roundHalfUp).toFixed(2);
}

/** With every digit, and two places at the least. */
export function exactMoney(amount: string): string {
  const exact = new Big(amount);
  const [, fraction = ""] = exact.toFixed().split(".");
  return plain(exact) === "0" ? "0.00" : exact.toFixed(Math.max(2, fraction.length));
}

/** A part of an amount, to the cent. */
export function divideMoney(amount: string, by: number): string {
  return new Big(amount).div(by).round(2, Big.roundHalfUp).toFixed(2);
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

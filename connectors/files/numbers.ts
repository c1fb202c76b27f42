import { currenciesOf } from "./currencies.ts";
import { shown } from "./reasons.ts";
import type { RejectCode } from "./shapes.ts";

export interface NumberStyle {
  decimal: "point" | "comma";
  thousands: boolean;
  /** The client's. */
  currency: string;
}

export interface Refusal {
  code: RejectCode;
  reason: string;
}

const most = 9_223_372_036_854_775_807n;
const mostMicros = 10n ** 18n - 1n;
const number =
  /^(?<before>[^0-9.,'’+-]*)(?<sign>[+-]?)(?<between>[^0-9.,'’+-]*)(?<digits>[0-9][0-9.,'’ ]*|[.,][0-9]+)(?<exponent>[eE][+-]?[0-9]{1,4})?(?<after>[^0-9]*)$/u;

interface Digits {
  whole: string;
  fraction: string;
  /** Powers of ten to go down by. */
  down: number;
}

const countCode = (column: string): RejectCode => (column === "impressions" || column === "clicks" ? column : "count");

/** A count, such as of impressions or bids. */
export function readCount(cell: string, column: string, style: NumberStyle): bigint | Refusal {
  const refuse = (why: string): Refusal => ({ code: countCode(column), reason: `${column} ${shown(cell)} ${why}` });
  if (cell.trim() === "") return refuse("is empty: a missing number is not zero");
  const read = readDigits(cell, column, style, "count");
  if ("code" in read) return read;
  // 1.000 is a thousand in half of the world.
  if (/[1-9]/.test(read.fraction) || read.fraction.length === 3 || read.down > 0)
    return refuse("is not a whole number");
  const count = BigInt(read.whole);
  return count > most ? refuse(`is more than ${most}`) : count;
}

/** An amount of money in millionths, half-up at the sixth place. */
export function readAmount(cell: string, style: NumberStyle): bigint | Refusal {
  const refuse = (why: string): Refusal => ({ code: "spend", reason: `spend ${shown(cell)} ${why}` });
  if (cell.trim() === "") return refuse("is empty: a missing amount is not zero");
  const read = readDigits(cell, "spend", style, "amount");
  if ("code" in read) return read;
  // Programs write an exponent after one digit before the point: 1.5e-3 is 0.0015.
  if (read.down > 0 && read.whole.length > 1) return refuse("is written with an exponent");
  const whole = read.down > 0 ? "0" : read.whole;
  const fraction = read.down > 0 ? `${"0".repeat(read.down - 1)}${read.whole}${read.fraction}` : read.fraction;
  const micros = BigInt(`${whole}${fraction.slice(0, 6).padEnd(6, "0")}`) + (fraction.charAt(6) >= "5" ? 1n : 0n);
  return micros > mostMicros ? refuse("is more than an amount can be, 999999999999.999999") : micros;
}

const noNumber = (kind: "count" | "amount") => (kind === "amount" ? "is not an amount" : "is not a number");

function readDigits(cell: string, column: string, style: NumberStyle, kind: "count" | "amount"): Digits | Refusal {
  const text = cell
    .replace(/[\u00a0\u202f\u2009\u2007]/g, " ")
    .replace(/\u2212/g, "-")
    .trim();
  const refuse = (why: string, code = column as RejectCode): Refusal => ({
    code,
    reason: `${column} ${shown(cell)} ${why}`,
  });
  const parts = number.exec(text)?.groups;
  const none = noNumber(kind);
  if (parts === undefined) return refuse(none);
  const before = `${parts["before"] ?? ""}${parts["between"] ?? ""}`.trim();
  const after = (parts["after"] ?? "").trim();
  if (before === "(" && after === ")") return refuse("is negative", "negative");
  const sign = before === "" ? after : before;
  if (before !== "" && after !== "") return refuse(none);
  if (sign !== "") {
    const meant = kind === "amount" ? currenciesOf(sign) : undefined;
    if (meant === undefined) return refuse(none);
    if (!meant.includes(style.currency))
      return refuse(`is in ${meant[0]}, and this client's spend is in ${style.currency}`, "currency");
  }
  const exponent = parts["exponent"];
  if (exponent !== undefined && !(kind === "amount" && exponent[1] === "-"))
    return refuse("was shortened by a spreadsheet: export it with all its digits");
  const digits = split((parts["digits"] ?? "").trim(), style, kind);
  if (typeof digits === "string") return refuse(digits);
  // A zero with a sign is a zero.
  if (parts["sign"] === "-" && /[1-9]/.test(digits.whole + digits.fraction)) return refuse("is negative", "negative");
  if (parts["sign"] === "+") return refuse(none);
  return { ...digits, down: exponent === undefined ? 0 : Number(exponent.slice(2)) };
}

/** Takes a number apart at its decimal sign; in words what is wrong with it otherwise. */
function split(
  text: string,
  style: NumberStyle,
  kind: "count" | "amount",
): { whole: string; fraction: string } | string {
  const [point, group] = style.decimal === "point" ? [".", ","] : [",", "."];
  const pieces = text.split(point);
  if (pieces.length > 2) return `has more than one "${point}", which this sender's mapping says is the decimal sign`;
  const [whole = "", fraction] = pieces;
  if (fraction !== undefined && !/^[0-9]*$/.test(fraction)) return noNumber(kind);
  if (/^[0-9]*$/.test(whole)) {
    if (whole === "" && (fraction ?? "") === "") return noNumber(kind);
    return { whole: whole === "" ? "0" : whole, fraction: fraction ?? "" };
  }
  const separator = /[^0-9]/.exec(whole)?.[0] ?? "";
  const groups = whole.split(separator);
  const grouped = /^[0-9]{1,3}$/.test(groups[0] ?? "") && groups.slice(1).every((digits) => /^[0-9]{3}$/.test(digits));
  if (!grouped || separator === point) return noNumber(kind);
  // A count has no fraction, and two groups or a decimal sign leave no doubt; 1,234 alone may be a little more than one.
  const doubtful = separator === group && groups.length === 2 && fraction === undefined;
  if (doubtful && kind === "amount" && !style.thousands)
    return `may be ${groups.join("")} or ${groups.join(".")}: the sender's mapping must say that thousands are grouped`;
  return { whole: groups.join(""), fraction: fraction ?? "" };
}

const loneGroup = {
  point: /^[^0-9.,]*[1-9][0-9]{0,2}\.[0-9]{3}[^0-9.,]*$/,
  comma: /^[^0-9.,]*[1-9][0-9]{0,2},[0-9]{3}[^0-9.,]*$/,
};

/** Whether an amount, read with this decimal sign, is a thousand times as much to whoever groups thousands with it. */
export const mayBeGrouped = (cell: string, decimal: NumberStyle["decimal"]): boolean =>
  loneGroup[decimal].test(cell.trim());

/** Whether an amount can only be read with the other decimal sign, so that the file is written in another way than its mapping says. */
export function showsOtherDecimal(cell: string, style: NumberStyle): boolean {
  const decimal = style.decimal === "point" ? "comma" : "point";
  if (!cell.includes(decimal === "comma" ? "," : ".") || mayBeGrouped(cell, decimal)) return false;
  return typeof readAmount(cell, { ...style, decimal }) === "bigint";
}

/** Millionths as decimal text. */
export function microsText(micros: bigint): string {
  const digits = micros.toString().padStart(7, "0");
  const fraction = digits.slice(-6).replace(/0+$/, "");
  return `${digits.slice(0, -6)}${fraction === "" ? "" : `.${fraction}`}`;
}

export { escape } from "../../core/escape-html.ts";

const symbols: Record<string, string> = { USD: "$", EUR: "€", GBP: "£" };

export function symbolOf(currency: string): string {
  return symbols[currency] ?? `${currency} `;
}

/** `$1,234.50`: digits are grouped as text, no amount becomes a float. */
export function amount(value: string | null, currency: string): string {
  if (value === null) return "–";
  const negative = value.startsWith("-");
  return `${negative ? "−" : ""}${symbolOf(currency)}${grouped(value.replace("-", ""))}`;
}

export function whole(value: number | null): string {
  return value === null ? "–" : grouped(String(value).replace("-", "−"));
}

function grouped(digits: string): string {
  const [units = "", cents] = digits.split(".");
  return units.replace(/\B(?=(\d{3})+$)/g, ",") + (cents === undefined ? "" : `.${cents}`);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `18 Dec`, or with its year. */
export function shortDay(day: string, withYear = false): string {
  const [year, month, date] = day.split("-").map(Number);
  return `${date} ${months[(month ?? 1) - 1]}${withYear ? ` ${year}` : ""}`;
}

import { isCurrency } from "../../core/currency.ts";

/** Which currencies a sign can stand for. A sign that stands for none is no sign of money. */
const signs: Record<string, readonly string[]> = {
  $: ["USD", "AUD", "CAD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP", "TWD"],
  us$: ["USD"],
  a$: ["AUD"],
  au$: ["AUD"],
  c$: ["CAD"],
  ca$: ["CAD"],
  nz$: ["NZD"],
  hk$: ["HKD"],
  s$: ["SGD"],
  sg$: ["SGD"],
  mx$: ["MXN"],
  nt$: ["TWD"],
  r$: ["BRL"],
  "€": ["EUR"],
  "£": ["GBP", "EGP", "LBP"],
  "¥": ["JPY", "CNY"],
  "jp¥": ["JPY"],
  "cn¥": ["CNY"],
  "₹": ["INR"],
  rs: ["INR", "PKR", "LKR", "NPR"],
  "₩": ["KRW"],
  "₺": ["TRY"],
  "₽": ["RUB"],
  "₪": ["ILS"],
  "₫": ["VND"],
  "₱": ["PHP"],
  "₴": ["UAH"],
  "₦": ["NGN"],
  "฿": ["THB"],
  zł: ["PLN"],
  kč: ["CZK"],
  ft: ["HUF"],
  kr: ["SEK", "NOK", "DKK", "ISK"],
  rp: ["IDR"],
  rm: ["MYR"],
  fr: ["CHF"],
};

/** The currencies that a sign or a code means; undefined when it means none. */
export function currenciesOf(sign: string): readonly string[] | undefined {
  const plain = sign.replace(/[\s.]+/g, "").toLowerCase();
  if (Object.hasOwn(signs, plain)) return signs[plain];
  const code = plain.toUpperCase();
  return isCurrency(code) ? [code] : undefined;
}

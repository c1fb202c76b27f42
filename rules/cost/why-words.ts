import type { Explained, PartName } from "./why.ts";

export const metricWords: Record<Explained, string> = {
  cpa: "CPA",
  cost: "Cost",
  conversions: "Conversions",
  revenue: "Revenue",
  margin: "Margin",
};

/** What each part is called, and what it means. */
export const partWords: Record<PartName, { label: string; meaning: string }> = {
  restatement: {
    label: "Restatement",
    meaning: "The vendors changed days after they were first read whole.",
  },
  lateness: {
    label: "Days not final",
    meaning: "Days that are not final, and the days that they stand against.",
  },
  mix: { label: "Mix", meaning: "Which affiliates and sources had more clicks, and which fewer." },
  price: { label: "Price", meaning: "Cost per click, payout and revenue per conversion." },
  rate: { label: "Conversion rate", meaning: "Conversions per click." },
};

/** Only a ratio can change by the mix alone: a sum grows with the clicks. */
export const labelOf = (part: PartName, metric: Explained) =>
  part === "mix" && metric !== "cpa" ? "Volume and mix" : partWords[part].label;

interface Changed {
  metric: Explained;
  currency: string;
  change: string | null;
  parts: readonly { part: PartName; amount: string }[];
}

/** "CPA rose by 4.10 USD: +2.80 price, +1.50 conversion rate, −0.20 restatement." Null where there is no change to explain. */
export function sayChange({ metric, currency, change, parts }: Changed): string | null {
  if (change === null) return null;
  const unit = metric === "conversions" ? "" : ` ${currency}`;
  if (Number(change) === 0 && parts.every(({ amount }) => Number(amount) === 0))
    return `${metricWords[metric]} did not change.`;
  const said = bySize(parts).map(({ part, amount }) => `${signed(amount)} ${labelOf(part, metric).toLowerCase()}`);
  return `${metricWords[metric]} ${moved(change, unit)}: ${said.join(", ")}.`;
}

/** The part that did most of a change, in a word; null where there is none. */
export function mostlyOf({ metric, change, parts }: Changed): string | null {
  if (change === null || Number(change) === 0) return null;
  const [most] = bySize(parts).filter(({ amount }) => Number(amount) > 0 === Number(change) > 0);
  return most === undefined ? null : labelOf(most.part, metric).toLowerCase();
}

function moved(change: string, unit: string): string {
  const amount = change.replace("-", "");
  if (Number(change) === 0) return "is the same";
  return `${change.startsWith("-") ? "fell" : "rose"} by ${amount}${unit}`;
}

const bySize = <Part extends { amount: string }>(parts: readonly Part[]) =>
  parts
    .filter(({ amount }) => Number(amount) !== 0)
    .sort((one, other) => Math.abs(Number(other.amount)) - Math.abs(Number(one.amount)));

export const signed = (amount: string) => (amount.startsWith("-") ? amount.replace("-", "−") : `+${amount}`);

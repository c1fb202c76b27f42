import { median } from "../../core/quantiles.ts";
import type { Found } from "./kinds.ts";

/** A final day of a traffic source or campaign. */
export interface TrafficDay {
  date: string;
  clicks: number;
  spend: number;
}

export interface Traffic {
  subject: string;
  name: string;
  currency: string;
  /** In order; days before the window say what is usual. */
  days: readonly TrafficDay[];
}

export interface Window {
  from: string;
  to: string;
}

export const gapFloors = {
  /** Of a day; less is not worth a look. */
  spend: 20,
  clicks: 100,
  /** A day has less than this share of what is usual: all but nothing. */
  share: 0.05,
  /** Days with both, to know a price by. */
  daysToTell: 7,
  /** Clicks that were to be expected, by how much they vary: at this many chance would leave one in a million days so empty. */
  expected: 6,
  /** Of something that never had a click. */
  neverDays: 3,
  neverSpend: 100,
} as const;

/** Days on which money was spent and no clicks were counted, and the reverse, by what the same source's clicks usually cost. */
export function findGaps(traffic: readonly Traffic[], window: Window): Found[] {
  return traffic.flatMap((one) => {
    const usual = usualPrice(one.days);
    const inWindow = one.days.filter(({ date }) => date >= window.from && date <= window.to);
    const found = (kind: "spend_without_clicks" | "clicks_without_spend", days: Record<string, string>): Found[] =>
      Object.keys(days).length === 0
        ? []
        : [
            {
              kind,
              subject: one.subject,
              name: one.name,
              ...window,
              p: null,
              facts: { currency: one.currency, days, usualCpc: usual === null ? null : usual.price },
            },
          ];
    if (usual === null) return found("spend_without_clicks", neverClicked(one.days, inWindow));
    return [
      ...found(
        "spend_without_clicks",
        daysOf(inWindow, (day) => clicksMissing(day, usual)),
      ),
      ...found(
        "clicks_without_spend",
        daysOf(inWindow, (day) => spendMissing(day, usual)),
      ),
    ];
  });
}

interface Usual {
  price: number;
  /** How many times more clicks vary from day to day than chance alone would make them. */
  dispersion: number;
  /** Whether most days with clicks have spend: of others their clicks are free, as a newsletter's are. */
  costs: boolean;
}

/** The middle of a chi-squared distribution of one degree of freedom. */
const chiMiddle = 0.4549;

function usualPrice(days: readonly TrafficDay[]): Usual | null {
  const both = days.filter(({ clicks, spend }) => clicks > 0 && spend > 0);
  if (both.length < gapFloors.daysToTell) return null;
  const price = median(both.map(({ clicks, spend }) => spend / clicks));
  const varied = both.map(({ clicks, spend }) => (clicks - spend / price) ** 2 / (spend / price));
  const busy = days.filter(({ clicks }) => clicks >= gapFloors.clicks);
  return {
    price,
    dispersion: Math.max(1, median(varied) / chiMiddle),
    costs: busy.filter(({ spend }) => spend > 0).length * 2 > busy.length,
  };
}

function clicksMissing({ clicks, spend }: TrafficDay, { price, dispersion }: Usual): number | null {
  const expected = spend / price;
  const isGap =
    spend >= gapFloors.spend &&
    clicks <= gapFloors.share * expected &&
    expected / dispersion >= gapFloors.expected &&
    expected >= 2 * gapFloors.expected;
  return isGap ? Math.round(expected) : null;
}

function spendMissing({ clicks, spend }: TrafficDay, { price, dispersion, costs }: Usual): number | null {
  const expected = clicks * price;
  const isGap =
    costs &&
    clicks >= gapFloors.clicks &&
    expected >= gapFloors.spend &&
    spend <= gapFloors.share * expected &&
    clicks / dispersion >= gapFloors.expected;
  return isGap ? Math.round(expected * 100) / 100 : null;
}

function neverClicked(all: readonly TrafficDay[], inWindow: readonly TrafficDay[]): Record<string, string> {
  const spent = inWindow.filter(({ spend }) => spend >= gapFloors.spend / 4);
  const total = spent.reduce((sum, { spend }) => sum + spend, 0);
  const isOne =
    all.every(({ clicks }) => clicks === 0) && spent.length >= gapFloors.neverDays && total >= gapFloors.neverSpend;
  return isOne ? Object.fromEntries(spent.map(({ date }) => [date, "0"])) : {};
}

function daysOf(days: readonly TrafficDay[], usual: (day: TrafficDay) => number | null): Record<string, string> {
  return Object.fromEntries(
    days.flatMap((day) => {
      const value = usual(day);
      return value === null ? [] : [[day.date, String(value)]];
    }),
  );
}

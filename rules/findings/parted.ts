import { addDays } from "../../core/days.ts";
import { median } from "../../core/quantiles.ts";
import { discoveries } from "../shared/statistics.ts";
import type { Found } from "./kinds.ts";
import type { Window } from "./gaps.ts";
import { knownShare, robustScale, studentTail } from "./robust.ts";

/** A final day of a traffic source. */
export interface SpendDay {
  date: string;
  spend: number;
  conversions: number;
}

export interface Source {
  subject: string;
  name: string;
  currency: string;
  /** Who counts its conversions. */
  countedBy: string;
  days: readonly SpendDay[];
}

export const partedFloors = {
  /** Days of the 28 before that a day is held against. */
  daysToTell: 14,
  spend: 50,
  /** Conversions that its spend, or it itself, usually comes with. */
  conversions: 10,
  /** Spend for a conversion is so many times the usual, or one of so many. */
  factor: 2,
  /** What is at stake on a day. */
  amount: 50,
} as const;

const pastDays = 28;
/** A weekday of four weeks says this much of itself, and the rest is taken from all days. */
const weekdayWeight = 2;
/** What is usual is known from a few days of the weekday, and varies as well. */
const usualVaries = 1.25;
/** How much of what is found may be chance. */
const falseShare = 0.05;

interface Judged {
  source: Source;
  date: string;
  /** Spend for a conversion that is usual on such a day. */
  usual: number;
  p: number;
  meetsRule: boolean;
}

/** Days on which a source's spend and conversions parted, each against the 28 days before it. */
export function findParted(sources: readonly Source[], window: Window): { tested: number; found: Found[] } {
  const judged = sources.flatMap((source) => {
    const days = source.days.filter(({ spend }) => spend > 0).map(priced);
    return days
      .filter(({ date }) => date >= window.from && date <= window.to)
      .flatMap((day) => {
        const one = judge(day, past(days, day.date));
        return one === null ? [] : [{ source, date: day.date, ...one }];
      });
  });
  const stands = discoveries(
    judged.map(({ p }) => p),
    falseShare,
  );
  const listed = judged.filter(({ meetsRule }, index) => meetsRule && stands[index] === true);
  return { tested: judged.length, found: sources.flatMap((source) => ofSource(source, listed, window)) };
}

function ofSource(source: Source, listed: readonly Judged[], window: Window): Found[] {
  const own = listed.filter((one) => one.source === source);
  if (own.length === 0) return [];
  return [
    {
      kind: "parted_ways",
      subject: source.subject,
      name: source.name,
      ...window,
      p: Math.min(...own.map(({ p }) => p)),
      facts: {
        currency: source.currency,
        countedBy: source.countedBy,
        days: Object.fromEntries(own.map(({ date, usual }) => [date, usual.toFixed(6)])),
      },
    },
  ];
}

const past = (days: readonly Priced[], date: string) => {
  const first = addDays(date, -pastDays);
  return days.filter((day) => day.date >= first && day.date < date);
};

const weekdayOf = (date: string) => new Date(`${date}T00:00:00Z`).getUTCDay();

/** A day with what it is compared by. */
interface Priced extends SpendDay {
  weekday: number;
  logPrice: number;
}

const priced = (day: SpendDay): Priced => ({ ...day, weekday: weekdayOf(day.date), logPrice: logPrice(day) });

/** Half a conversion more, so that a day without any has a price. */
const logPrice = ({ spend, conversions }: SpendDay) => Math.log(spend / (conversions + 0.5));

function judge(day: Priced, before: readonly Priced[]): Pick<Judged, "usual" | "p" | "meetsRule"> | null {
  if (day.spend < partedFloors.spend || before.length < partedFloors.daysToTell) return null;
  const middle = median(before.map((one) => one.logPrice));
  const weekdayShift = ({ weekday, date }: Priced) => {
    const same = before.filter((one) => one.weekday === weekday && one.date !== date);
    if (same.length === 0) return 0;
    const shift = median(same.map((one) => one.logPrice - middle));
    return (shift * same.length) / (same.length + weekdayWeight);
  };
  const left = before.map((one) => one.logPrice - middle - weekdayShift(one));
  const usual = Math.exp(middle + weekdayShift(day));
  const expected = day.spend / usual;
  if (Math.max(expected, day.conversions) < partedFloors.conversions) return null;
  const usualCount = median(before.map(({ spend }) => spend / usual));
  const spread = robustScale(left, median(left));
  // A day with fewer conversions than usual varies more; chance alone makes it vary by one in its count.
  const scale = Math.sqrt(
    Math.max(usualVaries * spread ** 2 * Math.max(1, usualCount / expected), 1.5 / Math.max(expected, 1)),
  );
  const z = Math.abs(day.logPrice - Math.log(usual)) / scale;
  const ratio = Math.exp(Math.abs(day.logPrice - Math.log(usual)));
  const atStake = Math.abs(day.spend - day.conversions * usual);
  return {
    usual,
    p: 2 * studentTail(z, knownShare * (before.length - 7)),
    meetsRule: ratio >= partedFloors.factor && atStake >= partedFloors.amount,
  };
}

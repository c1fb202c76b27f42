import { z } from "zod";
import { addDays, daysFromTo, rangeBefore } from "../../core/days.ts";
import { day } from "../../api/server/lists.ts";

/** Periods that have a name and a key: pressing `w` on a page shows the last 7 days. */
export const namedPeriods = [
  { name: "today", label: "Today", key: "t", days: 1, ends: 0 },
  { name: "yesterday", label: "Yesterday", key: "y", days: 1, ends: -1 },
  { name: "7d", label: "7 days", key: "w", days: 7, ends: 0 },
  { name: "30d", label: "30 days", key: "m", days: 30, ends: 0 },
  { name: "90d", label: "90 days", key: "q", days: 90, ends: 0 },
] as const;
export type PeriodName = (typeof namedPeriods)[number]["name"];

const names = namedPeriods.map(({ name }) => name) as [PeriodName, ...PeriodName[]];
const longestDays = 400;

/** What a page with a period takes in its address. */
export const periodQuery = { period: z.enum(names).optional(), from: day.optional(), to: day.optional() };

export interface Period {
  /** Null for a range that somebody chose. */
  name: PeriodName | null;
  label: string;
  from: string;
  to: string;
  days: number;
  /** As many days before it, to compare with. */
  before: { from: string; to: string };
}

interface PeriodQuery {
  period?: PeriodName | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** The period an address asks for. Days in the wrong order are put right, and a range that is too long is cut. */
export function readPeriod({ period, from, to }: PeriodQuery, today: string, usual: PeriodName = "7d"): Period {
  if (period === undefined && (from !== undefined || to !== undefined)) {
    const last = to ?? today;
    const first = from ?? addDays(last, -6);
    const [start, end] = first <= last ? [first, last] : [last, first];
    const cut = addDays(end, 1 - longestDays);
    return rangeOf(null, start < cut ? cut : start, end);
  }
  const named = namedPeriods.find(({ name }) => name === (period ?? usual)) ?? namedPeriods[2];
  const end = addDays(today, named.ends);
  return rangeOf(named, addDays(end, 1 - named.days), end);
}

function rangeOf(named: (typeof namedPeriods)[number] | null, from: string, to: string): Period {
  const days = daysFromTo(from, to).length;
  const label = named?.label ?? (from === to ? from : `${from} to ${to}`);
  return {
    name: named?.name ?? null,
    label,
    from,
    to,
    days,
    before: rangeBefore(from, to),
  };
}

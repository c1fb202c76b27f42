import { addDays, daysFromTo } from "../../core/days.ts";

export const periods = ["7", "30", "90", "365", "all"] as const;
export type Period = (typeof periods)[number];

export interface DateRange {
  start: string;
  end: string;
  days: number;
}

/** The last so many dates, today included; all of them begin with the first event. */
export function rangeOf(period: Period, { today, firstDay }: { today: string; firstDay: string | null }): DateRange {
  const start = period === "all" ? (firstDay ?? today) : addDays(today, 1 - Number(period));
  // An event of a clock ahead of ours would begin after today.
  const end = start > today ? start : today;
  return { start, end, days: daysFromTo(start, end).length };
}

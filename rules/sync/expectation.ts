import { addDays, clockTime, dayAt } from "../../core/days.ts";

/** When a source is expected to be read: by the zone's clock, at `minute` past each hour, both ends included. */
export interface Expectation {
  source: string;
  hours: { from: number; to: number };
  minute: number;
  timezone: string;
}

/** A run gets this long before its absence counts. */
const graceMs = 60 * 60_000;

/** The latest expected moment whose grace is over: since then there should have been a fetch. */
export function lastDue({ hours, minute, timezone }: Omit<Expectation, "source">, now: Date): Date | null {
  const deadline = new Date(now.getTime() - graceMs);
  const today = dayAt(deadline, timezone);
  for (const day of [today, addDays(today, -1)]) {
    for (let hour = hours.to; hour >= hours.from; hour -= 1) {
      const moment = clockTime(day, hour, minute, timezone);
      if (moment <= deadline) return moment;
    }
  }
  return null;
}

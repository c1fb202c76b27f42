import { presentAt } from "../core/present.ts";
import { civilTime, dayNumber } from "./civil-day.ts";

export interface ClockSettings {
  /** The instant at which the clock stands still (ISO 8601); null follows the real one. */
  now: string | null;
  /** The civil day that counts as today in every zone; null derives it from the instant. */
  today: string | null;
}

export interface Clock {
  settings(): ClockSettings;
  set(settings: ClockSettings): void;
  /** Back to what the sandbox was started with. */
  reset(): void;
  today(zone: string): string;
  /** How much of a day is over: 1 for days gone by, 0 for days to come, between them for today. */
  elapsedShare(day: string, zone: string): number;
}

const MINUTES_PER_DAY = 1_440;
// Vendors refresh today's figures in steps. It also keeps two reads within a few seconds equal.
const REFRESH_MINUTES = 5;

export function createClock(start: ClockSettings): Clock {
  let settings = start;
  const wall = (zone: string) => civilTime(settings.now === null ? new Date() : new Date(settings.now), zone);
  return {
    settings: () => settings,
    set: (next) => {
      settings = next;
    },
    reset: () => {
      settings = start;
    },
    today: (zone) => settings.today ?? wall(zone).day,
    elapsedShare: (day, zone) => {
      const { day: civilDay, minute } = wall(zone);
      const ahead = dayNumber(day) - dayNumber(settings.today ?? civilDay);
      if (ahead !== 0) return ahead < 0 ? 1 : 0;
      return (minute - (minute % REFRESH_MINUTES)) / MINUTES_PER_DAY;
    },
  };
}

/** The instant the sandbox stands at: its own, or the time of day now on the day it takes for today. */
export function presentMs({ now, today }: ClockSettings): number {
  return presentAt(now ?? today, new Date()).getTime();
}

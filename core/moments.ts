import { isDay } from "./days.ts";

const written = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d))?(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/i;

/** How far ahead of ours a sender's clock may be: a moment without a zone is read as UTC, and zones reach 14 hours. */
const aheadMs = 24 * 3_600_000;

/**
 * The moment that a text from outside names, ISO 8601; UTC where it names no zone. Null when there is no such moment:
 * JavaScript's own reading makes 2 March of 30 February, and the next day of 24:00.
 */
export function readMoment(text: string): Date | null {
  const match = written.exec(text);
  if (match === null) return null;
  const [, day = "", time = "", second = "00", fraction = "", zone = "Z"] = match;
  if (!isDay(day) || time > "23:59") return null;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const moment = new Date(`${day}T${time}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}${offset}`);
  return sane(moment);
}

/** Seconds since 1970, written in digits. */
export function readEpochSecond(text: string): Date | null {
  return /^\d{9,11}$/.test(text) ? sane(new Date(Number(text) * 1_000)) : null;
}

/** Has it happened? What is said to have happened must have, give or take the sender's clock. */
export function isPast(moment: Date, now: Date): boolean {
  return moment.getTime() <= now.getTime() + aheadMs;
}

function sane(moment: Date): Date | null {
  const year = moment.getUTCFullYear();
  return year >= 2000 && year <= 2200 ? moment : null;
}

import { Temporal } from "temporal-polyfill";

/** Without years of three digits and fewer: these are slips of a finger, and Postgres has no year 0. */
const dayText = /^[1-9]\d{3}-\d{2}-\d{2}$/;

/** Is this a real civil day, written YYYY-MM-DD? */
export function isDay(text: string): boolean {
  return dayText.test(text) && dayOf(dateOf(text)) === text;
}

/** A civil day as the date of UTC, whose days have neither zone nor clock change; invalid where it is none. */
function dateOf(day: string): Date {
  const date = new Date(0);
  date.setUTCFullYear(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1, Number(day.slice(8, 10)));
  return date;
}

function dayOf(date: Date): string {
  return date.toISOString().replace(/T.*/, "");
}

export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** The civil day that a moment falls on in a zone. */
export function dayAt(moment: Date | string, timezone: string): string {
  return instant(moment).toZonedDateTimeISO(timezone).toPlainDate().toString();
}

/** The hour that a zone's clock shows at a moment. */
export function hourAt(moment: Date | string, timezone: string): number {
  return instant(moment).toZonedDateTimeISO(timezone).hour;
}

/** Day and time that a zone's clock shows at a moment: 2026-11-28 07:00. */
export function clockAt(moment: Date | string, timezone: string): string {
  const local = instant(moment).toZonedDateTimeISO(timezone);
  return `${local.toPlainDate().toString()} ${local.toPlainTime().toString({ smallestUnit: "minute" })}`;
}

/** Civil days are stepped as days: a 23-hour day is still one day. */
export function addDays(day: string, days: number): string {
  if (!isDay(day)) throw new RangeError(`\`${day}\` is not a day`);
  const date = dateOf(day);
  date.setUTCDate(date.getUTCDate() + days);
  return dayOf(date);
}

/** Every day from `from` to `to`, both included; empty when `from` is after `to`. */
export function daysFromTo(from: string, to: string): string[] {
  if (!isDay(to)) throw new RangeError(`\`${to}\` is not a day`);
  const days: string[] = [];
  // Text of days is in the order of the days.
  for (let day = addDays(from, 0); day < to; day = addDays(day, 1)) days.push(day);
  if (from <= to) days.push(to);
  return days;
}

/** As many days before a range as it has itself. */
export function rangeBefore(from: string, to: string): { from: string; to: string } {
  const days = Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: "day" }).days + 1;
  return { from: addDays(from, -days), to: addDays(from, -1) };
}

export interface ComparedDays {
  from: string;
  to: string;
  before: { from: string; to: string };
}

/**
 * What of a range can be compared: its days that are over, beside the same days of the range before. A running day would be
 * a part beside a whole. Null where no day is over.
 */
export function comparedDays({ from, to }: { from: string; to: string }, today: string): ComparedDays | null {
  const last = to < today ? to : addDays(today, -1);
  if (last < from) return null;
  const length = daysFromTo(from, to).length;
  return { from, to: last, before: { from: addDays(from, -length), to: addDays(last, -length) } };
}

/** The moment a day begins in a zone: not always midnight, and not always 24 h after the day before. */
export function startOfDay(day: string, timezone: string): Date {
  return new Date(Temporal.PlainDate.from(day).toZonedDateTime(timezone).startOfDay().epochMilliseconds);
}

/** The first moment after a day in a zone. */
export function endOfDay(day: string, timezone: string): Date {
  return startOfDay(addDays(day, 1), timezone);
}

/** When a zone's clock shows this time on a day; what the change of the clock skips comes that much later. */
export function clockTime(day: string, hour: number, minute: number, timezone: string): Date {
  const shown = Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: timezone, plainTime: { hour, minute } });
  return new Date(shown.epochMilliseconds);
}

/** When a zone's clock shows, on another day, the time that it shows at this moment. */
export function sameTimeOn(day: string, moment: Date, timezone: string): Date {
  const plainTime = instant(moment).toZonedDateTimeISO(timezone).toPlainTime();
  return new Date(Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: timezone, plainTime }).epochMilliseconds);
}

function instant(moment: Date | string): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(new Date(moment).getTime());
}

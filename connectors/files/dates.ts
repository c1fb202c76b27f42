import { isDay } from "../../core/days.ts";
import { shown } from "./reasons.ts";

export type DateOrder = "month-day-year" | "day-month-year" | null;

/** The first day that is accepted; an older one is a typing mistake. */
const first = "2000-01-01";

const zero = 0x30;

const yearFirst = /^(\d{4})(?:-(\d{1,2})-|\/(\d{1,2})\/|\.(\d{1,2})\.)(\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?$/;
const compact = /^(\d{4})(\d{2})(\d{2})$/;
const yearLast = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})$/;

/** A civil day as YYYY-MM-DD, or in words why the cell is none. */
export function readDay(cell: string, order: DateOrder): { day: string } | { reason: string } {
  const text = cell.trim();
  const refuse = (why: string) => ({ reason: `date ${shown(cell)} ${why}` });
  if (text === "") return refuse("is empty");
  let year: string | undefined, month: string | undefined, day: string | undefined;
  const early = yearFirst.exec(text);
  const packed = compact.exec(text);
  const late = yearLast.exec(text);
  if (early !== null) [year, month, day] = [early[1], early[2] ?? early[3] ?? early[4], early[5]];
  else if (packed !== null) [, year, month, day] = packed;
  else if (late !== null && order === null)
    return refuse("may be read with the day or the month first: the sender's mapping must say which");
  else if (late !== null) {
    const [, one, , other, last = ""] = late;
    [month, day] = order === "month-day-year" ? [one, other] : [other, one];
    year = last.length === 2 ? `20${last}` : last;
  } else return refuse("is no date like 2025-12-01");
  const civil = `${year}-${month?.padStart(2, "0")}-${day?.padStart(2, "0")}`;
  if (!isDay(civil)) return refuse("is no day of the calendar");
  if (civil < first) return refuse(`is before ${first}`);
  return { day: civil };
}

const hourRange = /^([01]\d|2[0-3]):00(?::00)? - ([01]\d|2[0-3]):59(?::59)?$/;

/** An hour of the day, 0 to 23, also where a report writes it as 14:00:00 - 14:59:59. */
export function readHour(cell: string): number | null {
  const text = cell.trim();
  const range = hourRange.exec(text);
  if (range !== null) return range[1] === range[2] ? Number(range[1]) : null;
  return /^(0?\d|1\d|2[0-3])$/.test(text) ? Number(text) : null;
}

/** Two digits among bytes; -1 where there are none. */
export function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - zero;
  const ones = (bytes[at + 1] as number) - zero;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

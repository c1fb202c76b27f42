import { addDays } from "../../core/days.ts";
import { cents, divideMoney, fromMicros, sumMoney, toMicros } from "../../core/money.ts";

/** What was known of one traffic source when a day was read. */
export interface Reading {
  date: string;
  /** By the feed's clock; 24 is what was read after the day's end. */
  hour: number;
  minute: number;
  receiptId: number;
  sourceId: string;
  sourceName: string | null;
  cost: string;
}

/** Of several readings within an hour, the last. They come in the order in which they were read. */
export function lastOfHours<Pull extends Pick<Reading, "date" | "hour" | "receiptId">>(pulls: readonly Pull[]): Pull[] {
  const keyOf = ({ date, hour }: Pull) => `${date} ${hour}`;
  const last = new Map(pulls.map((pull) => [keyOf(pull), pull.receiptId]));
  return pulls.filter((pull) => last.get(keyOf(pull)) === pull.receiptId);
}

/** The days that a day is measured by: the day before, and the same weekday of the four weeks before. */
export const daysToCompare = (day: string) => ({
  dayBefore: addDays(day, -1),
  sameWeekdays: [7, 14, 21, 28].map((days) => addDays(day, -days)),
});

export interface PaceHour {
  hour: number;
  /** When the day was last read in this hour: what stands beside it is of this very time. */
  time: string | null;
  cost: string | null;
  receiptId: number | null;
  dayBefore: string | null;
  /** Of the last four same weekdays, of those that were read around this time. */
  median: string | null;
  medianOf: number;
}

/** The course of a day, hour by hour, beside the day before and the median of the last four same weekdays. */
export function paceOf(readings: readonly Reading[], day: string): PaceHour[] {
  const { dayBefore, sameWeekdays } = daysToCompare(day);
  const hours = [...new Set(readings.map(({ hour }) => hour))].sort((one, other) => one - other);
  const days = new Map([day, dayBefore, ...sameWeekdays].map((date) => [date, readsOf(readings, date)]));
  return hours.map((hour) => {
    const inHour = (date: string) =>
      days.get(date)?.findLast((read) => Math.floor(read.minutes / minutesOfHour) === hour);
    // An hour that is yet to come is shown as each other day was read in it.
    const own = inHour(day);
    const at = (date: string) => {
      const minutes = own?.minutes ?? hour * minutesOfHour;
      const read = (own === undefined ? inHour(date) : undefined) ?? readAt(days.get(date) ?? [], minutes);
      return read === undefined ? null : totalOf(read);
    };
    const weekdays = sameWeekdays.flatMap((date) => at(date) ?? []);
    return {
      hour,
      time: own === undefined ? null : timeOf(own.minutes),
      cost: own === undefined ? null : totalOf(own),
      receiptId: own?.receiptId ?? null,
      dayBefore: at(dayBefore),
      median: weekdays.length === 0 ? null : median(weekdays),
      medianOf: weekdays.length,
    };
  });
}

/** To the cent; of an even number, the middle of the middle two. */
export function median(amounts: readonly string[]): string {
  const sorted = [...amounts].sort((one, other) => Number(one) - Number(other));
  const upper = sorted[Math.floor(sorted.length / 2)] ?? "0";
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return divideMoney(sumMoney([lower, upper]), 2);
}

export interface At {
  date: string;
  /** The time of the day's last reading, the same for all; null for a day that was not read around it. */
  hour: number | null;
  time: string | null;
  /** The reading; of two, the earlier. */
  receiptId: number | null;
  /** Where no reading is of this time: the two that the amount lies between, by the share of the time. */
  between: [from: string, to: string] | null;
  total: string | null;
}

export interface SpendNow {
  day: At;
  dayBefore: At;
  weekBefore: At;
  /** Each traffic source with a row in a reading of the three days; the greatest spend of the day first. */
  sources: {
    sourceId: string;
    sourceName: string | null;
    cost: string | null;
    dayBefore: string | null;
    weekBefore: string | null;
  }[];
}

/**
 * A day as it was last read, beside the day before and the same weekday at that very time: what another day had spent by
 * an earlier one is no measure. A source without a row in a reading had spent nothing by then; a day without a reading
 * around that time is not known.
 */
export function spendAtThisHour(readings: readonly Reading[], day: string): SpendNow {
  const dates = [day, addDays(day, -1), addDays(day, -7)] as const;
  const own = readsOf(readings, day).at(-1);
  const [, before, week] = dates.map((date) =>
    own === undefined ? undefined : readAt(readsOf(readings, date), own.minutes),
  );
  const names = new Map<string, string | null>();
  for (const date of own === undefined ? [] : [...dates].reverse())
    for (const one of readings) if (one.date === date) names.set(one.sourceId, one.sourceName);
  const costOf = (read: Read | undefined, id: string) =>
    read === undefined ? null : cents(read.sources.get(id)?.cost ?? "0");
  return {
    day: shown(own, dates[0]),
    dayBefore: shown(before, dates[1]),
    weekBefore: shown(week, dates[2]),
    sources: [...names]
      .map(([sourceId, sourceName]) => ({
        sourceId,
        sourceName,
        cost: costOf(own, sourceId),
        dayBefore: costOf(before, sourceId),
        weekBefore: costOf(week, sourceId),
      }))
      .sort((one, other) => Number(other.cost ?? 0) - Number(one.cost ?? 0)),
  };
}

const minutesOfHour = 60;
/** Readings of two days that are so near each other by the clock are of the same time. */
const sameMinutes = 5;
/** Between two readings that are further apart nothing is known. Days are read every hour; a few may have failed. */
const gapMinutes = 240;

interface Read {
  /** Since the day began, by the feed's clock. */
  minutes: number;
  receiptId: number;
  between: At["between"];
  sources: Map<string, { name: string | null; cost: string }>;
}

const emptyRead = (minutes: number, receiptId: number, between: At["between"] = null): Read => ({
  minutes,
  receiptId,
  between,
  sources: new Map(),
});

/** The readings of a day, the first first. */
function readsOf(readings: readonly Reading[], date: string): Read[] {
  const reads = new Map<number, Read>();
  for (const one of readings) {
    if (one.date !== date) continue;
    const minutes = one.hour * minutesOfHour + one.minute;
    const known = reads.get(minutes);
    // They come in the order in which they were read: of two within a minute, the later counts.
    const read = known?.receiptId === one.receiptId ? known : emptyRead(minutes, one.receiptId);
    read.sources.set(one.sourceId, { name: one.sourceName, cost: one.cost });
    reads.set(minutes, read);
  }
  return [...reads.values()].sort((one, other) => one.minutes - other.minutes);
}

/** A day at a time: as it was read then, or between the readings before and after. */
function readAt(reads: readonly Read[], minutes: number): Read | undefined {
  const away = (read: Read) => Math.abs(read.minutes - minutes);
  const near = reads.filter((read) => away(read) <= sameMinutes).sort((one, other) => away(one) - away(other))[0];
  if (near !== undefined) return near;
  const before = reads.findLast((read) => read.minutes < minutes);
  const after = reads.find((read) => read.minutes > minutes);
  if (before === undefined || after === undefined || after.minutes - before.minutes > gapMinutes) return undefined;
  const read = emptyRead(minutes, before.receiptId, [timeOf(before.minutes), timeOf(after.minutes)]);
  for (const id of new Set([...before.sources.keys(), ...after.sources.keys()])) {
    const [from, to] = [before, after].map(({ sources: of }) => toMicros(of.get(id)?.cost ?? "0")) as [bigint, bigint];
    const share = ((to - from) * BigInt(minutes - before.minutes)) / BigInt(after.minutes - before.minutes);
    const name = after.sources.get(id)?.name ?? before.sources.get(id)?.name ?? null;
    read.sources.set(id, { name, cost: fromMicros(from + share) });
  }
  return read;
}

const totalOf = ({ sources }: Read) => cents(sumMoney([...sources.values()].map(({ cost }) => cost)));
const timeOf = (minutes: number) =>
  [Math.floor(minutes / minutesOfHour), minutes % minutesOfHour].map((part) => String(part).padStart(2, "0")).join(":");

function shown(read: Read | undefined, date: string): At {
  if (read === undefined) return { date, hour: null, time: null, receiptId: null, between: null, total: null };
  const { minutes, receiptId, between } = read;
  const hour = Math.floor(minutes / minutesOfHour);
  return { date, hour, time: timeOf(minutes), receiptId, between, total: totalOf(read) };
}

import { addDays } from "../../core/days.ts";
import { cents, divideMoney, sumMoney } from "../../core/money.ts";

/** What was known of one traffic source when a day was read. */
export interface Reading {
  date: string;
  /** By the feed's clock; 24 is what was read after the day's end. */
  hour: number;
  receiptId: number;
  sourceId: string;
  sourceName: string | null;
  cost: string;
}

/** The days that a day is measured by: the day before, and the same weekday of the four weeks before. */
export const daysToCompare = (day: string) => ({
  dayBefore: addDays(day, -1),
  sameWeekdays: [7, 14, 21, 28].map((days) => addDays(day, -days)),
});

export interface PaceHour {
  hour: number;
  cost: string | null;
  receiptId: number | null;
  dayBefore: string | null;
  /** Of the last four same weekdays, of those that were read in this hour. */
  median: string | null;
  medianOf: number;
}

/** The course of a day, hour by hour, beside the day before and the median of the last four same weekdays. */
export function paceOf(readings: readonly Reading[], day: string): PaceHour[] {
  const { dayBefore, sameWeekdays } = daysToCompare(day);
  const known = sumsByHour(readings);
  const at = (date: string, hour: number) => known.get(`${date} ${hour}`) ?? null;
  const hours = [...new Set(readings.map(({ hour }) => hour))].sort((one, other) => one - other);
  return hours.map((hour) => {
    const weekdays = sameWeekdays.flatMap((date) => at(date, hour)?.cost ?? []);
    const own = at(day, hour);
    return {
      hour,
      cost: own === null ? null : cents(own.cost),
      receiptId: own?.receiptId ?? null,
      dayBefore: inCents(at(dayBefore, hour)?.cost),
      median: weekdays.length === 0 ? null : median(weekdays),
      medianOf: weekdays.length,
    };
  });
}

const inCents = (amount: string | undefined) => (amount === undefined ? null : cents(amount));

function sumsByHour(readings: readonly Reading[]): Map<string, { cost: string; receiptId: number }> {
  const known = new Map<string, { cost: string; receiptId: number }>();
  for (const { date, hour, cost, receiptId } of readings) {
    const key = `${date} ${hour}`;
    known.set(key, { cost: sumMoney([known.get(key)?.cost ?? "0", cost]), receiptId });
  }
  return known;
}

/** To the cent; of an even number, the middle of the middle two. */
export function median(amounts: readonly string[]): string {
  const sorted = [...amounts].sort((one, other) => Number(one) - Number(other));
  const upper = sorted[Math.floor(sorted.length / 2)] ?? "0";
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return divideMoney(sumMoney([lower, upper]), 2);
}

interface At {
  date: string;
  /** The hour of the day's last reading, the same for all; null for a day that was not read in it. */
  hour: number | null;
  receiptId: number | null;
  /** Null when the day was not read in that hour. */
  total: string | null;
}

export interface SpendNow {
  day: At;
  dayBefore: At;
  weekBefore: At;
  /** Each traffic source with a row in one of the three; the greatest spend of the day first. */
  sources: {
    sourceId: string;
    sourceName: string | null;
    cost: string | null;
    dayBefore: string | null;
    weekBefore: string | null;
  }[];
}

/**
 * A day as it was last read, beside the day before and the same weekday in that very hour: what another day had spent by
 * an earlier one is no measure. A source without a row in a reading had spent nothing by then; a day without a reading in
 * that hour is not known.
 */
export function spendAtThisHour(readings: readonly Reading[], day: string): SpendNow {
  const last = readings.reduce((most, { date, hour }) => (date === day && hour > most ? hour : most), -1);
  const [own, before, week] = [day, addDays(day, -1), addDays(day, -7)].map((date) => readingAt(readings, date, last));
  const sources = new Map<string, string | null>();
  for (const one of [week, before, own])
    for (const [sourceId, { sourceName }] of one?.sources ?? []) sources.set(sourceId, sourceName);
  const costOf = (reading: Read | undefined, sourceId: string) =>
    reading === undefined || reading.hour === null ? null : cents(reading.sources.get(sourceId)?.cost ?? "0");
  return {
    day: summed(own, day),
    dayBefore: summed(before, addDays(day, -1)),
    weekBefore: summed(week, addDays(day, -7)),
    sources: [...sources]
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

interface Read {
  hour: number | null;
  receiptId: number | null;
  sources: Map<string, Reading>;
}

function readingAt(readings: readonly Reading[], date: string, hour: number): Read {
  const rows = readings.filter((reading) => reading.date === date && reading.hour === hour);
  return {
    hour: rows.length === 0 ? null : hour,
    receiptId: rows[0]?.receiptId ?? null,
    sources: new Map(rows.map((reading) => [reading.sourceId, reading])),
  };
}

function summed(read: Read | undefined, date: string): At {
  if (read === undefined || read.hour === null) return { date, hour: null, receiptId: null, total: null };
  const total = cents(sumMoney([...read.sources.values()].map(({ cost }) => cost)));
  return { date, hour: read.hour, receiptId: read.receiptId, total };
}

import { describe, expect, test } from "@jest/globals";
import { median, paceOf, spendAtThisHour, type Reading } from "./pace.ts";

let receipts = 0;
const reading = (date: string, hour: number, costs: Record<string, string>): Reading[] => {
  const receiptId = (receipts += 1);
  return Object.entries(costs).map(([sourceId, cost]) => ({
    ...{ date, hour, sourceId, cost, receiptId },
    sourceName: sourceId.toUpperCase(),
  }));
};

describe("at this hour", () => {
  const readings = [
    ...reading("2026-11-28", 8, { fb: "50", tt: "5" }),
    ...reading("2026-11-28", 9, { fb: "80.005", tt: "10" }),
    ...reading("2026-11-27", 8, { fb: "40" }),
    ...reading("2026-11-27", 10, { fb: "100", tt: "100" }),
    ...reading("2026-11-27", 24, { fb: "400" }),
    ...reading("2026-11-21", 9, { fb: "90", gone: "7" }),
  ];

  test("another day is read at the very same hour: one that was not read in it has no figure, whatever it had by another", () => {
    expect(spendAtThisHour(readings, "2026-11-28")).toMatchObject({
      day: { hour: 9, total: "90.01" },
      dayBefore: { date: "2026-11-27", hour: null, receiptId: null, total: null },
      weekBefore: { hour: 9, total: "97.00" },
    });
  });

  test("a source without a row had spent nothing by then; a day without a reading is not known", () => {
    const { sources } = spendAtThisHour(readings, "2026-11-28");
    expect(sources).toEqual([
      { sourceId: "fb", sourceName: "FB", cost: "80.01", dayBefore: null, weekBefore: "90.00" },
      { sourceId: "tt", sourceName: "TT", cost: "10.00", dayBefore: null, weekBefore: "0.00" },
      { sourceId: "gone", sourceName: "GONE", cost: "0.00", dayBefore: null, weekBefore: "7.00" },
    ]);
    const alone = spendAtThisHour(reading("2026-11-28", 9, { fb: "1" }), "2026-11-28");
    expect(alone.dayBefore).toEqual({ date: "2026-11-27", hour: null, receiptId: null, total: null });
    expect(alone.sources[0]?.dayBefore).toBeNull();
  });

  test("a day that was not read yet shows nothing, and no other day in its place", () => {
    const now = spendAtThisHour(readings, "2026-11-29");
    expect([now.day.total, now.dayBefore.total, now.sources]).toEqual([null, null, []]);
  });
});

test("a day's course has a gap where it was not read, and says of how many weekdays its median is", () => {
  const readings = [
    ...reading("2026-11-28", 8, { fb: "10", tt: "1.5" }),
    ...reading("2026-11-27", 9, { fb: "7" }),
    ...reading("2026-11-21", 8, { fb: "1" }),
    ...reading("2026-11-14", 8, { fb: "4" }),
    ...reading("2026-11-07", 8, { fb: "100" }),
  ];
  const [eight, nine] = paceOf(readings, "2026-11-28");
  expect(eight).toMatchObject({ hour: 8, cost: "11.50", dayBefore: null, median: "4.00", medianOf: 3 });
  expect(nine).toEqual({ hour: 9, cost: null, receiptId: null, dayBefore: "7.00", median: null, medianOf: 0 });
});

test.each([
  [["3"], "3.00"],
  [["10", "9", "1"], "9.00"],
  [["1", "2.01"], "1.51"],
  [["100", "20", "3", "4"], "12.00"],
])("the median of %j is %s", (amounts, expected) => {
  expect(median(amounts)).toBe(expected);
});

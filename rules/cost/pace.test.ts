import { describe, expect, test } from "@jest/globals";
import { lastOfHours, median, paceOf, spendAtThisHour, type Reading } from "./pace.ts";

let receipts = 0;
const reading = (date: string, hour: number, costs: Record<string, string>, minute = 0): Reading[] => {
  const receiptId = (receipts += 1);
  return Object.entries(costs).map(([sourceId, cost]) => ({
    ...{ date, hour, minute, sourceId, cost, receiptId },
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

  test("another day stands beside it at the very same time, between the readings around it; where it ends before, it has no figure", () => {
    expect(spendAtThisHour(readings, "2026-11-28")).toMatchObject({
      day: { hour: 9, total: "90.01" },
      // Half way from 40 to 100 and from nothing to 100.
      dayBefore: { date: "2026-11-27", time: "09:00", between: ["08:00", "10:00"], total: "120.00" },
      weekBefore: { hour: 9, total: "97.00", between: null },
    });
    const [early] = [reading("2026-11-27", 8, { fb: "40" })];
    expect(
      spendAtThisHour([...reading("2026-11-28", 9, { fb: "50" }), ...early], "2026-11-28").dayBefore,
    ).toMatchObject({
      ...{ hour: null, time: null, receiptId: null, total: null },
    });
  });

  test("what was read at ten to three stands beside the other days at ten to three, between the readings around it", () => {
    const now = spendAtThisHour(
      [
        ...reading("2026-11-28", 14, { fb: "100" }, 2),
        ...reading("2026-11-28", 14, { fb: "140", tt: "9" }, 50),
        ...reading("2026-11-27", 14, { fb: "60", gone: "3" }, 5),
        ...reading("2026-11-27", 15, { fb: "120", gone: "3", tt: "6" }, 5),
        ...reading("2026-11-21", 14, { fb: "90" }, 47),
        ...reading("2026-11-21", 15, { fb: "99" }, 5),
      ],
      "2026-11-28",
    );
    expect(now.day).toMatchObject({ time: "14:50", total: "149.00", between: null });
    // 45 of 60 minutes: 60 and three quarters of 60, 3, and three quarters of 6.
    expect(now.dayBefore).toMatchObject({ time: "14:50", total: "112.50", between: ["14:05", "15:05"] });
    expect(now.sources.map(({ sourceId, dayBefore }) => [sourceId, dayBefore])).toEqual([
      ["fb", "105.00"],
      ["tt", "4.50"],
      ["gone", "3.00"],
    ]);
    expect(now.weekBefore).toMatchObject({ time: "14:47", total: "90.00", between: null });
  });

  test("a source without a row had spent nothing by then; a day without a reading is not known", () => {
    const { sources } = spendAtThisHour(readings, "2026-11-28");
    expect(sources).toEqual([
      { sourceId: "fb", sourceName: "FB", cost: "80.01", dayBefore: "70.00", weekBefore: "90.00" },
      { sourceId: "tt", sourceName: "TT", cost: "10.00", dayBefore: "50.00", weekBefore: "0.00" },
      { sourceId: "gone", sourceName: "GONE", cost: "0.00", dayBefore: "0.00", weekBefore: "7.00" },
    ]);
    const alone = spendAtThisHour(reading("2026-11-28", 9, { fb: "1" }), "2026-11-28");
    expect(alone.dayBefore).toEqual({
      ...{ date: "2026-11-27", hour: null, time: null, receiptId: null, between: null, total: null },
    });
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
  expect(nine).toEqual({
    hour: 9,
    time: null,
    cost: null,
    receiptId: null,
    dayBefore: "7.00",
    median: null,
    medianOf: 0,
  });
});

test("an hour of the course is compared at the time at which it was read last, an hour to come as the others were read in it", () => {
  const course = paceOf(
    [
      ...reading("2026-11-28", 8, { fb: "10" }, 1),
      ...reading("2026-11-28", 8, { fb: "16" }, 40),
      ...reading("2026-11-27", 8, { fb: "20" }),
      ...reading("2026-11-27", 9, { fb: "50" }),
      ...reading("2026-11-21", 8, { fb: "30" }, 10),
      ...reading("2026-11-21", 9, { fb: "60" }, 10),
    ],
    "2026-11-28",
  );
  expect(course).toMatchObject([
    { hour: 8, time: "08:40", cost: "16.00", dayBefore: "40.00", median: "45.00", medianOf: 1 },
    { hour: 9, time: null, cost: null, dayBefore: "50.00", median: "60.00", medianOf: 1 },
  ]);
});

test("of several readings within an hour the last counts", () => {
  const early = reading("2026-11-28", 8, { fb: "10", tt: "5" }, 1);
  const late = reading("2026-11-28", 8, { fb: "16" }, 40);
  const next = reading("2026-11-28", 9, { fb: "17" });
  expect(lastOfHours([...early, ...late, ...next])).toEqual([...late, ...next]);
});

test.each([
  [["3"], "3.00"],
  [["10", "9", "1"], "9.00"],
  [["1", "2.01"], "1.51"],
  [["100", "20", "3", "4"], "12.00"],
])("the median of %j is %s", (amounts, expected) => {
  expect(median(amounts)).toBe(expected);
});

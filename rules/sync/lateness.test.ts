import { expect, test } from "@jest/globals";
import type { SourceFreshness } from "../../queries/sync/freshness.ts";
import { lastDue } from "./expectation.ts";
import { lateSources } from "./lateness.ts";

const schedule = {
  source: "redtrack.daily_spend",
  hours: { from: 7, to: 23 },
  minute: 0,
  timezone: "America/New_York",
};
const known = (freshness: Partial<SourceFreshness>): SourceFreshness => ({
  client: "713",
  source: schedule.source,
  lastReceiptAt: null,
  lastFetchedAt: null,
  covered: true,
  schedule,
  oldestOpenDay: null,
  oldestOpenSince: null,
  failedSlices: 0,
  rowsToday: 0,
  totalToday: "0",
  rowsYesterday: 0,
  totalYesterday: "0",
  ...freshness,
});

test("the last due run is the latest whose grace of an hour is over, by the zone's clock", () => {
  expect(lastDue(schedule, new Date("2025-12-18T15:59:00Z"))?.toISOString()).toBe("2025-12-18T14:00:00.000Z");
  expect(lastDue(schedule, new Date("2025-12-18T16:00:00Z"))?.toISOString()).toBe("2025-12-18T15:00:00.000Z");
  // At night the last run of the evening before.
  expect(lastDue(schedule, new Date("2025-12-18T09:00:00Z"))?.toISOString()).toBe("2025-12-18T04:00:00.000Z");
  // The day the clock goes forward, and the day it goes back.
  expect(lastDue(schedule, new Date("2025-03-09T12:30:00Z"))?.toISOString()).toBe("2025-03-09T11:00:00.000Z");
  expect(lastDue(schedule, new Date("2025-11-02T13:30:00Z"))?.toISOString()).toBe("2025-11-02T12:00:00.000Z");
});

test("a source is late when it was not read since its last due run, or an old day is not final", () => {
  const now = new Date("2025-12-18T16:30:00Z");
  const late = (freshness: Partial<SourceFreshness>) =>
    lateSources([known(freshness)], now).map(({ reason }) => reason);
  const justNow = new Date("2025-12-18T16:00:30Z");
  expect(late({ lastFetchedAt: justNow })).toEqual([]);
  expect(late({ lastFetchedAt: justNow, oldestOpenDay: "2025-12-17" })).toEqual([]);
  expect(late({ lastFetchedAt: justNow, oldestOpenDay: "2025-12-16" })).toEqual(["2025-12-16 is not final"]);
  expect(late({ lastFetchedAt: new Date("2025-12-18T14:00:30Z") })).toEqual([
    "last read 2025-12-18 09:00, expected after 2025-12-18 10:00 America/New York",
  ]);
  expect(late({})).toEqual([expect.stringContaining("never")]);
});

test("what no schedule answers for is never late", () => {
  expect(
    lateSources(
      [known({ covered: false }), known({ source: "everflow.daily", schedule: null })],
      new Date("2025-12-18T16:30:00Z"),
    ),
  ).toEqual([]);
});

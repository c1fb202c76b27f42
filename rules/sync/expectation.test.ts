import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dayAt, startOfDay } from "../../core/days.ts";
import { lastDue } from "./expectation.ts";

const timezone = "America/New_York";
const hourly = { source: "redtrack.daily_spend", hours: { from: 7, to: 23 }, minute: 0, timezone };
const due = (now: string, schedule = hourly) => lastDue(schedule, new Date(now))?.toISOString();

describe("a source should have been read since", () => {
  test.each([
    // Winter: 23:00 in New York is 04:00 UTC; an hour's grace on top.
    ["2026-01-15T15:59:59Z", "2026-01-15T14:00:00.000Z", "the run an hour and more ago"],
    ["2026-01-15T16:00:00Z", "2026-01-15T15:00:00.000Z", "a run whose grace has just ended"],
    ["2026-01-16T04:59:59Z", "2026-01-16T03:00:00.000Z", "22:00, while the last run of the day has its grace"],
    ["2026-01-16T05:00:00Z", "2026-01-16T04:00:00.000Z", "23:00 of the day before, at midnight"],
    ["2026-01-16T12:30:00Z", "2026-01-16T04:00:00.000Z", "23:00 of the day before, while the first run has its grace"],
    ["2026-01-16T13:00:00Z", "2026-01-16T12:00:00.000Z", "the first run of the day"],
    // The clock goes forward: the day has 23 hours.
    ["2026-03-08T12:00:00Z", "2026-03-08T11:00:00.000Z", "7:00 by the new clock"],
    ["2026-03-09T03:59:00Z", "2026-03-09T02:00:00.000Z", "22:00 on the short day"],
    ["2026-03-09T04:30:00Z", "2026-03-09T03:00:00.000Z", "23:00 on the short day"],
    // And back: 25 hours.
    ["2026-11-01T13:00:00Z", "2026-11-01T12:00:00.000Z", "7:00 by the old clock"],
    ["2026-11-02T05:00:00Z", "2026-11-02T04:00:00.000Z", "23:00 on the long day"],
  ])("at %s: %s, %s", (now, expected) => {
    expect(due(now)).toBe(expected);
  });

  test("half past, in a zone that moves its clock by half an hour", () => {
    const lordHowe = { ...hourly, hours: { from: 6, to: 8 }, minute: 30, timezone: "Australia/Lord_Howe" };
    // 2026-10-04, the day of 23 and a half hours: 8:30 by the new clock, eleven hours before UTC.
    expect(due("2026-10-03T23:00:00Z", lordHowe)).toBe("2026-10-03T21:30:00.000Z");
  });

  test("is always one of the schedule's own moments, at least an hour ago, and the latest of them", () => {
    const clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    fc.assert(
      fc.property(fc.date({ min: new Date("2024-01-01"), max: new Date("2030-01-01"), noInvalidDate: true }), (now) => {
        const moment = lastDue(hourly, now) ?? new Date(0);
        const [hour, minute] = clock.format(moment).split(":").map(Number);
        expect(minute).toBe(0);
        expect(hour).toBeGreaterThanOrEqual(7);
        expect(now.getTime() - moment.getTime()).toBeGreaterThanOrEqual(3_600_000);
        // The longest gap is the night's: from 23:00 to 7:00, its grace, and an hour more when the clock goes back.
        expect(now.getTime() - moment.getTime()).toBeLessThan(hour === 23 ? 10 * 3_600_000 : 2 * 3_600_000);
        expect(startOfDay(dayAt(moment, timezone), timezone).getTime()).toBeLessThan(moment.getTime());
      }),
    );
  });
});

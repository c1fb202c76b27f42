import { execFileSync } from "node:child_process";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addDays, clockTime, dayAt, daysFromTo, endOfDay, isDay, isTimeZone, startOfDay } from "./days.ts";
import { projectRoot } from "../settings/environment.ts";

const newYork = "America/New_York";

test.each(["2025-12-18", "2024-02-29", "2000-01-01", "9999-12-31"])("%s is a day", (text) => {
  expect(isDay(text)).toBe(true);
});

test.each([
  ...["2025-02-29", "2025-13-01", "2025-00-10", "2025-1-1", "18.12.2025", "2025-12-18T00:00:00Z", "", " 2025-12-18"],
  ...["2025-12-18 ", "20251218", "+002025-12-18", "2025-12-32", "2025-W51-4", "٢٠٢٥-١٢-١٨"],
])("%j is not a day", (text) => {
  expect(isDay(text)).toBe(false);
});

test("a time zone is a name the calendar knows", () => {
  expect(["America/New_York", "UTC", "Australia/Lord_Howe"].map(isTimeZone)).toEqual([true, true, true]);
  expect(["America/Gotham", "", "Eastern"].map(isTimeZone)).toEqual([false, false, false]);
});

describe("a day in its zone", () => {
  test.each([
    // The clock goes forward, or back, by an hour.
    ["2026-03-08", newYork, "2026-03-08T05:00:00.000Z", 23],
    ["2026-11-01", newYork, "2026-11-01T04:00:00.000Z", 25],
    ["2026-07-01", newYork, "2026-07-01T04:00:00.000Z", 24],
    // By half an hour.
    ["2026-10-04", "Australia/Lord_Howe", "2026-10-03T13:30:00.000Z", 23.5],
    ["2026-04-05", "Australia/Lord_Howe", "2026-04-04T13:00:00.000Z", 24.5],
    // The skipped hour is the one after midnight: the day begins at one o'clock.
    ["2026-09-06", "America/Santiago", "2026-09-06T04:00:00.000Z", 23],
    ["2025-03-30", "Asia/Beirut", "2025-03-29T22:00:00.000Z", 23],
    // A whole day was left out of the calendar just before it.
    ["2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00.000Z", 24],
    ["2026-07-01", "Asia/Kathmandu", "2026-06-30T18:15:00.000Z", 24],
  ])("%s in %s begins at %s and has %s hours", (day, timezone, begins, hours) => {
    const [start, end] = [startOfDay(day, timezone), endOfDay(day, timezone)];
    expect(start.toISOString()).toBe(begins);
    expect((end.getTime() - start.getTime()) / 3_600_000).toBe(hours);
  });

  test("holds its first moment and its last, and nothing beside them", () => {
    const zones = [
      "UTC",
      newYork,
      "Australia/Lord_Howe",
      "America/Santiago",
      "Pacific/Kiritimati",
      "Pacific/Pago_Pago",
    ];
    fc.assert(
      fc.property(anyDay, fc.constantFrom(...zones), (day, timezone) => {
        const [start, end] = [startOfDay(day, timezone), endOfDay(day, timezone)];
        const around = [start.getTime() - 1, start.getTime(), end.getTime() - 1, end.getTime()];
        expect(around.map((moment) => dayAt(new Date(moment), timezone))).toEqual([
          addDays(day, -1),
          day,
          day,
          addDays(day, 1),
        ]);
      }),
    );
  });
});

test("days are stepped one by one through a change of the clock, a leap day and a year's end", () => {
  expect(daysFromTo("2026-03-07", "2026-03-09")).toEqual(["2026-03-07", "2026-03-08", "2026-03-09"]);
  expect(daysFromTo("2024-02-28", "2024-03-01")).toEqual(["2024-02-28", "2024-02-29", "2024-03-01"]);
  expect(daysFromTo("2025-12-31", "2026-01-01")).toEqual(["2025-12-31", "2026-01-01"]);
  expect(daysFromTo("2026-01-02", "2026-01-01")).toEqual([]);
  expect(daysFromTo("2026-01-01", "2026-01-01")).toEqual(["2026-01-01"]);
  expect(addDays("2026-03-01", -1)).toBe("2026-02-28");
  fc.assert(
    fc.property(anyDay, fc.integer({ min: 0, max: 800 }), (from, length) => {
      const days = daysFromTo(from, addDays(from, length));
      expect(days).toHaveLength(length + 1);
      expect(days.every(isDay)).toBe(true);
      expect(new Set(days).size).toBe(days.length);
    }),
    { numRuns: 20 },
  );
});

test("a moment is taken as a date or as text, with whatever offset it was written", () => {
  expect(dayAt("2026-11-01T23:59:59-05:00", newYork)).toBe("2026-11-01");
  expect(dayAt(new Date("2026-11-02T04:59:59Z"), newYork)).toBe("2026-11-01");
  expect(dayAt("2026-11-02T05:00:00Z", newYork)).toBe("2026-11-02");
});

test("the host's own time zone changes nothing", () => {
  const code = `
    const { addDays, dayAt, daysFromTo, endOfDay, startOfDay } = await import(${JSON.stringify(path.join(import.meta.dirname, "days.ts"))});
    const zone = "America/New_York";
    const shown = daysFromTo("2026-03-07", "2026-03-09").concat(daysFromTo("2026-10-31", "2026-11-02"))
      .map((day) => [day, startOfDay(day, zone), endOfDay(day, zone), dayAt(startOfDay(day, zone), zone), addDays(day, -3)]);
    console.log(JSON.stringify(shown));`;
  const register = path.join(projectRoot(), "test/register-typescript.js");
  const answers = ["UTC", "Asia/Tokyo", "Pacific/Kiritimati", "America/Los_Angeles", "Australia/Lord_Howe"].map((TZ) =>
    execFileSync(process.execPath, ["--import", register, "--input-type=module", "-e", code], {
      env: { PATH: process.env["PATH"], TZ },
      encoding: "utf8",
    }),
  );
  expect(answers[0]).toContain('["2026-03-08","2026-03-08T05:00:00.000Z","2026-03-09T04:00:00.000Z"');
  expect(new Set(answers).size).toBe(1);
});

const anyDay = fc.integer({ min: 0, max: 20_000 }).map((days) => addDays("2000-01-01", days));

test.each([
  ["2026-03-08", 1, "2026-03-08T06:00:00.000Z"],
  ["2026-03-08", 2, "2026-03-08T07:00:00.000Z"],
  ["2026-03-08", 3, "2026-03-08T07:00:00.000Z"],
  ["2026-03-08", 23, "2026-03-09T03:00:00.000Z"],
  ["2026-11-01", 0, "2026-11-01T04:00:00.000Z"],
  ["2026-11-01", 1, "2026-11-01T05:00:00.000Z"],
  ["2026-11-01", 7, "2026-11-01T12:00:00.000Z"],
])("on %s the clock of New York shows %i:00 at %s", (day, hour, moment) => {
  expect(clockTime(day, hour, 0, newYork).toISOString()).toBe(moment);
});

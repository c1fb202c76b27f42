import { expect, test } from "@jest/globals";
import { clockTime } from "../../core/days.ts";
import { zone } from "./demo.ts";
import { hoursToRead } from "./spend.ts";

test.each([7, 12, 13, 14, 22, 23])(
  "at half past %d every day that today is compared with was read before and after that minute, and today in that hour",
  (hour) => {
    const now = clockTime("2026-11-28", hour, 30, zone);
    expect(hoursToRead("2026-11-28", 1, now).at(-1)).toBe(hour);
    // After 23:00 comes the whole day.
    const around = hour === 23 ? [23] : [hour, hour + 1];
    expect(hoursToRead("2026-11-27", 2, now)).toEqual(expect.arrayContaining(around));
    expect(hoursToRead("2026-11-21", 4, now)).toEqual(expect.arrayContaining(around));
  },
);

test("nothing is read before seven or in hours that are still to come", () => {
  const now = clockTime("2026-11-28", 5, 0, zone);
  expect(hoursToRead("2026-11-28", 1, now)).toEqual([]);
  expect(hoursToRead("2026-11-27", 4, now)).toEqual([9, 13, 17, 21]);
});

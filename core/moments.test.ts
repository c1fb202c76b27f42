import { expect, test } from "@jest/globals";
import { isPast, readEpochSecond, readMoment } from "./moments.ts";

test.each([
  ["2026-03-08T11:03:22.499Z", "2026-03-08T11:03:22.499Z"],
  ["2026-03-08 11:03", "2026-03-08T11:03:00.000Z"],
  ["2026-03-08T11:03:22.4", "2026-03-08T11:03:22.400Z"],
  ["2026-03-08T11:03:22-0500", "2026-03-08T16:03:22.000Z"],
  ["2026-03-08t11:03:22+05:30", "2026-03-08T05:33:22.000Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
])("%s is a moment", (text, expected) => {
  expect(readMoment(text)?.toISOString()).toBe(expected);
});

test.each([
  "2026-02-30T10:00:00Z",
  "2026-02-29T10:00:00Z",
  "2026-04-31T10:00:00Z",
  "2026-13-08T11:03:22Z",
  "2026-03-08T24:00:00Z",
  "2026-03-08T11:60:00Z",
  "2026-03-08T11:03:60Z",
  "2026-03-08T11:03:22+99:99",
  "1999-12-31T23:59:59Z",
  "2026-03-08",
  "yesterday",
])("%s is none, and no other day is made of it", (text) => {
  expect(readMoment(text)).toBeNull();
});

test("seconds are digits and nothing else", () => {
  expect(readEpochSecond("1772967802")?.toISOString()).toBe("2026-03-08T11:03:22.000Z");
  expect(["1e9", "17729678020000", "-1772967802", "1772967802.5"].map(readEpochSecond)).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test("a sender's clock may be a day ahead, no more", () => {
  const now = new Date("2026-03-08T12:00:00Z");
  expect(isPast(new Date("2026-03-09T12:00:00Z"), now)).toBe(true);
  expect(isPast(new Date("2026-03-09T12:00:01Z"), now)).toBe(false);
});

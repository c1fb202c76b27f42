import { expect, test } from "@jest/globals";
import { rangeOf } from "./period.ts";

test.each([
  ["7", "2025-12-01", { start: "2025-12-12", end: "2025-12-18", days: 7 }],
  ["30", null, { start: "2025-11-19", end: "2025-12-18", days: 30 }],
  ["365", "2025-12-01", { start: "2024-12-19", end: "2025-12-18", days: 365 }],
  ["all", "2025-12-17", { start: "2025-12-17", end: "2025-12-18", days: 2 }],
  ["all", null, { start: "2025-12-18", end: "2025-12-18", days: 1 }],
  ["all", "2025-12-19", { start: "2025-12-19", end: "2025-12-19", days: 1 }],
] as const)("%s days, first event on %s", (period, firstDay, range) => {
  expect(rangeOf(period, { today: "2025-12-18", firstDay })).toEqual(range);
});

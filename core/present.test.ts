import { expect, test } from "@jest/globals";
import { present, presentAt } from "./present.ts";

test.each([
  [undefined, "2026-11-25T20:30:15.123Z", "2026-11-25T20:30:15.123Z"],
  // The time of day of New York, where the data's days are cut: late in the evening it is already tomorrow in UTC.
  ["2025-12-18", "2026-11-25T20:30:15.123Z", "2025-12-18T20:30:15.123Z"],
  ["2025-12-18", "2026-11-26T03:30:00.000Z", "2025-12-19T03:30:00.000Z"],
  ["2025-12-18", "2026-07-01T16:00:00.000Z", "2025-12-18T17:00:00.000Z"],
  ["2025-12-18T15:30:00-05:00", "2026-11-25T20:30:15.123Z", "2025-12-18T20:30:00.000Z"],
])("with %s for its present, a clock shows at %s: %s", (setting, now, shown) => {
  expect(presentAt(setting, new Date(now)).toISOString()).toBe(shown);
});

test.each(["2025-02-30", "yesterday", "2025-12-18T15:30:00", ""])("%j is no present", (text) => {
  expect(present.safeParse(text).success).toBe(false);
});

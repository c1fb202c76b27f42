import { expect, test } from "@jest/globals";
import { durationText } from "./duration.ts";

test.each([
  [0, "0 seconds"],
  [1, "1 second"],
  [119.4, "119 seconds"],
  [119.6, "2 minutes"],
  [900, "15 minutes"],
  [3_600, "1 hour"],
  [7_200, "2 hours"],
  [64_267, "18 hours"],
  [86_400, "24 hours"],
  [1_209_600, "14 days"],
  [864_000_000, "10,000 days"],
])("%d seconds are %s", (seconds, words) => {
  expect(durationText(seconds)).toBe(words);
});

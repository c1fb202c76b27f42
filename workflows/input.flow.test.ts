import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { failureOf, startStack, uniqueId, type TestStack } from "../test/stack.ts";

jest.setTimeout(30_000);

let stack: TestStack;
beforeAll(async () => {
  // Nobody works on the vendor's queue: what a person typed wrongly has to be told all the same.
  stack = await startStack({ WORKER_QUEUES: "signal-room" });
});
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const december = { source, from: "2025-12-01", to: "2025-12-02" };

test.each([
  ["backfill", { ...december, from: "2025-12-09" }, /from 2025-12-09 is after to 2025-12-02: swap them/],
  [
    "backfill",
    { ...december, to: "2999-01-01" },
    /to 2999-01-01 is in the future: today is \d{4}-\d\d-\d\d in America\/New_York/,
  ],
  ["backfill", { ...december, from: "2025-02-30" }, /^from: must be a day, written YYYY-MM-DD$/],
  ["backfill", { ...december, from: "yesterday", to: 7 }, /^from: must be a day.*; to: .*YYYY-MM-DD$/],
  ["backfill", { source, from: "2025-12-01" }, /^to: .*missing: write it as YYYY-MM-DD$/],
  ["backfill", { source, from: "1925-12-01", to: "2025-12-01" }, /^36526 days are more than one backfill takes/],
  [
    "backfill",
    { ...december, source: "redtrack.spend" },
    /^unknown source "redtrack\.spend": there are redtrack\.daily_spend/,
  ],
  ["backfill", { ...december, client: "714" }, /^unknown client "714": there are 713 \(the setting CLIENTS\)$/],
  ["backfill", { ...december, parallel: 0 }, /^parallel: .*>=\s*1/],
  ["backfill", undefined, /source: is missing.*redtrack\.daily_spend.*from: .*missing.*to: .*missing/],
  ["syncSlice", { source, day: "2025-13-01" }, /^day: must be a day/],
  ["syncSlice", { source, day: "2999-01-01" }, /^day 2999-01-01 is in the future/],
  ["syncSlice", { source, day: "2025-12-01", client: "714" }, /^unknown client "714"/],
  ["syncSlice", undefined, /source: is missing.*day: .*missing/],
  ["syncSource", { source: "nobody.knows" }, /^unknown source "nobody\.knows"/],
  ["syncSource", { source, client: "714" }, /^unknown client "714"/],
  ["syncSource", undefined, /^source: is missing/],
])("%s of %j fails at once with a message to act on", async (type, input, message) => {
  const handle = await stack.start(type, uniqueId(`${type}/typed`), ...(input === undefined ? [] : [input]));
  expect(await failureOf(handle.result())).toEqual({ type: "InvalidInput", message: expect.stringMatching(message) });
  expect(await stack.rows("select from ops.runs")).toHaveLength(0);
});

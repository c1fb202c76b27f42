import { expect, test } from "@jest/globals";
import { signsOf } from "./claims.ts";
import { waitMsOf } from "./waits.ts";

const claim = (views: bigint, clicks = 0n, conversions = 0n) => ({ views, clicks, conversions });

test("more clicks than views are impossible; as many are not", () => {
  expect(signsOf(claim(10n, 11n), null).impossible).toBe(true);
  expect(signsOf(claim(10n, 10n), null).impossible).toBe(false);
});

test.each([
  ["ten times the claim before, by a thousand", claim(200n), claim(2_000n), "views"],
  ["not quite ten times", claim(200n), claim(1_999n), null],
  ["ten times very little", claim(100n), claim(1_000n), null],
  ["clicks alone", claim(5_000n, 10n), claim(5_000n, 200n), "clicks"],
  ["fewer than before", claim(5_000n), claim(50n), null],
  ["a metric that was not claimed before", claim(0n), claim(90_000n), null],
] as const)("a jump: %s", (_what, before, now, metric) => {
  expect(signsOf(now, before).jump).toBe(metric);
});

test("waits double up to the longest, and keep what the platform asks for within it", () => {
  const settings = { firstMs: 1_000, longestMs: 60_000 };
  expect([1, 2, 3, 4, 7, 8, 5_000].map((tries) => waitMsOf(tries, settings, null))).toEqual([
    1_000, 2_000, 4_000, 8_000, 60_000, 60_000, 60_000,
  ]);
  expect(waitMsOf(1, settings, 20_000)).toBe(20_000);
  expect(waitMsOf(9, settings, 20_000)).toBe(20_000);
  expect(waitMsOf(1, settings, 3_600_000)).toBe(60_000);
  expect(waitMsOf(3, settings, 0)).toBe(1_000);
});

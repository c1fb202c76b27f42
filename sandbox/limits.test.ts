import { expect, test } from "@jest/globals";
import { apportion } from "./apportion.ts";
import { createLimiter, parseLimits } from "./limits.ts";

const MINUTE = Date.parse("2026-03-10T12:00:00Z");

test("some calls use two of the minute's twenty, so a minute holds fewer than twenty", () => {
  const limiter = createLimiter({ perMinute: 20, perSecond: null, countTwice: true });
  const admitted = (fromMs: number) =>
    Array.from({ length: 20 }, (_, call) => limiter.admit("713", fromMs + call * 2_000)).filter((one) => one.admitted);
  const first = admitted(MINUTE).length;
  expect(first).toBeGreaterThanOrEqual(10);
  expect(first).toBeLessThan(20);
  expect(limiter.admit("713", MINUTE + 45_200)).toMatchObject({ admitted: false, retryAfterSeconds: 15 });
  expect(limiter.admit("713", MINUTE + 60_000).admitted).toBe(true);
});

test("a third call within a second is refused for a second, and does not count", () => {
  const limiter = createLimiter({ perMinute: 20, perSecond: 2, countTwice: false });
  const calls = [0, 10, 20].map((ms) => limiter.admit("713", MINUTE + ms));
  expect(calls.map((call) => call.admitted)).toEqual([true, true, false]);
  expect(calls[2]).toMatchObject({ retryAfterSeconds: 1, remainingThisMinute: 18 });
  expect(limiter.admit("713", MINUTE + 1_000).admitted).toBe(true);
});

test("a window of ten seconds rolls: a place is free again ten seconds after the call that took it", () => {
  const limiter = createLimiter({ perMinute: null, perSecond: null, perTenSeconds: 2, countTwice: false });
  const calls = [8_000, 9_000, 11_000, 18_000].map((ms) => limiter.admit("713", MINUTE + ms));
  expect(calls.map((call) => call.admitted)).toEqual([true, true, false, true]);
  expect(calls[2]).toMatchObject({ full: "ten_seconds", retryAfterSeconds: 7 });
});

test("a limits setting changes only what it names", () => {
  expect(parseLimits("20/minute")).toEqual({ perMinute: 20 });
  expect(parseLimits("60/minute, none/second, once")).toEqual({ perMinute: 60, perSecond: null, countTwice: false });
  expect(parseLimits("none")).toEqual({
    perMinute: null,
    perSecond: null,
    perTenSeconds: null,
    countTwice: false,
    concurrent: null,
  });
  expect(parseLimits("100/10s")).toEqual({ perTenSeconds: 100 });
  expect(parseLimits("none/second, 10/concurrent")).toEqual({ perSecond: null, concurrent: 10 });
  expect(() => parseLimits("20 a minute")).toThrow('not a limit: "20 a minute"');
});

test("an apportioned sum adds up, with the least that was asked for each part", () => {
  expect(apportion(10, [1, 1, 1])).toEqual([4, 3, 3]);
  expect(apportion(100, [0, 1, 99], 1)).toEqual([1, 2, 97]);
  expect(() => apportion(1, [1, 1], 1)).toThrow(RangeError);
});

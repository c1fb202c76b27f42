import { expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { matchedWeeks, measureAdvice, scoreOf, type MeasuredDay } from "./scorecard.ts";

const doneOn = "2026-03-04";
const forecast = { currentWeekly: 70, targetWeekly: 350, savingsWeekly: 112, savingsWeeklyLow: 90 };

const days = (from: string, count: number, of: { spend: number; price: number }): MeasuredDay[] =>
  Array.from({ length: count }, (_, i) => ({
    date: addDays(from, i),
    clicks: Math.round(of.spend / of.price),
    spend: of.spend,
    restClicks: 800,
    restSpend: 400,
  }));
const before = days("2026-02-04", 28, { spend: 10, price: 0.3 });
const outcome = (after: { spend: number; price: number }) =>
  measureAdvice(forecast, matchedWeeks(doneOn, "2026-03-31"), { before, after: days(doneOn, 28, after) });

test.each([
  ["2026-03-03", null],
  ["2026-03-09", null],
  [
    "2026-03-10",
    { weeks: 1, before: { from: "2026-02-25", to: "2026-03-03" }, after: { from: doneOn, to: "2026-03-10" } },
  ],
  [
    "2026-03-30",
    { weeks: 3, before: { from: "2026-02-11", to: "2026-03-03" }, after: { from: doneOn, to: "2026-03-24" } },
  ],
  [
    "2026-05-30",
    { weeks: 4, before: { from: "2026-02-04", to: "2026-03-03" }, after: { from: doneOn, to: "2026-03-31" } },
  ],
])("with rows up to %s whole weeks are matched with as many before", (lastDay, expected) => {
  expect(matchedWeeks(doneOn, lastDay)).toEqual(expected);
});

test.each([
  ["right", { spend: 50, price: 0.3 }],
  ["partly", { spend: 50, price: 0.44 }],
  ["wrong", { spend: 50, price: 0.65 }],
  ["undecided", { spend: 50, price: 0.5 }],
  ["not_raised", { spend: 11, price: 0.3 }],
])("advice is %s", (expected, after) => {
  expect(outcome(after).outcome).toBe(expected);
});

test("the forecast is scaled to the raise that was made, and what came is the raise times the saving per click", () => {
  const measured = outcome({ spend: 30, price: 0.3 });
  expect(measured.raisedWeekly).toBeCloseTo(140, 9);
  expect(measured.forecast).toBeCloseTo(56, 9);
  expect(measured.forecastLow).toBeCloseTo(45, 9);
  expect(measured.came).toBeCloseTo(140 * 0.4, 6);
});

test("before a week is over there is nothing to tell", () => {
  const measured = measureAdvice(forecast, matchedWeeks(doneOn, "2026-03-08"), { before, after: [] });
  expect(measured).toMatchObject({ outcome: "too_early", came: null });
});

test("the share that was right is of those that could be told", () => {
  expect(scoreOf(["right", "right", "partly", "wrong", "undecided", "not_raised", "too_early"])).toEqual({
    ...{ done: 7, right: 2, partly: 1, wrong: 1, undecided: 1, rightShare: 50 },
  });
  expect(scoreOf(["too_early"]).rightShare).toBeNull();
});

import { expect, test } from "@jest/globals";
import { meanRegrets, regretOf } from "./promo-simulation.ts";

test("a mode that learns loses fewer clicks than fixed weights, Thompson sampling the fewest by far", () => {
  const { fixed, performance, thompson } = meanRegrets(6_000, 3);
  const last = (regret: number[]) => regret.at(-1) ?? 0;
  expect(last(performance)).toBeLessThan(last(fixed));
  expect(last(thompson)).toBeLessThan(last(fixed) / 1.5);
});

test("a run is the same every time", () => {
  expect(regretOf("thompson", 300, "a")).toEqual(regretOf("thompson", 300, "a"));
});

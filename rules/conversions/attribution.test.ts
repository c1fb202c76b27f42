import { describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import fc from "fast-check";
import { attribute, attributionModels, type AttributionModel } from "./attribution.ts";

const options = { halfLifeDays: 7 };
const day = 86_400_000;
const step = (type: string, daysAgo: number) => ({ type, at: new Date(Date.UTC(2026, 2, 8) - daysAgo * day) });

function weights(steps: { type: string; at: Date }[] | null, halfLifeDays = 7): Record<AttributionModel, string[]> {
  const attribution = attribute(steps, { halfLifeDays });
  if (attribution.state === "unknown") throw new Error("unknown");
  return attribution.weights;
}

describe("each model, worked out by hand", () => {
  const oneClick = [step("click", 3)];
  const aWeekApart = [step("click", 7), step("click", 0)];
  const three = [step("click", 14), step("click", 7), step("click", 0)];
  const viewLast = [step("click", 9), step("click", 2), step("view", 0)];
  const onlyViews = [step("view", 4), step("view", 4)];
  const seven = Array.from({ length: 7 }, (_, index) => step("click", index));

  test.each<[string, { type: string; at: Date }[], AttributionModel, string[]]>([
    ["a single click has it all", oneClick, "last_click", ["1.000000"]],
    ["a single click has it all", oneClick, "first_click", ["1.000000"]],
    ["a single click has it all", oneClick, "linear", ["1.000000"]],
    ["a single click has it all", oneClick, "time_decay", ["1.000000"]],
    ["the later of two", aWeekApart, "last_click", ["0.000000", "1.000000"]],
    ["the earlier of two", aWeekApart, "first_click", ["1.000000", "0.000000"]],
    ["half each", aWeekApart, "linear", ["0.500000", "0.500000"]],
    ["one half-life apart: 1 to 2", aWeekApart, "time_decay", ["0.333333", "0.666667"]],
    ["thirds: the millionth left goes to the first", three, "linear", ["0.333334", "0.333333", "0.333333"]],
    ["1 to 2 to 4, in sevenths", three, "time_decay", ["0.142857", "0.285714", "0.571429"]],
    ["a view after the last click is no click", viewLast, "last_click", ["0.000000", "1.000000", "0.000000"]],
    ["but has its part where all have", viewLast, "linear", ["0.333334", "0.333333", "0.333333"]],
    ["without a click the last step counts, in the order told", onlyViews, "last_click", ["0.000000", "1.000000"]],
    ["and the first", onlyViews, "first_click", ["1.000000", "0.000000"]],
    ["steps of one moment weigh alike", onlyViews, "time_decay", ["0.500000", "0.500000"]],
    ["a million over seven leaves one", seven, "linear", ["0.142858", ...Array<string>(6).fill("0.142857")]],
  ])("%s (%#)", (_, steps, model, expected) => {
    expect(weights(steps)[model]).toEqual(expected);
  });

  test("a longer half-life forgets more slowly", () => {
    expect(weights([step("click", 7), step("click", 0)], 3.5).time_decay).toEqual(["0.200000", "0.800000"]);
  });

  test("the order the steps are told in does not move the last click", () => {
    expect(weights([step("click", 0), step("click", 5)]).last_click).toEqual(["1.000000", "0.000000"]);
  });
});

test.each([[null], [[]]])("a journey nobody told (%j) is unknown, not guessed", (steps) => {
  expect(attribute(steps, options)).toEqual({ state: "unknown" });
});

test("weights of every model add up to exactly 1, and none is negative", () => {
  const steps = fc.array(
    fc.record({
      type: fc.constantFrom("click", "view", "impression"),
      at: fc.date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true }),
    }),
    { minLength: 1, maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, fc.double({ min: 0.01, max: 365, noNaN: true }), (journey, halfLifeDays) => {
      const all = weights(journey, halfLifeDays);
      for (const model of attributionModels) {
        expect(all[model]).toHaveLength(journey.length);
        expect(all[model].reduce((sum, weight) => sum.plus(weight), new Big(0)).toFixed()).toBe("1");
        expect(all[model].every((weight) => /^[01]\.\d{6}$/.test(weight))).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("time decay never gives an older step more", () => {
  const ages = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 2, maxLength: 40 });
  fc.assert(
    fc.property(ages, (daysAgo) => {
      const sorted = [...daysAgo].sort((one, other) => other - one);
      const { time_decay: decay } = weights(sorted.map((age) => step("click", age)));
      // The millionth that is left over may stand a place early.
      for (let index = 1; index < decay.length; index += 1)
        expect(Number(decay[index])).toBeGreaterThanOrEqual(Number(decay[index - 1]) - 0.0000011);
    }),
  );
});

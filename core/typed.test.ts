import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { problemsOf, typedDay, typedDecimal, typedFlag, typedId, typedText } from "./typed.ts";

const shape = z.strictObject({
  source: typedText,
  client: typedId.optional(),
  day: typedDay,
  revenue: typedDecimal.optional(),
  dryRun: typedFlag.optional(),
});

function problems(input: unknown): string[] {
  const parsed = shape.safeParse(input);
  return parsed.success ? [] : problemsOf(shape, parsed.error);
}

describe("numbers where text is meant", () => {
  test.each([
    [713, "713"],
    ["713", "713"],
    ["0713", "0713"],
    [9_007_199_254_740_991, "9007199254740991"],
  ])("the id %p is taken as %s", (typed, taken) => {
    expect(typedId.parse(typed)).toBe(taken);
  });

  test.each([
    [99.99, "99.99"],
    [0.1, "0.1"],
    [-5, "-5"],
    [1_234_567_890_123.45, "1234567890123.45"],
    ["99.990", "99.990"],
    [0.000001, "0.000001"],
  ])("the amount %p is taken as %s", (typed, taken) => {
    expect(typedDecimal.parse(typed)).toBe(taken);
  });

  test("what JSON may have changed is not guessed at", () => {
    for (const lost of [9_007_199_254_740_992, 12_345_678_901_234_567_890])
      expect(() => typedId.parse(lost)).toThrow(/quotation marks/);
    for (const lost of [0.1 + 0.2, 1e-7, 1e21]) expect(() => typedDecimal.parse(lost)).toThrow(/quotation marks/);
    expect(() => typedId.parse(7.5)).toThrow(/whole number/);
  });
});

test("all that is wrong is listed at once, each with its field", () => {
  expect(problems({ source: "", day: "2025-02-30", dryRun: "yes", clinet: 713, x: 1 })).toEqual([
    "source: is empty",
    "day: must be a day, written YYYY-MM-DD",
    "dryRun: must be true or false",
    'unknown field "clinet": did you mean client?',
    'unknown field "x": there are source, client, day, revenue, dryRun',
  ]);
  expect(problems({})).toEqual(["source: is missing", "day: is missing: write it as YYYY-MM-DD"]);
  expect(problems({ source: "s", day: "2025-12-01", client: 713, revenue: 99.99 })).toEqual([]);
});

import { describe, expect, test } from "@jest/globals";
import { LosslessNumber } from "lossless-json";
import type { z } from "zod";
import { count, money, wholeNumber } from "./fields.ts";

/** What a field makes of a number, sent as a number and as text alike. */
function readAs(field: z.ZodType, digits: string): unknown {
  const [asNumber, asText] = [new LosslessNumber(digits), digits].map((sent) => field.safeParse(sent));
  expect(asNumber).toEqual(asText);
  return asText?.success === true ? asText.data : "refused";
}

describe("a count is whole before it is rounded:", () => {
  test.each<[string, unknown]>([
    ["7", 7],
    ["7.0", 7],
    ["7.000000000", 7],
    ["1e3", 1_000],
    ["1.5e1", 15],
    ["999999999999", 999_999_999_999],
    ["1e-7", "refused"],
    ["1E-9999", "refused"],
    ["0.0000001", "refused"],
    ["7.0000001", "refused"],
    ["6.9999999", "refused"],
    ["7.5", "refused"],
    ["1e12", "refused"],
    ["999999999999.9999999", "refused"],
    ["-1", "refused"],
  ])("%s is %p", (digits, read) => expect(readAs(count, digits)).toBe(read));

  test.each<[string, unknown]>([
    ["-3", -3],
    ["-3.00", -3],
    ["-0", 0],
    ["-1e-7", "refused"],
    ["-3.0000001", "refused"],
  ])("an adjustment of %s is %p", (digits, read) => expect(readAs(wholeNumber, digits)).toBe(read));
});

test("an amount is rounded half-up at the sixth place", () => {
  expect(["1e-7", "5e-7", "1999.0000005", "-1e-7"].map((digits) => readAs(money, digits))).toEqual([
    "0",
    "0.000001",
    "1999.000001",
    "0",
  ]);
});

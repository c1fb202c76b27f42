import { expect, test } from "@jest/globals";
import { z } from "zod";
import { wholeNumber } from "./whole-number.ts";

const number = wholeNumber();

test.each([5, "5", "10", "9007199254740991"])("%p is a whole number", (given) => {
  expect(number.parse(given)).toBe(Number(given));
});

test.each([
  ...["5e0", "0x5", "0b101", " 5", "5 ", "+5", "05", "5.0", "5n", "５", "٥", "5\u200b", "1_000", "1e400", "Infinity"],
  ...["", "0", "-1", "9007199254740992", "99999999999999999999", "NaN", true, null, [5], ["5"], {}, 5.5, NaN, 0],
])("%p is none", (given) => {
  expect(number.safeParse(given).success).toBe(false);
});

test("its limits are documented, and are its own", () => {
  const few = wholeNumber({ least: 0, most: 7 });
  expect([few.parse("0"), few.safeParse("8").success]).toEqual([0, false]);
  expect(z.toJSONSchema(z.object({ n: few }), { io: "input" })).toMatchObject({
    properties: { n: { type: "integer", minimum: 0, maximum: 7 } },
  });
});

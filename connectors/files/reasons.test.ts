import { expect, test } from "@jest/globals";
import { shown, shownCountry } from "./reasons.ts";

test.each([
  "12abc",
  "-1",
  "1e-7",
  "$12.50",
  "R$ 1.234,50",
  "12,50 €",
  "50%",
  "2025-11-31",
  "2025-11-31T10:00:00Z",
  "31 Nov 2025",
  "Nov 31, 2025",
  "25:00",
  "25",
  "--",
  "",
  "USD 12",
  "12 USD",
  "cr-10023",
  "300x250",
  "A1:10.02_3",
])("%j can be nothing but a number, a date or a code of digits, and is repeated", (cell) =>
  expect(shown(cell)).toBe(JSON.stringify(cell)),
);

test.each([
  "Jane",
  "jane",
  "Łukasz",
  "J4ne",
  "jane1985",
  "BR",
  `cr${"2".repeat(31)}`,
  "phonn",
  "12 Jane",
  "Jane 12",
  "O'Neil",
  "jane@example.com",
  "May Jane",
  "李",
  "ab",
  `1${"2".repeat(60)}`,
])("%j may be a name or stand for one, and is not repeated", (cell) => expect(shown(cell)).toBe('"[text]"'));

test("a cell of a million letters is looked at for no longer than a short one", () => {
  expect(shown("1 ".repeat(500_000))).toBe('"[text]"');
});

test("of a country's cell a code of two or three capitals is repeated, and no name", () => {
  expect(["UK", " XYZ ", "Jane", "ann", "JANE"].map(shownCountry)).toEqual([
    '"UK"',
    '"XYZ"',
    '"[text]"',
    '"[text]"',
    '"[text]"',
  ]);
});

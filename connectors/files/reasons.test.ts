import { expect, test } from "@jest/globals";
import { shown } from "./reasons.ts";

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
])("%j can be nothing but a number or a date, and is repeated", (cell) =>
  expect(shown(cell)).toBe(JSON.stringify(cell)),
);

test.each([
  "Jane",
  "jane",
  "Łukasz",
  "J4ne",
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

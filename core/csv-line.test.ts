import { expect, test } from "@jest/globals";
import { csvLine } from "./csv-line.ts";

test.each([
  ["a plain text", "abc", "abc"],
  ["nothing", null, ""],
  ["a moment", new Date("2026-03-08T11:03:22.499Z"), "2026-03-08T11:03:22.499Z"],
  ["an amount", "-5.00", "-5.00"],
  ["a comma and a quote", 'a,"b"', '"a,""b"""'],
  ["a line break", "a\nb", '"a\nb"'],
  ["a formula", '=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
  ["a sum in disguise", "+1+cmd", `"'+1+cmd"`],
  ["a minus that is no number", "-1+1", `"'-1+1"`],
  ["an at sign", "@SUM(A1)", `"'@SUM(A1)"`],
  ["a formula behind a blank", " =1", `"' =1"`],
  ["a formula behind a tab", "\t=1", `"'\t=1"`],
  ["a wide equals sign", "\uFF1D1", `"'\uFF1D1"`],
])("%s is one cell that no spreadsheet runs", (_, value, expected) => {
  expect(csvLine([value])).toBe(`${expected}\r\n`);
});

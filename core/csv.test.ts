import { expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { csvRows } from "./csv.ts";

test.each([
  ["a plain text", "abc", "abc"],
  ["nothing", null, ""],
  ["a moment", new Date("2026-03-08T11:03:22.499Z"), "2026-03-08T11:03:22.499Z"],
  ["a yes", true, "true"],
  ["a negative amount", "-5.00", "-5.00"],
  ["a negative number", -1e-7, "-1e-7"],
  ["a comma and a quote", 'a,"b"', '"a,""b"""'],
  ["a semicolon", "a;b", '"a;b"'],
  ["a line break", "a\nb", '"a\nb"'],
  ["a carriage return", "a\rb", '"a\rb"'],
  ["a formula", '=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
  ["a sum in disguise", "+1+cmd", `"'+1+cmd"`],
  ["a minus that is no number", "-1+1", `"'-1+1"`],
  ["a number with a line break behind it", "-1\n", `"'-1\n"`],
  ["an at sign", "@SUM(A1)", `"'@SUM(A1)"`],
  ["a formula behind a blank", " =1", `"' =1"`],
  ["a formula behind a hard blank", "\u00A0=1", `"'\u00A0=1"`],
  ["a formula behind a tab", "\t=1", `"'\t=1"`],
  ["a formula behind a carriage return", "\r=1", `"'\r=1"`],
  ["a formula behind a line break", "\n=1", `"'\n=1"`],
  ["a text behind a tab", "\tabc", `"'\tabc"`],
  ["a formula behind a blank of no width", "\u200B=1+1", `"'\u200B=1+1"`],
  ["a formula behind a mark of direction", "\u202E=1+1", `"'\u202E=1+1"`],
  ["a formula behind a soft hyphen", "\u00AD=1+1", `"'\u00AD=1+1"`],
  ["a formula behind a byte order mark", "\uFEFF=1+1", `"'\uFEFF=1+1"`],
  ["a formula behind a filler", "\u3164=1+1", `"'\u3164=1+1"`],
  ["a wide equals sign", "\uFF1D1", `"'\uFF1D1"`],
])("%s is one cell that no spreadsheet runs", (_, value, expected) => {
  expect(csvRows([["id", value, "end"]])).toBe(`id,${expected},end\r\n`);
});

test("what is written reads back as the cells it was", () => {
  const rows = [
    ["name", "amount"],
    ['a,"b";\tc', "-1.50"],
    ["two\r\nlines", ""],
  ];
  expect(parse(csvRows(rows), { record_delimiter: "\r\n" })).toEqual(rows);
});

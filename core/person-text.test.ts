import { expect, test } from "@jest/globals";
import { nameOf, remarkOf } from "./person-text.ts";

const name = nameOf({ least: 3, most: 20 });
const remark = remarkOf({ most: 40 });

test.each([
  ["a zero width space", "Pay\u200bments", "Payments"],
  ["what turns the direction", "\u202egnp.exe\u2066 x", "gnp.exe x"],
  ["a soft hyphen and a word joiner", "Pay\u00adments\u2060", "Payments"],
  ["tags that only a program reads", "Casino\u{e0041}\u{e0042}", "Casino"],
  ["white space of any kind", " \u00a0Word\u2003\t\n Harbour\ufeff ", "Word Harbour"],
  ["a joiner where nothing joins", "Ca\u200dsino\u200c", "Casino"],
  ["two spellings of one letter", "Cafe\u0301", "Caf\u00e9"],
])("%s is not kept in a name", (_what, given, kept) => {
  expect(name.parse(given)).toBe(kept);
});

test.each(["👩‍👩‍👧 family", "❤️ hearts", "1️⃣ first", "नमस्क्‍ते", "می‌خواهم", "שלום 5", "日本語名"])(
  "%s keeps its spelling",
  (given) => {
    expect(name.parse(given)).toBe(given.normalize("NFC"));
  },
);

test.each([
  "",
  "   ",
  "\u200b\u200b\u200b\u200b",
  "\u202e\u2066\u3164",
  "\u2800 \u2800 \u2800",
  "a\u200bb\u200b",
  "abc\u0000",
  "abc\ud800",
  "a\u0007bc",
])("%j is no name", (given) => {
  expect(name.safeParse(given).success).toBe(false);
});

test("its length is that of what is seen", () => {
  expect(name.parse(`abc${"\u200b".repeat(500)}`)).toBe("abc");
  expect(name.safeParse("a".repeat(21)).success).toBe(false);
});

test("a remark keeps its lines, and is not of blanks alone", () => {
  expect(remark.parse(" first\r\n\tsecond\u2028third\u202e \n")).toBe("first\n\tsecond\nthird");
  for (const given of ["\n\n", "\u200b\n\u2800", "\u2066\u2069"]) expect(remark.safeParse(given).success).toBe(false);
});

test("a name that is read again stays as it is", () => {
  for (const given of ["a\u200b \u200b b", "x\u200d\ufe0f❤\ufe0f y", "👩\u200d\u200d👧 ab"])
    expect(name.parse(name.parse(given))).toBe(name.parse(given));
});

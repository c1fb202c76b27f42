import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { keptReferrer } from "./referrer.ts";

test.each([
  [undefined, null],
  [null, null],
  ["  ", null],
  ["?q", null],
  ["gmail_app", "gmail_app"],
  ["https://mail.example/in?user=ada@example.com#x", "https://mail.example/in"],
  ["https://ada:secret@mail.example/", "https://mail.example/"],
  ["a\u0000b\ud800c", "abc"],
])("of %j %j is kept", (text, kept) => {
  expect(keptReferrer(text)).toBe(kept);
});

test("what is kept of any text has at most 500 characters, and can be stored", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 1_200, size: "max" }), (text) => {
      const kept = keptReferrer(text) ?? "";
      expect(kept.length).toBeLessThanOrEqual(500);
      expect(kept).not.toMatch(/[\u0000\p{Surrogate}]/u);
    }),
  );
});

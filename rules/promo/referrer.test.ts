import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { keptReferrer } from "./referrer.ts";

test.each([
  [undefined, null],
  [null, null],
  ["  ", null],
  ["?q", null],
  ["gmail_app", null],
  ["HTTP://Mail.example:8080/a/b", "http://mail.example:8080/a/b"],
  ["https://mail.example/in?user=ada@example.com#x", "https://mail.example/in"],
  ["https://ada:secret@mail.example/", "https://mail.example/"],
  ["https://h.example/a\u0000b\ud800c", "https://h.example/abc"],
])("of %j %j is kept", (text, kept) => {
  expect(keptReferrer(text)).toBe(kept);
});

test.each([
  ["https://x@y:me@h.example/", "https://h.example/"],
  ["https://a@b.c@h.example/p", "https://h.example/p"],
  ["https://h.example\\@john@x/", "https://h.example/"],
  ["john@x.example", null],
  ["mailto:john@x.example", null],
  ["https://h.example/a;email=j@x.example", "https://h.example/"],
  ["https://h.example/j%40x.example", "https://h.example/"],
  ["https://h.example/j%2540x.example", "https://h.example/"],
  ["//john:pw@h.example/x", null],
  ["https:/john:pw@h.example/x", "https://h.example/x"],
  ["HTTPS://john:pw@h.example/x?q", "https://h.example/x"],
  ["https://h.example/p#tok=SECRET", "https://h.example/p"],
  ["https://h.example/p%3Femail=j", "https://h.example/"],
  ["https://h.example/p%3femail", "https://h.example/"],
  ["https://h.example/u/john.doe@mail.example/x?y=1", "https://h.example/"],
  ["https://h.example/p；?x", "https://h.example/p%EF%BC%9B"],
  [" https://john:pw@h.example/", "https://h.example/"],
  ["\thttps://john:pw@h.example/", "https://h.example/"],
  ["http://john:p/w@h.example/x", null],
  ["http://john:80443/w@h.example/x", null],
  ["http://john:8044/w@h.example/x", null],
  ["http://john/w@h.example/x", null],
  ["ftp://j:p@h/x", null],
  ["urn:john:pw@h", null],
  ["http://[::1]?a=b", "http://[::1]/"],
])("who is named in %j is not kept: %j", (text, kept) => {
  expect(keptReferrer(text)).toBe(kept);
  // What was kept already, as in a file of the spool, stays as it is.
  expect(keptReferrer(kept)).toBe(kept);
});

test("what is kept of any text has at most 500 characters, and can be stored", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 1_200, size: "max" }), fc.boolean(), (path, isAddress) => {
      const text = isAddress ? `https://h.example/${path}` : path;
      const kept = keptReferrer(text) ?? "";
      expect(kept.length).toBeLessThanOrEqual(500);
      expect(kept).not.toMatch(/[\u0000\p{Surrogate}]/u);
    }),
  );
});

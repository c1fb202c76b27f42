import { expect, test } from "@jest/globals";
import { parseUrl } from "./parse-url.ts";

test("an address is one at every call, the ten thousandth too, whatever its letters", () => {
  const text = "https://münchen.example/ação";
  const refused = Array.from({ length: 20_000 }, () => parseUrl(text)).filter((url) => url === null);
  expect(refused).toHaveLength(0);
  expect(parseUrl(text)?.href).toBe("https://xn--mnchen-3ya.example/a%C3%A7%C3%A3o");
});

test("what is no address is null, and a base makes one of a path", () => {
  expect(["", "no address", "https://", "/path"].map((text) => parseUrl(text))).toEqual([null, null, null, null]);
  expect(parseUrl("/path", "https://foo.example/x")?.href).toBe("https://foo.example/path");
  expect(parseUrl("https://bar.example/", new URL("https://foo.example/"))?.host).toBe("bar.example");
});

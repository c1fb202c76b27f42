import { expect, test } from "@jest/globals";
import { destinationOf } from "./destination.ts";

const to = (destinationUrl: string, clickIdParameter: string | null = "sub1") =>
  destinationOf({ destinationUrl, clickIdParameter }, "id");

test.each([
  ["https://a.example", "https://a.example/?sub1=id"],
  ["https://a.example/x?b=2", "https://a.example/x?b=2&sub1=id"],
  ["https://a.example/?sub1=theirs&b=2&sub1", "https://a.example/?b=2&sub1=id"],
  ["https://a.example/?s%75b1=theirs", "https://a.example/?sub1=id"],
  ["https://a.example/?b=%20x&&c=a+b#top", "https://a.example/?b=%20x&c=a+b&sub1=id#top"],
  ["https://a.example/?%E0%A4%A=broken", "https://a.example/?%E0%A4%A=broken&sub1=id"],
  ["https://a.example/?xsub1=other", "https://a.example/?xsub1=other&sub1=id"],
])("%s carries our click id as %s", (destination, expected) => {
  expect(to(destination)).toBe(expected);
});

test("a destination whose offer names no parameter is left as it is written", () => {
  expect(to("https://a.example", null)).toBe("https://a.example");
});

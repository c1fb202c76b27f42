import { expect, test } from "@jest/globals";
import { createBriefCache, isKnown } from "./brief-cache.ts";

test("an answer is read once within its time, also by those who ask while it is read, and again after it", async () => {
  let at = 0;
  let reads = 0;
  const cached = createBriefCache<number>(1_000, () => at);
  const read = () => Promise.resolve((reads += 1));
  const [first, second] = await Promise.all([cached("a", read), cached("a", read)]);
  expect([first, second?.value, reads]).toEqual([second, 1, 1]);
  at = 999;
  expect((await cached("a", read)).value).toBe(1);
  at = 1_000;
  expect((await cached("a", read)).value).toBe(2);
  expect((await cached("b", read)).value).toBe(3);
});

test("an error is not remembered", async () => {
  const cached = createBriefCache<number>(1_000, () => 0);
  await expect(cached("a", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
  expect((await cached("a", () => Promise.resolve(7))).value).toBe(7);
});

test("of many answers the oldest are let go of", async () => {
  const cached = createBriefCache<number>(1_000, () => 0);
  for (let n = 0; n <= 200; n++) await cached(String(n), () => Promise.resolve(n));
  expect((await cached("1", () => Promise.resolve(-1))).value).toBe(1);
  expect((await cached("0", () => Promise.resolve(-1))).value).toBe(-1);
});

test("the same answer has the same tag, another one another", async () => {
  const cached = createBriefCache<object>(0, () => 0);
  const tag = async (value: object) => (await cached("a", () => Promise.resolve(value))).etag;
  expect(await tag({ a: 1 })).toBe(await tag({ a: 1 }));
  expect(await tag({ a: 1 })).not.toBe(await tag({ a: 2 }));
});

test.each([
  [undefined, false],
  ["", false],
  ['"other"', false],
  ['"mine"', true],
  ['W/"mine"', true],
  ['"other", W/"mine"', true],
  ["*", true],
])("If-None-Match: %s", (header, known) => {
  expect(isKnown('"mine"', header)).toBe(known);
});

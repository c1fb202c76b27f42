import { expect, test } from "@jest/globals";
import { drawProducts } from "./creative-products.ts";
import { makeCreatives } from "./creatives.ts";

const made = makeCreatives();
const count = (by: (one: (typeof made)[number]) => boolean) => made.filter(by).length;
const text = (creative: (typeof made)[number]) => JSON.stringify(creative.wire);

test("652 creatives of 19 products lie in two seats, the same at every call", () => {
  expect(made).toHaveLength(652);
  expect(new Set(made.map(({ product }) => product)).size).toBe(19);
  expect(new Set(made.map(({ buyerId }) => buyerId)).size).toBe(2);
  expect(makeCreatives()).toEqual(made);
  expect(makeCreatives({ seed: "another" })).not.toEqual(made);
});

test("an id is unique within its buyer, and some ids are in both seats", () => {
  expect(new Set(made.map(({ buyerId, creativeId }) => `${buyerId}/${creativeId}`)).size).toBe(652);
  const ids = new Set(made.map(({ creativeId }) => creativeId));
  expect(ids.size).toBeLessThan(645);
  expect(made.every(({ creativeId }) => Buffer.byteLength(creativeId) <= 128)).toBe(true);
  expect(count(({ creativeId }) => /^\d{19}$/.test(creativeId))).toBeGreaterThan(500);
  expect(count(({ creativeId }) => !/^\d+$/.test(creativeId))).toBeGreaterThan(40);
});

test("every format, and what makes grouping hard, is there: trackers, macros, shared hosts, and no address at all", () => {
  for (const format of ["HTML", "VIDEO", "NATIVE"])
    expect(count(({ wire }) => wire["creativeFormat"] === format)).toBeGreaterThan(100);
  for (const host of [
    "app.appsflyer.com",
    "onelink.me",
    "app.adjust.com",
    "app.link",
    "ad.doubleclick.net",
    "myshopify.com",
    "amazon.com",
    "go.mediabridge.example/c/",
    "apps.apple.com",
    "%%CLICK_URL_UNESC%%",
    "[CLICK_URL]",
  ])
    expect(made.some((one) => text(one).includes(host)) ? host : "none").toBe(host);
  expect(count((one) => text(one).includes("go.mediabridge.example/c/"))).toBeGreaterThan(5);
  expect(count(({ wire }) => !("declaredClickThroughUrls" in wire))).toBeGreaterThan(60);
});

test("other products can be drawn, as many as are asked for", () => {
  const drawn = drawProducts("world", 60);
  expect(new Set(drawn.map(({ name }) => name)).size).toBe(60);
  const many = makeCreatives({ seed: "world", count: 5_000, products: drawn });
  expect(many).toHaveLength(5_000);
  expect(new Set(many.map(({ buyerId, creativeId }) => `${buyerId}/${creativeId}`)).size).toBe(5_000);
});

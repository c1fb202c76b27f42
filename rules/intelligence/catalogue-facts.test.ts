import { expect, test } from "@jest/globals";
import { readLanding } from "../rtb/landing.ts";
import { factsOfStored, type StoredCreative } from "./catalogue-facts.ts";
import { toItem } from "./creative-facts.ts";

const stored = (more: Partial<StoredCreative> = {}): StoredCreative => ({
  id: "-5",
  format: "HTML",
  declaredClickUrls: null,
  destinationUrlsParsed: null,
  htmlSnippet: null,
  vastXml: null,
  creativeAttributes: null,
  advertiserName: null,
  languages: null,
  ...more,
});

test("a native creative has its texts, and its own link among those that were found", () => {
  const facts = factsOfStored(
    stored({
      format: "NATIVE",
      creativeAttributes: { headline: "Brew slowly", body: "Tea", callToAction: "Shop" },
      destinationUrlsParsed: [readLanding("https://play.google.com/store/apps/details?id=com.maker.kettle&x=1")],
    }),
    [],
  );
  expect(toItem(facts)).toMatchObject({
    headline: "Brew slowly",
    text: "Brew slowly Tea Shop",
    landings: [{ kind: "app", app: { id: "com.maker.kettle" } }],
  });
});

test("what was declared counts; what was found on clicking only where nothing was", () => {
  const found = [readLanding("https://found.example/"), readLanding("javascript:alert(1)")];
  const urls = (declaredClickUrls: unknown) =>
    factsOfStored(stored({ declaredClickUrls, destinationUrlsParsed: found }), []).declaredUrls;
  expect(urls(["https://declared.example/"])).toEqual(["https://declared.example/"]);
  expect(urls([])).toEqual(["https://found.example/"]);
});

test("brands are read with whatever type the exchange gives them", () => {
  const creativeAttributes = {
    detectedAdvertisers: [{ brandId: 7, brandName: "Kettle", advertiserName: "Kettle Ltd", advertiserId: "1" }, null],
  };
  expect(factsOfStored(stored({ creativeAttributes }), []).detectedBrands).toEqual([
    { brandId: "7", brandName: "Kettle", advertiserName: "Kettle Ltd" },
    { brandId: null, brandName: null, advertiserName: null },
  ]);
});

test("a product category that has a name is the genre; others say nothing", () => {
  const genres = new Map([["11007", "Puzzle"]]);
  const genreOf = (detectedProductCategories: unknown) =>
    factsOfStored(stored({ creativeAttributes: { detectedProductCategories } }), [], genres).genre;
  expect([genreOf([10_024, 11_007]), genreOf(["11007"]), genreOf([1]), genreOf("11007"), genreOf(null)]).toEqual([
    "Puzzle",
    "Puzzle",
    null,
    null,
    null,
  ]);
});

test.each([
  [{ creativeAttributes: "text", languages: "pt", declaredClickUrls: { a: 1 }, destinationUrlsParsed: 5 }],
  [{ creativeAttributes: { headline: { deep: 1 }, detectedAdvertisers: "x" }, languages: [1, null, ""] }],
  [{ creativeAttributes: [1], destinationUrlsParsed: ["https://x.example", null, { url: 7, kind: "none" }] }],
])("documents of another form count for nothing: %j", (more) => {
  const facts = factsOfStored(stored(more), []);
  expect(facts).toMatchObject({ declaredUrls: [], languages: [], detectedBrands: [], native: null });
  expect(toItem(facts).landings).toEqual([]);
});

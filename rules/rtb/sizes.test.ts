import { describe, expect, test } from "@jest/globals";
import { canonicalSize, nearestSize, readSize, standardSizes } from "./sizes.ts";

type Case = [width: number | null, height: number | null, format: string | null, canonical: string | null];

const exact: Case[] = [
  [300, 250, "HTML", "300x250 (Medium Rectangle)"],
  [728, 90, "HTML", "728x90 (Leaderboard)"],
  [320, 50, "HTML", "320x50 (Mobile Banner)"],
  [300, 50, "HTML", "300x50 (Smartphone Banner)"],
  [320, 100, "HTML", "320x100 (Large Mobile Banner)"],
  [160, 600, "HTML", "160x600 (Wide Skyscraper)"],
  [120, 600, "HTML", "120x600 (Skyscraper)"],
  [300, 600, "HTML", "300x600 (Half Page)"],
  [300, 1050, "HTML", "300x1050 (Portrait)"],
  [970, 250, "HTML", "970x250 (Billboard)"],
  [970, 90, "HTML", "970x90 (Super Leaderboard)"],
  [468, 60, "HTML", "468x60 (Banner)"],
  [234, 60, "HTML", "234x60 (Half Banner)"],
  [336, 280, "HTML", "336x280 (Large Rectangle)"],
  [250, 250, "HTML", "250x250 (Square)"],
  [200, 200, "HTML", "200x200 (Small Square)"],
  [180, 150, "HTML", "180x150 (Rectangle)"],
  [120, 60, "HTML", "120x60 (Button)"],
  [216, 36, "HTML", "216x36 (Large Feature Phone Banner)"],
  [168, 28, "HTML", "168x28 (Medium Feature Phone Banner)"],
  [120, 20, "HTML", "120x20 (Small Feature Phone Banner)"],
  [320, 480, "HTML", "320x480 (Mobile Interstitial, Portrait)"],
  [480, 320, "HTML", "480x320 (Mobile Interstitial, Landscape)"],
  [768, 1024, "HTML", "768x1024 (Tablet Interstitial, Portrait)"],
  [1024, 768, "HTML", "1024x768 (Tablet Interstitial, Landscape)"],
  [640, 1136, "HTML", "640x1136 (Phone Interstitial)"],
  [750, 1334, "HTML", "750x1334 (Phone Interstitial)"],
  [1080, 1920, "HTML", "1080x1920 (Phone Interstitial)"],
  [300, 250, null, "300x250 (Medium Rectangle)"],
  [1080, 1920, null, "1080x1920 (Phone Interstitial)"],
];

const near: Case[] = [
  [301, 251, "HTML", "300x250 (Medium Rectangle)"],
  [305, 255, "HTML", "300x250 (Medium Rectangle)"],
  [295, 245, "HTML", "300x250 (Medium Rectangle)"],
  [305, 245, "HTML", "300x250 (Medium Rectangle)"],
  [306, 250, "HTML", "Non-Standard (306x250)"],
  [300, 256, "HTML", "Non-Standard (300x256)"],
  [294, 250, "HTML", "Non-Standard (294x250)"],
  [300, 244, "HTML", "Non-Standard (300x244)"],
  [727, 90, "HTML", "728x90 (Leaderboard)"],
  [733, 95, "HTML", "728x90 (Leaderboard)"],
  [734, 90, "HTML", "Non-Standard (734x90)"],
  [320, 53, "HTML", "320x50 (Mobile Banner)"],
  [315, 45, "HTML", "320x50 (Mobile Banner)"],
  [310, 50, "HTML", "Non-Standard (310x50)"],
  [305, 50, "HTML", "300x50 (Smartphone Banner)"],
  [320, 105, "HTML", "320x100 (Large Mobile Banner)"],
  [320, 75, "HTML", "Non-Standard (320x75)"],
  [165, 605, "HTML", "160x600 (Wide Skyscraper)"],
  [140, 600, "HTML", "Non-Standard (140x600)"],
  [125, 595, "HTML", "120x600 (Skyscraper)"],
  [975, 245, "HTML", "970x250 (Billboard)"],
  [970, 170, "HTML", "Non-Standard (970x170)"],
  [1083, 1917, "HTML", "1080x1920 (Phone Interstitial)"],
  [322, 482, "HTML", "320x480 (Mobile Interstitial, Portrait)"],
  [1024, 774, "HTML", "Non-Standard (1024x774)"],
  [120, 25, "HTML", "120x20 (Small Feature Phone Banner)"],
  [120, 26, "HTML", "Non-Standard (120x26)"],
  [173, 33, "HTML", "168x28 (Medium Feature Phone Banner)"],
  [250, 300, "HTML", "Non-Standard (250x300)"],
  [90, 728, "HTML", "Non-Standard (90x728)"],
];

const banners: Case[] = [
  [500, 500, "HTML", "Non-Standard (500x500)"],
  [1920, 1080, "HTML", "Non-Standard (1920x1080)"],
  [1920, 1080, null, "Non-Standard (1920x1080)"],
  [640, 360, "HTML", "Non-Standard (640x360)"],
  [99_999, 1, "HTML", "Non-Standard (99999x1)"],
  [2, 2, "HTML", "Non-Standard (2x2)"],
  [1, 2, "HTML", "Non-Standard (1x2)"],
  [1, 1, "HTML", "Adaptive/Responsive"],
  [0, 0, "HTML", "Adaptive/Fluid"],
  [0, 250, "HTML", "Adaptive/Fluid"],
  [300, 0, "HTML", "Adaptive/Fluid"],
  [0, 0, null, "Adaptive/Fluid"],
  [null, null, "HTML", null],
  [300, null, "HTML", null],
  [null, 250, null, null],
  [-300, 250, "HTML", null],
  [Number.NaN, 250, "HTML", null],
  [300.5, 250, "HTML", null],
  [Number.POSITIVE_INFINITY, 250, "HTML", null],
  [1200, 627, "NATIVE", "Native"],
  [null, null, "NATIVE", "Native"],
  [300, 250, "NATIVE", "Native"],
  [300, 250, "html", "300x250 (Medium Rectangle)"],
];

const videos: Case[] = [
  [1920, 1080, "VIDEO", "Video 16:9"],
  [1280, 720, "VIDEO", "Video 16:9"],
  [640, 360, "VIDEO", "Video 16:9"],
  [854, 480, "VIDEO", "Video 16:9"],
  [1080, 1920, "VIDEO", "Video 9:16"],
  [720, 1280, "VIDEO", "Video 9:16"],
  [640, 1136, "VIDEO", "Video 9:16"],
  [1080, 1080, "VIDEO", "Video 1:1"],
  [250, 250, "VIDEO", "Video 1:1"],
  [1080, 1350, "VIDEO", "Video 4:5"],
  [768, 1024, "VIDEO", "Video 4:5"],
  [500, 1000, "VIDEO", "Video 9:16"],
  [600, 1000, "VIDEO", "Video 9:16"],
  [601, 1000, "VIDEO", "Non-Standard (601x1000)"],
  [499, 1000, "VIDEO", "Non-Standard (499x1000)"],
  [700, 1000, "VIDEO", "Video 4:5"],
  [800, 1000, "VIDEO", "Video 4:5"],
  [699, 1000, "VIDEO", "Non-Standard (699x1000)"],
  [801, 1000, "VIDEO", "Non-Standard (801x1000)"],
  [900, 1000, "VIDEO", "Video 1:1"],
  [1100, 1000, "VIDEO", "Video 1:1"],
  [1101, 1000, "VIDEO", "Non-Standard (1101x1000)"],
  [1700, 1000, "VIDEO", "Video 16:9"],
  [1800, 1000, "VIDEO", "Video 16:9"],
  [1801, 1000, "VIDEO", "Non-Standard (1801x1000)"],
  [7, 10, "VIDEO", "Video 4:5"],
  [300, 250, "VIDEO", "300x250 (Medium Rectangle)"],
  [320, 480, "VIDEO", "320x480 (Mobile Interstitial, Portrait)"],
  [480, 320, "VIDEO", "480x320 (Mobile Interstitial, Landscape)"],
  [640, 480, "VIDEO", "Non-Standard (640x480)"],
  [1, 1, "VIDEO", "Adaptive/Responsive"],
  [0, 0, "VIDEO", "Video (size unknown)"],
  [null, null, "VIDEO", "Video (size unknown)"],
  [1920, 1080, "VAST", "Video 16:9"],
];

describe.each([
  ["a standard size is called by its name", exact],
  ["within five pixels on both sides a size counts as the standard, further off it does not", near],
  ["a shape makes no banner a video, and what has no size says so", banners],
  ["a video goes by its shape, ranges closed, and by the table where it has none of the shapes", videos],
])("%s:", (_, cases) => {
  test.each(cases)("%p x %p %p is %p", (width, height, format, canonical) => {
    expect(canonicalSize({ width, height, format })?.canonical ?? null).toBe(canonical);
  });
});

test("there are over a hundred cases", () => {
  expect(exact.length + near.length + banners.length + videos.length).toBeGreaterThan(100);
});

test.each([
  ["300x250", "HTML", "IAB Standard"],
  ["320x480", "HTML", "Interstitial"],
  ["750x1334", null, "Interstitial"],
  ["1920x1080", "VIDEO", "Video"],
  ["1200x627", "NATIVE", "Native"],
  ["0x0", "HTML", "Adaptive"],
  ["1x1", "HTML", "Adaptive"],
  ["500x500", "HTML", "Non-Standard"],
])("the category of %s as %s is %s", (text, format, category) => {
  expect(readSize(text, format)?.category).toBe(category);
});

test.each([
  ["300x250", "300x250 (Medium Rectangle)"],
  ["300 X 250", "300x250 (Medium Rectangle)"],
  ["320×50", "320x50 (Mobile Banner)"],
  [" 300 * 250 px ", "300x250 (Medium Rectangle)"],
  ["0300x0250", "300x250 (Medium Rectangle)"],
  ["Native", "Native"],
  ["Video/Overlay", "Video (size unknown)"],
  ["INTERSTITIAL", "Interstitial (size unknown)"],
  ["fluid", "Adaptive/Fluid"],
  ["300", null],
  ["300x", null],
  ["300x250x2", null],
  ["-300x250", null],
  ["3.5x2", null],
  ["", null],
  ["constructor", null],
  ["999999x1", null],
])("the text %p is %p", (text, canonical) => {
  expect(readSize(text)?.canonical ?? null).toBe(canonical);
});

test("the size stays beside its canonical one as it was sent", () => {
  expect(canonicalSize({ width: 301, height: 251, format: "HTML" })).toMatchObject({ width: 301, height: 251 });
});

test("of several standards within reach the nearest wins, of two as near the smaller", () => {
  const size = (width: number, height: number) => ({ width, height, name: "", category: "IAB Standard" as const });
  const table = [size(108, 100), size(102, 100), size(100, 104)];
  expect(nearestSize({ width: 104, height: 100 }, table)).toMatchObject({ width: 102, height: 100 });
  expect(nearestSize({ width: 105, height: 100 }, [size(108, 100), size(102, 100)])).toMatchObject({ width: 102 });
});

test("every standard size is its own nearest one", () => {
  expect(standardSizes.filter((one) => nearestSize(one) !== one)).toEqual([]);
});

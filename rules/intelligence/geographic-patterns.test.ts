import { describe, expect, test } from "@jest/globals";
import { findPatterns, matrixOf } from "./geographic-patterns.ts";
import type { CampaignTraits, Cell, CellSums } from "./opportunity-cells.ts";

/** Days whose clicks vary three times as much as chance makes them. */
function sums(clicks: number, spend: number, dispersion = 3): CellSums {
  const even = clicks ** 2 / spend;
  return {
    ...{ clicks, spend, spendText: spend.toFixed(2), impressions: clicks * 100, days: 28, recentDays: 7, weeks: 4 },
    squares: even + (dispersion * 27 * clicks) / spend,
    weekSquares: even + (dispersion * 3 * clicks) / spend,
  };
}
const cell = (campaignId: number, subject: string, clicks: number, spend: number): Cell => ({
  ...{ campaignId, subject, own: sums(clicks, spend), rest: sums(10_000, 5_000) },
});
const traits = (genres: Record<number, string | null>): Map<number, CampaignTraits> =>
  new Map(Object.entries(genres).map(([id, genre]) => [Number(id), { genre, format: "HTML", sizes: new Set() }]));

/** The document's: two puzzle campaigns and one of strategy. */
const documents = [
  ...[cell(1, "BR", 2_600, 780), cell(1, "IE", 290, 348)],
  ...[cell(2, "BR", 2_400, 720), cell(2, "IE", 266, 319.2)],
  ...[cell(3, "BR", 2_000, 1_000), cell(3, "IE", 600, 270)],
];
const genres = traits({ 1: "Puzzle", 2: "Puzzle", 3: "Strategy" });

test("the document's pattern: puzzle games pay 4.44 times as much in Ireland against Brazil as others do", () => {
  const [puzzle, ...more] = findPatterns(documents, genres);
  expect(more).toEqual([]);
  expect(puzzle).toMatchObject({
    genre: "Puzzle",
    dear: "IE",
    cheap: "BR",
    campaigns: [1, 2],
    otherGenres: ["Strategy"],
  });
  expect(puzzle?.ratio).toBeCloseTo(4, 2);
  expect(puzzle?.othersRatio).toBeCloseTo(0.9, 2);
  expect(puzzle?.factor).toBeCloseTo(4.44, 2);
  // φ = 3: a standard error of 0.112.
  expect(puzzle?.low).toBeCloseTo(4.44 * Math.exp(-1.645 * 0.112), 1);
  expect(puzzle?.high).toBeCloseTo(4.44 * Math.exp(1.645 * 0.112), 1);
  // Its week in Ireland is (348 + 319.20) / 4, and Brazil costs a quarter.
  expect(puzzle?.spendWeekly).toBe("166.80");
  expect(Number(puzzle?.savingsWeekly)).toBeCloseTo(166.8 * 0.75, 0);
});

describe("there is no pattern", () => {
  test("of one campaign alone", () => {
    expect(findPatterns(documents.slice(2), genres)).toEqual([]);
  });

  test("where all genres pay as much more there", () => {
    const alike = [1, 2, 3].flatMap((id) => [cell(id, "BR", 2_000, 600), cell(id, "IE", 500, 600)]);
    expect(findPatterns(alike, genres)).toEqual([]);
  });

  test("where one of the two has too few clicks to say a price", () => {
    const few = documents.map((one) => (one.subject === "IE" ? cell(one.campaignId, "IE", 40, 48) : one));
    expect(findPatterns(few, genres)).toEqual([]);
  });

  test("of campaigns without a genre", () => {
    expect(findPatterns(documents, traits({ 1: null, 2: null, 3: "Strategy" }))).toEqual([]);
  });

  test("below a factor of 1.5, however sure", () => {
    const slight = [
      ...[1, 2].flatMap((id) => [cell(id, "BR", 200_000, 60_000), cell(id, "IE", 200_000, 80_000)]),
      ...[cell(3, "BR", 200_000, 60_000), cell(3, "IE", 200_000, 60_000)],
    ];
    expect(findPatterns(slight, genres)).toEqual([]);
  });
});

test("of several other genres the median counts, so that one odd genre is no pattern of all others", () => {
  const all = traits({
    ...{ 1: "Puzzle", 2: "Puzzle", 3: "Strategy", 4: "Strategy", 5: "Casino", 6: "Casino", 7: "Finance", 8: "Finance" },
  });
  const found = findPatterns(
    [
      ...[1, 2].flatMap((id) => [cell(id, "BR", 4_000, 1_200), cell(id, "IE", 1_000, 1_200)]),
      ...[3, 4, 5, 6, 7, 8].flatMap((id) => [cell(id, "BR", 4_000, 2_000), cell(id, "IE", 1_000, 500)]),
    ],
    all,
  );
  expect(found.map(({ genre, dear }) => [genre, dear])).toEqual([["Puzzle", "IE"]]);
});

test("the matrix sums up all campaigns of a genre in a country, exactly, and says where that is too little", () => {
  const matrix = matrixOf(
    [...documents, cell(4, "BR", 10, 0.1), cell(1, "", 5, 1)],
    traits({ 1: "Puzzle", 2: "Puzzle", 3: "Strategy", 4: null }),
  );
  expect(matrix.find(({ genre, geography }) => genre === "Puzzle" && geography === "IE")).toEqual({
    ...{ genre: "Puzzle", geography: "IE", campaigns: 2, clicks: 556, spend: "667.2", impressions: 55_600 },
    isEnough: true,
  });
  expect(matrix.find(({ genre }) => genre === "unclassified")).toMatchObject({ clicks: 10, isEnough: false });
  expect(matrix.some(({ geography }) => geography === "")).toBe(false);
});

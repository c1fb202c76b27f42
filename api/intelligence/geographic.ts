import { z } from "zod";
import { readMatrix, readPatterns } from "../../queries/intelligence/geographic.ts";
import { describePattern } from "../../rules/intelligence/pattern-words.ts";
import { allow, callerOf } from "../server/access.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { money } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");

const cell = z.object({
  genre: z.string().describe("unclassified: of campaigns without a genre"),
  geography: z.string(),
  campaigns: z.number(),
  clicks: z.number(),
  spend: money,
  impressions: z.number(),
  cpc: z.string().nullable().describe("spend by clicks, four places; null without clicks"),
  isEnough: z.boolean().describe("whether that is enough to say a price"),
});
const pattern = z.object({
  genre: z.string(),
  dear: z.string().describe("the country where its clicks are dear, for what others pay there"),
  cheap: z.string(),
  ratio: z.number().describe("price in the dear country by the price in the cheap one, of this genre"),
  othersRatio: z.number().describe("the same of the other genres: their median"),
  factor: z.number().describe("the first by the second"),
  low: z.number().describe("with 90 % confidence the factor lies between this"),
  high: z.number().describe("and this"),
  confidence: z.number(),
  campaigns: z.array(z.number()).describe("the campaigns that show it, each on its own"),
  otherGenres: z.array(z.string()),
  spendWeekly: money,
  savingsWeekly: money.describe("what the same clicks would cost less in the cheap country"),
  words: z.string(),
  recommendation: z.string(),
});
export const geographicAnswer = z.object({
  window: z.object({ from: z.string(), to: z.string() }).nullable().describe("null before the first search"),
  matrix: z.array(cell).describe("the genre and the country that most is spent on come first"),
  patterns: z.array(pattern).describe("the greatest savings first"),
});

const places = (number: number) => Math.round(number * 1e4) / 1e4;

/** What each genre pays in each country, and where a genre differs from the others. */
export function geographicRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/insights/geographic",
    {
      config: readers,
      schema: {
        tags: ["opportunities"],
        summary: "Prices by genre and country, and patterns over campaigns: where a genre differs from the others",
        description:
          "Of the last search for opportunities. A pattern is a ratio of ratios: what a genre pays in one country against another, by the median of what other genres pay there; two campaigns must each show it.",
        response: { 200: geographicAnswer },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const [rows, patterns] = await Promise.all([readMatrix(reading, { client }), readPatterns(reading, { client })]);
      const [first] = rows;
      return {
        window: first === undefined ? null : { from: first.windowFrom, to: first.windowTo },
        matrix: rows.map(({ windowFrom: _from, windowTo: _to, ...row }) => row),
        patterns: patterns.map((one) => ({
          ...one,
          ...describePattern(one),
          ratio: places(one.ratio),
          othersRatio: places(one.othersRatio),
          factor: places(one.factor),
          low: places(one.low),
          high: places(one.high),
          confidence: places(one.confidence),
        })),
      };
    },
  );
}

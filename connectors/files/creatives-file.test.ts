import { expect, test } from "@jest/globals";
import { CreativesFileError, parseCreativesFile } from "./creatives-file.ts";

const read = (text: string) => parseCreativesFile(new TextEncoder().encode(text));
function problems(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof CreativesFileError) return error.problems;
    throw error;
  }
  return [];
}

test("a creative in several campaigns has a line for each, and what is blank is not said", () => {
  expect(
    read(
      "\uFEFFCreative ID,buyer_id,Buyer Name,width,height,format,campaign\r\n9007199254740993,s1,Seat One,300,250,HTML,Puzzle\n9007199254740993,,,,,,Finance\r\n9007199254740994,s1,,,,VIDEO,Puzzle\n",
    ),
  ).toEqual({
    creatives: [
      {
        creativeId: "9007199254740993",
        buyerId: "s1",
        format: "HTML",
        width: 300,
        height: 250,
        canonicalSize: "300x250",
      },
      { creativeId: "9007199254740994", buyerId: "s1", format: "VIDEO" },
    ],
    seats: [{ buyerId: "s1", displayName: "Seat One" }],
    campaigns: [
      { campaignName: "Puzzle", creativeIds: ["9007199254740993", "9007199254740994"] },
      { campaignName: "Finance", creativeIds: ["9007199254740993"] },
    ],
  });
});

test("a European spreadsheet's file is read: sep=;, semicolons, and pixels with a decimal comma", () => {
  expect(read('sep=;\r\ncreative_id;width;height;campaign\r\n12;300,0;250,00;"Puzzle; spring"\r\n')).toEqual({
    creatives: [{ creativeId: "12", width: 300, height: 250, canonicalSize: "300x250" }],
    seats: [],
    campaigns: [{ campaignName: "Puzzle; spring", creativeIds: ["12"] }],
  });
  expect(problems("sep=;\ncreative_id;width\n12;300,5\n")).toEqual(['line 3, width: must be pixels, not "300,5"']);
});

test.each([
  ["", /the file is empty/],
  ["creative_id\n", /no creatives/],
  ["id\n1\n", /"id" is no column of this file/],
  ["creative_id,creative_id\n1,1\n", /is there twice/],
  ["format\nHTML\n", /creative_id is missing/],
  [`creative_id\n${"9".repeat(129)}\n`, /line 2, creative_id: .* is longer than 128 bytes/],
  ["creative_id\n1e5\n", /"1e5" was shortened/],
  ["creative_id,width\n1,wide\n", /line 2, width: must be pixels/],
  ["creative_id,format\n1,HTML\n1,VIDEO\n", /line 3: creative 1: format is "VIDEO" here and "HTML" in an earlier line/],
  ["creative_id,buyer_name\n1,Seat\n", /line 2, buyer_id: is empty/],
  ['creative_id,format\n1,"a\nb"\n', /line 2, format: has a control character/],
  ["creative_id,format\n1\n", /line 2: has 1 columns/],
  ['creative_id,format\n1,"a\n', /line/],
])("%j is refused with its reason", (text, reason) => {
  expect(problems(text).join("\n")).toMatch(reason);
});

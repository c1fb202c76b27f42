import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { MappingFileError, parseMappingFile } from "./affiliate-mapping.ts";

const header = "redtrack_source_id,redtrack_source_name,everflow_affiliate_id,everflow_affiliate_label,is_internal";
const parse = (text: string) => parseMappingFile(new TextEncoder().encode(text));
const problemsOf = (text: string | Uint8Array): string[] => {
  try {
    parseMappingFile(typeof text === "string" ? new TextEncoder().encode(text) : text);
  } catch (error) {
    if (error instanceof MappingFileError) return error.problems;
    throw error;
  }
  return [];
};

test("the file that comes with the code names the three known sources and the four internal affiliates", async () => {
  const { rows, superseded } = parseMappingFile(await readFile(path.join(projectRoot(), "internal-affiliates.csv")));
  expect(rows.map((row) => [row.redtrackSourceId, row.everflowAffiliateLabel, row.isInternal])).toEqual([
    ["66c79f91be26fd4634569658", "G2 - Meta", true],
    ["6807d9120ee9ffc623c1d7e5", "SB - Meta", true],
    ["62b29551c6880d00014d8c73", "G2 - Google", true],
    [null, "SB - Google", true],
  ]);
  expect(superseded).toEqual([]);
});

test("spreadsheets may save it as they do: a byte order mark, CRLF, quotes, blanks, columns in another order", () => {
  const text = `\ufeffis_internal, everflow_affiliate_label ,redtrack_source_id\r\n YES ,"Łukasz, ""Söhne"" & Co",s1\r\n\r\nno,Partner,s2`;
  expect(parse(text).rows).toEqual([
    {
      line: 2,
      redtrackSourceId: "s1",
      redtrackSourceName: null,
      everflowAffiliateId: null,
      everflowAffiliateLabel: 'Łukasz, "Söhne" & Co',
      isInternal: true,
    },
    {
      line: 4,
      redtrackSourceId: "s2",
      redtrackSourceName: null,
      everflowAffiliateId: null,
      everflowAffiliateLabel: "Partner",
      isInternal: false,
    },
  ]);
});

test("of two lines for one source the later one wins, and the earlier one is told of", () => {
  const { rows, superseded } = parse(`${header}\ns1,,,A,true\n,,,B,false\ns1,,,C,false\n,,,B,false`);
  expect(rows.map((row) => [row.line, row.everflowAffiliateLabel])).toEqual([
    [4, "C"],
    [5, "B"],
  ]);
  expect(superseded.map(({ row, byLine }) => [row.line, row.everflowAffiliateLabel, byLine])).toEqual([
    [2, "A", 4],
    [3, "B", 5],
  ]);
});

test("every mistake is named with its line and column", () => {
  expect(
    problemsOf(`${header}\ns1,,,,true\ns2,,,A,maybe\ns3,,,A\ns4,\u0007,,A,true\n${"x".repeat(201)},,,B,true`),
  ).toEqual([
    "line 2, everflow_affiliate_label: is empty",
    'line 3, is_internal: must be true or false, not "maybe"',
    "line 4: has 4 columns where the first line has 5",
    "line 5, redtrack_source_name: has a control character",
    "line 6, redtrack_source_id: longer than 200 characters",
  ]);
});

test("an affiliate cannot be internal in one line and external in another, nor an id have two labels", () => {
  expect(problemsOf(`${header}\ns1,,7,A,true\ns2,,7,A,false\ns3,,7,B,true`)).toEqual([
    'line 3, is_internal: "A" is internal in line 2',
    'line 4, everflow_affiliate_label: affiliate 7 is "A" in line 2',
  ]);
});

test.each([
  ["", ["the file is empty: its first line must be " + header]],
  [
    `${header},${header.split(",")[0]},comment`,
    [
      "line 1, column 6: redtrack_source_id is there twice",
      expect.stringMatching(/^line 1, column 7: "comment" is no column/),
    ],
  ],
  [
    "redtrack_source_id",
    ["line 1: the column everflow_affiliate_label is missing", "line 1: the column is_internal is missing"],
  ],
  [`${header}\ns1,"open,,A,true\n`, [expect.stringMatching(/^line \d: Quote Not Closed/)]],
  [new Uint8Array([0xff, 0xfe, 0x41, 0x00]), ["the file is not UTF-8: save it as CSV UTF-8"]],
])("a file that cannot be read whole is refused whole (%#)", (content, problems) => {
  expect(problemsOf(content)).toEqual(problems);
});

test("a line break inside quotes does not shift the lines that mistakes are named by", () => {
  expect(problemsOf(`${header}\ns1,"two\nlines",,A,true\ns2,,,A,maybe\n`)).toEqual([
    "line 2, redtrack_source_name: has a control character",
    'line 4, is_internal: must be true or false, not "maybe"',
  ]);
});

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

test.each<[string, string, number, BufferEncoding?]>([
  ["semicolons", ";", 0],
  ["tabs", "\t", 0],
  ["bars", "|", 0],
  ["semicolons that a first line names", ";", 1],
  ["commas where the first line names another delimiter", ",", 1],
  ["tabs in UTF-16, as Excel's Unicode text", "\t", 0, "utf16le"],
])("a spreadsheet's own spelling is read: %s", (_what, delimiter, above, encoding = "utf8") => {
  const lines = [
    ...(above === 1 ? ["sep=;"] : []),
    header.replaceAll(",", delimiter),
    ["s1", '"A, b; c | d"', "7", '"Łukasz ""Söhne"""', "yes"].join(delimiter),
    ["s2", "", "", "B"].join(delimiter),
  ];
  const bytes = Buffer.from(`\ufeff${lines.join("\r\n")}\r\n`, encoding);
  expect(problemsOf(bytes)).toEqual([`line ${3 + above}: has 4 columns where the first line has 5`]);
  expect(parseMappingFile(Buffer.from(`\ufeff${lines.slice(0, -1).join("\r\n")}`, encoding)).rows).toEqual([
    {
      line: 2 + above,
      redtrackSourceId: "s1",
      redtrackSourceName: "A, b; c | d",
      everflowAffiliateId: "7",
      everflowAffiliateLabel: 'Łukasz "Söhne"',
      isInternal: true,
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
    "line 4: has 4 columns where the first line has 5",
    "line 2, everflow_affiliate_label: is empty",
    'line 3, is_internal: must be true or false, not "maybe"',
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
  ["", ["the file is empty: its first line must name columns: " + header.replaceAll(",", ", ")]],
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
  [new Uint8Array([0x41, 0xe9, 0x0a]), ["the file is not UTF-8: save it as CSV UTF-8"]],
  [
    new Uint8Array([0x50, 0x4b, 3, 4, 0]),
    ["the file is no CSV but an Excel workbook or a zip archive: save the sheet as CSV"],
  ],
])("a file that cannot be read whole is refused whole (%#)", (content, problems) => {
  expect(problemsOf(content)).toEqual(problems);
});

test("a line break inside quotes does not shift the lines that mistakes are named by", () => {
  expect(problemsOf(`${header}\ns1,"two\nlines",,A,true\ns2,,,A,maybe\n`)).toEqual([
    "line 2, redtrack_source_name: has a control character",
    'line 4, is_internal: must be true or false, not "maybe"',
  ]);
});

import { expect } from "@jest/globals";
import iconv from "iconv-lite";
import { type Reading, type ReadOptions } from "./read-performance-file.ts";
import { findMapping, parseMapping, type RefusalCode } from "../connectors/files/performance-file.ts";

export const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
export const wide = `${header},placement`;
export const good = "79783,2025-11-29,10000,250,125.50,BR,mobile";
const taken = "79783 2025-11-29 - BR mobile - 10000 250 125.50";
const placed = (placement: string) => `${wide}\n${good},${placement}\n`;
const utf16 = (text: string, order: "le" | "be", mark = true) => {
  const little = Buffer.from(`${mark ? "\ufeff" : ""}${text}`, "utf16le");
  return order === "le" ? little : little.swap16();
};
export const tabbed = (text: string) => text.replaceAll(",", "\t");
const mapping = (changes: object) => {
  const { version, ...document } = findMapping("document");
  expect(version).toHaveLength(16);
  return parseMapping({ ...document, ...changes });
};

interface Expected extends ReadOptions {
  file: string | Uint8Array;
  /** Rows in short: id, day, hour, geography, device, placement, impressions, clicks, spend. */
  rows?: string[];
  /** Rejected lines in short: line, code, column. */
  rejects?: string[];
  counts?: Partial<Reading["counts"]>;
  refused?: { code: RefusalCode; line?: number | null; column?: string | null; says?: RegExp };
}

export const files: Record<string, Expected> = {
  // Encodings
  "as the document has it": {
    file: `${header}\n${good}\n`,
    rows: [taken],
    counts: { encoding: "utf-8", delimiter: "," },
  },
  "with a byte order mark": { file: `\ufeff${header}\n${good}\n`, rows: [taken], counts: { encoding: "utf-8" } },
  "with a byte order mark before a quoted header": {
    file: `\ufeff"creative_id",${header.slice(12)}\n${good}\n`,
    rows: [taken],
  },
  "in UTF-16 as Excel saves Unicode text": {
    file: utf16(tabbed(`${header}\r\n${good}\r\n`), "le"),
    rows: [taken],
    counts: { encoding: "utf-16le", delimiter: "\t" },
  },
  "in UTF-16 with the large byte first": {
    file: utf16(`${header}\n${good}\n`, "be"),
    rows: [taken],
    counts: { encoding: "utf-16be" },
  },
  "in UTF-16 without a mark": {
    file: utf16(`${header}\n${good}\n`, "le", false),
    rows: [taken],
    counts: { encoding: "utf-16le" },
  },
  "in UTF-16 with half a character": {
    file: utf16(placed("a\ud83db"), "le"),
    refused: { code: "encoding", says: /UTF-16LE/ },
  },
  "in UTF-32": {
    file: iconv.encode(`${header}\n${good}\n`, "utf-32le", { addBOM: true }),
    rows: [taken],
    counts: { encoding: "utf-32le" },
  },
  "in Windows-1252 that nobody mentioned": {
    file: iconv.encode(placed("Café"), "windows-1252"),
    refused: { code: "encoding", line: 2, says: /line 2: .*UTF-8.*name its encoding/ },
  },
  "in Windows-1252 that the mapping mentions": {
    file: iconv.encode(placed("Café €"), "windows-1252"),
    mapping: mapping({ encoding: "windows-1252" }),
    rows: ["79783 2025-11-29 - BR mobile Café € 10000 250 125.50"],
    counts: { encoding: "windows-1252" },
  },
  "in Shift JIS that the mapping mentions": {
    file: iconv.encode(placed("広告枠"), "shift_jis"),
    mapping: mapping({ encoding: "shift_jis" }),
    rows: ["79783 2025-11-29 - BR mobile 広告枠 10000 250 125.50"],
  },
  "in an encoding that does not exist": {
    file: `${header}\n${good}\n`,
    mapping: mapping({ encoding: "utf-7777" }),
    refused: { code: "encoding", says: /utf-7777/ },
  },
  "with a broken byte far down": {
    file: Buffer.concat([Buffer.from(`${header}\n${good}\n${good}\n`), Buffer.from([0xc3, 0x28, 0x0a])]),
    refused: { code: "encoding", line: 4 },
  },
  "an Excel workbook": {
    file: Buffer.from("PK\x03\x04xl/workbook.xml", "latin1"),
    refused: { code: "not_text", says: /Excel.*save the sheet as CSV/ },
  },
  "a web page instead of the report": { file: "<!DOCTYPE html><p>Sign in", refused: { code: "not_text" } },
  // Line ends
  "with CRLF": { file: `${header}\r\n${good}\r\n`, rows: [taken] },
  "with CR alone": { file: `${header}\r${good}\r${good}\r`, rows: [taken, taken], counts: { lines: 2 } },
  "with every kind of line end": {
    file: `${header}\r\n${good}\n${good}\r${good}\r\nx,y\n`,
    rows: [taken, taken, taken],
    rejects: ["5 column_count -"],
  },
  "without a last line end": { file: `${header}\n${good}`, rows: [taken] },
  "with blank lines": {
    file: `\n${header}\n\n${good}\n  \n,,,,,,\n${good}\n\n`,
    rows: [taken, taken],
    counts: { blank: 5, lines: 2 },
  },
  "with blanks at the end that no line end follows": {
    file: `${header}\n${good}\n  `,
    rows: [taken],
    counts: { blank: 1, lines: 1 },
  },
  "with CR CR LF, as a careless copy leaves it": {
    file: `${header}\r\r\n${good}\r\r\n`,
    rows: [taken],
    counts: { blank: 2 },
  },
  // Delimiters
  "with semicolons": { file: `${header}\n${good}\n`.replaceAll(",", ";"), rows: [taken], counts: { delimiter: ";" } },
  "with tabs": { file: tabbed(`${header}\n${good}\n`), rows: [taken], counts: { delimiter: "\t" } },
  "with bars": { file: `${header}\n${good}\n`.replaceAll(",", "|"), rows: [taken], counts: { delimiter: "|" } },
  "with tabs and an empty first cell of a wide table": {
    file: tabbed(`placement,${header}\n,${good}\n`),
    rows: [taken],
  },
  "with a delimiter that the mapping does not allow": {
    file: `${header}\n${good}\n`,
    mapping: mapping({ delimiter: ";" }),
    refused: { code: "header", line: 1 },
  },
  // Quotes
  "with every cell quoted": { file: `${header}\n${good}\n`.replace(/[^,\n]+/g, '"$&"'), rows: [taken] },
  "with a delimiter within quotes": {
    file: placed('"News, top"'),
    rows: ["79783 2025-11-29 - BR mobile News, top 10000 250 125.50"],
  },
  "with doubled quotes": {
    file: placed('"5"" banner"'),
    rows: ['79783 2025-11-29 - BR mobile 5" banner 10000 250 125.50'],
  },
  "with a line break within quotes": {
    file: `${wide}\n${good},"top\nof page"\n${good},x\ny\n`,
    rows: [
      "79783 2025-11-29 - BR mobile top\nof page 10000 250 125.50",
      "79783 2025-11-29 - BR mobile x 10000 250 125.50",
    ],
    rejects: ["5 column_count -"],
  },
  "with a blank before a quote": {
    file: `${wide}\n${good}, "a, b"\n`,
    rows: ["79783 2025-11-29 - BR mobile a, b 10000 250 125.50"],
  },
  "with a quote in the middle of a cell": {
    file: `${wide}\n${good},5" banner\n${good},x\n`,
    rows: ["79783 2025-11-29 - BR mobile x 10000 250 125.50"],
    rejects: ["2 quotation_mark -"],
  },
  "with text behind a closing quote": {
    file: `${wide}\n${good},"a"b\n${good},x\n`,
    rows: ["79783 2025-11-29 - BR mobile x 10000 250 125.50"],
    rejects: ["2 quotation_mark -"],
  },
  "with a quote that is never closed": {
    file: `${wide}\n${good},x\n${good},"never\n${`${good},y\n`.repeat(50)}`,
    refused: { code: "unclosed_quote", line: 3, says: /line 3: .*never closed/ },
  },
  "with a quote that only the next quote closes": {
    file: `${wide}\n${good},"open\n${good},"shut"\n`,
    refused: { code: "unclosed_quote", line: 2, says: /goes on to line 3/ },
  },
  // Shape
  "with a line too short": {
    file: `${header}\n${good}\n79783,2025-11-29\n`,
    rows: [taken],
    rejects: ["3 column_count -"],
  },
  "with a line too long": { file: `${header}\n${good},US\n${good}\n`, rows: [taken], rejects: ["2 column_count -"] },
  "with the columns in another order": {
    file: "spend,clicks,impressions,device_type,date,geography,creative_id\n125.50,250,10000,mobile,2025-11-29,BR,79783\n",
    rows: [taken],
  },
  "with headers in other letters": {
    file: `Creative ID, DATE ,Impressions,CLICKS,Spend,Geo graphy,DeviceType\n${good}\n`,
    rows: [taken],
  },
  "with hour and placement": {
    file: `${header},hour,placement\n${good},7,Feed\n${good},,\n`,
    rows: ["79783 2025-11-29 7 BR mobile Feed 10000 250 125.50", taken],
  },
  "without a column": {
    file: "creative_id,date,impressions,spend\n1,2025-11-29,5,1\n",
    refused: { code: "missing_column", line: 1, column: "clicks", says: /lacks the column "clicks"/ },
  },
  "with a column twice": {
    file: `${header},Clicks\n${good},9\n`,
    refused: { code: "doubled_column", line: 1, column: "Clicks", says: /twice, as number 4 and 8/ },
  },
  "with a column nobody knows": {
    file: `${header},App\n${good},9\n`,
    refused: { code: "unknown_column", line: 1, column: "App", says: /"App".*"ignore".*"sumOver"/ },
  },
  "with a column called __proto__": {
    file: `${header},__proto__,constructor\n${good},1,2\n`,
    refused: { code: "unknown_column", column: "__proto__" },
  },
  "with a column called __proto__ that the mapping ignores": {
    file: `${header},__proto__\n${good},1\n`,
    mapping: mapping({ ignore: ["__proto__"] }),
    rows: [taken],
  },
  "with a last column that has no name": {
    file: `${header},\n${good},\n${good},x\n`,
    rows: [taken],
    rejects: ["3 column_count -"],
  },
  "with a million columns": {
    file: `${header}${",x".repeat(400_000)}\n${good}\n`,
    refused: { code: "header", line: 1, says: /400007 columns/ },
  },
  "with a header that never ends": { file: `${header}${",x".repeat(1_000_000)}`, refused: { code: "header", line: 1 } },
  empty: { file: "", refused: { code: "empty" } },
  "nothing but blanks": { file: "\ufeff \r\n\n \n", refused: { code: "empty" } },
  "the header alone": { file: `${header}\n`, rows: [], counts: { lines: 0, from: null, to: null, header: 1 } },
  "data without a header": { file: `${good}\n${good}\n`, refused: { code: "header", line: 1 } },
  "a preamble where the mapping has none": {
    file: `Report\n${header}\n${good}\n`,
    refused: { code: "header", line: 1 },
  },
  ...Object.fromEntries(
    [
      ["sep=;\r\n", ";"],
      ["SEP=,\n", ","],
      ['"sep=|"\n', "|"],
      ["sep=\t\n", "\t"],
      ["\ufeffsep=;\n", ";"],
      // The line says one, and the rest was saved with another.
      ["sep=;\n", ","],
    ].map(([above = "", delimiter = ""]): [string, Expected] => [
      `${JSON.stringify(above)} above a header with ${JSON.stringify(delimiter)}`,
      {
        file: `${above}${header.replaceAll(",", delimiter)}\n${good.replaceAll(",", delimiter)}\nx${delimiter}y\n`,
        rows: [taken],
        rejects: ["4 column_count -"],
        counts: { preamble: 1, header: 1, lines: 2 },
      },
    ]),
  ),
  "a preamble and totals": {
    file: `Report of November\n"Nov 1, 2025 - Nov 30, 2025"\n\n${header}\n${good}\nTotal,,10000,250,125.50,,\n"Total: all",,"10,000",250,125.50,,\n`,
    mapping: mapping({ preambleLines: 5 }),
    rows: [taken],
    counts: { preamble: 2, totals: 2, blank: 1, lines: 1 },
  },
  "a creative that is merely called Total": {
    file: `${wide}\n${good},Total\n,2025-11-29,1,1,1,BR,mobile,Total\n`,
    rows: ["79783 2025-11-29 - BR mobile Total 10000 250 125.50"],
    rejects: ["3 creative_id creative_id"],
  },
  // Cells
  "with NUL in a cell": {
    file: `${wide}\n${good},a\0b\n${good},x\n`,
    rows: ["79783 2025-11-29 - BR mobile x 10000 250 125.50"],
    rejects: ["2 nul -"],
  },
  "with a cell of three megabytes": {
    file: `${wide}\n${good},${"x".repeat(3_000_000)}\n${good},y\n`,
    chunk: 65_536,
    rows: ["79783 2025-11-29 - BR mobile y 10000 250 125.50"],
    rejects: ["2 line_too_long -"],
  },
  "with a quoted cell of three megabytes over many lines": {
    file: `${wide}\n${good},"${"x,\n".repeat(1_000_000)}"\n${good},y\n`,
    chunk: 65_536,
    rows: ["79783 2025-11-29 - BR mobile y 10000 250 125.50"],
    rejects: ["2 line_too_long -"],
  },
  "with three megabytes behind a quote that is never closed": {
    file: `${wide}\n${good},"${"x,\n".repeat(1_000_000)}`,
    chunk: 65_536,
    refused: { code: "unclosed_quote", line: 2 },
  },
  "with a placement of a hundred characters and one of more": {
    file: `${wide}\n${good},${"é".repeat(100)}\n${good},${"😀".repeat(100)}\n${good},${"é".repeat(101)}\n${good},${"x".repeat(5_000)}\n`,
    rows: [
      `79783 2025-11-29 - BR mobile ${"é".repeat(100)} 10000 250 125.50`,
      `79783 2025-11-29 - BR mobile ${"😀".repeat(100)} 10000 250 125.50`,
    ],
    rejects: ["4 placement placement", "5 placement placement"],
  },
  "with formulas": {
    file: `${wide}\n${good},"=HYPERLINK(""http://x"",""y"")"\n${good},@SUM(1)\n79783,2025-11-29,=1+1,0,1,BR,mobile,x\n`,
    rows: [
      '79783 2025-11-29 - BR mobile =HYPERLINK("http://x","y") 10000 250 125.50',
      "79783 2025-11-29 - BR mobile @SUM(1) 10000 250 125.50",
    ],
    rejects: ["4 impressions impressions"],
  },
  "with what COPY and SQL take for orders": {
    file: `${wide}\n${good},\\.\n${good},\\N\n${good},a\\tb\\\\\n${good},"'; drop table creatives; --"\n${good},"tab\there"\n`,
    rows: ["\\.", "\\N", "a\\tb\\\\", "'; drop table creatives; --", "tab\there"].map(
      (placement) => `79783 2025-11-29 - BR mobile ${placement} 10000 250 125.50`,
    ),
  },
  "with writing from right to left and beyond the first plane": {
    file: `${wide}\n${good},مساحة إعلانية\n${good},𝕬𝖉 👩‍👩‍👧\n`,
    rows: ["مساحة إعلانية", "𝕬𝖉 👩‍👩‍👧"].map((placement) => `79783 2025-11-29 - BR mobile ${placement} 10000 250 125.50`),
  },
  "with blanks around everything": {
    file: `${wide}\n 79783 , 2025-11-29 ,\t10000 , 250 , 125.50 , BR , mobile ,  top \u00a0\n`,
    rows: ["79783 2025-11-29 - BR mobile top 10000 250 125.5"],
  },
  // Ids and numbers
  "with ids beyond 2^53": {
    file: `${header}\n1912783031778279425,2025-11-29,1,0,1,,\n9223372036854775807,2025-11-29,1,0,1,,\n9223372036854775808,2025-11-29,1,0,1,,\n10000000000000000000,2025-11-29,1,0,1,,\n000079783,2025-11-29,1,0,1,,\n`,
    rows: [
      "1912783031778279425",
      "9223372036854775807",
      "9223372036854775808",
      "10000000000000000000",
      "000079783",
    ].map((id) => `${id} 2025-11-29 - - - - 1 0 1`),
  },
  "with ids that are no numbers": {
    file: `${header}\n${["abc", "summer-sale_01", " -5 ", "Été", "x".repeat(128)].map((id) => `${id},2025-11-29,1,0,1,,`).join("\n")}\n`,
    rows: ["abc", "summer-sale_01", "-5", "Été", "x".repeat(128)].map((id) => `${id} 2025-11-29 - - - - 1 0 1`),
  },
  "with ids that are none": {
    file: `${header}\n${["", "0", "x".repeat(129), "jane@example.com", "1.9128E+18", "79783.0", "1e3", "79 783"].map((id) => `${id},2025-11-29,1,0,1,US,`).join("\n")}\n`,
    rejects: [2, 3, 4, 5, 6, 7, 8, 9].map((line) => `${line} creative_id creative_id`),
  },
  "with counts beyond 2^53": {
    file: `${header}\n1,2025-11-29,9007199254740993,9007199254740992,1,,\n1,2025-11-29,9223372036854775807,1,1,,\n1,2025-11-29,9223372036854775808,1,1,,\n`,
    rows: ["1 2025-11-29 - - - - 9007199254740993 9007199254740992 1", "1 2025-11-29 - - - - 9223372036854775807 1 1"],
    rejects: ["4 impressions impressions"],
    counts: { sum: { impressions: "9232379236109516800", clicks: "9007199254740993", spend: "2" } },
  },
  "with halves at the sixth place": {
    file: `${header}\n${["0.0000005", "0.0000004999", "2.6754995", "1.005", "8450.119999999999", "0.00000049999999999999999999", "999999999999.9999994", "999999999999.9999995", "1000000000000"].map((spend) => `1,2025-11-29,1,0,${spend},,`).join("\n")}\n`,
    rows: ["0.000001", "0.000000", "2.675500", "1.005", "8450.120000", "0.000000", "999999999999.999999"].map(
      (spend) => `1 2025-11-29 - - - - 1 0 ${spend}`,
    ),
    rejects: ["9 spend spend", "10 spend spend"],
  },
  "with amounts as people write them": {
    file: `${header}\n${['"1,234.50"', "$1.92", "US$1.92", "1.92 USD", "USD 1.92", '"1,234,567"', ".5", "5.", "1e-05", "1.5E-3", "-0.00", '"1 234.5"', "1'234.5"].map((spend) => `1,2025-11-29,1,0,${spend},,`).join("\n")}\n`,
    rows: [
      "1234.5",
      "1.92",
      "1.92",
      "1.92",
      "1.92",
      "1234567",
      "0.5",
      "5",
      "0.00001",
      "0.0015",
      "0",
      "1234.5",
      "1234.5",
    ].map((spend) => `1 2025-11-29 - - - - 1 0 ${spend}`),
  },
  "with amounts that are none, or may be two": {
    file: `${header}\n${["", "-", "n/a", '"1,234"', '"1.234,50"', "1e5", "NaN", "Infinity", "5%", "1.2.3", '"1,23,456"', "-5", "(5.00)", "€5", "EUR 5", "+5", "0x10", "12 USD 5"].map((spend) => `1,2025-11-29,1,0,${spend},US,`).join("\n")}\n`,
    rejects: [
      ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((line) => `${line} spend spend`),
      ...[13, 14].map((line) => `${line} negative spend`),
      ...[15, 16].map((line) => `${line} currency spend`),
      ...[17, 18, 19].map((line) => `${line} spend spend`),
    ],
  },
  "with decimal commas that the mapping mentions": {
    file: `${header}\n${["1.234,50", "0,5", "1.234.567,89", "12"].map((spend) => `1,2025-11-29,1.000,0,${spend},,`).join("\n")}\n1,2025-11-29,1,0,1.5,,\n1,2025-11-29,1,0,1.234,,\n`
      .replaceAll(",,\n", "||\n")
      .replace(/^1,(.{10}),([^,]+),0,/gm, "1|$1|$2|0|")
      .replaceAll("creative_id,date,impressions,clicks,spend,geography,device_type", header.replaceAll(",", "|")),
    mapping: mapping({ decimal: "comma" }),
    rows: ["1234.5", "0.5", "1234567.89", "12"].map((spend) => `1 2025-11-29 - - - - 1000 0 ${spend}`),
    rejects: ["6 spend spend", "7 spend spend"],
  },
  "with counts as people write them": {
    file: `${header}\n${['"10,000"', "10000.0", "10 000", "010000"].map((count) => `1,2025-11-29,${count},0,1,,`).join("\n")}\n${["1.000", "5.5", "", "-1", "1e5", "$5", "ten"].map((count) => `1,2025-11-29,${count},0,1,,`).join("\n")}\n`,
    rows: ["10000", "10000", "10000", "010000"].map((count) => `1 2025-11-29 - - - - ${count} 0 1`),
    rejects: [
      "6 impressions impressions",
      "7 impressions impressions",
      "8 impressions impressions",
      "9 negative impressions",
      "10 impressions impressions",
      "11 impressions impressions",
      "12 impressions impressions",
    ],
  },
  "with more clicks than impressions": {
    file: `${header}\n1,2025-11-29,5,6,1,,\n1,2025-11-29,0,0,1,,\n`,
    rows: ["1 2025-11-29 - - - - 0 0 1"],
    rejects: ["2 clicks_above_impressions clicks"],
  },
  // Days, hours, places, devices
  "with days in every writing": {
    file: `${header}\n${["2025-12-01", "20251201", "2025/12/01", "2025-12-1", "2025.12.01", "2025-12-01 00:00:00", "2024-02-29"].map((day) => `1,${day},1,0,1,,`).join("\n")}\n`,
    rows: [...Array<string>(6).fill("2025-12-01"), "2024-02-29"].map((day) => `1 ${day} - - - - 1 0 1`),
  },
  "with days that are none": {
    file: `${header}\n${["2025-02-29", "2025-13-01", "12/1/25", "1.12.2025", "", "yesterday", "2025-12-01T13:00:00Z", "0000-00-00", "1899-12-30", "45992"].map((day) => `1,${day},1,0,1,US,`).join("\n")}\n`,
    rejects: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((line) => `${line} date date`),
  },
  "with the month first, as the mapping says": {
    file: `${header}\n1,12/1/25,1,0,1,,\n1,02/28/2025,1,0,1,,\n1,13/1/25,1,0,1,,\n`,
    mapping: mapping({ dateOrder: "month-day-year" }),
    rows: ["1 2025-12-01 - - - - 1 0 1", "1 2025-02-28 - - - - 1 0 1"],
    rejects: ["4 date date"],
  },
  "with the day first, as the mapping says": {
    file: `${header}\n1,1/12/25,1,0,1,,\n1,28.02.2025,1,0,1,,\n1,1/12.25,1,0,1,,\n`,
    mapping: mapping({ dateOrder: "day-month-year" }),
    rows: ["1 2025-12-01 - - - - 1 0 1", "1 2025-02-28 - - - - 1 0 1"],
    rejects: ["4 date date"],
  },
  "with tomorrow": {
    file: `${header}\n1,2025-12-18,1,0,1,,\n1,2025-12-19,1,0,1,,\n1,20251219,1,0,1,,\n`,
    rows: ["1 2025-12-18 - - - - 1 0 1"],
    rejects: ["3 future_date date", "4 future_date date"],
    counts: { from: "2025-12-18", to: "2025-12-18" },
  },
  "with hours": {
    file: `${header},hour\n${["0", "23", "00", "07", "14:00:00 - 14:59:59", "24", "-1", "7.5", "14:00:00 - 15:59:59"].map((hour) => `1,2025-11-29,1,0,1,,,${hour}`).join("\n")}\n`,
    rows: [0, 23, 0, 7, 14].map((hour) => `1 2025-11-29 ${hour} - - - 1 0 1`),
    rejects: [7, 8, 9, 10].map((line) => `${line} hour hour`),
  },
  "with Namibia": {
    file: `${header}\n1,2025-11-29,1,0,1,NA,\n1,2025-11-29,1,0,1,na,\n`,
    rows: Array<string>(2).fill("1 2025-11-29 - NA - - 1 0 1"),
  },
  "with places that are none": {
    file: `${header}\n${["UK", "ZZ", "XX", "EU", "USA", "Brazil", "B1", "É"].map((place) => `1,2025-11-29,1,0,1,${place},`).join("\n")}\n`,
    rejects: [2, 3, 4, 5, 6, 7, 8, 9].map((line) => `${line} geography geography`),
  },
  "with devices in every writing": {
    file: `${header}\n${["MOBILE", "Desktop", "Tablets", "Connected TV", "High-end mobile devices", "iPad", "android_smartphone"].map((device) => `1,2025-11-29,1,0,1,,${device}`).join("\n")}\n1,2025-11-29,1,0,1,,toaster\n`,
    rows: ["mobile", "desktop", "tablet", "connected_tv", "mobile", "tablet", "mobile"].map(
      (device) => `1 2025-11-29 - - ${device} - 1 0 1`,
    ),
    rejects: ["9 device_type device_type"],
  },
  "with a currency in each line": {
    file: `${header},currency\n${good},USD\n${good},EUR\n${good},\n`,
    rows: [taken],
    rejects: ["3 currency -", "4 currency -"],
  },
  "with creatives that nobody knows": {
    file: `${header}\n${good}\n5,2025-11-29,1,0,1,US,\n1912783031778279425,2025-11-29,1,0,1,US,\n`,
    known: ["79783"],
    rows: [taken],
    rejects: ["3 unknown_creative creative_id", "4 unknown_creative creative_id"],
  },
  "with half of a hundred lines wrong": {
    file: `${header}\n${`${good}\n`.repeat(50)}${"x\n".repeat(50)}`,
    counts: { accepted: 50, rejected: 50 },
  },
  "with more than half of a hundred lines wrong": {
    file: `${header}\n${`${good}\n`.repeat(49)}${"x\n".repeat(51)}`,
    refused: { code: "mostly_rejected", says: /51 of 100 lines.*51 column count/ },
  },
  "with all of ninety-nine lines wrong": {
    file: `${header}\n${"x\n".repeat(99)}`,
    counts: { accepted: 0, rejected: 99 },
  },
};

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inChunks, readBytes, readingOf, refusalOf } from "../../test/read-performance-file.ts";
import { fieldsOfJson } from "./json-fields.ts";
import { plainNumber } from "./json-record.ts";
import { findMapping, parseMapping, type FileCounts } from "./performance-file.ts";
import { readHead } from "./preview.ts";

const record = (changes = "", id = "79783") =>
  `{"creative_id":${id},"date":"2025-11-29","impressions":10000,"clicks":250,"spend":125.5${changes}}`;
const rows = async (file: string | Uint8Array, options: Parameters<typeof readBytes>[1] = {}) => {
  const { rows: found, rejects, counts } = await readBytes(file, options);
  return {
    rows: found.map(({ line, creative_id: id, spend, geography }) => `${line} ${id} ${spend} ${geography ?? "-"}`),
    rejects: rejects.map(({ line, code, column }) => `${line} ${code} ${column ?? "-"}`),
    reasons: rejects.map(({ reason }) => reason),
    contents: rejects.map(({ content }) => content),
    counts,
  };
};
const mapping = (changes: object) => {
  const { version: _version, ...document } = findMapping("document");
  return parseMapping({ ...document, ...changes });
};

describe("records of JSON are read as the lines of a CSV are", () => {
  test.each<[string, string | Uint8Array, string[]]>([
    ["one a line", `${record()}\n${record("", "7")}\n`, ["1 79783 125.5 -", "2 7 125.5 -"]],
    ["one a line, without a last line break", `${record()}\n\n${record("", "7")}`, ["1 79783 125.5 -", "3 7 125.5 -"]],
    ["with the line breaks of Windows", `${record()}\r\n${record("", "7")}\r\n`, ["1 79783 125.5 -", "2 7 125.5 -"]],
    [
      "in a list on one line, numbered as they come",
      `[${record()},${record("", "7")}]`,
      ["1 79783 125.5 -", "2 7 125.5 -"],
    ],
    ["in a list, one a line", `[\n${record()},\n${record("", "7")}\n]\n`, ["2 79783 125.5 -", "3 7 125.5 -"]],
    [
      "in a list over many lines, numbered by where they begin",
      JSON.stringify(
        [
          { creative_id: 1, date: "2025-11-29", impressions: 5, clicks: 1, spend: 2, geography: "BR" },
          { creative_id: 2, date: "2025-11-29", impressions: 5, clicks: 1, spend: 3 },
        ],
        null,
        2,
      ),
      ["2 1 2 BR", "10 2 3 -"],
    ],
    ["after a byte order mark", `\ufeff${record()}`, ["1 79783 125.5 -"]],
    ["in UTF-16", Buffer.from(`\ufeff${record()}\n`, "utf16le"), ["1 79783 125.5 -"]],
    [
      "with names in another case and order",
      `{"Spend":"3.1","Date":"2025-11-29","clicks":"0","Impressions":"7","creativeId":"12"}`,
      ["1 12 3.1 -"],
    ],
    [
      "with escapes in names and values",
      `{"creative\\u005fid":"7","date":"2025\\u002d11-29","impressions":1,"clicks":0,"spend":0}`,
      ["1 7 0 -"],
    ],
    [
      "with a field that only a later record has",
      `${record()}\n${record(',"geography":"BR"')}`,
      ["1 79783 125.5 -", "2 79783 125.5 BR"],
    ],
    ["with null for what is not known", record(',"geography":null,"device_type":null'), ["1 79783 125.5 -"]],
  ])("%s", async (_name, file, expected) => {
    const read = await rows(file);
    expect(read).toMatchObject({ rows: expected, rejects: [] });
    expect(read.counts).toMatchObject({ lines: expected.length, header: 0, delimiter: "json" });
  });

  test("in pieces of any size, whatever its line breaks are", async () => {
    const file = `[\r\n${record()},\r${record("", "7").replace(",", ",\r\n")}\n,${record("", "8")}]`;
    for (const chunk of [1, 2, 3, 5, 1_000])
      expect((await rows(file, { chunk })).rows).toEqual(["2 79783 125.5 -", "3 7 125.5 -", "5 8 125.5 -"]);
  });

  test("in pieces of any size, with names that come only in the last of them", async () => {
    const file = `[\n${Array.from({ length: 40 }, (_, at) => record(at === 39 ? ',"geography":"BR"' : "", String(at + 1))).join(",\n")}\n]`;
    const fields = await fieldsOfJson(inChunks(Buffer.from(file), 7), "auto");
    expect(fields?.at(-1)).toBe("geography");
    const whole = await rows(file);
    for (const chunk of [1, 2, 13, 4_096]) expect((await rows(file, { chunk })).rows).toEqual(whole.rows);
    expect(await fieldsOfJson(inChunks(Buffer.from("creative_id,date\n1,2\n"), 5), "auto")).toBeNull();
  });
});

describe("numbers are taken by their digits", () => {
  test.each<[string, string]>([
    ["123456789012.123456", "123456789012.123456"],
    ["0.1", "0.1"],
    ["1.005", "1.005"],
    ["8450.119999999999", "8450.120000"],
    ["1.000", "1"],
    ["1.5e2", "150"],
    ["12E-3", "0.012"],
    ["0e0", "0"],
  ])("an amount of %s is %s", async (written, stored) => {
    const { rows: found } = await rows(record().replace("125.5", written));
    expect(found).toEqual([`1 79783 ${stored} -`]);
  });

  test("an id that no float can hold stays what it is", async () => {
    expect((await rows(record("", "9223372036854775807"))).rows).toEqual(["1 9223372036854775807 125.5 -"]);
  });

  test("a number has a point, also where the sender's texts have a comma", async () => {
    const options = { mapping: mapping({ decimal: "comma" }) };
    const file = `${record()}\n${record("", "7").replace("125.5", '"1.234,5"')}`;
    expect((await rows(file, options)).rows).toEqual(["1 79783 125.5 -", "2 7 1234.5 -"]);
  });

  test("is the same number, whatever it is", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.integer({ min: -20, max: 20 }), (digits, power) => {
        const value = (text: string) => {
          const [whole = "", fraction = ""] = text.split(".");
          return BigInt(`${whole}${fraction.padEnd(20, "0")}`);
        };
        const plain = plainNumber(`${digits}e${power}`);
        expect(plain).toMatch(/^(0|[1-9]\d*)(\.\d*[1-9])?$/);
        expect(value(plain)).toBe(
          power < 0 ? (digits * 10n ** 20n) / 10n ** BigInt(-power) : digits * 10n ** BigInt(20 + power),
        );
      }),
    );
  });

  test.each(["NaN", "-Infinity", "true", '"12a"', "-1", "1e-7e", '""', "null"])(
    "a spend of %s is none",
    async (written) => {
      const { rows: found, rejects } = await rows(`${record("", "7")}\n${record().replace("125.5", written)}\n`);
      expect(found).toEqual(["1 7 125.5 -"]);
      expect(rejects).toHaveLength(1);
    },
  );
});

describe("a record that is wrong is rejected by itself, with what is wrong", () => {
  test.each<[string, string, string, RegExp]>([
    [
      "lacks an amount",
      record().replace(',"spend":125.5', ""),
      "2 column_count spend",
      /"spend" is missing: a missing value is not zero/,
    ],
    ["has an amount twice", record(',"spend":1'), "2 column_count spend", /"spend" is there twice/],
    [
      "holds a list where a value belongs",
      record(',"geography":["BR"]'),
      "2 column_count geography",
      /holds a list or a record/,
    ],
    ["is no JSON", record(',"geography":BR'), "2 json -", /cannot be read as JSON/],
    ["has a comma too many", record(","), "2 json -", /cannot be read as JSON/],
    ["has NUL in a value", record(',"placement":"a\\u0000"'), "2 nul -", /NUL/],
    ["has half of a character", record(',"placement":"\\ud83d"'), "2 nul -", /no text/],
    [
      "has more clicks than impressions",
      record().replace("250", "10001"),
      "2 clicks_above_impressions clicks",
      /more clicks/,
    ],
  ])("%s", async (_name, bad, reject, reason) => {
    const read = await rows(`${record("", "1")}\n${bad}\n${record("", "3")}\n`);
    expect(read.rows.map((row) => row.split(" ")[1])).toEqual(["1", "3"]);
    expect(read.rejects).toEqual([reject]);
    expect(read.reasons[0]).toMatch(reason);
    expect(read.contents).toEqual([bad]);
  });

  test("what is nested where nothing is read is left out", async () => {
    const options = { mapping: mapping({ ignore: ["targeting"] }) };
    expect((await rows(record(',"targeting":{"a":[1,{"b":"}"}]}'), options)).rejects).toEqual([]);
  });

  test("one that goes over lines is kept on one", async () => {
    const { contents, rejects } = await rows(
      '[\n{\n  "creative_id": 1,\r\n  "date": "2025-11-29",\n  "impressions": 1,\n  "clicks": 0,\n  "spend": "x"\n}\n]',
    );
    expect(rejects).toEqual(["2 spend spend"]);
    expect(contents).toEqual([
      '{ "creative_id": 1, "date": "2025-11-29", "impressions": 1, "clicks": 0, "spend": "x" }',
    ]);
  });

  test("one that is too long costs itself alone", async () => {
    const long = record(`,"placement":"${"x".repeat(3_000)}"`);
    const { rows: found, rejects } = await rows(`${record("", "1")}\n${long}\n${record("", "3")}`, {
      limits: { maxLineBytes: 1_000 },
      chunk: 300,
    });
    expect(found).toEqual(["1 1 125.5 -", "3 3 125.5 -"]);
    expect(rejects).toEqual(["2 line_too_long -"]);
  });

  test("totals are no record", async () => {
    const total = '{"creative_id":"Total","impressions":5,"clicks":1,"spend":9}';
    const { rows: found, rejects, counts } = await rows(`${record()}\n${total}\n{}`);
    expect({ found, rejects }).toEqual({ found: ["1 79783 125.5 -"], rejects: [] });
    expect(counts).toMatchObject({ lines: 1, totals: 1, blank: 1 } satisfies Partial<FileCounts>);
  });
});

describe("a file is refused whole when its records cannot be told apart", () => {
  test.each<[string, string, string, RegExp]>([
    ["a record that is cut off", `${record()}\n${record().slice(0, 40)}`, "json", /^line 2: .*cut off/],
    ["a list that is cut off between records", `[${record()},`, "json", /^line 1: the list is not closed/],
    [
      "a mark that is not closed",
      `${record()}\n{"date":"2025-11-29,"spend":1}\n${record()}`,
      "json",
      /^line 2: a quotation mark/,
    ],
    ["two records without a comma", `[\n${record()}\n${record()}]`, "json", /^line 3: .*comma/],
    ["something behind the list", `[${record()}]\n7`, "json", /^line 2: something stands behind/],
    ["what is no record", `[${record()},7]`, "json", /a record is expected here/],
    [
      "a broken record beside others on a line",
      `[${record()},{"a" 1},${record()}]`,
      "json",
      /not certain where it ends/,
    ],
    ["an empty list", "[]", "empty", /no records/],
    ["other records", `{"a":1,"b":2}`, "header", /no fields of the mapping document/],
    ["one record that holds the list", `{"total":1,"rows":[${record()}]}`, "header", /"rows" holds one/],
    [
      "records that lack fields",
      `{"creative_id":1,"date":"2025-11-29"}`,
      "missing_column",
      /"impressions", "clicks", "spend"/,
    ],
    ["a field that the mapping does not know", record(',"os":"ios"'), "unknown_column", /"os"/],
    ["a field in two spellings", record(',"creativeId":8'), "doubled_column", /twice/],
  ])("%s", async (_name, file, code, reason) => {
    for (const chunk of [1_000_000, 11]) {
      const refused = await refusalOf(file, { chunk });
      expect({ code: refused.code, message: refused.message }).toEqual({
        code,
        message: expect.stringMatching(reason) as unknown,
      });
    }
  });
});

test("rejected records are read again behind the list of their fields, each with its own number", async () => {
  const bad = record(',"geography":"XX"', "5");
  const read = await rows(
    `["creative_id","date","impressions","clicks","spend","geography"] ${bad}\n\n${record("", "6")}\n`,
  );
  expect(read).toMatchObject({ rows: ["3 6 125.5 -"], rejects: ["1 geography geography"] });
});

test("the beginning of a file is shown as an import reads it", async () => {
  const look = (file: string) => readHead(inChunks(Buffer.from(file), 50), readingOf({}));
  const head = await look(`${record(',"cpm":3')}\n${record(',"geography":"XX"', "5")}`);
  expect(head).toMatchObject({ delimiter: "json", headerLine: null, refusal: null, sum: { spend: "125.5" } });
  expect(head.columns.map(({ name, use }) => `${name} ${use}`)).toContain("cpm ignored");
  expect(head.lines.map(({ line, outcome, cells }) => [line, outcome, cells[0]])).toEqual([
    [1, "imported", "79783"],
    [2, "rejected", "5"],
  ]);
  const refused = await look(`{"creative_id":7,"date":"2025-11-29","price":1.10}`);
  expect(refused.refusal?.reason).toMatch(/"price"/);
  expect(refused.lines).toEqual([
    { line: 1, cells: ["7", "2025-11-29", "1.10"], outcome: null, column: null, reason: null },
  ]);
});

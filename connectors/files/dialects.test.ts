import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { readBytes, type Reading, type ReadOptions } from "../../test/read-performance-file.ts";
import { addDays } from "../../core/days.ts";
import { countryCodes } from "./countries.ts";
import { microsText } from "./numbers.ts";
import { deviceTypes, findMapping, FileRefused, parseMapping } from "./performance-file.ts";

/** Enough for each change; the drill "torn-files" looks further. */
const runs = Number(process.env["MODEL_RUNS"] ?? 100);

const columns = [
  "creative_id",
  "date",
  "hour",
  "geography",
  "device_type",
  "placement",
  "impressions",
  "clicks",
  "spend",
] as const;
type Column = (typeof columns)[number];
type Row = Record<Column, string | null>;

const { version, ...document } = findMapping("document");
const withPreamble = parseMapping({ ...document, preambleLines: 3 });

test("a changed mapping has another version", () => {
  expect(withPreamble.version).not.toBe(version);
  expect(parseMapping(document).version).toBe(version);
});

const bigint = { min: 0n, max: 9_223_372_036_854_775_807n };
const amount = fc.oneof(fc.bigInt({ min: 0n, max: 100_000_000n }), fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }));
const count = fc.oneof(fc.bigInt({ min: 0n, max: 100_000n }), fc.bigInt(bigint));
const placement = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 100 }),
    fc.string({ unit: fc.constantFrom(..."ab \",;|\\\n\r\t'="), maxLength: 30 }),
  )
  .map((text) => text.replaceAll("\0", "").trim())
  .map((text) => (text === "" ? null : text));

const row: fc.Arbitrary<Row> = fc
  .record({
    id: fc.oneof(fc.bigInt({ min: 1n, max: 99_999n }), fc.bigInt({ ...bigint, min: 1n })),
    day: fc.integer({ min: 0, max: 9_000 }),
    hour: fc.option(fc.integer({ min: 0, max: 23 })),
    geography: fc.option(fc.constantFrom(...countryCodes)),
    device: fc.option(fc.constantFrom(...deviceTypes)),
    placement,
    impressions: count,
    clicks: count,
    micros: amount,
  })
  .map(({ id, day, hour, geography, device, placement, impressions, clicks, micros }) => ({
    creative_id: String(id),
    date: addDays("2001-01-01", day),
    hour: hour === null ? null : String(hour),
    geography,
    device_type: device,
    placement,
    impressions: String(impressions > clicks ? impressions : clicks),
    clicks: String(impressions > clicks ? clicks : impressions),
    spend: microsText(micros),
  }));

/** A line that must be rejected, and why. */
const wrong = fc.tuple(
  row,
  fc.constantFrom<[Column, string, string]>(
    ["creative_id", "1.9128E+18", "creative_id"],
    ["date", "2025-02-30", "date"],
    ["date", "2025-12-19", "future_date"],
    ["hour", "24", "hour"],
    ["geography", "ZZ", "geography"],
    ["device_type", "toaster", "device_type"],
    ["placement", "p".repeat(101), "placement"],
    ["impressions", "1.5", "impressions"],
    ["clicks", "-1", "negative"],
    ["spend", "free", "spend"],
  ),
);

type Line =
  | { kind: "row"; row: Row }
  | { kind: "wrong"; row: Row; code: string }
  | { kind: "blank" }
  | { kind: "totals" }
  | { kind: "ragged" };

const line: fc.Arbitrary<Line> = fc.oneof(
  { weight: 20, arbitrary: row.map((row): Line => ({ kind: "row", row })) },
  {
    weight: 3,
    arbitrary: wrong.map(([row, [column, text, code]]): Line => ({
      kind: "wrong",
      row: { ...row, [column]: text },
      code,
    })),
  },
  { weight: 1, arbitrary: fc.constant<Line>({ kind: "blank" }) },
  { weight: 1, arbitrary: fc.constant<Line>({ kind: "totals" }) },
  { weight: 1, arbitrary: fc.constant<Line>({ kind: "ragged" }) },
);

const dialect = fc.record({
  delimiter: fc.constantFrom(",", ";", "\t", "|"),
  breaks: fc.constantFrom(["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\r\n", "\n", "\r"]),
  quoteAll: fc.boolean(),
  order: fc.shuffledSubarray([...columns], { minLength: columns.length }),
  encoding: fc.constantFrom("utf-8", "utf-8 with a mark", "utf-16le", "utf-16be"),
  lastBreak: fc.boolean(),
  chunk: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(100_000)),
  preamble: fc.array(fc.constantFrom("Report of the year", '"Jan 1, 2001 - Dec 31, 2025"', "All rights; reserved"), {
    maxLength: 3,
  }),
});
type Dialect = typeof dialect extends fc.Arbitrary<infer Value> ? Value : never;

function write(lines: Line[], how: Dialect): Buffer {
  const cell = (text: string) =>
    how.quoteAll || /["\r\n]/.test(text) || text.includes(how.delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  const joined = (cells: string[]) => cells.map(cell).join(how.delimiter);
  const records = [
    ...how.preamble,
    joined(how.order.map((column) => column.replace("_", " ").toUpperCase())),
    ...lines.map((line) => {
      if (line.kind === "blank") return "";
      if (line.kind === "ragged") return joined(["1", "2", "3"]);
      if (line.kind === "totals") return joined(how.order.map((_, place) => (place === 0 ? "Total" : "")));
      return joined(how.order.map((column) => line.row[column] ?? ""));
    }),
  ];
  let text = "";
  records.forEach((record, at) => {
    const isLast = at === records.length - 1;
    text += record + (isLast && !how.lastBreak ? "" : (how.breaks[at % how.breaks.length] ?? "\n"));
  });
  if (how.encoding === "utf-8") return Buffer.from(text);
  if (how.encoding === "utf-8 with a mark") return Buffer.from(`\ufeff${text}`);
  const little = Buffer.from(`\ufeff${text}`, "utf16le");
  return how.encoding === "utf-16le" ? little : little.swap16();
}

const sumOf = (rows: Row[], column: "impressions" | "clicks") =>
  rows.reduce((sum, row) => sum + BigInt(row[column] ?? "0"), 0n).toString();
const micros = (spend: string | null) => {
  const [whole = "0", fraction = ""] = (spend ?? "0").split(".");
  return BigInt(whole + fraction.padEnd(6, "0"));
};

test("whatever the dialect, what comes out is what went in, and every line is accounted for", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 25 }), dialect, async (lines, how) => {
      // A blank line at the very end without a line break is no line.
      if (!how.lastBreak && lines.at(-1)?.kind === "blank") how = { ...how, lastBreak: true };
      const file = write(lines, how);
      const options: ReadOptions = { mapping: withPreamble, chunk: how.chunk, limits: { refuseFromLines: 1_000 } };
      const read = await readBytes(file, options);
      const rows = lines.flatMap((line) => (line.kind === "row" ? line.row : []));
      const of = (kind: Line["kind"]) => lines.filter((line) => line.kind === kind).length;
      expect(
        read.rows.map(({ line: _line, creative: _creative, buyer_id: _seat, ...row }) => ({
          ...row,
          spend: microsText(micros(row.spend)),
        })),
      ).toEqual(rows);
      expect(read.rejects.map(({ code }) => code)).toEqual(
        lines.flatMap((line) => (line.kind === "wrong" ? line.code : line.kind === "ragged" ? "column_count" : [])),
      );
      expect(read.counts).toMatchObject({
        preamble: how.preamble.length,
        header: 1,
        totals: of("totals"),
        blank: of("blank"),
        accepted: rows.length,
        rejected: of("wrong") + of("ragged"),
        delimiter: how.delimiter,
        bytes: file.length,
        sum: {
          impressions: sumOf(rows, "impressions"),
          clicks: sumOf(rows, "clicks"),
          spend: microsText(rows.reduce((sum, row) => sum + micros(row.spend), 0n)),
        },
      });
      const { counts } = read;
      expect(counts.accepted + counts.rejected + counts.preamble + counts.totals + counts.blank + counts.header).toBe(
        lines.length + how.preamble.length + 1,
      );
      expect(await readBytes(file, { ...options, scan: false })).toEqual(read);
    }),
    { numRuns: runs },
  );
}, 120_000);

interface Outcome {
  read?: Reading;
  refused?: [string, number | null, string];
}

async function outcomeOf(file: string, options: ReadOptions): Promise<Outcome> {
  try {
    return { read: await readBytes(file, options) };
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    return { refused: [error.code, error.line, error.message] };
  }
}

test("reading by bytes and by csv-parse come to the same on any text at all", async () => {
  const header = "creative_id,date,impressions,clicks,spend,placement";
  const good = "1,2025-11-29,5,1,2.5,x";
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(good, `${good}\n`, `${good}\r\n`, '1,2025-11-29,5,1,2.5,"a, b"\n') },
    { weight: 2, arbitrary: fc.constantFrom('"', '""', '"\n', ',"', '",', ' "', "\r", "\n", "\r\n", ",", "\0") },
    { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'1,"\n\r \\a.é'), maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom("x".repeat(70), `"${"y,\n".repeat(30)}"`, "z,".repeat(40)) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 80 }), async (pieces, chunk) => {
      const file = `${header}\n${pieces.join("")}`;
      const options: ReadOptions = { limits: { maxLineBytes: 60 } };
      const scanned = await outcomeOf(file, options);
      expect(await outcomeOf(file, { ...options, scan: false })).toEqual(scanned);
      expect(await outcomeOf(file, { ...options, chunk })).toEqual(scanned);
    }),
    { numRuns: 2 * runs },
  );
}, 120_000);

import { describe, expect, test } from "@jest/globals";
import { inChunks, readBytes, readingOf, refusalOf, type ReadOptions } from "../../test/read-performance-file.ts";
import { defaultLimits, findMapping, readPerformanceFile } from "./performance-file.ts";
import { readHead } from "./preview.ts";
import { header, wide, good, tabbed, files } from "../../test/torture-files.ts";

test("there are files enough to be called torture", () => {
  expect(Object.keys(files).length).toBeGreaterThanOrEqual(60);
});

const short = (value: string | null) => value ?? "-";

describe.each<[string, ReadOptions]>([
  ["by its bytes", {}],
  ["by csv-parse", { scan: false }],
  ["by its bytes, three at a time", { chunk: 3 }],
])("read %s, a file", (_, how) => {
  const cases = Object.entries(files).filter(([, { file }]) => how.chunk === undefined || file.length < 20_000);
  test.each(cases)("%s", async (_name, { file, rows, rejects = [], counts = {}, refused, ...options }) => {
    if (refused !== undefined) {
      const { says, ...expected } = refused;
      const refusal = await refusalOf(file, { ...options, ...how });
      expect(refusal).toMatchObject(expected);
      if (says !== undefined) expect(refusal.message).toMatch(says);
      return;
    }
    const read = await readBytes(file, { ...options, ...how });
    if (rows !== undefined)
      expect(
        read.rows.map((row) =>
          [
            row.creative_id,
            row.date,
            row.hour,
            row.geography,
            row.device_type,
            row.placement,
            row.impressions,
            row.clicks,
            row.spend,
          ]
            .map(short)
            .join(" "),
        ),
      ).toEqual(rows);
    if (counts.rejected === undefined)
      expect(read.rejects.map(({ line, code, column }) => `${line} ${code} ${short(column)}`)).toEqual(rejects);
    expect(read.counts).toMatchObject(counts);
    expect(read.counts).toMatchObject({
      lines: read.rows.length + read.rejects.length,
      accepted: read.rows.length,
      rejected: read.rejects.length,
      bytes: Buffer.byteLength(file),
    });
  });
});

describe("a preview says what an import would make of a file", () => {
  const megabyte = 1_048_576;
  const cases = Object.entries(files).filter(([, { file }]) => file.length < megabyte);
  test.each(cases)(
    "%s",
    async (_name, { file, rows: _rows, rejects: _rejects, counts: _counts, refused, ...options }) => {
      const head = await readHead(inChunks(Buffer.from(file), 5_000), readingOf(options));
      if (refused !== undefined) {
        const { line, column, message } = await refusalOf(file, options);
        expect(head.refusal).toEqual({ line, column, reason: message });
        return;
      }
      const { rejects, counts } = await readBytes(file, options);
      expect([head.refusal, head.read.isAll]).toEqual([null, true]);
      expect(head.rejects).toMatchObject(rejects.slice(0, 100).map(({ line, reason }) => ({ line, reason })));
      expect(head).toMatchObject({
        encoding: counts.encoding,
        delimiter: counts.delimiter,
        preamble: counts.preamble,
        read: { lines: counts.lines, rejected: counts.rejected, totals: counts.totals },
        sum: counts.sum,
        days: { from: counts.from, to: counts.to },
      });
      const outcomes = head.lines.map(({ outcome }) => outcome);
      expect(outcomes).toHaveLength(Math.min(20, counts.lines + counts.totals));
      if (outcomes.length < 20)
        expect(outcomes.filter((outcome) => outcome === "imported")).toHaveLength(counts.accepted);
    },
  );
});

test("rejected lines can be read again behind their header, when the creative is there", async () => {
  const file = `${tabbed(wide)}\t\n${tabbed(`${good},"5"" top"`)}\t\n5\tx\t1\t0\t1\t\t\t\t\n`;
  const { rejects, counts, rows } = await readBytes(file, { known: [] });
  expect([rows, rejects.map(({ code, whole }) => [code, whole])]).toEqual([
    [],
    [
      ["unknown_creative", true],
      ["date", true],
    ],
  ]);
  const again = await readBytes([counts.headerText, ...rejects.map(({ content }) => content)].join("\n"), {
    known: ["79783"],
  });
  expect(again.rows.map(({ creative_id, placement }) => [creative_id, placement])).toEqual([["79783", '5" top']]);
  expect(again.rejects.map(({ content }) => content)).toEqual([rejects[1]?.content]);
});

test("a reading that is given up stops with the next piece, and says that it was given up", async () => {
  const given = AbortSignal.abort(new Error("given up"));
  await expect(readBytes(`${header}\n${good}\n`, { signal: given })).rejects.toThrow("given up");
});

test("blocks hold whole lines, and the next one waits for the last", async () => {
  let open = 0;
  let most = 0;
  const sizes: number[] = [];
  const counts = await readPerformanceFile(
    (async function* () {
      yield Buffer.from(`${header}\n`);
      for (let part = 0; part < 40; part += 1) yield Buffer.from(`${good}\n`.repeat(500));
      return Promise.resolve();
    })(),
    {
      mapping: findMapping("document"),
      today: "2025-12-18",
      currency: "USD",
      buyerId: null,
      knownCreatives: { stateOf: () => "fine" },
      limits: defaultLimits,
      named: () => Promise.resolve(),
      accepted: async (block) => {
        open += 1;
        most = Math.max(most, open);
        sizes.push(block.length);
        expect(block.at(-1)).toBe(10);
        await new Promise(setImmediate);
        open -= 1;
      },
      rejected: () => Promise.resolve(),
    },
  );
  expect(counts.accepted).toBe(20_000);
  expect(most).toBe(1);
  expect(sizes.length).toBeGreaterThan(5);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(131_072);
});

test.each([1, 2, 3, 5, 7])("characters that are cut between pieces of %i bytes come together again", async (chunk) => {
  const line = `${good},é😀ü\n`;
  const { rows, counts } = await readBytes(`${wide}\n${line.repeat(200)}`, { chunk });
  expect(new Set(rows.map(({ placement }) => placement))).toEqual(new Set(["é😀ü"]));
  expect(counts).toMatchObject({ accepted: 200, bytes: Buffer.byteLength(`${wide}\n${line.repeat(200)}`) });
});

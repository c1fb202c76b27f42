import { describe, expect, test } from "@jest/globals";
import { extendMapping, findMapping, type MappingExtension } from "./mapping.ts";
import { defaultLimits, readPerformanceFile, type FileCounts, type RejectedLine } from "./performance-file.ts";

const header = ["creative_id", "date", "impressions", "clicks", "spend"];

/** Reads a file of these spends; what was taken, and what was said of the rest. */
async function read(
  spends: string[],
  { delimiter = ";", extension = {} }: { delimiter?: string; extension?: MappingExtension } = {},
): Promise<{ counts: FileCounts; rejects: RejectedLine[] }> {
  const lines = [
    header,
    ...spends.map((spend, at) => ["1", `2025-08-${String(at + 1).padStart(2, "0")}`, "10", "1", spend]),
  ];
  const rejects: RejectedLine[] = [];
  const text = `${lines.map((cells) => cells.map((cell) => (cell.includes(delimiter) ? `"${cell}"` : cell)).join(delimiter)).join("\n")}\n`;
  const counts = await readPerformanceFile(
    (async function* () {
      yield await Promise.resolve(Buffer.from(text));
    })(),
    {
      mapping: extendMapping(findMapping("document"), extension),
      ...{ today: "2025-11-29", currency: "USD", buyerId: null, limits: defaultLimits },
      knownCreatives: { stateOf: () => "fine" },
      accepted: () => Promise.resolve(),
      named: () => Promise.resolve(),
      rejected: (found) => Promise.resolve(void rejects.push(...found)),
    },
  );
  return { counts, rejects };
}

describe("an amount such as 1.234", () => {
  test("is refused with its line in a file with semicolons, where it may be a thousand times as much", async () => {
    const { counts, rejects } = await read(["1.234,50", "1.234", "12,5", "12.345", "999.999", "0.125", "7.50"]);
    expect(counts).toMatchObject({ accepted: 2, rejected: 5, sum: { spend: "7.625" } });
    expect(rejects.every(({ reason }) => reason.includes("the mapping must say decimal: comma"))).toBe(true);
  });

  test("and in any file once another amount shows a decimal comma; where it was taken before, the file is refused", async () => {
    const { counts, rejects } = await read(["12,5", "1.234", "7.50"], { delimiter: "\t" });
    expect([counts.accepted, rejects.map(({ code }) => code)]).toEqual([1, ["spend", "spend"]]);
    await expect(read(["1.234", "7.50", "12,5"], { delimiter: "\t" })).rejects.toMatchObject({
      code: "decimal_sign",
      message:
        'spend: 1 amount such as 1.234 can mean 1234, because other lines have a decimal comma. Add "decimal": "comma" to the mapping if so, else "threeDecimals": true',
    });
  });

  test("is taken as the mapping says: by decimal comma, or with three decimals", async () => {
    const comma = await read(["1.234,50", "12,5", "1.234.567,89"], { extension: { decimal: "comma" } });
    expect(comma.counts).toMatchObject({ accepted: 3, sum: { spend: "1235814.89" } });
    const three = await read(["1.234", "12.345"], { extension: { threeDecimals: true } });
    expect(three.counts).toMatchObject({ accepted: 2, sum: { spend: "13.579" } });
  });

  test("is what it says in a file with commas between its cells, as long as nothing else speaks against it", async () => {
    const { counts } = await read(["1.234", "12.5", "1,234.50"], { delimiter: "," });
    expect(counts).toMatchObject({ accepted: 3, sum: { spend: "1248.234" } });
  });

  test("with a comma for a point, is in doubt the other way round", async () => {
    const extension = { decimal: "comma" } as const;
    await expect(read(["1,234", "12.5"], { extension })).rejects.toMatchObject({
      code: "decimal_sign",
      message: expect.stringMatching(/1 amount such as 1,234 can mean 1234.*"decimal": "point"/),
    });
    expect((await read(["1,234", "12,5"], { extension })).counts).toMatchObject({ accepted: 2 });
  });
});

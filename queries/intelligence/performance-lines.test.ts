import { expect, test } from "@jest/globals";
import { WindowSums } from "../../rules/intelligence/window-sums.ts";
import { readRecords } from "./performance-lines.ts";

const lines = [
  "1\tPL\t0\t3\t100\t1.500000",
  "2\tPL\t27\t0\t0\t0.000000",
  "1\tBrasília\\t\\\\x\t6\t10\t900\t9007199254.740993",
  "1\tPL\t0\t1\t1\t-0.000001",
  "7\tPL\t0\t1\t1\t5.000000",
].join("\n");
const members = [1, 2].map((creativeId) => ({ campaignId: 9, creativeId, size: "", format: null }));

async function* inPieces(bytes: Buffer, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function read(text: string, length: number) {
  const sums = new WindowSums(members);
  await readRecords(inPieces(Buffer.from(text), length), sums);
  return sums.window([]);
}

test("lines are read the same wherever they are cut, to the last digit, and creatives of no campaign are left out", async () => {
  const whole = await read(`${lines}\n`, 10_000);
  expect(whole.cells.geography.map(({ subject, own }) => [subject, own.clicks, own.spendText, own.days])).toEqual([
    ["PL", 4, "1.499999", 2],
    ["Brasília\t\\x", 10, "9007199254.740993", 1],
  ]);
  expect(whole.days).toBe(3);
  for (const length of [1, 2, 7, 33]) expect(await read(`${lines}\n`, length)).toEqual(whole);
});

test("what is no record is refused once all is read", async () => {
  let taken = 0;
  async function* counted() {
    for (const line of ["1\tPL\t0\tmany\t1\t1.000000\n", "1\tPL\t0\t1\t1\t1.00\n", "1\tPL\t0\t1\t1\t1.000000\n"]) {
      taken += 1;
      yield await Promise.resolve(Buffer.from(line));
    }
  }
  await expect(readRecords(counted(), new WindowSums(members))).rejects.toThrow("something else than a number");
  expect(taken).toBe(3);
});

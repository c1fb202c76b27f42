import { expect, test } from "@jest/globals";
import { readBytes } from "../../test/read-performance-file.ts";
import { extendMapping, findMapping } from "./mapping.ts";
import { FileCreatives } from "./file-creatives.ts";

const header = "creative_id,date,impressions,clicks,spend";
const seats = extendMapping(findMapping("document"), { columns: { buyer_id: ["seat"] } });
const named = ({ buyer_id: seat, creative_id: id }: { buyer_id: string | null; creative_id: string | null }) =>
  `${seat ?? "-"} ${id}`;

test("one id in two seats is two creatives, and a line that names no seat is rejected where the file has the column", async () => {
  const lines = ["5,2025-11-29,1,0,1,A", "5,2025-11-29,1,0,1, B ", "5,2025-11-29,1,0,2,A", "5,2025-11-29,1,0,1,"];
  const { rows, rejects, counts } = await readBytes(`${header},seat\n${lines.join("\n")}\n`, { mapping: seats });
  expect(rows.map(named)).toEqual(["A 5", "B 5", "A 5"]);
  expect(rows[0]?.creative).toBe(rows[2]?.creative);
  expect(counts.doubtful).toEqual([4]);
  expect(rejects.map(({ line, code, column }) => [line, code, column])).toEqual([[5, "buyer_id", "seat"]]);
});

test("a file without the column is of the constant's seat, else of the setting's, else of none", async () => {
  const file = `${header}\n5,2025-11-29,1,0,1\n`;
  const constant = extendMapping(findMapping("document"), { constants: { buyer_id: "A" } });
  const seatOf = async (options: object) => (await readBytes(file, options)).rows.map(named);
  expect(await seatOf({ mapping: constant, buyerId: "B" })).toEqual(["A 5"]);
  expect(await seatOf({ buyerId: "B" })).toEqual(["B 5"]);
  expect(await seatOf({})).toEqual(["- 5"]);
});

test("Google's reports name the seat by Buyer account ID", async () => {
  const file =
    "#Day,Country,Creative ID,Buyer account ID,Impressions,Clicks,Spend (bidder currency)\n11/29/25,Brazil,9000000000000000001,123,1,0,$1\n11/29/25,Brazil,9000000000000000001,456,1,0,$1\n";
  const { rows, rejects } = await readBytes(file, { mapping: "authorized-buyers" });
  expect([rows.map(named), rejects]).toEqual([["123 9000000000000000001", "456 9000000000000000001"], []]);
});

test("an id with zeros in front may have the key of the one without, and is looked at", async () => {
  const lines = ["7", "007", "70"].map((id) => `${id},2025-11-29,1,0,1`);
  const { counts, rows } = await readBytes(`${header}\n${lines.join("\n")}\n`);
  expect([rows.map(named), counts.doubtful]).toEqual([["- 7", "- 007", "- 70"], [3]]);
});

test("of a creative whose lines are all rejected nothing is passed on, and numbers have no gap", async () => {
  const lines = ["8,2025-11-29,1,0,nothing", "9,2025-11-29,1,0,1", "8,2025-11-29,1,5,1", "10,2025-11-29,1,0,1"];
  const { rows } = await readBytes(`${header}\n${lines.join("\n")}\n`);
  expect(rows.map((row) => [row.creative, row.creative_id])).toEqual([
    ["0", "9"],
    ["1", "10"],
  ]);
});

test("a hundred thousand creatives are told apart, each asked about once", () => {
  const asked = new Map<string, number>();
  const creatives = new FileCreatives((seat, id) => {
    const name = `${seat} ${id}`;
    asked.set(name, (asked.get(name) ?? 0) + 1);
    return null;
  });
  const part = (text: string) => ({ bytes: Buffer.from(text), start: 0, end: Buffer.byteLength(text) });
  const numbers = new Map<string, number>();
  for (let round = 0; round < 2; round += 1)
    for (let at = 0; at < 100_000; at += 1) {
      const [seat, id] = [at % 3 === 0 ? "" : `s${at % 2}`, `9${at * 7}`];
      creatives.find(part(seat), part(id));
      const name = `${seat} ${id}`;
      if (round === 0) numbers.set(name, creatives.number);
      if (creatives.number !== numbers.get(name)) throw new Error(`${name} has another number`);
      creatives.use();
    }
  expect(new Set(numbers.values()).size).toBe(100_000);
  expect([asked.size, Math.max(...asked.values()), creatives.named().length]).toEqual([100_000, 1, 100_000]);
});

test("days that a warehouse owns come from nobody's file, and those before them do", async () => {
  const file = `creative_id,date,impressions,clicks,spend\n1,2025-11-30,1,0,1\n1,2025-12-01,1,0,1\n1,20251202,1,0,1\n`;
  const from = await readBytes(file, { others: { from: "2025-12-01", owner: "bigquery" } });
  expect(from.rows).toMatchObject([{ date: "2025-11-30" }]);
  expect(from.rejects).toMatchObject([
    {
      line: 3,
      code: "other_owner",
      column: "date",
      reason: expect.stringContaining("is a day of bigquery, and no file's"),
    },
    { line: 4, code: "other_owner" },
  ]);
  const all = await readBytes(file, { others: { from: null, owner: "snowflake" } });
  expect(all.rejects.map(({ code }) => code)).toEqual(["other_owner", "other_owner", "other_owner"]);
});

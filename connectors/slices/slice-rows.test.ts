import { readdir } from "node:fs/promises";
import os from "node:os";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { sumMoney } from "../../core/money.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { KeyPlaces } from "./key-places.ts";
import { SliceRows, type Row, type SpooledRows } from "./slice-rows.ts";

const source = { table: dailySpend, amount: "cost" } as const;
const row = (sourceId: string, cost = "1.5", more: object = {}): Row => ({
  date: "2026-03-10",
  sourceId,
  cost,
  ...more,
});

async function gather(pages: Row[][], limit?: number): Promise<SliceRows> {
  const rows = new SliceRows(source, limit);
  for (const page of pages) {
    for (const one of page) rows.add(one);
    await rows.endPage();
  }
  return rows;
}
const held = (rows: SliceRows) => rows.rows() as Row[];
const spooled = (rows: SliceRows) => rows.rows() as SpooledRows;

async function lines(rows: SpooledRows): Promise<string[]> {
  const blocks: Buffer[] = [];
  for await (const block of rows.blocks()) {
    expect(block.at(-1)).toBe("\n".charCodeAt(0));
    blocks.push(block);
  }
  return Buffer.concat(blocks).toString().split("\n").slice(0, -1);
}

describe("keys", () => {
  test("one that is on the page already is refused; of one on an earlier page, the later row stays", async () => {
    const rows = new SliceRows(source);
    expect([rows.add(row("a", "1")), rows.add(row("b", "4"))]).toEqual([false, false]);
    await rows.endPage();
    expect(rows.add(row("b", "8"))).toBe(true);
    await rows.endPage();
    expect(held(rows)).toEqual([row("a", "1"), row("b", "8")]);
    expect([rows.length, rows.total()]).toEqual([2, "9"]);
    rows.add(row("c"));
    expect(() => rows.add(row("c"))).toThrow('page 3 has date "2026-03-10", source_id "c" twice');
  });

  test("are each known again, however many there are", () => {
    const places = new KeyPlaces();
    const keys = Array.from({ length: 10_000 }, (_, index) => String(index));
    expect(keys.filter((key) => places.push(key) !== null)).toEqual([]);
    expect(keys.every((key, index) => places.push(key) === index)).toBe(true);
    expect(places.push("0")).toBe(10_000);
  });

  test("are told apart whatever is in them", async () => {
    const rows = await gather([[row('a","b'), row("a"), row("null"), row(""), row("a\u0000b")]]);
    expect(rows.length).toBe(5);
  });
});

describe("the total", () => {
  test("is of the one currency that is summed", async () => {
    const rows = new SliceRows({ ...source, currency: { column: "sourceAlias", summed: "USD" } });
    rows.add(row("a", "1.10", { sourceAlias: "USD" }));
    rows.add(row("b", "-0.2", { sourceAlias: "USD" }));
    rows.add(row("c", "50", { sourceAlias: "EUR" }));
    expect(rows.total()).toBe("0.9");
  });

  test("is exact where a float is not", async () => {
    const rows = await gather([
      [row("a", "999999999999.999999"), row("b", "0.000001"), row("c", "0.1"), row("d", "0.2")],
    ]);
    expect(rows.total()).toBe("1000000000000.3");
  });
});

describe("the content's hash", () => {
  const hash = async (...rows: Row[]) => (await gather([rows])).contentHash();
  const one = row("a", "1.5", { extra: null });
  const two = row("b", "2", { extra: '{"roi":1.10}' });

  test("is the same for the same rows in any order, their fields in any order, on any pages", async () => {
    expect(await hash(one, two)).toBe(await hash(two, one));
    expect(await hash(one)).toBe(await hash(Object.fromEntries(Object.entries(one).reverse())));
    expect(await hash(one, two)).toBe((await gather([[row("b", "7"), one], [two]])).contentHash());
  });

  test("is another for any other value", async () => {
    const hashes = await Promise.all([
      hash(one),
      hash(two),
      hash(),
      hash(one, two),
      hash({ ...one, cost: "1.51" }),
      hash({ ...one, extra: "{}" }),
      hash({ ...one, sourceId: "A" }),
      hash({ ...one, sourceName: "x", sourceAlias: null }),
      hash({ ...one, sourceName: null, sourceAlias: "x" }),
    ]);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe("more rows than are held", () => {
  test("lie in a file that nobody else sees, in whole lines led by their place", async () => {
    const rows = await gather(
      [[row("a"), row("b\t\\N\n", "2", { extra: '{"x":"\\\\"}' })], [row("c")], [row("a", "7")], []],
      2,
    );
    const file = spooled(rows);
    expect(file.length).toBe(3);
    expect(file.replaced).toEqual([0]);
    const written = await lines(file);
    expect(written.map((line) => line.split("\t")[0])).toEqual(["0", "1", "2", "3"]);
    expect(written[1]).toContain("b\\t\\\\N\\n");
    expect(written[1]).toContain('{"x":"\\\\\\\\"}');
    // A second time, as a preview after a comparison needs it.
    expect(await lines(file)).toEqual(written);
    expect((await readdir(os.tmpdir())).filter((name) => name.startsWith("signal-room-"))).not.toContainEqual(
      expect.stringMatching(/^signal-room-[0-9a-f-]{36}$/),
    );
    await rows.discard();
  });

  test("come to the same as held ones: count, total, hash and what each page looks like", async () => {
    const pages = fc.array(
      fc.uniqueArray(
        fc.record({
          id: fc.integer({ min: 0, max: 12 }),
          cents: fc.integer({ min: -500, max: 500 }),
          name: fc.string(),
        }),
        { selector: ({ id }) => id, maxLength: 6 },
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(pages, fc.integer({ min: 0, max: 10 }), async (made, limit) => {
        const given = made.map((page) =>
          page.map(({ id, cents, name }) => row(String(id), sumMoney([String(cents / 100)]), { sourceName: name })),
        );
        const all = new SliceRows(source, Infinity);
        const few = new SliceRows(source, limit);
        for (const page of given) {
          expect(page.map((one) => all.add(one))).toEqual(page.map((one) => few.add(one)));
          expect(await all.endPage()).toBe(await few.endPage());
        }
        const expected = held(all);
        expect([few.length, few.total(), few.contentHash()]).toEqual([
          expected.length,
          sumMoney(expected.map((one) => String(one["cost"]))),
          all.contentHash(),
        ]);
        const found = few.rows();
        if (!Array.isArray(found)) {
          const alive = (await lines(found)).filter((_, place) => !found.replaced.includes(place));
          expect(alive).toHaveLength(expected.length);
        } else expect(found).toEqual(expected);
        await few.discard();
      }),
    );
  });
});

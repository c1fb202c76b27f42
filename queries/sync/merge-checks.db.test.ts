import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inTransaction } from "../../schema/database.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { compareRows, previewSlice } from "./merge.ts";
import type { MergeContent } from "./shapes.ts";
import { compareBooks } from "./stored.ts";
import {
  database,
  client,
  events,
  day,
  believed,
  spend,
  target,
  content,
  staged,
  merge,
  query,
  stored,
  costs,
  ledger,
  slice,
  counts,
  rolledBack,
} from "../../test/merging-slices.ts";

describe("an empty answer where rows are stored", () => {
  test("withdraws nothing, is not final, and says emptied until an answer has rows again", async () => {
    await merge(content([spend("a", "5"), spend("b", "6")]));
    for (let time = 0; time < 2; time += 1) {
      expect(await merge(content([], { vendorTotal: "0" }))).toMatchObject({
        outcome: "emptied",
        isFinal: false,
        ...counts(0, 0, 2, 0),
      });
      expect(await costs()).toEqual({ a: "5.000000", b: "6.000000" });
      expect(await slice()).toMatchObject({ outcome: "emptied", is_final: false, rows: 2, total: "11.000000" });
    }
    expect(await query("select state from ops.freshness where _client_id = $1")).toEqual([{ state: "emptied" }]);
    expect(await merge(content([spend("a", "5")]))).toMatchObject({
      outcome: "changed",
      isFinal: true,
      ...counts(0, 0, 1, 1),
    });
  });

  test("is no less empty for rows that cannot be stored: they are quarantined, and the day keeps what it has", async () => {
    await merge(content([spend("a", "5"), spend("b", "6")]));
    const quarantined = ["5", "6"].map((amount) => ({ reason: "no source_id", amount, content: { amount } }));
    expect(await merge(content([], { quarantined, vendorTotal: "11" }))).toMatchObject({
      outcome: "emptied",
      isFinal: false,
      ...counts(0, 0, 2, 0),
    });
    expect(await costs()).toEqual({ a: "5.000000", b: "6.000000" });
    expect(await query("select from ops.quarantine where _client_id = $1 and resolved_at is null")).toHaveLength(2);
    expect(await merge(content([], { quarantined }), { acceptEmpty: true })).toMatchObject({ ...counts(0, 0, 0, 2) });
  });

  test("is believed when an operator says so: the rows leave, their content stays in the ledger", async () => {
    await merge(content([spend("a", "5")]));
    await merge(content([]));
    expect(await merge(content([]), { acceptEmpty: true })).toMatchObject({
      outcome: "changed",
      isFinal: true,
      ...counts(0, 0, 0, 1),
    });
    expect(await stored()).toEqual([]);
    expect((await ledger()).at(-1)).toEqual({ kind: "withdrawn", id: "a", old: "5.000000", new: null });
    expect(await merge(content([]))).toMatchObject({ outcome: "unchanged", ...counts(0, 0, 0, 0) });
  });

  test("on a day that never had rows is just an empty day", async () => {
    expect(await merge(content([]))).toMatchObject({ outcome: "unchanged", isFinal: true, fetched: 0 });
  });

  test("closes nothing in quarantine either: it is not believed", async () => {
    const quarantined = [{ reason: "no source_id", amount: "3.7", content: { source: "direct" } }];
    await merge(content([spend("a")], { quarantined }));
    await merge(content([]));
    expect(await query("select resolved_at from ops.quarantine where _client_id = $1")).toEqual([
      { resolved_at: null },
    ]);
  });
});

describe("the vendor's total", () => {
  const quarantined = [{ reason: "no source_id", amount: "3.7", content: { source: "direct" } }];
  test("is met by stored and set-aside rows together, to the cent", async () => {
    expect(await merge(content([spend("a", "1.5")], { quarantined, vendorTotal: "5.204" }))).toMatchObject({
      outcome: "changed",
      quarantinedTotal: "3.7",
    });
    expect(await query("select reconciled from ops.freshness where _client_id = $1")).toEqual([{ reconciled: true }]);
  });

  test("that is missed leaves the rows stored and the slice unreconciled, until it is met", async () => {
    expect(await merge(content([spend("a", "1.5")], { vendorTotal: "5.20" }))).toMatchObject({
      outcome: "unreconciled",
      ...counts(1, 0, 0, 0),
    });
    expect(await costs()).toEqual({ a: "1.500000" });
    expect(await query("select reconciled from ops.freshness where _client_id = $1")).toEqual([{ reconciled: false }]);
    expect(await merge(content([spend("a", "1.5")], { vendorTotal: "1.50" }))).toMatchObject({ outcome: "unchanged" });
    expect(await query("select reconciled from ops.freshness where _client_id = $1")).toEqual([{ reconciled: true }]);
  });
});

test("an answer short of the vendor's total may be cut: nothing counts as withdrawn, and the day not as final", async () => {
  await merge(content([spend("a", "1"), spend("b", "2")], { vendorTotal: "3" }));
  const short = await merge(content([spend("a", "1")], { vendorTotal: "3" }));
  expect(short).toMatchObject({ outcome: "unreconciled", isFinal: false, ...counts(0, 0, 1, 0) });
  expect(await costs()).toEqual({ a: "1.000000", b: "2.000000" });
  expect(await merge(content([spend("a", "1")], { vendorTotal: "1" }))).toMatchObject({
    outcome: "changed",
    withdrawn: 1,
  });
});

describe("what is stored is what was sent", () => {
  const odd = [
    "",
    " ",
    "NULL",
    "null",
    "'",
    '"',
    "\\",
    "\\.",
    "\\N",
    "{a,b}",
    "a,b",
    "$1",
    "%s",
    "a\nb\r\n\tc",
    "--",
    "'; drop table redtrack.daily_spend; --",
    "🚀𝔘",
    "مرحبا بالعالم",
    "\u202Eevil",
    "\uFEFF",
    "e\u0301",
    "\u0001\u001f\u007f",
  ];
  test("quotes, backslashes, control characters, right-to-left and four-byte text", async () => {
    const rows = odd.map((name, index) =>
      spend(`id-${String(index).padStart(2, "0")}${name}`, "1", { sourceName: name, extra: JSON.stringify({ name }) }),
    );
    await merge(content(rows));
    const back = await query<{ id: string; name: string; extra: unknown }>(
      `select source_id as id, source_name as name, _extra as extra from redtrack.daily_spend where _client_id = $1 order by source_id collate "C"`,
    );
    expect(back).toEqual(
      rows.map((one, index) => ({ id: one.sourceId, name: odd[index], extra: { name: odd[index] } })),
    );
    expect(await merge(content(rows))).toMatchObject(counts(0, 0, odd.length, 0));
  });

  test("any text there is, digits beyond a float, and moments", async () => {
    const anyText = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => !/[\0\ud800-\udfff]/u.test(value));
    const anyEvent = fc.record({
      id: fc.maxSafeInteger(),
      note: fc.option(anyText),
      seenAt: fc.option(fc.date({ min: new Date("1900-01-01"), max: new Date("2200-01-01"), noInvalidDate: true })),
      raw: fc.constantFrom(null, '{"n":12345678901234567890.10}'),
    });
    const anyEvents = fc.uniqueArray(anyEvent, { selector: (event) => event.id, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(anyEvents, fc.boolean(), async (sent, held) => {
        const rows = held ? (sent as MergeContent["rows"]) : staged(events, sent);
        await merge(content(sent, { rows }), { acceptEmpty: true }, { table: events, source: "redtrack.events" });
        const back = await query(
          `select id, note, seen_at as "seenAt", raw::text as raw from redtrack.events where _client_id = $1 order by id`,
        );
        const want = sent
          .toSorted((one, other) => one.id - other.id)
          .map((event) => ({ ...event, raw: event.raw?.replace(":", ": ") ?? null }));
        expect(back).toEqual(want);
      }),
      { numRuns: 40 },
    );
  });

  test("rows that were too many to hold: each counted once, in its last state", async () => {
    await merge(content([spend("a"), spend("b"), spend("gone")]));
    const rows = [spend("a"), spend("b", "2"), spend("c", "3")];
    const read = content(rows, { rows: staged(dailySpend, rows, [spend("c", "1"), spend("a", "9")]) });
    await inTransaction(database.pool, async (session) => {
      expect(await compareRows(session, target(), read)).toHaveLength(3);
      expect(await previewSlice(session, target(), read, believed)).toMatchObject(counts(1, 1, 1, 1));
    });
    expect(await merge(read)).toMatchObject({ ...counts(1, 1, 1, 1), fetched: 3, total: "6.5" });
    expect(await costs()).toEqual({ a: "1.500000", b: "2.000000", c: "3.000000" });
    expect(await merge(read)).toMatchObject({ ...counts(0, 0, 3, 0), outcome: "unchanged" });
    expect((await ledger()).filter(({ id }) => id === "c")).toHaveLength(1);
  });
});

describe("an answer that has lost many of a day's rows at once", () => {
  const ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const guarded = { mostWithdrawnPercent: 50 };

  test("changes nothing and says so; an operator's word, or the rows, bring it on", async () => {
    await merge(content(ids.map((id) => spend(id, "1"))));
    const rest = content([spend("a", "7"), spend("new", "9")]);
    expect(await merge(rest, guarded)).toMatchObject({ outcome: "shrunk", isFinal: false, ...counts(0, 0, 10, 0) });
    expect(Object.keys(await costs())).toEqual(ids);
    expect(await slice()).toMatchObject({ outcome: "shrunk", rows: 10, total: "10.000000" });
    expect(await query("select state from ops.freshness where _client_id = $1")).toEqual([{ state: "emptied" }]);
    const previewed = await rolledBack((session) =>
      previewSlice(session, target(), rest, { ...guarded, acceptEmpty: false }),
    );
    expect(previewed).toMatchObject({ doubted: "shrunk", ...counts(0, 0, 10, 0) });
    expect(await merge(rest, { ...guarded, acceptEmpty: true })).toMatchObject(counts(1, 1, 0, 9));
  });

  test("another name for every key would count a day twice: it is not believed either", async () => {
    await merge(content(ids.map((id) => spend(id, "1"))));
    expect(await merge(content(ids.map((id) => spend(`id-${id}`, "1"))), guarded)).toMatchObject({ outcome: "shrunk" });
    expect(Object.keys(await costs())).toEqual(ids);
  });

  test("up to the share that is set it is a vendor taking rows back; and so are a few of a small day", async () => {
    await merge(content(ids.map((id) => spend(id, "1"))));
    expect(await merge(content(ids.slice(0, 5).map((id) => spend(id, "1"))), guarded)).toMatchObject(
      counts(0, 0, 5, 5),
    );
    expect(await merge(content([spend("a", "1")]), guarded)).toMatchObject(counts(0, 0, 1, 4));
  });

  test("rows that came in their thousands are put back all the same", async () => {
    const read = (rows: object[]) => ({ ...content(rows), rows: staged(dailySpend, rows) });
    await merge(read(ids.map((id) => spend(id, "1"))));
    expect(await merge(read([spend("a", "2")]), guarded)).toMatchObject({ outcome: "shrunk" });
    expect(await costs()).toMatchObject({ a: "1.000000", j: "1.000000" });
  });
});

describe("receipts beside tables", () => {
  const feed = () => target();
  const differences = async () => (await compareBooks(database.pool, feed(), { client })).differences;

  test("a row that somebody changed, removed or added by hand is found, with both sums", async () => {
    await merge(content([spend("a", "5"), spend("b", "6")]));
    await merge(content([{ ...spend("a", "1"), date: "2025-12-19" }]), {}, { day: "2025-12-19" });
    expect(await compareBooks(database.pool, feed(), { client })).toEqual({ slices: 2, differences: [] });
    await query("update redtrack.daily_spend set cost = 4.5 where _client_id = $1 and source_id = 'b'");
    expect(await differences()).toEqual([
      {
        client,
        source: "redtrack.daily_spend",
        slice: day,
        expected: { rows: 2, total: "11.000000" },
        held: { rows: 2, total: "9.500000" },
      },
    ]);
    await query("delete from redtrack.daily_spend where _client_id = $1 and source_id = 'b'");
    expect(await differences()).toMatchObject([{ held: { rows: 1, total: "5.000000" } }]);
    await query(
      "insert into redtrack.daily_spend (_client_id, _slice, _run_id, date, source_id, clicks, conversions, cost) values ($1, '2025-12-01', '', '2025-12-01', 'x', 0, 0, 3)",
    );
    expect((await differences()).map(({ slice: name, expected }) => [name, expected.rows])).toEqual([
      ["2025-12-01", 0],
      [day, 2],
    ]);
    expect(
      (await compareBooks(database.pool, feed(), { client, from: "2025-12-02", to: day })).differences,
    ).toHaveLength(1);
  });

  test("the merge itself sees what should not be there", async () => {
    await merge(content([spend("a", "5")]));
    await query("update redtrack.daily_spend set cost = 4 where _client_id = $1");
    // An answer that is not believed leaves what is stored: the receipt before it says what that is.
    expect((await merge(content([]))).books).toMatchObject({
      expected: { total: "5.000000" },
      held: { total: "4.000000" },
    });
    expect((await merge(content([spend("a", "5")]))).books).toMatchObject({ held: { total: "5.000000" } });
    expect(await differences()).toEqual([]);
  });

  test("a row that moves to another day is taken off the day it was on", async () => {
    const where = { table: events, source: "redtrack.events" };
    const counted = (ids: number[], count: number) =>
      content(
        ids.map((id) => ({ id, count, note: `${count}` })),
        { total: String(ids.length * count) },
      );
    await merge(counted([1, 2, 3], 10), {}, { ...where, day: "2025-12-01" });
    await merge(counted([3, 4], 7), {}, { ...where, day: "2025-12-02" });
    const found = await compareBooks(database.pool, target(where), { client });
    expect(found).toEqual({ slices: 2, differences: [] });
    expect(await query("select slice, rows, total from ops.slices where _client_id = $1 order by slice")).toEqual([
      { slice: "2025-12-01", rows: 2, total: "20.000000" },
      { slice: "2025-12-02", rows: 2, total: "14.000000" },
    ]);
  });

  test("every slice is in one share, and one alone", async () => {
    for (const name of ["2025-12-17", "2025-12-18", "2025-12-19", "2025-12-20"])
      await merge(content([{ ...spend("a", "1"), date: name }]), {}, { day: name });
    const shares = await Promise.all(
      [0, 1, 2].map((number) => compareBooks(database.pool, feed(), { client, share: { number, of: 3 } })),
    );
    expect(shares.reduce((sum, { slices }) => sum + slices, 0)).toBe(4);
    expect(shares.flatMap((share) => share.differences)).toEqual([]);
  });
});

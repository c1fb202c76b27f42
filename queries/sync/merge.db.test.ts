import { describe, expect, test } from "@jest/globals";
import { inTransaction } from "../../schema/database.ts";
import { compareRows, mergeSlice } from "./merge.ts";
import { findReceipt } from "./receipts.ts";
import {
  database,
  client,
  hourly,
  events,
  day,
  spend,
  target,
  content,
  attempt,
  merge,
  query,
  stored,
  costs,
  ledger,
  slice,
  counts,
} from "../../test/merging-slices.ts";

describe("merging a slice", () => {
  test("twice is merging it once: the second receipt says so, no row is touched, the ledger stays", async () => {
    const rows = [
      spend("a", "26269.20", { extra: '{"roi":1.10}' }),
      spend("b", "0.005", { sourceName: "B", revenue: "3" }),
    ];
    expect(await merge(content(rows))).toMatchObject({
      outcome: "changed",
      fetched: 2,
      ...counts(2, 0, 0, 0),
      total: "26269.205",
      isFinal: true,
    });
    const before = await query(
      "select xmin::text, ctid::text, * from redtrack.daily_spend where _client_id = $1 order by source_id",
    );
    expect(await merge(content(rows.toReversed()))).toMatchObject({ outcome: "unchanged", ...counts(0, 0, 2, 0) });
    expect(
      await query(
        "select xmin::text, ctid::text, * from redtrack.daily_spend where _client_id = $1 order by source_id",
      ),
    ).toEqual(before);
    expect(await ledger()).toHaveLength(2);
    expect(await query("select outcome from ops.receipts where _client_id = $1 order by receipt_id")).toEqual([
      { outcome: "changed" },
      { outcome: "unchanged" },
    ]);
  });

  test("keeps the first, every changed and every withdrawn amount in the ledger, exactly", async () => {
    await merge(content([spend("a", "26269.2"), spend("b", "2")]));
    expect(await merge(content([spend("a", "26269.200001"), spend("c", "0.1")]))).toMatchObject({
      outcome: "changed",
      ...counts(1, 1, 0, 1),
    });
    expect(await costs()).toEqual({ a: "26269.200001", c: "0.100000" });
    expect(await ledger()).toEqual([
      { kind: "first", id: "a", old: null, new: "26269.200000" },
      { kind: "first", id: "b", old: null, new: "2.000000" },
      { kind: "changed", id: "a", old: "26269.200000", new: "26269.200001" },
      { kind: "withdrawn", id: "b", old: "2.000000", new: null },
      { kind: "first", id: "c", old: null, new: "0.100000" },
    ]);
    await merge(content([spend("a", "26269.200001"), spend("b", "2"), spend("c", "0.1")]));
    expect((await ledger()).at(-1)).toEqual({ kind: "first", id: "b", old: null, new: "2.000000" });
  });

  test("leaves a receipt that can be found by its fetch number, and points the slice at it", async () => {
    const by = await attempt({ runId: "r1", workflowId: "w1", attempt: 3 });
    const what = content([spend("a", "5")], { vendorTotal: "5.00", pages: 4, contentHash: "h1" });
    const { books, ...receipt } = await inTransaction(database.pool, (session) =>
      mergeSlice(session, target(), what, by),
    );
    expect(books).toEqual({ expected: { rows: 1, total: "5" }, held: { rows: 1, total: "5.000000" } });
    expect(await findReceipt(database.pool, by.fetchSeq)).toEqual({
      ...receipt,
      quarantinedTotal: "0.000000",
      total: "5.000000",
      vendorTotal: "5.000000",
    });
    expect(await findReceipt(database.pool, by.fetchSeq + 1_000_000)).toBeNull();
    expect(await slice()).toMatchObject({
      receipt_id: receipt.receiptId,
      fetch_seq: by.fetchSeq,
      fetched_at: by.fetchedAt,
      day,
      rows: 1,
      total: "5.000000",
      content_hash: "h1",
      is_final: true,
      run_id: "r1",
    });
    expect(await query("select pages, attempt, workflow_id from ops.receipts where _client_id = $1")).toEqual([
      { pages: 4, attempt: 3, workflow_id: "w1" },
    ]);
  });

  test("a value that appears where there was none, or goes, is a change", async () => {
    const names = () =>
      query("select source_name as name, revenue, _extra as extra from redtrack.daily_spend where _client_id = $1");
    await merge(content([spend("a")]));
    for (const more of [{ sourceName: "A" }, { revenue: "1" }, { extra: '{"roi":1}' }, {}]) {
      expect(await merge(content([spend("a", "1.50", more)]))).toMatchObject(counts(0, 1, 0, 0));
      expect(await merge(content([spend("a", "1.50", more)]))).toMatchObject(counts(0, 0, 1, 0));
    }
    expect(await names()).toEqual([{ name: null, revenue: null, extra: null }]);
  });

  test("an older reading than the one stored does nothing at all, and says so", async () => {
    const zombie = await attempt();
    await merge(content([spend("a", "2")]));
    const receipt = await inTransaction(database.pool, (session) =>
      mergeSlice(session, target(), content([spend("a", "1"), spend("b", "1")]), zombie),
    );
    expect(receipt).toMatchObject({ outcome: "superseded", receiptId: null, ...counts(0, 0, 0, 0) });
    expect(await costs()).toEqual({ a: "2.000000" });
    expect(await query("select from ops.receipts where _client_id = $1")).toHaveLength(1);
  });

  test("status back and forth: the newest reading wins, and the ledger has the whole way", async () => {
    for (const name of ["approved", "rejected", "approved"])
      await merge(content([spend("a", "1", { sourceName: name })]));
    expect(
      await query(
        "select new ->> 'source_name' as name from ops.restatements where _client_id = $1 order by restatement_id",
      ),
    ).toEqual([{ name: "approved" }, { name: "rejected" }, { name: "approved" }]);
  });

  test("of a feed by id: a first entry keeps the numbers, and what a change replaces is kept whole", async () => {
    const where = { table: events, source: "redtrack.events", keyedBy: "id" } as const;
    const of = (note: string, count: number) => content([{ id: 7, note, count }]);
    const seen = () =>
      query("select kind, old, new from ops.restatements where _client_id = $1 order by restatement_id");
    await merge(of("pending", 1), {}, where);
    await inTransaction(database.pool, async (session) => {
      const compared = await compareRows(session, target(where), content([{ id: 8, note: "new", count: 2 }]));
      const first = compared.find(({ kind }) => kind === "first");
      expect(JSON.parse(first?.vendor ?? "")).toMatchObject({ note: "new", count: 2 });
    });
    await merge(of("approved", 1), {}, where);
    await merge(content([{ id: 9, note: null, count: null }]), {}, where);
    expect(await seen()).toMatchObject([
      { kind: "first", old: null, new: { count: 1 } },
      { kind: "changed", old: { note: "pending", count: 1 }, new: { note: "approved", count: 1 } },
      { kind: "withdrawn", old: { note: "approved", count: 1 }, new: null },
      { kind: "first", old: null, new: { count: null } },
    ]);
    expect(Object.keys(((await seen())[0] as { new: object }).new)).toEqual(["count"]);
  });

  test("of a feed whose answers are partial withdraws nothing", async () => {
    await merge(content([spend("a"), spend("b")]), {}, { answers: "partial" });
    expect(await merge(content([spend("c")]), {}, { answers: "partial" })).toMatchObject(counts(1, 0, 0, 0));
    expect(await merge(content([]), {}, { answers: "partial" })).toMatchObject({
      outcome: "unchanged",
      ...counts(0, 0, 0, 0),
    });
    expect(Object.keys(await costs())).toEqual(["a", "b", "c"]);
  });

  test("rounds half-up at the sixth place, away from zero, and a repeat is still unchanged", async () => {
    const rows = [
      spend("a", "0.0000005"),
      spend("b", "-0.0000005"),
      spend("c", "8450.119999999999"),
      spend("d", "1999.005"),
    ];
    await merge(content(rows));
    expect(await costs()).toEqual({ a: "0.000001", b: "-0.000001", c: "8450.120000", d: "1999.005000" });
    expect(await merge(content(rows))).toMatchObject(counts(0, 0, 4, 0));
  });

  test("a row that Postgres refuses takes the whole slice with it", async () => {
    await expect(merge(content([spend("a"), spend("b", "1", { clicks: -1 })]))).rejects.toMatchObject({
      code: "23514",
    });
    await expect(merge(content([spend("a", "1000000000000")]))).rejects.toMatchObject({ code: "22003" });
    expect(await stored()).toEqual([]);
    expect(await slice()).toBeUndefined();
  });

  test("clients and days do not touch each other, though their source ids are the same", async () => {
    const other = { client: `${client}-other` };
    const next = { day: "2025-12-19" };
    await merge(content([spend("a", "1"), spend("b", "2")]));
    await merge(content([spend("a", "10")]), {}, other);
    await merge(content([{ ...spend("a", "100"), date: "2025-12-19" }]), {}, next);
    expect(await merge(content([spend("b", "2")]))).toMatchObject(counts(0, 0, 1, 1));
    expect(
      (
        await query<{ cost: string }>(
          "select cost from redtrack.daily_spend where _client_id like $1 || '%' order by cost",
          [client],
        )
      ).map((row) => row.cost),
    ).toEqual(["2.000000", "10.000000", "100.000000"]);
  });
});

describe("quarantine", () => {
  const row = (amount: string, source = "direct") => ({ reason: "no source_id", amount, content: { source, amount } });
  const open = () =>
    query<{ amount: string }>(
      "select amount from ops.quarantine where _client_id = $1 and resolved_at is null order by amount",
    );

  test("opens once per row, is seen again, and resolves when a later reading no longer has it", async () => {
    await merge(content([spend("a")], { quarantined: [row("1"), row("2")] }));
    const [first] = await query<{ firstSeenAt: Date }>(
      `select first_seen_at as "firstSeenAt" from ops.quarantine where _client_id = $1 order by amount`,
    );
    await merge(content([spend("a")], { quarantined: [row("2"), row("1")] }));
    expect(await open()).toEqual([{ amount: "1.000000" }, { amount: "2.000000" }]);
    expect(
      await query(
        `select first_seen_at as "firstSeenAt", last_seen_at > first_seen_at as again from ops.quarantine where _client_id = $1 order by amount limit 1`,
      ),
    ).toEqual([{ ...first, again: true }]);
    await merge(content([spend("a")], { quarantined: [row("2")] }));
    expect(await open()).toEqual([{ amount: "2.000000" }]);
    await merge(content([spend("a")]));
    expect(await open()).toEqual([]);
    await merge(content([spend("a")], { quarantined: [row("2")] }));
    expect(await query("select from ops.quarantine where _client_id = $1")).toHaveLength(3);
  });

  test("holds two equal rows as two", async () => {
    const quarantined = [row("1"), row("1"), row("1")];
    expect(await merge(content([], { quarantined }))).toMatchObject({ quarantined: 3, quarantinedTotal: "3" });
    expect(await open()).toHaveLength(3);
    await merge(content([], { quarantined: quarantined.slice(1) }));
    expect(await open()).toHaveLength(2);
  });
});

describe("a key of which a part is missing", () => {
  const where = { table: hourly, source: "redtrack.hourly" };
  const rows = () =>
    query("select id, hour, cost from redtrack.hourly where _client_id = $1 order by id, hour nulls first");

  test("equals itself: a second merge changes the row and does not double it", async () => {
    const first = [
      { id: "x", hour: null, cost: "1" },
      { id: "x", hour: 1, cost: "2" },
      { id: "y", hour: null, cost: "3" },
    ];
    expect(await merge(content(first), {}, where)).toMatchObject(counts(3, 0, 0, 0));
    expect(await merge(content(first), {}, where)).toMatchObject(counts(0, 0, 3, 0));
    expect(
      await merge(
        content([
          { id: "x", cost: "9" },
          { id: "x", hour: 1, cost: "2" },
        ]),
        {},
        where,
      ),
    ).toMatchObject(counts(0, 1, 1, 1));
    expect(await rows()).toEqual([
      { id: "x", hour: null, cost: "9.000000" },
      { id: "x", hour: 1, cost: "2.000000" },
    ]);
  });
});

describe("whose rows they are", () => {
  const origins = async () =>
    (
      await database.pool.query<{ of: string; origin: string }>(
        `select 'slice' as of, origin from ops.slices where _client_id = $1
          union all select 'receipt', origin from ops.receipts where _client_id = $1 order by 1, 2`,
        [client],
      )
    ).rows.map(({ of, origin }) => `${of} ${origin}`);

  test.each(["real", "sandbox"] as const)("a slice and its receipt say that they are %s", async (origin) => {
    await merge(content([spend("a")]), { origin });
    expect(await origins()).toEqual([`receipt ${origin}`, `slice ${origin}`]);
  });

  test.each([
    ["sandbox", "real"],
    ["real", "sandbox"],
  ] as const)("where %s days are stored, nothing %s is written, not even of another day", async (stored, pulled) => {
    await merge(content([spend("a")]), { origin: stored });
    const next = content([spend("b", "9.00", { date: "2025-12-19" })]);
    await expect(merge(next, { origin: pulled }, { day: "2025-12-19" })).rejects.toMatchObject({
      name: "OriginMixed",
      mixed: { pulled, stored, days: 1 },
    });
    expect(await origins()).toEqual([`receipt ${stored}`, `slice ${stored}`]);
    // Another client and another feed are nobody's business.
    await merge(next, { origin: pulled }, { client: `${client}-other`, day: "2025-12-19" });
    await merge(content([]), { origin: pulled, acceptEmpty: true }, { source: "redtrack.another" });
  });

  test("of rows from before origins were recorded real ones may be read again, and the sandbox stays away", async () => {
    await merge(content([spend("a")]));
    await database.pool.query("update ops.slices set origin = 'unknown' where _client_id = $1", [client]);
    await expect(merge(content([spend("a")]), { origin: "sandbox" })).rejects.toThrow(
      /unknown origin.*npm run purge -- --sandbox --source redtrack\.daily_spend --client \S+ --unknown/,
    );
    await merge(content([spend("a", "2.00")]));
    expect(await origins()).toContain("slice real");
  });
});

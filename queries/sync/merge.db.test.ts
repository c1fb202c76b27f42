import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { bigint, integer, numeric, primaryKey, text, timestamp, unique, jsonb } from "drizzle-orm/pg-core";
import fc from "fast-check";
import { copyLine } from "../../connectors/slices/copy-text.ts";
import { sumMoney } from "../../core/money.ts";
import { inTransaction } from "../../schema/database.ts";
import { dataColumns } from "../../schema/merge-key.ts";
import { dailySpend, redtrack } from "../../schema/redtrack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readSlices, recordFailure } from "./ledger.ts";
import { compareRows, mergeSlice, previewSlice } from "./merge.ts";
import { findReceipt, takeFetchNumber } from "./receipts.ts";
import { closeRun, openRun } from "./runs.ts";
import type { MergeAttempt, MergeContent, MergeTarget } from "./shapes.ts";
import { compareBooks } from "./stored.ts";
import type { StagedRows } from "./staged-rows.ts";
import { createSeal } from "../../core/seal.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let client: string;
let clients = 0;

const bookkeeping = {
  clientId: text("_client_id").notNull(),
  slice: text("_slice").notNull(),
  loadedAt: timestamp("_loaded_at", { withTimezone: true }).notNull().defaultNow(),
  runId: text("_run_id").notNull(),
};
/** A key of which a part can be missing. */
const hourly = redtrack.table(
  "hourly",
  {
    ...bookkeeping,
    id: text("id").notNull(),
    hour: integer("hour"),
    cost: numeric("cost", { precision: 18, scale: 6 }).notNull(),
  },
  (table) => [unique("hourly_key").on(table.clientId, table.id, table.hour).nullsNotDistinct()],
);
/** A feed by id, whose rows may turn up in any slice. */
const events = redtrack.table(
  "events",
  {
    ...bookkeeping,
    id: bigint("id", { mode: "number" }).notNull(),
    note: text("note"),
    count: integer("count"),
    seenAt: timestamp("seen_at", { withTimezone: true }),
    raw: jsonb("raw"),
  },
  (table) => [primaryKey({ name: "events_key", columns: [table.clientId, table.id] })],
);

beforeAll(async () => {
  database = await testDatabase();
  const own =
    "_client_id text not null, _slice text not null, _loaded_at timestamptz not null default now(), _run_id text not null";
  await database.pool.query(`
    create table redtrack.hourly (${own}, id text not null, hour int, cost numeric(18,6) not null, constraint hourly_key unique nulls not distinct (_client_id, id, hour));
    create table redtrack.events (${own}, id bigint not null, note text, count int, seen_at timestamptz, raw jsonb, constraint events_key primary key (_client_id, id))`);
});
beforeEach(() => {
  clients += 1;
  client = `client-${clients}`;
});
afterAll(() => database.drop());

const day = "2025-12-18";
const believed = { acceptEmpty: true, mostWithdrawnPercent: 100 };
const spend = (sourceId: string, cost = "1.50", more: object = {}) => ({
  date: day,
  sourceId,
  clicks: 1,
  conversions: 0,
  cost,
  ...more,
});

function target(over: Partial<MergeTarget> = {}): MergeTarget {
  return {
    client,
    source: "redtrack.daily_spend",
    day,
    timezone: "America/New_York",
    table: dailySpend,
    answers: "complete",
    keyedBy: "aggregate",
    amount: { column: over.table === events ? "count" : "cost" },
    ...over,
  };
}
function content(rows: object[], over: Partial<MergeContent> = {}): MergeContent {
  const costs = (rows as { cost?: string }[]).map(({ cost }) => cost ?? "0");
  const quarantined = over.quarantined ?? [];
  return {
    rows: rows as MergeContent["rows"],
    quarantined,
    pages: 1,
    total: sumMoney(costs),
    quarantinedTotal: sumMoney(quarantined.map((row) => row.amount)),
    vendorTotal: null,
    contentHash: "hash",
    ...over,
  };
}
/** As rows come that were too many to hold: `replaced` were read first, and again with another content. */
function staged(table: MergeTarget["table"], rows: object[], replaced: object[] = []): StagedRows {
  const lines = [...replaced, ...rows].map(
    (row, place) => `${place}\t${copyLine(row as Record<string, unknown>, dataColumns(table))}\n`,
  );
  return {
    length: rows.length,
    replaced: replaced.map((_, place) => place),
    async *blocks() {
      for (let from = 0; from < lines.length; from += 3) {
        await Promise.resolve();
        yield Buffer.from(lines.slice(from, from + 3).join(""));
      }
    },
  };
}
async function attempt(over: Partial<MergeAttempt> = {}): Promise<MergeAttempt> {
  const taken = await takeFetchNumber(database.pool);
  return {
    ...taken,
    isFinal: true,
    origin: "real",
    runId: "run",
    workflowId: "workflow",
    workflowRunId: "workflow-run",
    attempt: 1,
    acceptEmpty: false,
    mostWithdrawnPercent: 100,
    seal: createSeal([Buffer.alloc(32, 7)], "quarantine"),
    ...over,
  };
}
async function merge(what: MergeContent, how: Partial<MergeAttempt> = {}, where: Partial<MergeTarget> = {}) {
  const by = await attempt(how);
  return inTransaction(database.pool, (session) => mergeSlice(session, target(where), what, by));
}
async function query<Row extends object>(sql: string, values: unknown[] = [client]): Promise<Row[]> {
  return (await database.pool.query<Row>(sql, values)).rows;
}
const stored = () =>
  query<{ id: string; cost: string; clicks: number }>(
    `select source_id as id, cost, clicks from redtrack.daily_spend where _client_id = $1 order by date, source_id collate "C"`,
  );
const costs = async () => Object.fromEntries((await stored()).map((row) => [row.id, row.cost]));
const ledger = () =>
  query<{ kind: string; id: string; old: string | null; new: string | null }>(
    `select kind, row_key ->> 'source_id' as id, old ->> 'cost' as old, new ->> 'cost' as new from ops.restatements where _client_id = $1 order by restatement_id`,
  );
const slice = async (name = day) =>
  (
    await query<Record<string, unknown>>("select * from ops.slices where _client_id = $1 and slice = $2", [
      client,
      name,
    ])
  )[0];
const counts = (inserted: number, updated: number, unchanged: number, withdrawn: number) => ({
  inserted,
  updated,
  unchanged,
  withdrawn,
});

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

describe("any sequence of readings", () => {
  // Two clients, two days, five sources; readings that arrive late, answer nothing, or were already there.
  const anyReading = fc.record({
    client: fc.constantFrom("x", "y"),
    day: fc.constantFrom("2025-12-17", "2025-12-18"),
    rows: fc.dictionary(
      fc.constantFrom("a", "b", "c", "d", "e"),
      fc.tuple(fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.integer({ min: 0, max: 3 })),
      { noNullPrototype: true },
    ),
    late: fc.nat({ max: 9 }).map((one) => one === 0),
    acceptEmpty: fc.nat({ max: 4 }).map((one) => one === 0),
    held: fc.boolean(),
  });
  const micros = (amount: number) =>
    `${amount < 0 ? "-" : ""}${Math.floor(Math.abs(amount) / 1e6)}.${String(Math.abs(amount) % 1e6).padStart(6, "0")}`;

  test("leaves the table, the ledger and the previews as a simple model has them", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyReading, { minLength: 1, maxLength: 12 }), async (readings) => {
        round += 1;
        const model = new Map<string, { seq: number; rows: Map<string, string> }>();
        const early = await attempt();
        let lateUsed = false;
        for (const reading of readings) {
          const name = `${client}-${round}-${reading.client}`;
          const place = `${name}/${reading.day}`;
          const late: boolean = reading.late && !lateUsed;
          lateUsed ||= late;
          const by = { ...(late ? early : await attempt()), acceptEmpty: reading.acceptEmpty };
          const rows = Object.entries(reading.rows).map(([sourceId, [cost, clicks]]) => ({
            ...spend(sourceId, micros(cost)),
            date: reading.day,
            clicks,
          }));
          const where = target({ client: name, day: reading.day });
          const read = content(rows, reading.held ? {} : { rows: staged(dailySpend, rows) });
          const before = model.get(place) ?? { seq: 0, rows: new Map<string, string>() };
          const incoming = new Map(rows.map((row) => [row.sourceId, `${row.cost} ${row.clicks}`]));
          const expected = {
            inserted: [...incoming.keys()].filter((id) => !before.rows.has(id)).length,
            updated: [...incoming].filter(([id, value]) => before.rows.has(id) && before.rows.get(id) !== value).length,
            unchanged: [...incoming].filter(([id, value]) => before.rows.get(id) === value).length,
            withdrawn: [...before.rows.keys()].filter((id) => !incoming.has(id)).length,
          };
          const previewed = await rolledBack((session) => previewSlice(session, where, read, believed));
          expect(previewed).toMatchObject(expected);
          const receipt = await inTransaction(database.pool, (session) => mergeSlice(session, where, read, by));
          if (before.seq > by.fetchSeq) {
            expect(receipt.outcome).toBe("superseded");
          } else if (rows.length === 0 && before.rows.size > 0 && !by.acceptEmpty) {
            expect(receipt).toMatchObject({ outcome: "emptied", withdrawn: 0 });
            model.set(place, { ...before, seq: by.fetchSeq });
          } else {
            expect(receipt).toMatchObject(expected);
            model.set(place, { seq: by.fetchSeq, rows: incoming });
          }
        }
        const prefix = `${client}-${round}-`;
        const want = [...model]
          .flatMap(([place, { rows }]) => [...rows].map(([id, value]) => `${place}/${id} ${value}`))
          .sort();
        const inTable = await query<{ row: string }>(
          "select concat(_client_id, '/', date, '/', source_id, ' ', cost, ' ', clicks) as row from redtrack.daily_spend where _client_id like $1 || '%'",
          [prefix],
        );
        expect(inTable.map(({ row }) => row).sort()).toEqual(want);
        // Played back from the start, the ledger tells the same story.
        const entries = await query<{ key: string; row: string | null }>(
          `select concat(_client_id, '/', slice, '/', row_key ->> 'source_id') as key, case when kind <> 'withdrawn' then concat(new ->> 'cost', ' ', new ->> 'clicks') end as row
             from ops.restatements where _client_id like $1 || '%' order by restatement_id`,
          [prefix],
        );
        const replayed = new Map<string, string>();
        for (const { key, row } of entries) {
          if (row === null) replayed.delete(key);
          else replayed.set(key, row);
        }
        expect([...replayed].map(([key, row]) => `${key} ${row}`).sort()).toEqual(want);
      }),
      { numRuns: 25 },
    );
  });

  test("a comparison names each row that differs, and writes nothing", async () => {
    await merge(content([spend("a", "1"), spend("b", "2"), spend("c", "3")]));
    const found = await rolledBack((session) =>
      compareRows(session, target(), content([spend("a", "1"), spend("b", "2.5"), spend("d", "4")])),
    );
    expect(
      found.map(({ kind, key, stored: old, vendor }) => [
        kind,
        (JSON.parse(key) as { source_id: string }).source_id,
        old?.includes('"cost": 2.000000'),
        vendor?.includes('"cost": 2.500000'),
      ]),
    ).toEqual([
      ["changed", "b", true, true],
      ["withdrawn", "c", false, undefined],
      ["first", "d", undefined, false],
    ]);
    expect(Object.keys(await costs())).toEqual(["a", "b", "c"]);
  });
});

describe("at the same time", () => {
  test("readings of one slice are merged one after the other, and the newest wins whatever the order", async () => {
    const attempts = await Promise.all(Array.from({ length: 8 }, () => attempt()));
    const newest = Math.max(...attempts.map((by) => by.fetchSeq));
    await Promise.all(
      attempts.map((by) =>
        inTransaction(database.pool, (session) =>
          mergeSlice(session, target(), content([spend("a", String(by.fetchSeq)), spend(`only-${by.fetchSeq}`)]), by),
        ),
      ),
    );
    expect(await costs()).toEqual({ a: `${newest}.000000`, [`only-${newest}`]: "1.500000" });
  });

  test("slices that share rows, read in opposite orders, do not deadlock", async () => {
    const where = (name: string) => ({
      table: events,
      source: "redtrack.events",
      answers: "partial" as const,
      day: name,
    });
    const ids = Array.from({ length: 200 }, (_, index) => index + 1);
    for (let round = 0; round < 8; round += 1) {
      const notes = (order: number[], name: string) => content(order.map((id) => ({ id, note: `${name} ${round}` })));
      const done = await Promise.all([
        merge(notes(ids, "up"), {}, where("2025-12-16")),
        merge(notes(ids.toReversed(), "down"), {}, where("2025-12-17")),
        merge(notes([...ids.slice(100), ...ids.slice(0, 100)], "middle"), {}, where("2025-12-18")),
      ]);
      expect(done.every((receipt) => receipt.outcome !== "superseded")).toBe(true);
    }
    expect(
      await query("select count(*), count(distinct note) as notes from redtrack.events where _client_id = $1"),
    ).toEqual([{ count: 200, notes: 1 }]);
  });

  test("slices that change one row each find in it what the one before left: the ledger is one chain", async () => {
    const where = (name: string) => ({
      table: events,
      source: "redtrack.events",
      answers: "partial" as const,
      day: name,
    });
    await merge(content([{ id: 1, note: "0" }]), {}, where("2025-12-01"));
    const slices = Array.from({ length: 9 }, (_, index) => `2025-12-1${index}`);
    await Promise.all(slices.map((name) => merge(content([{ id: 1, note: name }]), {}, where(name))));
    const chain = await query<{ old: string | null; new: string }>(
      "select old ->> 'note' as old, new ->> 'note' as new from ops.restatements where _client_id = $1 order by restatement_id",
    );
    expect(chain).toHaveLength(10);
    expect(chain.slice(1).map((entry) => entry.old)).toEqual(chain.slice(0, -1).map((entry) => entry.new));
  });

  test("a merge whose session is killed before its commit leaves nothing, and the next one does it all", async () => {
    await merge(content([spend("a", "1")]));
    const by = await attempt();
    const killed = inTransaction(database.pool, async (session) => {
      const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
      const receipt = await mergeSlice(
        session,
        target(),
        content([spend("a", "2"), spend("b", "3")], { quarantined: [{ reason: "r", amount: "1", content: {} }] }),
        by,
      );
      expect(receipt.outcome).toBe("changed");
      await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
    });
    await expect(killed).rejects.toThrow();
    expect(await costs()).toEqual({ a: "1.000000" });
    expect(await findReceipt(database.pool, by.fetchSeq)).toBeNull();
    expect(await query("select from ops.quarantine where _client_id = $1")).toHaveLength(0);
    expect(await ledger()).toHaveLength(1);
    expect(await merge(content([spend("a", "2"), spend("b", "3")]))).toMatchObject(counts(1, 1, 0, 0));
  });
});

describe("a run whose slices failed", () => {
  const runId = () => `run-of-${client}`;
  const days = ["2025-12-17", "2025-12-18"];
  async function fail(failed: string[], close = true): Promise<void> {
    const source = "redtrack.daily_spend";
    await openRun(database.pool, {
      runId: runId(),
      client,
      source,
      kind: "sync",
      workflowId: "w",
      scheduledFor: null,
      from: "2025-12-17",
      to: "2025-12-18",
      slices: 2,
    });
    for (const name of failed)
      await recordFailure(database.pool, {
        runId: runId(),
        client,
        source,
        day: name,
        timezone: "UTC",
        type: "VendorUnavailable",
        reason: "answered 500",
      });
    if (close) await closeRun(database.pool, closing(failed.length));
  }
  const closing = (failed: number) => ({
    runId: runId(),
    outcome: "failed" as const,
    done: 2 - failed,
    failed,
    reason: "2 of 2 days failed",
    found: null,
  });
  const outcome = async () =>
    (await query<{ outcome: string }>("select outcome from ops.runs where run_id = $1", [runId()]))[0]?.outcome;
  const rowsOf = (name: string) => content([{ ...spend("a"), date: name }]);

  test("is recovered when the last of them has come, and its slices no longer show a failure", async () => {
    await fail(days);
    expect(await slice()).toMatchObject({ failure: "answered 500", failure_type: "VendorUnavailable" });
    await merge(rowsOf("2025-12-17"), {}, { day: "2025-12-17" });
    expect(await outcome()).toBe("failed");
    await merge(rowsOf(day));
    expect(await outcome()).toBe("recovered");
    expect(await slice()).toMatchObject({ failure: null, failure_type: null, failed_at: null });
    expect(
      [
        ...(
          await readSlices(database.pool, { client, source: "redtrack.daily_spend", from: "2025-12-17", to: day })
        ).values(),
      ].map((state) => state.isFinal),
    ).toEqual([true, true]);
  });

  test("is recovered too when both come at the same time", async () => {
    await fail(days);
    await Promise.all(
      days.map(async (name) => {
        const by = await attempt();
        await inTransaction(database.pool, async (session) => {
          await mergeSlice(session, target({ day: name }), rowsOf(name), by);
          // Both are past their merge before either commits, unless one waits for the other.
          await session.query("select pg_sleep(0.1)");
        });
      }),
    );
    expect(await outcome()).toBe("recovered");
  });

  test("is recovered when the slice came while the run was being closed", async () => {
    await fail([day], false);
    const by = await attempt();
    let closed: Promise<unknown> | undefined;
    await inTransaction(database.pool, async (session) => {
      await mergeSlice(session, target(), rowsOf(day), by);
      closed = closeRun(database.pool, closing(1));
      await waitUntil(
        async () =>
          (
            await query(
              "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
              [],
            )
          ).length > 0,
      );
    });
    await closed;
    expect(await outcome()).toBe("recovered");
  });

  test("is not recovered by an answer that was not believed, but by the one after it", async () => {
    await merge(rowsOf(day));
    await fail([day]);
    expect(await merge(content([]))).toMatchObject({ outcome: "emptied" });
    expect(await outcome()).toBe("failed");
    await merge(rowsOf(day));
    expect(await outcome()).toBe("recovered");
  });
});

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 500) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function rolledBack<Result>(
  work: (session: Parameters<typeof mergeSlice>[0]) => Promise<Result>,
): Promise<Result> {
  const session = await database.pool.connect();
  try {
    await session.query("begin");
    return await work(session);
  } finally {
    await session.query("rollback");
    session.release();
  }
}

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

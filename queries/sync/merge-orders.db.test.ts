import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inTransaction } from "../../schema/database.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { readSlices, recordFailure } from "./ledger.ts";
import { compareRows, mergeSlice, previewSlice } from "./merge.ts";
import { findReceipt } from "./receipts.ts";
import { closeRun, openRun } from "./runs.ts";
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
  attempt,
  merge,
  query,
  costs,
  ledger,
  slice,
  counts,
  waitUntil,
  rolledBack,
} from "../../test/merging-slices.ts";

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

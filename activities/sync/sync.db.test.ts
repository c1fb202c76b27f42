import { describe, expect, test } from "@jest/globals";
import { CancelledFailure } from "@temporalio/common";
import { sources } from "../../connectors/registry.ts";
import type { AnySource } from "../../connectors/source.ts";
import { redtrackDailySpend } from "../../connectors/sources/redtrack.ts";
import { acceptDifference } from "../../queries/ops/accepted-alerts.ts";
import type { Database } from "../../schema/database.ts";
import { compareSlice } from "./compare-slice.ts";
import type { SliceResult } from "./shapes.ts";
import { createSyncActivities } from "./sync.ts";
import { watchBooks } from "./watch-books.ts";
import {
  source,
  newYork,
  day,
  database,
  control,
  fault,
  calls,
  parts,
  activities,
  environment,
  failureOf,
  input,
  pull,
  open,
} from "../../test/pulling-slices.ts";

describe("pulling a slice", () => {
  test("stores the day to the cent, final, with a receipt that says who did it; a second time changes nothing", async () => {
    expect(await pull()).toMatchObject({
      day,
      outcome: "changed",
      isFinal: true,
      inserted: 16,
      shownTotal: expect.stringMatching(/^\d+\.\d\d$/),
    });
    const { rows } = await database.pool.query(
      "select cost, clicks, conversions, _run_id as run from redtrack.daily_spend where source_name = 'Facebook CCW'",
    );
    expect(rows).toEqual([{ cost: "26269.200000", clicks: 26_135, conversions: 573, run: "run" }]);
    expect(await pull({}, activities(), environment({ attempt: 4 }))).toMatchObject({
      outcome: "unchanged",
      inserted: 0,
      updated: 0,
      unchanged: 16,
    });
    const receipts = await database.pool.query(
      "select attempt, workflow_id <> '' as named from ops.receipts order by receipt_id",
    );
    expect(receipts.rows).toEqual([
      { attempt: 1, named: true },
      { attempt: 4, named: true },
    ]);
  });

  test("today's day is stored, and not final", async () => {
    const today = new Intl.DateTimeFormat("en-CA", { timeZone: newYork }).format(new Date());
    expect(await pull({ day: today })).toMatchObject({ isFinal: false });
  });

  test("a client without a key is told which setting is missing, before any request", async () => {
    await control("DELETE", "/log");
    const failure = await failureOf(pull({ client: "acme" }));
    expect(failure).toMatchObject({
      type: "CredentialsRejected",
      nonRetryable: true,
      message: expect.stringContaining("REDTRACK_API_KEY_ACME"),
    });
    expect(await calls()).toBe(0);
  });

  test.each([
    ["unauthorized", {}, "CredentialsRejected", true],
    ["rate_limited", { retryAfterSeconds: 1 }, "RateLimited", false],
    ["server_error", {}, "VendorUnavailable", false],
    ["null_field", { field: "cost", row: 0 }, "ResponseMalformed", true],
    ["duplicate_row", {}, "DuplicateKey", true],
    ["echo_key", { status: 500 }, "VendorUnavailable", false],
  ])("%s %j is %s", async (kind, parameters, type, final) => {
    await fault(kind, parameters);
    const failure = await failureOf(pull());
    expect(failure).toMatchObject({
      type,
      nonRetryable: final,
      message: expect.stringMatching(/^redtrack\.daily_spend 2025-12-18: /),
    });
    expect((await database.pool.query("select from ops.receipts")).rowCount).toBe(0);
    // The hint holds for the account; the next test must not wait for it.
    await database.pool.query("truncate ops.rate_gate");
  });

  test("what the vendor's own errors mean, the vendor says", async () => {
    await fault("server_error");
    const vendor = { ...redtrackDailySpend.vendor, classify: () => ({ kind: "quota_spent", message: "spent" }) };
    const { pullSlice } = createSyncActivities({
      ...parts(),
      sources: [{ ...redtrackDailySpend, vendor }] as AnySource[],
    });
    const failure = await failureOf(
      environment().run(pullSlice, { client: "713", source, day, runId: "run" }) as Promise<unknown>,
    );
    expect(failure).toMatchObject({ type: "QuotaSpent", nonRetryable: true });
  });

  test("a vendor that is away counts across attempts, and the last one says it is enough", async () => {
    await fault("server_error");
    const beats: unknown[] = [];
    const mock = environment({ heartbeatDetails: { unavailable: 1 } });
    mock.on("heartbeat", (details) => beats.push(details));
    expect(await failureOf(pull({}, activities(), mock))).toMatchObject({
      nonRetryable: false,
      message: expect.stringContaining("(2 of 3 tries)"),
    });
    expect(beats.at(-1)).toMatchObject({ unavailable: 2 });
    expect(
      await failureOf(pull({}, activities(), environment({ heartbeatDetails: { unavailable: 2 } }))),
    ).toMatchObject({ nonRetryable: true });
  });

  test("cancelled in the middle of an answer, it is cancelled and not failed, and gives its place back", async () => {
    await fault("never_ending", { ms: 10 });
    const mock = environment();
    const pulling = pull({}, activities(), mock);
    setTimeout(() => mock.cancel("CANCELLED"), 150);
    await expect(pulling).rejects.toBeInstanceOf(CancelledFailure);
    expect((await database.pool.query("select leases from ops.rate_gate")).rows).toEqual([{ leases: {} }]);
  });

  test("rows that do not add up are read twice more, then stored as unreconciled with an alert, which a good reading settles", async () => {
    await fault("total_off", { amount: 1.5 });
    await control("DELETE", "/log");
    expect(await pull()).toMatchObject({ outcome: "unreconciled", inserted: 16 });
    expect(await calls()).toBe(3);
    expect(await open()).toMatchObject([
      { kind: "unreconciled", subject: `${source}/${day}`, message: expect.stringMatching(/rows sum to \d+\.\d\d/) },
    ]);
    await control("DELETE", "/faults");
    expect(await pull()).toMatchObject({ outcome: "unchanged" });
    expect(await open()).toEqual([]);
  });

  test("a total that is met at the second reading raises nothing", async () => {
    await fault("total_off", { amount: 1.5, times: 1 });
    expect(await pull()).toMatchObject({ outcome: "changed" });
    expect(await open()).toEqual([]);
  });

  test("a day that becomes empty keeps its rows and alerts with the command to type; accepted, it empties", async () => {
    await pull();
    await fault("withdraw", { match: { day } });
    expect(await pull()).toMatchObject({ outcome: "emptied", withdrawn: 0 });
    expect(await open()).toMatchObject([{ kind: "emptied", message: expect.stringContaining("--accept-empty") }]);
    expect(await pull({ acceptEmpty: true })).toMatchObject({ outcome: "changed", withdrawn: 16 });
    expect(await open()).toEqual([]);
  });

  test("a day that is over and has only rows that cannot be stored is not final with 0.00, until a person says so", async () => {
    const onlyUnattributed = async () => {
      await fault("withdraw", { match: { day } });
      await fault("add_row", { sourceId: "", cost: "5.00", match: { day } });
    };
    await onlyUnattributed();
    for (let round = 0; round < 2; round += 1)
      expect(await pull()).toMatchObject({ outcome: "emptied", isFinal: false, quarantined: 1 });
    expect(await open()).toMatchObject([
      { kind: "emptied", message: expect.stringContaining("(1 row is in quarantine), and the day is not final") },
    ]);
    expect(await pull({ acceptEmpty: true })).toMatchObject({ outcome: "unchanged", isFinal: true, quarantined: 1 });
    // Nobody is asked twice about the same day.
    expect(await pull()).toMatchObject({ outcome: "unchanged", isFinal: true, quarantined: 1 });
    expect(await open()).toEqual([]);
    // An empty day is one thing, and rows that cannot be stored on it are another.
    await control("DELETE", "/faults");
    await fault("withdraw", { match: { day } });
    expect(await pull()).toMatchObject({ outcome: "unchanged", isFinal: true, quarantined: 0 });
    await fault("add_row", { sourceId: "", cost: "5.00", match: { day } });
    expect(await pull()).toMatchObject({ outcome: "emptied", isFinal: false });
    await control("DELETE", "/faults");
    expect(await pull()).toMatchObject({ outcome: "changed", isFinal: true, inserted: 16 });
    expect(await open()).toEqual([]);
  });

  test.each([
    ["missing_field", { field: "source_id" }],
    ["rename_field", { field: "source_id", to: "sourceId" }],
  ])(
    "a key column that is gone (%s) is a change of the vendor's, and no day without spend",
    async (kind, parameters) => {
      await pull();
      await fault(kind, parameters);
      expect(await failureOf(pull())).toMatchObject({
        type: "ResponseMalformed",
        message: expect.stringContaining("source_id"),
      });
      expect((await database.pool.query("select from redtrack.daily_spend")).rowCount).toBe(16);
    },
  );

  test("rows whose key is blank are quarantined, and do not take away what is stored", async () => {
    await pull();
    await fault("null_field", { field: "source_id" });
    expect(await pull()).toMatchObject({ outcome: "emptied", withdrawn: 0, quarantined: 16 });
    expect(await open()).toMatchObject([
      { kind: "emptied", message: expect.stringContaining("16 rows are in quarantine") },
    ]);
  });

  test("an answer that lost most of its rows is not believed, by a share that is a setting", async () => {
    await pull();
    await database.pool.query(
      `with more as (
         insert into redtrack.daily_spend (_client_id, _slice, _run_id, date, source_id, clicks, conversions, cost)
         select '713', $1::text, 'run', $1::date, 'gone ' || n, 0, 0, 1 from generate_series(1, 20) n)
       update ops.slices set rows = rows + 20, total = total + 20`,
      [day],
    );
    expect(await pull()).toMatchObject({ outcome: "shrunk", withdrawn: 0 });
    expect(await open()).toMatchObject([{ kind: "shrunk", message: expect.stringContaining("--accept-empty") }]);
    expect(await pull({}, activities({ MOST_WITHDRAWN_PERCENT: "60" }))).toMatchObject({ withdrawn: 20 });
    expect(await open()).toEqual([]);
  });

  test("Retry-After: 0 is waited for, and not taken for a no", async () => {
    await fault("rate_limited", { retryAfter: "0" });
    const failure = await failureOf(pull());
    expect(failure).toMatchObject({ type: "RateLimited", nonRetryable: false });
    expect(failure.nextRetryDelay).toBe(1_000);
    await database.pool.query("truncate ops.rate_gate");
  });

  test("a commit whose answer got lost is looked up, not done again", async () => {
    const losing = Object.assign(Object.create(database.pool) as Database, {
      query: database.pool.query.bind(database.pool),
      connect: async () => {
        const session = await database.pool.connect();
        const query = session.query.bind(session) as (text: string, values?: unknown[]) => Promise<unknown>;
        const lossy = async (text: string, values?: unknown[]) => {
          const result = await query(text, values);
          if (text === "commit") throw new Error("Connection terminated unexpectedly");
          return result;
        };
        return Object.assign(session, { query: lossy });
      },
    });
    expect(await pull({}, activities({}, losing))).toMatchObject({
      outcome: "changed",
      inserted: 16,
      receiptId: expect.any(Number),
    });
    expect((await database.pool.query("select from ops.receipts")).rowCount).toBe(1);
  });

  test("a preview says what would change, in rows and in money, and writes nothing", async () => {
    await pull();
    await fault("restate", { match: { day }, sourceId: "66c79f91be26fd4634569658", add: "10.005" });
    const made = activities();
    const preview = (await environment().run(made.previewSlice, input)) as Awaited<
      ReturnType<typeof made.previewSlice>
    >;
    expect(preview).toMatchObject({ day, inserted: 0, updated: 1, withdrawn: 0, change: "10.01", reconciled: true });
    const dependencies = parts();
    const account = dependencies.config.accounts.get("redtrack/713")!;
    const compared = await compareSlice(dependencies, { source: sources[0]!, account, day });
    expect(compared).toMatchObject({
      differences: [{ kind: "changed" }],
      stored: preview.before,
      vendor: preview.after,
    });
    expect((await database.pool.query("select from ops.receipts")).rowCount).toBe(1);
  });
});

describe("what is stored, against its receipts", () => {
  test("a table that holds something else than its receipts is a critical alert, until it agrees", async () => {
    await pull();
    await database.pool.query(
      "update redtrack.daily_spend set cost = cost + 1 where clicks = (select max(clicks) from redtrack.daily_spend)",
    );
    for (let share = 0; share < 144; share += 1) await watchBooks(database.pool, sources, new Date(share * 600_000));
    expect(await open()).toMatchObject([
      {
        kind: "books_differ",
        severity: "critical",
        subject: `${source}/${day}`,
        message: expect.stringMatching(/holds 16 rows/),
      },
    ]);
    expect(await pull()).toMatchObject({ outcome: "changed", updated: 1 });
    expect(await open()).toEqual([]);
  });

  test("the pull itself says so where its table holds more than it has just written", async () => {
    await pull();
    // What writes to the table beside the merge, and does so again after it.
    await database.pool.query(`
      create function pg_temp_again() returns trigger language plpgsql as $$ begin
        insert into redtrack.daily_spend (_client_id, _slice, _run_id, date, source_id, clicks, conversions, cost)
        values ('713', '${day}', 'beside', '${day}', 'beside', 0, 0, 12) on conflict do nothing;
        return null; end $$;
      create trigger again after update or delete on redtrack.daily_spend for each statement execute function pg_temp_again()`);
    try {
      await database.pool.query("update redtrack.daily_spend set clicks = clicks + 1 where source_id <> 'beside'");
      expect(await pull()).toMatchObject({ outcome: "changed" });
      expect(await open()).toMatchObject([
        {
          kind: "books_differ",
          severity: "critical",
          subject: `${source}/${day}`,
          message: expect.stringMatching(/the table holds 17 rows .* its receipts say 16 rows/),
        },
      ]);
    } finally {
      await database.pool.query("drop trigger again on redtrack.daily_spend; drop function pg_temp_again");
    }
    expect(await pull()).toMatchObject({ withdrawn: 1 });
    expect(await open()).toEqual([]);
  });

  test("rows of a slice that nothing is recorded of are found within a day; accepted as they are, only a change is news", async () => {
    const insert = (name: string) =>
      database.pool.query(
        `insert into redtrack.daily_spend (_client_id, _slice, _run_id, date, source_id, clicks, conversions, cost)
         values ('713', '2025-11-03', 'by hand', '2025-11-03', $1, 0, 0, 12)`,
        [name],
      );
    const look = () => watchBooks(database.pool, sources, new Date(0));
    const accept = async (client: string) => {
      const [alert] = await open();
      const alertId = Number(alert?.alertId);
      const by = { actor: "cli:ada", role: null };
      return acceptDifference(database.pool, { client, alertId, note: "booked by hand", by });
    };
    await insert("invoice");
    await look();
    const found = { kind: "books_differ", subject: `${source}/2025-11-03` };
    expect(await open()).toMatchObject([{ ...found, message: expect.stringMatching(/holds 1 rows that sum to 12/) }]);
    expect(await accept("acme")).toBeNull();
    expect(await accept("713")).toMatchObject(found);
    expect(await open()).toEqual([]);
    await look();
    expect(await open()).toEqual([]);
    await insert("another");
    await look();
    expect(await open()).toMatchObject([{ ...found, message: expect.stringMatching(/holds 2 rows that sum to 24/) }]);
    await database.pool.query("delete from redtrack.daily_spend where source_id = 'another'");
    await look();
    expect(await open()).toEqual([]);
    const { rows } = await database.pool.query(
      "select actor, subject, details->>'note' as note from ops.audit where action = 'difference_accepted'",
    );
    expect(rows).toEqual([{ actor: "cli:ada", subject: `books_differ/${source}/2025-11-03`, note: "booked by hand" }]);
    await database.pool.query("delete from redtrack.daily_spend where _slice = '2025-11-03'");
  });

  test("a day that was stored before its answer was lost, and pulled once more, counts as its receipts say", async () => {
    const run = { runId: "lost answer", workflowId: "w" };
    const { planBackfill, closeRun } = activities();
    await planBackfill({ source, client: "713", from: day, to: day }, run);
    expect(await pull({ runId: run.runId })).toMatchObject({ inserted: 16 });
    // Temporal has not heard of it, and asks again: all that the run hears is the second answer.
    const heard = (await pull({ runId: run.runId }, activities(), environment({ attempt: 2 }))) as SliceResult;
    expect(heard).toMatchObject({ outcome: "unchanged", inserted: 0, unchanged: 16 });
    const { inserted, updated, unchanged, withdrawn } = heard;
    const ended = {
      outcome: "completed" as const,
      done: 1,
      failed: 0,
      reason: null,
      failedDays: [],
      credentials: false,
    };
    const heardOf = { inserted, updated, unchanged, withdrawn };
    const totals = await closeRun({ ...ended, ...heardOf, runId: run.runId, client: "713", source });
    const sums = ["inserted", "updated", "unchanged", "withdrawn"];
    const { rows } = await database.pool.query(
      `select ${sums.map((name) => `sum(${name})::int as ${name}`).join(", ")} from ops.receipts where run_id = $1`,
      [run.runId],
    );
    expect(rows).toEqual([{ inserted: 16, updated: 0, unchanged: 16, withdrawn: 0 }]);
    expect(Object.fromEntries(Object.entries(totals).map(([name, sum]) => [name, Number(sum)]))).toEqual(rows[0]);
    const { rows: kept } = await database.pool.query(
      `select ${sums.map((name) => `${name}::int`).join(", ")} from ops.runs where run_id = $1`,
      [run.runId],
    );
    expect(kept).toEqual(rows);
  });
});

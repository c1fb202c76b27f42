import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Info } from "@temporalio/activity";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { loadConfig } from "../../settings/config.ts";
import { addDays, clockTime, daysFromTo, startOfDay } from "../../core/days.ts";
import { createRedactor } from "../../core/redact.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import type { AnySource } from "../../connectors/source.ts";
import { redtrackDailySpend } from "../../connectors/sources/redtrack.ts";
import { acceptDifference } from "../../queries/ops/accepted-alerts.ts";
import { readAlerts } from "../../queries/ops/alerts.ts";
import { readFailedSlices } from "../../queries/sync/ledger.ts";
import type { Database } from "../../schema/database.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createRateGate } from "../shared/rate-gate.ts";
import { compareSlice } from "./compare-slice.ts";
import type { SyncContext } from "./context.ts";
import type { SliceResult } from "./shapes.ts";
import { createSyncActivities } from "./sync.ts";
import { watchBooks } from "./watch-books.ts";

jest.setTimeout(60_000);

const source = "redtrack.daily_spend";
const newYork = "America/New_York";
const day = "2025-12-18";
let database: TestDatabase;
let sandbox: Sandbox;

beforeAll(async () => {
  const unlimited = { perMinute: null, perSecond: null, countTwice: false };
  [database, sandbox] = await Promise.all([testDatabase(), startSandbox({ limits: { redtrack: unlimited } })]);
});
beforeEach(async () => {
  await control("DELETE", "/faults");
  await database.pool.query(
    "truncate ops.runs, ops.run_failures, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.coverage, ops.alerts, redtrack.daily_spend",
  );
});
afterAll(async () => {
  await sandbox.close();
  await database.drop();
});

async function control(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${sandbox.url}/_control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}
const fault = (kind: string, parameters: object = {}) =>
  control("POST", "/faults", { vendor: "redtrack", kind, ...parameters });
const calls = async () => ((await control("GET", "/log")) as { entries: unknown[] }).entries.length;

function parts(settings: Record<string, string> = {}, pool: Database = database.pool): SyncContext {
  const env = {
    DATABASE_URL: database.url,
    CLIENTS: "713,acme",
    REDTRACK_API_KEY: "sandbox-713",
    REDTRACK_BASE_URL: `${sandbox.url}/redtrack`,
    REDTRACK_INTERVAL_MS: "0",
    REDTRACK_CONCURRENT: "8",
    UNAVAILABLE_ATTEMPTS: "3",
    ...settings,
  };
  const config = loadConfig(env, vendors, sources);
  return {
    database: pool,
    config,
    sources,
    gate: createRateGate(database.pool),
    redact: createRedactor(config.secrets),
  };
}
const activities = (settings: Record<string, string> = {}, pool?: Database) =>
  createSyncActivities(parts(settings, pool));

/** The same database, its clock set to a moment. */
function atClock(now: Date): Database {
  const query = (text: string, values?: unknown[]) =>
    text.startsWith("select clock_timestamp()")
      ? Promise.resolve({ rows: [{ now }] })
      : database.pool.query(text, values);
  return Object.assign(Object.create(database.pool) as Database, { query });
}

/** An activity's surroundings, without the SDK's own lines about activities that fail. */
const environment = (info: Partial<Info> = {}) =>
  new MockActivityEnvironment(info, { logger: new DefaultLogger("ERROR") });

async function failureOf(work: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await work.then(
    () => new Error("expected a failure"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApplicationFailure)) throw error;
  expect(error.message).not.toContain("sandbox-713");
  return error;
}

describe("which days a run pulls", () => {
  /** Runs as the schedule starts it at an hour of New York's clock. */
  async function plan(
    runDay: string,
    hour: number,
    settings: Record<string, string> = {},
    late = { hours: 0 },
  ): Promise<string[]> {
    const moment = clockTime(runDay, hour, 0, newYork);
    const { planSync } = activities(settings, atClock(new Date(moment.getTime() + late.hours * 3_600_000 + 1_000)));
    const planned = await planSync({
      source,
      runId: `${runDay}/${hour}`,
      workflowId: "w",
      moment: moment.toISOString(),
      scheduled: true,
    });
    expect(planned.day).toBe(runDay);
    return planned.slices.map((slice) => slice.day);
  }
  /** What a run at that hour leaves behind: its days fetched then, final if they were over. */
  async function pulled(days: string[], runDay: string, hour: number): Promise<void> {
    const fetchedAt = clockTime(runDay, hour, 1, newYork);
    for (const one of days) {
      await database.pool.query(
        `insert into ops.slices (_client_id, source, slice, day, timezone, fetched_at, is_final, outcome) values ('713', $1, $2::text, $2::date, $3, $4, $5, 'changed')
         on conflict on constraint slices_key do update set fetched_at = excluded.fetched_at, is_final = excluded.is_final`,
        [source, one, newYork, fetchedAt, fetchedAt >= startOfDay(addDays(one, 1), newYork)],
      );
    }
  }
  async function run(runDay: string, hour: number, settings: Record<string, string> = {}): Promise<string[]> {
    const days = await plan(runDay, hour, settings);
    await pulled(days, runDay, hour);
    return days;
  }

  test("the first ever: its own day and the window before it", async () => {
    expect(await plan("2026-06-10", 7)).toEqual(["2026-06-07", "2026-06-08", "2026-06-09", "2026-06-10"]);
  });

  test("the first of a day makes yesterday final and reads the window again; the later ones only their own day", async () => {
    await run("2026-06-10", 22);
    await run("2026-06-10", 23);
    expect(await run("2026-06-11", 7)).toEqual(["2026-06-08", "2026-06-09", "2026-06-10", "2026-06-11"]);
    expect(await run("2026-06-11", 8)).toEqual(["2026-06-11"]);
    expect(await run("2026-06-11", 23)).toEqual(["2026-06-11"]);
    expect(await run("2026-06-12", 7)).toEqual(["2026-06-09", "2026-06-10", "2026-06-11", "2026-06-12"]);
  });

  test("incremental: yesterday once more, until it is final, and no window", async () => {
    const incremental = { REDTRACK_DAILY_SPEND_MODE: "incremental" };
    await run("2026-06-10", 23, incremental);
    expect(await run("2026-06-11", 7, incremental)).toEqual(["2026-06-10", "2026-06-11"]);
    expect(await run("2026-06-11", 8, incremental)).toEqual(["2026-06-11"]);
    expect(await run("2026-06-12", 7, incremental)).toEqual(["2026-06-11", "2026-06-12"]);
  });

  test("full: everything from the first day on, once a day", async () => {
    const full = { REDTRACK_DAILY_SPEND_MODE: "full", REDTRACK_DAILY_SPEND_FROM: "2026-05-01" };
    expect(await run("2026-06-10", 7, full)).toEqual(daysFromTo("2026-05-01", "2026-06-10"));
    expect(await run("2026-06-10", 8, full)).toEqual(["2026-06-10"]);
    expect(await run("2026-06-11", 7, full)).toEqual(daysFromTo("2026-05-01", "2026-06-11"));
  });

  test("a wider window is a setting", async () => {
    expect(await plan("2026-06-10", 7, { REDTRACK_DAILY_SPEND_LOOKBACK_DAYS: "10" })).toHaveLength(11);
  });

  test("after an outage of ten days one run brings every day that is not final", async () => {
    await run("2026-06-10", 7);
    await run("2026-06-10", 15);
    // Back on the 21st at noon, with one run made up: the 10th was left in the middle of the day.
    expect(await run("2026-06-21", 12)).toEqual(daysFromTo("2026-06-10", "2026-06-21"));
    expect(await run("2026-06-21", 13)).toEqual(["2026-06-21"]);
  });

  test("after an outage of a year the newest days come first, and the next runs bring the rest", async () => {
    await run("2025-03-01", 7);
    const first = await run("2026-03-01", 7);
    expect(first).toHaveLength(201);
    expect(first[0]).toBe(addDays("2026-03-01", -200));
    expect((await run("2026-03-01", 8))[0]).toBe("2025-03-01");
    expect(await run("2026-03-01", 9)).toEqual(["2026-03-01"]);
  });

  test("a day that failed, or was not over when it was read, is brought by the next run", async () => {
    await run("2026-06-10", 7);
    await database.pool.query("update ops.slices set is_final = false where slice = '2026-06-08'");
    expect(await plan("2026-06-10", 8)).toEqual(["2026-06-08", "2026-06-10"]);
  });

  test("a run made up within 36 hours does all of it, one for longer ago pulls its own day and nothing else", async () => {
    expect(await plan("2026-06-10", 7, {}, { hours: 35 })).toHaveLength(4);
    expect(await plan("2026-06-10", 7, {}, { hours: 37 })).toEqual(["2026-06-10"]);
    expect(await plan("2025-01-01", 7, {}, { hours: 9_000 })).toEqual(["2025-01-01"]);
    // Nor does it make scheduled runs answer for every day since then.
    const [covered] = (await database.pool.query<{ day: string }>("select covered_from as day from ops.coverage")).rows;
    expect(covered).toEqual({ day: "2026-06-07" });
  });

  test.each(["2026-03-08", "2026-11-01"])("on %s, when the clock changes, as on any other day", async (changed) => {
    await run(addDays(changed, -1), 7);
    await run(addDays(changed, -1), 23);
    expect(await run(changed, 7)).toEqual(daysFromTo(addDays(changed, -3), changed));
    expect(await run(changed, 8)).toEqual([changed]);
    expect(await run(changed, 23)).toEqual([changed]);
    expect(await run(addDays(changed, 1), 7)).toEqual(daysFromTo(addDays(changed, -2), addDays(changed, 1)));
  });

  test("a run by hand brings its window too, and answers for nothing later", async () => {
    const moment = clockTime("2026-06-10", 7, 0, newYork);
    const { planSync } = activities({}, atClock(moment));
    const planned = await planSync({
      source,
      runId: "r",
      workflowId: "w",
      moment: moment.toISOString(),
      scheduled: false,
    });
    expect(planned).toMatchObject({
      client: "713",
      source,
      slices: [{ day: "2026-06-07" }, { day: "2026-06-08" }, { day: "2026-06-09" }, { day: "2026-06-10" }],
    });
    expect((await database.pool.query("select from ops.coverage")).rowCount).toBe(0);
    expect(
      (
        await database.pool.query(
          "select kind, outcome, slices_planned as planned, day_from as from, day_to as to from ops.runs",
        )
      ).rows,
    ).toEqual([{ kind: "sync", outcome: "running", planned: 4, from: "2026-06-07", to: "2026-06-10" }]);
  });
});

describe("what a person typed is checked, with an answer to act on", () => {
  const typed = { source, from: "2026-06-01", to: "2026-06-03", runId: "r", workflowId: "w" };
  const now = () => atClock(clockTime("2026-06-10", 23, 30, newYork));
  test.each([
    [{ from: "2026-06-04" }, /from 2026-06-04 is after to 2026-06-03/],
    [{ to: "2026-06-11" }, /to 2026-06-11 is in the future: today is 2026-06-10 in America\/New_York/],
    [{ from: "2026-02-30" }, /from: must be a day, written YYYY-MM-DD/],
    [{ from: undefined }, /from: is missing/],
    [{ source: "redtrack.spend" }, /unknown source "redtrack.spend": there are redtrack.daily_spend/],
    [{ client: "nobody" }, /unknown client "nobody": there are 713, acme/],
    [{ parallel: 0 }, /parallel/],
    [{ from: "1900-01-01" }, /are more than one backfill takes/],
  ])("%j", async (wrong, message) => {
    const failure = await failureOf(activities({}, now()).planBackfill({ ...typed, ...wrong } as typeof typed));
    expect(failure).toMatchObject({
      type: "InvalidInput",
      nonRetryable: true,
      message: expect.stringMatching(message),
    });
    expect((await database.pool.query("select from ops.runs")).rowCount).toBe(0);
  });

  test("a backfill lists its days, today included; a dry run is recorded as one", async () => {
    const { planBackfill } = activities({}, now());
    expect(
      await planBackfill({ ...typed, from: "2026-06-09", to: "2026-06-10", client: "acme", dryRun: true }),
    ).toMatchObject({ client: "acme", dryRun: true, slices: [{ day: "2026-06-09" }, { day: "2026-06-10" }] });
    expect((await database.pool.query("select kind from ops.runs")).rows).toEqual([{ kind: "dry_run" }]);
  });

  test("a slice started by hand may be today's, not tomorrow's", async () => {
    const { checkSlice } = activities({}, now());
    expect(await checkSlice({ source, day: "2026-06-10" })).toEqual({ client: "713" });
    expect(await failureOf(checkSlice({ source, day: "2026-06-11" }))).toMatchObject({ type: "InvalidInput" });
  });
});

const input = { client: "713", source, day, runId: "run" };
const pull = (over: object = {}, made = activities(), mock = environment()) =>
  mock.run(made.pullSlice, { ...input, ...over });
const open = () => readAlerts(database.pool, { open: true, limit: 10 });

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

describe("a run's record", () => {
  const { planSync, recordSliceFailure, closeRun } = createSyncActivities(lazily());
  const closing = {
    runId: "r",
    client: "713",
    source,
    outcome: "failed" as const,
    done: 3,
    failed: 1,
    reason: "1 of 4 days failed",
    inserted: 1,
    updated: 0,
    unchanged: 0,
    withdrawn: 0,
    failedDays: ["2026-06-08"],
    credentials: false,
  };
  const failed = {
    client: "713",
    source,
    day: "2026-06-08",
    runId: "r",
    type: "VendorUnavailable",
    reason: "answered 500: sandbox-713",
  };
  const kinds = async () =>
    (await readAlerts(database.pool, { open: true, limit: 10 })).map(({ kind, timesSeen }) => `${kind} ${timesSeen}`);
  const begin = () =>
    planSync({ source, runId: "r", workflowId: "w", moment: new Date().toISOString(), scheduled: false });

  test("names its failed slices without secrets; failing again is the same alert", async () => {
    await begin();
    await recordSliceFailure(failed);
    expect(await readFailedSlices(database.pool, { client: "713" })).toMatchObject([
      { slice: "2026-06-08", reason: "answered 500: [redacted]" },
    ]);
    await closeRun(closing);
    await closeRun(closing);
    expect(await kinds()).toEqual(["run_failed 2"]);
    expect((await database.pool.query("select outcome, slices_failed as failed from ops.runs")).rows).toEqual([
      { outcome: "failed", failed: 1 },
    ]);
  });

  test("a later run that completes settles the alert, unless slices are still failed", async () => {
    await begin();
    await recordSliceFailure(failed);
    await closeRun(closing);
    await closeRun({ ...closing, credentials: true });
    expect((await kinds()).sort()).toEqual(["credentials_rejected 1", "run_failed 1"]);
    await closeRun({ ...closing, runId: "other", outcome: "completed", failed: 0, reason: null });
    expect(await kinds()).toEqual(["run_failed 1"]);
    await database.pool.query("update ops.slices set failed_at = null");
    await closeRun({ ...closing, runId: "other", outcome: "completed", failed: 0, reason: null });
    expect(await kinds()).toEqual([]);
  });

  test("a database that is away is said so, by every activity, and tried again", async () => {
    const away = Object.assign(Object.create(Object.prototype) as Database, {
      query: () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })),
    });
    const made = activities({}, away);
    const works = [
      () => made.planSync({ source, runId: "r", workflowId: "w", moment: new Date().toISOString(), scheduled: true }),
      () => made.planBackfill({ source, from: day, to: day, runId: "r", workflowId: "w" }),
      () => made.checkSlice({ source, day }),
      () => made.recordSliceFailure(failed),
      () => made.closeRun(closing),
      () => environment().run(made.pullSlice, { client: "713", source, day, runId: "r" }),
    ];
    for (const work of works)
      expect(await failureOf(work())).toMatchObject({ type: "DatabaseUnavailable", nonRetryable: false });
  });

  /** The database is there only once the tests run. */
  function lazily(): SyncContext {
    const query: Database["query"] = ((text: string, values?: unknown[]) =>
      database.pool.query(text, values)) as Database["query"];
    const pool = { query, connect: () => database.pool.connect() } as unknown as Database;
    const config = loadConfig({ DATABASE_URL: "postgres://unused", REDTRACK_API_KEY: "sandbox-713" }, vendors, sources);
    return { database: pool, config, sources, gate: createRateGate(pool), redact: createRedactor(config.secrets) };
  }
});

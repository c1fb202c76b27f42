import { describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../settings/config.ts";
import { addDays, clockTime, daysFromTo, startOfDay } from "../../core/days.ts";
import { createRedactor } from "../../core/redact.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { readAlerts } from "../../queries/ops/alerts.ts";
import { readFailedSlices } from "../../queries/sync/ledger.ts";
import type { Database } from "../../schema/database.ts";
import { createRateGate } from "../shared/rate-gate.ts";
import type { SyncContext } from "./context.ts";
import { createSyncActivities } from "./sync.ts";
import {
  source,
  newYork,
  day,
  database,
  activities,
  atClock,
  environment,
  failureOf,
} from "../../test/pulling-slices.ts";

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

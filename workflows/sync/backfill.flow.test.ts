import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { WorkflowHandle } from "@temporalio/client";
import {
  failureOf,
  startStack,
  storedRows,
  uniqueId,
  until,
  vendorRows,
  type StartedRun,
  type TestStack,
} from "../../test/stack.ts";
import type { History } from "@temporalio/common/lib/proto-utils.js";
import type { RunSummary } from "./tally.ts";

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
type Progress = RunSummary & { paused: boolean };

function startBackfill(from: string, to: string, more: object = {}, progress?: object): Promise<StartedRun> {
  const args = [{ source, from, to, ...more }, ...(progress === undefined ? [] : [progress])];
  return stack.start("backfill", uniqueId(`backfill/${source}/713/${from}..${to}`), ...args);
}

async function backfill(from: string, to: string, more: object = {}): Promise<RunSummary> {
  return (await (await startBackfill(from, to, more)).result()) as RunSummary;
}

const progressOf = (handle: WorkflowHandle) => handle.query<Progress>("progress");

/** Nothing under way, although days are left: only a resume or a cancel goes on from here. */
const standstill = (handle: WorkflowHandle) =>
  until("the backfill to stand still", async () => {
    const { raw, status } = await handle.describe();
    expect(status.name).toBe("RUNNING");
    const progress = await progressOf(handle);
    return (
      progress.paused &&
      raw.pendingChildren?.length === 0 &&
      raw.pendingActivities?.length === 0 &&
      !raw.pendingWorkflowTask &&
      progress
    );
  });

const doneAtLeast = (handle: WorkflowHandle, days: number) =>
  until(`${days} days to be done`, async () => (await progressOf(handle)).done >= days);

function slicesStartedIn(events: History["events"]): number {
  return (events ?? []).flatMap((event) => event.startChildWorkflowExecutionInitiatedEventAttributes ?? []).length;
}

async function runOf(workflowId: string) {
  const rows = await stack.rows(
    "select outcome, kind, slices_planned as planned, slices_done as done, slices_failed as failed, inserted, finished_at is not null as finished, reason from ops.runs where workflow_id = $1",
    [workflowId],
  );
  expect(rows).toHaveLength(1);
  return rows[0];
}

test("December of the first client adds up to the figures of its document, and a second backfill changes nothing", async () => {
  const first = await backfill("2025-12-01", "2025-12-18");
  expect(first).toMatchObject({ days: 18, done: 18, failed: 0, inserted: 248, updated: 0, withdrawn: 0, flagged: [] });
  const [figures] = await stack.rows(
    "select count(*), count(distinct source_id) as sources, sum(cost)::text as cost, sum(clicks)::int as clicks, sum(conversions)::int as conversions from redtrack.daily_spend where date between '2025-12-01' and '2025-12-18'",
  );
  expect(figures).toEqual({ count: 248, sources: 23, cost: "211152.620000", clicks: 170105, conversions: 2933 });
  const lastDay = await stack.rows(
    "select source_name, cost, clicks, conversions from redtrack.daily_spend where date = '2025-12-18' order by cost desc",
  );
  expect(lastDay).toHaveLength(16);
  expect(lastDay[0]).toMatchObject({
    source_name: expect.stringMatching(/Facebook.*CCW/),
    cost: "26269.200000",
    clicks: 26135,
    conversions: 573,
  });
  expect(await storedRows(stack, "713", "2025-12-01", "2025-12-18")).toEqual(
    await vendorRows(stack, "713", "2025-12-01", "2025-12-18"),
  );

  const second = await backfill("2025-12-01", "2025-12-18");
  expect(second).toMatchObject({ done: 18, inserted: 0, updated: 0, withdrawn: 0, unchanged: 248 });
  const receipts = await stack.rows(
    "select outcome, sum(inserted)::int as inserted, sum(updated + withdrawn)::int as changed, count(*) from ops.receipts where slice like '2025-12-%' group by 1 order by 1",
  );
  expect(receipts).toEqual([
    { outcome: "changed", inserted: 248, changed: 0, count: 18 },
    { outcome: "unchanged", inserted: 0, changed: 0, count: 18 },
  ]);
});

test("a dry run tells the change in money per day and writes nothing", async () => {
  await backfill("2025-10-01", "2025-10-03");
  const dump = (await stack.control("GET", "/dump?vendor=redtrack&client=713&from=2025-10-02&to=2025-10-03")) as {
    date: string;
    source_id: string;
  }[];
  const someSource = (day: string) => dump.find(({ date }) => date === day)?.source_id;
  await stack.fault("restate", { match: { day: "2025-10-02" }, sourceId: someSource("2025-10-02"), add: "12.34" });
  await stack.fault("add_row", { match: { day: "2025-10-03" }, sourceId: "new-source", cost: "0.10" });
  const everything = () =>
    stack.rows(`select (select md5(string_agg(t::text, '|' order by t::text)) from redtrack.daily_spend t) as spend,
      (select count(*) from ops.receipts) as receipts, (select count(*) from ops.restatements) as restatements,
      (select md5(string_agg(s::text, '|' order by s::text)) from ops.slices s) as slices, (select count(*) from ops.quarantine) as quarantine`);
  const before = await everything();
  const summary = await backfill("2025-10-01", "2025-10-03", { dryRun: true });
  expect(summary).toMatchObject({ days: 3, done: 3, inserted: 1, updated: 1, withdrawn: 0 });
  expect(summary.preview?.toSorted((one, other) => (one.day < other.day ? -1 : 1))).toEqual([
    expect.objectContaining({ day: "2025-10-02", change: "12.34", updated: 1 }),
    expect.objectContaining({ day: "2025-10-03", change: "0.10", inserted: 1 }),
  ]);
  expect(await everything()).toEqual(before);

  expect(await backfill("2025-10-01", "2025-10-03")).toMatchObject({ inserted: 1, updated: 1 });
  expect(await storedRows(stack, "713", "2025-10-01", "2025-10-03")).toEqual(
    await vendorRows(stack, "713", "2025-10-01", "2025-10-03"),
  );
});

test("a dry run takes back no alert: it has loaded nothing", async () => {
  await stack.fault("server_error", { status: 400, match: { day: "2025-10-10" } });
  await failureOf(backfill("2025-10-10", "2025-10-10"));
  await backfill("2025-10-11", "2025-10-11", { dryRun: true });
  const open = () => stack.rows("select kind from ops.alerts where kind = 'run_failed' and resolved_at is null");
  expect(await open()).toHaveLength(1);
  await stack.control("DELETE", "/faults");
  await backfill("2025-10-10", "2025-10-10");
  expect(await open()).toHaveLength(0);
});

test("pause finishes the days under way and starts no other; resume goes on to the end", async () => {
  // Both lanes are held up in the middle, so that the pause comes in time on a slow machine as well.
  for (const day of ["2025-09-05", "2025-09-06"]) await stack.fault("latency", { ms: 2_000, match: { day } });
  const handle = await startBackfill("2025-09-01", "2025-09-14", { parallel: 2 });
  await doneAtLeast(handle, 4);
  expect(await handle.executeUpdate("pause")).toMatch(/^paused/);
  const paused = await standstill(handle);
  expect(paused.done).toBe(6);
  const started = async () => slicesStartedIn((await handle.fetchHistory()).events);
  expect(await started()).toBe(paused.done);
  // Another message wakes the workflow without letting it go on.
  await handle.executeUpdate("pause");
  expect(await standstill(handle)).toEqual(paused);
  expect(await handle.executeUpdate("resume")).toBe("resumed");
  expect(await handle.result()).toMatchObject({ days: 14, done: 14, failed: 0 });
  expect(await storedRows(stack, "713", "2025-09-01", "2025-09-14")).toEqual(
    await vendorRows(stack, "713", "2025-09-01", "2025-09-14"),
  );
});

describe.each([
  ["the update", (handle: WorkflowHandle) => handle.executeUpdate("cancel")],
  ["the UI's own Cancel", (handle: WorkflowHandle) => handle.cancel()],
])("cancelled by %s", (name, cancel) => {
  const month = name === "the update" ? "2025-07" : "2025-08";

  test("a backfill under way ends as Cancelled, keeps the merged days, and its slices under way are cancelled, not failed", async () => {
    // The first two days answer at once; those after them are stuck in the middle of an answer.
    for (const day of ["03", "04"])
      await stack.fault("slow_bytes", { ms: 500, bytes: 4, match: { day: `${month}-${day}` } });
    const handle = await startBackfill(`${month}-01`, `${month}-12`, { parallel: 2 });
    await doneAtLeast(handle, 2);
    await until(
      "two slow days to be asked for",
      async () =>
        (await stack.calls()).filter(
          (call) => call.faults.includes("slow_bytes") && call.query["date_from"]?.startsWith(month),
        ).length === 2,
    );
    await cancel(handle);
    expect(await failureOf(handle.result())).toEqual({ type: "CancelledFailure", message: expect.anything() });
    expect((await handle.describe()).status.name).toBe("CANCELLED");
    expect(await runOf(handle.workflowId)).toMatchObject({
      outcome: "cancelled",
      planned: 12,
      done: 2,
      failed: 0,
      finished: true,
    });
    const stuck = stack.client.workflow.getHandle(`${source}/713/${month}-03`);
    expect((await stuck.describe()).status.name).toBe("CANCELLED");
    expect(await storedRows(stack, "713", `${month}-01`, `${month}-12`)).toEqual(
      await vendorRows(stack, "713", `${month}-01`, `${month}-02`),
    );
    expect(
      await stack.rows("select slice from ops.slices where failure is not null and slice like $1", [`${month}-%`]),
    ).toEqual([]);
  });

  test("a paused backfill ends as Cancelled", async () => {
    await stack.fault("latency", { ms: 1_000, match: { day: `${month}-14` } });
    const handle = await startBackfill(`${month}-13`, `${month}-24`, { parallel: 1 });
    await doneAtLeast(handle, 1);
    await handle.executeUpdate("pause");
    const { done } = await standstill(handle);
    await cancel(handle);
    await failureOf(handle.result());
    expect((await handle.describe()).status.name).toBe("CANCELLED");
    expect(await runOf(handle.workflowId)).toMatchObject({ outcome: "cancelled", planned: 12, done });
  });

  test("a dry run ends as Cancelled", async () => {
    await stack.fault("latency", { ms: 5_000, match: { day: `${month}-26` } });
    const handle = await startBackfill(`${month}-25`, `${month}-27`, { parallel: 1, dryRun: true });
    await doneAtLeast(handle, 1);
    await cancel(handle);
    await failureOf(handle.result());
    expect((await handle.describe()).status.name).toBe("CANCELLED");
    expect(await runOf(handle.workflowId)).toMatchObject({ outcome: "cancelled", kind: "dry_run", done: 1 });
  });
});

test("cancelled while it is still being planned, the run is recorded as cancelled", async () => {
  const blocker = await stack.database.pool.connect();
  await blocker.query("begin");
  await blocker.query("lock table ops.runs");
  const handle = await startBackfill("2025-06-29", "2025-06-30");
  try {
    await until(
      "the plan to wait for the record",
      async () =>
        (await stack.rows("select from pg_locks where relation = 'ops.runs'::regclass and not granted")).length > 0,
    );
    await handle.cancel();
    // Only now may the plan be finished: the workflow has heard of its cancellation.
    await until("the cancellation to reach the plan", async () =>
      (await handle.fetchHistory()).events?.some((event) => event.activityTaskCancelRequestedEventAttributes),
    );
  } finally {
    await blocker.query("rollback");
    blocker.release();
  }
  await failureOf(handle.result());
  expect((await handle.describe()).status.name).toBe("CANCELLED");
  expect(await runOf(handle.workflowId)).toMatchObject({ outcome: "cancelled", done: 0 });
});

describe("a history of three slices continues as new", () => {
  test("with totals, failed days and one record of the run", async () => {
    await stack.fault("server_error", { status: 404, match: { day: "2025-06-02" } });
    const handle = await startBackfill("2025-06-01", "2025-06-08", { parallel: 1 }, { slicesPerHistory: 3 });
    const first = handle.firstExecutionRunId;
    const failure = await failureOf(handle.result());
    expect(failure).toEqual({
      type: "SlicesFailed",
      message: expect.stringMatching(/^1 of 8 days failed: 2025-06-02 \(RequestRejected\)/),
    });
    const stored = await storedRows(stack, "713", "2025-06-01", "2025-06-08");
    expect(await runOf(handle.workflowId)).toMatchObject({
      outcome: "failed",
      planned: 8,
      done: 7,
      failed: 1,
      inserted: stored.length,
      finished: true,
    });
    const chain: number[] = [];
    for (let runId: string | undefined = first; runId !== undefined;) {
      const { events } = await stack.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
      chain.push(slicesStartedIn(events));
      runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
    }
    expect(chain).toEqual([3, 3, 2]);
  });

  test("a dry run keeps its previews", async () => {
    const summary = (await (
      await startBackfill("2025-06-10", "2025-06-16", { dryRun: true }, { slicesPerHistory: 3 })
    ).result()) as RunSummary;
    expect(summary.preview?.map(({ day }) => day).sort()).toEqual(
      ["10", "11", "12", "13", "14", "15", "16"].map((day) => `2025-06-${day}`),
    );
  });

  test("a pause holds beyond it, and so does what is done", async () => {
    await stack.fault("latency", { ms: 1_500, match: { day: "2025-06-23" } });
    const handle = await startBackfill("2025-06-21", "2025-06-26", { parallel: 1 }, { slicesPerHistory: 3 });
    await until("the last slice of the first history", async () => (await stack.calls("2025-06-23")).length > 0);
    await handle.executeUpdate("pause");
    const continued = await until("the second history", async () => {
      const { runId } = await handle.describe();
      return runId !== handle.firstExecutionRunId && runId;
    });
    const latest = stack.client.workflow.getHandle(handle.workflowId);
    expect(await standstill(latest)).toMatchObject({ paused: true, days: 6, done: 3 });
    expect((await latest.describe()).runId).toBe(continued);
    await latest.executeUpdate("resume");
    expect(await latest.result()).toMatchObject({ days: 6, done: 6, failed: 0 });
  });
});

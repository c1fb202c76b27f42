import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { WorkflowHandle } from "@temporalio/client";
import {
  ApplicationFailureCategory,
  decodeApplicationFailureCategory,
  defaultPayloadConverter,
} from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import type { SliceResult } from "../../activities/sync/shapes.ts";
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

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";

function startSlice(day: string, more: object = {}): Promise<StartedRun> {
  return stack.start("syncSlice", `${source}/713/${day}`, { source, day, ...more });
}

async function pull(day: string, more: object = {}): Promise<SliceResult> {
  return (await (await startSlice(day, more)).result()) as SliceResult;
}

async function backfill(from: string, to: string, more: object = {}) {
  return stack.start("backfill", uniqueId(`backfill/${from}`), { source, from, to, parallel: 2, ...more });
}

async function sliceOf(day: string) {
  const [row] = await stack.rows(
    "select outcome, failure, failure_type, is_final, rows from ops.slices where slice = $1",
    [day],
  );
  return row;
}

const openAlerts = (subject: string) =>
  stack.rows(
    "select kind, times_seen, message from ops.alerts where subject = $1 and resolved_at is null order by kind",
    [subject],
  );

/** With which failure the last attempt began, as Temporal shows it. */
async function lastAttempt(handle: WorkflowHandle) {
  const { events } = await handle.fetchHistory();
  const started = (events ?? [])
    .flatMap(({ activityTaskStartedEventAttributes }) => activityTaskStartedEventAttributes ?? [])
    .at(-1);
  const failure = started?.lastFailure?.applicationFailureInfo;
  return {
    attempt: started?.attempt,
    type: failure?.type,
    category: decodeApplicationFailureCategory(failure?.category ?? undefined),
  };
}

describe("a failed day", () => {
  test("does not stop the others; the run names each, and pulling again or a reset in the UI recovers both slice and run", async () => {
    for (const day of ["2025-11-03", "2025-11-05"]) await stack.fault("server_error", { match: { day } });
    const run = await backfill("2025-11-01", "2025-11-07");
    expect(await failureOf(run.result())).toEqual({
      type: "SlicesFailed",
      message: expect.stringMatching(
        /^2 of 7 days failed: .*2025-11-03 \(VendorUnavailable\): .*answered 500.*\(2 of 2 tries\).*2025-11-05/,
      ),
    });
    const good = [...(await vendorRows(stack, "713", "2025-11-01", "2025-11-07"))].filter(
      (row) => !/^2025-11-0[35]/.test(row),
    );
    expect(await storedRows(stack, "713", "2025-11-01", "2025-11-07")).toEqual(good);
    const state = async () => ({
      run: (await stack.rows("select outcome from ops.runs where workflow_id = $1", [run.workflowId]))[0]?.["outcome"],
      open: (
        await stack.rows("select slice from ops.run_failures where run_id = $1 and recovered_at is null order by 1", [
          run.firstExecutionRunId,
        ])
      ).map((row) => row["slice"]),
    });
    expect(await state()).toEqual({ run: "failed", open: ["2025-11-03", "2025-11-05"] });
    expect(await sliceOf("2025-11-03")).toMatchObject({
      failure_type: "VendorUnavailable",
      failure: expect.stringContaining("2025-11-03: answered 500"),
      is_final: false,
    });

    await stack.control("DELETE", "/faults");
    expect(await pull("2025-11-03")).toMatchObject({ outcome: "changed", isFinal: true });
    expect(await sliceOf("2025-11-03")).toMatchObject({ failure: null, is_final: true });
    expect(await state()).toEqual({ run: "failed", open: ["2025-11-05"] });

    const child = stack.client.workflow.getHandle(`${source}/713/2025-11-05`);
    const { events } = await child.fetchHistory();
    const firstTask = events?.find((event) => event.workflowTaskCompletedEventAttributes);
    await stack.temporal.connection.workflowService.resetWorkflowExecution({
      namespace: stack.temporal.namespace,
      workflowExecution: { workflowId: child.workflowId, runId: (await child.describe()).runId },
      workflowTaskFinishEventId: firstTask?.eventId ?? null,
      requestId: uniqueId("reset"),
      reason: "the vendor is back",
    });
    expect(await child.result()).toMatchObject({ outcome: "changed", day: "2025-11-05" });
    expect(await sliceOf("2025-11-05")).toMatchObject({ failure: null, is_final: true });
    expect(await state()).toEqual({ run: "recovered", open: [] });
    expect(await storedRows(stack, "713", "2025-11-01", "2025-11-07")).toEqual(
      await vendorRows(stack, "713", "2025-11-01", "2025-11-07"),
    );
  });

  test("a key that is refused stops the run at once and raises one alert, however often it is tried", async () => {
    await stack.fault("unauthorized");
    const failures: { type: string; message: string }[] = [];
    for (const from of ["2025-04-01", "2025-03-01"])
      failures.push(await failureOf((await backfill(from, `${from.slice(0, 8)}30`)).result()));
    for (const failure of failures)
      expect(failure).toEqual({
        type: "CredentialsRejected",
        message: expect.stringMatching(/of 30 days failed: .*answered 401.*; 2[89] days were not started$/),
      });
    const asked = (await stack.calls()).filter(({ status }) => status === 401);
    expect(asked.length).toBeLessThanOrEqual(4);
    const alerts = async () => (await openAlerts(source)).filter(({ kind }) => kind === "credentials_rejected");
    expect(await alerts()).toMatchObject([{ times_seen: 2 }]);
    await stack.control("DELETE", "/faults");
    await (await backfill("2025-03-01", "2025-03-02")).result();
    expect(await alerts()).toEqual([]);
  });
});

describe("retries", () => {
  test("a 429 with Retry-After is waited for and is no failure", async () => {
    const day = "2025-05-01";
    await stack.fault("rate_limited", { retryAfterSeconds: 2, times: 1, match: { day } });
    const handle = await startSlice(day);
    expect(await handle.result()).toMatchObject({ outcome: "changed" });
    const [refused, answered] = await stack.calls(day);
    expect(refused).toMatchObject({ status: 429 });
    expect(answered?.arrivedAtMs).toBeGreaterThanOrEqual(refused?.hintEndsAtMs as number);
    expect(await lastAttempt(handle)).toEqual({
      attempt: 2,
      type: "RateLimited",
      category: ApplicationFailureCategory.BENIGN,
    });
    expect(await sliceOf(day)).toMatchObject({ failure: null });
    expect(await openAlerts(`${source}/${day}`)).toEqual([]);
  });

  test("a 429 without a hint, two kinds of nonsense under HTTP 200 and one 500 are tried again", async () => {
    const faults: Record<string, [string, object]> = {
      "2025-05-02": ["rate_limited", {}],
      "2025-05-03": ["html", {}],
      "2025-05-04": ["truncated", {}],
      "2025-05-05": ["wrapped_error", {}],
      "2025-05-06": ["server_error", { status: 503 }],
      "2025-05-07": ["empty_body", {}],
    };
    for (const [day, [kind, parameters]] of Object.entries(faults))
      await stack.fault(kind, { ...parameters, times: 1, match: { day } });
    const handles = await Promise.all(Object.keys(faults).map((day) => startSlice(day)));
    for (const handle of handles) expect(await handle.result()).toMatchObject({ outcome: "changed", isFinal: true });
    const types = await Promise.all(handles.map(async (handle) => (await lastAttempt(handle)).type));
    expect(types).toEqual([
      "RateLimited",
      "VendorUnavailable",
      "VendorUnavailable",
      "VendorUnavailable",
      "VendorUnavailable",
      "VendorUnavailable",
    ]);
    expect(await storedRows(stack, "713", "2025-05-02", "2025-05-07")).toEqual(
      await vendorRows(stack, "713", "2025-05-02", "2025-05-07"),
    );
  });

  test("only being unavailable counts towards enough, over all attempts: waiting for a quota does not", async () => {
    const day = "2025-05-10";
    // One after the other: 500, 429, 500. Two unavailabilities are enough here.
    await stack.fault("server_error", { times: 1, match: { day } });
    await stack.fault("rate_limited", { retryAfterSeconds: 1, times: 1, match: { day } });
    await stack.fault("server_error", { match: { day } });
    const failure = await failureOf((await startSlice(day)).result());
    expect(failure).toEqual({ type: "VendorUnavailable", message: expect.stringMatching(/\(2 of 2 tries\)$/) });
    expect((await stack.calls(day)).map(({ status }) => status)).toEqual([500, 429, 500]);
  });

  test.each([
    ["missing_field", { field: "cost" }, "ResponseMalformed", /2025-05-11: items\[0\]\.cost/],
    ["null_field", { field: "cost", row: 1 }, "ResponseMalformed", /items\[1\]\.cost/],
    ["raw_field", { field: "cost", raw: "1e400" }, "ResponseMalformed", /cost/],
    ["duplicate_row", {}, "DuplicateKey", /page 1 has .* twice/],
    ["server_error", { status: 404 }, "RequestRejected", /answered 404/],
  ])("%s %j is not tried twice and leaves nothing behind", async (kind, parameters, type, message) => {
    const day = "2025-05-11";
    const before = (await stack.calls(day)).length;
    await stack.fault(kind, { ...parameters, match: { day } });
    expect(await failureOf((await startSlice(day)).result())).toEqual({
      type,
      message: expect.stringMatching(message),
    });
    expect((await stack.calls(day)).length).toBe(before + 1);
    expect(await storedRows(stack, "713", day, day)).toEqual([]);
    expect(await sliceOf(day)).toMatchObject({ failure_type: type, is_final: false });
  });
});

describe("answers that do not add up", () => {
  test("a day that differs from the vendor's total is read three times, kept as unreconciled, and settled by a later reading", async () => {
    const day = "2025-05-15";
    await stack.fault("total_off", { amount: 1.5, match: { day } });
    const run = await backfill(day, day);
    expect(await run.result()).toMatchObject({ done: 1, failed: 0, flagged: [{ day, outcome: "unreconciled" }] });
    expect(await stack.calls(day)).toHaveLength(3);
    expect(await storedRows(stack, "713", day, day)).toEqual(await vendorRows(stack, "713", day, day));
    expect(await openAlerts(`${source}/${day}`)).toMatchObject([{ kind: "unreconciled", times_seen: 1 }]);
    await stack.control("DELETE", "/faults");
    expect(await pull(day)).toMatchObject({ outcome: "unchanged" });
    expect(await openAlerts(`${source}/${day}`)).toEqual([]);
  });

  test("rows without a source are set aside with their cost, not lost", async () => {
    const day = "2025-09-11";
    expect(await pull(day)).toMatchObject({ outcome: "changed", quarantined: 1, quarantinedTotal: "17.39" });
    expect(await stack.rows("select reason, amount from ops.quarantine where slice = $1", [day])).toEqual([
      { reason: "no source_id", amount: "17.390000" },
    ]);
  });

  test.each([
    ["2025-05-17", "withdraw", {}],
    ["2025-05-18", "null", {}],
  ])(
    "on %s an answer turned empty (%s) keeps the rows and alerts; an operator's acceptEmpty withdraws them",
    async (day, kind, parameters) => {
      const { inserted } = await pull(day);
      const rows = await storedRows(stack, "713", day, day);
      await stack.fault(kind, { ...parameters, match: { day } });
      expect(await pull(day)).toMatchObject({ outcome: "emptied", isFinal: false, withdrawn: 0 });
      expect(await storedRows(stack, "713", day, day)).toEqual(rows);
      expect(await openAlerts(`${source}/${day}`)).toMatchObject([{ kind: "emptied" }]);
      expect(await pull(day, { acceptEmpty: true })).toMatchObject({
        outcome: "changed",
        withdrawn: inserted,
        isFinal: true,
      });
      expect(await storedRows(stack, "713", day, day)).toEqual([]);
      expect(await openAlerts(`${source}/${day}`)).toEqual([]);
      // What was withdrawn lies in the ledger.
      expect(
        await stack.rows("select from ops.restatements where slice = $1 and kind = 'withdrawn'", [day]),
      ).toHaveLength(inserted);
    },
  );
});

describe("two at the same day", () => {
  test("the run that comes second waits for the first, says so, and pulls after it", async () => {
    const day = "2025-05-20";
    await stack.fault("latency", { ms: 5_000, times: 1, match: { day } });
    const first = await startSlice(day);
    await until("the first to ask", async () => (await stack.calls(day)).length > 0);
    const second = await backfill(day, day);
    const timer = await until("the second to wait", async () => {
      const { events } = await second.fetchHistory();
      return events?.find((event) => event.timerStartedEventAttributes);
    });
    expect(defaultPayloadConverter.fromPayload(timer.userMetadata?.summary ?? {})).toBe(
      `waiting for ${source}/713/${day}`,
    );
    expect(await first.result()).toMatchObject({ outcome: "changed" });
    expect(await second.result()).toMatchObject({ done: 1, unchanged: expect.any(Number), inserted: 0 });
    const receipts = await stack.rows(
      "select workflow_run_id, run_id, outcome from ops.receipts where slice = $1 order by fetch_seq",
      [day],
    );
    expect(receipts).toMatchObject([
      { run_id: first.firstExecutionRunId, outcome: "changed" },
      { run_id: second.firstExecutionRunId, outcome: "unchanged" },
    ]);
  });

  test("an attempt that began earlier and comes back later does nothing: the newer reading stays", async () => {
    const day = "2025-05-21";
    await stack.fault("latency", { ms: 2_500, times: 1, match: { day } });
    const attempt = () =>
      new MockActivityEnvironment().run(
        (input: Parameters<typeof stack.activities.pullSlice>[0]) => stack.activities.pullSlice(input),
        { client: "713", source, day, runId: "by-hand" },
      );
    const zombie = attempt();
    await until("the first attempt to hang", async () => (await stack.calls(day)).length > 0);
    await stack.fault("add_row", { match: { day }, sourceId: "came-later", cost: "7.77" });
    expect(await attempt()).toMatchObject({ outcome: "changed", withdrawn: 0 });
    expect(await zombie).toMatchObject({ outcome: "superseded", receiptId: null, withdrawn: 0, updated: 0 });
    expect(await storedRows(stack, "713", day, day)).toEqual(await vendorRows(stack, "713", day, day));
    expect(await stack.rows("select from ops.receipts where slice = $1", [day])).toHaveLength(1);
  });
});

import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { WorkflowFailedError } from "@temporalio/client";
import { startStack, type TestStack } from "../test/stack.ts";
import type { RunSummary } from "./tally.ts";

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";

function start(type: string, workflowId: string, input: unknown) {
  return stack.temporal.client.workflow.start(type, { workflowId, taskQueue: stack.taskQueue, args: [input] });
}

async function backfill(from: string, to: string, more: object = {}): Promise<RunSummary> {
  const handle = await start("backfill", `backfill/${from}..${to}/${Math.random()}`, { source, from, to, ...more });
  return (await handle.result()) as RunSummary;
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof WorkflowFailedError ? (error.cause?.message ?? "") : String(error);
  }
  throw new Error("expected a failure");
}

test("December of the first client adds up to the figures of its document, and a second backfill changes nothing", async () => {
  const first = await backfill("2025-12-01", "2025-12-18");
  expect(first).toMatchObject({ days: 18, done: 18, failed: 0, inserted: 248 });
  const { rows } = await stack.database.pool.query(
    "select count(*), count(distinct source_id) as sources, sum(cost)::text as cost, sum(clicks)::text as clicks, sum(conversions)::text as conversions from redtrack.daily_spend",
  );
  expect(rows[0]).toEqual({ count: 248, sources: 23, cost: "211152.620000", clicks: "170105", conversions: "2933" });
  const second = await backfill("2025-12-01", "2025-12-18");
  expect(second).toMatchObject({ done: 18, inserted: 0, updated: 0, withdrawn: 0, unchanged: 248 });
});

test("one bad day does not stop the others; the run names it, and pulling it again heals both slice and run", async () => {
  await stack.control("POST", "/faults", { vendor: "redtrack", kind: "server_error", status: 500, match: { day: "2025-11-05" } });
  const message = await failureOf(backfill("2025-11-01", "2025-11-07"));
  expect(message).toMatch(/1 of 7 days failed: 2025-11-05 \(VendorUnavailable\).*answered 500/);
  const state = async () => {
    const { rows } = await stack.database.pool.query<{ failure: string | null; outcome: string }>(
      "select s.failure, r.outcome from ops.slices s join ops.run_failures f using (_client_id, source, slice) join ops.runs r on r.run_id = f.run_id where s.day = '2025-11-05'",
    );
    return rows[0];
  };
  expect(await state()).toMatchObject({ outcome: "failed", failure: expect.stringContaining("2025-11-05") });
  await stack.control("DELETE", "/faults");
  const again = await start("syncSlice", `${source}/713/2025-11-05`, { source, day: "2025-11-05" });
  expect(await again.result()).toMatchObject({ outcome: "changed", isFinal: true });
  expect(await state()).toEqual({ outcome: "healed", failure: null });
});

import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { compareWithSandbox } from "../compare-with-sandbox.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { judgeDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill, type DrillSetup, type Finding } from "./drill.ts";

const range = { from: "2025-11-01", to: "2025-12-10" };
const source = "redtrack.daily_spend";

export const endedBackfill: Drill = {
  rows: [30],
  name: "ended-backfill",
  done: "a backfill terminated in the middle, another cancelled, a third paused, resumed and reset to its first task",
  expected:
    "days whole or absent, no lock and no child left behind; the reset one ends with every row as the vendor has it",
  run: async ({ say }) => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "200" } });
    try {
      await stack.startWorker();
      return await endAndReset(stack, say);
    } finally {
      await stack.stop();
    }
  },
};

async function endAndReset(stack: BenchStack, say: DrillSetup["say"]): Promise<Finding> {
  const { workflow, workflowService } = stack.temporal.client;
  const left: string[] = [];
  for (const end of ["terminate", "cancel"] as const) {
    await beginAfresh(stack, end, say);
    await workflow.getHandle(end)[end]();
    await untilNothingRuns(stack);
    const { rows, cut, locks } = await lookAtDays(stack);
    say(`${end}: ${rows} rows, ${cut} days cut, ${locks} locks`);
    if (cut + locks > 0 || rows === 0) left.push(`${end}: ${cut} days cut, ${locks} locks, ${rows} rows`);
  }
  await beginAfresh(stack, "reset", say);
  const handle = workflow.getHandle("reset");
  await handle.executeUpdate("pause");
  await handle.executeUpdate("resume");
  const { runId: oldRun } = await handle.describe();
  const { runId } = await workflowService.resetWorkflowExecution({
    namespace: stack.temporal.client.options.namespace,
    workflowExecution: { workflowId: "reset", runId: oldRun },
    reason: "drill",
    requestId: randomUUID(),
    // The first task's completion: started, scheduled, begun, completed.
    workflowTaskFinishEventId: 4 as never,
  });
  say(`reset to run ${runId}`);
  await untilOver(stack, "reset");
  await untilNothingRuns(stack);
  const end = await judgeDays(stack, range);
  return finding(
    left.length === 0 && end.state === "held" && runId !== oldRun,
    `terminated and cancelled: ${left.length === 0 ? "days whole or absent, 0 locks" : left.join("; ")}; reset: ${end.seen}`,
  );
}

/** A backfill on empty tables, with a few of its days done. */
async function beginAfresh(stack: BenchStack, workflowId: string, say: DrillSetup["say"]): Promise<void> {
  await stack.database.query(
    "truncate redtrack.daily_spend, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.runs, ops.run_failures, ops.alerts",
  );
  await startBackfill(stack, workflowId, range);
  for (;;) {
    const { rows } = await stack.database.query<{ count: number }>("select count(*) from ops.slices");
    if ((rows[0]?.count ?? 0) >= 8) break;
    await wait(50);
  }
  say(`${workflowId}: 8 days are done`);
}

/** Children are asked to cancel when their parent is gone, and end by themselves. */
async function untilNothingRuns({ temporal }: BenchStack): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const running: string[] = [];
    const query = "ExecutionStatus = 'Running' and (WorkflowType = 'syncSlice' or WorkflowType = 'backfill')";
    for await (const { workflowId } of temporal.client.workflow.list({ query })) running.push(workflowId);
    if (running.length === 0) return;
    if (Date.now() > deadline) throw new Error(`still running: ${running.join(", ")}`);
    await wait(200);
  }
}

async function lookAtDays(stack: BenchStack) {
  const { rows, differences } = await compareWithSandbox(stack, range.from, range.to);
  const { database } = stack;
  const done = new Set(
    (
      await database.query<{ slice: string }>(
        "select slice from ops.slices where source = $1 and receipt_id is not null",
        [source],
      )
    ).rows.map(({ slice }) => slice),
  );
  // A day without a receipt has no rows; one with a receipt has them all.
  const cut = new Set(differences.filter(({ day, stored }) => done.has(day) || stored !== null).map(({ day }) => day));
  const locks = await database.query("select from pg_locks where locktype = 'advisory'");
  return { rows, cut: cut.size, locks: locks.rowCount ?? 0 };
}

import { setTimeout as wait } from "node:timers/promises";
import { killChild } from "../children.ts";
import { compareWithSandbox } from "../compare-with-sandbox.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill } from "./drill.ts";

const day = "2025-12-01";
const otherDay = "2025-12-02";

export const frozenWorker: Drill = {
  rows: [2],
  name: "frozen-worker",
  done: "a worker stopped with SIGSTOP while it pulls a day; a second one pulls the day after the vendor restated it; the first goes on",
  expected: "the second attempt's amounts stay; the first changes nothing",
  run: async ({ say }) => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "0", REDTRACK_CONCURRENT: "5" } });
    try {
      // Long enough for the worker to be stopped with its request under way.
      await stack.control("POST", "/faults", {
        vendor: "redtrack",
        kind: "latency",
        ms: 3_000,
        times: 1,
        match: { day },
      });
      const first = await stack.startWorker();
      await startBackfill(stack, "drill", { from: day, to: day });
      await untilAsked(stack);
      first.kill("SIGSTOP");
      say("the first worker is stopped");
      await stack.control("POST", "/faults", {
        vendor: "redtrack",
        kind: "restate",
        sourceId: await anySource(stack),
        add: "100.00",
        match: { day },
      });
      const second = await stack.startWorker();
      await untilOver(stack, "drill");
      const before = await stateOf(stack);
      say("the second has committed; the first goes on");
      first.kill("SIGCONT");
      await killChild(second);
      // Only the first is left: when it has pulled another day, it is long past the old one.
      await startBackfill(stack, "after", { from: otherDay, to: otherDay });
      await untilOver(stack, "after");
      await untilIdle(stack);
      const after = await stateOf(stack);
      return finding(
        JSON.stringify(before) === JSON.stringify(after) &&
          after.receipts === 1 &&
          after.attempt > 1 &&
          after.differences === 0,
        `${after.receipts} receipt, of attempt ${after.attempt}; ${after.rows} rows, ${after.differences} differ from the vendor's, cost ${before.cost} before and ${after.cost} after`,
      );
    } finally {
      await stack.stop();
    }
  },
};

async function untilAsked(stack: BenchStack): Promise<void> {
  for (;;) {
    const { entries } = (await stack.control("GET", "/log?vendor=redtrack")) as { entries: { path: string }[] };
    if (entries.some(({ path }) => path.endsWith("/report"))) return;
    await wait(20);
  }
}

async function untilIdle(stack: BenchStack): Promise<void> {
  for (;;) {
    const { rowCount } = await stack.database.query(
      "select from pg_stat_activity where application_name = 'signal-room worker' and xact_start is not null",
    );
    if (rowCount === 0) return;
    await wait(50);
  }
}

async function anySource(stack: BenchStack): Promise<string> {
  const rows = (await stack.control("GET", `/dump?vendor=redtrack&client=713&from=${day}&to=${day}`)) as {
    source_id: string;
  }[];
  return rows.find(({ source_id }) => source_id !== "")?.source_id ?? "";
}

async function stateOf(stack: BenchStack) {
  const { rows, differences, costStored } = await compareWithSandbox(stack, day, day);
  const { rows: receipts } = await stack.database.query<{ receipts: number; attempt: number }>(
    "select count(*) as receipts, max(attempt) as attempt from ops.receipts where slice = $1",
    [day],
  );
  const [found] = receipts;
  return {
    rows,
    differences: differences.length,
    cost: costStored,
    receipts: found?.receipts ?? 0,
    attempt: found?.attempt ?? 0,
  };
}

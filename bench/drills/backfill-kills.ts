import { setTimeout as wait } from "node:timers/promises";
import { addDays } from "../../core/days.ts";
import { mainQueue } from "../../temporal.config.ts";
import { killChild } from "../children.ts";
import { compareWithSandbox } from "../compare-with-sandbox.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const from = "2025-10-20";
const days = 60;
const to = addDays(from, days - 1);
const serverKills = 3;
/** Longer than any of it takes, on a busy machine too. */
const patienceMs = 15 * 60_000;

interface Kill {
  what: string;
  strike: (stack: BenchStack) => Promise<void>;
}

const postgres: Kill = { what: "Postgres killed and started again", strike: (stack) => stack.restartPostgres() };
const temporal: Kill = {
  what: "Temporal killed, and back with its file after 30 s",
  strike: (stack) => stack.restartTemporal(30_000),
};

export const postgresKills: Drill = {
  rows: [4],
  name: "postgres-kills",
  done: `Postgres killed ${serverKills} times while a backfill of ${days} days works`,
  expected: "every row as the vendor has it, a receipt for each day, none twice",
  run: (setup) => killServer(setup, postgres, serverKills),
};

export const temporalAway: Drill = {
  rows: [3],
  name: "temporal-away",
  done: `Temporal killed and away for 30 s while a backfill of ${days} days works`,
  expected: "it goes on; every row as the vendor has it, none twice",
  run: (setup) => killServer(setup, temporal, 1),
};

async function killServer({ random, say }: DrillSetup, { what, strike }: Kill, kills: number) {
  const stack = await startBenchStack({
    temporalOnFile: true,
    settings: { REDTRACK_INTERVAL_MS: "200", WORKER_SHUTDOWN_GRACE_MS: "0" },
  });
  try {
    const worker = await stack.startWorker();
    await startBackfill(stack, "drill", { from, to });
    for (let kill = 0; kill < kills; kill += 1) {
      await wait(1_000 + random() * 2_000);
      await strike(stack);
      say(what);
    }
    await untilOver(stack, "drill");
    await killChild(worker);
    return await judgeDays(stack, { from, to });
  } finally {
    await stack.stop();
  }
}

export interface Days {
  from: string;
  to: string;
}

export async function startBackfill(stack: BenchStack, workflowId: string, range: Days, parallel = 4): Promise<void> {
  await stack.temporal.client.workflow.start("backfill", {
    workflowId,
    taskQueue: mainQueue,
    args: [{ source: "redtrack.daily_spend", ...range, parallel }],
  });
}

/** Waits for a workflow's end across restarts of its server: the client's own connection may go with it. */
export async function untilOver(stack: BenchStack, workflowId: string): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const status = await statusOf(stack, workflowId);
    if (status === "COMPLETED") return;
    if (status !== "RUNNING" && status !== "unreachable") throw new Error(`the backfill ended as ${status}`);
    if (Date.now() > deadline) throw new Error(`${workflowId} is ${status} after ${patienceMs / 60_000} minutes`);
    await wait(300);
  }
}

export function statusOf(stack: BenchStack, workflowId: string): Promise<string> {
  return stack.temporal.client.workflow
    .getHandle(workflowId)
    .describe()
    .then(
      (description) => description.status.name,
      () => "unreachable",
    );
}

/** The table against the sandbox, row by row, and the ledger: one current receipt a day, no row and no first amount twice. */
export async function judgeDays(stack: BenchStack, range: Days) {
  const { rows, lost, doubled, differences, days, current, firsts } = await countDays(stack, range);
  return finding(
    differences === 0 && doubled === 0 && days === current && days === daysIn(range) && firsts === rows,
    `${rows} rows, lost ${lost}, doubled ${doubled}, ${differences} differ from the vendor's; ${current} of ${daysIn(range)} days with their receipt`,
  );
}

export async function countDays(stack: BenchStack, { from, to }: Days) {
  const { rows, differences, costStored, costVendor } = await compareWithSandbox(stack, from, to);
  const ledger = await stack.database.query<{ days: number; current: number; doubled: number; firsts: number }>(
    `select (select count(*) from ops.slices) as days,
            (select count(*) from ops.slices s join ops.receipts r using (receipt_id) where r.fetch_seq = (select max(fetch_seq) from ops.receipts o where o.slice = r.slice)) as current,
            (select count(*) from (select 1 from redtrack.daily_spend group by _client_id, date, source_id having count(*) > 1) d) as doubled,
            (select count(*) from ops.restatements where kind = 'first') as firsts`,
  );
  const { days = 0, current = 0, doubled = 0, firsts = 0 } = ledger.rows[0] ?? {};
  return {
    rows,
    lost: differences.filter(({ stored }) => stored === null).length,
    doubled,
    differences: differences.length,
    days,
    current,
    firsts,
    costStored,
    costVendor,
  };
}

function daysIn({ from, to }: Days): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
}

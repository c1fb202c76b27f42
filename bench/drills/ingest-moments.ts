import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { mainQueue } from "../../temporal.config.ts";
import { killChild } from "../children.ts";
import { writePerformanceFile, type PerformanceFile } from "../performance-files.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";
import { compare, isWorking, type Taking } from "./ingest-kills.ts";

const rows = 20_000;

/** What a worker waits for, held by somebody else, at the moment that is meant. */
const moments = {
  "before the first line": "lock table rtb.creatives in access exclusive mode",
  "in the merge": "select pg_advisory_xact_lock(hashtextextended('rtb.performance/713', 0))",
  "at the receipt": "lock table ops.files in exclusive mode",
};

export const ingestMoments: Drill = {
  rows: [1, 2],
  name: "ingest-moments",
  done: `a file of ${rows.toLocaleString("en")} lines, the worker killed before the first line, in the merge and at the receipt; then stopped with SIGSTOP while another takes it`,
  expected:
    "nothing is left of the attempt that died, and the file is stored once; the one that was stopped changes nothing",
  run: async (setup) => {
    const stack = await startBenchStack({ settings: { WORKER_SHUTDOWN_GRACE_MS: "0" } });
    try {
      const importDir = path.join(stack.folder, "import");
      stack.env["IMPORT_DIR"] = importDir;
      await mkdir(importDir, { recursive: true });
      const file = await writePerformanceFile(path.join(importDir, "day.csv"), { rows });
      await stack.database.query(
        "insert into rtb.creatives (_client_id, id, creative_id) select '713', n, n from unnest($1::bigint[]) n",
        [file.creatives],
      );
      return await atEachMoment({ stack, importDir }, file, setup);
    } finally {
      await stack.stop();
    }
  },
};

async function atEachMoment(taking: Taking, file: PerformanceFile, { say }: DrillSetup) {
  const seen: string[] = [];
  let holds = true;
  for (const [moment, statement] of Object.entries(moments)) {
    const { left, good, found } = await killAt(taking, file, statement);
    holds &&= left === 0 && good;
    seen.push(`killed ${moment}: ${left} rows left, then ${found}`);
    say(seen.at(-1) ?? "");
  }
  const thawed = await freeze(taking, file);
  seen.push(`stopped and gone on: ${thawed.seen}`);
  return finding(holds && thawed.good, seen.join("; "));
}

async function killAt(taking: Taking, file: PerformanceFile, statement: string) {
  const { stack } = taking;
  await empty(stack);
  const worker = await stack.startWorker();
  const free = await hold(stack, statement);
  const handle = await take(stack);
  await until(() => isWaiting(stack), true);
  await killChild(worker);
  // What it was waiting for is still held: Postgres notices by itself that nobody is there any more.
  await until(() => isWaiting(stack), false);
  await free();
  const left = await countRows(stack);
  const second = await stack.startWorker();
  await handle.result();
  const { good, seen: found } = await compare(taking, "day.csv", file);
  await killChild(second);
  return { left, good, found };
}

async function freeze(taking: Taking, file: PerformanceFile) {
  const { stack } = taking;
  await empty(stack);
  const frozen = await stack.startWorker();
  const free = await hold(stack, moments["before the first line"]);
  const handle = await take(stack);
  await until(() => isWaiting(stack), true);
  frozen.kill("SIGSTOP");
  await free();
  const second = await stack.startWorker();
  const answer = (await handle.result()) as IngestAnswer;
  frozen.kill("SIGCONT");
  await until(() => isWorking(stack), false);
  const { good, seen } = await compare(taking, "day.csv", file);
  await Promise.all([killChild(frozen), killChild(second)]);
  return { good: good && answer.inserted === rows, seen };
}

let taken = 0;

/** Each time under another id. */
function take({ temporal }: BenchStack) {
  taken += 1;
  return temporal.client.workflow.start("ingestFile", {
    workflowId: `drill/${taken}`,
    taskQueue: mainQueue,
    args: [{ path: "day.csv" }],
  });
}

/** Returns what lets go again. */
async function hold({ database }: BenchStack, statement: string): Promise<() => Promise<void>> {
  const session = await database.connect();
  await session.query("begin");
  await session.query(statement);
  return async () => {
    await session.query("rollback");
    session.release();
  };
}

async function isWaiting({ database }: BenchStack): Promise<boolean> {
  const { rowCount } = await database.query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return (rowCount ?? 0) > 0;
}

async function countRows({ database }: BenchStack): Promise<number> {
  const { rows: found } = await database.query<{ count: number }>("select count(*) from rtb.performance_metrics");
  return Number(found[0]?.count);
}

async function empty({ database }: BenchStack): Promise<void> {
  await database.query(
    "truncate rtb.performance_metrics, rtb.creative_performance, rtb.country_sums, ops.files, ops.file_days, ops.file_headers, ops.watched_files, ops.quarantine, ops.alerts",
  );
}

async function until(look: () => Promise<boolean>, wanted: boolean): Promise<void> {
  for (const deadline = Date.now() + 120_000; (await look()) !== wanted; await wait(50))
    if (Date.now() > deadline) throw new Error("waited two minutes for the moment that is meant");
}

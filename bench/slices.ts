// Slices per second of a 365-day backfill against a sandbox without limits, beside a plain loop that does the same
// fetch and merge without Temporal, and beside the least that Temporal itself takes for that many slices.
// npm run bench:slices -- [--file] [--rounds 3] [--long]
import { parseArgs } from "node:util";
import { orNullAfter } from "../core/deadline.ts";
import { readSlice } from "../connectors/slices/read-slice.ts";
import { targetOf } from "../activities/sync/read-day.ts";
import { createHttp } from "../connectors/http.ts";
import { redtrackDailySpend as source } from "../connectors/sources/redtrack.ts";
import { addDays, daysFromTo } from "../core/days.ts";
import { mergeSlice } from "../queries/sync/merge.ts";
import { takeFetchNumber } from "../queries/sync/receipts.ts";
import { inTransaction } from "../schema/database.ts";
import { mainQueue } from "../temporal.config.ts";
import { startBenchStack } from "./stack.ts";
import { createSeal } from "../core/seal.ts";
import { describeProcessorTime, processorTimeBetween, readProcessorTime } from "./processor-time.ts";
import { memoryMbOf } from "./process-memory.ts";

const { values } = parseArgs({
  options: { file: { type: "boolean" }, rounds: { type: "string", default: "3" }, long: { type: "boolean" } },
  allowPositionals: true,
});
const parallel = 20;
const firstDay = "2024-11-01";
const year = daysFromTo(firstDay, addDays(firstDay, 364));
const tables =
  "redtrack.daily_spend, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.runs, ops.run_failures, ops.alerts";

const stack = await startBenchStack({
  temporalOnFile: values.file === true,
  settings: {
    REDTRACK_INTERVAL_MS: "0",
    REDTRACK_CONCURRENT: "20",
    VENDOR_SLOTS: "20",
    LOG_LEVEL: "error",
    DATABASE_POOL_SIZE: "16",
  },
});
try {
  const worker = await stack.startWorker();
  await stack.startChild("floor", "bench/floor-worker.js");
  console.log(
    `Temporal ${values.file === true ? "on a file" : "in memory"}; ${year.length} slices, ${parallel} at a time; slices per second\n`,
  );
  await ours("warm-up", year.slice(0, 30));
  await floor("warm-up", year.slice(0, 30));
  const results: { ours: number; floor: number; plain: number; again: number }[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    await stack.database.query(`truncate ${tables}`);
    const plainRate = await timed("plain loop", year.length, () => plain(year));
    await stack.database.query(`truncate ${tables}`);
    const floorRate = await timed("floor     ", year.length, () => floor(`floor ${round}`, year));
    const oursRate = await timed("ours      ", year.length, () => ours(`first ${round}`, year));
    const againRate = await timed("again     ", year.length, () => ours(`again ${round}`, year));
    results.push({ ours: oursRate, floor: floorRate, plain: plainRate, again: againRate });
    console.log(
      `round ${round}: ours ${oursRate.toFixed(1)}, unchanged again ${againRate.toFixed(1)}, floor ${floorRate.toFixed(1)}, plain loop ${plainRate.toFixed(1)}; ours/floor ${(oursRate / floorRate).toFixed(2)}, ours/plain ${(oursRate / plainRate).toFixed(2)}; worker ${(await memoryMbOf(worker.pid)).toFixed(0)} MB`,
    );
  }
  const median = (pick: (result: (typeof results)[number]) => number) =>
    results.map(pick).sort((one, other) => one - other)[results.length >> 1] ?? 0;
  console.log(
    `\nmedian ours/floor ${median((result) => result.ours / result.floor).toFixed(2)}, ours/plain ${median((result) => result.ours / result.plain).toFixed(2)}`,
  );
  console.log(
    `parent's history of ${year.length} slices: ${await historyOf("first 1")}; one slice's: ${await historyOf(`redtrack.daily_spend/713/${year[0]}`)}`,
  );
  if (values.long === true) await tenYears(worker.pid);
} finally {
  await stack.stop();
}
process.exit(0);

async function timed(name: string, slices: number, work: () => Promise<unknown>): Promise<number> {
  const [started, before] = [performance.now(), await readProcessorTime()];
  await work();
  const perSecond = slices / ((performance.now() - started) / 1_000);
  const spent = processorTimeBetween(before, await readProcessorTime());
  console.log(`   ${name} processor, ms each: ${describeProcessorTime(spent, slices)}`);
  return perSecond;
}

async function ours(workflowId: string, days: string[]): Promise<void> {
  await stack.temporal.client.workflow.execute("backfill", {
    workflowId,
    taskQueue: mainQueue,
    args: [{ source: source.name, from: days[0], to: days.at(-1), parallel }],
  });
}

async function floor(workflowId: string, days: string[]): Promise<void> {
  await stack.temporal.client.workflow.execute("floorParent", {
    workflowId,
    taskQueue: "floor",
    args: [{ days, parallel }],
  });
}

/** The same fetch, checks, merge and receipt, one day after the other. */
async function plain(days: string[]): Promise<void> {
  const redact = (text: string) => text;
  const http = createHttp({
    baseUrl: `${stack.sandboxUrl}/redtrack`,
    erase: redact,
    redact,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
  });
  for (const day of days) {
    const slice = { day, timezone: source.slices.timezone };
    const numbered = await takeFetchNumber(stack.database);
    const answer = await readSlice({ source, slice, secrets: { REDTRACK_API_KEY: "sandbox-713" }, http });
    await inTransaction(stack.database, (session) =>
      mergeSlice(session, targetOf(source, "713", day), answer, {
        ...numbered,
        isFinal: true,
        origin: "real",
        runId: "plain",
        workflowId: "",
        workflowRunId: "",
        attempt: 1,
        acceptEmpty: false,
        mostWithdrawnPercent: 100,
        seal: createSeal([], "quarantine"),
      }),
    );
  }
}

async function historyOf(workflowId: string): Promise<string> {
  const { historyLength, historySize } = await stack.temporal.client.workflow.getHandle(workflowId).describe();
  return `${historyLength} events, ${Math.round((historySize ?? 0) / 1024)} KB`;
}

/** Ten years in one backfill: is the worker's memory flat? */
async function tenYears(pid: number | undefined): Promise<void> {
  const to = addDays("2016-01-01", 3_649);
  const handle = await stack.temporal.client.workflow.start("backfill", {
    workflowId: "ten years",
    taskQueue: mainQueue,
    args: [{ source: source.name, from: "2016-01-01", to, parallel }],
  });
  const over = handle.result().then(() => true);
  const seen: string[] = [];
  for (let next = 365; ;) {
    if ((await orNullAfter(500, over)) !== null) break;
    const { done } = await handle.query<{ done: number }>("progress").catch(() => ({ done: 0 }));
    if (done < next) continue;
    seen.push(`${done}: ${(await memoryMbOf(pid)).toFixed(0)} MB`);
    next = done + 365;
  }
  console.log(`3,650 slices, worker memory by slices done: ${seen.join(", ")}`);
}

// How long a report waits for its verdict: from the POST to the log, through the real API, a worker, Temporal and a
// mock that answers at once; beside the floor, a workflow with one activity that does nothing, on the same server in the
// same round.
// npm run bench:recon -- [--reports 300] [--rounds 3] [--temporal file | memory]
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { describeProcessorTime, processorTimeBetween, readProcessorTime } from "./processor-time.ts";
import { adId, seen, startReconStack } from "./recon-stack.ts";

const { values } = parseArgs({
  options: {
    reports: { type: "string", default: "300" },
    rounds: { type: "string", default: "3" },
    temporal: { type: "string", default: "file" },
  },
});
const [reports, rounds] = [Number(values.reports), Number(values.rounds)];
const aimMs = 200;
const aimShare = 0.8;
const concurrencies = [1, 10, 50] as const;

const recon = await startReconStack(50, {}, { temporalOnFile: values.temporal !== "memory" });
const { stack, affiliates, submit } = recon;
const judged = new Map<string, () => void>();
let watching = true;
let ads = 0;
let floors = 0;
/** Looking has its price too: often only where it is the time of one that counts. */
let lookEveryMs = 50;

/** Reports verdicts as they become visible. */
async function watch(): Promise<void> {
  let last = "0";
  while (watching) {
    const { rows } = await stack.database.query<{ logId: string; reportId: string }>(
      `select log_id::text as "logId", report_id::text as "reportId" from recon.reconciliation_logs where log_id > $1::bigint - 200 order by log_id desc limit 1000`,
      [last],
    );
    last = rows[0]?.logId ?? last;
    for (const { reportId } of rows) {
      judged.get(reportId)?.();
      judged.delete(reportId);
    }
    await wait(lookEveryMs);
  }
}

async function one(): Promise<{ answeredMs: number; judgedMs: number }> {
  const index = (ads += 1);
  const affiliate = affiliates[index % affiliates.length];
  if (affiliate === undefined) throw new Error("no affiliate");
  const began = performance.now();
  const answer = await submit({ affiliate, ad: adId(index), views: seen });
  if (answer?.status !== 202) throw new Error(`answered ${answer?.status ?? "nothing"}`);
  const answeredMs = performance.now() - began;
  await new Promise<void>((resolve) => judged.set(answer.reportId, resolve));
  return { answeredMs, judgedMs: performance.now() - began };
}

/** One workflow with one activity that does nothing. */
async function floor(): Promise<{ answeredMs: number; judgedMs: number }> {
  const began = performance.now();
  const handle = await stack.temporal.client.workflow.start("floorSlice", {
    workflowId: `floor/${(floors += 1)}`,
    taskQueue: "floor",
    args: ["2025-12-01"],
  });
  const answeredMs = performance.now() - began;
  await handle.result();
  return { answeredMs, judgedMs: performance.now() - began };
}

interface Measured {
  perSecond: number;
  judgedMs: number;
}

/** So many at once, so many in all. */
async function measure(name: string, work: typeof one, concurrency: number): Promise<Measured> {
  const count = concurrency === 1 ? Math.ceil(reports / 4) : reports;
  const took: { answeredMs: number; judgedMs: number }[] = [];
  let next = 0;
  lookEveryMs = concurrency === 1 ? 3 : 50;
  const [began, before] = [performance.now(), await readProcessorTime()];
  const lane = async () => {
    while (next < count) {
      next += 1;
      took.push(await work());
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const perSecond = (took.length / (performance.now() - began)) * 1_000;
  const of = (field: "answeredMs" | "judgedMs", share: number) =>
    percentile(
      took.map((each) => each[field]),
      share,
    );
  console.log(
    `${name} ${String(concurrency).padStart(2)} at once: ${perSecond.toFixed(1)} a second; over after ${of("judgedMs", 0.5).toFixed(0)} ms (median), ${of("judgedMs", 0.99).toFixed(0)} ms (99 %); answered after ${of("answeredMs", 0.5).toFixed(0)} ms, ${of("answeredMs", 0.99).toFixed(0)} ms`,
  );
  const spent = processorTimeBetween(before, await readProcessorTime());
  console.log(`      processor, ms each: ${describeProcessorTime(spent, took.length)}`);
  return { perSecond, judgedMs: of("judgedMs", 0.5) };
}

const percentile = (values: number[], share: number) =>
  values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
const median = (values: number[]) => percentile(values, 0.5);

try {
  await recon.startApi();
  await recon.playAds(Array.from({ length: 100 + rounds * 3 * reports }, (_, index) => adId(index + 1)));
  await stack.startWorker();
  await stack.startChild("floor", "bench/floor-worker.js");
  const watcher = watch();
  const results = new Map<number, { ours: Measured; floor: Measured }[]>(concurrencies.map((each) => [each, []]));
  await Promise.all(Array.from({ length: 5 }, async () => [await one(), await floor(), await one(), await floor()]));
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`round ${round}`);
    for (const concurrency of concurrencies) {
      const ours = await measure("ours ", one, concurrency);
      results.get(concurrency)?.push({ ours, floor: await measure("floor", floor, concurrency) });
    }
  }
  for (const [concurrency, rounds] of results)
    console.log(
      `${String(concurrency).padStart(2)} at once, medians: ${median(rounds.map(({ ours }) => ours.perSecond)).toFixed(1)} a second, floor ${median(rounds.map(({ floor }) => floor.perSecond)).toFixed(1)}; of the floor, each round: ${rounds.map(({ ours, floor }) => (ours.perSecond / floor.perSecond).toFixed(2)).join(" ")}`,
    );
  const idleMs = median((results.get(1) ?? []).map(({ ours }) => ours.judgedMs));
  const share = median((results.get(50) ?? []).map(({ ours, floor }) => ours.perSecond / floor.perSecond));
  say(idleMs < aimMs, `idle: ${idleMs.toFixed(0)} ms, below ${aimMs}`);
  say(share >= aimShare, `50 at once: ${share.toFixed(2)} of the floor, at least ${aimShare}`);
  watching = false;
  await watcher;
} finally {
  await stack.stop();
}
process.exit(0);

function say(holds: boolean, what: string): void {
  console.log(holds ? `ok   ${what}` : `MISS ${what}`);
}

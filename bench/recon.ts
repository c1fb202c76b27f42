// How long a report waits for its verdict: from the POST to the log, through the real API, a worker, Temporal and a
// mock that answers at once. The first argument is how many reports each degree of concurrency gets, the second
// where Temporal's own database lies.
// npm run bench:recon -- [reports] [file | memory]
import { setTimeout as wait } from "node:timers/promises";
import { adId, seen, startReconStack } from "./recon-stack.ts";

const [count = "300", temporal = "file"] = process.argv.slice(2);
const reports = Number(count);
const aimMs = 300;

const recon = await startReconStack(50, {}, temporal !== "memory");
const { stack, affiliates, submit } = recon;
const judged = new Map<string, () => void>();
let watching = true;
let ads = 0;

/** Reports verdicts as they become visible, to within a few milliseconds. */
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
    await wait(3);
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

async function lanes(concurrency: number, count: number) {
  const took: { answeredMs: number; judgedMs: number }[] = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) {
        next += 1;
        took.push(await one());
      }
    }),
  );
  return { took, seconds: (performance.now() - began) / 1_000 };
}

const percentile = (values: number[], share: number) =>
  values.toSorted((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

try {
  await recon.startApi();
  await recon.playAds(Array.from({ length: 30 + Math.ceil(reports / 4) + 2 * reports }, (_, index) => adId(index + 1)));
  await stack.startWorker();
  const watcher = watch();
  await lanes(5, 30);
  for (const concurrency of [1, 10, 50]) {
    const { took, seconds } = await lanes(concurrency, concurrency === 1 ? Math.ceil(reports / 4) : reports);
    const of = (name: "answeredMs" | "judgedMs", share: number) =>
      percentile(
        took.map((each) => each[name]),
        share,
      ).toFixed(0);
    console.log(
      `${String(concurrency).padStart(2)} at once: verdict after ${of("judgedMs", 0.5)} ms (median), ${of("judgedMs", 0.99)} ms (99 %); answered after ${of("answeredMs", 0.5)} ms, ${of("answeredMs", 0.99)} ms; ${(took.length / seconds).toFixed(0)} a second`,
    );
    if (concurrency === 1)
      console.log(
        Number(of("judgedMs", 0.5)) < aimMs ? `ok   idle: below ${aimMs} ms` : `FAIL idle: not below ${aimMs} ms`,
      );
  }
  watching = false;
  await watcher;
} finally {
  await stack.stop();
}
process.exit(0);

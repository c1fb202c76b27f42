// Five workers on one paced account: how close do two requests come, and who asks during a hold?
// npm run pacing -- [workers] [interval ms]
import { addDays } from "../core/days.ts";
import { mainQueue } from "../temporal.config.ts";
import { startBenchStack } from "./stack.ts";

interface LogEntry {
  arrivedAtMs: number;
  status: number;
  path: string;
  hintEndsAtMs: number | null;
}

const [workers = 5, intervalMs = 200] = process.argv.slice(2).map(Number);
const from = "2025-09-01";
const days = 120;

const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: String(intervalMs) } });
let good = false;
try {
  await Promise.all(Array.from({ length: workers }, () => stack.startWorker()));
  const handle = await stack.temporal.client.workflow.start("backfill", {
    workflowId: "pacing",
    taskQueue: mainQueue,
    args: [{ source: "redtrack.daily_spend", from, to: addDays(from, days - 1), parallel: 20 }],
  });
  const over = handle.result();
  // Three times on the way the vendor refuses one call and asks for two seconds.
  for (const at of [20, 50, 80]) {
    while ((await entries()).length < at) await new Promise((resolve) => setTimeout(resolve, 100));
    await stack.control("POST", "/faults", {
      vendor: "redtrack",
      kind: "rate_limited",
      retryAfterSeconds: 2,
      times: 1,
    });
  }
  await over;
  const log = (await entries()).sort((one, other) => one.arrivedAtMs - other.arrivedAtMs);
  const gaps = log
    .slice(1)
    .map((entry, index) => entry.arrivedAtMs - (log[index]?.arrivedAtMs ?? 0))
    .sort((one, other) => one - other);
  const early = log.filter((entry) =>
    log.some(
      (hold) =>
        hold.hintEndsAtMs !== null && entry.arrivedAtMs > hold.arrivedAtMs && entry.arrivedAtMs < hold.hintEndsAtMs,
    ),
  );
  const refused = log.filter((entry) => entry.status === 429).length;
  console.log(
    `${workers} workers, ${log.length} calls, ${refused} refused; gaps in ms: least ${gaps[0]?.toFixed(1)}, median ${gaps[gaps.length >> 1]?.toFixed(1)}, most ${gaps.at(-1)?.toFixed(1)}; calls during a hold: ${early.length}`,
  );
  good = (gaps[0] ?? 0) >= intervalMs - 5 && early.length === 0 && refused === 3;
  console.log(good ? "ok" : "FAIL");
} finally {
  await stack.stop();
}
process.exit(good ? 0 : 1);

async function entries(): Promise<LogEntry[]> {
  const { entries } = (await stack.control("GET", "/log?vendor=redtrack")) as { entries: LogEntry[] };
  return entries.filter((entry) => entry.path.endsWith("/report"));
}

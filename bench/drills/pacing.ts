import { addDays } from "../../core/days.ts";
import { mainQueue } from "../../temporal.config.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill } from "./drill.ts";

interface LogEntry {
  arrivedAtMs: number;
  status: number;
  path: string;
  hintEndsAtMs: number | null;
}

const workers = 5;
const intervalMs = 200;
const from = "2025-09-01";
const days = 120;
const refusals = [20, 50, 80];

export const pacing: Drill = {
  rows: [8],
  name: "pacing",
  done: `${workers} workers pull ${days} days of one account; the vendor refuses ${refusals.length} calls with a Retry-After of 2 s`,
  expected: `calls at least ${intervalMs} ms apart over all workers, none during a hold`,
  run: async () => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: String(intervalMs) } });
    try {
      await pull(stack);
      return judge((await entries(stack)).sort((one, other) => one.arrivedAtMs - other.arrivedAtMs));
    } finally {
      await stack.stop();
    }
  },
};

async function pull(stack: BenchStack): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => stack.startWorker()));
  const handle = await stack.temporal.client.workflow.start("backfill", {
    workflowId: "pacing",
    taskQueue: mainQueue,
    args: [{ source: "redtrack.daily_spend", from, to: addDays(from, days - 1), parallel: 20 }],
  });
  const over = handle.result();
  for (const at of refusals) {
    while ((await entries(stack)).length < at) await new Promise((resolve) => setTimeout(resolve, 100));
    await stack.control("POST", "/faults", {
      vendor: "redtrack",
      kind: "rate_limited",
      retryAfterSeconds: 2,
      times: 1,
    });
  }
  await over;
}

function judge(log: LogEntry[]) {
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
  return finding(
    (gaps[0] ?? 0) >= intervalMs - 5 && early.length === 0 && refused === refusals.length,
    `${log.length} calls, ${refused} refused; gaps in ms: least ${gaps[0]?.toFixed(1)}, median ${gaps[gaps.length >> 1]?.toFixed(1)}; calls during a hold: ${early.length}`,
  );
}

async function entries(stack: BenchStack): Promise<LogEntry[]> {
  const { entries } = (await stack.control("GET", "/log?vendor=redtrack")) as { entries: LogEntry[] };
  return entries.filter((entry) => entry.path.endsWith("/report"));
}

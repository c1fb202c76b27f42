import { readdir, readFile } from "node:fs/promises";

/** Seconds of processor that each part of a stack has taken so far, by its name. */
export type ProcessorTime = Record<string, number>;

const ticksPerSecond = 100;

/** What a process started by a bench is part of, by how it was called. */
const parts: readonly [part: string, called: RegExp][] = [
  ["Temporal", /\btemporal\b.*\bstart-dev\b/],
  ["Postgres", /\bpostgres\b/],
  ["floor's worker", /floor-worker/],
  ["plain consumer", /consume-plain/],
  ["consumer", /workers\/consume\/main/],
  ["broker", /brokers\/kept|moto_server/],
  ["worker", /workers\/main/],
  ["API", /api\/main/],
  ["sandbox", /sandbox\/main/],
];

/** Of the stack that this process has started: unlike time by the clock, it hardly depends on what else the machine does. */
export async function readProcessorTime(): Promise<ProcessorTime> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = (await Promise.all(pids.map(readProcess))).filter((each) => each !== null);
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const sum: ProcessorTime = { bench: 0 };
  for (const { pid, called, seconds } of processes) {
    const part = pid === process.pid ? "bench" : isOurs(pid) ? parts.find(([, by]) => by.test(called))?.[0] : undefined;
    if (part !== undefined) sum[part] = (sum[part] ?? 0) + seconds;
  }
  return sum;

  function isOurs(pid: number): boolean {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at))
      if (at === process.pid) return true;
    return false;
  }
}

export function processorTimeBetween(before: ProcessorTime, after: ProcessorTime): ProcessorTime {
  return Object.fromEntries(Object.entries(after).map(([part, seconds]) => [part, seconds - (before[part] ?? 0)]));
}

/** Milliseconds for each of so many, the greatest first. */
export function describeProcessorTime(time: ProcessorTime, count: number): string {
  return Object.entries(time)
    .map(([part, seconds]) => ({ part, ms: (seconds * 1_000) / count }))
    .filter(({ ms }) => ms >= 0.5)
    .toSorted((one, other) => other.ms - one.ms)
    .map(({ part, ms }) => `${part} ${ms.toFixed(0)}`)
    .join(", ");
}

async function readProcess(
  name: string,
): Promise<{ pid: number; parent: number; called: string; seconds: number } | null> {
  try {
    const [stat, called] = await Promise.all([
      readFile(`/proc/${name}/stat`, "utf8"),
      readFile(`/proc/${name}/cmdline`, "utf8"),
    ]);
    // What follows the name in brackets: state, parent, ..., and at 11 and 12 user's and system's ticks.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      pid: Number(name),
      parent: Number(fields[1]),
      called: called.replaceAll("\0", " "),
      seconds: ticks / ticksPerSecond,
    };
  } catch {
    return null; // ended meanwhile
  }
}

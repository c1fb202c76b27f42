import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { memoryMbOf } from "./process-memory.ts";

/** What a program came to that was started as a person would start it. */
export interface Ran {
  /** From its start to its end. */
  seconds: number;
  /** Of processor, of everything that this process has started: the program, the servers, our worker. */
  processorSeconds: number;
  /** Of the largest of its processes, at its largest. */
  peakMb: number;
  stdout: string;
}

const lookEveryMs = 50;

/** Runs a program to its end; one that fails throws what it said. */
export async function runMeasured(command: string, args: readonly string[], env: Record<string, string>): Promise<Ran> {
  const before = await processorSecondsBelow();
  const started = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  let peakMb = 0;
  const watch = setInterval(() => void largestOf(child.pid).then((mb) => (peakMb = Math.max(peakMb, mb))), lookEveryMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => clearInterval(watch));
  const seconds = (performance.now() - started) / 1_000;
  const processorSeconds = (await processorSecondsBelow()) - before;
  if (code !== 0)
    throw new ProgramFailed(
      `${path.basename(command)} ${args.join(" ")} ended with ${code}:\n${stderr.slice(-4_000)}`,
      {
        seconds,
        processorSeconds,
        peakMb,
        stdout,
      },
    );
  return { seconds, processorSeconds, peakMb, stdout };
}

export class ProgramFailed extends Error {
  constructor(
    message: string,
    readonly ran: Ran,
  ) {
    super(message);
    this.name = "ProgramFailed";
  }
}

async function largestOf(pid: number | undefined): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const below = children.split(" ").filter(Boolean).map(Number);
  return Math.max(await memoryMbOf(pid, "VmHWM"), ...(await Promise.all(below.map(largestOf))));
}

const ticksPerSecond = 100;

/**
 * Seconds of processor that all that this process has started have taken so far, with what they started; also what has ended.
 * Unlike time by the clock it hardly depends on what else the machine does.
 */
export async function processorSecondsBelow(): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = (await Promise.all(pids.map(timesOf))).filter((each) => each !== null);
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  let ticks = 0;
  for (const { pid, own, ofEnded } of processes) {
    if (pid === process.pid) ticks += ofEnded;
    else if (isBelow(pid)) ticks += own + ofEnded;
  }
  return ticks / ticksPerSecond;

  function isBelow(pid: number): boolean {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at))
      if (at === process.pid) return true;
    return false;
  }
}

async function timesOf(name: string): Promise<{ pid: number; parent: number; own: number; ofEnded: number } | null> {
  const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
  if (stat === "") return null;
  // What follows the name in brackets: state, parent, ..., and from 11 on ticks of its own, and of children it has waited for.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [own = 0, ownSystem = 0, ended = 0, endedSystem = 0] = fields.slice(11, 15);
  return { pid: Number(name), parent: fields[1] ?? 0, own: own + ownSystem, ofEnded: ended + endedSystem };
}

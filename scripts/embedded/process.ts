import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { open, readFile, rename, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const hasProc = process.platform === "linux";
const maxLogBytes = 10 * 1024 * 1024;

export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Identity {
  uid: number;
  gid: number;
}

/** Fails with a sentence naming the setting to change when another program listens on the port. */
export async function assertPortFree(port: number, setting: string): Promise<void> {
  // A program that was just killed, or whose starter was, may need a moment until it releases the port.
  for (let tries = 1; ; tries += 1) {
    try {
      return await probePort(port, setting);
    } catch (error) {
      if (tries === 30) throw error;
      await sleep(100);
    }
  }
}

async function probePort(port: number, setting: string): Promise<void> {
  const inUse = `Port ${port} is in use by another program. Set ${setting} to a free one.`;
  const server = net.createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new Error(inUse);
    if (code === "EACCES") throw new Error(`Port ${port} is not open to this user. Set ${setting} to one above 1023.`);
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  // macOS lets us bind 127.0.0.1 beside a listener on all addresses: only connecting shows it.
  if (await accepts(port)) throw new Error(inUse);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1", timeout: 500 });
    const answer = (accepted: boolean) => () => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", answer(true)).once("error", answer(false)).once("timeout", answer(false));
  });
}

/** Free ports, all different, from below the range that outgoing connections use. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt += 1) {
    if (attempt > 100 + count) throw new Error("no free port between 20000 and 32000");
    const port = randomInt(20_000, 32_000);
    if (await canListen(port)) ports.add(port);
  }
  return [...ports];
}

async function canListen(port: number): Promise<boolean> {
  try {
    await probePort(port, "");
    return true;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error("no free port");
  return port;
}

/** A zombie counts as ended: in a container there may be no process that reaps an orphan. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const state = procStat(pid)?.[0];
  return state !== "Z" && state !== "X";
}

/** The fields of /proc/<pid>/stat from the state on: the name before it may itself hold spaces and brackets. */
function procStat(pid: number): string[] | undefined {
  if (!hasProc) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function ps(pid: number, field: string): string {
  try {
    return execFileSync("ps", ["-ww", "-o", `${field}=`, "-p", String(pid)], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "";
  }
}

/** When a process started, in the system's own format: together with the pid it identifies the process. */
export function startOf(pid: number): string {
  return hasProc ? (procStat(pid)?.[19] ?? "") : ps(pid, "lstart");
}

export function parentOf(pid: number): number {
  return Number(hasProc ? procStat(pid)?.[1] : ps(pid, "ppid")) || 0;
}

export function commandLine(pid: number): string {
  if (!hasProc) return ps(pid, "command");
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() >= deadline) return false;
    await sleep(20);
  }
  return true;
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** As a crash would end it: nothing is written first. */
export async function killNow(pid: number): Promise<void> {
  sendSignal(pid, "SIGKILL");
  await waitForExit(pid, 2_000);
}

export interface StopStep {
  signal: NodeJS.Signals;
  waitMs: number;
}

/** Sends one signal after the other until the process is gone. */
export async function stopProcess(pid: number, steps: readonly StopStep[]): Promise<void> {
  for (const { signal, waitMs } of steps) {
    if (!isAlive(pid)) return;
    sendSignal(pid, signal);
    if (await waitForExit(pid, waitMs)) return;
  }
  throw new Error(`process ${pid} does not end: ${commandLine(pid)}`);
}

export interface SpawnOptions {
  command: string;
  args: readonly string[];
  logFile: string;
  runAs?: Identity | undefined;
}

export interface Spawned {
  pid: number;
  exited: Promise<ServerExit>;
}

/**
 * Starts a server in a process group of its own, so that the terminal's Ctrl-C reaches only us and we can stop it in order.
 * It gets none of our environment: there are keys in it, and variables (PG*, TEMPORAL_*) that would change what it does.
 */
export async function spawnServer({ command, args, logFile, runAs }: SpawnOptions): Promise<Spawned> {
  const log = openLog(logFile);
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: path.parse(process.cwd()).root,
      env: bareEnvironment(),
      ...runAs,
    });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  } finally {
    closeSync(log);
  }
  const exited = new Promise<ServerExit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  return { pid: child.pid, exited };
}

export function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SystemRoot", "LOCALAPPDATA"];
  const entries = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...(Object.fromEntries(entries) as NodeJS.ProcessEnv), LC_ALL: "C" };
}

function openLog(file: string): number {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > maxLogBytes) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o600);
}

/** The last lines of a log, for the error that says why a server did not start. */
export async function logTail(file: string, lines = 15): Promise<string> {
  const tailBytes = 16 * 1024;
  try {
    await using log = await open(file);
    const { size } = await log.stat();
    const { buffer, bytesRead } = await log.read({
      buffer: Buffer.alloc(Math.min(size, tailBytes)),
      position: Math.max(0, size - tailBytes),
    });
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}

interface ProcessMark {
  pid: number;
  start: string;
}

/** What a started server leaves beside its data: which process it is, and which process started it. */
export interface RunRecord extends ProcessMark {
  owner: ProcessMark;
}

export async function writeRunRecord(file: string, pid: number): Promise<void> {
  const record: RunRecord = { pid, start: startOf(pid), owner: { pid: process.pid, start: startOf(process.pid) } };
  const next = `${file}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(record)}\n`);
  await rename(next, file);
}

export async function readRunRecord(file: string): Promise<RunRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as RunRecord;
  } catch {
    return undefined;
  }
}

export function isSameProcess({ pid, start }: ProcessMark): boolean {
  return isAlive(pid) && startOf(pid) === start;
}

/** A server whose starter is alive is no orphan: stopping it would break a running stack. */
export function assertNotRunning(record: RunRecord | undefined, dataDir: string): void {
  if (record && isSameProcess(record) && isSameProcess(record.owner)) {
    throw new Error(
      `Signal Room is already running on ${dataDir} (process ${record.owner.pid}). Stop it first, or set DATA_DIR to another folder.`,
    );
  }
}

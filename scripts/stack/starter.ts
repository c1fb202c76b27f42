import { readFileSync } from "node:fs";
import { commandLine, isSameProcess, parentOf, startOf } from "../embedded/process.ts";

const lookEveryMs = 1_000;

/**
 * Calls back once when the process that started this one has ended, perhaps killed: nothing else would stop what runs here.
 * A process that was told to stay (nohup), or detached before (setsid, a service), keeps running.
 */
export function onStarterExit(gone: () => void): void {
  if (process.ppid <= 1 || ignoresHangup()) return;
  const starters = [process.ppid];
  // npm runs a script in a shell of its own, which would outlive npm and wait for us.
  const isNpms = process.env["npm_command"] !== undefined;
  if (isNpms && /^\S*sh -c /.test(commandLine(process.ppid))) starters.push(parentOf(process.ppid));
  const marks = starters.filter((pid) => pid > 1).map((pid) => ({ pid, start: startOf(pid) }));
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent && marks.every(isSameProcess)) return;
    clearInterval(timer);
    gone();
  }, lookEveryMs);
  timer.unref();
}

export function ignoresHangup(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    return (BigInt(`0x${ignored}`) & 1n) === 1n;
  } catch {
    return false;
  }
}

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { projectRoot } from "../../settings/environment.ts";

/**
 * Removes a folder for tests or drills, and the servers in it, when we end without doing so, however we end: its standard
 * input is a pipe from us. Ending that pipe ends it.
 */
export function startWatchdog(folder: string): ChildProcess {
  const script = path.join(projectRoot(), "scripts/embedded/watchdog.mjs");
  const watchdog = spawn(process.execPath, [script, folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return watchdog;
}

/** Ends it, and waits until it has: it removes what is left in the folder. */
export async function endWatchdog(watchdog: ChildProcess): Promise<void> {
  if (watchdog.exitCode !== null) return;
  watchdog.ref();
  const ended = once(watchdog, "exit");
  watchdog.stdin?.end();
  await ended;
}

/** Notes a process other than a server, and a part of its command line by which it is known again. */
export async function noteProcess(folder: string, child: ChildProcess, command: string): Promise<void> {
  if (child.pid === undefined) return;
  await writeFile(path.join(folder, `${child.pid}.pid`), JSON.stringify({ pid: child.pid, command }));
}

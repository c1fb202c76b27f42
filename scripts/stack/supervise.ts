import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { orNullAfter, unlessGivenUp } from "../../core/deadline.ts";
import { projectRoot } from "../../settings/environment.ts";
import { logTail, type ServerExit } from "../embedded/process.ts";
import type { Running } from "./keep-running.ts";

export interface ChildOptions {
  name: string;
  /** Below dist/. */
  script: string;
  env: Record<string, string>;
  logDir: string;
  /** Answers when the child is up; without it, the child says so itself. */
  readyUrl?: string;
}

/** Those that are still starting: nobody else knows of them yet, and a stop may come meanwhile. */
const starting = new Set<ChildProcess>();
process.on("exit", endStarting);

/** Ends what is not ready yet; it has nothing to end in order. */
export function endStarting(): void {
  for (const child of starting) child.kill("SIGKILL");
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 6_000;

/** Starts one of our processes and waits until it is ready. */
export async function startChild(options: ChildOptions): Promise<Running> {
  const logFile = path.join(options.logDir, `${options.name}.log`);
  const child = launch(options, logFile);
  starting.add(child);
  const exited = new Promise<ServerExit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const stop = async (graceMs = stopTimeoutMs) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const over = await orNullAfter(graceMs, exited);
    if (over === null) child.kill("SIGKILL");
    await exited;
  };
  try {
    await ready({ child, exited, options, logFile });
  } catch (error) {
    await stop(0);
    throw error;
  } finally {
    starting.delete(child);
  }
  return { exited, logFile, stop };
}

function launch({ script, env }: ChildOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, "a", 0o600);
  try {
    return spawn(process.execPath, ["--enable-source-maps", path.join(projectRoot(), "dist", script)], {
      env: { ...process.env, ...env },
      stdio: ["ignore", log, log, "ipc"],
      // In a session of its own, so that Ctrl-C reaches us alone and we stop it in order.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

interface Starting {
  child: ChildProcess;
  exited: Promise<ServerExit>;
  options: ChildOptions;
  logFile: string;
}

async function ready({ child, exited, options, logFile }: Starting): Promise<void> {
  const { name, readyUrl } = options;
  const over = new AbortController();
  const said = new Promise<void>((resolve) => child.once("message", () => resolve()));
  const died = exited.then(async ({ code, signal }) => {
    throw new Error(`${name} did not start (${signal ?? code}):\n${await logTail(logFile)}`);
  });
  const started = Promise.race([readyUrl === undefined ? said : answers(readyUrl, over.signal), died]);
  try {
    await unlessGivenUp(started, readyTimeoutMs, () =>
      Promise.reject(new Error(`${name} was not ready within ${readyTimeoutMs / 1_000} s; its log is ${logFile}`)),
    );
  } finally {
    // It may die later, too.
    died.catch(() => undefined);
    over.abort();
  }
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const up = await fetch(url, { signal }).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
    await wait(50);
  }
}

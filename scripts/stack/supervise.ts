import { spawn, type ChildProcess } from "node:child_process";
import { openSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { projectRoot } from "../../settings/environment.ts";
import { logTail } from "../embedded/process.ts";

export interface ChildOptions {
  name: string;
  /** Below dist/. */
  script: string;
  env: Record<string, string>;
  logDir: string;
  onProblem: (message: string) => void;
  /** Answers when the child is up; without it, the child says so itself. */
  readyUrl?: string;
}

export interface Child {
  name: string;
  stop: () => Promise<void>;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 6_000;
const restartDelayMs = 1_000;

/** Starts one of our processes, waits until it is ready, and starts it again when it dies. */
export async function superviseChild(options: ChildOptions): Promise<Child> {
  const logFile = path.join(options.logDir, `${options.name}.log`);
  let stopping = false;
  let child = launch(options, logFile);
  const watch = (current: ChildProcess) => {
    current.once("exit", (code, signal) => {
      if (stopping) return;
      options.onProblem(`${options.name} ended (${signal ?? code}) and is started again; its log is ${logFile}`);
      setTimeout(() => {
        if (stopping) return;
        child = launch(options, logFile);
        watch(child);
      }, restartDelayMs);
    });
  };
  await ready(child, options, logFile);
  watch(child);
  return {
    name: options.name,
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      await Promise.race([gone, wait(stopTimeoutMs, undefined, { ref: false })]);
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    },
  };
}

function launch({ script, env }: ChildOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, "a", 0o600);
  return spawn(process.execPath, ["--enable-source-maps", path.join(projectRoot(), "dist", script)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log, "ipc"],
    // In a session of its own, so that Ctrl-C reaches us alone and we stop it in order.
    detached: true,
  });
}

async function ready(child: ChildProcess, { name, readyUrl }: ChildOptions, logFile: string): Promise<void> {
  const said = new Promise<void>((resolve) => child.once("message", () => resolve()));
  const died = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) =>
      reject(new Error(`${name} did not start (${signal ?? code}):\n${logTail(logFile)}`)),
    );
  });
  const timeout = wait(readyTimeoutMs, undefined, { ref: false }).then(() =>
    Promise.reject(new Error(`${name} was not ready within ${readyTimeoutMs / 1_000} s; its log is ${logFile}`)),
  );
  await Promise.race([readyUrl === undefined ? said : answers(readyUrl), died, timeout]);
}

async function answers(url: string): Promise<void> {
  for (;;) {
    const up = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
    await wait(50);
  }
}

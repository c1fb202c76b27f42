import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { noteProcess } from "../scripts/embedded/watchdog.ts";
import { projectRoot } from "../settings/environment.ts";

export interface ChildOptions {
  /** On top of the stack's own settings. */
  env?: Record<string, string>;
  /** Options of Node itself, such as a module to load first. */
  nodeOptions?: string[];
  /** What the script is given. */
  given?: readonly string[];
  /** A build other than dist/. */
  dist?: string;
}

/** Processes of ours, from a build, each with a log in the folder. */
export class Children {
  private readonly running = new Set<ChildProcess>();

  constructor(
    private readonly folder: string,
    private readonly env: Record<string, string>,
  ) {}

  /** The API or the worker: both say when they are ready. */
  start(name: string, script: string, options: ChildOptions = {}): Promise<ChildProcess> {
    return this.launch(name, script, options, (child) => once(child, "message"));
  }

  /** The sandbox is ready when it answers. */
  startSandbox(url: string): Promise<ChildProcess> {
    const answers = () =>
      fetch(`${url}/_control`).then(
        (response) => response.ok,
        () => false,
      );
    return this.launch("sandbox", "sandbox/main.js", {}, async (child) => {
      while (child.exitCode === null && child.signalCode === null && !(await answers())) await wait(50);
    });
  }

  killAll(): void {
    for (const child of this.running) child.kill("SIGKILL");
  }

  private async launch(
    name: string,
    script: string,
    { env, nodeOptions = [], given = [], dist = path.join(projectRoot(), "dist") }: ChildOptions,
    ready: (child: ChildProcess) => Promise<unknown>,
  ): Promise<ChildProcess> {
    const logFile = path.join(this.folder, `${name}.log`);
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, ["--enable-source-maps", ...nodeOptions, path.join(dist, script), ...given], {
      env: { ...process.env, ...this.env, ...env },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.running.add(child);
    const noted = noteProcess(this.folder, child, script);
    const ended = once(child, "exit").then(async () => {
      this.running.delete(child);
      throw new Error(`${name} ended:\n${(await readFile(logFile, "utf8").catch(() => "")).slice(-2_000)}`);
    });
    await Promise.race([ready(child), ended]);
    await noted;
    ended.catch(() => undefined);
    return child;
  }
}

export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** A process that is started again when it ends, as a supervisor would. */
export function keepRunning(start: () => Promise<ChildProcess>) {
  let ended = false;
  let current: Promise<ChildProcess>;
  const begin = (): Promise<ChildProcess> =>
    start().then(
      (child) => {
        child.once("exit", () => {
          if (!ended) current = begin();
        });
        return child;
      },
      async (error: unknown) => {
        if (ended) throw error;
        await wait(200);
        return begin();
      },
    );
  current = begin();
  return {
    isUp: async () => void (await current),
    kill: async () => killChild(await current),
    end: () => {
      ended = true;
    },
  };
}

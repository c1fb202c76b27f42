import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, realpath } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../scripts/embedded/process.ts";
import { projectRoot } from "../settings/environment.ts";

export interface RunningStack {
  home: string;
  child: ChildProcess;
}

export const shared = globalThis as { signalRoomStack?: RunningStack };

/** Everything as `npm start` runs it, filled by `npm run demo`, for all page tests together. */
export default async function startStack(): Promise<void> {
  const home = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room-pages-")));
  await chmod(home, 0o711);
  const [api, postgres, temporal, ui, sandbox] = (await freePorts(5)).map(String);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_OPTIONS: "",
    SIGNAL_ROOM_HOME: home,
    DATA_DIR: path.join(home, "data"),
    API_PORT: api,
    POSTGRES_PORT: postgres,
    TEMPORAL_PORT: temporal,
    TEMPORAL_UI_PORT: ui,
    SANDBOX_PORT: sandbox,
    API_RATE_LIMIT_PER_MINUTE: "100000",
    // A channel whose page can be opened; nobody answers there.
    ALERT_WEBHOOK_URL: "http://127.0.0.1:9/alerts",
  };
  const child = spawn("node", ["scripts/run.mjs", "start"], {
    cwd: projectRoot(),
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  shared.signalRoomStack = { home, child };
  await isRunning(child);
  const run = (...args: string[]) =>
    promisify(execFile)("node", ["scripts/run.mjs", ...args], { cwd: projectRoot(), env, timeout: 600_000 });
  await run("demo");
  const stack = JSON.parse(await readFile(path.join(home, ".signal-room/stack.json"), "utf8")) as Record<
    string,
    string
  >;
  const { stdout: token } = await run("token", "--role", "admin");
  Object.assign(process.env, {
    TEST_PAGES_URL: `http://127.0.0.1:${api}`,
    TEST_PAGES_DATABASE_URL: stack["DATABASE_URL"],
    TEST_PAGES_TOKEN: token.trim(),
    TEST_PAGES_SANDBOX: `http://127.0.0.1:${sandbox}`,
  });
}

function isRunning(child: ChildProcess): Promise<void> {
  let printed = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data: Buffer) => {
        printed += data.toString();
        if (printed.includes("Running. Ctrl-C")) resolve();
      });
    child.once("exit", () => reject(new Error(`the stack did not start:\n${printed}`)));
  });
}

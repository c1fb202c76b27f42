import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, realpath, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { freePorts, isAlive, readRunRecord } from "../embedded/process.ts";

jest.setTimeout(120_000);

// The real thing: npm, its shell, the starter, two servers, the worker and the HTTP API, each a process.
let home: string;
let npm: ChildProcess;
let printed = "";
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room-home-")));
  await chmod(home, 0o711);
  const [api, postgres, temporal, ui] = (await freePorts(4)).map(String);
  env = {
    ...process.env,
    NODE_OPTIONS: "",
    SIGNAL_ROOM_HOME: home,
    DATA_DIR: path.join(home, "data"),
    SANDBOX: "off",
    API_PORT: api,
    POSTGRES_PORT: postgres,
    TEMPORAL_PORT: temporal,
    TEMPORAL_UI_PORT: ui,
  };
  npm = start((text) => (printed += text));
  await until("the stack is up", () => printed.includes("Running. Ctrl-C"));
});

afterAll(async () => {
  npm.kill("SIGKILL");
  for (const pid of await everyPid()) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

function start(hear: (text: string) => void): ChildProcess {
  const child = spawn("npm", ["start"], { cwd: projectRoot(), env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => hear(data.toString()));
  return child;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 90_000; !(await holds()); await wait(50))
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}\n${printed}`);
}

async function serverPid(name: "postgres" | "temporal"): Promise<number> {
  return (await readRunRecord(path.join(home, "data", name, "run.json")))?.pid ?? 0;
}

async function everyPid(): Promise<number[]> {
  const logs = await Promise.all(
    ["worker", "api"].map((name) =>
      readFile(path.join(home, ".signal-room/logs", `${name}.log`), "utf8").catch(() => ""),
    ),
  );
  const parts = logs.map((log) => Number(/"pid":(\d+)/.exec(log.trimEnd().split("\n").at(-1) ?? "")?.[1] ?? 0));
  return [...parts, await serverPid("postgres"), await serverPid("temporal")].filter((pid) => pid > 0);
}

const ready = async () =>
  fetch(`http://127.0.0.1:${env["API_PORT"]}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

test("what it keeps on this machine is closed to others", async () => {
  const isClosed = async (name: string) => ((await stat(path.join(home, name))).mode & 0o077 & ~0o011) === 0;
  for (const name of [
    ".signal-room",
    ".signal-room/stack.json",
    ".signal-room/logs/api.log",
    "data/temporal/temporal.db",
  ])
    expect([name, await isClosed(name)]).toEqual([name, true]);
});

test("a sync and a backfill are started over HTTP, by a server that has no vendor's key in its settings", async () => {
  const options = { cwd: projectRoot(), env };
  const printedToken = await promisify(execFile)("node", ["scripts/run.mjs", "token", "--role", "operator"], options);
  const [token = ""] = /eyJ\S+/.exec(printedToken.stdout) ?? [];
  const post = async (url: string, body: object) =>
    fetch(`http://127.0.0.1:${env["API_PORT"]}/api/v1/ops/${url}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }).then(async (answer) => [answer.status, await answer.json()]);
  const source = "redtrack.daily_spend";
  for (const started of [
    await post("syncs", { source }),
    await post("backfills", { source, from: "2025-10-01", to: "2025-10-02", dryRun: true }),
  ])
    expect(started).toEqual([202, expect.objectContaining({ runId: expect.any(String) })]);
});

test("a second start says that the first is running and leaves it findable", async () => {
  const before = await readFile(path.join(home, ".signal-room/stack.json"), "utf8");
  let said = "";
  const second = start((text) => (said += text));
  const code = await new Promise((resolve) => second.once("close", resolve));
  expect(said).toMatch(/Signal Room is already running on .*postgres/);
  expect(code).toBe(1);
  expect(await readFile(path.join(home, ".signal-room/stack.json"), "utf8")).toBe(before);
});

test("the panel offers a login that reads and cannot change", () => {
  expect(printed).toMatch(/psql "postgres:\/\/signal_room_local_reader:/);
  expect(printed).not.toMatch(/postgres:\/\/signal_room:/);
});

test.each(["postgres", "temporal"] as const)(
  "%s that was killed is started again, and the stack goes on",
  async (name) => {
    const killed = await serverPid(name);
    process.kill(killed, "SIGKILL");
    await until("another process serves", async () => ![0, killed].includes(await serverPid(name)) && (await ready()));
    expect(printed).toMatch(new RegExp(`${name}: killed by SIGKILL. Starting it again in \\d+ s`, "i"));
    expect(npm.exitCode).toBeNull();
  },
);

test("when npm is killed, everything it started ends", async () => {
  const pids = await everyPid();
  expect(pids).toHaveLength(4);
  npm.kill("SIGKILL");
  await until("all processes are gone", () => !pids.some(isAlive));
  expect(existsSync(path.join(home, ".signal-room/stack.json"))).toBe(false);
});

/** All that a process has started, and what that has started, as `pid command`. */
async function descendantsOf(pid: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axo", "pid=,ppid=,command="]);
  const all = [...stdout.matchAll(/^ *(\d+) +(\d+) (.*)$/gm)];
  const below = (parent: string): string[] =>
    all.filter(([, , of]) => of === parent).flatMap(([, own = "", , command]) => [`${own} ${command}`, ...below(own)]);
  return below(String(pid));
}

test("a stack that is stopped while it starts leaves nothing running", async () => {
  let said = "";
  const again = start((text) => (said += text));
  let started: string[] = [];
  await until("the worker is starting", async () => {
    started = await descendantsOf(again.pid ?? 0);
    return started.some((line) => line.includes("dist/workers/main.js"));
  });
  const ended = new Promise((resolve) => again.once("close", resolve));
  again.kill("SIGTERM");
  await until("it says so", () => said.includes("stopped"));
  await ended;
  await until("all processes are gone", () => !started.map((line) => parseInt(line, 10)).some(isAlive));
});

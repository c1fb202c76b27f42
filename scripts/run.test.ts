import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { freePort } from "./embedded/process.ts";
import { projectRoot } from "../settings/environment.ts";

jest.setTimeout(120_000);

// What people run is dist/: it is built first, as every command does.
const launcher = path.join(projectRoot(), "scripts/run.mjs");
let home: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  home = mkdtempSync(path.join(os.tmpdir(), "signal-room-run-"));
  env = { PATH: process.env["PATH"], HOME: process.env["HOME"], SIGNAL_ROOM_HOME: home };
  expect(run("--version").status).toBe(0);
  expect(run("status", "--help").stderr).toBe("");
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(...given: string[]) {
  return spawnSync(process.execPath, [launcher, ...given], { env, encoding: "utf8" });
}

test.each([["status"], ["backfill"], ["doctor"], ["start"]])(
  "%s --help into a reader that has seen enough ends in silence",
  async (command) => {
    const child = spawn(process.execPath, [launcher, command, "--help"], { env, stdio: ["ignore", "pipe", "pipe"] });
    // The reader is gone before the first line is written.
    child.stdout.destroy();
    let complaints = "";
    child.stderr.on("data", (data: Buffer) => (complaints += data.toString()));
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect({ code, complaints }).toEqual({ code: 0, complaints: "" });
  },
);

// Most of what a short command takes goes with finding and reading files: it was four hundred of them.
test.each([["status"], ["quarantine"], ["mapping"]])("%s --help loads few files", (command) => {
  const count = `export async function load(url, context, next) {
    if (url.startsWith("file:")) process._rawDebug("loads " + url);
    return next(url, context);
  }`;
  const hook = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(count)}");`;
  const given = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, launcher, command, "--help"];
  const { status, stderr } = spawnSync(process.execPath, given, { env, encoding: "utf8" });
  const loaded = stderr.split("\n").filter((line) => line.startsWith("loads "));
  expect(status).toBe(0);
  expect(loaded.length).toBeGreaterThan(1);
  expect(loaded.length).toBeLessThan(60);
});

test.each([["start"], ["worker"], ["api"], ["sandbox"]])("%s --help says what it is and starts nothing", (part) => {
  const { status, stdout } = run(part, "--help");
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: signal-room ${part}`);
});

test("a part takes no arguments, and a command that does not exist is named beside those that do", () => {
  expect(run("api", "--port", "1")).toMatchObject({ status: 2, stderr: expect.stringContaining("takes no arguments") });
  const { status, stderr } = run("statsu");
  expect(status).toBe(2);
  expect(stderr).toMatch(/there is no command "statsu"[^]*status/);
});

test("each command that README lists under npm has the same name without npm", () => {
  const readme = readFileSync(path.join(projectRoot(), "README.md"), "utf8");
  const own = JSON.parse(readFileSync(path.join(projectRoot(), "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const listed = [...readme.matchAll(/^\| .*?`npm (?:run )?([\w:-]+)/gm)].map(([, name = ""]) => name);
  const started = listed.filter((name) => own.scripts[name]?.startsWith("node scripts/run.mjs"));
  expect(started).toContain("demo:recon");
  const known = run("help").stdout;
  expect(started.filter((name) => !known.includes(` ${name.replaceAll(":", "-")}`))).toEqual([]);
  expect(run("demo:recon", "--help")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("Usage: demo-recon"),
  });
});

test("a command asks no stranger's Temporal: without a stack it says how to start one", () => {
  expect(run("schedules", "--list")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("no Temporal server is known: start a local stack"),
  });
});

test("the sandbox reads .env", async () => {
  const port = await freePort();
  writeFileSync(path.join(home, ".env"), `SANDBOX_PORT=${port}\n`);
  const sandbox = spawn(process.execPath, [launcher, "sandbox"], { env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(sandbox.stdout, "data")) as [Buffer];
    expect(line.toString()).toContain(`listening on http://127.0.0.1:${port}`);
  } finally {
    sandbox.kill("SIGKILL");
  }
});

test.each([["backfill"], ["verify"]])("%s of days that have not begun is refused before anything starts", (command) => {
  const given = [command, "--source", "redtrack.daily_spend", "--from", "2025-12-01", "--to", "2999-01-01"];
  expect(run(...given)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/--to 2999-01-01 has not begun: today is \d{4}-\d\d-\d\d in America\/New_York/),
  });
});

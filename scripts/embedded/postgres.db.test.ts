import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import pg from "pg";
import { projectRoot } from "../../settings/environment.ts";
import { type RunningPostgres, startPostgres } from "./postgres.ts";
import { freePort, isAlive, waitForExit } from "./process.ts";

jest.setTimeout(60_000);

let dataDir: string;
let port: number;
let cleanUps: (() => Promise<unknown>)[];

beforeEach(async () => {
  dataDir = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room-postgres-")));
  await chmod(dataDir, 0o755);
  port = await freePort();
  cleanUps = [];
});

afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

async function start(
  options: { onProgress?: (message: string) => void; port?: number } = {},
): Promise<RunningPostgres> {
  const server = await startPostgres({ dataDir, port, database: "signal_room", fast: true, ...options });
  cleanUps.push(() => server.stop());
  return server;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, ssl: false });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end().catch(() => {});
  }
}

/** A process that starts the server on our folder and then waits to be killed. */
async function startElsewhere(): Promise<{ parent: ChildProcess; serverPid: number; url: string }> {
  const root = projectRoot();
  const code = `
    const { startPostgres } = await import(${JSON.stringify(path.join(root, "scripts/embedded/postgres.ts"))});
    const { pid, url } = await startPostgres(${JSON.stringify({ dataDir, port, database: "signal_room", fast: true })});
    console.log(JSON.stringify({ serverPid: pid, url }));
    setInterval(() => {}, 1000);`;
  const args = ["--import", path.join(root, "test/register-typescript.js"), "--input-type=module", "-e", code];
  const parent = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  cleanUps.push(async () => parent.kill("SIGKILL"));
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  return { parent, ...(JSON.parse(line.toString()) as { serverPid: number; url: string }) };
}

test("a second start has the data of the first, under the same password", async () => {
  const messages: string[] = [];
  const onProgress = (message: string) => messages.push(message);
  const first = await start({ onProgress });
  await query(first.url, "create table kept as select 26269.20::numeric(18,6) as cost");
  await first.stop();
  await expect(first.exited).resolves.toEqual({ code: 0, signal: null });

  const second = await start({ onProgress });
  expect(second.url).toBe(first.url);
  expect(await query(second.url, "select cost from kept")).toEqual([{ cost: "26269.200000" }]);
  expect(messages).toEqual(["creating the PostgreSQL data folder"]);
  expect((await stat(path.join(dataDir, "password"))).mode & 0o777).toBe(0o600);
  expect(await query(second.superuserUrl, "show data_checksums")).toEqual([{ data_checksums: "on" }]);
  await expect(query(second.url.replace(/:[^:@]*@/, ":wrong@"), "select")).rejects.toMatchObject({ code: "28P01" });
});

test("the server that a killed stack left behind is stopped, and nothing committed is lost", async () => {
  const { parent, serverPid, url } = await startElsewhere();
  await query(url, "create table kept as select 1 as id");
  parent.kill("SIGKILL");
  await once(parent, "exit");
  expect(isAlive(serverPid)).toBe(true);

  const messages: string[] = [];
  const server = await start({ onProgress: (message) => messages.push(message) });
  expect(messages).toEqual(["stopping the PostgreSQL that an earlier run left behind"]);
  expect(isAlive(serverPid)).toBe(false);
  expect(await query(server.url, "select id from kept")).toEqual([{ id: 1 }]);
});

test("the server of a stack that still runs is left alone", async () => {
  const { parent, serverPid } = await startElsewhere();
  await expect(start()).rejects.toThrow(`already running on ${dataDir} (process ${parent.pid})`);
  expect(isAlive(serverPid)).toBe(true);
  process.kill(serverPid, "SIGKILL");
  await waitForExit(serverPid, 5_000);
});

test("a killed server starts again while a backend of it is still busy", async () => {
  const first = await start();
  await query(first.url, "create table kept as select 1 as id");
  const busy = query(first.url, "select count(*) from generate_series(1, 2000000000)").catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  await first.kill();
  const second = await start();
  expect(await query(second.url, "select id from kept")).toEqual([{ id: 1 }]);
  await busy;
});

test("a pid file that names a process of somebody else's is no obstacle, nor a reason to kill it", async () => {
  const first = await start();
  const pidFile = path.join(dataDir, "cluster/postmaster.pid");
  const content = await readFile(pidFile, "utf8");
  const owner = await stat(pidFile);
  await first.stop();
  const bystander = spawn("sleep", ["60"], process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {});
  cleanUps.push(async () => bystander.kill("SIGKILL"));
  await writeFile(pidFile, content.replace(/^\d+/, String(bystander.pid)));

  const second = await start();
  expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
  expect(bystander.exitCode).toBeNull();
});

test("a port in use is said with the setting that changes it", async () => {
  const other = net.createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  cleanUps.push(() => new Promise((resolve) => other.close(resolve)));
  await expect(start()).rejects.toThrow(`Port ${port} is in use by another program. Set POSTGRES_PORT to a free one.`);
});

test("when the server does not start, the error holds the end of its log", async () => {
  await (await start()).stop();
  await appendFile(path.join(dataDir, "cluster/postgresql.conf"), "\nno_such_setting = 1\n");
  await expect(start()).rejects.toThrow(/ended while starting[^]*no_such_setting/);
});

import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import pg from "pg";
import { createIngestActivities } from "../activities/files/ingest.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import { createSyncActivities } from "../activities/sync/sync.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { createRedactor } from "../core/redact.ts";
import { issueReader, readerOf, removeReader } from "../queries/ops/readers.ts";
import { recordSources } from "../queries/sync/sources.ts";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";
import { startPostgres, type RunningPostgres } from "../scripts/embedded/postgres.ts";
import { freePort } from "../scripts/embedded/process.ts";
import { loadConfig } from "../settings/config.ts";
import { projectRoot } from "../settings/environment.ts";
import { bearer, testServer } from "../test/api-server.ts";
import { prepareFolder } from "../test/servers.ts";
import { openDatabase, sqlState, type Database } from "./database.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(120_000);

/** A server of its own: roles are the server's, and these have the names that they have under Compose. */
let servers: Awaited<ReturnType<typeof prepareFolder>>;
let postgres: RunningPostgres;
let sandbox: Sandbox;
let importDir: string;
const pools: Database[] = [];
const secrets = { owner: "o".repeat(24), writer: "w".repeat(24), temporal: "t".repeat(24) };

function connect(user: string, password: string): Database {
  const pool = openDatabase({ url: urlOf(user, password), poolSize: 4, name: `as ${user}` });
  pools.push(pool);
  return pool;
}
const urlOf = (username: string, password: string, database = "compose") =>
  Object.assign(new URL(postgres.superuserUrl), { username, password, pathname: `/${database}` }).href;

/** As the image does it: in psql as the administrator, with the passwords as settings of the session. */
async function runRoles(passwords: Record<string, string>): Promise<string | null> {
  const options = Object.entries(passwords).map(([name, value]) => `-c signal_room.${name}_password=${value}`);
  const client = new pg.Client({
    connectionString: Object.assign(new URL(postgres.superuserUrl), { pathname: "/compose" }).href,
    options: options.join(" "),
  });
  await client.connect();
  try {
    await client.query(await readFile(path.join(projectRoot(), "docker/roles.sql"), "utf8"));
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end();
  }
}

async function refusal(pool: Database, statement: string): Promise<string> {
  return pool.query(statement).then(
    () => "allowed",
    (error: unknown) => sqlState(error) ?? String(error),
  );
}

beforeAll(async () => {
  servers = await prepareFolder();
  postgres = await startPostgres({
    dataDir: path.join(servers.folder, "postgres"),
    port: await freePort(),
    database: "other",
    fast: true,
  });
  const client = new pg.Client({ connectionString: postgres.superuserUrl });
  await client.connect();
  await client.query("create database compose");
  await client.end();
  const unlimited = { perMinute: null, perSecond: null, countTwice: false };
  sandbox = await startSandbox({ limits: { redtrack: unlimited } });
  importDir = await mkdtemp(path.join(os.tmpdir(), "compose-import-"));
  expect(await runRoles(secrets)).toBeNull();
  await migrateDatabase(urlOf("signal_room", secrets.owner));
});
afterAll(async () => {
  for (const pool of pools) await pool.end();
  await sandbox.close();
  await postgres.kill();
  await rm(importDir, { recursive: true, force: true });
  await rm(servers.folder, { recursive: true, force: true, maxRetries: 5 });
  servers.watchdog.stdin?.end();
});

test("a password that an address cannot hold, or none, is refused with whose it is", async () => {
  expect(await runRoles({ ...secrets, writer: "short" })).toMatch(/signal_room_app must be at least 16 letters/);
  expect(await runRoles({ owner: secrets.owner })).toMatch(/password of signal_room_app/);
});

test("run again it changes a password, and the earlier one opens nothing", async () => {
  const writer = "n".repeat(24);
  expect(await runRoles({ ...secrets, writer })).toBeNull();
  expect(await refusal(connect("signal_room_app", secrets.writer), "select 1")).toMatch(/^28/);
  expect(await refusal(connect("signal_room_app", writer), "select 1")).toBe("allowed");
  expect(await runRoles(secrets)).toBeNull();
});

test("no login of ours is an administrator, and none reaches what is another's", async () => {
  const owner = connect("signal_room", secrets.owner);
  const { rows } = await owner.query(
    "select rolname as name, rolsuper or rolbypassrls or rolreplication as above, rolcreaterole as roles, rolcreatedb as databases from pg_roles where rolname in ('signal_room', 'signal_room_app', 'temporal') order by 1",
  );
  expect(rows).toEqual([
    { name: "signal_room", above: false, roles: true, databases: false },
    { name: "signal_room_app", above: false, roles: false, databases: false },
    { name: "temporal", above: false, roles: false, databases: true },
  ]);
  expect(await refusal(connect("temporal", secrets.temporal), "select 1")).toBe("42501");
  const writer = connect("signal_room_app", secrets.writer);
  for (const statement of [
    "create table public.mine (id int)",
    "drop table ops.alerts",
    "alter table ops.alerts add column mine int",
    "create role mine",
    "grant signal_room_writer to temporal",
    "set role signal_room",
    "copy (select 1) to program 'true'",
  ])
    expect([statement, await refusal(writer, statement)]).toEqual([statement, expect.stringMatching(/^42501$/)]);
});

describe("with the writer's login", () => {
  const config = () =>
    loadConfig(
      {
        DATABASE_URL: urlOf("signal_room_app", secrets.writer),
        REDTRACK_API_KEY: "sandbox-713",
        REDTRACK_BASE_URL: `${sandbox.url}/redtrack`,
        REDTRACK_INTERVAL_MS: "0",
        IMPORT_DIR: importDir,
      },
      vendors,
      sources,
    );
  const environment = () =>
    new MockActivityEnvironment(
      { workflowExecution: { workflowId: "compose", runId: randomUUID() } },
      { logger: new DefaultLogger("ERROR") },
    );

  test("a worker registers its sources and stores a day", async () => {
    const database = connect("signal_room_app", secrets.writer);
    const settings = config();
    await recordSources(database, settings.schedules);
    const redact = createRedactor(settings.secrets);
    const activities = createSyncActivities({
      database,
      config: settings,
      sources,
      gate: createRateGate(database),
      redact,
    });
    const input = { client: "713", source: "redtrack.daily_spend", day: "2025-12-18", runId: "compose" };
    expect(await environment().run(activities.pullSlice, input)).toMatchObject({ outcome: "changed" });
    expect(await environment().run(activities.pullSlice, input)).toMatchObject({ outcome: "unchanged" });
  });

  test("and a file, in a month that there was no table for", async () => {
    const database = connect("signal_room_app", secrets.writer);
    const settings = config();
    await database.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
    await writeFile(
      path.join(importDir, "day.csv"),
      "creative_id,date,impressions,clicks,spend,geography,device_type\n79783,2019-03-04,10,1,0.50,BR,mobile\n",
    );
    const { takeFile } = createIngestActivities({
      database,
      config: settings,
      redact: createRedactor(settings.secrets),
    });
    expect(await environment().run(takeFile, { path: "day.csv" })).toMatchObject({ status: "ingested", inserted: 1 });
  });

  test("and the API answers, writes, and keeps its audit log", async () => {
    const api = await testServer({ database: connect("signal_room_app", secrets.writer) });
    try {
      const headers = await bearer({ role: "admin" });
      const ask = (method: "GET" | "POST", url: string, payload?: object) =>
        api.inject({ method, url: `/api/v1${url}`, headers, ...(payload === undefined ? {} : { payload }) });
      for (const url of ["/ops/freshness", "/ops/alerts", "/ops/audit", "/rtb/creatives"])
        expect([url, (await ask("GET", url)).statusCode]).toEqual([url, 200]);
      const made = await ask("POST", "/recon/affiliates", { name: "ada" });
      expect([made.statusCode, made.json()]).toEqual([201, expect.objectContaining({ name: "ada" })]);
      expect((await ask("GET", "/ops/audit")).json<{ items: unknown[] }>().items.length).toBeGreaterThan(0);
    } finally {
      await api.close();
    }
  });
});

test("the owner makes a client's reader, who reads rows and no secret", async () => {
  const owner = connect("signal_room", secrets.owner);
  await issueReader(owner, { client: "713", password: "r".repeat(24) });
  const reader = connect(readerOf("713"), "r".repeat(24));
  expect(await refusal(reader, "select count(*) from redtrack.daily_spend")).toBe("allowed");
  for (const statement of [
    "select api_key_hash from recon.affiliates",
    "select * from ops.audit",
    "select * from recon.affiliate_tokens",
    "delete from redtrack.daily_spend",
  ])
    expect([statement, await refusal(reader, statement)]).toEqual([
      statement,
      expect.stringMatching(/^(42501|25006)$/),
    ]);
  expect(await removeReader(owner, "713")).toBe(true);
});

import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, realpath, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { type RunningPostgres, startPostgres } from "../scripts/embedded/postgres.ts";
import { freePort } from "../scripts/embedded/process.ts";
import { type RunningTemporal, startTemporal } from "../scripts/embedded/temporal.ts";
import { startWatchdog } from "../scripts/embedded/watchdog.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { templateDatabase } from "./template-database.ts";

interface TestServers {
  folder: string;
  watchdog: ChildProcess;
  postgres?: Promise<RunningPostgres>;
  temporal?: Promise<RunningTemporal>;
}

// Jest sets up each ring by itself, in one process: the second one finds here what the first one started.
const shared = globalThis as { signalRoomTestServers?: Promise<TestServers> };

export async function startTestPostgres(): Promise<void> {
  const servers = await testServers();
  servers.postgres ??= startAndMigrate(path.join(servers.folder, "postgres"));
  const { url } = await servers.postgres;
  process.env["TEST_DATABASE_URL"] = url;
}

export async function startTestTemporal(): Promise<void> {
  const servers = await testServers();
  servers.temporal ??= startInMemory(path.join(servers.folder, "temporal"));
  const { address } = await servers.temporal;
  process.env["TEST_TEMPORAL_ADDRESS"] = address;
  process.env["TEST_FOLDER"] = servers.folder;
}

export async function stopTestServers(): Promise<void> {
  const running = await shared.signalRoomTestServers;
  delete shared.signalRoomTestServers;
  if (!running) return;
  const { folder, watchdog, postgres, temporal } = running;
  // What did not start has nothing to stop. Nothing here is worth an orderly end.
  const started: (Promise<{ kill(): Promise<void> }> | undefined)[] = [postgres, temporal];
  await Promise.allSettled(started.map(async (server) => (await server)?.kill()));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  watchdog.stdin?.end();
}

function testServers(): Promise<TestServers> {
  shared.signalRoomTestServers ??= prepareFolder();
  return shared.signalRoomTestServers;
}

/** A folder for the servers, and who removes it and them if we cannot. */
export async function prepareFolder(): Promise<TestServers> {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "signal-room-test-")));
  await chmod(folder, 0o755);
  return { folder, watchdog: startWatchdog(folder) };
}

async function startAndMigrate(dataDir: string): Promise<RunningPostgres> {
  const port = await freePort();
  const postgres = await startPostgres({ dataDir, port, database: templateDatabase, fast: true });
  await migrateDatabase(postgres.url);
  const client = new pg.Client({ connectionString: postgres.superuserUrl.replace(/[^/]*$/, "postgres"), ssl: false });
  await client.connect();
  // A database is copied only while no session is connected to it, not even the autovacuum.
  await client.query(`alter database ${templateDatabase} with is_template true allow_connections false`);
  await client.end();
  return postgres;
}

async function startInMemory(dataDir: string): Promise<RunningTemporal> {
  const port = await freePort();
  return startTemporal({ dataDir, inMemory: true, port, namespace: "default" });
}

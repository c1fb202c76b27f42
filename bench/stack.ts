import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { loadConfig } from "../settings/config.ts";
import { feeds, vendors } from "../connectors/registry.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres, type PostgresOptions, type RunningPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { startTemporal } from "../scripts/embedded/temporal.ts";
import { endWatchdog, startWatchdog } from "../scripts/embedded/watchdog.ts";
import { connectClient, type TemporalClient } from "../temporal/connection.ts";
import { Children, killChild, type ChildOptions } from "./children.ts";

export interface BenchOptions {
  /** Temporal's state in a file, as `npm start` has it, or in memory. */
  temporalOnFile?: boolean;
  /** Another Temporal than the development server, started once Postgres is there. */
  temporal?: StartTemporal;
  settings?: Record<string, string>;
  sandbox?: Record<string, string>;
  /** Called with the folder that Postgres will lie in, before it is filled. */
  prepare?: (postgresFolder: string) => Promise<void>;
}

export type StartTemporal = (of: {
  folder: string;
  postgres: RunningPostgres;
}) => Promise<{ address: string; stop: () => Promise<void> }>;

export interface BenchStack {
  /** What the next process is started with. */
  env: Record<string, string>;
  database: Database;
  temporal: TemporalClient;
  folder: string;
  sandboxUrl: string;
  startWorker: (options?: ChildOptions) => Promise<ChildProcess>;
  /** Another process of ours, from below dist/, that says when it is ready. */
  startChild: (name: string, script: string, options?: ChildOptions) => Promise<ChildProcess>;
  restartSandbox: () => Promise<void>;
  /** Kills Postgres and starts it again; `meanwhile` runs when it is down. */
  restartPostgres: (meanwhile?: () => Promise<void>) => Promise<void>;
  /** Kills Temporal, says so, and starts it again after so long; its file is kept. */
  restartTemporal: (awayMs?: number, onGone?: () => void) => Promise<void>;
  control: (method: string, route: string, body?: unknown) => Promise<unknown>;
  /** `last` runs when every server is down and the folder still there. */
  stop: (last?: () => Promise<void>) => Promise<void>;
}

const watchdogs = new Map<string, ChildProcess>();
const stops = new Set<() => Promise<void>>();
// Stopped in the middle, a bench leaves no servers behind.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void Promise.allSettled([...stops].map((stop) => stop())).then(() => process.exit(1)));

/** A whole stack of real processes, apart from any other: its own ports, its own data, gone at the end. */
export async function startBenchStack(options: BenchOptions = {}): Promise<BenchStack> {
  const folder = await makeBenchFolder();
  await options.prepare?.(path.join(folder, "postgres"));
  const servers = await startServers(folder, options);
  const [sandboxPort = 0] = await freePorts(1);
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const env: Record<string, string> = {
    DATABASE_URL: servers.postgresUrl,
    TEMPORAL_ADDRESS: servers.temporalAddress,
    TEMPORAL_NAMESPACE: "default",
    CLIENTS: "713",
    REDTRACK_API_KEY: "sandbox-713",
    REDTRACK_BASE_URL: `${sandboxUrl}/redtrack`,
    ANYTRACK_COLLECT_URL: `${sandboxUrl}/anytrack`,
    SANDBOX_PORT: String(sandboxPort),
    SANDBOX_REDTRACK_LIMITS: "none",
    LOG_LEVEL: "warn",
    ...options.sandbox,
    ...options.settings,
  };
  const children = new Children(folder, env);
  const closing: (() => Promise<unknown>)[] = [];
  const stop = async (last?: () => Promise<void>) => {
    stops.delete(stop);
    await Promise.allSettled(closing.map((close) => close()));
    children.killAll();
    await servers.stop();
    await last?.();
    await removeBenchFolder(folder);
  };
  stops.add(stop);
  try {
    await migrateDatabase(servers.postgresUrl);
    let sandbox = await children.startSandbox(sandboxUrl);
    Object.assign(process.env, { TEMPORAL_ADDRESS: env["TEMPORAL_ADDRESS"], TEMPORAL_NAMESPACE: "default" });
    const temporal = await connectClient(loadConfig(env, vendors, feeds), { waitMs: 20_000 });
    closing.push(() => temporal.close());
    const database = openDatabase({ url: servers.postgresUrl, poolSize: 4, name: "bench" });
    closing.push(() => database.end());
    return {
      env,
      database,
      temporal,
      folder,
      sandboxUrl,
      startWorker: (childOptions) => children.start("worker", "workers/main.js", childOptions),
      startChild: (name, script, childOptions) => children.start(name, script, childOptions),
      restartSandbox: async () => {
        await killChild(sandbox);
        sandbox = await children.startSandbox(sandboxUrl);
      },
      restartPostgres: servers.restartPostgres,
      restartTemporal: servers.restartTemporal,
      control: (method, route, body) => controlSandbox(sandboxUrl, { method, route, body }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** PostgreSQL alone, for what needs nothing else. */
export async function startBenchPostgres(
  options: Partial<PostgresOptions> = {},
): Promise<{ folder: string; postgres: RunningPostgres; stop: () => Promise<void> }> {
  const folder = await makeBenchFolder();
  const [port = 0] = await freePorts(1);
  const postgres = await startPostgres({
    dataDir: path.join(folder, "postgres"),
    port,
    database: "signal_room",
    ...options,
  });
  const stop = async () => {
    stops.delete(stop);
    await postgres.stop();
    await removeBenchFolder(folder);
  };
  stops.add(stop);
  return { folder, postgres, stop };
}

async function startServers(folder: string, { temporalOnFile = false, temporal: startOther }: BenchOptions) {
  const [postgresPort = 0, temporalPort = 0] = await freePorts(2);
  const postgresOptions = { dataDir: path.join(folder, "postgres"), port: postgresPort, database: "signal_room" };
  const temporalOptions = {
    dataDir: path.join(folder, "temporal"),
    port: temporalPort,
    namespace: "default",
    inMemory: !temporalOnFile,
  };
  const starting = startPostgres(postgresOptions);
  const started = await Promise.allSettled([
    starting,
    startOther === undefined
      ? startTemporal(temporalOptions)
      : starting.then((postgres) => startOther({ folder, postgres })),
  ]);
  const [first, second] = started;
  if (first.status === "rejected" || second.status === "rejected") {
    for (const server of started) if (server.status === "fulfilled") await server.value.stop();
    throw first.status === "rejected" ? first.reason : (second as PromiseRejectedResult).reason;
  }
  let postgres = first.value;
  let temporal: { address: string; stop: () => Promise<void>; kill?: () => Promise<void> } = second.value;
  return {
    postgresUrl: postgres.url,
    temporalAddress: temporal.address,
    restartPostgres: async (meanwhile?: () => Promise<void>) => {
      await postgres.kill();
      await meanwhile?.();
      postgres = await startPostgres(postgresOptions);
    },
    restartTemporal: async (awayMs = 0, onGone = () => {}) => {
      if (temporal.kill === undefined) throw new Error("a cluster has no single process to restart");
      await temporal.kill();
      onGone();
      await wait(awayMs);
      temporal = await startTemporal(temporalOptions);
    },
    stop: async () => {
      await Promise.allSettled([postgres.stop(), temporal.stop()]);
    },
  };
}

async function controlSandbox(
  sandboxUrl: string,
  { method, route, body }: { method: string; route: string; body: unknown },
): Promise<unknown> {
  const response = await fetch(`${sandboxUrl}/_control${route}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return response.json();
}

export async function makeBenchFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
  // As root, Postgres runs as another user, which needs access.
  await chmod(folder, 0o755);
  watchdogs.set(folder, startWatchdog(folder));
  return folder;
}

export async function removeBenchFolder(folder: string): Promise<void> {
  if (process.env["KEEP"] === undefined) await rm(folder, { recursive: true, force: true });
  else console.error(`kept ${folder}`);
  const watchdog = watchdogs.get(folder);
  if (watchdog !== undefined) await endWatchdog(watchdog);
}

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { loadConfig } from "../settings/config.ts";
import { projectRoot } from "../settings/environment.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { startTemporal } from "../scripts/embedded/temporal.ts";
import { connectClient, type TemporalClient } from "../temporal/connection.ts";

export interface BenchOptions {
  /** Temporal's state in a file, as `npm start` has it, or in memory. */
  temporalOnFile?: boolean;
  settings?: Record<string, string>;
  sandbox?: Record<string, string>;
}

export interface BenchStack {
  env: Record<string, string>;
  database: Database;
  temporal: TemporalClient;
  folder: string;
  sandboxUrl: string;
  startWorker: () => Promise<ChildProcess>;
  /** Another process of ours, from below dist/, that says when it is ready. */
  startChild: (name: string, script: string) => Promise<ChildProcess>;
  restartPostgres: () => Promise<void>;
  /** Kills Temporal, and starts it again after so long; its file is kept. */
  restartTemporal: (awayMs?: number) => Promise<void>;
  control: (method: string, route: string, body?: unknown) => Promise<unknown>;
  stop: () => Promise<void>;
}

/** A whole stack of real processes, apart from any other: its own ports, its own data, gone at the end. */
export async function startBenchStack(options: BenchOptions = {}): Promise<BenchStack> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
  // As root, Postgres runs as somebody else, who has to get in.
  await chmod(folder, 0o755);
  const [postgresPort = 0, temporalPort = 0, sandboxPort = 0] = await freePorts(3);
  const postgresOptions = { dataDir: path.join(folder, "postgres"), port: postgresPort, database: "signal_room" };
  const temporalOptions = {
    dataDir: path.join(folder, "temporal"),
    port: temporalPort,
    namespace: "default",
    inMemory: options.temporalOnFile !== true,
  };
  let [postgres, temporalServer] = await Promise.all([startPostgres(postgresOptions), startTemporal(temporalOptions)]);
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const env: Record<string, string> = {
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporalServer.address,
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
  await migrateDatabase(postgres.url);
  const children = new Set<ChildProcess>();
  const launch = async (name: string, script: string, ready: (child: ChildProcess) => Promise<unknown>) => {
    const log = openSync(path.join(folder, `${name}.log`), "a");
    const child = spawn(process.execPath, ["--enable-source-maps", path.join(projectRoot(), "dist", script)], {
      env: { ...process.env, ...env },
      stdio: ["ignore", log, log, "ipc"],
    });
    children.add(child);
    child.once("exit", () => children.delete(child));
    await Promise.race([
      ready(child),
      once(child, "exit").then(async () =>
        Promise.reject(
          new Error(`${name} ended:\n${(await readFile(path.join(folder, `${name}.log`), "utf8")).slice(-2_000)}`),
        ),
      ),
    ]);
    return child;
  };
  await launch("sandbox", "sandbox/main.js", async () => {
    while (
      !(await fetch(`${sandboxUrl}/_control`).then(
        (response) => response.ok,
        () => false,
      ))
    )
      await wait(50);
  });
  Object.assign(process.env, { TEMPORAL_ADDRESS: env["TEMPORAL_ADDRESS"], TEMPORAL_NAMESPACE: "default" });
  const temporal = await connectClient(loadConfig(env, vendors, sources), { waitMs: 20_000 });
  const database = openDatabase({ url: postgres.url, poolSize: 4, name: "bench", onError: () => undefined });
  return {
    env,
    database,
    temporal,
    folder,
    sandboxUrl,
    startWorker: () => launch("worker", "workers/main.js", (child) => once(child, "message")),
    startChild: (name, script) => launch(name, script, (child) => once(child, "message")),
    restartPostgres: async () => {
      await postgres.kill();
      postgres = await startPostgres(postgresOptions);
    },
    restartTemporal: async (awayMs = 0) => {
      await temporalServer.kill();
      await wait(awayMs);
      temporalServer = await startTemporal(temporalOptions);
    },
    control: async (method, route, body) => {
      const response = await fetch(`${sandboxUrl}/_control${route}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return response.json();
    },
    stop: async () => {
      await temporal.close();
      await database.end();
      for (const child of children) child.kill("SIGKILL");
      await Promise.allSettled([postgres.stop(), temporalServer.stop()]);
      if (process.env["KEEP"] === undefined) await rm(folder, { recursive: true, force: true });
      else console.log(`kept ${folder}`);
    },
  };
}

export interface Difference {
  day: string;
  sourceId: string;
  stored: string | null;
  vendor: string | null;
}

/** The stored table against the sandbox's own data, row by row, decimals as exact text. */
export async function compareWithSandbox(
  stack: BenchStack,
  from: string,
  to: string,
): Promise<{ rows: number; differences: Difference[] }> {
  const dump = (await stack.control("GET", `/dump?vendor=redtrack&client=713&from=${from}&to=${to}`)) as Record<
    string,
    string | number
  >[];
  const line = (row: Record<string, unknown>) =>
    [
      row["source_name"],
      row["source_alias"],
      row["clicks"],
      row["conversions"],
      row["total_conversions"],
      decimal(row["cost"]),
      decimal(row["revenue"]),
      decimal(row["total_revenue"]),
    ].join("|");
  const key = (row: Record<string, unknown>) => `${String(row["date"])} ${String(row["source_id"])}`;
  const vendor = new Map(dump.filter((row) => row["source_id"] !== "").map((row) => [key(row), line(row)]));
  const { rows } = await stack.database.query<Record<string, unknown>>(
    "select * from redtrack.daily_spend where _client_id = '713' and date between $1 and $2",
    [from, to],
  );
  const stored = new Map(rows.map((row) => [key(row), line(row)]));
  const differences = [...new Set([...vendor.keys(), ...stored.keys()])].sort().flatMap((name) => {
    const [day = "", sourceId = ""] = name.split(" ");
    return vendor.get(name) === stored.get(name)
      ? []
      : [{ day, sourceId, stored: stored.get(name) ?? null, vendor: vendor.get(name) ?? null }];
  });
  return { rows: rows.length, differences };
}

function decimal(value: unknown): string {
  const text = String(value ?? "");
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

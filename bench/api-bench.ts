import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { issueToken } from "../core/tokens.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { table } from "../scripts/shared/printing.ts";
import { projectRoot } from "../settings/environment.ts";

export interface ApiBench {
  folder: string;
  /** As the superuser, to be filled. */
  database: Database;
  /** Starts the API as a process of its own; a route's answer as text, an error where it is none. */
  startApi(env: Record<string, string>): Promise<(route: string) => Promise<string>>;
  stop(): Promise<void>;
}

/** A Postgres for reading alone, which nothing outlives, and the API on it. KEEP=1 keeps its folder. */
export async function startApiBench(name: string, client: string): Promise<ApiBench> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `signal-room-${name}-`));
  // As root, Postgres runs as another user, which needs access.
  await chmod(folder, 0o755);
  const [port = 0, apiPort = 0] = await freePorts(2);
  const postgres = await startPostgres({
    dataDir: path.join(folder, "postgres"),
    port,
    database: "signal_room",
    // Nothing here outlives the bench, and reading is all that is measured.
    fast: true,
  });
  let database: Database | undefined;
  let api: ChildProcess | undefined;
  const stop = async () => {
    api?.kill("SIGKILL");
    await database?.end();
    await postgres.stop();
    if (process.env["KEEP"] === undefined) await rm(folder, { recursive: true, force: true });
    else console.log(`kept ${folder}`);
  };
  try {
    await migrateDatabase(postgres.url);
    database = openDatabase({ url: postgres.superuserUrl, poolSize: 1, name: "bench", statementTimeoutMs: 900_000 });
  } catch (error) {
    await stop();
    throw error;
  }
  const startApi: ApiBench["startApi"] = async (env) => {
    const secret = randomBytes(32).toString("base64url");
    const log = openSync(path.join(folder, "api.log"), "a");
    api = spawn(process.execPath, [path.join(projectRoot(), "dist/api/main.js")], {
      env: {
        ...process.env,
        DATABASE_URL: postgres.url,
        API_PORT: String(apiPort),
        API_JWT_SECRET: secret,
        TEMPORAL_ADDRESS: "127.0.0.1:1",
        LOG_LEVEL: "error",
        ...env,
      },
      stdio: ["ignore", log, log, "ipc"],
    });
    await once(api, "message");
    const token = await issueToken({ secret, client, role: "analyst", subject: "bench", expiresInSeconds: 3_600 });
    return async (route) => {
      const response = await fetch(`http://127.0.0.1:${apiPort}${route}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const body = await response.text();
      if (!response.ok) throw new Error(`${route} answered ${response.status}: ${body.slice(0, 300)}`);
      return body;
    };
  };
  return { folder, database, startApi, stop };
}

/** Prints what each route takes, beside the aim for its median and the plain query, where there is one: true where one misses it. */
export async function measureRoutes(
  routes: readonly (readonly [
    name: string,
    ask: () => Promise<unknown>,
    plain?: (() => Promise<unknown>) | undefined,
  ])[],
  { requests, aimMs }: { requests: number; aimMs: number },
): Promise<boolean> {
  const rows: (string | number)[][] = [];
  for (const [name, ask, plain] of routes) {
    const { median, p99 } = await measure(ask, requests);
    const beside = plain === undefined ? "" : (await measure(plain, plainRuns)).median.toFixed(1);
    rows.push([name, median.toFixed(1), p99.toFixed(1), beside, median < aimMs ? "ok" : "SLOW"]);
  }
  console.log(table(["what", "median ms", "p99 ms", "plain ms", `under ${aimMs} ms`], rows).join("\n"));
  return rows.some((row) => row.at(-1) === "SLOW");
}

const plainRuns = 5;

/** Milliseconds, after five that do not count. */
export async function measure(ask: () => Promise<unknown>, requests: number): Promise<{ median: number; p99: number }> {
  for (let warmUp = 0; warmUp < 5; warmUp += 1) await ask();
  const times: number[] = [];
  for (let request = 0; request < requests; request += 1) {
    const started = performance.now();
    await ask();
    times.push(performance.now() - started);
  }
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}

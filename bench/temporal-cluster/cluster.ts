import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { Connection } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import pg from "pg";
import type { RunningPostgres } from "../../scripts/embedded/postgres.ts";
import {
  bareEnvironment,
  freePorts,
  killNow,
  logTail,
  spawnServer,
  writeRunRecord,
} from "../../scripts/embedded/process.ts";
import { retentionDays } from "../../temporal.config.ts";
import { registerSearchAttributes } from "../../temporal/search-attributes.ts";
import { startBalancer } from "./balancer.ts";
import { databases, nodeConfig, roles, type ClusterPlace, type Role } from "./node-config.ts";
import type { ServerBinaries } from "./server-binaries.ts";

/** One process of Temporal. */
export interface Node {
  name: string;
  role: Role;
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

export interface TemporalCluster {
  /** One address before both frontends. */
  address: string;
  nodes: readonly Node[];
  stop: () => Promise<void>;
}

const shape: readonly Role[] = ["history", "history", "matching", "matching", "frontend", "frontend", "worker"];
const startTimeoutMs = 90_000;
const login = "temporal";

/** Temporal's own server as production has it: each role in processes of its own, its tables in Postgres. */
export async function startTemporalCluster(of: {
  binaries: ServerBinaries;
  folder: string;
  postgres: RunningPostgres;
}): Promise<TemporalCluster> {
  const { binaries, folder, postgres } = of;
  const { hostname: host } = new URL(postgres.url);
  const password = randomBytes(18).toString("base64url");
  const ours = { host, port: postgres.port, user: login, password };
  await createTables(binaries, postgres, ours);
  const free = await freePorts(2 * roles.length);
  const ports = Object.fromEntries(
    roles.map((role, at) => [role, { grpcPort: free[2 * at] ?? 0, membershipPort: free[2 * at + 1] ?? 0 }]),
  ) as ClusterPlace["ports"];
  const placed = shape.map((role, at) => ({ role, ip: `127.0.9.${at + 1}` }));
  const balancer = await startBalancer(
    placed.filter(({ role }) => role === "frontend").map(({ ip }) => ({ host: ip, port: ports.frontend.grpcPort })),
  );
  const dynamicConfig = path.join(folder, "temporal-dynamic.yaml");
  await writeFile(dynamicConfig, JSON.stringify(dynamicSettings()));
  const place: ClusterPlace = { ports, frontends: balancer.address, postgres: ours, dynamicConfig };
  const nodes = await Promise.all(
    placed.map(({ role, ip }, at) => prepareNode({ binaries, folder, place, role, ip, name: `${role}-${at + 1}` })),
  );
  const stop = async () => {
    balancer.close();
    await Promise.all(nodes.map((node) => node.kill()));
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
    await prepareNamespace(balancer.address, () => failures(folder, nodes));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: balancer.address, nodes, stop };
}

/** Drained versions are looked for every few minutes; a drill does not wait that long. */
function dynamicSettings() {
  const value = (given: unknown) => [{ value: given, constraints: {} }];
  return {
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": value("5s"),
    "matching.wv.VersionDrainageStatusRefreshInterval": value("5s"),
  };
}

async function createTables(binaries: ServerBinaries, postgres: RunningPostgres, ours: ClusterPlace["postgres"]) {
  const client = new pg.Client({ connectionString: postgres.superuserUrl, ssl: false });
  await client.connect();
  try {
    await client.query(`create role ${ours.user} login password ${client.escapeLiteral(ours.password)}`);
    for (const name of Object.values(databases)) await client.query(`create database ${name} owner ${ours.user}`);
  } finally {
    await client.end();
  }
  const tool = (database: string, ...args: string[]) =>
    promisify(execFile)(
      binaries.sqlTool,
      [
        ...["--plugin", "postgres12", "--ep", ours.host, "-p", String(ours.port), "-u", ours.user, "--db", database],
        ...args,
      ],
      { env: { ...bareEnvironment(), SQL_PASSWORD: ours.password } },
    );
  for (const [folder, database] of [
    ["temporal", databases.default],
    ["visibility", databases.visibility],
  ] as const) {
    await tool(database, "setup-schema", "-v", "0.0");
    await tool(database, "update-schema", "-d", path.join(binaries.schema, folder, "versioned"));
  }
}

async function prepareNode(of: {
  binaries: ServerBinaries;
  folder: string;
  place: ClusterPlace;
  role: Role;
  ip: string;
  name: string;
}): Promise<Node> {
  const { binaries, place, role, ip, name } = of;
  const folder = path.join(of.folder, name);
  await mkdir(folder);
  const config = path.join(folder, "config.yaml");
  // JSON is YAML.
  await writeFile(config, JSON.stringify(nodeConfig(ip, place)), { mode: 0o600 });
  let pid: number | null = null;
  return {
    name,
    role,
    kill: async () => {
      if (pid !== null) await killNow(pid);
      pid = null;
    },
    start: async () => {
      const spawned = await spawnServer({
        command: binaries.server,
        args: ["--config-file", config, "--allow-no-auth", "start", "--service", role],
        logFile: path.join(folder, "temporal.log"),
      });
      pid = spawned.pid;
      // The watchdog ends what is noted there.
      await writeRunRecord(path.join(folder, "run.json"), spawned.pid);
    },
  };
}

/** The server makes no namespace by itself, and knows no search attributes of ours. */
async function prepareNamespace(address: string, why: () => Promise<string>): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: "2s" });
      try {
        await createNamespace(connection);
        await registerSearchAttributes(connection, "default");
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`Temporal is not ready: ${String(error)}\n${await why()}`, { cause: error });
    }
    await wait(500);
  }
}

async function createNamespace({ workflowService }: Connection): Promise<void> {
  const alreadyExists = 6;
  await workflowService
    .registerNamespace({
      namespace: "default",
      workflowExecutionRetentionPeriod: msToTs(retentionDays * 86_400_000),
    })
    .catch((error: unknown) => {
      if ((error as { code?: number }).code !== alreadyExists) throw error;
    });
}

async function failures(folder: string, nodes: readonly Node[]): Promise<string> {
  const tails = await Promise.all(
    nodes.map(async ({ name }) => `${name}:\n${await logTail(path.join(folder, name, "temporal.log"), 3)}`),
  );
  return tails.join("\n");
}

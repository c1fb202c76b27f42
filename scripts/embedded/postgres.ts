import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { chmod, chown, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { type PostgresBinaries, findPostgres } from "./postgres-binaries.ts";
import {
  type Identity,
  type ServerExit,
  type StopStep,
  assertNotRunning,
  assertPortFree,
  bareEnvironment,
  commandLine,
  isAlive,
  killNow,
  logTail,
  readRunRecord,
  spawnServer,
  stopProcess,
  writeRunRecord,
} from "./process.ts";
import { canEnter, makeFolder, unprivilegedUser } from "./unprivileged.ts";

export interface PostgresOptions {
  /** A folder of its own: the cluster, its log and its password go there. */
  dataDir: string;
  port: number;
  database: string;
  /** For tests: quick, and not to be trusted with data one wants to keep. */
  fast?: boolean;
  onProgress?: (message: string) => void;
}

export interface RunningPostgres {
  /** As the role that owns the database; it may create roles and databases. */
  url: string;
  superuserUrl: string;
  port: number;
  pid: number;
  logFile: string;
  exited: Promise<ServerExit>;
  stop(): Promise<void>;
  /** As a power cut would. */
  kill(): Promise<void>;
}

const superuser = "postgres";
const owner = "signal_room";
const startTimeoutMs = 120_000;

// SIGINT is PostgreSQL's fast shutdown; after SIGQUIT it recovers from its log at the next start, as after a crash.
const stopSteps: readonly StopStep[] = [
  { signal: "SIGINT", waitMs: 5_000 },
  { signal: "SIGQUIT", waitMs: 2_000 },
  { signal: "SIGKILL", waitMs: 2_000 },
];

interface Place {
  dataDir: string;
  cluster: string;
  logFile: string;
  recordFile: string;
  passwordFile: string;
}

/** Starts PostgreSQL on the data folder, creating what is not there yet: the cluster, the owner role, the database. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { port, database, fast = false, onProgress = () => {} } = options;
  const place = prepareFolder(options.dataDir);
  assertNotRunning(await readRunRecord(place.recordFile), place.dataDir);
  await stopOrphans(place.cluster, onProgress);
  await assertPortFree(port, "POSTGRES_PORT");

  const user = userFor(place.cluster);
  if (!canEnter(place.dataDir, user)) {
    throw new Error(`PostgreSQL's user cannot reach ${place.dataDir}. Set DATA_DIR to a folder open to other users.`);
  }
  const binaries = await findPostgres(user);
  const password = await passwordIn(place);
  if (!existsSync(place.cluster)) {
    onProgress("creating the PostgreSQL data folder");
    await createCluster({ place, binaries, user, password, fast });
  }

  const args = ["-D", place.cluster, ...settings(port, fast)];
  const { pid, exited } = await spawnServer({ command: binaries.postgres, args, logFile: place.logFile, runAs: user });
  await writeRunRecord(place.recordFile, pid);
  const stop = async () => {
    await stopProcess(pid, stopSteps);
    await rm(place.recordFile, { force: true });
  };
  const urlFor = (role: string, name: string) => `postgres://${role}:${password}@127.0.0.1:${port}/${name}`;
  try {
    const connection = await waitUntilReady(urlFor(superuser, "postgres"), exited, place.logFile);
    try {
      await createDatabase(connection, database, password);
    } finally {
      await connection.end();
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const kill = () => killNow(pid);
  return {
    url: urlFor(owner, database),
    superuserUrl: urlFor(superuser, database),
    port,
    pid,
    logFile: place.logFile,
    exited,
    stop,
    kill,
  };
}

function prepareFolder(folder: string): Place {
  makeFolder(folder);
  const dataDir = realpathSync(folder);
  const inside = (name: string) => path.join(dataDir, name);
  return {
    dataDir,
    cluster: inside("cluster"),
    logFile: inside("postgres.log"),
    recordFile: inside("run.json"),
    passwordFile: inside("password"),
  };
}

/** An existing cluster belongs to the user who created it, and PostgreSQL starts for that user only. */
function userFor(cluster: string): Identity | undefined {
  const existing = statSync(cluster, { throwIfNoEntry: false });
  const self = process.getuid?.();
  if (!existing || self === undefined || existing.uid === self) return unprivilegedUser();
  if (self === 0) return { uid: existing.uid, gid: existing.gid };
  throw new Error(
    `The data in ${cluster} belongs to another user. Run as that user, or set DATA_DIR to another folder.`,
  );
}

async function passwordIn({ passwordFile, cluster }: Place): Promise<string> {
  try {
    return (await readFile(passwordFile, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (existsSync(cluster)) {
    throw new Error(`${passwordFile} is missing, and the database in ${cluster} cannot be opened without it.`);
  }
  const password = randomBytes(18).toString("base64url");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  return password;
}

interface ClusterInput {
  place: Place;
  binaries: PostgresBinaries;
  user: Identity | undefined;
  password: string;
  fast: boolean;
}

async function createCluster({ place, binaries, user, password, fast }: ClusterInput): Promise<void> {
  const { dataDir, cluster } = place;
  // Half a cluster from a start that was killed looks like a whole one, so it gets its name when it is whole.
  const unfinished = /^cluster\.new-/;
  for (const name of await readdir(dataDir)) {
    if (unfinished.test(name)) await rm(path.join(dataDir, name), { recursive: true, force: true });
  }
  const next = path.join(dataDir, `cluster.new-${process.pid}`);
  const passwordForInitdb = path.join(dataDir, `password.${process.pid}`);
  await mkdir(next);
  await chmod(next, 0o700);
  await writeFile(passwordForInitdb, password, { mode: 0o600 });
  if (user) for (const file of [next, passwordForInitdb]) await chown(file, user.uid, user.gid);
  const args = [
    ...["-D", next, "--username", superuser, "--pwfile", passwordForInitdb, "--auth", "scram-sha-256"],
    // The same order and the same capital letters on every machine, whatever its C library knows.
    ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"],
    "--no-instructions",
    // Commits still wait for the write: what was committed survives a killed server, though not a power cut.
    ...(fast ? ["--no-sync"] : []),
  ];
  try {
    await promisify(execFile)(binaries.initdb, args, { cwd: path.parse(next).root, env: bareEnvironment(), ...user });
    await rename(next, cluster);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`initdb failed: ${stderr || message}`);
  } finally {
    await rm(passwordForInitdb, { force: true });
    await rm(next, { recursive: true, force: true });
  }
}

function settings(port: number, fast: boolean): string[] {
  const chosen: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: fast ? "128MB" : "256MB",
    max_wal_size: "2GB",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_checkpoints: "off",
    // Details and contexts quote rows, and rows may be about people.
    log_error_verbosity: "terse",
    ...(fast ? { fsync: "off", full_page_writes: "off", autovacuum_naptime: "10min" } : {}),
  };
  return Object.entries(chosen).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function waitUntilReady(url: string, exited: Promise<ServerExit>, logFile: string): Promise<pg.Client> {
  const deadline = Date.now() + startTimeoutMs;
  let gone = false;
  void exited.then(() => (gone = true));
  for (;;) {
    const client = new pg.Client({ connectionString: url, ssl: false, connectionTimeoutMillis: 5_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      const refused = (error as NodeJS.ErrnoException).code;
      // 57P03: it is there, and still recovering.
      const notYet = refused === "ECONNREFUSED" || refused === "57P03" || refused === "ECONNRESET";
      if (gone || !notYet || Date.now() > deadline) {
        const reason = gone ? "PostgreSQL ended while starting" : `PostgreSQL is not ready: ${String(error)}`;
        throw new Error(`${reason}. The end of ${logFile}:\n${await logTail(logFile)}`);
      }
    }
    await sleep(25);
  }
}

async function createDatabase(client: pg.Client, database: string, password: string): Promise<void> {
  const roles = await client.query("select from pg_roles where rolname = $1", [owner]);
  if (roles.rowCount === 0) {
    await client.query(`create role ${owner} login createdb createrole password ${client.escapeLiteral(password)}`);
  }
  const databases = await client.query("select from pg_database where datname = $1", [database]);
  if (databases.rowCount === 0) {
    await client.query(`create database ${client.escapeIdentifier(database)} owner ${owner}`);
  }
}

/** What a killed stack left: the server itself, or the backends that outlive a killed server while they are busy. */
async function stopOrphans(cluster: string, onProgress: (message: string) => void): Promise<void> {
  const pid = postmasterPid(cluster);
  if (pid !== undefined && serves(pid, cluster)) {
    onProgress("stopping the PostgreSQL that an earlier run left behind");
    await stopProcess(pid, stopSteps);
  }
  for (const backend of processesIn(cluster)) {
    await stopProcess(backend, [
      { signal: "SIGQUIT", waitMs: 1_000 },
      { signal: "SIGKILL", waitMs: 2_000 },
    ]);
  }
  // Nothing of it is left. PostgreSQL would take anything with that number for its predecessor and not start: another
  // program, or its own killed one that was not reaped yet.
  if (pid !== undefined) await rm(path.join(cluster, "postmaster.pid"), { force: true });
}

function postmasterPid(cluster: string): number | undefined {
  try {
    const pid = Number(readFileSync(path.join(cluster, "postmaster.pid"), "utf8").split("\n")[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function serves(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false;
  const command = ` ${commandLine(pid)} `;
  return command.includes("postgres") && (command.includes(` ${cluster} `) || workingFolder(pid) === cluster);
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** PostgreSQL's processes all work in the cluster's folder; only /proc shows it. */
function processesIn(cluster: string): number[] {
  if (process.platform !== "linux") return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => workingFolder(pid) === cluster && commandLine(pid).startsWith("postgres:"));
}

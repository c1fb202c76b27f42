import { realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import {
  type ServerExit,
  type StopStep,
  assertNotRunning,
  assertPortFree,
  commandLine,
  isSameProcess,
  killNow,
  logTail,
  readRunRecord,
  spawnServer,
  stopProcess,
  writeRunRecord,
} from "./process.ts";
import { registerSearchAttributes } from "../../temporal/search-attributes.ts";
import { findTemporal } from "./temporal-binary.ts";
import { makeFolder } from "./unprivileged.ts";

export interface TemporalOptions {
  /** A folder of its own: the database, the log and the run record go there. */
  dataDir: string;
  /** Keeps the database in memory: everything is lost at the end. */
  inMemory?: boolean;
  port: number;
  /** Without it there is no UI. */
  uiPort?: number | undefined;
  namespace: string;

  /** Where the browser finds the server that decodes what workers encrypt. */
  codecEndpoint?: string | undefined;
  /** `key=<JSON value>`. */
  dynamicConfig?: readonly string[];
  retentionDays?: number;
  logLevel?: "warn" | "error";
  /** The CLI to run; looked for, and fetched, when not given. */
  binary?: string | undefined;
  /** Where the settings of that search are; the process's own environment when not given. */
  env?: NodeJS.ProcessEnv | undefined;
  onProgress?: (message: string) => void;
}

export interface RunningTemporal {
  address: string;
  uiUrl: string | undefined;
  pid: number;
  logFile: string;
  exited: Promise<ServerExit>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const startTimeoutMs = 60_000;
const stopSteps: readonly StopStep[] = [
  { signal: "SIGINT", waitMs: 5_000 },
  { signal: "SIGKILL", waitMs: 2_000 },
];

/** Starts Temporal's dev server and sets how long it keeps closed workflows: its default is one day. */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  const { port, uiPort, namespace, retentionDays = 30, onProgress = () => {} } = options;
  makeFolder(options.dataDir);
  const dataDir = realpathSync(options.dataDir);
  const logFile = path.join(dataDir, "temporal.log");
  const recordFile = path.join(dataDir, "run.json");
  await stopOrphan(recordFile, dataDir, onProgress);
  await assertPortFree(port, "TEMPORAL_PORT");
  if (uiPort !== undefined) await assertPortFree(uiPort, "TEMPORAL_UI_PORT");
  const command = options.binary ?? (await findTemporal({ env: options.env, onProgress }));

  const { pid, exited } = await spawnServer({ command, args: serverArguments(options, dataDir), logFile });
  await writeRunRecord(recordFile, pid);
  const stop = async () => {
    await stopProcess(pid, stopSteps);
    await rm(recordFile, { force: true });
  };
  const address = `127.0.0.1:${port}`;
  try {
    const connection = await connectWhenReady(address, exited, logFile);
    try {
      await keepClosedWorkflows(connection, namespace, retentionDays);
      await registerSearchAttributes(connection, namespace);
    } finally {
      await connection.close();
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const kill = () => killNow(pid);
  const uiUrl = uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`;
  return { address, uiUrl, pid, logFile, exited, stop, kill };
}

function serverArguments(options: TemporalOptions, dataDir: string): string[] {
  const { port, uiPort, namespace, codecEndpoint, logLevel = "error" } = options;
  const flags = ["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port)];
  flags.push("--log-level", logLevel, "--log-format", "json");
  if (namespace !== "default") flags.push("--namespace", namespace);
  if (!options.inMemory) flags.push("--db-filename", path.join(dataDir, "temporal.db"));
  if (uiPort === undefined) flags.push("--headless");
  else flags.push("--ui-port", String(uiPort));
  if (codecEndpoint) flags.push("--ui-codec-endpoint", codecEndpoint);
  for (const setting of options.dynamicConfig ?? []) flags.push("--dynamic-config-value", setting);
  return flags;
}

async function connectWhenReady(address: string, exited: Promise<ServerExit>, logFile: string): Promise<Connection> {
  const deadline = Date.now() + startTimeoutMs;
  let gone = false;
  void exited.then(() => (gone = true));
  for (;;) {
    try {
      return await Connection.connect({ address, connectTimeout: "2s" });
    } catch (error) {
      if (gone || Date.now() > deadline) {
        const reason = gone ? "Temporal ended while starting" : `Temporal is not ready: ${String(error)}`;
        throw new Error(`${reason}. The end of ${logFile}:\n${await logTail(logFile)}`, { cause: error });
      }
    }
    await sleep(50);
  }
}

async function keepClosedWorkflows(connection: Connection, namespace: string, days: number): Promise<void> {
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: msToTs(days * 86_400_000) },
  });
}

async function stopOrphan(recordFile: string, dataDir: string, onProgress: (message: string) => void): Promise<void> {
  const record = await readRunRecord(recordFile);
  assertNotRunning(record, dataDir);
  if (record && isSameProcess(record) && commandLine(record.pid).includes("server start-dev")) {
    onProgress("stopping the Temporal server that an earlier run left behind");
    await stopProcess(record.pid, stopSteps);
  }
}

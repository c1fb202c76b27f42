import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { Client, WorkflowFailedError, type WorkflowHandleWithFirstExecutionRunId } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { bundleWorkflowCode, DefaultLogger, makeTelemetryFilterString, Runtime, type Worker } from "@temporalio/worker";
import { createSyncActivities } from "../activities/sync/sync.ts";
import { createRateGate } from "../activities/shared/rate-gate.ts";
import { settingName } from "../core/setting-name.ts";
import { loadConfig, type Config } from "../settings/config.ts";
import { createRedactor } from "../core/redact.ts";
import { feeds, sources, vendors } from "../connectors/registry.ts";
import type { RequestEntry } from "../sandbox/request-log.ts";
import { startSandbox } from "../sandbox/server.ts";
import { dataConverter } from "../temporal/payload-codec.ts";
import { mainQueue } from "../temporal.config.ts";
import { createWorkers } from "../workers/workers.ts";
import { testDatabase } from "./database.ts";
import { testTemporal } from "./temporal.ts";

/** What the SDK would have printed: kept, so that a failing test stays readable and a test can look for secrets. */
export const logLines: string[] = [];

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger("DEBUG", ({ level, message, meta }) => {
    const { error, ...rest } = (meta ?? {}) as { error?: unknown };
    logLines.push(
      `${level} ${message} ${JSON.stringify(rest)} ${error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)}`,
    );
  }),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }), forward: {} } },
});

export type StartedRun = WorkflowHandleWithFirstExecutionRunId;

export interface TestStack {
  config: Config;
  database: Awaited<ReturnType<typeof testDatabase>>;
  temporal: Awaited<ReturnType<typeof testTemporal>>;
  /** Reads and writes payloads as the workers do. */
  client: Client;
  sandboxUrl: string;
  taskQueue: string;
  /** The activities that the workers run, to be called without one. */
  activities: ReturnType<typeof createSyncActivities>;
  /** Sends to the sandbox's control routes. */
  control: (method: string, path: string, body?: unknown) => Promise<unknown>;
  /** Sets a fault at RedTrack, or at the vendor that the parameters name. */
  fault: (kind: string, parameters?: object) => Promise<void>;
  /** The calls RedTrack has seen for a day, in order. */
  calls: (day?: string) => Promise<RequestEntry[]>;
  start: (type: string, workflowId: string, ...args: unknown[]) => Promise<StartedRun>;
  rows: <Row extends object = Record<string, unknown>>(statement: string, parameters?: unknown[]) => Promise<Row[]>;
  stopWorkers: () => Promise<void>;
  startWorkers: () => Promise<void>;
  stop: () => Promise<void>;
}

const unlimited = { perMinute: null, perSecond: null, perTenSeconds: null, countTwice: false, concurrent: null };

const bundles = new Map<string, Promise<{ code: string }>>();

/** Today's workflows, bundled as the build does it. */
export function workflowBundle(failureConverterPath?: string): Promise<{ code: string }> {
  const key = failureConverterPath ?? "";
  const bundle = bundles.get(key) ?? (failureConverterPath === undefined ? sharedBundle() : bundleWorkflows(key));
  bundles.set(key, bundle);
  return bundle;
}

/** The first test file to need it bundles for all of this run. */
async function sharedBundle(): Promise<{ code: string }> {
  const folder = process.env["TEST_FOLDER"];
  if (!folder) throw new Error("TEST_FOLDER is not set: is this test named *.flow.test.ts?");
  const file = path.join(folder, "workflow-bundle.js");
  const known = await readFile(file, "utf8").catch(() => null);
  if (known !== null) return { code: known };
  const bundle = await bundleWorkflows();
  // Another file may be at it, too: it gets its name when it is whole.
  await writeFile(`${file}.${process.pid}`, bundle.code);
  await rename(`${file}.${process.pid}`, file);
  return bundle;
}

function bundleWorkflows(failureConverterPath?: string): Promise<{ code: string }> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("../workflows/index.ts", import.meta.url)),
    logger: new DefaultLogger("ERROR"),
    ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
  });
}

/** Everything but the processes: a database and a namespace of this file's own, a sandbox without limits, workers in here. */
export async function startStack(settings: Record<string, string> = {}): Promise<TestStack> {
  const [database, temporal, sandbox] = await Promise.all([
    testDatabase(),
    testTemporal(),
    startSandbox({ port: 0, limits: Object.fromEntries(vendors.map(({ name }) => [name, unlimited])) }),
  ]);
  const env = {
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    REDTRACK_API_KEY: "sandbox-713",
    ...Object.fromEntries(
      vendors.flatMap(({ name }) => [
        [settingName(name, "BASE_URL"), `${sandbox.url}/${name}`],
        [settingName(name, "INTERVAL_MS"), "0"],
        [settingName(name, "CONCURRENT"), "8"],
      ]),
    ),
    EVERFLOW_API_KEY: "sandbox-713",
    ANYTRACK_BASE_URL: `${sandbox.url}/anytrack/v1`,
    ANYTRACK_COLLECT_URL: `${sandbox.url}/anytrack`,
    UNAVAILABLE_ATTEMPTS: "2",
    WORKER_SHUTDOWN_GRACE_MS: "500",
    ...settings,
  };
  const config = loadConfig(env, vendors, feeds);
  const redact = createRedactor(config.secrets);
  const connection = await temporal.nativeConnection();
  const converter = dataConverter(config.payloadKey, temporal.namespace);
  const client =
    converter === undefined
      ? temporal.client
      : new Client({ connection: temporal.connection, namespace: temporal.namespace, dataConverter: converter });
  const taskQueue = config.queuePrefix + mainQueue;
  let running: { workers: Worker[]; ended: Promise<unknown> } | undefined;

  const startWorkers = async () => {
    const workers = await createWorkers({
      config,
      database: database.pool,
      sources,
      connection,
      namespace: temporal.namespace,
      redact,
      workflows: { workflowBundle: await workflowBundle(converter?.failureConverterPath) },
    });
    running = { workers, ended: Promise.all(workers.map((worker) => worker.run())) };
  };
  const stopWorkers = async () => {
    for (const worker of running?.workers ?? []) worker.shutdown();
    await running?.ended;
    running = undefined;
  };
  const control = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  await startWorkers();
  return {
    config,
    database,
    temporal,
    client,
    sandboxUrl: sandbox.url,
    taskQueue,
    activities: createSyncActivities({
      database: database.pool,
      config,
      sources,
      gate: createRateGate(database.pool),
      redact,
    }),
    control,
    fault: async (kind, parameters = {}) =>
      void (await control("POST", "/faults", { vendor: "redtrack", kind, ...parameters })),
    calls: async (day) => {
      const { entries } = (await control("GET", "/log?vendor=redtrack")) as { entries: RequestEntry[] };
      return entries.filter((entry) => day === undefined || entry.query["date_from"] === day);
    },
    start: (type, workflowId, ...args) => client.workflow.start(type, { workflowId, taskQueue, args }),
    rows: async <Row extends object>(statement: string, parameters: unknown[] = []) =>
      (await database.pool.query<Row>(statement, parameters)).rows,
    startWorkers,
    stopWorkers,
    stop: async () => {
      await stopWorkers();
      await sandbox.close();
      await temporal.close();
      await database.drop();
    },
  };
}

/** Looks again and again until there is something to see. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined | false | null>,
  patienceMs = 60_000,
): Promise<Found> {
  for (const deadline = Date.now() + patienceMs; ; await wait(40)) {
    const found = await look();
    if (found !== undefined && found !== false && found !== null) return found;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs} ms for ${what}`);
  }
}

/**
 * Tells Temporal at once what it finds out when heartbeats stay away: the worker at this run's activities is gone. That
 * it does find out is for the drills, which wait.
 */
export async function loseAttempts({ temporal }: TestStack, { workflowId }: StartedRun): Promise<void> {
  const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
  const started = (raw.pendingActivities ?? []).filter(({ lastStartedTime }) => lastStartedTime != null);
  if (started.length === 0) throw new Error(`no activity of ${workflowId} was begun`);
  for (const { activityId } of started)
    await temporal.connection.workflowService.respondActivityTaskFailedById({
      namespace: temporal.namespace,
      workflowId,
      activityId: activityId ?? "",
      failure: { message: "the worker was killed", applicationFailureInfo: { type: "WorkerKilled" } },
    });
}

/** How a run that must not succeed ended. */
export async function failureOf(work: Promise<unknown>): Promise<{ type: string; message: string }> {
  try {
    await work;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : error;
    return {
      type: (cause instanceof ApplicationFailure ? cause.type : (cause as Error).name) ?? "",
      message: (cause as Error).message,
    };
  }
  throw new Error("expected a failure");
}

/** What RedTrack says is true, and what the table holds: the same text for the same rows. */
export async function vendorRows(stack: TestStack, client: string, from: string, to: string): Promise<string[]> {
  const rows = (await stack.control("GET", `/dump?vendor=redtrack&client=${client}&from=${from}&to=${to}`)) as Record<
    string,
    string | number
  >[];
  const amounts = new Set(["cost", "revenue", "total_revenue"]);
  const exact = (name: string, value: string | number | undefined) =>
    amounts.has(name) ? sixPlaces(String(value)) : String(value);
  // A row without a source is quarantined: it has no key to be stored under.
  const attributed = rows.filter((row) => row["source_id"] !== "");
  return attributed.map((row) => columns.map((name) => exact(name, row[name])).join(" | ")).sort();
}

export async function storedRows(stack: TestStack, client: string, from: string, to: string): Promise<string[]> {
  const rows = await stack.rows<Record<string, unknown>>(
    `select ${columns.join(", ")} from redtrack.daily_spend where _client_id = $1 and date between $2 and $3`,
    [client, from, to],
  );
  return rows.map((row) => columns.map((name) => String(row[name])).join(" | ")).sort();
}

const columns = [
  "date",
  "source_id",
  "source_name",
  "source_alias",
  "clicks",
  "conversions",
  "total_conversions",
  "cost",
  "revenue",
  "total_revenue",
];

function sixPlaces(decimal: string): string {
  const [whole = "0", places = ""] = decimal.split(".");
  return `${whole}.${places.padEnd(6, "0")}`;
}

/** A workflow id of its own. */
export const uniqueId = (name: string) => `${name}/${randomUUID().slice(0, 8)}`;

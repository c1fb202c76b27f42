import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  type LogLevel,
  type NativeConnectionOptions,
} from "@temporalio/worker";
import { loadConfig, type Config } from "../settings/config.ts";
import { readEnvironment } from "../settings/environment.ts";
import { createLogger, type Logger } from "../core/log.ts";
import { createRedactor, type Redact } from "../core/redact.ts";
import { feeds, sources, vendors } from "../connectors/registry.ts";
import { openColumnStore } from "../schema/clickhouse/column-store.ts";
import { openDatabase } from "../schema/database.ts";
import { temporalAddress } from "../temporal/address.ts";
import { patiently } from "../temporal/connection.ts";
import { sayWhyItEnds } from "./say-why-it-ends.ts";
import { createWorkers } from "./workers.ts";
import { recordSources } from "../queries/sync/sources.ts";

const bootPatienceMs = 120_000;

/** The composition root: reads the settings, opens what is needed, runs one worker per queue until it is stopped. */
async function main(): Promise<void> {
  const env = readEnvironment(process.env);
  // The SDK's own settings reader looks at process.env.
  for (const [name, value] of Object.entries(env)) process.env[name] ||= value;
  const config = loadConfig(env, vendors, feeds);
  const redact = createRedactor(config.secrets);
  const logger = createLogger({ name: "worker", level: config.logLevel, redact });
  installRuntime(config, logger, redact);

  const database = openDatabase({
    url: config.databaseUrl,
    poolMode: config.databasePoolMode,
    poolSize: config.databasePoolSize,
    name: "signal-room worker",
    onError: (error) => logger.warn({ err: error.message }, "an idle Postgres connection broke"),
  });
  const store =
    config.clickhouse === null ? null : openColumnStore({ ...config.clickhouse, name: "signal-room worker" });
  const onWait = (message: string) => logger.info(message);
  await patiently(() => recordSources(database, config.schedules), "Postgres", { waitMs: bootPatienceMs, onWait });
  const { address, namespace, connect } = temporalAddress();
  const connection = await patiently(
    () => NativeConnection.connect(connect as NativeConnectionOptions),
    `Temporal at ${address}`,
    { waitMs: bootPatienceMs, onWait },
  );

  const workers = await createWorkers({
    config,
    database,
    store,
    sources,
    connection,
    namespace,
    redact,
    workflows: workflows(config),
  });
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "stopping: tasks under way may finish");
    for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  // The process that started us has ended, perhaps killed: nothing else would stop us.
  process.on("disconnect", () => stop("the starter is gone"));
  logger.info({ queues: workers.map((worker) => worker.options.taskQueue), namespace, address }, "worker is up");
  process.send?.("ready");
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    await connection.close();
    await store?.close();
    await database.end();
  }
  logger.info("worker has stopped");
  // The channel to the starter is the last that would keep this process.
  if (process.connected) process.disconnect();
}

/** Bundled by the build; without one, from what lies beside this file. */
function workflows({ payloadKey }: Config) {
  const bundle = fileURLToPath(
    new URL(payloadKey === null ? "../workflow-bundle.js" : "../workflow-bundle.encrypted.js", import.meta.url),
  );
  return existsSync(bundle)
    ? { workflowBundle: { codePath: bundle } }
    : { workflowsPath: fileURLToPath(new URL("../workflows/index.ts", import.meta.url)) };
}

/** The SDK's own lines and numbers go where ours go: one log, with the workflow and slice in each line; one metrics address. */
function installRuntime(config: Config, logger: Logger, redact: Redact): void {
  const level = config.logLevel === "silent" ? "ERROR" : (config.logLevel.toUpperCase() as LogLevel);
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger(level, ({ level: lineLevel, message, meta }) => {
      const { workflowId, workflowType, activityType, attempt, taskQueue, error } = (meta ?? {}) as Record<
        string,
        unknown
      >;
      const name = lineLevel.toLowerCase() as "trace" | "debug" | "info" | "warn" | "error";
      logger[name](
        {
          workflowId,
          workflowType,
          activityType,
          attempt,
          taskQueue,
          ...(error === undefined ? {} : { err: redact(error instanceof Error ? error.message : String(error)) }),
        },
        message,
      );
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }), forward: {} },
      ...(config.worker.metricsAddress === null
        ? {}
        : { metrics: { prometheus: { bindAddress: config.worker.metricsAddress, countersTotalSuffix: true } } }),
    },
  });
}

main().catch((error: unknown) => sayWhyItEnds(error, process.env));

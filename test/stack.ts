import { Worker, type WorkflowBundle, bundleWorkflowCode } from "@temporalio/worker";
import { loadConfig, type Config } from "../core/config.ts";
import { createRedactor } from "../core/redact.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { startSandbox } from "../sandbox/server.ts";
import { mainQueue } from "../temporal.config.ts";
import { createWorkers } from "../workers/workers.ts";
import { testDatabase } from "./database.ts";
import { testTemporal } from "./temporal.ts";

export interface TestStack {
  config: Config;
  database: Awaited<ReturnType<typeof testDatabase>>;
  temporal: Awaited<ReturnType<typeof testTemporal>>;
  sandboxUrl: string;
  taskQueue: string;
  /** Sends to the sandbox's control routes. */
  control: (method: string, path: string, body?: unknown) => Promise<unknown>;
  stopWorkers: () => Promise<void>;
  startWorkers: () => Promise<void>;
  stop: () => Promise<void>;
}

let bundle: Promise<WorkflowBundle> | undefined;

/** Everything but the processes: a database and a namespace of this file's own, a sandbox without limits, workers in here. */
export async function startStack(settings: Record<string, string> = {}): Promise<TestStack> {
  const [database, temporal, sandbox] = await Promise.all([
    testDatabase(),
    testTemporal(),
    startSandbox({ port: 0, limits: { redtrack: { perMinute: null, perSecond: null, countTwice: false } } }),
  ]);
  const env = {
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    REDTRACK_API_KEY: "sandbox-713",
    REDTRACK_BASE_URL: `${sandbox.url}/redtrack`,
    REDTRACK_INTERVAL_MS: "0",
    REDTRACK_CONCURRENT: "8",
    UNAVAILABLE_ATTEMPTS: "2",
    WORKER_SHUTDOWN_GRACE_MS: "500",
    ...settings,
  };
  const config = loadConfig(env, vendors, sources);
  const connection = await temporal.nativeConnection();
  let running: { workers: Worker[]; ended: Promise<unknown> } | undefined;

  const startWorkers = async () => {
    bundle ??= bundleWorkflowCode({ workflowsPath: new URL("../workflows/index.ts", import.meta.url).pathname });
    const workers = await createWorkers({
      config,
      database: database.pool,
      sources,
      connection,
      namespace: temporal.namespace,
      redact: createRedactor(config.secrets),
      workflows: { workflowBundle: await bundle },
    });
    running = { workers, ended: Promise.all(workers.map((worker) => worker.run())) };
  };
  const stopWorkers = async () => {
    for (const worker of running?.workers ?? []) worker.shutdown();
    await running?.ended;
    running = undefined;
  };
  await startWorkers();
  return {
    config,
    database,
    temporal,
    sandboxUrl: sandbox.url,
    taskQueue: config.queuePrefix + mainQueue,
    control: async (method, path, body) => {
      const response = await fetch(`${sandbox.url}/_control${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const answer: unknown = await response.json();
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer;
    },
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

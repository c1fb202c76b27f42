import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { WorkflowHandle } from "@temporalio/client";
import protos from "@temporalio/proto";
import { NativeConnection, type Worker } from "@temporalio/worker";
import { createRedactor } from "../core/redact.ts";
import { sources } from "../connectors/registry.ts";
import { startStack, uniqueId, until, workflowBundle, type TestStack } from "../test/stack.ts";
import { createWorkers } from "./workers.ts";

jest.setTimeout(150_000);

const source = "redtrack.daily_spend";
const IN_PROGRESS = protos.temporal.api.enums.v1.RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS;

describe("one worker per queue", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack({ TASK_QUEUE_PREFIX: "blue-", WORKER_QUEUES: "signal-room" });
  });
  afterAll(() => stack.stop());

  test("without the vendor's worker its slices wait, and go on when it is there; the prefix holds for every queue", async () => {
    const handle = await stack.start("syncSlice", uniqueId("slice"), { source, day: "2025-12-01" });
    const waiting = await until("the pull to be scheduled", async () =>
      (await handle.describe()).raw.pendingActivities?.find((activity) => activity.activityType?.name === "pullSlice"),
    );
    expect(waiting.attempt).toBe(1);
    const { config, database, temporal } = stack;
    const vendor = { ...config, worker: { ...config.worker, queues: ["vendor-redtrack"] } };
    const workers = await createWorkers({
      config: vendor,
      database: database.pool,
      sources,
      connection: await temporal.nativeConnection(),
      namespace: temporal.namespace,
      redact: createRedactor([]),
      workflows: {},
    });
    expect(workers.map((worker) => worker.options.taskQueue)).toEqual(["blue-vendor-redtrack"]);
    const ended = Promise.all(workers.map((worker) => worker.run()));
    expect(await handle.result()).toMatchObject({ outcome: "changed" });
    for (const worker of workers) worker.shutdown();
    await ended;
  });

  test("a queue that does not exist is named, with those that do", async () => {
    const { config, database, temporal } = stack;
    const wrong = { ...config, worker: { ...config.worker, queues: ["vendor-nobody"] } };
    const creating = createWorkers({
      config: wrong,
      database: database.pool,
      sources,
      connection: await temporal.nativeConnection(),
      namespace: temporal.namespace,
      redact: createRedactor([]),
      workflows: {},
    });
    await expect(creating).rejects.toThrow(
      "WORKER_QUEUES names vendor-nobody; there are signal-room, ingest, vendor-redtrack",
    );
  });
});

describe("worker versioning", () => {
  let stack: TestStack;
  let second: { workers: Worker[]; ended: Promise<unknown>; connection: NativeConnection } | undefined;
  beforeAll(async () => {
    stack = await startStack({ WORKER_DEPLOYMENT_NAME: "signal-room", WORKER_BUILD_ID: "one" });
  });
  afterAll(async () => {
    for (const worker of second?.workers ?? []) worker.shutdown();
    await second?.ended;
    await second?.connection.close();
    await stack.stop();
  });

  /** Waits until the server has seen the workers of a build, then sends it what starts from now on. */
  const makeCurrent = (buildId: string) =>
    until(
      `the server to take ${buildId} for current`,
      async () => {
        const { workflowService } = stack.temporal.connection;
        const { namespace } = stack.temporal;
        await workflowService
          .setWorkerDeploymentCurrentVersion({ namespace, deploymentName: "signal-room", buildId, identity: "tests" })
          .catch(() => undefined);
        const deployment = await workflowService
          .describeWorkerDeployment({ namespace, deploymentName: "signal-room" })
          .catch(() => undefined);
        const { routingConfig, routingConfigUpdateState } = deployment?.workerDeploymentInfo ?? {};
        // Every queue has to hear of it, too.
        return routingConfig?.currentDeploymentVersion?.buildId === buildId && routingConfigUpdateState !== IN_PROGRESS;
      },
      70_000,
    );

  async function buildOf(handle: WorkflowHandle) {
    const info = (await handle.describe()).raw.workflowExecutionInfo?.versioningInfo;
    return info?.deploymentVersion?.buildId;
  }

  test("workers with a deployment's name and build come up and work once their version is current", async () => {
    await makeCurrent("one");
    const run = await stack.start("backfill", uniqueId("backfill"), { source, from: "2025-12-01", to: "2025-12-02" });
    expect(await run.result()).toMatchObject({ done: 2, failed: 0 });
    expect(await buildOf(run)).toBe("one");
    expect(await buildOf(stack.client.workflow.getHandle(`${source}/713/2025-12-01`))).toBe("one");
  });

  test("a backfill keeps its build to the end of a history, and goes on with the next in the new one", async () => {
    const run = await stack.start(
      "backfill",
      uniqueId("backfill"),
      { source, from: "2025-11-01", to: "2025-11-06" },
      // Held before its first day, until the new build is there.
      { paused: true, slicesPerHistory: 3 },
    );
    await until(
      "the plan on the old build",
      async () => (await buildOf(run)) === "one" && (await run.query<{ days: number }>("progress")).days === 6,
    );
    const { config, database, temporal } = stack;
    const connection = await NativeConnection.connect({ address: temporal.address });
    const workers = await createWorkers({
      config: { ...config, worker: { ...config.worker, deployment: { name: "signal-room", buildId: "two" } } },
      database: database.pool,
      sources,
      connection,
      namespace: temporal.namespace,
      redact: createRedactor(config.secrets),
      workflows: { workflowBundle: await workflowBundle() },
    });
    second = { workers, connection, ended: Promise.all(workers.map((worker) => worker.run())) };
    await makeCurrent("two");
    await run.executeUpdate("resume");
    expect(await run.result()).toMatchObject({ days: 6, done: 6, failed: 0 });
    expect(await buildOf(stack.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId))).toBe("one");
    expect(await buildOf(stack.client.workflow.getHandle(run.workflowId))).toBe("two");
  });
});

import type { ChildProcess } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import protos from "@temporalio/proto";
import type { BenchStack } from "../stack.ts";

const deploymentName = "signal-room";
const namespace = "default";
const patienceMs = 180_000;
/** For so long around the change a new workflow may go to either build: each task queue hears of it by itself. */
const blurMs = 5_000;
const { VersionDrainageStatus } = protos.temporal.api.enums.v1;

export type Build = "one" | "two";

export function workerOf(stack: BenchStack, build: Build): Promise<ChildProcess> {
  return stack.startWorker({ env: { WORKER_DEPLOYMENT_NAME: deploymentName, WORKER_BUILD_ID: build } });
}

/** As `temporal worker deployment set-current-version` does; when it was done. */
export async function makeCurrent({ temporal }: BenchStack, buildId: Build): Promise<Date> {
  const { workflowService } = temporal.connection;
  await patiently(() =>
    workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, identity: "drill" }),
  );
  return new Date();
}

/** Waits until no workflow runs on a build any more; how long that took, in milliseconds. */
export async function untilDrained({ temporal }: BenchStack, buildId: Build): Promise<number> {
  const began = performance.now();
  await patiently(async () => {
    const { workerDeploymentVersionInfo } = await temporal.connection.workflowService.describeWorkerDeploymentVersion({
      ...{ namespace, deploymentVersion: { deploymentName, buildId } },
    });
    const status = workerDeploymentVersionInfo?.drainageInfo?.status ?? null;
    if (status !== VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED)
      throw new Error(`build ${buildId} is not drained (${status})`);
  });
  return performance.now() - began;
}

/** How many workflows each build ran, and how many were on one that they should not have been on. */
export async function countBuilds({ temporal }: BenchStack, switchedAt: Date) {
  const counted = { one: 0, two: 0, strays: 0 };
  for await (const { workflowId, startTime, raw } of temporal.client.workflow.list()) {
    const used = buildsOf(raw.searchAttributes?.indexedFields?.["BuildIds"]?.data);
    if (used.length === 0) continue;
    // The backfill that began before takes its days along.
    const isOfBackfill = workflowId === "cluster" || /^redtrack\.daily_spend\/713\//.test(workflowId);
    const sinceMs = startTime.getTime() - switchedAt.getTime();
    const wanted: Build | null = isOfBackfill ? null : Math.abs(sinceMs) < blurMs ? null : sinceMs < 0 ? "one" : "two";
    for (const build of used) counted[build] += 1;
    if (used.length > 1 || (wanted !== null && used[0] !== wanted)) counted.strays += 1;
  }
  return counted;
}

function buildsOf(data: Uint8Array | null | undefined): Build[] {
  if (data == null) return [];
  const names = JSON.parse(Buffer.from(data).toString()) as string[];
  return (["one", "two"] as const).filter((build) => names.some((name) => name.endsWith(`:${build}`)));
}

/** A version is known only once its workers have asked for work. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await wait(500);
  }
}

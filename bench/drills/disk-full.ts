import { execFile } from "node:child_process";
import { open, mkdir, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { judgeDays, startBackfill, statusOf, untilOver } from "./backfill-kills.ts";
import { finding, notRun, type Drill, type Finding } from "./drill.ts";

const run = promisify(execFile);
const megabytes = 192;
const range = { from: "2025-11-01", to: "2025-12-10" };

interface Pending {
  lastFailure?: { message?: string; applicationFailureInfo?: { type?: string } };
}

export const diskFull: Drill = {
  rows: [6],
  name: "disk-full",
  done: `Postgres on a disk of ${megabytes} MB that fills up during a backfill, and has room again after a while`,
  expected:
    "the days are retried as DatabaseUnavailable, which says that the disk is full, and come in whole once there is room",
  run: async ({ say }) => {
    let disk: string | null = null;
    let reason = "";
    const mount = async (folder: string) => {
      await mkdir(folder, { recursive: true });
      const mounted = await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0755`, "tmpfs", folder]).catch(
        (error: Error) => ((reason = error.message.trim().split("\n").at(-1) ?? ""), null),
      );
      if (mounted === null) throw new NoDisk();
      disk = folder;
    };
    let stack: BenchStack | null = null;
    try {
      stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "50" }, prepare: mount });
      return await fillAndFree(stack, path.join(stack.folder, "postgres"), say);
    } catch (error) {
      if (error instanceof NoDisk) return notRun(`no small disk could be mounted: ${reason}`);
      throw error;
    } finally {
      // The folder on it can only be removed when nothing is mounted there.
      await stack?.stop(async () => {
        if (disk !== null) await run("umount", [disk]);
      });
    }
  },
};

class NoDisk extends Error {}

async function fillAndFree(stack: BenchStack, disk: string, say: (line: string) => void): Promise<Finding> {
  const ballast = path.join(disk, "ballast");
  await stack.startWorker();
  await startBackfill(stack, "drill", range);
  while ((await countSlices(stack)) < 5) await wait(50);
  await fill(ballast, disk);
  say("the disk is full");
  const failures = new Map<string, string>();
  const isNamed = () => [...failures.values()].some((message) => message.includes("its disk is full"));
  const deadline = Date.now() + 60_000;
  while (!isNamed() && Date.now() < deadline) {
    for (const { type, message } of await pendingFailures(stack)) failures.set(`${type} ${message}`, message);
    await wait(100);
  }
  const meanwhile = await statusOf(stack, "drill");
  await rm(ballast);
  say("the disk has room again");
  await untilOver(stack, "drill");
  const found = await judgeDays(stack, range);
  const said = [...failures.keys()].join("; ");
  const areRetried = [...failures.keys()].every((failure) => failure.startsWith("DatabaseUnavailable "));
  return finding(
    found.state === "held" && meanwhile === "RUNNING" && areRetried && isNamed(),
    `while full: ${said === "" ? "no failure" : said}, the backfill ${meanwhile}; afterwards: ${found.seen}`,
  );
}

async function fill(ballast: string, disk: string): Promise<void> {
  const file = await open(ballast, "w");
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
  const { bavail } = await statfs(disk);
  if (bavail > 16) throw new Error(`the disk is not full: ${bavail} blocks are free`);
}

async function countSlices({ database }: BenchStack): Promise<number> {
  return (await database.query<{ count: number }>("select count(*) from ops.slices")).rows[0]?.count ?? 0;
}

/** How what is being retried failed. */
async function pendingFailures({ temporal }: BenchStack): Promise<{ type: string; message: string }[]> {
  const failures: { type: string; message: string }[] = [];
  for await (const { workflowId } of temporal.client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
    for (const { lastFailure } of (raw as { pendingActivities?: Pending[] }).pendingActivities ?? [])
      if (lastFailure?.applicationFailureInfo?.type != null)
        failures.push({ type: lastFailure.applicationFailureInfo.type, message: lastFailure.message ?? "" });
  }
  return failures;
}

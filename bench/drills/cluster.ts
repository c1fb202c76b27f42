import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { killChild } from "../children.ts";
import { makeClaims, startReconStack, type Claim, type ReconStack } from "../recon-stack.ts";
import type { BenchStack } from "../stack.ts";
import { startTemporalCluster, type TemporalCluster } from "../temporal-cluster/cluster.ts";
import { watchProgress, type Progress } from "../temporal-cluster/progress.ts";
import { countDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { countBuilds, makeCurrent, untilDrained, workerOf } from "../temporal-cluster/releases.ts";
import { findServerBinaries } from "../temporal-cluster/server-binaries.ts";
import { finding, notRun, type Drill, type DrillSetup } from "./drill.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";
import { scheduleSweep } from "./recon-storm.ts";

const range = { from: "2024-12-19", to: "2025-12-18" };
const again = { from: "2025-12-09", to: "2025-12-18" };
const days = 365;
const submissions = 300;
/** One of each is killed, in this order; then a worker of ours. */
const strikes = ["history", "frontend", "matching", "worker"] as const;
const awayMs = 5_000;
const followedMs = 12_000;
const patienceMs = 300_000;

export const cluster: Drill = {
  rows: [],
  name: "cluster",
  done: `a cluster of Temporal's own server on Postgres (two each of history, matching and frontend, one worker role), two workers and an API; a backfill of ${days} days and ${submissions} submissions, while one of each is killed and a new build takes over`,
  expected:
    "every row as the vendor has it, a verdict for each submission, none twice; what began on the old build ends there, what begins later runs on the new one, and the old one drains",
  run: async (setup) => {
    if (process.platform !== "linux")
      return notRun("its nodes have an address each on loopback (127.0.9.x), which only Linux has from the start");
    const binaries = await findServerBinaries(setup.say);
    if (typeof binaries === "string") return notRun(binaries);
    let temporal: TemporalCluster | null = null;
    const recon = await startReconStack(
      24,
      { REDTRACK_INTERVAL_MS: "450", WORKER_SHUTDOWN_GRACE_MS: "2000", LOG_LEVEL: "warn" },
      { temporal: async (of) => (temporal = await startTemporalCluster({ ...of, binaries })) },
    );
    try {
      if (temporal === null) throw new Error("the cluster did not start");
      return await work(recon, temporal, setup);
    } finally {
      await recon.stack.stop();
    }
  },
};

async function work(recon: ReconStack, temporal: TemporalCluster, { say }: DrillSetup) {
  const { stack, affiliates, playAds, startApi } = recon;
  const { claims, shared } = makeClaims(affiliates, submissions);
  await playAds(claims.map(({ ad }) => ad));
  const old = await Promise.all([workerOf(stack, "one"), workerOf(stack, "one")]);
  await makeCurrent(stack, "one");
  await startApi();
  await scheduleSweep(stack);
  const progress = watchProgress(stack.database);
  await startBackfill(stack, "cluster", range, 8);
  const sending = submitAlong(recon, [...claims], progress);

  const kills = await killOneOfEach(temporal, progress, say);
  await progress.untilStored(180);
  const worker = await strike(progress, {
    kill: () => killChild(old[0]),
    start: async () => void (old[0] = await workerOf(stack, "one")),
  });
  kills.push({ what: "worker of ours", ...worker });
  say(`killed a worker of ours: nothing was finished for ${worker.pauseMs.toFixed(0)} ms`);

  await progress.untilStored(215);
  const fresh = [await workerOf(stack, "two"), await workerOf(stack, "two")];
  const switchedAt = await makeCurrent(stack, "two");
  say(`${fresh.length} workers of the new build are there, and new workflows go to them`);
  await Promise.all([untilOver(stack, "cluster"), sending]);
  await untilJudged(stack.database, patienceMs);
  const ms = progress.stop();
  const drainedMs = await untilDrained(stack, "one");
  await Promise.all(old.map(endGently));
  say(`the old build is drained, and its workers are stopped`);
  await startBackfill(stack, "again", again);
  await untilOver(stack, "again");
  return judge({ stack, shared, kills, switchedAt, drainedMs, ms });
}

/** One process of each role, one after the other, each away for some seconds. */
async function killOneOfEach({ nodes }: TemporalCluster, progress: Progress, say: DrillSetup["say"]) {
  const kills: Kill[] = [];
  for (const [index, role] of strikes.entries()) {
    await progress.untilStored(40 + 35 * index);
    const node = nodes.find((one) => one.role === role);
    if (node === undefined) throw new Error(`there is no ${role}`);
    const kill = await strike(progress, node);
    kills.push({ what: role === "worker" ? "its worker role" : role, ...kill });
    say(`killed ${node.name}: nothing was finished for ${kill.pauseMs.toFixed(0)} ms`);
  }
  return kills;
}

interface Kill {
  what: string;
  /** For how long nothing was finished at all. */
  pauseMs: number;
  /** How much later all is than it would have been at the pace before it. */
  lostMs: number;
}

async function strike(progress: Progress, part: { kill: () => Promise<void>; start: () => Promise<void> }) {
  const began = performance.now();
  await part.kill();
  await wait(awayMs);
  await part.start();
  return progress.follow(began, followedMs);
}

/** Submissions for as long as the backfill goes on, each sent again until it is taken. */
async function submitAlong({ submit }: ReconStack, queue: Claim[], progress: Progress): Promise<void> {
  for (const [index, claim] of queue.entries()) {
    // The last come after the release.
    await progress.untilStored(Math.floor((index * (days - 40)) / queue.length));
    for (;;) {
      const answer = await submit(claim);
      if (answer !== null && answer.status < 300) break;
      if (answer !== null && answer.status < 500) throw new Error(`a submission was answered ${answer.status}`);
      await wait(100);
    }
  }
}

async function endGently(worker: ChildProcess): Promise<void> {
  const gone = once(worker, "exit");
  worker.kill("SIGTERM");
  await gone;
}

async function judge(of: {
  stack: BenchStack;
  shared: number;
  kills: Kill[];
  switchedAt: Date;
  drainedMs: number;
  ms: number;
}) {
  const { stack, shared, kills, switchedAt, drainedMs, ms } = of;
  const found = await countDays(stack, range);
  const books = await checkBooks(stack.database, { distinct: submissions, shared });
  const builds = await countBuilds(stack, switchedAt);
  const costs = kills.map(
    ({ what, pauseMs, lostMs }) => `${what} ${(pauseMs / 1_000).toFixed(1)} and ${(lostMs / 1_000).toFixed(1)} s`,
  );
  const holds =
    found.lost + found.doubled + found.differences === 0 &&
    found.costStored === found.costVendor &&
    found.current === days &&
    found.firsts === found.rows &&
    books.isGood &&
    builds.strays === 0 &&
    builds.one > days &&
    builds.two > submissions / 10;
  return finding(
    holds,
    `${found.rows} rows of ${found.current} days: lost ${found.lost}, doubled ${found.doubled}, ${found.differences} differ; ${books.found["logs"]} verdicts for ${submissions} submissions${books.off}; in ${(ms / 1_000).toFixed(0)} s; the longest pause and what each kill cost: ${costs.join(", ")}; workflows: ${builds.one} on the old build, ${builds.two} on the new, ${builds.strays} on the wrong one; drained after ${(drainedMs / 1_000).toFixed(0)} s`,
  );
}

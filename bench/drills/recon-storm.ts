import type { ChildProcess } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { applySchedules } from "../../temporal/schedules.ts";
import { loadConfig } from "../../settings/config.ts";
import { feeds, vendors } from "../../connectors/registry.ts";
import { plannedSchedules } from "../../temporal.config.ts";
import { killChild } from "../children.ts";
import { makeClaims, startReconStack, type Claim, type ReconStack } from "../recon-stack.ts";
import type { BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";

const submissions = 500;
const connections = 20;
const rounds = 2;
const patienceMs = 300_000;
const restMs = (9_000 * rounds * connections) / submissions;
// Every third is sent twice, somewhere else in the queue: with a key, or as the same content.
const distinct = Math.ceil((submissions * 2) / 3);

export const reconStorm: Drill = {
  rows: [27],
  name: "recon-storm",
  done: `${submissions} submissions, a third of them twice, over ${connections} connections; worker, API and Postgres killed ${rounds} times each`,
  expected: "a report for each distinct submission, a log for each attempt, trust as recomputed, no alert twice",
  run: async ({ say }) => {
    const recon = await startReconStack(24, { RECON_FIRST_WAIT_MS: "500" });
    const { stack, affiliates, playAds } = recon;
    try {
      const { claims, shared } = makeClaims(affiliates, distinct);
      await playAds(claims.map(({ ad }) => ad));
      const queue = [...claims, ...claims.slice(0, submissions - distinct)]
        .map((claim, index) => ({ claim, order: (index * 7_919) % submissions }))
        .sort((left, right) => left.order - right.order)
        .map(({ claim }) => claim);
      const { again, split } = await submitAndKill(recon, queue, say);
      await untilJudged(stack.database, patienceMs);
      const { isGood, off, found } = await checkBooks(stack.database, { distinct, shared });
      return finding(
        isGood && split === 0,
        `${submissions} taken, ${again} sent again, ${found["reports"]} reports, ${found["logs"]} logs, ${split} answered with two reports${off}`,
      );
    } finally {
      await stack.stop();
    }
  },
};

/** The sweep that starts reports that were not started, as a deployment has it. */
export async function scheduleSweep(stack: BenchStack): Promise<void> {
  const planned = plannedSchedules(loadConfig(stack.env, vendors, feeds));
  await applySchedules(
    stack.temporal.client,
    planned.filter(({ scheduleId }) => scheduleId.endsWith("sweep-reports")),
  );
}

/** Whoever gets no answer sends again. */
async function submitAndKill({ stack, startApi, submit }: ReconStack, queue: Claim[], say: DrillSetup["say"]) {
  const running: Record<"worker" | "api", ChildProcess> = {
    api: await startApi(),
    worker: await stack.startWorker(),
  };
  await scheduleSweep(stack);

  let sent = 0;
  let again = 0;
  const reportOf = new Map<Claim, Set<string>>();
  const lane = async () => {
    for (let claim = queue.shift(); claim !== undefined; claim = queue.shift()) {
      for (;;) {
        const answer = await submit(claim);
        if (answer !== null && (answer.status === 202 || answer.status === 200)) {
          reportOf.set(claim, (reportOf.get(claim) ?? new Set()).add(answer.reportId));
          break;
        }
        if (answer !== null && answer.status < 500) throw new Error(`answered ${answer.status}`);
        again += 1;
        await wait(50);
      }
      sent += 1;
      // A server is back within seconds: slow enough that every kill strikes something.
      await wait(restMs);
    }
  };
  const sending = Promise.all(Array.from({ length: connections }, lane));
  const until = async (count: number) => {
    while (sent < count) await wait(10);
  };
  const kill = async (name: "worker" | "api", start: () => Promise<ChildProcess>) => {
    await killChild(running[name]);
    running[name] = await start();
    say(`killed the ${name} at ${sent} of ${submissions} submissions`);
  };
  const steps = 3 * rounds + 1;
  for (let round = 0; round < rounds; round += 1) {
    await until((submissions * (3 * round + 1)) / steps);
    await kill("worker", stack.startWorker);
    await until((submissions * (3 * round + 2)) / steps);
    await kill("api", startApi);
    await until((submissions * (3 * round + 3)) / steps);
    await stack.restartPostgres();
    say(`killed Postgres at ${sent} of ${submissions} submissions`);
  }
  await sending;
  return { again, split: [...reportOf.values()].filter((ids) => ids.size > 1).length };
}

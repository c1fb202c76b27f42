import { setTimeout as wait } from "node:timers/promises";
import { makeClaims, startReconStack, type Claim, type ReconStack } from "../recon-stack.ts";
import { finding, type Drill } from "./drill.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";
import { scheduleSweep } from "./recon-storm.ts";

const submissions = 200;
const connections = 20;
const secondsAway = 60;
const patienceMs = 300_000;

export const reconAway: Drill = {
  rows: [3],
  name: "recon-away",
  done: `${submissions} submissions while Temporal is killed and away for ${secondsAway} s`,
  expected: "each is answered 202 meanwhile, and has its verdict after Temporal's return",
  run: async () => {
    const recon = await startReconStack(24);
    const { stack, affiliates, playAds, startApi } = recon;
    try {
      const { claims, shared } = makeClaims(affiliates, submissions);
      await playAds(claims.map(({ ad }) => ad));
      await startApi();
      await stack.startWorker();
      await scheduleSweep(stack);
      let back: Promise<void> | undefined;
      // What is submitted before it is gone has its verdict at once.
      await new Promise<void>((gone) => {
        back = stack.restartTemporal(secondsAway * 1_000, gone);
      });
      const { answers, slowestMs } = await submitAll(recon, [...claims]);
      const { rows } = await stack.database.query<{ judged: number }>(
        "select count(*)::int as judged from recon.reconciliation_logs",
      );
      const judged = rows[0]?.judged ?? 0;
      await back;
      await untilJudged(stack.database, patienceMs);
      const { isGood, off, found } = await checkBooks(stack.database, { distinct: submissions, shared });
      const accepted = answers.get("202") ?? 0;
      return finding(
        isGood && accepted === submissions && judged === 0,
        `answers ${JSON.stringify(Object.fromEntries(answers))}, the slowest after ${slowestMs.toFixed(0)} ms; ${judged} verdicts meanwhile, ${found["logs"]} afterwards${off}`,
      );
    } finally {
      await stack.stop();
    }
  },
};

async function submitAll({ submit }: ReconStack, queue: Claim[]) {
  const answers = new Map<string, number>();
  let slowestMs = 0;
  // Spread over the whole absence, but for its last seconds.
  const restMs = ((secondsAway - 5) * 1_000 * connections) / submissions;
  const lane = async () => {
    for (let claim = queue.shift(); claim !== undefined; claim = queue.shift()) {
      const began = performance.now();
      const answer = await submit(claim);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      const status = String(answer?.status ?? "none");
      answers.set(status, (answers.get(status) ?? 0) + 1);
      await wait(restMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return { answers, slowestMs };
}

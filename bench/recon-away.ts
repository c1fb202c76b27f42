// Submissions while Temporal is away: killed, gone for a minute, back with its file. Every submission is answered 202
// meanwhile, as what was accepted lies in a table; afterwards a sweep starts what nobody started.
// npm run away:recon -- [submissions] [connections] [seconds away]
import { setTimeout as wait } from "node:timers/promises";
import { applySchedules } from "../temporal/schedules.ts";
import { loadConfig } from "../settings/config.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { plannedSchedules } from "../temporal.config.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";
import { makeClaims, startReconStack } from "./recon-stack.ts";

const [submissions = 200, connections = 20, secondsAway = 60] = process.argv.slice(2).map(Number);
const patienceMs = 150_000;

const { stack, affiliates, playAds, startApi, submit } = await startReconStack(24);
let failed = true;
try {
  const { claims, shared } = makeClaims(affiliates, submissions);
  await playAds(claims.map(({ ad }) => ad));
  await startApi();
  await stack.startWorker();
  const config = loadConfig(stack.env, vendors, sources);
  const sweep = plannedSchedules(config).filter(({ scheduleId }) => scheduleId.endsWith("sweep-reports"));
  await applySchedules(stack.temporal.client, sweep);

  const answers = new Map<string, number>();
  let slowestMs = 0;
  const queue = [...claims];
  // Spread over the whole absence, but for its last seconds.
  const restMs = (Math.max(1, secondsAway - 5) * 1_000 * connections) / submissions;
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
  const back = stack.restartTemporal(secondsAway * 1_000);
  await Promise.all(Array.from({ length: connections }, lane));
  const { rows } = await stack.database.query<{ judged: number }>(
    "select count(*)::int as judged from recon.reconciliation_logs",
  );
  console.log(
    `Temporal away for ${secondsAway} s: answers ${JSON.stringify(Object.fromEntries(answers))}, the slowest after ${slowestMs.toFixed(0)} ms; ${rows[0]?.judged ?? 0} judged meanwhile`,
  );
  await back;
  const began = performance.now();
  await untilJudged(stack.database, patienceMs);
  const { isGood, found } = await checkBooks(stack.database, { distinct: submissions, shared });
  const good = isGood && answers.size === 1 && answers.get("202") === submissions && rows[0]?.judged === 0;
  console.log(
    `${good ? "ok  " : "FAIL"} all judged ${((performance.now() - began) / 1_000).toFixed(0)} s after its return: ${JSON.stringify(found)}`,
  );
  failed = !good;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

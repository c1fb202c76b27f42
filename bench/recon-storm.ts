// Submissions under fire: a third of them sent twice, over many connections, while the worker, the API and Postgres are
// killed. Whoever gets no answer sends again. At the end there is one report per distinct submission, one log per report
// and attempt, trust equal to a recomputation, and no alert twice.
// npm run storm:recon -- [submissions] [connections] [rounds of kills]
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { applySchedules } from "../temporal/schedules.ts";
import { loadConfig } from "../settings/config.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { plannedSchedules } from "../temporal.config.ts";
import { checkBooks, untilJudged } from "./recon-books.ts";
import { makeClaims, startReconStack, type Claim } from "./recon-stack.ts";

const [submissions = 500, connections = 20, rounds = 2] = process.argv.slice(2).map(Number);
const patienceMs = 180_000;
const restMs = (9_000 * rounds * connections) / submissions;

const { stack, affiliates, playAds, startApi, submit } = await startReconStack(24, { RECON_FIRST_WAIT_MS: "500" });
let failed = true;
try {
  // Every third is sent twice, somewhere else in the queue: with a key, or as the same content.
  const distinct = Math.ceil((submissions * 2) / 3);
  const { claims, shared } = makeClaims(affiliates, distinct);
  await playAds(claims.map(({ ad }) => ad));
  const queue = [...claims, ...claims.slice(0, submissions - distinct)]
    .map((claim, index) => ({ claim, order: (index * 7_919) % submissions }))
    .sort((left, right) => left.order - right.order)
    .map(({ claim }) => claim);

  const running: Record<"worker" | "api", ChildProcess> = {
    api: await startApi(),
    worker: await stack.startWorker(),
  };
  const config = loadConfig(stack.env, vendors, sources);
  const ours = plannedSchedules(config).filter(({ scheduleId }) => scheduleId.endsWith("sweep-reports"));
  await applySchedules(stack.temporal.client, ours);

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
    const gone = once(running[name], "exit");
    running[name].kill("SIGKILL");
    await gone;
    running[name] = await start();
    console.log(`killed the ${name} at ${sent} of ${submissions} submissions`);
  };
  const steps = 3 * rounds + 1;
  for (let round = 0; round < rounds; round += 1) {
    await until((submissions * (3 * round + 1)) / steps);
    await kill("worker", stack.startWorker);
    await until((submissions * (3 * round + 2)) / steps);
    await kill("api", startApi);
    await until((submissions * (3 * round + 3)) / steps);
    await stack.restartPostgres();
    console.log(`killed Postgres at ${sent} of ${submissions} submissions`);
  }
  await sending;
  console.log(`${sent} submissions taken, ${again} sent again`);

  await untilJudged(stack.database, patienceMs);
  const split = [...reportOf.values()].filter((ids) => ids.size > 1).length;
  const { isGood, found } = await checkBooks(stack.database, { distinct, shared });
  const good = isGood && split === 0;
  console.log(
    `${good ? "ok  " : "FAIL"} ${distinct} distinct submissions of ${submissions}, ${split} answered with two reports: ${JSON.stringify(found)}`,
  );
  failed = !good;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

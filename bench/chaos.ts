// Kills what works, again and again, during a 60-day backfill, and compares the end with the sandbox row by row.
// npm run chaos -- [worker kills] [server kills]
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { addDays } from "../core/days.ts";
import { mainQueue } from "../temporal.config.ts";
import { compareWithSandbox, startBenchStack, type BenchStack } from "./stack.ts";

const [workerKills = 50, serverKills = 3] = process.argv.slice(2).map(Number);
const from = "2025-10-20";
const to = addDays(from, 59);
const source = "redtrack.daily_spend";
// Deterministic, so that a bad ending can be looked for again.
let seed = Number(process.env["SEED"] ?? 7);
const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;

const stack = await startBenchStack({
  temporalOnFile: true,
  settings: { REDTRACK_INTERVAL_MS: "200", WORKER_SHUTDOWN_GRACE_MS: "0" },
});
let failed = true;
try {
  let rounds = 0;
  let killed = 0;
  while (killed < workerKills) {
    rounds += 1;
    killed += await killWorkers(workerKills - killed, rounds);
  }
  await check(`${killed} kills of the worker over ${rounds} backfills`);
  await killServers("Postgres", stack.restartPostgres, rounds + 1);
  await check(`${serverKills} kills of Postgres`);
  await killServers("Temporal", stack.restartTemporal, rounds + 2);
  await check(`${serverKills} kills of Temporal`);
  failed = false;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

async function begin(round: number) {
  // Every round starts from nothing, so that each has rows to lose.
  await stack.database.query(
    "truncate redtrack.daily_spend, ops.slices, ops.receipts, ops.restatements, ops.quarantine, ops.runs, ops.run_failures, ops.alerts",
  );
  const handle = await stack.temporal.client.workflow.start("backfill", {
    workflowId: `chaos/${round}`,
    taskQueue: mainQueue,
    args: [{ source, from, to, parallel: 4 }],
  });
  let over = false;
  const result = handle.result().then(
    (value: unknown) => ((over = true), value),
    (error: unknown) => {
      over = true;
      throw error;
    },
  );
  result.catch(() => undefined);
  return { result, isOver: () => over };
}

async function killWorkers(most: number, round: number): Promise<number> {
  const { result, isOver } = await begin(round);
  let worker: ChildProcess = await stack.startWorker();
  let kills = 0;
  while (!isOver() && kills < most) {
    await wait(200 + random() * 2_500);
    if (isOver()) break;
    const gone = once(worker, "exit");
    worker.kill("SIGKILL");
    await gone;
    kills += 1;
    worker = await stack.startWorker();
    process.stdout.write(`\rround ${round}: ${kills} kills, ${await countSlices(stack)} of 60 days `);
  }
  await result;
  worker.kill("SIGKILL");
  console.log(`\rround ${round}: ${kills} kills, done            `);
  return kills;
}

async function killServers(name: string, restart: () => Promise<void>, round: number): Promise<void> {
  const { result, isOver } = await begin(round);
  const worker = await stack.startWorker();
  for (let kills = 0; kills < serverKills && !isOver(); kills += 1) {
    await wait(1_000 + random() * 2_000);
    await restart();
    console.log(`${name} killed and started again`);
  }
  // The client's own connection may have gone with the server: the workflow's end is asked for anew.
  for (;;) {
    const ended = await result.then(
      () => true,
      () => false,
    );
    if (ended) break;
    const status = await stack.temporal.client.workflow
      .getHandle(`chaos/${round}`)
      .describe()
      .then(
        (description) => description.status.name,
        () => "unreachable",
      );
    if (status === "COMPLETED") break;
    if (status !== "RUNNING" && status !== "unreachable") throw new Error(`the backfill ended as ${status}`);
    await wait(500);
  }
  worker.kill("SIGKILL");
}

async function countSlices({ database }: BenchStack): Promise<number> {
  const { rows } = await database.query<{ count: number }>("select count(*) from ops.slices");
  return rows[0]?.count ?? 0;
}

async function check(what: string): Promise<void> {
  const { rows, differences } = await compareWithSandbox(stack, from, to);
  const ledger = await stack.database.query<Record<string, number>>(
    `select (select count(*) from ops.slices) as slices,
            (select count(*) from ops.slices s join ops.receipts r using (receipt_id) where r.fetch_seq = (select max(fetch_seq) from ops.receipts o where o.slice = r.slice)) as current,
            (select count(*) from (select 1 from redtrack.daily_spend group by _client_id, date, source_id having count(*) > 1) d) as doubles,
            (select count(*) from ops.restatements where kind = 'first') as firsts`,
  );
  const [state] = ledger.rows;
  const good =
    differences.length === 0 &&
    state?.["slices"] === 60 &&
    state["current"] === 60 &&
    state["doubles"] === 0 &&
    state["firsts"] === rows;
  console.log(
    `${good ? "ok  " : "FAIL"} ${what}: ${rows} rows, ${differences.length} differ from the sandbox, ${JSON.stringify(state)}`,
  );
  if (!good) throw new Error(JSON.stringify(differences.slice(0, 5)));
}

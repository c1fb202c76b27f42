import type { ChildProcess } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { addDays } from "../../core/days.ts";
import { inTransaction, type Session } from "../../schema/database.ts";
import {
  startWarehouses,
  warehouseNames,
  type WarehouseName,
  type Warehouses,
} from "../../scripts/embedded/warehouses.ts";
import { mainQueue } from "../../temporal.config.ts";
import { killChild } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { untilOver } from "./backfill-kills.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const killsOfEach = 20;
const days = 4;
const from: Record<WarehouseName, string> = { bigquery: "2025-12-01", snowflake: "2025-12-11" };
const rowsOfDay = 3_000;
const patienceMs = 60_000;

/** Where a worker is held when it is killed: before its rows are written, and after them, before its receipt. */
const moments: { name: string; hold: (session: Session) => Promise<unknown> }[] = [
  {
    name: "before its rows",
    hold: (session) => session.query("select pg_advisory_xact_lock(hashtextextended('rtb.performance/713', 0))"),
  },
  { name: "before its receipt", hold: (session) => session.query("lock table ops.receipts in exclusive mode") },
];

export const warehouseKills: Drill = {
  rows: [1],
  name: "warehouses",
  done: `days of BigQuery and of Snowflake pulled, the worker killed ${killsOfEach} times for each between reading and committing; a query over its cap`,
  expected: "every row once, sums as the warehouse has them, each day paid for once; the query over its cap not run",
  run: async (setup) => {
    const stack = await startBenchStack({ temporalOnFile: true, settings: { WORKER_SHUTDOWN_GRACE_MS: "0" } });
    const warehouses = await startWarehouses(stack.database, { pageRows: 500 });
    try {
      Object.assign(stack.env, warehouses.settings);
      await fillLake(stack);
      const found = [];
      for (const name of warehouseNames) found.push(await killWhilePulled(stack, warehouses, name, setup));
      return finding(
        found.every(({ good }) => good),
        found.map(({ seen }) => seen).join("; "),
      );
    } finally {
      await warehouses.close();
      await stack.stop();
    }
  },
};

async function fillLake({ database }: BenchStack): Promise<void> {
  await database.query(
    "insert into rtb.creatives (_client_id, creative_id, origin) select '713', 'c' || n, 'sandbox' from generate_series(1, 500) n",
  );
  for (const first of Object.values(from))
    await database.query(
      `insert into lake.rows
       select $1::date + d, 'c' || (1 + n % 500), 1000 + n, n % 7, n * 0.013, (array['BR', 'DE', 'US'])[1 + n % 3], (array['mobile', 'desktop'])[1 + n % 2]
         from generate_series(0, ${days - 1}) d, generate_series(1, ${rowsOfDay}) n`,
      [first],
    );
}

async function killWhilePulled(
  stack: BenchStack,
  warehouses: Warehouses,
  name: WarehouseName,
  { say }: DrillSetup,
): Promise<{ good: boolean; seen: string }> {
  const source = `${name}.performance`;
  const env = { RTB_PERFORMANCE_OWNER: name };
  let worker = await stack.startWorker({ env });
  let kills = 0;
  for (let at = 0; at < days; at += 1) {
    const day = addDays(from[name], at);
    const workflowId = `${source}/713/${day}`;
    await stack.temporal.client.workflow.start("syncSlice", {
      workflowId,
      taskQueue: mainQueue,
      args: [{ source, day }],
    });
    for (let kill = 0; kill < killsOfEach / days; kill += 1) {
      const moment = moments[kill % moments.length] ?? moments[0];
      if (moment === undefined) throw new Error("there is no moment to kill at");
      await inTransaction(stack.database, async (session) => {
        await moment.hold(session);
        // An attempt that was waited for has to see that it is lost.
        await untilHeld(stack, session);
        await killChild(worker);
      });
      kills += 1;
      await loseAttempt(stack, workflowId);
      worker = await stack.startWorker({ env });
      say(`${name} ${day}: kill ${kills}, ${moment.name}`);
    }
    await untilOver(stack, workflowId);
  }
  await killChild(worker);
  const jobs = warehouses[name].jobs.length;
  const refused = await refuseDear(stack, warehouses, name);
  const books = await compare(stack, name);
  return {
    good: books.good && jobs === days && refused.good,
    seen: `${name}: ${kills} kills, ${books.seen}, ${jobs} queries paid for ${days} days, ${refused.seen}`,
  };
}

/** Until a worker's session waits for the lock that this session holds. */
async function untilHeld(stack: BenchStack, session: Session): Promise<void> {
  const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]?.pid ?? 0;
  for (const deadline = Date.now() + patienceMs; ; await wait(20)) {
    const { rowCount } = await stack.database.query(
      "select from pg_stat_activity where application_name = 'signal-room worker' and $1 = any(pg_blocking_pids(pid))",
      [pid],
    );
    if (rowCount !== 0) return;
    if (Date.now() > deadline) throw new Error("no worker came as far as its commit");
  }
}

/** Tells Temporal at once what it would find out when heartbeats stay away. */
async function loseAttempt({ temporal }: BenchStack, workflowId: string): Promise<void> {
  const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
  for (const { activityId } of raw.pendingActivities ?? [])
    await temporal.client.workflowService.respondActivityTaskFailedById({
      namespace: "default",
      workflowId,
      activityId: activityId ?? "",
      failure: { message: "the worker was killed", applicationFailureInfo: { type: "WorkerKilled" } },
    });
}

/** A day whose query would read more than its cap. */
async function refuseDear(stack: BenchStack, warehouses: Warehouses, name: WarehouseName) {
  const before = warehouses[name].jobs.length;
  const env: Record<string, string> = { RTB_PERFORMANCE_OWNER: name, [`${name.toUpperCase()}_MAX_BYTES`]: "1000" };
  const worker: ChildProcess = await stack.startWorker({ env });
  const failure = await stack.temporal.client.workflow
    .execute("syncSlice", {
      workflowId: `${name}/dear`,
      taskQueue: mainQueue,
      args: [{ source: `${name}.performance`, day: addDays(from[name], days) }],
    })
    .then(
      () => "it was run",
      (error: { cause?: Error }) => error.cause?.message ?? "it failed",
    );
  await killChild(worker);
  const run = warehouses[name].jobs.length - before;
  return {
    good: run === 0 && failure.includes(`${name.toUpperCase()}_MAX_BYTES allows 1000 bytes`),
    seen: `${run} queries over the cap run`,
  };
}

/** The table beside the lake, every row both ways, its roll-ups, and one receipt that wrote each day. */
async function compare({ database }: BenchStack, name: WarehouseName) {
  const { rows } = await database.query<Record<string, string | number>>(
    `with truth as (
       select creative, day, country, device, sum(impressions) as impressions, sum(clicks) as clicks, sum(cost)::numeric(18,6) as spend
         from lake.rows where day between $1 and $2 group by 1, 2, 3, 4
     ), stored as (
       select c.creative_id, date, geography, device_type, impressions::numeric, clicks::numeric, spend
         from rtb.performance_metrics p join rtb.creatives c on c._client_id = p._client_id and c.id = p.creative_id where date between $1 and $2
     )
     select (select count(*) from truth)::int as wanted, (select count(*) from stored)::int as rows,
            (select count(*) from (select * from truth except all select * from stored) m)::int as missing,
            (select count(*) from (select * from stored except all select * from truth) m)::int as surplus,
            (select count(*) from ops.receipts where source = $3)::int as receipts,
            (select sum(inserted) from ops.receipts where source = $3)::int as inserted,
            ((select sum(spend_all) from rtb.creative_performance) = (select sum(spend) from rtb.performance_metrics))::int as "rolledUp"`,
    [from[name], addDays(from[name], days - 1), `${name}.performance`],
  );
  const { wanted = 0, rows: held, missing, surplus, receipts, inserted, rolledUp } = rows[0] ?? {};
  return {
    good:
      missing === 0 && surplus === 0 && held === wanted && receipts === days && inserted === wanted && rolledUp === 1,
    seen: `${held} of ${wanted} rows, ${missing} missing, ${surplus} too many, ${receipts} receipts, ${inserted} inserted, roll-ups ${rolledUp === 1 ? "the same" : "another"}`,
  };
}

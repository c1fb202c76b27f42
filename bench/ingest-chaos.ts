// Kills the worker again and again while a large file is taken, then Postgres while half of its rows are restated, and compares
// the end with the file row by row.
// npm run chaos:ingest -- [kills of the worker] [kills of Postgres] [rows]
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { IngestAnswer, IngestProgress } from "../activities/files/ingest.ts";
import { inTransaction } from "../schema/database.ts";
import { mainQueue } from "../temporal.config.ts";
import { writePerformanceFile, type PerformanceFile } from "./performance-files.ts";
import { startBenchStack } from "./stack.ts";

const [workerKills = 10, postgresKills = 10, rows = 1_000_000] = process.argv.slice(2).map(Number);
// Deterministic, so that a bad ending can be looked for again.
let seed = Number(process.env["SEED"] ?? 11);
const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;

const stack = await startBenchStack({ temporalOnFile: true, settings: { WORKER_SHUTDOWN_GRACE_MS: "0" } });
const importDir = path.join(stack.folder, "import");
stack.env["IMPORT_DIR"] = importDir;
// Stopped in the middle, it leaves no servers behind.
process.once("SIGTERM", () => void stack.stop().finally(() => process.exit(1)));
let failed = true;
try {
  await mkdir(importDir, { recursive: true });
  const first = await writePerformanceFile(path.join(importDir, "first.csv"), { rows });
  const second = await writePerformanceFile(path.join(importDir, "second.csv"), { rows, changed: 0.5 });
  await stack.database.query("insert into rtb.creatives (_client_id, creative_id) select '713', unnest($1::bigint[])", [
    first.creatives,
  ]);
  let worker = await stack.startWorker();
  const workerWasKilled = await takeAndKill("first.csv", workerKills, async () => {
    const gone = once(worker, "exit");
    worker.kill("SIGKILL");
    await gone;
    worker = await stack.startWorker();
  });
  await check("first.csv", first, `${workerWasKilled} kills of the worker`);
  if (postgresKills > 0) {
    const kills = await takeAndKill("second.csv", postgresKills, stack.restartPostgres);
    await check("second.csv", second, `${kills} kills of Postgres`);
  }
  worker.kill("SIGKILL");
  failed = false;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

/** Takes the file, and kills each attempt at another moment until there were enough. */
async function takeAndKill(file: string, most: number, kill: () => Promise<ChildProcess | void>): Promise<number> {
  const began = Date.now();
  const handle = await stack.temporal.client.workflow.start("ingestFile", {
    workflowId: `chaos/${file}`,
    taskQueue: mainQueue,
    args: [{ path: file }],
  });
  let over = false;
  const result = handle.result().finally(() => (over = true)) as Promise<IngestAnswer>;
  result.catch(() => undefined);
  let kills = 0;
  const phases: string[] = [];
  while (!over && kills < most) {
    if (!(await isWorking())) {
      await wait(20);
      continue;
    }
    await wait(random() * 7_000 * (rows / 1_000_000));
    if (over) break;
    const progress = await progressOf(handle);
    await kill();
    kills += 1;
    phases.push(progress === null ? "?" : `${progress.phase} ${progress.lines}`);
    console.log(`${file}: kill ${kills} at ${phases.at(-1)}`);
  }
  const answer = await result;
  console.log(
    `${file}: ${answer.status}, ${answer.inserted} inserted, ${answer.updated} updated, ${answer.unchanged} unchanged after ${kills} kills and ${((Date.now() - began) / 1_000).toFixed(0)} s`,
  );
  return kills;
}

/** Is an attempt at the file? Seen by its session. */
async function isWorking(): Promise<boolean> {
  const { rowCount } = await stack.database
    .query(
      "select from pg_stat_activity where datname = current_database() and application_name = 'signal-room worker' and xact_start is not null",
    )
    .catch(() => ({ rowCount: 0 }));
  return (rowCount ?? 0) > 0;
}

async function progressOf(handle: { describe: () => Promise<{ raw: unknown }> }): Promise<IngestProgress | null> {
  const { raw } = (await handle.describe()) as {
    raw: { pendingActivities?: { heartbeatDetails?: { payloads?: { data?: Uint8Array }[] } }[] };
  };
  const data = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
  return data === undefined ? null : (JSON.parse(Buffer.from(data).toString("utf8")) as IngestProgress);
}

/** The table against the file as Postgres itself reads it: every row, both ways, and the sums that were written down with it. */
async function check(name: string, file: PerformanceFile, what: string): Promise<void> {
  const state = await inTransaction(stack.database, async (session) => {
    await session.query("set local statement_timeout = 0");
    await session.query(
      "create temp table truth (creative_id bigint, date date, impressions bigint, clicks bigint, spend numeric(18,6), geography text, device_type text) on commit drop",
    );
    await pipeline(
      createReadStream(path.join(importDir, name)),
      session.query(copyFrom("copy truth from stdin (format csv, header)")),
    );
    const columns = "creative_id, date, impressions, clicks, spend, geography, device_type";
    const { rows: found } = await session.query<Record<string, unknown>>(
      `with stored as (select ${columns} from rtb.performance_metrics)
       select (select count(*) from stored) as rows, (select sum(spend)::numeric(18,2)::text from stored) as spend, (select sum(impressions)::text from stored) as impressions,
              (select count(*) from (select * from truth except all select * from stored) m) as missing,
              (select count(*) from (select * from stored except all select * from truth) m) as surplus,
              (select count(*) from ops.files where name = $1) as files, (select count(*) from ops.quarantine) as quarantined,
              (select sum(spend_all)::numeric(18,2)::text from rtb.creative_performance) as "rolledUp",
              (select count(*) from pg_stat_activity where application_name = 'signal-room worker' and xact_start is not null) as working`,
      [name],
    );
    return found[0] ?? {};
  });
  const { spend, impressions } = file.sum;
  const wanted = {
    rows: file.rows,
    spend,
    impressions,
    missing: 0,
    surplus: 0,
    files: 1,
    quarantined: 0,
    rolledUp: spend,
    working: 0,
  };
  const good = Object.entries(wanted).every(([key, value]) => state[key] === value);
  console.log(`${good ? "ok  " : "FAIL"} ${what}: ${JSON.stringify(state)}`);
  if (!good) throw new Error(`wanted ${JSON.stringify(wanted)}`);
}

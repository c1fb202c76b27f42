import type { ChildProcess } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { IngestProgress } from "../../activities/files/shapes.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { inTransaction } from "../../schema/database.ts";
import { mainQueue } from "../../temporal.config.ts";
import { killChild } from "../children.ts";
import { writePerformanceFile, type PerformanceFile } from "../performance-files.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const kills = 10;
const rows = 300_000;

/** Where a file is taken: by which stack, and from where. */
export interface Taking {
  stack: BenchStack;
  importDir: string;
}

export const ingestKills: Drill = {
  rows: [1, 4],
  name: "ingest-kills",
  done: `a file of ${rows.toLocaleString("en")} lines, the worker killed ${kills} times; half of it restated, Postgres killed ${kills} times`,
  expected: "the table as Postgres itself reads the file, and the sums with it",
  run: async (setup) => {
    const stack = await startBenchStack({ temporalOnFile: true, settings: { WORKER_SHUTDOWN_GRACE_MS: "0" } });
    try {
      const importDir = path.join(stack.folder, "import");
      stack.env["IMPORT_DIR"] = importDir;
      await mkdir(importDir, { recursive: true });
      return await killWhileTaken({ stack, importDir }, setup);
    } finally {
      await stack.stop();
    }
  },
};

async function killWhileTaken(taking: Taking, setup: DrillSetup) {
  const { stack, importDir } = taking;
  const first = await writePerformanceFile(path.join(importDir, "first.csv"), { rows });
  const second = await writePerformanceFile(path.join(importDir, "second.csv"), { rows, changed: 0.5 });
  await stack.database.query(
    "insert into rtb.creatives (_client_id, id, creative_id) select '713', n, n from unnest($1::bigint[]) n",
    [first.creatives],
  );
  let worker = await stack.startWorker();
  const ofWorker = await takeAndKill(taking, setup, "first.csv", async () => {
    await killChild(worker);
    worker = await stack.startWorker();
  });
  const afterFirst = await compare(taking, "first.csv", first);
  const ofPostgres = await takeAndKill(taking, setup, "second.csv", stack.restartPostgres);
  const afterSecond = await compare(taking, "second.csv", second);
  return finding(
    afterFirst.good && afterSecond.good,
    `${ofWorker} kills of the worker: ${afterFirst.seen}; ${ofPostgres} of Postgres: ${afterSecond.seen}`,
  );
}

/** Takes the file, and kills each attempt at another moment until there were enough. */
async function takeAndKill(
  { stack }: Taking,
  { random, say }: DrillSetup,
  file: string,
  kill: () => Promise<ChildProcess | void>,
): Promise<number> {
  const handle = await stack.temporal.client.workflow.start("ingestFile", {
    workflowId: `drill/${file}`,
    taskQueue: mainQueue,
    args: [{ path: file }],
  });
  let over = false;
  const result = handle.result().finally(() => (over = true)) as Promise<IngestAnswer>;
  result.catch(() => undefined);
  let struck = 0;
  while (!over && struck < kills) {
    if (!(await isWorking(stack))) {
      await wait(20);
      continue;
    }
    await wait(random() * 7_000 * (rows / 1_000_000));
    if (over) break;
    const progress = await progressOf(handle);
    await kill();
    struck += 1;
    say(`${file}: kill ${struck} at ${progress === null ? "?" : `${progress.phase} ${progress.lines}`}`);
  }
  const answer = await result;
  say(
    `${file}: ${answer.status}, ${answer.inserted} inserted, ${answer.updated} updated, ${answer.unchanged} unchanged`,
  );
  return struck;
}

/** Is an attempt at the file? Seen by its session. */
export async function isWorking(stack: BenchStack): Promise<boolean> {
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
export async function compare({ stack, importDir }: Taking, name: string, file: PerformanceFile) {
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
              (select count(*) from ops.files where name = $1) as files, (select count(*) from ops.quarantine where source = 'rtb.performance') as quarantined,
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
  const off = Object.entries(wanted).filter(([key, value]) => state[key] !== value);
  return {
    good: off.length === 0,
    seen: `${state["rows"]} rows, ${state["missing"]} missing, ${state["surplus"]} too many${off.map(([key, value]) => `, ${key} ${state[key]} and not ${value}`).join("")}`,
  };
}

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { projectRoot } from "../../settings/environment.ts";
import type { Session } from "../../schema/database.ts";
import { s3Keys, startS3, type TestS3 } from "../../test/s3.ts";
import {
  failureOf,
  loseAttempts,
  startStack,
  uniqueId,
  until,
  type StartedRun,
  type TestStack,
} from "../../test/stack.ts";
import type { FilesWatched } from "./watch-files.ts";

jest.setTimeout(120_000);

let stack: TestStack;
let s3: TestS3;
let folder: string;
let child: ChildProcess | undefined;
let holder: Session | undefined;

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
const rows = 20_000;
const geographies = ["BR", "US", "DE", "FR", "NA", "IE", "PT", "ES", "IT", "GB"];
const file = [
  header,
  ...Array.from({ length: rows }, (_, row) => {
    const day = new Date(Date.UTC(2024, 0, 1 + Math.floor(row / 30))).toISOString().slice(0, 10);
    return `79783,${day},${100 + row},${row % 90},${row % 500}.25,${geographies[row % 10]},${["mobile", "desktop", "tablet"][Math.floor(row / 10) % 3]}`;
  }),
].join("\n");
const spend = Array.from({ length: rows }, (_, row) => (row % 500) * 100 + 25).reduce((sum, cents) => sum + cents, 0);

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "ingest-kill-"));
  await mkdir(path.join(folder, "713"));
  await writeFile(path.join(folder, "713/day.csv"), `${file}\n1,2024-01-01,1,1,1,BR,mobile\n`);
  s3 = await startS3("reports");
  stack = await startStack(settings());
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
});
beforeEach(
  async () =>
    void (await stack.rows(
      "truncate rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.watched_files, ops.quarantine, ops.alerts",
    )),
);
afterEach(async () => {
  await release();
  child?.kill("SIGKILL");
});
afterAll(async () => {
  await stack.stop();
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});

function settings(): Record<string, string> {
  return {
    IMPORT_DIR: folder,
    INGEST_STILL_SECONDS: "0",
    S3_ENDPOINT: s3.endpoint,
    S3_ACCESS_KEY_ID: s3Keys.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3Keys.secretAccessKey,
    INGEST_S3_WATCH: "s3://reports/daily/",
  };
}

/** A worker as a process of its own, so that it can die and freeze as processes do. */
async function startProcess(): Promise<ChildProcess> {
  const { temporal, database } = stack;
  child = spawn(process.execPath, ["--import", "./test/register-typescript.js", "workers/main.ts"], {
    cwd: projectRoot(),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: {
      ...process.env,
      ...settings(),
      NODE_OPTIONS: "",
      NODE_ENV: "test",
      LOG_LEVEL: "silent",
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
    },
  });
  await once(child, "message");
  return child;
}

async function hold(statement: string): Promise<void> {
  holder = await stack.database.pool.connect();
  await holder.query("begin");
  await holder.query(statement);
}
async function release(): Promise<void> {
  await holder?.query("rollback");
  holder?.release();
  holder = undefined;
}
const waitingSessions = () =>
  stack.rows("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");

async function expectTheFileOnce(handle: StartedRun): Promise<void> {
  expect(await handle.result()).toMatchObject({ status: "ingested", lines: rows + 1, inserted: rows, rejected: 1 });
  expect(
    await stack.rows("select count(*) as rows, (sum(spend) * 100)::bigint as cents from rtb.performance_metrics"),
  ).toEqual([{ rows, cents: spend }]);
  expect(
    await stack.rows(
      "select (select count(*) from ops.files) as files, (select count(*) from ops.quarantine) as rejects, (select sum(inserted)::int from ops.file_days) as inserted, (select (sum(spend_all) * 100)::bigint from rtb.creative_performance) as cents",
    ),
  ).toEqual([{ files: 1, rejects: 1, inserted: rows, cents: spend }]);
}

// Other moments, and a worker that freezes: npm run drill -- ingest-moments.
test("a worker that is killed in the merge leaves nothing behind, and the file starts again by itself", async () => {
  await stack.stopWorkers();
  const worker = await startProcess();
  await hold("select pg_advisory_xact_lock(hashtextextended('rtb.performance/713', 0))");
  const handle = await stack.start("ingestFile", uniqueId("ingest"), { path: "713/day.csv" });
  await until("the ingest to be where it is killed", async () => (await waitingSessions()).length > 0, 60_000);
  worker.kill("SIGKILL");
  // What it was waiting for is still held: Postgres notices by itself that nobody is there any more.
  await until("its session to be gone", async () => (await waitingSessions()).length === 0, 15_000);
  await release();
  expect(await stack.rows("select from rtb.performance_metrics limit 1")).toEqual([]);
  await stack.startWorkers();
  await loseAttempts(stack, handle);
  await expectTheFileOnce(handle);
});

test("a cancelled run ends with its transaction, and says so", async () => {
  await hold("select pg_advisory_xact_lock(hashtextextended('rtb.performance/713', 0))");
  const handle = await stack.start("ingestFile", uniqueId("ingest"), { path: "713/day.csv" });
  await until("the merge", async () => (await waitingSessions()).length > 0);
  await handle.cancel();
  expect((await failureOf(handle.result())).type).toBe("CancelledFailure");
  expect(await waitingSessions()).toEqual([]);
  for (const table of ["rtb.performance_metrics", "ops.files", "ops.quarantine", "ops.alerts"])
    expect([table, await stack.rows(`select from ${table}`)]).toEqual([table, []]);
  expect((await handle.describe()).searchAttributes["Outcome"]).toEqual(["cancelled"]);
});

describe("s3", () => {
  const body = `${header}\n79783,2025-11-29,10000,250,125.50,BR,mobile\n`;
  const ingest = async (input: object) =>
    (await (await stack.start("ingestFile", uniqueId("ingest"), input)).result()) as IngestAnswer;

  test("a file is taken from a bucket, and known the second time", async () => {
    await s3.put("by hand/Tag 1.csv", body);
    expect(await ingest({ url: "s3://reports/by hand/Tag 1.csv" })).toMatchObject({
      status: "ingested",
      name: "Tag 1.csv",
      inserted: 1,
    });
    expect(await ingest({ path: "s3://reports/by hand/Tag 1.csv" })).toMatchObject({ status: "already_ingested" });
    expect(await stack.rows("select place, path from ops.files")).toEqual([
      { place: "s3", path: "s3://reports/by hand/Tag 1.csv" },
    ]);
    const failure = await failureOf(
      (await stack.start("ingestFile", uniqueId("ingest"), { url: "s3://reports/none.csv" })).result(),
    );
    expect(failure).toEqual({ type: "InvalidInput", message: "there is no s3://reports/none.csv" });
  });

  test("a prefix is watched: what is new or written over is taken, once", async () => {
    const watch = async () =>
      (await (await stack.start("watchFiles", uniqueId("watch-files"))).result()) as FilesWatched;
    await rm(path.join(folder, "713"), { recursive: true });
    await s3.put("daily/1.csv", body);
    await s3.put("elsewhere/2.csv", body.replace("125.50", "1.00"));
    expect(await watch()).toMatchObject({ taken: [{ path: "s3://reports/daily/1.csv", outcome: "ingested" }] });
    expect(await watch()).toMatchObject({ found: 0 });
    await s3.put("daily/1.csv", body.replace("125.50", "130.00"));
    expect(await watch()).toMatchObject({ taken: [{ path: "s3://reports/daily/1.csv", outcome: "ingested" }] });
    expect(await stack.rows("select spend from rtb.performance_metrics")).toEqual([{ spend: "130.000000" }]);
  });
});

import { randomUUID } from "node:crypto";
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { loadConfig } from "../../settings/config.ts";
import { createRedactor } from "../../core/redact.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import type { Database, Session } from "../../schema/database.ts";
import { s3Keys, startS3 } from "../../test/s3.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "./ingest.ts";
import type { FoundFiles } from "./look-for-files.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import type { IngestInput } from "./input.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "ingest-db-"))]);
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
});
beforeEach(
  async () =>
    void (await database.pool.query(
      "truncate rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.quarantine, ops.alerts",
    )),
);
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
const lines = (days: number) =>
  Array.from(
    { length: days },
    (_, index) => `79783,2025-11-${String((index % 28) + 1).padStart(2, "0")},10,1,0.50,BR,${devices[index % 3]}`,
  );
const devices = ["mobile", "desktop", "tablet"];
const put = (name: string, text: string[]) => writeFile(path.join(folder, name), `${text.join("\n")}\n`);

function activities(pool: Database = database.pool, settings: Record<string, string> = {}) {
  const CREDENTIALS_ENCRYPTION_KEY = Buffer.alloc(32, 7).toString("base64");
  const env = { DATABASE_URL: database.url, IMPORT_DIR: folder, CREDENTIALS_ENCRYPTION_KEY, ...settings };
  const config = loadConfig(env, vendors, sources);
  return createIngestActivities({ database: pool, config, redact: createRedactor(config.secrets) });
}

function environment(runId: string = randomUUID()): MockActivityEnvironment {
  return new MockActivityEnvironment(
    { workflowExecution: { workflowId: "ingest/713/test", runId } },
    { logger: new DefaultLogger("ERROR") },
  );
}

async function take(
  input: IngestInput,
  {
    runId,
    pool,
    inside = environment(runId),
  }: { runId?: string; pool?: Database; inside?: MockActivityEnvironment } = {},
): Promise<IngestAnswer> {
  return (await inside.run(activities(pool).takeFile, input)) as IngestAnswer;
}

const count = async (table: string) =>
  (await database.pool.query<{ rows: number }>(`select count(*) as rows from ${table}`)).rows[0]?.rows;

/** Holds something back in a session of its own, so that an ingest waits where it needs it. */
let holder: Session | undefined;
async function hold(statement: string): Promise<void> {
  holder = await database.pool.connect();
  await holder.query("begin");
  await holder.query(statement);
}
async function release(): Promise<void> {
  await holder?.query("rollback");
  holder?.release();
  holder = undefined;
}
afterEach(() => release());
const readStarts = "lock table rtb.creatives in access exclusive mode";
const mergeStarts = "select pg_advisory_xact_lock(hashtextextended('rtb.performance/713', 0))";

/** An ingest that waits for what is held. */
async function untilWaiting(): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await wait(20)) {
    const { rows } = await database.pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
  }
  throw new Error("no ingest came to where it has to wait");
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error("expected a failure");
    },
    (error: Error) => error,
  );
}

test("an attempt after one that committed answers what that one did", async () => {
  await put("again.csv", [header, ...lines(9), "1,2025-11-01,1,1,1,BR,mobile"]);
  const first = await take({ path: "again.csv" }, { runId: "run-1" });
  const second = await take({ path: "again.csv" }, { runId: "run-1" });
  expect(second).toMatchObject({ status: "ingested", fileId: first.fileId, inserted: 9, rejected: 1 });
  expect(second.errors.map(({ line }) => line)).toEqual([11]);
  expect([await count("ops.files"), await count("ops.quarantine")]).toEqual([1, 1]);
});

describe("a file of JSON records", () => {
  const records = (spend: string) =>
    [79783, 79784].map((id, at) => ({
      creative_id: id,
      date: "2025-11-29",
      impressions: 10 + at,
      clicks: 1,
      spend: at === 0 ? "1234567890.123456" : spend,
    }));
  const textOf = (spend: string) => JSON.stringify(records(spend)).replaceAll(/"spend":"([\d.]+)"/g, '"spend":$1');
  const spends = async () =>
    (
      await database.pool.query<{ spend: string }>(
        "select spend::text from rtb.performance_metrics order by creative_id",
      )
    ).rows.map(({ spend }) => spend);

  test("is stored to the digit, known again, and its rejected records are corrected and read again", async () => {
    await writeFile(path.join(folder, "day.json.gz"), gzipSync(textOf("0.10").replace(",{", ',{"geography":"BR",')));
    const answer = await take({ path: "day.json.gz" });
    // Of two creatives one is not known.
    expect(answer).toMatchObject({ status: "ingested", lines: 2, inserted: 1, rejected: 1, delimiter: "json" });
    expect(answer.errors).toEqual([
      { line: 2, column: "creative_id", reason: expect.stringContaining("79784") as unknown },
    ]);
    expect(await spends()).toEqual(["1234567890.123456"]);
    expect(await take({ path: "day.json.gz" })).toMatchObject({ status: "already_ingested" });

    await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 79784)");
    try {
      const redrive = { client: "713", fileId: answer.fileId ?? 0, after: 0 };
      const done = await environment().run(activities().redriveLines, redrive);
      expect(done).toMatchObject({ tried: 1, resolved: 1, remaining: 0, inserted: 1, reason: null });
      expect(await spends()).toEqual(["1234567890.123456", "0.100000"]);
    } finally {
      await database.pool.query(
        "truncate rtb.performance_metrics; delete from rtb.creatives where creative_id = '79784'",
      );
    }
  });

  test("gives the rows that the same lines give as CSV, also where a field comes late in a large file", async () => {
    const many = Array.from({ length: 12_000 }, (_, at) => ({
      creative_id: 79783,
      date: `2025-${String(1 + (at % 11)).padStart(2, "0")}-${String(1 + (Math.floor(at / 11) % 28)).padStart(2, "0")}`,
      impressions: at,
      clicks: 0,
      spend: at / 8,
      placement: `p${at}`,
      ...(at === 11_999 ? { geography: "BR" } : {}),
    }));
    const csv = many.map(
      (one) =>
        `${one.creative_id},${one.date},${one.impressions},0,${one.spend},${one.placement},${one.geography ?? ""}`,
    );
    await put(
      "large.jsonl",
      many.map((one) => JSON.stringify(one)),
    );
    await put("large.csv", ["creative_id,date,impressions,clicks,spend,placement,geography", ...csv]);
    const json = await take({ path: "large.jsonl" });
    expect(json).toMatchObject({ status: "ingested", rejected: 0, lines: 12_000 });
    const again = await take({ path: "large.csv" });
    expect(again).toMatchObject({ status: "ingested", sums: json.sums, inserted: 0, updated: 0, lines: 12_000 });
  });
});

test("a bucket may hold JSON beside CSV: both are found and imported", async () => {
  const s3 = await startS3("reports");
  const settings = {
    ...{ S3_ENDPOINT: s3.endpoint, INGEST_S3_WATCH: "s3://reports/daily/" },
    ...{ S3_ACCESS_KEY_ID: s3Keys.accessKeyId, S3_SECRET_ACCESS_KEY: s3Keys.secretAccessKey },
  };
  const record = '{"creative_id":79783,"date":"2025-11-29","impressions":7,"clicks":1,"spend":0.30}';
  try {
    await s3.put("daily/a.csv", [header, ...lines(1)].join("\n"));
    await s3.put("daily/b.jsonl.gz", gzipSync(record));
    await s3.put("daily/c.json", `[${record.replace("11-29", "11-30")}]`);
    await s3.put("daily/mapping.json", "{}");
    const own = activities(database.pool, settings);
    const found = (await environment().run(own.lookForFiles)) as FoundFiles;
    const files = found.files.filter(({ place }) => place === "s3");
    expect(files.map(({ path: name }) => name.split("/").at(-1))).toEqual(["a.csv", "b.jsonl.gz", "c.json"]);
    for (const { input } of files)
      expect(await environment().run(own.takeFile, input)).toMatchObject({ status: "ingested", inserted: 1 });
  } finally {
    await s3.close();
  }
});

describe("a mapping file of the import folder", () => {
  const bidder = {
    name: "bidder",
    title: "A bidder of ours",
    columns: {
      creative_id: ["Creative no"],
      date: ["On"],
      impressions: ["Imps"],
      clicks: ["Hits"],
      spend: ["Cost"],
    },
    combine: "later",
  };
  const write = async (name: string, mapping: object | string) => {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await put(name, [typeof mapping === "string" ? mapping : JSON.stringify(mapping)]);
  };
  afterEach(async () => {
    for (const name of ["713", "acme", "mappings"]) await rm(path.join(folder, name), { recursive: true, force: true });
  });

  test("is recognised by a file's header; the client's own, and those for all, but no other client's", async () => {
    await put("bidder.csv", ["Creative no,On,Imps,Hits,Cost", "79783,2025-11-29,10,1,0.5"]);
    await write("acme/mappings/bidder.json", bidder);
    expect(await take({ path: "bidder.csv" })).toMatchObject({ status: "refused" });
    await write("mappings/bidder.json", { ...bidder, name: "for-all" });
    await write("mappings/a-broken.json", "{");
    await write("713/mappings/wrong.json", { ...bidder, combine: "guess" });
    expect(await take({ path: "bidder.csv" })).toMatchObject({ status: "ingested", mapping: "for-all", inserted: 1 });
    await write("713/mappings/bidder.json", bidder);
    expect(await take({ path: "bidder.csv" })).toMatchObject({ status: "ingested", mapping: "bidder", unchanged: 1 });
    await put("nearly.csv", ["Creative no,On,Imps,Cost", "79783,2025-11-29,10,0.5"]);
    expect((await take({ path: "nearly.csv" })).reason).toMatch(/this looks like bidder; it lacks the column "Hits"/);
  });

  test("comes after one that comes with the code where a header is whole in both", async () => {
    await write("mappings/ours.json", { extends: "document", name: "ours" });
    await put("document.csv", [header, ...lines(1)]);
    expect(await take({ path: "document.csv" })).toMatchObject({ status: "ingested", mapping: "document" });
  });

  test("that a file was recognised by: when it changes the watch imports the file again, once, and one that was refused when any does", async () => {
    const { lookForFiles, rememberFiles } = activities();
    const watched = async () => {
      const { files } = (await environment().run(lookForFiles)) as FoundFiles;
      const here = files.filter(({ path: name }) => /^713\/(known|odd|document)\.csv$/.test(name));
      const outcomes: string[] = [];
      for (const file of here) {
        const inside = new MockActivityEnvironment(
          { workflowExecution: { workflowId: file.workflowId, runId: randomUUID() } },
          { logger: new DefaultLogger("ERROR") },
        );
        const { status } = await take(file.input, { inside });
        outcomes.push(`${path.basename(file.path)} ${status}`);
        await environment().run(rememberFiles, [{ ...file, outcome: status }]);
      }
      return outcomes.sort();
    };
    await write("713/mappings/bidder.json", bidder);
    await put("713/known.csv", ["Creative no,On,Imps,Hits,Cost", "79783,2025-11-29,10,1,0.5"]);
    await put("713/odd.csv", ["Creative no,Day,Imps,Hits,Cost", "79783,2025-11-30,10,1,0.5"]);
    await put("713/document.csv", [header, ...lines(1)]);
    expect(await watched()).toEqual(["document.csv ingested", "known.csv ingested", "odd.csv refused"]);
    expect(await watched()).toEqual([]);
    await write("713/mappings/bidder.json", { ...bidder, columns: { ...bidder.columns, date: ["On", "Day"] } });
    expect(await watched()).toEqual(["known.csv ingested", "odd.csv ingested"]);
    expect(await watched()).toEqual([]);
    // Another one says nothing of what was stored.
    await write("mappings/other.json", { ...bidder, name: "other", columns: { ...bidder.columns, date: ["When"] } });
    expect(await watched()).toEqual([]);
    await rm(path.join(folder, "713/mappings/bidder.json"));
    expect(await watched()).toEqual([]);
  });

  test("is another version when what it extends has changed", async () => {
    await put("based.csv", ["Creative no,On,Imps,Hits,Cost", "79783,2025-11-29,10,1,0.5"]);
    await write("713/mappings/bidder.json", bidder);
    await write("713/mappings/based.json", { extends: "bidder", name: "based" });
    const input = { path: "based.csv", mapping: "based" };
    expect(await take(input)).toMatchObject({ status: "ingested" });
    expect(await take(input)).toMatchObject({ status: "already_ingested" });
    await write("713/mappings/bidder.json", { ...bidder, emptyIsZero: ["clicks"] });
    expect(await take(input)).toMatchObject({ status: "ingested", mapping: "based", unchanged: 1 });
  });
});

test("a commit whose answer got lost is looked up, not done again", async () => {
  await put("lost.csv", [header, ...lines(9)]);
  let lost = 0;
  const pool = Object.assign(Object.create(database.pool) as Database, {
    query: database.pool.query.bind(database.pool),
    connect: async () => {
      const session = await database.pool.connect();
      const query = session.query.bind(session) as (text: unknown, values?: unknown[]) => unknown;
      const lossy = (text: unknown, values?: unknown[]) => {
        if (text !== "commit") return query(text, values);
        lost += 1;
        return (query(text) as Promise<unknown>).then(() => {
          throw new Error("Connection terminated unexpectedly");
        });
      };
      return Object.assign(session, { query: lossy });
    },
  });
  expect(await take({ path: "lost.csv" }, { pool })).toMatchObject({ status: "ingested", inserted: 9 });
  expect([lost, await count("ops.files"), await count("rtb.performance_metrics")]).toEqual([1, 1, 9]);
});

test("two runs with the same file at once store it once; the later one is told of the earlier", async () => {
  await put("twins.csv", [header, ...lines(9)]);
  await hold(mergeStarts);
  const both = [take({ path: "twins.csv" }), take({ path: "twins.csv" })];
  await untilWaiting();
  await release();
  const answers = await Promise.all(both);
  expect(answers.map(({ status }) => status).sort()).toEqual(["already_ingested", "ingested"]);
  expect(new Set(answers.map(({ fileId }) => fileId)).size).toBe(1);
  expect([await count("ops.files"), await count("rtb.performance_metrics")]).toEqual([1, 9]);
});

test("an attempt that comes back from the dead after another has committed changes nothing", async () => {
  await put("zombie.csv", [header, ...lines(9), "1,2025-11-01,1,1,1,BR,mobile"]);
  await hold(mergeStarts);
  const zombie = take({ path: "zombie.csv" }, { runId: "run-z" });
  await untilWaiting();
  const second = take({ path: "zombie.csv" }, { runId: "run-z" });
  await wait(300);
  await release();
  const answers = await Promise.all([zombie, second]);
  expect(answers.map(({ status, inserted }) => [status, inserted])).toEqual([
    ["ingested", 9],
    ["ingested", 9],
  ]);
  expect([await count("ops.files"), await count("ops.quarantine"), await count("ops.file_headers")]).toEqual([1, 1, 1]);
});

describe("a file that changes between its two readings is refused, and nothing of it stays:", () => {
  test.each<[string, (file: string) => Promise<unknown>]>([
    ["something is added", (file) => appendFile(file, "79783,2025-11-30,1,1,1,BR,mobile\n")],
    [
      "another takes its place",
      (file) => put("new.csv", [header, ...lines(3)]).then(() => rename(path.join(folder, "new.csv"), file)),
    ],
    ["it is deleted", (file) => rm(file)],
  ])("%s", async (_what, change) => {
    await put("moving.csv", [header, ...lines(9)]);
    await hold(readStarts);
    const taking = take({ path: "moving.csv" });
    await untilWaiting();
    await change(path.join(folder, "moving.csv"));
    await release();
    expect(await taking).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("changed while it was read"),
    });
    expect([await count("rtb.performance_metrics"), await count("ops.quarantine")]).toEqual([0, 0]);
  });
});

describe("a cancelled ingest ends at once, wherever it is, and leaves nothing:", () => {
  test.each([
    ["before the first line", readStarts],
    ["in the merge", mergeStarts],
  ])("%s", async (_where, statement) => {
    await put("cancelled.csv", [header, ...lines(9), "1,2025-11-01,1,1,1,BR,mobile"]);
    await hold(statement);
    const inside = environment();
    const taking = failureOf(take({ path: "cancelled.csv" }, { inside }));
    await untilWaiting();
    const began = Date.now();
    inside.cancel("CANCELLED");
    expect(await taking).toBeInstanceOf(CancelledFailure);
    expect(Date.now() - began).toBeLessThan(3_000);
    // Nobody waits any more, though what it waited for is still held.
    const { rows } = await database.pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    expect(rows).toEqual([]);
    await release();
    for (const table of ["rtb.performance_metrics", "ops.files", "ops.quarantine", "ops.file_headers", "ops.alerts"])
      expect([table, await count(table)]).toEqual([table, 0]);
  });
});

test("a session that is ended in the middle is a failure to try again", async () => {
  await put("ended.csv", [header, ...lines(9)]);
  await hold(mergeStarts);
  const taking = failureOf(take({ path: "ended.csv" }));
  await untilWaiting();
  await database.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  const failure = (await taking) as ApplicationFailure;
  expect([failure.type, failure.nonRetryable]).toEqual(["DatabaseUnavailable", false]);
  await release();
  expect(await take({ path: "ended.csv" })).toMatchObject({ status: "ingested", inserted: 9 });
});

test("how far an ingest is shows in its heartbeats", async () => {
  await put("slow.csv", [header, ...lines(9)]);
  await hold(mergeStarts);
  const inside = environment();
  const beats: unknown[] = [];
  inside.on("heartbeat", (details: unknown) => beats.push(structuredClone(details)));
  const taking = take({ path: "slow.csv" }, { inside });
  await untilWaiting();
  for (const deadline = Date.now() + 5_000; beats.length === 0 && Date.now() < deadline;) await wait(50);
  await release();
  await taking;
  expect(beats[0]).toMatchObject({ phase: "merging", lines: 9 });
});

test("creatives that nobody knows are created where the setting says so", async () => {
  await put("stubs.csv", [header, "123456789012345678,2025-11-01,10,1,0.5,BR,mobile"]);
  const answer = (await environment().run(activities(database.pool, { INGEST_CREATE_STUBS: "on" }).takeFile, {
    path: "stubs.csv",
  })) as IngestAnswer;
  expect(answer).toMatchObject({ status: "ingested", inserted: 1, rejected: 0 });
  const { rows } = await database.pool.query(
    "select creative_id::text as id, is_stub as stub from rtb.creatives where creative_id <> '79783'",
  );
  expect(rows).toEqual([{ id: "123456789012345678", stub: true }]);
});

test("the threshold is a setting", async () => {
  await put("half.csv", [header, ...lines(9), "1,2025-11-01,1,1,1,BR,mobile"]);
  const strict = { INGEST_REFUSE_SHARE: "0.05", INGEST_REFUSE_FROM_LINES: "5" };
  expect(await environment().run(activities(database.pool, strict).takeFile, { path: "half.csv" })).toMatchObject({
    status: "refused",
    reason: expect.stringContaining("1 of 10 lines"),
  });
});

test("a file that is larger than the setting fails with what to do", async () => {
  await put("large.csv", [header, ...lines(99)]);
  const failure = await failureOf(
    environment().run(activities(database.pool, { INGEST_MAX_BYTES: "1000" }).takeFile, { path: "large.csv" }),
  );
  expect(failure.message).toContain("more than 1000, which is the limit (INGEST_MAX_BYTES)");
});

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { sources, vendors } from "../../connectors/registry.ts";
import { createRedactor } from "../../core/redact.ts";
import { checkBooks } from "../../queries/files/books.ts";
import { correctLine } from "../../queries/files/correct-line.ts";
import { readLine } from "../../queries/files/read-line.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { readQuarantine } from "../../queries/sync/quarantine.ts";
import { inTransaction } from "../../schema/database.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "../files/ingest.ts";
import { applyRetention } from "./apply-retention.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "retention-db-"))]);
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 1)");
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => void (await database.pool.query("truncate ops.files, ops.file_headers, ops.quarantine")));

const configOf = (set: Record<string, string> = {}) =>
  loadConfig(
    {
      DATABASE_URL: database.url,
      IMPORT_DIR: folder,
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
      ...set,
    },
    vendors,
    sources,
  );
const contextOf = (set?: Record<string, string>) => {
  const config = configOf(set);
  return { database: database.pool, config, redact: createRedactor(config.secrets) };
};
const retain = (set?: Record<string, string>) => applyRetention({ ...contextOf(set), schedules: [] });
const seal = () => quarantineSeal(configOf());

const run = <Input, Output>(activity: (input: Input) => Promise<Output>, input: Input): Promise<Output> =>
  new MockActivityEnvironment(
    { workflowExecution: { workflowId: "files/713/test", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  ).run(activity, input) as Promise<Output>;

let files = 0;
/** A file with one line that is good and one that is not. */
async function takeFile(): Promise<{ fileId: number; quarantineId: number }> {
  const name = `${(files += 1)}.csv`;
  const lines = ["creative_id,date,impressions,clicks,spend", `1,2025-11-29,10,1,${files}`, "1,2025-11-29,10,1,12abc"];
  await writeFile(path.join(folder, name), `${lines.join("\n")}\n`);
  const { fileId } = await run(createIngestActivities(contextOf()).takeFile, { path: name });
  const { rows } = await database.pool.query<{ id: number }>(
    "select quarantine_id as id from ops.quarantine where slice = 'file/' || $1::int",
    [fileId],
  );
  return { fileId: fileId ?? 0, quarantineId: rows[0]?.id ?? 0 };
}
const redrive = (fileId: number) =>
  run(createIngestActivities(contextOf()).redriveLines, { client: "713", fileId, after: 0 });
const correct = (quarantineId: number) =>
  inTransaction(database.pool, (session) =>
    correctLine(session, {
      ...{ client: "713", quarantineId, line: "1,2025-11-29,10,1,12", replaces: null },
      seal: seal(),
    }),
  );
const age = (days: number) =>
  database.pool.query(
    `update ops.quarantine set first_seen_at = now() - $1 * interval '1 day', last_seen_at = now(), corrected_at = corrected_at - $1 * interval '1 day';`,
    [days],
  );
const ageFiles = (days: number) =>
  database.pool.query("update ops.files set committed_at = now() - $1 * interval '1 day'", [days]);
/** What is left that was sealed. */
const kept = async () =>
  (
    await database.pool.query<{ sealed: number; headers: number }>(
      `select (select count(*) from ops.quarantine where content <> '' or corrected_sealed is not null) as sealed,
              (select count(*) from ops.file_headers) as headers`,
    )
  ).rows[0];

test("the content of an open line is deleted after 90 days unless another time is set, and the entry stays", async () => {
  const { fileId, quarantineId } = await takeFile();
  const of = { client: "713", quarantineId };
  await Promise.all([age(89), ageFiles(89)]);
  await retain();
  expect((await readLine(database.pool, of, seal()))?.content).toBe("1,2025-11-29,10,1,12abc");
  expect(await kept()).toEqual({ sealed: 1, headers: 1 });

  await Promise.all([age(91), ageFiles(91)]);
  await retain({ RETENTION_QUARANTINED_CONTENT_DAYS: "forever" });
  await retain({ RETENTION_QUARANTINED_CONTENT_DAYS: "120" });
  expect(await kept()).toEqual({ sealed: 1, headers: 1 });
  await retain();
  expect(await kept()).toEqual({ sealed: 0, headers: 0 });
  expect(await readLine(database.pool, of, seal())).toMatchObject({
    line: 3,
    reason: expect.stringContaining("is not an amount"),
    resolvedAt: null,
    content: null,
    isKept: false,
    contentDeletedAt: expect.any(Date),
    file: { fileId, header: null },
  });
  expect(await readQuarantine(database.pool, { openOnly: true, limit: 5 })).toMatchObject([{ content: "[deleted]" }]);
});

test("a line whose content was deleted is neither corrected nor read again, and both say so", async () => {
  const { fileId, quarantineId } = await takeFile();
  await Promise.all([age(91), ageFiles(91)]);
  await retain();
  const today = new Date().toISOString().slice(0, 10);
  expect(await correct(quarantineId)).toEqual({
    outcome: "refused",
    reason: `its content was deleted on ${today}, after its retention: import the corrected line in a file of its own`,
    stored: null,
  });
  expect(await redrive(fileId)).toMatchObject({
    tried: 0,
    resolved: 0,
    remaining: 1,
    reason: `its content was deleted on ${today}, after its retention: import the file again`,
  });
  expect(await kept()).toEqual({ sealed: 0, headers: 0 });
});

test("a correction goes with its line, and neither before it can have been read", async () => {
  const { fileId, quarantineId } = await takeFile();
  await Promise.all([age(91), ageFiles(91)]);
  expect(await correct(quarantineId)).toMatchObject({ outcome: "corrected" });
  await retain();
  expect(await kept()).toEqual({ sealed: 1, headers: 1 });
  expect(await redrive(fileId)).toMatchObject({ tried: 1, resolved: 1, remaining: 0 });
  await age(91);
  await retain();
  expect(await kept()).toEqual({ sealed: 0, headers: 0 });
});

test("the bidder's traffic goes by whole days that are past its setting, with the books of its files; forever where none is set", async () => {
  const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
  const lines = [31, 31, 29, 0].map((back, at) => `${day(back)}T0${at}:00:00Z,300x250,${100 + at}`);
  await writeFile(path.join(folder, "traffic.csv"), ["timestamp,size,requests", ...lines, ""].join("\n"));
  const taken = await run(createIngestActivities(contextOf()).takeFile, {
    path: "traffic.csv",
    constants: { buyer_id: "42" },
  });
  expect(taken).toMatchObject({ status: "ingested", inserted: 4 });
  const left = async () =>
    (
      await database.pool.query<{ date: string }>("select date::text as date from rtb.rtb_traffic order by at")
    ).rows.map(({ date }) => date);
  await retain();
  expect(await left()).toHaveLength(4);
  expect(await retain({ RETENTION_TRAFFIC_DAYS: "30" })).toEqual({ deleted: 2 });
  expect(await left()).toEqual([day(29), day(0)]);
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
  expect(await retain({ RETENTION_TRAFFIC_DAYS: "30" })).toEqual({ deleted: 0 });
});

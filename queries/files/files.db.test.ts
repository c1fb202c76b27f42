import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import {
  FileAlreadyIngested,
  findFileOfRun,
  findIngestedFile,
  listFiles,
  readFileRow,
  recordIngested,
  recordRedriven,
  recordRefused,
  performanceSource,
  takeFileId,
  type HandledFile,
} from "./files.ts";
import type { MergedFile } from "./merge-shapes.ts";
import {
  quarantineRejected,
  readOpenLines,
  readRejectedLines,
  resolveRedriven,
  stageRejected,
  stageStillRejected,
} from "./quarantined-lines.ts";

let database: TestDatabase;
let client: string;
let clients = 0;

beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => {
  clients += 1;
  client = `client-${clients}`;
});
afterAll(() => database.drop());

const merged: MergedFile = {
  inserted: 2,
  updated: 1,
  removed: 0,
  warning: null,
  unchanged: 1,
  combined: 0,
  superseded: { lines: 1, impressions: "3", clicks: "1", spend: "0.5" },
  stored: { impressions: "10", clicks: "2", spend: "4.25" },
  days: 1,
  from: "2025-12-17",
  to: "2025-12-18",
  origin: "real",
};
const nothing: MergedFile = {
  ...merged,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  superseded: { lines: 0, impressions: "0", clicks: "0", spend: "0" },
  stored: { impressions: "0", clicks: "0", spend: "0" },
};

async function handled(given: Partial<HandledFile> = {}): Promise<HandledFile> {
  const fileId = await takeFileId(database.pool);
  return {
    fileId,
    source: performanceSource,
    client,
    sha256: "aa",
    mapping: "document",
    mappingVersion: "1",
    name: "december.csv",
    place: "upload",
    path: "december.csv",
    bytes: 100,
    optionsHash: "none",
    lines: 7,
    preamble: 1,
    totals: 1,
    rejected: 2,
    runId: `run-${fileId}`,
    workflowId: `ingest/${fileId}`,
    startedAt: new Date("2025-12-18T10:00:00Z"),
    ...given,
  };
}

test("a file is known by its bytes and how they are read, once it is committed", async () => {
  const file = await handled();
  expect(await findIngestedFile(database.pool, file)).toBeNull();
  const row = await inTransaction(database.pool, (session) =>
    recordIngested(session, { ...file, force: false }, merged),
  );
  expect(row).toMatchObject({
    lines: 7,
    inserted: 2,
    rejected: 2,
    supersededSpend: "0.500000",
    spend: "4.250000",
    replaced: 0,
  });
  expect(await findIngestedFile(database.pool, file)).toEqual(row);
  expect(await findFileOfRun(database.pool, file.runId)).toEqual(row);
  for (const other of [{ client: "other" }, { sha256: "bb" }, { mapping: "google" }, { mappingVersion: "2" }])
    expect(await findIngestedFile(database.pool, { ...file, ...other })).toBeNull();
});

test("a receipt that does not account for every line is not written", async () => {
  const file = await handled({ lines: 8 });
  await expect(
    inTransaction(database.pool, (session) => recordIngested(session, { ...file, force: false }, merged)),
  ).rejects.toMatchObject({ code: "23514", constraint: "files_lines" });
});

test("two attempts of one run leave one file", async () => {
  const file = await handled();
  await inTransaction(database.pool, (session) => recordIngested(session, { ...file, force: true }, merged));
  const again = { ...(await handled()), runId: file.runId, force: true };
  await expect(inTransaction(database.pool, (session) => recordIngested(session, again, merged))).rejects.toThrow(
    FileAlreadyIngested,
  );
  expect(await listFiles(database.pool, { client, limit: 10 })).toHaveLength(1);
});

test("a refused file is kept with its reason, is not taken for ingested, and refusing again changes nothing", async () => {
  const file = await handled();
  await recordRefused(database.pool, file, "line 3: a quotation mark is never closed");
  await recordRefused(database.pool, { ...file, fileId: await takeFileId(database.pool) }, "again");
  expect(await listFiles(database.pool, { client, outcome: "refused", limit: 10 })).toMatchObject([
    { fileId: file.fileId, reason: "line 3: a quotation mark is never closed", inserted: 0 },
  ]);
  expect(await findIngestedFile(database.pool, file)).toBeNull();
});

test("files are listed the latest first, page by page", async () => {
  for (const sha256 of ["1", "2", "3"]) {
    const file = await handled({ sha256 });
    await inTransaction(database.pool, (session) => recordIngested(session, { ...file, force: false }, merged));
  }
  const first = await listFiles(database.pool, { client, limit: 2 });
  const after = first.at(-1)?.inOrder.keys ?? null;
  const rest = await listFiles(database.pool, { client, order: { sort: "-committedAt", after }, limit: 2 });
  expect([...first, ...rest].map(({ sha256 }) => sha256)).toEqual(["3", "2", "1"]);
});

test("rejected lines wait with their numbers and reasons, equal ones too, until they are redriven", async () => {
  const file = await handled();
  const of = { client, fileId: file.fileId };
  const line = { column: "Ad", reason: "creative 5 is not known", content: "5,2025-12-17", whole: true };
  await inTransaction(database.pool, async (session) => {
    await stageRejected(session, [
      { ...line, line: 9 },
      { ...line, line: 4 },
    ]);
    await stageRejected(session, [{ ...line, line: 12, content: "5,2025", whole: false }]);
    await quarantineRejected(session, { ...of, source: performanceSource, runId: file.runId });
    await recordIngested(session, { ...file, lines: 8, rejected: 3, force: false }, merged);
  });
  const open = () => readRejectedLines(database.pool, { ...of, openOnly: true, limit: 10 });
  expect((await open()).map((one) => one.line)).toEqual([4, 9, 12]);

  const stored = { impressions: "5", clicks: "0", spend: "1.75" };
  await inTransaction(database.pool, async (session) => {
    const read = [];
    for await (const lines of readOpenLines(session, of)) read.push(...lines);
    // What is not the whole line cannot be read again.
    expect(read.map((one) => one.line)).toEqual([4, 9]);
    await stageStillRejected(session, [{ line: 9, column: null, reason: "creative 5 is still not known" }]);
    expect(await resolveRedriven(session, of)).toEqual({ resolved: 1, remaining: 2 });
    await recordRedriven(
      session,
      { ...of, totals: 0 },
      { ...nothing, inserted: 1, stored, from: "2025-11-01", to: "2025-11-01" },
    );
  });
  expect(await open()).toEqual([
    { line: 9, column: null, reason: "creative 5 is still not known" },
    { line: 12, column: "Ad", reason: "creative 5 is not known" },
  ]);
  expect(await readRejectedLines(database.pool, { ...of, openOnly: false, limit: 10 })).toHaveLength(3);
  expect(await readFileRow(database.pool, of)).toMatchObject({
    lines: 8,
    inserted: 3,
    rejected: 2,
    spend: "6.000000",
    impressions: "15",
    dayFrom: "2025-11-01",
    dayTo: "2025-12-18",
  });
});

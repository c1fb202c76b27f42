import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { createSeal } from "../../core/seal.ts";
import { correctLine } from "../../queries/files/correct-line.ts";
import { inTransaction, type Database } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "./ingest.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let folder: string;
let activities: ReturnType<typeof createIngestActivities>;
const activitiesOver = (pool: Database) => {
  const config = loadConfig(
    {
      DATABASE_URL: database.url,
      IMPORT_DIR: folder,
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    },
    vendors,
    sources,
  );
  return createIngestActivities({ database: pool, config, redact: createRedactor(config.secrets) });
};
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "redrive-db-"))]);
  activities = activitiesOver(database.pool);
  for (const combine of ["sum", "later"] as const) await putMapping(combine, {});
});
beforeEach(
  async () =>
    void (await database.pool.query(
      `truncate rtb.creative_thumbnails, rtb.creatives, rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.quarantine, ops.alerts;
       insert into rtb.creatives (_client_id, creative_id) values ('713', 1)`,
    )),
);
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const run = <Input, Output>(activity: (input: Input) => Promise<Output>, input: Input): Promise<Output> =>
  new MockActivityEnvironment(
    { workflowExecution: { workflowId: "files/713/test", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  ).run(activity, input) as Promise<Output>;

type Combine = "sum" | "later";

/** A mapping, and which names of devices it knows beside the usual ones. */
async function putMapping(combine: Combine, devices: Record<string, string>, words: string[] = []): Promise<void> {
  const columns = {
    creative_id: ["creative"],
    date: ["day"],
    impressions: ["shown"],
    clicks: ["clicked"],
    spend: ["cost"],
    device_type: ["device"],
  };
  const mapping = { name: combine, title: combine, columns, ignore: ["note"], combine, devices, totals: { words } };
  await writeFile(path.join(folder, `${combine}.json`), JSON.stringify(mapping));
}
/** What was a slip in the device's name is understood from now on. */
const mend = (combine: Combine) => putMapping(combine, { phonn: "mobile" });

let files = 0;
const put = async (lines: string[]) => {
  files += 1;
  // No two files have the same content.
  const text = [`creative,day,shown,clicked,cost,device,note`, ...lines.map((one) => `${one},${files}`)];
  await writeFile(path.join(folder, `${files}.csv`), `${text.join("\n")}\n`);
  return `${files}.csv`;
};
const line = (creative: number, spend: string, device = "mobile") => `${creative},2025-11-29,10,1,${spend},${device}`;
const slip = (creative: number, spend: string) => line(creative, spend, "phonn");

async function take(combine: Combine, lines: string[]): Promise<IngestAnswer> {
  const answer = await run(activities.takeFile, { path: await put(lines), mapping: `${combine}.json` });
  expect(answer.status).toBe("ingested");
  return answer;
}
const redrive = (fileId: number | null) =>
  run(activities.redriveLines, { client: "713", fileId: fileId ?? 0, after: 0 });
const makeCreatives = (...ids: number[]) =>
  database.pool.query("insert into rtb.creatives (_client_id, creative_id) select '713', unnest($1::bigint[])", [ids]);

async function spends(): Promise<Record<string, string>> {
  const { rows } = await database.pool.query<{ id: string; spend: string }>(
    "select creative_id as id, trim_scale(spend) as spend from rtb.performance order by length(creative_id), creative_id",
  );
  return Object.fromEntries(rows.map(({ id, spend }) => [id, spend]));
}
async function receipt(fileId: number | null): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.pool.query<Record<string, unknown>>(
    `select lines, inserted, updated, unchanged, combined, superseded, rejected, trim_scale(spend) as spend,
            trim_scale(superseded_spend) as "supersededSpend" from ops.files where file_id = $1`,
    [fileId],
  );
  return rows[0];
}
const openLines = async () =>
  (
    await database.pool.query<{ line: number }>("select line from ops.quarantine where resolved_at is null order by 1")
  ).rows.map((one) => one.line);

describe("where lines of one key are added,", () => {
  beforeEach(() => putMapping("sum", {}));

  test("25,000 redriven lines of one key are added to each other, however many there are", async () => {
    const unknown = Array.from({ length: 25_000 }, () => line(2, "1.00"));
    const known = Array.from({ length: 25_001 }, () => line(1, "2.00"));
    const { fileId } = await take("sum", [...unknown, ...known]);
    await makeCreatives(2);
    expect(await redrive(fileId)).toMatchObject({ tried: 25_000, resolved: 25_000, remaining: 0, next: null });
    expect(await spends()).toEqual({ "1": "50002", "2": "25000" });
    expect(await receipt(fileId)).toMatchObject({ inserted: 2, combined: 49_999, rejected: 0, spend: "75002" });
    expect(await redrive(fileId)).toMatchObject({ tried: 0, resolved: 0, remaining: 0 });
    expect(await spends()).toEqual({ "1": "50002", "2": "25000" });
  });

  test("a redriven line is added to what its own file has stored, and not to what an earlier file has", async () => {
    await makeCreatives(2);
    await take("sum", [line(1, "100"), line(2, "100")]);
    const { fileId } = await take("sum", [line(1, "7"), slip(1, "5"), slip(2, "3")]);
    await mend("sum");
    expect(await redrive(fileId)).toMatchObject({ resolved: 2, remaining: 0 });
    expect(await spends()).toEqual({ "1": "12", "2": "3" });
    expect(await receipt(fileId)).toMatchObject({ lines: 3, updated: 2, combined: 1, rejected: 0, spend: "15" });
  });

  test("also where an earlier file had stored just as much as the good lines of this one", async () => {
    await take("sum", [line(1, "7")]);
    const { fileId } = await take("sum", [line(1, "7"), slip(1, "5")]);
    await mend("sum");
    await redrive(fileId);
    expect(await spends()).toEqual({ "1": "12" });
    expect(await receipt(fileId)).toMatchObject({ unchanged: 1, combined: 1, spend: "12" });
  });

  test("a line of a file that a later one has replaced is counted, and changes nothing", async () => {
    const { fileId } = await take("sum", [line(1, "7"), slip(1, "5")]);
    await take("sum", [line(1, "9")]);
    await mend("sum");
    expect(await redrive(fileId)).toMatchObject({ resolved: 1, superseded: 1 });
    expect(await spends()).toEqual({ "1": "9" });
    expect(await receipt(fileId)).toMatchObject({ inserted: 1, superseded: 1, spend: "7", supersededSpend: "5" });
  });
});

describe("where the later line wins,", () => {
  beforeEach(() => putMapping("later", {}));

  test("a redriven line yields to a later line of its own file, and wins over an earlier one", async () => {
    await makeCreatives(2, 3);
    const { fileId } = await take("later", [
      slip(1, "1"),
      line(1, "2"),
      line(2, "3"),
      slip(2, "4"),
      slip(3, "5"),
      slip(3, "6"),
    ]);
    await mend("later");
    expect(await redrive(fileId)).toMatchObject({ resolved: 4, remaining: 0 });
    expect(await spends()).toEqual({ "1": "2", "2": "4", "3": "6" });
    expect(await receipt(fileId)).toMatchObject({ inserted: 3, superseded: 3, spend: "12", supersededSpend: "9" });
  });

  test("lines that are mended one after the other, the later one first, keep the file's order", async () => {
    await makeCreatives(2);
    const { fileId } = await take("later", [line(1, "1"), slip(2, "2"), line(2, "9", "phonne")]);
    await putMapping("later", { phonne: "mobile" });
    await redrive(fileId);
    expect(await openLines()).toEqual([3]);
    await putMapping("later", { phonne: "mobile", phonn: "mobile" });
    expect(await redrive(fileId)).toMatchObject({ resolved: 1, superseded: 1 });
    expect((await spends())["2"]).toBe("9");
  });

  test("a line that goes over several lines of its file keeps those after it in their places", async () => {
    const { fileId } = await take("later", [
      `1,2025-11-29,10,1,1,"phonn"`,
      `1,2025-11-28,10,1,1,"two\nlines"`,
      ...Array.from({ length: 9 }, () => line(1, "2")),
      slip(1, "3"),
    ]);
    await mend("later");
    expect(await redrive(fileId)).toMatchObject({ tried: 3, resolved: 2, remaining: 1 });
    expect(await openLines()).toEqual([3]);
    expect(await spends()).toEqual({ "1": "3" });
  });
});

test("a redrive raises a critical alert where the file's table holds something else than it and its receipt say", async () => {
  await putMapping("sum", {});
  await makeCreatives(2);
  const { fileId } = await take("sum", [line(1, "7"), slip(2, "5")]);
  const alerts = async () =>
    (
      await database.pool.query(
        "select kind, severity, resolved_at is null as open from ops.alerts where kind = 'file_books' order by alert_id",
      )
    ).rows;
  const tampered = await database.pool.query(
    "update rtb.performance_metrics set spend = spend + 1 where _file_id = $1",
    [fileId],
  );
  expect(tampered.rowCount).toBe(1);
  await mend("sum");
  expect(await redrive(fileId)).toMatchObject({ resolved: 1, remaining: 0 });
  expect(await alerts()).toEqual([{ kind: "file_books", severity: "critical", open: true }]);
});

test("a line that the mended mapping knows as one of totals leaves the quarantine, and is not stored", async () => {
  await putMapping("sum", {});
  const { fileId } = await take("sum", [line(1, "7"), "Summe,,10,1,7,", slip(1, "1")]);
  await putMapping("sum", {}, ["Summe"]);
  expect(await redrive(fileId)).toMatchObject({ tried: 2, resolved: 1, remaining: 1 });
  expect(await spends()).toEqual({ "1": "7" });
  expect(await receipt(fileId)).toMatchObject({ lines: 2, inserted: 1, rejected: 1, spend: "7" });
});

test("a file that says again what an earlier one had stored is still the later of the two", async () => {
  await putMapping("later", {});
  await take("later", [line(1, "5")]);
  const { fileId } = await take("later", [slip(1, "7")]);
  await take("later", [line(1, "5")]);
  await mend("later");
  expect(await redrive(fileId)).toMatchObject({ resolved: 1, superseded: 1 });
  expect(await spends()).toEqual({ "1": "5" });
});

test("of two overlapping files the one that was stored later wins, whichever was begun first", async () => {
  await putMapping("later", {});
  let goOn = () => {};
  let isHeld = () => {};
  const overtaken = new Promise<void>((resolve) => (goOn = resolve));
  const held = new Promise<void>((resolve) => (isHeld = resolve));
  const slow = Object.assign(Object.create(database.pool) as Database, {
    query: database.pool.query.bind(database.pool),
    connect: async () => {
      isHeld();
      await overtaken;
      return database.pool.connect();
    },
  });
  const begun = run(activitiesOver(slow).takeFile, { path: await put([line(1, "5")]), mapping: "later.json" });
  await held;
  const second = await take("later", [slip(1, "6"), line(1, "4")]);
  goOn();
  const first = await begun;
  expect(await spends()).toEqual({ "1": "5" });
  await mend("later");
  expect(await redrive(second.fileId)).toMatchObject({ resolved: 1, superseded: 1 });
  expect(await spends()).toEqual({ "1": "5" });
  expect(first.fileId).toBeGreaterThan(second.fileId ?? 0);
});

describe("a line that a person corrected", () => {
  const seal = createSeal([Buffer.alloc(32, 7)], "quarantine");
  const entries = async () =>
    (
      await database.pool.query<{
        id: number;
        content: string;
        corrected: string | null;
        reason: string;
        isOpen: boolean;
      }>(
        `select quarantine_id as id, content, corrected_sealed as corrected, reason, resolved_at is null as "isOpen"
           from ops.quarantine order by line`,
      )
    ).rows;
  const correct = (quarantineId: number, text: string, of: string | undefined = "713", replaces: Date | null = null) =>
    inTransaction(database.pool, (session) =>
      correctLine(session, { client: of, quarantineId, line: text, replaces, seal }),
    );

  test("takes the place of the rejected one, so that a later line of its key still wins; what came stays sealed", async () => {
    const { fileId } = await take("later", [line(1, "unknown"), line(1, "7.00"), line(1, "unknown")]);
    const [first, last] = await entries();
    const wrong = seal.open(first?.content ?? "");
    expect(await correct(first?.id ?? 0, `${line(1, "5.00")},1`)).toMatchObject({
      outcome: "corrected",
      line: 2,
      fileId,
    });
    expect(await redrive(fileId)).toMatchObject({ resolved: 1, remaining: 1, inserted: 0, updated: 0, superseded: 1 });
    expect(await spends()).toEqual({ 1: "7" });
    await correct(last?.id ?? 0, `${line(1, "9.50")},1`);
    expect(await redrive(fileId)).toMatchObject({ resolved: 1, remaining: 0 });
    expect(await spends()).toEqual({ 1: "9.5" });
    const [kept] = await entries();
    expect(kept?.isOpen).toBe(false);
    expect(kept?.corrected).toMatch(/^sealed:/);
    expect(seal.open(kept?.content ?? "")).toBe(wrong);
  });

  test("and that is still wrong stays open with its new reason, and can be corrected again", async () => {
    const { fileId } = await take("sum", [line(1, "7.00"), line(1, "unknown")]);
    const [entry] = await entries();
    const id = entry?.id ?? 0;
    await correct(id, `${line(1, "5,00x")},1`.replace("5,00x", '"5,00,x"'));
    expect(await redrive(fileId)).toMatchObject({ resolved: 0, remaining: 1 });
    expect((await entries())[0]).toMatchObject({ isOpen: true, reason: expect.stringContaining("spend") });
    await correct(id, `${line(1, "5.00")},1`);
    expect(await redrive(fileId)).toMatchObject({ resolved: 1, remaining: 0 });
    expect(await spends()).toEqual({ 1: "12" });
    expect(await correct(id, line(1, "6.00"))).toMatchObject({
      outcome: "refused",
      reason: expect.stringContaining("it is resolved, as it was corrected at"),
    });
  });

  test("by several people at once is the first one's: the others are told, and what is answered is what is stored", async () => {
    const { fileId } = await take("later", [line(1, "unknown")]);
    const [entry] = await entries();
    const id = entry?.id ?? 0;
    const said = ["9.00", "11.00", "13.00", "15.00"];
    const outcomes = await Promise.all(said.map((spend) => correct(id, `${line(1, spend)},1`)));
    const won = outcomes.findIndex(({ outcome }) => outcome === "corrected");
    expect(outcomes.filter((_, place) => place !== won)).toEqual(
      Array(3).fill({
        outcome: "refused",
        reason: expect.stringContaining("another person corrected it"),
        stored: { state: "running", correctedAt: expect.any(Date) },
      }),
    );
    // The same again, from whoever had no answer, is no conflict.
    expect(await correct(id, `${line(1, said[won] ?? "")},1`)).toMatchObject({ outcome: "corrected" });
    expect(await redrive(fileId)).toMatchObject({ resolved: 1 });
    expect(await spends()).toEqual({ 1: String(Number(said[won])) });
  });

  test("and that waits to be read is replaced only by whoever has seen it", async () => {
    const { fileId } = await take("later", [line(1, "unknown")]);
    const [entry] = await entries();
    const id = entry?.id ?? 0;
    await correct(id, `${line(1, "1.00")},1`);
    const told = await correct(id, `${line(1, "2.00")},1`);
    const seen = told.outcome === "refused" ? (told.stored?.correctedAt ?? null) : null;
    expect(await correct(id, `${line(1, "3.00")},1`, "713", seen)).toMatchObject({ outcome: "corrected" });
    expect(await correct(id, `${line(1, "4.00")},1`, "713", seen)).toMatchObject({ outcome: "refused" });
    await redrive(fileId);
    expect(await spends()).toEqual({ 1: "3" });
  });

  test("must be one line of its file, and one that is not never holds the others", async () => {
    const { fileId } = await take("later", [line(1, "unknown"), line(1, "unknown"), line(1, "5")]);
    const [first, second] = await entries();
    const opens = `"${line(1, "1.00")},1`;
    for (const text of [opens, ",,,,,,", `${line(1, '1"x')},1`])
      expect(await correct(first?.id ?? 0, text)).toMatchObject({
        outcome: "refused",
        reason: expect.stringContaining("not one line of its file"),
      });
    // As it may have been kept before this was asked.
    await database.pool.query(
      "update ops.quarantine set corrected_sealed = $2, corrected_at = now() where quarantine_id = $1",
      [first?.id, seal.seal(opens)],
    );
    await makeCreatives(2);
    await correct(second?.id ?? 0, `${line(2, "2.00")},1`);
    expect(await redrive(fileId)).toMatchObject({
      ...{ tried: 2, resolved: 1, remaining: 1, reason: null },
      errors: [{ line: 2, reason: expect.stringContaining("never closed") }],
    });
    expect((await spends())["2"]).toBe("2");
    expect((await entries())[0]).toMatchObject({ isOpen: true, reason: expect.stringContaining("never closed") });
  });

  test("has no more lines than the one it corrects, is this client's and a file's", async () => {
    await take("sum", [line(1, "7.00"), line(1, "unknown")]);
    const [entry] = await entries();
    const id = entry?.id ?? 0;
    expect(await correct(id, `${line(1, "1.00")}\n${line(1, "2.00")}`)).toMatchObject({ outcome: "refused" });
    expect(await correct(id, " ")).toMatchObject({ outcome: "refused" });
    expect(await correct(id, line(1, "1.00"), "acme")).toEqual({ outcome: "absent" });
    await database.pool.query(
      "insert into ops.quarantine (_client_id, source, slice, reason, content, content_hash, run_id) values ('713', 'redtrack.daily_spend', '2025-12-18', 'no source id', '', 'h', 'r')",
    );
    const ofVendor = (await entries()).find(({ reason }) => reason === "no source id");
    expect(await correct(ofVendor?.id ?? 0, "x")).toMatchObject({
      outcome: "refused",
      reason: expect.stringContaining("fetched again"),
    });
  });
});

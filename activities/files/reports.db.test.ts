import { randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { sources, vendors } from "../../connectors/registry.ts";
import { sha256 } from "../../core/crypto.ts";
import { createRedactor } from "../../core/redact.ts";
import { readFileHistory } from "../../queries/files/file-history.ts";
import { checkBooks } from "../../queries/files/books.ts";
import { reportKinds, reportNames, type ReportName } from "../../rules/files/file-kinds.ts";
import { verifyReport } from "../../scripts/shared/verify-files.ts";
import { draftName, draftRecord, previewKey, previewName } from "../../rules/files/drafts.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createIngestActivities } from "./ingest.ts";
import type { PreviewDone } from "./preview-draft.ts";
import type { IngestInput } from "./input.ts";
import type { RedriveStep } from "./redrive-lines.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "reports-"))]);
});
const tables = reportNames.map((name) => reportKinds[name].table);
beforeEach(async () => {
  await database.pool.query(
    `truncate ${tables.join(", ")}, rtb.funnel_sums, rtb.performance_metrics, rtb.buyer_seats, rtb.creative_thumbnails, rtb.creatives, ops.files, ops.file_days, ops.report_days, ops.file_headers, ops.quarantine, ops.alerts`,
  );
  await rm(path.join(folder, "713"), { recursive: true, force: true });
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

function activities(settings: Record<string, string> = {}) {
  const CREDENTIALS_ENCRYPTION_KEY = Buffer.alloc(32, 7).toString("base64");
  const env = { DATABASE_URL: database.url, IMPORT_DIR: folder, CREDENTIALS_ENCRYPTION_KEY, ...settings };
  const config = loadConfig(env, vendors, sources);
  return createIngestActivities({ database: database.pool, config, redact: createRedactor(config.secrets) });
}

const environment = () =>
  new MockActivityEnvironment(
    { workflowExecution: { workflowId: "ingest/713/test", runId: randomUUID() } },
    { logger: new DefaultLogger("ERROR") },
  );

const seat = { buyer_id: "123456789" };
async function take(input: IngestInput, settings?: Record<string, string>): Promise<IngestAnswer> {
  return (await environment().run(activities(settings).takeFile, input)) as IngestAnswer;
}
const redrive = async (fileId: number, settings?: Record<string, string>) =>
  (await environment().run(activities(settings).redriveLines, { client: "713", fileId, after: 0 })) as RedriveStep;

const id = "0123456789abcdef0123456789abcdef";
let written = 0;
async function takeText(text: string, more: Partial<IngestInput> = {}, settings?: Record<string, string>) {
  const name = `file-${(written += 1)}.csv`;
  await writeFile(path.join(folder, name), text);
  return take({ path: name, constants: seat, ...more }, settings);
}

const fixture = (name: string) =>
  new URL(`../../connectors/files/fixtures/authorized-buyers/${name}.csv`, import.meta.url);
async function takeReport(name: string, more: Partial<IngestInput> = {}, settings?: Record<string, string>) {
  await copyFile(fixture(name), path.join(folder, `${name}.csv`));
  return take({ path: `${name}.csv`, constants: seat, ...more }, settings);
}

const ask = async (text: string): Promise<Record<string, unknown>[]> => (await database.pool.query(text)).rows as never;
const count = async (table: string) => Number((await ask(`select count(*) as rows from ${table}`))[0]?.["rows"]);

/** Apart from the reader: the digits of a column's cells, added up. */
async function sumOf(name: string, column: string): Promise<string> {
  const [header = [], ...lines] = (await readFile(fixture(name), "utf8"))
    .replace("\uFEFF", "")
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) => cell.replaceAll('"', "")),
    );
  const at = header.indexOf(column);
  return String(lines.reduce((total, cells) => total + BigInt((cells[at] ?? "").replace(/\D/g, "") || "0"), 0n));
}

describe("each report that buyers export goes into its table, whole:", () => {
  test.each<[string, ReportName, string, string]>([
    ["pipeline-geo", "funnel_by_country", "bid_requests", "Bid requests"],
    ["pipeline-publisher", "funnel_by_publisher", "bid_requests", "Bid requests"],
    ["bidsinauction", "bids_in_auction", "bids_in_auction", "Bids in auction"],
    ["quality", "quality", "measurable", "Active view measurable"],
    ["bid-filtering", "bid_filtering", "bids", "Bids"],
    ["invalid-traffic", "invalid_traffic", "invalid_impressions", "IVT credited impressions"],
  ])("%s", async (name, report, measure, column) => {
    const { table } = reportKinds[report];
    const answer = await takeReport(name);
    expect(answer).toMatchObject({ status: "ingested", lines: 24, inserted: 24, rejected: 0 });
    const [sums] = await ask(`select count(*) as rows, sum(${measure})::text as sum from ${table}`);
    expect(sums).toEqual({ rows: 24, sum: await sumOf(name, column) });
    expect(await ask("select source, inserted from ops.files")).toEqual([{ source: table, inserted: 24 }]);
    expect(await ask(`select distinct buyer_id from ${table}`)).toEqual([{ buyer_id: "123456789" }]);

    // The same bytes again, and the same content by force, which writes under its own number what is there already.
    expect(await takeReport(name)).toMatchObject({ status: "already_ingested", fileId: answer.fileId });
    expect(await takeReport(name, { force: true })).toMatchObject({ inserted: 0, updated: 0, unchanged: 24 });
    expect((await ask(`select count(*) as rows, sum(${measure})::text as sum from ${table}`))[0]).toEqual(sums);
    expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
    expect(await ask("select message from ops.alerts")).toEqual([]);
  });
});

const geo = (...lines: string[]) =>
  [
    "#Day,Country,Hour,Bid requests,Inventory matches,Successful responses,Bids,Bids in auction,Auctions won,Impressions,Clicks",
    ...lines,
    "",
  ].join("\n");

test("ids keep all their digits, countries become codes, and what a line does not say is not made up", async () => {
  await takeText(geo("1/1/26,Brazil,14,100,200,90,9,8,7,6,1", "1/1/26,(unknown),,50,60,40,4,3,2,1,0"));
  expect(
    await ask("select geography, hour, reached_queries, bid_requests from rtb.report_countries order by hour"),
  ).toEqual([
    { geography: "", hour: -1, reached_queries: null, bid_requests: 50 },
    { geography: "BR", hour: 14, reached_queries: null, bid_requests: 100 },
  ]);
  await takeText(
    "Day,Country,Creative ID,Bid filtering reason,Bids\n1/1/26,Brazil,1912783031778279425,Creative not approved,7\n",
  );
  expect(await ask("select creative_id, filtering_reason from rtb.report_filtering")).toEqual([
    { creative_id: "1912783031778279425", filtering_reason: "Creative not approved" },
  ]);
});

test("a later file replaces rows of its keys, leaves the others, and totals are no rows", async () => {
  await takeText(geo("1/1/26,Brazil,14,100,200,90,9,8,7,6,1", "1/1/26,Brazil,15,100,200,90,9,8,7,6,1"));
  const later = await takeText(geo("1/1/26,Brazil,14,150,300,90,9,8,7,6,1", "Total,,,150,300,90,9,8,7,6,1"));
  expect(later).toMatchObject({ lines: 1, inserted: 0, updated: 1, totals: 1 });
  expect(await ask("select hour, bid_requests from rtb.report_countries order by hour")).toEqual([
    { hour: 14, bid_requests: 150 },
    { hour: 15, bid_requests: 100 },
  ]);
  expect(await ask("select replaced from ops.files order by file_id")).toEqual([{ replaced: 1 }, { replaced: 0 }]);
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
});

test("lines that are split finer than the table are added up", async () => {
  const text = "Day,Country,Platform,Bid requests\n1/1/26,Brazil,Mobile,100\n1/1/26,Brazil,Desktop,20\n";
  expect(await takeText(text)).toMatchObject({ lines: 2, inserted: 1, combined: 1 });
  expect(await ask("select bid_requests, bids from rtb.report_countries")).toEqual([{ bid_requests: 120, bids: null }]);
});

test("a day that is exported by hour and again without hours is counted once: the later file has it alone", async () => {
  await takeText(
    geo(
      "1/1/26,Brazil,14,100,200,90,9,8,7,6,1",
      "1/1/26,Brazil,15,50,100,45,4,4,3,3,0",
      "1/2/26,Brazil,3,7,8,7,1,1,1,1,0",
    ),
  );
  const byDay = await takeText("Day,Country,Bid requests,Bids\n1/1/26,Brazil,155,13\n");
  expect(byDay).toMatchObject({ inserted: 1 });
  expect(
    await ask(
      "select date::text as date, sum(bid_requests)::int as requests from rtb.report_countries group by 1 order by 1",
    ),
  ).toEqual([
    { date: "2026-01-01", requests: 155 },
    { date: "2026-01-02", requests: 7 },
  ]);
  expect(await ask("select replaced from ops.files order by file_id")).toEqual([{ replaced: 2 }, { replaced: 0 }]);
  // The sums that answers are made of are of what is stored now.
  expect(
    await ask(
      `select "by", date::text as date, sum(bid_requests)::int as requests, count(bids)::int as known from rtb.funnel_sums group by 1, 2 order by 1, 2`,
    ),
  ).toEqual([
    { by: "country", date: "2026-01-01", requests: 155, known: 1 },
    { by: "country", date: "2026-01-02", requests: 7, known: 1 },
    { by: "hour", date: "2026-01-01", requests: 155, known: 1 },
    { by: "hour", date: "2026-01-02", requests: 7, known: 1 },
  ]);
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
});

test("a coarse file that would take most of a day from a finer one is refused unless it is forced, and what it took is counted", async () => {
  const finer = geo(
    "1/1/26,Brazil,14,100,200,90,9,8,7,6,1",
    "1/1/26,Brazil,15,5000,9000,45,4,4,3,3,0",
    "1/2/26,Brazil,3,7,8,7,1,1,1,1,0",
  );
  const coarse = "Day,Country,Bid requests\n1/1/26,Brazil,1000\n";
  const requests = async () =>
    (await ask("select sum(bid_requests)::int as n from rtb.report_countries where date = '2026-01-01'"))[0]?.["n"];
  const first = await takeText(finer);

  const refused = await takeText(coarse);
  expect(refused).toMatchObject({ status: "refused", lines: 1, inserted: 0, removed: 0 });
  expect(refused.reason).toContain(`take away 2 rows of file ${first.fileId}`);
  expect(refused.reason).toContain("bid requests of seat 123456789 would fall from 5100 to 1000");
  expect(refused.reason).toContain("--force");
  expect(await requests()).toBe(5100);
  expect(await ask("select kind from ops.alerts where resolved_at is null")).toEqual([{ kind: "file_refused" }]);

  const forced = await takeText(coarse, { force: true });
  expect(forced).toMatchObject({ status: "ingested", inserted: 1, removed: 2 });
  expect(await requests()).toBe(1000);
  expect(
    await ask("select removed::int as removed from ops.files where outcome = 'ingested' order by file_id"),
  ).toEqual([{ removed: 0 }, { removed: 2 }]);

  // Sent again, it says what became of its rows; forced, they are back.
  const again = await takeText(finer);
  expect(again).toMatchObject({ status: "already_ingested", replacedSince: 2 });
  expect(again.reason).toBe(
    `2 of the 3 rows it wrote were replaced by file ${forced.fileId}; import it again with force (--force) to restore them`,
  );
  expect(await takeText(finer, { force: true })).toMatchObject({ status: "ingested", inserted: 2, removed: 1 });
  expect(await requests()).toBe(5100);
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
});

test("a report's file says day by day what it wrote, and which later files have replaced it", async () => {
  const first = await takeText(
    geo("1/1/26,Brazil,14,100,200,90,9,8,7,6,1", "1/1/26,Peru,14,50,60,40,4,3,2,1,0", "1/2/26,Peru,14,5,6,4,1,1,1,1,0"),
  );
  const second = await takeText(geo("1/1/26,Brazil,14,101,200,90,9,8,7,6,1"));
  const history = async (fileId: number | null) =>
    (await readFileHistory(database.pool, { client: "713", fileId: fileId ?? 0 })).map(
      ({ date, written, takenOver, laterFiles, inserted, spendAfter }) => [
        date,
        written,
        takenOver,
        laterFiles,
        inserted,
        spendAfter,
      ],
    );
  expect(await history(first.fileId)).toEqual([
    ["2026-01-01", 2, 1, [second.fileId], null, null],
    ["2026-01-02", 1, 0, [], null, null],
  ]);
  expect(await history(second.fileId)).toEqual([["2026-01-01", 1, 0, [], null, null]]);
});

test("rejected lines wait in the quarantine, and join their file without overwriting a newer one", async () => {
  const text = "Day,Country,Bid requests,Bids\n1/1/26,Atlantis,100,9\n1/1/26,Brazil,many,9\n1/1/26,Peru,30,3\n";
  await mkdir(path.join(folder, "713", "mappings"), { recursive: true });
  const mapping = (geographies: object) =>
    writeFile(
      path.join(folder, "713", "mappings", "geo.json"),
      JSON.stringify({ extends: "ab-funnel-country", name: "geo", geographies }),
    );
  await mapping({});
  const first = await takeText(
    text,
    { mapping: "713/mappings/geo.json", constants: undefined as never },
    { RTB_BUYER_ID: "123456789" },
  );
  expect(first).toMatchObject({ lines: 3, inserted: 1, rejected: 2 });
  expect(first.errors.map(({ line, column }) => [line, column])).toEqual([
    [2, "Country"],
    [3, "Bid requests"],
  ]);
  expect(await ask("select distinct source from ops.quarantine")).toEqual([{ source: "rtb.report_countries" }]);

  await takeText("Day,Country,Bid requests,Bids\n1/1/26,Chile,5,1\n");
  await mapping({ Atlantis: "CL" });
  const redriven = await redrive(first.fileId ?? 0, { RTB_BUYER_ID: "123456789" });
  expect(redriven).toMatchObject({ tried: 2, resolved: 1, remaining: 1, inserted: 0, superseded: 1 });
  expect(await ask("select geography, bid_requests from rtb.report_countries order by 1")).toEqual([
    { geography: "CL", bid_requests: 5 },
    { geography: "PE", bid_requests: 30 },
  ]);
  expect(await ask("select lines, inserted, superseded, rejected from ops.files order by file_id limit 1")).toEqual([
    { lines: 3, inserted: 1, superseded: 1, rejected: 1 },
  ]);
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
});

test("a report that names no seat is the client's only one's, and is refused where there are several", async () => {
  const none = { constants: undefined as never };
  expect((await takeReport("bid-filtering", none)).reason).toContain("does not say which seat it is of");
  await database.pool.query(
    "insert into rtb.buyer_seats (_client_id, buyer_id, origin) values ('713', '5', 'sandbox')",
  );
  expect(await takeReport("bid-filtering", none)).toMatchObject({ status: "ingested", inserted: 24 });
  expect(await ask("select distinct buyer_id from rtb.report_filtering")).toEqual([{ buyer_id: "5" }]);
  expect(await ask("select origin from ops.files where outcome = 'ingested'")).toEqual([{ origin: "sandbox" }]);
  await database.pool.query("insert into rtb.buyer_seats (_client_id, buyer_id, origin) values ('713', '6', 'real')");
  expect(await takeReport("quality", none)).toMatchObject({ status: "refused" });
});

test("a seat's folder names it for all its reports, each by its header", async () => {
  const inside = path.join(folder, "713", "seat-b");
  await mkdir(inside, { recursive: true });
  await writeFile(
    path.join(inside, "mapping.json"),
    JSON.stringify({ extends: "authorized-buyers", name: "seat-b", constants: { buyer_id: "42" } }),
  );
  for (const name of ["pipeline-geo", "pipeline-publisher", "bidsinauction", "quality", "bid-filtering"]) {
    await copyFile(fixture(name), path.join(inside, `${name}.csv`));
    expect(await take({ path: `713/seat-b/${name}.csv` })).toMatchObject({ status: "ingested", inserted: 24 });
  }
  for (const name of ["report_countries", "report_publishers", "report_quality", "report_filtering"])
    expect(await ask(`select distinct buyer_id from rtb.${name}`)).toEqual([{ buyer_id: "42" }]);
  // The one report that says its seat itself is believed.
  expect(await ask("select distinct buyer_id from rtb.report_bids")).toEqual([{ buyer_id: "123456789" }]);
});

/** Puts bytes where an upload leaves those that are to be looked at, and returns how to look at them. */
async function drafted(fileName: string, bytes: Buffer) {
  const uploads = path.join(folder, "uploads", "713");
  await mkdir(uploads, { recursive: true });
  const draft = {
    draftId: id,
    client: "713",
    file: `${id}-0123456789abcdef.csv`,
    fileName,
    bytes: bytes.length,
  };
  await writeFile(path.join(uploads, draft.file), bytes);
  const record = { ...draft, contentHash: sha256(bytes), by: "ada", isGzip: false, receivedAt: "2026-01-31" };
  await writeFile(path.join(uploads, draftName(id)), JSON.stringify(draftRecord.parse(record)));
  return async (constants?: Record<string, string>) => {
    const input = { client: "713", draftId: id, ...(constants === undefined ? {} : { constants }) };
    const done = (await environment().run(
      activities({ RTB_REPORT_TIMEZONE: "America/Los_Angeles", INGEST_CREATE_STUBS: "on" }).previewDraft,
      input,
    )) as PreviewDone;
    const key = previewKey({ mapping: null, constants: constants ?? {}, ignore: [] });
    return { done, shown: JSON.parse(await readFile(path.join(uploads, previewName(id, key)), "utf8")) as object };
  };
}

test("a preview shows a report as what it is, by the reports' clock; without its seat it says what to give", async () => {
  const preview = await drafted("geo.csv", await readFile(fixture("pipeline-geo")));
  const unseated = await preview();
  expect(unseated.shown).toMatchObject({
    mapping: { name: "ab-funnel-country", isRecognised: true },
    refusal: { reason: expect.stringContaining("does not say which seat it is of") },
  });
  expect(await preview(seat)).toMatchObject({
    done: { mapping: "ab-funnel-country", lines: 24, rejected: 0, isRefused: false },
    shown: { timezone: "America/Los_Angeles", createsCreatives: null, refusal: null },
  });
});

describe("a dry run and a preview foresee what an import would refuse, in its words, and leave nothing:", () => {
  const written = async () =>
    ask(
      `select (select count(*) from ops.files) as files, (select count(*) from ops.report_days) as days, (select count(*) from rtb.report_countries) as rows,
              (select coalesce(sum(bid_requests), 0) from rtb.funnel_sums) as sums, (select count(*) from rtb.buyer_seats) as seats, (select count(*) from ops.alerts) as alerts,
              (select count(*) from rtb.creatives) as creatives`,
    );
  const foreseen = async (text: string, constants: Record<string, string>, more: Partial<IngestInput> = {}) => {
    const before = await written();
    const stubs = { INGEST_CREATE_STUBS: "on" };
    const dry = await takeText(text, { constants, dryRun: true, ...more }, stubs);
    const preview = await (await drafted("x.csv", Buffer.from(text)))(constants);
    expect(await written()).toEqual(before);
    const { refusal } = preview.shown as { refusal: { reason: string } | null };
    expect(preview.done.isRefused).toBe(refusal !== null);
    return { status: dry.status, dry: dry.reason, shown: refusal?.reason ?? null };
  };

  test("most of a day that an earlier file split by other columns would go", async () => {
    const fine = "#Day,Country,Hour,Bid requests,Bids\n1/1/26,Brazil,1,900,9\n1/1/26,Peru,2,800,8\n";
    await takeText(fine);
    const coarse = "#Day,Country,Bid requests,Bids\n1/1/26,Chile,5,1\n";
    const { status, dry, shown } = await foreseen(coarse, seat);
    expect([status, dry]).toEqual(["refused", shown]);
    expect((await takeText(coarse)).reason).toBe(dry);
    expect(dry).toContain("take away 2 rows");
    expect((await takeText(coarse, { dryRun: true, force: true })).status).toBe("checked");
    // The same split again takes nothing away.
    expect(await foreseen(fine.replace("900", "901"), seat)).toEqual({ status: "checked", dry: null, shown: null });
  });

  test("a seat that the exchange does not have of the client, in a report and in ad performance", async () => {
    await ask(
      "insert into rtb.buyer_seats (_client_id, buyer_id, bidder_account_id, origin) values ('713', '123456789', '1', 'real')",
    );
    const report = "#Day,Country,Bid requests,Bids\n1/1/26,Chile,5,1\n";
    const performance = "creative_id,date,impressions,clicks,spend\n7,2026-01-01,100,1,4.16\n";
    for (const text of [report, performance]) {
      const typo = { buyer_id: "123456798" };
      const { status, dry, shown } = await foreseen(text, typo);
      expect([status, dry]).toEqual(["refused", shown]);
      expect((await takeText(text, { constants: typo }, { INGEST_CREATE_STUBS: "on" })).reason).toBe(dry);
      expect(dry).toContain("123456789");
    }
    expect(await foreseen(report, seat)).toEqual({ status: "checked", dry: null, shown: null });
  });
});

test("ad performance that splits a creative's day otherwise than an earlier file is stored with a warning and an alert", async () => {
  const stubs = { INGEST_CREATE_STUBS: "on" };
  const plain = (text: string) => takeText(text, { constants: undefined as never }, stubs);
  const fine = (spend: string) =>
    `creative_id,date,impressions,clicks,spend,geography,device_type\n7,2026-01-01,100,1,4.16,BR,mobile\n7,2026-01-01,100,1,${spend},PE,mobile\n`;
  const first = await plain(fine("5"));
  expect(first).toMatchObject({ inserted: 2, warning: null });
  // The same split again, with a line that is new and one less: no other split.
  expect(await plain(fine("5") + "7,2026-01-01,1,0,1,CL,mobile\n")).toMatchObject({ inserted: 1, warning: null });
  expect(
    await plain("creative_id,date,impressions,clicks,spend,geography,device_type\n7,2026-01-01,1,0,2,,\n"),
  ).toMatchObject({ inserted: 1, warning: null });
  await ask("delete from rtb.performance_metrics where geography in ('', 'CL')");

  const coarse = await plain(
    "creative_id,date,impressions,clicks,spend\n7,2026-01-01,200,2,5.00\n8,2026-01-01,1,0,1\n",
  );
  expect(coarse).toMatchObject({ status: "ingested", inserted: 2 });
  expect(coarse.warning).toContain(
    "a creative's day (2026-01-01) is split by other columns (country, device) than in file",
  );
  expect(coarse.warning).toContain("spend 5.00 of this file and 9.16 of the other");
  expect(await ask("select warning from ops.files order by file_id desc limit 1")).toEqual([
    { warning: coarse.warning },
  ]);
  expect(await ask("select kind, subject, severity from ops.alerts where kind = 'counted_twice'")).toEqual([
    { kind: "counted_twice", subject: `file/${coarse.fileId}`, severity: "warning" },
  ]);
  // Creative 8 has now a day without country, and comes with one.
  const finer = await plain(
    "creative_id,date,impressions,clicks,spend,geography\n8,2026-01-01,1,0,1,BR\n9,2026-01-01,1,0,1,BR\n",
  );
  expect(finer.warning).toContain(`split by other columns (country) than in file ${coarse.fileId}`);
});

test("counts that cannot be are rejected with their column, and those that hardly are so are stored with a warning", async () => {
  const pipeline = await takeText(
    geo(
      "1/1/26,Brazil,1,100,200,90,9,8,9,6,1",
      "1/1/26,Brazil,2,100,200,90,9,8,7,6,7",
      "1/1/26,Brazil,3,100,200,101,9,8,7,8,1",
      "1/1/26,Brazil,4,100,200,90,9,8,8,8,8",
    ),
  );
  expect(pipeline).toMatchObject({ inserted: 2, rejected: 2 });
  expect(pipeline.errors).toEqual([
    { line: 2, column: "Auctions won", reason: "9 auctions won of 8 bids in auction: there cannot be more" },
    { line: 3, column: "Clicks", reason: "7 clicks of 6 impressions: there cannot be more" },
  ]);
  expect(pipeline.warning).toBe(
    "1 line has more successful responses than bid requests; 1 line has more impressions than auctions won: stored as it stands, ask whoever exports the report",
  );
  const quality = await takeText(
    "Day,Creative ID,Impressions,Active view viewable,Active view measurable\n1/1/26,7,10,9,8\n1/1/26,8,10,8,8\n1/1/26,9,10,0,\n",
  );
  expect(quality).toMatchObject({ inserted: 1, rejected: 2, warning: null });
  expect(quality.errors[0]).toMatchObject({ line: 2, column: "Active view viewable" });
});

describe("one report is the authority for spend:", () => {
  const stubs = { INGEST_CREATE_STUBS: "on" };
  const spends = async () => ({
    performance: (await ask("select sum(spend)::text as s from rtb.performance_metrics"))[0]?.["s"],
    bids: (await ask("select sum(spend)::text as s from rtb.report_bids"))[0]?.["s"],
    quality: (await ask("select sum(spend)::text as s from rtb.report_quality"))[0]?.["s"],
  });

  test("bids in auction, unless a setting says so: quality is kept and counted nowhere", async () => {
    await takeReport("bidsinauction-with-clicks", {}, stubs);
    const alone = await spends();
    expect(alone).toMatchObject({ bids: null, quality: null });
    await takeReport("quality-with-clicks", {}, stubs);
    expect(await spends()).toEqual({ ...alone, quality: expect.any(String) });
  });

  test("quality, when the setting says so", async () => {
    const settings = { ...stubs, RTB_SPEND_REPORT: "quality" };
    await takeReport("quality-with-clicks", {}, settings);
    const alone = await spends();
    expect(alone).toMatchObject({ bids: null, quality: null });
    await takeReport("bidsinauction-with-clicks", {}, settings);
    expect(await spends()).toEqual({ ...alone, bids: expect.any(String) });
  });

  test("a spend in another currency is refused, not mixed", async () => {
    const text =
      "Day,Creative ID,Bids in auction,Impressions,Spend (buyer currency)\n1/1/26,7,10,5,€4.16\n1/1/26,8,10,5,$4.16\n";
    expect(await takeText(text)).toMatchObject({ inserted: 1, rejected: 1, sums: { spend: "4.160000" } });
  });
});

describe("the bidder's own traffic", () => {
  const header = "timestamp,size,format,geo,device_type,qps";
  const settings = { RTB_REPORT_TIMEZONE: "America/New_York" };

  test("has its requests by QPS and time, its day and hour by the reports' clock", async () => {
    const text = `${header}\n2026-01-02T03:30:00Z,300 x 250,HTML,BR,mobile,2.5\n2026-01-01 22:30:00,728x90,HTML,BR,mobile,0.001\n1767324600,Interstitial,,,,1\n`;
    expect(await takeText(text, {}, settings)).toMatchObject({ status: "ingested", inserted: 3 });
    expect(
      await ask(
        "select at::text as at, size, date::text as date, hour, seconds, requests from rtb.rtb_traffic order by size",
      ),
    ).toEqual([
      { at: "2026-01-02 03:30:00+00", size: "300x250", date: "2026-01-01", hour: 22, seconds: 3_600, requests: 9_000 },
      { at: "2026-01-02 03:30:00+00", size: "728x90", date: "2026-01-01", hour: 22, seconds: 3_600, requests: 4 },
      {
        at: "2026-01-02 03:30:00+00",
        size: "interstitial",
        date: "2026-01-01",
        hour: 22,
        seconds: 3_600,
        requests: 3_600,
      },
    ]);
  });

  test("a moment is read with its offset however it is written, and nothing behind a time is passed over", async () => {
    const moments = [
      ["2026-01-02T03:30:00Z", "2026-01-02 03:30:00+00"],
      ["2026-01-02T03:30:00+05", "2026-01-01 22:30:00+00"],
      ["2026-01-02 03:30 +0530", "2026-01-01 22:00:00+00"],
      ["2026-01-02 03:30:00.25 Z", "2026-01-02 03:30:00.25+00"],
      ["2026-01-02T03:30", "2026-01-02 08:30:00+00"],
      // The clock shows it twice: the first of the two.
      ["2025-11-02 01:30:00", "2025-11-02 05:30:00+00"],
    ];
    const wrong = [
      "2026-01-02",
      "2026-02-30T00:00:00Z",
      "2026-01-02T03:30:00+05:00:00",
      "2026-01-02T03:30 PST",
      "2026-01-02 25:00:00",
    ];
    const lines = [...moments.map(([text]) => text), ...wrong].map(
      (text, index) => `${text},${index + 1}x${index + 1}px,1`,
    );
    const answer = await takeText(`timestamp,size,requests\n${lines.join("\n")}\n`, {}, settings);
    expect(answer).toMatchObject({ inserted: moments.length, rejected: wrong.length });
    expect(await ask("select at::text as at, size from rtb.rtb_traffic order by length(size), size")).toEqual(
      moments.map(([, at], index) => ({ at, size: `${index + 1}x${index + 1}` })),
    );
  });

  test("of one moment and size the later line counts, in a file and after it", async () => {
    const text = `timestamp,size,requests\n2026-01-02T03:00:00Z,300x250,100\n2026-01-02T03:00:00Z,300X250,70\n`;
    expect(await takeText(text)).toMatchObject({ inserted: 1, superseded: { lines: 1 } });
    expect(await takeText("timestamp,size,requests\n2026-01-02T03:00:00Z,300x250,71\n")).toMatchObject({ updated: 1 });
    expect(await ask("select requests from rtb.rtb_traffic")).toEqual([{ requests: 71 }]);
    expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
  });

  test("lines that say no moment, no size or no requests are rejected, each with its column", async () => {
    const text = `${header}\nyesterday,300x250,HTML,BR,mobile,1\n2026-01-01T00:00:00Z,big,HTML,BR,mobile,1\n2026-01-01T00:00:00Z,1x1,HTML,BR,mobile,\n2999-01-01T00:00:00Z,1x1,HTML,BR,mobile,1\n`;
    const answer = await takeText(text);
    expect(answer).toMatchObject({ inserted: 0, rejected: 4 });
    expect(answer.errors.map(({ column }) => column)).toEqual(["timestamp", "size", "qps", "timestamp"]);
    expect(answer.errors[3]?.reason).toBe('timestamp "2999-01-01T00:00:00Z" is in the future');
  });
});

test("rows that nobody's file wrote are noticed", async () => {
  await takeReport("pipeline-geo");
  await database.pool.query("update rtb.report_countries set bids = bids + 1 where hour = 0");
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 1 });
  expect(await ask("select kind from ops.alerts where resolved_at is null")).toEqual([{ kind: "file_books" }]);
  const range = { client: "713", name: "funnel_by_country", from: "2026-01-01", to: "2026-01-31" } as const;
  const verified = await verifyReport(database.pool, range);
  expect(verified).toMatchObject({ exitCode: 1, document: { source: "rtb.report_countries", same: false } });
  expect(verified.lines.at(-1)).toContain("import the file again with --force");
  const before = { ...range, from: "2025-01-01", to: "2025-12-31" };
  expect(await verifyReport(database.pool, before)).toMatchObject({ exitCode: 0, document: { same: true } });
  await database.pool.query("update rtb.report_countries set bids = bids - 1 where hour = 0");
  expect(await checkBooks(database.pool, "713")).toEqual({ files: 0 });
  expect(await count("ops.alerts where resolved_at is null")).toBe(0);
});

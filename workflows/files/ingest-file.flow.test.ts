import { execFileSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import { failureOf, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";
import type { RedriveSummary } from "./redrive-files.ts";
import type { FilesWatched } from "./watch-files.ts";

jest.setTimeout(120_000);

let stack: TestStack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "ingest-"));
  await mkdir(path.join(folder, "713"));
  stack = await startStack({
    IMPORT_DIR: folder,
    CLIENTS: "713,acme",
    RTB_CURRENCY_ACME: "EUR",
    INGEST_STILL_SECONDS: "1",
    CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  });
  await stack.rows(
    "insert into rtb.creatives (_client_id, creative_id) select c, g from unnest(array['713', 'acme']) c, unnest(array[79783, 144634, 9007199254740993]) g",
  );
});
beforeEach(
  async () =>
    void (await stack.rows(
      "truncate rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.watched_files, ops.quarantine, ops.alerts",
    )),
);
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
const example = [
  "79783,2025-11-29,10000,250,125.50,BR,mobile",
  "79783,2025-11-29,5000,100,80.00,BR,desktop",
  "144634,2025-11-29,50000,800,200.00,US,mobile",
];
const put = async (name: string, lines: string[] | Uint8Array) => {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), lines instanceof Uint8Array ? lines : `${lines.join("\n")}\n`);
  return name;
};
const start = (input: object) => stack.start("ingestFile", uniqueId("ingest"), input);
const ingest = async (input: object) => (await (await start(input)).result()) as IngestAnswer;
const stored = () =>
  stack.rows<{ rows: number; spend: string }>(
    "select count(*) as rows, coalesce(sum(spend), 0)::text as spend from rtb.performance_metrics",
  );
const openAlerts = () =>
  stack.rows("select kind, times_seen as times from ops.alerts where resolved_at is null order by 1");

test("a file is taken once: the second time it is known at once, and forced it changes nothing", async () => {
  const file = await put("713/day.csv", [header, ...example]);
  const first = await ingest({ path: file });
  expect(first).toMatchObject({
    status: "ingested",
    client: "713",
    name: "day.csv",
    mapping: "document",
    lines: 3,
    imported: 3,
    skipped: 0,
    inserted: 3,
    rejected: 0,
    errors: [],
    sums: { impressions: "65000", clicks: "1150", spend: "405.500000" },
    days: { from: "2025-11-29", to: "2025-11-29" },
    replacedSince: 0,
  });
  expect(await stored()).toEqual([{ rows: 3, spend: "405.500000" }]);

  const second = await ingest({ path: file });
  expect(second).toMatchObject({ status: "already_ingested", fileId: first.fileId, inserted: 3, replacedSince: 0 });
  // Under another name it is the same.
  expect(await ingest({ path: await put("713/renamed.csv", [header, ...example]) })).toMatchObject({
    status: "already_ingested",
    fileId: first.fileId,
  });
  const forced = await ingest({ path: file, force: true });
  expect(forced).toMatchObject({ status: "ingested", inserted: 0, updated: 0, unchanged: 3 });
  expect(forced.fileId).not.toBe(first.fileId);
  expect(await stored()).toEqual([{ rows: 3, spend: "405.500000" }]);
  // Another client's file is another file.
  expect(await ingest({ client: "acme", path: await put("acme/day.csv", [header, ...example]) })).toMatchObject({
    status: "ingested",
    inserted: 3,
  });
});

test("a file that is known shows its rejected lines again, with their columns as the file names them", async () => {
  const file = await put("713/known.csv", [
    header.replace("spend", "Spend"),
    ...example,
    "79783,2025-11-30,1,1,12abc,BR,mobile",
  ]);
  const errors = [{ line: 5, column: "Spend", reason: 'spend "12abc" is not an amount' }];
  expect(await ingest({ path: file })).toMatchObject({ status: "ingested", rejected: 1, errors });
  expect(await ingest({ path: file })).toMatchObject({ status: "already_ingested", rejected: 1, errors });
});

test("what later files replaced is counted, per file and per day", async () => {
  const first = await ingest({ path: await put("713/a.csv", [header, ...example]) });
  const changed = example.map((line, index) => (index === 0 ? line.replace("125.50", "130.00") : line));
  expect(await ingest({ path: await put("713/b.csv", [header, ...changed]) })).toMatchObject({
    inserted: 0,
    updated: 1,
    unchanged: 2,
  });
  expect(await ingest({ path: "713/a.csv" })).toMatchObject({
    status: "already_ingested",
    fileId: first.fileId,
    replacedSince: 1,
  });
  expect(
    await stack.rows(
      "select updated, spend_before as before, spend_after as after from ops.file_days where updated > 0",
    ),
  ).toEqual([{ updated: 1, before: "125.500000", after: "130.000000" }]);
});

test("a later line wins over an earlier one of the same key, and what that carried is told", async () => {
  expect(
    await ingest({
      path: await put("713/twice.csv", [header, ...example, "79783,2025-11-29,1,1,0.5,BR,mobile"]),
    }),
  ).toMatchObject({
    lines: 4,
    imported: 3,
    skipped: 1,
    superseded: { lines: 1, impressions: "10000", clicks: "250", spend: "125.500000" },
  });
  expect(await stored()).toEqual([{ rows: 3, spend: "280.500000" }]);
});

test("bad lines wait in the quarantine with their reasons, and are brought in once the creative is known", async () => {
  const late = '555,2025-11-29,10,1,0.25,DE,mobile,"two\nlines, quoted"';
  const file = await put("713/partly.csv", [
    `${header},placement`,
    ...example.map((line) => `${line},`),
    late,
    "79783,2025-11-31,10,1,0.25,DE,mobile,",
    "79783,2025-11-30,10,11,0.25,DE,mobile,",
    "556,2025-11-29,10,1,0.25,DE,mobile,",
  ]);
  const answer = await ingest({ path: file });
  expect(answer).toMatchObject({ status: "ingested", lines: 7, imported: 3, rejected: 4 });
  expect(answer.errors.map(({ line, column }) => [line, column])).toEqual([
    [5, "creative_id"],
    [7, "date"],
    [8, "clicks"],
    [9, "creative_id"],
  ]);
  expect(await stack.rows("select line from ops.quarantine where resolved_at is null order by 1")).toEqual([
    { line: 5 },
    { line: 7 },
    { line: 8 },
    { line: 9 },
  ]);

  // A newer file has the same key: what it says stays.
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 555), ('713', 556)");
  await ingest({
    path: await put("713/newer.csv", [`${header},placement`, "556,2025-11-29,999,1,9.99,DE,mobile,"]),
  });
  const redriven = (await (
    await stack.start("redriveFiles", uniqueId("redrive"), { fileId: answer.fileId })
  ).result()) as RedriveSummary;
  expect(redriven).toMatchObject({ resolved: 2, remaining: 2, files: [{ inserted: 1, superseded: 1 }] });
  expect(
    await stack.rows(
      "select creative_id as id, spend, coalesce(placement, '') as placement from rtb.performance where creative_id in ('555', '556') order by 1",
    ),
  ).toEqual([
    { id: "555", spend: "0.250000", placement: "two\nlines, quoted" },
    { id: "556", spend: "9.990000", placement: "" },
  ]);
  expect(await stack.rows("select line from ops.quarantine where resolved_at is null order by 1")).toEqual([
    { line: 7 },
    { line: 8 },
  ]);
  expect(
    await stack.rows("select lines, inserted, superseded, rejected from ops.files where file_id = $1", [answer.fileId]),
  ).toEqual([{ lines: 7, inserted: 4, superseded: 1, rejected: 2 }]);
  // Nothing is left to do, and doing it again does nothing.
  const again = (await (await stack.start("redriveFiles", uniqueId("redrive"), {})).result()) as RedriveSummary;
  expect(again).toMatchObject({ resolved: 0, remaining: 2 });
  await stack.rows("delete from rtb.creatives where creative_id in ('555', '556')");
});

describe("a file that is refused stores nothing, and an alert says so once", () => {
  test.each<[string, string[], RegExp]>([
    [
      "a quotation mark that is never closed",
      [header, ...example, '79783,2025-11-29,1,1,"0.5,BR,mobile'],
      /quotation mark/,
    ],
    ["a missing column", ["creative_id,date,impressions,clicks", "79783,2025-11-29,1,1"], /spend/],
    ["a doubled column", [`${header},spend`, ...example.map((line) => `${line},1`)], /spend/],
    [
      "most lines rejected",
      [header, ...example, ...Array.from({ length: 100 }, () => "1,2025-11-29,1,1,0.5,BR,mobile")],
      /100 of 103 lines/,
    ],
    ["no line at all", [], /./],
  ])("%s", async (_what, lines, reason) => {
    const file = await put("713/broken.csv", lines);
    const answer = await ingest({ path: file });
    expect(answer).toMatchObject({ status: "refused", imported: 0, inserted: 0 });
    expect(answer.reason).toMatch(reason);
    expect(await stored()).toEqual([{ rows: 0, spend: "0" }]);
    expect(await stack.rows("select from ops.quarantine")).toEqual([]);
    expect(await stack.rows("select outcome, reason from ops.files")).toEqual([
      { outcome: "refused", reason: answer.reason },
    ]);
    expect(await openAlerts()).toEqual([{ kind: "file_refused", times: 1 }]);
    // Mended under the same name, it is taken and the alert goes.
    await put("713/broken.csv", [header, ...example]);
    expect(await ingest({ path: file })).toMatchObject({ status: "ingested", inserted: 3 });
    expect(await openAlerts()).toEqual([]);
  });

  test("gzip that unpacks to hundreds of times its size", async () => {
    const file = await put("713/bomb.csv.gz", gzipSync(`${header}\n${`${" ".repeat(999)}\n`.repeat(80_000)}`));
    expect(await ingest({ path: file })).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("more than 200 times its size"),
    });
  });
});

test("a packed file is taken as it is", async () => {
  const text = Buffer.from(`${[header, ...example].join("\r\n")}\r\n`);
  expect(await ingest({ path: await put("713/packed.csv.gz", gzipSync(text)) })).toMatchObject({ inserted: 3 });
});

test("a dry run counts and rejects as a real one, and writes nothing", async () => {
  const file = await put("713/dry.csv", [header, ...example, "1,2025-11-29,1,1,0.5,BR,mobile"]);
  expect(await ingest({ path: file, dryRun: true })).toMatchObject({
    status: "checked",
    fileId: null,
    lines: 4,
    imported: 3,
    rejected: 1,
    errors: [{ line: 5, column: "creative_id" }],
    sums: { spend: expect.stringMatching(/^405\.50*$/) },
  });
  for (const table of ["rtb.performance_metrics", "ops.files", "ops.quarantine", "ops.alerts"])
    expect([table, await stack.rows(`select from ${table}`)]).toEqual([table, []]);
});

describe("what leads elsewhere fails with what to do:", () => {
  beforeAll(async () => {
    await symlink("/etc/passwd", path.join(folder, "link.csv"));
    execFileSync("mkfifo", [path.join(folder, "pipe.csv")]);
  });
  test.each<[object, string]>([
    [{ path: "../etc/passwd" }, "outside the import folder"],
    [{ path: "/proc/self/environ" }, "outside the import folder"],
    [{ path: "link.csv" }, "is a link"],
    [{ path: "pipe.csv" }, "is a named pipe"],
    [{ path: "713" }, "is a folder"],
    [{ path: "none.csv" }, "there is no file none.csv"],
    [{}, "give either path"],
    [{ path: "a.csv", url: "s3://bucket/a.csv" }, "give either path"],
    [{ path: "a.csv", clientt: "713" }, 'unknown field "clientt"'],
    [{ path: "a.csv", client: "nobody" }, 'unknown client "nobody": there are 713, acme'],
    [{ path: "713/a.csv", client: "acme" }, "lies in the folder of client 713"],
    [{ path: "a.csv", mapping: "nobodys" }, 'none is called "nobodys": there are document'],
    [{ path: "a.csv", extends: "nobodys" }, 'none is called "nobodys": there are document'],
    [{ path: "a.csv", mapping: "meta", extends: "document" }, "give mapping or extends, not both"],
    [{ path: "a.csv", force: "yes" }, "force: must be true or false"],
    [{ url: "http://example.net/a.csv" }, "must be written s3://bucket"],
    [{ url: "s3://reports/a.csv" }, "has no s3://: set S3_ENDPOINT"],
    [{ path: "uploads/713/0123456789abcdef.csv" }, "there is no file"],
  ])("%j", async (input, message) => {
    const failure = await failureOf((await start(input)).result());
    expect([failure.type, failure.message]).toEqual(["InvalidInput", expect.stringContaining(message)]);
    // Whoever typed it has read it: nobody else is told.
    expect(await openAlerts()).toEqual([]);
  });
});

test("a mapping file of the import folder is found by its name or path, and what is wrong with it is said at once", async () => {
  const mapping = {
    name: "bidder",
    title: "A bidder of ours",
    columns: {
      creative_id: ["Creative"],
      date: ["Day"],
      impressions: ["Imps"],
      clicks: ["Clicks"],
      spend: ["Cost"],
    },
    combine: "later",
  };
  await put("713/mappings/bidder.json", [JSON.stringify(mapping)]);
  const file = await put("713/bidder.csv", ["Creative,Day,Imps,Clicks,Cost", "79783,2025-11-29,10,1,0.5"]);
  expect(await ingest({ path: file, mapping: "bidder" })).toMatchObject({ status: "ingested", mapping: "bidder" });
  expect(await ingest({ path: file, mapping: "713/mappings/bidder.json" })).toMatchObject({
    status: "already_ingested",
  });
  // The mapping changed: the same bytes are another reading.
  await put("713/mappings/bidder.json", [JSON.stringify({ ...mapping, title: "Changed" })]);
  expect(await ingest({ path: file, mapping: "bidder" })).toMatchObject({ status: "ingested", unchanged: 1 });
  await put("713/mappings/bidder.json", [JSON.stringify({ ...mapping, combine: "guess", columns: {} })]);
  const failure = await failureOf((await start({ path: file, mapping: "bidder" })).result());
  expect(failure.message).toMatch(/^mapping: 713\/mappings\/bidder\.json: .*combine/);
});

describe("without a mapping a file is recognised by its header:", () => {
  const authorizedBuyers = [
    "#Day,Country,Creative ID,Buyer account ID,Bids in auction,Impressions,Clicks,Spend (bidder currency)",
    '11/29/25,Brazil,79783,1,20,10,2,"$1,000.50"',
    "11/29/25,Brazil,79783,1,20,5,1,$0.25",
  ];

  test("an export of a known sender needs nothing, packed or not, and its lines of one key are added", async () => {
    const file = await put("713/ab.csv", authorizedBuyers);
    expect(await ingest({ path: file })).toMatchObject({
      status: "ingested",
      mapping: "authorized-buyers",
      inserted: 1,
      combined: 1,
      sums: { impressions: "15", clicks: "3", spend: "1000.750000" },
    });
    // Named, it is the same reading.
    expect(await ingest({ path: file, mapping: "authorized-buyers" })).toMatchObject({ status: "already_ingested" });
    const packed = await put("713/ab.csv.gz", gzipSync(authorizedBuyers.join("\r\n").replace("0.25", "0.50")));
    expect(await ingest({ path: packed })).toMatchObject({ status: "ingested", mapping: "authorized-buyers" });
  });

  test("what is nearly one is named with all that it lacks, and is taken with a constant", async () => {
    const without = authorizedBuyers.map((line) =>
      line.replace(/,(Clicks|2|1)(,[^,]*(?:,000[^,]*)?)$/, "$2").replace(/,(Bids in auction|20)(?=,)/, ""),
    );
    const file = await put("713/bids.csv", without);
    const refused = await ingest({ path: file });
    expect(refused).toMatchObject({ status: "refused", mapping: "authorized-buyers", imported: 0 });
    expect(refused.reason).toBe(
      'line 1: this looks like authorized-buyers; it lacks the column "Clicks": add it to the report, or give a constant (clicks=…)',
    );
    const answer = await ingest({ path: file, constants: { clicks: "0" } });
    expect(answer).toMatchObject({ status: "ingested", mapping: "authorized-buyers", sums: { clicks: "0" } });
    const said = { extends: "authorized-buyers", constants: { clicks: "0" }, ignore: ["Opportunity*"] };
    expect(await ingest({ path: file, ...said })).toMatchObject({ status: "ingested", inserted: 0, updated: 0 });
    expect(await openAlerts()).toEqual([]);
  });

  test("lines that were rejected under a constant are read with it again", async () => {
    const file = await put("713/constant.csv", [
      "Creative ID,Day,Impressions,Spend (buyer currency),Colour",
      "556,11/29/25,10,$2,red",
    ]);
    const answer = await ingest({ path: file, constants: { clicks: "3" }, ignore: ["Colour"] });
    expect(answer).toMatchObject({ status: "ingested", rejected: 1 });
    await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 556)");
    const redriven = (await (await stack.start("redriveFiles", uniqueId("redrive"), {})).result()) as RedriveSummary;
    expect(redriven).toMatchObject({ resolved: 1, remaining: 0 });
    expect(await stack.rows("select clicks, spend from rtb.performance where creative_id = '556'")).toEqual([
      { clicks: 3, spend: "2.000000" },
    ]);
    await stack.rows(
      "delete from rtb.performance_metrics where creative_id = (select id from rtb.creatives where _client_id = '713' and creative_id = '556')",
    );
    await stack.rows("delete from rtb.creatives where creative_id = '556'");
  });

  test("what is none of them is refused with the mappings that there are", async () => {
    const answer = await ingest({ path: await put("713/other.csv", ["Name,Street", "Ada,1 Road"]) });
    expect(answer).toMatchObject({ status: "refused" });
    expect(answer.reason).toMatch(/Mappings: document, authorized-buyers, google-ads, meta/);
  });

  test("a mapping file extends another, and what is wrong with it is said with its place", async () => {
    const file = await put("713/ours/week.csv", [
      "Ad,Day,Impressions,Spend (buyer currency)",
      "79783,2025-11-29,10,$2",
    ]);
    await put("713/ours/mapping.json", [
      JSON.stringify({
        extends: "authorized-buyers",
        name: "ours",
        columns: { creative_id: ["Ad"] },
        constants: { clicks: "1" },
      }),
    ]);
    expect(await ingest({ path: file })).toMatchObject({ status: "ingested", mapping: "ours", sums: { clicks: "1" } });
    await put("713/ours/mapping.json", [JSON.stringify({ extends: "713/ours/mapping.json" })]);
    expect((await failureOf((await start({ path: file })).result())).message).toMatch(/extends itself/);
    await put("713/ours/mapping.json", [JSON.stringify({ extends: "meta", combine: "guess", colour: 1 })]);
    expect((await failureOf((await start({ path: file })).result())).message).toMatch(/^mapping: .*combine.*colour/s);
    await rm(path.join(folder, "713/ours"), { recursive: true });
  });
});

describe("the watch", () => {
  const watch = async () => (await (await stack.start("watchFiles", uniqueId("watch-files"))).result()) as FilesWatched;
  beforeEach(async () => {
    for (const name of ["713", "acme", "acmee", "late.csv", "day.csv", "uploads"])
      await rm(path.join(folder, name), { recursive: true, force: true });
  });

  test("does not let two files that fail again and again keep the others waiting", async () => {
    await stack.rows(`create function ops.curse() returns trigger language plpgsql as $$ begin raise exception 'nobody knows' using errcode = 'XX000'; end $$;
      create trigger curse before insert on ops.files for each row when (new.name like 'a-cursed%') execute function ops.curse()`);
    try {
      for (const [index, name] of ["a-cursed-1", "a-cursed-2", "good-1", "good-2"].entries())
        await put(`713/${name}.csv`, [header, ...example, `79783,2025-11-28,${index + 1},1,0.5,BR,mobile`]);
      const { taken, failed } = await watch();
      expect([taken.map(({ path: file }) => file).sort(), failed]).toEqual([["713/good-1.csv", "713/good-2.csv"], []]);
      // They go on by themselves, and the next look does not wait for them.
      expect(await watch()).toMatchObject({ found: 2, taken: [], failed: [] });
    } finally {
      await stack.rows("drop trigger curse on ops.files; drop function ops.curse()");
    }
    const cursed = () => stack.rows("select from ops.files where name like 'a-cursed%'");
    await until("both to be stored", async () => (await cursed()).length === 2, 70_000);
  });

  test("takes what has lain still, each client's own, and does not look at it again", async () => {
    await put("713/day.csv", [header, ...example]);
    await put("acme/2025/day.csv", [header, ...example]);
    await put("713/readme.md", ["no data"]);
    await put("713/night.jsonl", ['{"creative_id":79783,"date":"2025-11-28","impressions":9,"clicks":1,"spend":0.10}']);
    await put("acmee/day.csv", [header, ...example]);
    await put("713/broken.csv", [header, '"']);
    const first = await watch();
    expect(first.taken.map(({ path: file, outcome }) => `${file} ${outcome}`).sort()).toEqual([
      "713/broken.csv refused",
      "713/day.csv ingested",
      "713/night.jsonl ingested",
      "acme/2025/day.csv ingested",
    ]);
    expect(
      await stack.rows(
        "select _client_id as client, count(*) as rows from rtb.performance_metrics group by 1 order by 1",
      ),
    ).toEqual([
      { client: "713", rows: 4 },
      { client: "acme", rows: 3 },
    ]);
    expect(await watch()).toMatchObject({ found: 0, taken: [] });
    // Seen by two runs, told once; the strange folder by each.
    expect(await openAlerts()).toEqual([
      { kind: "file_refused", times: 1 },
      { kind: "folder_unknown", times: expect.any(Number) },
    ]);
    await put("713/broken.csv", [header, ...example, "79783,2025-11-30,1,1,0.5,BR,mobile"]);
    expect(await watch()).toMatchObject({ taken: [{ path: "713/broken.csv", outcome: "ingested" }] });
    expect(await openAlerts()).toEqual([{ kind: "folder_unknown", times: expect.any(Number) }]);
  });

  test("leaves alone what is still being written", async () => {
    const file = path.join(folder, await put("713/growing.csv", [header]));
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await appendFile(file, `${example[0]}\n`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    expect(await watch()).toMatchObject({ found: 1, moving: 1, taken: [] });
    writing = false;
    await writer;
    expect(await watch()).toMatchObject({ found: 1, moving: 0, taken: [{ outcome: "ingested" }] });
  });

  test("finds the mapping beside the files, and reads them again when it changes", async () => {
    const mapping = {
      name: "sender",
      title: "A sender",
      columns: { creative_id: ["C"], date: ["D"], impressions: ["I"], clicks: ["K"], spend: ["S"] },
      combine: "later",
    };
    await put("acme/sender/mapping.json", [JSON.stringify(mapping)]);
    await put("acme/sender/x.csv", ["C,D,I,K,S", "79783,2025-11-29,10,1,0.5"]);
    expect(await watch()).toMatchObject({ taken: [{ path: "acme/sender/x.csv", outcome: "ingested" }] });
    expect(await watch()).toMatchObject({ found: 0 });
    // Taken by hand, it is read in the same way.
    expect(await ingest({ path: "acme/sender/x.csv" })).toMatchObject({
      status: "already_ingested",
      mapping: "sender",
    });
    await put("acme/sender/mapping.json", [JSON.stringify({ ...mapping, title: "Another" })]);
    expect(await watch()).toMatchObject({ found: 1, taken: [{ outcome: "ingested" }] });
    // Also when what it extends changes.
    await put("acme/mappings/base.json", [JSON.stringify({ ...mapping, name: "base" })]);
    await put("acme/sender/mapping.json", ['{"extends":"base","name":"sender"}']);
    expect(await watch()).toMatchObject({ found: 1, taken: [{ outcome: "already_ingested" }] });
    expect(await watch()).toMatchObject({ found: 0 });
    await put("acme/mappings/base.json", [JSON.stringify({ ...mapping, name: "base", emptyIsZero: ["clicks"] })]);
    expect(await watch()).toMatchObject({ found: 1, taken: [{ outcome: "ingested" }] });
    expect(await watch()).toMatchObject({ found: 0 });
  });

  test("tells people once of a mapping that cannot be read, and takes the files when it can", async () => {
    await put("713/sender/mapping.json", ["{}"]);
    await put("713/sender/y.csv", ["C,D,I,K,S", "79783,2025-11-29,10,1,0.5"]);
    expect(await watch()).toMatchObject({ failed: [{ path: "713/sender/y.csv", type: "InvalidInput" }] });
    expect(await watch()).toMatchObject({ found: 0 });
    expect(await openAlerts()).toEqual([{ kind: "ingest_failed", times: 1 }]);
    const columns = { creative_id: ["C"], date: ["D"], impressions: ["I"], clicks: ["K"], spend: ["S"] };
    await put("713/sender/mapping.json", [
      JSON.stringify({ name: "sender", title: "A sender", columns, combine: "later" }),
    ]);
    expect(await watch()).toMatchObject({ taken: [{ path: "713/sender/y.csv", outcome: "ingested" }] });
    expect(await openAlerts()).toEqual([]);
  });

  test("takes an upload whose start was lost, and deletes it when it is old", async () => {
    const importId = "0123456789abcdef";
    const file = await put(`uploads/713/${importId}.csv`, [header, ...example]);
    const bytes = await readFile(path.join(folder, file));
    const record = {
      importId,
      client: "713",
      file: `${importId}.csv`,
      fileName: "from the sender.csv",
      contentHash: (await import("../../core/crypto.ts")).sha256(bytes),
      bytes: bytes.length,
      mapping: null,
      force: false,
      by: "test",
      acceptedAt: new Date().toISOString(),
    };
    await put(`uploads/713/${importId}.json`, [JSON.stringify(record)]);
    expect(await watch()).toMatchObject({ taken: [{ outcome: "ingested" }], deletedUploads: 0 });
    expect(await stack.rows("select place, name, workflow_id as id from ops.files")).toEqual([
      { place: "upload", name: "from the sender.csv", id: `ingest/713/${importId}` },
    ]);
    await put(`uploads/713/${importId}.json`, [
      JSON.stringify({ ...record, acceptedAt: new Date(Date.now() - 8 * 86_400_000).toISOString() }),
    ]);
    expect(await watch()).toMatchObject({ found: 0, deletedUploads: 1 });
    await expect(readFile(path.join(folder, file))).rejects.toThrow("ENOENT");
  });

  test("an upload that is not what was counted when it came is refused", async () => {
    const importId = "fedcba9876543210";
    const file = await put(`uploads/713/${importId}.csv`, [header, ...example]);
    await put(`uploads/713/${importId}.json`, [
      JSON.stringify({
        importId,
        client: "713",
        file: `${importId}.csv`,
        fileName: "x.csv",
        contentHash: "0".repeat(64),
        bytes: 1,
        mapping: null,
        force: false,
        by: "test",
        acceptedAt: new Date().toISOString(),
      }),
    ]);
    expect(await ingest({ path: file })).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("changed while it was read"),
    });
  });
});

test("the sums per creative are computed anew on demand, and equal the rows; files that do not add up are told then", async () => {
  await ingest({ path: await put("713/sums.csv", [header, ...example]) });
  await stack.rows("update rtb.creative_performance set spend_all = 1");
  const refreshed = await (await stack.start("refreshAggregates", uniqueId("refresh"), { client: "713" })).result();
  expect(refreshed).toMatchObject([{ client: "713", creatives: 2 }]);
  expect(
    await stack.rows(
      "select creative_id as id, spend from rtb.creative_periods where _client_id = '713' and period = 'all' and spend > 0 order by 1",
    ),
  ).toEqual([
    { id: "144634", spend: "200.000000" },
    { id: "79783", spend: "205.500000" },
  ]);
  // The schedule does the same, and checks that files add up.
  await stack.rows("update rtb.performance_metrics set spend = spend + 1");
  await (await stack.start("refreshAggregates", uniqueId("refresh"), {})).result();
  expect(
    await stack.rows("select distinct severity, resolved_at is null as open from ops.alerts where kind = 'file_books'"),
  ).toEqual([{ severity: "critical", open: true }]);
});

test("a run shows in the UI what became of its file", async () => {
  const file = await put("713/shown.csv", [header, ...example, "1,2025-11-29,1,1,0.5,BR,mobile"]);
  const handle = await start({ path: file });
  await handle.result();
  const described = await until("the search attributes", async () => {
    const found = await handle.describe();
    return found.searchAttributes["Outcome"] !== undefined && found;
  });
  expect(described.searchAttributes).toMatchObject({
    ClientId: ["713"],
    Source: ["rtb.performance"],
    Outcome: ["ingested"],
  });
});

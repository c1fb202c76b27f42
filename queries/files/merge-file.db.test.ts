import { beforeEach, describe, expect, test } from "@jest/globals";
import { stagedColumns } from "../../connectors/files/performance-file.ts";
import { inTransaction } from "../../schema/database.ts";
import { checkBooks, checkMergedFile, readBookDifferences } from "./books.ts";
import { readKnownCreatives } from "./known-creatives.ts";
import { UnknownCreatives } from "./resolve-creatives.ts";
import { readFileDays } from "./file-days.ts";
import { readFileRow, recordRedriven } from "./files.ts";
import { mergeStaged, takeTurn } from "./merge-file.ts";
import { openStaging } from "./staging.ts";
import {
  database,
  client,
  today,
  asAnother,
  line,
  stage,
  copyText,
  ingest,
  stored,
  keyOf,
  expectRollupsToBeTrue,
} from "../../test/merging-files.ts";

test("what is staged has the columns that the reader writes", async () => {
  await inTransaction(database.pool, async (session) => {
    await openStaging(session);
    const { fields } = await session.query("select * from pg_temp.staged");
    expect(fields.map(({ name }) => name)).toEqual([...stagedColumns]);
  });
});

test("a file is stored, and again changes nothing", async () => {
  const lines = [
    line(),
    line({ geography: null, device: null, hour: 0 }),
    line({ placement: "top", date: "2025-11-30" }),
  ];
  const first = await ingest({ lines });
  expect(first).toMatchObject({ inserted: 3, updated: 0, unchanged: 0, days: 2, from: "2025-11-30", to: "2025-12-17" });
  expect(first.stored).toEqual({ impressions: "3000", clicks: "30", spend: "15.75" });
  const before = await stored();
  const second = await ingest({ lines });
  expect(second).toMatchObject({ inserted: 0, updated: 0, unchanged: 3, days: 0 });
  expect(await stored()).toEqual(before);
  expect(await readFileDays(database.pool, { client, fileId: second.fileId })).toEqual([]);
});

test("no hour equals no hour: a file that says it again does not double", async () => {
  await ingest({ lines: [line()] });
  await ingest({ lines: [line({ spend: "6" })] });
  expect([...(await stored()).values()]).toHaveLength(1);
});

describe.each(["fresh days", "days that are stored"])("lines of one key, on %s:", (where) => {
  const doubled = [
    line({ spend: "1" }),
    line({ geography: "IE" }),
    line({ impressions: 7, clicks: 3, spend: "2.000001" }),
  ];
  beforeEach(async () => {
    if (where !== "fresh days") await ingest({ lines: [line({ creative: "1" })] });
  });

  test("the last one wins, and what the others carried is said", async () => {
    const merged = await ingest({ lines: doubled });
    expect(merged).toMatchObject({
      inserted: 2,
      superseded: { lines: 1, impressions: "1000", clicks: "10", spend: "1" },
      stored: { impressions: "1007", clicks: "13", spend: "7.250001" },
    });
    expect((await stored()).get(keyOf(line()))).toBe(`7 3 2.000001 ${merged.fileId}`);
  });

  test("they are added where the mapping says so", async () => {
    const merged = await ingest({ lines: doubled, combine: "sum" });
    expect(merged).toMatchObject({ inserted: 2, combined: 1, superseded: { lines: 0 } });
    expect((await stored()).get(keyOf(line()))).toBe(`1007 13 3.000001 ${merged.fileId}`);
  });
});

test.each(["fresh days", "days that are stored"])(
  "where the reader names the lines that may be doubled, only those are looked at, on %s",
  async (where) => {
    if (where !== "fresh days") await ingest({ lines: [line({ creative: "1" })] });
    const lines = [
      line({ spend: "1" }),
      line({ geography: null, placement: "top", spend: "2" }),
      line({ spend: "3" }),
      line({ geography: "IE", spend: "4" }),
      line({ geography: null, placement: "top", spend: "5" }),
      line({ spend: "6" }),
    ];
    // The fourth is doubted for nothing.
    const merged = await ingest({ lines, doubtful: [3, 4, 5, 6] });
    expect(merged).toMatchObject({ inserted: 3, superseded: { lines: 3, spend: "6" }, stored: { spend: "15" } });
    expect((await stored()).get(keyOf(line()))).toBe(`1000 10 6 ${merged.fileId}`);
    await expectRollupsToBeTrue();
  },
);

test("a file of months that are there and months that are not has its key and its room in both", async () => {
  await ingest({ lines: [line({ date: "2003-01-05" })] });
  asAnother();
  const dates = ["2003-01-31", "2003-02-01", "2003-02-28", "2003-04-30"];
  expect(await ingest({ lines: dates.map((date) => line({ date })) })).toMatchObject({ inserted: 4, days: 4 });
  expect(await ingest({ lines: dates.map((date) => line({ date, spend: "9" })) })).toMatchObject({ updated: 4 });
  const { rows } = await database.pool.query<{ part: string; room: string[]; key: string }>(
    `select c.relname as part, c.reloptions as room, pg_get_constraintdef(k.oid) as key
       from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
      where i.inhparent = 'rtb.performance_metrics'::regclass and c.relname like 'performance_metrics_2003%' order by 1`,
  );
  expect(rows.map(({ part }) => part.slice(-7))).toEqual(["2003_01", "2003_02", "2003_04"]);
  expect(new Set(rows.map(({ room, key }) => `${room.join()} ${key}`))).toEqual(
    new Set(["fillfactor=66 PRIMARY KEY (_client_id, creative_id, date, hour, geography, device_type, placement)"]),
  );
});

test("while a file fills a new month, others read the table and write into it", async () => {
  await ingest({ lines: [line()] });
  await inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    await stage(staging, [line({ date: "2004-05-01", creative: "3" })]);
    await staging.end();
    await mergeStaged(session, { client: "slow", fileId: 1, today, combine: "later", createStubs: true });
    expect((await stored()).size).toBe(1);
    expect(await ingest({ lines: [line({ spend: "7" })] })).toMatchObject({ updated: 1 });
    await database.pool.query("select rtb.ensure_months('{2025-12-17}')");
  });
});

test("a restatement is kept per day, and the older file says how many of its rows were replaced", async () => {
  const first = await ingest({
    lines: [line(), line({ geography: "IE" }), line({ date: "2025-12-16" }), line({ date: "2025-12-15" })],
  });
  const second = await ingest({
    lines: [
      line({ spend: "6.25" }),
      line({ geography: "US", spend: "1" }),
      line({ date: "2025-12-16", clicks: 11 }),
      line({ date: "2025-12-15" }),
    ],
  });
  expect(second).toMatchObject({ inserted: 1, updated: 2, unchanged: 1, days: 2 });
  expect(await readFileRow(database.pool, { client, fileId: first.fileId })).toMatchObject({
    inserted: 4,
    replaced: 2,
  });
  expect(await readFileDays(database.pool, { client, fileId: second.fileId })).toEqual([
    {
      date: "2025-12-16",
      fileId: second.fileId,
      inserted: 0,
      updated: 1,
      impressionsBefore: "1000",
      impressionsAfter: "1000",
      clicksBefore: "10",
      clicksAfter: "11",
      spendBefore: "5.250000",
      spendAfter: "5.250000",
    },
    {
      date: "2025-12-17",
      fileId: second.fileId,
      inserted: 1,
      updated: 1,
      impressionsBefore: "1000",
      impressionsAfter: "2000",
      clicksBefore: "10",
      clicksAfter: "20",
      spendBefore: "5.250000",
      spendAfter: "7.250000",
    },
  ]);
});

test("ids and counts beyond what a JS number holds come back digit by digit", async () => {
  await ingest({ lines: [line({ creative: "9223372036854775807" }), line({ creative: "9007199254740993" })] });
  expect([...(await stored()).keys()].map((key) => key.split(" ")[0]).sort()).toEqual([
    "9007199254740993",
    "9223372036854775807",
  ]);
  const known = await readKnownCreatives(database.pool, { client, createStubs: false });
  expect(["9007199254740993", "9223372036854775807", "9007199254740992"].map((id) => known.stateOf(null, id))).toEqual([
    "fine",
    "fine",
    "unknown",
  ]);
});

test("sums of the greatest amounts have room", async () => {
  const greatest = { spend: "999999999999.999999", impressions: 9_007_199_254_740_991 };
  await ingest({ lines: ["BR", "IE", "US"].map((geography) => line({ geography, ...greatest, date: today })) });
  const { rows } = await database.pool.query(
    "select spend_7d, impressions_all from rtb.creative_performance where _client_id = $1",
    [client],
  );
  expect(rows).toEqual([{ spend_7d: "2999999999999.999997", impressions_all: "27021597764222973" }]);
});

describe("creatives", () => {
  test("that nobody knows are created as stubs, once", async () => {
    await ingest({ lines: [line(), line({ geography: "IE" }), line({ creative: "2" })] });
    const { rows } = await database.pool.query(
      "select creative_id as id, is_stub from rtb.creatives where _client_id = $1 order by 1",
      [client],
    );
    expect(rows).toEqual([
      { id: "2", is_stub: true },
      { id: "79783", is_stub: true },
    ]);
  });

  test.each([
    ["a made-up creative alone", ["1"], "sandbox"],
    ["a made-up creative and a real one", ["1", "2"], "real"],
    ["a made-up creative and one that nobody knows", ["1", "3"], "real"],
  ])("%s: whose the file is", async (_what, creatives, origin) => {
    await database.pool.query(
      "insert into rtb.creatives (_client_id, creative_id, origin) values ($1, 1, 'sandbox'), ($1, 2, 'real')",
      [client],
    );
    const { fileId } = await ingest({ lines: creatives.map((creative) => line({ creative })) });
    const { rows } = await database.pool.query("select origin from ops.files where file_id = $1", [fileId]);
    expect(rows).toEqual([{ origin }]);
  });

  test("that nobody knows fail the merge where they are not to be created, and leave nothing", async () => {
    await expect(ingest({ lines: [line({ creative: "5" })], createStubs: false })).rejects.toThrow(
      new UnknownCreatives(["5"]),
    );
    expect((await stored()).size).toBe(0);
  });
});

test("the same content twice is refused in the transaction that would store it, unless forced", async () => {
  const first = await ingest({ lines: [line()], sha256: "same" });
  await ingest({ lines: [line({ spend: "9" })] });
  await expect(ingest({ lines: [line()], sha256: "same" })).rejects.toThrow(`ingested as number ${first.fileId}`);
  expect((await stored()).get(keyOf(line()))).toMatch(/^1000 10 9 /);
  const forced = await ingest({ lines: [line()], sha256: "same", force: true });
  expect(await readFileRow(database.pool, { client, fileId: forced.fileId })).toMatchObject({
    isRepeat: true,
    updated: 1,
  });
  // Another client's file is another file.
  asAnother();
  await ingest({ lines: [line()], sha256: "same" });
});

test("redriven lines do not undo what a newer file has said since", async () => {
  const first = await ingest({ lines: [line()], rejected: 3 });
  const newer = await ingest({ lines: [line({ creative: "8", spend: "2" })] });
  const again = [line({ creative: "8", spend: "1" }), line({ creative: "9", spend: "1" }), line({ spend: "5.5" })];
  const merged = await inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    await stage(staging, again);
    await staging.end();
    const done = await mergeStaged(session, {
      client,
      fileId: first.fileId,
      today,
      combine: "later",
      createStubs: true,
      redriven: true,
    });
    await recordRedriven(session, { client, fileId: first.fileId, totals: 0 }, done);
    return done;
  });
  expect(merged).toMatchObject({ inserted: 1, updated: 0, superseded: { lines: 2, spend: "6.25" } });
  const rows = await stored();
  expect(rows.get(keyOf(line({ creative: "8" })))).toBe(`1000 10 2 ${newer.fileId}`);
  expect(rows.get(keyOf(line({ creative: "9" })))).toBe(`1000 10 1 ${first.fileId}`);
  expect(await readFileRow(database.pool, { client, fileId: first.fileId })).toMatchObject({
    lines: 4,
    inserted: 2,
    updated: 0,
    superseded: 2,
    rejected: 0,
    spend: "6.500000",
    replaced: 0,
  });
  await expectRollupsToBeTrue();
});

test("rows that no file of the ledger wrote are merged with all the same", async () => {
  await database.pool.query("select rtb.ensure_months('{2025-12-17}')");
  await database.pool.query("insert into rtb.creatives (_client_id, id, creative_id) values ($1, 79783, '79783')", [
    client,
  ]);
  await database.pool.query(
    "insert into rtb.performance_metrics values ($1, 79783, 1, 1, '2025-12-17', 0, -1, 'BR', 'mobile', '', 1)",
    [client],
  );
  expect(await ingest({ lines: [line(), line({ geography: "IE" })] })).toMatchObject({ inserted: 1, updated: 1 });
});

test("a file that says two keys over and over keeps the last line of each, and compares no line with every other", async () => {
  const lines = Array.from({ length: 60_000 }, (_, at) => line({ creative: `loud-${at % 2}`, impressions: at + 1 }));
  const done = await inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    await stage(staging, lines);
    await staging.end();
    const fileId = await takeTurn(session, client);
    // The header is line 1, and the first line of either key overwrites none.
    const doubtful = lines.slice(2).map((_, at) => at + 4);
    return mergeStaged(session, { client, fileId, today, combine: "later", createStubs: true, doubtful });
  });
  expect(done).toMatchObject({ inserted: 2, superseded: { lines: 59_998 } });
  expect([...(await stored()).values()].map((value) => value.split(" ")[0]).sort()).toEqual(["59999", "60000"]);
});

test("a reader that gives up in the middle leaves a session that works", async () => {
  const failed = inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    await stage(staging, [line()]);
    await staging.write(Buffer.alloc(3_000_000, copyText([line()])));
    throw new Error("an unclosed quote");
  });
  await expect(failed).rejects.toThrow("an unclosed quote");
  expect((await database.pool.query("select 1")).rowCount).toBe(1);
});

test("a line that Postgres refuses fails the next write or the end, not the process", async () => {
  const failed = inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    await staging.write(Buffer.from("1\tx\n"));
    await staging.end();
  });
  await expect(failed).rejects.toMatchObject({ code: "22P02" });
});

test("two files of one client at a time are merged one after the other, and the later commit wins", async () => {
  const both = await Promise.all(
    ["1", "2"].map((spend) =>
      ingest({
        lines: Array.from({ length: 50 }, (_, index) =>
          line({ creative: String(spend === "1" ? index : 49 - index), spend }),
        ),
      }),
    ),
  );
  const winners = new Set([...(await stored()).values()].map((value) => value.split(" ").at(-1)));
  expect(winners.size).toBe(1);
  expect(both.map(({ inserted, updated }) => inserted + updated)).toEqual([50, 50]);
  expect(both.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(50);
});

test("two clients that both need a new month do not end in a deadlock", async () => {
  const dates = ["2001-01-01", "2001-02-01", "2001-03-01"];
  const one = ingest({ lines: dates.map((date) => line({ date })) });
  asAnother();
  await Promise.all([one, ingest({ lines: dates.toReversed().map((date) => line({ date })) })]);
  expect((await stored()).size).toBe(3);
});

describe("files add up:", () => {
  const openAlerts = async () =>
    (
      await database.pool.query<Record<string, string>>(
        "select kind, severity, subject, message from ops.alerts where _client_id = $1 and resolved_at is null",
        [client],
      )
    ).rows;

  test("rows that are stored otherwise than they were merged raise a critical alert with the merge", async () => {
    await database.pool
      .query(`create or replace function public.lose_money() returns trigger language plpgsql as $$ begin new.spend := new.spend - 1; return new; end $$;
      create trigger lose_money before insert or update on rtb.performance_metrics for each row when (new._client_id = '${client}') execute function public.lose_money()`);
    try {
      const { fileId } = await ingest({ lines: [line(), line({ creative: "2" }), line({ date: "2025-12-16" })] });
      expect(await openAlerts()).toEqual([
        {
          kind: "file_books",
          severity: "critical",
          subject: `file/${fileId}`,
          message: `file ${fileId} does not add up on 2025-12-16 and 1 more days: the table holds 1 rows with a spend of 4.25, later files have taken over 0 rows with a spend of 0.00, the receipt says 1 rows with a spend of 5.25`,
        },
      ]);
      // A large file is looked through in another way, and as well.
      await database.pool.query("delete from ops.alerts where _client_id = $1", [client]);
      const large = { client, fileId, from: "2025-12-16", to: "2025-12-17", isWhole: true, isLarge: true };
      await inTransaction(database.pool, (session) => checkMergedFile(session, large));
      expect(await openAlerts()).toMatchObject([
        { subject: `file/${fileId}`, message: expect.stringContaining("2025-12-16 and 1 more") },
      ]);
    } finally {
      await database.pool.query("drop trigger lose_money on rtb.performance_metrics");
    }
  });

  test("what is changed by hand is found when all days are checked, and settled when it adds up again", async () => {
    const { fileId } = await ingest({ lines: [line(), line({ creative: "2" })] });
    await ingest({ lines: [line({ spend: "6" }), line({ creative: "3" })] });
    expect(await checkBooks(database.pool, client)).toEqual({ files: 0 });
    await database.pool.query(
      "update rtb.performance_metrics set clicks = clicks + 1 where _client_id = $1 and creative_id = (select id from rtb.creatives where _client_id = $1 and creative_id = '2')",
      [client],
    );
    expect(await readBookDifferences(database.pool, { client, from: "2025-12-17", to: "2025-12-17" })).toMatchObject([
      {
        fileId,
        date: "2025-12-17",
        held: { rows: 1, clicks: "11" },
        takenOver: { rows: 1, clicks: "10" },
        receipt: { rows: 2, clicks: "20" },
      },
    ]);
    expect(await readBookDifferences(database.pool, { client, from: "2025-12-18" })).toEqual([]);
    expect(await checkBooks(database.pool, client)).toEqual({ files: 1 });
    expect(await openAlerts()).toMatchObject([{ kind: "file_books", subject: `file/${fileId}` }]);
    await database.pool.query(
      "update rtb.performance_metrics set clicks = clicks - 1 where _client_id = $1 and creative_id = (select id from rtb.creatives where _client_id = $1 and creative_id = '2')",
      [client],
    );
    expect(await checkBooks(database.pool, client)).toEqual({ files: 0 });
    expect(await openAlerts()).toEqual([]);
  });
});

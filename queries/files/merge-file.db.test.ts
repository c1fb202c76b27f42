import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { stagedColumns } from "../../connectors/files/performance-file.ts";
import { addDays } from "../../core/days.ts";
import { sumMoney } from "../../core/money.ts";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { checkBooks, checkMergedFile, readBookDifferences } from "./books.ts";
import { readKnownCreatives } from "./known-creatives.ts";
import { UnknownCreatives } from "./resolve-creatives.ts";
import { readFileDays } from "./file-days.ts";
import { readFileRow, recordIngested, recordRedriven } from "./files.ts";
import { mergeStaged, takeTurn } from "./merge-file.ts";
import type { MergedFile, MergeTarget } from "./merge-shapes.ts";
import { openStaging, type Staging } from "./staging.ts";
import { ensureFresh, refreshAggregates, refreshCampaigns } from "../rtb/rollups.ts";

jest.setTimeout(120_000);

let database: TestDatabase;
let client: string;
let clients = 0;
const today = "2025-12-18";

beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => {
  clients += 1;
  client = `client-${clients}`;
});
afterAll(() => database.drop());

/** A line of a file as the reader hands it on; null is what the file does not say. */
interface Line {
  creative: string;
  date: string;
  hour: number | null;
  geography: string | null;
  device: string | null;
  placement: string | null;
  impressions: number;
  clicks: number;
  spend: string;
}

const line = (given: Partial<Line> = {}): Line => ({
  creative: "79783",
  date: "2025-12-17",
  hour: null,
  geography: "BR",
  device: "mobile",
  placement: null,
  impressions: 1_000,
  clicks: 10,
  spend: "5.25",
  ...given,
});

/** A creative has one number in all files of these tests. */
const numbers = new Map<string, number>();
function numberOf({ creative }: Line): number {
  const number = numbers.get(creative) ?? numbers.size;
  numbers.set(creative, number);
  return number;
}

/** Stages lines as the reader hands them on; a creative may be written seat/id. */
async function stage(staging: Staging, lines: readonly Line[]): Promise<void> {
  await staging.write(copyText(lines));
  const named = [...new Set(lines.map(numberOf))].filter((number) => !namedTo(staging).has(number));
  await staging.name(
    named.map((number) => {
      const [id = "", seat = null] = ([...numbers.keys()][number] ?? "").split("/").reverse();
      namedTo(staging).add(number);
      return { number, buyerId: seat, creativeId: id };
    }),
  );
}
const namesOf = new WeakMap<Staging, Set<number>>();
function namedTo(staging: Staging): Set<number> {
  const known = namesOf.get(staging) ?? new Set();
  namesOf.set(staging, known);
  return known;
}

function copyText(lines: readonly Line[]): Buffer {
  const text = (value: string | number | null) => (value === null ? "\\N" : String(value).replaceAll("\\", "\\\\"));
  return Buffer.from(
    lines
      .map((one, index) =>
        [
          index + 2,
          numberOf(one),
          one.date,
          one.hour,
          one.geography,
          one.device,
          one.placement,
          one.impressions,
          one.clicks,
          one.spend,
        ]
          .map(text)
          .join("\t"),
      )
      .map((row) => `${row}\n`)
      .join(""),
  );
}

interface Given extends Partial<Omit<MergeTarget, "client" | "fileId">> {
  lines: readonly Line[];
  rejected?: number;
  sha256?: string;
  force?: boolean;
}

/** A file from its lines to its receipt, as an ingest does it. */
async function ingest({
  lines,
  rejected = 0,
  sha256,
  force = false,
  ...options
}: Given): Promise<MergedFile & { fileId: number }> {
  return inTransaction(database.pool, async (session) => {
    const staging = await openStaging(session);
    for (let at = 0; at < lines.length; at += 3) await stage(staging, lines.slice(at, at + 3));
    // In parts, so that line numbers would repeat: numbered anew here, as the reader does.
    await staging.end();
    await session.query(
      "update pg_temp.staged s set line = n.line from (select ctid, row_number() over (order by ctid) as line from pg_temp.staged) n where n.ctid = s.ctid",
    );
    const fileId = await takeTurn(session, client);
    const done = await mergeStaged(session, { client, fileId, today, combine: "later", createStubs: true, ...options });
    await recordIngested(
      session,
      {
        fileId,
        source: "rtb.performance",
        client,
        sha256: sha256 ?? `hash-${fileId}`,
        mapping: "document",
        mappingVersion: "1",
        name: "file.csv",
        place: "import",
        path: "file.csv",
        bytes: 1,
        optionsHash: "none",
        lines: lines.length + rejected,
        preamble: 0,
        totals: 0,
        rejected,
        runId: `run-${fileId}`,
        workflowId: `ingest/${fileId}`,
        startedAt: new Date(),
        force,
      },
      done,
    );
    return { ...done, fileId };
  });
}

/** As lines of these tests name a creative. */
const nameOf = (table: string) => `coalesce(${table}.buyer_id || '/', '') || ${table}.creative_id`;
const storedColumns = `${nameOf("performance")} || ' ' || date || ' ' || coalesce(hour::text, '-') || ' ' || coalesce(geography, '-') || ' ' || coalesce(device_type, '-') || ' ' || coalesce(placement, '-')`;

async function stored(): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ key: string; value: string }>(
    `select ${storedColumns} as key, impressions || ' ' || clicks || ' ' || trim_scale(spend) || ' ' || _file_id as value from rtb.performance where _client_id = $1`,
    [client],
  );
  return new Map(rows.map(({ key, value }) => [key, value]));
}

const keyOf = (one: Line) =>
  [one.creative, one.date, one.hour ?? "-", one.geography ?? "-", one.device ?? "-", one.placement ?? "-"].join(" ");

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
  client = `${client}-other`;
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
  client = `${client}-other`;
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
  client = `${client}-other`;
  await Promise.all([one, ingest({ lines: dates.toReversed().map((date) => line({ date })) })]);
  expect((await stored()).size).toBe(3);
});

/** Plain sums over the rows, in another shape than the roll-ups': row by row in TypeScript. */
async function expectRollupsToBeTrue(asOf = today): Promise<void> {
  const { rows } = await database.pool.query<{
    id: string;
    date: string;
    geography: string | null;
    device: string | null;
    impressions: string;
    clicks: string;
    spend: string;
  }>(
    `select ${nameOf("performance")} as id, date, geography, device_type as device, impressions::text, clicks::text, spend from rtb.performance where _client_id = $1`,
    [client],
  );
  type Row = (typeof rows)[number];
  const sum = (of: Row[], what: "impressions" | "clicks" | "spend") => Number(sumMoney(of.map((row) => row[what])));
  const within = (of: Row[], from: number, to: number) =>
    of.filter(({ date }) => date >= addDays(asOf, -from) && date <= addDays(asOf, -to));
  const periods = { "1d": [1, 1, 2, 2], "7d": [6, 0, 13, 8], "30d": [29, 0, 59, 31] } as const;
  const ids = [...new Set(rows.map(({ id }) => id))];
  const expected = ids.map((id) => {
    const own = rows.filter((row) => row.id === id);
    const parts = Object.entries(periods).flatMap(([period, [from, to, before, until]]) => [
      [`spend_${period}`, sum(within(own, from, to), "spend")],
      [`impressions_${period}`, sum(within(own, from, to), "impressions")],
      [`clicks_${period}`, sum(within(own, from, to), "clicks")],
      [`previous_spend_${period}`, sum(within(own, before, until), "spend")],
    ]);
    parts.push(["spend_today", sum(within(own, 0, 0), "spend")]);
    const all = (["spend", "impressions", "clicks"] as const).map((what) => [`${what}_all`, sum(own, what)]);
    return { id, ...Object.fromEntries([...parts, ...all]) } as Record<string, number | string>;
  });
  const found = await database.pool.query<Record<string, string>>(
    `select ${nameOf("c")} as name, p.* from rtb.creative_performance p join rtb.creatives c on c._client_id = p._client_id and c.id = p.creative_id where p._client_id = $1`,
    [client],
  );
  const numbers = found.rows.map(({ _client_id, creative_id: _creative, name, ...sums }) => ({
    id: name,
    ...Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value)])),
  }));
  const byId = (list: { id?: string | number | undefined }[]) =>
    [...list].sort((one, other) => String(one.id).localeCompare(String(other.id)));
  expect(byId(numbers)).toEqual(byId(expected));

  const { rows: tiers } = await database.pool.query<{
    period: string;
    spenders: number;
    high: string | null;
    low: string | null;
  }>("select period, spenders, high_from as high, low_to as low from rtb.spend_tiers where _client_id = $1", [client]);
  for (const { period, spenders, high, low } of tiers) {
    const spends = expected
      .map((one) => Number(one[`spend_${period}`]))
      .filter((spend) => spend > 0)
      .sort((one, other) => other - one);
    const quarter = Math.ceil(spends.length / 4);
    expect({ period, spenders, high, low }).toEqual({
      period,
      spenders: spends.length,
      high: spends.length === 0 ? null : (spends[quarter - 1] ?? 0).toFixed(6),
      low: spends.length === 0 ? null : (spends[spends.length - quarter] ?? 0).toFixed(6),
    });
  }

  const { rows: campaigns } = await database.pool.query<Record<string, string | null> & { members: string[] }>(
    `select c.*, coalesce(array_agg(${nameOf("r")}) filter (where r.id is not null), '{}') as members
       from rtb.campaigns c left join rtb.campaign_creatives k using (_client_id, campaign_id)
       left join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id where c._client_id = $1 group by c._client_id, c.campaign_id`,
    [client],
  );
  for (const campaign of campaigns) {
    const own = rows.filter(({ id }) => campaign.members.includes(id));
    const week = within(own, 6, 0);
    const top = (of: "geography" | "device") => {
      const sums = [...new Set(week.map((row) => row[of]))]
        .filter((name) => name !== null)
        .map((name) => ({
          name,
          spend: sum(
            week.filter((row) => row[of] === name),
            "spend",
          ),
        }))
        .filter(({ spend }) => spend > 0)
        .sort((one, other) => other.spend - one.spend || (one.name < other.name ? -1 : 1));
      return sums[0]?.name ?? null;
    };
    const clicks = sum(week, "clicks");
    const impressions = sum(week, "impressions");
    const spend = sum(week, "spend");
    expect({
      spend7: Number(campaign["total_spend_7d"]),
      spend30: Number(campaign["total_spend_30d"]),
      all: Number(campaign["total_spend_all_time"]),
      cpc: campaign["avg_cpc_7d"] === null ? null : Number(campaign["avg_cpc_7d"]),
      cpm: campaign["avg_cpm_7d"] === null ? null : Number(campaign["avg_cpm_7d"]),
      geography: campaign["top_geography"],
      device: campaign["top_device_type"],
    }).toEqual({
      spend7: spend,
      spend30: sum(within(own, 29, 0), "spend"),
      all: sum(own, "spend"),
      cpc: clicks === 0 ? null : expect.closeTo(spend / clicks, 5),
      cpm: impressions === 0 ? null : expect.closeTo((spend * 1000) / impressions, 5),
      geography: top("geography"),
      device: top("device"),
    });
  }
}

async function makeCampaign(name: string, members: readonly string[]): Promise<number> {
  const { rows } = await database.pool.query<{ id: number }>(
    `with known as (
       insert into rtb.creatives (_client_id, buyer_id, creative_id, is_stub)
       select $1, nullif(split_part('/' || n, '/', -2), ''), split_part(n, '/', -1), true from unnest($3::text[]) n
           on conflict on constraint creatives_key do update set is_stub = true returning id
     ), c as (insert into rtb.campaigns (_client_id, campaign_name) values ($1, $2) returning campaign_id), k as (
       insert into rtb.campaign_creatives select $1, campaign_id, known.id from c, known)
     select campaign_id as id from c`,
    [client, name, members],
  );
  return rows[0]?.id ?? 0;
}

/** Two seats share an id. */
const creatives = ["A/1", "B/1", "2", "A/x-3", "5", "9007199254740993"];
const anyLine: fc.Arbitrary<Line> = fc.record({
  creative: fc.constantFrom(...creatives),
  // Around every edge of the periods, and long ago.
  date: fc.constantFrom(0, 0, 1, 1, 2, 6, 7, 13, 14, 29, 30, 59, 60, 61, 400).map((days) => addDays(today, -days)),
  hour: fc.constantFrom(null, 0, 23),
  geography: fc.constantFrom(null, "BR", "NA"),
  device: fc.constantFrom(null, "mobile"),
  placement: fc.constantFrom(null, "Größe\\"),
  impressions: fc.integer({ min: 0, max: 1_000 }),
  clicks: fc.integer({ min: 0, max: 5 }),
  spend: fc.integer({ min: 0, max: 3_000 }).map((cents) => (cents / 100).toFixed(2)),
});
const anyFile = fc.record({
  lines: fc.array(anyLine, { minLength: 1, maxLength: 25 }),
  combine: fc.constantFrom("later" as const, "later" as const, "sum" as const),
  twice: fc.boolean(),
});

test("random files in a row: the table equals the model, every line is accounted for, and the roll-ups are true after each", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFile, { minLength: 1, maxLength: 4 }), async (files) => {
      clients += 1;
      client = `client-${clients}`;
      await makeCampaign("some", creatives.slice(0, 3));
      await makeCampaign("overlapping", creatives.slice(2));
      await makeCampaign("empty", []);
      const model = new Map<string, string>();
      for (const file of files.flatMap((one) => (one.twice ? [one, one] : [one]))) {
        const merged = await ingest({ lines: file.lines, combine: file.combine });
        const winners = new Map<string, Line>();
        for (const one of file.lines) {
          const before = winners.get(keyOf(one));
          winners.set(
            keyOf(one),
            before === undefined || file.combine === "later"
              ? one
              : {
                  ...one,
                  impressions: before.impressions + one.impressions,
                  clicks: before.clicks + one.clicks,
                  spend: sumMoney([before.spend, one.spend]),
                },
          );
        }
        const counts = { inserted: 0, updated: 0, unchanged: 0 };
        for (const [key, one] of winners) {
          const value = `${one.impressions} ${one.clicks} ${sumMoney([one.spend])}`;
          const before = model.get(key);
          if (before?.startsWith(`${value} `) === true) counts.unchanged += 1;
          else {
            counts[before === undefined ? "inserted" : "updated"] += 1;
            model.set(key, `${value} ${merged.fileId}`);
          }
        }
        const doubled = file.lines.length - winners.size;
        expect(merged).toMatchObject({
          ...counts,
          combined: file.combine === "sum" ? doubled : 0,
          superseded: { lines: file.combine === "sum" ? 0 : doubled },
        });
        const all = [...winners.values()];
        expect(merged.stored).toEqual({
          impressions: String(all.reduce((sum, { impressions }) => sum + impressions, 0)),
          clicks: String(all.reduce((sum, { clicks }) => sum + clicks, 0)),
          spend: sumMoney(all.map(({ spend }) => spend)),
        });
        if (file.combine === "later")
          expect(sumMoney([merged.stored.spend, merged.superseded.spend])).toBe(
            sumMoney(file.lines.map(({ spend }) => spend)),
          );
        expect(await stored()).toEqual(model);
        await expectRollupsToBeTrue();
      }
      const kept = await rollups();
      await refreshAggregates(database.pool, { client, today });
      expect(await rollups()).toEqual(kept);
    }),
    { numRuns: 25 },
  );
});

async function rollups(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select (select json_agg(p order by creative_id) from rtb.creative_performance p where _client_id = $1) as creatives,
            (select json_agg(t order by period) from rtb.spend_tiers t where _client_id = $1) as tiers,
            (select json_agg(to_jsonb(c) - 'last_performance_update' order by campaign_id) from rtb.campaigns c where _client_id = $1) as campaigns`,
    [client],
  );
  return rows[0];
}

describe("when a day has begun", () => {
  const lines = [0, 1, 2, 6, 7, 13, 29, 30, 59].map((days) =>
    line({ date: addDays(today, -days), creative: String(days % 3), spend: String(days + 1) }),
  );

  test("readers move the periods on before they read, and once is enough", async () => {
    await makeCampaign("all", ["0", "1", "2"]);
    await ingest({ lines });
    const tomorrow = addDays(today, 1);
    await Promise.all([1, 2, 3].map(() => ensureFresh(database.pool, { client, today: tomorrow })));
    await expectRollupsToBeTrue(tomorrow);
    // A clock that is behind changes nothing.
    await ensureFresh(database.pool, { client, today });
    await refreshAggregates(database.pool, { client, today });
    await expectRollupsToBeTrue(tomorrow);
  });

  test("an import moves the periods of all creatives on, not just of those it touches", async () => {
    await makeCampaign("all", ["0", "1", "2"]);
    await ingest({ lines });
    const later = addDays(today, 8);
    await ingest({ lines: [line({ creative: "0", date: later })], today: later });
    await expectRollupsToBeTrue(later);
  });
});

test("a file of long ago changes the sums of all days alone", async () => {
  await makeCampaign("all", ["79783"]);
  await ingest({ lines: [line()] });
  await ingest({ lines: [line({ date: "2020-02-29" }), line({ date: "2020-02-29", creative: "4" })] });
  await expectRollupsToBeTrue();
});

test("once they are filled, the planner knows how large the roll-ups are", async () => {
  await database.pool.query(
    "insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id) select $1, n, '2025-12-17', -1, 'BR', 'mobile', '', 1, 0, n, 1 from generate_series(1, 2000) n",
    [client],
  );
  await refreshAggregates(database.pool, { client, today });
  const { rows } = await database.pool.query<{ known: number }>(
    "select reltuples::int as known from pg_class where oid = 'rtb.creative_performance'::regclass",
  );
  expect(rows[0]?.known).toBeGreaterThanOrEqual(2_000);
});

test("rows that somebody removed by hand leave the roll-ups with the next refresh", async () => {
  await ingest({ lines: [line(), line({ creative: "2" })] });
  await database.pool.query(
    "delete from rtb.performance_metrics where _client_id = $1 and creative_id = (select id from rtb.creatives where _client_id = $1 and creative_id = '2')",
    [client],
  );
  expect(await refreshAggregates(database.pool, { client, today })).toEqual({
    client,
    asOf: today,
    creatives: 1,
    campaigns: 0,
  });
  await expectRollupsToBeTrue();
});

test("a campaign that gets other creatives is computed anew with them", async () => {
  await ingest({ lines: [line(), line({ creative: "2", spend: "7", geography: "IE" })] });
  const id = await makeCampaign("late", ["79783", "2"]);
  await inTransaction(database.pool, (session) => refreshCampaigns(session, { client, campaignIds: [id] }));
  await expectRollupsToBeTrue();
});

test("of one month only that month's part is read", async () => {
  await ingest({ lines: [line(), line({ date: "2025-10-01" })] });
  const { rows } = await database.pool.query<{ "QUERY PLAN": string }>(
    "explain select sum(spend) from rtb.performance where _client_id = $1 and date between '2025-12-12' and '2025-12-18'",
    [client],
  );
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("performance_metrics_2025_12");
  expect(plan).not.toContain("performance_metrics_2025_10");
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

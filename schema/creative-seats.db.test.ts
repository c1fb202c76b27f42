import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readKnownCreatives } from "../queries/files/known-creatives.ts";
import { mergeStaged, takeTurn } from "../queries/files/merge-file.ts";
import { openStaging } from "../queries/files/staging.ts";
import { databaseBefore, type OldDatabase } from "../test/old-database.ts";
import { inTransaction, openDatabase, type Database } from "./database.ts";
import { migrateDatabase } from "./migrate.ts";

let old: OldDatabase;
let database: Database | undefined;
beforeAll(async () => void (old = await databaseBefore(/creative_seats/)), 60_000);
afterAll(async () => {
  await database?.end();
  await old?.drop();
});

const greatest = "9223372036854775807";

async function merge(lines: { buyerId: string | null; creativeId: string; spend: number }[]) {
  const own = database as Database;
  return inTransaction(own, async (session) => {
    const staging = await openStaging(session);
    await staging.name(lines.map(({ buyerId, creativeId }, number) => ({ number, buyerId, creativeId })));
    const rows = lines.map(
      ({ spend }, number) => `${number + 2}\t${number}\t2025-12-17\t\\N\tBR\t\\N\t\\N\t1000\t1\t${spend}\n`,
    );
    await staging.write(Buffer.from(rows.join("")));
    await staging.end();
    const fileId = await takeTurn(session, "713");
    const target = { client: "713", fileId, today: "2025-12-18", combine: "later" as const, createStubs: true };
    return mergeStaged(session, target);
  });
}

const stored = async () => {
  const { rows } = await (database as Database).query<{ text: string }>(
    "select concat_ws(' ', coalesce(buyer_id, '-'), creative_id, trim_scale(spend)) as text from rtb.performance order by 1",
  );
  return rows.map(({ text }) => text);
};

test("a populated database keeps its rows, sums and campaigns under the ids it had, and a repeat still changes nothing", async () => {
  await old.client.query("select rtb.ensure_months('{2025-12-17}')");
  await old.client.query(`
    insert into rtb.creatives (_client_id, creative_id, buyer_id, format, is_stub)
    values ('713', 79783, null, null, true), ('713', ${greatest}, 'seat-1', 'HTML', false), ('acme', 79783, 'seat-9', 'VIDEO', false);
    insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
    values ('713', 79783, '2025-12-17', -1, 'BR', '', '', 1000, 1, 5.25, 1), ('713', ${greatest}, '2025-12-17', -1, 'BR', '', '', 1000, 1, 7, 1),
           ('713', 42, '2025-12-17', -1, 'BR', '', '', 1000, 1, 2, 1);
    insert into rtb.creative_performance (_client_id, creative_id, spend_all, impressions_all, clicks_all)
    values ('713', 79783, 5.25, 1000, 1), ('713', ${greatest}, 7, 1000, 1), ('713', 42, 2, 1000, 1);
    with c as (insert into rtb.campaigns (_client_id, campaign_name) values ('713', 'Puzzle') returning campaign_id)
    insert into rtb.campaign_creatives select '713', campaign_id, unnest('{79783,${greatest}}'::bigint[]) from c`);
  await migrateDatabase(old.url);
  database = openDatabase({ url: old.url, poolSize: 2, name: "seats", onError: () => undefined });

  const { rows } = await database.query(
    "select _client_id || ' ' || id || ' ' || creative_id || ' ' || coalesce(buyer_id, '-') || ' ' || is_stub as text from rtb.creatives order by 1",
  );
  expect(rows.map(({ text }) => text)).toEqual([
    "713 42 42 - true",
    "713 79783 79783 - true",
    `713 ${greatest} ${greatest} seat-1 false`,
    "acme 79783 79783 seat-9 false",
  ]);
  const before = ["- 42 2", "- 79783 5.25", `seat-1 ${greatest} 7`];
  expect(await stored()).toEqual(before);
  const { rows: campaign } = await database.query("select campaign_name, spend from rtb.campaign_days");
  expect(campaign).toEqual([{ campaign_name: "Puzzle", spend: "12.250000" }]);

  const again = [
    { buyerId: null, creativeId: "79783", spend: 5.25 },
    { buyerId: null, creativeId: greatest, spend: 7 },
  ];
  expect(await merge(again)).toMatchObject({ inserted: 0, updated: 0, unchanged: 2 });
  expect(await stored()).toEqual(before);
});

test("the first seat that is named for an old creative is its seat; another seat's creative of that id has rows of its own", async () => {
  const file = [
    { buyerId: "seat-2", creativeId: "79783", spend: 5.25 },
    { buyerId: "seat-3", creativeId: "79783", spend: 4 },
    { buyerId: "seat-3", creativeId: "summer_sale", spend: 1 },
  ];
  expect(await merge(file)).toMatchObject({ inserted: 2, updated: 0, unchanged: 1 });
  const after = ["- 42 2", `seat-1 ${greatest} 7`, "seat-2 79783 5.25", "seat-3 79783 4", "seat-3 summer_sale 1"];
  expect(await stored()).toEqual(after);
  expect(await merge(file)).toMatchObject({ inserted: 0, updated: 0, unchanged: 3 });
  expect(await stored()).toEqual(after);
  const { rows } = await (database as Database).query(
    "select id > 0 as old, count(*)::int as creatives, sum(spend_all) as spend from rtb.creatives c join rtb.creative_performance p on p._client_id = c._client_id and p.creative_id = c.id group by 1 order by 1",
  );
  expect(rows).toEqual([
    { old: false, creatives: 2, spend: "5.000000" },
    { old: true, creatives: 3, spend: "14.250000" },
  ]);
});

test("where creatives are not created, the first seat of a file takes the one without a seat, and lines of another are unknown", async () => {
  await merge([{ buyerId: null, creativeId: "77", spend: 1 }]);
  const known = await readKnownCreatives(database as Database, { client: "713", createStubs: false });
  const ask = [
    ["B", "77"],
    ["A", "77"],
    ["B", "77"],
    [null, "77"],
    ["A", "78"],
  ] as const;
  expect(ask.map(([seat, id]) => known.stateOf(seat, id))).toEqual(["fine", "unknown", "fine", "fine", "unknown"]);
  await merge([{ buyerId: "B", creativeId: "77", spend: 1 }]);
  expect((await stored()).filter((row) => / 77 /.test(row))).toEqual(["B 77 1"]);
  const later = await readKnownCreatives(database as Database, { client: "713", createStubs: false });
  expect([later.stateOf(null, "77"), later.stateOf("A", "77"), later.stateOf("B", "0077")]).toEqual([
    "fine",
    "unknown",
    "fine",
  ]);
});

test("an id that several seats have is not guessed, and one filled up with zeros is the one without them", async () => {
  await expect(merge([{ buyerId: null, creativeId: "79783", spend: 1 }])).rejects.toThrow("not known: 79783");
  await merge([
    { buyerId: "seat-3", creativeId: "00079783", spend: 9 },
    { buyerId: "seat-3", creativeId: "0007", spend: 3 },
  ]);
  expect((await stored()).filter((row) => row.startsWith("seat-3"))).toEqual([
    "seat-3 7 3",
    "seat-3 79783 9",
    "seat-3 summer_sale 1",
  ]);
});

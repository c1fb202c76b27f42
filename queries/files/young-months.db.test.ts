import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { lookAtYoungMonths } from "./young-months.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

async function add(rows: number, from: number): Promise<void> {
  const session = await database.pool.connect();
  try {
    await session.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       select '713', n, '2025-12-18', -1, '', '', '', 1, 0, 1, 1 from generate_series($1::int, $1 + $2 - 1) n`,
      [from, rows],
    );
    await session.query("select pg_stat_force_next_flush()");
  } finally {
    session.release();
  }
}

const known = async () =>
  (
    await database.pool.query<{ rows: number }>(
      "select reltuples::int as rows from pg_class where oid = 'rtb.performance_metrics_2025_12'::regclass",
    )
  ).rows[0]?.rows;

test("a month that has more than doubled is looked at once, and others are left alone", async () => {
  await database.pool.query("select rtb.ensure_months(array['2025-11-30', '2025-12-18']::date[])");
  await database.pool.query("alter table rtb.performance_metrics_2025_12 set (autovacuum_enabled = off)");
  await add(1_500, 1);
  expect(await lookAtYoungMonths(database.pool)).toEqual(["rtb.performance_metrics_2025_12"]);
  expect(await known()).toBe(1_500);
  await add(1_400, 2_001);
  expect(await lookAtYoungMonths(database.pool)).toEqual([]);
  await add(200, 4_001);
  expect(await lookAtYoungMonths(database.pool)).toEqual(["rtb.performance_metrics_2025_12"]);
  expect(await known()).toBe(3_100);
});

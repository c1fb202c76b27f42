import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestDatabase, testDatabase } from "./database.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

test("the db ring runs on a real PostgreSQL 18 with UTF-8 and UTC", async () => {
  const { rows } = await database.pool.query(
    "select version(), current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone, date '2025-12-18' as day",
  );
  expect(rows[0]).toMatchObject({
    version: expect.stringMatching(/^PostgreSQL 18/),
    encoding: "UTF8",
    zone: "UTC",
    day: "2025-12-18",
  });
});

test("test files do not see each other's databases, which hold what the migrations made", async () => {
  const other = await testDatabase();
  try {
    await other.pool.query("create table only_here (id int)");
    const { rows } = await database.pool.query("select to_regclass('only_here') as found");
    expect(rows).toEqual([{ found: null }]);
  } finally {
    await other.drop();
  }
});

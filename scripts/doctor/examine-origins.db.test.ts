import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { examineOrigins } from "./examine-origins.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const examine = (address: string) => {
  const env = { DATABASE_URL: database.url, REDTRACK_API_KEY: "a-key-of-713", REDTRACK_BASE_URL: address };
  return examineOrigins(database.pool, loadConfig(env, vendors, sources).accounts.values());
};

test("a real key on sandbox data is found, with the command; the sandbox's own key is not", async () => {
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, origin)
     values ('713', 'redtrack.daily_spend', '2025-12-18', '2025-12-18', 'America/New_York', 1, 'sandbox')`,
  );
  expect(await examine("https://api.redtrack.io")).toMatchObject([
    { level: "FAIL", what: expect.stringContaining("npm run purge -- --sandbox --source redtrack.daily_spend") },
  ]);
  expect(await examine("http://127.0.0.1:3010/redtrack")).toEqual([]);
});

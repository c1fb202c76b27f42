import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { databaseBefore, type OldDatabase } from "../test/old-database.ts";
import { migrateDatabase } from "./migrate.ts";

jest.setTimeout(60_000);

let old: OldDatabase;
beforeAll(async () => void (old = await databaseBefore(/_recovered$/)));
afterAll(() => old.drop());

test("runs that were stored as healed are recovered, and keep when", async () => {
  await old.client.query(`
    insert into ops.runs (run_id, _client_id, source, kind, workflow_id, outcome)
      values ('r1', '713', 'redtrack.daily_spend', 'sync', 'w1', 'healed'), ('r2', '713', 'redtrack.daily_spend', 'sync', 'w2', 'failed');
    insert into ops.run_failures (run_id, _client_id, source, slice, type, reason, healed_at)
      values ('r1', '713', 'redtrack.daily_spend', '2025-12-01', 'VendorUnavailable', 'away', '2025-12-02T00:00:00Z')`);
  await migrateDatabase(old.url);
  expect((await old.client.query("select run_id, outcome from ops.runs order by run_id")).rows).toEqual([
    { run_id: "r1", outcome: "recovered" },
    { run_id: "r2", outcome: "failed" },
  ]);
  expect((await old.client.query("select recovered_at from ops.run_failures")).rows).toEqual([
    { recovered_at: new Date("2025-12-02T00:00:00Z") },
  ]);
});

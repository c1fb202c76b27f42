import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { startWarehouses } from "../../scripts/embedded/warehouses.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { fillLake, warehouseActivities } from "../../test/warehouses.ts";
import { assertUnmixed } from "../shared/origins.ts";
import { countOthers, otherPurges } from "./purge-others.ts";
import { countWarehouse, purgeWarehouse } from "./purge-warehouse.ts";

jest.setTimeout(60_000);

const client = "713";
const source = "bigquery.performance";
const step = { atATime: 100, by: { actor: "cli:a test", role: null } };
let database: TestDatabase;
let lake: Awaited<ReturnType<typeof startWarehouses>>;
beforeAll(async () => {
  database = await testDatabase();
  lake = await startWarehouses(database.pool);
});
afterAll(async () => {
  await lake.close();
  await database.drop();
});

const pull = (day: string) => {
  const { activities } = warehouseActivities(database.pool, lake.settings, "bigquery");
  const info = { workflowExecution: { workflowId: day, runId: `run ${day}` }, attempt: 1 };
  return new MockActivityEnvironment(info, { logger: new DefaultLogger("ERROR") }).run(activities.pullSlice, {
    ...{ client, source, day, runId: "run" },
  });
};

async function held(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select (select array_agg(place order by place) from ops.files) as files, (select sum(spend)::text from rtb.performance_metrics) as spend,
            (select coalesce(sum(spend_all), 0)::text from rtb.creative_performance) as "rolledUp",
            (select count(*)::int from ops.slices) as slices, (select count(*)::int from ops.receipts) as receipts`,
  );
  return rows[0];
}

test("days of a mock warehouse are purged by its own name, also those without rows, and files by theirs", async () => {
  await database.pool.query(
    "insert into rtb.creatives (_client_id, creative_id, origin) select $1, 'c' || n, 'sandbox' from generate_series(1, 3) n",
    [client],
  );
  await fillLake(database.pool, "2025-12-18", ["c1 100 5 1.5 BR mobile", "c2 9 1 0.5 DE desktop"]);
  expect(await pull("2025-12-18")).toMatchObject({ outcome: "changed", inserted: 2 });
  expect(await pull("2025-12-19")).toMatchObject({ outcome: "unchanged", fetched: 0 });
  // A file that the demo uploaded.
  await database.pool.query(
    `insert into ops.files select (jsonb_populate_record(f, '{"file_id": 900, "sha256": "x", "place": "upload", "path": "demo.csv", "run_id": "x"}')).* from ops.files f`,
  );
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     select $1, min(id), '2025-12-17', -1, '', '', '', 1, 0, 4, 900 from rtb.creatives`,
    [client],
  );
  const counted = await countOthers(database.pool, client);
  expect(counted.filter(({ table }) => table === "ops.files")).toMatchObject([{ source: "files", rows: 1 }]);
  expect(await countWarehouse(database.pool, { client, source })).toEqual([
    { client, source, table: "rtb.performance_metrics", rows: 2, sum: "2.000000" },
    { client, source, table: "ops.files", rows: 1, sum: null },
    { client, source, table: "ops.slices", rows: 2, sum: null },
  ]);
  await expect(assertUnmixed(database.pool, { client, source }, "real")).rejects.toThrow(
    "npm run purge -- --sandbox --source bigquery.performance --client 713",
  );

  const purged = await purgeWarehouse(database.pool, { client, source }, step);
  expect(purged).toEqual(
    expect.arrayContaining([
      { client, source, table: "rtb.performance_metrics", rows: 2, sum: "2.000000" },
      { client, source, table: "ops.slices", rows: 2, sum: null },
      { client, source, table: "ops.receipts", rows: 2, sum: null },
    ]),
  );
  expect(await held()).toEqual({ files: ["upload"], spend: "4.000000", rolledUp: "4.000000", slices: 0, receipts: 0 });
  await expect(assertUnmixed(database.pool, { client, source }, "real")).resolves.toBeUndefined();
  expect(await purgeWarehouse(database.pool, { client, source }, step)).toEqual([]);

  expect(await pull("2025-12-18")).toMatchObject({ outcome: "changed", inserted: 2 });
  await otherPurges.files(database.pool, client, step);
  expect(await held()).toMatchObject({ files: ["warehouse"], spend: "2.000000", slices: 1, receipts: 1 });
});

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { fillLake, storedDay, warehouseActivities } from "../../test/warehouses.ts";
import { startWarehouses, warehouseNames } from "../embedded/warehouses.ts";

// The first command after a change builds dist/.
jest.setTimeout(120_000);

const day = "2025-12-18";
let database: TestDatabase;
let lake: Awaited<ReturnType<typeof startWarehouses>>;
beforeAll(async () => {
  database = await testDatabase();
  lake = await startWarehouses(database.pool, { pageRows: 2 });
  await database.pool.query(
    "insert into rtb.creatives (_client_id, creative_id, origin) select '713', 'c' || n, 'sandbox' from generate_series(1, 9) n",
  );
});
beforeEach(async () => {
  for (const name of warehouseNames) lake[name].jobs.length = 0;
  await database.pool.query(
    "truncate lake.rows, ops.slices, ops.receipts, ops.files, ops.file_days, ops.alerts, rtb.performance_metrics",
  );
});
afterAll(async () => {
  await lake.close();
  await database.drop();
});

const verify = (source: string, settings: Record<string, string> = {}) =>
  promisify(execFile)(
    process.execPath,
    ["scripts/run.mjs", "verify", "--source", source, "--from", day, "--to", day, "--client", "713"],
    {
      cwd: projectRoot(),
      env: {
        ...{ ...process.env, NODE_OPTIONS: "", DATABASE_URL: database.url, CLIENTS: "713", RTB_TIMEZONE: "UTC" },
        ...{ ...lake.settings, RTB_PERFORMANCE_OWNER: source.split(".")[0], ...settings },
      },
    },
  ).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
  );

const written = async () => {
  const { rows } = await database.pool.query(
    `select (select count(*)::int from ops.files) as files, (select count(*)::int from ops.receipts) as receipts,
            (select count(*)::int from ops.alerts) as alerts, (select sum(spend_all)::text from rtb.creative_performance) as spend`,
  );
  return [rows, await storedDay(database.pool, day)];
};

test.each(warehouseNames)(
  "a day of %s is compared row by row, within its cap, and nothing is written",
  async (name) => {
    const source = `${name}.performance`;
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 9 1 0.5 DE desktop", "c3 1 0 0.25 US mobile"]);
    const { activities } = warehouseActivities(database.pool, lake.settings, name);
    await new MockActivityEnvironment(
      { workflowExecution: { workflowId: "slice", runId: `pull ${name}` }, attempt: 1 },
      { logger: new DefaultLogger("ERROR") },
    ).run(activities.pullSlice, { client: "713", source, day, runId: "run" });
    const before = await written();
    expect(lake[name].jobs).toHaveLength(1);

    expect(await verify(source)).toMatchObject({ code: 0, said: expect.stringContaining("1 day the same") });
    // A verification is a query of its own, and is paid for.
    expect(lake[name].jobs).toHaveLength(2);

    await database.pool.query(
      "update lake.rows set cost = 2.5 where creative = 'c1'; delete from lake.rows where creative = 'c2'",
    );
    await fillLake(database.pool, day, ["c4 7 0 4 FR mobile", "nobody 7 0 4 FR mobile"]);
    const { code, said } = await verify(source);
    expect(code).toBe(1);
    expect(said).toContain("creative c1, geography BR, device_type mobile  spend 1.500000 -> 2.500000");
    expect(said).toMatch(/creative c2, .*only stored: impressions 9, clicks 1, spend 0.500000/);
    expect(said).toMatch(/creative c4, .*only at the vendor: impressions 7, clicks 0, spend 4.000000/);
    expect(said).toContain("1 row of the vendor cannot be stored");
    expect(said).toMatch(/total +3 +2.25 +6.75 +4.50/);

    const asked = lake[name].jobs.length;
    const over = await verify(source, { [`${name.toUpperCase()}_MAX_BYTES`]: "1" });
    expect(over).toMatchObject({ code: 1, said: expect.stringMatching(/not compared: rejected: .*was not run/) });
    const ofFiles = await verify(source, { RTB_PERFORMANCE_OWNER: "" });
    expect(ofFiles).toMatchObject({ code: 1, said: expect.stringContaining("RTB_PERFORMANCE_OWNER") });
    expect(lake[name].jobs).toHaveLength(asked);
    expect(await written()).toEqual(before);

    await database.pool.query("truncate lake.rows");
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 9 1 0.5 DE desktop", "c3 1 0 1.25 US mobile"]);
    await database.pool.query("update rtb.performance_metrics set spend = spend + 1 where spend = 0.25");
    const changed = await verify(source);
    expect(changed).toMatchObject({
      code: 1,
      said: expect.stringMatching(/1 day the same[\s\S]*not as the receipts say/),
    });
  },
);

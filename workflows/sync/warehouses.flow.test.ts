import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { startWarehouses, type Warehouses } from "../../scripts/embedded/warehouses.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { failureOf, logLines, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";
import { fillLake, storedDay } from "../../test/warehouses.ts";

jest.setTimeout(90_000);

const source = "bigquery.performance";
let lake: TestDatabase;
let warehouses: Warehouses;
let stack: TestStack;

beforeAll(async () => {
  lake = await testDatabase();
  warehouses = await startWarehouses(lake.pool, { pageRows: 2 });
  stack = await startStack({ ...warehouses.settings, RTB_PERFORMANCE_OWNER: "bigquery", RTB_TIMEZONE: "UTC" });
  await stack.rows(
    "insert into rtb.creatives (_client_id, creative_id, origin) select '713', 'c' || n, 'sandbox' from generate_series(1, 9) n",
  );
});
beforeEach(() => {
  warehouses.bigquery.faults.length = 0;
  warehouses.bigquery.jobs.length = 0;
});
afterAll(async () => {
  await stack.stop();
  await warehouses.close();
  await lake.drop();
});

const startBackfill = (from: string, to: string) =>
  stack.start("backfill", uniqueId(`backfill/${source}`), { source, from, to });
const slices = (from: string) =>
  stack.rows(
    "select slice, outcome, rows, is_final as final from ops.slices where source = $1 and slice >= $2 order by slice",
    [source, from],
  );

test("a backfill pulls each day in a workflow of its own, and a second one changes nothing", async () => {
  const days = ["2025-12-01", "2025-12-02", "2025-12-03"];
  for (const day of days)
    await fillLake(lake.pool, day, ["c1 10 1 1.5 BR mobile", "c2 20 2 2.25 DE desktop", "c3 1 0 0 US mobile"]);
  await (await startBackfill("2025-12-01", "2025-12-03")).result();
  for (const day of days) {
    const slice = await stack.client.workflow.getHandle(`${source}/713/${day}`).describe();
    expect(slice).toMatchObject({ type: "syncSlice", status: { name: "COMPLETED" } });
    expect(await storedDay(stack.database.pool, day)).toHaveLength(3);
  }
  expect(await slices("2025-12-01")).toEqual(
    days.map((slice) => ({ slice, outcome: "changed", rows: 3, final: true })),
  );
  expect(await (await startBackfill("2025-12-01", "2025-12-03")).result()).toMatchObject({
    inserted: 0,
    updated: 0,
    unchanged: 9,
  });
  const [run] = await stack.rows(
    "select kind, outcome from ops.runs where source = $1 order by started_at desc limit 1",
    [source],
  );
  expect(run).toEqual({ kind: "backfill", outcome: "completed" });
});

test("a 403 that means quota is waited for, and the day is paid once", async () => {
  await fillLake(lake.pool, "2025-12-05", ["c1 10 1 1.5 BR mobile"]);
  const body = { error: { code: 403, message: "Quota exceeded", errors: [{ reason: "quotaExceeded" }] } };
  warehouses.bigquery.faults.push({ at: "run", status: 403, body, headers: { "retry-after": "1" }, times: 1 });
  const slice = await stack.start("syncSlice", `${source}/713/2025-12-05`, { source, day: "2025-12-05" });
  expect(await slice.result()).toMatchObject({ outcome: "changed", inserted: 1 });
  expect(warehouses.bigquery.jobs).toHaveLength(1);
});

test("a 403 that means no ends the run at once, and a person is told", async () => {
  const body = { error: { code: 403, message: "Access Denied", errors: [{ reason: "accessDenied" }] } };
  warehouses.bigquery.faults.push({ at: "estimate", status: 403, body });
  const failure = await failureOf((await startBackfill("2025-11-01", "2025-11-20")).result());
  expect(failure).toMatchObject({
    type: "CredentialsRejected",
    message: expect.stringContaining("accessDenied: Access Denied"),
  });
  expect(warehouses.bigquery.jobs).toEqual([]);
  const alerts = await stack.rows("select kind from ops.alerts where subject = $1 and resolved_at is null", [source]);
  expect(alerts).toEqual([{ kind: "credentials_rejected" }]);
});

test("a run brings the running day and those that are not final, and a cancelled one leaves no job behind", async () => {
  const run = await stack.start("syncSource", uniqueId(`sync/${source}`), { source });
  await run.result();
  const days = await stack.rows<{ slice: string; final: boolean }>(
    "select slice, is_final as final from ops.slices where source = $1 and day > current_date - 30 order by slice",
    [source],
  );
  expect(days).toHaveLength(4);
  expect(days.at(-1)).toMatchObject({ final: false });

  warehouses.bigquery.options.durationMs = 300_000;
  const slow = await stack.start("syncSlice", `${source}/713/2025-12-09`, { source, day: "2025-12-09" });
  await until("a job that runs", () => Promise.resolve(warehouses.bigquery.jobs.at(-1)?.state === "running"));
  await slow.cancel();
  expect((await failureOf(slow.result())).type).toBe("CancelledFailure");
  expect(warehouses.bigquery.jobs.at(-1)?.state).toBe("cancelled");
  warehouses.bigquery.options.durationMs = 0;
});

test("no key and no token is in a history, a log line or a row", async () => {
  const key = JSON.parse(warehouses.settings["BIGQUERY_KEY"] ?? "") as { private_key: string };
  const secret = key.private_key.split("\n")[5] ?? "none";
  expect(secret).toHaveLength(64);
  const histories: string[] = [];
  for await (const { workflowId } of stack.client.workflow.list())
    histories.push(JSON.stringify(await stack.client.workflow.getHandle(workflowId).fetchHistory()));
  const rows = await stack.rows(
    "select t::text from ops.receipts t union all select t::text from ops.alerts t union all select t::text from ops.files t union all select t::text from ops.run_failures t",
  );
  for (const text of [...histories, ...logLines, JSON.stringify(rows)])
    for (const found of [secret, "ya29.mock"]) expect(text).not.toContain(found);
  expect(histories.length).toBeGreaterThan(5);
});

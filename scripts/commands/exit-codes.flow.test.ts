import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { dayAt } from "../../core/days.ts";
import { projectRoot } from "../../settings/environment.ts";
import { checkBooks } from "../../queries/files/books.ts";
import { startStack, type TestStack } from "../../test/stack.ts";

// The first command after a change builds dist/.
jest.setTimeout(150_000);

const source = "redtrack.daily_spend";

let stack: TestStack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "exit-codes-"));
  stack = await startStack({
    IMPORT_DIR: folder,
    CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  });
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What a script that calls a command goes by: its exit code, and what it printed. */
async function run(...given: string[]): Promise<{ code: number; said: string }> {
  const env = {
    ...process.env,
    NODE_OPTIONS: "",
    DATABASE_URL: stack.database.url,
    TEMPORAL_ADDRESS: stack.temporal.address,
    TEMPORAL_NAMESPACE: stack.temporal.namespace,
    SEARCH_ATTRIBUTES: stack.config.searchAttributes ? "on" : "off",
    CLIENTS: "713",
    REDTRACK_API_KEY: "sandbox-713",
    REDTRACK_BASE_URL: `${stack.sandboxUrl}/redtrack`,
    REDTRACK_INTERVAL_MS: "0",
  };
  const command = promisify(execFile)(process.execPath, ["scripts/run.mjs", ...given], { cwd: projectRoot(), env });
  return command.then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
  );
}

const days = (command: string, from: string, to = from) =>
  run(command, "--source", source, "--from", from, "--to", to, "--client", "713");

test("backfill exits 0 when every day is in, and 1 when a day failed or does not add up to the vendor's total", async () => {
  expect(await days("backfill", "2025-12-01", "2025-12-02")).toMatchObject({ code: 0 });
  await stack.fault("total_off", { amount: 1.5, match: { day: "2025-12-03" } });
  expect(await days("backfill", "2025-12-02", "2025-12-03")).toMatchObject({ code: 1 });
  await stack.control("DELETE", "/faults");
  await stack.fault("server_error", { status: 404, match: { day: "2025-12-04" } });
  expect(await days("backfill", "2025-12-04")).toMatchObject({ code: 1 });
  expect(await days("backfill", "2025-12-05", "2025-12-04")).toMatchObject({ code: 2 });
});

test("backfill and sync exit 1 where an answer is empty or lost many of a day's rows, until a person approves it", async () => {
  const day = "2025-12-15";
  expect(await days("backfill", day)).toMatchObject({ code: 0 });
  const stored = () => stack.rows("select source_id from redtrack.daily_spend where date = $1 order by 1", [day]);
  const rows = await stored();
  const approvals = () => stack.rows("select subject from ops.audit where action = 'empty_answer_approved'");
  for (const { source_id: sourceId } of rows.slice(1)) await stack.fault("withdraw", { sourceId, match: { day } });
  expect(await days("backfill", day)).toMatchObject({ code: 1, said: expect.stringContaining(`${day}  shrunk`) });
  await stack.fault("withdraw", { match: { day } });
  expect(await days("backfill", day)).toMatchObject({ code: 1, said: expect.stringContaining(`${day}  emptied`) });
  expect(await stored()).toEqual(rows);
  expect(await approvals()).toEqual([]);
  const accepting = ["--from", day, "--to", day, "--client", "713", "--accept-empty"];
  expect(await run("backfill", "--source", source, ...accepting)).toMatchObject({ code: 0 });
  expect(await stored()).toEqual([]);
  expect(await approvals()).toEqual([{ subject: `${source}/${day}..${day}` }]);
  await stack.control("DELETE", "/faults");

  // Also in the first minutes of a day.
  const today = { day: dayAt(new Date(), "America/New_York") };
  await stack.fault("so_far", { share: 0.5, match: today });
  const sync = () => run("sync", "--source", source, "--client", "713");
  expect(await sync()).toMatchObject({ code: 0 });
  await stack.fault("withdraw", { match: today });
  expect(await sync()).toMatchObject({ code: 1, said: expect.stringContaining("emptied") });
});

test("quarantine redrive exits 1 while lines remain, and their workflow says which and why", async () => {
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
  const good = "79783,2025-11-29,10,1,1.00";
  await writeFile(
    path.join(folder, "day.csv"),
    `creative_id,date,impressions,clicks,spend\n${good}\n555,2025-11-29,10,1,2.00\n`,
  );
  const taken = await stack.start("ingestFile", "ingest/713/day", { path: "day.csv" });
  const { fileId } = (await taken.result()) as { fileId: number };
  expect(await run("quarantine", "redrive", "--file", String(fileId))).toMatchObject({
    code: 1,
    said: expect.stringContaining("0 resolved, 1 remain"),
  });
  const handle = stack.client.workflow.getHandle(`redrive/713/${fileId}`);
  const { currentDetails } = await handle.query<{ currentDetails: string }>("__temporal_workflow_metadata");
  expect(currentDetails).toContain("1 still rejected");
  expect(currentDetails).toContain("line 3: creative 555 is not known");
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 555)");
  expect(await run("quarantine", "redrive", "--file", String(fileId))).toMatchObject({ code: 0 });
  const redriven = "select actor like 'cli:%' as by, subject, details from ops.audit where action = 'redriven'";
  const entry = { by: true, subject: `rtb.performance/file/${fileId}`, details: { entries: 1 } };
  expect(await stack.rows(redriven)).toEqual([entry, entry]);
});

test("verify exits 0 when all is the same, and 1 for rows that differ, a total that is off, and a day that cannot be fetched", async () => {
  expect(await days("backfill", "2025-12-10", "2025-12-12")).toMatchObject({ code: 0 });
  expect(await days("verify", "2025-12-10", "2025-12-12")).toMatchObject({ code: 0 });

  await stack.fault("total_off", { amount: 1.5, match: { day: "2025-12-10" } });
  expect(await days("verify", "2025-12-10")).toMatchObject({ code: 1, said: expect.stringContaining("do not add up") });
  await stack.control("DELETE", "/faults");
  await stack.fault("server_error", { status: 404, match: { day: "2025-12-11" } });
  expect(await days("verify", "2025-12-11")).toMatchObject({ code: 1, said: expect.stringContaining("not compared") });
  await stack.control("DELETE", "/faults");
  await stack.rows("update redtrack.daily_spend set cost = cost + 1 where _slice = '2025-12-12'");
  expect(await days("verify", "2025-12-12")).toMatchObject({
    code: 1,
    said: expect.stringContaining("its receipts say"),
  });
  expect(await run("verify", "--source", source)).toMatchObject({
    code: 2,
    said: expect.stringContaining("--from is missing\n--to is missing"),
  });
});

test("a name that is not there is a mistake in the command: 2", async () => {
  for (const task of ["rotate", "disable", "enable"])
    expect(await run("affiliate", task, "999", "--client", "713")).toMatchObject({
      code: 2,
      said: expect.stringContaining("no affiliate"),
    });
});

test("a difference that was accepted with its alert's number is shown as known, and exits 0 until it changes", async () => {
  const add = (creative: number) =>
    stack.rows(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       values ('713', $1, '2025-12-20', -1, 'BR', 'mobile', '', 1, 0, 12, 999)`,
      [creative],
    );
  await stack.rows("select rtb.ensure_months('{2025-12-20}')");
  await add(79783);
  const verify = () => run("verify", "--source", "rtb.performance", "--from", "2025-12-20", "--to", "2025-12-20");
  expect(await verify()).toMatchObject({ code: 1 });
  await checkBooks(stack.database.pool, "713");
  const alerts = () =>
    stack.rows<{ id: string }>(
      "select alert_id::text as id from ops.alerts where kind = 'file_books' and resolved_at is null",
    );
  const [alert] = await alerts();
  const id = String(alert?.id);
  expect(await run("verify", "--accept", id)).toMatchObject({ code: 2, said: expect.stringContaining("--note") });
  expect(await run("verify", "--accept", "12345", "--note", "why")).toMatchObject({ code: 2 });
  expect(await run("verify", "--accept", id, "--note", "booked by hand")).toMatchObject({ code: 0 });
  expect(
    await stack.rows(
      "select actor like 'cli:%' as by, details->>'note' as note from ops.audit where action = 'difference_accepted'",
    ),
  ).toEqual([{ by: true, note: "booked by hand" }]);
  expect(await alerts()).toEqual([]);
  await checkBooks(stack.database.pool, "713");
  expect(await alerts()).toEqual([]);
  expect(await verify()).toMatchObject({ code: 0, said: expect.stringContaining("accepted: booked by hand") });
  await add(79784);
  await checkBooks(stack.database.pool, "713");
  expect(await alerts()).toHaveLength(1);
  expect(await verify()).toMatchObject({ code: 1 });
});

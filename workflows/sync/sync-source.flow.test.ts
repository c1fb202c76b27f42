import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { Client } from "@temporalio/client";
import { addDays, dayAt } from "../../core/days.ts";
import { failureOf, startStack, storedRows, uniqueId, until, vendorRows, type TestStack } from "../../test/stack.ts";
import type { RunSummary } from "./tally.ts";

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ CLIENTS: "713,acme,keyless", REDTRACK_API_KEY_ACME: "sandbox-acme" });
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const today = () => dayAt(new Date(), "America/New_York");

function startSync(client: string) {
  return stack.start("syncSource", uniqueId(`sync/${source}/${client}`), { source, client });
}

const keyIdsOf = async (account: string | null) =>
  new Set((await stack.calls()).filter((call) => call.account === account).map((call) => call.keyId));

test("a run by hand pulls today and the window before it; the next one only what is not final yet", async () => {
  const first = (await (await startSync("713")).result()) as RunSummary;
  expect(first).toMatchObject({ days: 4, done: 4, failed: 0 });
  const from = addDays(today(), -3);
  const asked = (await stack.calls()).map((call) => call.query["date_from"]);
  expect([...new Set(asked)].sort()).toEqual([from, addDays(today(), -2), addDays(today(), -1), today()]);
  const before = addDays(today(), -1);
  expect(await storedRows(stack, "713", from, before)).toEqual(await vendorRows(stack, "713", from, before));
  expect(await stack.rows("select day, is_final from ops.slices where _client_id = '713' order by day")).toEqual(
    [from, addDays(from, 1), addDays(from, 2), today()].map((day) => ({ day, is_final: day !== today() })),
  );
  expect(await (await startSync("713")).result()).toMatchObject({ days: 1, done: 1 });
});

test("a day that was cut short by a failure is pulled again by the next run", async () => {
  const yesterday = addDays(today(), -1);
  await stack.fault("server_error", { status: 404, match: { day: yesterday, client: "acme" } });
  expect(await failureOf((await startSync("acme")).result())).toMatchObject({
    type: "SlicesFailed",
    message: expect.stringContaining(`1 of 4 days failed: ${yesterday}`),
  });
  await stack.control("DELETE", "/faults");
  expect(await (await startSync("acme")).result()).toMatchObject({ days: 2, done: 2 });
  expect(await stack.rows("select outcome from ops.runs where _client_id = 'acme' order by started_at")).toEqual([
    { outcome: "recovered" },
    { outcome: "completed" },
  ]);
});

test("two clients keep their own rows, keys and pace", async () => {
  const range = ["2025-12-10", "2025-12-12"] as const;
  const runs = await Promise.all(
    ["713", "acme"].map((client) =>
      stack.start("backfill", uniqueId(`backfill/${client}`), { source, client, from: range[0], to: range[1] }),
    ),
  );
  await Promise.all(runs.map((run) => run.result()));
  const [ours, theirs] = await Promise.all(["713", "acme"].map((client) => storedRows(stack, client, ...range)));
  expect(ours).toEqual(await vendorRows(stack, "713", ...range));
  expect(theirs).toEqual(await vendorRows(stack, "acme", ...range));
  expect(ours).not.toEqual(theirs);
  const keys = await Promise.all([keyIdsOf("713"), keyIdsOf("acme"), keyIdsOf(null)]);
  expect(keys.map((ids) => ids.size)).toEqual([1, 1, 0]);
  expect([...(keys[0] ?? [])]).not.toEqual([...(keys[1] ?? [])]);
  expect(await stack.rows("select account from ops.rate_gate order by 1")).toEqual([
    { account: "redtrack/713" },
    { account: "redtrack/acme" },
  ]);
});

test("one client's refused key stops only its own run", async () => {
  await stack.control("DELETE", "/keys", { vendor: "redtrack", key: "sandbox-acme" });
  const backfill = (client: string) =>
    stack.start("backfill", uniqueId(`backfill/${client}`), {
      source,
      client,
      from: "2025-11-01",
      to: "2025-11-05",
      parallel: 1,
    });
  const [ours, theirs] = await Promise.all([backfill("713"), backfill("acme")]);
  expect(await failureOf(theirs.result())).toMatchObject({
    type: "CredentialsRejected",
    message: expect.stringMatching(/^1 of 5 days failed.*4 days were not started/),
  });
  expect(await ours.result()).toMatchObject({ done: 5, failed: 0 });
  expect(
    await stack.rows(
      "select _client_id as client from ops.alerts where kind = 'credentials_rejected' and resolved_at is null",
    ),
  ).toEqual([{ client: "acme" }]);
});

test("a client without a key is told which setting is missing, without a call", async () => {
  const before = (await stack.calls()).length;
  expect(await failureOf((await startSync("keyless")).result())).toMatchObject({
    type: "CredentialsRejected",
    message: expect.stringContaining("client keyless has no key: set REDTRACK_API_KEY_KEYLESS"),
  });
  expect((await stack.calls()).length).toBe(before);
});

test("a cancelled run is recorded as cancelled", async () => {
  await stack.fault("latency", { ms: 20_000 });
  const handle = await startSync("713");
  await until("a call under way", async () => (await stack.calls()).some((call) => call.faults.includes("latency")));
  await handle.cancel();
  await failureOf(handle.result());
  expect((await handle.describe()).status.name).toBe("CANCELLED");
  expect(await stack.rows("select outcome from ops.runs where workflow_id = $1", [handle.workflowId])).toEqual([
    { outcome: "cancelled" },
  ]);
});

test("who starts a workflow from outside or by command is in the audit log, once per run; the API's and a schedule's are not", async () => {
  const as = (identity: string) =>
    new Client({ connection: stack.temporal.connection, namespace: stack.temporal.namespace, identity });
  const run = (client: Client, workflowId: string) =>
    client.workflow.execute("syncSlice", {
      workflowId,
      taskQueue: stack.taskQueue,
      args: [{ source, day: "2025-12-01", client: 713 }],
    });
  await run(as("ada@example.com"), "noted/outside");
  await run(as("cli:ada"), "noted/command");
  await run(as("signal-room api 1@host"), "noted/api");
  const schedule = await stack.client.schedule.create({
    scheduleId: uniqueId("noted"),
    spec: {},
    action: {
      type: "startWorkflow",
      workflowType: "syncSlice",
      workflowId: "noted/scheduled",
      taskQueue: stack.taskQueue,
      args: [{ source, day: "2025-12-01" }],
    },
  });
  await schedule.trigger();
  await until("the scheduled run", async () => (await schedule.describe()).info.recentActions.length > 0);
  const { recentActions } = (await schedule.describe()).info;
  const scheduled = recentActions[0]?.action.workflow.workflowId ?? "";
  await stack.client.workflow.getHandle(scheduled).result();
  await schedule.delete();
  const failing = stack.start("syncSource", "noted/refused", { source: "nobody.knows" });
  await failureOf((await failing).result());

  const rows = await stack.rows<{ subject: string }>(
    "select _client_id as client, actor, subject, details - 'runId' as details from ops.audit where subject like 'workflow/noted%' order by audit_id",
  );
  const details = { type: "syncSlice", from: "outside" };
  expect(rows).toEqual([
    { client: "713", actor: "temporal:ada@example.com", subject: "workflow/noted/outside", details },
    {
      client: "713",
      actor: "cli:ada",
      subject: "workflow/noted/command",
      details: { ...details, from: "command line" },
    },
    {
      client: "713",
      actor: expect.stringMatching(/^temporal:/),
      subject: "workflow/noted/refused",
      details: { ...details, type: "syncSource" },
    },
  ]);
});

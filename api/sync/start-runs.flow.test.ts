import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { recordSources } from "../../queries/sync/sources.ts";
import { bearer } from "../../test/api-server.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";
import { startStack, until, type TestStack } from "../../test/stack.ts";
import type { Api } from "../server/parts.ts";

jest.setTimeout(60_000);

const source = "redtrack.daily_spend";
let stack: TestStack;
let api: Api;
let headers: Record<string, string>;
beforeAll(async () => {
  stack = await startStack();
  await recordSources(stack.database.pool, stack.config.schedules);
  const temporal = { client: stack.client };
  // Without the vendors' accounts: the server's process has no key of theirs, only workers do.
  ({ api } = await pageServer({ database: stack.database.pool, temporal }));
  headers = await loggedIn(stack.database.pool);
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(async () => {
  await api?.close();
  await stack?.stop();
});

type Body = Record<string, unknown>;
interface Call {
  role?: "admin" | "operator" | "analyst";
  client?: string;
  key?: string;
}
async function call(
  method: "GET" | "POST",
  url: string,
  body?: Body,
  { role = "operator", client = "713", key }: Call = {},
) {
  const answer = await api.inject({
    ...{ method, url: `/api/v1/ops${url}` },
    headers: { ...(await bearer({ role, client })), ...(key === undefined ? {} : { "idempotency-key": key }) },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json<Body>() };
}
const stateOf = async (runId: string) => (await call("GET", `/runs/${runId}`)).body["outcome"];
const ended = (runId: string) =>
  until(`run ${runId} to end`, async () => {
    const state = await stateOf(runId);
    return state !== "running" && state;
  });
const audit = (action: string) =>
  stack.rows<{ subject: string; actor: string; details: Body }>(
    "select subject, actor, details from ops.audit where action = $1 order by audit_id",
    [action],
  );
const post = (url: string, fields: Record<string, string>) => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, payload, headers: { ...headers, ...type } });
};

test("a day is looked at first, then written, from the page: with the change in money, and its receipt", async () => {
  const range = { source, from: "2025-10-02", to: "2025-10-02" };
  const looked = await post("/freshness/backfill", { ...range, key: "look" });
  expect([looked.statusCode, looked.headers.location]).toEqual([303, expect.stringMatching(/^\/runs\//)]);
  const dry = String(looked.headers.location);
  expect(await ended(dry.replace("/runs/", ""))).toBe("completed");
  expect(await stack.rows("select 1 from redtrack.daily_spend where date = '2025-10-02'")).toHaveLength(0);
  const preview = (await api.inject({ url: dry, headers })).body;
  expect(preview).toContain("Nothing was written.");
  expect((await compareFigures(api, preview)).wrong).toEqual([]);
  const [, change] = /data-fact="totals.change" data-value="([\d.]+)"/.exec(preview) ?? [];
  expect(Number(change)).toBeGreaterThan(0);

  const written = await post("/freshness/backfill", { ...range, key: "write", act: "write" });
  const run = String(written.headers.location);
  expect(await ended(run.replace("/runs/", ""))).toBe("completed");
  const result = (await api.inject({ url: run, headers })).body;
  expect((await compareFigures(api, result)).wrong).toEqual([]);
  expect(result).toContain(`data-fact="totals.change" data-value="${String(change)}"`);
  expect(result).toMatch(/href="\/receipts\/\d+"/);
  const [stored] = await stack.rows(
    "select round(sum(cost), 2)::text as cost from redtrack.daily_spend where date = '2025-10-02'",
  );
  expect(stored).toEqual({ cost: change });
  expect((await audit("backfill_started")).map(({ actor, details }) => [actor, details["dryRun"]])).toEqual([
    ["ada", true],
    ["ada", false],
  ]);
});

test("the same Idempotency-Key starts one run, also at the same time; with another body it is a conflict", async () => {
  const body = { source, from: "2025-10-05", to: "2025-10-05" };
  const answers = await Promise.all([1, 2, 3].map(() => call("POST", "/backfills", body, { key: "one" })));
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  const [first] = answers.map(({ body: { runId } }) => String(runId));
  expect(new Set(answers.map(({ body: { runId } }) => runId)).size).toBe(1);
  await ended(first ?? "");
  expect((await call("POST", "/backfills", body, { key: "one" })).body["runId"]).toBe(first);
  expect(await stack.rows("select 1 from ops.runs where day_from = '2025-10-05'")).toHaveLength(1);
  expect((await call("POST", "/backfills", { ...body, to: "2025-10-06" }, { key: "one" })).status).toBe(409);
  // Without a key it is started anew, once the first is over.
  const again = await until("another run", async () => {
    const { runId } = (await call("POST", "/backfills", body)).body;
    return runId !== first && String(runId);
  });
  await ended(again);
});

test("a backfill is paused, resumed and cancelled over HTTP, each once and by whom the token names", async () => {
  for (const day of ["2025-09-01", "2025-09-02", "2025-09-03", "2025-09-04"])
    await stack.fault("latency", { ms: 1_500, match: { day } });
  const { body } = await call("POST", "/backfills", { source, from: "2025-09-01", to: "2025-09-20", parallel: 2 });
  const runId = String(body["runId"]);
  expect((await call("POST", `/runs/${runId}/pause`)).body["answer"]).toMatch(/^paused/);
  expect((await call("GET", `/runs/${runId}/progress`)).body).toMatchObject({ planned: 20, paused: true });
  expect((await api.inject({ url: `/runs/${runId}`, headers })).body).toContain(`value="resume"`);
  expect((await call("POST", `/runs/${runId}/resume`)).body["answer"]).toBe("resumed");
  expect((await call("GET", `/runs/${runId}/progress`)).body["paused"]).toBe(false);
  expect((await call("POST", `/runs/${runId}/cancel`, undefined, { role: "analyst" })).status).toBe(403);
  expect((await call("POST", `/runs/${runId}/cancel`, undefined, { client: "acme" })).status).toBe(404);
  const stopped = await post(`/runs/${runId}/steer`, { act: "cancel" });
  expect([stopped.statusCode, stopped.headers.location]).toEqual([303, `/runs/${runId}`]);
  expect(await ended(runId)).toBe("cancelled");
  expect((await call("POST", `/runs/${runId}/pause`)).status).toBe(409);
  for (const action of ["run_paused", "run_resumed", "run_cancelled"])
    expect((await audit(action)).map(({ subject }) => subject)).toEqual([`run/${runId}`]);
});

test("what the plan refuses is the caller's mistake, said in its words, and so is what nobody pulls", async () => {
  const future = await call("POST", "/backfills", { source, from: "2025-01-01", to: "2099-01-01" });
  expect([future.status, future.body["message"]]).toEqual([400, expect.stringContaining("is in the future")]);
  expect((await call("POST", "/backfills", { source, from: "2025-01-02", to: "2025-01-01" })).status).toBe(400);
  expect(
    (await call("POST", "/backfills", { source, from: "2025-01-01", to: "2025-01-01", dryrun: true })).status,
  ).toBe(400);
  expect((await call("POST", "/syncs", { source: "no.such" })).status).toBe(400);
  expect((await call("POST", "/syncs", { source }, { client: "acme" })).status).toBe(400);
  expect((await call("POST", "/syncs", { source }, { role: "analyst" })).status).toBe(403);
});

test("a sync by hand is started once while it is under way, and cannot be paused", async () => {
  const [one, other] = await Promise.all([call("POST", "/syncs", { source }), call("POST", "/syncs", { source })]);
  expect([one.status, other.status, one.body["runId"]]).toEqual([202, 202, other.body["runId"]]);
  const runId = String(one.body["runId"]);
  if ((await stateOf(runId)) === "running") expect((await call("POST", `/runs/${runId}/pause`)).status).toBe(409);
  await ended(runId);
  expect((await audit("sync_started")).map(({ subject }) => subject)).toContain(source);
  const { body } = await call("GET", `/runs/${runId}/changes`);
  expect(body).toMatchObject({
    isDryRun: false,
    items: expect.arrayContaining([expect.objectContaining({ failure: null })]),
  });
});

test("who approves an empty answer is recorded for the range, and a dry run approves nothing", async () => {
  const range = { source, from: "2025-10-10", to: "2025-10-10", acceptEmpty: true };
  const dry = await call("POST", "/backfills", { ...range, dryRun: true });
  await ended(String(dry.body["runId"]));
  expect(await audit("empty_answer_approved")).toEqual([]);
  const { body } = await call("POST", "/backfills", range);
  await ended(String(body["runId"]));
  expect(await audit("empty_answer_approved")).toMatchObject([
    { subject: `${source}/2025-10-10..2025-10-10`, actor: "ada" },
  ]);
});

test("without a worker it waits, says so, and is not lost", async () => {
  await stack.stopWorkers();
  const range = { source, from: "2025-08-01", to: "2025-08-01" };
  const { status, body } = await call("POST", "/backfills", range);
  const page = await post("/freshness/backfill", { ...range, key: "w", act: "write" });
  await stack.startWorkers();
  expect([status, body["isPlanned"], page.headers.location]).toEqual([202, false, "/runs?waiting=yes"]);
  const url = `/runs/${String(body["runId"])}`;
  await until("the run to be there", async () => (await call("GET", url)).status === 200);
  expect(await ended(String(body["runId"]))).toBe("completed");
});

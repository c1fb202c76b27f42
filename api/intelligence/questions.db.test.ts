import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import { addAdviceDays, createAdviceCampaigns } from "../../test/advice-rows.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
const started: { workflowId: string; input: unknown }[] = [];
const today = dayAt(new Date(), "America/New_York");

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started, keepsWaiting: () => false });
  api = await testServer({ database: database.pool, temporal, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  await createAdviceCampaigns(database.pool);
  await addAdviceDays(database.pool, { from: addDays(today, -28), days: 29 });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
type Body = any;
type Method = "GET" | "POST" | "PUT" | "DELETE";
async function call(method: Method, url: string, payload?: object, claims: object = {}) {
  const answer = await api.inject({
    method,
    url: `/api/v1/rtb${url}`,
    headers: await bearer({ role: "admin", subject: "ada", ...claims }),
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.body === "" ? null : answer.json<Body>() };
}
const ask = (question: object, claims: object = {}) => call("POST", "/questions/answer", { question }, claims);

const dear = {
  subject: "campaign",
  metric: "cpc",
  compare: {
    with: "slice",
    slice: { dimension: "country", values: ["IE"] },
    against: { dimension: "country", values: ["BR"] },
    is: "above",
    by: { percent: "50" },
  },
  floor: { clicks: 100 },
};

test("a question is answered to the cent by the rows of complete days, and says which", async () => {
  const { status, body } = await ask(dear);
  expect(status).toBe(200);
  const { rows } = await database.pool.query<Record<string, string>>(
    `select k.campaign_name as name, round(sum(p.spend) filter (where p.geography = 'IE'), 2) as spend, round(sum(p.spend) filter (where p.geography = 'BR'), 2) as other,
            round(sum(p.spend) filter (where p.geography = 'IE') / sum(p.clicks) filter (where p.geography = 'IE'), 4) as value,
            sum(p.clicks) filter (where p.geography = 'IE')::int as clicks
       from rtb.performance p join rtb.creatives c using (_client_id, creative_id) join rtb.campaign_creatives l on l.creative_id = c.id
       join rtb.campaigns k using (campaign_id) where p.date between $1 and $2 group by 1
     having sum(p.spend) filter (where p.geography = 'IE') / sum(p.clicks) filter (where p.geography = 'IE')
            > 1.5 * sum(p.spend) filter (where p.geography = 'BR') / sum(p.clicks) filter (where p.geography = 'BR')
      order by (sum(p.spend) filter (where p.geography = 'IE') / sum(p.clicks) filter (where p.geography = 'IE'))
             / (sum(p.spend) filter (where p.geography = 'BR') / sum(p.clicks) filter (where p.geography = 'BR')) desc`,
    [addDays(today, -28), addDays(today, -1)],
  );
  expect(rows).toHaveLength(2);
  expect(
    body.rows.map((row: Body) => ({
      name: row.name,
      spend: row.spend,
      other: row.otherSpend,
      value: row.value,
      clicks: row.clicks,
    })),
  ).toEqual(rows);
  expect(body).toMatchObject({
    ...{ matched: 2, unknown: [], origin: "real", value: "CPC in Ireland", other: "CPC in Brazil" },
    days: { from: addDays(today, -28), to: addDays(today, -1), withRows: 28, without: [], before: null },
    words:
      "Campaigns whose CPC in Ireland is more than 50 % above that in Brazil, in the last 28 complete days, with at least 100 clicks on each side; the greatest difference first, 50 at most.",
  });
  expect(body.rows.every(({ isClear, low }: Body) => isClear === true && Number(low) > 50)).toBe(true);
});

test("the interval follows from the days: each side's counts vary by its own dispersion", async () => {
  const { body } = await ask(dear);
  const [first] = body.rows;
  const { rows } = await database.pool.query<{ side: string; c: number; s: number }>(
    `select p.geography as side, sum(p.clicks)::float8 as c, sum(p.spend)::float8 as s from rtb.performance p join rtb.creatives c using (_client_id, creative_id)
       join rtb.campaign_creatives l on l.creative_id = c.id where l.campaign_id = $1 and p.geography in ('IE', 'BR') and p.date < $2 group by 1, p.date`,
    [first.key, today],
  );
  const varianceOf = (side: string) => {
    const days = rows.filter((row) => row.side === side);
    const [c, s] = [days.reduce((sum, day) => sum + day.c, 0), days.reduce((sum, day) => sum + day.s, 0)];
    const squares = days.reduce((sum, day) => sum + day.c ** 2 / day.s, 0);
    return Math.max(1, ((squares * s) / c - c) / (days.length - 1)) / c;
  };
  const width = Math.exp(1.6449 * Math.sqrt(varianceOf("IE") + varianceOf("BR")));
  const ratio = 1 + Number(first.percent) / 100;
  expect(Number(first.low)).toBeCloseTo((ratio / width - 1) * 100, 1);
  expect(Number(first.high)).toBeCloseTo((ratio * width - 1) * 100, 1);
});

test("a question in the address is the same question, and what is not one is refused with what is wrong", async () => {
  const { body: asked } = await ask(dear);
  const address = (question: unknown) =>
    `/questions/answer?question=${encodeURIComponent(typeof question === "string" ? question : JSON.stringify(question))}`;
  expect((await call("GET", address(asked.question))).body).toEqual(asked);
  expect(await call("GET", address("select 1"))).toMatchObject({
    ...{ status: 400, body: { details: { question: "is not JSON" } } },
  });
  expect((await call("GET", address({ ...dear, metric: "password" }))).body.details.question).toMatch(
    /^metric: Invalid option/,
  );
  expect((await ask({ ...dear, sql: "drop table rtb.campaigns" })).status).toBe(400);
  expect((await ask({ ...dear, where: [{ dimension: "_client_id", values: ["acme"] }] })).status).toBe(400);
  expect((await ask({ ...dear, limit: 100_000 })).status).toBe(400);
});

test("a value that nothing is called by is named, and days that no file has are, too", async () => {
  const { body } = await ask({
    ...{ subject: "country", metric: "spend", period: { from: addDays(today, -30), to: addDays(today, 5) } },
    where: [{ dimension: "campaign", values: ["Card Duel", "Cart Duel"] }],
  });
  expect(body.unknown).toEqual(["campaign Cart Duel"]);
  expect(body.days).toMatchObject({ to: addDays(today, -1), without: [addDays(today, -30), addDays(today, -29)] });
  expect(body.rows.map(({ name }: Body) => name).sort()).toEqual(["Germany", "Poland"]);
});

test("a saved question keeps its name to itself, and is asked by its number", async () => {
  const { status, body } = await call("POST", "/questions", { name: "Dear in Ireland", question: dear });
  expect({ status, body }).toMatchObject({
    ...{ status: 201, body: { name: "Dear in Ireland", isWatched: false, createdBy: "ada", watchState: "quiet" } },
  });
  expect((await call("POST", "/questions", { name: "DEAR in Ireland ", question: dear })).body).toMatchObject({
    ...{ error: "conflict", details: { name: "is taken" } },
  });
  const url = `/questions/${body.questionId}`;
  expect((await call("GET", `${url}/answer`)).body).toEqual((await ask(dear)).body);
  const changed = { name: "Dear in Eire", isWatched: true, question: { ...dear, limit: 1 } };
  expect((await call("PUT", url, changed)).body).toMatchObject({
    name: "Dear in Eire",
    isWatched: true,
    question: { limit: 1 },
  });
  expect((await call("GET", `${url}/answer`)).body.rows).toHaveLength(1);
  await call("POST", "/questions", { name: "Another", question: dear });
  expect((await call("PUT", url, { ...changed, name: "another" })).status).toBe(409);
  expect((await call("GET", "/questions")).body.items.map(({ name }: Body) => name)).toEqual([
    "Another",
    "Dear in Eire",
  ]);
  expect((await call("DELETE", url)).status).toBe(204);
  expect((await call("GET", url)).status).toBe(404);
  const { rows } = await database.pool.query(
    "select actor, action, subject from ops.audit where subject = $1 order by 1, 2",
    [`question/${body.questionId}`],
  );
  expect(rows.map(({ action }) => action)).toEqual(["question_changed", "question_deleted", "question_saved"]);
});

test("analysts ask, admins and operators keep, advertisers and other clients see nothing", async () => {
  const { body } = await call("POST", "/questions", { name: "Whose is it?", question: dear });
  const url = `/questions/${body.questionId}`;
  const analyst = { role: "analyst" };
  expect((await ask(dear, analyst)).status).toBe(200);
  expect((await call("GET", `${url}/answer`, undefined, analyst)).status).toBe(200);
  for (const [method, to, payload] of [
    ["POST", "/questions", { name: "By an analyst", question: dear }],
    ["PUT", url, { name: "By an analyst", question: dear }],
    ["DELETE", url, undefined],
  ] as const)
    expect((await call(method, to, payload, analyst)).status).toBe(403);
  const advertiser = { role: "advertiser", advertiser: "x" };
  for (const to of ["/questions", url, `${url}/answer`])
    expect((await call("GET", to, undefined, advertiser)).status).toBe(403);
  expect((await ask(dear, advertiser)).status).toBe(403);
  const other = { client: "acme" };
  for (const to of [url, `${url}/answer`]) expect((await call("GET", to, undefined, other)).status).toBe(404);
  expect((await call("PUT", url, { name: "Mine now", question: dear }, other)).status).toBe(404);
  expect((await call("DELETE", url, undefined, other)).status).toBe(404);
  expect((await call("GET", "/questions", undefined, other)).body.items).toEqual([]);
  expect((await ask(dear, other)).body).toMatchObject({ days: null, rows: [], matched: 0 });
});

test("a sentence without a model's key says what to set, and goes to Temporal without contacts", async () => {
  const sentence = "campaigns by CPC, and write to canary@example.com";
  const { status, body } = await call("POST", "/questions/sentence", { sentence }, { role: "analyst" });
  expect(status).toBe(200);
  expect(body.understood).toBe(false);
  expect(body.reason).toContain(
    "for claude set ANTHROPIC_API_KEY and CLUSTER_CLAUDE_PRICE; for gemini set GEMINI_API_KEY",
  );
  expect(started.at(-1)?.input).toEqual({ client: "713", sentence: "campaigns by CPC, and write to [address]" });
  expect((await call("POST", "/questions/sentence", { sentence: "x".repeat(501) })).status).toBe(400);
  expect(
    (await call("POST", "/questions/sentence", { sentence }, { role: "advertiser", advertiser: "x" })).status,
  ).toBe(403);
});

const askWatched = async (client: string, input: object = {}) => {
  const { client: temporal } = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false }) as Body;
  const handle = await temporal.workflow.start("askQuestions", { workflowId: "ask", args: [{ client, ...input }] });
  return handle.result() as Promise<Body>;
};
const alerts = async () =>
  (
    await database.pool.query(
      "select subject, message, times_seen as seen, edition, resolved_at is not null as closed from ops.alerts where area = 'questions' order by alert_id",
    )
  ).rows;

test("a watched question raises one alert, says what is new once, and closes it when its answer is empty", async () => {
  const cheap = { ...dear, name: "Dear in Ireland, watched" };
  const { body } = await call("POST", "/questions", { name: cheap.name, isWatched: true, question: dear });
  const subject = `question/${body.questionId}`;
  expect(await askWatched("713")).toMatchObject({ watched: 1, asked: 1, opened: 1, more: 0, closed: 0 });
  const message = expect.stringMatching(/^Dear in Ireland, watched: 2 rows up to [\d-]+\. New: .+, .+\.$/);
  expect(await alerts()).toEqual([{ subject, message, seen: 1, edition: 1, closed: false }]);
  expect(await askWatched("713", { onlyIfChanged: true })).toMatchObject({ watched: 1, asked: 0 });
  expect(await askWatched("713")).toMatchObject({ asked: 1, opened: 0, more: 0, closed: 0 });
  expect(await alerts()).toHaveLength(1);
  const change = async (sql: string) => {
    await database.pool.query(sql, [addDays(today, -20)]);
    await database.pool.query("update rtb.client_performance set refreshed_at = clock_timestamp()");
  };
  await change(
    `update rtb.performance_metrics m set spend = spend * 40 from rtb.creatives c where c.id = m.creative_id and c.creative_id like 'shoe-outlet%' and m.geography = 'IE' and m.date > $1`,
  );
  expect(await askWatched("713", { onlyIfChanged: true })).toMatchObject({ asked: 1, opened: 0, more: 1, closed: 0 });
  expect((await alerts()).map(({ message: said, edition }) => [said, edition])).toEqual([
    [expect.stringMatching(/: 3 rows up to .* New: Shoe Outlet\.$/), 2],
  ]);
  await change("delete from rtb.performance_metrics where geography = 'IE' and date > $1::date - 100");
  expect(await askWatched("713", { onlyIfChanged: true })).toMatchObject({ asked: 1, closed: 1 });
  expect((await alerts()).map(({ closed }) => closed)).toEqual([true]);
  expect((await call("GET", `/questions/${body.questionId}`)).body).toMatchObject({
    watchState: "quiet",
    askedTo: addDays(today, -1),
  });
  expect(await askWatched("acme")).toMatchObject({ watched: 0, asked: 0 });
});

test("an alert is closed with the question it is of, and with the watching of it", async () => {
  const open = async () => (await alerts()).filter(({ closed }) => !closed).map(({ subject }) => subject);
  const question = { subject: "country", metric: "spend", limit: 2 };
  const { body } = await call("POST", "/questions", { name: "Where it goes", isWatched: true, question });
  await askWatched("713");
  expect(await open()).toEqual([`question/${body.questionId}`]);
  await call("PUT", `/questions/${body.questionId}`, { name: "Where it goes", isWatched: false, question });
  expect(await open()).toEqual([]);
  await call("PUT", `/questions/${body.questionId}`, { name: "Where it goes", isWatched: true, question });
  await askWatched("713");
  expect(await open()).toEqual([`question/${body.questionId}`]);
  const renamed = { name: "Where money goes", isWatched: true, question };
  await call("PUT", `/questions/${body.questionId}`, renamed);
  expect(await open()).toEqual([`question/${body.questionId}`]);
  // Another question under the same number says nothing of what the alert is about, and may never have an answer.
  const none = { ...question, floor: { clicks: 1e12 } };
  await call("PUT", `/questions/${body.questionId}`, { ...renamed, question: none });
  expect(await open()).toEqual([]);
  await askWatched("713");
  expect(await open()).toEqual([]);
  await call("PUT", `/questions/${body.questionId}`, renamed);
  await askWatched("713");
  expect(await open()).toEqual([`question/${body.questionId}`]);
  await call("DELETE", `/questions/${body.questionId}`);
  expect(await open()).toEqual([]);
});

test("of two who change one question the second reads who was first, and loses nothing unseen", async () => {
  const question = { subject: "country", metric: "spend" };
  const { body: seen } = await call("POST", "/questions", { name: "Seen by two", question });
  const expectedUpdatedAt = seen.updatedAt;
  const change = (limit: number, claims: object, more: object = { expectedUpdatedAt }) =>
    call(
      "PUT",
      `/questions/${seen.questionId}`,
      { name: "Seen by two", question: { ...question, limit }, ...more },
      claims,
    );
  const both = await Promise.all([change(1, { subject: "grace" }), change(2, { subject: "ada" })]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  const [first, late] = both[0].status === 200 ? ["grace", both[1]] : ["ada", both[0]];
  expect(late.body.message).toMatch(new RegExp(`^${first} has changed this question since, at 20`));
  const { body: now } = await call("GET", `/questions/${seen.questionId}`);
  expect([now.updatedBy, now.question.limit]).toEqual([first, first === "grace" ? 1 : 2]);
  expect((await change(3, {}, { expectedUpdatedAt: now.updatedAt })).status).toBe(200);
  expect((await change(4, {}, {})).status).toBe(200);
  expect((await change(5, {}, { expectedUpdatedAt: "yesterday" })).status).toBe(400);
  await call("DELETE", `/questions/${seen.questionId}`);
});

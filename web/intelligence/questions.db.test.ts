import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import type { Api } from "../../api/server/parts.ts";
import { addAdviceDays, createAdviceCampaigns } from "../../test/advice-rows.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `=cmd|' /c calc'!A0"><script>alert(1)</script>`;
const today = dayAt(new Date(), "America/New_York");
let database: TestDatabase;
let api: Api;

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false });
  ({ api } = await pageServer({ database: database.pool, temporal }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type As = Parameters<typeof loggedIn>[1];
const open = async (url: string, as: As = {}) => api.inject({ url, headers: await loggedIn(database.pool, as) });
const post = async (url: string, body: Record<string, string>, as: As = {}) =>
  api.inject({
    method: "POST",
    url,
    headers: { ...(await loggedIn(database.pool, as)), "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams(body).toString(),
  });

const dear =
  "/questions/ask?subject=campaign&metric=cpc&with=slice&side=above&far=50&unit=percent&slice=country&slice_values=ie&against=country&against_values=BR&least_clicks=100";

test("without a saved question three examples are ready to run, and without rows an answer says what it takes", async () => {
  const { body, statusCode } = await open("/questions");
  expect(statusCode).toBe(200);
  expect(body).toContain("No question is saved yet");
  const links = [...body.matchAll(/href="(\/questions\/ask\?question=[^"]+)"/g)].map(([, href]) => href ?? "");
  expect(links).toHaveLength(3);
  for (const link of links) {
    const answer = await open(link.replaceAll("&amp;", "&"));
    expect([answer.statusCode, answer.body.includes("No day that is over has rows")]).toEqual([200, true]);
  }
});

test("a form of choices becomes a question, which is said in words; every figure is the JSON route's", async () => {
  await createAdviceCampaigns(database.pool);
  await addAdviceDays(database.pool, { from: addDays(today, -28), days: 28 });
  const { body, statusCode } = await open(dear);
  expect(statusCode).toBe(200);
  expect(body).toContain("Campaigns whose CPC in Ireland is more than 50 % above that in Brazil");
  expect(body).toMatch(/<a href="\/campaigns\/\d+">Block Garden<\/a>/);
  const { compared, wrong } = await compareFigures(api, body);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(15);
});

test("the form keeps what was asked, and what is missing is said above it", async () => {
  const { body } = await open(dear);
  expect(body).toMatch(/<option value="cpc" selected/);
  expect(body).toMatch(/name="slice_values"[^>]*value="IE"|value="IE"[^>]*name="slice_values"/);
  const wrong = await open("/questions/ask?subject=campaign&metric=spend&with=rest");
  expect(wrong.statusCode).toBe(400);
  expect(wrong.body).toContain("must be ctr, cpc or cpm here");
  expect((await open("/questions/ask?subject=campaign&metric=cpc&days=lots")).body).toContain("period: must be");
  expect((await open("/questions/ask?question=select")).statusCode).toBe(400);
  expect((await open("/questions/ask?sql=select")).statusCode).toBe(400);
});

test("the export has the rows of the page, and nothing in it is a formula", async () => {
  await database.pool.query("update rtb.campaigns set campaign_name = $1 where campaign_name = 'Block Garden'", [
    hostile,
  ]);
  const { body } = await open(dear);
  expect(body).not.toContain("<script>alert");
  const [, address = ""] = /href="(\/questions\/answer\.csv\?[^"]+)"/.exec(body) ?? [];
  const csv = await open(address.replaceAll("&amp;", "&"));
  expect(csv.headers["content-type"]).toContain("text/csv");
  const [head, ...lines] = csv.body.trim().split("\r\n");
  expect(head).toBe(
    "name,value,other,percent,difference,low,high,isClear,impressions,clicks,spend,key,otherImpressions,otherClicks,otherSpend,origin",
  );
  expect(lines).toHaveLength(2);
  expect(lines.some((line) => line.startsWith(`"'=cmd`))).toBe(true);
});

test("a question is saved, watched and deleted by forms alone", async () => {
  const { body } = await open(dear);
  const [, written = ""] = /name="question" value="([^"]+)"/.exec(body) ?? [];
  const question = written.replaceAll("&quot;", '"');
  const saved = await post("/questions/save", { name: hostile, question });
  expect(saved.statusCode).toBe(303);
  const url = saved.headers.location ?? "";
  const page = await open(url);
  expect(page.body).toContain("Not watched");
  expect(page.body).not.toContain("<script>alert");
  const { wrong, compared } = await compareFigures(api, page.body);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(15);
  expect((await post(`${url}/watch`, { watched: "yes" })).headers.location).toBe(url);
  expect((await open(url)).body).toContain("Stop watching");
  expect((await open("/questions")).body).toMatch(/href="\/questions\/\d+"/);
  expect((await open("/questions.csv")).body).toContain("'=cmd");
  expect((await post("/questions/save", { name: hostile, question })).statusCode).toBe(409);
  expect((await post(`${url}/delete`, {})).headers.location).toBe("/questions");
  expect((await open(url)).statusCode).toBe(404);
});

test("the alert of a watched question leads to it", async () => {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into rtb.questions (_client_id, name, question, is_watched, created_by, updated_by)
     values ('713', 'Where it goes', '{"subject": "country", "metric": "spend"}', true, 'ada', 'ada') returning question_id as id`,
  );
  const { client } = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false }) as {
    client: { workflow: { start: (type: string, of: object) => Promise<{ result: () => Promise<unknown> }> } };
  };
  const handle = await client.workflow.start("askQuestions", { workflowId: "ask", args: [{ client: "713" }] });
  expect(await handle.result()).toMatchObject({ opened: 1 });
  expect((await open("/alerts")).body).toContain(`href="/questions/${rows[0]?.id}"`);
  expect((await open(`/questions/${rows[0]?.id}`)).body).toContain("an alert is open");
});

test("a sentence that no model can read says what to set, beside the form", async () => {
  const { body, statusCode } = await post("/questions/sentence", {
    sentence: "campaigns by CPC <script>alert(1)</script>",
  });
  expect(statusCode).toBe(200);
  expect(body).toContain("No question yet");
  expect(body).toContain("ANTHROPIC_API_KEY");
  expect(body).not.toContain("<script>alert");
});

test("analysts ask and save nothing; advertisers and affiliates have no such page", async () => {
  const analyst = { role: "analyst" } as const;
  const { body } = await open(dear, analyst);
  expect(body).not.toContain("Save it as");
  expect((await post("/questions/save", { name: "By an analyst", question: "{}" }, analyst)).statusCode).toBe(404);
  expect((await open("/questions", { role: "advertiser", advertiser: "1" })).statusCode).toBe(404);
  expect((await open(dear, { role: "advertiser", advertiser: "1" })).statusCode).toBe(404);
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import type { Api } from "../../api/server/parts.ts";
import { addAdviceDays, createAdviceCampaigns } from "../../test/advice-rows.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const zone = "America/New_York";
const hostile = `=cmd|' /c calc'!A0"><script>alert(1)</script>`;
const today = dayAt(new Date(), zone);
const followedOn = addDays(today, -28);
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

const open = async (url: string, as: Parameters<typeof loggedIn>[1] = {}) =>
  api.inject({ url, headers: await loggedIn(database.pool, as) });
const post = async (url: string, body: Record<string, string>, as: Parameters<typeof loggedIn>[1] = {}) =>
  api.inject({
    method: "POST",
    url,
    headers: { ...(await loggedIn(database.pool, as)), "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams(body).toString(),
  });
const idOf = async (name: string) =>
  (
    await database.pool.query<{ id: number }>(
      `select o.opportunity_id as id from rtb.opportunities o join rtb.campaigns c using (campaign_id) where c.campaign_name = $1`,
      [name],
    )
  ).rows[0]?.id ?? 0;

test("before a search the page says what it takes", async () => {
  const { body, statusCode } = await open("/opportunities");
  expect(statusCode).toBe(200);
  expect(body).toContain("Not looked for yet");
  expect((await open("/opportunities/scorecard")).body).toContain("Nothing was marked done yet");
});

test("“Look again” finds them, the greatest savings first, and every figure is the JSON route's", async () => {
  await createAdviceCampaigns(database.pool);
  await addAdviceDays(database.pool, { from: addDays(followedOn, -28), days: 28 });
  const asked = await post("/opportunities/search", {});
  expect(asked.statusCode).toBe(303);
  const { body } = await open(asked.headers.location ?? "");
  expect(body).toContain("Looked through");
  expect(body).toMatch(/Undervalued country<\/?[^>]*>?.*Angola/s);
  const { compared, wrong } = await compareFigures(api, body);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(20);
});

test("prices by genre and country are the JSON route's, with the pattern in words", async () => {
  const { body } = await open("/opportunities/countries");
  expect(body).toContain("Puzzle: clicks cost");
  const { compared, wrong } = await compareFigures(api, body);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(10);
  expect((await open("/opportunities/countries.csv")).body).toContain("Puzzle,IE,2,");
});

test("filters stand in the address, and empty ones are none", async () => {
  const { body } = await open("/opportunities?type=size_gap&state=&blocked=&min_savings=");
  expect(body).toContain("728x90");
  expect(body).not.toContain("Angola");
  expect((await open("/opportunities?min_savings=999999")).body).toContain("Nothing under these filters");
  expect((await open("/opportunities?kind=x")).statusCode).toBe(400);
});

test("one shows both sides, its days, its SQL and a brief, with the figures of its JSON route", async () => {
  const id = await idOf("Puzzle Game Brazil");
  const { body } = await open(`/opportunities/${id}`);
  for (const text of ["Raise Angola in Puzzle Game Brazil", "rtb.opportunity_evidence", "A brief to copy", "The rest"])
    expect(body).toContain(text);
  expect((await compareFigures(api, body)).wrong).toEqual([]);
  expect((await open("/opportunities/999999")).statusCode).toBe(404);
});

test("whoever keeps the catalogue decides on the page; whoever reads does not", async () => {
  const id = await idOf("Card Duel");
  expect((await open(`/opportunities/${id}`, { role: "analyst" })).body).not.toContain("What do you make of it?");
  expect((await post(`/opportunities/${id}/state`, { state: "seen" }, { role: "analyst" })).statusCode).toBe(404);
  const done = await post(`/opportunities/${id}/state`, { state: "done", done_on: followedOn, reason: "raised" });
  expect([done.statusCode, done.headers.location]).toEqual([303, `/opportunities/${id}`]);
  const { body } = await open(`/opportunities/${id}`);
  expect(body).toMatch(/new → done/);
  // A page that was opened before: each of its forms says which state it showed.
  expect(body.match(/name="expectedState" value="done"/g)?.length).toBe(body.match(/name="state"/g)?.length);
  const late = await post(`/opportunities/${id}/state`, { state: "seen", expectedState: "new" });
  expect(late.statusCode).toBe(409);
  expect(late.body).toMatch(/has changed this opportunity to done since/);
  expect((await post(`/opportunities/${id}/state`, { state: "dismissed", reason: "" })).statusCode).toBe(400);
});

test("the scorecard shows what was said beside what came", async () => {
  await addAdviceDays(database.pool, { from: followedOn, days: 28, followedOn });
  const { body } = await open("/opportunities/scorecard");
  expect(body).toMatch(/class="badge (?:good">right|warning">saved less than said)/);
  expect((await compareFigures(api, body)).wrong).toEqual([]);
  const csv = (await open("/opportunities/scorecard.csv")).body.split("\r\n");
  expect(csv).toHaveLength(3);
  expect(csv[1]).toContain("Card Duel");
});

test("a hostile name of a campaign is text on the page and safe in the export", async () => {
  await database.pool.query("update rtb.campaigns set campaign_name = $1 where campaign_name = 'Fashion E-commerce'", [
    hostile,
  ]);
  await post("/opportunities/search", {});
  const { body } = await open("/opportunities");
  expect(body).not.toContain("<script>alert(1)");
  expect(body).toContain("&lt;script");
  const csv = (await open("/opportunities.csv")).body;
  expect(csv).toContain(`"'=cmd`);
  expect(csv).not.toMatch(/(^|,)"?=cmd/m);
});

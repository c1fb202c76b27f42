import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import { addAdviceDays, createAdviceCampaigns } from "../../test/advice-rows.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
const today = dayAt(new Date(), "America/New_York");
const followedOn = addDays(today, -14);
const first = addDays(followedOn, -14);

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false });
  api = await testServer({ database: database.pool, temporal, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  await createAdviceCampaigns(database.pool);
  await addAdviceDays(database.pool, { from: first, days: 28 });
  await search();
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
type Body = any;
async function call(method: "GET" | "POST" | "PATCH", url: string, payload?: object, subject = "ada") {
  const answer = await api.inject({
    method,
    url: `/api/v1/rtb${url}`,
    headers: await bearer({ role: "admin", subject }),
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Body>() };
}
const search = async () => (await call("POST", "/opportunities/search", {})).body as Body;
const one = async (id: number) => (await call("GET", `/opportunities/${id}`)).body as Body;
const decide = (id: number, state: string, more: object = {}, subject = "ada") =>
  call("POST", `/opportunities/${id}/state`, { state, ...more }, subject);
async function find(campaign: string, state = "all"): Promise<Body> {
  const { body } = await call("GET", `/opportunities?blocked=true&state=${state}`);
  return body.items.find(({ campaignName }: Body) => campaignName === campaign);
}
async function idOfCampaign(name: string): Promise<number> {
  const { rows } = await database.pool.query("select campaign_id as id from rtb.campaigns where campaign_name = $1", [
    name,
  ]);
  return rows[0].id;
}
/** Merges a campaign into a new one that has nothing else. */
async function mergeInto(name: string, from: string): Promise<void> {
  const { rows } = await database.pool.query(
    "insert into rtb.campaigns (_client_id, campaign_name, origin) values ('713', $1, 'real') returning campaign_id as id",
    [name],
  );
  const { status } = await call("POST", `/campaigns/${rows[0].id}/merge`, { from: [await idOfCampaign(from)] });
  expect(status).toBe(200);
}

test("a recommendation names the campaign as it is called now, and of one that is gone as it was called last", async () => {
  const { opportunityId, campaignId } = await find("Fashion E-commerce");
  await call("PATCH", `/campaigns/${campaignId}`, { name: "Fashion $& Shop" });
  expect((await one(opportunityId)).recommendation).toMatch(
    /^Make a creative of 728x90 for Fashion \$& Shop: in 3 similar/,
  );
  await call("PATCH", `/campaigns/${campaignId}`, { name: "Fashion E-commerce" });
});

test("nothing invisible is kept of what people write, and of blanks alone nothing is", async () => {
  const { opportunityId, campaignId } = await find("Fashion E-commerce");
  const unseen = "\u200b\u202e\u2060 \u3164";
  const question = { subject: "campaign", metric: "cpc", period: { days: 7 } };
  const writings: [method: "POST" | "PATCH", url: string, body: (text: string) => object][] = [
    ["POST", `/opportunities/${opportunityId}/state`, (reason) => ({ state: "dismissed", reason })],
    ["PATCH", `/campaigns/${campaignId}`, (name) => ({ name })],
    ["PATCH", `/campaigns/${campaignId}`, (genre) => ({ genre })],
    ["POST", "/questions", (name) => ({ name, question })],
  ];
  for (const [method, url, body] of writings) {
    expect([url, (await call(method, url, body(unseen.repeat(3)))).status]).toEqual([url, 400]);
    expect((await call(method, url, body(`\u202eSho\u200bes \u00a0 for\u00ad all\u2069`))).status).toBeLessThan(300);
  }
  expect(await one(opportunityId)).toMatchObject({
    stateReason: "Shoes \u00a0 for all",
    campaignName: "Shoes for all",
  });
  const { rows } = await database.pool.query(
    "select name, (select genre from rtb.campaigns where campaign_id = $1) as genre from rtb.questions",
    [campaignId],
  );
  expect(rows).toEqual([{ name: "Shoes for all", genre: "Shoes for all" }]);
  await decide(opportunityId, "new");
  await call("PATCH", `/campaigns/${campaignId}`, { name: "Fashion E-commerce", genre: "Shopping" });
});

test("Casino and casino are one genre: in the matrix, in answers, and where a person sets it", async () => {
  const garden = await idOfCampaign("Block Garden");
  const fashion = await idOfCampaign("Fashion E-commerce");
  const genreOf = async (id: number) =>
    (await database.pool.query("select genre from rtb.campaigns where campaign_id = $1", [id])).rows[0].genre;
  const matrix = async () => {
    await search();
    const { body } = await call("GET", "/insights/geographic");
    return body.matrix
      .map(({ genre, geography, campaigns, spend }: Body) => [genre, geography, campaigns, spend])
      .sort();
  };
  const before = await matrix();
  // Of a campaign that has the genre already another spelling is a new one; another campaign's is spelled as most are.
  expect((await call("PATCH", `/campaigns/${garden}`, { genre: "PUZZLE" })).body.changed).toBe(true);
  expect(await genreOf(garden)).toBe("PUZZLE");
  expect(await matrix()).toEqual(before);
  const asked = { subject: "genre", metric: "spend", period: { days: 7 } };
  const { body } = await call("POST", "/questions/answer", { question: asked });
  expect(body.rows.map(({ name }: Body) => name).filter((name: string) => /puzzle/i.test(name))).toEqual(["Puzzle"]);
  await call("PATCH", `/campaigns/${fashion}`, { genre: "pUzZlE" });
  expect(await genreOf(fashion)).toBe("Puzzle");
  for (const [id, genre] of [
    [garden, "Puzzle"],
    [fashion, "Shopping"],
  ] as const) {
    await call("PATCH", `/campaigns/${id}`, { genre });
    expect(await genreOf(id)).toBe(genre);
  }
});

test("whoever decides upon what another has changed meanwhile is refused, and reads who did and to what", async () => {
  const { opportunityId: id, state } = await find("Fashion E-commerce");
  expect((await decide(id, "planned", { expectedState: state }, "grace")).body.changed).toBe(true);
  const late = await decide(id, "dismissed", { expectedState: state, reason: "not ours" });
  expect(late.status).toBe(409);
  expect(late.body).toMatchObject({
    error: "conflict",
    message: expect.stringMatching(/^grace has changed this opportunity to planned since, at 20/),
    details: { state: "planned", actor: "grace" },
  });
  expect(await one(id)).toMatchObject({ state: "planned", stateBy: "grace" });
  expect((await decide(id, "planned", { expectedState: state })).body).toEqual({ changed: false, state: "planned" });
  expect((await decide(id, "dismissed", { expectedState: "planned", reason: "not ours" })).body.changed).toBe(true);
  expect((await decide(id, "new")).body.changed).toBe(true);
  expect((await decide(id, "seen", { expectedState: "asleep" })).status).toBe(400);
  // Whom a reason names is not kept, and the days that it names are.
  await decide(id, "snoozed", { reason: "ask jane@example.com on 2026-12-01", until: addDays(today, 9) });
  expect((await one(id)).stateReason).toBe("ask [address] on 2026-12-01");
  await decide(id, "new");
});

test("of several who decide at once upon the same state one is heard, and the others read who that was", async () => {
  const { opportunityId: id, state } = await find("Fashion E-commerce");
  const people = ["p0", "p1", "p2", "p3"];
  const answers = await Promise.all(
    people.map((who) => decide(id, "dismissed", { expectedState: state, reason: `says ${who}` }, who)),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  const winner = people[answers.findIndex(({ status }) => status === 200)];
  expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.details.actor)).toEqual([
    winner,
    winner,
    winner,
  ]);
  await decide(id, "new");
});

test("what was done was done on a day between the first that was looked at and today", async () => {
  const { opportunityId: id, windowFrom } = await find("Fashion E-commerce");
  const refused = await decide(id, "done", { done_on: addDays(windowFrom, -1) });
  expect(refused.body.details).toEqual({
    done_on: `must not be before ${windowFrom}, the first day that was looked at`,
  });
  expect((await decide(id, "done", { done_on: addDays(today, 1) })).status).toBe(400);
  // A later search looks at later days; it was found before.
  await database.pool.query("update rtb.opportunities set window_from = $1, window_to = $2 where opportunity_id = $3", [
    ...[addDays(today, -7), addDays(today, 20), id],
  ]);
  expect((await decide(id, "done", { done_on: windowFrom })).status).toBe(200);
  await decide(id, "new");
});

test("what was decided of a campaign follows it through merges, and what was done is not recommended again", async () => {
  const angola = await find("Puzzle Game Brazil");
  await decide(angola.opportunityId, "dismissed", { reason: "Angola is not sold there" }, "grace");
  const viet = await find("Arcade Clicks");
  const until = addDays(today, 5);
  await decide(viet.opportunityId, "snoozed", { reason: "after the sale", until });
  const poland = await find("Card Duel");
  await decide(poland.opportunityId, "done", { done_on: followedOn });
  await mergeInto("Puzzles", "Puzzle Game Brazil");
  await mergeInto("All Puzzles", "Puzzles");
  await mergeInto("Arcades", "Arcade Clicks");
  await mergeInto("Cards", "Card Duel");
  await search();
  expect(await find("All Puzzles")).toMatchObject({
    ...{ type: "undervalued_geo", geography: "AO", state: "dismissed" },
    ...{ stateReason: "Angola is not sold there", stateBy: "grace" },
  });
  expect(await find("Arcades")).toMatchObject({ state: "snoozed", snoozedUntil: until, stateReason: "after the sale" });
  expect(await find("Cards")).toBeUndefined();
  const { opportunityId } = await find("All Puzzles");
  expect(await one(angola.opportunityId)).toMatchObject({
    state: "gone",
    stateReason: `its campaign was merged: it goes on as opportunity ${opportunityId}`,
    recommendation: expect.stringContaining("in Puzzle Game Brazil from"),
  });
  expect((await one(opportunityId)).changes).toMatchObject([{ from: null, to: "dismissed", role: null }]);
  await search();
  expect((await find("All Puzzles")).state).toBe("dismissed");
  expect((await find("Arcades")).state).toBe("snoozed");
  expect(await find("Cards")).toBeUndefined();
});

test("one that was put off before a merge comes back on its day", async () => {
  const { opportunityId } = await find("Arcades");
  await decide(opportunityId, "snoozed", { reason: "after the sale", until: addDays(today, 3) });
  await mergeInto("New Arcades", "Arcades");
  await database.pool.query("update rtb.opportunities set snoozed_until = $1 where opportunity_id = $2", [
    today,
    opportunityId,
  ]);
  await search();
  expect(await one(opportunityId)).toMatchObject({ state: "gone" });
  expect(await find("New Arcades")).toMatchObject({ state: "new" });
});

test("advice of a campaign that was merged is measured by the creatives that it had; of one that is gone it says so", async () => {
  const sums = async () =>
    (
      await database.pool.query(
        `select insight_type, found_clicks, clicks, found_spend, spend, found_rest_clicks, rest_clicks, found_rest_spend, rest_spend
           from rtb.opportunity_evidence where campaign_id not in (select campaign_id from rtb.campaigns)`,
      )
    ).rows;
  for (const row of await sums())
    expect([row.clicks, row.spend, row.rest_clicks, row.rest_spend]).toEqual([
      ...[row.found_clicks, row.found_spend, row.found_rest_clicks, row.found_rest_spend],
    ]);
  const { body } = await call("GET", "/opportunities/scorecard");
  expect(body.items).toMatchObject([{ campaignName: null, geography: "PL", outcome: "not_raised", weeks: 2 }]);
  const { rows } = await database.pool.query<Record<string, string>>(
    `select (sum(p.spend) filter (where p.date >= $1) - sum(p.spend) filter (where p.date < $1)) / 2 as raised
       from rtb.performance p where p.creative_id like 'card-duel%' and p.geography = 'PL'`,
    [followedOn],
  );
  expect(Number(body.items[0].raisedWeekly)).toBeCloseTo(Number(rows[0]?.["raised"]), 2);
  await database.pool.query("delete from rtb.campaign_decisions where kind = 'merged'");
  const { body: unknown } = await call("GET", "/opportunities/scorecard");
  expect(unknown.items).toMatchObject([{ outcome: "campaign_gone", weeks: 0, raisedWeekly: null, came: null }]);
  expect(unknown.types).toContainEqual(expect.objectContaining({ type: "undervalued_geo", done: 1, rightShare: null }));
});

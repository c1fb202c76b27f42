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
/** Four whole weeks were over when the advice was followed, and four since. */
const followedOn = addDays(today, -28);
const first = addDays(followedOn, -28);

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false });
  api = await testServer({ database: database.pool, temporal, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  await createAdviceCampaigns(database.pool);
  await addAdviceDays(database.pool, { from: first, days: 28 });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
type Body = any;
async function call(method: "GET" | "POST", url: string, payload?: object, claims: object = {}) {
  const answer = await api.inject({
    method,
    url: `/api/v1/rtb${url}`,
    headers: await bearer({ role: "admin", subject: "ada", ...claims }),
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Body>() };
}
const list = async (query = "") => (await call("GET", `/opportunities${query}`)).body.items as Body[];
const search = async () => (await call("POST", "/opportunities/search", {})).body as Body;
const named = (one: Body) =>
  `${one.type} ${one.campaignName} ${one.geography ?? one.size ?? one.creativeId ?? ""}`.trim();
const idOf = async (name: string): Promise<number> =>
  (await list("?state=all&blocked=true")).find((one) => named(one) === name)?.opportunityId;
const decide = (id: number, state: string, more: object = {}) =>
  call("POST", `/opportunities/${id}/state`, { state, ...more });

const poland = "undervalued_geo Card Duel PL";
const angola = "undervalued_geo Puzzle Game Brazil AO";

test("a search finds one of each type, and the greatest savings come first", async () => {
  expect(await search()).toMatchObject({ searched: true, windowFrom: first, daysWithData: 28, campaigns: 11, gone: 0 });
  const items = await list("?blocked=true");
  expect(items.map(named).sort()).toEqual([
    "high_cpc_low_spend Finance Vertical Video",
    "neglected_creative Idle Farm idle-farm-3",
    "size_gap Fashion E-commerce 728x90",
    "undervalued_geo Arcade Clicks VN",
    poland,
    angola,
  ]);
  const savings = items.map(({ savingsWeekly }) => Number(savingsWeekly));
  expect(savings).toEqual([...savings].sort((one, other) => other - one));
});

test("each figure can be computed from the rows again", async () => {
  const { body } = await call("GET", `/opportunities/${await idOf(angola)}`);
  const { rows } = await database.pool.query<Record<string, string>>(
    `select sum(clicks) filter (where geography = 'AO') as clicks, sum(spend) filter (where geography = 'AO') as spend,
            sum(clicks) filter (where geography <> 'AO') as rest_clicks, sum(spend) filter (where geography <> 'AO') as rest_spend
       from rtb.performance p join rtb.creatives c using (_client_id, creative_id)
       join rtb.campaign_creatives k on k.creative_id = c.id join rtb.campaigns g using (campaign_id)
      where g.campaign_name = 'Puzzle Game Brazil' and p.date between $1 and $2`,
    [body.windowFrom, body.windowTo],
  );
  const of = (name: string) => Number(rows[0]?.[name]);
  expect(body.evidence.own).toMatchObject({ clicks: of("clicks"), spend: of("spend").toFixed(2) });
  expect(body.evidence.rest).toMatchObject({ clicks: of("rest_clicks"), spend: of("rest_spend").toFixed(2) });
  const ratio = of("spend") / of("clicks") / (of("rest_spend") / of("rest_clicks"));
  expect(body.evidence.ratio).toBeCloseTo(ratio, 9);
  const week = (of("spend") + of("rest_spend")) / 4;
  const target = Math.min((5 * of("spend")) / 4, 0.2 * week);
  expect(Number(body.savingsWeekly)).toBeCloseTo((target - of("spend") / 4) * (1 - ratio), 1);
  expect(body.days).toHaveLength(28);
  const { rows: view } = await database.pool.query(body.sql);
  expect(view[0]).toMatchObject({ found_spend: rows[0]?.["spend"], spend: rows[0]?.["spend"] });
});

test("the view's sums equal what each was found by", async () => {
  const { rows } = await database.pool.query(
    `select insight_type from rtb.opportunity_evidence
      where (found_clicks, found_spend, found_rest_clicks, found_rest_spend) is distinct from (clicks, spend, rest_clicks, rest_spend)`,
  );
  expect(rows).toEqual([]);
});

test("the matrix is the sum of the rows, and puzzles are seen to be dear in Ireland", async () => {
  const { body } = await call("GET", "/insights/geographic");
  expect(body.window).toEqual({ from: first, to: addDays(followedOn, -1) });
  const { rows } = await database.pool.query(
    `select k.genre, p.geography, count(distinct k.campaign_id)::int as campaigns, sum(p.clicks)::int as clicks, round(sum(p.spend), 2) as spend,
            round(sum(p.spend) / sum(p.clicks), 4) as cpc
       from rtb.performance p join rtb.creatives c using (_client_id, creative_id) join rtb.campaign_creatives l on l.creative_id = c.id
       join rtb.campaigns k using (campaign_id) group by 1, 2`,
  );
  const plain = (one: Body) => [one.genre, one.geography, one.campaigns, one.clicks, one.spend, one.cpc].join(" ");
  expect(body.matrix.map(plain).sort()).toEqual(rows.map(plain).sort());
  expect(body.patterns).toHaveLength(1);
  expect(body.patterns[0]).toMatchObject({
    genre: "Puzzle",
    dear: "IE",
    cheap: "BR",
    otherGenres: ["Finance", "Shopping", "Simulation"],
  });
  expect(body.patterns[0].words).toMatch(
    /^Puzzle: clicks cost 3\.\d times as much in Ireland as in Brazil; of 3 other genres 1\.0 times\./,
  );
  expect(body.patterns[0].factor).toBeCloseTo(3.5, 0);
  expect((await call("GET", "/insights/geographic", undefined, { client: "acme" })).body).toEqual({
    ...{ window: null, matrix: [], patterns: [] },
  });
});

test("the same rows again list the same, as the same night", async () => {
  const before = await list("?blocked=true&state=all");
  const nights = async () =>
    (await database.pool.query("select max(nights) as nights from rtb.opportunity_tests")).rows[0];
  expect(await nights()).toEqual({ nights: 1 });
  expect(await search()).toMatchObject({ created: 0, gone: 0 });
  expect(await nights()).toEqual({ nights: 1 });
  expect((await list("?blocked=true&state=all")).map((one) => [one.opportunityId, one.savingsWeekly])).toEqual(
    before.map((one) => [one.opportunityId, one.savingsWeekly]),
  );
});

test("filters name the type, the campaign and the least savings, and totals go by the same", async () => {
  expect((await list("?type=size_gap")).map(named)).toEqual(["size_gap Fashion E-commerce 728x90"]);
  const [one] = await list("?type=undervalued_geo");
  expect((await list(`?campaign_id=${one.campaignId}`)).map(named)).toEqual([named(one)]);
  const rich = await list("?min_savings=100");
  expect(rich.every(({ savingsWeekly }) => Number(savingsWeekly) >= 100)).toBe(true);
  const { body } = await call("GET", "/opportunities/totals?min_savings=100");
  expect(body.count).toBe(rich.length);
  expect(Number(body.savingsWeekly)).toBeCloseTo(
    rich.reduce((sum, { savingsWeekly }) => sum + Number(savingsWeekly), 0),
    2,
  );
  expect((await call("GET", "/opportunities?type=geo")).status).toBe(400);
  expect((await call("GET", "/opportunities?min_savings=lots")).status).toBe(400);
  const paged = await call("GET", "/opportunities?limit=2");
  const next = await call("GET", `/opportunities?limit=2&cursor=${paged.body.next}`);
  expect([...paged.body.items, ...next.body.items].map(named)).toEqual((await list()).map(named).slice(0, 4));
});

test("whoever dismisses or snoozes says why, and a dismissed one does not come back by itself", async () => {
  const id = await idOf(angola);
  expect((await decide(id, "dismissed")).body.details).toEqual({ reason: "is missing: say why it is dismissed" });
  expect((await decide(id, "snoozed", { reason: "later" })).body.details).toHaveProperty("until");
  expect((await decide(id, "seen", { until: addDays(today, 5) })).status).toBe(400);
  expect((await decide(id, "gone")).status).toBe(400);
  expect((await decide(id, "dismissed", { reason: "Angola is not sold there" })).body).toEqual({
    changed: true,
    state: "dismissed",
  });
  expect((await decide(id, "dismissed", { reason: "Angola is not sold there" })).body.changed).toBe(false);
  await search();
  expect((await list()).map(named)).not.toContain(angola);
  expect((await list("?state=dismissed")).map(({ stateReason }) => stateReason)).toEqual(["Angola is not sold there"]);
  const { rows } = await database.pool.query(
    "select actor, action, subject from ops.audit where action = 'opportunity_decided'",
  );
  expect(rows).toEqual([{ actor: "ada", action: "opportunity_decided", subject: `opportunity/${id}` }]);
  expect((await decide(999_999, "seen")).status).toBe(404);
});

test("one that is snoozed comes back on its day", async () => {
  const id = await idOf("size_gap Fashion E-commerce 728x90");
  await decide(id, "snoozed", { reason: "after the sale", until: addDays(today, 3) });
  await search();
  expect((await list("?state=snoozed")).map(({ opportunityId }) => opportunityId)).toEqual([id]);
  await database.pool.query("update rtb.opportunities set snoozed_until = $1 where opportunity_id = $2", [today, id]);
  await search();
  expect((await call("GET", `/opportunities/${id}`)).body).toMatchObject({ state: "new", snoozedUntil: null });
});

test("what invalid traffic or viewability speaks against is not recommended, and says why", async () => {
  await database.pool.query(
    `insert into rtb.report_quality (_client_id, buyer_id, date, billing_id, creative_id, creative_size, creative_format, impressions, measurable, viewable, invalid_impressions, _file_id, _line, _grain)
     select '713', c.buyer_id, $1, 'b', c.creative_id, c.canonical_size, 'HTML', 10000, 8000, case when c.creative_id like 'arcade%' then 1600 else 6000 end,
            case when c.creative_id like 'idle%' then 900 else 20 end, 2, 1, 'day' from rtb.creatives c`,
    [addDays(followedOn, -1)],
  );
  expect(await search()).toMatchObject({ blocked: 2 });
  const blocked = (await list("?blocked=true")).filter(({ blockedBy }) => blockedBy !== null);
  expect(blocked.map((one) => [named(one), one.blockedBy])).toEqual(
    expect.arrayContaining([
      ["undervalued_geo Arcade Clicks VN", "only 20 % of its measurable impressions are viewable, less than 50 %"],
      ["neglected_creative Idle Farm idle-farm-3", "9 % of its impressions are invalid traffic, more than 5 %"],
    ]),
  );
  expect((await list()).some(({ blockedBy }) => blockedBy !== null)).toBe(false);
});

test("of advice that was followed it is measured what came of it", async () => {
  const id = await idOf(poland);
  expect((await decide(id, "done", { done_on: addDays(today, 1) })).body.details).toHaveProperty("done_on");
  await decide(id, "done", { done_on: addDays(followedOn, 3) });
  expect((await decide(id, "done", { done_on: followedOn })).body.changed).toBe(true);
  const early = await call("GET", "/opportunities/scorecard");
  expect(early.body.items).toMatchObject([{ opportunityId: id, outcome: "too_early", came: null }]);
  const forecast = (await call("GET", `/opportunities/${id}`)).body.savingsWeekly;
  await addAdviceDays(database.pool, { from: followedOn, days: 28, followedOn });
  await search();
  const { body } = await call("GET", "/opportunities/scorecard");
  expect(body.items).toMatchObject([{ opportunityId: id, weeks: 4, savingsWeekly: forecast }]);
  const [one] = body.items;
  // The made days follow the date, and so does how near the result comes to the forecast.
  const isRight = Number(one.cameTo) >= Number(one.forecastLow);
  expect(one.outcome).toBe(isRight ? "right" : "partly");
  const { rows } = await database.pool.query<Record<string, string>>(
    `select sum(p.spend) filter (where p.geography = 'PL' and p.date < $1) / 4 as before, sum(p.spend) filter (where p.geography = 'PL' and p.date >= $1) / 4 as after,
            (sum(p.spend) filter (where p.geography = 'PL' and p.date >= $1) / sum(p.clicks) filter (where p.geography = 'PL' and p.date >= $1))
            / (sum(p.spend) filter (where p.geography <> 'PL' and p.date >= $1) / sum(p.clicks) filter (where p.geography <> 'PL' and p.date >= $1)) as ratio
       from rtb.performance p join rtb.creatives c using (_client_id, creative_id)
       join rtb.campaign_creatives k on k.creative_id = c.id join rtb.campaigns g using (campaign_id) where g.campaign_name = 'Card Duel'`,
    [followedOn],
  );
  const raise = Number(rows[0]?.["after"]) - Number(rows[0]?.["before"]);
  expect(Number(one.raisedWeekly)).toBeCloseTo(raise, 1);
  expect(Number(one.came)).toBeCloseTo(raise * (1 - Number(rows[0]?.["ratio"])), 1);
  expect(Number(one.cameFrom)).toBeLessThan(Number(one.came));
  expect(Number(one.cameTo)).toBeGreaterThan(Number(one.came));
  expect(body.types).toContainEqual({
    ...{ type: "undervalued_geo", done: 1, right: Number(isRight), partly: Number(!isRight), wrong: 0, undecided: 0 },
    rightShare: isRight ? 100 : 0,
  });
});

test("a new night counts as one more look, and what has stopped holding is gone", async () => {
  const { rows } = await database.pool.query(
    "select max(nights) as nights, max(last_night)::text as last from rtb.opportunity_tests",
  );
  expect(rows).toEqual([{ nights: 2, last: addDays(today, -1) }]);
  await database.pool.query(
    `update rtb.performance_metrics m set clicks = m.clicks / 3 from rtb.creatives c where c.id = m.creative_id and c.creative_id like 'finance%'`,
  );
  expect(await search()).toMatchObject({ gone: 1 });
  const id = await idOf("high_cpc_low_spend Finance Vertical Video");
  const { body } = await call("GET", `/opportunities/${id}`);
  expect(body).toMatchObject({ state: "gone" });
  expect(body.changes[0]).toMatchObject({ from: "new", to: "gone", role: null });
});

test("only those who keep the catalogue decide, and nobody sees another client's", async () => {
  const id = await idOf(angola);
  expect((await call("POST", `/opportunities/${id}/state`, { state: "seen" }, { role: "analyst" })).status).toBe(403);
  expect((await call("GET", `/opportunities/${id}`, undefined, { role: "analyst" })).status).toBe(200);
  expect((await call("GET", `/opportunities/${id}`, undefined, { client: "acme" })).status).toBe(404);
  expect((await call("GET", "/opportunities?state=all", undefined, { client: "acme" })).body.items).toEqual([]);
  expect((await call("GET", "/opportunities", undefined, { role: "advertiser", advertiser: "x" })).status).toBe(403);
});

test("a search that has nothing new to look at says so", async () => {
  const { rows } = await database.pool.query("select count(*)::int as runs from rtb.opportunity_runs");
  const before = rows[0];
  const answer = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false }) as Body;
  const handle = await answer.client.workflow.start("detectOpportunities", {
    workflowId: "detect-opportunities/713",
    args: [{ client: "713", onlyIfChanged: true }],
  });
  expect(await handle.result()).toMatchObject({
    searched: false,
    reason: expect.stringContaining("nothing has changed"),
  });
  expect((await database.pool.query("select count(*)::int as runs from rtb.opportunity_runs")).rows[0]).toEqual(before);
  const other = await answer.client.workflow.start("detectOpportunities", {
    workflowId: "detect-opportunities/acme",
    args: [{ client: "acme" }],
  });
  expect(await other.result()).toMatchObject({ searched: false });
});

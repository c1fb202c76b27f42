import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { beginCall, endCall } from "../../queries/intelligence/model-calls.ts";
import { mergeCreatives } from "../../queries/rtb/merge-creatives.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
const started: { workflowId: string; input: unknown }[] = [];
let keepsWaiting = false;

beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    temporal: clusteringByRules(database.pool, { started, keepsWaiting: () => keepsWaiting }),
    env: { API_RATE_LIMIT_PER_MINUTE: "100000" },
  });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type Method = "GET" | "POST" | "PATCH" | "PUT";
interface Answer {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
  body: any;
}
async function call(method: Method, url: string, payload?: object, claims: object = {}): Promise<Answer> {
  const answer = await api.inject({
    method,
    url: `/api/v1/rtb${url}`,
    headers: await bearer({ role: "admin", subject: "ada", ...claims }),
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json() };
}

const creative = (id: string, app: string, more: object = {}) => ({
  creativeId: id,
  buyerId: "A",
  format: "HTML",
  languages: ["en"],
  declaredClickUrls: [`https://play.google.com/store/apps/details?id=com.maker.${app}`],
  ...more,
});
const add = (...rows: ReturnType<typeof creative>[]) =>
  mergeCreatives(database.pool, { client: "713", origin: "real", rows });
const cluster = async () => (await call("POST", "/campaigns/cluster", {})).body;

/** Campaigns by name, each with the ids of its creatives. */
async function groups(): Promise<Record<string, string>> {
  const { rows } = await database.pool.query<{ name: string; ids: string }>(
    `select c.campaign_name as name, coalesce(string_agg(r.creative_id, ' ' order by r.creative_id), '') as ids
       from rtb.campaigns c left join rtb.campaign_creatives k using (_client_id, campaign_id)
       left join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id
      where c._client_id = '713' group by 1`,
  );
  return Object.fromEntries(rows.map(({ name, ids }) => [name, ids]));
}
const idOf = async (name: string) =>
  (
    await database.pool.query<{ id: number }>("select campaign_id as id from rtb.campaigns where campaign_name = $1", [
      name,
    ])
  ).rows[0]?.id ?? 0;
const audit = async () =>
  (
    await database.pool.query<{ entry: string }>(
      "select actor || ' ' || action || ' ' || subject as entry from ops.audit where action <> 'clustering_started' order by audit_id",
    )
  ).rows.map(({ entry }) => entry);

test("creatives are grouped, and the answer says into what, how firmly, and who did it", async () => {
  await add(
    creative("k1", "quietkettle"),
    creative("k2", "quietkettle", { format: "VIDEO" }),
    creative("k3", "quietkettle"),
    creative("d1", "dropfrenzy"),
    creative("d2", "dropfrenzy"),
    creative("m1", "moonmap"),
  );
  expect(await cluster()).toMatchObject({
    workflowId: "cluster-campaigns/713/as-set",
    providerAsked: "rule-based",
    providerUsed: "rule-based",
    fallbackReason: null,
    creatives: 6,
    groups: 3,
    created: 3,
    confidence: expect.any(Number),
    campaignCount: 3,
    campaigns: [
      { campaignName: "Dropfrenzy – English", creatives: 2 },
      { campaignName: "Moonmap – English", creatives: 1 },
      { campaignName: "Quietkettle – English", creatives: 3 },
    ],
  });
  expect(await groups()).toEqual({
    "Quietkettle – English": "k1 k2 k3",
    "Dropfrenzy – English": "d1 d2",
    "Moonmap – English": "m1",
  });
  expect((await call("GET", "/campaigns")).body.items[0]).toMatchObject({
    aiProvider: "rule-based",
    namedBy: "rules",
    isClustered: true,
  });
});

test("a suggestion changes nothing, and is made once for one state of the catalogue", async () => {
  await add(creative("n1", "newgame"));
  const before = await groups();
  const count = started.length;
  const first = await call("GET", "/creatives/cluster");
  expect(first).toMatchObject({ status: 200, body: { groups: 4, created: 1 } });
  expect(first.body.campaigns).toContainEqual(
    expect.objectContaining({
      campaignId: null,
      campaignName: "Newgame – English",
      creatives: [{ creativeId: "n1", basis: "app" }],
      variants: [{ language: "en", format: "HTML", creatives: 1 }],
    }),
  );
  expect((await call("GET", "/creatives/cluster")).body).toEqual(first.body);
  expect(started.slice(count)).toEqual([
    {
      workflowId: "cluster-campaigns/713/suggestion",
      input: { client: "713", ai_provider: "rule-based", dryRun: true },
    },
  ]);
  expect(await groups()).toEqual(before);
});

test("what takes longer goes on under its workflow's id", async () => {
  keepsWaiting = true;
  expect(await call("POST", "/campaigns/cluster", { ai_provider: "claude", ask_again: true })).toEqual({
    status: 202,
    body: { state: "running", workflowId: "cluster-campaigns/713/claude" },
  });
  keepsWaiting = false;
  expect(started.at(-1)?.input).toEqual({ client: "713", ai_provider: "claude", askAgain: true });
  expect(await call("POST", "/campaigns/cluster", { ai_provder: "claude" })).toMatchObject({
    status: 400,
    body: { error: "validation_error" },
  });
});

test("a model without consent is not asked, and the answer says so", async () => {
  expect((await call("POST", "/campaigns/cluster", { ai_provider: "gemini" })).body).toMatchObject({
    providerAsked: "gemini",
    providerUsed: "rule-based",
    fallbackReason: "no consent: CLUSTER_CONSENT is off for client 713",
  });
  const { rows: alerts } = await database.pool.query("select from ops.alerts");
  expect(alerts).toEqual([]);
  const { body } = await call("GET", "/campaigns/cluster/runs?limit=1");
  expect(body.items).toMatchObject([
    { providerAsked: "gemini", groups: 4, campaignCount: 4, created: 1, origin: "real" },
  ]);
  expect((await call("GET", `/campaigns/cluster/runs?cursor=${body.next}`)).body.items).toHaveLength(1);
});

test("a name, a move, a split and a merge stay, for creatives that come later, too, and each is recorded once", async () => {
  const kettle = await idOf("Quietkettle – English");
  const drop = await idOf("Dropfrenzy – English");
  const [moon, fresh] = [await idOf("Moonmap – English"), await idOf("Newgame – English")];
  const twice = async (method: Method, url: string, body: object) => {
    const first = await call(method, url, body);
    expect([url, first.status, first.body.changed]).toEqual([url, 200, true]);
    return [first.body, await call(method, url, body)] as const;
  };
  await database.pool.query(
    "insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('713', 'spend', 'cpc_spike', $1, 'warning', 'x')",
    [`campaign/${fresh}`],
  );
  const [, renamed] = await twice("PATCH", `/campaigns/${kettle}`, { name: "Kettle" });
  const [, moved] = await twice("POST", `/campaigns/${kettle}/move`, { to: drop, creatives: ["k3"] });
  const [split, again] = await twice("POST", `/campaigns/${kettle}/split`, { name: "Kettle video", creatives: ["k2"] });
  const [, merged] = await twice("POST", `/campaigns/${moon}/merge`, { from: [fresh] });
  for (const { status, body } of [renamed, moved, merged]) expect([status, body.changed]).toEqual([200, false]);
  expect(again).toMatchObject({ status: 400 });
  const decided = {
    Kettle: "k1",
    "Kettle video": "k2",
    "Dropfrenzy – English": "d1 d2 k3",
    "Moonmap – English": "m1 n1",
  };
  expect(await groups()).toEqual(decided);
  expect(await audit()).toEqual([
    `ada campaign_renamed campaign/${kettle}`,
    `ada creatives_moved campaign/${kettle}`,
    `ada campaign_split campaign/${kettle}`,
    `ada campaigns_merged campaign/${moon}`,
  ]);
  const { rows: settled } = await database.pool.query<{ notes: string }>(
    "select notes from ops.alerts where area = 'spend'",
  );
  expect(settled).toEqual([{ notes: `merged into campaign ${moon}` }]);
  expect((await call("GET", "/campaigns/decisions")).body.items).toMatchObject([
    {
      kind: "merged",
      campaignId: moon,
      fromCampaignId: fresh,
      earlierName: "Newgame – English",
      actor: "ada",
      role: "admin",
    },
    { kind: "split", campaignId: split.campaignId, fromCampaignId: kettle, name: "Kettle video", creatives: 1 },
    { kind: "moved", campaignId: drop, fromCampaignId: kettle, creatives: 1 },
    { kind: "renamed", campaignId: kettle, name: "Kettle", earlierName: "Quietkettle – English" },
  ]);

  expect(await cluster()).toMatchObject({ created: 0, removed: 0, moved: 0 });
  expect(await groups()).toEqual(decided);
  await add(creative("k4", "quietkettle"), creative("n2", "newgame"), creative("d3", "dropfrenzy"));
  expect(await cluster()).toMatchObject({ created: 0, removed: 0, moved: 0 });
  expect(await groups()).toEqual({
    Kettle: "k1 k4",
    "Kettle video": "k2",
    "Dropfrenzy – English": "d1 d2 d3 k3",
    "Moonmap – English": "m1 n1 n2",
  });
});

test("the number of a campaign that was merged answers with the one it went into, over several merges; to change it is refused by name", async () => {
  const { rows } = await database.pool.query<{ moon: number; fresh: number }>(
    "select campaign_id as moon, from_campaign_id as fresh from rtb.campaign_decisions where kind = 'merged'",
  );
  const { moon = 0, fresh = 0 } = rows[0] ?? {};
  await database.pool.query(
    `insert into rtb.campaign_decisions (_client_id, actor, kind, campaign_id, from_campaign_id, name)
     values ('713', 'ada', 'merged', $1, 900001, 'x'), ('713', 'ada', 'merged', 900001, 900002, 'x'), ('713', 'ada', 'merged', 900003, 900004, 'x')`,
    [fresh],
  );
  for (const old of [fresh, 900_001, 900_002]) {
    expect((await call("GET", `/campaigns/${old}`)).body).toMatchObject({ campaignId: moon, askedFor: old });
    expect((await call("GET", `/campaigns/${old}/grouping`)).body).toMatchObject({ campaignId: moon });
    expect((await call("GET", `/campaigns/${old}/members`)).body.items).toHaveLength(3);
    expect(await call("PATCH", `/campaigns/${old}`, { name: "Gone" })).toMatchObject({
      status: 409,
      body: { message: `campaign ${old} was merged into campaign ${moon}: name that one` },
    });
    expect((await call("GET", `/campaigns/${old}`, undefined, { client: "acme" })).status).toBe(404);
  }
  expect((await call("GET", `/campaigns/${moon}`)).body).toMatchObject({ campaignId: moon, askedFor: null });
  // What it went into is gone itself, and was merged into nothing.
  expect((await call("GET", "/campaigns/900004")).status).toBe(404);
  await database.pool.query("delete from rtb.campaign_decisions where from_campaign_id >= 900001");
});

test("a genre that a person sets stays over runs until it is given back, and is recorded", async () => {
  const kettle = await idOf("Kettle");
  const genre = async () => {
    const { body } = await call("GET", `/campaigns/${kettle}`);
    return [body.genre, body.isGenrePersons];
  };
  expect(await genre()).toEqual([null, false]);
  expect((await call("PATCH", `/campaigns/${kettle}`, { genre: "Tea time" })).body.changed).toBe(true);
  expect((await call("PATCH", `/campaigns/${kettle}`, { genre: "Tea time" })).body.changed).toBe(false);
  await add(creative("k5", "quietkettle"));
  await cluster();
  expect(await genre()).toEqual(["Tea time", true]);
  expect((await call("PATCH", `/campaigns/${kettle}`, { genre: null, name: "Kettle" })).body.changed).toBe(true);
  expect((await call("PATCH", `/campaigns/${kettle}`, { genre: null })).body.changed).toBe(false);
  await cluster();
  expect(await genre()).toEqual([null, false]);
  const { rows } = await database.pool.query(
    "select subject, details from ops.audit where action = 'campaign_genre_set' order by audit_id",
  );
  expect(rows).toEqual([
    { subject: `campaign/${kettle}`, details: { from: null, to: "Tea time" } },
    { subject: `campaign/${kettle}`, details: { from: "Tea time", to: null } },
  ]);
  for (const body of [{}, { genre: "1" }, { genre: "77" }, { genre: "x".repeat(31) }, { gender: "x" }])
    expect((await call("PATCH", `/campaigns/${kettle}`, body)).status).toBe(400);
  await database.pool.query("delete from rtb.creatives where creative_id = 'k5'");
  await cluster();
});

test("a campaign shows its creatives with what joins them, its variants and what was decided", async () => {
  const drop = await idOf("Dropfrenzy – English");
  await database.pool.query(
    "insert into rtb.creative_performance (_client_id, creative_id, spend_7d, spend_all) select '713', id, 5, 9.5 from rtb.creatives where creative_id = 'd2'",
  );
  const first = (await call("GET", `/campaigns/${drop}/members?limit=3`)).body;
  const rest = (await call("GET", `/campaigns/${drop}/members?limit=3&cursor=${first.next}`)).body;
  const members = [...first.items, ...rest.items];
  expect(members[0]).toMatchObject({ creativeId: "d2", basis: "app", spend7d: "5.00", spendAllTime: "9.50" });
  expect(members.map(({ creativeId }) => creativeId).sort()).toEqual(["d1", "d2", "d3", "k3"]);
  expect(members.find(({ creativeId }) => creativeId === "k3")).toMatchObject({ basis: null });
  expect((await call("GET", `/campaigns/${drop}/grouping`)).body).toMatchObject({
    isClustered: true,
    anchor: "android:com.maker.dropfrenzy",
    namedBy: "rules",
    variants: [{ language: "en", format: "HTML", creatives: 4 }],
    decisions: [{ kind: "moved" }],
  });
});

test("campaigns that people made are left alone, and one whose creatives a person named is their own from then on", async () => {
  const put = (item: object) => call("PUT", "/campaigns", { items: [item] });
  await add(creative("d4", "dropfrenzy"));
  await put({ campaignName: "By hand", creativeIds: ["d4", "d1"] });
  await cluster();
  expect(await groups()).toMatchObject({ "By hand": "d1 d4", "Dropfrenzy – English": "d2 d3 k3" });
  const moon = await idOf("Moonmap – English");
  await put({ campaignId: moon, creativeIds: ["m1"] });
  await cluster();
  expect(await groups()).toMatchObject({ "Moonmap – English": "m1", "Newgame – English": "n1 n2" });
  expect((await call("GET", `/campaigns/${moon}/grouping`)).body).toMatchObject({
    isClustered: false,
    namedBy: "person",
  });
  await put({ campaignId: await idOf("Dropfrenzy – English"), campaignName: "Frenzy" });
  await cluster();
  expect(await groups()).toMatchObject({ Frenzy: "d2 d3 k3" });
  const { items } = (await call("GET", "/campaigns/decisions?limit=2")).body;
  expect(items).toMatchObject([
    { kind: "renamed", name: "Frenzy", earlierName: "Dropfrenzy – English", actor: "ada", role: "admin" },
    { kind: "replaced", campaignId: moon, actor: "ada" },
  ]);
});

test("whatever people decide, and in whatever order: a run over the same creatives moves none, and each is in one campaign", async () => {
  let seed = 20_261_128;
  const draw = (most: number) => (seed = (seed * 48_271) % 2_147_483_647) % most;
  const apps = ["alpha", "bravo", "charlie", "delta", "echo"];
  let made = 0;
  const more = () => add(creative(`p${(made += 1)}`, `${apps[draw(apps.length)] ?? ""}game`));
  for (let count = 0; count < 25; count += 1) await more();
  await cluster();
  const places = async () =>
    (
      await database.pool.query<{ creative: string; campaigns: number[] }>(
        `select r.creative_id as creative, array_agg(k.campaign_id order by 1) as campaigns from rtb.campaign_creatives k
           join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id where r.creative_id like 'p%' group by 1 order by 1`,
      )
    ).rows;
  /** Null where a campaign was put: what it gives up is grouped anew. */
  const act = async (): Promise<number | null> => {
    const all = await places();
    const one = all[draw(all.length)] ?? { creative: "", campaigns: [] };
    const other = all[draw(all.length)] ?? one;
    const [at, to] = [one.campaigns[0] ?? 0, other.campaigns[0] ?? 0];
    const creatives = all.filter(({ campaigns }) => campaigns[0] === at && draw(2) === 0).map(({ creative: id }) => id);
    const kind = draw(5);
    if (kind === 0) return (await call("PATCH", `/campaigns/${at}`, { name: `Name ${draw(1_000_000)}` })).status;
    if (kind === 1) return (await call("POST", `/campaigns/${at}/merge`, { from: [to] })).status;
    if (kind === 2)
      return (await call("POST", `/campaigns/${at}/split`, { name: `Part ${draw(1_000_000)}`, creatives })).status;
    if (kind === 3) return (await call("POST", `/campaigns/${at}/move`, { to, creatives })).status;
    await call("PUT", "/campaigns", { items: [{ campaignId: at, creativeIds: creatives }] });
    return null;
  };
  const statuses = new Set<number | null>();
  for (let step = 0; step < 16; step += 1) {
    const status = await act();
    statuses.add(status);
    const decided = await places();
    await cluster();
    const before = await places();
    if (status !== null) expect(before).toEqual(decided);
    expect(await cluster()).toMatchObject({ created: 0, removed: 0, moved: 0 });
    expect(await places()).toEqual(before);
    expect(before.filter(({ campaigns }) => campaigns.length !== 1)).toEqual([]);
    expect(before).toHaveLength(made);
    if (step % 4 === 0) {
      await more();
      await cluster();
      const after = await places();
      expect(after.filter(({ creative: id }) => before.some((was) => was.creative === id))).toEqual(before);
    }
  }
  expect([...statuses].sort()).toEqual([200, 400, null]);
});

test("of calls that begin together only so many are made as the day's limit has room for; one that never ended counts in full", async () => {
  const call = (more: object = {}) =>
    beginCall(database.pool, {
      client: "713",
      provider: "claude",
      model: "m",
      promptHash: "h",
      day: "2026-03-01",
      groups: 1,
      mostUsd: "0.30",
      limitUsd: "1.00",
      runId: "r",
      origin: "sandbox",
      ...more,
    });
  const begun = await Promise.all(Array.from({ length: 8 }, () => call({ provider: "gemini" })));
  expect(begun.filter(({ allowed }) => allowed)).toHaveLength(3);
  expect(await call()).toEqual({
    allowed: false,
    reason: "the limit of 1.00 a day would be passed: 0.9 are spent, and this call may cost 0.30",
  });
  expect([await call({ day: "2026-03-02" }), await call({ client: "acme" })]).toMatchObject([
    { allowed: true },
    { allowed: true },
  ]);
  const [first] = begun.filter(({ allowed }) => allowed);
  if (first?.allowed !== true) throw new Error("none was allowed");
  const { callId } = first;
  const tokens = { input: 1, output: 1 };
  await endCall(
    database.pool,
    { client: "713", callId },
    { state: "truncated", costUsd: "0.01", tokens, answer: null, problem: null },
  );
  expect(await call()).toMatchObject({ allowed: true });
});

test("what cannot be decided is refused, and nothing of it is written", async () => {
  const [kettle, frenzy] = [await idOf("Kettle"), await idOf("Frenzy")];
  const before = [await groups(), await audit()];
  for (const [method, url, body, status, message] of [
    ["PATCH", `/campaigns/${kettle}`, { name: "frenzy" }, 409, `campaign ${frenzy} is called`],
    ["PATCH", `/campaigns/${kettle}`, { name: "12" }, 400, "valid"],
    ["PATCH", "/campaigns/999999", { name: "Nobody's" }, 404, "campaign"],
    ["POST", `/campaigns/${kettle}/merge`, { from: [kettle] }, 400, "into itself"],
    ["POST", `/campaigns/${kettle}/merge`, { from: [999_999] }, 404, "campaign"],
    ["POST", `/campaigns/${kettle}/split`, { name: "All of it", creatives: ["k1", "k4"] }, 400, "rename it instead"],
    ["POST", `/campaigns/${kettle}/split`, { name: "Foreign", creatives: ["d2"] }, 400, "not of campaign"],
    ["POST", `/campaigns/${kettle}/move`, { to: frenzy, creatives: ["unknown"] }, 400, "valid"],
    ["POST", `/campaigns/${kettle}/move`, { to: kettle, creatives: ["k1"] }, 400, "has them already"],
  ] as const) {
    const answer = await call(method, url, body);
    expect([url, answer.status]).toEqual([url, status]);
    expect(answer.body.message).toContain(message);
  }
  const acme = { client: "acme" };
  for (const [method, url, body] of [
    ["PATCH", `/campaigns/${kettle}`, { name: "Stolen" }],
    ["POST", `/campaigns/${kettle}/merge`, { from: [frenzy] }],
    ["POST", `/campaigns/${kettle}/split`, { name: "Stolen", creatives: ["k1"] }],
    ["GET", `/campaigns/${kettle}/grouping`, undefined],
    ["GET", `/campaigns/${kettle}/members`, undefined],
  ] as const)
    expect([url, (await call(method, url, body, acme)).status]).toEqual([url, 404]);
  for (const [method, url, body] of [
    ["POST", "/campaigns/cluster", {}],
    ["GET", "/creatives/cluster", undefined],
    ["PATCH", `/campaigns/${kettle}`, { name: "Mine" }],
  ] as const)
    expect([url, (await call(method, url, body, { role: "analyst" })).status]).toEqual([url, 403]);
  expect([await groups(), await audit()]).toEqual(before);
});

test("a creative of which nothing is known stays where a person moved or merged it, whatever is grouped", async () => {
  const bare = (id: string) => ({ creativeId: id, buyerId: "A", format: "HTML" });
  await mergeCreatives(database.pool, {
    client: "713",
    origin: "real",
    rows: [bare("bare1"), bare("bare2"), bare("bare3")],
  });
  await add(creative("l1", "lampshade"), creative("l2", "lampshade"));
  await cluster();
  const names = (
    await call("PUT", "/campaigns", {
      items: [
        { campaignName: "From a file", creativeIds: ["bare1"] },
        { campaignName: "Another file", creativeIds: ["bare2", "bare3"] },
      ],
    })
  ).body;
  expect(names.created).toBe(2);
  const home = await idOf("Lampshade – English");
  const [one, other] = [await idOf("From a file"), await idOf("Another file")];
  expect((await call("POST", `/campaigns/${home}/merge`, { from: [one] })).status).toBe(200);
  expect((await call("POST", `/campaigns/${other}/move`, { to: home, creatives: ["bare2"] })).status).toBe(200);
  await cluster();
  await cluster();
  expect(await groups()).toMatchObject({ "Lampshade – English": "bare1 bare2 l1 l2", "Another file": "bare3" });
});

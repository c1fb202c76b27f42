import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { mergeCreatives } from "../../queries/rtb/merge-creatives.ts";
import { bearer } from "../../test/api-server.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { busiestCampaign } from "../../test/page-addresses.ts";
import { compareFigures, figuresIn, valueAt } from "../../test/page-figures.ts";
import { figuresOfSql, type Tuple } from "../../test/sql-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script>`;
let database: TestDatabase;
let api: Api;
let keepsWaiting = false;
const started: { workflowId: string; input: unknown }[] = [];

beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({
    database: database.pool,
    temporal: clusteringByRules(database.pool, { started, keepsWaiting: () => keepsWaiting }),
  }));
  const creative = (creativeId: string, app: string, more: object = {}) => ({
    ...{ creativeId, buyerId: "A", format: "HTML", width: 300, height: 250 },
    declaredClickUrls: [`https://play.google.com/store/apps/details?id=com.maker.${app}`],
    ...more,
  });
  await mergeCreatives(database.pool, {
    client: "713",
    origin: "real",
    rows: [
      creative("k1", "quietkettle"),
      creative("k2", "quietkettle"),
      creative("k3", "quietkettle", { format: "VIDEO" }),
      creative("d1", "dropfrenzy"),
      creative("d2", "dropfrenzy"),
      // The same id in another seat is another creative.
      creative("k1", "dropfrenzy", { buyerId: "B" }),
    ],
  });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type As = Parameters<typeof loggedIn>[1];
const open = async (url: string, as: As = {}) => api.inject({ url, headers: await loggedIn(database.pool, as) });
async function send(url: string, fields: [string, string][], as: As = {}) {
  return api.inject({
    method: "POST",
    url,
    payload: new URLSearchParams(fields).toString(),
    headers: {
      ...(await loggedIn(database.pool, as)),
      "content-type": "application/x-www-form-urlencoded",
    },
  });
}
const idOf = async (name: string) =>
  (
    await database.pool.query<{ id: string }>(
      "select campaign_id::text as id from rtb.campaigns where campaign_name = $1",
      [name],
    )
  ).rows[0]?.id ?? "0";
const membersOf = async (id: string) =>
  (
    await database.pool.query<{ name: string }>(
      `select r.buyer_id || '/' || r.creative_id as name from rtb.campaign_creatives k
         join rtb.creatives r on r._client_id = k._client_id and r.id = k.creative_id where k.campaign_id = $1 order by 1`,
      [id],
    )
  ).rows.map(({ name }) => name);
const agrees = async (html: string) =>
  expect(await compareFigures(api, html)).toEqual({ compared: expect.any(Number), wrong: [] });

test("without campaigns the page says what makes some, and who may do it", async () => {
  const body = (await open("/campaigns")).body;
  expect(body).toContain("No campaign yet");
  expect(body).toContain('action="/campaigns/cluster"');
  const read = (await open("/campaigns", { role: "analyst" })).body;
  expect(read).toContain("An operator groups");
  expect(read).not.toContain('<button type="submit">Group again');
  expect((await send("/campaigns/cluster", [], { role: "analyst" })).statusCode).toBe(404);
  expect((await open("/campaigns/suggestions", { role: "analyst" })).statusCode).toBe(404);
});

test("a suggestion shows what grouping would make, and changes nothing", async () => {
  const page = await open("/campaigns/suggestions");
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain("Quietkettle");
  expect(page.body).toContain("the same app in a store");
  expect(page.body).toContain('href="/creatives/k1?buyer_id=B"');
  await agrees(page.body);
  expect(await idOf("Quietkettle")).toBe("0");
  expect((await open("/campaigns")).body).toContain("No campaign yet");
});

test("grouping is asked for with the provider chosen, and the page says what the run came to", async () => {
  const answer = await send("/campaigns/cluster", [["ai_provider", "claude"]]);
  expect(answer.statusCode).toBe(303);
  expect(started.at(-1)).toEqual({
    workflowId: "cluster-campaigns/713/claude",
    input: { client: "713", ai_provider: "claude" },
  });
  const { body } = await open(String(answer.headers.location));
  expect(body).toMatch(/<strong>Grouped<\/strong>/);
  expect(body).not.toContain('data-live="2"');
  for (const shown of ["Not by Claude", "CLUSTER_CONSENT is off for client 713", "2 new", ">0.95<", "Quietkettle"])
    expect(body).toContain(shown);
  await agrees(body);
  const exported = /href="(\/campaigns\.csv[^"]*)"/.exec(body)?.[1] ?? "";
  expect([exported, (await open(exported)).statusCode]).toEqual(["/campaigns.csv", 200]);
  expect((await send("/campaigns/cluster", [["ai_provider", "oracle"]])).statusCode).toBe(400);
});

test("of more groups than a model sees at once the page says that those of different calls were not merged", async () => {
  const said = async (provider: string, groups: number) => {
    await database.pool.query("update rtb.cluster_runs set provider_used = $1, groups = $2 where not is_dry_run", [
      provider,
      groups,
    ]);
    return (await open("/campaigns")).body.includes("groups of different calls were not merged");
  };
  expect(await said("claude", 101)).toBe(true);
  expect((await open("/campaigns")).body).toMatch(/>101<\/span> groups in 2 calls of at most 100/);
  expect(await said("claude", 100)).toBe(false);
  expect(await said("rule-based", 500)).toBe(false);
});

test("one that goes on is followed until a run ended after it was begun", async () => {
  keepsWaiting = true;
  const answer = await send("/campaigns/cluster", [["ai_provider", "rule-based"]]);
  keepsWaiting = false;
  const address = String(answer.headers.location);
  expect((await open(address)).body).toMatch(/data-live="2" data-then="reload"[^]*Creatives are being grouped/);
  const long = address.replace(/since=[^&]*/, `since=${new Date(Date.now() - 3_600_000).toISOString()}`);
  await database.pool.query("update rtb.cluster_runs set ended_at = now() - interval '2 hours'");
  const late = (await open(long)).body;
  expect(late).toContain("Not over after 15 minutes");
  expect(late).not.toContain('data-live="2"');
});

test("a campaign shows its creatives and what joins each, with every figure as the JSON route says it", async () => {
  const id = await idOf("Quietkettle");
  const { body } = await open(`/campaigns/${id}?period=all`);
  for (const shown of [
    "Android app com.maker.quietkettle",
    "<b>the same app in a store</b> · 0.95",
    'value="buyers/A/creatives/k3"',
    'href="/creatives/k3?buyer_id=A"',
    "Nothing was spent in this period",
    "None: it is as grouping or a file made it",
  ])
    expect(body).toContain(shown);
  await agrees(body);
  const read = (await open(`/campaigns/${id}`, { role: "analyst" })).body;
  expect(read).toContain("the same app in a store");
  expect(read).not.toContain('type="checkbox"');
  expect(read).not.toContain(`action="/campaigns/`);
  for (const act of ["rename", "merge", "split", "move"])
    expect((await send(`/campaigns/${id}/${act}`, [["name", "Nobody's"]], { role: "analyst" })).statusCode).toBe(404);
});

test("the creatives of a campaign are a file, in the order of the page and as the JSON route lists them", async () => {
  const own = `/campaigns/${await idOf("Quietkettle")}`;
  const { body } = await open(`${own}?period=all&sortMembers=-creativeId`);
  expect(body).toContain(`href="${own}/creatives.csv?sortMembers=-creativeId"`);
  const file = await open(`${own}/creatives.csv?sortMembers=-creativeId`);
  const { items } = (
    await api.inject({ url: `/api/v1/rtb${own}/members?sort=-creativeId`, headers: await bearer() })
  ).json<{
    items: Record<string, unknown>[];
  }>();
  const rows: Record<string, string>[] = parse(file.body, { columns: true });
  expect(rows.map(({ creativeId }) => creativeId)).toEqual(["k3", "k2", "k1"]);
  const said = (row: Record<string, unknown>, name: string) => String(valueAt(row, name) ?? "");
  for (const [index, row] of rows.entries())
    for (const [name, shown] of Object.entries(row))
      expect([name, shown]).toEqual([name, said(items[index] ?? {}, name)]);
  expect(Object.keys(rows[0] ?? {})).toEqual(
    expect.arrayContaining(["creativeId", "buyerId", "basis", "key", "confidence", "spend7d", "spendAllTime"]),
  );
  expect((await open(`${own}/creatives.csv?sortMembers=colour`)).statusCode).toBe(400);
});

test("people rename, split, move and merge, and the page says who did it", async () => {
  const [kettle, drop] = [await idOf("Quietkettle"), await idOf("Dropfrenzy")];
  const renamed = await send(`/campaigns/${kettle}/rename`, [["name", hostile]], { subject: "grace" });
  expect(renamed).toMatchObject({ statusCode: 303, headers: { location: `/campaigns/${kettle}` } });

  const split = await send(`/campaigns/${kettle}/split`, [
    ["name", "Kettle videos"],
    ["creatives", "buyers/A/creatives/k3"],
    ["to", drop],
  ]);
  const videos = await idOf("Kettle videos");
  expect(split.headers.location).toBe(`/campaigns/${videos}`);
  expect(await membersOf(videos)).toEqual(["A/k3"]);

  const chosen: [string, string][] = [
    ["creatives", "buyers/B/creatives/k1"],
    ["creatives", "buyers/A/creatives/d1"],
  ];
  expect((await send(`/campaigns/${drop}/move`, [["to", videos], ...chosen])).statusCode).toBe(303);
  expect(await membersOf(videos)).toEqual(["A/d1", "A/k3", "B/k1"]);

  const merged = await send(`/campaigns/${videos}/merge`, [["into", kettle]]);
  expect(merged.headers.location).toBe(`/campaigns/${kettle}`);
  expect(await membersOf(kettle)).toEqual(["A/d1", "A/k1", "A/k2", "A/k3", "B/k1"]);
  // Its old address leads to the one it went into, with what was chosen there.
  expect(await open(`/campaigns/${videos}?period=all`)).toMatchObject({
    statusCode: 301,
    headers: { location: `/campaigns/${kettle}?period=all` },
  });
  expect((await send(`/campaigns/${kettle}/genre`, [["genre", "Tea"]])).headers.location).toBe(`/campaigns/${kettle}`);
  expect((await open(`/campaigns/${kettle}`)).body).toContain("genre <bdi>Tea</bdi> (set by a person)");
  await send(`/campaigns/${kettle}/genre`, [["genre", " "]]);
  expect((await open(`/campaigns/${kettle}`)).body).toContain("genre unclassified");

  const { body } = await open(`/campaigns/${kettle}`);
  expect(body).not.toContain(hostile);
  expect(body).toContain("<bdi>grace</bdi> (admin)");
  for (const shown of [
    "renamed from <b>Quietkettle</b>",
    "<b>Kettle videos</b> was merged into this one",
    ", put together by <",
    "split off as",
  ])
    expect(body).toContain(shown);
  expect(body).toContain("<b>a person put it there</b>");
  await agrees(body);
  expect((await open(`/campaigns/${drop}`)).body).toContain("moved to ");

  const { rows } = await database.pool.query<{ value: string }>(busiestCampaign);
  const busiest = (await open(`/campaigns/${rows[0]?.value ?? ""}`)).body;
  const inSql = await figuresOfSql(database.pool, {
    route: "/campaigns/:id",
    page: busiest,
    figures: figuresIn(busiest),
  });
  const decisions = inSql.find(({ name }) => name === "decisions about a campaign");
  expect(decisions?.shown.length).toBeGreaterThan(0);
  const sorted = (tuples: Tuple[] = []) => tuples.map((one) => JSON.stringify(Object.entries(one).sort())).sort();
  expect(sorted(decisions?.shown)).toEqual(sorted(decisions?.stored));
});

test("a decision that cannot be is refused in words, and nothing changes", async () => {
  const drop = await idOf("Dropfrenzy");
  const before = await membersOf(drop);
  for (const [act, fields, said] of [
    ["split", [["name", "All of it"]], "tick the creatives first"],
    [
      "split",
      [
        ["name", "All of it"],
        ["creatives", "buyers/A/creatives/d2"],
      ],
      "these are all creatives",
    ],
    [
      "move",
      [
        ["to", "999999"],
        ["creatives", "buyers/A/creatives/d2"],
      ],
      "there is no such campaign",
    ],
    ["rename", [["name", "x"]], "name"],
    ["merge", [["into", drop]], "cannot be merged into itself"],
  ] as [string, [string, string][], string][]) {
    const answer = await send(`/campaigns/${drop}/${act}`, fields);
    expect([act, answer.statusCode >= 400, answer.body.toLowerCase().includes(said)]).toEqual([act, true, true]);
  }
  expect(await membersOf(drop)).toEqual(before);
});

test("the export has the rows of the JSON route, with who named each and how firm it is", async () => {
  const lines = (await open("/campaigns.csv?period=all")).body.trimEnd().split("\r\n");
  expect(lines[0]).toMatch(/^campaignName,namedBy,confidenceScore,modelConfidence,creatives,/);
  expect(lines.slice(1).map((line) => line.split(",").slice(0, 5).join())).toEqual([
    "Dropfrenzy,rules,0.95,,1",
    `${hostile},person,0.95,,5`,
  ]);
});

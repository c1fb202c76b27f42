import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { fakeTemporal, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { canary, listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

const recon = "/api/v1/recon";
const credentialsKey = keyRing(randomBytes(32));
const temporal = fakeTemporal();
const webhookSecret = "a-webhook-secret-of-acme-long";
const anytrack = {
  halfLifeDays: 7,
  webhookPerMinute: 60_000,
  webhookSecrets: new Map([["acme", webhookSecret]]),
  collect: new Map(),
};
const creative = "9007199254740993";
let database: TestDatabase;
let target: Target;
/** For what acme itself does and sees. */
let own: Api;
let theirs: { campaign: string; affiliate: MadeAffiliate; report: string; alert: string };
let ours: { campaign: string; otherCampaign: string; ada: MadeAffiliate; bob: MadeAffiliate; report: string };

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  const options = { database: pool, temporal: temporal.access, credentialsKey, anytrack };
  own = await testServer(options);
  target = await listening(options);
  const affiliate = await makeAffiliate(pool, { client: "acme", name: canary });
  const campaign = await makeCampaign(pool, { client: "acme", name: canary });
  const report = await submit(affiliate, campaign, "1canary");
  theirs = { campaign, affiliate, report, ...(await fillAcme()) };
  const [ada, bob] = [
    await makeAffiliate(pool, { client: "713", name: "ada" }),
    await makeAffiliate(pool, { client: "713", name: "bob" }),
  ];
  const [spring, autumn] = [
    await makeCampaign(pool, { client: "713", name: "spring" }),
    await makeCampaign(pool, { client: "713", name: "autumn", advertiserId: "adv-2" }),
  ];
  ours = { campaign: spring, otherCampaign: autumn, ada, bob, report: await submit(ada, spring, "1ours") };
}, 60_000);
afterAll(async () => {
  await target?.close();
  await own?.close();
  await database?.drop();
});

const claim = (campaignId: string, post: string) => ({
  campaignId,
  url: `https://www.reddit.com/comments/${post}`,
  claimed: { views: 1, clicks: 1, conversions: 1 },
  evidence: { note: canary },
});

async function submit({ key }: MadeAffiliate, campaign: string, post: string): Promise<string> {
  const answer = await own.inject({
    method: "POST",
    url: `${recon}/affiliates/submissions`,
    headers: { "x-api-key": key },
    payload: claim(campaign, post),
  });
  expect(answer.statusCode).toBe(202);
  return answer.json<{ reportId: string }>().reportId;
}

/** A row in each list that acme has, with the canary in it. */
async function fillAcme(): Promise<{ alert: string }> {
  const { pool } = database;
  const headers = await bearer({ client: "acme", role: "admin" });
  const mapped = { everflowAffiliateLabel: canary, redtrackSourceId: canary, isInternal: true };
  const put = await own.inject({
    method: "PUT",
    url: "/api/v1/cost/mapping",
    headers,
    payload: { items: [mapped] },
  });
  expect(put.statusCode).toBe(200);
  const hooked = await own.inject({
    method: "POST",
    url: `/hooks/anytrack/${webhookSecret}`,
    headers: { "content-type": "application/json" },
    payload: {
      assetId: "asset_1",
      eventName: "Purchase",
      clickId: "c-1",
      eventTime: new Date(Date.now() - 60_000).toISOString(),
      eventValue: 60,
      currency: "EUR",
      transactionId: canary,
      sub1: canary,
    },
  });
  expect([hooked.statusCode, hooked.json()]).toMatchObject([200, { stored: 1 }]);
  await pool.query(
    `insert into rtb.creatives (_client_id, creative_id, buyer_id, format) values ('acme', $1, $2, 'HTML')`,
    [creative, canary],
  );
  await pool.query(`insert into rtb.buyer_seats (_client_id, buyer_id, display_name) values ('acme', 'seat', $1)`, [
    canary,
  ]);
  const alert = await pool.query<{ id: string }>(
    `insert into ops.alerts (_client_id, area, kind, subject, severity, message)
     values ('acme', 'recon', 'k', $1, 'info', $1) returning alert_id::text as id`,
    [canary],
  );
  return { alert: alert.rows[0]?.id ?? "" };
}

type Claims = Parameters<typeof bearer>[0];
const asking =
  (path: () => string, claims: Claims = { role: "admin" }, more: Attack = {}) =>
  async () => ({
    path: path(),
    ...more,
    headers: { ...(await bearer(claims)), "content-type": "application/json" },
  });
const writing =
  (method: string, path: () => string, body: () => object = () => ({}), claims?: Claims) =>
  async () => {
    const { headers } = await asking(path, claims)();
    return { method, path: path(), headers, body: JSON.stringify(body()) };
  };
const asAffiliate =
  (of: () => MadeAffiliate, path: () => string, more: () => Attack = () => ({})) =>
  () => {
    const { headers = {}, ...rest } = more();
    return { path: path(), ...rest, headers: { ...headers, "x-api-key": of().key } };
  };
const sending = (body: object, method = "POST"): Attack => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const advertiser: Claims = { role: "advertiser", advertiser: "adv-1" };
const ada = () => ours.ada;
const missing = "not_found";

const tries: Try[] = [
  ["another client's campaign", asking(() => `${recon}/campaigns/${theirs.campaign}`), 404, missing],
  [
    "another client's campaign on the dashboard",
    asking(() => `${recon}/dashboard/campaigns/${theirs.campaign}`),
    404,
    missing,
  ],
  [
    "another client's affiliate",
    asking(() => `${recon}/affiliates/${theirs.affiliate.affiliateId}/performance`),
    404,
    missing,
  ],
  ["another client's report", asking(() => `${recon}/submissions/${theirs.report}`), 404, missing],
  ["another client's evidence", asking(() => `${recon}/submissions/${theirs.report}/evidence`), 404, missing],
  ["another client's conversion", asking(() => `/api/v1/anytrack/conversions/order:${canary}`), 404, missing],
  ["another client's creative", asking(() => `/api/v1/rtb/creatives/${creative}`), 404, missing],
  [
    "the figures of another client's creative",
    asking(() => `/api/v1/rtb/performance/metrics/${creative}`),
    404,
    missing,
  ],
  [
    "platforms for another client's campaign",
    writing(
      "PUT",
      () => `${recon}/campaigns/${theirs.campaign}/platforms`,
      () => ({ platforms: ["reddit"] }),
    ),
    404,
    missing,
  ],
  [
    "another client's affiliate switched off",
    writing(
      "PUT",
      () => `${recon}/affiliates/${theirs.affiliate.affiliateId}`,
      () => ({ isActive: false }),
    ),
    404,
    missing,
  ],
  [
    "a new key for another client's affiliate",
    writing("POST", () => `${recon}/affiliates/${theirs.affiliate.affiliateId}/rotate-key`),
    404,
    missing,
  ],
  [
    "another client's alert resolved",
    writing(
      "PUT",
      () => `/api/v1/ops/alerts/${theirs.alert}/resolve`,
      () => ({ notes: "x" }),
    ),
    404,
    missing,
  ],
  [
    "another client's report disputed by staff of ours",
    writing(
      "POST",
      () => `${recon}/submissions/${theirs.report}/dispute`,
      () => ({ reason: "x" }),
    ),
    403,
    "forbidden",
  ],
  ["another client named in the query", asking(() => `${recon}/campaigns?client=acme`), 400, "validation_error"],
  [
    "another client named in the body",
    writing(
      "POST",
      () => `${recon}/campaigns`,
      () => ({ client: "acme", name: "x", advertiserId: "a", platforms: ["reddit"] }),
    ),
    400,
    "validation_error",
  ],
  [
    "reports of another client's campaign, by filter",
    asking(() => `${recon}/submissions?campaign=${theirs.campaign}`),
    200,
    null,
  ],
  [
    "reports of another client's affiliate, by filter",
    asking(() => `${recon}/submissions?affiliate=${theirs.affiliate.affiliateId}`),
    200,
    null,
  ],
  [
    "an advertiser: another's campaign",
    asking(() => `${recon}/campaigns/${ours.otherCampaign}`, advertiser),
    404,
    missing,
  ],
  [
    "an advertiser: another's campaign on the dashboard",
    asking(() => `${recon}/dashboard/campaigns/${ours.otherCampaign}`, advertiser),
    404,
    missing,
  ],
  [
    "an advertiser: a campaign of its number at another client",
    asking(() => `${recon}/campaigns/${theirs.campaign}`, advertiser),
    404,
    missing,
  ],
  [
    "an advertiser: the evidence of its own campaign",
    asking(() => `${recon}/submissions/${ours.report}/evidence`, advertiser),
    403,
    "forbidden",
  ],
  ["an advertiser: the audit log", asking(() => "/api/v1/ops/audit", advertiser), 403, "forbidden"],
  [
    "an analyst: evidence in clear",
    asking(() => `${recon}/submissions/${ours.report}/evidence`, { role: "analyst" }),
    403,
    "forbidden",
  ],
  ["an affiliate: its own report", asAffiliate(ada, () => `${recon}/submissions/${ours.report}`), 200, null],
  [
    "an affiliate: another's report",
    asAffiliate(
      () => ours.bob,
      () => `${recon}/submissions/${ours.report}`,
    ),
    404,
    missing,
  ],
  [
    "an affiliate: a report of another client",
    asAffiliate(ada, () => `${recon}/submissions/${theirs.report}`),
    404,
    missing,
  ],
  [
    "an affiliate: evidence, even its own",
    asAffiliate(ada, () => `${recon}/submissions/${ours.report}/evidence`),
    401,
    "unauthorized",
  ],
  [
    "an affiliate: another's submissions",
    asAffiliate(ada, () => `${recon}/affiliates/${ours.bob.affiliateId}/submissions`),
    404,
    missing,
  ],
  [
    "an affiliate: another's performance",
    asAffiliate(ada, () => `${recon}/affiliates/${ours.bob.affiliateId}/performance`),
    404,
    missing,
  ],
  [
    "an affiliate: another's tokens",
    asAffiliate(ada, () => `${recon}/affiliates/${ours.bob.affiliateId}/tokens`),
    404,
    missing,
  ],
  [
    "an affiliate: a token put in another's place",
    asAffiliate(
      ada,
      () => `${recon}/affiliates/${ours.bob.affiliateId}/tokens/reddit`,
      () => sending({ credentials: { REDDIT_ACCESS_TOKEN: "mine" } }, "PUT"),
    ),
    404,
    missing,
  ],
  [
    "an affiliate: another's token deleted",
    asAffiliate(
      ada,
      () => `${recon}/affiliates/${ours.bob.affiliateId}/tokens/reddit`,
      () => ({ method: "DELETE" }),
    ),
    404,
    missing,
  ],
  [
    "an affiliate: a new key for another",
    asAffiliate(
      ada,
      () => `${recon}/affiliates/${ours.bob.affiliateId}/rotate-key`,
      () => sending({}),
    ),
    401,
    "unauthorized",
  ],
  [
    "an affiliate: another's report disputed",
    asAffiliate(
      () => ours.bob,
      () => `${recon}/submissions/${ours.report}/dispute`,
      () => sending({ reason: "mine" }),
    ),
    404,
    missing,
  ],
  [
    "an affiliate: a claim in another client's campaign",
    asAffiliate(
      ada,
      () => `${recon}/affiliates/submissions`,
      () => sending({ ...claim(theirs.campaign, "1zzz"), evidence: null }),
    ),
    404,
    missing,
  ],
  [
    "an affiliate: a claim in the name of another",
    asAffiliate(
      ada,
      () => `${recon}/affiliates/submissions`,
      () => sending({ ...claim(ours.campaign, "1zzz"), affiliateId: ours.bob.affiliateId }),
    ),
    400,
    "validation_error",
  ],
];

test.each(tries)("%s", async (what, attack, status, error) => {
  const answer = await target.attempt(attack(), status, error);
  // What a filter of somebody else's asks for is nothing.
  if (what.endsWith("by filter")) expect(JSON.parse(answer.body)).toMatchObject({ items: [] });
});

test.each<[string, () => string]>([
  ["campaign", () => `${recon}/campaigns/${theirs.campaign}`],
  ["affiliate", () => `${recon}/affiliates/${theirs.affiliate.affiliateId}/performance`],
  ["report", () => `${recon}/submissions/${theirs.report}`],
  ["evidence", () => `${recon}/submissions/${theirs.report}/evidence`],
  ["conversion", () => `/api/v1/anytrack/conversions/order:${canary}`],
  ["creative", () => `/api/v1/rtb/creatives/${creative}`],
])("the %s that others do not find is there for its own client", async (_what, path) => {
  const answer = await own.inject({ url: path(), headers: await bearer({ client: "acme", role: "admin" }) });
  expect(answer.statusCode).toBe(200);
});

test("no list shows a row of another client, whoever asks; its own client sees them", async () => {
  const { paths } = own.swagger() as { paths: Record<string, Record<string, unknown>> };
  const lists = Object.keys(paths).filter((path) => "get" in (paths[path] ?? {}) && !path.includes("{"));
  const asked = lists.filter((path) => path.startsWith("/api/v1/"));
  expect(asked.length).toBeGreaterThan(25);
  const callers = [await bearer({ role: "admin" }), await bearer({ role: "analyst" }), await bearer(advertiser)];
  for (const path of asked)
    for (const headers of [...callers, { "x-api-key": ours.ada.key }]) await target.send({ path, headers });
  const headers = await bearer({ client: "acme", role: "admin" });
  const answers = await Promise.all(asked.map(async (url) => [url, (await own.inject({ url, headers })).payload]));
  const shown = answers.filter(([, payload]) => payload?.includes(canary)).map(([url]) => url);
  for (const list of [
    "recon/campaigns",
    "recon/affiliates",
    "recon/alerts",
    "ops/alerts",
    "cost/mapping",
    "anytrack/conversions",
    "rtb/seats",
  ])
    expect(shown).toContain(`/api/v1/${list}`);
});

test("nothing of another client's has changed", async () => {
  const { rows } = await database.pool.query(
    `select (select is_active from recon.affiliates where affiliate_id = $1) as active,
            (select resolved_at from ops.alerts where alert_id = $2) as resolved,
            (select count(*) from recon.report_state where _client_id = 'acme') as reports`,
    [theirs.affiliate.affiliateId, theirs.alert],
  );
  expect(rows).toEqual([{ active: true, resolved: null, reports: 1 }]);
});

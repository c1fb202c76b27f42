import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { UnsecuredJWT } from "jose";
import { keyRing } from "../../core/crypto.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";
import { fakeTemporal, judge, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";

const prefix = "/api/v1/recon";
const credentialsKey = keyRing(randomBytes(32));
const temporal = fakeTemporal();
const log: string[] = [];
let database: TestDatabase;
let api: Api;
let ada: MadeAffiliate;
let bob: MadeAffiliate;
let campaignId: string;
let otherCampaignId: string;
/** Reports of ada's with their verdicts. */
let judged: { matched: string; low: string; high: string; unverifiable: string; waiting: string };

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  api = await testServer({ database: pool, temporal: temporal.access, credentialsKey, log });
  ada = await makeAffiliate(pool, { client: "713", name: "ada" });
  bob = await makeAffiliate(pool, { client: "713", name: "bob" });
  campaignId = await makeCampaign(pool, { client: "713", name: "spring" });
  otherCampaignId = await makeCampaign(pool, { client: "713", name: "autumn", advertiserId: "adv-2" });
  const of = { client: "713", affiliateId: ada.affiliateId, campaignId, platform: "meta" };
  const ad = (id: number) => `https://www.facebook.com/${1_000_000_000_000 + id}`;
  judged = {
    matched: await judge(pool, {
      ...of,
      url: ad(1),
      claimed: [90, 9, 1],
      verified: [100, 10, 1],
      verdict: "MATCHED",
      spend: ["10.005", "USD"],
    }),
    low: await judge(pool, {
      ...of,
      url: ad(2),
      claimed: [104, 10, 1],
      verified: [100, 10, 1],
      verdict: "DISCREPANCY",
      level: "LOW",
      spend: ["20", "EUR"],
      origin: "sandbox",
    }),
    high: await judge(pool, {
      ...of,
      url: ad(3),
      claimed: [900, 10, 1],
      verified: [100, 10, null],
      verdict: "DISCREPANCY",
      level: "HIGH",
      spend: ["5.5", "USD"],
      raise: [],
    }),
    unverifiable: await judge(pool, {
      ...of,
      platform: "reddit",
      url: "https://redd.it/1abcde",
      claimed: [5, 0, 0],
      verified: [null, null, null],
      verdict: "UNVERIFIABLE",
    }),
    waiting: (await submit({ url: "https://redd.it/1abcdf" })).json<{ reportId: string }>().reportId,
  };
  await judge(pool, {
    ...of,
    affiliateId: bob.affiliateId,
    campaignId: otherCampaignId,
    url: ad(9),
    claimed: [50, 5, 1],
    verified: [40, 5, 1],
    verdict: "DISCREPANCY",
    level: "HIGH",
  });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const keyed = (key: string) => ({ "x-api-key": key });
const claim = (fields: object = {}) => ({
  campaignId,
  url: "https://www.reddit.com/r/test/comments/1zzzzz/a_title/?utm_source=x",
  claimed: { views: 100, clicks: 10, conversions: 1 },
  ...fields,
});
const submit = (fields: object = {}, { key = ada.key, headers = {}, server = api } = {}) =>
  server.inject({
    method: "POST",
    url: `${prefix}/affiliates/submissions`,
    headers: { ...keyed(key), ...headers },
    payload: claim(fields),
  });
type Method = "GET" | "POST" | "PUT" | "DELETE";
const call = async (
  method: Method,
  path: string,
  payload?: object,
  claims: Parameters<typeof bearer>[0] = { role: "operator" },
) =>
  api.inject({
    method,
    url: path.startsWith(prefix) ? path : prefix + path,
    headers: await bearer(claims),
    ...(payload === undefined ? {} : { payload }),
  });
const get = async <Body>(path: string, claims?: Parameters<typeof bearer>[0]) =>
  (await call("GET", path, undefined, claims)).json<Body>();
const asAffiliate = (path: string, { key }: MadeAffiliate = ada, method: Method = "GET", payload?: object) =>
  api.inject({ method, url: prefix + path, headers: keyed(key), ...(payload === undefined ? {} : { payload }) });
const one = async (text: string, values: unknown[] = []) =>
  (await database.pool.query<Record<string, unknown>>(text, values)).rows[0];

describe("a submission", () => {
  test("is stored before it is answered, and its reconciliation is started", async () => {
    const answer = await submit();
    expect(answer.statusCode).toBe(202);
    const { reportId, ...rest } = answer.json<{ reportId: string }>();
    expect(rest).toEqual({
      postId: expect.stringMatching(/^\d+$/),
      state: "PENDING",
      outcome: "accepted",
      href: `${prefix}/submissions/${reportId}`,
    });
    expect(
      await one(
        "select url from recon.posts p join recon.report_state s using (_client_id, post_id) where report_id = $1",
        [reportId],
      ),
    ).toEqual({ url: "https://www.reddit.com/comments/1zzzzz" });
    expect(temporal.started.at(-1)).toEqual({
      type: "reconcileReport",
      workflowId: `reconcile/${reportId}`,
      input: { client: "713", reportId },
    });
  });

  test("sent again is the same answer; its key with another content is a conflict", async () => {
    const headers = { "idempotency-key": "k-1" };
    const url = "https://redd.it/1again";
    const [first, again] = [await submit({ url }, { headers }), await submit({ url }, { headers })];
    expect(again.statusCode).toBe(202);
    expect(again.json()).toEqual({ ...first.json<object>(), outcome: "repeated" });
    const other = await submit({ url, claimed: { views: 1, clicks: 0, conversions: 0 } }, { headers });
    expect(other.statusCode).toBe(409);
    expect(other.json()).toMatchObject({ error: "conflict" });
    // Without a key, the content is the key.
    expect((await submit({ url: "https://redd.it/1nokey" })).json()).toMatchObject({ outcome: "accepted" });
    expect((await submit({ url: "https://redd.it/1nokey" })).json()).toMatchObject({ outcome: "repeated" });
  });

  test("is taken within a second while Temporal is away", async () => {
    temporal.result = null;
    const began = performance.now();
    const answer = await submit({ url: "https://redd.it/1away1" });
    temporal.result = { value: null };
    expect(answer.statusCode).toBe(202);
    expect(performance.now() - began).toBeLessThan(1_000);
    const { reportId } = answer.json<{ reportId: string }>();
    expect(await one("select state from recon.report_state where report_id = $1", [reportId])).toEqual({
      state: "PENDING",
    });
  });

  test.each([
    "http://127.0.0.1/r/a/comments/1abcde",
    "http://0x7f.1/comments/1abcde",
    "http://2130706433/",
    "http://[::1]/comments/1abcde",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:3003/healthz",
    "https://reddit.com@10.0.0.1/comments/1abcde",
    "https://www.reddit.com.evil.example/comments/1abcde",
    "https://www.reddit.com:8080/comments/1abcde",
    "file:///etc/passwd",
    "gopher://www.reddit.com/comments/1abcde",
    "javascript:alert(1)",
  ])("of %s is a 400, whatever platform it claims, and nothing is stored or started", async (url) => {
    const before = [temporal.started.length, await one("select count(*) as n from recon.posts")];
    for (const platform of ["reddit", undefined]) {
      const answer = await submit({ url, platform });
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ error: "validation_error", details: { url: expect.any(String) } });
    }
    expect([temporal.started.length, await one("select count(*) as n from recon.posts")]).toEqual(before);
  });

  test.each([
    ["a campaign of nobody", { campaignId: "999999" }, 404],
    ["an id that is none", { campaignId: "1; drop table recon.posts" }, 400],
    ["a negative count", { claimed: { views: -1, clicks: 0, conversions: 0 } }, 400],
    ["half a view", { claimed: { views: 1.5, clicks: 0, conversions: 0 } }, 400],
    ["text for a number", { claimed: { views: "1", clicks: 0, conversions: 0 } }, 400],
    ["a count that is none", { claimed: { views: null } }, 400],
    ["a number beyond what can be counted", { claimed: { views: 1e20, clicks: 0, conversions: 0 } }, 400],
    ["evidence of more than 64 KB", { evidence: { text: "x".repeat(65_536) } }, 400],
    ["evidence with a NUL", { evidence: { text: "\u0000" } }, 400],
    ["a title too long", { title: "x".repeat(301) }, 400],
    ["a platform that is none", { platform: "myspace" }, 400],
  ])("with %s is refused by name", async (_what, fields, status) => {
    const answer = await submit({ url: "https://redd.it/1wrong", ...fields });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({
      error: expect.any(String),
      message: expect.any(String),
      details: expect.any(Object),
    });
  });

  test("of ten megabytes is too large, and SQL in it is text", async () => {
    expect((await submit({ evidence: "x".repeat(10_000_000) })).statusCode).toBe(413);
    const title = "'); drop table recon.affiliate_reports; --";
    const answer = await submit({ url: "https://redd.it/1sqlxx", title, evidence: { [title]: title } });
    expect(answer.statusCode).toBe(202);
    const { reportId } = answer.json<{ reportId: string }>();
    expect(await get(`/submissions/${reportId}/evidence`)).toMatchObject({ evidence: { [title]: title } });
  });

  test("is limited per key, and another key is not held up by it", async () => {
    const server = await testServer({ database: database.pool, temporal: temporal.access, submissionsPerMinute: 2 });
    const send = (key: string) => submit({ url: "https://redd.it/1limit" }, { key, server });
    // Until a key has proved good here, its calls count against its address.
    for (const { key } of [ada, bob]) await server.inject({ url: `${prefix}/affiliates/me`, headers: keyed(key) });
    expect([(await send(ada.key)).statusCode, (await send(ada.key)).statusCode]).toEqual([202, 202]);
    const third = await send(ada.key);
    expect([third.statusCode, third.headers["retry-after"]]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    expect((await send(bob.key)).statusCode).toBe(202);
    await server.close();
  });
});

describe("who may come in", () => {
  test("a key that is missing, made up, rotated or disabled opens nothing", async () => {
    const eve = await makeAffiliate(database.pool, { client: "713", name: "eve" });
    const status = async (headers: Record<string, string>) =>
      (await api.inject({ url: `${prefix}/affiliates/me`, headers })).statusCode;
    expect(await status({})).toBe(401);
    for (const key of ["", "aff_", "x".repeat(5_000), `aff_${"A".repeat(43)}`, "' or 1=1 --"])
      expect(await status(keyed(key))).toBe(401);
    expect(await status(keyed(eve.key))).toBe(200);
    expect((await call("PUT", `/affiliates/${eve.affiliateId}/disable`)).json()).toMatchObject({ isActive: false });
    expect(await status(keyed(eve.key))).toBe(401);
    await call("PUT", `/affiliates/${eve.affiliateId}/enable`);
    expect(await status(keyed(eve.key))).toBe(200);
    const rotated = (await call("POST", `/affiliates/${eve.affiliateId}/rotate-key`)).json<{ key: string }>();
    expect([await status(keyed(eve.key)), await status(keyed(rotated.key))]).toEqual([401, 200]);
    // A token beside a bad key does not make up for it.
    expect(await status({ ...keyed(eve.key), ...(await bearer()) })).toBe(401);
  });

  test("the key is stored as a hash, and shown once", async () => {
    const made = (await call("POST", "/affiliates", { name: "grace", email: "Grace@Example.com" })).json<{
      key: string;
      affiliateId: string;
    }>();
    expect(made).toMatchObject({ key: expect.stringMatching(/^aff_.{43}$/), hasEmail: true, trust: 1 });
    const row = JSON.stringify(await one("select * from recon.affiliates where affiliate_id = $1", [made.affiliateId]));
    expect(row).not.toContain(made.key);
    expect(row.toLowerCase()).not.toContain("grace@example.com");
    expect((await call("GET", `/affiliates/${made.affiliateId}`)).payload).not.toContain(made.key);
    expect((await call("POST", "/affiliates", { name: "grace" })).statusCode).toBe(409);
    expect((await call("POST", "/affiliates", { name: "grace2", email: "grace@example.com" })).statusCode).toBe(409);
    expect(log.join("\n")).not.toContain(made.key);
  });

  test("a Discord account is linked to one affiliate, as a hash that says nothing of its id", async () => {
    const discordUserId = "900719925474099311";
    const made = (await call("POST", "/affiliates", { name: "linked", discordUserId })).json<{ affiliateId: string }>();
    expect(made).toMatchObject({ hasDiscord: true });
    expect((await call("POST", "/affiliates", { name: "second", discordUserId })).statusCode).toBe(409);
    const other = (await call("POST", "/affiliates", { name: "second" })).json<{ affiliateId: string }>();
    const link = (affiliateId: string, account: string | null) =>
      call("PUT", `/affiliates/${affiliateId}/discord`, { discordUserId: account });
    expect((await link(other.affiliateId, discordUserId)).statusCode).toBe(409);
    expect((await link(made.affiliateId, null)).json()).toMatchObject({ hasDiscord: false });
    expect((await link(other.affiliateId, discordUserId)).json()).toMatchObject({ hasDiscord: true });
    const row = JSON.stringify(await one("select * from recon.affiliates where name = 'second'"));
    for (const text of [row, (await call("GET", "/affiliates?limit=500")).payload, log.join("\n")])
      expect(text).not.toContain(discordUserId);
  });

  test("no Discord account is linked without a key to hash it with", async () => {
    const server = await testServer({ database: database.pool, temporal: temporal.access });
    try {
      const payload = { name: "unlinked", discordUserId: "42" };
      const headers = await bearer();
      const answer = await server.inject({ method: "POST", url: `${prefix}/affiliates`, headers, payload });
      expect(answer.statusCode).toBe(400);
      expect(answer.payload).toContain("CREDENTIALS_ENCRYPTION_KEY");
    } finally {
      await server.close();
    }
  });

  test("no algorithm, an expired token and a role that may not are refused", async () => {
    const none = new UnsecuredJWT({ client: "713", role: "admin" }).setExpirationTime("5m").encode();
    for (const authorization of [`Bearer ${none}`, (await bearer({ expiresInSeconds: -60 })).authorization])
      for (const path of ["/campaigns", "/submissions", "/alerts", "/dashboard/affiliates", "/platforms/reddit/status"])
        expect((await api.inject({ url: prefix + path, headers: { authorization } })).statusCode).toBe(401);
    const refused: [Method, string, object | undefined][] = [
      ["POST", "/affiliates", { name: "x" }],
      ["POST", `/affiliates/${ada.affiliateId}/rotate-key`, undefined],
      ["PUT", `/affiliates/${ada.affiliateId}/disable`, undefined],
      ["POST", "/campaigns", { name: "x", advertiserId: "a", platforms: ["reddit"] }],
      ["PUT", `/campaigns/${campaignId}/platforms`, { platforms: ["reddit"] }],
      ["PUT", "/platforms/reddit/config", { mode: "real" }],
      ["POST", "/platforms/reddit/fetch", { postId: "1" }],
      ["POST", "/reconciliation/run", { campaignId }],
      ["PUT", "/alerts/1/resolve", { notes: "x" }],
      ["PUT", "/disputes/1/settle", { outcome: "affiliate", notes: "x" }],
    ];
    for (const [method, path, payload] of refused)
      for (const role of ["analyst", "advertiser"] as const) {
        const answer = await call(method, path, payload, {
          role,
          ...(role === "advertiser" ? { advertiser: "adv-1" } : {}),
        });
        expect([path, role, answer.statusCode]).toEqual([path, role, 403]);
      }
    // Only an affiliate submits and disputes, only staff sees the rest.
    expect((await call("POST", "/affiliates/submissions", claim())).statusCode).toBe(403);
    for (const path of ["/affiliates", "/campaigns", "/alerts", "/dashboard/affiliates", "/reconciliation/runs"])
      expect((await asAffiliate(path)).statusCode).toBe(401);
  });

  test("whatever is another client's is not there", async () => {
    const { reportId } = { reportId: judged.high };
    const { postId } = await get<{ postId: string }>(`/submissions/${reportId}`);
    const { rows } = await database.pool.query<{ id: string }>(
      "insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned) values ('713', 'r-1', 'report', '1', 'ada', 1) returning run_id as id",
    );
    await database.pool.query(
      "insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('713', 'recon', 'k', 's', 'info', 'm')",
    );
    const alertId = Number((await one("select max(alert_id) as id from ops.alerts"))?.["id"]);
    const routes: [Method, string, object?][] = [
      ["GET", `/affiliates/${ada.affiliateId}`],
      ["GET", `/affiliates/${ada.affiliateId}/submissions`],
      ["GET", `/affiliates/${ada.affiliateId}/performance`],
      ["GET", `/affiliates/${ada.affiliateId}/tokens`],
      ["POST", `/affiliates/${ada.affiliateId}/rotate-key`],
      ["PUT", `/affiliates/${ada.affiliateId}/disable`],
      ["PUT", `/affiliates/${ada.affiliateId}/enable`],
      ["PUT", `/affiliates/${ada.affiliateId}/discord`, { discordUserId: "1" }],
      ["PUT", `/affiliates/${ada.affiliateId}/tokens/reddit`, { credentials: { REDDIT_ACCESS_TOKEN: "x" } }],
      ["GET", `/submissions/${reportId}`],
      ["GET", `/campaigns/${campaignId}`],
      ["PUT", `/campaigns/${campaignId}/platforms`, { platforms: ["reddit"] }],
      ["GET", `/dashboard/campaigns/${campaignId}`],
      ["POST", "/platforms/meta/fetch", { postId }],
      ["POST", "/reconciliation/run", { reportId }],
      ["POST", "/reconciliation/run", { campaignId }],
      ["GET", `/reconciliation/runs/${rows[0]?.id ?? ""}`],
      ["PUT", `/alerts/${alertId}/resolve`, { notes: "x" }],
      ["PUT", "/disputes/1/settle", { outcome: "affiliate", notes: "x" }],
    ];
    for (const [method, path, payload] of routes) {
      const answer = await call(method, path, payload, { client: "acme", role: "admin" });
      expect([method, path, answer.statusCode]).toEqual([method, path, 404]);
    }
    for (const path of [
      "/affiliates",
      "/submissions",
      "/posts",
      "/campaigns",
      "/alerts",
      "/reconciliation/runs",
      "/dashboard/affiliates",
      "/dashboard/discrepancies",
    ])
      expect(await get(path, { client: "acme", role: "admin" })).toMatchObject({ items: [], next: null });
    expect(await get(`/reconciliation/runs/r-1`)).toMatchObject({ runId: "r-1", outcome: "running" });
  });

  test("an affiliate sees its own rows, and nothing of another's, not even that they are there", async () => {
    for (const path of ["", "/submissions", "/performance"]) {
      expect((await asAffiliate(`/affiliates/${ada.affiliateId}${path}`)).statusCode).toBe(200);
      for (const id of [bob.affiliateId, "999999"]) {
        const answer = await asAffiliate(`/affiliates/${id}${path}`);
        expect([answer.statusCode, answer.json()]).toEqual([
          404,
          { error: "not_found", message: "there is no such affiliate" },
        ]);
      }
    }
    expect((await asAffiliate(`/submissions/${judged.high}`)).statusCode).toBe(200);
    expect((await asAffiliate(`/submissions/${judged.high}`, bob)).statusCode).toBe(404);
    expect((await asAffiliate(`/submissions/${judged.high}/dispute`, bob, "POST", { reason: "mine" })).statusCode).toBe(
      404,
    );
    expect(
      (
        await asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, bob, "PUT", {
          credentials: { REDDIT_ACCESS_TOKEN: "x" },
        })
      ).statusCode,
    ).toBe(404);
    for (const list of ["/submissions", "/posts", `/submissions?affiliate=${ada.affiliateId}`]) {
      const { items } = (await asAffiliate(list, bob)).json<{ items: { affiliateId: string }[] }>();
      expect(items.filter(({ affiliateId }) => affiliateId !== bob.affiliateId)).toEqual([]);
    }
    // What a campaign cost is not the affiliate's business.
    expect((await asAffiliate(`/submissions/${judged.matched}`)).payload).not.toMatch(/"10\.01|"USD"|of.*test"/);
  });

  test("an advertiser sees its own campaigns, their reports and the affiliates that posted for them", async () => {
    const second = { role: "advertiser", advertiser: "adv-2" } as const;
    expect(await get("/campaigns", second)).toMatchObject({ items: [{ campaignId: otherCampaignId }], next: null });
    expect(
      (await get<{ items: { campaignId: string }[] }>("/submissions", second)).items.map((row) => row.campaignId),
    ).toEqual([otherCampaignId]);
    expect((await get<{ items: object[] }>("/posts", second)).items).toHaveLength(1);
    expect(
      (await get<{ items: { name: string }[] }>("/dashboard/affiliates", second)).items.map(({ name }) => name),
    ).toEqual(["bob"]);
    expect(await get("/dashboard/discrepancies", second)).toMatchObject({
      high: { reports: 1 },
      medium: { reports: 0 },
      openAlerts: [],
    });
    for (const path of [
      `/campaigns/${campaignId}`,
      `/dashboard/campaigns/${campaignId}`,
      `/submissions/${judged.high}`,
      `/affiliates/${ada.affiliateId}/performance`,
    ])
      expect([path, (await call("GET", path, undefined, second)).statusCode]).toEqual([path, 404]);
    for (const path of [
      `/campaigns/${otherCampaignId}`,
      `/dashboard/campaigns/${otherCampaignId}`,
      `/affiliates/${bob.affiliateId}/performance`,
    ])
      expect([path, (await call("GET", path, undefined, second)).statusCode]).toEqual([path, 200]);
  });
});

describe("what an affiliate reads", () => {
  test("each verdict comes with its reason and the numbers compared", async () => {
    const report = (await asAffiliate(`/submissions/${judged.high}`)).json<Record<string, unknown>>();
    expect(report).toMatchObject({
      claimed: { views: 900, clicks: 10, conversions: 1 },
      state: "RECONCILED",
      dispute: null,
      verdict: {
        verdict: "DISCREPANCY",
        level: "HIGH",
        reason: "DISCREPANCY in a test",
        isAccurate: false,
        compared: [
          { metric: "views", claimed: 900, verified: 100, difference: 800, differencePct: 800 },
          { metric: "clicks", claimed: 10, verified: 10, difference: 0, differencePct: 0 },
          { metric: "conversions", claimed: 1, verified: null, difference: null, differencePct: null },
        ],
      },
      attempts: [{ attempt: 1, workflowId: `reconcile/${judged.high}` }],
      steps: [{ step: "accepted" }, { step: "fetched" }, { step: "verdict" }],
    });
    const waiting = (await asAffiliate(`/submissions/${judged.waiting}`)).json<Record<string, unknown>>();
    expect(waiting).toMatchObject({ state: "PENDING", verdict: null, attempts: [] });
  });

  test("performance tells trust, how it was judged, and the days", async () => {
    const path = `/affiliates/${ada.affiliateId}/performance`;
    const { verdicts, ...performance } = (await asAffiliate(path)).json<{
      verdicts: { verdict: string | null; level: string | null; reports: number; href: string }[];
    }>();
    expect(performance).toMatchObject({
      trust: 0.67,
      counted: 3,
      accurate: 2,
      accuracyPct: 66.67,
      trend: [{ judged: 4, counted: 3, accurate: 2, accuracyPct: 66.67 }],
    });
    expect(verdicts.filter(({ verdict }) => verdict !== null)).toEqual([
      {
        verdict: "DISCREPANCY",
        level: "HIGH",
        reports: 1,
        href: `${prefix}/affiliates/${ada.affiliateId}/submissions?verdict=DISCREPANCY&level=HIGH`,
      },
      { verdict: "DISCREPANCY", level: "LOW", reports: 1, href: expect.any(String) },
      { verdict: "MATCHED", level: null, reports: 1, href: expect.any(String) },
      { verdict: "UNVERIFIABLE", level: null, reports: 1, href: expect.any(String) },
    ]);
  });
});

describe("a dispute", () => {
  test("is opened once, alerts a person, and settled in favour counts as accurate", async () => {
    const cyd = await makeAffiliate(database.pool, { client: "713", name: "cyd" });
    const reportId = await judge(database.pool, {
      client: "713",
      affiliateId: cyd.affiliateId,
      campaignId,
      url: "https://redd.it/1dispu",
      claimed: [120, 0, 0],
      verified: [50, null, null],
      verdict: "DISCREPANCY",
      level: "HIGH",
    });
    const dispute = () =>
      asAffiliate(`/submissions/${reportId}/dispute`, cyd, "POST", { reason: "the platform was late" });
    const opened = await dispute();
    expect(opened.statusCode).toBe(201);
    const { disputeId } = opened.json<{ disputeId: string }>();
    expect((await dispute()).statusCode).toBe(409);
    expect((await asAffiliate(`/submissions/${judged.waiting}/dispute`, ada, "POST", { reason: "x" })).statusCode).toBe(
      409,
    );
    expect(await get(`/alerts?kind=disputed&state=open&subject=report/${reportId}`)).toMatchObject({
      items: [{ subject: `report/${reportId}` }],
    });
    expect(await get(`/submissions?disputed=true&affiliate=${cyd.affiliateId}`)).toMatchObject({
      items: [{ reportId, dispute: { disputeId, outcome: null } }],
    });

    expect(await get(`/affiliates/${cyd.affiliateId}`)).toMatchObject({ trust: 0 });
    const settle = (outcome: string) =>
      call("PUT", `/disputes/${disputeId}/settle`, { outcome, notes: "checked by hand" });
    const settled = await settle("affiliate");
    expect([settled.statusCode, settled.json()]).toEqual([
      200,
      expect.objectContaining({ outcome: "affiliate", settledBy: "ada", trust: 1 }),
    ]);
    expect((await settle("platform")).statusCode).toBe(409);
    expect(await get(`/affiliates/${cyd.affiliateId}`)).toMatchObject({ trust: 1 });
    expect(await get(`/alerts?kind=disputed&state=open&subject=report/${reportId}`)).toMatchObject({ items: [] });
    expect((await asAffiliate(`/affiliates/${cyd.affiliateId}/performance`, cyd)).json()).toMatchObject({
      accuracyPct: 100,
      trend: [{ accurate: 1 }],
    });
  });
});

describe("campaigns", () => {
  test("are created once per advertiser and name, and change their platforms", async () => {
    const body = { name: "winter", advertiserId: "adv-3", platforms: ["reddit", "instagram"], startsOn: "2026-01-01" };
    const made = await call("POST", "/campaigns", body);
    expect(made.statusCode).toBe(201);
    const { campaignId: id } = made.json<{ campaignId: string }>();
    expect(made.json()).toMatchObject({
      status: "active",
      platforms: ["instagram", "reddit"],
      startsOn: "2026-01-01",
      endsOn: null,
    });
    expect([
      (await call("POST", "/campaigns", body)).statusCode,
      (await call("POST", "/campaigns", { ...body, platforms: ["meta"] })).statusCode,
    ]).toEqual([200, 409]);
    expect((await call("POST", "/campaigns", { ...body, endsOn: "2025-12-31" })).statusCode).toBe(400);
    expect((await call("POST", "/campaigns", { ...body, platforms: [] })).statusCode).toBe(400);
    const changed = await call("PUT", `/campaigns/${id}/platforms`, { platforms: ["meta", "reddit", "reddit"] });
    expect(changed.json()).toMatchObject({ platforms: ["meta", "reddit"] });
    const refused = await submit({ campaignId: id, url: "https://www.instagram.com/p/DAbCdEfGhIj/" });
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      expect.objectContaining({ details: { platform: expect.any(String) } }),
    ]);
  });
});

describe("platforms", () => {
  test("credentials are sealed, and nobody reads them back", async () => {
    const secret = "canary-client-secret";
    const credentials = { REDDIT_CLIENT_ID: "canary-id", REDDIT_CLIENT_SECRET: secret };
    const put = await call("PUT", "/platforms/reddit/config", { mode: "real", credentials });
    expect([put.statusCode, put.json()]).toEqual([
      200,
      { platform: "reddit", mode: "real", hasCredentials: true, updatedAt: expect.any(String), updatedBy: "ada" },
    ]);
    const row = await one(
      "select encode(sealed, 'escape') as sealed from recon.platform_config where platform = 'reddit'",
    );
    expect(JSON.stringify(row)).not.toContain("canary");
    // A change of mode keeps them.
    expect((await call("PUT", "/platforms/reddit/config", { mode: "sandbox" })).json()).toMatchObject({
      mode: "sandbox",
      hasCredentials: true,
    });
    const status = await call("GET", "/platforms/reddit/status");
    expect(status.json()).toMatchObject({ mode: "sandbox", works: null, quotaLeftPct: null });
    expect(status.payload + log.join("\n")).not.toContain("canary");
    expect(
      (await call("PUT", "/platforms/reddit/config", { mode: "real", credentials: { META_ADS_ACCESS_TOKEN: "x" } }))
        .statusCode,
    ).toBe(400);
    expect((await call("PUT", "/platforms/reddit/config", { mode: null })).json()).toMatchObject({
      mode: null,
      hasCredentials: false,
    });
    expect((await call("PUT", "/platforms/myspace/config", { mode: "real" })).statusCode).toBe(400);
  });

  test("a platform's state is what activities saw last", async () => {
    await database.pool.query(
      `insert into ops.platform_health (_client_id, platform, failing_since, last_error_at, last_error_kind, last_error, quota_left_pct, quota_seen_at)
       values ('713', 'instagram', '2026-03-08T10:00:00Z', '2026-03-08T11:00:00Z', 'unauthorized', 'answered 401', 12.5, '2026-03-08T09:00:00Z')`,
    );
    expect(await get("/platforms/instagram/status")).toMatchObject({
      works: false,
      since: "2026-03-08T10:00:00.000Z",
      lastErrorKind: "unauthorized",
      quotaLeftPct: 12.5,
    });
  });

  describe("an affiliate's own token", () => {
    const put = () =>
      asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, ada, "PUT", {
        credentials: { REDDIT_ACCESS_TOKEN: "canary-token" },
      });
    const remove = () => asAffiliate(`/affiliates/${ada.affiliateId}/tokens/reddit`, ada, "DELETE");
    const offered = () =>
      one("select sealed, encode(offered_sealed, 'escape') as offered, offer_id from recon.affiliate_tokens");
    afterEach(async () => {
      temporal.result = { value: null };
      await database.pool.query("delete from recon.affiliate_tokens");
    });

    test("is sealed, and tried by a workflow that is told its name alone", async () => {
      temporal.result = { value: { works: true } };
      temporal.started.length = 0;
      const answer = await put();
      expect([answer.statusCode, answer.json()]).toEqual([
        200,
        {
          affiliateId: ada.affiliateId,
          platform: "reddit",
          works: true,
          href: `/api/v1/recon/affiliates/${ada.affiliateId}/tokens`,
        },
      ]);
      expect(temporal.started).toMatchObject([{ type: "checkAffiliateToken", input: { platform: "reddit" } }]);
      expect(JSON.stringify([temporal.started, await offered(), log])).not.toContain("canary-token");
      const listed = (await asAffiliate(`/affiliates/${ada.affiliateId}/tokens`, ada)).json() as unknown;
      expect(listed).toMatchObject({
        items: [{ platform: "reddit", works: null, isInUse: false, isBeingTried: true }],
      });
      expect((await asAffiliate(`/affiliates/${ada.affiliateId}/tokens`, bob)).statusCode).toBe(404);
      expect((await remove()).statusCode).toBe(200);
      expect(await offered()).toBeUndefined();
      expect((await remove()).statusCode).toBe(404);
      const { rows: recorded } = await database.pool.query(
        "select actor, subject, action, details from ops.audit where action like 'platform_token_%' order by audit_id",
      );
      const of = { actor: `affiliate/${ada.affiliateId}`, subject: `affiliate/${ada.affiliateId}` };
      expect(recorded).toEqual(
        ["platform_token_set", "platform_token_removed"].map((action) => ({
          ...{ ...of, action, details: { platform: "reddit" } },
        })),
      );
    });

    test("that is refused is answered with the reason", async () => {
      temporal.result = { value: { works: false, reason: "reddit refuses it: 401" } };
      const answer = await put();
      expect([answer.statusCode, answer.json()]).toEqual([
        400,
        expect.objectContaining({ details: { credentials: "reddit refuses it: 401" } }),
      ]);
    });

    test("that nobody can try now is not taken", async () => {
      temporal.result = null;
      expect((await put()).statusCode).toBe(503);
      expect(await offered()).toBeUndefined();
    });
  });

  test("a post is asked for by a workflow", async () => {
    const { postId } = await get<{ postId: string }>(`/submissions/${judged.high}`);
    temporal.result = { value: { kind: "metrics", views: 7 } };
    const answer = await call("POST", "/platforms/meta/fetch", { postId });
    temporal.result = { value: null };
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      expect.objectContaining({ result: { kind: "metrics", views: 7 } }),
    ]);
    expect((await call("POST", "/platforms/reddit/fetch", { postId })).statusCode).toBe(404);
    temporal.result = null;
    expect((await call("POST", "/platforms/meta/fetch", { postId })).statusCode).toBe(503);
    temporal.result = { value: null };
  });
});

describe("a manual run", () => {
  test("is a workflow with its scope, once per key", async () => {
    expect((await call("POST", "/reconciliation/run", {})).statusCode).toBe(400);
    expect((await call("POST", "/reconciliation/run", { campaignId, affiliateId: ada.affiliateId })).statusCode).toBe(
      400,
    );
    const answer = await call("POST", "/reconciliation/run", { campaignId });
    expect(answer.statusCode).toBe(200);
    const { runId } = answer.json<{ runId: string }>();
    expect(temporal.started.at(-1)).toEqual({
      type: "reconcileMany",
      workflowId: `reconcile-many/713/${runId}`,
      input: { client: "713", runId, scope: "campaign", scopeId: campaignId, requestedBy: "ada", latestOnly: true },
    });
    expect((await call("POST", "/reconciliation/run", { campaignId: "999999" })).statusCode).toBe(404);
  });

  test("shows each report with its claim, the platform's word, the verdict and what it did to trust", async () => {
    await database.pool.query(
      "insert into recon.runs (_client_id, run_id, scope, scope_id, requested_by, planned) values ('713', 'r-2', 'affiliate', $1, 'ada', 3)",
      [ada.affiliateId],
    );
    await database.pool.query(
      "insert into recon.run_reports (_client_id, run_id, report_id, attempt) select '713', 'r-2', id, 1 from unnest($1::bigint[]) id",
      [[judged.matched, judged.high, judged.waiting]],
    );
    const found = await get<{ reports: { items: object[]; next: string | null } }>("/reconciliation/runs/r-2?limit=2");
    expect(found).toMatchObject({
      scope: "affiliate",
      outcome: "running",
      reports: {
        items: [
          {
            reportId: judged.matched,
            trustBefore: 1,
            trustAfter: 1,
            result: {
              verdict: "MATCHED",
              platformReport: { views: 100, spend: "10.01", currency: "USD", raw: { of: "test" } },
            },
          },
          {
            reportId: judged.high,
            trustBefore: 1,
            trustAfter: 0.67,
            result: { verdict: "DISCREPANCY", level: "HIGH" },
          },
        ],
      },
    });
    const rest = await get(`/reconciliation/runs/r-2?limit=2&cursor=${found.reports.next ?? ""}`);
    expect(rest).toMatchObject({
      reports: { items: [{ reportId: judged.waiting, result: null, trustBefore: null }], next: null },
    });
  });
});

describe("dashboards", () => {
  /** How many rows an address leads to, page by page; of a post that several claim, the one that counts. */
  const countRows = async (href: string): Promise<number> => {
    let rows = 0;
    for (let next: string | null = href; next !== null;) {
      const page: { items: { isCounted?: boolean }[]; next: string | null } = await get(next);
      rows += page.items.filter(({ isCounted = true }) => isCounted).length;
      next = page.next === null ? null : `${href}${href.includes("?") ? "&" : "?"}cursor=${page.next}`;
    }
    return rows;
  };

  test("a campaign's claims stand beside what was verified, per platform, level and currency, and lead to their rows", async () => {
    const path = `/dashboard/campaigns/${campaignId}`;
    const found = await get<{
      totals: { posts: number; href: string };
      platforms: { platform: string; posts: number; href: string }[];
      verdicts: { verdict: string | null; level: string | null; reports: number; href: string }[];
      spend: { currency: string; spend: string; posts: number; href: string }[];
      sandboxVerdicts: number;
    }>(path);
    expect(found.sandboxVerdicts).toBe(1);
    expect(found.platforms.find(({ platform }) => platform === "meta")).toMatchObject({
      posts: 3,
      views: { claimed: 1_094, comparable: 1_094, verified: 300, differencePct: 264.67 },
      conversions: { claimed: 3, comparable: 2, verified: 2, differencePct: 0 },
    });
    expect(found.spend.map(({ currency, spend }) => [currency, spend])).toEqual([
      ["EUR", "20.00"],
      ["USD", "15.51"],
    ]);
    for (const { posts, href } of [found.totals, ...found.platforms, ...found.spend])
      expect([href, await countRows(href)]).toEqual([href, posts]);
    expect(found.verdicts.length).toBeGreaterThan(4);
    for (const { reports, href } of found.verdicts) expect([href, await countRows(href)]).toEqual([href, reports]);
  });

  test("a verdict says whether it goes by a mock platform's numbers", async () => {
    const originOf = async (reportId: string) =>
      (await get<{ verdict: { origin: string } | null }>(`/submissions/${reportId}`)).verdict?.origin;
    expect(await Promise.all([judged.low, judged.high, judged.waiting].map(originOf))).toEqual([
      "sandbox",
      "real",
      undefined,
    ]);
  });

  test("affiliates come least trusted first, page by page, and their numbers lead to their rows", async () => {
    const all = await get<{
      items: { name: string; trust: number; reports: Record<string, number>; links: Record<string, string> }[];
    }>("/dashboard/affiliates");
    expect(all.items.map(({ trust }) => trust)).toEqual(all.items.map(({ trust }) => trust).sort());
    const paged: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { items: object[]; next: string | null } = await get(
        `/dashboard/affiliates?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      paged.push(...page.items);
      cursor = page.next;
    }
    expect(paged).toEqual(all.items);
    const found = all.items.find(({ name }) => name === "ada");
    expect(found).toMatchObject({
      trust: 0.67,
      reports: { matched: 1, low: 1, medium: 0, high: 1, unverifiable: 1, gone: 0, sandbox: 1 },
    });
    expect(await countRows(found?.links["high"] ?? "")).toBe(1);
    expect(await countRows(found?.links["submissions"] ?? "")).toBe(found?.reports["all"]);
  });

  test("what needs a person is counted, listed and followed", async () => {
    type Part = { reports: number; href: string };
    const found = await get<{
      high: Part;
      medium: Part;
      openDisputes: Part;
      waiting: Part;
      items: { reportId: string }[];
      openAlerts: { alerts: number; href: string }[];
    }>("/dashboard/discrepancies");
    for (const { reports, href } of [found.high, found.medium, found.openDisputes, found.waiting])
      expect([href, await countRows(href)]).toEqual([href, reports]);
    for (const { alerts, href } of found.openAlerts) expect([href, await countRows(href)]).toEqual([href, alerts]);
    expect(found.items.map(({ reportId }) => reportId)).toContain(judged.high);
    expect(found.items).toHaveLength(found.high.reports);
    expect(await get(`/dashboard/discrepancies?level=MEDIUM`)).toMatchObject({ items: [] });
  });
});

test("an alert of reconciliation is resolved with notes and a name; one of another area is not there", async () => {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into ops.alerts (_client_id, area, kind, subject, severity, message) values ('713', 'recon', 'high_discrepancy', 'report/x', 'critical', 'm'), ('713', 'sync', 'late', 'x', 'info', 'm') returning alert_id as id`,
  );
  const [ours, theirs] = rows.map(({ id }) => id);
  expect(await get("/alerts?state=open&severity=critical&kind=high_discrepancy&subject=report/x")).toMatchObject({
    items: [{ alertId: ours }],
  });
  const resolve = (id: number | undefined, notes = "seen") => call("PUT", `/alerts/${id}/resolve`, { notes });
  expect((await resolve(ours)).json()).toMatchObject({ resolvedBy: "ada", notes: "seen" });
  expect([
    (await resolve(ours)).statusCode,
    (await resolve(ours, "other")).statusCode,
    (await resolve(theirs)).statusCode,
  ]).toEqual([200, 409, 404]);
});

test("every route is documented, with what it takes to call it", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, { security?: object[]; responses: object }>>;
  }>();
  const ours = Object.entries(paths).filter(([path]) => path.startsWith(prefix) || path === "/hooks/discord");
  expect(ours.length).toBeGreaterThanOrEqual(27);
  for (const [path, methods] of ours)
    for (const { security, responses } of Object.values(methods)) {
      expect(Object.keys(responses).length).toBeGreaterThan(1);
      if (path !== "/hooks/discord") expect(security?.length).toBeGreaterThan(0);
    }
  expect(paths[`${prefix}/affiliates/submissions`]?.["post"]?.security).toEqual([{ affiliateKey: [] }]);
});

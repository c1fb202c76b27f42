import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { readPostUrl } from "../../connectors/platforms/addresses.ts";
import { keyRing } from "../../core/crypto.ts";
import { accept } from "../../queries/recon/accept.ts";
import { fakeTemporal, judge, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)> =HYPERLINK("http://x") \u202etxt`;
let database: TestDatabase;
let api: Api;
let ada: MadeAffiliate;
let bob: MadeAffiliate;
let spring: string;
let autumn: string;
let high: string;
let ofBob: string;
beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  ({ api } = await pageServer({
    database: pool,
    temporal: fakeTemporal().access,
    credentialsKey: keyRing(randomBytes(32)),
  }));
  ada = await makeAffiliate(pool, { client: "713", name: "ada" });
  bob = await makeAffiliate(pool, { client: "713", name: hostile });
  spring = await makeCampaign(pool, { client: "713", name: "spring" });
  autumn = await makeCampaign(pool, { client: "713", name: "autumn", advertiserId: "adv-2" });
  const of = { client: "713", platform: "meta", verified: [100, 10, 1] as [number, number, number] };
  high = await judge(pool, {
    ...of,
    affiliateId: ada.affiliateId,
    campaignId: spring,
    url: "https://www.facebook.com/1000000000001",
    claimed: [9_431, 10, 1],
    verdict: "DISCREPANCY",
    level: "HIGH",
  });
  ofBob = await judge(pool, {
    ...of,
    affiliateId: bob.affiliateId,
    campaignId: autumn,
    url: "https://www.facebook.com/1000000000009",
    claimed: [104, 10, 1],
    verdict: "DISCREPANCY",
    level: "LOW",
  });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const staff = () => loggedIn(database.pool);
const asAffiliate = ({ affiliateId }: MadeAffiliate) =>
  loggedIn(database.pool, { role: null, affiliateId, subject: `affiliate/${affiliateId}` });
const open = async (url: string, headers: Promise<Record<string, string>>) =>
  api.inject({ url, headers: await headers });
const send = async (url: string, fields: Record<string, string>, headers: Promise<Record<string, string>>) => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, headers: { ...(await headers), ...type }, payload });
};

test("the first page shows what is far too high, with the figures of the claim", async () => {
  const { body } = await open("/reconciliation", staff());
  expect(body).toContain(`<a href="/reconciliation/reports/${high}">${high}</a>`);
  expect(body).toContain('data-field="claimed.views" data-value="9431">9,431</td>');
  expect(body).toContain("far too high");
});

test("an advertiser sees their campaign, and a 404 for another's", async () => {
  const advertiser = () => loggedIn(database.pool, { role: "advertiser", advertiser: "adv-2", subject: "eve" });
  const { body } = await open("/reconciliation", advertiser());
  expect(body).toContain("autumn");
  expect(body).not.toContain("spring");
  expect((await open(`/reconciliation/campaigns/${autumn}`, advertiser())).statusCode).toBe(200);
  for (const url of [
    `/reconciliation/campaigns/${spring}`,
    `/reconciliation/reports/${high}`,
    `/reconciliation/affiliates/${ada.affiliateId}`,
  ])
    expect([url, (await open(url, advertiser())).statusCode]).toEqual([url, 404]);
  const { body: file } = await open("/reconciliation/queue.csv", advertiser());
  expect(file).toContain(ofBob);
  expect(file).not.toContain(`\n${high},`);
  expect(file.split("\r\n")[0]).toMatch(/,origin$/);
});

test("an affiliate sees their own claims, their reasons, and a 404 for another's", async () => {
  const { body } = await open("/claims", asAffiliate(ada));
  expect(body).toContain(`/claims/${high}`);
  expect(body).not.toContain(`/claims/${ofBob}`);
  expect((await open(`/claims/${high}`, asAffiliate(ada))).statusCode).toBe(200);
  expect((await open(`/claims/${ofBob}`, asAffiliate(ada))).statusCode).toBe(404);
  expect((await open(`/reconciliation/reports/${high}`, asAffiliate(ada))).statusCode).toBe(404);
});

describe("a dispute", () => {
  test("is opened once by the affiliate and settled by an operator, with notes", async () => {
    const disputed = await send(`/claims/${high}/dispute`, { reason: "the platform counts late" }, asAffiliate(ada));
    expect([disputed.statusCode, disputed.headers.location]).toEqual([303, `/claims/${high}`]);
    const again = await send(`/claims/${high}/dispute`, { reason: "once more" }, asAffiliate(ada));
    expect([again.statusCode, again.body.includes("was disputed before")]).toEqual([409, true]);
    const { body } = await open(`/reconciliation/reports/${high}`, staff());
    expect(body).toContain("the platform counts late");
    const dispute = /name="dispute" value="(\d+)"/.exec(body)?.[1] ?? "";
    const fields = { dispute, outcome: "affiliate", notes: "checked by phone" };
    expect(
      (await send(`/reconciliation/reports/${high}/settle`, fields, loggedIn(database.pool, { role: "analyst" })))
        .statusCode,
    ).toBe(404);
    expect((await send(`/reconciliation/reports/${high}/settle`, fields, staff())).statusCode).toBe(303);
    expect((await open(`/claims/${high}`, asAffiliate(ada))).body).toContain("settled for the affiliate");
    const { rows } = await database.pool.query("select actor from ops.audit where action = 'dispute_settled'");
    expect(rows).toEqual([{ actor: "ada" }]);
  });
});

test("a claim that an affiliate submits on the page is the claim the API takes", async () => {
  const fields = { campaignId: spring, url: "https://redd.it/1zzzzz", views: "12", clicks: "3", conversions: "0" };
  const sent = await send("/claims/new", fields, asAffiliate(ada));
  expect(sent.statusCode).toBe(303);
  const { body } = await open(String(sent.headers.location), asAffiliate(ada));
  expect(body).toContain("waiting");
  expect(body).toContain('data-live="2"');
  const refused = await send("/claims/new", { ...fields, views: "12.5" }, asAffiliate(ada));
  expect([refused.statusCode, refused.body.includes("must be a whole number")]).toEqual([400, true]);
});

test("above the claims stand the counts of all that the filters leave, for each only of what is theirs", async () => {
  const counts = async (url: string, as: Promise<Record<string, string>>) => {
    const { body } = await open(url, as);
    return new Map(
      [...body.matchAll(/data-fact="(\w+)" data-value="(\d+)"/g)].map(([, name = "", value = ""]) => [
        name,
        Number(value),
      ]),
    );
  };
  const { rows } = await database.pool.query<{ of: string | null; level: string | null }>(
    "select advertiser_id as of, level from recon.claims where _client_id = '713'",
  );
  const all = await counts("/reconciliation/queue", staff());
  expect([all.get("claims"), all.get("farTooHigh")]).toEqual([
    rows.length,
    rows.filter(({ level }) => level === "HIGH").length,
  ]);
  const high = await counts("/reconciliation/queue?level=HIGH", staff());
  expect([high.get("claims"), high.get("matched")]).toEqual([all.get("farTooHigh"), 0]);
  const own = await counts(
    "/reconciliation/queue",
    loggedIn(database.pool, { role: "advertiser", advertiser: "adv-2", subject: "eve" }),
  );
  expect(own.get("claims")).toBe(rows.filter(({ of }) => of === "adv-2").length);
  expect(own.get("claims")).toBeLessThan(rows.length);
});

test("a new key is shown once, and the one before it ends", async () => {
  const carol = await makeAffiliate(database.pool, { client: "713", name: "carol" });
  const { body } = await send(`/reconciliation/affiliates/${carol.affiliateId}/key`, {}, staff());
  const key = /aff_[\w-]{43}/.exec(body)?.[0] ?? "";
  const me = (given: string) => api.inject({ url: "/api/v1/recon/affiliates/me", headers: { "x-api-key": given } });
  expect([(await me(key)).statusCode, (await me(carol.key)).statusCode]).toEqual([200, 401]);
  expect((await open(`/reconciliation/affiliates/${carol.affiliateId}`, staff())).body).not.toContain(key);
});

test("hostile names are shown as text and exported without a formula", async () => {
  for (const url of [
    "/reconciliation",
    "/reconciliation/affiliates",
    `/reconciliation/affiliates/${bob.affiliateId}`,
    `/reconciliation/reports/${ofBob}`,
  ]) {
    const { body, statusCode } = await open(url, staff());
    expect([url, statusCode, body.includes("<script>alert"), body.includes("<img src=x")]).toEqual([
      url,
      200,
      false,
      false,
    ]);
    expect(body).toContain("&lt;script>alert(1)&lt;/script>");
  }
  await database.pool.query("update recon.affiliates set name = '=cmd|calc' where affiliate_id = $1", [
    bob.affiliateId,
  ]);
  expect((await open("/reconciliation/queue.csv", staff())).body).toContain("'=cmd|calc");
});

test("an affiliate's export holds all of their claims", async () => {
  const dora = await makeAffiliate(database.pool, { client: "713", name: "dora" });
  const claims = 501;
  for (let post = 0; post < claims; post += 1)
    await accept(database.pool, {
      ...{ client: "713", affiliateId: dora.affiliateId, campaignId: spring, platform: "meta" },
      ...{ post: readPostUrl("meta", `https://www.facebook.com/20000000${String(post).padStart(5, "0")}`) },
      ...{ claimed: { views: 1, clicks: 0, conversions: 0 }, evidence: null, method: "API", idempotencyKey: null },
    });
  const { body } = await open("/claims.csv", asAffiliate(dora));
  expect(body.trimEnd().split("\r\n")).toHaveLength(claims + 1);
}, 120_000);

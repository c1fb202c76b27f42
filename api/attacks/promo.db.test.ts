import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { makeAffiliate } from "../../test/api-recon.ts";
import { bearer } from "../../test/api-server.ts";
import { canary, listening, type Answer, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const promo = "/api/v1/promo";
const spool = mkdtempSync(path.join(tmpdir(), "promo-attacks-"));
const identityKey = keyRing(randomBytes(32));
const clicksPerMinute = 200;
let database: TestDatabase;
let target: Target;
let affiliateKey: string;
const tokens: Record<"operator" | "analyst" | "advertiser" | "acme" | "nobodys", Record<string, string>> = {
  ...{ operator: {}, analyst: {}, advertiser: {}, acme: {}, nobodys: {} },
};

/** Ours: offer 4 with texts 42 and 43, and 6, which is over. Acme's: offer 5 with text 50. */
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(
    `insert into promo.promo_offers (_client_id, id, name, slug, destination_url, click_id_parameter, archived)
     values ('713', 4, 'ours', 'ours', 'https://shop.example/?sub1=x', 'sub1', false), ('713', 6, 'over', 'over', 'https://over.example/', null, true),
            ('acme', 5, $1, 'theirs', 'https://theirs.example/', null, false)`,
    [canary],
  );
  await database.pool.query(
    `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved)
     values ('713', 42, 4, 'one', true), ('713', 43, 4, 'two', true), ('acme', 50, 5, $1, true)`,
    [canary],
  );
  affiliateKey = (await makeAffiliate(database.pool, { client: "713", name: "ada" })).key;
  tokens.operator = await bearer();
  tokens.analyst = await bearer({ role: "analyst" });
  tokens.advertiser = await bearer({ role: "advertiser", advertiser: "1" });
  tokens.acme = await bearer({ client: "acme" });
  tokens.nobodys = await bearer({ client: "no-such-client" });
  target = await listening({
    database: database.pool,
    identityKey,
    env: {
      PROMO_SPOOL_DIR: spool,
      PROMO_CLICKS_PER_MINUTE: String(clicksPerMinute),
      PROMO_IMPRESSIONS_PER_MINUTE: "1000",
    },
  });
}, 60_000);
afterAll(async () => {
  await target?.close();
  await database?.drop();
  rmSync(spool, { recursive: true });
});

const bad = "validation_error";
const json = { "content-type": "application/json" };
const post =
  (where: string, body: unknown, headers: () => Record<string, string> = () => ({})): (() => Attack) =>
  () => ({
    method: "POST",
    path: promo + where,
    headers: { ...json, ...headers() },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const shown = (of: object) => post("/track-impression", { offer_id: 4, variation_id: 42, ...of });
const clicked = (of: object) => post("/track-click", { variation_id: 42, ...of });
const get =
  (where: string, headers: () => Record<string, string> = () => ({})): (() => Attack) =>
  () => ({ path: where, headers: headers() });
const analytics = (query: string, who: keyof typeof tokens = "analyst") =>
  get(`${promo}/analytics${query}`, () => tokens[who]);
const patch =
  (where: string, body: object, who: keyof typeof tokens = "operator") =>
  () => ({
    method: "PATCH",
    path: promo + where,
    headers: { ...json, ...tokens[who] },
    body: JSON.stringify(body),
  });
const offer = (of: object) =>
  post("/offers", { name: "n", slug: "fresh", destination_url: "https://f.example/", ...of }, () => tokens.operator);
const unsigned = () => {
  const part = (of: object) => Buffer.from(JSON.stringify(of)).toString("base64url");
  return {
    authorization: `Bearer ${part({ alg: "none", typ: "JWT" })}.${part({ client: "713", role: "admin", sub: "a" })}.`,
  };
};

const tracking: Try[] = [
  ["a good impression", shown({ event_id: "i-1", newsletter_send_id: "daily" }), 204, null],
  ["its event id again", shown({ event_id: "i-1", newsletter_send_id: "daily" }), 204, null],
  [
    "its event id with more recipients",
    shown({ event_id: "i-1", newsletter_send_id: "daily", recipients: 9 }),
    409,
    "conflict",
  ],
  ["its event id for another send", shown({ event_id: "i-1", newsletter_send_id: "other" }), 409, "conflict"],
  ["its send under another event id, in other blanks", shown({ newsletter_send_id: "\tdaily " }), 204, null],
  [
    "its event id for a text of another client",
    post("/track-impression", { offer_id: 5, variation_id: 42, event_id: "i-1" }),
    400,
    bad,
  ],
  ["our offer with a text of another client", shown({ variation_id: 50 }), 400, bad],
  ["another client's offer with our text", shown({ offer_id: 5 }), 400, bad],
  ["a send id of 60,000 characters", shown({ newsletter_send_id: "x".repeat(60_000) }), 400, bad],
  ["a send id of 101 characters", shown({ newsletter_send_id: "x".repeat(101) }), 400, bad],
  ["a send id of blanks", shown({ newsletter_send_id: " \u00a0\u2003" }), 400, bad],
  ["a send id with a line break in it", shown({ newsletter_send_id: "a\r\nb" }), 400, bad],
  ["a send id with NUL", shown({ newsletter_send_id: "a\u0000b" }), 400, bad],
  [
    "a send id with half a character",
    post("/track-impression", '{"offer_id":4,"variation_id":42,"newsletter_send_id":"\\ud800"}'),
    400,
    bad,
  ],
  ["an event id that would be a header", shown({ event_id: "a\r\nx-evil: 1" }), 400, bad],
  ["an event id of 101 characters", shown({ event_id: "x".repeat(101) }), 400, bad],
  ["a million million recipients", shown({ recipients: 1e12 }), 400, bad],
  ["recipients below zero, to take counts away", shown({ recipients: -5 }), 400, bad],
  ["half a recipient", shown({ recipients: 0.5 }), 400, bad],
  ["an offer as text", shown({ offer_id: "4" }), 400, bad],
  ["an offer beyond 32 bits", shown({ offer_id: 2 ** 32 + 4 }), 400, bad],
  ["a list of texts", shown({ variation_id: [42, 43] }), 400, bad],
  ["another client named beside", shown({ client: "acme" }), 400, bad],
  ["__proto__", post("/track-impression", '{"offer_id":4,"variation_id":42,"__proto__":{"recipients":9}}'), 400, bad],
  ["a key twice", post("/track-impression", '{"offer_id":4,"offer_id":5,"variation_id":42}'), 400, bad],
  ["JSON nested 20,000 deep", post("/track-impression", `${"[".repeat(20_000)}${"]".repeat(20_000)}`), 400, bad],
  ["a body over the limit", clicked({ referrer: "x".repeat(70_000) }), 413, "payload_too_large"],
  ["read instead of written", get(`${promo}/track-click?variation_id=42`), 404, "not_found"],
  [
    "a good click",
    clicked({ event_id: "c-1", ip_address: "203.0.113.7", user_agent: "Mozilla/5.0 (iPhone)" }),
    204,
    null,
  ],
  [
    "its event id again, from another port",
    clicked({ event_id: "c-1", ip_address: "203.0.113.7:99", user_agent: "Mozilla/5.0 (iPhone)" }),
    204,
    null,
  ],
  [
    "its event id from another address",
    clicked({ event_id: "c-1", ip_address: "203.0.113.8", user_agent: "Mozilla/5.0 (iPhone)" }),
    409,
    "conflict",
  ],
  [
    "its event id on another text",
    clicked({ event_id: "c-1", variation_id: 43, ip_address: "203.0.113.7", user_agent: "Mozilla/5.0 (iPhone)" }),
    409,
    "conflict",
  ],
  ["a click on a text that there is not", clicked({ variation_id: 2_147_483_647 }), 400, bad],
];

const others: Try[] = [
  ["analytics without a token", get(`${promo}/analytics`), 401, "unauthorized"],
  [
    "analytics with an affiliate's key",
    get(`${promo}/analytics`, () => ({ "x-api-key": affiliateKey })),
    401,
    "unauthorized",
  ],
  [
    "analytics with an affiliate's key as a token",
    get(`${promo}/analytics`, () => ({ authorization: `Bearer ${affiliateKey}` })),
    401,
    "unauthorized",
  ],
  ["analytics with an advertiser's token", analytics("", "advertiser"), 403, "forbidden"],
  ["analytics with a token without a signature", get(`${promo}/analytics`, unsigned), 401, "unauthorized"],
  ["analytics with a token of a client that there is not", analytics("", "nobodys"), 401, "unauthorized"],
  ["analytics of another client's offer", analytics("?offer_id=5&include_variations=true"), 404, "not_found"],
  ["analytics of another client's text", analytics("?variation_id=50"), 404, "not_found"],
  ["analytics of our offer with another client's text", analytics("?offer_id=4&variation_id=50"), 404, "not_found"],
  ["analytics with another client named beside", analytics("?client=acme"), 400, bad],
  ["analytics of 36,500 days", analytics("?days=36500"), 400, bad],
  ["analytics with SQL for an offer", analytics("?offer_id=4%20or%201=1"), 400, bad],
  ["analytics with a filter twice", analytics("?offer_id=4&offer_id=5"), 400, bad],
  ["another client's offer", get(`${promo}/offers/5`, () => tokens.operator), 404, "not_found"],
  [
    "a change of another client's offer",
    patch("/offers/5", { destination_url: "https://evil.example/" }),
    404,
    "not_found",
  ],
  [
    "a text for another client's offer",
    post("/offers/5/variations", { text_content: "x" }, () => tokens.operator),
    404,
    "not_found",
  ],
  ["a change of another client's text", patch("/variations/50", { approved: false }), 404, "not_found"],
  ["a change by an analyst", patch("/offers/4", { weight: 0 }, "analyst"), 403, "forbidden"],
  [
    "a new offer by whoever comes",
    post("/offers", { name: "n", slug: "s", destination_url: "https://e.example/" }),
    401,
    "unauthorized",
  ],
  ["a slug that another client has", offer({ slug: "theirs" }), 409, "conflict"],
  ["a slug that would be a header", offer({ slug: "x\r\nlocation: https://evil.example/" }), 400, bad],
  ["a slug that leads up", offer({ slug: "../../docs" }), 400, bad],
  ["a destination that is a script", offer({ destination_url: "javascript:alert(1)" }), 400, bad],
  [
    "a destination with a user before its host",
    offer({ destination_url: "https://shop.example@evil.example/" }),
    400,
    bad,
  ],
  ["a click id under the name that texts are known by", offer({ click_id_parameter: "promo_var" }), 400, bad],
  ["a click id's name that would be a header", offer({ click_id_parameter: "a\r\nb" }), 400, bad],
  [
    "a weight beyond counting",
    post(
      "/offers",
      '{"name":"n","slug":"w","destination_url":"https://e.example/","weight":1e999}',
      () => tokens.operator,
    ),
    400,
    bad,
  ],
  ["a selection for a client that there is not", get(`${promo}/select-random?client=no-such-client`), 404, "not_found"],
  // A seed is any text, and is given back as it came.
  ["a selection with SQL for a seed", get(`${promo}/select-random?seed=%27%3B%20drop%20table%20x`), 200, null],
];

const redirects: Try[] = [
  ["an offer that is over", get("/r/over?promo_var=42"), 404, "not_found"],
  ["a slug in other letters", get("/r/OURS"), 404, "not_found"],
  ["an address for a slug", get("/r/https://evil.example/"), 404, "not_found"],
  ["an encoded address for a slug", get("/r/https%3A%2F%2Fevil.example"), 404, "not_found"],
  ["two slashes", get("/r//evil.example"), 404, "not_found"],
  ["two encoded slashes", get("/r/%2F%2Fevil.example"), 404, "not_found"],
  ["a slug that would be a header", get("/r/ours%0d%0alocation:%20https://evil.example/"), 404, "not_found"],
  ["a slug with NUL", get("/r/ours%00"), 404, "not_found"],
  ["a slug of 5,000 characters", get(`/r/${"x".repeat(5_000)}`), 400, bad],
  ["a slug that cannot be decoded", get("/r/%E0%A4%A"), 400, bad],
  ["written instead of read", () => ({ method: "POST", path: "/r/ours", headers: json, body: "{}" }), 404, "not_found"],
];

test.each(tracking)("%s", (_what, attack, status, error) => target.attempt(attack(), status, error));
test.each(others)("%s", (_what, attack, status, error) => target.attempt(attack(), status, error));
test.each(redirects)("a redirect to %s", (_what, attack, status, error) => target.attempt(attack(), status, error));

const ours = /^https:\/\/shop\.example\/\?sub1=[0-9a-f]{32}$/;
test.each([
  [
    "another address under usual names",
    "?url=https://evil.example/&destination_url=https://evil.example/&next=//evil.example",
  ],
  ["another address for the text", "?promo_var=https://evil.example/"],
  ["a header in the text's name", "?promo_var=42%0d%0alocation:%20https://evil.example/"],
  ["a click id of one's own choosing", "?promo_var=-1&sub1=chosen"],
  ["the text of another client", "?promo_var=50"],
  ["two texts", "?promo_var=42&promo_var=43"],
  ["a text in hexadecimal", "?promo_var=0x2a"],
  ["a text beyond 32 bits", "?promo_var=4294967338"],
  ["__proto__", "?__proto__[promo_var]=42"],
])("a redirect that is asked for with %s leads where the offer says, and counts nothing", async (_what, query) => {
  const { status, headers, body } = await target.send({
    path: `/r/ours${query}`,
    headers: { "x-forwarded-host": "evil.example" },
  });
  expect([status, headers.location, body]).toEqual([307, expect.stringMatching(ours), ""]);
});

test("the link of a selection does not follow a header that anybody can send", async () => {
  const { status, body } = await target.send({
    path: `${promo}/select-random`,
    headers: { "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher" },
  });
  const { link } = JSON.parse(body) as { link: string };
  expect([status, link]).toEqual([200, expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/r\/ours\?promo_var=4[23]$/)]);
});

test("what was refused, replayed or led astray is counted nowhere, and no address of a caller is in the log", async () => {
  const { rows } = await database.pool.query(
    "select id, impressions, raw_clicks as clicks from promo.promo_text_variations order by id",
  );
  expect(rows).toEqual([
    { id: 42, impressions: 1, clicks: 1 },
    { id: 43, impressions: 0, clicks: 0 },
    { id: 50, impressions: 0, clicks: 0 },
  ]);
  const { rows: offers } = await database.pool.query(
    "select slug, destination_url as to, weight from promo.promo_offers order by id",
  );
  expect(offers).toEqual([
    { slug: "ours", to: "https://shop.example/?sub1=x", weight: "1.0000" },
    { slug: "theirs", to: "https://theirs.example/", weight: "1.0000" },
    { slug: "over", to: "https://over.example/", weight: "1.0000" },
  ]);
  for (const secret of ["203.0.113.", affiliateKey]) expect(target.log.join("")).not.toContain(secret);
});

test("limits hold for who calls, whatever address a caller claims to come from", async () => {
  const claimed = (index: number) => ({
    "x-forwarded-for": `198.51.100.${index % 250}`,
    "x-real-ip": `198.51.100.${index % 250}`,
    forwarded: `for=198.51.100.${index % 250}`,
    "cf-connecting-ip": `198.51.100.${index % 250}`,
  });
  const answers: Answer[] = [];
  for (let index = 0; index <= clicksPerMinute; index += 1)
    answers.push(await target.send({ ...clicked({})(), headers: { ...json, ...claimed(index) } }));
  const refused = answers.filter(({ status }) => status === 429);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 429]));
  expect(refused.length).toBeGreaterThan(0);
  expect(JSON.parse(refused[0]?.body ?? "{}")).toMatchObject({ error: "rate_limited" });
  // Redirects go on, and beyond the limit none is counted.
  for (let index = 0; index < clicksPerMinute + 20; index += 1) {
    const { status, headers } = await target.send({ path: "/r/ours?promo_var=43", headers: claimed(index) });
    expect([status, headers.location]).toEqual([307, expect.stringMatching(ours)]);
  }
  await target.api.close();
  const { rows } = await database.pool.query("select raw_clicks from promo.promo_text_variations where id = 43");
  expect(rows).toEqual([{ raw_clicks: clicksPerMinute }]);
});

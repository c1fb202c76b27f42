import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { fakeTemporal, makeAffiliate, makeCampaign } from "../../test/api-recon.ts";
import { listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";

const secrets = { "713": "a-webhook-secret-of-713-long", acme: "a-webhook-secret-of-acme-long" };
const anytrack = {
  halfLifeDays: 7,
  webhookPerMinute: 60_000,
  webhookSecrets: new Map(Object.entries(secrets)),
  collect: new Map(),
};
const [ours, acmes, nobodys] = [1, 2, 3].map(() => generateKeyPairSync("ed25519")) as [Pair, Pair, Pair];
interface Pair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}
const applications = new Map([
  ["713", { applicationId: "1001", publicKey: ours.publicKey, botToken: null }],
  ["acme", { applicationId: "2002", publicKey: acmes.publicKey, botToken: null }],
]);
const credentialsKey = keyRing(randomBytes(32));
const userId = "9007199254740993";
const temporal = fakeTemporal();
let database: TestDatabase;
let target: Target;
let campaignId: string;

beforeAll(async () => {
  database = await testDatabase();
  const discord = { baseUrl: "http://127.0.0.1:1", applications };
  target = await listening({ database: database.pool, temporal: temporal.access, anytrack, discord, credentialsKey });
  const discordUserHash = hashDiscordUser(credentialsKey.current, { client: "713", userId });
  await makeAffiliate(database.pool, { client: "713", name: "ada", discordUserHash });
  campaignId = await makeCampaign(database.pool, { client: "713", name: "spring" });
}, 60_000);
afterAll(async () => {
  await target?.close();
  await database?.drop();
});

const event = (order: string, fields: object = {}) => ({
  assetId: "asset_1",
  eventName: "Purchase",
  clickId: `c-${order}`,
  eventTime: new Date(Date.now() - 60_000).toISOString(),
  eventValue: 60,
  currency: "EUR",
  transactionId: order,
  ...fields,
});
const json = { "content-type": "application/json" };
const hook =
  (body: unknown, secret: string = secrets["713"], more: Attack = {}): (() => Attack) =>
  () => ({
    method: "POST",
    path: `/hooks/anytrack/${secret}`,
    headers: json,
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
  });

const seconds = (after = 0) => String(Math.floor(Date.now() / 1_000) + after);
const ping = { id: "1", application_id: "1001", type: 1 };
const command = (id: string, fields: object = {}) => ({
  id,
  application_id: "1001",
  type: 2,
  token: "interaction-token",
  member: { user: { id: userId } },
  data: {
    name: "submit",
    options: [
      { name: "campaign", value: campaignId },
      { name: "url", value: "https://www.reddit.com/comments/1disco" },
      { name: "views", value: 10 },
    ],
  },
  ...fields,
});

interface Signing {
  key?: KeyObject;
  timestamp?: string;
  signed?: string;
  signature?: string;
}
const discord =
  (body: () => object | string, { key = ours.privateKey, timestamp = seconds(), signed, signature }: Signing = {}) =>
  () => {
    const given = body();
    const text = typeof given === "string" ? given : JSON.stringify(given);
    const made = sign(null, Buffer.from(timestamp + (signed ?? text)), key).toString("hex");
    return {
      method: "POST",
      path: "/hooks/discord",
      headers: { ...json, "x-signature-ed25519": signature ?? made, "x-signature-timestamp": timestamp },
      body: text,
    };
  };
const bad = "validation_error";
const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

const tries: Try[] = [
  ["AnyTrack: a good event", hook(event("good")), 200, null],
  ["AnyTrack: a wrong secret", hook(event("a"), "a-webhook-secret-of-nobody-long"), 404, "not_found"],
  ["AnyTrack: a secret in other letters", hook(event("a"), secrets["713"].toUpperCase()), 404, "not_found"],
  ["AnyTrack: the beginning of the secret", hook(event("a"), secrets["713"].slice(0, -1)), 404, "not_found"],
  ["AnyTrack: the secret and more", hook(event("a"), `${secrets["713"]}%00`), 404, "not_found"],
  ["AnyTrack: no secret", hook(event("a"), ""), 404, "not_found"],
  ["AnyTrack: a client's name instead of its secret", hook(event("a"), "713"), 404, "not_found"],
  ["AnyTrack: the secret in the query", hook(event("a"), `x?secret=${secrets["713"]}`), 404, "not_found"],
  ["AnyTrack: a secret that cannot be decoded", hook(event("a"), "%E0%A4%A"), 400, bad],
  ["AnyTrack: read instead of written", hook("", secrets["713"], { method: "GET", body: "" }), 404, "not_found"],
  ["AnyTrack: a body over the limit, with a wrong secret", hook("x".repeat(1_200_000), "wrong"), 404, "not_found"],
  [
    "AnyTrack: a body over the limit",
    hook(JSON.stringify(event("big", { filler: "x".repeat(1_200_000) }))),
    413,
    "payload_too_large",
  ],
  ["AnyTrack: JSON nested 20,000 deep", hook(`{"transactionId":${deep(20_000)}}`), 400, bad],
  ["AnyTrack: a key twice", hook('{"transactionId":"a","transactionId":"b"}'), 400, bad],
  ["AnyTrack: __proto__", hook('{"__proto__":{"client":"acme"},"transactionId":"a"}'), 400, bad],
  ["AnyTrack: no JSON", hook("transactionId=a&eventValue=1"), 400, bad],
  ["AnyTrack: an empty body", hook(""), 400, bad],
  ["AnyTrack: null", hook("null"), 400, bad],
  ["AnyTrack: an amount that is no number", hook(event("nan", { eventValue: "NaN" })), 400, bad],
  ["AnyTrack: an amount with 400 digits", hook(event("huge", { eventValue: "9".repeat(400) })), 400, bad],
  ["AnyTrack: a day that there is not", hook(event("day", { eventTime: "2026-02-30T00:00:00Z" })), 400, bad],
  ["AnyTrack: the year 2099", hook(event("year", { eventTime: "2099-01-01T00:00:00Z" })), 400, bad],
  ["AnyTrack: an order with NUL", hook(event("nul\u0000")), 400, bad],
  ["Discord: a good ping", discord(() => ping), 200, null],
  [
    "Discord: no signature",
    () => ({ method: "POST", path: "/hooks/discord", headers: json, body: JSON.stringify(ping) }),
    401,
    "unauthorized",
  ],
  ["Discord: a signature of nobody's key", discord(() => ping, { key: nobodys.privateKey }), 401, "unauthorized"],
  [
    "Discord: another client's key over our application",
    discord(() => ping, { key: acmes.privateKey }),
    401,
    "unauthorized",
  ],
  ["Discord: a signature over another body", discord(() => ping, { signed: "{}" }), 401, "unauthorized"],
  ["Discord: a signature of zeros", discord(() => ping, { signature: "0".repeat(128) }), 401, "unauthorized"],
  ["Discord: a signature cut short", discord(() => ping, { signature: "ab" }), 401, "unauthorized"],
  [
    "Discord: a signature that is an hour old",
    discord(() => ping, { timestamp: seconds(-3_600) }),
    401,
    "unauthorized",
  ],
  ["Discord: a signature from the future", discord(() => ping, { timestamp: seconds(3_600) }), 401, "unauthorized"],
  ["Discord: a time that is no number", discord(() => ping, { timestamp: "1e9" }), 401, "unauthorized"],
  ["Discord: signed, and no JSON", discord(() => "not json"), 400, bad],
  ["Discord: signed, and nested 20,000 deep", discord(() => `{"id":${deep(20_000)}}`), 400, bad],
  ["Discord: signed, and no interaction", discord(() => ({ ...ping, type: "1" })), 400, bad],
];

test.each(tries)("%s", (_what, attack, status, error) => target.attempt(attack(), status, error));

test("a Discord command that is sent again, byte by byte, is one report", async () => {
  const again = discord(() => command("77"))();
  const reports = async () => (await database.pool.query("select 1 from recon.affiliate_reports")).rowCount;
  await target.attempt(again, 200, null);
  expect(await reports()).toBe(1);
  for (let time = 0; time < 3; time += 1) await target.attempt(again, 200, null);
  expect(await reports()).toBe(1);
});

test("what came with one client's secret is that client's alone, whatever the event says", async () => {
  await target.attempt(hook(event("whose", { client: "acme", _client_id: "acme" }))(), 200, null);
  const { rows } = await database.pool.query(
    "select _client_id as client from anytrack.conversions where conversion_key = 'order:whose'",
  );
  expect(rows).toEqual([{ client: "713" }]);
});

test("nothing that was refused is stored, and no secret is in the log", async () => {
  const { rows } = await database.pool.query("select conversion_key as key from anytrack.conversions order by 1");
  expect(rows.map(({ key }) => key as string)).toEqual(["order:good", "order:whose"]);
  const log = target.log.join("");
  for (const secret of [...Object.values(secrets), "interaction-token"]) expect(log).not.toContain(secret);
});

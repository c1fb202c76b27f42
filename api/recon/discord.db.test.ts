import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing, openSealed } from "../../core/crypto.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import { tokenContext } from "../../queries/recon/discord.ts";
import { openDatabase } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";
import { fakeTemporal, makeAffiliate, makeCampaign } from "../../test/api-recon.ts";
import { testServer } from "../../test/api-server.ts";

const applicationId = "1001";
const userId = "9007199254740993";
const pair = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const credentialsKey = keyRing(randomBytes(32));
const temporal = fakeTemporal();
const log: string[] = [];
const applications = new Map([
  ["acme", { applicationId: "2002", publicKey: stranger.publicKey, botToken: null }],
  ["713", { applicationId, publicKey: pair.publicKey, botToken: null }],
]);
const discord = { baseUrl: "http://127.0.0.1:1", applications };
let database: TestDatabase;
let api: Api;
let campaignId: string;

beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, temporal: temporal.access, credentialsKey, discord, log });
  const discordUserHash = hashDiscordUser(credentialsKey.current, { client: "713", userId });
  await makeAffiliate(database.pool, { client: "713", name: "ada", discordUserHash });
  campaignId = await makeCampaign(database.pool, { client: "713", name: "Spring Sale" });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

let ids = 100;
const command = (
  options: Record<string, string | number | undefined> = {},
  fields: Record<string, unknown> = {},
): object => ({
  id: String((ids += 1)),
  application_id: applicationId,
  type: 2,
  token: "canary-interaction-token",
  member: { user: { id: userId, username: "canary-name" } },
  data: {
    name: "submit",
    options: Object.entries({
      campaign: campaignId,
      url: "https://www.reddit.com/r/test/comments/1disco/title/",
      views: 15_044,
      clicks: 3,
      conversions: 0,
      ...options,
    })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ name, type: typeof value === "number" ? 4 : 3, value })),
  },
  ...fields,
});
const now = () => String(Math.floor(Date.now() / 1_000));
const post = (
  body: object | string,
  {
    timestamp = now(),
    key = pair.privateKey,
    headers = {},
    server = api,
  }: { timestamp?: string; key?: typeof pair.privateKey; headers?: Record<string, string>; server?: Api } = {},
) => {
  const payload = typeof body === "string" ? body : JSON.stringify(body);
  const signature = sign(null, Buffer.from(timestamp + payload), key).toString("hex");
  return server.inject({
    method: "POST",
    url: "/hooks/discord",
    headers: {
      "content-type": "application/json",
      "x-signature-ed25519": signature,
      "x-signature-timestamp": timestamp,
      ...headers,
    },
    payload,
  });
};
const reports = async () =>
  (await database.pool.query<Record<string, unknown>>("select * from recon.affiliate_reports order by report_id")).rows;
const said = (answer: { json: () => { data?: { content?: string } } }) => answer.json().data?.content ?? "";

test("a signed ping is answered with a pong", async () => {
  const answer = await post({ id: "1", application_id: applicationId, type: 1 });
  expect([answer.statusCode, answer.json()]).toEqual([200, { type: 1 }]);
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
});

test("signatures that are missing, forged, old, early, of another key or over another body are 401", async () => {
  const body = JSON.stringify(command());
  const timestamp = now();
  const signature = sign(null, Buffer.from(timestamp + body), pair.privateKey).toString("hex");
  const send = (headers: Record<string, string>, payload = body) =>
    api.inject({ method: "POST", url: "/hooks/discord", headers, payload });
  const signed = { "x-signature-ed25519": signature, "x-signature-timestamp": timestamp };
  for (const answer of [
    await send({}),
    await send({ "x-signature-timestamp": timestamp }),
    await send({ "x-signature-ed25519": signature }),
    await send({ ...signed, "x-signature-ed25519": "00".repeat(64) }),
    await send({ ...signed, "x-signature-ed25519": "not hex" }),
    await send({ ...signed, "x-signature-timestamp": String(Number(timestamp) - 1) }),
    await send(signed, body.replace("15044", "15045")),
    await send(signed, `${body} `),
    await send(signed, ""),
    await post(body, { timestamp: String(Number(timestamp) - 301) }),
    await post(body, { timestamp: String(Number(timestamp) + 302) }),
    // Another client's application signs for itself alone.
    await post(body, { key: stranger.privateKey }),
    await post(body, { key: generateKeyPairSync("ed25519").privateKey }),
  ]) {
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toEqual({ error: "unauthorized", message: expect.any(String) });
  }
  expect(await reports()).toEqual([]);
});

test("what is signed and no interaction is a 400, never a 500", async () => {
  for (const body of ["", "{", "[]", '"x"', '{"type":2}', JSON.stringify({ ...command(), id: "x" })])
    expect((await post(body)).statusCode).toBe(400);
  expect((await post("x".repeat(70_000))).statusCode).toBe(413);
});

test("a submission is stored, answered later, and its token kept sealed for its 15 minutes", async () => {
  const body = command();
  const answer = await post(body);
  expect([answer.statusCode, answer.json()]).toEqual([200, { type: 5, data: { flags: 64 } }]);
  const [report] = await reports();
  expect(report).toMatchObject({ claimed_views: 15_044, claimed_clicks: 3, submission_method: "DISCORD" });
  const reportId = String(report?.["report_id"]);
  expect(temporal.started).toEqual([
    {
      ...{ type: "reconcileReport", workflowId: `reconcile/${reportId}`, input: { client: "713", reportId } },
      takenIn: { attempt: 1, platform: "reddit", vendor: "reddit", hasInteraction: true },
    },
  ]);
  const { rows } = await database.pool.query<{ sealed: Buffer; minutes: number }>(
    "select sealed, extract(epoch from expires_at - now()) / 60 as minutes from recon.discord_interactions",
  );
  const [kept] = rows;
  expect(Number(kept?.minutes)).toBeGreaterThan(13);
  expect(Number(kept?.minutes)).toBeLessThanOrEqual(15);
  expect(kept?.sealed.toString("latin1")).not.toContain("canary");
  expect(
    openSealed(
      credentialsKey,
      kept?.sealed ?? Buffer.alloc(0),
      tokenContext({ client: "713", applicationId }),
    ).toString(),
  ).toBe("canary-interaction-token");

  // Discord sends again what it had no answer to.
  const again = await post(body);
  expect(again.json()).toEqual(answer.json());
  expect(await reports()).toHaveLength(1);
  expect(log.join("\n")).not.toContain("canary");
});

test("who submitted, what they are called and their token stand in no table and no log line", async () => {
  const { rows: tables } = await database.pool.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('recon', 'ops', 'public')",
  );
  const kept: string[] = [];
  for (const { name } of tables) {
    const { rows } = await database.pool.query<{ all: string | null }>(
      `select json_agg(t)::text as all from ${name} t`,
    );
    kept.push(`${name} ${rows[0]?.all ?? ""}`);
  }
  expect(kept.find((table) => table.startsWith("recon.affiliates "))).toContain("discord_user_hash");
  expect(kept.filter((table) => table.includes(userId) || table.includes("canary"))).toEqual([]);
  expect(log.filter((line) => line.includes(userId) || line.includes("canary"))).toEqual([]);
});

test("the campaign may be named, the platform follows from the address, and a direct message has no member", async () => {
  const before = (await reports()).length;
  const direct = command(
    { campaign: "spring sale", url: "https://www.instagram.com/p/DAbCdEfGhIj/" },
    { member: undefined, user: { id: userId } },
  );
  expect((await post(direct)).json()).toMatchObject({ type: 5 });
  expect(await reports()).toHaveLength(before + 1);
});

test.each([
  ["somebody unknown", {}, { member: { user: { id: "5" } } }, /belongs to no affiliate/],
  ["a campaign that is none", { campaign: "autumn" }, {}, /no campaign "autumn"/],
  ["an address on no platform", { url: "http://169.254.169.254/comments/1abcde" }, {}, /on no platform/],
  ["an address that is no post", { url: "https://www.reddit.com/r/test/" }, {}, /url is not the address of a post/],
  ["an address of another platform", { platform: "instagram" }, {}, /not an address on instagram/],
  ["fewer than none", { views: -1 }, {}, /views must be a whole number/],
  ["half of one", { views: 0.5 }, {}, /views must be a whole number/],
  ["another command", {}, { data: { name: "ban", options: [] } }, /no such command/],
])("%s is told at once, alone, and mentions nobody", async (_what, options, fields, words) => {
  const before = (await reports()).length;
  const answer = await post(command(options, fields));
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({ type: 4, data: { flags: 64, allowed_mentions: { parse: [] } } });
  expect(said(answer)).toMatch(words);
  expect(await reports()).toHaveLength(before);
});

test("campaigns are offered while their name is typed", async () => {
  const options = [{ name: "campaign", type: 3, value: "spri", focused: true }];
  const typing = { ...command(), type: 4, data: { name: "submit", options } };
  expect((await post(typing)).json()).toEqual({
    type: 8,
    data: { choices: [{ name: "Spring Sale", value: campaignId }] },
  });
});

test("an account that was linked before the credentials' key was changed is still known", async () => {
  const next = randomBytes(32);
  const parts = { database: database.pool, temporal: temporal.access, discord };
  const changed = await testServer({ ...parts, credentialsKey: keyRing(next), hashingKey: credentialsKey.current });
  const url = "https://www.reddit.com/r/test/comments/1later/title/";
  expect((await post(command({ url }), { server: changed })).json()).toMatchObject({ type: 5 });
  await changed.close();
  const rehashed = await testServer({ ...parts, credentialsKey: keyRing(next) });
  expect(said(await post(command(), { server: rehashed }))).toMatch(/belongs to no affiliate/);
  await rehashed.close();
});

test("while Postgres is away it says so within three seconds, and promises nothing", async () => {
  const away = openDatabase({
    url: "postgres://x:y@127.0.0.1:1/none",
    poolSize: 1,
    name: "tests",
    connectTimeoutMs: 600,
  });
  const server = await testServer({ database: away, temporal: temporal.access, credentialsKey, discord });
  const began = performance.now();
  const answer = await post(command(), { server });
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(answer.json()).toMatchObject({ type: 4 });
  expect(said(answer)).toMatch(/does not count yet/);
  await server.close();
  await away.end();
});

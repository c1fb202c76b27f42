import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { hashDiscordUser } from "../../rules/recon/discord-user.ts";
import { fakeTemporal, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { everyRow, testDatabase, type TestDatabase } from "../../test/database.ts";
import { judge } from "../../test/reconciliation.ts";
import type { Api } from "../server/parts.ts";

const credentialsKey = keyRing(randomBytes(32));
const pair = generateKeyPairSync("ed25519");
const temporal = fakeTemporal();
const log: string[] = [];
let database: TestDatabase;
let api: Api;
let ada: MadeAffiliate;
let campaignId: string;

/** Where each of these may be found again is told by its number. */
let planted = 0;
const secrets: string[] = [];
const plant = (form: (canary: string) => string) => {
  const canary = `canary${(planted += 1)}x`;
  secrets.push(canary);
  return form(canary);
};
const userId = "900719925474099317";
const answers: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  const applications = new Map([["713", { applicationId: "1001", publicKey: pair.publicKey, botToken: null }]]);
  const discord = { baseUrl: "http://127.0.0.1:1", applications };
  api = await testServer({ database: database.pool, temporal: temporal.access, credentialsKey, discord, log });
  const discordUserHash = hashDiscordUser(credentialsKey.current, { client: "713", userId });
  ada = await makeAffiliate(database.pool, { client: "713", name: "ada", discordUserHash });
  campaignId = await makeCampaign(database.pool, { client: "713", name: "spring" });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type Method = "GET" | "POST" | "PUT";
async function call(method: Method, path: string, payload?: object, headers?: Record<string, string>) {
  const answer = await api.inject({
    method,
    url: path.startsWith("/hooks") ? path : `/api/v1/recon${path}`,
    headers: { "content-type": "application/json", ...(headers ?? (await bearer({ role: "admin", subject: "root" }))) },
    ...(payload === undefined ? {} : { payload }),
  });
  if (!path.endsWith("/evidence")) answers.push(answer.payload);
  return answer;
}
const key = () => ({ "x-api-key": ada.key });
const url = (path: string) =>
  plant((canary) => `https://www.reddit.com${path}?${canary}=1&utm_source=${canary}#${canary}`);

const everyText = {
  evidence: { [plant((canary) => canary)]: plant((canary) => `write to ${canary}@mail.example`) },
  title: plant((canary) => `by @${canary}`),
  description: plant((canary) => `by ${canary}@mail.example, https://x.example/?who=${canary}`),
};

test("nothing that a person wrote into a claim is in clear in any table, answer, log or workflow's input", async () => {
  temporal.result = { value: { works: true } };
  const claim = { campaignId, url: url("/comments/1abcde/"), claimed: { views: 5 }, ...everyText };
  const idempotencyKey = plant((canary) => `${canary}@mail.example/17`);
  const taken = await call("POST", "/affiliates/submissions", claim, { ...key(), "idempotency-key": idempotencyKey });
  expect(taken.statusCode).toBe(202);
  const { reportId, postId } = taken.json<{ reportId: string; postId: string }>();
  expect(
    (await call("POST", "/affiliates/submissions", claim, { ...key(), "idempotency-key": idempotencyKey })).json(),
  ).toMatchObject({
    outcome: "repeated",
  });

  const token = plant((canary) => `token-${canary}`);
  const body = Buffer.from(
    JSON.stringify({
      ...{ id: "77", application_id: "1001", type: 2, token },
      member: {
        nick: plant((canary) => canary),
        user: { id: userId, username: plant((canary) => canary), global_name: plant((canary) => canary) },
      },
      data: {
        name: "submit",
        options: [
          { name: "campaign", type: 3, value: campaignId },
          { name: "url", type: 3, value: url("/comments/1bcdef/") },
          { name: "views", type: 4, value: 7 },
        ],
      },
    }),
  );
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = sign(null, Buffer.concat([Buffer.from(timestamp), body]), pair.privateKey).toString("hex");
  const interaction = await api.inject({
    ...{ method: "POST", url: "/hooks/discord", payload: body },
    headers: {
      "content-type": "application/json",
      "x-signature-ed25519": signature,
      "x-signature-timestamp": timestamp,
    },
  });
  expect(interaction.json()).toMatchObject({ type: 5 });
  answers.push(interaction.payload);

  await judge(
    database.pool,
    { reportId, postId, affiliateId: ada.affiliateId },
    { verdict: "DISCREPANCY", level: "HIGH", isAccurate: false },
  );
  const reason = plant((canary) => `I am u/${canary}, ${canary}@mail.example, your numbers are old`);
  expect((await call("POST", `/submissions/${reportId}/dispute`, { reason }, key())).statusCode).toBe(201);
  const disputeId = String((await database.pool.query("select dispute_id as id from recon.disputes")).rows[0]?.id);
  const notes = plant((canary) => `asked @${canary}`);
  expect((await call("PUT", `/disputes/${disputeId}/settle`, { outcome: "platform", notes })).statusCode).toBe(200);
  const email = plant((canary) => `${canary}@mail.example`);
  const made = await call("POST", "/affiliates", { name: "bob", email, discordUserId: "900719925474099318" });
  expect(made.statusCode).toBe(201);
  const credentials = plant((canary) => `${canary}-secret`);
  expect(
    (
      await call(
        "PUT",
        `/affiliates/${ada.affiliateId}/tokens/instagram`,
        { credentials: { INSTAGRAM_ACCESS_TOKEN: credentials } },
        key(),
      )
    ).statusCode,
  ).toBe(200);
  expect(
    (await call("PUT", "/platforms/meta/config", { mode: "real", credentials: { META_ADS_ACCESS_TOKEN: credentials } }))
      .statusCode,
  ).toBe(200);

  for (const path of [
    "/submissions",
    `/submissions/${reportId}`,
    "/posts",
    "/alerts",
    "/affiliates",
    "/dashboard/discrepancies",
  ])
    expect((await call("GET", path)).statusCode).toBe(200);
  for (const path of ["/submissions", `/submissions/${reportId}`, "/affiliates/me"])
    await call("GET", path, undefined, key());

  const rows = await everyRow(database.pool);
  const found = (text: string) => [...secrets, userId, "900719925474099318"].filter((secret) => text.includes(secret));
  expect(secrets.length).toBeGreaterThan(12);
  expect({
    rows: found(rows),
    answers: found(answers.join("\n")),
    log: found(log.join("\n")),
    inputs: found(JSON.stringify(temporal.started)),
  }).toEqual({
    ...{ rows: [], answers: [], log: [], inputs: [] },
  });
  // What it was about is still there.
  expect(rows).toContain("your numbers are old");
});

test("operators read evidence in clear, each time with an entry in the audit log; nobody else does", async () => {
  const claim = { campaignId, url: "https://redd.it/1evide", claimed: {}, evidence: { note: "as seen by jane" } };
  const taken = await call("POST", "/affiliates/submissions", claim, key());
  const { reportId } = taken.json<{ reportId: string }>();
  const path = `/submissions/${reportId}/evidence`;
  const details = (await call("GET", `/submissions/${reportId}`)).json<{
    evidence: { href: string };
    claimed: object;
  }>();
  expect(details.evidence.href).toBe(`/api/v1/recon${path}`);
  // What is left out of a claim is 0.
  expect(details.claimed).toEqual({ views: 0, clicks: 0, conversions: 0 });
  const read = await call("GET", path, undefined, await bearer({ role: "operator", subject: "olga" }));
  expect([read.statusCode, read.json()]).toEqual([
    200,
    { reportId, evidence: { note: "as seen by jane" }, keptUntil: expect.any(String) },
  ]);
  const viewed = "select actor, role, subject from ops.audit where action = 'evidence_viewed'";
  expect((await database.pool.query(viewed)).rows).toEqual([
    { actor: "olga", role: "operator", subject: `report/${reportId}` },
  ]);
  const statuses = await Promise.all([
    call("GET", path, undefined, await bearer({ role: "analyst" })),
    call("GET", path, undefined, await bearer({ role: "advertiser", advertiser: "adv-1" })),
    call("GET", path, undefined, key()),
    call("GET", path, undefined, await bearer({ role: "admin", client: "acme" })),
  ]);
  expect(statuses.map(({ statusCode }) => statusCode)).toEqual([403, 403, 401, 404]);
  expect((await database.pool.query(viewed)).rows).toHaveLength(1);
  expect((await call("GET", "/submissions/999999/evidence")).statusCode).toBe(404);
});

test("a key of a run stands for its whole request, also when two come at once", async () => {
  temporal.result = { value: null };
  const headers = { ...(await bearer({ role: "operator" })), "idempotency-key": "monday" };
  const run = (body: object) => call("POST", "/reconciliation/run", body, headers);
  const both = await Promise.all([run({ campaignId }), run({ campaignId, all: true })]);
  expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409]);
  const [first, second] =
    both[0].statusCode === 200
      ? [{ campaignId }, { campaignId, all: true }]
      : [{ campaignId, all: true }, { campaignId }];
  expect((await run(first)).statusCode).toBe(200);
  expect((await run(second)).statusCode).toBe(409);
  expect((await run({ affiliateId: ada.affiliateId })).statusCode).toBe(409);
  // Nobody could be asked to do it: the key is free again.
  temporal.result = null;
  const other = { ...headers, "idempotency-key": "tuesday" };
  expect((await call("POST", "/reconciliation/run", { campaignId }, other)).statusCode).toBe(503);
  temporal.result = { value: null };
  expect((await call("POST", "/reconciliation/run", { campaignId, all: true }, other)).statusCode).toBe(200);
});

import { readPostUrl } from "../../connectors/platforms/addresses.ts";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { judge, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { keyRing, seal } from "../../core/crypto.ts";
import { createRedactor } from "../../core/redact.ts";
import { accept } from "../../queries/recon/accept.ts";
import { tokenContext } from "../../queries/recon/discord.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { createDiscordActivities } from "./discord.ts";
import type { VerdictSent } from "./send-verdict.ts";
import { createRateGate } from "../shared/rate-gate.ts";

const credentialsKey = keyRing(randomBytes(32));
const applicationId = "1001";
const token = "canary/interaction token";
const asked: { method: string; url: string; body: { content: string; allowed_mentions: unknown } }[] = [];
let status = 200;
let database: TestDatabase;
let server: Server;
let affiliate: MadeAffiliate;
let campaignId: string;

beforeAll(async () => {
  database = await testDatabase();
  affiliate = await makeAffiliate(database.pool, { client: "713", name: "ada" });
  campaignId = await makeCampaign(database.pool, { client: "713", name: "spring" });
  server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as (typeof asked)[number]["body"];
      asked.push({ method: request.method ?? "", url: request.url ?? "", body });
      response.statusCode = status;
      response.end(JSON.stringify({ message: `said of ${token}`, code: 0 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}, 60_000);
beforeEach(() => {
  asked.length = 0;
  status = 200;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await database?.drop();
});

function send(reportId: string): Promise<VerdictSent> {
  const redact = createRedactor([]);
  const { sendVerdict } = createDiscordActivities({
    database: database.pool,
    config: {
      credentialsKey,
      discord: {
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v10`,
        applications: new Map(),
      },
    },
    gate: createRateGate(database.pool),
    redact,
  });
  return new MockActivityEnvironment(undefined, { logger: new DefaultLogger("ERROR") }).run(sendVerdict, {
    client: "713",
    reportId,
  }) as Promise<VerdictSent>;
}

let posts = 0;
/** A report that was judged, and somebody in Discord who waits to hear of it. */
async function waiting({ key = credentialsKey, minutes = 15 } = {}): Promise<string> {
  posts += 1;
  const reportId = await judge(database.pool, {
    client: "713",
    affiliateId: affiliate.affiliateId,
    campaignId,
    url: `https://redd.it/1wait${posts}`,
    claimed: [900, 10, 1],
    verified: [100, 10, null],
    verdict: "DISCREPANCY",
    level: "HIGH",
  });
  await keepToken(reportId, key, minutes);
  return reportId;
}

async function keepToken(reportId: string, key = credentialsKey, minutes = 15): Promise<void> {
  await database.pool.query(
    "insert into recon.discord_interactions (_client_id, report_id, application_id, sealed, expires_at) values ('713', $1, $2, $3, now() + make_interval(mins => $4))",
    [reportId, applicationId, seal(key, Buffer.from(token), tokenContext({ client: "713", applicationId })), minutes],
  );
}
const isKept = async (reportId: string) =>
  (await database.pool.query("select from recon.discord_interactions where report_id = $1", [reportId])).rowCount === 1;

test("the verdict takes the place of the thinking, mentions nobody, and the token is forgotten", async () => {
  const reportId = await waiting();
  expect(await send(reportId)).toEqual({ sent: true, why: null });
  expect(asked).toEqual([
    {
      method: "PATCH",
      url: `/api/v10/webhooks/${applicationId}/${encodeURIComponent(token)}/messages/@original`,
      body: { content: expect.any(String), allowed_mentions: { parse: [] } },
    },
  ]);
  const content = asked[0]?.body.content ?? "";
  for (const line of [
    "**DISCREPANCY HIGH**: DISCREPANCY in a test",
    "views: 900 claimed, 100 by the platform (800.00 %)",
    "conversions: 1 claimed, not reported by the platform",
  ])
    expect(content).toContain(line);
  expect(await isKept(reportId)).toBe(false);
  expect(await send(reportId)).toMatchObject({ sent: false });
  expect(asked).toHaveLength(1);
});

test("before there is a verdict it says what is waited for, and keeps the token for the verdict", async () => {
  const accepted = await accept(database.pool, {
    client: "713",
    affiliateId: affiliate.affiliateId,
    campaignId,
    platform: "reddit",
    post: readPostUrl("reddit", "https://redd.it/1notyet"),
    claimed: { views: 1, clicks: 0, conversions: 0 },
    evidence: null,
    method: "DISCORD",
    idempotencyKey: "i-1",
    interaction: {
      applicationId,
      sealedToken: seal(credentialsKey, Buffer.from(token), tokenContext({ client: "713", applicationId })),
    },
  });
  if (accepted.outcome === "refused") throw new Error(accepted.message);
  expect(await send(accepted.reportId)).toEqual({ sent: true, why: null });
  expect(asked[0]?.body.content).toMatch(/No verdict yet/);
  expect(await isKept(accepted.reportId)).toBe(true);
});

test.each([
  ["an answer that was thrown away", 404],
  ["a token that ran out", 401],
])("%s ends the matter without a failure", async (_what, answered) => {
  const reportId = await waiting();
  status = answered;
  const { sent, why } = await send(reportId);
  expect(sent).toBe(false);
  expect(why).toContain(String(answered));
  expect(why).not.toContain("canary");
  expect(await isKept(reportId)).toBe(false);
});

test("when Discord is away the token stays, and the failure names it nowhere", async () => {
  const reportId = await waiting();
  status = 503;
  const failure = await send(reportId).catch((error: unknown) => error as Error & { type?: string });
  expect(failure).toMatchObject({ type: "VendorUnavailable" });
  expect(String((failure as Error).message)).not.toContain("canary");
  expect(await isKept(reportId)).toBe(true);
  status = 200;
  expect(await send(reportId)).toEqual({ sent: true, why: null });
});

test("after its 15 minutes, or sealed with another key, a token is only forgotten", async () => {
  for (const reportId of [await waiting({ minutes: -1 }), await waiting({ key: keyRing(randomBytes(32)) })]) {
    expect(await send(reportId)).toMatchObject({ sent: false });
    expect(await isKept(reportId)).toBe(false);
  }
  expect(asked).toEqual([]);
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import type { AuditRow } from "../../queries/ops/audit.ts";
import type { Api } from "../server/parts.ts";
import { fakeTemporal, judge, makeAffiliate, makeCampaign, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

let database: TestDatabase;
let api: Api;
let cyd: MadeAffiliate;
// A token that is given is tried by a workflow.
const temporal = fakeTemporal();
temporal.result = { value: { works: true } };
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    temporal: temporal.access,
    credentialsKey: keyRing(randomBytes(32)),
  });
  cyd = await makeAffiliate(database.pool, { client: "713", name: "cyd" });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type Method = "POST" | "PUT" | "DELETE";
const act = async (method: Method, url: string, payload: object, headers?: Record<string, string>) =>
  api.inject({ method, url: `/api/v1${url}`, headers: headers ?? (await bearer({ subject: "ada" })), payload });
const log = async (query = "", claims: Parameters<typeof bearer>[0] = { role: "admin" }) =>
  api.inject({ url: `/api/v1/ops/audit${query}`, headers: await bearer(claims) });
type Entry = Omit<AuditRow, "at"> & { at: string };
const entries = async (query = "", claims?: Parameters<typeof bearer>[0]) =>
  (await log(query, claims)).json<{ items: Entry[]; next: string | null }>();

async function openAlert(): Promise<number> {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into ops.alerts (_client_id, area, kind, subject, severity, message)
     values ('713', 'sync', 'late', gen_random_uuid()::text, 'info', 'm') returning alert_id as id`,
  );
  return rows[0]?.id ?? 0;
}

async function openDispute(): Promise<string> {
  const { pool } = database;
  const reportId = await judge(pool, {
    client: "713",
    affiliateId: cyd.affiliateId,
    campaignId: await makeCampaign(pool, { client: "713", name: "spring" }),
    platform: "reddit",
    url: "https://redd.it/1dispu",
    claimed: [120, 0, 0],
    verified: [50, null, null],
    verdict: "DISCREPANCY",
    level: "HIGH",
  });
  const keyed = { "x-api-key": cyd.key };
  const opened = await act("POST", `/recon/submissions/${reportId}/dispute`, { reason: "late" }, keyed);
  return opened.json<{ disputeId: string }>().disputeId;
}

test("each act of a person is in the log with who did it, and no secret is", async () => {
  const canary = "canary-that-nobody-may-read";
  const disputeId = await openDispute();
  const alertId = await openAlert();
  const made = await act("POST", "/recon/affiliates", { name: "dan", email: `${canary}@example.com` });
  const { affiliateId, key } = made.json<{ affiliateId: string; key: string }>();
  const dan = `/recon/affiliates/${affiliateId}`;
  const rotated = await act("POST", `${dan}/rotate-key`, {});
  const mapping = { items: [{ everflowAffiliateLabel: "dan", redtrackSourceId: "s1", isInternal: true }] };
  const platform = "/recon/platforms/reddit/config";
  const answers = [
    made,
    rotated,
    await act("PUT", `${dan}/disable`, {}),
    await act("PUT", `${dan}/enable`, {}),
    await act("PUT", `${dan}/discord`, { discordUserId: "9007199254740993" }),
    await act("PUT", platform, { mode: "real", credentials: { REDDIT_CLIENT_SECRET: canary } }),
    await act("PUT", platform, { mode: null }),
    await act(
      "PUT",
      `/recon/affiliates/${cyd.affiliateId}/tokens/meta`,
      { credentials: { META_ACCESS_TOKEN: canary } },
      {
        "x-api-key": cyd.key,
      },
    ),
    await act("PUT", `/ops/alerts/${alertId}/resolve`, { notes: "seen" }),
    await act("PUT", `/recon/disputes/${disputeId}/settle`, { outcome: "affiliate", notes: "checked" }),
    await act("PUT", "/cost/mapping", mapping),
  ];
  expect(answers.map(({ statusCode, payload }) => [statusCode, statusCode < 300 ? "" : payload])).toEqual(
    answers.map(({ statusCode }) => [statusCode, ""]),
  );

  const { items } = await entries();
  expect(items.map(({ action, subject, actor, role }) => [action, subject, actor, role]).reverse()).toEqual([
    ["key_issued", `affiliate/${affiliateId}`, "ada", "operator"],
    ["key_rotated", `affiliate/${affiliateId}`, "ada", "operator"],
    ["key_disabled", `affiliate/${affiliateId}`, "ada", "operator"],
    ["key_enabled", `affiliate/${affiliateId}`, "ada", "operator"],
    ["discord_linked", `affiliate/${affiliateId}`, "ada", "operator"],
    ["platform_switched", "platform/reddit", "ada", "operator"],
    ["platform_switched", "platform/reddit", "ada", "operator"],
    ["platform_token_set", `affiliate/${cyd.affiliateId}`, `affiliate/${cyd.affiliateId}`, "affiliate"],
    ["alert_resolved", `alert/${alertId}`, "ada", "operator"],
    ["dispute_settled", `dispute/${disputeId}`, "ada", "operator"],
    ["mapping_changed", "public.affiliate_mapping", "ada", "operator"],
  ]);
  const text = JSON.stringify(items);
  for (const secret of [canary, key, rotated.json<{ key: string }>().key, cyd.key, "9007199254740993"])
    expect(text).not.toContain(secret);
});

test("what changes nothing is not in the log", async () => {
  const before = (await entries()).items.length;
  const nobody = "/recon/affiliates/999999";
  const statuses = [
    await act("POST", `${nobody}/rotate-key`, {}),
    await act("PUT", `${nobody}/disable`, {}),
    await act("PUT", "/ops/alerts/999999/resolve", { notes: "seen" }),
    await act("PUT", "/recon/platforms/instagram/config", { mode: null }),
    await act("PUT", "/cost/mapping", { items: [] }),
  ].map(({ statusCode }) => statusCode);
  expect(statuses).toEqual([404, 404, 404, 200, 200]);
  expect((await entries()).items).toHaveLength(before);
});

test("an act that cannot be recorded does not happen", async () => {
  const { pool } = database;
  const hash = async () =>
    (await pool.query<{ hash: string }>("select api_key_hash as hash from recon.affiliates where name = 'cyd'")).rows;
  const before = await hash();
  await pool.query(
    `create function pg_temp_refuse() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$;
     create trigger refuse before insert on ops.audit execute function pg_temp_refuse()`,
  );
  try {
    expect((await act("POST", `/recon/affiliates/${cyd.affiliateId}/rotate-key`, {})).statusCode).toBe(500);
  } finally {
    await pool.query("drop trigger refuse on ops.audit; drop function pg_temp_refuse()");
  }
  expect(await hash()).toEqual(before);
});

test("it pages, is filtered, and is for admins of the client alone", async () => {
  const all = (await entries()).items.map(({ auditId }) => auditId);
  const paged: number[] = [];
  for (let query = "?limit=2"; ;) {
    const { items, next } = await entries(query);
    paged.push(...items.map(({ auditId }) => auditId));
    if (next === null) break;
    query = `?limit=2&cursor=${next}`;
  }
  expect(paged).toEqual(all);
  expect((await entries("?action=alert_resolved&actor=ada")).items).toHaveLength(1);
  expect((await entries("", { role: "admin", client: "acme" })).items).toEqual([]);
  for (const role of ["operator", "analyst"] as const) expect((await log("", { role })).statusCode).toBe(403);
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "@jest/globals";
import { keyRing } from "../core/crypto.ts";
import { testDatabase, type TestDatabase } from "./database.ts";
import type { Api } from "../api/server/parts.ts";
import { fakeTemporal, judge, makeAffiliate, makeCampaign, type MadeAffiliate } from "./api-recon.ts";
import { bearer, testServer } from "./api-server.ts";

export const prefix = "/api/v1/recon";
const credentialsKey = keyRing(randomBytes(32));
export const temporal = fakeTemporal();
export const log: string[] = [];
export let database: TestDatabase;
export let api: Api;
export let ada: MadeAffiliate;
export let bob: MadeAffiliate;
export let campaignId: string;
export let otherCampaignId: string;
/** Reports of ada's with their verdicts. */
export let judged: { matched: string; low: string; high: string; unverifiable: string; waiting: string };

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

export const keyed = (key: string) => ({ "x-api-key": key });
export const claim = (fields: object = {}) => ({
  campaignId,
  url: "https://www.reddit.com/r/test/comments/1zzzzz/a_title/?utm_source=x",
  claimed: { views: 100, clicks: 10, conversions: 1 },
  ...fields,
});
export const submit = (fields: object = {}, { key = ada.key, headers = {}, server = api } = {}) =>
  server.inject({
    method: "POST",
    url: `${prefix}/affiliates/submissions`,
    headers: { ...keyed(key), ...headers },
    payload: claim(fields),
  });
export type Method = "GET" | "POST" | "PUT" | "DELETE";
export const call = async (
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
export const get = async <Body>(path: string, claims?: Parameters<typeof bearer>[0]) =>
  (await call("GET", path, undefined, claims)).json<Body>();
export const asAffiliate = (path: string, { key }: MadeAffiliate = ada, method: Method = "GET", payload?: object) =>
  api.inject({ method, url: prefix + path, headers: keyed(key), ...(payload === undefined ? {} : { payload }) });
export const one = async (text: string, values: unknown[] = []) =>
  (await database.pool.query<Record<string, unknown>>(text, values)).rows[0];

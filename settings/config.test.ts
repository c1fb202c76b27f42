import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { settingName } from "../core/setting-name.ts";
import { ConfigError, loadConfig, type SourceSettings, type VendorSettings } from "./config.ts";
import type { Env } from "./shapes.ts";

const vendors: VendorSettings[] = [
  {
    name: "redtrack",
    baseUrl: "https://api.redtrack.io",
    pace: { intervalMs: 1_000, concurrent: 1 },
    secrets: z.object({ REDTRACK_API_KEY: z.string().min(8, "is too short") }),
  },
  {
    name: "everflow",
    baseUrl: "https://api.eflow.team/v1",
    pace: { intervalMs: 100, concurrent: 4 },
    secrets: z.object({ EVERFLOW_API_KEY: z.string().min(1), EVERFLOW_NETWORK: z.string().optional() }),
  },
];
const sources: SourceSettings[] = [
  {
    name: "redtrack.daily_spend",
    vendor: { name: "redtrack" },
    window: { mode: "rolling", lookbackDays: 3 },
    slices: { timezone: "America/New_York" },
    schedule: { hours: { from: 7, to: 23 }, minute: 0, comment: "hourly" },
  },
];
const required = { DATABASE_URL: "postgres://app:s3cr%26t@localhost:5432/app" };

const load = (env: Env) => loadConfig({ ...required, ...env }, vendors, sources);
function problemsOf(env: Env): string[] {
  try {
    loadConfig(env, vendors, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("only the database's address is needed; everything else has a value to start with", () => {
  expect(load({})).toMatchObject({
    environment: "development",
    clients: ["713"],
    queuePrefix: "",
    searchAttributes: true,
    payloadKey: null,
    alertWebhookUrl: null,
    telling: { mail: null, hosts: new Set(), digestHours: new Map([["713", null]]) },
    api: { host: "127.0.0.1", port: 3003, jwtSecret: null, trustedProxies: [] },
    worker: { queues: null, metricsAddress: null, deployment: null },
    retention: { receiptsDays: null, restatementsDays: null, quarantineDays: null, runsDays: null },
  });
});

test("every problem is reported in one error, each with the setting's name", () => {
  const problems = problemsOf({
    NODE_ENV: "prod",
    CLIENTS: "713,a client",
    API_PORT: "70000",
    DATABASE_POOL_SIZE: "0",
    PAYLOAD_ENCRYPTION_KEY: "too short",
    REDTRACK_BASE_URL: "api.redtrack.io",
    REDTRACK_API_KEY: "short",
    EVERFLOW_INTERVAL_MS: "fast",
    EVERFLOW_CONCURRENT: "0",
    REDTRACK_DAILY_SPEND_MODE: "sometimes",
    RETENTION_RUNS_DAYS: "-1",
  });
  const named = (name: string) => expect.stringMatching(new RegExp(`^${name}(:| is missing)`));
  const names = [
    ...[
      "DATABASE_URL",
      "NODE_ENV",
      "CLIENTS",
      "API_PORT",
      "DATABASE_POOL_SIZE",
      "PAYLOAD_ENCRYPTION_KEY",
      "REDTRACK_BASE_URL",
    ],
    ...[
      "REDTRACK_API_KEY",
      "EVERFLOW_INTERVAL_MS",
      "EVERFLOW_CONCURRENT",
      "REDTRACK_DAILY_SPEND_MODE",
      "RETENTION_RUNS_DAYS",
    ],
  ];
  expect(problems).toEqual(expect.arrayContaining(names.map(named)));
  expect(problems).toHaveLength(names.length);
  expect(problems).toContain("DATABASE_URL is missing");
});

test("the error says where settings are explained, and repeats no secret", () => {
  const secrets = {
    REDTRACK_API_KEY: "canary",
    API_JWT_SECRET: "canary",
    PAYLOAD_ENCRYPTION_KEY: "canary",
    DATABASE_URL: "mysql://u:canary@h/d",
  };
  expect(() => load(secrets)).toThrow(/4 problems:\n.*See docs\/settings\.md/s);
  expect(() => load(secrets)).not.toThrow(/canary/);
});

test("a setting left empty counts as not set", () => {
  expect(load({ API_PORT: "", CLIENTS: "", REDTRACK_API_KEY: "" })).toMatchObject({
    api: { port: 3003 },
    clients: ["713"],
  });
});

describe("two clients side by side", () => {
  const env = {
    CLIENTS: "713, acme-eu",
    REDTRACK_API_KEY: "key-of-713",
    REDTRACK_API_KEY_ACME_EU: "key-of-acme",
    REDTRACK_INTERVAL_MS: "6000",
    REDTRACK_INTERVAL_MS_ACME_EU: "250",
    EVERFLOW_API_KEY: "everflow-713",
    EVERFLOW_BASE_URL: "https://eu.eflow.example/v1",
  };
  const { accounts, clients, secrets } = load(env);

  test("each has its own key and pace; a pace or address without a suffix holds for all", () => {
    expect(clients).toEqual(["713", "acme-eu"]);
    expect(accounts.get("redtrack/713")).toMatchObject({
      secrets: { REDTRACK_API_KEY: "key-of-713" },
      pace: { intervalMs: 6_000 },
    });
    expect(accounts.get("redtrack/acme-eu")).toMatchObject({
      secrets: { REDTRACK_API_KEY: "key-of-acme" },
      pace: { intervalMs: 250, concurrent: 1 },
    });
    expect(accounts.get("everflow/acme-eu")?.baseUrl).toBe("https://eu.eflow.example/v1");
  });

  test("a key without a suffix opens the first client's account and no other", () => {
    expect(accounts.get("everflow/713")).toMatchObject({ secrets: { EVERFLOW_API_KEY: "everflow-713" }, missing: [] });
    expect(accounts.get("everflow/acme-eu")).toMatchObject({ secrets: null, missing: ["EVERFLOW_API_KEY_ACME_EU"] });
  });

  test("every key, and the database's password as the driver sees it, is known as a secret", () => {
    expect(secrets).toEqual(expect.arrayContaining(["key-of-713", "key-of-acme", "everflow-713", "s3cr&t"]));
  });

  test("clients whose settings would carry the same suffix are refused: one would use the other's key", () => {
    expect(problemsOf({ ...required, CLIENTS: "acme-eu,acme_eu" })).toEqual([
      expect.stringMatching(/^CLIENTS: .*acme-eu.*acme_eu.*ACME_EU/),
    ]);
    expect(problemsOf({ ...required, CLIENTS: "acme,ACME" })).toHaveLength(1);
    expect(load({ CLIENTS: "713,713" }).clients).toEqual(["713"]);
  });

  test("a wrong value is named by the setting that holds it, once", () => {
    const wrong = { ...required, CLIENTS: "713,acme,other" };
    expect(problemsOf({ ...wrong, REDTRACK_INTERVAL_MS_ACME: "soon" })).toEqual([
      expect.stringMatching(/^REDTRACK_INTERVAL_MS_ACME:/),
    ]);
    expect(problemsOf({ ...wrong, REDTRACK_INTERVAL_MS: "soon" })).toEqual([
      expect.stringMatching(/^REDTRACK_INTERVAL_MS:/),
    ]);
    expect(problemsOf({ ...wrong, REDTRACK_BASE_URL_ACME: "x" })).toEqual([
      expect.stringMatching(/^REDTRACK_BASE_URL_ACME:/),
    ]);
    expect(problemsOf({ ...wrong, REDTRACK_API_KEY_ACME: "short" })).toEqual([
      expect.stringMatching(/^REDTRACK_API_KEY_ACME: is too short/),
    ]);
  });
});

describe("the window of a source", () => {
  const windowOf = (env: Env) => load(env).windows.get("redtrack.daily_spend");

  test("is the source's own unless a setting says otherwise", () => {
    expect(windowOf({})).toEqual({ mode: "rolling", lookbackDays: 3 });
    expect(windowOf({ REDTRACK_DAILY_SPEND_MODE: "incremental", REDTRACK_DAILY_SPEND_LOOKBACK_DAYS: "30" })).toEqual({
      mode: "incremental",
      lookbackDays: 30,
    });
    expect(windowOf({ REDTRACK_DAILY_SPEND_MODE: "full", REDTRACK_DAILY_SPEND_FROM: "2025-01-01" })).toEqual({
      mode: "full",
      lookbackDays: 3,
      from: "2025-01-01",
    });
  });

  test("needs a real first day to be full", () => {
    expect(problemsOf({ ...required, REDTRACK_DAILY_SPEND_MODE: "full" })).toEqual([
      expect.stringMatching(/^REDTRACK_DAILY_SPEND_FROM is missing/),
    ]);
    expect(problemsOf({ ...required, REDTRACK_DAILY_SPEND_FROM: "2025-02-30" })).toEqual([
      expect.stringMatching(/^REDTRACK_DAILY_SPEND_FROM: must be a day/),
    ]);
    expect(problemsOf({ ...required, REDTRACK_DAILY_SPEND_LOOKBACK_DAYS: "401" })).toEqual([
      expect.stringMatching(/^REDTRACK_DAILY_SPEND_LOOKBACK_DAYS:/),
    ]);
  });
});

test("a payload key is read as hex or base64, and kept as a secret in its text", () => {
  const key = randomBytes(32);
  const config = load({ PAYLOAD_ENCRYPTION_KEY: key.toString("base64") });
  expect(config.payloadKey).toEqual({ current: key, previous: null });
  expect(config.secrets).toContain(key.toString("base64"));
});

test("a key is changed with its predecessor beside it, both kept as secrets, and what keys hashes stays", () => {
  const [first, second] = [randomBytes(32), randomBytes(32)];
  const typed = {
    PAYLOAD_ENCRYPTION_KEY: second.toString("base64"),
    PAYLOAD_ENCRYPTION_KEY_PREVIOUS: first.toString("hex"),
    CREDENTIALS_ENCRYPTION_KEY: second.toString("hex"),
    CREDENTIALS_ENCRYPTION_KEY_PREVIOUS: first.toString("base64"),
    CREDENTIALS_HASHING_KEY: first.toString("base64"),
    API_JWT_SECRET: "c".repeat(32),
    API_JWT_SECRET_PREVIOUS: "p".repeat(32),
  };
  const config = load(typed);
  const both = { current: second, previous: first };
  expect(config).toMatchObject({ payloadKey: both, credentialsKey: both, identityKey: null, hashingKey: first });
  expect(config.api).toMatchObject({ jwtSecret: "c".repeat(32), previousJwtSecret: "p".repeat(32) });
  for (const secret of Object.values(typed)) expect(config.secrets).toContain(secret);
  expect(load({ CREDENTIALS_ENCRYPTION_KEY: first.toString("hex") }).hashingKey).toEqual(first);
});

test("a previous key needs a current one, and that of credentials says what keys the hashes", () => {
  const key = randomBytes(32).toString("hex");
  expect(problemsOf({ ...required, PAYLOAD_ENCRYPTION_KEY_PREVIOUS: key, API_JWT_SECRET_PREVIOUS: key })).toEqual([
    "API_JWT_SECRET is missing: API_JWT_SECRET_PREVIOUS needs it",
    "PAYLOAD_ENCRYPTION_KEY is missing: PAYLOAD_ENCRYPTION_KEY_PREVIOUS needs it",
  ]);
  const changed = { CREDENTIALS_ENCRYPTION_KEY: key, CREDENTIALS_ENCRYPTION_KEY_PREVIOUS: key };
  expect(problemsOf({ ...required, ...changed })).toEqual([
    expect.stringMatching(/^CREDENTIALS_HASHING_KEY is missing/),
  ]);
});

test("retention is a number of days, or forever", () => {
  expect(load({ RETENTION_RECEIPTS_DAYS: "90", RETENTION_RUNS_DAYS: "forever" }).retention).toMatchObject({
    receiptsDays: 90,
    runsDays: null,
    trafficDays: null,
  });
});

test("a deployment has both a name and a build, or is none", () => {
  expect(load({ WORKER_DEPLOYMENT_NAME: "a", WORKER_BUILD_ID: "1" }).worker.deployment).toEqual({
    name: "a",
    buildId: "1",
  });
  expect(load({}).worker.deployment).toBeNull();
  expect(problemsOf({ DATABASE_URL: "postgres://app@localhost/app", WORKER_DEPLOYMENT_NAME: "a" })).toEqual([
    "WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID go together: set both or neither",
  ]);
});

test("a percent sign that nobody escaped in the database's address is named, not stumbled over", () => {
  expect(problemsOf({ DATABASE_URL: "postgres://app:100%sure@localhost/app" })).toEqual([
    expect.stringMatching(/^DATABASE_URL: .*%25/),
  ]);
});

test("names are spelled in settings with capitals and underscores", () => {
  expect(settingName("redtrack.daily_spend", "acme-eu")).toBe("REDTRACK_DAILY_SPEND_ACME_EU");
});

test("published keys without audience and issuer are refused: any application of the provider would be let in", () => {
  const keys = { API_JWKS_URL: "https://id.example/keys" };
  expect(problemsOf({ ...required, ...keys })).toEqual([
    "API_JWT_AUDIENCE is missing: API_JWKS_URL needs it",
    "API_JWT_ISSUER is missing: API_JWKS_URL needs it",
  ]);
  const named = { ...keys, API_JWT_AUDIENCE: "signal-room", API_JWT_ISSUER: "https://id.example" };
  expect(load(named).api).toMatchObject({ audience: "signal-room", issuer: "https://id.example" });
});

test("published keys come over TLS, or from this machine", () => {
  const named = { ...required, API_JWT_AUDIENCE: "signal-room", API_JWT_ISSUER: "https://id.example" };
  expect(problemsOf({ ...named, API_JWKS_URL: "http://id.example/keys" })).toEqual([
    "API_JWKS_URL: must be an https:// address",
  ]);
  expect(problemsOf({ ...named, API_JWKS_URL: "http://127.0.0.1:9000/keys" })).toEqual([]);
});

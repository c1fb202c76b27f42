import { expect, test } from "@jest/globals";
import { ConfigError, loadConfig } from "./config.ts";

const env = { DATABASE_URL: "postgres://localhost/x", CLIENTS: "713,acme" };
const load = (more: Record<string, string>) => loadConfig({ ...env, ...more }, [], []);
const problems = (more: Record<string, string>): string[] => {
  try {
    load(more);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};
const secret = "0123456789abcdef01234567";

test("nothing set is no webhook, nobody to tell, and a half-life of seven days", () => {
  expect(load({}).anytrack).toEqual({
    halfLifeDays: 7,
    webhookPerMinute: 60_000,
    webhookSecrets: new Map(),
    collect: new Map(),
  });
});

test("a setting without a suffix is the first client's, one with a suffix its client's; secrets are never printed", () => {
  const config = load({
    ANYTRACK_WEBHOOK_SECRET: secret,
    ANYTRACK_WEBHOOK_SECRET_ACME: `${secret}-acme`,
    ANYTRACK_ACCOUNT_ID_ACME: "a",
    ANYTRACK_INTEGRATION_ACME: "shop",
    ANYTRACK_COLLECT_URL: "http://127.0.0.1:1",
  });
  expect([...config.anytrack.webhookSecrets]).toEqual([
    ["713", secret],
    ["acme", `${secret}-acme`],
  ]);
  expect([...config.anytrack.collect]).toEqual([
    ["acme", { baseUrl: "http://127.0.0.1:1", accountId: "a", integration: "shop" }],
  ]);
  expect(config.secrets).toEqual(expect.arrayContaining([secret, `${secret}-acme`]));
});

test.each([
  [{ ANYTRACK_WEBHOOK_SECRET: "short" }, "ANYTRACK_WEBHOOK_SECRET: must have 24"],
  [{ ANYTRACK_WEBHOOK_SECRET: secret, ANYTRACK_WEBHOOK_SECRET_ACME: secret }, "two clients must not share"],
  [{ ANYTRACK_INTEGRATION: "shop" }, "ANYTRACK_ACCOUNT_ID is missing"],
  [{ ANYTRACK_INTEGRATION: "shop", ANYTRACK_ACCOUNT_ID: "a", ANYTRACK_COLLECT_URL: "x" }, "ANYTRACK_COLLECT_URL"],
  [{ ANYTRACK_HALF_LIFE_DAYS: "0" }, "ANYTRACK_HALF_LIFE_DAYS"],
  [{ ANYTRACK_WEBHOOK_PER_MINUTE: "1.5" }, "ANYTRACK_WEBHOOK_PER_MINUTE"],
])("%j is refused", (more, message) => {
  expect(problems(more as Record<string, string>)).toEqual([expect.stringContaining(message)]);
});

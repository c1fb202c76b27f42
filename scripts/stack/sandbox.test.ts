import { expect, test } from "@jest/globals";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { accountsOfSandbox, playCollect, settingsOfMock } from "./sandbox.ts";

const collected = (set: Record<string, string>, hasSandbox = true) => {
  const env = { DATABASE_URL: "postgres://x", SANDBOX_PORT: "4010", ...set };
  playCollect(env, hasSandbox);
  return [...loadConfig(env, [], []).anytrack.collect].map(([client, { baseUrl }]) => [client, baseUrl]);
};
const sandbox = "http://127.0.0.1:4010/anytrack";

test("a plain start tells the sandbox of conversions, for every client", () => {
  expect(collected({})).toEqual([["713", sandbox]]);
  expect(collected({ CLIENTS: "713,acme" })).toEqual([
    ["713", sandbox],
    ["acme", sandbox],
  ]);
});

test("whoever has anything at AnyTrack keeps it, and without a sandbox there is nothing to tell", () => {
  expect(collected({ ANYTRACK_INTEGRATION: "shop", ANYTRACK_ACCOUNT_ID: "a" })).toEqual([
    ["713", "https://t1.anytrack.io"],
  ]);
  expect(collected({ ANYTRACK_API_KEY: "key", ANYTRACK_ACCOUNT_ID: "a" })).toEqual([]);
  expect(collected({}, false)).toEqual([]);
});

test("a mock Redtrack is asked as often as Redtrack allows, and a pace that was set stays", () => {
  const paceOf = (set: Record<string, string>) => {
    const env = { SANDBOX_PORT: "4010", ...set };
    for (const account of accountsOfSandbox(env)) Object.assign(env, settingsOfMock(account, env));
    const { accounts } = loadConfig({ DATABASE_URL: "postgres://x", ...env }, vendors, sources);
    return [...accounts.values()].filter(({ vendor }) => vendor === "redtrack").map(({ pace }) => pace.intervalMs);
  };
  expect(paceOf({})).toEqual([500]);
  expect(paceOf({ CLIENTS: "713,acme" })).toEqual([500, 500]);
  expect(paceOf({ REDTRACK_INTERVAL_MS: "4000" })).toEqual([4_000]);
  expect(paceOf({ REDTRACK_API_KEY: "real" })).toEqual([1_000]);
});

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { expect, test } from "@jest/globals";
import { authorizedBuyers } from "../../connectors/exchanges/authorized-buyers.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { startSandbox } from "../../sandbox/server.ts";
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

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const demoKey = privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");

/** The accounts of a start with these settings, as its parts find them. */
function accountsOf(set: Record<string, string>) {
  const env = { SANDBOX_PORT: "4010", GOOGLE_DEMO_PRIVATE_KEY: demoKey, ...set };
  for (const account of accountsOfSandbox(env)) Object.assign(env, settingsOfMock(account, env));
  return [...loadConfig({ DATABASE_URL: "postgres://x", ...env }, vendors, sources).accounts.values()];
}

test("without a key of Google's, each client's seats are the sandbox's", async () => {
  const seatsOf = (set: Record<string, string>) =>
    accountsOf(set).filter(({ vendor, secrets }) => vendor === "authorized_buyers" && secrets !== null);
  expect(seatsOf({ CLIENTS: "713,acme" }).map(({ client, baseUrl }) => [client, baseUrl])).toEqual([
    ["713", "http://127.0.0.1:4010/authorized_buyers"],
    ["acme", "http://127.0.0.1:4010/authorized_buyers"],
  ]);
  expect(seatsOf({ SANDBOX: "off" })).toEqual([]);
  const sandbox = await startSandbox({ googleKey: createPublicKey(privateKey) });
  try {
    const [account] = seatsOf({});
    const key = String(account?.secrets?.["AUTHORIZED_BUYERS_KEY"]);
    const { form } = await authorizedBuyers.probe({ AUTHORIZED_BUYERS_KEY: key }, {});
    const statusOf = async (asked: Record<string, string>) =>
      (await fetch(`${sandbox.url}/authorized_buyers/token`, { method: "POST", body: new URLSearchParams(asked) }))
        .status;
    expect(await statusOf({ ...form })).toBe(200);
    expect(await statusOf({ ...form, assertion: `${String(form?.["assertion"]).slice(0, -8)}AAAAAAAA` })).toBe(400);
  } finally {
    await sandbox.close();
  }
});

test("a vendor without a mock server stays without a key, and the others have theirs", () => {
  const mocked = (mocks?: string[]) => accountsOfSandbox({}, mocks).map(({ vendor }) => vendor);
  expect(mocked()).toEqual(expect.arrayContaining(["redtrack", "everflow", "reddit", "hubspot"]));
  expect(mocked(["redtrack", "hubspot"])).toEqual(["redtrack", "hubspot"]);
});

test("a mock Redtrack is asked as often as Redtrack allows, and a pace that was set stays", () => {
  const paceOf = (set: Record<string, string>) =>
    accountsOf(set)
      .filter(({ vendor }) => vendor === "redtrack")
      .map(({ pace }) => pace.intervalMs);
  expect(paceOf({})).toEqual([500]);
  expect(paceOf({ CLIENTS: "713,acme" })).toEqual([500, 500]);
  expect(paceOf({ REDTRACK_INTERVAL_MS: "4000" })).toEqual([4_000]);
  expect(paceOf({ REDTRACK_API_KEY: "real" })).toEqual([1_000]);
});

test("the sandbox's product categories have names, and names that were set stay", () => {
  const genresOf = (set: Record<string, string>) => {
    const env = { DATABASE_URL: "postgres://x", SANDBOX_PORT: "4010", GOOGLE_DEMO_PRIVATE_KEY: demoKey, ...set };
    for (const account of accountsOfSandbox(env)) Object.assign(env, settingsOfMock(account, env));
    return loadConfig(env, vendors, sources).clusters.get("713")?.genres;
  };
  expect(genresOf({})?.get("11007")).toBe("Puzzle");
  expect([...(genresOf({ CLUSTER_GENRES: "5=Own" }) ?? [])]).toEqual([["5", "Own"]]);
  expect([...(genresOf({ CLUSTER_GENRES_713: "6=Mine" }) ?? [])]).toEqual([["6", "Mine"]]);
});

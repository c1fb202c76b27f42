import { expect, test } from "@jest/globals";
import { loadConfig } from "../../settings/config.ts";
import { sources, vendors } from "../registry.ts";
import { addressesOf } from "../vendor-http.ts";
import { platformAccount, type StoredAccess } from "./account.ts";
import { instagram } from "./instagram.ts";
import { meta } from "./meta.ts";
import type { Platform } from "./platform.ts";
import { reddit } from "./reddit.ts";

const env = { DATABASE_URL: "postgres://localhost/x", CLIENTS: "713,acme" };
const keys = { REDDIT_CLIENT_ID: "our-app", REDDIT_CLIENT_SECRET: "our-secret" };
const nothing: StoredAccess = { mode: null, credentials: null, affiliate: null };

function account(platform: Platform, set: Record<string, string>, stored: Partial<StoredAccess> = {}, client = "713") {
  const config = loadConfig({ ...env, ...set }, vendors, sources);
  const found = platformAccount({ config, platform, client, stored: { ...nothing, ...stored } });
  return { ...found, addresses: addressesOf(platform.vendor, found) };
}

test("the settings decide where nobody stored anything", () => {
  expect(account(reddit, keys)).toMatchObject({
    name: "reddit/713",
    baseUrl: "https://oauth.reddit.com",
    addresses: { tokens: "https://www.reddit.com" },
    linkBaseUrl: null,
    isSandbox: false,
    credentials: { ...keys, REDDIT_USER_AGENT: expect.stringContaining("(by /u/") },
  });
});

test("a platform that wants to know who asks is told so by its links' hosts, too", () => {
  const REDDIT_USER_AGENT = "web:our-app:1.0 (by /u/our-name)";
  expect(account(reddit, { ...keys, REDDIT_USER_AGENT }).userAgent).toBe(REDDIT_USER_AGENT);
  expect(account(meta, { META_ADS_ACCESS_TOKEN: "x" }).userAgent).toBeUndefined();
});

test("an address without TLS is a stand-in's, which plays every other address too", () => {
  expect(account(reddit, { ...keys, REDDIT_BASE_URL: "http://127.0.0.1:3010/reddit" })).toMatchObject({
    isSandbox: true,
    addresses: { tokens: "http://127.0.0.1:3010/reddit" },
    linkBaseUrl: "http://127.0.0.1:3010/reddit/links",
    credentials: keys,
  });
  expect(
    account(reddit, {
      ...keys,
      REDDIT_BASE_URL: "http://127.0.0.1:3010/reddit",
      REDDIT_TOKENS_BASE_URL: "http://127.0.0.1:4000",
      REDDIT_LINK_BASE_URL: "http://127.0.0.1:5000",
    }),
  ).toMatchObject({ addresses: { tokens: "http://127.0.0.1:4000" }, linkBaseUrl: "http://127.0.0.1:5000" });
});

test("a client without a key has none, and it says which are missing", () => {
  expect(account(reddit, keys, {}, "acme")).toMatchObject({
    credentials: null,
    secrets: null,
    missing: ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"],
  });
  expect(account(instagram, {}).missing).toEqual(["INSTAGRAM_ACCESS_TOKEN"]);
});

test("stored credentials come before the settings, whole: one account's id never goes with another's token", () => {
  const set = { INSTAGRAM_ACCESS_TOKEN: "from-settings", INSTAGRAM_USER_ID: "111" };
  expect(account(instagram, set, { credentials: { INSTAGRAM_ACCESS_TOKEN: "stored" } }).secrets).toEqual({
    INSTAGRAM_ACCESS_TOKEN: "stored",
  });
});

test("switched to the sandbox, no real key goes there; switched back, no sandbox key goes out", () => {
  const real = account(reddit, { ...keys, SANDBOX_PORT: "3155" }, { mode: "sandbox" });
  expect(real).toMatchObject({
    baseUrl: "http://127.0.0.1:3155/reddit",
    isSandbox: true,
    secrets: { REDDIT_CLIENT_ID: "sandbox-713", REDDIT_CLIENT_SECRET: "sandbox-713" },
  });
  const played = {
    REDDIT_CLIENT_ID: "sandbox-713",
    REDDIT_CLIENT_SECRET: "sandbox-713",
    REDDIT_BASE_URL: "http://127.0.0.1:3010/reddit",
  };
  expect(account(reddit, played, { mode: "real" })).toMatchObject({
    baseUrl: "https://oauth.reddit.com",
    linkBaseUrl: null,
    credentials: null,
    missing: ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"],
  });
  expect(account(reddit, played, { mode: "real", credentials: keys })).toMatchObject({
    baseUrl: "https://oauth.reddit.com",
    secrets: keys,
  });
  expect(account(meta, { SANDBOX_URL: "http://sandbox:3010/" }, { mode: "sandbox" }).baseUrl).toBe(
    "http://sandbox:3010/meta_ads",
  );
});

test("an affiliate's own token is used, takes turns of its own, and no token of the client goes with it", () => {
  const set = { INSTAGRAM_ACCESS_TOKEN: "the-clients", INSTAGRAM_USER_ID: "111" };
  const own = account(instagram, set, {
    affiliate: { id: "7", credentials: { INSTAGRAM_ACCESS_TOKEN: "the-affiliates" } },
  });
  expect(own.name).toBe("instagram/713/affiliate-7");
  expect(own.secrets).toEqual({ INSTAGRAM_ACCESS_TOKEN: "the-affiliates" });
  expect(own.credentials).toMatchObject({ INSTAGRAM_ACCESS_TOKEN: "the-affiliates", CREDENTIALS_OF: "affiliate" });
  expect(account(instagram, set).credentials).not.toHaveProperty("CREDENTIALS_OF");
});

test("Reddit's needs our application beside it, and works without one where it is a token by itself", () => {
  const refresh = { id: "7", credentials: { REDDIT_REFRESH_TOKEN: "theirs" } };
  expect(account(reddit, keys, { affiliate: refresh }).secrets).toEqual({ ...keys, REDDIT_REFRESH_TOKEN: "theirs" });
  const access = { id: "7", credentials: { REDDIT_ACCESS_TOKEN: "theirs" } };
  expect(account(reddit, {}, { affiliate: access }).credentials).toMatchObject({ REDDIT_ACCESS_TOKEN: "theirs" });
});

test("an affiliate brings a token and nothing else: no address, no setting, no key of another kind", () => {
  const brought = {
    REDDIT_BASE_URL: "http://169.254.169.254",
    REDDIT_LINK_BASE_URL: "http://10.0.0.1",
    REDDIT_CLIENT_ID: "x",
  };
  const own = account(reddit, keys, { affiliate: { id: "7", credentials: brought } });
  expect(own).toMatchObject({
    name: "reddit/713",
    baseUrl: "https://oauth.reddit.com",
    linkBaseUrl: null,
    secrets: keys,
  });
  // Nor does who stores a configuration.
  const stored = account(reddit, {}, { credentials: { ...keys, ...brought, REDDIT_CLIENT_ID: "our-app" } });
  expect(stored).toMatchObject({ baseUrl: "https://oauth.reddit.com", linkBaseUrl: null });
});

test("a client nobody configured has no account", () => {
  expect(() => account(reddit, keys, {}, "other")).toThrow("no client other");
});

test("a vendor without other addresses has none", () => {
  expect(addressesOf(instagram.vendor, { baseUrl: "https://graph.facebook.com", settings: {} })).toEqual({});
});

import { expect, test } from "@jest/globals";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { destinations, sources, vendors } from "../registry.ts";

const env = { DATABASE_URL: "postgres://localhost/x", CLIENTS: "713,acme" };
const load = (more: Record<string, string>) => loadConfig({ ...env, ...more }, vendors, sources);

test("a destination is an account like any other, without being a source", () => {
  const { accounts } = load({ META_PIXEL_ID: "12345", META_ACCESS_TOKEN: "token-of-713" });
  expect(accounts.get("meta/713")).toMatchObject({
    secrets: { META_PIXEL_ID: "12345", META_ACCESS_TOKEN: "token-of-713" },
    settings: { META_GRAPH_VERSION: "v26.0" },
  });
  expect(accounts.get("meta/acme")).toMatchObject({
    secrets: null,
    missing: ["META_PIXEL_ID_ACME", "META_ACCESS_TOKEN_ACME"],
  });
  expect(sources.some((source) => destinations.includes(source.vendor))).toBe(false);
});

test("its settings may differ per client, hold for all without a suffix, and are no secrets", () => {
  const { accounts, secrets } = load({
    META_GRAPH_VERSION: "v25.0",
    META_GRAPH_VERSION_ACME: "v24.0",
    HUBSPOT_ID_PROPERTY: "our_key",
  });
  expect(["713", "acme"].map((client) => accounts.get(`meta/${client}`)?.settings["META_GRAPH_VERSION"])).toEqual([
    "v25.0",
    "v24.0",
  ]);
  expect(accounts.get("hubspot/acme")?.settings).toMatchObject({
    HUBSPOT_ID_PROPERTY: "our_key",
    HUBSPOT_DEALSTAGE: "closedwon",
  });
  expect(secrets).not.toContain("our_key");
});

test("a wrong setting is named", () => {
  expect(() => load({ META_GRAPH_VERSION: "26", HUBSPOT_TIMEZONE_ACME: "Mars/Olympus" })).toThrow(
    /META_GRAPH_VERSION: must look like v26.0\n.*HUBSPOT_TIMEZONE_ACME: must be a time zone/,
  );
  expect(() => load({ IDENTITY_ENCRYPTION_KEY: "short" })).toThrow("IDENTITY_ENCRYPTION_KEY: must be 32 bytes");
});

test.each(destinations)("looking whether $name's key works shows the key to nobody", (vendor) => {
  const names = Object.keys(vendor.secrets.shape);
  const request = vendor.probe(Object.fromEntries(names.map((name) => [name, `canary-${name}`])), {});
  expect(request.method ?? "GET").toBe("GET");
  expect(JSON.stringify(request.query ?? {})).not.toContain("canary");
  expect(createRedactor(names.map((name) => `canary-${name}`))(JSON.stringify(request))).not.toContain("canary");
});

import { expect, test } from "@jest/globals";
import { createRedactor } from "../../core/redact.ts";
import { settingName } from "../../core/setting-name.ts";
import { personDestinations } from "../../rules/conversions/person-destinations.ts";
import { loadConfig } from "../../settings/config.ts";
import { sources, vendors } from "../registry.ts";
import { partByAge } from "./destination.ts";
import { destinations } from "./registry.ts";

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
  expect(sources.some((source) => source.vendor.isDestination === true)).toBe(false);
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

test.each(destinations)("looking whether $name's key works shows the key to nobody", async (vendor) => {
  const names = Object.keys(vendor.secrets.shape);
  const request = await vendor.probe(Object.fromEntries(names.map((name) => [name, `canary-${name}`])), {});
  expect(request.method ?? "GET").toBe("GET");
  expect(JSON.stringify(request.query ?? {})).not.toContain("canary");
  expect(createRedactor(names.map((name) => `canary-${name}`))(JSON.stringify(request))).not.toContain("canary");
});

test("every destination has the settings that say what goes there, and one that is sent personal data is known to the HTTP server", () => {
  for (const { name, settings, takesPersons } of destinations) {
    const prefix = settingName(name);
    expect(Object.keys(settings?.shape ?? {})).toEqual(
      expect.arrayContaining([`${prefix}_FEEDS`, `${prefix}_TYPES`, `${prefix}_CLOCK`]),
    );
    expect([name, takesPersons]).toEqual([name, personDestinations.some((account) => account.name === name)]);
  }
  expect(personDestinations.map(({ name }) => destinations.some((destination) => destination.name === name))).toEqual([
    true,
  ]);
});

test("what has become too old while its batch waited is not sent, at a destination that has such a limit", () => {
  const now = new Date("2026-03-10T12:00:00Z");
  const conversions = ["2026-03-03T12:00:59Z", "2026-03-03T12:01:00Z"].map((time, index) => ({
    conversionKey: `everflow:${index}`,
    eventTime: new Date(time),
  }));
  const [old, young] = conversions;
  const ageLimitMs = destinations.find(({ name }) => name === "meta")?.ageLimitMs ?? null;
  expect(partByAge(conversions, { now, ageLimitMs })).toEqual({
    inTime: [young],
    expired: [{ conversionKey: old?.conversionKey, state: "expired", answer: "not sent: too old for the destination" }],
  });
  expect(partByAge(conversions, { now, ageLimitMs: null }).inTime).toEqual(conversions);
});

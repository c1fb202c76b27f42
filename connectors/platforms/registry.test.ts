import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { settingName } from "../../core/setting-name.ts";
import { loadConfig } from "../../settings/config.ts";
import { platformNames } from "./addresses.ts";
import { vendorNames } from "../../sandbox/find-vendors.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { allQueues } from "../../workers/workers.ts";
import { sources, vendors } from "../registry.ts";
import { vendorHttp } from "../vendor-http.ts";
import type { Platform } from "./platform.ts";
import { platforms } from "./registry.ts";

jest.setTimeout(30_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** As `npm run doctor` looks at a key. */
async function probe({ vendor }: Platform, key: string): Promise<unknown> {
  const secrets = Object.fromEntries(Object.keys(vendor.secrets.shape).map((name) => [name, key]));
  const baseUrl = `${sandbox.url}/${vendor.name}`;
  const env = { DATABASE_URL: "postgres://localhost/x", [settingName(vendor.name, "BASE_URL")]: baseUrl, ...secrets };
  const account = loadConfig(env, vendors, sources).accounts.get(`${vendor.name}/713`);
  if (account === undefined) throw new Error(`no account for ${vendor.name}`);
  const beforeRequest = () => Promise.resolve(() => Promise.resolve());
  const http = vendorHttp({ vendor, account, redact: (text) => text, beforeRequest });
  return http.json(await vendor.probe(secrets, account.settings));
}

const played = platforms.filter(({ vendor }) => vendorNames().includes(vendor.name));

test.each(played)("$name's probe tells a key that works from one that does not", async (platform) => {
  await expect(probe(platform, "sandbox-713")).resolves.toBeDefined();
  await expect(probe(platform, "nobodys-key")).rejects.toMatchObject({ kind: "unauthorized" });
});

test("every platform has its queue, and is one whose addresses can be read", () => {
  for (const { name, vendor } of platforms) {
    expect(allQueues(sources)).toContain(`vendor-${settingName(vendor.name).toLowerCase()}`);
    expect(platformNames).toContain(name);
  }
});

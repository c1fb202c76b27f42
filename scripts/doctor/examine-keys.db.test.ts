import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sources, vendors } from "../../connectors/registry.ts";
import { createRedactor } from "../../core/redact.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { examineKey } from "./examine-keys.ts";

let database: TestDatabase;
let vendor: Server;
beforeAll(async () => {
  database = await testDatabase();
  vendor = createServer((_, response) => response.writeHead(401).end("{}"));
  await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  vendor.close();
  await database.drop();
});

test("a key that is refused is named by its own client's setting, not the first client's", async () => {
  const env = {
    DATABASE_URL: database.url,
    CLIENTS: "713,acme",
    REDTRACK_BASE_URL: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`,
    REDTRACK_API_KEY: "a-key-of-713",
    REDTRACK_API_KEY_ACME: "a-key-of-acme",
  };
  const config = loadConfig(env, vendors, sources);
  const context = { env, config, redact: createRedactor(config.secrets) } as unknown as CommandContext;
  for (const [name, setting] of [
    ["redtrack/713", "REDTRACK_API_KEY"],
    ["redtrack/acme", "REDTRACK_API_KEY_ACME"],
  ]) {
    const account = [...config.accounts.values()].find((one) => one.name === name);
    if (account === undefined) throw new Error(`no account ${name}`);
    const [finding] = await examineKey(context, account, database.pool);
    expect(finding).toMatchObject({ level: "FAIL", what: expect.stringContaining("the key is refused") });
    expect(JSON.stringify(finding)).toContain(`set ${setting} to a key that works`);
    expect(JSON.stringify(finding)).not.toContain("a-key-of");
  }
});

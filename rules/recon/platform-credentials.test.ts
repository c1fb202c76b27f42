import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { openCredentials, sealCredentials } from "./platform-credentials.ts";

test("sealed credentials open for their own owner and key alone, and show nothing", () => {
  const key = keyRing(randomBytes(32));
  const owner = { client: "713", platform: "reddit", affiliateId: null };
  const credentials = { REDDIT_CLIENT_ID: "id", REDDIT_CLIENT_SECRET: "a-canary-secret" };
  const sealed = sealCredentials(key, owner, credentials);
  expect(sealed.toString("latin1")).not.toContain("canary");
  expect(openCredentials(key, owner, sealed)).toEqual(credentials);
  for (const other of [{ client: "acme" }, { platform: "meta" }, { affiliateId: "7" }])
    expect(openCredentials(key, { ...owner, ...other }, sealed)).toBeNull();
  expect(openCredentials(keyRing(randomBytes(32)), owner, sealed)).toBeNull();
});

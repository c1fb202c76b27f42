import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { hashDiscordUser } from "./discord-user.ts";

const key = randomBytes(32);
const userId = "9007199254740993";
const hash = hashDiscordUser(key, { client: "713", userId });

test("an account is the same hash every time, and none of another account, client or key", () => {
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(hashDiscordUser(key, { client: "713", userId })).toBe(hash);
  expect(hashDiscordUser(key, { client: "713", userId: "9007199254740994" })).not.toBe(hash);
  expect(hashDiscordUser(key, { client: "acme", userId })).not.toBe(hash);
  expect(hashDiscordUser(randomBytes(32), { client: "713", userId })).not.toBe(hash);
});

test("the key that seals credentials is not the one that hashes", () => {
  expect(hash).not.toBe(createHmac("sha256", key).update(`713/${userId}`).digest("hex"));
});

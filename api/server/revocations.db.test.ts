import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { SignJWT } from "jose";
import { tokenHash } from "../../core/tokens.ts";
import { revokeToken } from "../../queries/ops/tokens.ts";
import type { Queryable } from "../../schema/database.ts";
import { bearer, testSecret, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "./parts.ts";
import { createRevocations } from "./revocations.ts";

let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const call = async (authorization: string) =>
  (await api.inject({ url: "/api/v1/ops/runs", headers: { authorization } })).statusCode;

let elapsedMs = 0;
/** Moves the clock alone: timers and Postgres go on as they are. */
function laterBy(ms: number): void {
  elapsedMs += ms;
  const now = performance.timeOrigin + performance.now() + elapsedMs;
  jest.spyOn(Date, "now").mockReturnValue(now);
}

/** A process may not know for two seconds: the test does not sit them out, and does not know when they began. */
async function refusedSoon(authorization: string): Promise<void> {
  laterBy(2_100);
  try {
    expect(await call(authorization)).toBe(401);
  } finally {
    jest.restoreAllMocks();
  }
}

test("a token that was revoked by its id is refused though it was let in before; another of the same person is not", async () => {
  const [one, other] = [await bearer({ tokenId: "one" }), await bearer({ tokenId: "other" })];
  expect([await call(one.authorization), await call(other.authorization)]).toEqual([200, 200]);
  const expiresAt = new Date(Date.now() + 60_000);
  const token = { client: "713", tokenId: "one", expiresAt, by: "cli:test" };
  expect([await revokeToken(database.pool, token), await revokeToken(database.pool, token)]).toEqual([true, false]);
  await refusedSoon(one.authorization);
  expect(await call(other.authorization)).toBe(200);
});

test("a token without an id is revoked by its hash", async () => {
  const token = await new SignJWT({ client: "713", role: "analyst" })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(testSecret));
  expect(await call(`Bearer ${token}`)).toBe(200);
  await revokeToken(database.pool, { client: "713", tokenId: tokenHash(token), expiresAt: null, by: "cli:test" });
  await refusedSoon(`Bearer ${token}`);
});

test("without Postgres nobody is let in unseen; what was read shortly before is good enough", async () => {
  let isAway = true;
  const reading = {
    query: () => (isAway ? Promise.reject(new Error("away")) : Promise.resolve({ rows: [{ tokenId: "one" }] })),
  } as unknown as Queryable;
  const isRevoked = createRevocations(reading);
  await expect(isRevoked({ id: "one", hash: "x" })).rejects.toMatchObject({ code: "unavailable" });
  isAway = false;
  expect(await isRevoked({ id: "one", hash: "x" })).toBe(true);
  isAway = true;
  try {
    laterBy(30_000);
    expect([await isRevoked({ id: "one", hash: "x" }), await isRevoked({ id: "two", hash: "x" })]).toEqual([
      true,
      false,
    ]);
    laterBy(31_000);
    await expect(isRevoked({ id: "two", hash: "x" })).rejects.toMatchObject({ code: "unavailable" });
  } finally {
    jest.restoreAllMocks();
  }
});

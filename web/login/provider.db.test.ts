import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { startIdentityProvider, type IdentityProvider } from "../../test/identity-provider.ts";
import { pageServer } from "../../test/page-server.ts";

const publicUrl = "http://127.0.0.1:3003";
let database: TestDatabase;
let provider: IdentityProvider;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  provider = await startIdentityProvider({ redirectUri: `${publicUrl}/login/back` });
  const env = {
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    PUBLIC_URL: publicUrl,
  };
  ({ api } = await pageServer({ database: database.pool, env }));
});
afterAll(async () => {
  await api?.close();
  await provider?.close();
  await database?.drop();
});

type Jar = Record<string, string>;
const headersOf = (jar: Jar) => ({
  host: "127.0.0.1:3003",
  cookie: Object.entries(jar)
    .map(([name, value]) => `${name}=${value}`)
    .join("; "),
});

async function begin(next = "/cost"): Promise<{ jar: Jar; address: string }> {
  const answer = await api.inject({ url: `/login/provider?next=${encodeURIComponent(next)}`, headers: headersOf({}) });
  const jar = Object.fromEntries(answer.cookies.map(({ name, value }) => [name, value]));
  return { jar, address: String(answer.headers.location) };
}

async function comeBack(jar: Jar, back: string) {
  const { pathname, search } = new URL(back);
  return api.inject({ url: pathname + search, headers: headersOf(jar) });
}

test("whoever the provider knows, with a client and a role, is let in and comes to where they wanted", async () => {
  provider.claims = { client: "713", role: ["staff", "analyst"] };
  const { jar, address } = await begin("/cost?period=7d");
  const answer = await comeBack(jar, await provider.logIn(address));
  expect([answer.statusCode, answer.headers.location]).toEqual([303, "/cost?period=7d"]);
  const session = answer.cookies.find(({ name }) => name === "session")?.value ?? "";
  const sessions = await api.inject({ url: "/sessions", headers: headersOf({ session }) });
  expect(sessions.statusCode).toBe(200);
  expect(sessions.body).toContain("ada-17");
  expect(sessions.body).toContain("analyst");
});

test.each([
  [{}, "role"],
  [{ client: "713", role: "owner" }, "role"],
  [{ client: "999", role: "admin" }, "client"],
  [{ client: "713", role: "advertiser" }, "advertiser"],
])("claims %j let nobody in, and the page names the claim", async (claims, named) => {
  provider.claims = claims;
  const { jar, address } = await begin();
  const answer = await comeBack(jar, await provider.logIn(address));
  expect(answer.statusCode).toBe(401);
  expect(answer.body).toContain(`claim &quot;${named}&quot;`);
  expect(answer.cookies.some(({ name }) => name === "session")).toBe(false);
});

test("an answer that was meant for another browser, was changed, or comes twice lets nobody in", async () => {
  provider.claims = { client: "713", role: "admin" };
  const [one, other] = [await begin(), await begin()];
  const back = await provider.logIn(one.address);
  const changed = back.replace(/code=[^&]+/, "code=made-up");
  for (const [jar, address] of [
    [{}, back],
    [other.jar, back],
    [one.jar, changed],
  ] as [Jar, string][]) {
    const answer = await comeBack(jar, address);
    expect([answer.statusCode, answer.cookies.some(({ name }) => name === "session")]).toEqual([401, false]);
  }
  expect((await comeBack(one.jar, back)).statusCode).toBe(303);
  expect((await comeBack(one.jar, back)).statusCode).toBe(401);
});

test("a provider that is away is said to be", async () => {
  const { api: lonely } = await pageServer({
    database: database.pool,
    env: { OIDC_ISSUER: "http://127.0.0.1:9", OIDC_CLIENT_ID: "x", PUBLIC_URL: publicUrl },
  });
  const answer = await lonely.inject({ url: "/login/provider", headers: headersOf({}) });
  await lonely.close();
  expect(answer.statusCode).toBe(503);
  expect(answer.body).toContain("does not answer");
});

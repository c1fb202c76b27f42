import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from "jose";
import { issueToken } from "../../core/tokens.ts";
import type { Api } from "./parts.ts";
import { bearer, testSecret, testServer } from "../../test/api-server.ts";

const secretBytes = new TextEncoder().encode(testSecret);
let api: Api;
beforeAll(async () => {
  api = await testServer();
});
afterAll(() => api.close());

const call = (authorization?: string, server = api) =>
  server.inject({ url: "/api/v1/ops/runs", headers: authorization === undefined ? {} : { authorization } });
const inFiveMinutes = () => Math.floor(Date.now() / 1_000) + 300;
const sign = (payload: Record<string, unknown>, key: Uint8Array | CryptoKey = secretBytes, alg = "HS256") =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(key);

async function expectRefused(token: string, server = api): Promise<void> {
  const answer = await call(`Bearer ${token}`, server);
  expect(answer.statusCode).toBe(401);
  expect(answer.json()).toEqual({ error: "unauthorized", message: expect.any(String) });
  expect(answer.headers["www-authenticate"]).toBe("Bearer");
}

test("a good token is let in", async () => {
  const { authorization } = await bearer({ role: "analyst" });
  expect((await call(authorization)).statusCode).toBe(200);
});

test("nobody comes in without a token, with half a header or with another scheme", async () => {
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer a.b",
    "Basic YWRtaW46YWRtaW4=",
    `Bearer ${"x".repeat(4_000)}`,
    "Bearer e30.e30.e30",
  ]) {
    expect((await call(header)).statusCode).toBe(401);
  }
});

test("alg none is refused, however it is spelled", async () => {
  const payload = { client: "713", role: "admin" };
  await expectRefused(new UnsecuredJWT(payload).setExpirationTime(inFiveMinutes()).encode());
  for (const alg of ["none", "None", "NONE", "HS512"]) {
    const [head, body] = [{ alg }, { ...payload, exp: inFiveMinutes() }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    await expectRefused(`${head}.${body}.`);
    await expectRefused(`${head}.${body}.c2lnbmF0dXJl`);
  }
});

test("an expired token, one that never ends, and one of another key are refused", async () => {
  const claims = { client: "713", role: "admin", sub: "ada" };
  await expectRefused(await sign({ ...claims, exp: inFiveMinutes() - 600 }));
  await expectRefused(await sign(claims));
  await expectRefused(await sign({ ...claims, nbf: inFiveMinutes(), exp: inFiveMinutes() + 60 }));
  await expectRefused(
    await issueToken({
      secret: "another-secret-of-forty-characters-length",
      client: "713",
      role: "admin",
      subject: "eve",
      expiresInSeconds: 60,
    }),
  );
});

test("a token that was let in before is refused once it has ended", async () => {
  const authorization = `Bearer ${await sign({ client: "713", role: "analyst", exp: inFiveMinutes() })}`;
  expect((await call(authorization)).statusCode).toBe(200);
  expect((await call(authorization)).statusCode).toBe(200);
  jest.useFakeTimers({ now: Date.now() + 310_000, advanceTimers: true });
  try {
    const late = await call(authorization);
    expect([late.statusCode, late.json<{ message: string }>().message]).toEqual([401, "the token has expired"]);
  } finally {
    jest.useRealTimers();
  }
  // Whoever holds a token that ends in the same way is still nobody with another signature.
  await expectRefused(`${authorization.slice("Bearer ".length, -4)}AAAA`);
});

test("a token that was changed after signing is refused", async () => {
  const [head, , signature] = (
    await issueToken({ secret: testSecret, client: "713", role: "analyst", subject: "eve", expiresInSeconds: 60 })
  ).split(".");
  const body = Buffer.from(JSON.stringify({ client: "713", role: "admin", exp: inFiveMinutes() })).toString(
    "base64url",
  );
  await expectRefused(`${head}.${body}.${signature}`);
});

test("a token without a client, with an unknown role, or an advertiser without an id is refused", async () => {
  const exp = inFiveMinutes();
  await expectRefused(await sign({ role: "admin", exp }));
  await expectRefused(await sign({ client: "", role: "admin", exp }));
  await expectRefused(await sign({ client: ["713"], role: "admin", exp }));
  await expectRefused(await sign({ client: "713", role: "root", exp }));
  await expectRefused(await sign({ client: "713", role: "advertiser", exp }));
});

test("a good token of a role that may not is forbidden, not unauthorized", async () => {
  const { authorization } = await bearer({ role: "advertiser", advertiser: "42" });
  const answer = await call(authorization);
  expect(answer.statusCode).toBe(403);
  expect(answer.json()).toMatchObject({ error: "forbidden" });
  const resolve = await api.inject({
    method: "PUT",
    url: "/api/v1/ops/alerts/1/resolve",
    headers: await bearer({ role: "analyst" }),
    payload: { notes: "x" },
  });
  expect(resolve.statusCode).toBe(403);
});

test("while the secret is changed, tokens of the previous one are accepted; without it they are refused", async () => {
  const current = "another secret of more than 32 characters";
  const [earlier, later, stranger] = await Promise.all([
    bearer(),
    bearer({ secret: current }),
    bearer({ secret: "a secret that this server never had, 32+" }),
  ]);
  const during = await testServer({ jwtSecret: current, previousJwtSecret: testSecret });
  expect((await call(earlier.authorization, during)).statusCode).toBe(200);
  expect((await call(later.authorization, during)).statusCode).toBe(200);
  expect((await call(stranger.authorization, during)).statusCode).toBe(401);
  const expired = await bearer({ expiresInSeconds: -60 });
  expect((await call(expired.authorization, during)).json()).toMatchObject({ message: "the token has expired" });
  await during.close();
  const after = await testServer({ jwtSecret: current });
  expect((await call(earlier.authorization, after)).statusCode).toBe(401);
  expect((await call(later.authorization, after)).statusCode).toBe(200);
  await after.close();
});

test("without any key setting, protected routes say which setting is missing and public ones work", async () => {
  const server = await testServer({ jwtSecret: null });
  const { authorization } = await bearer();
  for (const header of [undefined, authorization]) {
    const answer = await call(header, server);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ error: "unavailable", message: expect.stringContaining("API_JWT_SECRET") });
  }
  expect((await server.inject("/healthz")).statusCode).toBe(200);
  await server.close();
});

test("published keys verify RS256 and ES256, and are never taken for an HMAC secret", async () => {
  const [rsa, ec, stranger] = await Promise.all([
    generateKeyPair("RS256", { extractable: true }),
    generateKeyPair("ES256", { extractable: true }),
    generateKeyPair("RS256"),
  ]);
  const keys = [
    { ...(await exportJWK(rsa.publicKey)), kid: "rsa", alg: "RS256" },
    { ...(await exportJWK(ec.publicKey)), kid: "ec", alg: "ES256" },
  ];
  const idp = createHttpServer((_request, response) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys })),
  );
  await new Promise<void>((resolve) => idp.listen(0, "127.0.0.1", resolve));
  const jwksUrl = `http://127.0.0.1:${(idp.address() as AddressInfo).port}/keys`;
  const server = await testServer({ jwtSecret: null, jwksUrl, audience: "signal-room" });

  const payload = { client: "713", role: "admin", aud: "signal-room", exp: inFiveMinutes() };
  const signed = (alg: string, kid: string, key: CryptoKey | Uint8Array, claims: object = payload) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg, kid }).sign(key);
  expect((await call(`Bearer ${await signed("RS256", "rsa", rsa.privateKey)}`, server)).statusCode).toBe(200);
  expect((await call(`Bearer ${await signed("ES256", "ec", ec.privateKey)}`, server)).statusCode).toBe(200);

  await expectRefused(await signed("HS256", "rsa", new TextEncoder().encode(await exportSPKI(rsa.publicKey))), server);
  await expectRefused(await signed("HS256", "rsa", secretBytes), server);
  await expectRefused(await signed("RS256", "rsa", stranger.privateKey), server);
  await expectRefused(await signed("RS256", "nobody", stranger.privateKey), server);
  await expectRefused(await signed("RS256", "rsa", rsa.privateKey, { ...payload, aud: "another-service" }), server);

  idp.closeAllConnections();
  await new Promise((resolve) => idp.close(resolve));
  const keyless = await testServer({ jwtSecret: testSecret, jwksUrl });
  const away = await call(`Bearer ${await signed("RS256", "rsa", rsa.privateKey)}`, keyless);
  expect(away.statusCode).toBe(503);
  // Confusion the other way round: with both kinds configured, each still verifies its own only.
  await expectRefused(await signed("HS256", "rsa", new TextEncoder().encode(await exportSPKI(rsa.publicKey))), keyless);
  await Promise.all([server.close(), keyless.close()]);
});

test("a token for a client that this server does not have is refused", async () => {
  const server = await testServer({ clients: ["713"] });
  const { authorization } = await bearer({ client: "acme", role: "admin" });
  const answer = await call(authorization, server);
  expect([answer.statusCode, answer.json<{ message: string }>().message]).toEqual([
    401,
    "the token is for a client that this server does not have",
  ]);
  expect((await call((await bearer({ client: "713" })).authorization, server)).statusCode).toBe(200);
  await server.close();
});

test("a server that insists on audience and issuer takes its own tokens that name them, and no others", async () => {
  const server = await testServer({ audience: "signal-room", issuer: "https://id.example" });
  const named = await bearer({ audience: "signal-room", issuer: "https://id.example" });
  expect((await call(named.authorization, server)).statusCode).toBe(200);
  for (const claims of [{}, { audience: "signal-room" }, { audience: "other", issuer: "https://id.example" }])
    expect((await call((await bearer(claims)).authorization, server)).statusCode).toBe(401);
  await server.close();
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import type { Api } from "./parts.ts";
import { isLocalCall } from "./local.ts";
import { bearer, testServer } from "../../test/api-server.ts";

let api: Api;
beforeAll(async () => {
  api = await testServer({ payloadKey: keyRing(randomBytes(32)) });
});
afterAll(() => api.close());

const clear = { metadata: {}, data: Buffer.from("{}").toString("base64") };
const decode = (headers: Record<string, string>, remoteAddress = "127.0.0.1", server = api) =>
  server.inject({ method: "POST", url: "/codec/decode", remoteAddress, headers, payload: { payloads: [clear] } });

test.each(["localhost:3003", "LOCALHOST", "127.0.0.1:3003", "127.1.2.3", "[::1]:3003"])(
  "a program of this machine that asks %s needs no token",
  async (host) => {
    expect((await decode({ host })).statusCode).toBe(200);
  },
);

describe("the codec wants a token from", () => {
  test.each([
    ["a page whose name resolves to this machine", { host: "rebound.example:3003" }],
    ["a name that begins like an address of ours", { host: "127.0.0.1.evil.example" }],
    ["a name that begins like localhost", { host: "localhost.evil.example" }],
    ["a Host that is no name", { host: "127.0.0.1@evil.example" }],
    ["a proxy that says whom it asks for", { host: "localhost", "x-forwarded-for": "127.0.0.1" }],
    ["a proxy that says its scheme only", { host: "localhost", "x-forwarded-proto": "https" }],
    ["a proxy that says it by the standard", { host: "localhost", forwarded: "for=127.0.0.1" }],
    ["a proxy that says only that it is one", { host: "localhost", via: "1.1 proxy" }],
    ["a proxy that names the real address", { host: "localhost", "x-real-ip": "127.0.0.1" }],
    ["a tunnel", { host: "localhost", "cf-connecting-ip": "127.0.0.1" }],
  ])("%s", async (_what, headers) => {
    expect((await decode(headers)).statusCode).toBe(401);
    expect((await decode({ ...headers, ...(await bearer({ role: "operator" })) })).statusCode).toBe(200);
  });

  test("another machine, whatever Host it sends", async () => {
    expect((await decode({ host: "localhost" }, "192.0.2.7")).statusCode).toBe(401);
  });
});

test("a bad token from this machine is refused, not taken for none", async () => {
  expect((await decode({ host: "localhost", authorization: "Bearer e30.e30.e30" })).statusCode).toBe(401);
});

test("HTTP/1.0, which proxies speak unless told otherwise, and a request without a Host are nobody of this machine", () => {
  const asked = (httpVersion: string, host?: string) =>
    isLocalCall({ socket: { remoteAddress: "127.0.0.1" }, headers: { host }, raw: { httpVersion } } as never, {
      host: "127.0.0.1",
      trustedProxies: [],
    });
  expect(asked("1.1", "127.0.0.1:3003")).toBe(true);
  expect([asked("1.0", "127.0.0.1:3003"), asked("1.1", ""), asked("1.1")]).toEqual([false, false, false]);
});

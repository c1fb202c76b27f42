import net from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { InjectOptions } from "fastify";
import { z } from "zod";
import type { Database } from "../schema/database.ts";
import { loggedPath } from "./server/access-log.ts";
import { allow, open } from "./server/access.ts";
import { ApiError } from "./server/errors.ts";
import type { Api, Area } from "./server/parts.ts";
import { bearer, testServer } from "../test/api-server.ts";

const probes: Area = {
  prefix: "/probe",
  routes: (scope) => {
    scope.get("/broken", { config: open }, () => {
      throw Object.assign(new Error('relation "secret_table" does not exist'), {
        code: "42P01",
        severity: "ERROR",
        detail: "Key (email)=(ada@example.com)",
      });
    });
    scope.get("/bad-value", { config: open }, () => {
      throw Object.assign(new Error("invalid byte sequence"), { code: "22021", severity: "ERROR" });
    });
    scope.get("/away", { config: open }, () => {
      throw Object.assign(new Error("connect ECONNREFUSED 10.0.0.7:5432"), { code: "ECONNREFUSED" });
    });
    scope.get("/conflict", { config: open }, () => {
      throw new ApiError("conflict", "another body");
    });
    scope.get("/wrong-answer", { config: open, schema: { response: { 200: z.object({ n: z.number() }) } } }, () =>
      Promise.resolve({ n: "ada@example.com" as unknown as number }),
    );
    scope.post("/echo", { config: open, schema: { body: z.object({ n: z.number() }) } }, ({ body }) =>
      Promise.resolve(body),
    );
    scope.get("/address", { config: open }, (request) => Promise.resolve({ ip: request.ip }));
  },
};

const log: string[] = [];
let api: Api;
beforeAll(async () => {
  api = await testServer({ areas: [probes], log });
});
afterAll(() => api.close());

test("a route that does not say who may call it stops the server from starting", async () => {
  const forgotten: Area = {
    prefix: "/api/v1/recon",
    routes: (scope) => void scope.get("/campaigns", () => Promise.resolve([])),
  };
  await expect(testServer({ areas: [forgotten] })).rejects.toThrow(
    /\/api\/v1\/recon\/campaigns does not say who may call it/,
  );
});

test("a declared route is closed to others, whatever area it is in", async () => {
  const area: Area = {
    prefix: "/api/v1/promo",
    routes: (scope) =>
      void scope.get("/", { config: allow("advertiser") }, ({ caller }) =>
        Promise.resolve({ advertiser: caller?.advertiser }),
      ),
  };
  const server = await testServer({ areas: [area] });
  expect((await server.inject("/api/v1/promo")).statusCode).toBe(401);
  expect((await server.inject({ url: "/api/v1/promo", headers: await bearer({ role: "admin" }) })).statusCode).toBe(
    403,
  );
  expect(
    (
      await server.inject({ url: "/api/v1/promo", headers: await bearer({ role: "advertiser", advertiser: "42" }) })
    ).json(),
  ).toEqual({ advertiser: "42" });
  expect((await server.inject({ method: "HEAD", url: "/api/v1/promo" })).statusCode).toBe(401);
  await server.close();
});

test("every error has the one shape", async () => {
  const headers = await bearer();
  const json = { "content-type": "application/json" };
  const cases: [InjectOptions, number, string][] = [
    [{ url: "/nothing/here" }, 404, "not_found"],
    [{ method: "DELETE", url: "/healthz" }, 404, "not_found"],
    [{ url: "/api/v1/ops/runs?limit=501", headers }, 400, "validation_error"],
    [{ url: "/api/v1/ops/runs?limit=many", headers }, 400, "validation_error"],
    [{ url: "/api/v1/ops/runs?cursor=e30", headers }, 400, "validation_error"],
    [{ url: "/api/v1/ops/runs?source=a%00b", headers }, 400, "validation_error"],
    [{ url: "/api/v1/ops/freshness?from=2025-02-30", headers }, 400, "validation_error"],
    [{ url: "/api/v1/ops/freshness?from=2025-02-02&to=2025-02-01", headers }, 400, "validation_error"],
    [{ method: "PUT", url: "/api/v1/ops/alerts/0/resolve", headers, payload: { notes: "x" } }, 400, "validation_error"],
    [
      { method: "PUT", url: "/api/v1/ops/alerts/1/resolve", headers, payload: { notes: "a\u0000b" } },
      400,
      "validation_error",
    ],
    [{ url: "/%ff" }, 400, "validation_error"],
    [{ method: "POST", url: "/probe/echo", headers: json, payload: "{" }, 400, "validation_error"],
    [{ method: "POST", url: "/probe/echo", headers: json, payload: '{"__proto__":{"n":1}}' }, 400, "validation_error"],
    [
      { method: "POST", url: "/probe/echo", headers: { "content-type": "text/xml" }, payload: "<n/>" },
      400,
      "validation_error",
    ],
    [
      {
        method: "POST",
        url: "/probe/echo",
        headers: json,
        payload: JSON.stringify({ n: 1, pad: "x".repeat(1_100_000) }),
      },
      413,
      "payload_too_large",
    ],
    [{ url: "/probe/broken" }, 500, "internal"],
    [{ url: "/probe/wrong-answer" }, 500, "internal"],
    [{ url: "/probe/bad-value" }, 400, "validation_error"],
    [{ url: "/probe/away" }, 503, "unavailable"],
    [{ url: "/probe/conflict" }, 409, "conflict"],
  ];
  for (const [request, status, code] of cases) {
    const answer = await api.inject(request);
    expect([request, answer.statusCode]).toEqual([request, status]);
    expect(Object.keys(answer.json()).filter((key) => !["error", "message", "details"].includes(key))).toEqual([]);
    expect(answer.json()).toMatchObject({ error: code, message: expect.stringMatching(/\S/) });
    expect(answer.payload).not.toMatch(/secret_table|ada@|10\.0\.0\.7|node_modules|at .*:\d+/);
  }
});

test("a wrong field is named", async () => {
  const answer = await api.inject({ method: "POST", url: "/probe/echo", payload: { n: "one" } });
  expect(answer.json()).toMatchObject({
    error: "validation_error",
    details: { n: expect.stringContaining("expected number") },
  });
});

test("an unknown error is found in the log by its request id, without the row that Postgres quotes", async () => {
  log.length = 0;
  const answer = await api.inject("/probe/broken");
  const { details } = answer.json<{ details: { requestId: string } }>();
  expect(details.requestId).toBe(answer.headers["x-request-id"]);
  const lines = log.filter((line) => line.includes(details.requestId)).join("");
  expect(lines).toContain("42P01");
  expect(lines).not.toContain("ada@example.com");
});

test("secrets in paths and queries do not reach the log, also when the path is mistyped", async () => {
  log.length = 0;
  for (const url of [
    "/hooks/anytrack/s3cr3t-in-path",
    "/hooks/anytrack/s3cr3t-in-path/more?x=s3cr3t-in-path",
    "/HOOKS/anytrack/s3cr3t-in-path",
    "/hooks%2Fanytrack%2Fs3cr3t-in-path",
    "//hooks//anytrack//s3cr3t-in-path",
    "/v1/hooks/s3cr3t/s3cr3t-in-path",
    "/probe/address?api_key=s3cr3t-in-path",
  ]) {
    await api.inject({ method: "POST", url });
  }
  expect(log.length).toBeGreaterThanOrEqual(7);
  expect(log.join("")).not.toContain("s3cr3t-in-path");
  expect(log.join("")).toContain("/hooks/anytrack/[redacted]");
  expect(loggedPath("/hooks/discord")).toBe("/hooks/discord");
  expect(loggedPath("/nowhere/jane.roe%40victim.example/x?y")).toBe("/nowhere/[address]/x");
  expect(loggedPath("/a%0ab%")).not.toContain("\n");
});

test("the log names who called", async () => {
  log.length = 0;
  await api.inject({ url: "/api/v1/ops/runs?limit=5", headers: await bearer({ subject: "ada" }) });
  expect(JSON.parse(log.find((line) => line.includes('"msg":"request"')) ?? "{}")).toMatchObject({
    method: "GET",
    path: "/api/v1/ops/runs",
    status: 200,
    client: "713",
    subject: "ada",
    role: "operator",
  });
  expect(log.join("")).not.toContain("eyJ");
});

test("the limit counts per token, and per address where there is no good token", async () => {
  const server = await testServer({ env: { API_RATE_LIMIT_PER_MINUTE: "3" } });
  const runs = async (headers: Record<string, string>, remoteAddress = "127.0.0.1") =>
    server.inject({ url: "/api/v1/ops/runs", headers, remoteAddress });
  const [ada, bob] = [await bearer({ subject: "ada" }), await bearer({ subject: "bob" })];
  for (let call = 0; call < 3; call += 1) expect((await runs(ada)).statusCode).toBe(200);
  const refused = await runs(ada);
  expect(refused.statusCode).toBe(429);
  expect(refused.json()).toMatchObject({ error: "rate_limited" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect((await runs(bob)).statusCode).toBe(200);

  // Made-up tokens and made-up proxies share the address's count.
  for (let call = 0; call < 3; call += 1)
    expect(
      (await runs({ authorization: `Bearer e30.e30.${call}`, "x-forwarded-for": `10.0.0.${call}` }, "192.0.2.1"))
        .statusCode,
    ).toBe(401);
  expect((await runs({}, "192.0.2.1")).statusCode).toBe(429);
  expect((await server.inject({ url: "/nothing", remoteAddress: "192.0.2.1" })).statusCode).toBe(429);
  expect((await server.inject({ url: "/healthz", remoteAddress: "192.0.2.1" })).statusCode).toBe(200);
  await server.close();
});

test("X-Forwarded-For is believed from configured proxies only", async () => {
  const server = await testServer({ areas: [probes], trustedProxies: ["192.0.2.10"] });
  const seen = async (remoteAddress: string) =>
    (
      await server.inject({ url: "/probe/address", remoteAddress, headers: { "x-forwarded-for": "198.51.100.7" } })
    ).json<{ ip: string }>().ip;
  expect(await seen("192.0.2.10")).toBe("198.51.100.7");
  expect(await seen("192.0.2.11")).toBe("192.0.2.11");
  await server.close();
});

test("a client that sends its request drop by drop is cut off", async () => {
  const server = await testServer({ areas: [probes], env: { API_REQUEST_TIMEOUT_MS: "300" } });
  await server.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.server.address() as AddressInfo;
  const started = Date.now();
  const received = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () =>
      socket.write(
        "POST /probe/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
      ),
    );
    const drops = setInterval(() => socket.writable && socket.write(" "), 50);
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString()));
    socket.on("error", reject);
    socket.on("close", () => {
      clearInterval(drops);
      resolve(text);
    });
  });
  expect(Date.now() - started).toBeLessThan(3_000);
  expect(received).toContain("408");
  expect(received).toContain('"error":"validation_error"');
  await server.close();
});

test("the documentation lists every route with who may call it, and the pages load nothing from elsewhere", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<string, Record<string, { security?: unknown }>>;
  }>();
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      "/healthz",
      "/readyz",
      "/metrics",
      "/api/v1/ops/freshness",
      "/api/v1/ops/alerts/{id}/resolve",
    ]),
  );
  expect(paths["/api/v1/ops/runs"]?.["get"]?.security).toEqual([{ token: [] }]);
  expect(paths["/healthz"]?.["get"]?.security).toBeUndefined();
  for (const url of ["/docs/"]) {
    const page = await api.inject(url);
    expect(page.statusCode).toBe(200);
    expect(page.payload).not.toMatch(/(src|href)="(https?:)?\/\//);
  }
});

test("readiness says what is away, in under a second, while the process is alive", async () => {
  const never = () => new Promise<never>(() => undefined);
  const server = await testServer({ database: { query: never } as unknown as Database, temporal: { probe: never } });
  const started = Date.now();
  const answer = await server.inject("/readyz");
  expect(Date.now() - started).toBeLessThan(1_000);
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ ready: false, postgres: { reachable: false }, late: null, alerts: null });
  expect((await server.inject("/healthz")).statusCode).toBe(200);
  await server.close();
});

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { InjectOptions } from "fastify";
import { makeAffiliate } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "./parts.ts";

let database: TestDatabase;
let api: Api;
let affiliateKey: string;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  affiliateKey = (await makeAffiliate(database.pool, { client: "713", name: "ada" })).key;
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Answer {
  error: string;
  message: string;
  details?: Record<string, string>;
}

/** As whoever may call it: an admin, an advertiser or an affiliate. */
async function withTheRightRole(request: InjectOptions) {
  const callers = [
    await bearer({ role: "admin" }),
    await bearer({ role: "advertiser", advertiser: "adv-1" }),
    { "x-api-key": affiliateKey },
  ];
  for (const headers of callers) {
    const answer = await api.inject({ ...request, headers });
    if (![401, 403].includes(answer.statusCode)) return answer;
  }
  throw new Error(`nobody may call ${JSON.stringify(request)}`);
}

test("every route of the API refuses a parameter that it does not know", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{ paths: Record<string, Record<string, object>> }>();
  const routes = Object.entries(paths)
    .filter(([path]) => path.startsWith("/api/v1/"))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })));
  expect(routes.length).toBeGreaterThan(60);
  const lenient: string[] = [];
  for (const { path, method } of routes) {
    const url = `${path.replaceAll(/\{[^}]+\}/g, "1")}?nosuchfilter=1`;
    const answer = await withTheRightRole({ method: method as "GET", url });
    const { details } = answer.json<Answer>();
    if (answer.statusCode !== 400 || details?.["nosuchfilter"] === undefined)
      lenient.push(`${method} ${path}: ${answer.statusCode} ${answer.payload.slice(0, 100)}`);
  }
  expect(lenient).toEqual([]);
});

test("every number in an address has one notation: digits", async () => {
  interface Operation {
    parameters?: { name: string; in: string; required?: boolean; schema: { type?: string } }[];
  }
  const { paths } = (await api.inject("/openapi.json")).json<{ paths: Record<string, Record<string, Operation>> }>();
  const numbers = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
      parameters
        .filter(({ schema }) => schema.type === "integer" || schema.type === "number")
        .map(({ name, in: place }) => ({ path, method: method.toUpperCase() as "GET", name, place })),
    ),
  );
  expect(numbers.filter(({ place }) => place === "path").length).toBeGreaterThan(20);
  expect(numbers.filter(({ place }) => place === "query").length).toBeGreaterThan(20);
  const lenient: string[] = [];
  for (const { path, method, name, place } of numbers)
    for (const given of ["5e0", "%205", "0x5", "05"]) {
      const url = path
        .replace("{month}", "2026-01")
        .replaceAll(/\{([^}]+)\}/g, (_, one) => (place === "path" && one === name ? given : "1"));
      const answer = await withTheRightRole({ method, url: place === "path" ? url : `${url}?${name}=${given}` });
      if (answer.statusCode !== 400 || answer.json<Answer>().details?.[name] === undefined)
        lenient.push(`${method} ${path} ${name}=${given}: ${answer.statusCode} ${answer.payload.slice(0, 100)}`);
    }
  expect(lenient).toEqual([]);
});

test("a misspelt filter is named with the one that is meant", async () => {
  const answer = await withTheRightRole({ url: "/api/v1/ops/runs?sorce=redtrack.daily_spend" });
  expect([answer.statusCode, answer.json()]).toEqual([
    400,
    {
      error: "validation_error",
      message: "querystring is not valid",
      details: { sorce: 'unknown field "sorce": did you mean source?' },
    },
  ]);
});

test("a misspelt field of a body is refused, however deep it stands", async () => {
  const asked = { method: "PUT", url: "/api/v1/cost/mapping" } as const;
  const item = { everflowAffiliateLabel: "a", redtrackSourceId: "s", isInternal: true };
  const details = async (payload: object) => (await withTheRightRole({ ...asked, payload })).json<Answer>().details;
  expect(await details({ items: [item], replce: true })).toEqual({
    replce: 'unknown field "replce": did you mean replace?',
  });
  expect(await details({ items: [item, { ...item, redtrackSourceID: "t" }] })).toEqual({
    "items.1.redtrackSourceID": 'unknown field "redtrackSourceID": did you mean redtrackSourceId?',
  });
});

describe("a JSON body is refused as the caller's mistake when it", () => {
  const ends = (text: string) => `{"notes":${text}}`;
  test.each([
    ["is nested 20,000 deep", ends("[".repeat(20_000) + "]".repeat(20_000)), "deeper than 64"],
    ["is nested 20,000 deep and never ends", ends('{"a":'.repeat(20_000)), "deeper than 64"],
    ["says a thing twice", '{"notes":"a","notes":"b"}', 'the key "notes" twice'],
    ["says a thing twice in two spellings", '{"notes":"a","\\u006eotes":"b"}', 'the key "notes" twice'],
    ["would change what all objects are", '{"__proto__":{"notes":"a"}}', "__proto__"],
    ["is no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), "UTF-8"],
    ["has members without end", ends(`[${"1,".repeat(500_001)}1]`), "more than 500000 members"],
  ])("%s", async (_what, payload, problem) => {
    const answer = await api.inject({
      method: "PUT",
      url: "/api/v1/ops/alerts/1/resolve",
      headers: { ...(await bearer()), "content-type": "application/json" },
      payload,
    });
    expect([answer.statusCode, answer.json<Answer>().error]).toEqual([400, "validation_error"]);
    expect(answer.json<Answer>().details?.["body"]).toContain(problem);
  });

  test("names an object's own constructor", async () => {
    const answer = await api.inject({
      method: "PUT",
      url: "/api/v1/ops/alerts/1/resolve",
      headers: { ...(await bearer()), "content-type": "application/json" },
      payload: '{"constructor":{"prototype":{"notes":"a"}}}',
    });
    expect(answer.statusCode).toBe(400);
  });
});

test("alerts are the open ones unless others are asked for, in both lists", async () => {
  await database.pool.query(
    `insert into ops.alerts (_client_id, area, kind, subject, severity, message, resolved_at, resolved_by)
     values ('713', 'recon', 'k', 'open', 'info', 'm', null, null), ('713', 'recon', 'k', 'closed', 'info', 'm', now(), 'ada')`,
  );
  for (const list of ["/api/v1/ops/alerts", "/api/v1/recon/alerts"]) {
    const subjects = async (query: string) =>
      (await withTheRightRole({ url: list + query }))
        .json<{ items: { subject: string }[] }>()
        .items.map(({ subject }) => subject);
    expect(await subjects("")).toEqual(["open"]);
    expect(await subjects("?state=resolved")).toEqual(["closed"]);
    expect(await subjects("?state=all")).toEqual(["closed", "open"]);
  }
});

test("/health answers like /healthz", async () => {
  const [one, other] = [await api.inject("/health"), await api.inject("/healthz")];
  expect([one.statusCode, one.payload]).toEqual([200, other.payload]);
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Database } from "../../schema/database.ts";
import { makeAffiliate } from "../../test/api-recon.ts";
import { createSession } from "../../queries/ops/sessions.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { allowPage, open } from "./access.ts";
import { createGoodCredentials } from "./good-credentials.ts";
import { countingStore } from "./limits.ts";
import type { Area } from "./parts.ts";
import { hashOfSession } from "./sessions.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const redirects: Area = {
  prefix: "/elsewhere",
  routes: (scope) => void scope.get("/:slug", { config: open }, () => Promise.resolve({})),
};
const page: Area = {
  prefix: "/page",
  routes: (scope) => void scope.get("", { config: allowPage("operator") }, () => Promise.resolve({})),
};
const servers = (perMinute: number, pool: Database = database.pool) =>
  Promise.all(
    [1, 2].map(async () =>
      testServer({ database: pool, areas: [redirects, page], env: { API_RATE_LIMIT_PER_MINUTE: String(perMinute) } }),
    ),
  );

test("two processes share one limit: together they let in no more than one alone would", async () => {
  const perMinute = 120;
  // A busy machine may take its time: what happens when it takes too much is another test's.
  const stores = [1, 2].map(() => new (countingStore({ reading: database.pool, patienceMs: 20_000 }))({}));
  const ask = (call: number) =>
    new Promise<boolean>((resolve, reject) =>
      stores[call % 2]?.incr(
        "token 713/operator/ada",
        (error, counted) => (error === null ? resolve((counted?.current ?? 0) <= perMinute) : reject(error)),
        60_000,
        perMinute,
      ),
    );
  const allowed = (await Promise.all(Array.from({ length: 300 }, (_, call) => ask(call)))).filter(Boolean);
  // What one process has set apart and does not use is lost to the other until the minute is over: a sixtieth at most.
  expect(allowed.length).toBeLessThanOrEqual(perMinute);
  expect(allowed.length).toBeGreaterThanOrEqual(perMinute - 2);
  const { rows } = await database.pool.query<{ caller: string }>("select caller from ops.call_counts");
  expect(rows.map(({ caller }) => caller).join()).toMatch(/^[0-9a-f]{40}$/);
});

test("a public route is counted by each process for itself", async () => {
  const both = await servers(3);
  const follow = async (server = both[0]) => (await server?.inject("/elsewhere/summer"))?.statusCode;
  for (let call = 0; call < 3; call += 1) expect(await follow()).toBe(200);
  expect([await follow(), await follow(both[1])]).toEqual([429, 200]);
  for (const server of both) await server.close();
});

test("keys that nobody knows are looked up only as often as their address may ask", async () => {
  let lookups = 0;
  const counting = new Proxy(database.pool, {
    get: (pool, name) =>
      name === "query"
        ? (statement: { text?: string } | string, values?: unknown[]) => {
            if ((typeof statement === "string" ? statement : (statement.text ?? "")).includes("api_key_hash = $1"))
              lookups += 1;
            return pool.query(statement as string, values);
          }
        : (Reflect.get(pool, name) as unknown),
  });
  const [server, other] = await servers(10, counting);
  const me = async (key: string, remoteAddress: string) =>
    (await server?.inject({ url: "/api/v1/recon/affiliates/me", headers: { "x-api-key": key }, remoteAddress }))
      ?.statusCode;
  const made = (call: number) => `aff_${String(call).padStart(43, "A")}`;
  const statuses = await Promise.all(Array.from({ length: 40 }, (_, call) => me(made(call), "192.0.2.50")));
  const count = (wanted: number) => statuses.filter((status) => status === wanted).length;
  expect({ refused: count(401), limited: count(429), lookups }).toEqual({ refused: 10, limited: 30, lookups: 10 });

  await server?.close();
  await other?.close();
});

test("keys, tokens and cookies that nobody knows keep no good one of their address out", async () => {
  const [server, other] = await servers(4);
  const remoteAddress = "192.0.2.55";
  const url = "/api/v1/recon/affiliates/me";
  const call = async (path: string, headers: Record<string, string>) =>
    (await server?.inject({ url: path, headers, remoteAddress }))?.statusCode;
  const made = (kind: string, at: number) => `${kind}${String(at).padStart(43, "A")}`;
  const flood = await Promise.all(
    Array.from({ length: 30 }, async (_, at) => [
      await call(url, { "x-api-key": made("aff_", at) }),
      await call("/api/v1/ops/runs", { authorization: `Bearer a.${at}.c` }),
    ]),
  );
  expect(flood.flat().filter((status) => status !== 401 && status !== 429)).toEqual([]);
  expect(await call(url, { "x-api-key": made("aff_", 99) })).toBe(429);

  // Neither has been seen by this process before.
  const { key } = await makeAffiliate(database.pool, { client: "713", name: "ada" });
  expect(await call(url, { "x-api-key": key })).toBe(200);
  expect(await call("/api/v1/ops/runs", await bearer())).toBe(200);
  const id = "s".repeat(43);
  await createSession(database.pool, {
    client: "713",
    role: "operator",
    advertiser: null,
    affiliateId: null,
    subject: "ada",
    sessionHash: hashOfSession(id),
    keyHash: null,
    loggedInBy: "a code",
    browser: "Firefox",
    hours: 1,
  });
  expect(await call("/page", { cookie: `session=${id}` })).toBe(200);
  expect(await call("/page", { cookie: `session=${"t".repeat(43)}` })).toBe(429);
  // A good one has its limit all the same.
  for (let more = 0; more < 3; more += 1) expect(await call("/page", { cookie: `session=${id}` })).toBe(200);
  expect(await call("/page", { cookie: `session=${id}` })).toBe(429);
  await server?.close();
  await other?.close();
});

test("however many keys are tried at once, one statement at a time looks for them", async () => {
  let [now, most, statements] = [0, 0, 0];
  const good = createGoodCredentials(async (hashes) => {
    statements += 1;
    most = Math.max(most, (now += 1));
    await new Promise(setImmediate);
    now -= 1;
    return hashes.filter((hash) => hash === "good");
  });
  const found = await Promise.all(Array.from({ length: 300 }, (_, at) => good.isGood(at === 250 ? "good" : `${at}`)));
  expect({ found: found.flatMap((isGood, at) => (isGood ? at : [])), most }).toEqual({ found: [250], most: 1 });
  expect(statements).toBeLessThan(5);
});

test("an affiliate has its limit once, also while its key is new and from however many addresses", async () => {
  const perMinute = 4;
  const both = await Promise.all(
    [1, 2].map(() => testServer({ database: database.pool, submissionsPerMinute: perMinute })),
  );
  const { key } = await makeAffiliate(database.pool, { client: "713", name: "grace" });
  const answers = await Promise.all(
    both
      .flatMap((server, place) => Array.from({ length: 6 }, (_, call) => ({ server, call: 2 * call + place })))
      .map(({ server, call }) =>
        server.inject({
          method: "POST",
          url: "/api/v1/recon/affiliates/submissions",
          headers: { "x-api-key": key },
          payload: {},
          remoteAddress: `192.0.2.${60 + (call % 3)}`,
        }),
      ),
  );
  const count = (wanted: number) => answers.filter((answer) => answer.statusCode === wanted).length;
  expect({ taken: count(400), limited: count(429) }).toEqual({ taken: perMinute, limited: 12 - perMinute });
  const refused = answers.find((answer) => answer?.statusCode === 429);
  expect(refused?.json()).toMatchObject({ error: "rate_limited", message: expect.stringMatching(/try again in/) });
  expect(Number(refused?.headers["retry-after"])).toBeGreaterThan(0);
  for (const server of both) await server.close();
});

test("an affiliate of a client that this server does not have is nobody", async () => {
  const { key } = await makeAffiliate(database.pool, { client: "gone", name: "ada" });
  const server = await testServer({ database: database.pool });
  const answer = await server.inject({ url: "/api/v1/recon/affiliates/me", headers: { "x-api-key": key } });
  expect(answer.statusCode).toBe(401);
  await server.close();
});

test("without Postgres each process counts for itself, and nobody waits for it", async () => {
  const never = { query: () => new Promise<never>(() => undefined) } as unknown as Database;
  const [server, other] = await servers(3, never);
  const ask = async () => (await server?.inject("/api/v1/ops/runs"))?.statusCode;
  const started = Date.now();
  for (let call = 0; call < 3; call += 1) expect(await ask()).toBe(401);
  expect(await ask()).toBe(429);
  expect(Date.now() - started).toBeLessThan(1_000);
  await server?.close();
  await other?.close();
});

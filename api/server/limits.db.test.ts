import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Database } from "../../schema/database.ts";
import { makeAffiliate } from "../../test/api-recon.ts";
import { testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { open } from "./access.ts";
import { countingStore } from "./limits.ts";
import type { Area } from "./parts.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const redirects: Area = {
  prefix: "/r",
  routes: (scope) => void scope.get("/:slug", { config: open }, () => Promise.resolve({})),
};
const servers = (perMinute: number, pool: Database = database.pool) =>
  Promise.all(
    [1, 2].map(async () =>
      testServer({ database: pool, areas: [redirects], env: { API_RATE_LIMIT_PER_MINUTE: String(perMinute) } }),
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
  const follow = async (server = both[0]) => (await server?.inject("/r/summer"))?.statusCode;
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

  // A key that has proved good is its own caller, whatever else comes from its address.
  const ada = await makeAffiliate(database.pool, { client: "713", name: "ada" });
  expect(await me(ada.key, "192.0.2.51")).toBe(200);
  expect(await me(ada.key, "192.0.2.50")).toBe(200);
  await server?.close();
  await other?.close();
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

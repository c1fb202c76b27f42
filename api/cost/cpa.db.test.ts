import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";
import { bearer, testServer } from "../../test/api-server.ts";

let database: TestDatabase;
let api: Api;

beforeAll(async () => {
  database = await testDatabase();
  for (const client of ["713", "acme"]) {
    for (const date of ["2025-12-17", "2025-12-18"]) {
      await database.pool.query(
        `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
         values ($1, $2, '7', 'of ' || $1, '1', '1', 'USD', 10, 3, 10, 40.005, 0, 0, 's', 'r')`,
        [client, date],
      );
      await database.pool.query(
        `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id) values ($1, $2, 's1', 'of ' || $1, 5, 0, 20.5, 's', 'r')`,
        [client, date],
      );
    }
  }
  api = await testServer({ database: database.pool });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const call = async (method: "GET" | "PUT", url: string, claims: Parameters<typeof bearer>[0] = {}, body?: object) =>
  api.inject({
    method,
    url: `/api/v1/cost${url}`,
    headers: await bearer(claims),
    ...(body === undefined ? {} : { payload: body }),
  });

test.each(["/cpa/daily", "/cpa/affiliates?from=2025-12-01&to=2025-12-18", "/unmapped-spend"])(
  "%s shows a client its own, amounts as text",
  async (url) => {
    for (const client of ["713", "acme"]) {
      const answer = await call("GET", url, { client, role: "analyst" });
      expect(answer.statusCode).toBe(200);
      expect(answer.payload).toContain(`of ${client}`);
      expect(answer.payload).not.toContain(client === "713" ? "acme" : "713");
      expect(answer.payload).not.toMatch(/"(finalCost|revenue|cost|cpa|roas)":\d/);
    }
    expect((await call("GET", url, { role: "advertiser", advertiser: "7" })).statusCode).toBe(403);
    expect((await api.inject({ url: `/api/v1/cost${url}` })).statusCode).toBe(401);
  },
);

test("a range is summed before it is divided", async () => {
  const { items, totals } = (await call("GET", "/cpa/affiliates?from=2025-12-01&to=2025-12-18")).json<{
    items: object[];
    totals: object[];
  }>();
  expect(items).toEqual([
    expect.objectContaining({
      affiliate: "of 713",
      days: 2,
      efConversions: 6,
      finalCost: "20.00",
      cpa: "3.33",
      revenue: "80.01",
      roas: "4.00",
    }),
  ]);
  expect(totals).toEqual([
    expect.objectContaining({ currency: "USD", finalCost: "20.00", cpa: "3.33", unmappedSpend: "41.00" }),
  ]);
});

test("days come page by page, newest first", async () => {
  const first = (await call("GET", "/cpa/daily?limit=1")).json<{ items: { date: string }[]; next: string }>();
  expect(first.items.map((item) => item.date)).toEqual(["2025-12-18"]);
  const second = (await call("GET", `/cpa/daily?limit=1&cursor=${first.next}`)).json<{
    items: { date: string }[];
    next: string | null;
  }>();
  expect([second.items.map((item) => item.date), second.next]).toEqual([["2025-12-17"], null]);
});

test.each([
  "?from=2025-12-19&to=2025-12-18",
  "?from=2025-12-18",
  "?from=1925-01-01&to=2025-12-18",
  "?from=2025-02-30&to=2025-12-18",
])("%s is no range", async (query) => {
  expect((await call("GET", `/cpa/affiliates${query}`)).statusCode).toBe(400);
});

test("the mapping is put by those who keep it; the same again changes nothing, and the figures follow", async () => {
  const body = { items: [{ redtrackSourceId: "s1", everflowAffiliateLabel: "of acme", isInternal: true }] };
  expect((await call("PUT", "/mapping", { client: "acme", role: "analyst" }, body)).statusCode).toBe(403);
  const put = async (given: object) => call("PUT", "/mapping", { client: "acme", subject: "ada" }, given);
  expect((await put(body)).json()).toMatchObject({
    inserted: 1,
    updated: 0,
    items: [{ redtrackSourceId: "s1", isInternal: true, loadedBy: "ada" }],
  });
  expect((await put(body)).json()).toMatchObject({ inserted: 0, updated: 0, unchanged: 1 });
  expect((await call("GET", "/cpa/affiliates?from=2025-12-18&to=2025-12-18", { client: "acme" })).json()).toMatchObject(
    { items: [{ costBasis: "spend", finalCost: "20.50", cpa: "6.83" }] },
  );
  expect((await call("GET", "/unmapped-spend", { client: "acme" })).json()).toEqual({ items: [] });
  expect((await call("GET", "/mapping")).json()).toEqual({ items: [] });

  const conflicting = { items: [{ redtrackSourceId: "s2", everflowAffiliateLabel: "of acme", isInternal: false }] };
  expect((await put(conflicting)).statusCode).toBe(409);
  expect((await put({ items: [...body.items, ...body.items] })).json()).toMatchObject({
    error: "validation_error",
    details: { "items.1": "source s1 is given twice" },
  });
  expect(
    (await put({ items: [{ redtrackSourceId: "s\u0000", everflowAffiliateLabel: "x", isInternal: true }] })).statusCode,
  ).toBe(400);
  expect((await put({ items: [], replace: true })).json()).toMatchObject({ removed: 1, items: [] });
});

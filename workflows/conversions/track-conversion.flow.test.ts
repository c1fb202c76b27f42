import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { originHeader } from "../../core/origin.ts";
import type { Api } from "../../api/server/parts.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { failureOf, startStack, uniqueId, type TestStack } from "../../test/stack.ts";

jest.setTimeout(60_000);

const secret = "a-webhook-secret-of-713-long";
let stack: TestStack;
let api: Api;
beforeAll(async () => {
  stack = await startStack({
    ANYTRACK_WEBHOOK_SECRET: secret,
    ANYTRACK_API_KEY: "sandbox-713",
    ANYTRACK_ACCOUNT_ID: "acct-1",
    ANYTRACK_INTEGRATION: "shop",
  });
  api = await testServer({
    database: stack.database.pool,
    anytrack: stack.config.anytrack,
    temporal: { client: stack.client },
  });
});
afterAll(async () => {
  await api?.close();
  await stack?.stop();
});

const track = async (what: string, payload: object, headers: Record<string, string> = {}) =>
  api.inject({
    method: "POST",
    url: `/api/v1/anytrack/track/${what}`,
    headers: { ...(await bearer()), ...headers },
    payload,
  });
const collected = async () =>
  (await stack.control("GET", "/anytrack/collected")) as {
    event: string;
    times: number;
    body: Record<string, string>;
  }[];
const sale = (orderId: string) => ({
  orderId,
  clickId: "atclk_1",
  revenue: "99.99",
  currency: "usd",
  productId: "VIDEO-PRO",
});

test("a sale is told once, whatever is repeated: the same call, the same key, the workflow itself", async () => {
  const first = await track("sale", sale("ORD-1"));
  expect([first.statusCode, first.json()]).toEqual([
    200,
    {
      trackingKey: "ORD-1",
      conversionKey: "order:ORD-1",
      state: "sent",
      sentAt: expect.stringMatching(/Z$/),
    },
  ]);
  expect((await track("sale", sale("ORD-1"))).json()).toEqual(first.json());
  const { orderId: _orderId, ...withoutOrder } = sale("ORD-1");
  expect((await track("sale", withoutOrder, { "idempotency-key": "ORD-1" })).json()).toEqual(first.json());
  const again = await stack.start("trackSale", uniqueId("again"), sale("ORD-1"));
  expect(await again.result()).toMatchObject({ trackingKey: "ORD-1", sentAt: first.json<{ sentAt: string }>().sentAt });
  const told = (await collected()).filter(({ body }) => body["transaction_id"] === "ORD-1");
  expect(told).toEqual([
    expect.objectContaining({
      event: "Purchase",
      times: 1,
      body: {
        click_id: "atclk_1",
        event_name: "Purchase",
        value: "99.99",
        currency: "USD",
        transaction_id: "ORD-1",
        xat_product_id: "VIDEO-PRO",
      },
    }),
  ]);
});

test("ten at once are one", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => track("sale", sale("ORD-2"))));
  expect(answers.map((answer) => answer.statusCode)).toEqual(Array(10).fill(200));
  expect(new Set(answers.map((answer) => answer.payload)).size).toBe(1);
  expect((await collected()).find(({ body }) => body["transaction_id"] === "ORD-2")?.times).toBe(1);
});

test("the same order with another content is a conflict, and AnyTrack hears nothing of it", async () => {
  await track("sale", sale("ORD-3"));
  expect((await track("sale", { ...sale("ORD-3"), revenue: "1.00" })).statusCode).toBe(409);
  expect((await collected()).find(({ body }) => body["transaction_id"] === "ORD-3")).toMatchObject({
    times: 1,
    body: { value: "99.99" },
  });
  const byHand = await stack.start("trackSale", uniqueId("conflict"), { ...sale("ORD-3"), revenue: "1.00" });
  expect(await failureOf(byHand.result())).toMatchObject({ type: "InvalidInput" });
});

test("leads and other conversions are told under their own names", async () => {
  expect((await track("lead", { leadId: "L-1", clickId: "c" })).statusCode).toBe(200);
  expect(
    (await track("conversion", { type: "CUSTOM", eventName: "TrialEnded", refId: "r" }, { "idempotency-key": "X-1" }))
      .statusCode,
  ).toBe(200);
  const events = new Map(
    (await collected()).map(({ event, body }) => [body["transaction_id"], [event, body["value"]]]),
  );
  expect([events.get("L-1"), events.get("X-1")]).toEqual([
    ["Lead", "0"],
    ["TrialEnded", "0"],
  ]);
});

test.each([
  ["no order and no key", { clickId: "c", revenue: "1" }, "orderId"],
  ["no click", { orderId: "B-1", revenue: "1" }, "clickId"],
  [
    "an amount whose digits were lost on the way",
    { orderId: "B-1", clickId: "c", revenue: 12345678901234567890 },
    "revenue",
  ],
  ["a negative amount", { orderId: "B-1", clickId: "c", revenue: "-1" }, "revenue"],
  ["a time to come", { orderId: "B-1", clickId: "c", revenue: "1", eventTime: "2099-01-01T00:00:00Z" }, "eventTime"],
  ["a control character", { orderId: "B\u00001", clickId: "c", revenue: "1" }, "orderId"],
  ["a person's address", { orderId: "jane@shop.example", clickId: "c", revenue: "1" }, "orderId"],
])("%s is a 400", async (_, body, field) => {
  const answer = await track("sale", body);
  expect([answer.statusCode, Object.keys(answer.json<{ details: object }>().details)]).toEqual([400, [field]]);
});

test("a person who starts it with half an input is told what is missing", async () => {
  for (const [type, input] of [
    ["trackConversion", undefined],
    ["trackSale", {}],
    ["trackLead", { leadId: "x" }],
  ] as const) {
    const run = await stack.start(type, uniqueId("half"), ...(input === undefined ? [] : [input]));
    expect(await failureOf(run.result())).toMatchObject({
      type: "InvalidInput",
      message: expect.stringContaining(": "),
    });
  }
});

test("AnyTrack away for a while: it is told as soon as it is back, and once", async () => {
  await stack.control("POST", "/faults", { vendor: "anytrack", kind: "server_error", times: 2 });
  expect((await track("sale", sale("ORD-4"))).statusCode).toBe(200);
  expect((await collected()).find(({ body }) => body["transaction_id"] === "ORD-4")?.times).toBe(1);
  expect(await stack.rows("select state, attempts from anytrack.tracked where tracking_key = 'ORD-4'")).toEqual([
    { state: "sent", attempts: 3 },
  ]);
});

test("what tracking answers can be followed: its key, or the order alone, finds the conversion and its attribution", async () => {
  // Numbers, as the document writes them.
  const told = await track("sale", { orderId: 713_001, clickId: "atclk_7", revenue: 99.99, currency: "USD" });
  const { conversionKey } = told.json<{ conversionKey: string }>();
  expect([told.statusCode, conversionKey]).toEqual([200, "order:713001"]);
  const get = async (key: string, claims: Parameters<typeof bearer>[0] = {}) =>
    api.inject({ url: `/api/v1/anytrack/conversions/${encodeURIComponent(key)}`, headers: await bearer(claims) });
  const before = await get(conversionKey);
  expect([before.statusCode, before.json()]).toMatchObject([
    200,
    {
      conversionKey,
      orderId: "713001",
      type: "SALE",
      revenue: "99.99",
      trackedAt: expect.stringMatching(/Z$/),
      seenByWebhookAt: null,
      journey: "conversion",
      touchpoints: [{ clickId: "atclk_7", origin: "conversion" }],
      attribution: { state: "known", models: [{ weights: [{ position: 1, weight: "1.000000" }] }, {}, {}, {}] },
    },
  ]);
  expect((await get("713001")).json()).toEqual(before.json());
  expect((await get("713001", { client: "acme" })).statusCode).toBe(404);
  expect((await get("713002")).statusCode).toBe(404);

  // When AnyTrack brings it back it is that conversion, found under the same names.
  await api.inject({
    method: "POST",
    url: `/hooks/anytrack/${secret}`,
    headers: { "content-type": "application/json" },
    payload: {
      eventName: "Purchase",
      eventTime: new Date().toISOString(),
      eventValue: 99.99,
      currency: "USD",
      transactionId: "713001",
      source: "facebook",
    },
  });
  for (const key of [conversionKey, "713001"])
    expect((await get(key)).json()).toMatchObject({
      conversionKey,
      source: "facebook",
      seenByWebhookAt: expect.stringMatching(/Z$/),
      trackedAt: before.json<{ trackedAt: string }>().trackedAt,
    });
  await stack.rows("truncate anytrack.conversions, anytrack.webhook_events");
});

test("a client without an integration is told what to set, and not to try again", async () => {
  const without = await testServer({ database: stack.database.pool, temporal: { client: stack.client } });
  const answer = await without.inject({
    method: "POST",
    url: "/api/v1/anytrack/track/sale",
    headers: await bearer(),
    payload: sale("ORD-6"),
  });
  expect([answer.statusCode, answer.json()]).toMatchObject([
    409,
    { error: "conflict", message: expect.stringContaining("ANYTRACK_INTEGRATION") },
  ]);
  await without.close();
});

test("Temporal away is a 503 and nothing is told", async () => {
  const away = await testServer({
    database: stack.database.pool,
    anytrack: stack.config.anytrack,
    temporal: { client: { workflow: { start: () => Promise.reject(new Error("away")) } } as never },
  });
  const answer = await away.inject({
    method: "POST",
    url: "/api/v1/anytrack/track/sale",
    headers: await bearer(),
    payload: sale("ORD-5"),
  });
  expect([answer.statusCode, answer.json()]).toMatchObject([503, { error: "unavailable" }]);
  expect(await stack.rows("select from anytrack.tracked where tracking_key = 'ORD-5'")).toEqual([]);
  await away.close();
});

test("pull and webhook come to one record each, whichever came first; what only the webhook brought stays", async () => {
  const pull = async () =>
    (
      await stack.start("syncSlice", uniqueId("pull"), { source: "anytrack.pulled_conversions", day: "2026-03-08" })
    ).result() as Promise<{ inserted: number; updated: number }>;
  const truth = (await stack.control("GET", "/dump?vendor=anytrack&client=713&from=2026-03-08&to=2026-03-08")) as {
    id: string;
    order_id: string | null;
    click_id: string;
    conversion_type: string;
    asset_id: string;
    timestamp: string;
  }[];
  const post = (row: (typeof truth)[number], fields: object = {}) =>
    api.inject({
      method: "POST",
      url: `/hooks/anytrack/${secret}`,
      headers: { "content-type": "application/json", [originHeader]: "sandbox" },
      payload: {
        assetId: row.asset_id,
        clickId: row.click_id,
        eventName: { sale: "Purchase", lead: "Lead" }[row.conversion_type] ?? "CompleteRegistration",
        eventTime: `${row.timestamp}Z`,
        transactionId: row.order_id,
        ...fields,
      },
    });
  const half = Math.floor(truth.length / 2);
  for (const row of truth.slice(0, half)) expect((await post(row)).statusCode).toBe(200);
  await post({ ...truth[0]!, order_id: "ord-webhook-only" });
  expect((await pull()).inserted).toBe(truth.length);
  for (const row of truth.slice(half)) await post(row);

  const seen = await stack.rows<{ both: number; webhook: number; all: number; unweighed: number }>(
    `select count(*) filter (where seen_by_webhook_at is not null and seen_by_pull_at is not null)::int as both,
            count(*) filter (where seen_by_pull_at is null)::int as webhook, count(*)::int as all,
            count(*) filter (where touchpoints is not null and not exists (select from anytrack.attribution a where a.conversion_key = c.conversion_key))::int as unweighed
       from anytrack.conversions c`,
  );
  expect(seen).toEqual([{ both: truth.length, webhook: 1, all: truth.length + 1, unweighed: 0 }]);
  expect(
    await stack.rows(
      "select conversion_key from anytrack.attribution group by conversion_key, model having sum(weight) <> 1",
    ),
  ).toEqual([]);
  expect((await stack.rows("select from anytrack.attribution")).length).toBeGreaterThan(0);
  // A second pull changes nothing.
  const before = await stack.rows("select * from anytrack.conversions order by conversion_key");
  expect(await pull()).toMatchObject({ inserted: 0, updated: 0, withdrawn: 0 });
  expect(await stack.rows("select * from anytrack.conversions order by conversion_key")).toEqual(before);
});

test("neither a key nor a person's address is in any history", async () => {
  const all = (await allHistories(stack)).map(({ history }) => readable(history)).join("");
  expect(all).not.toMatch(/sandbox-713|a-webhook-secret|jane@|203\.0\.113/);
});

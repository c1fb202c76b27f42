import net from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ConversionIdentity } from "../../rules/conversions/shapes.ts";
import { openDatabase } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api, Area } from "../server/parts.ts";
import { createAnytrackHooks } from "./hooks-anytrack.ts";
import { bearer, testServer } from "../../test/api-server.ts";

const secrets = { "713": "a-webhook-secret-of-713-long", acme: "a-webhook-secret-of-acme-long" };
const anytrack = {
  halfLifeDays: 7,
  webhookPerMinute: 1_000_000,
  webhookSecrets: new Map(Object.entries(secrets)),
  collect: new Map(),
};
const identities: ConversionIdentity[] = [];
const log: string[] = [];
let database: TestDatabase;
let api: Api;

beforeAll(async () => {
  database = await testDatabase();
  const keeping: Area = {
    prefix: "/keeping/hooks",
    routes: createAnytrackHooks({
      keepIdentities: (_database, kept) => {
        identities.push(...kept.identities);
        return Promise.resolve();
      },
    }),
  };
  api = await testServer({ database: database.pool, anytrack, areas: [keeping], log });
}, 60_000);
beforeEach(() =>
  database.pool.query(
    "truncate anytrack.webhook_events, anytrack.conversions, anytrack.touchpoints, anytrack.attribution, anytrack.clicks, ops.alerts",
  ),
);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const at = (second: number) => new Date(Date.UTC(2026, 2, 8, 15, 0, second)).toISOString();
const sale = (order: string, fields: object = {}) => ({
  assetId: "asset_1",
  eventName: "Purchase",
  clickId: `c-${order}`,
  eventTime: at(0),
  eventValue: 60,
  currency: "EUR",
  transactionId: order,
  ...fields,
});
const hook = (
  body: unknown,
  {
    client = "713",
    server = api,
    prefix = "/hooks",
  }: { client?: keyof typeof secrets; server?: Api; prefix?: string } = {},
) =>
  server.inject({
    method: "POST",
    url: `${prefix}/anytrack/${secrets[client]}`,
    headers: { "content-type": "application/json" },
    payload: typeof body === "string" ? body : JSON.stringify(body),
  });
const get = async (path: string, claims: Parameters<typeof bearer>[0] = {}) =>
  api.inject({ url: `/api/v1/anytrack${path}`, headers: await bearer(claims) });
const rows = async <Row extends object = Record<string, unknown>>(text: string) =>
  (await database.pool.query<Row>(text)).rows;

describe("the webhook", () => {
  test("an event is stored once, however often it comes, also all at the same time", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => hook(sale("A"))));
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(20).fill(200));
    expect(answers.reduce((sum, answer) => sum + answer.json<{ stored: number }>().stored, 0)).toBe(1);
    expect(await rows("select conversion_key, revenue, currency, type, date from anytrack.conversions")).toEqual([
      { conversion_key: "order:A", revenue: "60.000000", currency: "EUR", type: "SALE", date: "2026-03-08" },
    ]);
  });

  test("an older event that comes later changes nothing that the newer one said, and fills what it left open", async () => {
    await hook(sale("A", { eventTime: at(9), eventValue: 50 }));
    await hook(sale("A", { eventTime: at(1), eventValue: 60, source: "facebook" }));
    expect(await rows("select revenue, source, event_time, version from anytrack.conversions")).toEqual([
      { revenue: "50.000000", source: "facebook", event_time: new Date(at(1)), version: new Date(at(9)) },
    ]);
  });

  test("events of one order come to the same record in any order, in any pieces, and at once", async () => {
    const events = [
      sale("A", { eventTime: at(1), eventValue: 10, source: "facebook", sub1: "aff_1" }),
      sale("A", { eventTime: at(2), eventValue: 20.5, currency: "USD", campaignId: "k" }),
      sale("A", { eventTime: at(2), eventValue: 20.75, currency: "GBP" }),
      sale("A", {
        eventTime: at(3),
        eventValue: undefined,
        touchpoints: [{ timestamp: at(0), source: "google", clickId: "x" }],
      }),
      sale("A", { eventTime: at(0), eventName: "Lead" }),
    ];
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...events, ...events], { minLength: 10, maxLength: 10 }),
        fc.boolean(),
        async (shuffled, atOnce) => {
          await database.pool.query(
            "truncate anytrack.webhook_events, anytrack.conversions, anytrack.touchpoints, anytrack.attribution",
          );
          if (atOnce) await Promise.all(shuffled.map((event) => hook(event)));
          else for (const event of shuffled) await hook(event);
          const [record] = await rows(
            "select to_jsonb(c) - '{_loaded_at,seen_by_webhook_at}'::text[] as c, (select count(*) from anytrack.attribution) as shares from anytrack.conversions c",
          );
          outcomes.add(JSON.stringify(record));
        },
      ),
      { numRuns: 25 },
    );
    expect([...outcomes]).toHaveLength(1);
    expect(JSON.parse([...outcomes][0] ?? "")).toMatchObject({
      c: { source: "facebook", campaign_id: "k", affiliate_id: "aff_1", type: "SALE" },
      shares: 4,
    });
  });

  test("a batch is one commit: all of it, or with a bad event none, named by place and field", async () => {
    expect((await hook([sale("A"), sale("B")])).json()).toEqual({ received: 2, stored: 2 });
    const refused = await hook([sale("C"), { eventName: "Purchase" }]);
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ error: "validation_error", details: { "1.eventTime": expect.any(String) } });
    expect(await rows("select from anytrack.conversions")).toHaveLength(2);
    expect(await rows("select kind, area from ops.alerts")).toEqual([{ kind: "webhook_refused", area: "anytrack" }]);
  });

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a number", "7"],
    ["an empty list", "[]"],
  ])("%s is a 400 of the one shape", async (_, body) => {
    const answer = await hook(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error: "validation_error", details: expect.any(Object) });
  });

  test("a body over the limit is refused", async () => {
    expect((await hook(`"${"x".repeat(1_100_000)}"`)).statusCode).toBe(413);
  });

  test("a wrong secret is answered like any address that is none, and stores nothing", async () => {
    const nowhere = await api.inject({ method: "POST", url: "/no/such/address", payload: {} });
    for (const secret of ["x", `${secrets["713"]}x`, secrets["713"].slice(1), "%00", "..."]) {
      const answer = await api.inject({
        method: "POST",
        url: `/hooks/anytrack/${secret}`,
        headers: { "content-type": "application/json" },
        payload: "{",
      });
      expect([answer.statusCode, answer.json()]).toEqual([404, nowhere.json()]);
    }
    expect((await api.inject({ url: `/hooks/anytrack/${secrets["713"]}` })).statusCode).toBe(404);
    expect(await rows("select from anytrack.conversions")).toEqual([]);
  });

  test("a secret opens its own client's table and no other's", async () => {
    await hook(sale("A"), { client: "acme" });
    await hook(sale("A"));
    expect(await rows("select _client_id from anytrack.conversions order by 1")).toEqual([
      { _client_id: "713" },
      { _client_id: "acme" },
    ]);
  });

  test("nothing of a person is stored or logged; whoever keeps identities is given them first", async () => {
    log.length = 0;
    const personal = {
      userAgent: "Canary/1.0",
      ip: "203.0.113.77",
      email: "canary@shop.example",
      externalClickId: "canary-fbclid",
      shoeSize: "canary-44",
    };
    expect((await hook(sale("A", personal))).statusCode).toBe(200);
    expect((await hook(sale("A", personal), { prefix: "/keeping/hooks" })).json()).toEqual({ received: 1, stored: 0 });
    expect(identities).toEqual([
      {
        conversionKey: "order:A",
        orderId: "A",
        eventTime: new Date(at(0)),
        fields: {
          userAgent: "Canary/1.0",
          ipAddress: "203.0.113.77",
          email: "canary@shop.example",
          externalClickId: "canary-fbclid",
        },
      },
    ]);
    const everything =
      JSON.stringify([
        await rows("select * from anytrack.conversions"),
        await rows("select * from anytrack.webhook_events"),
      ]) + log.join("");
    expect(everything).not.toMatch(/canary|203\.0\.113\.77|a-webhook-secret/i);
    expect(everything).toContain("shoeSize");
  });

  // Reads and forgets: without reading, it would not notice that a caller hung up either.
  const silent = net.createServer((socket) => void socket.resume());
  beforeAll(() => new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve)));
  afterAll(() => new Promise((resolve) => silent.close(resolve)));
  test.each(["a closed port", "a server that takes the connection and says nothing"])(
    "Postgres away (%s) is a 503 in under a second, with or without a journey",
    async (kind) => {
      const port = kind === "a closed port" ? 1 : (silent.address() as AddressInfo).port;
      const pool = openDatabase({
        url: `postgres://nobody:hidden@127.0.0.1:${port}/none`,
        poolSize: 4,
        name: "tests",
        connectTimeoutMs: 600,
      });
      const server = await testServer({ database: pool, anytrack });
      for (const event of [sale("A"), sale("B", { touchpoints: [{ timestamp: at(0), source: "google" }] })]) {
        const started = Date.now();
        const answer = await hook(event, { server });
        expect(Date.now() - started).toBeLessThan(1_000);
        expect(answer.statusCode).toBe(503);
      }
      await server.close();
      await pool.end();
    },
  );

  test("more than its limit a minute is a 429, and wrong secrets do not use it up", async () => {
    const server = await testServer({
      database: database.pool,
      anytrack: { ...anytrack, webhookPerMinute: 2 },
      env: { API_RATE_LIMIT_PER_MINUTE: "1" },
    });
    const wrong = () => server.inject({ method: "POST", url: "/hooks/anytrack/wrong" });
    expect([(await wrong()).statusCode, (await wrong()).statusCode]).toEqual([404, 429]);
    const codes = [];
    for (const order of ["A", "B", "C"]) codes.push((await hook(sale(order), { server })).statusCode);
    expect(codes).toEqual([200, 200, 429]);
    await server.close();
  });
});

describe("reports", () => {
  const click = (id: string, affiliate: string) => ({
    eventName: "OutboundClick",
    clickId: id,
    eventTime: at(0),
    sub1: affiliate,
  });
  beforeEach(async () => {
    const clicks = [
      ...Array.from({ length: 10 }, (_, index) => click(`one-${index}`, "aff_1")),
      click("two-1", "aff_2"),
      click("two-1", "aff_2"),
      click("two-2", "aff_2"),
    ];
    await hook([
      ...clicks,
      sale("A", { eventValue: 100.005, sub1: "aff_1", source: "facebook", campaignId: "k1" }),
      sale("B", { eventValue: 50, sub1: "aff_1", source: "google", campaignId: "k1" }),
      sale("C", { eventValue: 70, sub1: "aff_2", source: "facebook", currency: "USD" }),
      sale("L", { eventName: "Lead", eventValue: undefined, currency: undefined, sub1: "aff_2" }),
      sale("N", { eventValue: 5, sub1: "aff_3", eventTime: at(5) }),
    ]);
    await hook(sale("A", { eventValue: 999 }), { client: "acme" });
  });
  const range = "from=2026-03-01&to=2026-03-31";

  test("an affiliate's clicks, conversions, revenue, EPC and rate", async () => {
    expect((await get(`/affiliates/aff_1/performance?${range}`)).json()).toEqual({
      from: "2026-03-01",
      to: "2026-03-31",
      affiliateId: "aff_1",
      origin: "real",
      clicks: 10,
      conversions: 2,
      conversionRate: 20,
      revenue: [{ currency: "EUR", amount: "150.01", epc: "15.0005" }],
    });
    expect((await get(`/affiliates/aff_3/performance?${range}`)).json()).toMatchObject({
      clicks: 0,
      conversionRate: null,
      revenue: [{ epc: null }],
    });
    expect((await get("/affiliates/aff_1/performance?from=2020-01-01&to=2020-01-31")).statusCode).toBe(404);
    expect((await get(`/affiliates/aff_1/performance?${range}`, { client: "acme" })).statusCode).toBe(404);
  });

  test("the best by each metric, with a limit; money of two currencies is not compared", async () => {
    const top = async (query: string) => {
      const answer = await get(`/affiliates/top?${range}&${query}`);
      return answer.statusCode === 200
        ? answer.json<{ items: { affiliateId: string }[] }>().items.map((item) => item.affiliateId)
        : answer.json<object>();
    };
    expect(await top("metric=revenue&currency=EUR")).toEqual(["aff_1", "aff_3", "aff_2"]);
    expect(await top("metric=revenue&currency=USD&limit=1")).toEqual(["aff_2"]);
    expect(await top("metric=conversions&limit=2")).toEqual(["aff_1", "aff_2"]);
    expect(await top("metric=conversion_rate")).toEqual(["aff_2", "aff_1", "aff_3"]);
    expect(await top("metric=epc&currency=EUR&limit=1")).toEqual(["aff_1"]);
    expect(await top("metric=revenue")).toMatchObject({
      error: "validation_error",
      details: { currency: expect.stringContaining("EUR, USD") },
    });
    expect(await top("metric=clicks")).toMatchObject({ error: "validation_error" });
  });

  test("conversions are found by source, campaign, affiliate and type, page by page", async () => {
    const keys = async (query: string) =>
      (await get(`/conversions?${range}&${query}`))
        .json<{ items: { conversionKey: string }[] }>()
        .items.map((item) => item.conversionKey)
        .sort();
    expect(await keys("source=facebook")).toEqual(["order:A", "order:C"]);
    expect(await keys("campaign=k1")).toEqual(["order:A", "order:B"]);
    expect(await keys("affiliate=aff_2")).toEqual(["order:C", "order:L"]);
    expect(await keys("type=LEAD")).toEqual(["order:L"]);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { items: { conversionKey: string }[]; next: string | null } = (
        await get(`/conversions?${range}&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`)
      ).json();
      seen.push(...page.items.map((item) => item.conversionKey));
      cursor = page.next;
    }
    expect(seen).toHaveLength(5);
    expect([...new Set(seen)].sort()).toEqual(["order:A", "order:B", "order:C", "order:L", "order:N"]);
    expect(seen[0]).toBe("order:N");
  });

  test("the day's report adds up per currency", async () => {
    const real = { origin: "real" };
    expect((await get("/reports/daily?date=2026-03-08")).json()).toEqual({
      date: "2026-03-08",
      totalConversions: 5,
      totals: [
        { ...real, currency: "EUR", conversions: 3, sales: 3, revenue: "155.01", averageOrderValue: "51.67" },
        { ...real, currency: "USD", conversions: 1, sales: 1, revenue: "70.00", averageOrderValue: "70.00" },
        { ...real, currency: null, conversions: 1, sales: 0, revenue: "0.00", averageOrderValue: null },
      ],
      bySource: [
        { ...real, source: "facebook", currency: "EUR", conversions: 1, revenue: "100.01" },
        { ...real, source: "google", currency: "EUR", conversions: 1, revenue: "50.00" },
        { ...real, source: null, currency: "EUR", conversions: 1, revenue: "5.00" },
        { ...real, source: "facebook", currency: "USD", conversions: 1, revenue: "70.00" },
        { ...real, source: null, currency: null, conversions: 1, revenue: "0.00" },
      ],
      byCampaign: [
        { ...real, campaignId: "k1", currency: "EUR", conversions: 2, revenue: "150.01" },
        { ...real, campaignId: null, currency: "EUR", conversions: 1, revenue: "5.00" },
        { ...real, campaignId: null, currency: "USD", conversions: 1, revenue: "70.00" },
        { ...real, campaignId: null, currency: null, conversions: 1, revenue: "0.00" },
      ],
    });
  });

  test("one conversion comes with its journey and the weights of each model; an unknown journey says so", async () => {
    const steps = [
      { type: "click", source: "google", timestamp: "2026-02-22T15:00:00Z", clickId: "t1" },
      { type: "click", source: "facebook", timestamp: "2026-03-01T15:00:00Z", clickId: "t2" },
      { type: "view", source: "tiktok", timestamp: "2026-03-08T15:00:00Z" },
    ];
    await hook(sale("J", { touchpoints: steps }));
    const found = (await get("/conversions/order:J")).json<Record<string, unknown>>();
    expect(found["touchpoints"]).toMatchObject([
      { position: 1, source: "google", clickId: "t1" },
      { position: 2 },
      { position: 3, type: "view", at: "2026-03-08T15:00:00.000Z" },
    ]);
    const weights = (...values: string[]) => values.map((weight, index) => ({ position: index + 1, weight }));
    expect(found["attribution"]).toEqual({
      state: "known",
      models: [
        { model: "last_click", weights: weights("0.000000", "1.000000", "0.000000") },
        { model: "first_click", weights: weights("1.000000", "0.000000", "0.000000") },
        { model: "linear", weights: weights("0.333334", "0.333333", "0.333333") },
        { model: "time_decay", weights: weights("0.142857", "0.285714", "0.571429") },
      ],
    });
    // A newer telling of the journey takes the place of the older one, whole.
    await hook(sale("J", { eventTime: at(7), touchpoints: steps.slice(0, 1) }));
    expect((await get("/conversions/order:J")).json()).toMatchObject({
      attribution: { models: expect.arrayContaining([{ model: "linear", weights: weights("1.000000") }]) },
    });
    expect(
      await rows(
        "select model, sum(weight) from anytrack.attribution group by model, _client_id, conversion_key having sum(weight) <> 1",
      ),
    ).toEqual([]);
    expect(found["journey"]).toBe("told");
    await hook(sale("U", { clickId: undefined }));
    expect((await get("/conversions/order:U")).json()).toMatchObject({
      journey: "unknown",
      touchpoints: [],
      attribution: { state: "unknown", models: [] },
    });
    expect(
      await rows(
        "select distinct state, journey from anytrack.attribution_by_conversion where conversion_key = 'order:U'",
      ),
    ).toEqual([{ state: "unknown", journey: "unknown" }]);
    expect((await get("/conversions/order:J", { client: "acme" })).statusCode).toBe(404);
  });

  test("the export is CSV that no spreadsheet runs, whole over many batches, and of one client", async () => {
    await database.pool.query("truncate anytrack.webhook_events, anytrack.conversions");
    for (let batch = 0; batch < 3; batch += 1)
      await hook(
        Array.from({ length: 900 }, (_, index) =>
          sale(`E${batch}-${index}`, { source: "=cmd()", eventTime: at(index % 7), eventValue: 1.5 }),
        ),
      );
    const answer = await get(`/conversions.csv?${range}`);
    expect(answer.headers["content-type"]).toContain("text/csv");
    expect(answer.headers["content-disposition"]).toContain("conversions-2026-03-01-2026-03-31.csv");
    const lines = answer.payload.trimEnd().split("\r\n");
    expect(lines).toHaveLength(2_701);
    expect(new Set(lines.slice(1).map((line) => line.split(",")[0])).size).toBe(2_700);
    expect(lines[0]).toMatch(/^conversion_key,order_id,type.*,origin$/);
    expect(lines.at(-1)).toMatch(/,real$/);
    expect(lines[1]).toContain(`,1.50,EUR,"'=cmd()",`);
    expect((await get(`/conversions.csv?${range}`, { client: "nobody" })).payload.trimEnd().split("\r\n")).toHaveLength(
      1,
    );
  }, 60_000);

  test.each([
    "/conversions",
    "/conversions.csv",
    "/conversions/order:A",
    "/affiliates/top",
    "/affiliates/aff_1/performance",
    "/reports/daily",
  ])("%s is closed without a token and to an advertiser", async (path) => {
    expect((await api.inject(`/api/v1/anytrack${path}`)).statusCode).toBe(401);
    expect((await get(path, { role: "advertiser", advertiser: "1" })).statusCode).toBe(403);
  });

  test.each([
    "/conversions?from=2026-03-09&to=2026-03-08",
    "/conversions?from=x",
    "/affiliates/top?limit=0",
    "/reports/daily?date=2026-02-30",
    "/conversions?cursor=x",
  ])("%s is a 400", async (path) => {
    expect((await get(path)).statusCode).toBe(400);
  });
});

import { describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import { addDays } from "../../core/days.ts";
import { refreshAggregates } from "../../queries/rtb/rollups.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import {
  today,
  countries,
  database,
  api,
  rows,
  creativeOf,
  get,
  send,
  everyPage,
  inPeriod,
  total,
  places,
  ratio,
  percent,
  recomputed,
  rowsOf,
  all713,
  type Page,
} from "../../test/api-rtb.ts";

describe("campaigns", () => {
  const members = [0, 3, 12, 13, 7, 6].map(creativeOf);
  let campaignId = 0;

  test("are made by name, once, with their sums in the same moment", async () => {
    const body = {
      items: [{ campaignName: "Puzzle Brazil", confidenceScore: 0.95, aiProvider: "claude", creativeIds: members }],
    };
    const made = await send("PUT", "/campaigns", body);
    expect(made.statusCode).toBe(200);
    expect(made.json()).toMatchObject({ created: 1, updated: 0, unchanged: 0 });
    campaignId = made.json<{ campaignIds: number[] }>().campaignIds[0] ?? 0;
    expect((await send("PUT", "/campaigns", body)).json()).toEqual({
      created: 0,
      updated: 0,
      unchanged: 1,
      campaignIds: [campaignId],
    });
    const own = rows.filter((row) => row.client === "713" && members.includes(row.creative));
    const week = recomputed(own, "7d");
    expect((await get("/campaigns")).json<{ items: object[] }>().items).toEqual([
      expect.objectContaining({
        campaignId,
        campaignName: "Puzzle Brazil",
        creatives: members.length,
        totalSpend7d: week.spend,
        totalSpend30d: recomputed(own, "30d").spend,
        totalSpendAllTime: recomputed(own, "all").spend,
        avgCpc7d: week.cpc,
        avgCpm7d: week.cpm,
        topGeography: week.topGeography,
        lastPerformanceUpdate: expect.stringMatching(/Z$/),
      }),
    ]);
  });

  test.each(["1d", "7d", "30d", "all"] as const)("tell where the money of %s went", async (period) => {
    const own = rows.filter((row) => row.client === "713" && members.includes(row.creative));
    const answer = (await get(`/campaigns/${campaignId}?period=${period}`)).json<{
      performance: object;
      geographies: object[];
      topCreative: object;
      creativeIds: string[];
    }>();
    const {
      exact,
      exactCpc: _cpc,
      exactCpm: _cpm,
      topGeography: _top,
      topGeographyShare: _share,
      ...figures
    } = recomputed(own, period);
    expect(answer.performance).toMatchObject({ period, ...figures });
    const parts = countries
      .map((country) => ({ country, own: own.filter((row) => row.geography === country && inPeriod(period)(row)) }))
      .filter((part) => part.own.length > 0)
      .map((part) => ({ ...part, spend: total(part.own, "spend") }))
      .sort((one, other) => other.spend.cmp(one.spend) || (one.country < other.country ? -1 : 1));
    expect(answer.geographies).toEqual(
      parts.map((part) => ({
        geography: part.country === "" ? null : part.country,
        spend: places(part.spend, 2).toFixed(2),
        impressions: Number(total(part.own, "impressions")),
        clicks: Number(total(part.own, "clicks")),
        cpc: ratio(part.spend, total(part.own, "clicks")),
        cpm: ratio(part.spend.times(1_000), total(part.own, "impressions")),
        share: percent(part.spend, exact),
      })),
    );
    const [best] = members
      .map((creative) => ({ creative, ...recomputed(rowsOf("713", creative), period) }))
      .sort((one, other) => other.exact.cmp(one.exact) || (one.creative < other.creative ? -1 : 1));
    expect(answer.topCreative).toMatchObject({
      creativeId: best?.creative,
      spend: best?.spend,
      cpc: best?.cpc,
      share: percent(best?.exact ?? new Big(0), exact),
    });
    expect(answer.creativeIds).toEqual([...members].sort());
  });

  test("lose and gain creatives, and a filter by campaign lists what is in it", async () => {
    const body = { items: [{ campaignId, creativeIds: members.slice(0, 2) }] };
    expect((await send("PUT", "/campaigns", body)).json()).toMatchObject({ updated: 1 });
    const own = rows.filter((row) => row.client === "713" && members.slice(0, 2).includes(row.creative));
    expect((await get(`/campaigns/${campaignId}`)).json()).toMatchObject({
      creatives: 2,
      totalSpendAllTime: recomputed(own, "all").spend,
      confidenceScore: 0.95,
    });
    expect((await everyPage(`campaign=${campaignId}&sort=id`)).map(({ creativeId }) => creativeId)).toEqual(
      members.slice(0, 2),
    );
    expect((await get(`/creatives/${members[0]}`)).json()).toMatchObject({
      campaigns: [{ campaignId, campaignName: "Puzzle Brazil" }],
    });
  });

  test("name what is wrong, and nothing of such a call is done", async () => {
    const unknown = await send("PUT", "/campaigns", {
      items: [{ campaignName: "Other" }, { campaignName: "More", creativeIds: ["17"] }],
    });
    expect(unknown.statusCode).toBe(400);
    expect(unknown.json()).toMatchObject({ details: { "items.1": "creatives that are not known: 17" } });
    expect(
      (await send("PUT", "/campaigns", { items: [{ campaignId: 999_999, campaignName: "Other" }] })).statusCode,
    ).toBe(400);
    expect((await send("PUT", "/campaigns", { items: [{ confidenceScore: 1 }] })).statusCode).toBe(400);
    expect((await get("/campaigns")).json<{ items: object[] }>().items).toHaveLength(1);
  });
});

test("creatives are merged by id: left out stays, null goes, the same again changes nothing", async () => {
  const item = {
    creativeId: creativeOf(9),
    format: "VIDEO",
    width: 640,
    height: 360,
    htmlSnippet: null,
    creativeAttributes: { tag: ["a"] },
  };
  const fresh = { creativeId: "18014398509481985", buyerId: "of 713 0", declaredClickUrls: ["https://shop.example/"] };
  expect((await send("PUT", "/creatives", { items: [item, fresh] })).json()).toEqual({
    inserted: 1,
    updated: 1,
    unchanged: 0,
  });
  expect((await send("PUT", "/creatives", { items: [item, fresh] })).json()).toEqual({
    inserted: 0,
    updated: 0,
    unchanged: 2,
  });
  expect((await get(`/creatives/${item.creativeId}`)).json()).toMatchObject({
    buyerId: "of 713 0",
    format: "VIDEO",
    canonicalSize: "Video 16:9",
    htmlSnippet: null,
    creativeAttributes: { tag: ["a"] },
    isStub: false,
  });
  expect((await get(`/creatives/${fresh.creativeId}`)).json()).toMatchObject({
    declaredClickUrls: ["https://shop.example/"],
    canonicalSize: null,
  });
  const seats = (await get("/seats")).json<{ items: object[] }>().items;
  expect(seats).toEqual([
    expect.objectContaining({
      buyerId: "of 713 0",
      creativeCount: all713.filter((_, number) => number % 3 === 0).length + 1,
    }),
  ]);
  await database.pool.query("delete from rtb.creatives where _client_id = '713' and creative_id = '18014398509481985'");

  const twice = await send("PUT", "/creatives", { items: [item, item] });
  expect(twice.json()).toMatchObject({
    error: "validation_error",
    details: { "items.1": `${item.creativeId} is given twice` },
  });
  expect((await send("PUT", "/seats", { items: [{ buyerId: "s1", displayName: "One" }] })).json()).toEqual({
    inserted: 1,
    updated: 0,
    unchanged: 0,
  });
  expect((await send("PUT", "/seats", { items: [{ buyerId: "s1", displayName: "Two" }] })).json()).toEqual({
    inserted: 0,
    updated: 1,
    unchanged: 0,
  });
});

test("sizes and statistics count what is there", async () => {
  const { items } = (await get("/sizes")).json<{ items: { creatives: number; canonicalSize: string }[] }>();
  expect(items.reduce((sum, size) => sum + size.creatives, 0)).toBe(40);
  const own = rows.filter((row) => row.client === "713");
  expect((await get("/stats")).json()).toMatchObject({
    creatives: 40,
    campaigns: 1,
    withPerformance: new Set(own.map(({ creative }) => creative)).size,
    spend: recomputed(own, "all").spend,
    impressions: recomputed(own, "all").impressions,
    cpc: recomputed(own, "all").cpc,
  });
});

test("who is cheapest is remembered until the records change, for pages of any size", async () => {
  const client = "cheap";
  const add = (creative: number, spend: number) =>
    database.pool.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       values ($1, $2, $3, -1, 'BR', 'mobile', '', 1000, 10, $4, 1)`,
      [client, creative, today, spend],
    );
  const order = async (query = "") =>
    (await get(`/creatives?sort=cpc${query}`, { client })).json<Page>().items.map(({ creativeId }) => creativeId);
  await database.pool.query(
    "insert into rtb.creatives (_client_id, id, creative_id) select $1, n, n from generate_series(1, 5) n",
    [client],
  );
  for (const [creative, spend] of [
    [1, 40],
    [2, 30],
    [3, 20],
    [4, 10],
  ] as const)
    await add(creative, spend);
  await refreshAggregates(database.pool, { client, today });
  for (let look = 0; look < 2; look += 1) {
    expect(await order("&limit=2")).toEqual(["4", "3"]);
    expect(await order("&limit=1")).toEqual(["4"]);
    expect(await order()).toEqual(["4", "3", "2", "1", "5"]);
    expect(await order("&tier=high")).toEqual(["1"]);
  }
  await add(5, 5);
  await refreshAggregates(database.pool, { client, today });
  expect(await order("&limit=2")).toEqual(["5", "4"]);
  expect(await order()).toEqual(["5", "4", "3", "2", "1"]);
  // Gone by hand, which no version tells of.
  await database.pool.query("delete from rtb.creatives where _client_id = $1 and creative_id = '4'", [client]);
  expect(await order("&limit=2")).toEqual(["5", "3"]);
});

test("a day that has begun moves the periods on before they are read", async () => {
  const client = "late";
  const yesterday = addDays(today, -1);
  await database.pool.query("insert into rtb.creatives (_client_id, id, creative_id) values ($1, 5, '5')", [client]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     values ($1, 5, $2, -1, 'BR', 'mobile', '', 10, 2, 3.5, 1)`,
    [client, yesterday],
  );
  await refreshAggregates(database.pool, { client, today: yesterday });
  const zone = { importDir: "/nowhere", maxBytes: 1, slots: 1, watchMinutes: null, stillMs: 0, uploadsDays: 1 };
  const clients = new Map([[client, { timezone: "America/New_York" }]]) as never;
  const server = await testServer({ database: database.pool, ingest: { ...zone, clients } });
  const answer = await server.inject({ url: "/api/v1/rtb/creatives?period=1d", headers: await bearer({ client }) });
  expect(answer.json()).toMatchObject({ items: [{ performance: { from: yesterday, to: yesterday, spend: "3.50" } }] });
  await server.close();
});

const reads = [
  "/creatives",
  "/creatives?geography=BR",
  "/seats",
  "/campaigns",
  "/sizes",
  "/stats",
  "/performance/imports",
];
const single = () => [
  `/creatives/${creativeOf(20)}`,
  `/performance/metrics/${creativeOf(20)}`,
  "/campaigns/1",
  "/performance/imports/1",
  `/performance/imports/${"a".repeat(32)}`,
];

test("another client's token finds none of it", async () => {
  for (const url of reads) {
    const answer = await get(url, { client: "nobody" });
    expect([url, answer.statusCode]).toEqual([url, 200]);
    expect(answer.payload).not.toMatch(/of 713|of acme|9007199254/);
    if (url !== "/stats") expect(answer.json()).toMatchObject({ items: [] });
    else expect(answer.json()).toMatchObject({ creatives: 0, spend: "0.00", rows: 0 });
  }
  expect((await get(single()[0] ?? "")).statusCode).toBe(200);
  expect((await get("/campaigns/1")).statusCode).toBe(200);
  for (const url of single()) {
    const answer = await get(url, { client: "nobody" });
    expect([url, answer.statusCode, answer.json<{ error: string }>().error]).toEqual([url, 404, "not_found"]);
  }
  // The same ids of two clients are two creatives.
  expect((await get(`/creatives/${creativeOf(1)}`, { client: "acme" })).json()).toMatchObject({ buyerId: "of acme 1" });
  const foreign = await send(
    "PUT",
    "/campaigns",
    { items: [{ campaignId: 1, campaignName: "mine now" }] },
    { client: "acme" },
  );
  expect(foreign.statusCode).toBe(400);
  expect((await get("/campaigns/1")).json()).toMatchObject({ campaignName: "Puzzle Brazil" });
});

test("without a token nothing is told, and an analyst writes nothing", async () => {
  for (const url of [...reads, ...single()]) {
    expect([url, (await api.inject(`/api/v1/rtb${url}`)).statusCode]).toEqual([url, 401]);
    expect([url, (await get(url, { role: "advertiser", advertiser: "1" })).statusCode]).toEqual([url, 403]);
  }
  for (const [method, url] of [
    ["PUT", "/creatives"],
    ["PUT", "/seats"],
    ["PUT", "/campaigns"],
    ["POST", "/campaigns/refresh"],
    ["POST", "/seats/discover"],
    ["POST", "/seats/1/sync"],
    ["POST", "/performance/import"],
  ] as const) {
    expect([url, (await send(method, url, {}, { role: "analyst" })).statusCode]).toEqual([url, 403]);
    expect([url, (await api.inject({ method, url: `/api/v1/rtb${url}` })).statusCode]).toEqual([url, 401]);
  }
});

test("rubbish in any parameter is the caller's mistake, never ours", async () => {
  const rubbish = [
    "",
    "0",
    "-1",
    "1e9",
    "99999999999999999999",
    "NaN",
    "'; drop table rtb.creatives; --",
    "a\u0000b",
    "\u202e",
    "💥",
    "%",
    "null",
    "[]",
    "{}",
    "__proto__",
    "x".repeat(5_000),
    "2025-02-30",
    "9223372036854775808",
  ];
  const cursors = [
    ...rubbish,
    ...[
      {},
      [],
      1,
      "x",
      null,
      { sort: "spend", period: "7d", place: "1e999999", creativeId: "1" },
      { sort: "spend", period: "7d", place: null, creativeId: "1" },
      { sort: "spend", period: "7d", place: "9".repeat(79), creativeId: "9223372036854775807" },
      { date: "2025-01-01", hour: 99, geography: "", deviceType: "", placement: "" },
    ].map((place) => Buffer.from(JSON.stringify(place)).toString("base64url")),
  ];
  const parameters: [string, string[]][] = [
    ["/creatives", ["sort", "period", "tier", "format", "geography", "buyer_id", "campaign", "slim", "limit"]],
    ["/campaigns", ["period", "limit"]],
    ["/campaigns/1", ["period"]],
    ["/seats", ["limit"]],
    ["/performance/imports", ["outcome", "limit"]],
    [`/performance/metrics/${creativeOf(0)}`, ["start_date", "end_date", "geography", "limit"]],
  ];
  const statuses = new Set<number>();
  const look = async (url: string) => {
    const { statusCode, payload } = await get(url);
    if (statusCode >= 500) throw new Error(`${url}: ${statusCode} ${payload}`);
    statuses.add(statusCode);
  };
  for (const [url, names] of parameters) {
    for (const name of names) for (const value of rubbish) await look(`${url}?${name}=${encodeURIComponent(value)}`);
    for (const value of cursors) await look(`${url}?cursor=${encodeURIComponent(value)}`);
  }
  for (const value of rubbish)
    for (const url of ["/creatives/", "/campaigns/", "/performance/metrics/", "/performance/imports/"])
      await look(`${url}${encodeURIComponent(value)}`);
  const bodies = [
    null,
    [],
    {},
    { items: [] },
    { items: [null] },
    { items: [{}] },
    ...rubbish.map((value) => ({
      items: [
        {
          creativeId: value,
          buyerId: value,
          campaignName: value,
          campaignId: value,
          width: value,
          creativeIds: [value],
          creativeAttributes: value,
        },
      ],
    })),
  ];
  for (const url of ["/creatives", "/seats", "/campaigns"])
    for (const body of bodies) {
      const answer = await api.inject({
        method: "PUT",
        url: `/api/v1/rtb${url}`,
        headers: { ...(await bearer()), "content-type": "application/json" },
        payload: JSON.stringify(body),
      });
      expect([url, body, answer.statusCode]).toEqual([url, body, 400]);
    }
  expect([...statuses].sort()).toEqual([400, 404]);
}, 60_000);

test("every answer of the area is described", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content?: unknown }>; requestBody?: { content: object } }>
    >;
  }>();
  const own = Object.entries(paths).filter(([path]) => path.startsWith("/api/v1/rtb"));
  expect(own.length).toBeGreaterThanOrEqual(24);
  const object = expect.objectContaining({ type: "object" });
  /** A search that another one is ahead of says so in its own form, and so does a sentence that is no question. */
  const either = expect.objectContaining({ anyOf: [object, object] });
  for (const [path, methods] of own)
    for (const [method, route] of Object.entries(methods))
      // What only ever starts something answers 202, what makes something 201, and what deletes says nothing.
      expect([
        path,
        method,
        Object.entries(route.responses).find(([status]) => /^20[0-2]$/.test(status))?.[1].content,
      ]).toEqual([
        path,
        method,
        method === "delete"
          ? undefined
          : path.endsWith("/thumbnail")
            ? { "image/*": { schema: expect.objectContaining({ format: "binary" }) } }
            : {
                "application/json": {
                  schema:
                    method === "post" && /\/(opportunities\/search|questions\/sentence)$/.test(path) ? either : object,
                },
              },
      ]);
  expect(Object.keys(paths["/api/v1/rtb/performance/import"]?.["post"]?.requestBody?.content ?? {})).toEqual([
    "multipart/form-data",
  ]);
});

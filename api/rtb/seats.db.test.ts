import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { dayAt } from "../../core/days.ts";
import { refreshAggregates } from "../../queries/rtb/rollups.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

const today = dayAt(new Date(), "America/New_York");
const id = "1912783031778279425";

let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const call = async (method: "GET" | "PUT" | "POST", url: string, payload?: object) => {
  const headers = await bearer({});
  const answer = await api.inject({
    method,
    url: `/api/v1/rtb${url}`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, never>>() };
};
const put = (items: object[], what = "creatives") => call("PUT", `/${what}`, { items });

test("two seats have a creative of one id each: lists show both, and one is asked for with its seat", async () => {
  const items = ["A", "B"].map((buyerId) => ({ creativeId: id, buyerId, format: `of ${buyerId}` }));
  expect((await put([...items, { creativeId: "banner 7/ü", buyerId: "A" }])).body).toEqual({
    inserted: 3,
    updated: 0,
    unchanged: 0,
  });
  expect((await put(items)).body).toEqual({ inserted: 0, updated: 0, unchanged: 2 });
  const { rows } = await database.pool.query<{ id: string; buyer: string }>(
    "select id::text, buyer_id as buyer from rtb.creatives where creative_id = $1",
    [id],
  );
  await database.pool.query("select rtb.ensure_months($1)", [[today]]);
  for (const row of rows)
    await database.pool.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       values ('713', $1, $2, -1, 'BR', '', '', 1000, 10, $3, 1)`,
      [row.id, today, row.buyer === "A" ? "2.5" : "4"],
    );
  await refreshAggregates(database.pool, { client: "713", today });

  expect((await call("GET", "/creatives?limit=10")).body).toMatchObject({
    items: [
      { creativeId: id, buyerId: "B", performance: { spend: "4.00" } },
      { creativeId: id, buyerId: "A", performance: { spend: "2.50" } },
      { creativeId: "banner 7/ü", buyerId: "A" },
    ],
  });
  for (const path of [`/creatives/${id}`, `/performance/metrics/${id}`]) {
    expect(await call("GET", path)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining("buyer_id") },
    });
    expect((await call("GET", `${path}?buyer_id=C`)).status).toBe(404);
  }
  expect((await call("GET", `/creatives/${id}?buyer_id=A`)).body).toMatchObject({
    format: "of A",
    performance: [{}, { spend: "2.50" }, {}, {}],
  });
  expect((await call("GET", `/performance/metrics/${id}?buyer_id=B`)).body).toMatchObject({
    items: [{ spend: "4.00" }],
  });
  expect((await call("GET", `/creatives/${encodeURIComponent("banner 7/ü")}`)).body).toMatchObject({
    creativeId: "banner 7/ü",
  });
});

test("a filter that is mistyped is refused with what is near, and so is a field that a sync does not have", async () => {
  for (const [query, message] of [
    ["approval=review", "did you mean PENDING_REVIEW?"],
    ["approval=APROVED", "did you mean APPROVED?"],
    ["format=BANNER", "it is one of HTML, VIDEO, NATIVE, OF A, OF B"],
  ])
    expect([query, await call("GET", `/creatives?${query}`)]).toMatchObject([
      query,
      { status: 400, body: { message: expect.stringContaining(message ?? "") } },
    ]);
  expect((await call("GET", "/creatives?buyer_id=nosuch")).status).toBe(404);
  for (const query of ["approval=approved", "format=native", "format=of%20a", "buyer_id=A"])
    expect([query, (await call("GET", `/creatives?${query}`)).status]).toEqual([query, 200]);
  for (const url of ["/seats/A/sync", "/seats/discover"])
    expect((await call("POST", url, { full: true })).status).toBe(400);
});

test("an item that could be of either seat changes nothing; one seat's creative is found by its id alone", async () => {
  expect(await put([{ creativeId: id, format: "HTML" }])).toMatchObject({ status: 409 });
  expect((await put([{ creativeId: "banner 7/ü", format: "HTML" }])).body).toEqual({
    inserted: 0,
    updated: 1,
    unchanged: 0,
  });
});

test("a creative without a seat becomes that of the first seat that is named for it", async () => {
  await put([{ creativeId: "8", format: "VIDEO" }]);
  expect(
    (
      await put([
        { creativeId: "8", buyerId: "A" },
        { creativeId: "8", buyerId: "B" },
      ])
    ).body,
  ).toEqual({ inserted: 1, updated: 1, unchanged: 0 });
  expect((await call("GET", "/creatives/8?buyer_id=A")).body).toMatchObject({ format: "VIDEO" });
});

test("a campaign takes the creative of one seat by its name, and gives it back so", async () => {
  const campaign = (creativeIds: string[]) => put([{ campaignName: "Puzzle", creativeIds }], "campaigns");
  expect(await campaign([id])).toMatchObject({
    status: 400,
    body: { details: { "items.0": expect.stringContaining("buyers/SEAT") } },
  });
  const names = ["banner 7/ü", `buyers/B/creatives/${id}`];
  const { body } = await campaign(names);
  const { campaignIds } = body as unknown as { campaignIds: number[] };
  const found = await call("GET", `/campaigns/${campaignIds[0]}?period=all`);
  expect(found.body).toMatchObject({
    creativeIds: names,
    totalSpendAllTime: "4.00",
    topCreative: { creativeId: id, buyerId: "B" },
  });
  expect((await campaign((found.body as unknown as { creativeIds: string[] }).creativeIds)).body).toMatchObject({
    unchanged: 1,
  });
});

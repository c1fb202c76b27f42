import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script>\u202etxt`;
const big = "9007199254740993";
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  const put = async (url: string, items: object[]) =>
    expect((await api.inject({ method: "PUT", url, headers: await bearer(), payload: { items } })).statusCode).toBe(
      200,
    );
  await put("/api/v1/rtb/creatives", [
    {
      creativeId: big,
      format: hostile,
      buyerId: "77",
      googleBuyersUrl: "javascript:alert(1)",
      htmlSnippet: "<img src=x onerror=alert(1)>",
    },
    { creativeId: "2", format: "VIDEO", googleBuyersUrl: "https://authorized-buyers.google.com/2" },
  ]);
  await put("/api/v1/rtb/campaigns", [{ campaignName: hostile, creativeIds: [big] }]);
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string) => api.inject({ url, headers: await loggedIn(database.pool) });

test("cards and table show the same creatives, with every digit of their ids", async () => {
  for (const view of ["", "&view=table"]) {
    const { body, statusCode } = await open(`/creatives?period=all${view}`);
    expect([
      view,
      statusCode,
      body.includes(`href="/creatives/${big}?buyer_id=77"`),
      body.includes('href="/creatives/2"'),
    ]).toEqual([view, 200, true, true]);
  }
  const exported = (await open("/creatives.csv?period=all")).body.trimEnd().split("\r\n");
  expect(exported).toHaveLength(3);
  expect(exported.map((line) => line.split(",").at(-1))).toEqual(["origin", "real", "real"]);
  expect((await open("/campaigns.csv")).body.split("\r\n")[0]).toMatch(/,origin$/);
  expect((await open("/creatives?format=video")).body).not.toContain(big);
});

test("markup, names and addresses from outside are text: nothing of a creative runs or is linked that is no web page", async () => {
  const page = await open(`/creatives/${big}`);
  expect(page.statusCode).toBe(200);
  for (const url of ["/creatives", "/campaigns", `/creatives/${big}`]) {
    const { body } = await open(url);
    expect([
      url,
      body.includes("<script>alert"),
      body.includes("<img src=x"),
      body.includes('href="javascript:'),
    ]).toEqual([url, false, false, false]);
  }
  expect(page.body).toContain("&lt;img src=x onerror=alert(1)>");
  expect((await open("/creatives/2")).body).toContain('href="https://authorized-buyers.google.com/2"');
});

test("another client's creative is a page that does not exist", async () => {
  const theirs = await loggedIn(database.pool, { client: "acme" });
  expect((await api.inject({ url: `/creatives/${big}`, headers: theirs })).statusCode).toBe(404);
  expect((await api.inject({ url: "/creatives", headers: theirs })).body).toContain("No creative is like this");
});

describe("seats", () => {
  beforeAll(async () => {
    await database.pool.query(
      "insert into rtb.buyer_seats (_client_id, buyer_id, display_name, last_sync, origin) values ('713', '88', $1, '2026-03-01T10:00:00Z', 'sandbox')",
      [hostile],
    );
    await database.pool.query(
      `insert into rtb.creatives (_client_id, buyer_id, creative_id, approval_status, vanished_at, origin)
       select '713', '88', 'c' || n, (array['APPROVED', 'DISAPPROVED', 'PENDING_REVIEW'])[1 + n % 3], case when n > 7 then now() end, 'sandbox'
         from generate_series(1, 9) n`,
    );
  });

  test("each with its creatives by the exchange's verdict, those that vanished apart", async () => {
    const answer = await api.inject({ url: "/api/v1/rtb/seats", headers: await bearer() });
    expect(answer.json<{ items: object[] }>().items).toEqual([
      expect.objectContaining({ buyerId: "88", approved: 2, disapproved: 3, pending: 2, vanished: 2 }),
    ]);
    const { body } = await open("/seats");
    expect(body).toContain('href="/creatives?period=all&amp;buyer_id=88"');
    expect(body).toMatch(/<td[^>]*>2<\/td><td[^>]*>2<\/td><td[^>]*>3<\/td><td[^>]*>2<\/td>/);
    expect(body).not.toContain("<script>alert");
    expect((await open("/seats.csv")).body.split("\r\n")[0]).toMatch(
      /^buyerId,.*,vanished,lastSync,lastOutcome,origin$/,
    );
  });

  test("the exchange is asked from the page by those who may; what came of it says whose it is", async () => {
    const as = async (role: "operator" | "analyst", url = "/seats") =>
      (await api.inject({ url, headers: await loggedIn(database.pool, { role }) })).body;
    expect(await as("operator")).toContain("The exchange is the sandbox");
    expect(await as("operator")).toContain('action="/seats/discover"');
    expect(await as("operator")).toContain('name="buyer_id" value="88"');
    expect(await as("analyst")).not.toContain('<form method="post" action="/seats');
    const theirs = await api.inject({ url: "/seats", headers: await loggedIn(database.pool, { client: "acme" }) });
    expect(theirs.body).toContain("No seat was synced yet");
    expect(theirs.body).toContain('action="/seats/discover"');
    // One that was begun after the last sync still runs; one that the last sync came after is over.
    const told = (since: string) => `/seats?running=sync-creatives%2F713%2F88&since=${since}`;
    expect(await as("operator", told("2026-03-01T11:00:00.000Z"))).toMatch(
      /data-live="2"[^]*The exchange is being asked/,
    );
    const over = await as("operator", told("2026-03-01T09:00:00.000Z"));
    expect(over).toContain("Synced");
    expect(over).not.toContain("data-live");
    expect(await as("operator", "/seats?found=%3Cscript%3Ealert(1)")).not.toContain("<script>alert");
  });
});

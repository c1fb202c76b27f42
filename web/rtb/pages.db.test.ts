import { afterAll, beforeAll, expect, test } from "@jest/globals";
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

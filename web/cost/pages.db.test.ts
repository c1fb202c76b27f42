import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  await database.pool.query(
    `insert into public.account_currency (_client_id, vendor, currency) values ('713', 'redtrack', 'USD') on conflict do nothing`,
  );
  await database.pool.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, cost, clicks, conversions, _slice, _run_id)
     values ('713', current_date - 1, 's1', 'Meta', 120.5, 100, 1, (current_date - 1)::text, 'r')`,
  );
  await database.pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     values ('713', current_date - 1, '4', 'G2 - Meta', '1', '1', 'USD', 50, 10, 0, 300, 300, 0, (current_date - 1)::text, 'r')`,
  );
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string) => api.inject({ url, headers: await loggedIn(database.pool) });
const send = async (url: string, fields: Record<string, string>) => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, headers: { ...(await loggedIn(database.pool)), ...type }, payload });
};
const change = { source: "s1", sourceName: "Meta", label: "G2 - Meta", kind: "internal" };
const mapped = async () => (await database.pool.query("select from public.affiliate_mapping")).rowCount;

test("spend that no affiliate has is a row of its own, and leads to where it is mapped", async () => {
  const { body } = await open("/cost/mapping");
  expect(body).toContain('data-field="cost" data-value="120.50">$120.50');
  expect(body).toContain('href="/cost/mapping/edit?source=s1"');
});

test("a change is looked at before it is made: the preview names the affiliate and changes nothing", async () => {
  const { body, statusCode } = await send("/cost/mapping/preview", change);
  expect(statusCode).toBe(200);
  expect(body).toContain("G2 - Meta");
  expect(body).toContain("$120.50 before, $0.00 after");
  expect(body).toContain("$12.05");
  expect(await mapped()).toBe(0);
  const { rows } = await database.pool.query("select from ops.audit");
  expect(rows).toEqual([]);
});

test("applied, the figures are those of the preview, and again it changes nothing", async () => {
  expect((await send("/cost/mapping/apply", change)).headers.location).toBe("/cost/mapping");
  expect(await mapped()).toBe(1);
  const { body } = await open("/cost?period=7d");
  expect(body).toContain('data-field="cpa" data-value="12.05">$12.05');
  expect((await send("/cost/mapping/preview", change)).body).toContain("says this already");
});

test("a conflict is said in words and changes nothing", async () => {
  const refused = await send("/cost/mapping/apply", { ...change, source: "s2", kind: "external" });
  expect(refused.statusCode).toBe(409);
  expect(refused.body).toContain("is internal in one row and external in another");
  expect(await mapped()).toBe(1);
});

test("an affiliate leads to its days, each of them to the receipts it rests on, and the export has the same rows", async () => {
  await database.pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     select '713', current_date - d, i, n, '1', '1', 'USD', 50, d, 5 * d, 9 * d, 0, 0, (current_date - d)::text, 'r'
       from (values ('4', 'G2 - Meta'), ('9', 'Other')) a(i, n), generate_series(2, 3) d`,
  );
  const { body: all } = await open("/cost?period=7d");
  const [, to = ""] = /<a href="(\/cost\/days\?[^"]*affiliateId=4)">G2 - Meta<\/a>/.exec(all) ?? [];
  const { body } = await open(to.replaceAll("&amp;", "&"));
  expect((await compareFigures(api, body)).wrong).toEqual([]);
  // In all, and three days.
  expect([body.match(/<tr data-row/g)?.length, body.includes(">Other<")]).toEqual([4, false]);
  const { rows } = await database.pool.query<{ day: string }>("select (current_date - 1)::text as day");
  const day = rows[0]?.day ?? "";
  for (const source of ["everflow.daily_stats", "redtrack.daily_spend"])
    expect(body).toContain(`href="/receipts?source=${source}&amp;day=${day}"`);
  const lines = parse((await open(to.replaceAll("&amp;", "&").replace("/cost/days", "/cost/days.csv"))).body, {
    columns: true,
  }) as Record<string, string>[];
  expect(lines.map((line) => [line["affiliate"], line["efConversions"]])).toEqual([
    ["G2 - Meta", "10"],
    ["G2 - Meta", "2"],
    ["G2 - Meta", "3"],
  ]);
  expect((await open("/cost/days?period=7d")).body).toContain(">Other<");
});

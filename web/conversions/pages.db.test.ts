import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script>\u202e=1+1`;
let database: TestDatabase;
let api: Api;
const temporal = fakeTemporal();
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool, temporal: temporal.access }));
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, offer_id, offer_name, currency, payout, revenue, _slice, _run_id)
     select '713', 'ef-' || n, current_date, now() - n * interval '1 minute', 'approved', false, '4', $1, '7', 'Offer', 'USD', 1.005, 2.5, current_date::text, 'r' from generate_series(1, 130) n`,
    [hostile],
  );
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, offer_id, currency, payout, revenue, _slice, _run_id)
     values ('acme', 'theirs', current_date, now(), 'approved', false, '4', '7', 'USD', 1, 1, current_date::text, 'r')`,
  );
  await database.pool.query(
    `insert into ops.deliveries (_client_id, destination, conversion_key, event_id, event_name, event_time, value, currency, state, last_answer)
     values ('713', 'meta', 'anytrack:order:1', 'anytrack:order:1', 'Purchase', now(), 10, 'USD', 'failed', $1),
            ('713', 'meta', 'anytrack:order:2', 'anytrack:order:2', 'Purchase', now(), 11, 'USD', 'delivered', null),
            ('acme', 'meta', 'anytrack:order:3', 'anytrack:order:3', 'Purchase', now(), 12, 'USD', 'failed', null)`,
    [hostile],
  );
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const staff = (role: "admin" | "analyst" = "admin") => loggedIn(database.pool, { role });
const open = async (url: string) => api.inject({ url, headers: await staff() });
const send = async (url: string, fields: Record<string, string>, role: "admin" | "analyst" = "admin") => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, headers: { ...(await staff(role)), ...type }, payload });
};

test("a long list is read page by page, and its export holds all of it, safe to open in a spreadsheet", async () => {
  const first = await open("/conversions/everflow?period=7d");
  expect(first.statusCode).toBe(200);
  expect(first.body.match(/href="\/conversions\/everflow\/ef-/g)).toHaveLength(100);
  const next = /href="([^"]*cursor=[^"]+)" rel="next"/.exec(first.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect((await open(next)).body.match(/href="\/conversions\/everflow\/ef-/g)).toHaveLength(30);
  const { body, headers } = await open("/conversions/everflow.csv?period=7d");
  expect(headers["content-type"]).toContain("text/csv");
  const lines = body.trimEnd().split("\r\n");
  expect(lines).toHaveLength(131);
  expect(lines[1]).toContain("1.01,2.50");
  expect(first.body + body).not.toContain("theirs");
});

test("names from outside are text on the page", async () => {
  for (const url of ["/conversions/everflow?period=7d", "/conversions/everflow/ef-1", "/deliveries"]) {
    const { body } = await open(url);
    expect([url, body.includes("<script>alert"), body.includes("&lt;script>alert(1)")]).toEqual([url, false, true]);
  }
});

test("a refused delivery is retried once asked, by who may, and the audit log has it", async () => {
  const fields = { destination: "meta", conversion: "anytrack:order:1" };
  expect((await send("/deliveries/retry", fields, "analyst")).statusCode).toBe(404);
  const sent = await send("/deliveries/retry", fields);
  expect([sent.statusCode, sent.headers.location]).toEqual([303, "/deliveries?conversion=anytrack%3Aorder%3A1"]);
  const { rows } = await database.pool.query(
    "select state from ops.deliveries where conversion_key = 'anytrack:order:1' union all select action from ops.audit where action = 'delivery_retried'",
  );
  expect(rows).toEqual([{ state: "pending" }, { state: "delivery_retried" }]);
});

test("one that was delivered, or is another client's, is not sent again", async () => {
  const delivered = await send("/deliveries/retry", { destination: "meta", conversion: "anytrack:order:2" });
  expect([delivered.statusCode, delivered.body.includes("The delivery is delivered")]).toEqual([409, true]);
  expect((await send("/deliveries/retry", { destination: "meta", conversion: "anytrack:order:3" })).statusCode).toBe(
    404,
  );
});

test("an export that would be cut short is refused in words, and says what to do", async () => {
  await database.pool.query(
    `insert into ops.deliveries (_client_id, destination, conversion_key, event_id, event_name, event_time, state)
     select '713', 'hubspot', 'anytrack:many:' || n, n::text, 'SALE', now() - n * interval '1 second', 'delivered' from generate_series(1, 50001) n`,
  );
  const cut = await open("/deliveries.csv?destination=hubspot");
  expect(cut.statusCode).toBe(400);
  expect(cut.body).toContain("more than 50,000 rows");
  const whole = await open("/deliveries.csv?destination=meta");
  expect([whole.statusCode, whole.body.trimEnd().split("\r\n")]).toEqual([
    200,
    expect.arrayContaining([expect.any(String)]),
  ]);
}, 120_000);

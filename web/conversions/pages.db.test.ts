import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Api } from "../../api/server/parts.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script>\u202e=1+1`;
let database: TestDatabase;
let api: Api;
const temporal = fakeTemporal();
/** The client's day, which the rows are of: that of UTC is another one for hours. */
let day: string;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool, temporal: temporal.access }));
  day =
    (await database.pool.query<{ day: string }>("select (now() at time zone 'America/New_York')::date as day")).rows[0]
      ?.day ?? "";
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, offer_id, offer_name, currency, payout, revenue, _slice, _run_id)
     select '713', 'ef-' || n, (now() at time zone 'America/New_York')::date, now() - n * interval '1 minute', 'approved', false, '4', $1, '7', 'Offer', 'USD', 1.005, 2.5, (now() at time zone 'America/New_York')::date::text, 'r' from generate_series(1, 130) n`,
    [hostile],
  );
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, offer_id, currency, payout, revenue, _slice, _run_id)
     values ('acme', 'theirs', (now() at time zone 'America/New_York')::date, now(), 'approved', false, '4', '7', 'USD', 1, 1, (now() at time zone 'America/New_York')::date::text, 'r')`,
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

test("totals stand above a list, of all that its filters leave, per currency: those of the JSON route and of the export's rows", async () => {
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, offer_id, currency, payout, revenue, _slice, _run_id)
     select '713', 'eur-' || n, (now() at time zone 'America/New_York')::date, now(), case when n = 1 then 'rejected' else 'approved' end, n > 3, '5', '7', 'EUR', 10, 20, (now() at time zone 'America/New_York')::date::text, 'r' from generate_series(1, 5) n`,
  );
  const range = `from=${day}&to=${day}`;
  const totals = async (filters: string) =>
    (
      await api.inject({
        url: `/api/v1/everflow/conversions/totals?${range}${filters}`,
        headers: await bearer({ role: "analyst" }),
      })
    ).json<{ items: object[] }>().items;
  const eur = { currency: "EUR", origin: "unknown", conversions: 2, events: 2, payout: "40.00", revenue: "80.00" };
  expect(await totals("&status=approved")).toEqual([
    // Added up, then rounded: 130 times 1.005.
    { currency: "USD", origin: "unknown", conversions: 130, events: 0, payout: "130.65", revenue: "325.00" },
    eur,
  ]);
  expect(await totals("&affiliate=5&status=approved")).toEqual([eur]);
  const { body } = await open(`/conversions/everflow?${range}&affiliate=5&status=approved`);
  const { wrong, compared } = await compareFigures(api, body);
  expect([wrong, compared > 3, body.includes("€80.00")]).toEqual([[], true, true]);
  const { body: file } = await open(`/conversions/everflow.csv?${range}&status=approved`);
  const rows = parse<Record<string, string>>(file, { columns: true, bom: true });
  expect(rows).toHaveLength(134);
  expect(rows.reduce((sum, row) => sum + Number(row["revenue"]), 0)).toBe(325 + 80);
});

test("AnyTrack's totals keep what has no amount apart, and another client's out", async () => {
  await database.pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, revenue, currency, event_time, version, date, seen_by_pull_at, _run_id, origin)
     select client, key, 'SALE', revenue, currency, now(), now(), $1::date, now(), 'r', 'sandbox'
       from (values ('713', 'a', 60.005, 'USD'), ('713', 'b', 0.005, 'USD'), ('713', 'c', null, null), ('acme', 'd', 1, 'USD')) v(client, key, revenue, currency)`,
    [day],
  );
  const url = `/api/v1/anytrack/conversions/totals?from=${day}&to=${day}`;
  const { items } = (await api.inject({ url, headers: await bearer({ role: "analyst" }) })).json<{ items: object[] }>();
  expect(items).toEqual([
    { currency: "USD", origin: "sandbox", conversions: 2, revenue: "60.01" },
    { currency: null, origin: "sandbox", conversions: 1, revenue: null },
  ]);
  const { body } = await open(`/conversions?from=${day}&to=${day}`);
  expect([(await compareFigures(api, body)).wrong, body.includes("sandbox, made up")]).toEqual([[], true]);
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

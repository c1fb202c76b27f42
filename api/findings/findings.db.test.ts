import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt } from "../../core/days.ts";
import { recordsState } from "../../queries/findings/read-records.ts";
import { purgeFindings } from "../../queries/ops/purge-findings.ts";
import { countOthers } from "../../queries/ops/purge-others.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { plantedFindings, putFindingRows } from "../../test/finding-rows.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
const today = dayAt(new Date(), "America/New_York");
const to = addDays(today, -1);

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false });
  api = await testServer({ database: database.pool, temporal, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
  await putFindingRows(database.pool, { to });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
type Body = any;
async function call(method: "GET" | "POST", url: string, payload?: object, claims: object = {}) {
  const answer = await api.inject({
    method,
    url: `/api/v1${url}`,
    headers: await bearer({ role: "admin", subject: "ada", ...claims }),
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Body>() };
}
const list = async (query = "") => (await call("GET", `/findings${query}`)).body.items as Body[];
const search = async () => (await call("POST", "/findings/search", {})).body as Body;
const named = ({ kind, subject }: Body) => `${kind} ${subject}`;
const find = async (name: string): Promise<Body> => (await list("?state=all")).find((one) => named(one) === name);
const decide = async (name: string, state: string, more: object = {}) =>
  call("POST", `/findings/${(await find(name)).findingId}/state`, { state, ...more });
const sql = async (text: string, values: unknown[] = []) => (await database.pool.query<Body>(text, values)).rows;

const twice = "paid_twice affiliate/5/USD";

test("a search finds all that is planted, and nothing else", async () => {
  expect(await search()).toMatchObject({ searched: true, windowTo: to, listed: 7, created: 7, gone: 0 });
  expect((await list()).map(named).sort()).toEqual(plantedFindings);
});

test("the words and amounts say what the records say, to the cent", async () => {
  const words = Object.fromEntries((await list()).map((one) => [named(one), one.words]));
  // Each payout is 15.255, and AnyTrack says 9.99 of one.
  expect(words[twice]).toBe("3 orders of Partner 5 were paid by both Everflow and AnyTrack: 40.51 USD.");
  expect(words["paid_twice affiliate/7/USD"]).toBe(
    "2 orders of Partner 7 were paid to another affiliate by Everflow before: 43.00 USD.",
  );
  expect(words["click_times affiliate/3"]).toMatch(
    /^50 % of 120 conversions of Partner 3 came within a minute of the click; of the others it is 0 %\./,
  );
  expect(words["spend_without_clicks source/s1"]).toMatch(
    /^Source 1: 4\d\d\.12 USD was spent on 1 day with no clicks\.$/,
  );
  expect(words["repeat_addresses anytrack/a2"]).toMatch(
    /^41 % of 100 conversions of a2 came from an address that had brought one before; of the others it is 1 %/,
  );
});

test("the rows add up to the finding, and SQL has the same rows again", async () => {
  for (const { findingId, atStake, cases } of await list()) {
    const { body } = await call("GET", `/findings/${findingId}/evidence?limit=500`);
    const sum = (body.items as Body[]).reduce((cents, row) => cents + Math.round(Number(row.atStake) * 100), 0);
    expect([sum, body.items.length]).toEqual([Math.round(Number(atStake) * 100), cases]);
    const { body: one } = await call("GET", `/findings/${findingId}`);
    const again = await sql(one.sql);
    expect(again.map(({ item, amount }) => [item, Number(amount).toFixed(2)])).toEqual(
      body.items.map((row: Body) => [row.item, row.amount]),
    );
  }
  expect(
    await sql(
      "select * from findings.recomputed where (found_at_stake, found_cases) is distinct from (at_stake, cases)",
    ),
  ).toEqual([]);
});

test("each row says who says what of an order", async () => {
  const { body } = await call("GET", `/findings/${(await find(twice)).findingId}/evidence`);
  expect(body.items[0]).toMatchObject({
    item: "order-5-1",
    saidBy: "Everflow: c-5-1",
    otherSaidBy: "AnyTrack: facebook",
    otherAmount: "9.99",
    atStake: "9.99",
  });
});

test("the same rows again find the same, as the same night", async () => {
  const before = await list();
  expect(await search()).toMatchObject({ listed: 7, created: 0, gone: 0 });
  expect((await list()).map(({ findingId, words }) => [findingId, words])).toEqual(
    before.map(({ findingId, words }) => [findingId, words]),
  );
  expect(await sql("select distinct nights from findings.finding_tests")).toEqual([{ nights: 1 }]);
});

test("orders that AnyTrack merely tracks as well are none, but for those that it credits to another affiliate", async () => {
  await sql(
    "update anytrack.conversions set order_id = 'Order-4-' || split_part(order_id, '-', 2) where order_id like 'shop-%'",
  );
  await search();
  expect((await find(twice)).state).toBe("gone");
  await sql("update anytrack.conversions set affiliate_id = '2' where order_id = ' #ORDER-5-2'");
  await search();
  expect(await find(twice)).toMatchObject({ state: "new", cases: 1, atStake: "15.26" });
  await sql(
    "update anytrack.conversions set order_id = 'shop-' || split_part(order_id, '-', 3), affiliate_id = null where order_id like 'Order-4-%'",
  );
  await search();
});

test("what a chargeback took back was not paid", async () => {
  await sql(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, order_id, _slice, _run_id)
     select _client_id, 'back', date, converted_at, 'approved', false, affiliate_id, 'USD', -payout, -revenue, order_id, _slice, 'run' from everflow.conversions where conversion_id = 'c-5-3'`,
  );
  await search();
  expect(await find(twice)).toMatchObject({ cases: 2 });
});

test("whoever dismisses one says why; it comes back only when it has grown, and says by how much", async () => {
  expect((await decide(twice, "dismissed")).status).toBe(400);
  expect((await decide(twice, "dismissed", { reason: "agreed with the partner" })).body).toEqual({
    changed: true,
    state: "dismissed",
  });
  const { atStake } = await find(twice);
  await search();
  expect((await find(twice)).state).toBe("dismissed");
  await sql(
    `insert into anytrack.conversions (_client_id, conversion_key, type, order_id, revenue, currency, event_time, version, date, seen_by_webhook_at, _run_id, origin)
     select _client_id, 'order:late-' || conversion_id, 'SALE', order_id, 80, 'USD', converted_at, converted_at, date, converted_at, 'run', 'real'
       from everflow.conversions where conversion_id in ('c-5-10', 'c-5-11')`,
  );
  await search();
  const back = await find(twice);
  expect(back).toMatchObject({
    state: "new",
    stateReason: `it has grown from ${atStake} to ${back.atStake} USD since it was dismissed`,
  });
  const { body } = await call("GET", `/findings/${back.findingId}`);
  expect(body.changes.slice(0, 2).map(({ from, to: next }: Body) => `${from} ${next}`)).toEqual([
    "dismissed new",
    "new dismissed",
  ]);
  expect(await sql("select actor, action, subject from ops.audit where action = 'finding_decided'")).toEqual([
    { actor: "ada", action: "finding_decided", subject: `finding/${back.findingId}` },
  ]);
});

test("a large new one becomes an alert, which closes when a person has seen it", async () => {
  const name = "click_times affiliate/3";
  const { findingId, words } = await find(name);
  const alerts = () =>
    sql(
      "select subject, message, resolved_at is null as open from ops.alerts where area = 'findings' and subject = $1",
      [`finding/${findingId}`],
    );
  expect(await alerts()).toEqual([{ subject: `finding/${findingId}`, message: words, open: true }]);
  await decide(name, "seen");
  expect(await alerts()).toMatchObject([{ open: false }]);
});

test("days that are not final are not judged", async () => {
  await sql("update ops.slices set is_final = false where source = 'redtrack.daily_spend' and day = $1::date - 3", [
    to,
  ]);
  await search();
  expect((await find("spend_without_clicks source/s1")).state).toBe("gone");
});

test("filters name the kind and the least at stake, and totals go by the same, currency by currency", async () => {
  expect((await list("?kind=paid_twice")).map(named)).toEqual([twice, "paid_twice affiliate/7/USD"]);
  const all = await list();
  const { body } = await call("GET", "/findings/totals");
  expect(body.count).toBe(all.length);
  const sum = all.reduce((cents, { atStake }) => cents + Math.round(Number(atStake) * 100), 0);
  expect(body.amounts).toEqual([{ currency: "USD", count: all.length, atStake: (sum / 100).toFixed(2) }]);
  expect((await list("?min_at_stake=1000")).every(({ atStake }) => Number(atStake) >= 1000)).toBe(true);
});

test("only staff read them, only those who keep things decide, and no other client sees them", async () => {
  const { findingId } = await find(twice);
  expect((await call("GET", "/findings", undefined, { role: "advertiser", advertiser: "1" })).status).toBe(403);
  expect((await call("POST", `/findings/${findingId}/state`, { state: "seen" }, { role: "analyst" })).status).toBe(403);
  expect((await call("GET", `/findings/${findingId}`, undefined, { client: "acme" })).status).toBe(404);
  expect((await call("GET", `/findings/${findingId}/evidence`, undefined, { client: "acme" })).status).toBe(404);
  expect((await call("POST", `/findings/${findingId}/state`, { state: "seen" }, { client: "acme" })).status).toBe(404);
  expect((await call("GET", "/findings", undefined, { client: "acme" })).body.items).toEqual([]);
});

test("conversions of AnyTrack's and promo clicks of days that are over are searched anew, those of today are not", async () => {
  const state = async () => recordsState(database.pool, { client: "713", today });
  const adding = async (text: string, values: unknown[]) => {
    const before = await state();
    await sql(text, values);
    return (await state()) !== before;
  };
  const conversion = `insert into anytrack.conversions (_client_id, conversion_key, type, order_id, revenue, currency, event_time, version, date, seen_by_webhook_at, _run_id, origin)
    values ('713', $1, 'SALE', $1, 80, 'USD', now(), now(), $2::date, now(), 'run', 'real')`;
  expect(await adding(conversion, ["order:of-today", today])).toBe(false);
  expect(await adding(conversion, ["order:of-yesterday", to])).toBe(true);
  const click = `insert into promo.promo_conversion_clicks (_client_id, feed, conversion_id, place, click_id, offer_id, variation_id, clicked_at, clicked_date)
    values ('713', 'everflow', $1, 1, $1, 1, 1, $2::date, $2::date)`;
  expect(await adding(click, ["of-today", today])).toBe(false);
  expect(await adding(click, ["of-yesterday", to])).toBe(true);
});

test("purging the sandbox deletes what was found in it with its alert, and nothing that was found in real rows", async () => {
  const by = { actor: "cli:a test", role: null };
  const before = await list("?state=all");
  expect(await purgeFindings(database.pool, "713", { atATime: 10, by })).toEqual([]);
  expect(await list("?state=all")).toEqual(before);
  await putFindingRows(database.pool, { to, client: "acme", origin: "sandbox" });
  await call("POST", "/findings/search", {}, { client: "acme" });
  const counted = (await countOthers(database.pool, "acme")).filter(({ source }) => source === "findings");
  expect(counted).toMatchObject([{ table: "findings.findings", rows: plantedFindings.length }]);
  const open = `select count(*)::int as open from ops.alerts where _client_id = 'acme' and area = 'findings' and resolved_at is null`;
  expect((await sql(open))[0].open).toBeGreaterThan(0);
  const purged = await purgeFindings(database.pool, "acme", { atATime: 10, by });
  expect(purged.map(({ table }) => table)).toEqual(
    expect.arrayContaining(["findings.finding_rows", "findings.finding_tests", "findings.finding_runs"]),
  );
  expect((await call("GET", "/findings?state=all", undefined, { client: "acme" })).body.items).toEqual([]);
  expect((await sql(open))[0].open).toBe(0);
  expect(await purgeFindings(database.pool, "acme", { atATime: 10, by })).toEqual([]);
});

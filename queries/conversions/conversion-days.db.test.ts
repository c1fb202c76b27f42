import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PoolClient } from "pg";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readConversionTotals } from "./anytrack-reports.ts";
import { readEverflowTotals } from "./list-everflow.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

/** What happens to some conversions of one feed. */
const happening = fc.record({
  feed: fc.constantFrom("anytrack" as const, "everflow" as const),
  act: fc.constantFrom("merge" as const, "merge" as const, "correct" as const, "remove" as const),
  client: fc.constantFrom("713", "acme"),
  keys: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  day: fc.integer({ min: 1, max: 3 }),
  kind: fc.constantFrom("approved", "pending", "SALE", "LEAD"),
  currency: fc.constantFrom("USD", "EUR", null),
  amount: fc.constantFrom("0.000001", "-3.5", "19.99", "1", "0", null),
  isSecond: fc.boolean(),
});
type Happening = typeof happening extends fc.Arbitrary<infer One> ? One : never;

const dayOf = (day: number) => `2026-03-0${day}`;

async function happen(session: Pick<PoolClient, "query">, one: Happening): Promise<void> {
  const { feed, act, client, keys, day, kind, currency, amount, isSecond } = one;
  const named = keys.map((key) => `k${key}`);
  const key = feed === "anytrack" ? "conversion_key" : "conversion_id";
  const values = [client, named, dayOf(day), kind, currency ?? (feed === "everflow" ? "USD" : null), amount, isSecond];
  if (act === "remove") {
    await session.query(`delete from ${feed}.conversions where _client_id = $1 and ${key} = any($2)`, [client, named]);
    return;
  }
  const corrected =
    feed === "anytrack"
      ? "date = $3::date, type = $4, currency = $5, revenue = $6::numeric, origin = case when $7 then 'sandbox' else 'real' end"
      : "date = $3::date, _slice = $3, status = $4, currency = $5, payout = coalesce($6, '0')::numeric, revenue = coalesce($6, '1')::numeric, is_event = $7";
  if (act === "correct") {
    await session.query(
      `update ${feed}.conversions set ${corrected} where _client_id = $1 and ${key} = any($2)`,
      values,
    );
    return;
  }
  await session.query(
    feed === "anytrack"
      ? `insert into anytrack.conversions (_client_id, conversion_key, date, type, currency, revenue, origin, event_time, version, seen_by_pull_at, _run_id)
         select $1, k, $3::date, $4, $5, $6::numeric, case when $7 then 'sandbox' else 'real' end, now(), now(), now(), 'r' from unnest($2::text[]) k
         on conflict on constraint conversions_key do update set ${corrected}`
      : `insert into everflow.conversions (_client_id, conversion_id, date, _slice, status, currency, payout, revenue, is_event, converted_at, affiliate_id, offer_id, _run_id)
         select $1, k, $3::date, $3, $4, $5, coalesce($6, '0')::numeric, coalesce($6, '1')::numeric, $7, now(), 'a', 'o', 'r' from unnest($2::text[]) k
         on conflict on constraint conversions_key do update set ${corrected}`,
    values,
  );
}

async function inOne(acts: readonly Happening[], isKept: boolean): Promise<void> {
  const session = await database.pool.connect();
  try {
    await session.query("begin");
    for (const one of acts) await happen(session, one);
  } finally {
    await session.query(isKept ? "commit" : "rollback");
    session.release();
  }
}

/** What the sums say and what the rows say, to the last digit; the rows of a sum that is 0 again are none. */
async function differences(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    `with a as (
       select _client_id, date, type, currency, origin, sum(conversions) as n, sum(amounts) as m, sum(revenue) as r
         from anytrack.conversion_days group by 1, 2, 3, 4, 5 having (sum(conversions), sum(amounts), sum(revenue)) <> (0, 0, 0)
     ), b as (
       select _client_id, date, type, currency, origin, count(*), count(revenue), coalesce(sum(revenue), 0) from anytrack.conversions group by 1, 2, 3, 4, 5
     ), c as (
       select _client_id, date, _slice, status, currency, sum(conversions) as n, sum(events) as e, sum(payout) as p, sum(revenue) as r
         from everflow.conversion_days group by 1, 2, 3, 4, 5 having (sum(conversions), sum(events), sum(payout), sum(revenue)) <> (0, 0, 0, 0)
     ), d as (
       select _client_id, date, _slice, status, currency, count(*) filter (where not is_event), count(*) filter (where is_event), sum(payout), sum(revenue)
         from everflow.conversions group by 1, 2, 3, 4, 5
     ), e as (
       select _client_id, date, affiliate_id, affiliate_name, status, currency, sum(conversions) as n, sum(payout) as p, sum(positive) as g, sum(positive_payout) as q, sum(nonzero) as z
         from everflow.affiliate_days group by 1, 2, 3, 4, 5, 6 having (sum(conversions), sum(payout), sum(positive), sum(positive_payout), sum(nonzero)) <> (0, 0, 0, 0, 0)
     ), f as (
       select _client_id, date, affiliate_id, affiliate_name, status, currency, count(*), sum(payout), count(*) filter (where payout > 0), coalesce(sum(payout) filter (where payout > 0), 0),
              count(*) filter (where payout <> 0)
         from everflow.conversions group by 1, 2, 3, 4, 5, 6
     )
     select 'anytrack' as feed, x::text from ((table a except table b) union all (table b except table a)) x
     union all select 'everflow', x::text from ((table c except table d) union all (table d except table c)) x
     union all select 'affiliates', x::text from ((table e except table f) union all (table f except table e)) x`,
  );
  return rows;
}

test("sums by day are those of the rows, whatever is merged, corrected, removed and taken back", async () => {
  const transaction = fc.record({ acts: fc.array(happening, { minLength: 1, maxLength: 4 }), isKept: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 8 }), async (transactions) => {
      for (const { acts, isKept } of transactions) {
        await inOne(acts, isKept);
      }
      expect(await differences()).toEqual([]);
    }),
    { numRuns: 25 },
  );
}, 30_000);

test("writers of the same days in opposite order do not wait for each other for ever, and lose nothing", async () => {
  const merged = (feed: Happening["feed"], day: number, key: number): Happening => ({
    ...{ feed, act: "merge", client: "713", keys: [key], day, kind: "SALE", currency: "USD", amount: "1" },
    isSecond: false,
  });
  const write = (place: number, days: number[]) =>
    inOne(
      days.flatMap((day) =>
        (["anytrack", "everflow"] as const).map((feed) => merged(feed, day, 100 + place * 10 + day)),
      ),
      true,
    );
  await Promise.all(Array.from({ length: 12 }, (_, n) => write(n, n % 2 === 0 ? [1, 2, 3] : [3, 2, 1])));
  expect(await differences()).toEqual([]);
});

test("totals read from the sums are those that the rows would give, and those of one affiliate are counted", async () => {
  await database.pool.query("truncate anytrack.conversions, everflow.conversions");
  expect(await differences()).toEqual([]);
  const made = { client: "713", act: "merge", day: 1, currency: "USD", amount: "19.99", isSecond: false } as const;
  for (const one of [
    { ...made, feed: "anytrack", keys: [1, 2], kind: "SALE" },
    { ...made, feed: "anytrack", keys: [3], day: 2, kind: "LEAD", currency: null, amount: null },
    { ...made, feed: "everflow", keys: [1, 2], kind: "approved" },
    { ...made, feed: "everflow", keys: [3], kind: "pending", isSecond: true },
  ] satisfies Happening[])
    await happen(database.pool, one);
  await database.pool.query("update anytrack.conversions set affiliate_id = 'a1' where conversion_key = 'k1'");
  const range = { client: "713", from: dayOf(1), to: dayOf(3) };
  const sale = { currency: "USD", origin: "real", conversions: 2, revenue: "39.98" };
  const lead = { currency: null, origin: "real", conversions: 1, revenue: null };
  const anytrack = (more: object) => readConversionTotals(database.pool, { ...range, ...more });
  expect(await anytrack({})).toEqual([sale, lead]);
  expect(await anytrack({ type: "LEAD" })).toEqual([lead]);
  expect(await anytrack({ from: dayOf(2) })).toEqual([lead]);
  expect(await anytrack({ affiliate: "a1" })).toEqual([{ ...sale, conversions: 1, revenue: "19.99" }]);
  const all = { currency: "USD", origin: "unknown", conversions: 2, events: 1, payout: "59.97", revenue: "59.97" };
  const everflow = (more: object) =>
    readEverflowTotals(database.pool, { client: "713", filter: { from: range.from, to: range.to, ...more } });
  expect(await everflow({})).toEqual([all]);
  expect(await everflow({ affiliate: "a" })).toEqual([all]);
  expect(await everflow({ status: "approved" })).toEqual([{ ...all, events: 0, payout: "39.98", revenue: "39.98" }]);
  await database.pool.query("delete from everflow.conversions");
  expect(await everflow({})).toEqual([]);
});

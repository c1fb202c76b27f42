import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { addDays, daysFromTo } from "../../core/days.ts";
import { mapSources, readDay, type Reading } from "../../test/cost-readings.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

jest.setTimeout(240_000);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(await readFile(new URL("../../bench/plain-cost.sql", import.meta.url), "utf8"));
});
afterAll(() => database?.drop());

/** A whole February between ends of months. */
const [first, last] = ["2026-01-28", "2026-03-03"];
const days = daysFromTo(first, last);

const money = fc.integer({ min: -2_000_000, max: 90_000_000 }).map((millionths) => (millionths / 1_000_000).toFixed(6));
const spend = fc.subarray(["s1", "s2", "s3", "s4"]).chain((ids) =>
  fc.tuple(
    ...ids.map((sourceId) =>
      fc.record({
        sourceId: fc.constant(sourceId),
        clicks: fc.nat(50),
        conversions: fc.nat(5),
        cost: money,
        revenue: fc.option(money),
      }),
    ),
  ),
);
const stats = fc.subarray(["1/a/USD", "1/b/USD", "2/a/USD", "3/a/USD", "3/a/EUR"]).chain((ids) =>
  fc.tuple(
    ...ids.map((id) => {
      const [affiliateId = "", offerId = "", currency = ""] = id.split("/");
      const counts = {
        clicks: fc.nat(50),
        conversions: fc.integer({ min: -2, max: 6 }),
        payout: money,
        revenue: money,
      };
      return fc.record({
        ...{ affiliateId: fc.constant(affiliateId), offerId: fc.constant(offerId), currency: fc.constant(currency) },
        ...counts,
      });
    }),
  ),
);
const content = fc.oneof(
  spend.map((rows) => ({ spend: rows })),
  stats.map((rows) => ({ stats: rows })),
);
const few = fc.oneof(fc.constant<string[]>([]), fc.subarray([...days], { maxLength: 3 }));
/** Nearly every day is read whole; in the order in which vendors are read: while a day runs, soon after its end, and later. */
const readings = fc
  .tuple(
    fc.array(fc.record({ hours: fc.constant(1), spend, stats }), { minLength: days.length, maxLength: days.length }),
    few,
    fc.array(
      fc.record({ day: fc.constantFrom(...days), hours: fc.constantFrom(-14, -6, -1, 1, 8, 30, 100), of: content }),
      { minLength: 20, maxLength: 50 },
    ),
  )
  .map(([all, missed, more]): Reading[] =>
    [
      ...all.flatMap(({ hours, spend: rows, stats: results }, index) => {
        const day = days[index] ?? first;
        return missed.includes(day)
          ? []
          : [
              { day, hours, of: { spend: rows } },
              { day, hours, of: { stats: results } },
            ];
      }),
      ...more,
    ]
      .sort((one, other) => one.hours - other.hours)
      .map(({ day, hours, of }) => {
        const at = new Date(new Date(`${addDays(day, 1)}T05:00:00Z`).getTime() + hours * 3_600_000);
        return { day, isWhole: hours > 0, at, ...of };
      }),
  );
const range = fc
  .tuple(fc.constantFrom(...days), fc.constantFrom(...days))
  .map(([one, other]) => (one < other ? [one, other] : [other, one]) as [string, string]);
const asked = fc.record({
  now: fc.oneof(range, fc.constant(["2026-02-01", "2026-02-28"] as [string, string])),
  before: fc.oneof(range, fc.constant([first, last] as [string, string])),
  whose: fc.constantFrom(
    ...[{}, {}, { affiliate: "1" }, { affiliate: "2" }, { affiliate: "3" }, { label: "label 9" }, { source: "s1" }],
  ) as fc.Arbitrary<{ affiliate?: string; label?: string; source?: string }>,
  look: fc.nat(200),
  isLook: fc.boolean(),
  isPast: fc.boolean(),
});

const figures = ["clicks", "conversions", "costed", "cost", "revenue", "costed_revenue"];
const known = ["costs", "results", "revenues", "costed_results"];
const columns = [...figures, ...known].flatMap((name) => [`${name}_before::numeric`, `${name}_after::numeric`]);
/** What two answers differ in; rows that say nothing are none. */
const differing = (one: string, other: string, columnsOf: string, where = "true") =>
  `with one as (select ${columnsOf} from ${one} where ${where}), other as (select ${columnsOf} from ${other} where ${where})
   select 'kept' as of, x::text from (table one except all table other) x union all select 'plain', x::text from (table other except all table one) x`;

let clients = 0;

test("what is kept ready is what the rows and the ledger come to, after any history", async () => {
  await fc.assert(
    fc.asyncProperty(
      readings,
      fc.array(asked, { minLength: 12, maxLength: 12 }),
      few,
      few,
      async (history, questions, oddDays, failed) => {
        clients += 1;
        const client = `kept-${clients}`;
        await mapSources(database.pool, client, [
          ["s1", "label 1", true],
          ["s2", "label 1", true],
          ["s3", "label 2", false],
          ["s4", "label 9", true],
        ]);
        const looks: Date[] = [];
        for (const reading of history) {
          await readDay(database.pool, client, reading);
          const { rows } = await database.pool.query<{ at: Date }>("select clock_timestamp() as at");
          looks.push(rows[0]?.at ?? new Date(0));
        }
        for (const table of ["ops.slices", "ops.receipts"])
          await database.pool.query(
            `update ${table} set origin = case when slice < '2026-02-10' then 'sandbox' else 'unknown' end where _client_id = $1 and slice = any($2)`,
            [client, oddDays],
          );
        await database.pool.query(
          "update ops.slices set failed_at = now() where _client_id = $1 and slice = any($2) and source = 'redtrack.daily_spend'",
          [client, failed],
        );
        for (const { now, before, whose, look, isLook, isPast } of questions) {
          const at = looks[look % looks.length] ?? null;
          const values = [
            ...[client, ...now, ...(isLook ? now : before), isLook ? at : null, isLook && isPast ? looks.at(-9) : null],
            ...[whose.affiliate ?? null, whose.label ?? null, whose.source ?? null],
          ];
          const call = (schema: string) => `${schema}.cost_change_rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
          // Of two looks, what is of unknown origin may be said by a row of a day alone.
          const origin = isLook ? "origin = 'sandbox'" : "origin";
          const { rows } = await database.pool.query(
            differing(
              call("public"),
              call("plain"),
              `currency, ${origin}, part, date, is_of_after, affiliate_id, affiliate, basis, leaf, leaf_name, ${columns.join(", ")}`,
              `(${columns.join(", ")}) <> (${columns.map(() => "0").join(", ")})`,
            ),
            values,
          );
          expect({ question: values, rows }).toEqual({ question: values, rows: [] });
        }
        for (const hours of [-14, -6, -0.5, 2, 9, 40]) {
          const call = (schema: string) => `${schema}.known_figures($1, $2, $3, $4)`;
          const { rows } = await database.pool.query(differing(call("public"), call("plain"), "*"), [
            ...[client, first, last, hours],
          ]);
          expect({ hours, rows }).toEqual({ hours, rows: [] });
        }
      },
    ),
    { numRuns: 4, seed: 2026, endOnFailure: true },
  );
});

const kept = {
  "ops.leaf_days": "select * from ops.leaf_days",
  "ops.leaf_months": "select * from ops.leaf_months",
  "ops.first_whole": "select * from ops.first_whole",
  "ops.known_days":
    "select k._client_id, k.source, k.date, k.fetch_seq, u.* from ops.known_days k cross join lateral unnest(who, currencies, conversions, costs, revenues) u(a, b, c, d, e)",
};

test("an upgrade fills the sums with what the triggers have kept", async () => {
  for (const [index, text] of Object.values(kept).entries())
    await database.pool.query(`create table kept_${index} as ${text}`);
  await database.pool.query(
    "drop trigger feed_readings_kept on ops.receipts; drop trigger readings_forgotten on ops.slices",
  );
  for (const feed of ["redtrack.daily_spend", "redtrack.campaign_spend", "everflow.daily_stats"])
    for (const when of ["inserted", "updated", "deleted", "truncated"])
      await database.pool.query(`drop trigger leaves_${when} on ${feed}`);
  await database.pool.query(await readFile(new URL("../../schema/views/leaf-sums.sql", import.meta.url), "utf8"));
  for (const [index, text] of Object.values(kept).entries()) {
    const { rows } = await database.pool.query(
      `select 'kept' as of, x::text from (table kept_${index} except all (${text})) x
        union all select 'filled', x::text from ((${text}) except all table kept_${index}) x limit 5`,
    );
    expect(rows).toEqual([]);
    const { rows: count } = await database.pool.query<{ n: number }>(`select count(*)::int as n from kept_${index}`);
    expect(count[0]?.n).toBeGreaterThan(50);
  }
});

test("with the last row and the slice of a day, its sums are gone, and a day that is read again begins anew", async () => {
  const day = "2026-02-11";
  const client = "kept-again";
  const spendOf = (cost: string) => ({
    ...{ day, isWhole: true },
    spend: [{ sourceId: "s1", clicks: 1, conversions: 0, cost, revenue: null }],
  });
  await readDay(database.pool, client, spendOf("1"));
  await readDay(database.pool, client, spendOf("2"));
  const costs = async () =>
    (
      await database.pool.query<{ cost: string; whole: string }>(
        "select cost, whole_cost as whole from ops.leaf_months where _client_id = $1",
        [client],
      )
    ).rows;
  expect(await costs()).toEqual([{ cost: "2.000000", whole: "1.000000" }]);
  for (const table of ["redtrack.daily_spend", "ops.restatements", "ops.receipts", "ops.slices"])
    await database.pool.query(`delete from ${table} where _client_id = $1`, [client]);
  for (const table of Object.keys(kept))
    expect((await database.pool.query(`select from ${table} where _client_id = $1`, [client])).rowCount).toBe(0);
  await readDay(database.pool, client, spendOf("3"));
  expect(await costs()).toEqual([{ cost: "3.000000", whole: "3.000000" }]);
});

test("days of one month that are merged at the same time lose nothing", async () => {
  const client = "kept-together";
  const some = days.slice(4, 24);
  await Promise.all(
    some.map((day) =>
      readDay(database.pool, client, {
        ...{ day, isWhole: true },
        spend: [{ sourceId: "s1", clicks: 1, conversions: 0, cost: "1", revenue: null }],
      }),
    ),
  );
  const { rows } = await database.pool.query("select clicks::int from ops.leaf_months where _client_id = $1", [client]);
  expect(rows).toEqual([{ clicks: some.length }]);
});

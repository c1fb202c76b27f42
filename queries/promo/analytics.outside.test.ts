import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { startEngine, type Engine } from "../../bench/chdb/chdb.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { countingStore, mirror, openStore } from "../../test/mirror.ts";
import { withColumns, type ColumnReadings } from "../shared/column-reading.ts";
import { readCohorts, readFigures, readTimeline, type Scope } from "./analytics.ts";

jest.setTimeout(240_000);

let engine: Engine;
let store: ColumnStore;
let database: TestDatabase;
const [first, last] = ["2025-01-01", "2025-07-19"];

beforeAll(async () => {
  engine = await startEngine();
  store = openStore(engine);
  database = await testDatabase();
  // Numbers of offers and texts are no client's own.
  for (const [client, at] of [
    ["713", 0],
    ["acme", 100],
  ] as const) {
    await database.pool.query(
      `insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
       select $1, $2 + n, 'offer ' || n, 'o' || ($2 + n), 'https://x.example' from generate_series(1, 3) n`,
      [client, at],
    );
    await database.pool.query(
      `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
       select $1, $2 + n, $2 + 1 + n % 3, 'text ' || n from generate_series(1, 7) n`,
      [client, at],
    );
    // Counts of any size, days without a send, clicks of before the day's send.
    await database.pool.query(
      `insert into promo.promo_performance_metrics (_client_id, variation_id, offer_id, date, sends, impressions, clicks, raw_clicks, bot_clicks,
         repeat_clicks, clicks_before_send, cohort, cohort_before)
       select $1, $3 + v, $3 + 1 + v % 3, $2::date + d, h % 3, (h % 3) * (h % 100003), h % 91, h % 91 + h % 7, h % 7, h % 5, case when h % 4 = 0 then h % 91 else 0 end,
              case when h % 11 > 0 then $2::date + d - h % 9 end, case when h % 5 > 0 then $2::date + d - 1 - h % 6 end
         from generate_series(1, 6) v cross join generate_series(0, 199) d
        cross join lateral (select abs(hashtext($1 || '/' || v || '/' || d)) as h) draw
        where h % 10 > 1`,
      [client, first, at],
    );
  }
  expect(await mirror(database.pool, store)).toMatchObject({ away: null, different: 0, waiting: 0 });
}, 240_000);
afterAll(async () => {
  await store?.close();
  await engine?.stop();
  await database?.drop();
});

const id = fc.option(fc.constantFrom(1, 2, 3, 5, 8, 101, 103), { nil: null });
const scopes = fc.record({
  client: fc.constantFrom("713", "acme"),
  from: fc.constantFrom(first, "2025-02-03", "2025-07-01"),
  to: fc.constantFrom(last, "2025-06-30", "2025-12-31"),
  offerId: id,
  variationId: id,
});

const answers = (scope: Scope, columns: ColumnReadings | null) =>
  Promise.all([
    readFigures(database.pool, scope, columns),
    readTimeline(database.pool, scope, columns),
    readCohorts(database.pool, scope, columns),
  ]);

async function expectSameAnswers() {
  const counted = countingStore(store);
  await fc.assert(
    fc.asyncProperty(scopes, async (scope) => {
      const found = await withColumns({ database: database.pool, store: counted.store }, (columns) =>
        answers(scope, columns),
      );
      expect(counted.refused).toEqual([]);
      expect(found).toEqual(await answers(scope, null));
    }),
    { numRuns: 40, seed: 3 },
  );
  expect(counted.asked).toBeGreaterThanOrEqual(120);
}

test("any period has the same figures, days and cohorts from ClickHouse as from Postgres", async () => {
  await expectSameAnswers();
});

test("what was counted since is in them before it is mirrored, and after", async () => {
  await database.pool.query(
    "update promo.promo_performance_metrics set clicks = clicks + 3, cohort = null where date in ('2025-07-19', '2025-02-03')",
  );
  await expectSameAnswers();
  expect(await mirror(database.pool, store)).toMatchObject({ days: 4, different: 0 });
  await expectSameAnswers();
});

test("while ClickHouse is away Postgres answers, and it is not asked again at once", async () => {
  const scope = { client: "713", from: first, to: last, offerId: null, variationId: null };
  const expected = await answers(scope, null);
  await engine.kill();
  const counted = countingStore(store);
  const ask = () =>
    withColumns({ database: database.pool, store: counted.store }, (columns) => answers(scope, columns));
  expect(await ask()).toEqual(expected);
  const { asked } = counted;
  expect(counted.refused.length).toBeGreaterThan(0);
  expect(await ask()).toEqual(expected);
  expect(counted.asked).toBe(asked);
});

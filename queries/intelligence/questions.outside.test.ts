import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { startEngine, type Engine } from "../../bench/chdb/chdb.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { countingStore, mirror, openStore } from "../../test/mirror.ts";
import { asker, fillQuestionWorld, questions } from "../../test/question-world.ts";
import { markDays } from "../ops/mirror-marks.ts";
import { runQuestion } from "./run-question.ts";

jest.setTimeout(300_000);

let engine: Engine;
let store: ColumnStore;
let database: TestDatabase;

beforeAll(async () => {
  engine = await startEngine();
  store = openStore(engine);
  database = await testDatabase();
  await fillQuestionWorld(database, "713", 1);
  await fillQuestionWorld(database, "acme", 2);
  await database.pool.query("update rtb.creatives set origin = 'sandbox' where id % 3 = 0");
  expect(await mirror(database.pool, store)).toMatchObject({ away: null, different: 0, waiting: 0 });
}, 300_000);
afterAll(async () => {
  await store?.close();
  await engine?.stop();
  await database?.drop();
});

async function expectSameAnswers(numRuns: number) {
  const counted = countingStore(store);
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(questions, async (asked) => {
      const before = counted.asked;
      const found = await runQuestion(database.pool, asker, asked, counted.store);
      expect(counted.refused).toEqual([]);
      expect(found).toEqual(await runQuestion(database.pool, asker, asked));
      if (found.rows.length > 0 && counted.asked > before) answered += 1;
    }),
    { numRuns, seed: 17 },
  );
  // Answers of Postgres alone, or of nothing, would say nothing.
  expect(answered).toBeGreaterThan(numRuns / 3);
}

test("any question has the same answer from ClickHouse as from Postgres, to the last digit and in the same order", async () => {
  await expectSameAnswers(200);
});

test("days that have changed since are read from Postgres, and the answer is that of now", async () => {
  const days = ["2026-03-06", "2026-03-13", "2026-03-20"];
  await database.pool.query(
    "update rtb.performance_metrics set clicks = clicks + 7, spend = spend * 3 where _client_id = '713' and date = any($1)",
    [days],
  );
  await markDays(database.pool, { feed: "performance", client: "713", days });
  await expectSameAnswers(80);
});

import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { addDays } from "../../core/days.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readSpend } from "../../test/spend-readings.ts";
import { watchSpend } from "./watch-spend.ts";

const client = "713";
const zone = "America/New_York";
const first = "2026-01-01";
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() =>
  database.pool.query(
    "truncate ops.alerts, ops.rule_states, ops.slices, ops.file_days, ops.receipts, ops.restatements, redtrack.daily_spend cascade",
  ),
);
afterAll(() => database.drop());

/** One day of a source that is final: 1,000 clicks at a dollar, unless said otherwise. */
async function spend(index: number, { cost = 1_000, clicks = 1_000 } = {}): Promise<void> {
  const day = addDays(first, index);
  await database.pool.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     values ($1, $2::date, 's1', 'Some source', $3, 0, $4, $2::text, 'r')`,
    [client, day, clicks, cost],
  );
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final) values ($1, 'redtrack.daily_spend', $2::text, $2::date, $3, true)`,
    [client, day, zone],
  );
}
/** As the run at noon of the day after sees it. */
const judge = (index: number) =>
  watchSpend(database.pool, { client, zone, now: new Date(`${addDays(first, index + 1)}T17:00:00Z`) });
const alerts = async () =>
  (
    await database.pool.query<{ kind: string; subject: string; message: string; open: boolean; seen: number }>(
      `select kind, subject, message, resolved_at is null as open, times_seen as seen from ops.alerts order by alert_id`,
    )
  ).rows;

test("a day on which a click costs far more is one alert, however often it is judged, and closes when that is over", async () => {
  for (let index = 0; index < 20; index += 1) await spend(index);
  await judge(19);
  await spend(20, { cost: 1_700 });
  await judge(20);
  await judge(20);
  expect(await alerts()).toEqual([
    {
      kind: "cpc_spike",
      subject: "redtrack/s1",
      message: "Some source: a click cost 70 % more on 2026-01-21 than in the 7 days before",
      open: true,
      seen: 1,
    },
  ]);
  await spend(21);
  await judge(21);
  expect((await alerts()).map(({ kind, open }) => [kind, open])).toEqual([["cpc_spike", false]]);
});

test("spend that falls is one alert on the day it falls, and a day that is not final is none", async () => {
  for (let index = 0; index < 30; index += 1) await spend(index);
  await judge(29);
  // The day after is missing: nothing is judged, and nothing is taken for a drop.
  await judge(30);
  expect(await alerts()).toEqual([]);
  await spend(30, { cost: 100, clicks: 100 });
  await spend(31, { cost: 100, clicks: 100 });
  await judge(31);
  expect((await alerts()).map(({ kind, message, seen }) => [kind, message, seen])).toEqual([
    ["spend_drop", "Some source: spend of 2026-01-31 is 90 % below the usual of that weekday", 1],
  ]);
});

test("a file that did not come by noon is an alert, and closes when it came", async () => {
  const file = (index: number) =>
    database.pool.query(
      `insert into ops.file_days (_client_id, file_id, date, inserted, updated, confirmed, impressions_before, impressions_after, clicks_before,
                                  clicks_after, spend_before, spend_after)
       values ($1, 1, $2, 1, 0, 0, 0, 1, 0, 1, 0, 1)`,
      [client, addDays(first, index)],
    );
  for (let index = 0; index < 10; index += 1) await file(index);
  const at = (hour: string) =>
    watchSpend(database.pool, { client, zone, now: new Date(`${addDays(first, 11)}T${hour}:00:00Z`) });
  await at("15");
  expect(await alerts()).toEqual([]);
  await at("18");
  await at("19");
  expect((await alerts()).map(({ kind, open }) => [kind, open])).toEqual([["missing_import", true]]);
  await file(10);
  await at("20");
  expect((await alerts()).map(({ kind, open }) => [kind, open])).toEqual([["missing_import", false]]);
});

test("spend that falls in the running day is one alert at the second reading, which the whole day does not repeat", async () => {
  const at = (index: number, hour: number) =>
    new Date(`${addDays(first, index)}T${String(hour + 5).padStart(2, "0")}:10:00Z`);
  const read = async (index: number, hour: number, cost: string) =>
    readSpend(database.pool, {
      day: addDays(first, index),
      at: at(index, hour),
      costs: { s1: cost },
      names: { s1: "Some source" },
    });
  const whole = async (index: number, cost: string) =>
    readSpend(database.pool, {
      day: addDays(first, index),
      at: at(index + 1, 1),
      costs: { s1: cost },
      names: { s1: "Some source" },
    });
  const watch = (index: number, hour: number, minutes = 5) =>
    watchSpend(database.pool, { client, zone, now: new Date(at(index, hour).getTime() + minutes * 60_000) });
  for (const index of [0, 7, 14, 21, 27]) {
    await read(index, 9, "400");
    await read(index, 10, "500");
    await whole(index, "1000");
  }
  await watch(28, 8);
  await read(28, 9, "100");
  await watch(28, 9);
  expect(await alerts()).toEqual([]);
  await read(28, 10, "120");
  // What was read long ago was judged then.
  await watch(28, 10, 45);
  expect(await alerts()).toEqual([]);
  await watch(28, 10);
  await watch(28, 10, 15);
  const drop = {
    kind: "spend_drop",
    subject: "redtrack/s1",
    message: "Some source: spend of 2026-01-29 until 10:59 is 76 % below the usual of that weekday by then",
    open: true,
    seen: 1,
  };
  expect(await alerts()).toEqual([drop]);
  await whole(28, "300");
  await watch(29, 8);
  expect(await alerts()).toEqual([drop]);
  const { rows } = await database.pool.query(
    "select state, day::text as day from ops.rule_states where rule = 'spend_drop'",
  );
  expect(rows).toEqual([{ state: "firing", day: "2026-01-29" }]);
});

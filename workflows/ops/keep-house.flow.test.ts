import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { startStack, uniqueId, type TestStack } from "../../test/stack.ts";
import type { MaintenanceSummary } from "./keep-house.ts";

jest.setTimeout(60_000);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({
    RETENTION_RECEIPTS_DAYS: "30",
    RETENTION_RESTATEMENTS_DAYS: "30",
    RETENTION_QUARANTINE_DAYS: "30",
    RETENTION_RUNS_DAYS: "30",
  });
  // Every source is mapped to an affiliate: nothing to tell of there.
  const dump = (await stack.control("GET", "/dump?vendor=redtrack&client=713&from=2025-12-01&to=2025-12-31")) as {
    source_id: string;
  }[];
  await stack.rows(
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_label, is_internal, _loaded_by)
     select '713', id, 'everyone', false, 'test' from unnest($1::text[]) id`,
    [[...new Set(dump.map((row) => row.source_id).filter((id) => id !== ""))]],
  );
});
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const keepHouse = async () =>
  (await (await stack.start("keepHouse", uniqueId("keep-house"))).result()) as MaintenanceSummary;
const pull = async (day: string) => (await stack.start("syncSlice", `${source}/713/${day}`, { source, day })).result();
const message = async () =>
  (await stack.rows<{ message: string }>("select message from ops.alerts order by alert_id desc limit 1"))[0]?.message;
const alerts = (kind: string) =>
  stack.rows("select times_seen, resolved_at is null as open from ops.alerts where kind = $1 order by alert_id", [
    kind,
  ]);

test("a house in order has nothing to tell", async () => {
  await pull("2025-12-01");
  expect(await keepHouse()).toEqual({ late: [], deleted: 0 });
});

test("a source that was not read in time is an alert once, and settles when it is read again", async () => {
  await stack.rows("update ops.slices set fetched_at = now() - interval '2 days'");
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`] });
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`] });
  expect(await message()).toMatch(/^redtrack\.daily_spend: last read .* expected after/);
  expect(await alerts("late_source")).toEqual([{ times_seen: 2, open: true }]);
  await pull("2025-12-02");
  expect(await keepHouse()).toMatchObject({ late: [] });
  expect(await alerts("late_source")).toEqual([{ times_seen: 2, open: false }]);
});

test("a day that scheduled runs answer for and that is still open is late too", async () => {
  await stack.rows("insert into ops.coverage (_client_id, source, covered_from) values ('713', $1, current_date - 5)", [
    source,
  ]);
  expect(await keepHouse()).toMatchObject({ late: [`${source}/713`] });
  expect(await message()).toMatch(/\d days are not final: \d{4}-\d\d-\d\d/);
  await stack.rows("delete from ops.coverage");
  expect(await keepHouse()).toMatchObject({ late: [] });
});

test("a source whose spend reaches no affiliate is an alert once, and settles when it is mapped", async () => {
  const facebook = "66c79f91be26fd4634569658";
  await stack.rows("update public.affiliate_mapping set redtrack_source_id = 'none' where redtrack_source_id = $1", [
    facebook,
  ]);
  await keepHouse();
  expect(await message()).toContain('"Facebook CCW"');
  await keepHouse();
  await stack.rows("update public.affiliate_mapping set redtrack_source_id = $1 where redtrack_source_id = 'none'", [
    facebook,
  ]);
  await keepHouse();
  expect(await alerts("unmapped_spend")).toEqual([{ times_seen: 2, open: false }]);
});

test("a day whose table holds something else than its receipts say is found by the schedule, in its share of the day", async () => {
  // Slices are compared in 144 shares, one each ten minutes: these two are in this moment's and in the next. Of so many days each share has some.
  const share = "floor(extract(epoch from clock_timestamp()) / 600)::int";
  const days = await stack.rows<{ day: string }>(
    `select min(d)::date::text as day from generate_series('2010-01-01'::date, '2025-06-30', '1 day') d
      where abs(hashtext('713' || d::date)::bigint) % 144 in (${share} % 144, (${share} + 1) % 144) group by abs(hashtext('713' || d::date)::bigint) % 144`,
  );
  for (const { day } of days)
    await stack.rows(
      `with slice as (insert into ops.slices (_client_id, source, slice, day, timezone, fetched_at, is_final, outcome)
         values ('713', $1, $2::text, $2::date, 'America/New_York', now(), true, 'changed'))
       insert into redtrack.daily_spend (_client_id, _slice, _run_id, date, source_id, clicks, conversions, cost)
         values ('713', $2::text, 'by hand', $2::date, 'by hand', 0, 0, 12)`,
      [source, day],
    );
  await keepHouse();
  const books = "select severity, subject, message from ops.alerts where kind = 'books_differ' and resolved_at is null";
  const [alert] = await stack.rows<{ severity: string; subject: string; message: string }>(books);
  expect(alert).toMatchObject({ severity: "critical", message: expect.stringContaining("its receipts say 0 rows") });
  expect(days.map(({ day }) => `${source}/${day}`)).toContain(alert?.subject);
  await stack.rows("delete from redtrack.daily_spend where _run_id = 'by hand'");
  await keepHouse();
  expect(await stack.rows(books)).toEqual([]);
  await stack.rows("delete from ops.slices where slice < '2025-07-01'");
});

test("retention deletes old runs, also while an alert is open", async () => {
  await stack.fault("total_off", { amount: 2, match: { day: "2025-12-09" } });
  await pull("2025-12-09");
  await stack.rows("update ops.runs set finished_at = now() - interval '40 days'");
  await keepHouse();
  expect(await stack.rows("select from ops.runs")).toHaveLength(0);
});

test("retention deletes what is older than its setting, and never the current receipt of a slice", async () => {
  await stack.control("DELETE", "/faults");
  const days = ["2025-12-20", "2025-12-21"];
  for (const day of [...days, ...days]) await pull(day);
  const run = await stack.start("backfill", uniqueId("backfill"), { source, from: "2025-12-22", to: "2025-12-22" });
  await run.result();
  // Of the first day everything is old, the receipt it stands on included; of the others nothing is.
  await stack.rows("update ops.receipts set committed_at = now() - interval '31 days' where slice = $1", [days[0]]);
  await stack.rows("update ops.restatements set recorded_at = now() - interval '31 days' where slice = $1", [days[0]]);
  const count = async (table: string, day = days[0]) =>
    (await stack.rows(`select from ops.${table} where slice = $1`, [day])).length;
  const spend = await stack.rows("select * from redtrack.daily_spend order by date, source_id");
  const restatements = await count("restatements");
  const others = [await count("receipts", days[1]), await count("restatements", days[1])];
  expect([await count("receipts"), restatements > 0]).toEqual([2, true]);

  expect(await keepHouse()).toMatchObject({ deleted: 1 + restatements });
  expect([await count("receipts"), await count("restatements")]).toEqual([1, 0]);
  expect([await count("receipts", days[1]), await count("restatements", days[1])]).toEqual(others);
  expect(
    await stack.rows(
      "select receipt_id = (select receipt_id from ops.receipts where slice = s.slice) as current from ops.slices s where slice = $1",
      [days[0]],
    ),
  ).toEqual([{ current: true }]);
  expect(await stack.rows("select outcome from ops.runs")).toEqual([{ outcome: "completed" }]);
  expect(await stack.rows("select * from redtrack.daily_spend order by date, source_id")).toEqual(spend);
  expect(await keepHouse()).toMatchObject({ deleted: 0 });
});

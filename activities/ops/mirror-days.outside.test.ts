import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { addDays } from "../../core/days.ts";
import { startEngine, type Engine } from "../../bench/chdb/chdb.ts";
import { readWaiting } from "../../queries/ops/mirror-marks.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { asAnother, client, database, ingest, line } from "../../test/merging-files.ts";
import { mirror, openStore } from "../../test/mirror.ts";

jest.setTimeout(240_000);

let engine: Engine;
let store: ColumnStore;
beforeAll(async () => {
  engine = await startEngine({ password: "secret" });
  store = openStore(engine, { password: "secret" });
}, 240_000);
afterAll(async () => {
  await store?.close();
  await engine?.stop();
});
beforeEach(async () => void (await mirror(database.pool, store)));

const columns =
  "toString(date), toString(creative_id), toString(hour), geography, device_type, placement, toString(impressions), toString(clicks), toString(spend)";

/** Rows of the client as people see them in the column store. */
const there = async () =>
  (
    await store.rows({
      text: `select ${columns} from performance where _client_id = {client:String}`,
      values: { client },
    })
  )
    .map((row) => row.join("|"))
    .sort();

const here = async () => {
  const { rows } = await database.pool.query<{ row: string }>(
    `select concat_ws('|', date, creative_id, hour, geography, device_type, placement, impressions, clicks, trim_scale(spend)) as row
       from rtb.performance_metrics where _client_id = $1`,
    [client],
  );
  return rows.map(({ row }) => row).sort();
};

const openAlerts = async () => {
  const { rows } = await database.pool.query<{ kind: string; subject: string }>(
    "select kind, subject from ops.alerts where _client_id = $1 and area = 'mirror' and resolved_at is null",
    [client],
  );
  return rows;
};

const day = "2025-12-17";

test("a file's days are there after it, as they are here; the same once more changes nothing", async () => {
  await ingest({
    lines: [line({ date: addDays(day, -40) }), line(), line({ geography: null, hour: 3, spend: "0.000001" })],
  });
  expect(await mirror(database.pool, store)).toMatchObject({ away: null, days: 2, rows: 3, different: 0, waiting: 0 });
  expect(await there()).toEqual(await here());
  expect(await mirror(database.pool, store)).toMatchObject({ days: 0, waiting: 0 });
  await ingest({ lines: [line({ clicks: 99 }), line({ creative: "new" })] });
  expect(await mirror(database.pool, store)).toMatchObject({ days: 1, rows: 3, waiting: 0 });
  expect(await there()).toEqual(await here());
  const { rows } = await database.pool.query(
    "select state, count(*)::int as n from ops.mirror_versions where _client_id = $1 group by 1",
    [client],
  );
  expect(rows).toEqual([{ state: "current", n: 2 }]);
});

test("what is deleted in Postgres is gone there, too, and any text and amount comes through as it is", async () => {
  await ingest({ lines: [line()] });
  const texts = ["a\tb", "line\nbreak\r\u000b\b\f", "quote'\"`", "back\\slash\\N", "ü€😀", "\\N", " ", "{x:String}"];
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     select $1, c.id, $2, -1, u.text, '', u.text, 9223372036854775807, 9007199254740993, 999999999999.999999, 1
       from unnest($3::text[]) u(text), (select id from rtb.creatives where _client_id = $1 limit 1) c`,
    [client, day, texts],
  );
  await mirror(database.pool, store);
  expect(await there()).toEqual(await here());
  await database.pool.query("delete from rtb.performance_metrics where _client_id = $1 and device_type = ''", [client]);
  expect(await mirror(database.pool, store)).toMatchObject({ days: 1, rows: 1 });
  expect(await there()).toEqual(await here());
  await database.pool.query("delete from rtb.performance_metrics where _client_id = $1", [client]);
  await mirror(database.pool, store);
  expect(await there()).toEqual([]);
});

test("whatever files come in whatever order, both sides are the same at the end", async () => {
  const file = fc.array(
    fc
      .record({
        creative: fc.constantFrom("1", "2"),
        date: fc.constantFrom(day, addDays(day, -1), addDays(day, -31)),
        hour: fc.constantFrom(null, 0, 23),
        geography: fc.constantFrom(null, "BR", "IN"),
        clicks: fc.nat(9),
        spend: fc.constantFrom("0", "0.000001", "12.5", "99999999.999999"),
      })
      .map(line),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(file, fc.boolean()), { minLength: 1, maxLength: 4 }), async (files) => {
      asAnother();
      for (const [lines, mirrored] of files) {
        await ingest({ lines });
        if (mirrored) await mirror(database.pool, store);
      }
      expect(await mirror(database.pool, store)).toMatchObject({ different: 0, waiting: 0 });
      expect(await there()).toEqual(await here());
    }),
    { numRuns: 4, seed: 5 },
  );
});

test("killed in the middle of a copy, the server has the old day or the new one, and the next run ends right", async () => {
  const lines = Array.from({ length: 30 }, (_, at) => line({ creative: String(at) }));
  await ingest({ lines });
  await mirror(database.pool, store);
  const before = await there();
  await ingest({ lines: lines.map((one) => ({ ...one, clicks: one.clicks + 1 })) });
  // Each step of a copy once: what it had sent stays, what follows never comes.
  for (const step of ["insert", "rows", "run"] as const) {
    let calls = 0;
    const dying: ColumnStore = {
      ...store,
      [step]: async (...of: never[]) => {
        calls += 1;
        // Tables are looked at first; the copy's own sums come next.
        if (step !== "rows" || calls > 1) await engine.kill();
        return (store[step] as (...of: never[]) => unknown)(...of);
      },
    };
    expect((await mirror(database.pool, dying)).away).toMatch(/ClickHouse/);
    await engine.start();
    expect([before, await here()]).toContainEqual(await there());
  }
  expect(await mirror(database.pool, store)).toMatchObject({ away: null, different: 0, waiting: 0 });
  expect(await there()).toEqual(await here());
});

test("of two runs at a time neither loses what the other has not seen", async () => {
  await ingest({ lines: [line()] });
  const slow: ColumnStore = {
    ...store,
    insert: async (...of) => {
      await store.insert(...of);
      // Meanwhile a second file lands, and a second run mirrors it.
      await ingest({ lines: [line({ clicks: 77 })] });
      expect(await mirror(database.pool, store)).toMatchObject({ days: 1 });
      slow.insert = store.insert;
    },
  };
  await mirror(database.pool, slow);
  expect(await there()).toEqual(await here());
  expect((await there())[0]).toContain("|77|");
  expect((await readWaiting(database.pool)).filter((one) => one.client === client)).toEqual([]);
});

test("a copy that does not add up is not read: an alert says so, and it is copied again", async () => {
  await ingest({ lines: [line(), line({ creative: "2" })] });
  const losing: ColumnStore = {
    ...store,
    insert: async (table, ...of) => {
      await store.insert(table, ...of);
      await store.run({
        text: `delete from ${table} where _client_id = {client:String} and creative_id = (select max(creative_id) from ${table} where _client_id = {client:String})`,
        values: { client },
      });
    },
  };
  expect(await mirror(database.pool, losing)).toMatchObject({ days: 0, different: 1, waiting: 1 });
  expect(await there()).toEqual([]);
  expect(await openAlerts()).toEqual([{ kind: "mirror_differs", subject: "performance" }]);
  expect(await mirror(database.pool, store)).toMatchObject({ days: 1, different: 0, waiting: 0 });
  expect(await there()).toEqual(await here());
  expect(await openAlerts()).toEqual([]);
});

test("rows that somebody changed there, or here by hand, are found within a day and copied again", async () => {
  await ingest({ lines: [line(), line({ creative: "2" })] });
  await mirror(database.pool, store);
  const age = () =>
    database.pool.query(
      "update ops.mirror_versions set begun_at = now() - interval '2 days', checked_at = null where _client_id = $1",
      [client],
    );
  const [[table] = []] = await store.rows({
    text: "select name from system.tables where database = 'signal_room' and match(name, '^performance_[0-9a-f]{8}$')",
  });
  await store.run({
    text: `delete from ${table ?? ""} where _client_id = {client:String} and clicks = 10`,
    values: { client },
  });
  await age();
  expect(await mirror(database.pool, store)).toMatchObject({ different: 1, waiting: 0 });
  expect(await there()).toEqual(await here());
  await database.pool.query("update rtb.performance_metrics set clicks = 1234 where _client_id = $1", [client]);
  await age();
  expect(await mirror(database.pool, store)).toMatchObject({ different: 1, waiting: 0 });
  expect(await there()).toEqual(await here());
});

test("a server that lost everything is filled again", async () => {
  await ingest({ lines: [line()] });
  await mirror(database.pool, store);
  await store.run({ text: "drop database signal_room sync" });
  const { away, different, waiting } = await mirror(database.pool, store);
  expect({ away, different, waiting }).toEqual({ away: null, different: 0, waiting: 0 });
  expect(await there()).toEqual(await here());
});

test("while the server is away changes wait, an alert says so after ten minutes, and it closes by itself", async () => {
  await ingest({ lines: [line()] });
  await engine.kill();
  try {
    expect(await mirror(database.pool, store)).toMatchObject({
      away: "ClickHouse does not answer",
      days: 0,
      waiting: 1,
    });
    expect(await openAlerts()).toEqual([]);
    await database.pool.query(
      "update ops.mirror_marks set marked_at = now() - interval '11 minutes' where _client_id = $1",
      [client],
    );
    await mirror(database.pool, store);
    expect(await openAlerts()).toEqual([{ kind: "mirror_behind", subject: "column store" }]);
  } finally {
    await engine.start();
  }
  await mirror(database.pool, store);
  expect(await openAlerts()).toEqual([]);
  expect(await there()).toEqual(await here());
});

test("a wrong password is no answer, and nothing of it is said", async () => {
  const wrong = openStore(engine, { password: "wrong" });
  await ingest({ lines: [line()] });
  const { away } = await mirror(database.pool, wrong);
  await wrong.close();
  expect(away).toBe("ClickHouse refused a statement with its error 516");
});

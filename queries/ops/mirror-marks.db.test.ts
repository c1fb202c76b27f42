import { expect, test } from "@jest/globals";
import { inTransaction } from "../../schema/database.ts";
import { asAnother, client, database, ingest, line } from "../../test/merging-files.ts";
import { foldMarks, markEverything, nextMarked, readWaiting } from "./mirror-marks.ts";
import { abandonCopies, beginCopies, currentCopies, makeCurrent, readLeftovers } from "./mirror-versions.ts";

const marked = async () => {
  const { rows } = await database.pool.query<{ mark: string }>(
    "select distinct feed || ' ' || day as mark from ops.mirror_marks where _client_id = $1 order by 1",
    [client],
  );
  return rows.map(({ mark }) => mark);
};
const forget = () => database.pool.query("delete from ops.mirror_marks");

test("a file marks its days in its own transaction, and one that is undone marks none", async () => {
  await ingest({ lines: [line(), line({ date: "2025-11-02" })] });
  expect(await marked()).toEqual(["performance 2025-11-02", "performance 2025-12-17"]);
  await forget();
  await ingest({ lines: [line({ date: "2025-11-02", clicks: 11 }), line()] });
  expect(await marked()).toContain("performance 2025-11-02");
  asAnother();
  const undone = inTransaction(database.pool, async (session) => {
    await session.query(
      "insert into ops.file_days (_client_id, date, file_id, inserted) values ($1, '2025-12-01', 1, 1)",
      [client],
    );
    throw new Error("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  expect(await marked()).toEqual([]);
});

test("rows that are deleted mark their days, as do slices, reports and promo events", async () => {
  await ingest({ lines: [line(), line({ date: "2025-11-02" })] });
  await forget();
  await database.pool.query("delete from rtb.performance_metrics where _client_id = $1 and date < '2025-12-01'", [
    client,
  ]);
  expect(await marked()).toEqual(["performance 2025-11-02"]);
  await forget();
  const receipt = (source: string, slice: string, updated: number) =>
    database.pool.query(
      `insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, outcome, pages, fetched, inserted, updated, unchanged,
         withdrawn, quarantined, quarantined_total, total, content_hash, run_id, workflow_id, workflow_run_id, attempt)
       values ($1, $2, $3, 'UTC', nextval('ops.fetch_seq'), now(), 'changed', 1, 1, 0, $4, 0, 0, 0, 0, 1, '', '', '', '', 1)`,
      [client, source, slice, updated],
    );
  await receipt("redtrack.daily_spend", "2025-12-03", 1);
  await receipt("redtrack.daily_spend", "2025-12-04", 0);
  await receipt("anytrack.pulled_conversions", "2025-12-05", 1);
  await database.pool.query(
    "insert into ops.report_days (_client_id, file_id, date, source, written) values ($1, 1, '2025-12-06', 'rtb.report_bids', 1)",
    [client],
  );
  await database.pool.query(
    "insert into promo.promo_performance_metrics (_client_id, variation_id, offer_id, date, clicks) values ($1, 1, 1, '2025-12-07', 1)",
    [client],
  );
  expect(await marked()).toEqual([
    "promo_days 2025-12-07",
    "redtrack_daily_spend 2025-12-03",
    "report_bids 2025-12-06",
  ]);
  await forget();
  await database.pool.query("update promo.promo_performance_metrics set clicks = 2 where _client_id = $1", [client]);
  expect(await marked()).toEqual(["promo_days 2025-12-07"]);
});

test("of many marks of a day the last stays, and what waits longest is next", async () => {
  await forget();
  for (const clicks of [1, 2, 3]) await ingest({ lines: [line({ clicks })] });
  expect(await foldMarks(database.pool)).toBeGreaterThan(1);
  expect(await foldMarks(database.pool)).toBe(0);
  const first = client;
  asAnother();
  await ingest({ lines: [line()] });
  expect(await nextMarked(database.pool)).toEqual({ feed: "performance", client: first, days: ["2025-12-17"] });
  expect(await readWaiting(database.pool)).toMatchObject([
    { client: first, days: 1 },
    { client, days: 1 },
  ]);
});

test("everything there is anything of can be marked", async () => {
  await ingest({ lines: [line(), line({ date: "2025-11-02" })] });
  await forget();
  await inTransaction(database.pool, markEverything);
  expect(await marked()).toEqual(["performance 2025-11-02", "performance 2025-12-17"]);
});

test("of two copies of a day the second to come is given up, and the marks that it saw stay", async () => {
  await forget();
  await ingest({ lines: [line()] });
  const of = { feed: "performance", client, days: ["2025-12-17"] };
  const [one, other] = [...(await beginCopies(database.pool, of)), ...(await beginCopies(database.pool, of))];
  const { rows } = await database.pool.query<{ id: number }>("select mark_id as id from ops.mirror_marks");
  const marks = rows.map(({ id }) => id);
  const finished = { rows: 1, sums: {}, before: null, day: "2025-12-17" };
  expect(await makeCurrent(database.pool, of, { ...finished, version: other?.version ?? 0, marks: [] })).toBe(true);
  expect(await makeCurrent(database.pool, of, { ...finished, version: one?.version ?? 0, marks })).toBe(false);
  expect(await marked()).toEqual(["performance 2025-12-17"]);
  await abandonCopies(database.pool, [one?.version ?? 0, other?.version ?? 0]);
  expect(await inTransaction(database.pool, (session) => currentCopies(session, of))).toEqual(
    new Map([["2025-12-17", other?.version]]),
  );
  const [left] = (await readLeftovers(database.pool)).filter((leftover) => leftover.client === client);
  // Its rows may still be on their way: it is not forgotten yet.
  expect(left).toMatchObject({ versions: [one?.version], settled: [] });
});

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Info } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { readBookDifferences } from "../../queries/files/books.ts";
import { readAlerts } from "../../queries/ops/alerts.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { startWarehouses, warehouseNames, type WarehouseName } from "../../scripts/embedded/warehouses.ts";
import { fillLake, storedDay, warehouseActivities } from "../../test/warehouses.ts";
import type { SliceResult } from "../sync/shapes.ts";

jest.setTimeout(60_000);

const day = "2025-12-18";
let database: TestDatabase;
let lake: Awaited<ReturnType<typeof startWarehouses>>;

beforeAll(async () => {
  database = await testDatabase();
  lake = await startWarehouses(database.pool, { pageRows: 2 });
  await database.pool.query(
    "insert into rtb.creatives (_client_id, creative_id, origin) select '713', 'c' || n, 'sandbox' from generate_series(1, 400) n",
  );
});
beforeEach(async () => {
  for (const name of warehouseNames) {
    lake[name].faults.length = 0;
    lake[name].jobs.length = 0;
    lake[name].asked.length = 0;
    lake[name].options = { ...lake[name].options, bytes: 10_000_000n, durationMs: 0 };
  }
  await database.pool.query(
    `truncate lake.rows, ops.slices, ops.receipts, ops.quarantine, ops.alerts, ops.files, ops.file_days, ops.file_headers, ops.run_failures,
              rtb.performance_metrics, rtb.creative_performance`,
  );
});
afterAll(async () => {
  await lake.close();
  await database.drop();
});

let runs = 0;
/** A run of its own, as the workflow of a slice is; the same one again is another attempt. */
const aRun = (): Partial<Info> => {
  runs += 1;
  return { workflowExecution: { workflowId: `slice/${runs}`, runId: `run-${runs}` }, attempt: 1 };
};

interface Asking {
  settings?: Record<string, string>;
  acceptEmpty?: boolean;
  info?: Partial<Info>;
  day?: string;
}

const quiet = { logger: new DefaultLogger("ERROR") };

function pull(
  name: WarehouseName,
  { settings = {}, acceptEmpty, info = aRun(), day: of = day }: Asking = {},
): Promise<SliceResult> {
  const { activities } = warehouseActivities(database.pool, { ...lake.settings, ...settings }, name);
  const input = { client: "713", source: `${name}.performance`, day: of, runId: "run" };
  return new MockActivityEnvironment(info, quiet).run(activities.pullSlice, {
    ...input,
    ...(acceptEmpty === undefined ? {} : { acceptEmpty }),
  });
}

async function failureOf(work: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await work.then(
    () => new Error("expected a failure"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApplicationFailure)) throw error;
  expect(error.message).not.toContain("PRIVATE KEY");
  expect(error.message).not.toMatch(/ya29|eyJ/);
  return error;
}

const openAlerts = async () => (await readAlerts(database.pool, { open: true, limit: 50 })).map(({ kind }) => kind);
const quarantined = async () =>
  (
    await database.pool.query<{ reason: string }>(
      "select reason from ops.quarantine where resolved_at is null order by reason",
    )
  ).rows.map(({ reason }) => reason);
const rolledUp = async () =>
  (
    await database.pool.query<{ spend: string }>(
      "select coalesce(sum(spend_all), 0)::text as spend from rtb.creative_performance",
    )
  ).rows[0]?.spend;

/** A query of one's own over the lake, its one place left for the table. */
const asked = (name: WarehouseName, text: string) => {
  const prefix = name.toUpperCase();
  const of = name === "bigquery" ? "`mock-lake.lake.rows`" : "lake.rows";
  return { settings: { [`${prefix}_QUERY`]: text.replaceAll("{rows}", of), [`${prefix}_TABLE`]: "" } };
};

describe.each(warehouseNames)("a day of %s", (name) => {
  const warehouse = () => lake[name];
  const cap = `${name.toUpperCase()}_MAX_BYTES`;

  test("a day is stored to the last digit, added up where it lies, with its receipt, books and roll-ups", async () => {
    await fillLake(database.pool, day, [
      "c1 100 5 1.005 BR mobile",
      "c1 50 1 2.5 BR mobile",
      "c2 1000000000 3 123456789.123456789 br Phone",
      "c3 0 0 0 NULL NULL",
    ]);
    const found = await pull(name);
    expect(found).toMatchObject({ outcome: "changed", isFinal: true, fetched: 3, inserted: 3, quarantined: 0 });
    expect(found.total).toBe("123456792.628457");
    expect(await storedDay(database.pool, day)).toEqual([
      "c1 150 6 3.505 BR mobile",
      "c2 1000000000 3 123456789.123457 BR mobile",
      "c3 0 0 0",
    ]);
    expect(await rolledUp()).toBe("123456792.628457");
    expect(await readBookDifferences(database.pool, { client: "713" })).toEqual([]);
    const { rows } = await database.pool.query(
      "select source, slice, outcome, rows, trim_scale(total)::text as total, is_final, origin, timezone from ops.slices",
    );
    expect(rows).toEqual([
      {
        ...{ source: `${name}.performance`, slice: day, outcome: "changed", rows: 3, total: "123456792.628457" },
        ...{ is_final: true, origin: "sandbox", timezone: "UTC" },
      },
    ]);
  });

  test("a second pull of the same day changes nothing and leaves a receipt that says so", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 9 1 0.5 DE desktop", "nobody 5 1 1 BR mobile"]);
    await pull(name);
    const again = await pull(name);
    expect(again).toMatchObject({ outcome: "unchanged", inserted: 0, updated: 0, unchanged: 2, withdrawn: 0 });
    const { rows } = await database.pool.query("select count(*)::int as files from ops.files");
    expect(rows).toEqual([{ files: 1 }]);
    expect(await quarantined()).toHaveLength(1);
  });

  test("a changed day is merged by key: what is gone leaves, and books and roll-ups go along", async () => {
    const rows = Array.from({ length: 12 }, (_, index) => `c${index + 1} 100 5 1 BR mobile`);
    await fillLake(database.pool, day, rows);
    await pull(name);
    await database.pool.query(
      "update lake.rows set cost = 7 where creative = 'c2'; delete from lake.rows where creative = 'c1'",
    );
    await fillLake(database.pool, day, ["c13 1 0 0.25 BR mobile"]);
    expect(await pull(name)).toMatchObject({
      outcome: "changed",
      inserted: 1,
      updated: 1,
      unchanged: 10,
      withdrawn: 1,
    });
    expect(await storedDay(database.pool, day)).toHaveLength(12);
    expect(await rolledUp()).toBe("17.250000");
    expect(await readBookDifferences(database.pool, { client: "713" })).toEqual([]);
  });

  test("an empty answer, and one that has lost most of the day, take nothing away until a person says so", async () => {
    const rows = Array.from({ length: 12 }, (_, index) => `c${index + 1} 100 5 1 BR mobile`);
    await fillLake(database.pool, day, rows);
    await pull(name);
    await database.pool.query("delete from lake.rows where creative <> 'c1'");
    expect(await pull(name)).toMatchObject({ outcome: "shrunk", isFinal: false, withdrawn: 0, total: "1" });
    await database.pool.query("delete from lake.rows");
    expect(await pull(name)).toMatchObject({ outcome: "emptied", isFinal: false, fetched: 0, total: "0" });
    const stands = "select trim_scale(total)::text as total from ops.slices where slice = $1";
    expect((await database.pool.query(stands, [day])).rows).toEqual([{ total: "12" }]);
    expect(await storedDay(database.pool, day)).toHaveLength(12);
    expect(await openAlerts()).toEqual(expect.arrayContaining(["shrunk", "emptied"]));
    expect(await pull(name, { acceptEmpty: true })).toMatchObject({ outcome: "changed", withdrawn: 12, isFinal: true });
    expect(await storedDay(database.pool, day)).toEqual([]);
    expect(await rolledUp()).toBe("0.000000");
    expect(await openAlerts()).toEqual([]);
    expect(await readBookDifferences(database.pool, { client: "713" })).toEqual([]);
  });

  test("what cannot be stored waits in the quarantine and comes in by itself once it can", async () => {
    await fillLake(database.pool, day, [
      "c1 100 5 1.5 BR mobile",
      "later 7 1 0.7 BR mobile",
      "NULL 1 0 1 BR mobile",
      "c2 1 0 1 XX mobile",
      "c3 1 2 1 BR mobile",
      "c4 1 0 NULL BR mobile",
    ]);
    expect(await pull(name)).toMatchObject({ inserted: 1, quarantined: 5 });
    expect(await quarantined()).toEqual([
      expect.stringMatching(/^2 clicks on 1 impressions/),
      expect.stringMatching(/is not known/),
      expect.stringMatching(/^creative id "" is empty/),
      expect.stringMatching(/^geography "XX" is no country/),
      expect.stringMatching(/^spend "" is empty: a missing amount is not zero/),
    ]);
    await database.pool.query(
      "insert into rtb.creatives (_client_id, creative_id, origin) values ('713', 'later', 'sandbox')",
    );
    expect(await pull(name)).toMatchObject({ outcome: "changed", inserted: 1, unchanged: 1, quarantined: 4 });
    expect(await quarantined()).toHaveLength(4);
    await database.pool.query(
      "delete from rtb.performance_metrics; delete from rtb.creatives where creative_id = 'later'",
    );
  });

  test("a day that is over and of which nothing can be stored waits for a person, who sees why", async () => {
    await fillLake(database.pool, day, ["nobody 1 0 1 BR mobile", "noone 1 0 1 BR mobile"]);
    expect(await pull(name)).toMatchObject({ outcome: "emptied", isFinal: false, quarantined: 2 });
    expect(await quarantined()).toHaveLength(2);
    expect(await openAlerts()).toEqual(["emptied"]);
    await pull(name);
    expect(await quarantined()).toHaveLength(2);
    await database.pool.query("update lake.rows set creative = 'c1'");
    expect(await pull(name)).toMatchObject({ outcome: "changed", inserted: 1, isFinal: true });
    expect(await quarantined()).toEqual([]);
    expect(await openAlerts()).toEqual([]);
  });

  test("a day without rows is final and leaves a receipt alone", async () => {
    expect(await pull(name)).toMatchObject({ outcome: "unchanged", fetched: 0, isFinal: true });
    const { rows } = await database.pool.query("select count(*)::int as files from ops.files");
    expect(rows).toEqual([{ files: 0 }]);
  });

  test("a query over its cap is refused before it costs anything, with estimate, cap and setting", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    const failure = await failureOf(pull(name, { settings: { [cap]: "9999999" } }));
    expect(failure).toMatchObject({ type: "RequestRejected", nonRetryable: true });
    expect(failure.message).toContain(
      `would read 10000000 bytes (10.0 MB) and ${cap} allows 9999999 bytes (9.9 MB): it was not run`,
    );
    expect(warehouse().jobs).toEqual([]);
    expect(warehouse().asked).not.toContain("run");
    expect(await pull(name, { settings: { [cap]: "10000000" } })).toMatchObject({ inserted: 1 });
  });

  test("an attempt after one that was killed gets its job, and pays for none", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 1 0 1 BR mobile", "c3 1 0 1 BR mobile"]);
    const info = aRun();
    warehouse().faults.push({ at: "page", status: 503, body: {}, times: 1 });
    expect((await failureOf(pull(name, { info }))).type).toBe("VendorUnavailable");
    expect(await pull(name, { info: { ...info, attempt: 2 } })).toMatchObject({ inserted: 3 });
    expect(warehouse().jobs).toHaveLength(1);
    // Killed after its commit: the receipt answers.
    expect(await pull(name, { info: { ...info, attempt: 3 } })).toMatchObject({ outcome: "changed", inserted: 3 });
    expect(warehouse().jobs).toHaveLength(1);
    const { rows } = await database.pool.query("select count(*)::int as receipts from ops.receipts");
    expect(rows).toEqual([{ receipts: 1 }]);
  });

  test("results that are gone are computed again", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 1 0 1 BR mobile", "c3 1 0 1 BR mobile"]);
    warehouse().faults.push({
      at: "page",
      status: 404,
      body: { code: "000709", error: { errors: [{ reason: "notFound" }] } },
      times: 1,
    });
    expect(await pull(name)).toMatchObject({ inserted: 3 });
    expect(warehouse().jobs).toHaveLength(2);
  });

  test("a job that is cancelled with its slice is cancelled at the warehouse too", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    warehouse().options = { ...warehouse().options, durationMs: 60_000 };
    const { activities } = warehouseActivities(database.pool, lake.settings, name);
    const mock = new MockActivityEnvironment(aRun(), quiet);
    const work = mock.run(activities.pullSlice, { client: "713", source: `${name}.performance`, day, runId: "run" });
    work.catch(() => undefined);
    while (warehouse().jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    while (!warehouse().asked.includes("look")) await new Promise((resolve) => setTimeout(resolve, 20));
    mock.cancel("CANCELLED");
    await expect(work).rejects.toThrow();
    expect(warehouse().jobs).toMatchObject([{ state: "cancelled" }]);
  });
});

describe.each(warehouseNames)("what %s is asked", (name) => {
  test("what is wrong with the question or the answer is said, and nothing is stored", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    const select = (spend: string, more = "", date = "day") =>
      asked(
        name,
        `select creative as creative_id, ${date} as date, impressions, clicks, ${spend} as spend${more} from {rows} where day = @day`,
      );
    const twice = asked(
      name,
      `select creative as creative_id, day as date, 1 as impressions, 0 as clicks, 1 as spend from {rows}, generate_series(1, 2) where day = @day`,
    );
    for (const [asking, type, said] of [
      [select("no_such_column"), "RequestRejected", "no_such_column"],
      [select("cost", ", country as region"), "ResponseMalformed", "column 6 is no field"],
      [
        select("cost", "", "day - 1"),
        "ResponseMalformed",
        "a row is about 2025-12-17, and the question was about 2025-12-18",
      ],
      [twice, "DuplicateKey", "row 2 has the creative_id, date of an earlier one"],
      [
        asked(name, `select creative as creative_id, day as date, clicks, cost as spend from {rows} where day = @day`),
        "ResponseMalformed",
        "there is no column impressions",
      ],
    ] as const)
      expect(await failureOf(pull(name, asking))).toMatchObject({
        type,
        message: expect.stringContaining(said),
        nonRetryable: true,
      });
    expect(await storedDay(database.pool, day)).toEqual([]);
  });

  test("a query of one's own is about the moments of a day by the zone that is set", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    const asking = asked(
      name,
      `select creative as creative_id, @day as date, impressions, clicks,
              extract(epoch from @day_end - @day_start) as spend -- not @day
         from {rows} where country <> '@day'`,
    );
    const settings = { ...asking.settings, [`${name.toUpperCase()}_PERFORMANCE_TIMEZONE`]: "America/New_York" };
    await pull(name, { settings, day: "2025-11-02" });
    expect(await storedDay(database.pool, "2025-11-02")).toEqual(["c1 100 5 90000"]);
  });

  test("a column that has become text, or is gone, is a query that is wrong, and is said once", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    try {
      await database.pool.query("alter table lake.rows alter cost type text");
      expect(await failureOf(pull(name))).toMatchObject({
        type: "RequestRejected",
        nonRetryable: true,
        message: expect.stringContaining("sum(text) does not exist"),
      });
      await database.pool.query("alter table lake.rows rename cost to price");
      expect((await failureOf(pull(name))).message).toContain('column "cost" does not exist');
    } finally {
      await database.pool.query(
        "alter table lake.rows rename price to cost; alter table lake.rows alter cost type numeric using cost::numeric",
      );
    }
    expect(lake[name].jobs).toEqual([]);
    expect(await storedDay(database.pool, day)).toEqual([]);
  });

  test("cells are read as those of a file, whatever is in them", async () => {
    await database.pool.query(
      `insert into lake.rows values
         ('${day}', ' c1 ', 5, 1, 2, ' br ', ' MOBILE '), ('${day}', 'c2', 5, 1, 'NaN', 'BR', 'mobile'),
         ('${day}', E'c3",\n', 5, 1, 2, 'BR', 'mobile'), ('${day}', 'c4', 5, 1, 1000000000000, 'BR', 'mobile'),
         ('${day}', 'c5', 5, 1, -1, 'BR', 'mobile'), ('${day}', 'c6', 5, 1, 2, 'Brazil', 'mobile')`,
    );
    expect(await pull(name)).toMatchObject({ inserted: 1, quarantined: 5 });
    expect(await storedDay(database.pool, day)).toEqual(["c1 5 1 2 BR mobile"]);
  });

  test("floats are read as the number they write", async () => {
    await fillLake(database.pool, day, ["c1 110 10 110.1 BR mobile", "c2 2 1 0.0000005 BR mobile"]);
    await pull(
      name,
      asked(
        name,
        `select creative as creative_id, day as date, impressions::float8 as impressions, clicks::float8 as clicks, cost::float8 as spend from {rows} where day = @day`,
      ),
    );
    expect(await storedDay(database.pool, day)).toEqual(["c1 110 10 110.1", "c2 2 1 0.000001"]);
  });

  test("days of another owner are asked for by nobody, and no file may bring a day of this one", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    const refused = await failureOf(pull(name, { settings: { RTB_PERFORMANCE_OWNER: "files" } }));
    expect(refused.message).toContain(`comes from files: set RTB_PERFORMANCE_OWNER=${name}`);
    const before = await failureOf(pull(name, { settings: { RTB_PERFORMANCE_OWNED_FROM: "2025-12-19" } }));
    expect(before.message).toContain("days before 2025-12-19 are those of files");
    expect(lake[name].asked).toEqual([]);
  });

  test("rows that a file has left of the day are not overwritten without a word", async () => {
    const byFile = (spend: string) =>
      database.pool.query(
        `delete from rtb.performance_metrics; delete from ops.files; delete from ops.file_days;
         insert into ops.files (file_id, _client_id, source, name, place, path, bytes, sha256, mapping, mapping_version, options_hash, outcome, lines, inserted, run_id, workflow_id, started_at)
         values (1000, '713', 'rtb.performance', 'old.csv', 'import', 'old.csv', 1, 'x', 'document', '1', '', 'ingested', 1, 1, 'old', 'old', now());
         insert into ops.file_days (_client_id, file_id, date, inserted, impressions_after, clicks_after, spend_after) values ('713', 1000, '${day}', 1, 100, 5, ${spend});
         select rtb.ensure_months(array['${day}']::date[]);
         insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
         select '713', id, '${day}', -1, 'BR', 'mobile', '', 100, 5, ${spend}, 1000 from rtb.creatives where _client_id = '713' and creative_id = 'c1'`,
      );
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile", "c2 1 0 1 BR mobile"]);
    await byFile("1.25");
    const failure = await failureOf(pull(name));
    expect(failure).toMatchObject({ type: "OwnersDiffer", nonRetryable: true });
    expect(failure.message).toContain(
      "1 row of file 1000 say something else than the warehouse, which owns the day; spend is 1.25 now and would be 2.50",
    );
    expect(await storedDay(database.pool, day)).toEqual(["c1 100 5 1.25 BR mobile"]);
    expect(await openAlerts()).toEqual(["owners_differ"]);
    expect(await pull(name, { acceptEmpty: true })).toMatchObject({ inserted: 1, updated: 1 });
    expect(await openAlerts()).toEqual([]);
    // The same to the digit is no difference, and its next change is the warehouse's own.
    await byFile("1.5");
    expect(await pull(name)).toMatchObject({ outcome: "changed", inserted: 1, unchanged: 1 });
    await database.pool.query("update lake.rows set cost = 2 where creative = 'c1'");
    expect(await pull(name)).toMatchObject({ outcome: "changed", updated: 1 });
    expect(await readBookDifferences(database.pool, { client: "713" })).toEqual([]);
  });

  test("a dry run says what would change, and changes nothing", async () => {
    await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
    await pull(name);
    await database.pool.query("update lake.rows set cost = 2");
    const { activities } = warehouseActivities(database.pool, lake.settings, name);
    const input = { client: "713", source: `${name}.performance`, day, runId: "run" };
    expect(await new MockActivityEnvironment(aRun(), quiet).run(activities.previewSlice, input)).toEqual({
      ...{
        day,
        inserted: 0,
        updated: 1,
        withdrawn: 0,
        before: "1.50",
        after: "2.00",
        change: "0.50",
        reconciled: true,
      },
    });
    expect(await storedDay(database.pool, day)).toEqual(["c1 100 5 1.5 BR mobile"]);
  });
});

const google = (status: number, reason: string) => ({
  ...{ at: "run" as const, status, times: 1 },
  body: { error: { code: status, message: "no", errors: [{ reason, message: "no" }] } },
});
const snow = (status: number, code: string) => ({
  ...{ at: "run" as const, status, times: 1 },
  body: { code, message: "no" },
});

test.each([
  ["bigquery", "rateLimitExceeded under 403", google(403, "rateLimitExceeded"), "RateLimited", true],
  ["bigquery", "quotaExceeded under 403", google(403, "quotaExceeded"), "RateLimited", true],
  ["bigquery", "accessDenied under 403", google(403, "accessDenied"), "CredentialsRejected", false],
  ["bigquery", "billingNotEnabled under 403", google(403, "billingNotEnabled"), "CredentialsRejected", false],
  ["bigquery", "backendError under 503", google(503, "backendError"), "VendorUnavailable", true],
  ["bigquery", "429", google(429, "rateLimitExceeded"), "RateLimited", true],
  ["snowflake", "429", snow(429, "390505"), "RateLimited", true],
  ["snowflake", "503", snow(503, "390504"), "VendorUnavailable", true],
  ["snowflake", "bad SQL under 422", snow(422, "001003"), "RequestRejected", false],
  ["snowflake", "a role that may not under 403", snow(403, "390186"), "CredentialsRejected", false],
] as const)("%s: %s is %s", async (name, _what, fault, type, isRetried) => {
  await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
  lake[name].faults.push({ ...fault });
  const failure = await failureOf(pull(name));
  expect(failure).toMatchObject({ type, nonRetryable: !isRetried });
});

test.each([
  [
    "bigquery",
    {
      at: "estimate" as const,
      status: 401,
      body: { error: { code: 401, status: "UNAUTHENTICATED", errors: [{ reason: "authError" }] } },
    },
  ],
  ["snowflake", { at: "estimate" as const, status: 401, body: { code: "390114", message: "expired" } }],
] as const)("%s: a token that has run out is made again, once", async (name, fault) => {
  await fillLake(database.pool, day, ["c1 100 5 1.5 BR mobile"]);
  lake[name].faults.push({ ...fault, times: 1 });
  expect(await pull(name)).toMatchObject({ inserted: 1 });
  lake[name].faults.push({ ...fault, times: 2 });
  expect((await failureOf(pull(name))).type).toBe("CredentialsRejected");
});

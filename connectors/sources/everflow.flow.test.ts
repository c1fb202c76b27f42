import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { compareSlice } from "../../activities/sync/compare-slice.ts";
import type { SliceResult } from "../../activities/sync/shapes.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { createRedactor } from "../../core/redact.ts";
import { sumMoney } from "../../core/money.ts";
import type { RequestEntry } from "../../sandbox/request-log.ts";
import { startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";
import { sources } from "../registry.ts";
import { everflowConversions, everflowDailyStats } from "./everflow.ts";

jest.setTimeout(120_000);

const stats = "everflow.daily_stats";
const conversions = "everflow.conversions";
let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({
    CLIENTS: "713,wide,crowd,plain",
    EVERFLOW_API_KEY_WIDE: "sandbox-wide",
    EVERFLOW_API_KEY_CROWD: "sandbox-crowd",
    EVERFLOW_API_KEY_PLAIN: "sandbox-plain",
  });
  await stack.control("PUT", "/clock", { today: "2026-06-30" });
});
afterEach(() => stack.control("DELETE", "/faults"));
afterAll(() => stack.stop());

const fault = (kind: string, parameters: object = {}) => stack.fault(kind, { vendor: "everflow", ...parameters });

async function pull(source: string, client: string, day: string): Promise<SliceResult> {
  const handle = await stack.start("syncSlice", `${source}/${client}/${day}`, { source, client, day });
  return (await handle.result()) as SliceResult;
}

async function backfill(source: string, from: string, to: string) {
  return (await (
    await stack.start("backfill", uniqueId(`backfill/${source}`), { source, from, to })
  ).result()) as Record<string, unknown>;
}

const statsColumns = [
  "date",
  "affiliate_id",
  "affiliate_name",
  "advertiser_id",
  "advertiser_name",
  "offer_id",
  "offer_name",
  "currency",
  "clicks",
  "conversions",
  "events",
];
const conversionColumns = [
  "conversion_id",
  "date",
  "status",
  "is_event",
  "event",
  "affiliate_id",
  "affiliate_name",
  "advertiser_id",
  "offer_id",
  "offer_name",
  "currency",
];
const amounts: Record<string, string[]> = {
  daily_stats: ["payout", "revenue", "profit"],
  conversions: ["payout", "revenue"],
};
const columnsOf = (table: string) => (table === "daily_stats" ? statsColumns : conversionColumns);

function lines(table: string, rows: Record<string, unknown>[]): string {
  const line = (row: Record<string, unknown>) =>
    [
      ...columnsOf(table).map((name) => String(row[name])),
      ...(amounts[table] ?? []).map((name) => sumMoney([String(row[name])])),
    ].join(" | ");
  return rows.map(line).sort().join("\n");
}

/** Do the table and the vendor hold the same rows, in every column and to the last digit? */
async function expectTruth(table: string, client: string, from: string, to = from): Promise<number> {
  const truth = (await stack.control(
    "GET",
    `/dump?vendor=everflow&client=${client}&table=${table}&from=${from}&to=${to}`,
  )) as Record<string, unknown>[];
  const stored = await stack.rows(`select * from everflow.${table} where _client_id = $1 and date between $2 and $3`, [
    client,
    from,
    to,
  ]);
  expect(stored).toHaveLength(truth.length);
  // The test runner would print whole days to show where they differ.
  expect(lines(table, stored) === lines(table, truth)).toBe(true);
  return stored.length;
}

const openAlerts = (day: string) =>
  stack.rows("select kind, message from ops.alerts where subject = $1 and resolved_at is null", [`everflow/${day}`]);

const calls = async (path: string) => {
  const { entries } = (await stack.control("GET", "/log?vendor=everflow")) as { entries: RequestEntry[] };
  return entries.filter((entry) => entry.path === path);
};

describe("days of both feeds", () => {
  test("are backfilled as the vendor has them, add up to each other, and coming again change nothing", async () => {
    const [from, to] = ["2025-12-01", "2025-12-06"];
    for (const source of [stats, conversions])
      expect(await backfill(source, from, to)).toMatchObject({ done: 6, failed: 0 });
    expect(await expectTruth("daily_stats", "713", from, to)).toBeGreaterThan(60);
    expect(await expectTruth("conversions", "713", from, to)).toBeGreaterThan(600);
    expect(await stack.rows("select * from everflow.conversion_differences")).toEqual([]);
    expect(await stack.rows("select * from ops.alerts where kind = 'conversions_disagree'")).toEqual([]);
    const names = await stack.rows<{ affiliate_name: string }>(
      "select distinct affiliate_name from everflow.affiliate_daily where affiliate_id like '10%'",
    );
    expect(names.map((row) => row.affiliate_name).sort()).toEqual(["G2 - Google", "G2 - Meta", "SB - Meta"]);
    for (const source of [stats, conversions]) {
      expect(await backfill(source, from, to)).toMatchObject({ done: 6, inserted: 0, updated: 0, withdrawn: 0 });
    }
  });

  test("a receipt sums the dollars alone, and verify finds every row as it is", async () => {
    const [sums] = await stack.rows(
      `select s.total, (select sum(payout) from everflow.daily_stats d where d._slice = s.slice and currency = 'USD') as dollars,
              (select count(distinct currency)::int from everflow.daily_stats d where d._slice = s.slice) as currencies
         from ops.slices s where s.source = $1 and s.slice = '2025-12-02'`,
      [stats],
    );
    expect(sums).toEqual({ total: sums?.["dollars"], dollars: expect.stringMatching(/^\d/), currencies: 3 });
    const account = stack.config.accounts.get("everflow/713");
    if (account === undefined) throw new Error("no account");
    const dependencies = {
      database: stack.database.pool,
      config: stack.config,
      sources,
      gate: createRateGate(stack.database.pool),
      redact: createRedactor(stack.config.secrets),
    };
    for (const source of [everflowDailyStats, everflowConversions]) {
      const { differences, stored, vendor } = await compareSlice(dependencies, { source, account, day: "2025-12-02" });
      expect({ differences, stored }).toEqual({ differences: [], stored: vendor });
    }
  });

  test("no person is in any table, and the time zone was looked up before the first day, not for each", async () => {
    const tables = [
      "everflow.conversions",
      "everflow.daily_stats",
      "ops.restatements",
      "ops.quarantine",
      "ops.alerts",
      "ops.receipts",
    ];
    for (const table of tables) {
      expect(
        await stack.rows(`select t::text from ${table} t where t::text ~* 'canary|198\\.51|mail\\.example' limit 1`),
      ).toEqual([]);
    }
    expect(
      (await stack.rows("select 1 from everflow.conversions where sub1 like 'creative-%'")).length,
    ).toBeGreaterThan(600);
    const lookedUp = await calls("/meta/timezones");
    expect(lookedUp.length).toBeGreaterThanOrEqual(1);
    // As many as a run's first days that are under way at once.
    expect(lookedUp.length).toBeLessThanOrEqual(4);
  });
});

test("a day of 12,000 affiliates, more than even their list holds, is stored whole, and a retry asks only for what is missing", async () => {
  const day = "2025-12-18";
  const asked = async () =>
    (await calls("/networks/reporting/entity/table")).filter((entry) => entry.account === "crowd");
  await fault("latency", { ms: 300, match: { client: "crowd" } });
  const pulling = pull(stats, "crowd", day);
  // The day, the list of affiliates, the list of offers, the first four groups of offers.
  await until(
    "the first parts to be answered",
    async () => (await asked()).filter((entry) => entry.status === 200).length >= 7,
    70_000,
  );
  await fault("server_error", { status: 503, times: 1, match: { client: "crowd" } });
  const pulled = await pulling;
  expect(pulled).toMatchObject({ outcome: "changed", isFinal: true });
  expect(pulled.inserted).toBeGreaterThan(13_000);
  expect(await expectTruth("daily_stats", "crowd", day)).toBe(pulled.inserted);
  const answers = (await asked()).map((entry) => entry.status);
  expect(answers.filter((status) => status === 503)).toHaveLength(1);
  // Once more the day alone, and the part that failed.
  expect(answers.filter((status) => status === 200)).toHaveLength(1 + 2 + 8 + 1);
  expect(await stack.rows("select from ops.slice_parts")).toEqual([]);
});

test("a network that refuses the column for the currency is read without it, not asked with it again, and an alert says so", async () => {
  const day = "2026-01-20";
  const open = () =>
    stack.rows("select message, severity from ops.alerts where kind = 'question_refused' and resolved_at is null");
  await fault("server_error", {
    status: 422,
    times: 1,
    match: { client: "plain", path: "/networks/reporting/entity/table" },
  });
  expect(await pull(stats, "plain", day)).toMatchObject({ outcome: "changed" });
  expect(
    await stack.rows("select distinct currency from everflow.daily_stats where _client_id = 'plain' and date = $1", [
      day,
    ]),
  ).toEqual([{ currency: "USD" }]);
  const asked = async () =>
    (await calls("/networks/reporting/entity/table"))
      .filter((entry) => entry.account === "plain")
      .map(({ status }) => status);
  expect(await asked()).toEqual([422, 200]);
  expect(await pull(stats, "plain", day)).toMatchObject({ outcome: "unchanged" });
  expect(await asked()).toEqual([422, 200, 200]);
  expect(await open()).toEqual([
    {
      severity: "warning",
      message: expect.stringMatching(/^everflow.daily_stats: the report refuses the column for the currency/),
    },
  ]);
});

test("inserts during paging, a burst of 429 and changed statuses: nothing lost, nothing double, and the ledger tells the story", async () => {
  const day = "2025-12-17";
  await fault("insert_while_paging", { rows: 4, most: 12, match: { day } });
  await fault("rate_limited", { times: 2, match: { path: "/networks/reporting/conversions" } });
  const first = await pull(conversions, "wide", day);
  expect(first).toMatchObject({ outcome: "changed", updated: 0, withdrawn: 0 });
  expect(await expectTruth("conversions", "wide", day)).toBe(first.inserted);
  expect(first.inserted).toBeGreaterThan(4_000);
  expect((await calls("/networks/reporting/conversions")).filter((entry) => entry.status === 429)).toHaveLength(2);

  await fault("set_status", { status: "rejected", every: 10, match: { day, client: "wide" } });
  const second = await pull(conversions, "wide", day);
  expect(second).toMatchObject({ outcome: "changed", inserted: 0, withdrawn: 0 });
  expect(second.updated).toBeGreaterThan(300);
  await expectTruth("conversions", "wide", day);
  const ledger = await stack.rows<{ was: string; is: string; rows: number }>(
    `select old ->> 'status' as was, new ->> 'status' as is, count(*)::int as rows from ops.restatements
      where _client_id = 'wide' and source = $1 and slice = $2 and kind = 'changed' group by 1, 2`,
    [conversions, day],
  );
  expect(new Set(ledger.map((entry) => entry.is))).toEqual(new Set(["rejected"]));
  expect(ledger.map((entry) => entry.was)).toContain("approved");
  expect(ledger.reduce((sum, entry) => sum + entry.rows, 0)).toBe(second.updated);
});

test("conversions that do not add up to the statistics are an alert until they do", async () => {
  const day = "2025-12-20";
  await fault("adjust_stats", { affiliateId: "1011", payout: "12.50", match: { day } });
  await pull(stats, "713", day);
  // Nothing to compare with yet.
  expect(await openAlerts(day)).toEqual([]);
  await pull(conversions, "713", day);
  expect(await openAlerts(day)).toEqual([
    {
      kind: "conversions_disagree",
      message: expect.stringMatching(
        /^everflow 2025-12-20: .* G2 - Meta \(1011\): payout USD \d+\.\d\d by the statistics, \d+\.\d\d by the conversions\. /,
      ),
    },
  ]);
  const [difference] = await stack.rows(
    "select affiliate_id, stats_payout - raw_payout as payout from everflow.conversion_differences where date = $1",
    [day],
  );
  expect(difference).toEqual({ affiliate_id: "1011", payout: "12.500000" });
  await stack.control("DELETE", "/faults");
  await pull(stats, "713", day);
  expect(await openAlerts(day)).toEqual([]);
  expect(await stack.rows("select 1 from everflow.conversion_differences")).toEqual([]);
});

test("four days at once under the vendor's real limits all come", async () => {
  await stack.control("PUT", "/limits", { vendor: "everflow", perSecond: 3, concurrent: 2 });
  expect(await backfill(conversions, "2026-01-05", "2026-01-08")).toMatchObject({ done: 4, failed: 0 });
  await stack.control("PUT", "/limits", { vendor: "everflow", perSecond: null, concurrent: null });
  await expectTruth("conversions", "713", "2026-01-05", "2026-01-08");
});

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Big } from "big.js";
import fc from "fast-check";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readCostPerDay, readCpaByAffiliate, readCpaDaily, readCpaTotals } from "./cpa.ts";
import {
  matchLabels,
  mergeMapping,
  readUnmappedSpend,
  recordCurrency,
  type MappedSource,
} from "./affiliate-mapping.ts";

jest.setTimeout(120_000);

const client = "713";
const day = "2025-12-18";
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query(
    "truncate everflow.daily_stats, redtrack.daily_spend, public.affiliate_mapping, public.account_currency",
  );
});

interface Stat {
  client?: string;
  date?: string;
  id?: string;
  name?: string | null;
  offer?: string;
  currency?: string;
  clicks?: number;
  conversions?: number;
  payout?: string;
  revenue?: string;
}

interface Spend {
  client?: string;
  date?: string;
  source: string;
  name?: string;
  cost: string;
  clicks?: number;
}

async function everflow(...stats: Stat[]): Promise<void> {
  for (const [index, stat] of stats.entries()) {
    await database.pool.query(
      `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
       values ($1, $2, $3, $4, '1', $5, $6, $7, $8, $9, $10, 0, 0, 's', 'r')`,
      [
        stat.client ?? client,
        stat.date ?? day,
        stat.id ?? "17",
        stat.name === undefined ? "G2 - Meta" : stat.name,
        stat.offer ?? String(index),
        stat.currency ?? "USD",
        stat.clicks ?? 0,
        stat.conversions ?? 0,
        stat.payout ?? "0",
        stat.revenue ?? "0",
      ],
    );
  }
}

async function redtrack(...spends: Spend[]): Promise<void> {
  for (const spend of spends) {
    await database.pool.query(
      `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id) values ($1, $2, $3, $4, $5, 0, $6, 's', 'r')`,
      [spend.client ?? client, spend.date ?? day, spend.source, spend.name ?? null, spend.clicks ?? 0, spend.cost],
    );
  }
}

const row = (over: Partial<MappedSource> = {}): MappedSource => ({
  redtrackSourceId: "fb",
  redtrackSourceName: null,
  everflowAffiliateId: null,
  everflowAffiliateLabel: "G2 - Meta",
  isInternal: true,
  ...over,
});
const mapping = (...rows: MappedSource[]) =>
  mergeMapping(database.pool, { client, rows, by: "test", actor: { actor: "cli:test", role: null }, replace: false });
const daily = (of = client) => readCpaDaily(database.pool, { client: of, limit: 1_000 });
const range = (from = day, to = day) => readCpaByAffiliate(database.pool, { client, from, to });

test("an internal affiliate costs what Redtrack spent, an external one what Everflow pays", async () => {
  await mapping(row());
  await everflow(
    { conversions: 4, clicks: 100, payout: "999", revenue: "200" },
    { id: "20", name: "Partner", conversions: 3, payout: "50", revenue: "100.005" },
  );
  await redtrack({ source: "fb", cost: "100.5", clicks: 80 });
  expect(await daily()).toEqual([
    expect.objectContaining({
      affiliate: "G2 - Meta",
      affiliateId: "17",
      isInternal: true,
      costBasis: "spend",
      efClicks: 100,
      efConversions: 4,
      efPayout: "999.00",
      rtSpend: "100.50",
      rtClicks: 80,
      finalCost: "100.50",
      cpa: "25.13",
      revenue: "200.00",
      margin: "99.50",
      roas: "1.99",
      note: null,
    }),
    expect.objectContaining({
      affiliate: "Partner",
      isInternal: false,
      costBasis: "payout",
      rtSpend: null,
      finalCost: "50.00",
      cpa: "16.67",
      revenue: "100.01",
      roas: "2.00",
    }),
  ]);
});

test("several offers and several sources on one affiliate multiply nothing", async () => {
  await mapping(row(), row({ redtrackSourceId: "fb2" }), row({ redtrackSourceId: "fb3", everflowAffiliateId: "17" }));
  await everflow(
    { conversions: 1, payout: "1", revenue: "10" },
    { conversions: 2, payout: "2", revenue: "20" },
    { conversions: 3, payout: "3", revenue: "30" },
  );
  await redtrack(
    { source: "fb", cost: "10", clicks: 1 },
    { source: "fb2", cost: "20", clicks: 2 },
    { source: "fb3", cost: "30", clicks: 3 },
  );
  const [only, ...more] = await daily();
  expect(more).toEqual([]);
  expect(only).toMatchObject({
    efConversions: 6,
    efPayout: "6.00",
    revenue: "60.00",
    rtSpend: "60.00",
    rtClicks: 6,
    cpa: "10.00",
  });
});

test("an internal affiliate without a Redtrack row has no cost, rather than none to pay", async () => {
  await mapping(row({ redtrackSourceId: null }));
  await everflow({ conversions: 2, payout: "9", revenue: "50" });
  expect(await daily()).toEqual([
    expect.objectContaining({
      isInternal: true,
      rtSpend: null,
      finalCost: null,
      cpa: null,
      margin: null,
      roas: null,
      note: "no spend in Redtrack",
    }),
  ]);
});

test("a spend of zero that Redtrack did report is a cost of zero", async () => {
  await mapping(row());
  await everflow({ conversions: 2, revenue: "50" });
  await redtrack({ source: "fb", cost: "0" });
  expect(await daily()).toEqual([
    expect.objectContaining({
      rtSpend: "0.00",
      finalCost: "0.00",
      cpa: "0.00",
      margin: "50.00",
      roas: null,
      note: null,
    }),
  ]);
});

test("spend on a day without an Everflow row is shown, and counts in the range", async () => {
  await mapping(row());
  await everflow({ conversions: 4, revenue: "100", date: "2025-12-17" });
  await redtrack({ source: "fb", cost: "30", date: "2025-12-17" }, { source: "fb", cost: "10" });
  expect((await daily())[0]).toMatchObject({
    date: day,
    affiliateId: "17",
    efConversions: null,
    efPayout: null,
    finalCost: "10.00",
    cpa: null,
    note: "no row in Everflow",
  });
  expect(await range("2025-12-17")).toEqual([
    expect.objectContaining({
      days: 2,
      finalCost: "40.00",
      cpa: "10.00",
      margin: "60.00",
      roas: "2.50",
      note: "no row in Everflow on 1 of 2 days: their spend of 10.00 is in the cost",
    }),
  ]);
  expect(await readCpaTotals(database.pool, { client, from: "2025-12-17", to: day })).toMatchObject([
    { finalCost: "40.00", costWithoutResults: "10.00" },
  ]);
});

test("a range with days of either kind names both", async () => {
  await mapping(row());
  await everflow(
    { date: "2025-12-15", conversions: 2, revenue: "30" },
    { date: "2025-12-16", conversions: 7, revenue: "70" },
  );
  await redtrack({ source: "fb", cost: "20", date: "2025-12-15" }, { source: "fb", cost: "4.5", date: "2025-12-17" });
  expect((await range("2025-12-15", "2025-12-17"))[0]?.note).toBe(
    "no row in Everflow on 1 of 3 days: their spend of 4.50 is in the cost; no spend in Redtrack on 1 of 3 days: their 7 conversions are not in the CPA",
  );
});

test("the spend of an external affiliate is not in its cost, so the note does not say that it is", async () => {
  await mapping(row({ isInternal: false }));
  await everflow({ conversions: 4, payout: "12", date: "2025-12-17" });
  await redtrack({ source: "fb", cost: "10" });
  expect(await range("2025-12-17")).toMatchObject([{ finalCost: "12.00", note: null }]);
});

test("rows that are added up come to what the tables hold: nothing is rounded before the sum", async () => {
  await mapping(row(), row({ redtrackSourceId: "g", everflowAffiliateLabel: "nobody" }));
  const days = Array.from({ length: 9 }, (_, index) => `2025-12-0${index + 1}`);
  await everflow(...days.map((date) => ({ date, conversions: 1, payout: "0.004", revenue: "0.014999" })));
  await redtrack(...days.flatMap((date) => ["fb", "g", "lost"].map((source) => ({ date, source, cost: "0.004444" }))));
  const sums = async (text: string) => (await database.pool.query({ text, rowMode: "array" })).rows[0];
  const tables = await sums(
    `select (select sum(cost) from redtrack.daily_spend where source_id <> 'lost'), (select sum(revenue) from everflow.daily_stats), (select sum(payout) from everflow.daily_stats)`,
  );
  for (const rows of ["public.cpa_daily", "public.cpa_by_affiliate('2025-12-01', '2025-12-31')"])
    expect(await sums(`select sum(rt_spend), sum(revenue), sum(ef_payout) from ${rows}`)).toEqual(tables);
  expect(await sums("select sum(cost) from public.unmapped_spend")).toEqual(["0.039996"]);
  const [total] = await readCpaTotals(database.pool, { client, from: "2025-12-01", to: "2025-12-31" });
  expect(total).toMatchObject({ rtSpend: "0.08", unmappedSpend: "0.04", revenue: "0.13" });
});

test("the join that the document writes gives rows once the label leads to an affiliate, and merge_view has them the right way up", async () => {
  await mapping(row(), row({ redtrackSourceId: "fb2" }), row({ redtrackSourceId: "x", everflowAffiliateLabel: "Two" }));
  await everflow({ conversions: 4, payout: "9" }, { id: "20", name: "Two" }, { id: "21", name: "Two" });
  await redtrack({ source: "fb", cost: "10" }, { source: "fb2", cost: "20" });
  await matchLabels(database.pool, { client });
  const pasted = await database.pool.query(
    `select e.date, m.everflow_affiliate_label as affiliate, e.conversions as ef_conversions, e.payout as ef_payout, r.cost as rt_spend
       from everflow.daily_stats e
       join public.affiliate_mapping m on e.affiliate_id = m.everflow_affiliate_id
       left join redtrack.daily_spend r on r.date = e.date and r.source_id = m.redtrack_source_id
      where e._client_id = '713' order by r.cost`,
  );
  expect(pasted.rows).toMatchObject([
    { affiliate: "G2 - Meta", ef_conversions: 4, rt_spend: "10.000000" },
    { affiliate: "G2 - Meta", ef_conversions: 4, rt_spend: "20.000000" },
  ]);
  const view = await database.pool.query("select * from public.merge_view where _client_id = '713'");
  expect(view.rows).toMatchObject([
    {
      date: day,
      affiliate: "G2 - Meta",
      ef_conversions: 4,
      rt_spend: "30.000000",
      final_cost: "30.000000",
      cpa: "7.50",
    },
  ]);
});

test("spend mapped to a label that Everflow does not know stands under that label", async () => {
  await mapping(row({ everflowAffiliateLabel: "SB - Google" }));
  await everflow({ conversions: 1, payout: "5" });
  await redtrack({ source: "fb", cost: "10" });
  expect(await daily()).toEqual([
    expect.objectContaining({ affiliate: "G2 - Meta", isInternal: false, finalCost: "5.00" }),
    expect.objectContaining({
      affiliate: "SB - Google",
      affiliateId: null,
      isInternal: true,
      finalCost: "10.00",
      cpa: null,
      note: "no row in Everflow",
    }),
  ]);
});

test("a label that two affiliates share gives neither the spend, and both stay internal without a cost", async () => {
  await mapping(row());
  await everflow({ id: "17", conversions: 1 }, { id: "18", conversions: 2 });
  await redtrack({ source: "fb", cost: "10" });
  expect((await daily()).map((one) => [one.affiliateId, one.isInternal, one.finalCost, one.efConversions])).toEqual([
    [null, true, "10.00", null],
    ["17", true, null, 1],
    ["18", true, null, 2],
  ]);
  await mapping(row({ everflowAffiliateId: "18" }));
  expect((await daily()).map((one) => [one.affiliateId, one.finalCost])).toEqual([
    ["17", "0.00"],
    ["18", "10.00"],
  ]);
});

test("an affiliate that was renamed stays the one the label was given for", async () => {
  await mapping(row());
  await everflow({ date: "2025-12-17", conversions: 1 }, { name: "G2 - Meta (US)", conversions: 1 });
  await redtrack({ source: "fb", cost: "10", date: "2025-12-17" }, { source: "fb", cost: "30" });
  expect(await range("2025-12-17")).toEqual([
    expect.objectContaining({ affiliate: "G2 - Meta", affiliateId: "17", cpa: "20.00" }),
  ]);
});

test("without conversions there is no cost per acquisition; adjustments subtract", async () => {
  await everflow({ conversions: 3, payout: "30", revenue: "45" }, { conversions: -3, payout: "-30.5", revenue: "-45" });
  expect(await daily()).toEqual([
    expect.objectContaining({
      efConversions: 0,
      finalCost: "-0.50",
      cpa: null,
      revenue: "0.00",
      note: "no conversions",
    }),
  ]);
  await everflow({ conversions: -1, payout: "-10", offer: "late" });
  expect(await daily()).toEqual([expect.objectContaining({ efConversions: -1, finalCost: "-10.50", cpa: "10.50" })]);
});

describe("currencies", () => {
  test("are rows apart, and an external affiliate has a cost per acquisition in each", async () => {
    await everflow({ conversions: 1, payout: "10", currency: "EUR" }, { conversions: 2, payout: "10" });
    expect((await daily()).map((one) => [one.currency, one.cpa])).toEqual([
      ["EUR", "10.00"],
      ["USD", "5.00"],
    ]);
  });

  test("dollars spent for euros earned have no ratio, and say so", async () => {
    await mapping(row());
    await everflow({ conversions: 5, revenue: "100", currency: "EUR" });
    await redtrack({ source: "fb", cost: "50" });
    const note = "spend and results are in several currencies";
    expect(await daily()).toEqual([
      expect.objectContaining({
        currency: "EUR",
        efConversions: 5,
        rtSpend: null,
        finalCost: null,
        cpa: null,
        margin: null,
        roas: null,
        note,
      }),
      expect.objectContaining({
        currency: "USD",
        efConversions: null,
        rtSpend: "50.00",
        finalCost: "50.00",
        cpa: null,
        note,
      }),
    ]);
  });

  test("over a range, too, when spend and results are on different days", async () => {
    await mapping(row());
    await everflow(
      { conversions: 5, revenue: "100", currency: "EUR" },
      { date: "2025-12-17", conversions: 2, revenue: "80" },
    );
    await redtrack({ source: "fb", cost: "50", date: "2025-12-17" });
    expect((await daily()).map((one) => one.cpa)).toEqual([null, "25.00"]);
    expect(
      (await range("2025-12-17")).map((one) => [one.currency, one.finalCost, one.cpa, one.margin, one.roas]),
    ).toEqual([
      ["EUR", null, null, null, null],
      ["USD", "50.00", null, null, null],
    ]);
    const totals = await readCpaTotals(database.pool, { client, from: "2025-12-17", to: day });
    expect(totals.map((one) => [one.currency, one.finalCost, one.cpa])).toEqual([
      ["USD", "50.00", null],
      ["EUR", null, null],
    ]);
  });

  test("a Redtrack account in euros meets Everflow's euros", async () => {
    await recordCurrency(database.pool, { client, vendor: "redtrack", currency: "EUR" });
    await mapping(row());
    await everflow({ conversions: 5, revenue: "100", currency: "EUR" });
    await redtrack({ source: "fb", cost: "50" }, { source: "other", cost: "1" });
    expect(await daily()).toEqual([expect.objectContaining({ currency: "EUR", cpa: "10.00" })]);
    expect(await readUnmappedSpend(database.pool, { client })).toEqual([
      expect.objectContaining({ sourceId: "other", currency: "EUR", cost: "1.00" }),
    ]);
  });
});

test("a range divides sums, and leaves out of the ratio what came while the cost was unknown, and says so", async () => {
  await mapping(row());
  await everflow(
    { date: "2025-12-15", conversions: 1, revenue: "100" },
    { date: "2025-12-16", conversions: 9, revenue: "100" },
    { date: "2025-12-17", conversions: 7, revenue: "70" },
  );
  await redtrack({ source: "fb", cost: "90", date: "2025-12-15" }, { source: "fb", cost: "10", date: "2025-12-16" });
  expect(await range("2025-12-15")).toEqual([
    expect.objectContaining({
      // Not (90 + 1.11) / 2, which a mean of ratios would be.
      cpa: "10.00",
      efConversions: 17,
      revenue: "270.00",
      margin: "100.00",
      roas: "2.00",
      daysWithoutCost: 1,
      conversionsWithoutCost: 7,
      note: "no spend in Redtrack on 1 of 3 days: their 7 conversions are not in the CPA",
    }),
  ]);
  expect(await range("2025-12-15", "2025-12-16")).toEqual([expect.objectContaining({ cpa: "10.00", note: null })]);
});

test("cents are rounded once, after the sum", async () => {
  await everflow(
    { date: "2025-12-17", conversions: 1, payout: "0.005", revenue: "0.004" },
    { conversions: 1, payout: "0.005", revenue: "0.004" },
  );
  expect((await daily()).map((one) => one.finalCost)).toEqual(["0.01", "0.01"]);
  expect(await range("2025-12-17")).toEqual([expect.objectContaining({ finalCost: "0.01", revenue: "0.01" })]);
});

test("what is mapped and what is not adds up to all of Redtrack's spend", async () => {
  await mapping(row(), row({ redtrackSourceId: "gone", everflowAffiliateLabel: "nobody" }));
  await everflow({ conversions: 1 });
  await redtrack(
    { source: "fb", cost: "10" },
    { source: "gone", cost: "20" },
    { source: "lost", name: "Lost", cost: "40", clicks: 4 },
    { source: "lost", cost: "2", date: "2025-12-17" },
    { source: "idle", cost: "0" },
  );
  expect(await readUnmappedSpend(database.pool, { client })).toEqual([
    {
      sourceId: "lost",
      sourceName: "Lost",
      currency: "USD",
      origin: "unknown",
      days: 2,
      firstDay: "2025-12-17",
      lastDay: day,
      cost: "42.00",
      clicks: 4,
    },
  ]);
  const [totals] = await readCpaTotals(database.pool, { client, from: "2025-12-01", to: day });
  expect(totals).toMatchObject({ rtSpend: "30.00", unmappedSpend: "42.00" });
});

test("a client sees nothing of another's, whatever the ids", async () => {
  await mapping(row());
  await everflow({ conversions: 1, payout: "7" }, { client: "acme", conversions: 9, payout: "9" });
  await redtrack({ source: "fb", cost: "10" }, { client: "acme", source: "fb", cost: "77" });
  expect(await daily()).toEqual([expect.objectContaining({ isInternal: true, finalCost: "10.00", efConversions: 1 })]);
  expect(await daily("acme")).toEqual([
    expect.objectContaining({ isInternal: false, rtSpend: null, finalCost: "9.00" }),
  ]);
});

test("the view without a range is the last 30 days, today included", async () => {
  const { rows } = await database.pool.query<{ today: string }>(
    "select (now() at time zone 'America/New_York')::date as today",
  );
  const today = rows[0]?.today ?? "";
  const { rows: old } = await database.pool.query<{ first: string; before: string }>(
    "select $1::date - 29 as first, $1::date - 30 as before",
    [today],
  );
  await everflow(
    { date: today, conversions: 1, payout: "1" },
    { date: old[0]?.first ?? "", conversions: 1, payout: "2" },
    { date: old[0]?.before ?? "", conversions: 1, payout: "4" },
  );
  expect(
    (
      await database.pool.query(
        "select round(final_cost, 2) as final_cost from public.cpa_by_affiliate where _client_id = $1",
        [client],
      )
    ).rows,
  ).toEqual([{ final_cost: "3.00" }]);
});

test("pages of days go on where the last one ended", async () => {
  await everflow(
    ...["2025-12-16", "2025-12-17", day].flatMap((date) =>
      ["EUR", "USD"].flatMap((currency) => ["A", "B"].map((name) => ({ date, currency, name, id: name }))),
    ),
  );
  const whole = await daily();
  expect(whole).toHaveLength(12);
  const paged = [];
  for (let after: readonly (string | null)[] | null = null; ;) {
    const order = { sort: "-date", after };
    const rows: typeof whole = await readCpaDaily(database.pool, { client, order, limit: 5 });
    paged.push(...rows);
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.inOrder.keys;
  }
  expect(paged).toEqual(whole);
});

describe("for any tables, cpa_daily is what a few lines of arithmetic say", () => {
  const days = ["2025-12-16", "2025-12-17", day];
  const money = fc
    .integer({ min: -50_000_000, max: 900_000_000 })
    .map((millionths) => new Big(millionths).div(1_000_000).toFixed(6));
  const stat = fc.record({
    date: fc.constantFrom(...days),
    id: fc.constantFrom("1", "2", "3", "4"),
    offer: fc.constantFrom("a", "b", "c"),
    currency: fc.constantFrom("USD", "USD", "USD", "EUR"),
    clicks: fc.nat(50),
    conversions: fc.integer({ min: -2, max: 6 }),
    payout: money,
    revenue: money,
  });
  const spend = fc.record({
    date: fc.constantFrom(...days),
    source: fc.constantFrom("s1", "s2", "s3", "s4", "s5"),
    cost: money,
    clicks: fc.nat(50),
  });
  // Affiliate n is labelled "label n"; label 9 is nobody's.
  const mapped = fc.record({
    sources: fc.tuple(...["s1", "s2", "s3", "s4"].map(() => fc.constantFrom(null, "1", "2", "3", "9"))),
    internal: fc.subarray(["1", "2", "3", "4", "9"]),
    byId: fc.boolean(),
  });

  const cents = (amount: Big | null) =>
    amount === null ? null : amount.round(2, Big.roundHalfUp).toFixed(2).replace("-0.00", "0.00");

  test("to the cent", async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(stat, { maxLength: 25, selector: (one) => [one.date, one.id, one.offer, one.currency].join() }),
      fc.uniqueArray(spend, { maxLength: 12, selector: (one) => [one.date, one.source].join() }),
      mapped,
      async (stats, spends, { sources, internal, byId }) => {
        await database.pool.query("truncate everflow.daily_stats, redtrack.daily_spend, public.affiliate_mapping");
        await everflow(...stats.map((one) => ({ ...one, name: `label ${one.id}` })));
        await redtrack(...spends);
        const seen = new Set<string>(stats.map((one) => one.id));
        const known = (id: string) => (byId && id !== "9") || seen.has(id);
        const target = new Map(sources.flatMap((id, index) => (id === null ? [] : [[`s${index + 1}`, id] as const])));
        const line = (id: string, source: string | null) =>
          row({
            redtrackSourceId: source,
            everflowAffiliateLabel: `label ${id}`,
            everflowAffiliateId: byId && id !== "9" ? id : null,
            isInternal: internal.includes(id),
          });
        await mapping(...[...target].map(([source, id]) => line(id, source)), ...internal.map((id) => line(id, null)));

        const model = [];
        for (const date of days) {
          for (const id of ["1", "2", "3", "4", "9"]) {
            const theirs = stats.filter((one) => one.date === date && one.id === id);
            const ours = spends.filter((one) => one.date === date && target.get(one.source) === id);
            const isInternal = internal.includes(id);
            const counted = [
              ...theirs
                .filter((one) => one.conversions !== 0 || !new Big(one.payout).eq(0) || !new Big(one.revenue).eq(0))
                .map((one) => one.currency),
            ];
            const sum = (amounts: string[]) =>
              amounts.length === 0 ? null : amounts.reduce((total, one) => total.plus(one), new Big(0));
            const across = () => {
              const carrying = new Set<string>();
              for (const currency of new Set(counted)) {
                const of = theirs.filter((one) => one.currency === currency);
                const nothing =
                  of.reduce((total, one) => total + one.conversions, 0) === 0 &&
                  [sum(of.map((one) => one.payout)), sum(of.map((one) => one.revenue))].every((total) => total?.eq(0));
                if (!nothing) carrying.add(currency);
              }
              if (sum(ours.map((one) => one.cost))?.eq(0) === false) carrying.add("USD");
              return isInternal && carrying.size > 1;
            };
            for (const currency of ["EUR", "USD"]) {
              const stat = theirs.filter((one) => one.currency === currency);
              const cost = currency === "USD" ? ours : [];
              if (stat.length + cost.length === 0) continue;
              const payout = sum(stat.map((one) => one.payout));
              const spent = sum(cost.map((one) => one.cost));
              const final = isInternal ? spent : payout;
              const conversions = stat.length === 0 ? null : stat.reduce((total, one) => total + one.conversions, 0);
              const revenue = sum(stat.map((one) => one.revenue));
              const ratio = (over: Big | null, under: Big | null) =>
                across() || over === null || under === null || under.eq(0) ? null : over.div(under);
              model.push({
                date,
                affiliate: `label ${id}`,
                affiliateId: known(id) ? id : null,
                isInternal,
                currency,
                efConversions: conversions,
                efPayout: cents(payout),
                rtSpend: cents(spent),
                finalCost: cents(final),
                cpa: cents(ratio(final, conversions === null ? null : new Big(conversions))),
                revenue: cents(revenue),
                margin: across() || revenue === null || final === null ? null : cents(revenue.minus(final)),
                roas: cents(ratio(revenue, final)),
              });
            }
          }
        }
        const order = (one: { date: string; affiliate: string; currency: string }) =>
          `${one.date} ${one.affiliate} ${one.currency}`;
        const sorted = <Row extends { date: string; affiliate: string; currency: string }>(rows: Row[]) =>
          rows.sort((one, other) => (order(one) < order(other) ? -1 : 1));
        expect(sorted(await daily())).toEqual(sorted(model).map((one) => expect.objectContaining(one)));
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});

test("a day whose cost is unknown has none in the chart, rather than zero", async () => {
  await mapping(row());
  await everflow({ conversions: 2, revenue: "10" });
  expect(await readCostPerDay(database.pool, { client, from: day, to: day })).toEqual([
    { date: day, currency: "USD", isSandbox: false, finalCost: null, revenue: "10.00", conversions: 2 },
  ]);
});

test("cost and revenue per day are the sums of the day, currency by currency", async () => {
  await mapping(row());
  await everflow(
    { conversions: 2, revenue: "10.005" },
    { id: "20", name: "Partner", conversions: 1, payout: "5", revenue: "1" },
    { id: "21", name: "Euro", payout: "3", currency: "EUR" },
  );
  await redtrack({ source: "fb", cost: "7" });
  expect(await readCostPerDay(database.pool, { client, from: day, to: day })).toEqual([
    { date: day, currency: "EUR", isSandbox: false, finalCost: "3.00", revenue: "0.00", conversions: 0 },
    { date: day, currency: "USD", isSandbox: false, finalCost: "12.00", revenue: "11.01", conversions: 3 },
  ]);
});

describe("real and sandbox figures are never joined", () => {
  const origin = (source: string, slice: string, of: string) =>
    database.pool.query(
      `insert into ops.slices (_client_id, source, slice, day, timezone, origin) values ($1, $2, $3, $4, 'America/New_York', $5)
       on conflict on constraint slices_key do update set origin = excluded.origin`,
      [client, source, slice, day, of],
    );
  const both = async (spent: string, earned: string) => {
    await mapping(row());
    await everflow({ conversions: 4, payout: "10", revenue: "200" });
    await redtrack({ source: "fb", cost: "100" }, { source: "nobody's", cost: "7" });
    await origin("redtrack.daily_spend", "s", spent);
    await origin("everflow.daily_stats", "s", earned);
  };
  afterAll(() => database.pool.query("truncate ops.slices"));

  test.each([
    ["sandbox", "real"],
    ["real", "sandbox"],
  ])("%s spend is divided by no %s conversions: two rows and two totals, and a note on each", async (spent, earned) => {
    await both(spent, earned);
    for (const rows of [await daily(), await range()]) {
      expect(rows).toHaveLength(2);
      expect(rows.find((one) => one.origin === spent)).toMatchObject({
        rtSpend: "100.00",
        efConversions: null,
        cpa: null,
        roas: null,
      });
      expect(rows.find((one) => one.origin === earned)).toMatchObject({
        rtSpend: null,
        efConversions: 4,
        finalCost: null,
        cpa: null,
        roas: null,
      });
      expect(rows.find((one) => one.origin === "sandbox")?.note).toMatch(/^made up by the sandbox; real figures are/);
      expect(rows.find((one) => one.origin === "real")?.note).toMatch(/^sandbox figures are left out; /);
    }
    const totals = await readCpaTotals(database.pool, { client, from: day, to: day });
    expect(totals.map((one) => [one.origin, one.finalCost, one.efConversions, one.cpa, one.unmappedSpend])).toEqual(
      spent === "sandbox"
        ? [
            ["real", null, 4, null, "0.00"],
            ["sandbox", "100.00", null, null, "7.00"],
          ]
        : [
            ["real", "100.00", null, null, "7.00"],
            ["sandbox", null, 4, null, "0.00"],
          ],
    );
    const { rows } = await database.pool.query<{ cpa: string | null }>(
      "select cpa from public.merge_view where _client_id = $1",
      [client],
    );
    expect(rows.map(({ cpa }) => cpa)).toEqual([null, null]);
  });

  test.each([
    ["real", "real"],
    ["sandbox", "sandbox"],
    ["real", "unknown"],
    ["unknown", "unknown"],
  ])("%s spend and %s conversions are one row", async (spent, earned) => {
    await both(spent, earned);
    const [only, ...more] = await daily();
    expect(more).toEqual([]);
    expect(only).toMatchObject({ origin: earned, cpa: "25.00", finalCost: "100.00" });
    expect(only?.note).toBe(spent === "sandbox" ? "made up by the sandbox" : null);
  });

  test("whatever is mixed, each origin's figures are those of a database that holds it alone", async () => {
    const slices = ["s1", "s2", "s3"];
    const stat = fc.record({
      slice: fc.constantFrom(...slices),
      id: fc.constantFrom("17", "20"),
      conversions: fc.nat(5),
      revenue: fc.nat(500),
    });
    const cost = fc.record({
      slice: fc.constantFrom(...slices),
      source: fc.constantFrom("fb", "tt"),
      cost: fc.nat(300),
    });
    const said = fc.constantFrom("real", "sandbox");
    const figuresOf = async (which: string | null) =>
      (await readCpaTotals(database.pool, { client, from: day, to: day }))
        .filter(({ origin: of }) => which === null || of === which)
        .map(({ origin: of, finalCost, efConversions, cpa, revenue, roas, unmappedSpend }) => ({
          of,
          finalCost,
          efConversions,
          cpa,
          revenue,
          roas,
          unmappedSpend,
        }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(stat, { maxLength: 6 }),
        fc.uniqueArray(cost, { maxLength: 2, selector: ({ source }) => source }),
        fc.array(said, { minLength: 6, maxLength: 6 }),
        async (stats, costs, origins) => {
          const fill = async (only: string | null) => {
            await database.pool.query(
              "truncate everflow.daily_stats, redtrack.daily_spend, public.affiliate_mapping, ops.slices",
            );
            await mapping(row());
            for (const [place, slice] of slices.entries()) {
              await origin("everflow.daily_stats", slice, origins[place] ?? "real");
              await origin("redtrack.daily_spend", slice, origins[place + 3] ?? "real");
            }
            const isOf = (place: number) => only === null || origins[place] === only;
            for (const [index, one] of stats.entries())
              if (isOf(slices.indexOf(one.slice))) {
                await everflow({
                  id: one.id,
                  name: one.id === "17" ? "G2 - Meta" : "P",
                  offer: String(index),
                  conversions: one.conversions,
                  revenue: String(one.revenue),
                });
                await database.pool.query("update everflow.daily_stats set _slice = $1 where offer_id = $2", [
                  one.slice,
                  String(index),
                ]);
              }
            for (const one of costs)
              if (isOf(slices.indexOf(one.slice) + 3)) {
                await redtrack({ source: one.source, cost: String(one.cost) });
                await database.pool.query("update redtrack.daily_spend set _slice = $1 where source_id = $2", [
                  one.slice,
                  one.source,
                ]);
              }
          };
          await fill(null);
          const mixed = { real: await figuresOf("real"), sandbox: await figuresOf("sandbox") };
          for (const which of ["real", "sandbox"] as const) {
            await fill(which);
            expect(mixed[which]).toEqual(await figuresOf(null));
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

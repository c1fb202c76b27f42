import { expect, test } from "@jest/globals";
import { readCpaTotals } from "./cpa.ts";
import { matchLabels } from "./affiliate-mapping.ts";
import { client, day, database, everflow, redtrack, row, mapping, daily, range } from "../../test/costing.ts";

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

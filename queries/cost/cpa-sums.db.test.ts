import { afterAll, describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import fc from "fast-check";
import { readCostPerDay, readCpaDaily, readCpaTotals } from "./cpa.ts";
import { readUnmappedSpend, recordCurrency } from "./affiliate-mapping.ts";
import { client, day, database, everflow, redtrack, row, mapping, daily, range } from "../../test/costing.ts";

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

import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { cents, divideMoney, fromMicros, subtractMoney, sumMoney, toMicros } from "../../core/money.ts";
import { explained, splitChange, type ChangeRow, type Explained, type Side } from "./why.ts";
import { mostlyOf, sayChange } from "./why-words.ts";

const nothing: Side = { clicks: 0n, conversions: 0n, costed: 0n, cost: 0n, revenue: 0n, costedRevenue: 0n };
const side = (of: Partial<Record<"clicks" | "conversions" | "cost" | "revenue", number | string>>): Side => {
  const read = (figure: number | string = 0) => toMicros(String(figure));
  const [conversions, revenue] = [read(of.conversions), read(of.revenue)];
  return {
    clicks: read(of.clicks),
    conversions,
    costed: conversions,
    cost: read(of.cost),
    revenue,
    costedRevenue: revenue,
  };
};
const flow = (basis: ChangeRow["basis"], before: Side, after: Side, affiliate = "A"): ChangeRow => ({
  ...{ part: "flow", date: null, isOfAfter: null, affiliateId: affiliate, affiliate, basis },
  ...{ leaf: basis === "results" ? null : "leaf", leafName: null, before, after },
});
const ofDay = (part: "restatement" | "lateness", date: string, before: Side, after: Side): ChangeRow => ({
  ...{
    part,
    date,
    isOfAfter: true,
    affiliateId: null,
    affiliate: null,
    basis: null,
    leaf: null,
    leafName: null,
    before,
    after,
  },
});

const total = (rows: readonly ChangeRow[], which: "before" | "after", name: keyof Side) =>
  fromMicros(rows.reduce((sum, row) => sum + row[which][name], 0n));
function endOf(metric: Explained, rows: readonly ChangeRow[], which: "before" | "after"): string {
  const of = (name: keyof Side) => total(rows, which, name);
  if (metric === "conversions") return of("conversions");
  if (metric === "cpa") return divideMoney(of("cost"), Number(of("costed")));
  if (metric === "margin") return cents(subtractMoney(of("costedRevenue"), of("cost")));
  return cents(of(metric));
}
const changeOf = (metric: Explained, rows: readonly ChangeRow[]) =>
  subtractMoney(endOf(metric, rows, "after"), endOf(metric, rows, "before"));
const split = (metric: Explained, ...rows: ChangeRow[]) =>
  Object.fromEntries(
    splitChange(metric, rows, changeOf(metric, rows))
      .filter(({ amount }) => Number(amount) !== 0)
      .map(({ part, amount }) => [part, amount]),
  );

test("more clicks at the same price and rate are mix in the cost, and nothing in the CPA", () => {
  const row = flow(
    "source",
    side({ clicks: 100, conversions: 10, cost: 50 }),
    side({ clicks: 200, conversions: 20, cost: 100 }),
  );
  expect(split("cost", row)).toEqual({ mix: "50.00" });
  expect(split("conversions", row)).toEqual({ mix: "10" });
  expect(split("cpa", row)).toEqual({});
});

test("a dearer click is price, and fewer conversions per click are the rate", () => {
  const dearer = flow(
    "source",
    side({ clicks: 100, conversions: 10, cost: 50 }),
    side({ clicks: 100, conversions: 10, cost: 60 }),
  );
  expect(split("cpa", dearer)).toEqual({ price: "1.00" });
  const fewer = flow(
    "source",
    side({ clicks: 100, conversions: 10, cost: 50 }),
    side({ clicks: 100, conversions: 5, cost: 50 }),
  );
  expect(split("cpa", fewer)).toEqual({ rate: "5.00" });
  expect(split("cost", fewer)).toEqual({});
});

test("a payout per conversion follows the rate in the cost, and the price alone in the CPA", () => {
  const row = flow(
    "payout",
    side({ clicks: 100, conversions: 10, cost: 100 }),
    side({ clicks: 100, conversions: 20, cost: 200 }),
  );
  expect(split("cost", row)).toEqual({ rate: "100.00" });
  expect(split("cpa", row)).toEqual({});
  const paidMore = flow(
    "payout",
    side({ clicks: 100, conversions: 10, cost: 100 }),
    side({ clicks: 100, conversions: 10, cost: 120 }),
  );
  expect(split("cpa", paidMore)).toEqual({ price: "2.00" });
});

test("a dear affiliate that grows is mix in the CPA, and says whose", () => {
  const cheap = (clicks: number) => side({ clicks, conversions: clicks / 10, cost: clicks });
  const dear = (clicks: number) => side({ clicks, conversions: clicks / 10, cost: 4 * clicks });
  const rows = [flow("payout", cheap(100), cheap(100), "Cheap"), flow("payout", dear(100), dear(300), "Dear")];
  expect(split("cpa", ...rows)).toEqual({ mix: "7.50" });
  const [, , mix] = splitChange("cpa", rows, "7.50");
  expect(mix?.shares).toEqual([expect.objectContaining({ affiliate: "Dear", amount: "7.50" })]);
});

test("an affiliate that came is mix, one without clicks too, and an amount without a conversion is price", () => {
  expect(split("cost", flow("payout", nothing, side({ clicks: 10, conversions: 1, cost: 5 })))).toEqual({
    mix: "5.00",
  });
  expect(split("conversions", flow("payout", side({ conversions: 3 }), side({ conversions: 5 })))).toEqual({
    mix: "2",
  });
  const bonus = flow("payout", side({ clicks: 10 }), side({ clicks: 10, cost: 7 }));
  expect(split("cost", bonus)).toEqual({ price: "7.00" });
});

test("days that restated and days that are not final are parts of their own", () => {
  const same = side({ clicks: 100, conversions: 10, cost: 100 });
  const rows = [
    flow("source", same, same),
    ofDay("restatement", "2026-01-02", nothing, side({ conversions: -2 })),
    ofDay("lateness", "2026-01-03", side({ conversions: 5, cost: 50 }), side({ conversions: 1, cost: 30 })),
  ];
  expect(split("conversions", ...rows)).toEqual({ restatement: "-2", lateness: "-4" });
  expect(Object.keys(split("cpa", ...rows))).toEqual(["restatement", "lateness"]);
});

test("the sentence names the parts, the greatest first, and a digest the one that did most", () => {
  const parts = [
    { part: "restatement", amount: "-0.20" },
    { part: "lateness", amount: "0.00" },
    { part: "mix", amount: "1.50" },
    { part: "price", amount: "2.80" },
  ] as const;
  const said = { metric: "cpa", currency: "USD", change: "4.10", parts } as const;
  expect(sayChange(said)).toBe("CPA rose by 4.10 USD: +2.80 price, +1.50 mix, −0.20 restatement.");
  expect(mostlyOf(said)).toBe("price");
  expect(mostlyOf({ ...said, change: "-0.10" })).toBe("restatement");
  expect(sayChange({ ...said, change: null })).toBeNull();
  expect(sayChange({ ...said, change: "0.00", parts: [] })).toBe("CPA did not change.");
});

test("for any rows, the parts add up to the change and the rows of a part to the part, to the cent", () => {
  const money = (least: number) => fc.integer({ min: least, max: 10 ** 11 }).map((micros) => (micros / 1e6).toFixed(6));
  const anySide = fc.oneof(
    { weight: 1, arbitrary: fc.constant(nothing) },
    {
      weight: 4,
      arbitrary: fc
        .record({
          clicks: fc.nat(2_000),
          conversions: fc.integer({ min: -3, max: 300 }),
          cost: money(-(10 ** 8)),
          revenue: money(-(10 ** 8)),
          costed: fc.boolean(),
        })
        .map(({ costed, ...of }): Side => ({ ...side(of), ...(costed ? {} : { costed: 0n, costedRevenue: 0n }) })),
    },
  );
  const row = fc
    .record({
      part: fc.constantFrom("flow", "flow", "flow", "restatement", "lateness"),
      basis: fc.constantFrom("spend", "source", "payout", "results"),
      affiliate: fc.constantFrom("A", "B", "C"),
      date: fc.constantFrom("2026-01-01", "2026-01-02"),
      before: anySide,
      after: anySide,
    })
    .map(({ part, basis, affiliate, date, before, after }): ChangeRow =>
      part === "flow"
        ? flow(basis as ChangeRow["basis"], before, after, affiliate)
        : ofDay(part as "lateness", date, before, after),
    );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), fc.constantFrom(...explained), (rows, metric) => {
      if (metric === "cpa")
        fc.pre(Number(total(rows, "before", "costed")) !== 0 && Number(total(rows, "after", "costed")) !== 0);
      const change = changeOf(metric, rows);
      const parts = splitChange(metric, rows, change);
      expect(Number(sumMoney(parts.map(({ amount }) => amount)))).toBe(Number(change));
      for (const { amount, shares } of parts)
        expect(Number(sumMoney(shares.map((share) => share.amount)))).toBe(Number(amount));
    }),
    { numRuns: 600, seed: 2026 },
  );
});

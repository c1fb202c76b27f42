import { describe, expect, test } from "@jest/globals";
import { findingWorld } from "../../bench/finding-world.ts";
import { findAll } from "./find.ts";
import { findGaps, type TrafficDay } from "./gaps.ts";
import { identityOf } from "./kinds.ts";
import { describeFinding, hasGrown } from "./words.ts";
import { studentTail } from "./robust.ts";
import { unlikeOthers } from "./unlike.ts";

const never = () => 0;
const seeds = Array.from({ length: 6 }, (_, seed) => seed + 1);
const identities = (seed: number, plants: boolean) => {
  const { records, planted } = findingWorld(seed, plants);
  return { planted, found: findAll(records, never).found.map(identityOf) };
};

test("all that is planted above the floors is found, whatever the noise around it", () => {
  const missed = seeds.flatMap((seed) => {
    const { planted, found } = identities(seed, true);
    return [...planted].filter((one) => !found.includes(one)).map((one) => `${seed}: ${one}`);
  });
  expect(missed).toEqual([]);
});

test("of noise alone hardly anything is found: affiliates and sources that merely differ are no findings", () => {
  const invented = seeds.flatMap((seed) => identities(seed, false).found.map((one) => `${seed}: ${one}`));
  expect(invented.length).toBeLessThanOrEqual(2);
});

describe("a share against the others'", () => {
  const others = [5, 4, 6, 5, 7, 3].map((those, at) => ({ subject: `${at}`, all: 100, those }));

  test("one that is like them is none, and one far above them is one", () => {
    const [like, unlike] = unlikeOthers([
      { subject: "a", all: 100, those: 6 },
      { subject: "b", all: 100, those: 45 },
      ...others,
    ]);
    expect(like?.p).toBeGreaterThan(0.1);
    expect(unlike?.p).toBeLessThan(0.001);
    expect(unlike).toMatchObject({ share: 0.45, others: 7, usual: 0.05 });
  });

  test("two that are odd do not hide each other", () => {
    const two = unlikeOthers([{ subject: "a", all: 200, those: 90 }, { subject: "b", all: 200, those: 96 }, ...others]);
    expect(two[0]?.p).toBeLessThan(0.01);
    expect(two[1]?.p).toBeLessThan(0.01);
  });

  test("of fewer than four others nothing is said", () => {
    expect(unlikeOthers([{ subject: "a", all: 200, those: 90 }, ...others.slice(0, 3)])[0]?.p).toBe(1);
  });

  test("affiliates that all differ make a large share usual", () => {
    const wide = [5, 40, 12, 60, 3, 30].map((those, at) => ({ subject: `${at}`, all: 100, those }));
    expect(unlikeOthers([{ subject: "a", all: 200, those: 90 }, ...wide])[0]?.p).toBeGreaterThan(0.05);
  });

  test("Student's tail has the table's values", () => {
    expect(studentTail(2.228, 10)).toBeCloseTo(0.025, 4);
    expect(studentTail(-1.812, 10)).toBeCloseTo(0.95, 3);
  });
});

describe("days with spend and no clicks, or clicks and no spend", () => {
  const window = { from: "2026-03-11", to: "2026-03-20" };
  const day = (of: number, clicks: number, spend: number): TrafficDay => ({
    date: `2026-03-${String(of).padStart(2, "0")}`,
    clicks,
    spend,
  });
  const usual = Array.from({ length: 10 }, (_, at) => day(at + 1, 400 + ((at * 37) % 60), 200));
  const gaps = (...days: TrafficDay[]) =>
    findGaps([{ subject: "source/1", name: "One", currency: "USD", days: [...usual, ...days] }], window).map(
      ({ kind, facts }) => [kind, facts.days],
    );

  test("a day that spends as ever and has hardly a click is found, with the clicks that were to be expected", () => {
    expect(gaps(day(12, 2, 210))).toEqual([["spend_without_clicks", { "2026-03-12": "449" }]]);
  });

  test("a day with clicks as ever and no spend is found, with what they usually cost", () => {
    expect(gaps(day(12, 430, 0))).toEqual([["clicks_without_spend", { "2026-03-12": "199.77" }]]);
  });

  test("small days, dear days and clicks that never cost anything are none", () => {
    expect(gaps(day(12, 0, 5), day(13, 200, 210), day(14, 20, 0))).toEqual([]);
    const free = Array.from({ length: 20 }, (_, at) => day(at + 1, 500, at < 7 ? 200 : 0));
    expect(findGaps([{ subject: "source/1", name: "One", currency: "USD", days: free }], window)).toEqual([]);
  });

  test("spend that never had a click is said once, as what it is", () => {
    const flat = Array.from({ length: 20 }, (_, at) => day(at + 1, 0, 50));
    const [only] = findGaps([{ subject: "source/1", name: "Flat fee", currency: "USD", days: flat }], window);
    expect(only).toMatchObject({ kind: "spend_without_clicks" });
    const sums = { cases: 10, atStake: "500.00", amount: "500.00", count: 0, others: [] };
    expect(describeFinding(only as never, sums)).toBe(
      "Flat fee has spend and never had a click: 500.00 USD on 10 days.",
    );
  });
});

test("the words say what the records say: how many, by whom, how much", () => {
  const found = {
    kind: "paid_twice",
    subject: "affiliate/1/USD",
    name: "Clickbridge",
    from: "",
    to: "",
    p: null,
  } as const;
  const sums = { cases: 12, atStake: "184.20", amount: "200.00", count: 0, others: ["AnyTrack"] };
  expect(describeFinding({ ...found, facts: { currency: "USD" } }, sums)).toBe(
    "12 orders of Clickbridge were paid by both Everflow and AnyTrack: 184.20 USD.",
  );
});

test("one that a person was done with comes back when it has grown by half and by 20", () => {
  expect([hasGrown("100.00", "149.99"), hasGrown("100.00", "150.00"), hasGrown("10.00", "29.99")]).toEqual([
    false,
    true,
    false,
  ]);
  expect(hasGrown(null, "1000.00")).toBe(false);
});

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compare, explain, metrics, type Claimed, type Level, type Verified } from "./compare.ts";
import { trustOf } from "./trust.ts";

const only = (views: bigint): Claimed => ({ views, clicks: 0n, conversions: 0n });
const of = (views: bigint | null): Verified => ({ views, clicks: null, conversions: null });

type Case = [
  what: string,
  claimed: bigint,
  platform: bigint | null,
  verdict: string,
  level: Level | null,
  pct: string | null,
];
const beyond = 2n ** 53n + 1n;

test.each<Case>([
  ["nothing claimed, nothing there", 0n, 0n, "MATCHED", null, "0.00"],
  ["nothing claimed, something there", 0n, 10n, "MATCHED", null, "-100.00"],
  ["equal", 1_000n, 1_000n, "MATCHED", null, "0.00"],
  ["one below", 999n, 1_000n, "MATCHED", null, "-0.10"],
  ["an underclaim by far", 1n, 1_000_000n, "MATCHED", null, "-100.00"],
  ["one above", 1_001n, 1_000n, "DISCREPANCY", "LOW", "0.10"],
  ["4.99 %", 10_499n, 10_000n, "DISCREPANCY", "LOW", "4.99"],
  ["what rounds to 5.00 % and is less", 10_499_999n, 10_000_000n, "DISCREPANCY", "LOW", "5.00"],
  ["5 %", 10_500n, 10_000n, "DISCREPANCY", "MEDIUM", "5.00"],
  ["5 % of a number that does not divide", 22n, 21n, "DISCREPANCY", "LOW", "4.76"],
  ["between", 11_000n, 10_000n, "DISCREPANCY", "MEDIUM", "10.00"],
  ["20 %", 12_000n, 10_000n, "DISCREPANCY", "MEDIUM", "20.00"],
  ["what rounds to 20.00 % and is more", 12_000_001n, 10_000_000n, "DISCREPANCY", "HIGH", "20.00"],
  ["20.01 %", 12_001n, 10_000n, "DISCREPANCY", "HIGH", "20.01"],
  ["one where the platform reports 0", 1n, 0n, "DISCREPANCY", "HIGH", null],
  ["two where there is one", 2n, 1n, "DISCREPANCY", "HIGH", "100.00"],
  ["a number that cannot be checked", 1_000n, null, "UNVERIFIABLE", null, null],
  ["one above, beyond what a double can tell", beyond + 1n, beyond, "DISCREPANCY", "LOW", "0.00"],
  ["equal, beyond what a double can tell", beyond, beyond, "MATCHED", null, "0.00"],
  [
    "the greatest number against one",
    9_223_372_036_854_775_807n,
    1n,
    "DISCREPANCY",
    "HIGH",
    "922337203685477580600.00",
  ],
  ["exactly 20 % of a huge one", 12n * 10n ** 17n, 10n ** 18n, "DISCREPANCY", "MEDIUM", "20.00"],
  ["one more than 20 % of a huge one", 12n * 10n ** 17n + 1n, 10n ** 18n, "DISCREPANCY", "HIGH", "20.00"],
])("%s: %s claimed, %s on the platform", (_what, claimed, platform, verdict, level, pct) => {
  const compared = compare(only(claimed), of(platform));
  expect({ verdict: compared.verdict, level: compared.level, pct: compared.metrics.views.diffPct }).toEqual({
    verdict,
    level,
    pct,
  });
  expect(compared.metrics.views.difference).toBe(platform === null ? null : claimed - platform);
});

describe("of several metrics", () => {
  test("the worst decides, whichever it is", () => {
    const compared = compare(
      { views: 1_040n, clicks: 130n, conversions: 11n },
      { views: 1_000n, clicks: 100n, conversions: 10n },
    );
    expect(compared).toMatchObject({ verdict: "DISCREPANCY", level: "HIGH", worst: "clicks" });
  });

  test("one the platform has none of is worse than any share", () => {
    expect(
      compare({ views: 9_000n, clicks: 1n, conversions: 0n }, { views: 1n, clicks: 0n, conversions: null }).worst,
    ).toBe("clicks");
  });

  test("one that is missing leaves the others to decide", () => {
    expect(
      compare({ views: 10n, clicks: 90n, conversions: 5n }, { views: null, clicks: 100n, conversions: null }),
    ).toMatchObject({ verdict: "MATCHED", metrics: { views: { level: null, difference: null } } });
  });

  test("a correct zero does not confirm a claim that cannot be checked", () => {
    expect(
      compare({ views: 10_000n, clicks: 0n, conversions: 0n }, { views: null, clicks: 7n, conversions: null }),
    ).toMatchObject({ verdict: "UNVERIFIABLE", level: null });
  });

  test("a platform that reports nothing at all verifies not even zeros", () => {
    expect(compare(only(0n), { views: null, clicks: null, conversions: null }).verdict).toBe("UNVERIFIABLE");
  });
});

test("the words give the numbers, what could not be checked, and never a threshold that was not met", () => {
  const claimed = { views: 10_499_999n, clicks: 5n, conversions: 3n };
  const verified = { views: 10_000_000n, clicks: 0n, conversions: null };
  expect(explain(compare(claimed, verified), { platform: "instagram", claimed, verified, note: null })).toBe(
    "views 10,499,999 claimed, 10,000,000 on instagram: a little under 5 % above (LOW); clicks 5 claimed, 0 on instagram: the platform reports 0 (HIGH); instagram does not report conversions",
  );
  const nothing = { views: null, clicks: null, conversions: null };
  expect(explain(compare(claimed, nothing), { platform: "reddit", claimed, verified: nothing, note: "not ours" })).toBe(
    "reddit does not report views and clicks and conversions (not ours), so the claim cannot be checked",
  );
});

test.each([
  ["MATCHED", null, true, true],
  ["DISCREPANCY", "LOW", true, true],
  ["DISCREPANCY", "MEDIUM", true, false],
  ["DISCREPANCY", "HIGH", true, false],
  ["UNVERIFIABLE", null, false, false],
  ["POST_DELETED", null, false, false],
  ["POST_UNKNOWN", null, false, false],
] as const)("%s %s counts for trust: %s, and is accurate: %s", (verdict, level, countsForTrust, isAccurate) => {
  const numbers = { claimed: counts(5n, 5n, 5n), verified: counts(5n, 5n, 5n) };
  expect(trustOf({ verdict, level }, numbers)).toEqual({ countsForTrust, isAccurate });
});

const counts = <Value>(views: Value, clicks: Value, conversions: Value) => ({ views, clicks, conversions });

test.each([
  ["nothing of nothing", counts(0n, 0n, 0n), counts<bigint | null>(0n, 0n, 0n), false],
  ["nothing of something", counts(0n, 0n, 0n), counts<bigint | null>(1_017n, 10n, 1n), false],
  ["one view of many", counts(1n, 0n, 0n), counts<bigint | null>(1_017n, 10n, 1n), false],
  ["just below half of each metric", counts(508n, 4n, 0n), counts<bigint | null>(1_017n, 10n, 1n), false],
  ["half of one metric", counts(0n, 5n, 0n), counts<bigint | null>(1_017n, 10n, 1n), true],
  ["all of it", counts(1_017n, 10n, 1n), counts<bigint | null>(1_017n, 10n, 1n), true],
  ["only what cannot be known", counts(1n, 9n, 0n), counts<bigint | null>(1_017n, null, null), false],
] as const)("a match that claims %s says something: %#", (_what, claimed, verified, says) => {
  expect(trustOf({ verdict: "MATCHED", level: null }, { claimed, verified })).toEqual({
    countsForTrust: says,
    isAccurate: says,
  });
});

describe("against a model that divides", () => {
  // Small numbers, where a double's quotient is exact enough to be trusted beside the thresholds.
  const number = fc.integer({ min: 0, max: 5_000 });
  const model = (claims: number[], platform: (number | null)[]): string => {
    const pairs = claims.flatMap((claim, index) =>
      platform[index] == null ? [] : [[claim, platform[index]] as const],
    );
    if (pairs.length === 0 || (pairs.every(([claim]) => claim === 0) && claims.some((claim) => claim > 0)))
      return "UNVERIFIABLE";
    const worst = Math.max(...pairs.map(([claim, is]) => (claim <= is ? 0 : is === 0 ? Infinity : (claim - is) / is)));
    return worst === 0 ? "MATCHED" : worst < 0.05 ? "LOW" : worst <= 0.2 ? "MEDIUM" : "HIGH";
  };

  test("the same verdict for any claim", () => {
    const near = fc
      .tuple(
        fc.integer({ min: 1, max: 5_000 }),
        fc.constantFrom(0, 0.04, 0.05, 0.06, 0.19, 0.2, 0.21),
        fc.integer({ min: -2, max: 2 }),
      )
      .map(([is, share, more]) => [Math.max(0, Math.round(is * (1 + share)) + more), is] as const);
    const pair = fc.oneof(fc.tuple(number, fc.option(number)), near);
    fc.assert(
      fc.property(fc.tuple(pair, pair, pair), (pairs) => {
        const claims = pairs.map(([claim]) => claim);
        const platform = pairs.map(([, is]) => is);
        const compared = compare(
          Object.fromEntries(metrics.map((name, index) => [name, BigInt(claims[index] ?? 0)])) as Claimed,
          Object.fromEntries(
            metrics.map((name, index) => [name, platform[index] == null ? null : BigInt(platform[index])]),
          ) as Verified,
        );
        expect(compared.level ?? compared.verdict).toBe(model(claims, platform));
      }),
      { numRuns: 5_000 },
    );
  });
});

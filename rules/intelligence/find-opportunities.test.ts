import { describe, expect, test } from "@jest/globals";
import { followAdvice } from "../../bench/advice-nights.ts";
import { findOpportunities, identityOf, type Found, type Search } from "./find-opportunities.ts";
import type { CampaignTraits, Cell, CellSums } from "./opportunity-cells.ts";
import { describeOpportunity } from "./opportunity-words.ts";

interface Given {
  clicks: number;
  spend: string;
  impressions?: number;
  recentDays?: number;
}

/** Evenly over 28 days: chance and nothing else. */
function sums({ clicks, spend, impressions = clicks * 100, recentDays = 7 }: Given): CellSums {
  const amount = Number(spend);
  const squares = clicks ** 2 / amount;
  return {
    clicks,
    spend: amount,
    spendText: spend,
    impressions,
    days: 28,
    recentDays,
    squares,
    weeks: 4,
    weekSquares: squares,
  };
}

const cell = (campaignId: number, subject: string, own: Given, rest: Given): Cell => ({
  campaignId,
  subject,
  own: sums(own),
  rest: sums(rest),
});

const search = (
  cells: { geography?: Cell[]; creative?: Cell[]; size?: Cell[]; campaign?: Cell[] },
  traits: [number, CampaignTraits][] = [],
): Search =>
  findOpportunities(
    { traits: new Map(traits), cells: { geography: [], creative: [], size: [], campaign: [], ...cells } },
    () => 0,
  );

const only = (found: readonly Found[]): Found => {
  expect(found).toHaveLength(1);
  return found[0] as Found;
};

describe("an undervalued geography", () => {
  // Four weeks of the document's campaign, with Angola at a share of spend that its own rule allows.
  const angola = (spend: string, clicks: number) =>
    search({ geography: [cell(1, "AO", { clicks, spend }, { clicks: 19_960, spend: "9200" })] });

  test("at its document's 8 % of spend does not meet the rule of under 5 %", () => {
    expect(angola("800", 2668).found).toEqual([]);
  });

  test("is listed below it, and saves what its raise costs less than elsewhere", () => {
    const found = only(angola("400", 1334).found);
    expect(found.savings.current).toBe("100.00");
    // Five times as much is 500 a week; 20 % of the campaign's 2,400 is 480.
    expect(found.savings.target).toBe("480.00");
    const ratio = 400 / 1334 / (9200 / 19_960);
    expect(found.savings.weekly).toBe((380 * (1 - ratio)).toFixed(2));
    expect(Number(found.savings.low)).toBeLessThan(Number(found.savings.weekly));
    expect(Number(found.savings.low)).toBeCloseTo(380 * (1 - found.evidence.ratioBound), 2);
  });

  test("of the document's own week saves $105, not its $400, nor the $320 of its target", () => {
    // $200 of $2,500 a week: by the rule's cap of 20 % the target is $500, and clicks cost 35 % less.
    const found = search({
      geography: [cell(1, "AO", { clicks: 2668, spend: "800" }, { clicks: 19_960, spend: "9200" })],
    }).tests[0];
    expect(300 * (1 - (found?.ratio ?? 0))).toBeCloseTo(104.8, 1);
    expect((1000 - 200) * (1 - 0.3 / 0.5)).toBeCloseTo(320, 9);
    expect(1000 * (1 - 0.3 / 0.5)).toBeCloseTo(400, 9);
  });

  test.each([
    ["99 clicks", { clicks: 99, spend: "25" }],
    ["$19.99", { clicks: 120, spend: "19.99" }],
    ["2 of the last 7 days", { clicks: 1334, spend: "400", recentDays: 2 }],
  ])("with %s is not even tested", (_, own) => {
    expect(search({ geography: [cell(1, "AO", own, { clicks: 19_960, spend: "9200" })] }).tests).toEqual([]);
  });

  test("rows without a country are none", () => {
    const unknown = cell(1, "", { clicks: 1334, spend: "400" }, { clicks: 19_960, spend: "9200" });
    expect(search({ geography: [unknown] }).tests).toEqual([]);
  });
});

describe("a campaign of the best price and the lowest spend", () => {
  const campaigns = (small: Given) =>
    Array.from({ length: 8 }, (_, i) =>
      i === 0
        ? cell(1, "", small, { clicks: 28_000, spend: "7000" })
        : cell(i + 1, "", { clicks: 4000, spend: "1000" }, { clicks: 24_000 + small.clicks, spend: "6500" }),
    );

  test("is to be raised to the median campaign, at most tenfold", () => {
    const found = only(search({ campaign: campaigns({ clicks: 2500, spend: "500" }) }).found);
    expect(found.type).toBe("high_cpc_low_spend");
    expect(found.savings).toMatchObject({ current: "125.00", target: "250.00", weekly: "25.00" });
  });

  test("is not looked for among fewer than eight", () => {
    expect(search({ campaign: campaigns({ clicks: 2500, spend: "500" }).slice(0, 7) }).tests).toEqual([]);
  });
});

describe("a neglected creative", () => {
  const others = Array.from({ length: 3 }, (_, i) =>
    cell(1, String(10 + i), { clicks: 6000, spend: "3000" }, { clicks: 12_100, spend: "6030" }),
  );

  test("is to be shown as the median creative is", () => {
    const small = cell(1, "9", { clicks: 150, spend: "30" }, { clicks: 18_000, spend: "9000" });
    const found = only(search({ creative: [small, ...others] }).found);
    expect(found.savings).toMatchObject({ current: "7.50", target: "750.00", weekly: "445.50" });
  });

  test("of the document's $9 is below the floor of $20", () => {
    const small = cell(1, "9", { clicks: 45, spend: "9" }, { clicks: 18_000, spend: "9000" });
    expect(search({ creative: [small, ...others] }).found).toEqual([]);
  });

  test("that 1 % of the impressions show is not neglected", () => {
    const shown = cell(1, "9", { clicks: 150, spend: "30", impressions: 20_000 }, { clicks: 18_000, spend: "9000" });
    expect(search({ creative: [shown, ...others] }).found).toEqual([]);
  });
});

describe("a missing size", () => {
  const traits = (sizes: string[]): CampaignTraits => ({ genre: "Fashion", format: "HTML", sizes: new Set(sizes) });
  const peers = [
    cell(2, "728x90", { clicks: 800, spend: "320" }, { clicks: 4400, spend: "2640" }),
    cell(3, "728x90", { clicks: 240, spend: "116" }, { clicks: 1800, spend: "1170" }),
    cell(4, "728x90", { clicks: 500, spend: "220" }, { clicks: 3600, spend: "1980" }),
  ];
  const without = cell(1, "", { clicks: 6000, spend: "3600" }, { clicks: 11_340, spend: "6446" });
  const all = (own: CampaignTraits): [number, CampaignTraits][] => [
    [1, own],
    ...[2, 3, 4].map((id): [number, CampaignTraits] => [id, traits(["728x90"])]),
  ];

  test("is found from three similar campaigns, at the share that these spend on it", () => {
    const found = only(search({ size: peers, campaign: [without] }, all(traits(["300x250"]))).found);
    expect(found.evidence.peers).toEqual([2, 3, 4]);
    // A week of 900, of which the median peer spends 10 % on the size.
    expect(found.savings.target).toBe("90.00");
    expect(Number(found.savings.weekly)).toBeCloseTo(90 * (1 - found.ratio), 2);
  });

  test("is none for a campaign that has a creative of it, however little it was shown", () => {
    expect(search({ size: peers, campaign: [without] }, all(traits(["728x90"]))).found).toEqual([]);
  });

  test("is none for another genre, or for none", () => {
    expect(search({ size: peers, campaign: [without] }, all({ ...traits([]), genre: "Finance" })).found).toEqual([]);
    expect(search({ size: peers, campaign: [without] }, all({ ...traits([]), genre: null })).found).toEqual([]);
  });

  test("needs a third campaign that has it", () => {
    expect(search({ size: peers.slice(1), campaign: [without] }, all(traits([]))).found).toEqual([]);
  });
});

test("the same price everywhere is no opportunity, however many parts there are", () => {
  const same = Array.from({ length: 300 }, (_, i) =>
    cell(1 + (i % 30), `C${i}`, { clicks: 200, spend: "100" }, { clicks: 8000, spend: "4000" }),
  );
  expect(search({ geography: same }).found).toEqual([]);
});

test("what was tested on many nights must be surer", () => {
  const cells = { geography: [cell(1, "AO", { clicks: 160, spend: "50" }, { clicks: 9000, spend: "4500" })] };
  const after = (nights: number) =>
    findOpportunities({ traits: new Map(), cells: { creative: [], size: [], campaign: [], ...cells } }, () => nights)
      .found.length;
  expect([after(0), after(100_000)]).toEqual([1, 0]);
});

test("words name the part, both prices and the raise", () => {
  const found = only(
    search({ geography: [cell(1, "AO", { clicks: 1334, spend: "400" }, { clicks: 19_960, spend: "9200" })] }).found,
  );
  const words = describeOpportunity(found, { subject: "Angola", currency: "USD" });
  expect(words.recommendation.join("Puzzle Game")).toBe(
    "Raise Angola in Puzzle Game from 100.00 USD to 480.00 USD a week: its clicks cost 35 % less (0.30 USD a click against 0.46 USD in the rest of the campaign).",
  );
  expect(words.basis).toContain("(480.00 − 100.00) × (1 − 0.6505)");
  expect(identityOf(found)).toBe("undervalued_geo/1/AO");
});

test("on campaigns whose truth is known, what is planted is found and chance is not", () => {
  const { eligible, found, chance, listed } = followAdvice("a small world", { noise: 40, plantedEach: 3, nights: 4 });
  expect(eligible.length).toBeGreaterThanOrEqual(11);
  expect(found.length / eligible.length).toBeGreaterThanOrEqual(0.9);
  expect(chance.length / listed).toBeLessThanOrEqual(0.1);
});

import { expect, test } from "@jest/globals";
import type { CpaAffiliate, CpaTotal } from "../../queries/cost/cpa.ts";
import { cpaBars, dayChart } from "./charts.ts";
import { reportLines } from "./lines.ts";
import { amount, escape, whole } from "./markup.ts";
import { reportPage } from "./page.ts";
import { caveats, countedDays, stretches, type CpaReport } from "./cpa-report.ts";

const affiliate = (over: Partial<CpaAffiliate> = {}): CpaAffiliate => ({
  affiliateId: "17",
  affiliate: "G2 - Meta",
  isInternal: true,
  costBasis: "spend",
  note: null,
  days: 2,
  currency: "USD",
  origin: "real",
  efClicks: 1_000,
  efConversions: 40,
  efPayout: "900.00",
  rtSpend: "1234567.89",
  rtClicks: 900,
  finalCost: "1234567.89",
  cpa: "30864.20",
  revenue: "2000000.00",
  margin: "765432.11",
  roas: "1.62",
  daysWithoutCost: 0,
  conversionsWithoutCost: 0,
  ...over,
});

const total = (over: Partial<CpaTotal> = {}): CpaTotal => {
  const {
    affiliateId: _id,
    affiliate: _name,
    isInternal: _internal,
    costBasis: _basis,
    note: _note,
    days: _days,
    daysWithoutCost: _without,
    ...figures
  } = affiliate();
  return { ...figures, unmappedSpend: "0.00", costWithoutResults: "0.00", acrossCurrencies: false, ...over };
};

const report = (over: Partial<CpaReport> = {}): CpaReport => ({
  client: "713",
  from: "2025-12-17",
  to: "2025-12-18",
  counted: { from: "2025-12-17", to: "2025-12-18" },
  readAt: new Date("2025-12-18T21:00:00Z"),
  affiliates: [affiliate()],
  totals: [total()],
  days: [
    { date: "2025-12-17", currency: "USD", finalCost: "10.00", revenue: "20.00", conversions: 1, isSandbox: false },
  ],
  unmapped: [],
  reliability: [
    { source: "everflow.daily_stats", provisional: [], failed: [], missing: [], sandbox: [], loadedAt: null },
    { source: "redtrack.daily_spend", provisional: [], failed: [], missing: [], sandbox: [], loadedAt: null },
  ],
  ...over,
});

const poison = `<img src=x onerror="alert(1)">'&amp;</style></svg><script>`;

test("nothing that came from outside becomes markup, wherever it is shown", () => {
  const page = reportPage(
    report({
      client: poison,
      affiliates: [affiliate({ affiliate: poison, note: poison, currency: poison }), affiliate({ affiliate: poison })],
      totals: [total(), total({ currency: poison, unmappedSpend: "1.00" })],
      days: [
        {
          date: "2025-12-17",
          currency: poison,
          finalCost: "10.00",
          revenue: "20.00",
          conversions: 1,
          isSandbox: false,
        },
      ],
      unmapped: [
        {
          sourceId: poison,
          sourceName: poison,
          currency: poison,
          origin: "real",
          days: 1,
          firstDay: "2025-12-17",
          lastDay: "2025-12-17",
          cost: "1.00",
          clicks: 1,
        },
      ],
      reliability: [
        { source: poison, provisional: ["2025-12-18"], failed: [], missing: [], sandbox: [], loadedAt: null },
      ],
    }),
  );
  expect(page).toContain(escape(poison));
  expect(page).not.toMatch(/<img|<script|onerror="/);
  expect(page.match(/<\/style>/g)).toHaveLength(1);
});

test("the page loads nothing and runs nothing", () => {
  const page = reportPage(report());
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(page).not.toMatch(/<script|<link|<img|@import|\burl\((?!#)|https?:/);
});

test("amounts keep every digit, and what is unknown is not zero", () => {
  expect(amount("90071992547409931.05", "USD")).toBe("$90,071,992,547,409,931.05");
  expect(amount("-1234.50", "EUR")).toBe("−€1,234.50");
  expect(amount("999.00", "CHF")).toBe("CHF 999.00");
  expect([amount(null, "USD"), whole(null), whole(-1_234)]).toEqual(["–", "–", "−1,234"]);
});

test("totals stand per currency, and are those of the database rather than of rounded rows", () => {
  const euros = { currency: "EUR", finalCost: "5.00", cpa: null };
  const both = report({
    affiliates: [
      affiliate(),
      affiliate({ affiliate: "Partner", costBasis: "payout", ...euros, note: "no conversions" }),
    ],
    totals: [total({ finalCost: "1234567.90" }), total(euros)],
  });
  const lines = reportLines(both);
  expect(lines.find((line) => line.startsWith("total USD"))).toContain(" 1234567.90 ");
  expect(lines.find((line) => line.startsWith("total EUR"))).toMatch(/ 5\.00 +- /);
  expect(lines.find((line) => line.startsWith("Partner [1]"))).toContain("payout");
  expect(lines).toContain("[1] Partner, EUR: no conversions");
  const page = reportPage(both);
  expect(page.match(/<tfoot>/g)).toHaveLength(2);
  expect(page).toContain("$1,234,567.90");
  expect(page.indexOf("$1,234,567.90")).toBeLessThan(page.indexOf("€5.00"));
});

test("columns of the terminal's table line up", () => {
  const rows = reportLines(
    report({ affiliates: [affiliate(), affiliate({ affiliate: "P", finalCost: "1.00", cpa: null })] }),
  ).slice(2, 7);
  const end = (line: string | undefined, text: string) => (line ?? "").indexOf(text) + text.length;
  expect(new Set([end(rows[0], "final cost"), end(rows[3], " 1.00")]).size).toBe(1);
});

test("a name cannot command the terminal", () => {
  const lines = reportLines(report({ affiliates: [affiliate({ affiliate: "a\u001b[2Jb\u202ec\nd" })] }));
  expect(lines.join("")).toContain("a�[2Jb�c�d");
});

test("spend without an affiliate is listed beside the totals, with its sum", () => {
  const unmapped = [
    {
      sourceId: "s1",
      sourceName: "TikTok",
      currency: "USD",
      origin: "real" as const,
      days: 2,
      firstDay: "2025-12-17",
      lastDay: "2025-12-18",
      cost: "12.34",
      clicks: 5,
    },
  ];
  const lost = report({ unmapped, totals: [total({ unmappedSpend: "12.34" })] });
  expect(reportLines(lost).filter((line) => line.includes("12.34"))).toHaveLength(2);
  const page = reportPage(lost);
  expect(page).toContain("$12.34 of 1 Redtrack source belongs to no affiliate");
  expect(page).toContain("+ $12.34 unmatched");
});

test("days that are not final are named, in stretches, and shaded", () => {
  expect(stretches(["2025-02-27", "2025-02-28", "2025-03-01", "2025-03-03"])).toBe(
    "2025-02-27 to 2025-03-01, 2025-03-03",
  );
  const open = report({
    reliability: [
      {
        source: "everflow.daily_stats",
        provisional: ["2025-12-18"],
        failed: [],
        missing: [],
        sandbox: [],
        loadedAt: null,
      },
    ],
  });
  expect(caveats(open)).toEqual(["everflow.daily_stats: provisional for 2025-12-18"]);
  expect(reportLines(open).at(-1)).toBe("everflow.daily_stats: provisional for 2025-12-18");
  expect(reportPage(open).match(/class="provisional"/g)).toHaveLength(1);
  expect(reportPage(open)).toContain("<b>Provisional.</b>");
  expect(reportPage(report())).toContain("<b>Final.</b>");
  expect(reportLines(report()).at(-1)).toBe("every day of both sources is final");
});

test("a day without rows is a gap in the line, not a zero", () => {
  const one = (day: string, cost: string | null) => ({
    day,
    cost,
    revenue: null,
    conversions: null,
    provisional: false,
  });
  const svg = dayChart(
    [one("2025-12-01", "1.00"), one("2025-12-02", "2.00"), one("2025-12-03", null), one("2025-12-04", "3.00")],
    "USD",
  );
  expect(svg.match(/class="line cost"/g)).toHaveLength(2);
});

test.each([["0.00"], ["-5.00"], ["0.01"], ["99999999999.99"]])("charts can be drawn of %s", (value) => {
  const svg =
    dayChart([{ day: "2025-12-01", cost: value, revenue: value, conversions: 0, provisional: true }], "USD") +
    cpaBars([{ name: "A", cpa: value, conversions: 1, basis: "spend" }], value, "USD") +
    dayChart([], "USD");
  expect(svg).not.toMatch(/NaN|Infinity|undefined|width="-/);
});

test("an empty range says so", () => {
  const empty = report({ affiliates: [], totals: [], days: [] });
  expect(reportLines(empty)).toContain("nothing is stored for these days");
  expect(reportPage(empty)).toContain("Nothing is stored for these days.");
});

test("figures count the days that every source has read, and say so", () => {
  const range = { from: "2025-12-13", to: "2025-12-18" };
  const reliability = [
    { source: "everflow.daily_stats", provisional: [], failed: [], missing: [], sandbox: [], loadedAt: null },
    {
      source: "redtrack.daily_spend",
      provisional: [],
      failed: [],
      missing: ["2025-12-13", "2025-12-14"],
      sandbox: [],
      loadedAt: null,
    },
  ];
  const counted = countedDays(range, reliability);
  expect(counted).toEqual({ from: "2025-12-15", to: "2025-12-18" });
  expect(caveats({ ...range, counted, reliability })).toEqual([
    "the figures count 2025-12-15 to 2025-12-18, the days that every source has read",
    "redtrack.daily_spend: never read for 2025-12-13 to 2025-12-14",
  ]);
  expect(countedDays(range, [{ missing: [] }])).toEqual(range);
  expect(countedDays({ from: "2025-12-13", to: "2025-12-14" }, reliability)).toBeNull();
});

test("a day whose spend was not read is a gap in the line of cost, not a cost of zero", () => {
  const days = ["2025-12-16", "2025-12-17", "2025-12-18"].map((date) => ({
    date,
    currency: "USD",
    finalCost: date === "2025-12-17" ? "0.00" : "10.00",
    revenue: "20.00",
    conversions: 1,
    isSandbox: false,
  }));
  const page = (missing: string[]) =>
    reportPage(
      report({
        from: "2025-12-16",
        days,
        reliability: [
          { source: "everflow.daily_stats", provisional: [], failed: [], missing: [], sandbox: [], loadedAt: null },
          { source: "redtrack.daily_spend", provisional: [], failed: [], missing, sandbox: [], loadedAt: null },
        ],
      }),
    );
  const stretchesOf = (html: string, side: string) => html.split(`class="line ${side}"`).length - 1;
  expect([stretchesOf(page([]), "cost"), stretchesOf(page([]), "revenue")]).toEqual([1, 1]);
  const gap = page(["2025-12-17"]);
  expect([stretchesOf(gap, "cost"), stretchesOf(gap, "revenue")]).toEqual([2, 1]);
});

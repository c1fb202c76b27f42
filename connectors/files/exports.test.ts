import { describe, expect, test } from "@jest/globals";
import { readBytes, refusalOf } from "../../test/read-performance-file.ts";
import { countryNamed } from "./countries.ts";

/**
 * Exports in the shape the vendors give them; the numbers are made up and added up here, apart from the reader. What is
 * the vendors': headers, their order, how days, amounts, countries and devices are written, preambles and totals.
 */
const random = (seed: number) => () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;

interface Sums {
  impressions: bigint;
  clicks: bigint;
  /** Millionths. */
  micros: bigint;
}
const none = (): Sums => ({ impressions: 0n, clicks: 0n, micros: 0n });
const texts = ({ impressions, clicks, micros }: Sums) => {
  const fraction = (micros % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return {
    impressions: String(impressions),
    clicks: String(clicks),
    spend: `${micros / 1_000_000n}${fraction === "" ? "" : `.${fraction}`}`,
  };
};
const grouped = (value: number) => value.toLocaleString("en-US");
const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

describe("Google Authorized Buyers", () => {
  const publishers = [
    "AdMob + AdSense",
    "YODO1, LTD",
    "郑州阿特拉斯信息技术有限公司",
    'The "Daily" Co.',
    "Pixeland OÜ",
    " Live Cricket TV",
  ];
  const countries: [string, string | null][] = [
    ["Brazil", "BR"],
    ["United States", "US"],
    ["South Korea", "KR"],
    ["Vietnam", "VN"],
    ["Côte d’Ivoire", "CI"],
    ["Türkiye", "TR"],
    ["Namibia", "NA"],
    ["Hong Kong", "HK"],
    ["(unknown)", null],
  ];

  function report(rows: number, spendHeader: string): { file: string; sum: Sums; keys: Map<string, Sums> } {
    const next = random(7);
    const sum = none();
    const keys = new Map<string, Sums>();
    const header = `#Day,Country,Creative ID,Buyer account ID,Hour,Publisher name,Publisher ID,Platform,Creative size,Reached queries,Impressions,Clicks,${spendHeader},Active view viewable`;
    const lines = Array.from({ length: rows }, (_, row) => {
      const [country, code] = countries[Math.floor(next() * countries.length)] ?? ["", null];
      const creative =
        next() < 0.5 ? String(100_518 + (row % 40)) : String(1_912_783_031_778_279_425n + BigInt(row % 40));
      const day = 1 + (row % 30);
      const hour = row % 24;
      const publisher = publishers[row % publishers.length] ?? "";
      const impressions = Math.floor(next() * 90_000);
      const clicks = Math.floor(impressions * next() * 0.02);
      const cents = Math.floor(impressions * next() * 0.2);
      for (const into of [sum, keys.get(`${creative} ${day} ${hour} ${code} ${publisher}`) ?? none()]) {
        into.impressions += BigInt(impressions);
        into.clicks += BigInt(clicks);
        into.micros += BigInt(cents) * 10_000n;
        if (into !== sum) keys.set(`${creative} ${day} ${hour} ${code} ${publisher}`, into);
      }
      const spend = `$${grouped(Math.floor(cents / 100))}.${String(cents % 100).padStart(2, "0")}`;
      return [
        `11/${day}/25`,
        country,
        creative,
        "6634662463",
        String(hour).padStart(2, "0"),
        publisher,
        `pub-${row % 6}`,
        "High-end mobile devices",
        "300x250",
        "17",
        String(impressions),
        String(clicks),
        spend,
        "3",
      ]
        .map(quoted)
        .join(",");
    });
    return { file: `${[header, ...lines].join("\n")}\n`, sum, keys };
  }

  test.each(["Spend (bidder currency)", "Spend (buyer currency)"])("a report with %s adds up", async (spendHeader) => {
    const { file, sum } = report(3_000, spendHeader);
    const { counts, rejects, rows } = await readBytes(file, { mapping: "authorized-buyers" });
    expect(rejects).toEqual([]);
    expect(counts).toMatchObject({
      lines: 3_000,
      sum: texts(sum),
      from: "2025-11-01",
      to: "2025-11-30",
      combine: "sum",
      summedOver: ["Creative size"],
    });
    expect(new Set(rows.map(({ geography }) => geography))).toEqual(
      new Set(["BR", "US", "KR", "VN", "CI", "TR", "NA", "HK", null]),
    );
    expect(rows[0]).toMatchObject({ date: "2025-11-01", hour: "0", device_type: "mobile", placement: "pub-0" });
  });

  test("what is split finer than a key is added, and the keys carry what they carried", async () => {
    const { file, keys } = report(3_000, "Spend (buyer currency)");
    const { rows } = await readBytes(file, { mapping: "authorized-buyers" });
    const added = new Map<string, bigint>();
    for (const { creative_id, date, hour, geography, placement, impressions } of rows) {
      const publisher = publishers[Number(placement?.slice(4))] ?? "";
      const key = `${creative_id} ${Number(date?.slice(8))} ${hour} ${geography} ${publisher}`;
      added.set(key, (added.get(key) ?? 0n) + BigInt(impressions ?? "0"));
    }
    expect(added).toEqual(new Map([...keys].map(([key, { impressions }]) => [key, impressions])));
  });

  test("a report without clicks is refused by name: a missing number must not become a zero", async () => {
    const file = "#Day,Creative ID,Country,Impressions,Spend (buyer currency)\n1/11/25,5,Brazil,10,$0.01\n";
    expect((await refusalOf(file, { mapping: "authorized-buyers" })).message).toMatch(
      /^line 1: this looks like authorized-buyers; it lacks the column "Clicks"/,
    );
  });

  test("a report in another currency is refused line by line", async () => {
    const file =
      "#Day,Creative ID,Impressions,Clicks,Spend (buyer currency)\n1/11/25,5,10,0,€0.01\n1/11/25,5,10,0,$0.02\n";
    const { rejects, counts } = await readBytes(file, { mapping: "authorized-buyers" });
    expect(rejects.map(({ reason }) => reason)).toEqual([`spend "€0.01" is in EUR, and this client's spend is in USD`]);
    expect(counts.sum.spend).toBe("0.02");
  });
});

describe("Google Ads", () => {
  test("a table of ads by day, with its two lines above, its quotes and its totals, adds up", async () => {
    const next = random(11);
    const sum = none();
    const devices = ["Mobile phones", "Computers", "Tablets", "TV screens"];
    const lines = Array.from({ length: 800 }, (_, row) => {
      const impressions = Math.floor(next() * 500_000);
      const clicks = Math.floor(impressions * next() * 0.1);
      const cents = Math.floor(next() * 900_000);
      sum.impressions += BigInt(impressions);
      sum.clicks += BigInt(clicks);
      sum.micros += BigInt(cents) * 10_000n;
      const cost = `${grouped(Math.floor(cents / 100))}.${String(cents % 100).padStart(2, "0")}`;
      return [
        `2025-09-${String(1 + (row % 30)).padStart(2, "0")}`,
        String(704_512_998_001 + (row % 20)),
        "Search – Brand",
        devices[row % 4] ?? "",
        "USD",
        cost,
        grouped(impressions),
        grouped(clicks),
        "3.25%",
        "1.00",
      ]
        .map(quoted)
        .join(",");
    });
    const file = [
      "Ad report",
      '"September 1, 2025 - September 30, 2025"',
      "Day,Ad ID,Campaign,Device,Currency code,Cost,Impr.,Clicks,CTR,Conversions",
      ...lines,
      `Total: Account, --, --, --, --,"9,999.00","${grouped(1_000_000)}",17,--,--`,
      `Total: Search, --, --, --, --,"9,999.00",1,17,--,--`,
      "",
    ].join("\r\n");
    for (const bytes of [
      Buffer.from(file),
      Buffer.from(`\ufeff${file.replace(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/g, "\t")}`, "utf16le"),
    ]) {
      const { counts, rejects, rows } = await readBytes(bytes, { mapping: "google-ads" });
      expect(rejects).toEqual([]);
      expect(counts).toMatchObject({
        lines: 800,
        preamble: 2,
        totals: 2,
        blank: 0,
        sum: texts(sum),
        from: "2025-09-01",
        to: "2025-09-30",
      });
      expect(new Set(rows.map(({ device_type }) => device_type))).toEqual(
        new Set(["mobile", "desktop", "tablet", "connected_tv"]),
      );
    }
  });

  test("a table by campaign, without ads, is refused by name", async () => {
    const file =
      'Campaign report\n"September 1, 2025 - September 3, 2025"\nDay,Campaign,Campaign ID,Currency code,Cost,Impr.,Clicks\n2025-09-01,Brand,111,USD,1.00,5,1\n';
    expect(await refusalOf(file, { mapping: "google-ads" })).toMatchObject({
      code: "missing_column",
      line: 3,
      column: "creative_id",
    });
  });
});

describe("Meta Ads Manager", () => {
  const header =
    "Day,Ad ID,Ad name,Campaign ID,Campaign name,Country,Impression device,Platform,Placement,Amount spent (USD),Impressions,Clicks (all),Link clicks,Results,Result indicator,Reporting starts,Reporting ends";

  test("ads by day, country, device and placement add up; empty numbers are zeros, the summary is none of them", async () => {
    const next = random(13);
    const sum = none();
    const lines = Array.from({ length: 900 }, (_, row) => {
      const impressions = Math.floor(next() * 20_000);
      const clicks = row % 3 === 0 ? 0 : Math.floor(impressions * next() * 0.05);
      const cents = Math.floor(next() * 90_000);
      sum.impressions += BigInt(impressions);
      sum.clicks += BigInt(clicks);
      sum.micros += BigInt(cents) * 10_000n;
      const day = `2025-10-${String(1 + (row % 31)).padStart(2, "0")}`;
      const spend = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
      const device = ["iPhone", "Android Smartphone", "iPad", "Desktop"][row % 4] ?? "";
      return [
        day,
        String(120_211_733_000_000_000n + BigInt(row % 50)),
        'Reel "One", v2',
        "120200111",
        "Sales",
        ["MX", "US", "NA"][row % 3] ?? "",
        device,
        "facebook",
        "Feed",
        spend,
        String(impressions),
        clicks === 0 ? "" : String(clicks),
        "",
        "",
        "",
        day,
        day,
      ]
        .map(quoted)
        .join(",");
    });
    const summary = ',,,,,,,,,"12,345.67",1000000,5000,,,,2025-10-01,2025-10-31';
    const file = `\ufeff${[header, summary, ...lines].join("\n")}\n`;
    const { counts, rejects, rows } = await readBytes(file, { mapping: "meta" });
    expect(rejects).toEqual([]);
    expect(counts).toMatchObject({
      lines: 900,
      totals: 1,
      sum: texts(sum),
      combine: "sum",
      summedOver: ["Campaign ID", "Platform"],
    });
    expect(rows[0]).toMatchObject({
      creative_id: "120211733000000000",
      geography: "MX",
      device_type: "mobile",
      placement: "Feed",
      clicks: "0",
    });
  });

  test("a second line without an ad is no summary", async () => {
    const line = ",,,,,,,,,5.00,10,0,,,,2025-10-01,2025-10-31";
    const { counts, rejects } = await readBytes(`${header}\n${line}\n${line}\n`, { mapping: "meta" });
    expect(counts.totals).toBe(1);
    expect(rejects.map(({ line, code }) => [line, code])).toEqual([[3, "creative_id"]]);
  });

  test("a line that covers a week is no line about a day", async () => {
    const file =
      "Reporting starts,Reporting ends,Ad ID,Amount spent (USD),Impressions,Link clicks\n2025-10-01,2025-10-07,5,1.00,10,1\n2025-10-08,2025-10-08,5,1.00,10,1\n";
    const { rejects, counts } = await readBytes(file, { mapping: "meta" });
    expect(rejects.map(({ line, code, reason }) => [line, code, /export the report by day/.test(reason)])).toEqual([
      [2, "date", true],
    ]);
    expect(counts.accepted).toBe(1);
  });

  test("an export in another currency than the client's is refused by its header", async () => {
    const file = "Day,Ad ID,Amount spent (MXN),Impressions,Link clicks\n2025-10-01,5,1.00,10,1\n";
    expect(await refusalOf(file, { mapping: "meta" })).toMatchObject({
      code: "currency",
      line: 1,
      column: "Amount spent (MXN)",
    });
    expect((await readBytes(file, { mapping: "meta", currency: "MXN" })).counts.sum.spend).toBe("1");
  });
});

test("countries are found by the names of reports, whatever their accents and points", () => {
  expect(
    [
      "Turkey",
      "TÜRKIYE",
      "Czech Republic",
      "Ivory Coast",
      "St. Lucia",
      "Saint Lucia",
      "Trinidad and Tobago",
      "Macao",
      "Burma",
      "United States",
      "Kongo",
    ].map(countryNamed),
  ).toEqual(["TR", "TR", "CZ", "CI", "LC", "LC", "TT", "MO", "MM", "US", undefined]);
});

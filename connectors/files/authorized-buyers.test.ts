import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { extendMapping, findMapping, shippedMappings } from "./mapping.ts";
import { recogniseFile } from "./performance-file.ts";
import { readBytes, refusalOf } from "../../test/read-performance-file.ts";

/** The reports that Authorized Buyers offers, in the columns and spellings that it gives them; ids and numbers are made up. */
const report = (name: string) => readFileSync(new URL(`./fixtures/authorized-buyers/${name}.csv`, import.meta.url));
const today = "2026-11-01";

async function recognised(bytes: Uint8Array): Promise<string | null> {
  async function* whole() {
    yield bytes;
    return Promise.resolve();
  }
  return (await recogniseFile(whole(), shippedMappings))?.name ?? null;
}

/** Apart from the reader: every amount is the digits of its cell, in hundredths. */
function sumsOf(bytes: Uint8Array): { impressions: string; clicks: string; spend: string } {
  const [header = [], ...lines] = Buffer.from(bytes)
    .toString("utf8")
    .replace("\uFEFF", "")
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) => cell.replaceAll('"', "")),
    );
  const sum = (column: string) =>
    lines.reduce((total, cells) => total + BigInt((cells[header.indexOf(column)] ?? "").replace(/\D/g, "") || "0"), 0n);
  const hundredths = String(sum("Spend (buyer currency)")).padStart(3, "0");
  const spend = `${hundredths.slice(0, -2)}.${hundredths.slice(-2)}`.replace(/\.?0+$/, "");
  return { impressions: String(sum("Impressions")), clicks: String(sum("Clicks")), spend };
}

const reports = [
  ["bidsinauction", "ab-bids-in-auction"],
  ["bidsinauction-with-clicks", "authorized-buyers"],
  ["quality", "ab-quality"],
  ["quality-with-clicks", "authorized-buyers"],
  ["pipeline-geo", "ab-funnel-country"],
  ["pipeline-publisher", "ab-funnel-publisher"],
  ["bid-filtering", "ab-bid-filtering"],
  ["invalid-traffic", "ab-invalid-traffic"],
] as const;

test.each(reports)("the report %s is recognised by its header alone, packed in any spelling", async (name, mapping) => {
  const bytes = report(name);
  const text = bytes.toString("utf8").replace("\uFEFF", "");
  expect(await recognised(bytes)).toBe(mapping);
  expect(await recognised(Buffer.from(text.replace(/^#/, "")))).toBe(mapping);
  expect(await recognised(Buffer.from(`\uFEFF${text.replaceAll(",", ";")}`, "utf16le"))).toBe(mapping);
  const renamed = text.replace(/^[^\n]*/, (header) => header.toUpperCase().replaceAll(" ", "_"));
  expect(await recognised(Buffer.from(renamed))).toBe(mapping);
});

describe("reports with clicks and spend are taken, and add up:", () => {
  test.each(["bidsinauction-with-clicks", "quality-with-clicks"])("%s", async (name) => {
    const { counts, rejects } = await readBytes(report(name), { mapping: "authorized-buyers", today });
    expect(rejects).toEqual([]);
    expect(counts).toMatchObject({ lines: 24, sum: sumsOf(report(name)), from: "2026-01-01", to: "2026-01-24" });
  });

  test.each(["bidsinauction", "quality"])("%s, with clicks as a constant", async (name) => {
    const mapping = extendMapping(findMapping("authorized-buyers"), { constants: { clicks: "0" } });
    const { counts, rejects, rows } = await readBytes(report(name), { mapping, today });
    expect(rejects).toEqual([]);
    expect(counts).toMatchObject({ lines: 24, sum: sumsOf(report(name)) });
    expect(rows.every(({ creative_id: id }) => /^(1912783031778279\d{3}|9000000000000000001)$/.test(id ?? ""))).toBe(
      true,
    );
  });
});

describe("read as ad performance, the others say in one message what they are and all that they lack:", () => {
  test.each([
    ["bidsinauction", "bids in auction", ["Clicks"]],
    ["quality", "quality", ["Clicks"]],
    ["pipeline-geo", "pipeline by country", ["Creative ID", "Spend (bidder currency)"]],
    ["pipeline-publisher", "pipeline by publisher", ["Creative ID", "Spend (bidder currency)"]],
    ["bid-filtering", "bid filtering", ["Impressions", "Clicks", "Spend (bidder currency)"]],
  ])("%s", async (name, title, missing) => {
    const refused = await refusalOf(report(name), { mapping: "authorized-buyers", today });
    expect(refused).toMatchObject({ code: "missing_column", line: 1 });
    expect(refused.message).toContain(
      `line 1: this looks like authorized-buyers, the report "${title}"; it lacks the column${missing.length > 1 ? "s" : ""} ${missing.map((column) => `"${column}"`).join(", ")}: add`,
    );
  });
});

test("exports of the others are recognised as well, and what is none of them is not taken for one", async () => {
  const of = (text: string) => recognised(Buffer.from(text));
  expect(await of("creative_id,date,impressions,clicks,spend,geography,device_type\n")).toBe("document");
  expect(await of("creative_id,date,impressions,clicks,spend\n")).toBe("document");
  expect(
    await of(
      'Ad report\n"September 1, 2025 - September 30, 2025"\nDay,Ad ID,Campaign,Currency code,Cost,Impr.,Clicks\n',
    ),
  ).toBe("google-ads");
  expect(await of("Day,Ad ID,Ad name,Amount spent (MXN),Impressions,Link clicks,Reporting starts\n")).toBe("meta");
  expect(await of("Name,Street,Town,Day\nAda,1 Road,Here,Monday\n")).toBeNull();
  expect(await of("")).toBeNull();
  expect(await of("Day,Impressions,Colour,Shape,Size,Weight,Taste\n")).toBeNull();
});

test("a file of the document's below Excel's line about its delimiter is not taken for one of these reports", async () => {
  const header = "creative_id;date;impressions;clicks;spend;geography;device_type";
  expect(await recognised(Buffer.from(`sep=;\r\n${header}\r\n79783;2025-11-29;1;1;1.50;BR;mobile\r\n`))).toBe(
    "document",
  );
});

import { describe, expect, test } from "@jest/globals";
import { findMapping, parseMapping, type FileMapping } from "./performance-file.ts";
import { readBytes } from "../../test/read-performance-file.ts";

/** A mapping of ours with constants for columns that its files lack. */
function withConstants(name: string, constants: Record<string, string>): FileMapping {
  const { version: _version, ...mapping } = findMapping(name);
  return parseMapping({ ...mapping, name: `${name}-with-constants`, constants });
}

describe.each([true, false])(
  "whether a line is one of totals is asked before its cells are read (scanner: %s)",
  (scan) => {
    test.each<[string, Record<string, string>, string, string[]]>([
      [
        "totals of a file whose creative is a constant",
        { creative_id: "5" },
        "Day,Campaign,Cost,Impr.,Clicks",
        ["2025-09-01,Brand,1.00,5,1", "Total: Account,--,1.00,5,1"],
      ],
      [
        "totals in a column that is not read, beside a day",
        { creative_id: "5" },
        "Campaign,Day,Cost,Impr.,Clicks",
        ["Brand,2025-09-01,1.00,5,1", "Total,2025-09-01,1.00,5,1", "GRAND TOTAL: all,2025-09-01,1.00,5,1"],
      ],
      [
        "totals of a file whose creative and day are constants",
        { creative_id: "5", date: "2025-09-01" },
        "Campaign,Cost,Impr.,Clicks",
        ["Brand,1.00,5,1", "Total: Search,1.00,5,1", ",1.00,5,1"],
      ],
      [
        "totals in a second column, where the first is empty",
        { creative_id: "5" },
        "Campaign,Ad group,Day,Cost,Impr.,Clicks",
        ["Brand,One,2025-09-01,1.00,5,1", ",  total ,2025-09-01,1.00,5,1"],
      ],
    ])("%s", async (_what, constants, header, lines) => {
      const { counts, rejects } = await readBytes(`${[header, ...lines].join("\n")}\n`, {
        mapping: withConstants("google-ads", constants),
        scan,
      });
      expect(rejects).toEqual([]);
      const stored = lines.filter((line) => !/total/i.test(line)).length;
      expect(counts).toMatchObject({
        accepted: stored,
        totals: lines.length - stored,
        sum: { impressions: String(5 * stored), clicks: String(stored), spend: String(stored) },
      });
    });

    test("the summary of Meta is none of the day's lines when the creative is a constant", async () => {
      const mapping = withConstants("meta", { creative_id: "5" });
      const day = "2025-10-01,2025-10-01";
      const read = (header: string, ...lines: string[]) =>
        readBytes(`${[header, ...lines].join("\n")}\n`, { mapping, scan });
      const header = "Campaign name,Amount spent (USD),Impressions,Clicks (all),Reporting starts,Reporting ends";
      expect(
        (await read(header, `,3.00,30,3,${day}`, `Sales,1.00,10,1,${day}`, `Leads,2.00,20,2,${day}`)).counts,
      ).toMatchObject({
        accepted: 2,
        totals: 1,
        sum: { impressions: "30", clicks: "3", spend: "3" },
      });
      const byCountry = "Country,Amount spent (USD),Impressions,Clicks (all),Reporting starts,Reporting ends";
      expect((await read(byCountry, `,3.00,30,3,${day}`, `MX,3.00,30,3,${day}`)).counts).toMatchObject({
        accepted: 1,
        totals: 1,
      });
      // Nothing tells the account's own line of a day from a summary: it is data.
      const account = "Amount spent (USD),Impressions,Clicks (all),Reporting starts,Reporting ends";
      expect((await read(account, `3.00,30,3,${day}`)).counts).toMatchObject({ accepted: 1, totals: 0 });
      const byDay = "Day,Amount spent (USD),Impressions,Clicks (all)";
      expect((await read(byDay, ",3.00,30,3", "2025-10-01,3.00,30,3")).counts).toMatchObject({
        accepted: 1,
        totals: 1,
      });
    });

    test("a line of blank cells is blank, also where constants and empty numbers would make a line of it", async () => {
      const mapping = withConstants("meta", { creative_id: "5", date: "2025-10-01" });
      const { counts } = await readBytes(
        "Campaign name,Amount spent (USD),Impressions,Clicks (all)\n , ,,\nSales,1.00,10,1\n",
        { mapping, scan },
      );
      expect(counts).toMatchObject({ accepted: 1, blank: 1, totals: 0 });
    });
  },
);

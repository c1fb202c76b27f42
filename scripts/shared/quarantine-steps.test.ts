import { expect, test } from "@jest/globals";
import { whatRemains } from "./quarantine-steps.ts";

test("who redrives in vain is told what to do: rows of a vendor and lines of files each have their step", () => {
  const rows = { source: "redtrack.daily_spend", remaining: 4 };
  const lines = { source: "rtb.performance", remaining: 1 };
  expect(whatRemains([{ ...rows, remaining: 0 }])).toEqual([]);
  const said = (...of: (typeof rows)[]) => whatRemains(of).join("\n");
  expect(said(rows)).toMatch(/4 rows came as before: correct them at the vendor[^]*npm run quarantine -- list/);
  expect(said(lines)).toMatch(/1 line of files[^]*quarantine -- correct[^]*npm run quarantine -- list/);
  expect(said(rows, lines)).toContain("at the vendor");
  expect(said(rows)).not.toContain("correct <entry>");
  expect(said(lines)).not.toContain("vendor");
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  accessibilityProblems,
  expectNoSidewaysScroll,
  keepScreenshot,
  openBrowser,
  type Visitor,
} from "../../test/browser.ts";

let visitor: Visitor;
beforeAll(async () => {
  visitor = await openBrowser();
});
afterAll(() => visitor.close());

const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
// A placement that no other file has: what is stored of it is of this test.
const placement = `journey-${Date.now()}`;
const spend = async () => {
  const { rows } = await visitor.database.query<{ spend: string }>(
    "select coalesce(sum(spend), 0)::text as spend from rtb.performance_metrics where placement = $1",
    [placement],
  );
  return Number(rows[0]?.spend);
};

test("a file with a bad line is uploaded, looked at, imported and corrected, and then the line counts", async () => {
  await visitor.database.query(
    "insert into rtb.creatives (_client_id, creative_id) values ('713', 79783) on conflict do nothing",
  );
  const context = await visitor.logIn({ role: "operator" });
  const page = await context.newPage();
  const lines = [
    `${header},placement`,
    `79783,2025-11-29,10000,250,125.50,BR,mobile,${placement}`,
    `79783,2025-11-30,10,1,12abc,BR,mobile,${placement}`,
  ];
  await page.goto("/files");
  await page
    .getByLabel("A file of CSV or JSON, also gzipped")
    .setInputFiles({ name: `${placement}.csv`, mimeType: "text/csv", buffer: Buffer.from(`${lines.join("\n")}\n`) });
  await page.getByRole("button", { name: "Show how it is read" }).click();
  await page.getByText("1 of 2 lines would be rejected").waitFor();
  expect([await spend(), await accessibilityProblems(page)]).toEqual([0, []]);
  await keepScreenshot(page, "files-preview-light-1280");
  await page.setViewportSize({ width: 360, height: 800 });
  await expectNoSidewaysScroll(page);
  await keepScreenshot(page, "files-preview-light-360");
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.getByRole("button", { name: "Import" }).click();
  await page.getByRole("link", { name: "Correct line 3" }).click();
  expect(await spend()).toBe(125.5);
  const typed = page.getByLabel("What the line should be");
  await typed.fill((await typed.inputValue()).replace("12abc", "12.25"));
  await page.getByRole("button", { name: "Correct it and process it again" }).click();
  await page.getByText("It is stored as corrected").waitFor();
  expect(await spend()).toBe(137.75);
  await context.close();
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openBrowser, type Visitor } from "../../test/browser.ts";

let visitor: Visitor;
beforeAll(async () => {
  visitor = await openBrowser();
});
afterAll(() => visitor.close());

test("spend of no affiliate is mapped after a look at what that makes of the figures", async () => {
  const context = await visitor.logIn();
  const page = await context.newPage();
  await page.goto("/cost/mapping");
  const first = page.getByRole("link", { name: /^Map source/ }).first();
  const source = (await first.getAttribute("aria-label"))?.replace("Map source ", "") ?? "";
  await first.click();
  await page.getByLabel("Affiliate", { exact: true }).fill("Clickbridge");
  await page.getByLabel("Whose cost counts").selectOption("external");
  await page.getByRole("button", { name: "Show what changes" }).click();
  await page.getByRole("heading", { name: "What changes" }).waitFor();
  const mapped = () =>
    visitor.database.query("select from public.affiliate_mapping where redtrack_source_id = $1", [source]);
  expect((await mapped()).rowCount).toBe(0);
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL("**/cost/mapping");
  expect((await mapped()).rowCount).toBe(1);
  expect(await page.getByRole("link", { name: `Map source ${source}`, exact: true }).count()).toBe(0);
  await context.close();
});

test("the CPA rose: why, and what do I hold back?", async () => {
  const context = await visitor.logIn();
  const page = await context.newPage();
  await page.goto("/");
  // The CPA of the last 7 days leads from its change to what the change is made of.
  const week = page.locator("tr", { hasText: "7 days" }).first();
  await week.locator("a[href*='/why'][href*='metric=cpa']").click();
  await page.getByRole("heading", { name: "Why did the CPA change?" }).waitFor();
  const panel = page.locator("section.panel").first();
  const cents = (text: string) => Math.round(Number(text.replace("−", "-").replace(/[^\d.-]/g, "")) * 100);
  const shown = async (label: string) =>
    cents(await panel.locator(".figure-card", { hasText: label }).locator(".value").innerText());
  const change = await shown("Change");
  expect((await shown("Now")) - (await shown("Before"))).toBe(change);
  const parts = panel.getByRole("region", { name: /^Parts of the change/ }).locator("[data-field='amount']");
  const amounts = await parts.evaluateAll((all) => all.map((one) => one.getAttribute("data-value") ?? ""));
  expect(amounts).toHaveLength(5);
  expect(amounts.reduce((sum, amount) => sum + cents(amount), 0)).toBe(change);

  // A part leads to its rows, a row's affiliate to what it is paid.
  const payouts = page.getByRole("link", { name: /^Payouts of /, includeHidden: true });
  const rows = panel.locator("details", { has: payouts }).first();
  await rows.locator("summary").click();
  await rows
    .getByRole("link", { name: /^Payouts of / })
    .first()
    .click();
  await page.waitForURL("**/statements/affiliates/*");
  await page
    .getByRole("region", { name: /^Draft of / })
    .getByRole("link")
    .first()
    .click();
  await page.waitForURL("**/statements/drafts/**");
  await page.getByRole("heading", { name: /^Draft for / }).waitFor();
  const held = Number(await page.locator("[data-field='heldAmount']").first().getAttribute("data-value"));
  expect(held).toBeGreaterThan(0);
  // Each line that is held says why.
  const lines = page.locator("tr", { has: page.locator("[data-field='held']:not([data-value='0.00'])") });
  expect(await lines.count()).toBeGreaterThan(0);
  expect(await lines.first().innerText()).toMatch(/not final|not decided|pending|held|dispute|trust/i);
  await context.close();
}, 20_000);

test("everything on the page of costs can be done from the keyboard", async () => {
  const context = await visitor.logIn();
  const page = await context.newPage();
  await page.goto("/cost");
  await page.keyboard.press("Tab");
  expect(await page.evaluate("document.activeElement.textContent")).toContain("Skip to the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("content");

  await page.keyboard.press("m");
  await page.waitForURL("**/cost?period=30d");
  await page.keyboard.press("?");
  expect(await page.evaluate("document.getElementById('help').open")).toBe(true);
  await page.keyboard.press("Escape");
  expect(await page.evaluate("document.getElementById('help').open")).toBe(false);

  // Without a search on the page, the key for it leads to the period.
  await page.keyboard.press("/");
  expect(await page.evaluate("document.activeElement.name")).toBe("from");

  const revenue = page.getByRole("link", { name: "Revenue" });
  await revenue.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/sort=-revenue/);
  expect(await page.getByRole("columnheader", { name: "Revenue" }).getAttribute("aria-sort")).toBe("descending");

  const download = page.waitForEvent("download");
  await page.keyboard.press("e");
  expect((await download).suggestedFilename()).toMatch(/^cost-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  await context.close();
});

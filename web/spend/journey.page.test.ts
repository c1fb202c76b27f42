import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addDays, dayAt, hourAt } from "../../core/days.ts";
import { openBrowser, openPage, type Visitor } from "../../test/browser.ts";

let visitor: Visitor;
beforeAll(async () => {
  visitor = await openBrowser();
});
afterAll(() => visitor.close());

const zone = "America/New_York";
const yesterday = addDays(dayAt(new Date(), zone), -1);
/** The schedule reads from seven on: before that, no day is known as it stood at this hour. */
const isKnown = hourAt(new Date(), zone) >= 7;

test("yesterday's spend leads to its hours, to its days, to the receipt, and to the workflow in the Temporal UI", async () => {
  const context = await visitor.logIn({ role: "analyst" });
  const page = await context.newPage();
  await page.goto("/");
  const card = page.locator(".figure-card", { hasText: "Yesterday at this hour" });
  const figure = (await card.locator(".value").innerText()).trim();
  expect(figure).toMatch(isKnown ? /^\$\d/ : /^–\s*\(the day was not read by 0\d:\d\d\)$/);
  await card.locator(".value a").click();
  await page.waitForURL(`**/spend?from=${yesterday}&to=${yesterday}&by=hour`);
  // It is the figure of one of the rows that it led to, or lies between two of them.
  const said = (await page
    .locator('tbody [data-field="cost"]:visible')
    .evaluateAll((cells) =>
      cells.map((cell) => Number((cell as unknown as { dataset: { value: string } }).dataset.value || NaN)),
    )) as number[];
  const costs = said.filter(Number.isFinite);
  const amount = isKnown ? Number(figure.replaceAll(/[$,]/g, "")) : Math.max(...costs);
  expect(Math.min(...costs.filter((cost) => cost >= amount))).toBeLessThan(Infinity);
  expect(Math.max(...costs.filter((cost) => cost <= amount))).toBeGreaterThan(0);

  await page.getByRole("link", { name: "By day" }).click();
  const row = page.locator("tbody tr", { hasText: yesterday });
  const cost = (await row.locator('[data-field="cost"]').getAttribute("data-value")) ?? "";
  await row.getByRole("link", { name: /^#\d+$/ }).click();
  await page.waitForURL(/\/receipts\/\d+$/);
  expect(await page.locator('[data-fact="total"]').getAttribute("data-value")).toBe(cost);

  const workflow = page.getByRole("link", { name: /^redtrack\.daily_spend\/713\// });
  const address = (await workflow.getAttribute("href")) ?? "";
  await workflow.click();
  await page.waitForURL(address);
  // What the UI shows, it asks the same server for.
  const { origin, pathname } = new URL(address);
  const [, namespace, id, run] = /^\/namespaces\/([^/]+)\/workflows\/([^/]+)\/([^/]+)$/.exec(pathname) ?? [];
  const answer = await fetch(`${origin}/api/v1/namespaces/${namespace}/workflows/${id}?execution.runId=${run}`);
  const found = (await answer.json()) as { workflowExecutionInfo?: { execution?: object } };
  expect([answer.status, found.workflowExecutionInfo?.execution]).toMatchObject([
    200,
    { workflowId: `redtrack.daily_spend/713/${yesterday}`, runId: run },
  ]);
  await context.close();
});

test("a chart of many days shows the figures of the day that is pointed at, as the table has them, within the policy", async () => {
  const context = await visitor.logIn({ role: "analyst", scheme: "dark" });
  const { page, complaints } = await openPage(context, "/spend?period=90d&by=day");
  const plot = page.locator("figure[data-dense] .dense");
  await plot.locator("canvas").waitFor();
  expect(await page.locator("figure[data-dense] svg.chart[role=img]").isVisible()).toBe(false);
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.locator(".u-over").boundingBox();
  await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + 40);
  const [day = "", spend = ""] = await plot.locator(".u-legend .u-value").allInnerTexts();
  expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
  await page.locator("figure[data-dense] summary").click();
  const row = page.locator("figure[data-dense] tbody tr", { has: page.locator("th", { hasText: day }) });
  expect(await row.locator("td").innerText()).toBe(spend);
  expect([complaints.console, complaints.policy]).toEqual([[], []]);
  // A short one needs no script.
  expect(
    await (await context.newPage()).goto("/spend?period=7d&by=day").then((answer) => answer?.text()),
  ).not.toContain("uplot");
  await context.close();
});

test("a day is backfilled from its cell: a look at what would change, and then the real thing", async () => {
  const { rows } = await visitor.database.query<{ day: string; source: string; was: string }>(
    `select s.date::text as day, s.source_id as source, s.cost as was
       from redtrack.daily_spend s join ops.slices l on l._client_id = s._client_id and l.source = 'redtrack.daily_spend' and l.day = s.date
      where s._client_id = '713' and l.is_final and l.outcome = 'changed' and s.date between current_date - 28 and current_date - 12
      order by s.date desc, s.cost desc limit 1`,
  );
  const { day = "", source = "", was = "" } = rows[0] ?? {};
  // The vendor corrects the day now: its largest source by a tenth.
  const restate = { vendor: "redtrack", match: { client: "713", day }, kind: "restate", sourceId: source };
  const faults = `${process.env["TEST_PAGES_SANDBOX"] ?? ""}/_control/faults`;
  const fault = await fetch(faults, { method: "POST", body: JSON.stringify({ ...restate, multiply: "1.1" }) });
  expect(fault.status).toBe(201);
  const stored = async () =>
    (
      await visitor.database.query<{ cost: string }>(
        "select cost from redtrack.daily_spend where _client_id = '713' and date = $1 and source_id = $2",
        [day, source],
      )
    ).rows[0]?.cost;
  const context = await visitor.logIn({ role: "operator" });
  const page = await context.newPage();
  await page.goto("/freshness");
  await page.locator(`a.cell[href="/freshness/redtrack.daily_spend/${day}"]`).click();
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText("Nothing was written. 1 day would change").waitFor();
  const change = await page.locator('[data-fact="totals.change"]').getAttribute("data-value");
  expect([Number(change) > 0, await stored()]).toEqual([true, was]);

  await page.getByRole("button", { name: `Backfill ${day} for real` }).click();
  await page.getByText("1 of 1 done, 0 failed").waitFor();
  await page.getByRole("heading", { name: "Backfill of redtrack.daily_spend" }).waitFor();
  expect(await page.locator('[data-fact="totals.change"]').getAttribute("data-value")).toBe(change);
  expect(Number(await stored()) - Number(was)).toBeCloseTo(Number(change), 1);
  await context.close();
});

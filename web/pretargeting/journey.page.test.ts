import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  accessibilityProblems,
  expectNoSidewaysScroll,
  keepScreenshot,
  openBrowser,
  openPage,
  type Visitor,
} from "../../test/browser.ts";

let visitor: Visitor;
beforeAll(async () => {
  visitor = await openBrowser();
});
afterAll(() => visitor.close());

test("an advice of waste becomes a plan: a dry run that shows what would change, and says why it stops there", async () => {
  const context = await visitor.logIn();
  const page = await context.newPage();
  await page.goto("/waste");
  await page
    .getByRole("button", { name: /^Plan to leave out / })
    .first()
    .click();
  await page.waitForURL("**/pretargeting/*");
  const address = new URL(page.url()).pathname;
  // The page reads itself again until the plan is computed.
  await page.getByText("It stops after the dry run").waitFor();
  const rows = page.getByRole("region", { name: /^What would change/ }).locator("tbody tr");
  expect(await rows.count()).toBeGreaterThan(0);
  expect(await page.getByRole("button", { name: /^Approve/ }).count()).toBe(0);
  await context.close();

  const { rows: written } = await visitor.database.query<{ state: string; writes: number }>(
    `select state, (select count(*)::int from rtb.pretargeting_writes w where w._client_id = p._client_id and w.plan_id = p.plan_id) as writes
       from rtb.pretargeting_plans p where plan_id = $1`,
    [address.split("/").at(-1)],
  );
  expect(written).toEqual([{ state: "planned", writes: 0 }]);

  for (const look of [
    { scheme: "light", width: 1280 },
    { scheme: "dark", width: 1280 },
    { scheme: "light", width: 360 },
    { scheme: "dark", width: 360 },
  ] as const) {
    const window = await visitor.logIn(look);
    for (const [name, at] of [
      ["pretargeting-id", address],
      ["pretargeting-full", "/pretargeting"],
    ] as const) {
      const { page: seen, complaints } = await openPage(window, at);
      expect(await accessibilityProblems(seen)).toEqual([]);
      expect(complaints).toEqual({ console: [], policy: [] });
      await expectNoSidewaysScroll(seen);
      await keepScreenshot(seen, `${name}-${look.scheme}-${look.width}`);
      await seen.close();
    }
    await window.close();
  }
});

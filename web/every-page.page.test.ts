import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import {
  accessibilityProblems,
  expectNoSidewaysScroll,
  keepScreenshot,
  openBrowser,
  openPage,
  type Visitor,
} from "../test/browser.ts";
import { readAddresses } from "../test/page-addresses.ts";

let visitor: Visitor;
let addresses: [string, string][];
beforeAll(async () => {
  visitor = await openBrowser();
  addresses = await readAddresses(visitor.database);
}, 60_000);
afterAll(() => visitor.close());

const nameOf = (route: string) => route.replaceAll(/\W+/g, "-").replaceAll(/^-|-$/g, "") || "today";

// Contrast goes by the scheme, what fits by the width: axe looks at each of both once.
describe.each([
  { scheme: "light", width: 1280, withAxe: true },
  { scheme: "light", width: 360, withAxe: false },
  { scheme: "dark", width: 1280, withAxe: false },
  { scheme: "dark", width: 360, withAxe: true },
] as const)("in $scheme, $width wide,", ({ scheme, width, withAxe }) => {
  test("no page breaks its policy, logs an error, loads too much, scrolls sideways or shuts anybody out", async () => {
    const context = await visitor.logIn({ scheme, width });
    const wrong: unknown[] = [];
    for (const [route, address] of addresses) {
      const { page, complaints } = await openPage(context, address);
      await expectNoSidewaysScroll(page).catch(() => wrong.push([route, "scrolls sideways"]));
      await keepScreenshot(page, `${nameOf(route)}-${scheme}-${width}`);
      const problems = withAxe ? await accessibilityProblems(page) : [];
      for (const one of [...complaints.console, ...complaints.policy, ...problems, ...(await excessOf(page))])
        wrong.push([route, one]);
      await page.close();
    }
    await context.close();
    expect(wrong).toEqual([]);
  }, 900_000);
});

/** Compressed script and style of a page: 30 kB at most, 50 where a dense chart is drawn. Nothing comes from elsewhere. */
async function excessOf(page: Page): Promise<unknown[]> {
  const loaded = (await page.evaluate(
    `performance.getEntriesByType("resource").map(({ name, encodedBodySize }) => ({ name, bytes: encodedBodySize }))`,
  )) as { name: string; bytes: number }[];
  const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
  const foreign = loaded.filter(({ name }) => !name.startsWith(visitor.url)).map(({ name }) => `loads ${name}`);
  const most = (await page.locator("figure[data-dense]").count()) > 0 ? 50_000 : 30_000;
  return bytes > most ? [...foreign, `loads ${bytes} bytes of script and style`] : foreign;
}

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BrowserContext, Page } from "playwright-core";
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
    expect(await lookAt(context, addresses, { scheme, width, withAxe })).toEqual([]);
    await context.close();
  }, 900_000);

  test("nor does one that an affiliate sees, or whoever is not logged in", async () => {
    const { rows } = await visitor.database.query<{ affiliate: string; statement: string; claim: string }>(
      `select a.recon_affiliate_id::text as affiliate, max(s.statement_id)::text as statement, max(c.report_id)::text as claim
         from payouts.accounts a
         join payouts.statements s on s._client_id = a._client_id and s.affiliate_id = a.affiliate_id
         join recon.claims c on c._client_id = a._client_id and c.affiliate_id = a.recon_affiliate_id
        group by a.recon_affiliate_id order by max(s.statement_id) desc limit 1`,
    );
    const { affiliate = "", statement = "", claim = "" } = rows[0] ?? {};
    const theirs: [string, string][] = [
      ["claims", "/claims"],
      ["claims-id", `/claims/${claim}`],
      ["statements, theirs", "/statements"],
      ["statements-id, theirs", `/statements/${statement}`],
    ];
    const context = await visitor.logInAsAffiliate(affiliate, { scheme, width });
    const wrong = await lookAt(context, theirs, { scheme, width, withAxe });
    await context.clearCookies();
    wrong.push(...(await lookAt(context, [["login", "/login"]], { scheme, width, withAxe })));
    await context.close();
    expect(wrong).toEqual([]);
  }, 300_000);
});

test("every page answers to keys, moves nothing for those who want that, and is whole on paper", async () => {
  const context = await visitor.logIn({ lessMotion: true });
  const wrong: unknown[] = [];
  for (const [route, address] of addresses) {
    const { page } = await openPage(context, address);
    for (const one of [...(await moved(page)), ...(await deaf(page)), ...(await cutOnPaper(page))])
      wrong.push([route, one]);
    await page.close();
  }
  await context.close();
  expect(wrong).toEqual([]);
}, 300_000);

test("pages follow each other with a transition, unless less motion is wanted", async () => {
  for (const lessMotion of [false, true]) {
    const context = await visitor.logIn({ lessMotion });
    await context.addInitScript(
      "addEventListener('pagereveal', (event) => { window.isMoving = event.viewTransition !== null; })",
    );
    const { page } = await openPage(context, "/receipts");
    await page.getByRole("link", { name: "Spend", exact: true }).first().click();
    await page.waitForURL("**/spend");
    expect(await page.evaluate("window.isMoving")).toBe(!lessMotion);
    await context.close();
  }
});

test("names and ids without a space break on a phone, in cards and in tables", async () => {
  const long = (what: string) => `${what}_${"x9".repeat(48)}`;
  const columns = ["creative_id", "advertiser_name", "format", "canonical_size", "approval_status"];
  const { rows } = await visitor.database.query<Record<string, string | null>>(
    `select id::text, ${columns.join(", ")} from rtb.creatives where _client_id = '713' order by creative_id limit 1`,
  );
  const put = (values: readonly unknown[]) =>
    visitor.database.query(
      `update rtb.creatives set (${columns.join(", ")}) = ($2, $3, $4, $5, $6) where id = $1::bigint`,
      [rows[0]?.["id"], ...values],
    );
  await put(["0", "Advertiser", "FORMAT", "Size", "STATUS"].map(long));
  const context = await visitor.logIn({ width: 360 });
  const wrong: unknown[] = [];
  for (const address of ["/creatives?period=all&sort=id", "/creatives?period=all&sort=id&view=table"]) {
    const { page } = await openPage(context, address);
    await expectNoSidewaysScroll(page).catch(() => wrong.push([address, "scrolls sideways"]));
    wrong.push(
      ...((await page.evaluate(
        `[...document.querySelectorAll("main *")].filter((one) => one.closest(".scroll") === null && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.textContent)`,
      )) as unknown[]),
    );
  }
  await context.close();
  await put(columns.map((name) => rows[0]?.[name] ?? null));
  expect(wrong).toEqual([]);
});

interface Look {
  scheme: string;
  width: number;
  withAxe: boolean;
}

/** Opens each page, keeps a picture of it, and says what is wrong with it. */
async function lookAt(context: BrowserContext, those: [string, string][], { scheme, width, withAxe }: Look) {
  const wrong: unknown[] = [];
  for (const [route, address] of those) {
    const { page, complaints } = await openPage(context, address);
    if (new URL(page.url()).pathname !== address.split("?")[0]) wrong.push([route, `leads to ${page.url()}`]);
    await expectNoSidewaysScroll(page).catch(() => wrong.push([route, "scrolls sideways"]));
    await keepScreenshot(page, `${nameOf(route)}-${scheme}-${width}`);
    const problems = withAxe ? await accessibilityProblems(page) : [];
    for (const one of [...complaints.console, ...complaints.policy, ...problems, ...(await excessOf(page))])
      wrong.push([route, one]);
    await page.close();
  }
  return wrong;
}

/** What is in motion, or would be. */
async function moved(page: Page): Promise<unknown[]> {
  return (await page.evaluate(`[
    ...document.getAnimations().map(() => "an animation runs"),
    ...[...document.querySelectorAll("*")].flatMap((element) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      return transitionDuration === "0s" && animationName === "none" && scrollBehavior === "auto" ? [] : [element.tagName + " would move"];
    }),
  ]`)) as unknown[];
}

/** Keys that do not do what the help says: the help itself, the search, the export and the period. */
async function deaf(page: Page): Promise<string[]> {
  const wrong: string[] = [];
  const isOpen = () => page.evaluate("document.getElementById('help')?.open");
  await page.keyboard.press("?");
  if ((await isOpen()) !== true) wrong.push("? shows no help");
  await page.keyboard.press("Escape");
  if ((await isOpen()) !== false) wrong.push("Escape leaves the help open");
  if ((await page.locator("main :is(form.filters, .period input, input[type=search])").count()) > 0) {
    await page.keyboard.press("/");
    const isField = await page.evaluate("document.activeElement.matches('main :is(input, select)')");
    if (isField !== true) wrong.push("/ leads to no field");
    await page.evaluate("document.activeElement.blur()");
  }
  if ((await page.locator("main a[download]:has-text('Export CSV')").count()) > 0) {
    const file = page.waitForEvent("download", { timeout: 10_000 }).catch(() => null);
    await page.keyboard.press("e");
    if ((await file) === null) wrong.push("e exports nothing");
  }
  const period = page.locator(".period a[data-key]:not([aria-current])").first();
  if ((await period.count()) === 0) return wrong;
  const [key = "", leadsTo = ""] = [await period.getAttribute("data-key"), await period.getAttribute("href")].map(
    String,
  );
  await page.keyboard.press(key);
  await page.waitForURL(new URL(leadsTo, visitor.url).href, { timeout: 10_000 }).catch(() => {
    wrong.push(`${key} does not lead to ${leadsTo}`);
  });
  return wrong;
}

/** On paper as wide as a letter: no navigation, and nothing beyond the edge or behind one. */
async function cutOnPaper(page: Page): Promise<unknown[]> {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 794, height: 1123 });
  const found = await page.evaluate(`(() => {
    const isShown = (element) => element.getClientRects().length > 0;
    const shown = (selector) => [...document.querySelectorAll(selector)].filter(isShown);
    const beyond = shown("h1, h2, p, th, td, svg, dd, li, .figure-card").filter((element) => element.getBoundingClientRect().right > innerWidth + 1);
    const hidden = shown("main *").filter((element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1);
    return [
      ...shown("header.top, nav, button, .skip").map((element) => element.tagName + " is printed"),
      ...(shown("h1").length === 1 ? [] : ["its title is not printed"]),
      ...(document.documentElement.scrollWidth > innerWidth ? ["wider than the paper"] : []),
      ...beyond.slice(0, 3).map((element) => "beyond the edge: " + element.textContent.slice(0, 60)),
      ...hidden.slice(0, 3).map((element) => "cut: " + element.className),
    ];
  })()`);
  return found as unknown[];
}

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

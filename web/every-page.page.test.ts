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

/** Compressed script and style of a page: 30 kB at most. Nothing comes from elsewhere. */
async function excessOf(page: Page): Promise<unknown[]> {
  const loaded = (await page.evaluate(
    `performance.getEntriesByType("resource").map(({ name, encodedBodySize }) => ({ name, bytes: encodedBodySize }))`,
  )) as { name: string; bytes: number }[];
  const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
  const foreign = loaded.filter(({ name }) => !name.startsWith(visitor.url)).map(({ name }) => `loads ${name}`);
  return bytes > 30_000 ? [...foreign, `loads ${bytes} bytes of script and style`] : foreign;
}

interface Shown {
  json: string;
  place: string;
  value: string;
}

/** Figures that name the JSON route they come from: cells of tables and cards. */
function figuresOf(page: Page): Promise<Shown[]> {
  return page.evaluate(`[
    ...[...document.querySelectorAll("[data-fact]")].map((one) => ({ json: one.dataset.json, place: one.dataset.fact, value: one.dataset.value })),
    ...[...document.querySelectorAll("table[data-json]")].flatMap((table) =>
      [...table.querySelectorAll("tbody tr[data-row]")].flatMap((row) =>
        [...row.querySelectorAll("[data-field]")].map((cell) => ({
          json: table.dataset.json,
          place: table.dataset.path + "." + row.dataset.row + "." + cell.dataset.field,
          value: cell.dataset.value })))),
  ]`);
}

test("every figure on every page is the one of the JSON route it names", async () => {
  const context = await visitor.logIn();
  const answers = new Map<string, unknown>();
  const wrong: unknown[] = [];
  let compared = 0;
  for (const [route, address] of addresses) {
    const { page } = await openPage(context, address);
    for (const { json, place, value } of await figuresOf(page)) {
      if (!answers.has(json)) answers.set(json, await readJson(json));
      const known = valueAt(answers.get(json), place);
      // A column that only the page has: a link, a sparkline.
      if (known === undefined && value === "") continue;
      compared += 1;
      if (String(known ?? "") !== value) wrong.push([route, json, place, known, value]);
    }
    await page.close();
  }
  await context.close();
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(50);
}, 300_000);

async function readJson(url: string): Promise<unknown> {
  const answer = await fetch(visitor.url + url, { headers: { authorization: `Bearer ${visitor.token}` } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** `items.17.cost`: of a list by position, or by the row's key where its items have `id`-like names. */
function valueAt(answer: unknown, place: string): unknown {
  return place.split(".").reduce<unknown>((at, name) => {
    if (at === undefined || at === null) return undefined;
    return (at as Record<string, unknown>)[name];
  }, answer);
}

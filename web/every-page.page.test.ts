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

describe.each([
  ["light", 1280],
  ["light", 360],
  ["dark", 1280],
  ["dark", 360],
] as const)("in %s, %i wide,", (scheme, width) => {
  test("no page breaks its policy, logs an error, scrolls sideways or shuts anybody out", async () => {
    const context = await visitor.logIn({ scheme, width });
    const wrong: unknown[] = [];
    for (const [route, address] of addresses) {
      const { page, complaints } = await openPage(context, address);
      await expectNoSidewaysScroll(page).catch(() => wrong.push([route, "scrolls sideways"]));
      await keepScreenshot(page, `${nameOf(route)}-${scheme}-${width}`);
      for (const one of [...complaints.console, ...complaints.policy, ...(await accessibilityProblems(page))])
        wrong.push([route, one]);
      await page.close();
    }
    await context.close();
    expect(wrong).toEqual([]);
  }, 600_000);
});

test("no page needs more than 30 kB of script and style, nor anything from elsewhere", async () => {
  const context = await visitor.logIn();
  const wrong: unknown[] = [];
  for (const [route, address] of addresses) {
    const { page } = await openPage(context, address);
    const loaded = (await page.evaluate(
      `performance.getEntriesByType("resource").map(({ name, encodedBodySize, initiatorType }) => ({ name, bytes: encodedBodySize, initiatorType }))`,
    )) as { name: string; bytes: number; initiatorType: string }[];
    const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
    const most = loaded.some(({ name }) => name.includes("uPlot")) ? 50_000 : 30_000;
    if (bytes > most || bytes === 0) wrong.push([route, bytes]);
    for (const { name } of loaded) if (!name.startsWith(visitor.url)) wrong.push([route, name]);
    await page.close();
  }
  await context.close();
  expect(wrong).toEqual([]);
}, 300_000);

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

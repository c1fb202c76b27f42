import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openDatabase, type Database } from "../schema/database.ts";
import { readAddresses } from "../test/page-addresses.ts";
import { figuresIn, unnamedMoneyIn, valueAt, workedOutIn } from "../test/page-figures.ts";
import { loggedIn } from "../test/page-server.ts";
import { moneyText } from "./components/format.tsx";
import { figuresOfSql, type Tuple } from "../test/sql-figures.ts";

let database: Database;
let headers: Record<string, string>;
const url = process.env["TEST_PAGES_URL"] ?? "";
beforeAll(async () => {
  database = openDatabase({ url: process.env["TEST_PAGES_DATABASE_URL"] ?? "", poolSize: 2, name: "page figures" });
  headers = await loggedIn(database);
});
afterAll(() => database.end());

/** Pages beside those of the walk: the same rows as a table. */
const more: [string, string][] = [
  ["/creatives?tier=high", "/creatives?period=all&view=table&tier=high"],
  // In another order each row still names its own place in the answer.
  ["/receipts", "/receipts?sort=-total"],
  ["/changes", "/changes?kind=changed&sort=change"],
  ["/conversions", "/conversions?period=30d&sort=-revenue"],
  ["/files", "/files?sort=name"],
  ["/campaigns", "/campaigns?period=all&sort=campaignName"],
  ["/reconciliation", "/reconciliation?sortAffiliates=name&sortCampaigns=-name"],
  ["/cost/days", "/cost/days?period=7d&sort=-finalCost"],
  ...["cost", "conversions", "revenue", "margin"].map((metric): [string, string] => [
    `/why, ${metric}`,
    `/why?metric=${metric}&period=30d`,
  ]),
];

/** One of each kind, where kinds have figures of their own. */
const kinds: [string, string][] = [
  [
    "/findings/",
    "select distinct on (kind) finding_id::text as value from findings.findings order by kind, finding_id",
  ],
  [
    "/opportunities/",
    "select distinct on (insight_type) opportunity_id::text as value from rtb.opportunities order by insight_type, opportunity_id",
  ],
  ["/questions/", "select question_id::text as value from rtb.questions order by question_id limit 6"],
  ["/statements?month=", "select distinct to_char(month, 'YYYY-MM') as value from payouts.statements order by 1"],
];

async function ofEachKind(): Promise<[string, string][]> {
  const found = await Promise.all(
    kinds.map(async ([address, sql]) => {
      const { rows } = await database.query<{ value: string }>(sql);
      return rows.map(({ value }): [string, string] => [`${address}…`, address + value]);
    }),
  );
  return found.flat();
}

async function html(address: string): Promise<string> {
  const answer = await fetch(url + address, { headers });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.text();
}

async function json(address: string): Promise<unknown> {
  const answer = await fetch(url + address, {
    headers: { authorization: `Bearer ${process.env["TEST_PAGES_TOKEN"] ?? ""}` },
  });
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** What would be sent has no address to be read at: it is asked for as the page asks. */
async function toBeSent(page: string): Promise<string[]> {
  const everflowIds = [...page.matchAll(/name="id" value="([^"]*)"/g)].map(([, id]) => id);
  const answer = await fetch(`${url}/api/v1/tie-out/resend`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${process.env["TEST_PAGES_TOKEN"] ?? ""}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ everflowIds, dryRun: true }),
  });
  if (!answer.ok) throw new Error(`/tie-out/resend: ${answer.status} ${await answer.text()}`);
  const { conversions } = (await answer.json()) as { conversions: { revenue: string; currency: string }[] };
  return conversions.map(({ revenue, currency }) => moneyText(revenue, currency));
}

interface Compared {
  figures: number;
  /** Of them, those that SQL says too. */
  inSql: number;
  /** Changes in percent, and counts in words. */
  workedOut: number;
  wrong: unknown[];
}

async function compare(route: string, address: string): Promise<Compared> {
  const page = await html(address);
  const figures = figuresIn(page);
  const unnamed = unnamedMoneyIn(page);
  const previewed = route === "/tie-out/resend" ? await toBeSent(page) : [];
  const wrong: unknown[] =
    JSON.stringify(unnamed) === JSON.stringify(previewed) ? [] : [["names no route", address, unnamed, previewed]];
  const answers = new Map<string, unknown>();
  const ask = async (from: string) => {
    if (!answers.has(from)) answers.set(from, await json(from));
    return answers.get(from);
  };
  for (const { json: from, place, value } of figures) {
    const said = valueAt(await ask(from), place);
    if (String(said ?? "") !== value) wrong.push(["JSON", address, from, place, said, value]);
  }
  const workedOut = workedOutIn(page);
  for (const { json: from, shown, from: workOut } of workedOut) {
    const said = workOut(await ask(from));
    if (said !== shown) wrong.push(["worked out", address, from, said, shown]);
  }
  let inSql = 0;
  for (const { name, shown, stored, isWhole, isMade } of await figuresOfSql(database, { route, page, figures })) {
    const left = stored.map(key);
    for (const tuple of shown) {
      const place = left.indexOf(key(tuple));
      if (place === -1) wrong.push(["SQL", address, name, tuple]);
      else left.splice(place, 1);
      inSql += Object.keys(tuple).length;
    }
    if (shown.length === 0 && !isMade) wrong.push(["SQL", address, name, "the page shows none of these figures"]);
    if (isWhole && left.length > 0) wrong.push(["SQL", address, name, "not on the page", left.slice(0, 5)]);
  }
  return { figures: figures.length, inSql, workedOut: workedOut.length, wrong };
}

const key = (tuple: Tuple) => JSON.stringify(Object.entries(tuple).sort(([one], [other]) => (one < other ? -1 : 1)));

test("every figure on every page is the one of its JSON route, and of the table or view it comes from", async () => {
  const sums = { figures: 0, inSql: 0, workedOut: 0 };
  const wrong: unknown[] = [];
  for (const [route, address] of [...(await readAddresses(database)), ...more, ...(await ofEachKind())]) {
    let compared = await compare(route, address);
    // The stack goes on working: what changed while three of its answers were compared is looked at again.
    if (compared.wrong.length > 0) compared = await compare(route, address);
    sums.figures += compared.figures;
    sums.inSql += compared.inSql;
    sums.workedOut += compared.workedOut;
    wrong.push(...compared.wrong);
  }
  expect(wrong).toEqual([]);
  expect(sums.figures).toBeGreaterThan(2_000);
  expect(sums.inSql).toBeGreaterThan(2_000);
  expect(sums.workedOut).toBeGreaterThan(50);
}, 120_000);

import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { eachDay } from "../civil-day.ts";
import { decimalFromMicros, microsFromDecimal } from "../decimal.ts";
import { startSandbox, type Sandbox } from "../server.ts";

interface Item {
  date?: string;
  source: string;
  source_id: string;
  source_alias: string;
  clicks: number;
  conversions: number;
  cost: number;
}
interface DumpedRow {
  date: string;
  source_id: string;
  clicks: number;
  conversions: number;
  cost: string;
}
interface Answer {
  items: Item[] | null;
  total: Record<string, number>;
}

const FACEBOOK = "66c79f91be26fd4634569658";
let sandbox: Sandbox;

beforeAll(async () => {
  const unlimited = { perMinute: null, perSecond: null, countTwice: false };
  sandbox = await startSandbox({ today: "2026-06-30", limits: { redtrack: unlimited } });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  await control("DELETE", "/faults");
  await control("DELETE", "/clock");
});

function report(query: Record<string, string>): Promise<Response> {
  const day = { date_from: "2025-12-18", date_to: "2025-12-18" };
  const all = { api_key: "sandbox-713", group: "source", timezone: "America/New_York", page: "1", per: "1000" };
  return fetch(`${sandbox.url}/redtrack/report?${new URLSearchParams({ ...all, ...day, ...query }).toString()}`);
}

async function itemsOf(query: Record<string, string>): Promise<Item[]> {
  const answer = (await (await report({ ...query, total: "true" })).json()) as Answer;
  return answer.items ?? [];
}

const on = (day: string) => ({ date_from: day, date_to: day });

async function control(method: string, path: string, body?: object): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  return (await fetch(`${sandbox.url}/_control${path}`, init)).json();
}

async function dump(client: string, from: string, to: string): Promise<DumpedRow[]> {
  return (await control("GET", `/dump?vendor=redtrack&client=${client}&from=${from}&to=${to}`)) as DumpedRow[];
}

/** Half-up at the sixth place, as the pipeline enters amounts. */
const entered = (cost: number) => decimalFromMicros(BigInt(Math.round(cost * 1_000_000)));
const sum = (amounts: readonly string[]) =>
  decimalFromMicros(amounts.reduce((all, one) => all + microsFromDecimal(one), 0n));

test("the days of 1 to 18 December 2025 add up to the figures on record, row by row", async () => {
  const rows: Item[] = [];
  for (const day of eachDay("2025-12-01", "2025-12-18")) rows.push(...(await itemsOf(on(day))));
  const costOf = (id: string) => sum(rows.filter((row) => row.source_id === id).map((row) => entered(row.cost)));
  const ids = [...new Set(rows.map((row) => row.source_id))];

  expect(rows).toHaveLength(248);
  expect(ids).toHaveLength(23);
  expect(sum(rows.map((row) => entered(row.cost)))).toBe("211152.62");
  expect(rows.reduce((all, row) => all + row.clicks, 0)).toBe(170_105);
  expect(rows.reduce((all, row) => all + row.conversions, 0)).toBe(2_933);
  expect(costOf(FACEBOOK)).toBe("140845.10");
  expect(costOf("6807d9120ee9ffc623c1d7e5")).toBe("35924.88");
  expect(costOf("62b29551c6880d00014d8c73")).toBe("22304.42");
  const byCost = ids.map((id) => Number(costOf(id))).sort((a, b) => b - a);
  expect(byCost.slice(0, 3)).toEqual([140845.1, 35924.88, 22304.42]);
  expect(rows.every((row) => row.cost > 0 && row.clicks > 0 && row.conversions <= row.clicks)).toBe(true);
});

test("Facebook CCW on 18 December is as the document shows it, among 16 sources", async () => {
  const rows = await itemsOf({});
  expect(rows).toHaveLength(16);
  const facebook = rows.find((row) => row.source_id === FACEBOOK);
  expect(facebook).toMatchObject({
    source: "Facebook CCW",
    source_alias: "facebook",
    clicks: 26_135,
    conversions: 573,
  });
  expect(entered(facebook?.cost ?? 0)).toBe("26269.20");
});

test("amounts carry float noise that vanishes at the sixth place", async () => {
  const days = eachDay("2026-03-01", "2026-03-31");
  const shown = (await Promise.all(days.map((day) => itemsOf(on(day))))).flat();
  const exact = await dump("713", "2026-03-01", "2026-03-31");
  const text = (rows: readonly { source_id: string; cost: string }[]) =>
    rows.map((row) => `${row.source_id} ${row.cost}`).sort();
  expect(text(shown.map((row) => ({ ...row, cost: entered(row.cost) })))).toEqual(text(exact));
  expect(shown.some((row) => String(row.cost).length > 12)).toBe(true);
  expect(exact.some((row) => row.cost.endsWith("5") && /\.\d{3}$/.test(row.cost))).toBe(true);
  expect(exact.some((row) => row.source_id === "")).toBe(true);
});

test("a range comes back summed per source, and by day when the group says so", async () => {
  const range = { date_from: "2025-12-01", date_to: "2025-12-18" };
  expect(await itemsOf(range)).toHaveLength(23);
  const daily = await itemsOf({ ...range, group: "source,date" });
  expect(daily).toHaveLength(248);
  expect(daily.filter((row) => row.date === "2025-12-18")).toHaveLength(16);
});

test("every day and client has 12 to 18 sources of its own", async () => {
  for (const day of ["2015-01-01", "2024-02-29", "2026-06-29"]) {
    const mine = await dump("713", day, day);
    const theirs = await dump("acme", day, day);
    expect(mine.filter((row) => row.source_id !== "").length).toBeGreaterThanOrEqual(12);
    expect(mine.filter((row) => row.source_id !== "").length).toBeLessThanOrEqual(18);
    const shared = mine.filter((row) => row.source_id !== "" && theirs.some((one) => one.source_id === row.source_id));
    expect(shared).toEqual([]);
  }
});

test("days to come are empty: null or [], by day", async () => {
  const texts = await Promise.all(["2026-07-01", "2026-07-02"].map(async (day) => (await report(on(day))).text()));
  expect(texts.sort()).toEqual(["[]", "null"]);
});

test("pages cut the answer without overlap, and the total stays that of the whole", async () => {
  const query = { api_key: "sandbox-wide", per: "1000", sortby: "source_id", direction: "asc", total: "true" };
  const pages = await Promise.all(
    ["1", "2", "3", "4"].map(async (page) => (await (await report({ ...query, page })).json()) as Answer),
  );
  const items = pages.flatMap((page) => page.items ?? []);
  const exact = await dump("wide", "2025-12-18", "2025-12-18");
  expect(pages.map((page) => page.items?.length ?? 0)).toEqual([1000, 1000, exact.length - 2000, 0]);
  expect(new Set(items.map((item) => item.source_id)).size).toBe(exact.length);
  expect(pages.every((page) => page.total["clicks"] === items.reduce((all, item) => all + item.clicks, 0))).toBe(true);
  expect(pages.every((page) => entered(page.total["cost"] ?? 0) === sum(exact.map((row) => row.cost)))).toBe(true);
});

test("callers' mistakes are answered as RedTrack answers them", async () => {
  const answers: [Record<string, string>, number, unknown][] = [
    [{ group: "hour" }, 500, { error: "Problem with loading report" }],
    [{ api_key: "wrong" }, 401, { error: "Unauthorized" }],
    [{ timezone: "New York" }, 400, { error: "Invalid timezone" }],
    [{ per: "1001" }, 400, { error: "Invalid per" }],
    [{ date_from: "2025-02-30" }, 400, { error: "Invalid date_from or date_to" }],
  ];
  for (const [query, status, body] of answers) {
    const response = await report(query);
    expect([response.status, await response.json()]).toEqual([status, body]);
  }
  const post = await fetch(`${sandbox.url}/redtrack/report?api_key=sandbox-713`, { method: "POST" });
  expect(post.status).toBe(404);
  const headerOnly = await fetch(`${sandbox.url}/redtrack/report?group=source`, {
    headers: { "x-api-key": "sandbox-713" },
  });
  expect(headerOnly.status).toBe(401);
});

test("today grows over the day and is whole when it is over", async () => {
  const at = async (now: string) => {
    await control("PUT", "/clock", { now });
    return dump("713", "2026-05-20", "2026-05-20");
  };
  const morning = await at("2026-05-20T11:00:00Z");
  const evening = await at("2026-05-20T22:00:00Z");
  const whole = await at("2026-05-21T04:00:00Z");
  const cost = (rows: readonly DumpedRow[]) => Number(sum(rows.map((row) => row.cost)));
  expect(cost(morning)).toBeGreaterThan(0);
  expect(cost(evening)).toBeGreaterThan(cost(morning));
  expect(cost(whole)).toBeGreaterThan(cost(evening));
  for (const row of morning) {
    const later = evening.find((one) => one.source_id === row.source_id);
    expect(later?.clicks).toBeGreaterThanOrEqual(row.clicks);
  }
  expect(await at("2026-05-20T03:59:00Z")).toEqual([]);
  expect(await at("2026-06-01T12:00:00Z")).toEqual(whole);
});

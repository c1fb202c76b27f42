import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "./server.ts";
import type { RequestEntry } from "./request-log.ts";

const DAY = "2026-03-10";
const FACEBOOK = "66c79f91be26fd4634569658";
const UNLIMITED = { vendor: "redtrack", perMinute: null, perSecond: null, countTwice: false };
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ today: "2026-06-30" });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  await control("PUT", "/limits", UNLIMITED);
  await control("DELETE", "/faults");
  await control("DELETE", "/log");
});

function report(key = "sandbox-713", page = 1, init: RequestInit = {}): Promise<Response> {
  const query = new URLSearchParams({ api_key: key, group: "source", date_from: DAY, date_to: DAY, total: "true" });
  return fetch(`${sandbox.url}/redtrack/report?${query.toString()}&per=10&page=${page}`, init);
}

async function control(method: string, path: string, body?: object): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  return (await fetch(`${sandbox.url}/_control${path}`, init)).json();
}

async function fault(kind: string, params: object = {}): Promise<void> {
  expect(await control("POST", "/faults", { vendor: "redtrack", kind, ...params })).toMatchObject({
    id: expect.any(Number),
  });
}

async function logged(): Promise<RequestEntry[]> {
  return ((await control("GET", "/log?vendor=redtrack")) as { entries: RequestEntry[] }).entries;
}

const facebookCost = async () => {
  const rows = (await control("GET", `/dump?vendor=redtrack&client=713&from=${DAY}&to=${DAY}`)) as {
    source_id: string;
    cost: string;
  }[];
  return rows.find((row) => row.source_id === FACEBOOK)?.cost;
};

test("an account over its minute is refused until the minute ends, and no other account is", async () => {
  await control("PUT", "/limits", { vendor: "redtrack", perMinute: 5 });
  const responses = await Promise.all(Array.from({ length: 15 }, () => report()));
  const refused = responses.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(5);
  expect(Number(refused[0]?.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  expect(refused[0]?.headers.get("x-ratelimit-limit-minute")).toBe("5");
  expect(await refused[0]?.json()).toEqual({ message: "API rate limit exceeded" });
  expect((await report("sandbox-acme")).status).toBe(200);
  const hints = (await logged()).filter((entry) => entry.status === 429);
  expect(hints.every((entry) => (entry.hintEndsAtMs ?? 0) > entry.arrivedAtMs)).toBe(true);
});

test("the log knows the account and the moment of each call, and never the key", async () => {
  await control("POST", "/keys", { vendor: "redtrack", key: "canary-5f2e", client: "713" });
  await report("canary-5f2e");
  await report("unknown-key");
  const entries = await logged();
  expect(entries.map(({ account, status }) => [account, status])).toEqual([
    ["713", 200],
    [null, 401],
  ]);
  expect(entries[1]?.arrivedAtMs).toBeGreaterThan(entries[0]?.arrivedAtMs ?? Infinity);
  expect(JSON.stringify(entries)).not.toMatch(/canary-5f2e|unknown-key/);
});

test("a revoked key is refused, also one of the form sandbox-<client>", async () => {
  await control("DELETE", "/keys", { vendor: "redtrack", key: "sandbox-revoked" });
  expect((await report("sandbox-revoked")).status).toBe(401);
  await control("POST", "/keys", { vendor: "redtrack", key: "sandbox-revoked", client: "713" });
  expect((await report("sandbox-revoked")).status).toBe(200);
});

test("a fault strikes as often as it was told, only where it matches, and faults take turns", async () => {
  await fault("server_error", { status: 503, times: 2, match: { day: DAY, client: "713" } });
  await fault("rate_limited", { retryAfterSeconds: 7, times: 1 });
  const other = await report("sandbox-acme");
  expect([other.status, other.headers.get("retry-after")]).toEqual([429, "7"]);
  expect([(await report()).status, (await report()).status, (await report()).status]).toEqual([503, 503, 200]);
});

test.each([
  ["rate_limited", { retryAfter: "-5" }, 429, "application/json; charset=utf-8", /exceeded/],
  ["rate_limited_200", {}, 200, "application/json; charset=utf-8", /exceeded/],
  ["html", {}, 200, "text/html", /<html>/],
  ["null", {}, 200, "application/json; charset=utf-8", /^null$/],
  ["empty_body", {}, 200, "application/json", /^$/],
  ["wrapped_error", { error: "no" }, 200, "application/json; charset=utf-8", /^{"error":"no"}$/],
  ["echo_key", { status: 502 }, 502, "text/html", /api_key=sandbox-713/],
  ["wrong_content_type", {}, 200, "text/plain", /^{"items"/],
  ["duplicate_json_key", {}, 200, "application/json; charset=utf-8", /"cost":1,"cost":\d/],
  ["missing_field", { field: "source_id" }, 200, "application/json; charset=utf-8", /^((?!source_id).)*$/],
  ["null_field", { field: "cost", row: 0 }, 200, "application/json; charset=utf-8", /"cost":null/],
  ["raw_field", { field: "cost", raw: "1e400" }, 200, "application/json; charset=utf-8", /"cost":1e400,/],
  ["extra_field", { field: "tax", value: 3 }, 200, "application/json; charset=utf-8", /"tax":3/],
  ["numbers_as_strings", {}, 200, "application/json; charset=utf-8", /"cost":"[\d.]+"/],
])("the fault %s %j reaches the caller as it was set", async (kind, params, status, contentType, body) => {
  await fault(kind, params);
  const response = await report();
  expect([response.status, response.headers.get("content-type")]).toEqual([status, contentType]);
  expect(await response.text()).toMatch(body);
});

test("truncated JSON does not parse, and a BOM stands before the first character", async () => {
  await fault("truncated", { times: 1 });
  const cut = await (await report()).text();
  expect(() => JSON.parse(cut) as unknown).toThrow(SyntaxError);
  await fault("bom", { times: 1 });
  const bytes = new Uint8Array(await (await report()).arrayBuffer());
  expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
});

test("pages can repeat, be capped, hold a row twice, or disagree with the total", async () => {
  type Body = { items: { source_id: string }[]; total: { cost: number } };
  const page = async (number: number) => (await (await report("sandbox-713", number)).json()) as Body;
  const [first, second] = [await page(1), await page(2)];
  expect(second.items[0]).not.toEqual(first.items[0]);
  await fault("repeat_page", { times: 1 });
  expect((await page(2)).items).toEqual(first.items);
  await fault("page_cap", { rows: 4, times: 1 });
  expect((await page(1)).items).toHaveLength(4);
  await fault("duplicate_row", { times: 1 });
  const [one, two] = (await page(1)).items;
  expect(one).toEqual(two);
  await fault("total_off", { amount: 1.5, times: 1 });
  expect((await page(1)).total.cost).toBeCloseTo(first.total.cost + 1.5, 6);
});

test("restated, withdrawn and added rows change what is true until they are lifted", async () => {
  const before = await facebookCost();
  const match = { day: DAY, client: "713" };
  await fault("restate", { match, sourceId: FACEBOOK, cost: "1999.005" });
  expect(await facebookCost()).toBe("1999.005");
  expect(await (await report()).text()).toContain('"cost":1999.005');
  await fault("restate", { match, sourceId: FACEBOOK, multiply: "1.1" });
  expect(await facebookCost()).toBe("2198.9055");
  await fault("withdraw", { match });
  expect(await facebookCost()).toBeUndefined();
  expect(await (await report()).json()).toMatchObject({ total: { clicks: 0, cost: 0 } });
  await fault("add_row", { match, sourceId: FACEBOOK, cost: "0.10" });
  expect(await facebookCost()).toBe("0.10");
  await control("DELETE", "/faults");
  expect(await facebookCost()).toBe(before);
});

test("a day that is over can be asked for as it stood during the day, until that is lifted", async () => {
  const whole = Number(await facebookCost());
  const match = { day: DAY, client: "713" };
  await fault("so_far", { match, share: 0.5 });
  expect(Number(await facebookCost())).toBeCloseTo(whole / 2, 1);
  await control("DELETE", "/faults");
  await fault("so_far", { match, share: 0 });
  expect(await facebookCost()).toBeUndefined();
  await control("DELETE", "/faults");
  expect(Number(await facebookCost())).toBe(whole);
});

test("a connection can be reset, trickle, hang or flood, and a caller that hangs up frees it", async () => {
  await fault("reset", { times: 1 });
  await expect(report()).rejects.toThrow("fetch failed");
  await fault("slow_bytes", { ms: 1, bytes: 1_000, times: 1 });
  expect(((await (await report()).json()) as { items: unknown[] }).items).toHaveLength(10);
  await fault("slow_headers", { ms: 1, lines: 3, times: 1 });
  const slow = await report();
  expect([slow.status, slow.headers.get("x-slow-2")]).toEqual([200, "1"]);
  await slow.text();
  await fault("never_ending", { ms: 5, times: 1 });
  const endless = await report("sandbox-713", 1, { signal: AbortSignal.timeout(150) });
  await expect(endless.text()).rejects.toThrow("aborted");
  await fault("gzip_bomb", { megabytes: 3, times: 1 });
  expect((await (await report()).text()).length).toBe(3 * 1_048_576 + 2);
  expect((await report()).status).toBe(200);
});

test("a fault that says nothing sensible is refused with the reason", async () => {
  expect(
    await control("POST", "/faults", { vendor: "redtrack", kind: "restate", sourceId: "x", cost: "1.00" }),
  ).toEqual({
    error: "restate: match.day is required",
  });
  expect(await control("POST", "/faults", { vendor: "nobody", kind: "html" })).toEqual({
    error: expect.stringMatching(/^no vendor nobody; there is anytrack, .*redtrack/),
  });
  expect(await control("POST", "/faults", { vendor: "redtrack", kind: "html", tiems: 1 })).toMatchObject({
    error: expect.stringContaining("tiems"),
  });
});

test("closing frees the port although a caller keeps its connection", async () => {
  const other = await startSandbox();
  await (await fetch(`${other.url}/_control`)).json();
  await other.close();
  await expect(fetch(other.url)).rejects.toThrow("fetch failed");
});

import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { decimalFromMicros, microsFromDecimal } from "../decimal.ts";
import { startSandbox, type Sandbox } from "../server.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ today: "2026-06-30", limits: { everflow: { perSecond: null } } });
});
afterAll(() => sandbox.close());
beforeEach(() => control("DELETE", "/faults"));

async function control(method: string, path: string, body?: object): Promise<unknown> {
  return (
    await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).json();
}
const dump = async (table: string, from: string, to: string, client = "713") =>
  (await control("GET", `/dump?vendor=everflow&client=${client}&table=${table}&from=${from}&to=${to}`)) as Record<
    string,
    string | number
  >[];

async function post(
  path: string,
  body: object,
  key: string | null = "sandbox-713",
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const headers: Record<string, string> = key === null ? {} : { "x-eflow-api-key": key };
  const response = await fetch(`${sandbox.url}/everflow${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
const table = "/networks/reporting/entity/table";
const report = {
  from: "2025-12-18",
  to: "2025-12-18",
  timezone_id: 80,
  currency_id: "USD",
  columns: [{ column: "affiliate" }, { column: "currency" }],
  query: { filters: [] as object[] },
};
const raw = { from: "2025-12-18 00:00:00", to: "2025-12-18 23:59:59", timezone_id: 80 };

test("the daily statistics are the exact sums of the approved conversions", async () => {
  const [from, to] = ["2025-12-01", "2025-12-18"];
  const sums = new Map<string, bigint>();
  const add = (row: Record<string, string | number>, sign: bigint) => {
    for (const field of ["payout", "revenue"]) {
      const place = [row["date"], row["affiliate_id"], row["offer_id"], row["currency"], field].join("/");
      sums.set(place, (sums.get(place) ?? 0n) + sign * microsFromDecimal(String(row[field])));
    }
  };
  const stats = await dump("daily_stats", from, to);
  for (const row of stats) add(row, 1n);
  for (const row of await dump("conversions", from, to)) if (row["status"] === "approved") add(row, -1n);
  expect(
    [...sums].filter(([, left]) => left !== 0n).map(([place, left]) => `${place} ${decimalFromMicros(left)}`),
  ).toEqual([]);
  expect(new Set(stats.map((row) => row["currency"]))).toEqual(new Set(["USD", "EUR", "GBP"]));
  expect(
    [
      ...new Set(
        stats.filter((row) => String(row["affiliate_id"]).startsWith("10")).map((row) => row["affiliate_name"]),
      ),
    ].sort(),
  ).toEqual(["G2 - Google", "G2 - Meta", "SB - Meta"]);
  expect((await dump("conversions", from, to)).some((row) => String(row["payout"]).startsWith("-"))).toBe(true);
});

test("10,001 rows come back as 10,000 and a flag", async () => {
  const columns = ["affiliate", "advertiser", "offer", "currency"].map((column) => ({ column }));
  const { body } = await post(table, { ...report, columns }, "sandbox-wide");
  expect([(body["table"] as unknown[]).length, body["incomplete_results"]]).toEqual([10_000, true]);
});

test("filters narrow, and what is no filter to Everflow filters nothing", async () => {
  const rows = async (filters: object[]) =>
    ((await post(table, { ...report, query: { filters } })).body["table"] as unknown[]).length;
  const all = await rows([]);
  expect(await rows([{ resource_type: "affiliate", filter_id_value: "1011" }])).toBe(1);
  expect(await rows([{ affiliate_id: 1011 }])).toBe(all);
  expect(await rows([{ resource_type: "affiliate", filter_id_value: 1011 }])).toBe(all);
});

test("callers' mistakes are answered as Everflow answers them", async () => {
  const answers: [string, object, string | null, number, RegExp][] = [
    [table, report, null, 401, /^No Authentication Method Found$/],
    [table, report, "wrong", 401, /^Unauthorized$/],
    [table, { ...report, columns: [] }, "sandbox-713", 400, /columns/],
    [table, { ...report, columns: [{ column: "nonsense" }] }, "sandbox-713", 400, /Invalid column/],
    [table, { ...report, timezone_id: 3 }, "sandbox-713", 400, /timezone_id/],
    [table, { ...report, from: "2024-01-01" }, "sandbox-713", 400, /one year/],
    ["/networks/reporting/conversions?page_size=2001", raw, "sandbox-713", 400, /page_size/],
    ["/networks/reporting/nothing", raw, "sandbox-713", 404, /Not Found/],
  ];
  for (const [path, body, key, status, message] of answers) {
    const answer = await post(path, body, key);
    expect([answer.status, answer.body["error"]]).toEqual([status, expect.stringMatching(message)]);
  }
});

test("raw conversions go back 365 days from the sandbox's today, and no further", async () => {
  const on = (day: string) =>
    post("/networks/reporting/conversions", { ...raw, from: `${day} 00:00:00`, to: `${day} 23:59:59` });
  expect((await on("2025-06-30")).status).toBe(200);
  expect(await on("2025-06-29")).toMatchObject({ status: 400, body: { error: expect.stringContaining("365 days") } });
});

test("another zone's day reaches into the days beside it", async () => {
  const total = async (zone: number) =>
    (
      (await post("/networks/reporting/conversions", { ...raw, timezone_id: zone })).body["paging"] as {
        total_count: number;
      }
    ).total_count;
  expect(await total(67)).not.toBe(await total(80));
});

test("an eleventh report at a time is refused without a word on when to come back, and the list of zones is not", async () => {
  await control("POST", "/faults", { vendor: "everflow", kind: "latency", ms: 400 });
  const answers = await Promise.all(Array.from({ length: 11 }, () => post(table, report)));
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
  expect(answers.find(({ status }) => status === 429)?.headers.get("retry-after")).toBeNull();
  await control("DELETE", "/faults");
  expect((await post(table, report)).status).toBe(200);
  const zones = await fetch(`${sandbox.url}/everflow/meta/timezones`, {
    headers: { "x-eflow-api-key": "sandbox-713" },
  });
  expect(await zones.json()).toMatchObject({
    timezones: expect.arrayContaining([expect.objectContaining({ timezone_id: 80, timezone: "America/New_York" })]),
  });
});

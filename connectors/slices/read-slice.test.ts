import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { parse, stringify } from "lossless-json";
import { z } from "zod";
import { subtractMoney, sumMoney } from "../../core/money.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { createHttp } from "../http.ts";
import { readHeld, type HeldAnswer } from "../../test/read-held.ts";
import { defineSource, quarantine, type AnySource } from "../source.ts";
import { count, money } from "../fields.ts";
import { redtrackDailySpend } from "../sources/redtrack.ts";

jest.setTimeout(30_000);

const slice = { day: "2026-03-10", timezone: "America/New_York" };

/** A vendor of two rows a page. */
const paged = defineSource({
  name: "redtrack.daily_spend",
  vendor: redtrackDailySpend.vendor,
  slices: { timezone: "America/New_York" },
  window: { mode: "rolling", lookbackDays: 3 },
  schedule: { hours: { from: 7, to: 23 }, minute: 0, comment: "hourly" },
  table: dailySpend,
  amount: "cost",
  answers: "complete",
  keyedBy: "aggregate",
  body: z.object({
    rows: z.array(z.object({ id: z.string(), cost: money, clicks: count })),
    cut: z.boolean().optional(),
    total: money.optional(),
  }),
  request: ({ cursor }) => ({ path: "/rows", query: { page: cursor ?? 1 } }),
  rows: (body, { day }) =>
    body.rows.map((row) =>
      row.id === ""
        ? quarantine("no id", row.cost, { cost: row.cost })
        : { date: day, sourceId: row.id, clicks: row.clicks, conversions: 0, cost: row.cost },
    ),
  next: (body, cursor: number | null) => (body.rows.length === 2 ? (cursor ?? 1) + 1 : null),
  cut: (body) => (body.cut === true ? "the vendor says so" : null),
  vendorTotal: (body) => body.total ?? null,
});

/** Answers from a list of readings, each a list of pages. */
function vendor(...readings: object[][]) {
  const asked: number[] = [];
  let reading = -1;
  return {
    asked,
    http: {
      json: ({ query }: { query?: Record<string, unknown> }) => {
        const page = Number(query?.["page"]);
        if (page === 1) reading += 1;
        asked.push(page);
        return Promise.resolve(parse(JSON.stringify(readings[reading]?.[page - 1] ?? { rows: [] })));
      },
    },
  };
}
const row = (id: string, cost = 1.5, clicks = 1) => ({ id, cost, clicks });
const read = (http: ReturnType<typeof vendor>["http"], source: AnySource = paged) =>
  readHeld({ source, slice, secrets: { REDTRACK_API_KEY: "k" }, http });
const ids = (answer: HeldAnswer) => answer.rows.map((one) => one["sourceId"]);

describe("pages", () => {
  test("are read to the last, in order, and summed exactly; set-aside rows are summed apart", async () => {
    const { http, asked } = vendor([
      { rows: [row("a", 0.1), row("b", 0.2)] },
      { rows: [row("c", 26_269.2), row("", 12.37)] },
      { rows: [row("d", 1)], total: 26_282.87 },
    ]);
    const seen: [number, number][] = [];
    const answer = await readHeld({
      source: paged,
      slice,
      secrets: { REDTRACK_API_KEY: "k" },
      http,
      onPage: (page, rows) => seen.push([page, rows]),
    });
    expect(ids(answer)).toEqual(["a", "b", "c", "d"]);
    expect(answer).toMatchObject({
      pages: 3,
      total: "26270.5",
      quarantinedTotal: "12.37",
      vendorTotal: "26282.87",
      quarantined: [{ reason: "no id" }],
    });
    expect(asked).toEqual([1, 2, 3]);
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  test("a last page that is exactly full is followed by an empty one, which is no repetition", async () => {
    const { http, asked } = vendor([{ rows: [row("a"), row("b")] }, { rows: [] }]);
    expect(ids(await read(http))).toEqual(["a", "b"]);
    expect(asked).toEqual([1, 2]);
  });

  test("a page seen before means the vendor ignores paging: not read, not stored", async () => {
    const page = { rows: [row("a"), row("b")] };
    await expect(read(vendor([page, page]).http)).rejects.toMatchObject({
      kind: "malformed",
      message: "page 2 repeats an earlier page",
    });
    await expect(read(vendor([page, { rows: [row("c"), row("d")] }, page]).http)).rejects.toThrow(
      "page 3 repeats an earlier page",
    );
  });

  test("paging that never ends is ended", async () => {
    const endless: AnySource = { ...paged, next: (_: unknown, cursor: number | null) => (cursor ?? 1) + 1 };
    await expect(read(vendor([{ rows: [row("a")] }]).http, endless)).rejects.toMatchObject({
      kind: "malformed",
      message: "paging did not end after 10000 pages",
    });
  });

  test("an answer that says it is cut is never taken, on whichever page it says so", async () => {
    await expect(read(vendor([{ rows: [row("a")], cut: true }]).http)).rejects.toMatchObject({
      kind: "malformed",
      message: "the answer is cut short: the vendor says so",
    });
    await expect(read(vendor([{ rows: [row("a"), row("b")] }, { rows: [row("c")], cut: true }]).http)).rejects.toThrow(
      "cut short",
    );
  });

  test("a failure on a later page fails the whole slice", async () => {
    await expect(
      read(vendor([{ rows: [row("a"), row("b")] }, { rows: [{ id: "c", clicks: 1 }] }]).http),
    ).rejects.toMatchObject({ kind: "malformed", message: "rows[0].cost expected number" });
  });
});

describe("one key twice", () => {
  test("on one page is refused: picking a winner would lose money", async () => {
    await expect(read(vendor([{ rows: [row("a", 1), row("a", 2)] }]).http)).rejects.toMatchObject({
      kind: "duplicate_key",
      message: 'page 1 has date "2026-03-10", source_id "a" twice',
    });
    // Also when both say the same: which of them counts cannot be known.
    await expect(read(vendor([{ rows: [row("a"), row("a")] }]).http)).rejects.toMatchObject({ kind: "duplicate_key" });
  });

  const moved = [{ rows: [row("a", 1), row("b", 2)] }, { rows: [row("b", 3)] }];
  const still = [{ rows: [row("a", 1), row("b", 3)] }, { rows: [row("c", 4)] }];

  test("on two pages of an aggregated feed means it moved: the slice is read again", async () => {
    const { http, asked } = vendor(moved, moved, still);
    expect(await read(http)).toMatchObject({ total: "8", pages: 2 });
    expect(asked).toEqual([1, 2, 1, 2, 1, 2]);
  });

  test("three times at most, then it is an error", async () => {
    const { http, asked } = vendor(moved, moved, moved, still);
    await expect(read(http)).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("3 times in a row"),
    });
    expect(asked).toHaveLength(6);
  });

  test("on two pages of a feed by id the later page wins, and each row counts once", async () => {
    const { http, asked } = vendor(moved);
    const answer = await read(http, { ...paged, keyedBy: "id" } as AnySource);
    expect(answer.rows).toMatchObject([{ sourceId: "a" }, { sourceId: "b", cost: "3" }]);
    expect(answer.total).toBe("4");
    expect(asked).toHaveLength(2);
  });
});

test("what is wrong is named by its place, also within alternatives", async () => {
  const body = (json: string) =>
    readHeld({
      source: redtrackDailySpend,
      slice,
      secrets: { REDTRACK_API_KEY: "k" },
      http: { json: () => Promise.resolve(parse(json)) },
    });
  const good = '{"source_id":"a","clicks":1,"conversions":0,"cost":1}';
  await expect(body(`{"items":[${good},${good.replace('"cost":1', '"cost":""')}]}`)).rejects.toThrow(
    'items[1].cost expected number, not ""',
  );
  await expect(body(`[${good},${good},${good.replace(/,"cost":1/, "")}]`)).rejects.toThrow("[2].cost expected number");
});

describe("against the sandbox's Redtrack", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({
      today: "2026-06-30",
      limits: { redtrack: { perMinute: null, perSecond: null, countTwice: false } },
    });
  });
  beforeEach(() => control("DELETE", "/faults"));
  afterAll(() => sandbox.close());

  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(await response.text());
    return parse(await response.text());
  }
  const fault = (kind: string, parameters: object = {}) =>
    control("POST", "/faults", { vendor: "redtrack", kind, ...parameters });

  function readDay(client: string) {
    const { vendor: redtrack } = redtrackDailySpend;
    const http = createHttp({
      baseUrl: `${sandbox.url}/redtrack`,
      erase: (text) => text,
      redact: (text) => text,
      beforeRequest: () => Promise.resolve(() => Promise.resolve()),
      quota: redtrack.quota,
      refusal: redtrack.refusal,
    });
    return readHeld({ source: redtrackDailySpend, slice, secrets: { REDTRACK_API_KEY: `sandbox-${client}` }, http });
  }

  /** What is true, row by row: id, cost, clicks, conversions. */
  async function truth(client: string): Promise<string[]> {
    const rows = (await control(
      "GET",
      `/dump?vendor=redtrack&client=${client}&from=${slice.day}&to=${slice.day}`,
    )) as Record<string, unknown>[];
    return rows
      .map((one) =>
        [one["source_id"], sumMoney([String(one["cost"])]), one["clicks"], one["conversions"]].map(String).join(" "),
      )
      .sort();
  }
  const readRows = (answer: HeldAnswer) =>
    [
      ...answer.rows.map((one) =>
        [one["sourceId"], one["cost"], one["clicks"], one["conversions"]].map(String).join(" "),
      ),
      ...answer.quarantined.map(({ amount, content }) =>
        ["", amount, ...["clicks", "conversions"].map((name) => (content as Record<string, unknown>)[name])]
          .map(String)
          .join(" "),
      ),
    ].sort();

  test("a day of over 2,000 sources is read over three pages, equal to the truth row by row and in sum", async () => {
    const answer = await readDay("wide");
    const true_ = await truth("wide");
    expect(true_.length).toBeGreaterThan(2_000);
    expect(answer.pages).toBe(3);
    expect(readRows(answer)).toEqual(true_);
    expect(answer.vendorTotal).not.toBeNull();
    expect(subtractMoney(sumMoney([answer.total, answer.quarantinedTotal]), answer.vendorTotal ?? "")).toBe("0");
  });

  test("numbers sent as text read the same", async () => {
    const known = ({ rows, total, vendorTotal }: HeldAnswer) =>
      stringify([rows.map(({ extra: _extra, ...row }) => row), total, vendorTotal]);
    const before = await readDay("713");
    await fault("numbers_as_strings");
    // The test runner would print whole days to show where they differ.
    expect(known(await readDay("713")) === known(before)).toBe(true);
  });

  test.each([
    ["repeat_page", {}, "wide", "malformed", /repeats an earlier page/],
    ["duplicate_row", { row: 3 }, "wide", "duplicate_key", /page 1 has .* twice/],
    ["missing_field", { field: "cost", row: 2 }, "713", "malformed", /items\[2\]\.cost/],
    ["null_field", { field: "cost", row: 0 }, "713", "malformed", /items\[0\]\.cost/],
    ["rename_field", { field: "clicks", to: "hits" }, "713", "malformed", /items\[0\]\.clicks/],
    [
      "raw_field",
      { field: "cost", raw: "1e400", row: 1 },
      "713",
      "malformed",
      /items\[1\]\.cost expected number, not "1e400"/,
    ],
    ["raw_field", { field: "cost", raw: '"1,234.50"', row: 1 }, "713", "malformed", /items\[1\]\.cost/],
    ["server_error", { match: { page: 3 } }, "wide", "unavailable", /answered 500/],
    ["truncated", { match: { page: 2 } }, "wide", "unavailable", /not JSON/],
  ])("%s %j of %s is %s", async (kind, parameters, client, expected, message) => {
    await fault(kind, parameters);
    await expect(readDay(client)).rejects.toMatchObject({ kind: expected, message: expect.stringMatching(message) });
  });

  test("a new field is kept beside the row", async () => {
    await fault("extra_field", { field: "tax", value: 3 });
    const { rows } = await readDay("713");
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.every((one) => String(one["extra"]).includes('"tax":3'))).toBe(true);
  });
});

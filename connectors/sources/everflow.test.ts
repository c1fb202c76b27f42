import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { parse, stringify } from "lossless-json";
import { sumMoney } from "../../core/money.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { describeSource, load } from "../../test/describe-source.ts";
import { ConnectorError } from "../errors.ts";
import { createHttp } from "../http.ts";
import { readHeld, type HeldAnswer } from "../../test/read-held.ts";
import type { AnySource, PageRequest } from "../source.ts";
import { noSmallerPart } from "./everflow-parts.ts";
import { everflowConversions, everflowDailyStats } from "./everflow.ts";

jest.setTimeout(120_000);

describeSource(everflowDailyStats, ["everflow-stats.json"]);
describeSource(everflowConversions, ["everflow-conversions.json"]);

const slice = { day: "2025-12-18", timezone: "America/New_York" };
const secrets = { EVERFLOW_API_KEY: "sandbox-713" };

const readFixture = (source: AnySource, file: string) =>
  readHeld({ source, slice, secrets, http: { json: () => Promise.resolve(load(file)) } });

describe("the daily statistics", () => {
  test("one day is asked for, in New York, at one grain, with the currency among the columns", () => {
    expect(everflowDailyStats.request({ slice, secrets, cursor: null })).toEqual({
      method: "POST",
      path: "/networks/reporting/entity/table",
      headers: { "X-Eflow-API-Key": "sandbox-713" },
      body: {
        from: "2025-12-18",
        to: "2025-12-18",
        timezone_id: 80,
        currency_id: "USD",
        columns: ["affiliate", "advertiser", "offer", "currency", "date"].map((column) => ({ column })),
        query: { filters: [], exclusions: [], metric_filters: [], settings: {} },
      },
    });
  });

  test("columns are found by their type, the day is the one asked for, adjustments stay negative, currencies stay apart", async () => {
    const answer = await readFixture(everflowDailyStats, "everflow-stats.json");
    const shown = answer.rows.map((row) =>
      ["date", "affiliateId", "offerId", "currency", "clicks", "conversions", "payout", "profit"].map(
        (name) => row[name],
      ),
    );
    expect(shown).toEqual([
      ["2025-12-18", "17", "101", "USD", 310, 12, "540.45", "179.55"],
      ["2025-12-18", "17", "201", "EUR", 8, 1, "38.5", "13.505"],
      ["2025-12-18", "9007199254740993", "103", "USD", 0, -2, "-6.4", "-2.61"],
    ]);
    // The dollars alone.
    expect(answer.total).toBe("534.05");
    expect(answer.rows[0]?.["extra"]).toContain('"total_cv":14');
  });

  test("an answer without the currency column is refused: its money may be converted", async () => {
    const body = (stringify(load("everflow-stats.json")) ?? "").replaceAll('"currency"', '"country"');
    const read = readHeld({
      source: everflowDailyStats,
      slice,
      secrets,
      http: { json: () => Promise.resolve(parse(body)) },
    });
    await expect(read).rejects.toMatchObject({ kind: "malformed", message: expect.stringContaining("no currency") });
  });

  test("exactly 10,000 rows without a word count as cut, and what cannot be split is never taken", async () => {
    const [row] = (load("everflow-stats.json") as { table: { columns: unknown[] }[] }).table;
    const asked: PageRequest[] = [];
    const json = (request: PageRequest) => {
      asked.push(request);
      return Promise.resolve({ table: Array.from({ length: 10_000 }, () => row), incomplete_results: false });
    };
    await expect(readHeld({ source: everflowDailyStats, slice, secrets, http: { json } })).rejects.toMatchObject({
      kind: "malformed",
      message: `the answer is cut short: even the list of advertisers is: ${noSmallerPart}`,
    });
    expect(asked).toHaveLength(4);
  });
});

describe("a day that is cut", () => {
  interface Fact {
    affiliate: string;
    offer: string;
    advertiser: string;
    currency: string;
  }
  const dimensions = ["affiliate", "offer", "advertiser"] as const;

  /** Answers as Everflow does, with at most `most` rows. */
  function vendor(facts: Fact[], most: number, refuses: string[] = []) {
    const asked: string[] = [];
    const json = (request: PageRequest) => {
      const { columns, query } = request.body as {
        columns: { column: string }[];
        query: { filters: { resource_type: string; filter_id_value: string }[] };
      };
      const names = columns.map(({ column }) => column).filter((name) => name !== "date");
      const values = (type: string) =>
        query.filters.filter((filter) => filter.resource_type === type).map((filter) => filter.filter_id_value);
      const filters = dimensions.flatMap((type) => (values(type).length === 0 ? [] : [values(type).join("+")]));
      asked.push([names.length > 1 ? "rows" : `list ${names.join()}`, ...filters].join(" "));
      const refused = names.find((name) => refuses.includes(name));
      if (refused !== undefined)
        return Promise.reject(new ConnectorError("rejected", `answered 400: unknown column ${refused}`));
      const found = facts.filter((fact) =>
        dimensions.every((type) => values(type).length === 0 || values(type).includes(fact[type])),
      );
      const groups = new Map<string, Fact[]>();
      for (const fact of found) {
        const key = names.map((name) => fact[name as keyof Fact]).join("/");
        groups.set(key, [...(groups.get(key) ?? []), fact]);
      }
      const table = [...groups.values()].slice(0, most).map((group) => ({
        columns: names.map((name) => ({ column_type: name, id: group[0]?.[name as keyof Fact], label: "" })),
        reporting: {
          ...{ total_click: 1, cv: 1, event: 0 },
          ...{ payout: 2.5 * group.length, revenue: 4 * group.length, profit: 1.5 * group.length },
        },
      }));
      return Promise.resolve(parse(JSON.stringify({ table, incomplete_results: groups.size > most })));
    };
    const options = { source: everflowDailyStats, slice, secrets };
    return { asked, read: (more: object = {}) => readHeld({ ...options, http: { json }, ...more }) };
  }

  const fact = (affiliate: string, offer: string, currency = "USD"): Fact => ({
    affiliate,
    offer,
    advertiser: "1",
    currency,
  });
  /** So many affiliates of each offer; they are the same ones. */
  const facts = (sizes: Record<string, number>): Fact[] =>
    Object.entries(sizes).flatMap(([offer, size]) =>
      Array.from({ length: size }, (_, index) => fact(String(index), offer)),
    );
  const keys = (answer: HeldAnswer) => answer.rows.map((row) => `${row["offerId"]}/${row["affiliateId"]}`).sort();
  const keysOf = (all: Fact[]) => all.map(({ offer, affiliate }) => `${offer}/${affiliate}`).sort();

  test("is asked for by affiliate, and an affiliate that is cut by offer; nothing of a cut answer is kept", async () => {
    const all = [fact("0", "a"), fact("0", "a", "EUR"), fact("0", "b"), fact("0", "b", "EUR"), fact("1", "c")];
    const { asked, read } = vendor(all, 3);
    const answer = await read();
    const questions = ["rows", "list affiliate", "rows 0", "rows 1", "list offer 0", "rows 0 a", "rows 0 b"];
    expect(asked).toEqual(questions);
    expect(keys(answer)).toEqual(keysOf(all));
    expect(answer.total).toBe("7.5");
  });

  test("with more affiliates than can be listed is asked for by groups of offers, and a group that is cut in halves", async () => {
    const all = Array.from({ length: 16 }, (_, offer) =>
      Array.from({ length: offer === 0 ? 18 : 4 }, (_, index) => fact(`${offer}-${index}`, `o${10 + offer}`)),
    ).flat();
    const { asked, read } = vendor(all, 20);
    const answer = await read();
    expect(asked.slice(0, 3)).toEqual(["rows", "list affiliate", "list offer"]);
    expect(asked).toContain("rows o10+o11");
    expect(asked.slice(-2)).toEqual(["rows o10", "rows o11"]);
    expect(asked).toHaveLength(3 + 8 + 2);
    expect(keys(answer)).toEqual(keysOf(all));
    expect(answer.total).toBe("195");
  });

  test("with more affiliates and more offers than can be listed is asked for by advertiser", async () => {
    const all = Array.from({ length: 48 }, (_, index) => ({
      ...fact(`a${index}`, `o${index % 24}`),
      advertiser: `v${index % 4}`,
    }));
    const { asked, read } = vendor(all, 20);
    const answer = await read();
    const lists = ["affiliate", "offer", "advertiser"].map((dimension) => `list ${dimension}`);
    expect(asked).toEqual(["rows", ...lists, ...["v0", "v1", "v2", "v3"].map((advertiser) => `rows ${advertiser}`)]);
    expect(keys(answer)).toEqual(keysOf(all));
    expect(answer.total).toBe("120");
  });

  test("with more affiliates of one offer than can be listed is asked for by that offer's advertisers", async () => {
    const all = Array.from({ length: 60 }, (_, index) => ({ ...fact(`a${index}`, "o"), advertiser: `v${index % 4}` }));
    const { asked, read } = vendor([...all, fact("b", "p")], 20);
    const answer = await read();
    expect(asked).toEqual([
      ...["rows", "list affiliate", "list offer", "rows o", "rows p"],
      ...["list affiliate o", "list advertiser o"],
      ...["v0", "v1", "v2", "v3"].map((advertiser) => `rows o ${advertiser}`),
    ]);
    expect(keys(answer)).toEqual(keysOf([...all, fact("b", "p")]));
    expect(answer.total).toBe("152.5");
  });

  test("what was answered of it is not asked again when another part fails, and nothing is doubled", async () => {
    const all = facts({ a: 3, b: 3, c: 3 });
    const { asked, read } = vendor(all, 4);
    const answers = new Map<string, unknown>();
    let fails = true;
    const kept = {
      find: (part: string) => Promise.resolve(answers.get(part)),
      keep: (part: string, answer: unknown) => {
        if (part.includes('"2"') && fails) return Promise.reject(new ConnectorError("unavailable", "gone"));
        answers.set(part, answer);
        return Promise.resolve();
      },
      drop: () => Promise.resolve(answers.clear()),
    };
    await expect(read({ kept, atOnce: 4 })).rejects.toMatchObject({ kind: "unavailable" });
    fails = false;
    const before = asked.length;
    const answer = await read({ kept, atOnce: 4 });
    expect(asked.slice(before)).toEqual(["rows", "rows 2"]);
    expect(keys(answer)).toEqual(keysOf(all));
    expect(answer.total).toBe("22.5");
  });

  test("with more affiliates of one offer and advertiser than can be listed is refused whole, with the reason", async () => {
    await expect(vendor(facts({ a: 1, b: 21 }), 20).read()).rejects.toMatchObject({
      kind: "malformed",
      message: `the answer is cut short: even the list of affiliates of offer b of advertiser 1 is: ${noSmallerPart}`,
    });
  });

  test("is refused where even the smallest part is cut, where nothing is listed, and where a filter is read otherwise", async () => {
    const many = ["USD", "EUR", "GBP"].map((currency) => ({ affiliate: "7", offer: "7", advertiser: "7", currency }));
    await expect(vendor(many, 2).read()).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("more rows of affiliate 7 of offer 7 of advertiser 7 than 10000"),
    });
    const answer = (names: string[], table: string[], isCut: boolean) =>
      parse(
        JSON.stringify({
          table: table.map((id) => ({
            columns: names.map((name) => ({ column_type: name, id: name === "currency" ? "USD" : id, label: "" })),
            reporting: { total_click: 1, cv: 1, event: 0, payout: 2.5, revenue: 4, profit: 1.5 },
          })),
          incomplete_results: isCut,
        }),
      );
    const other = (listed: string[], part: string[]) => (request: PageRequest) => {
      const { columns, query } = request.body as { columns: { column: string }[]; query: { filters: unknown[] } };
      const names = columns.map(({ column }) => column).filter((name) => name !== "date");
      if (names.length === 1) return Promise.resolve(answer(names, listed, false));
      return Promise.resolve(answer(names, query.filters.length === 0 ? ["1"] : part, query.filters.length === 0));
    };
    const read = (listed: string[], part: string[]) =>
      readHeld({ source: everflowDailyStats, slice, secrets, http: { json: other(listed, part) } });
    await expect(read([], [])).rejects.toMatchObject({ message: expect.stringContaining("yet no affiliates") });
    await expect(read(["7"], [])).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("no row of affiliate 7, which its list has"),
    });
    await expect(read(["7"], ["7", "8"])).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("rows of affiliate 8, which was not asked for"),
    });
  });

  test("a report without a column for the currency is asked without it, says so, and is not asked with it again", async () => {
    const { asked, read } = vendor(facts({ a: 2 }), 10, ["currency"]);
    const answer = await read();
    expect(asked).toEqual(["rows", "rows"]);
    expect(answer.rows).toMatchObject([{ currency: "USD", payout: "2.5" }, { currency: "USD" }]);
    expect(answer.instead?.caveat).toContain("refuses the column for the currency");
    expect((await read({ instead: answer.instead })).total).toBe("5");
    expect(asked).toHaveLength(3);
    // A no that has another reason stays what it was.
    await expect(vendor(facts({ a: 2 }), 10, ["currency", "offer"]).read()).rejects.toMatchObject({
      kind: "rejected",
      message: "answered 400: unknown column offer",
    });
  });
});

describe("the conversions", () => {
  test("pages are as long as they may be, over the whole day by New York's clock", () => {
    expect(everflowConversions.request({ slice, secrets, cursor: 3 })).toMatchObject({
      query: { page: 3, page_size: 2_000 },
      body: { from: "2025-12-18 00:00:00", to: "2025-12-18 23:59:59", timezone_id: 80, show_events: true },
    });
  });

  test("nothing that names a person is kept, wherever it stands; of new fields only the names", async () => {
    const news = (stringify(load("everflow-conversions.json")) ?? "").replace(
      '"status"',
      '"phone_number":"+1 555 canary","status"',
    );
    const answer = await readHeld({
      source: everflowConversions,
      slice,
      secrets,
      http: { json: () => Promise.resolve(parse(news)) },
    });
    expect(JSON.stringify(answer)).not.toMatch(/canary|203\.0\.113/i);
    expect(answer.rows[0]).toMatchObject({
      sub1: "creative-7",
      sub2: "{{ad.id}}",
      sub3: null,
      sub4: null,
      extra: '["phone_number"]',
    });
    expect(answer.rows[1]).toMatchObject({
      status: "on_hold",
      isEvent: true,
      payout: "-38.500001",
      currency: "EUR",
      clickedAt: null,
      extra: null,
    });
    expect(answer.total).toBe("45");
  });
});

describe("what the vendor has moved, renamed or left out", () => {
  const [whole] = (load("everflow-conversions.json") as { conversions: Record<string, unknown>[] }).conversions;
  const body = (changed: Record<string, unknown>) => ({
    conversions: [{ ...whole, ...changed }],
    paging: { page: 1, page_size: 2_000, total_count: 1 },
  });
  const read = (source: AnySource, answer: unknown) =>
    readHeld({ source, slice, secrets, http: { json: () => Promise.resolve(parse(stringify(answer) ?? "")) } });

  test.each([
    [{ relationship: undefined }, "relationship"],
    [{ relationship: {} }, "relationship.affiliate"],
    [{ relationship: { affiliate: { network_affiliate_id: "" } } }, "relationship.affiliate.network_affiliate_id"],
    [{ status: "" }, "status is empty"],
    [{ currency_id: " " }, "currency_id is empty"],
    [{ currency_id: "EURO" }, "currency_id expected a currency"],
    [{ conversion_id: undefined }, "conversion_id"],
    [{ conversion_unix_timestamp: 1_700_000_000 }, "is of 2023-11-14, not of 2025-12-18"],
  ])("a conversion with %j is no conversion of nobody's, but a malformed answer", async (changed, message) => {
    await expect(read(everflowConversions, body(changed))).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ["date", "1700000000", "is of 2023-11-14, not of 2025-12-18"],
    ["affiliate", "", "id is empty"],
    ["currency", "", "id is empty"],
  ])("a row of the statistics whose %s is %j is refused", async (type, id, message) => {
    const table = load("everflow-stats.json") as { table: { columns: { column_type: string; id: string }[] }[] };
    for (const column of table.table[0]?.columns ?? []) if (column.column_type === type) column.id = id;
    await expect(read(everflowDailyStats, table)).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining(message),
    });
  });
});

describe("the account", () => {
  const check = (list: object[]) => everflowDailyStats.vendor.check?.(parse(JSON.stringify({ timezones: list })));

  test("is taken when 80 is New York in its own list, and refused when days would be cut elsewhere", () => {
    const newYork = { timezone_id: 80, timezone: "America/New_York" };
    expect(check([{ timezone_id: 67, timezone: "UTC" }, newYork])).toBeNull();
    expect(
      check([
        { timezone_id: 80, timezone: "America/Chicago" },
        { ...newYork, timezone_id: 81 },
      ]),
    ).toBe("time zone 80 is America/Chicago there, not America/New_York (which is 81): days would be cut elsewhere");
    expect(check([])).toContain("is unknown there");
    expect(everflowDailyStats.vendor.check?.({ error: "x" })).toContain("another shape");
  });
});

describe("against the sandbox", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ today: "2026-06-30", limits: { everflow: { perSecond: null } } });
  });
  beforeEach(() => control("DELETE", "/faults"));
  afterAll(() => sandbox.close());

  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }
  const fault = (kind: string, parameters: object = {}) =>
    control("POST", "/faults", { vendor: "everflow", kind, ...parameters });
  const dump = async (client: string, table: string) =>
    (await control(
      "GET",
      `/dump?vendor=everflow&client=${client}&table=${table}&from=${slice.day}&to=${slice.day}`,
    )) as Record<string, string | number>[];

  function read(source: AnySource, client: string): Promise<HeldAnswer> {
    const http = createHttp({
      baseUrl: `${sandbox.url}/everflow`,
      erase: (text) => text,
      redact: (text) => text,
      beforeRequest: () => Promise.resolve(() => Promise.resolve()),
      quota: source.vendor.quota,
    });
    return readHeld({ source, slice, secrets: { EVERFLOW_API_KEY: `sandbox-${client}` }, http });
  }
  const statsOf = (answer: HeldAnswer) =>
    answer.rows
      .map((row) =>
        [
          row["affiliateId"],
          row["offerId"],
          row["currency"],
          row["clicks"],
          row["conversions"],
          row["events"],
          row["payout"],
          row["revenue"],
          row["profit"],
        ].join(" "),
      )
      .sort();
  const trueStats = async (client: string) =>
    (await dump(client, "daily_stats"))
      .map((row) =>
        [
          row["affiliate_id"],
          row["offer_id"],
          row["currency"],
          row["clicks"],
          row["conversions"],
          row["events"],
          ...["payout", "revenue", "profit"].map((name) => sumMoney([String(row[name])])),
        ].join(" "),
      )
      .sort();
  const conversionsOf = (answer: HeldAnswer) =>
    answer.rows.map((row) => [row["conversionId"], row["status"], row["currency"], row["payout"]].join(" ")).sort();
  const trueConversions = async (client: string) =>
    (await dump(client, "conversions"))
      .map((row) => [row["conversion_id"], row["status"], row["currency"], sumMoney([String(row["payout"])])].join(" "))
      .sort();

  test("a day is read as it is, row by row", async () => {
    const stats = await read(everflowDailyStats, "713");
    expect(statsOf(stats)).toEqual(await trueStats("713"));
    expect(stats.pages).toBe(1);
    expect(new Set(stats.rows.map((row) => row["currency"]))).toEqual(new Set(["USD", "EUR", "GBP"]));
    const conversions = await read(everflowConversions, "713");
    expect(conversionsOf(conversions)).toEqual(await trueConversions("713"));
    expect(JSON.stringify(conversions)).not.toMatch(/canary|198\.51|555 01|@/i);
    expect(conversions.rows.every((row) => row["extra"] === null)).toBe(true);
  });

  test("a day of 10,001 rows is asked for by affiliate, and no row is lost or twice", async () => {
    const answer = await read(everflowDailyStats, "wide");
    expect(answer.rows).toHaveLength(10_001);
    // The day, the list of its 73 affiliates, and eight groups of them.
    expect(answer.pages).toBe(1 + 1 + 8);
    // The test runner would print whole days to show where they differ.
    expect(JSON.stringify(statsOf(answer)) === JSON.stringify(await trueStats("wide"))).toBe(true);
  }, 120_000);

  test("a part of which not even the list fits is refused whole", async () => {
    await fault("page_cap", { rows: 40 });
    await expect(read(everflowDailyStats, "wide")).rejects.toMatchObject({
      kind: "malformed",
      message: `the answer is cut short: even the list of offers of advertiser 1 is: ${noSmallerPart}`,
    });
  });

  test("conversions that come while pages are read are neither lost nor doubled", async () => {
    await fault("insert_while_paging", { rows: 7, most: 35, match: { day: slice.day } });
    const answer = await read(everflowConversions, "wide");
    expect(answer.pages).toBeGreaterThan(2);
    expect(JSON.stringify(conversionsOf(answer)) === JSON.stringify(await trueConversions("wide"))).toBe(true);
  }, 120_000);

  test("a day that never stops growing is whole when it has all that was there as its last reading began", async () => {
    await fault("insert_while_paging", { rows: 5, most: 100_000, match: { day: slice.day } });
    const answer = await read(everflowConversions, "713");
    const there = new Set(conversionsOf(answer));
    expect(there.size).toBe(answer.rows.length);
    const missing = (await trueConversions("713")).filter((row) => !there.has(row));
    expect(missing.length).toBeLessThanOrEqual(5);
    expect(missing.every((row) => row.includes("pending"))).toBe(true);
  });

  test("a page that comes again is an error, and so is a total that the pages never reach", async () => {
    await fault("repeat_page");
    await expect(read(everflowConversions, "wide")).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("repeats an earlier page"),
    });
    await control("DELETE", "/faults");
    await fault("total_off", { field: "total_count", amount: 1 });
    await expect(read(everflowConversions, "713")).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("moved while they were read, 3 times"),
    });
  });
});

import { describe, expect, test } from "@jest/globals";
import { parse } from "lossless-json";
import { describeSource, load } from "../../test/describe-source.ts";
import { readHeld } from "../../test/read-held.ts";
import { QuarantinedRow } from "../source.ts";
import { redtrackCampaignSpend, redtrackDailySpend as source } from "./redtrack.ts";

describeSource(redtrackCampaignSpend, ["redtrack-campaigns.json"]);
describeSource(source, ["redtrack-report.json", "redtrack-report-bare.json"]);

const slice = { day: "2025-12-18", timezone: "America/New_York" };
const secrets = { REDTRACK_API_KEY: "key" };

/** Reads a slice of which these texts are the pages. */
function read(...pages: string[]) {
  const left = pages.slice();
  return readHeld({ source, slice, secrets, http: { json: () => Promise.resolve(parse(left.shift() ?? "[]")) } });
}
const row = (fields: string) =>
  `[{"source":"A","source_id":"a1","clicks":1,"conversions":0,"cost":1.5${fields === "" ? "" : `,${fields}`}}]`;

test("one day is asked for at a time, in the source's zone, with a total, in an order that does not move", () => {
  expect(source.request({ slice, secrets, cursor: 3 })).toEqual({
    path: "/report",
    query: {
      api_key: "key",
      group: "source",
      date_from: "2025-12-18",
      date_to: "2025-12-18",
      timezone: "America/New_York",
      sortby: "source_id",
      direction: "asc",
      total: true,
      page: 3,
      per: 1_000,
    },
  });
});

test("a recorded day is read to the last digit", async () => {
  const answer = await readHeld({
    source,
    slice,
    secrets,
    http: { json: () => Promise.resolve(load("redtrack-report.json")) },
  });
  expect(
    answer.rows.map(({ sourceId, cost, clicks, conversions, totalConversions }) => [
      sourceId,
      cost,
      clicks,
      conversions,
      totalConversions,
    ]),
  ).toEqual([
    ["65f1c0ffee0000000000a001", "26269.2", 26135, 573, 801],
    ["65f1c0ffee0000000000a002", "1999.005", 1204, 31, 44],
    ["65f1c0ffee0000000000a003", "8450.12", 8, 0, 0],
    ["65f1c0ffee0000000000a004", "0", 310, 2, 2],
  ]);
  expect(answer).toMatchObject({ total: "36718.325", quarantinedTotal: "12.37", vendorTotal: "36730.695", pages: 1 });
});

describe("the shapes of an answer", () => {
  test.each([
    ["a bare list", row(""), null],
    ["a list with its total", `{"items":${row("")},"total":{"cost":1.50}}`, "1.5"],
    ["a total without a cost", `{"items":${row("")},"total":{}}`, null],
    ["no total", `{"items":${row("")}}`, null],
    ["a null total", `{"items":${row("")},"total":null}`, null],
  ])("%s", async (_, json, vendorTotal) => {
    expect(await read(json)).toMatchObject({
      rows: [{ sourceId: "a1", cost: "1.5", date: "2025-12-18" }],
      vendorTotal,
      total: "1.5",
    });
  });

  test.each([["null"], ["[]"], ['{"items":null,"total":{"cost":0}}'], ['{"items":[],"total":{"cost":"0.00"}}']])(
    "%s is an empty day",
    async (json) => {
      expect(await read(json)).toMatchObject({ rows: [], quarantined: [], total: "0", pages: 1 });
    },
  );

  test.each([['{"data":[]}'], ['"ok"'], ["7"], ["true"], ["[[]]"], ["[null]"], ['{"items":{}}'], ['{"items":[1]}']])(
    "%s is none we know",
    async (json) => {
      await expect(read(json)).rejects.toMatchObject({ kind: "malformed" });
    },
  );
});

describe("numbers", () => {
  test("are taken as text too, to the last digit", async () => {
    const json =
      '[{"source_id":"a1","clicks":"26135","conversions":"573.0","cost":"8450.119999999999","revenue":"1e3"}]';
    expect(await read(json)).toMatchObject({
      rows: [{ clicks: 26_135, conversions: 573, cost: "8450.12", revenue: "1000" }],
    });
  });

  test.each([
    ["cost", "null"],
    ["cost", '""'],
    ["cost", '" "'],
    ["cost", '"1,234.50"'],
    ["cost", '"NaN"'],
    ["cost", "1e400"],
    ["cost", "true"],
    ["cost", "{}"],
    ["clicks", "null"],
    ["clicks", "-1"],
    ["clicks", "1.5"],
    ["conversions", '""'],
    ["conversions", "1e30"],
    ["revenue", '"free"'],
  ])("a %s of %s is malformed, and the message says where", async (field, value) => {
    const good: Record<string, string> = { source_id: '"a1"', clicks: "1", conversions: "0", cost: "1" };
    const json = (fields: Record<string, string>) =>
      `{${Object.entries(fields)
        .map(([name, text]) => `"${name}":${text}`)
        .join(",")}}`;
    const body = `{"items":[${json(good)},${json({ ...good, source_id: '"a2"', [field]: value })}],"total":{"cost":2}}`;
    await expect(read(body)).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringMatching(new RegExp(`^items\\[1\\]\\.${field} expected (whole )?number`)),
    });
  });

  test.each(["cost", "clicks", "conversions"])("a row without %s is malformed, not a zero", async (field) => {
    const fields = ["source_id", "clicks", "conversions", "cost"].filter((name) => name !== field);
    const json = `[{${fields.map((name) => `"${name}":${name === "source_id" ? '"a1"' : 1}`).join(",")}}]`;
    await expect(read(json)).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining(`[0].${field} `),
    });
  });
});

describe("a row without a source", () => {
  test.each([['""'], ["null"], ['"  "']])("%s is quarantined with its cost, not dropped", async (id) => {
    const blank = `{"source_id":${id},"source":"direct","clicks":5,"conversions":1,"cost":3.70}`;
    const answer = await read(
      `{"items":[${blank},{"source_id":"a1","clicks":1,"conversions":0,"cost":1.5}],"total":{"cost":5.2}}`,
    );
    expect(answer.quarantined).toEqual([
      new QuarantinedRow("no source_id", "3.7", { source: "direct", cost: "3.7", clicks: 5, conversions: 1 }),
    ]);
    expect(answer).toMatchObject({ total: "1.5", quarantinedTotal: "3.7", vendorTotal: "5.2" });
  });

  test("one whose column is gone is a change of the vendor's", async () => {
    await expect(
      read('[{"sourceId":"a1","source":"direct","clicks":5,"conversions":1,"cost":3.70}]'),
    ).rejects.toMatchObject({
      kind: "malformed",
      message: expect.stringContaining("source_id"),
    });
  });
});

describe("what else a row says", () => {
  test("is kept with every digit and every name as the vendor wrote it", async () => {
    const [kept] = (await read(row('"roi":30.870,"deep":{"list":[1.10,null,"ł"]},"big":12345678901234567890'))).rows;
    expect(kept?.["extra"]).toBe('{"roi":30.870,"deep":{"list":[1.10,null,"ł"]},"big":12345678901234567890}');
    expect((await read(row(""))).rows[0]?.["extra"]).toBeNull();
  });

  test.each([
    [String.raw`a\u0000b`, "ab"],
    [String.raw`\u0000\u0000`, ""],
    [String.raw`half a pair \ud83d.`, "half a pair ."],
    [String.raw`a whole one \ud83d\ude80`, "a whole one 🚀"],
    [String.raw`C:\\u0000`, String.raw`C:\u0000`],
    [String.raw`C:\\\u0000`, "C:\\"],
  ])("without what a jsonb cannot hold, and nothing else lost: %s", async (sent, stored) => {
    const [kept] = (await read(row(`"note":"${sent}"`))).rows;
    expect(JSON.parse(String(kept?.["extra"]))).toEqual({ note: stored });
  });

  test("ids that come as numbers keep their digits; names may be missing; one source twice in a page is refused", async () => {
    const json = '[{"source_id":123456789012345678901,"clicks":1,"conversions":0,"cost":1}]';
    expect((await read(json)).rows).toMatchObject([
      { sourceId: "123456789012345678901", sourceName: null, sourceAlias: null, revenue: null },
    ]);
    await expect(read(`[${row("").slice(1, -1)},${row("").slice(1, -1)}]`)).rejects.toMatchObject({
      kind: "duplicate_key",
    });
  });

  test("a name that Postgres could not store is malformed before it gets there", async () => {
    await expect(
      read(String.raw`[{"source_id":"a1","source":"a\u0000b","clicks":1,"conversions":0,"cost":1}]`),
    ).rejects.toMatchObject({ kind: "malformed" });
    await expect(
      read(String.raw`[{"source_id":"a\u0000","source":"b","clicks":1,"conversions":0,"cost":1}]`),
    ).rejects.toMatchObject({ kind: "malformed" });
  });
});

describe("a no under HTTP 200", () => {
  const refusal = (body: unknown) => source.vendor.refusal?.(body) ?? null;
  test("is recognised by its shape, and quoted", () => {
    expect(refusal({ error: "Problem with loading report" })).toEqual({
      kind: "unavailable",
      message: 'answered 200 with an error: "Problem with loading report"',
    });
    expect(refusal({ message: "API rate limit exceeded" })).toMatchObject({ kind: "unavailable" });
    expect(refusal({ status: 429, message: "slow down" })).toMatchObject({ kind: "rate_limited" });
  });

  test("is not seen in a good answer", () => {
    for (const body of [
      null,
      [],
      [{ error: "a column of that name" }],
      { items: null },
      { items: [], total: {} },
      "text",
      7,
    ])
      expect(refusal(body)).toBeNull();
  });
});

describe("what the headers say about the quota", () => {
  const quota = (left: string | null, reset: string | null) => {
    const headers = new Headers({ "x-ratelimit-limit-minute": "20" });
    if (left !== null) headers.set("X-RateLimit-Remaining-Minute", left);
    if (reset !== null) headers.set("RateLimit-Reset", reset);
    return source.vendor.quota?.(headers) ?? null;
  };

  test("with less than two calls left the minute is over: one call may cost two", () => {
    expect(quota("0", "42")).toEqual({ waitMs: 42_000 });
    expect(quota("1", "7")).toEqual({ waitMs: 7_000 });
    expect(quota("2", "42")).toBeNull();
    expect(quota("18", "42")).toBeNull();
  });

  test("headers that are missing or senseless say nothing", () => {
    for (const [left, reset] of [
      [null, "42"],
      ["0", null],
      ["-1", "42"],
      ["0", "1763704800"],
      ["0", "soon"],
      ["", "1"],
    ] as const) {
      expect(quota(left, reset)).toBeNull();
    }
  });
});

test("campaigns are asked for with their sources; traffic without a source is kept, traffic without a campaign is quarantined", async () => {
  expect(redtrackCampaignSpend.request({ slice, secrets, cursor: null }).query).toMatchObject({
    group: "campaign,source",
    sortby: "campaign_id,source_id",
  });
  const answer = await readHeld({
    source: redtrackCampaignSpend,
    slice,
    secrets,
    http: { json: () => Promise.resolve(load("redtrack-campaigns.json")) },
  });
  expect(answer.rows.map(({ campaignId, sourceId, cost }) => [campaignId, sourceId, cost])).toEqual([
    ["65f1c0ffee0000000000c001", "65f1c0ffee0000000000a001", "120.5"],
    ["65f1c0ffee0000000000c001", "none", "3.25"],
  ]);
  expect(answer).toMatchObject({ total: "123.75", quarantinedTotal: "1.5", vendorTotal: "125.25" });
});

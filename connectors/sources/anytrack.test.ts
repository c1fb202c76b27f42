import { expect, test } from "@jest/globals";
import { parse } from "lossless-json";
import { describeSource } from "../../test/describe-source.ts";
import { readHeld } from "../../test/read-held.ts";
import { anytrackPulledConversions as source } from "./anytrack.ts";

describeSource(source, ["anytrack-conversions.json"]);

const slice = { day: "2025-12-18", timezone: "America/New_York" };
const secrets = { ANYTRACK_API_KEY: "key", ANYTRACK_ACCOUNT_ID: "account" };

function read(...pages: string[]) {
  const left = pages.slice();
  return readHeld({
    source,
    slice,
    secrets,
    http: { json: () => Promise.resolve(parse(left.shift() ?? '{"data":[]}')) },
  });
}
const row = (fields: object = {}) => ({
  id: "1",
  click_id: "c",
  conversion_type: "sale",
  revenue: 5,
  currency: "USD",
  timestamp: "2025-12-18T15:00:00",
  order_id: "O1",
  ...fields,
});

test("a day is asked for by its two moments in the source's zone, the key in the headers alone", () => {
  expect(source.request({ slice, secrets, cursor: "2" })).toEqual({
    path: "/conversions",
    query: { date_from: "2025-12-18T05:00:00.000Z", date_to: "2025-12-19T05:00:00.000Z", cursor: "2" },
    headers: { authorization: "Bearer key", "x-account-id": "account" },
  });
});

test("it is optional and partial: nobody misses it, and it withdraws nothing", () => {
  expect([source.vendor.optional, source.answers]).toEqual([true, "partial"]);
});

test("a conversion on the edge belongs to the day it happened on", async () => {
  const rows = [
    row({ timestamp: "2025-12-18T04:59:59", order_id: "before" }),
    row({ timestamp: "2025-12-18T05:00:00", order_id: "first" }),
    row({ timestamp: "2025-12-19T05:00:00", order_id: "after" }),
  ];
  expect((await read(JSON.stringify({ data: rows }))).rows.map((one) => one["orderId"])).toEqual(["first"]);
});

test("the amount keeps its digits, and the journey its order", async () => {
  const text = JSON.stringify({
    data: [
      row({
        touchpoints: [
          { type: "click", timestamp: "2025-12-18T01:00:00", source: "b" },
          { type: "click", timestamp: "2025-12-17T01:00:00", source: "a" },
        ],
      }),
    ],
  }).replace('"revenue":5', '"revenue":1999.0000005');
  const answer = await read(text);
  expect(answer.total).toBe("1999.000001");
  expect(JSON.parse(String(answer.rows[0]?.["touchpoints"]))).toMatchObject([{ source: "a" }, { source: "b" }]);
});

test.each([
  ["no amount", { revenue: null }, "data[0].revenue is missing"],
  ["an amount that is none", { revenue: "x" }, "data[0].eventValue must be an amount"],
  ["no time", { timestamp: null }, "data[0].eventTime must be a moment"],
])("%s is an error that names the field", async (_, fields, message) => {
  await expect(read(JSON.stringify({ data: [row(fields)] }))).rejects.toThrow(message);
});

test("pages are followed by their cursor", async () => {
  const answer = await read(
    JSON.stringify({ data: [row()], next_cursor: "2" }),
    JSON.stringify({ data: [row({ order_id: "O2" })], next_cursor: null }),
  );
  expect([answer.pages, answer.rows.length]).toEqual([2, 2]);
});

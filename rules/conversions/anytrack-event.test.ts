import { describe, expect, test } from "@jest/globals";
import { parse } from "lossless-json";
import { sha256 } from "../../core/crypto.ts";
import { eventHash, identityOf, readAnytrackEvent } from "./anytrack-event.ts";
import { conversionKey } from "./conversion-key.ts";
import type { ConversionEvent } from "./shapes.ts";
import { readWebhookBody } from "./webhook-body.ts";

const now = new Date("2026-03-09T00:00:00Z");

/** As vendors.md has it. */
const webhook = `{"assetId":"asset_7Qk","clientId":"3f0a","externalClientIds":{"googleAnalytics":"99532458.1592848149"},
 "clickId":"atclk_0001","externalClickId":"fbclid-XYZ","eventName":"Purchase","eventTime":"2026-03-08T11:03:22.499Z",
 "eventTimestamp":1772967802,"eventValue":60.10,"currency":"eur","userAgent":"Mozilla/5.0"}`;

function read(json: string | Record<string, unknown>): ConversionEvent {
  const event = readAnytrackEvent(typeof json === "string" ? parse(json) : json);
  if (event.kind !== "conversion") throw new Error(JSON.stringify(event));
  return event.conversion;
}
const minimal = { eventName: "Purchase", eventTime: "2026-03-08T11:03:22Z" };

describe("the key of a conversion", () => {
  const at = new Date("2026-03-08T11:03:22.499Z");
  const hashed = (...parts: unknown[]) => `event:${sha256(JSON.stringify(parts))}`;
  const second = 1_772_967_802;
  const parts = { orderId: null, assetId: "asset_7Qk", eventName: "Purchase", clickId: "atclk_0001", eventTime: at };

  test.each([
    ["an order counts alone", { ...parts, orderId: "ORD-12345" }, "order:ORD-12345"],
    ["whoever names it", { ...parts, assetId: null, clickId: null, orderId: "ORD-12345" }, "order:ORD-12345"],
    ["without one: asset, event, click and second", parts, hashed("asset_7Qk", "SALE", "atclk_0001", second)],
    [
      "milliseconds do not count",
      { ...parts, eventTime: new Date("2026-03-08T11:03:22.001Z") },
      hashed("asset_7Qk", "SALE", "atclk_0001", second),
    ],
    [
      "the next second is another",
      { ...parts, eventTime: new Date("2026-03-08T11:03:23Z") },
      hashed("asset_7Qk", "SALE", "atclk_0001", second + 1),
    ],
    [
      "one event under two names is one",
      { ...parts, eventName: "sale" },
      hashed("asset_7Qk", "SALE", "atclk_0001", second),
    ],
    ["another kind is another", { ...parts, eventName: "Lead" }, hashed("asset_7Qk", "LEAD", "atclk_0001", second)],
    [
      "an unknown kind counts by its name",
      { ...parts, eventName: "TrialEnded" },
      hashed("asset_7Qk", "TrialEnded", "atclk_0001", second),
    ],
    ["another asset is another", { ...parts, assetId: "b" }, hashed("b", "SALE", "atclk_0001", second)],
    [
      "without a click the visitor tells them apart",
      { ...parts, clickId: null, visitorId: "3f0a" },
      hashed("asset_7Qk", "SALE", "visitor 3f0a", second),
    ],
    [
      "with a click the visitor does not count",
      { ...parts, visitorId: "3f0a" },
      hashed("asset_7Qk", "SALE", "atclk_0001", second),
    ],
    ["with nothing there is still a key", { ...parts, assetId: null, clickId: null }, hashed("", "SALE", "", second)],
  ])("%s", (_, given, expected) => {
    expect(conversionKey(given)).toBe(expected);
  });
});

test("the vendor's own example is read to the last digit, and nothing of the person is left in it", () => {
  const event = read(webhook);
  expect(event).toMatchObject({
    type: "SALE",
    eventName: "Purchase",
    assetId: "asset_7Qk",
    clickId: "atclk_0001",
    revenue: "60.1",
    currency: "EUR",
    eventTime: new Date("2026-03-08T11:03:22.499Z"),
    version: new Date("2026-03-08T11:03:22.499Z"),
    unknownFields: null,
    touchpoints: null,
  });
  expect(JSON.stringify(event)).not.toMatch(/Mozilla|fbclid|3f0a|99532458/);
});

test("what a delivery may need of the person goes out by one door", () => {
  expect(identityOf(parse(webhook))).toEqual({
    conversionKey: read(webhook).conversionKey,
    orderId: read(webhook).orderId,
    eventTime: new Date("2026-03-08T11:03:22.499Z"),
    fields: {
      clientId: "3f0a",
      externalClickId: "fbclid-XYZ",
      externalClientIds: '{"googleAnalytics":"99532458.1592848149"}',
      userAgent: "Mozilla/5.0",
    },
  });
  expect(identityOf(minimal)).toBeNull();
});

test("of fields we do not know, only the names stay", () => {
  const event = read({ ...minimal, shoeSize: "44 canary", ip_address: "203.0.113.7", Email: "a@b.example" });
  expect(event.unknownFields).toEqual(["shoeSize"]);
  expect(JSON.stringify(event)).not.toMatch(/canary|203\.0|a@b/);
});

test.each([
  ["e-mail", "jane@shop.example"],
  ["escaped e-mail", "jane%40shop.example"],
  ["IPv4", "203.0.113.7"],
  ["IPv6", "2001:db8:0:0:0:0:0:1"],
])("an %s in a field meant for something else is dropped", (_, value) => {
  const event = read({
    ...minimal,
    source: value,
    campaignId: value,
    subIds: { sub2: value, sub3: "kept" },
    touchpoints: [
      { timestamp: "2026-03-01", source: value },
      { timestamp: "2026-03-01T00:00:00", source: value },
    ],
  });
  expect(event).toMatchObject({ source: null, campaignId: null, subIds: { sub3: "kept" } });
  expect(JSON.stringify(event)).not.toContain(value);
  expect(read({ ...minimal, orderId: value }).orderId).toBe(sha256(value));
});

test.each([
  ["Purchase", "SALE"],
  ["sale", "SALE"],
  ["LEAD", "LEAD"],
  ["FormSubmit", "LEAD"],
  ["CompleteRegistration", "SIGNUP"],
  ["signup", "SIGNUP"],
  ["custom", "CUSTOM"],
  ["TrialEnded", "TrialEnded"],
])("%s is of type %s", (eventName, type) => {
  expect(read({ ...minimal, eventName }).type).toBe(type);
});

test("a click is a click, a visit is neither, whatever they are called", () => {
  const click = { clickId: "atclk_1", eventTime: "2026-03-08T11:00:00Z", sub1: "aff_1" };
  expect(readAnytrackEvent({ ...click, eventName: "OutboundClick" })).toMatchObject({
    kind: "click",
    click: { clickId: "atclk_1", affiliateId: "aff_1" },
  });
  expect(readAnytrackEvent({ ...click, eventName: "PageView" })).toEqual({ kind: "visit" });
});

test("names are known however they are spelled, and sub ids from either shape; the first names the affiliate", () => {
  const event = read({
    event_name: "Purchase",
    "Event-Time": "2026-03-08T11:03:22",
    Transaction_ID: "T1",
    sub1: "aff_9",
    subIds: { creative: "c1" },
    CAMPAIGNID: "k",
  });
  expect(event).toMatchObject({
    orderId: "T1",
    campaignId: "k",
    affiliateId: "aff_9",
    subIds: { sub1: "aff_9", creative: "c1" },
  });
  expect(read({ ...minimal, affiliate_id: "a", sub1: "b" }).affiliateId).toBe("a");
});

test("a row of the pull and an event of the webhook about one order have one key", () => {
  const row = {
    id: "1",
    click_id: "atclk_0001",
    conversion_type: "sale",
    revenue: 60.1,
    currency: "EUR",
    timestamp: "2026-03-08T11:03:22",
    order_id: "O1",
  };
  expect(read(row).conversionKey).toBe(read({ ...minimal, transactionId: "O1" }).conversionKey);
  const bare = { ...row, order_id: null, asset_id: "asset_7Qk" };
  expect(read(bare).conversionKey).toBe(read(webhook).conversionKey);
});

test("touchpoints come in the order of time, without those after the conversion", () => {
  const { touchpoints } = read({
    ...minimal,
    touchpoints: [
      { type: "click", source: "facebook", timestamp: "2026-03-08T09:00:00", campaign_id: "c2" },
      { type: "click", source: "later", timestamp: "2026-03-08T12:00:00" },
      { type: "VIEW", source: "google", timestamp: "2026-03-01T09:00:00" },
      "not a step",
    ],
  });
  expect(touchpoints).toMatchObject([
    { type: "view", source: "google" },
    { type: "click", source: "facebook", campaignId: "c2" },
  ]);
  expect(read({ ...minimal, touchpoints: [] }).touchpoints).toBeNull();
});

const say = (fields: string) => `{"eventName":"Purchase",${fields}}`;
const saying = (fields: string) => say(`"eventTime":"2026-03-08T11:03:22Z",${fields}`);
const noMoment = { eventTime: expect.stringContaining("must be a moment") };

test("a currency is told by its code, and may be left out; a zero is an amount", () => {
  for (const [currency, stored] of [
    [" usd ", "USD"],
    ["", null],
    [null, null],
  ])
    expect(read({ ...minimal, currency, eventValue: "0.00" })).toMatchObject({ currency: stored, revenue: "0" });
});

test("a field's name that is no plain word may name a person, and is not kept", () => {
  const event = read({
    ...minimal,
    shoeSize: 7,
    "jane.roe@victim.example": 1,
    "+1 415 559 7999": 1,
    subIds: { "jane.roe@victim.example": "x", creative: "c1" },
  });
  expect(event.unknownFields).toEqual(["(unreadable)", "shoeSize"]);
  expect(event.subIds).toEqual({ creative: "c1" });
});

test.each([
  ["not JSON", "{", { body: "must be JSON" }],
  ["nothing", "", { body: "must be JSON" }],
  ["no events", "[]", { body: expect.stringContaining("1 to") }],
  ["a text", '"x"', { body: "expected an object" }],
  ["no time", '{"eventName":"Purchase"}', { eventTime: expect.any(String) }],
  ["no name", '{"eventTime":"2026-03-08T11:03:22Z"}', { eventName: "is missing" }],
  ["a day as time", '{"eventName":"Lead","eventTime":"2026-13-08T11:03:22Z"}', { eventTime: expect.any(String) }],
  [
    "money that is none",
    '{"eventName":"Lead","eventTime":"2026-03-08T11:03:22Z","eventValue":"1,234.50"}',
    { eventValue: "must be an amount" },
  ],
  ["a moment that is none beside one that is", say('"eventTime":"yesterday","eventTimestamp":1772967802'), noMoment],
  [
    "a day that is none beside seconds",
    say('"eventTime":"2025-02-30T00:00:00Z","eventTimestamp":1772967802'),
    noMoment,
  ],
  [
    "an hour that is none beside seconds",
    say('"eventTime":"2026-03-08T25:00:00Z","eventTimestamp":1772967802'),
    noMoment,
  ],
  ["a change at no moment", saying('"updatedAt":"yesterday"'), { updatedAt: expect.any(String) }],
  ...['"EURO"', '"US$"', '"€"', "978", '"XXX"', '["USD"]', '{"code":"USD"}', "true"].map(
    (currency): [string, string, object] => [
      `the currency ${currency}`,
      saying(`"currency":${currency}`),
      { currency: "must be a currency of ISO 4217, such as USD" },
    ],
  ),
  ...["1e-7", '"0.0000004"'].map((amount): [string, string, object] => [
    `the amount ${amount}`,
    saying(`"eventValue":${amount}`),
    { eventValue: expect.stringContaining("less than a millionth") },
  ]),
  [
    "one of a batch",
    '[{"eventName":"Lead","eventTime":"2026-03-08T11:03:22Z"},7,{"eventName":"Lead"}]',
    { "1": "expected an object", "2.eventTime": expect.any(String) },
  ],
])("a body that holds %s is refused by field, with none of its content", (_, body, details) => {
  expect(readWebhookBody(body, { now })).toEqual({ kind: "problem", details });
});

test("one event, or a list of them", () => {
  const found = readWebhookBody(`[${webhook},{"eventName":"PageView","eventTime":"2026-03-08T11:03:22Z"}]`, { now });
  expect(found).toMatchObject({
    kind: "events",
    conversions: [{ type: "SALE" }],
    clicks: [],
    visits: 1,
    identities: [{}],
  });
  expect(readWebhookBody(webhook, { now })).toMatchObject({ kind: "events", conversions: [{ type: "SALE" }] });
});

test("the same event has the same hash in any spelling and order, another amount another", () => {
  const one = read({ ...minimal, orderId: "1", eventValue: "5.00", sub1: "a", sub2: "b" });
  const other = read({ sub2: "b", sub1: "a", event_value: "5", order_id: "1", news: 1, ...minimal });
  expect(eventHash(one)).toBe(eventHash(other));
  expect(eventHash(read({ ...minimal, orderId: "1", eventValue: "5.01", sub1: "a", sub2: "b" }))).not.toBe(
    eventHash(one),
  );
});

test("text that no column can hold is made storable", () => {
  const event = read({ ...minimal, source: "a\0b\ud800", sub1: "__proto__", subIds: { __proto__: "x" } });
  expect(event.source).toBe("a\ufffdb\ufffd");
});

test.each([
  ["a day that there is not", { eventTime: "2026-02-30T10:00:00Z" }, "eventTime must be a moment"],
  ["an hour that there is not", { eventTime: "2026-03-08T24:00:00Z" }, "eventTime must be a moment"],
  ["a year to come", { eventTime: "2099-01-01T00:00:00Z" }, "eventTime must not be in the future"],
  ["seconds to come", { eventTime: undefined, eventTimestamp: 4_070_908_800 }, "eventTime must not be in the future"],
  ["a change to come", { updatedAt: "2099-01-01T00:00:00Z" }, "updatedAt must not be in the future"],
  ["a NUL in its order", { orderId: "A\0B" }, "orderId must not hold control characters"],
  ["a line break in its order", { transaction_id: "A\nB" }, "orderId must not hold control characters"],
  ["half a character in its order", { orderId: "A\ud800" }, "orderId must not hold control characters"],
  ["a control character in its click", { clickId: "c\u0007" }, "clickId must not hold control characters"],
  ["an order too long to keep apart", { orderId: `${"A".repeat(200)}1` }, "orderId must have at most 200 characters"],
  ["an order that is a list", { orderId: ["A"] }, "orderId must be text"],
])("an event with %s is refused: made into another, it could be taken for another", (_, change, says) => {
  const read = readAnytrackEvent({ ...minimal, ...change }, { now });
  expect(read.kind === "problem" ? `${read.field} ${read.message}` : read).toContain(says);
});

test("an event's name may be any word of the language it is read in", () => {
  expect(read({ ...minimal, eventName: "constructor" }).type).toBe("constructor");
});

test("a pulled row whose change lies years off does not outweigh all later ones", () => {
  const at = "2026-03-08T11:03:22Z";
  expect(read({ ...minimal, updatedAt: "2099-01-01T00:00:00Z" }).version).toEqual(new Date(at));
  expect(read({ ...minimal, updatedAt: "2026-06-01T00:00:00Z" }).version).toEqual(new Date("2026-06-01T00:00:00Z"));
});

test("what an event says of its click is kept; of its visitor only what nobody can read back", () => {
  const said = { ...minimal, clientId: "3f0a", clickTime: "2026-03-08T10:00:00Z" };
  const of = (record: object, visitorKey?: string) => {
    const event = readAnytrackEvent(record, visitorKey === undefined ? {} : { visitorKey });
    return event.kind === "conversion" ? event.conversion : event;
  };
  expect(of(said)).toMatchObject({ clickTime: new Date("2026-03-08T10:00:00Z"), visitor: null });
  expect(of({ ...minimal, clickTimestamp: 1_772_964_000 })).toMatchObject({
    clickTime: new Date("2026-03-08T10:00:00Z"),
  });
  const visitor = (id: string, key: string) => (of({ ...said, clientId: id }, key) as ConversionEvent).visitor;
  expect(visitor("3f0a", "one")).toMatch(/^[0-9a-f]{32}$/);
  expect(visitor("3f0a", "one")).toBe(visitor("3f0a", "one"));
  expect(new Set([visitor("3f0a", "one"), visitor("3f0a", "two"), visitor("3f0b", "one"), sha256("3f0a")]).size).toBe(
    4,
  );
});

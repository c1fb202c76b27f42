import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { sha256 } from "../../core/crypto.ts";
import { identityOf, type Identity } from "../../rules/conversions/identity.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { describeDestination } from "../../test/describe-destination.ts";
import { createHttp, type Http } from "../http.ts";
import { classifyMeta, meta, metaEvent, metaEventName } from "./meta.ts";
import type { Outgoing, Settled } from "./outgoing.ts";

const now = new Date("2026-03-10T12:00:00Z");
const settings = { META_GRAPH_VERSION: "v26.0" };
const secrets = { META_PIXEL_ID: "123456789012345", META_ACCESS_TOKEN: "sandbox-713" };
const person = identityOf({ email: "someone@shop.example" });

const conversion = (id: string, more: Partial<Outgoing> = {}): Outgoing => ({
  conversionKey: `everflow:${id}`,
  eventId: `everflow:${id}`,
  eventName: "Purchase",
  eventTime: new Date("2026-03-10T11:00:00Z"),
  value: "60.000000",
  currency: "USD",
  orderId: "ord-1",
  clickId: null,
  type: "SALE",
  standing: "stands",
  chargedBack: "0",
  ...more,
});

describeDestination(meta);

let sandbox: Sandbox;
let http: Http;
let settled: Settled[];
beforeAll(async () => {
  sandbox = await startSandbox({ now: now.toISOString() });
});
beforeEach(async () => {
  settled = [];
  await control("DELETE", "/faults");
  await control("DELETE", "/log");
  await control("DELETE", "/clock");
  http = client();
});
afterAll(() => sandbox.close());

function client(): Http {
  const same = (text: string) => text;
  return createHttp({
    baseUrl: `${sandbox.url}/meta`,
    erase: same,
    redact: same,
    classify: meta.classify,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
  });
}

async function control(method: string, path: string, body?: object): Promise<unknown> {
  return (
    await fetch(
      `${sandbox.url}/_control${path}`,
      body === undefined ? { method } : { method, body: JSON.stringify(body) },
    )
  ).json();
}

const heldBy = (name: string) =>
  control("GET", `/dump?vendor=meta&client=${name}&from=2026-01-01&to=2027-01-01`) as Promise<
    { event_id: string; received: number }[]
  >;
const calls = async () => ((await control("GET", "/log?vendor=meta")) as { entries: unknown[] }).entries.length;

const send = (conversions: Outgoing[], { identity = person as Identity | null, as = "713" } = {}) =>
  meta.send({
    http,
    secrets: { ...secrets, META_ACCESS_TOKEN: `sandbox-${as}` },
    settings,
    conversions,
    identities: new Map(identity === null ? [] : conversions.map(({ conversionKey }) => [conversionKey, identity])),
    onSettled: (some) => Promise.resolve(void settled.push(...some)),
  });

test("an event is written as Meta wants it, its amount with every digit it has", async () => {
  await send([conversion("first", { value: "0.100000" })], { as: "shape" });
  const [event] = await heldBy("shape");
  expect(event).toEqual({
    event_name: "Purchase",
    event_time: 1_773_140_400,
    event_id: "everflow:first",
    action_source: "system_generated",
    user_data: { em: [sha256("someone@shop.example")] },
    custom_data: { value: 0.1, currency: "USD", order_id: "ord-1" },
    received: 1,
  });
  expect(JSON.stringify(metaEvent(conversion("x", { value: "123456789012.123456" }), person, settings))).toContain(
    "123456789012.123456",
  );
});

test("it is a website's only with a page and a user agent", () => {
  const page = { ...settings, META_EVENT_SOURCE_URL: "https://shop.example/thanks" };
  expect(metaEvent(conversion("x"), { ...person, client_user_agent: "Mozilla/5.0" }, page)).toMatchObject({
    event: { action_source: "website", event_source_url: page.META_EVENT_SOURCE_URL },
  });
  expect(metaEvent(conversion("x"), person, page)).toMatchObject({ event: { action_source: "system_generated" } });
});

test("what Meta would refuse is not sent: nobody, a Purchase without a currency", async () => {
  await send([conversion("unpriced", { currency: null })], { as: "unsent" });
  await send([conversion("nobody")], { as: "unsent", identity: identityOf({ country: "us", gender: "f" }) });
  expect(settled).toEqual([
    { conversionKey: "everflow:unpriced", state: "failed", answer: expect.stringContaining("currency") },
    { conversionKey: "everflow:nobody", state: "failed", answer: expect.stringContaining("find the person") },
  ]);
  expect(await calls()).toBe(0);
});

test("a click id stands for a person nobody knows more of", () => {
  expect(metaEvent(conversion("x", { clickId: "Click-1" }), null, settings)).toMatchObject({
    event: { user_data: { external_id: [sha256("click-1")] } },
  });
});

describe("one bad event in a batch", () => {
  const poisoned = (count: number, bad: number[]) =>
    Array.from({ length: count }, (_, index) =>
      conversion(String(index), bad.includes(index) ? { currency: "XQZ" } : {}),
    );

  test("of 500 fails alone, named, within twenty calls", async () => {
    await send(poisoned(500, [321]), { as: "poison" });
    expect(settled.filter(({ state }) => state !== "delivered")).toEqual([
      { conversionKey: "everflow:321", state: "failed", answer: expect.stringMatching(/code 100\/2804009.*currency/) },
    ]);
    expect(settled).toHaveLength(500);
    const held = await heldBy("poison");
    expect(held).toHaveLength(499);
    expect(held.every(({ received }) => received === 1)).toBe(true);
    expect(await calls()).toBeLessThanOrEqual(20);
  });

  test("and several are all found", async () => {
    await send(poisoned(40, [0, 17, 18, 39]), { as: "several" });
    expect(settled.filter(({ state }) => state === "failed").map(({ conversionKey }) => conversionKey)).toEqual(
      ["0", "17", "18", "39"].map((id) => `everflow:${id}`),
    );
    expect(await heldBy("several")).toHaveLength(36);
  });

  test("but when every single one is refused it is not the events: no event is blamed", async () => {
    await control("POST", "/faults", { vendor: "meta", kind: "server_error", status: 400 });
    await expect(send(poisoned(64, []), { as: "all" })).rejects.toMatchObject({
      kind: "rejected",
      message: expect.stringContaining("none was taken"),
    });
    expect(settled).toEqual([]);
  });
});

test("Meta itself calling an event too old makes it expired, not failed", async () => {
  await control("PUT", "/clock", { now: "2026-03-17T11:30:00Z" });
  await send([conversion("aged")], { as: "aged" });
  expect(settled).toEqual([
    { conversionKey: "everflow:aged", state: "expired", answer: expect.stringContaining("2804003") },
  ]);
});

test("a repeat within two days counts once, later it counts again", async () => {
  await send([conversion("repeat")], { as: "repeat" });
  await control("PUT", "/clock", { now: "2026-03-12T11:59:00Z" });
  await send([conversion("repeat")], { as: "repeat" });
  expect(await heldBy("repeat")).toMatchObject([{ received: 2 }]);
  await control("PUT", "/clock", { now: "2026-03-12T12:01:00Z" });
  await send([conversion("repeat")], { as: "repeat" });
  expect(await heldBy("repeat")).toHaveLength(2);
});

const graph = (code: number, more: object = {}) => ({ error: { message: "m", type: "OAuthException", code, ...more } });

test.each([
  [401, graph(190), "unauthorized"],
  [400, graph(190), "unauthorized"],
  [400, graph(10), "unauthorized"],
  [403, graph(200), "unauthorized"],
  [400, graph(4), "rate_limited"],
  [400, graph(17, { error_subcode: 2446079 }), "rate_limited"],
  [400, graph(32), "rate_limited"],
  [400, graph(341), "rate_limited"],
  [400, graph(613), "rate_limited"],
  [400, graph(80_000), "rate_limited"],
  [400, graph(80_014), "rate_limited"],
  [400, graph(80_015), "rejected"],
  [400, graph(1), "unavailable"],
  [500, graph(2), "unavailable"],
  [400, graph(100, { is_transient: true }), "unavailable"],
  [400, graph(100), "rejected"],
  [502, null, "unavailable"],
  [403, null, "unauthorized"],
  [404, null, "rejected"],
])("%i %j is %s", (status, body, kind) => {
  expect(classifyMeta(status, body).kind).toBe(kind);
});

test("of Meta's words nothing about a person is kept", () => {
  const message = `bad em someone@shop.example ${sha256("x")} from 203.0.113.7 and 2001:db8::1:2:3 phone +1 650 555 1212 fbc fb.1.177.AbC`;
  const { message: kept } = classifyMeta(400, graph(100, { message }));
  expect(kept).not.toMatch(/someone|[0-9a-f]{64}|203\.0|2001:db8|555|AbC/);
});

test("feeds' names become Meta's own where it has one", () => {
  expect(["Base", "SALE", "LEAD", "SIGNUP", "Upsell 2", " "].map(metaEventName)).toEqual([
    "Purchase",
    "Purchase",
    "Lead",
    "CompleteRegistration",
    "Upsell 2",
    "Other",
  ]);
});

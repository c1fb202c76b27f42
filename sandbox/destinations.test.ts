import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "./server.ts";

const NOW = "2026-03-10T12:00:00Z";
const nowSeconds = Date.parse(NOW) / 1_000;
const hash = (text: string) => createHash("sha256").update(text).digest("hex");

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ now: NOW });
});
afterAll(() => sandbox.close());

async function post(
  path: string,
  body: unknown,
  key = "sandbox-713",
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const response = await fetch(`${sandbox.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const dump = async (vendor: string, client: string) =>
  (await (
    await fetch(`${sandbox.url}/_control/dump?vendor=${vendor}&client=${client}&from=2020-01-01&to=2100-01-01`)
  ).json()) as Record<string, unknown>[];

describe("Meta's stand-in", () => {
  const events = "/meta/v26.0/123456789012345/events";
  const event = (change: object = {}, user: object = {}, custom: object = {}) => ({
    event_name: "Purchase",
    event_time: nowSeconds - 60,
    event_id: "everflow:1",
    action_source: "system_generated",
    user_data: { em: [hash("a@b.example")], ...user },
    custom_data: { value: 60, currency: "USD", ...custom },
    ...change,
  });

  test("takes a good event", async () => {
    expect(await post(events, { data: [event()] })).toMatchObject({
      status: 200,
      body: { events_received: 1, messages: [] },
    });
  });

  test.each<[string, object, number | undefined]>([
    ["an e-mail in clear", event({}, { em: ["a@b.example"] }), undefined],
    ["a hash in capitals", event({}, { em: [hash("a").toUpperCase()] }), undefined],
    ["an MD5", event({}, { ph: ["d41d8cd98f00b204e9800998ecf8427e"] }), undefined],
    ["the hash of nothing", event({}, { fn: [hash("")] }), undefined],
    ["a hashed address", event({}, { client_ip_address: hash("203.0.113.7") }), undefined],
    ["a hashed click", event({}, { fbc: hash("x") }), undefined],
    ["a key it does not know", event({}, { email: "x" }), undefined],
    ["an event of eight days ago", event({ event_time: nowSeconds - 8 * 86_400 }), 2804003],
    ["an event to come", event({ event_time: nowSeconds + 3_600 }), 2804004],
    ["a time in milliseconds", event({ event_time: nowSeconds * 1_000 }), 2804004],
    ["nobody", event({ user_data: { country: [hash("us")] } }), 2804050],
    ["a Purchase without a currency", event({ custom_data: { value: 60 } }), 2804009],
    ["a Purchase without a value", event({ custom_data: { currency: "USD" } }), 2804019],
    ["an amount as text", event({}, {}, { value: "60.00" }), 2804019],
    ["a currency nobody has", event({}, {}, { currency: "XQZ" }), 2804009],
    ["a website event without its page", event({ action_source: "website" }), undefined],
    ["no action source", event({ action_source: undefined }), undefined],
  ])("refuses the whole call for %s", async (_, bad, subcode) => {
    const answer = await post(events, { data: [event({ event_id: "good" }), bad] }, "sandbox-strict");
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 100, ...(subcode === undefined ? {} : { error_subcode: subcode }) } },
    });
    expect(await dump("meta", "strict")).toEqual([]);
  });

  test("refuses more than a thousand, an old version, an unknown pixel and an unknown key", async () => {
    const answers = await Promise.all([
      post(events, { data: Array.from({ length: 1_001 }, () => event()) }),
      post(events.replace("v26.0", "v20.0"), { data: [event()] }),
      post("/meta/v26.0/nobody/events", { data: [event()] }),
      post(events, { data: [event()] }, "stranger"),
    ]);
    expect(answers.map(({ status, body }) => [status, (body["error"] as { code: number }).code])).toEqual([
      [400, 100],
      [400, 2635],
      [400, 100],
      [401, 190],
    ]);
  });

  test("does not count what is sent for a test", async () => {
    expect((await post(events, { data: [event()], test_event_code: "TEST1" }, "sandbox-test")).status).toBe(200);
    expect(await dump("meta", "test")).toEqual([]);
  });
});

describe("HubSpot's stand-in", () => {
  const upsert = "/hubspot/crm/v3/objects/deals/batch/upsert";
  const input = (id: string, properties: object = {}, more: object = {}) => ({
    idProperty: "conversion_key",
    id,
    objectWriteTraceId: id,
    properties: { conversion_key: id, dealname: id, amount: "60.00", dealstage: "closedwon", ...properties },
    ...more,
  });

  test.each<[string, object[], RegExp]>([
    ["one id twice", [input("a"), input("a")], /Duplicate IDs found in batch input: \[a\]/],
    ["a number where text belongs", [input("a"), input("b", { amount: 60 })], /must be strings/],
    ["a property that is not unique", [input("a", {}, { idProperty: "dealname" })], /not a unique property/],
    [
      "one bad value without trace ids",
      [input("a"), { ...input("b", { amount: "1,000" }), objectWriteTraceId: undefined }],
      /not a valid value of amount/,
    ],
    [
      "more than a hundred",
      Array.from({ length: 101 }, (_, index) => input(String(index))),
      /maximum number of inputs/,
    ],
  ])("refuses the whole batch for %s", async (_, inputs, message) => {
    const answer = await post(upsert, { inputs }, "sandbox-strict");
    expect(answer).toMatchObject({
      status: 400,
      body: { category: "VALIDATION_ERROR", message: expect.stringMatching(message) },
    });
    expect(await dump("hubspot", "strict")).toEqual([]);
  });

  test.each([
    ["amount", "1,000"],
    ["deal_currency_code", "XQZ"],
    ["dealstage", "won"],
    ["closedate", "2026-03-08"],
    ["no_such_property", "x"],
  ])("with trace ids refuses one input alone: %s %j", async (name, value) => {
    const client = `multi-${name}`;
    const answer = await post(
      upsert,
      { inputs: [input("good"), input("bad", { [name]: value })] },
      `sandbox-${client}`,
    );
    expect(answer).toMatchObject({
      status: 207,
      body: { numErrors: 1, errors: [{ context: { objectWriteTraceId: ["bad"] } }] },
    });
    expect(await dump("hubspot", client)).toMatchObject([{ properties: { conversion_key: "good" } }]);
  });

  test("lets a hundred calls pass in ten seconds and names the limit to the next", async () => {
    const answers = [];
    for (let call = 0; call < 101; call += 1)
      answers.push(await post(upsert, { inputs: [input("a")] }, "sandbox-busy"));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(answers.at(-1)).toMatchObject({
      status: 429,
      body: { policyName: "TEN_SECONDLY_ROLLING", errorType: "RATE_LIMIT" },
    });
    expect(await dump("hubspot", "busy")).toMatchObject([{ writes: 100 }]);
  });
});

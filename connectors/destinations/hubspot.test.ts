import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { describeDestination } from "../../test/describe-destination.ts";
import { createHttp } from "../http.ts";
import { classifyHubspot, dealInput, hubspot } from "./hubspot.ts";
import type { Outgoing, Settled } from "./outgoing.ts";

const settings = {
  HUBSPOT_OBJECTS_PATH: "/crm/v3/objects",
  HUBSPOT_PROPERTIES_PATH: "/crm/v3/properties",
  HUBSPOT_ID_PROPERTY: "conversion_key",
  HUBSPOT_PIPELINE: "default",
  HUBSPOT_DEALSTAGE: "closedwon",
  HUBSPOT_LEAD_DEALSTAGE: "appointmentscheduled",
  HUBSPOT_LOST_DEALSTAGE: "closedlost",
};

const conversion = (id: string, more: Partial<Outgoing> = {}): Outgoing => ({
  conversionKey: `everflow:${id}`,
  eventId: `everflow:${id}`,
  eventName: "Base",
  eventTime: new Date("2026-03-08T11:03:22Z"),
  value: "60.000000",
  currency: "USD",
  orderId: "ord-1",
  clickId: null,
  type: "SALE",
  standing: "stands",
  chargedBack: "0",
  ...more,
});

describeDestination(hubspot);

let sandbox: Sandbox;
let settled: Settled[];
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  settled = [];
  await control("DELETE", "/faults?vendor=hubspot");
});
afterAll(() => sandbox.close());

async function control(method: string, path: string, body?: object): Promise<unknown> {
  return (
    await fetch(
      `${sandbox.url}/_control${path}`,
      body === undefined ? { method } : { method, body: JSON.stringify(body) },
    )
  ).json();
}

const connection = (as: string, set: Record<string, string> = settings) => {
  const same = (text: string) => text;
  const http = createHttp({
    baseUrl: `${sandbox.url}/hubspot`,
    erase: same,
    redact: same,
    classify: hubspot.classify,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
  });
  return { http, secrets: { HUBSPOT_ACCESS_TOKEN: `sandbox-${as}` }, settings: set };
};

const send = (as: string, conversions: Outgoing[], set?: Record<string, string>) =>
  hubspot.send({
    ...connection(as, set),
    conversions,
    identities: new Map(),
    onSettled: (some) => Promise.resolve(void settled.push(...some)),
  });

const heldBy = (name: string) =>
  control("GET", `/dump?vendor=hubspot&client=${name}&from=2026-01-01&to=2027-01-01`) as Promise<
    { properties: Record<string, string>; writes: number }[]
  >;

test("a deal is all text: the amount to the cent, the moment in UTC, the key as its id", () => {
  expect(dealInput(conversion("a1", { value: "2.675000" }), settings)).toEqual({
    idProperty: "conversion_key",
    id: "everflow:a1",
    objectWriteTraceId: "everflow:a1",
    properties: {
      conversion_key: "everflow:a1",
      dealname: "Base ord-1",
      amount: "2.68",
      deal_currency_code: "USD",
      pipeline: "default",
      dealstage: "closedwon",
      closedate: "2026-03-08T11:03:22.000Z",
    },
  });
});

test.each([
  ["a sale", {}, "closedwon", "60.00", "Base ord-1", true],
  ["a lead", { type: "LEAD", value: null }, "appointmentscheduled", undefined, "Base ord-1", false],
  ["a signup", { type: "SIGNUP", value: "5" }, "appointmentscheduled", "5.00", "Base ord-1", false],
  [
    "a sale with a chargeback of part of it",
    { chargedBack: "-20.005" },
    "closedwon",
    "40.00",
    "Base ord-1 (lowered by a chargeback of 20.01 USD)",
    true,
  ],
  [
    "a sale that was charged back",
    { standing: "charged_back", chargedBack: "-60" },
    "closedlost",
    "0.00",
    "Base ord-1 (charged back 60.00 USD)",
    true,
  ],
  [
    "a chargeback of something we never saw",
    { standing: "charged_back", value: "-12.5" },
    "closedlost",
    "0.00",
    "Base ord-1 (charged back 12.50 USD)",
    true,
  ],
  [
    "a lead that its feed rejected",
    { type: "LEAD", standing: "withdrawn" },
    "closedlost",
    "0.00",
    "Base ord-1 (no longer approved)",
    true,
  ],
] as const)(
  "%s is a deal in the stage that it has reached, and its name says what became of it",
  (_, more, dealstage, amount, dealname, closes) => {
    const { properties } = dealInput(conversion("a1", more), settings);
    expect(properties).toMatchObject({ dealstage, dealname });
    expect([properties["amount"], "closedate" in properties]).toEqual([amount, closes]);
  },
);

test("the stage of a lead is a setting", () => {
  const set = { ...settings, HUBSPOT_LEAD_DEALSTAGE: "contractsent" };
  expect(dealInput(conversion("a1", { type: "LEAD" }), set).properties["dealstage"]).toBe("contractsent");
});

test.each([
  [settings],
  [{ ...settings, HUBSPOT_OBJECTS_PATH: "/crm/objects/2026-03", HUBSPOT_PROPERTIES_PATH: "/crm/properties/2026-03" }],
])("a repeat writes the same deal again, under %j", async (set) => {
  const as = `repeat-${set.HUBSPOT_OBJECTS_PATH.length}`;
  await hubspot.checkAccount?.(connection(as, set));
  for (const value of ["60", "61.5"]) await send(as, [conversion("a"), conversion("b", { value })], set);
  expect(settled.map(({ state }) => state)).toEqual(["delivered", "delivered", "delivered", "delivered"]);
  expect(
    (await heldBy(as)).map(({ properties, writes }) => [properties["conversion_key"], properties["amount"], writes]),
  ).toEqual(
    [
      ["everflow:b", "61.50", 2],
      ["everflow:a", "60.00", 2],
    ].toReversed(),
  );
});

test("of a batch of 100 the refused one is named and the others are written, although the answer is a 2xx", async () => {
  await send(
    "multi",
    Array.from({ length: 100 }, (_, index) => conversion(String(index), index === 41 ? { currency: "XQZ" } : {})),
  );
  expect(settled.filter(({ state }) => state === "failed")).toEqual([
    {
      conversionKey: "everflow:41",
      state: "failed",
      answer: expect.stringMatching(/^VALIDATION_ERROR: .*deal_currency_code/),
    },
  ]);
  expect(await heldBy("multi")).toHaveLength(99);
});

test("one key twice goes once: twice would refuse the whole batch", async () => {
  await send("twice", [conversion("a"), conversion("a", { value: "7" })]);
  expect(await heldBy("twice")).toMatchObject([{ properties: { amount: "7.00" }, writes: 1 }]);
});

test("a deal the answer says nothing of is neither delivered nor failed: it is asked again", async () => {
  const other = {
    kind: "raw_field",
    field: "properties",
    raw: '{"conversion_key":"everflow:other"}',
    row: 0,
    times: 1,
  };
  await control("POST", "/faults", { vendor: "hubspot", ...other });
  await expect(send("silent", [conversion("a"), conversion("b")])).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("nothing of 1 of 2"),
  });
  expect(settled).toEqual([{ conversionKey: "everflow:a", state: "delivered", answer: "upserted" }]);
});

test("a missing property is told with what to do, before anything is sent", async () => {
  const missing = { ...settings, HUBSPOT_ID_PROPERTY: "no_such_property" };
  await expect(hubspot.checkAccount?.(connection("713", missing))).rejects.toMatchObject({
    kind: "rejected",
    message: expect.stringMatching(/no deal property no_such_property: create .*unique values/),
  });
  await expect(
    hubspot.checkAccount?.(connection("713", { ...settings, HUBSPOT_ID_PROPERTY: "amount" })),
  ).rejects.toMatchObject({ message: expect.stringContaining("does not require unique values") });
});

test("the limit of ten seconds is waited for, that of the day is not", async () => {
  await control("PUT", "/limits", { vendor: "hubspot", perTenSeconds: 1 });
  await send("limited", [conversion("a")]);
  await expect(send("limited", [conversion("b")])).rejects.toMatchObject({
    kind: "rate_limited",
    code: "TEN_SECONDLY_ROLLING",
    retryAfterMs: 10_000,
  });
  await control("POST", "/faults", { vendor: "hubspot", kind: "rate_limited", policy: "DAILY" });
  await control("PUT", "/limits", { vendor: "hubspot", perTenSeconds: 100 });
  await expect(send("daily", [conversion("b")])).rejects.toMatchObject({ kind: "quota_spent", code: "DAILY" });
});

test.each([
  [401, { category: "INVALID_AUTHENTICATION" }, "unauthorized", undefined],
  [403, { category: "MISSING_SCOPES" }, "unauthorized", undefined],
  [423, { message: "locked" }, "rate_limited", 2_000],
  [429, null, "rate_limited", 10_000],
  [429, { policyName: "TEN_SECONDLY_ROLLING" }, "rate_limited", 10_000],
  [429, { policyName: "DAILY" }, "quota_spent", undefined],
  [409, { category: "CONFLICT" }, "unavailable", undefined],
  [477, null, "unavailable", undefined],
  [502, null, "unavailable", undefined],
  [400, { category: "VALIDATION_ERROR", message: "someone@shop.example is no number" }, "rejected", undefined],
])("%i %j is %s", (status, body, kind, retryAfterMs) => {
  const refusal = classifyHubspot(status, body);
  expect([refusal.kind, refusal.retryAfterMs]).toEqual([kind, retryAfterMs]);
  expect(refusal.message).not.toContain("someone");
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { testServer } from "../../test/api-server.ts";
import { sha256, keyRing } from "../../core/crypto.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { everyRow } from "../../test/database.ts";
import { logLines, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";

jest.setTimeout(120_000);

const identityKey = keyRing(randomBytes(32));
const secrets = { "713": "a-webhook-secret-of-713-long", acme: "a-webhook-secret-of-acme-long" };
const log: string[] = [];

let stack: TestStack;
let api: Api;
beforeAll(async () => {
  stack = await startStack({
    CLIENTS: "713,acme",
    META_PIXEL_ID: "123456789012345",
    META_ACCESS_TOKEN: "sandbox-713",
    META_FEEDS: "anytrack,everflow",
    HUBSPOT_FEEDS: "anytrack,everflow",
    HUBSPOT_ACCESS_TOKEN: "sandbox-713",
    HUBSPOT_ACCESS_TOKEN_ACME: "sandbox-acme",
    IDENTITY_ENCRYPTION_KEY: identityKey.current.toString("base64"),
    ANYTRACK_WEBHOOK_SECRET: secrets["713"],
    ANYTRACK_WEBHOOK_SECRET_ACME: secrets.acme,
  });
  const { anytrack, accounts } = stack.config;
  api = await testServer({ database: stack.database.pool, anytrack, accounts, identityKey, log });
});
beforeEach(
  async () =>
    void (await stack.rows(
      "truncate anytrack.conversions, anytrack.webhook_events, everflow.conversions, ops.deliveries, ops.delivery_identity",
    )),
);
afterAll(async () => {
  await api?.close();
  await stack?.stop();
});

const person = {
  email: " Canary.Person@Shop.example ",
  phone: "+1 (650) 555-0199",
  firstName: "Canarina",
  ip: "203.0.113.199",
  userAgent: "Mozilla/5.0 (Canary)",
  externalClickId: "canary-click-id",
  clientId: "visitor-canary-17",
  fbc: "fb.1.1772960000000.CanaryClick",
  fbp: "no form of Meta's: canary",
};
const hashes = {
  em: [sha256("canary.person@shop.example")],
  ph: [sha256("16505550199")],
  fn: [sha256("canarina")],
  external_id: [sha256("visitor-canary-17")],
};
const traces = ["canary", "canarina", "5550199", "555-0199", "203.0.113.199", ...Object.values(hashes).flat()];
const tracesIn = (text: string) => traces.filter((trace) => text.toLowerCase().includes(trace.toLowerCase()));

const sale = (order: string, more: object = {}) => ({
  assetId: "asset_7Qk",
  clickId: `atclk_${order}`,
  eventName: "Purchase",
  eventTime: new Date(Date.now() - 3_600_000).toISOString(),
  eventValue: 60.25,
  currency: "USD",
  transactionId: order,
  ...more,
});
async function hook(event: object, client: keyof typeof secrets = "713"): Promise<void> {
  const { statusCode } = await api.inject({
    method: "POST",
    url: `/hooks/anytrack/${secrets[client]}`,
    payload: event,
  });
  expect(statusCode).toBe(200);
}
const deliver = async () => (await stack.start("deliverConversions", uniqueId("deliver"), {})).result();
const kept = () => stack.rows("select _client_id, conversion_key from ops.delivery_identity order by 1, 2");
async function heldByMeta(id: string): Promise<Record<string, unknown> | undefined> {
  const dump = await stack.control("GET", "/dump?vendor=meta&client=713&from=2020-01-01&to=2100-01-01");
  return (dump as Record<string, unknown>[]).find((event) => event["event_id"] === id);
}

test("what the webhook tells of a person reaches Meta as it wants it, and is in clear in no table, history or log", async () => {
  await hook(sale("o-1", person));
  await hook(sale("o-1", person), "acme");
  expect(await kept()).toEqual([{ _client_id: "713", conversion_key: "anytrack:order:o-1" }]);
  expect(tracesIn(await everyRow(stack.database.pool))).toEqual([]);

  expect(await deliver()).toMatchObject([
    { client: "713", destination: "meta", delivered: 1, failed: 0 },
    { client: "713", destination: "hubspot", delivered: 1 },
    { client: "acme", destination: "hubspot", delivered: 1 },
  ]);
  expect(await heldByMeta("anytrack:order:o-1")).toMatchObject({
    event_name: "Purchase",
    user_data: {
      ...hashes,
      client_ip_address: person.ip,
      client_user_agent: person.userAgent,
      fbc: person.fbc,
    },
    custom_data: { value: 60.25, currency: "USD", order_id: "o-1" },
  });
  expect(await kept()).toEqual([]);
  // AnyTrack sends at least once: the same again brings nobody back, and nothing goes out twice.
  await hook(sale("o-1", person));
  expect(await kept()).toEqual([]);
  expect(await deliver()).toMatchObject([{ delivered: 0 }, { delivered: 0 }, { delivered: 0 }]);

  expect(tracesIn(await everyRow(stack.database.pool))).toEqual([]);
  const histories = await until("the runs to be listed", async () => {
    const found = await allHistories(stack);
    return found.length >= 2 && found;
  });
  expect(tracesIn(histories.map(({ history }) => readable(history)).join("\n"))).toEqual([]);
  expect(tracesIn([...logLines, ...log].join("\n"))).toEqual([]);
});

test("an order that goes out as Everflow's takes along what the webhook told of its person", async () => {
  await stack.rows(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, event, affiliate_id, currency, payout, revenue, order_id, _slice, _run_id)
     values ('713', 'e-2', current_date, now() - interval '1 hour', 'approved', false, 'Base', '1', 'USD', 45, 60.25, 'o-2', 's', 'r')`,
  );
  await hook(sale("o-2", person));
  expect(await deliver()).toMatchObject([{ delivered: 1 }, { delivered: 1 }, { client: "acme", delivered: 0 }]);
  expect(await heldByMeta("everflow:e-2")).toMatchObject({ user_data: hashes });
  expect(await heldByMeta("anytrack:order:o-2")).toBeUndefined();
  expect(await kept()).toEqual([]);
});

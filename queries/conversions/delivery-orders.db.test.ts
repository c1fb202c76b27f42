import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import {
  claimBatch,
  countRedelivery,
  readNewConversions,
  recordConversions,
  settleDeliveries,
  type Deliverable,
  type Ledger,
} from "./deliveries.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => database.pool.query("truncate everflow.conversions, anytrack.conversions, ops.deliveries"));
afterAll(() => database.drop());

const meta: Ledger = { client: "713", destination: "meta" };
const deals: Ledger = { client: "713", destination: "hubspot" };
const range = { from: new Date(0), to: null, limit: 1_000 };

interface Everflow {
  id: string;
  order?: string;
  status?: string;
  isEvent?: boolean;
  client?: string;
}
const everflow = ({ id, order, status = "approved", isEvent = false, client = "713" }: Everflow) =>
  database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, event, affiliate_id, currency, payout, revenue, order_id, _slice, _run_id)
     values ($1, $2, current_date, now(), $3, $4, 'Base', '1', 'USD', 45, 60, $5, 's', 'r')`,
    [client, id, status, isEvent, order ?? null],
  );

interface Anytrack {
  order?: string;
  type?: string;
  revenue?: string | null;
  currency?: string | null;
}
const anytrack = ({ order, type = "SALE", revenue = "60", currency = "USD" }: Anytrack) =>
  database.pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, order_id, type, revenue, currency, event_time, version, date, click_id, seen_by_webhook_at, _run_id)
     values ('713', $1, $2, $3, $4, $5, now(), now(), current_date, 'click', now(), 'r')`,
    [order === undefined ? `event:${type}` : `order:${order}`, order ?? null, type, revenue, currency],
  );

const fresh = (ledger = meta) => readNewConversions(database.pool, ledger, range);
const record = async (ledger = meta) => recordConversions(database.pool, ledger, await fresh(ledger));
const keysOf = (conversions: readonly Pick<Deliverable, "conversionKey">[]) =>
  conversions.map(({ conversionKey }) => conversionKey).sort();
const recorded = async (ledger = meta) => {
  const { rows } = await database.pool.query<{ key: string }>(
    "select conversion_key as key from ops.deliveries where destination = $1 order by 1",
    [ledger.destination],
  );
  return rows.map(({ key }) => key);
};
async function deliver(ledger = meta): Promise<string[]> {
  await record(ledger);
  const claimed = await claimBatch(database.pool, ledger, { claim: "run", limit: 100 });
  const sent = claimed.filter(({ deliverable }) => deliverable);
  const settled = sent.map(({ conversionKey }) => ({ conversionKey, state: "delivered" as const, answer: "" }));
  await settleDeliveries(database.pool, ledger, settled, { forgetPersons: false });
  return keysOf(sent);
}

test("both feeds are delivered: sales, leads and signups of AnyTrack beside Everflow's conversions", async () => {
  await everflow({ id: "e1", order: "o-1" });
  await anytrack({ order: "o-2" });
  await anytrack({ type: "LEAD", revenue: null, currency: null });
  expect(
    (await fresh()).map(({ conversionKey, eventName, value }) => [conversionKey, eventName, value]).sort(),
  ).toEqual([
    ["anytrack:event:LEAD", "LEAD", null],
    ["anytrack:order:o-2", "SALE", "60.000000"],
    ["everflow:e1", "Base", "60.000000"],
  ]);
});

test("an order that both feeds have is delivered once, as Everflow's", async () => {
  await everflow({ id: "e1", order: "o-1" });
  await anytrack({ order: "o-1" });
  expect([await deliver(), await deliver(deals)]).toEqual([["everflow:e1"], ["everflow:e1"]]);
  expect(await fresh()).toEqual([]);
});

test.each(["before it was sent", "after it was delivered"])(
  "an order whose twin of the other feed comes late, %s, goes once, under the key it had first",
  async (when) => {
    await anytrack({ order: "o-1" });
    if (when === "before it was sent") await record();
    else expect(await deliver()).toEqual(["anytrack:order:o-1"]);
    await everflow({ id: "e1", order: "o-1" });
    expect(await fresh()).toEqual([]);
    expect(await deliver()).toEqual(when === "before it was sent" ? ["anytrack:order:o-1"] : []);
    expect(await recorded()).toEqual(["anytrack:order:o-1"]);
    // Each destination has an order of its own, in both senses.
    expect(await deliver(deals)).toEqual(["everflow:e1"]);
  },
);

test("an order stays known when the feed that brought it withdraws it", async () => {
  await everflow({ id: "e1", order: "o-1" });
  await deliver();
  await database.pool.query("truncate everflow.conversions");
  await anytrack({ order: "o-1" });
  expect(await deliver()).toEqual([]);
});

test("two runs at a time, each with the other feed's half of an order, record one", async () => {
  for (let round = 0; round < 10; round += 1) {
    const [one] = [{ orderKey: `o-${round}`, eventName: "Base", eventTime: new Date(), value: "60", currency: "USD" }];
    await Promise.all(
      [`everflow:${round}`, `anytrack:order:o-${round}`].map((conversionKey) =>
        recordConversions(database.pool, meta, [{ conversionKey, ...one }]),
      ),
    );
  }
  expect(await recorded()).toHaveLength(10);
});

test("what Everflow has not approved is not delivered by way of AnyTrack", async () => {
  await everflow({ id: "e1", order: "o-1", status: "rejected" });
  await anytrack({ order: "o-1" });
  expect(await deliver()).toEqual([]);
  await database.pool.query("update everflow.conversions set status = 'approved'");
  expect(await deliver()).toEqual(["everflow:e1"]);
});

test("events that follow an order, several conversions of one order in one feed, and another client's order are no twins", async () => {
  await everflow({ id: "upsell", order: "o-1", isEvent: true });
  await everflow({ id: "theirs", order: "o-2", client: "acme" });
  await anytrack({ order: "o-1" });
  await anytrack({ order: "o-2" });
  await everflow({ id: "e3", order: "o-3" });
  await everflow({ id: "e4", order: "o-3" });
  expect(await deliver()).toEqual([
    "anytrack:order:o-1",
    "anytrack:order:o-2",
    "everflow:e3",
    "everflow:e4",
    "everflow:upsell",
  ]);
});

test("a sale waits for its amount", async () => {
  await anytrack({ order: "o-1", revenue: null, currency: null });
  expect(await fresh()).toEqual([]);
  await database.pool.query("update anytrack.conversions set revenue = 12, currency = 'EUR'");
  expect(await fresh()).toMatchObject([{ value: "12.000000", currency: "EUR" }]);
});

test("a redelivery of a range leaves the twin of what went before, and says so", async () => {
  await anytrack({ order: "o-1" });
  await deliver();
  await everflow({ id: "e1", order: "o-1" });
  await everflow({ id: "e2", order: "o-2" });
  await anytrack({ order: "o-2" });
  const counts = await countRedelivery(database.pool, meta, {
    from: new Date(0),
    to: new Date(Date.now() + 60_000),
    includeDelivered: true,
    now: new Date(),
    ageMs: null,
    repeatMs: null,
  });
  expect(counts.map(({ what, conversions }) => [what, conversions])).toEqual([
    ["other_feed", 2],
    ["send", 2],
  ]);
});

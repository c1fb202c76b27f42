import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Deliverable, Ledger, Routing } from "./delivery-ledger.ts";
import { readNewConversions, recordConversions, reopenChanged } from "./record-deliveries.ts";
import { countRedelivery } from "./redelivery.ts";
import { claimBatch, settleDeliveries } from "./send-deliveries.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => database.pool.query("truncate everflow.conversions, anytrack.conversions, ops.deliveries"));
afterAll(() => database.drop());

const meta: Ledger = { client: "713", destination: "meta" };
const deals: Ledger = { client: "713", destination: "hubspot" };
const both: Routing = {
  feeds: ["everflow.conversions", "anytrack.conversions"],
  types: ["SALE", "LEAD", "SIGNUP", "CUSTOM"],
  corrects: false,
  origin: "real",
};
/** A destination whose records are written again when they change. */
const deal: Routing = { ...both, corrects: true };
const range = { from: new Date(0), to: null, limit: 1_000 };

interface Everflow {
  id: string;
  order?: string;
  status?: string;
  isEvent?: boolean;
  client?: string;
  revenue?: string;
  click?: string;
  event?: string;
}
const everflow = ({ id, order, status = "approved", isEvent = false, client = "713", ...more }: Everflow) =>
  database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, event, affiliate_id, currency, payout, revenue, order_id, transaction_id, _slice, _run_id)
     values ($1, $2, current_date, now(), $3, $4, $8, '1', 'USD', 45, $6, $5, $7, 's', 'r')`,
    [client, id, status, isEvent, order ?? null, more.revenue ?? "60", more.click ?? null, more.event ?? "Base"],
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

const fresh = (ledger = meta, routing = both) => readNewConversions(database.pool, ledger, { ...range, routing });
const record = async (ledger = meta, routing = both) =>
  recordConversions(database.pool, ledger, await fresh(ledger, routing));
const keysOf = (conversions: readonly Pick<Deliverable, "conversionKey">[]) =>
  conversions.map(({ conversionKey }) => conversionKey).sort();
const recorded = async (ledger = meta) => {
  const { rows } = await database.pool.query<{ key: string }>(
    "select conversion_key as key from ops.deliveries where destination = $1 order by 1",
    [ledger.destination],
  );
  return rows.map(({ key }) => key);
};
let runs = 0;
async function deliver(ledger = meta, routing = both): Promise<string[]> {
  await record(ledger, routing);
  const claimed = await claimBatch(database.pool, ledger, { claim: `run ${(runs += 1)}`, limit: 100, routing });
  const sent = claimed.filter(({ deliverable }) => deliverable);
  const settled = sent.map(({ conversionKey }) => ({ conversionKey, state: "delivered" as const, answer: "" }));
  await settleDeliveries(database.pool, ledger, settled, { sentTo: ["meta"] });
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
    routing: both,
    now: new Date(),
    ageLimitMs: null,
    repeatMs: null,
  });
  expect(counts.map(({ what, conversions }) => [what, conversions])).toEqual([
    ["other_feed", 2],
    ["send", 2],
  ]);
});

test.each([
  ["AnyTrack's alone, as nobody asked for more", ["anytrack.conversions"], both.types, ["LEAD", "SALE", "SALE"]],
  ["Everflow's alone", ["everflow.conversions"], both.types, ["Base", "Base"]],
  ["sales of both, each order once", both.feeds, ["SALE"], ["Base", "Base", "SALE"]],
  ["leads alone", both.feeds, ["LEAD"], ["LEAD"]],
])("what goes to a destination is a setting: %s", async (_, feeds, types, names) => {
  await everflow({ id: "e1", order: "o-1" });
  await everflow({ id: "e2", order: "o-2" });
  await anytrack({ order: "o-1" });
  await anytrack({ order: "o-3" });
  await anytrack({ type: "LEAD", revenue: null, currency: null });
  const routing: Routing = { feeds, types, corrects: false, origin: "real" };
  expect((await fresh(meta, routing)).map(({ eventName }) => eventName).sort()).toEqual(names);
});

test("what waits when a feed is no longer sent to a destination is not sent", async () => {
  await everflow({ id: "e1" });
  await record(deals, deal);
  expect(await deliver(deals, { ...deal, feeds: ["anytrack.conversions"] })).toEqual([]);
});

describe("what becomes of a conversion after it was delivered", () => {
  const told = async () => {
    const routing = deal;
    const claimed = await claimBatch(database.pool, deals, { claim: `run ${(runs += 1)}`, limit: 100, routing });
    const settled = claimed.map(({ conversionKey }) => ({
      conversionKey,
      state: "delivered" as const,
      answer: "",
    }));
    await settleDeliveries(database.pool, deals, settled, { sentTo: ["meta"] });
    return claimed.map((one) => [one.conversionKey, one.standing, one.chargedBack, one.deliverable]);
  };
  const reopened = (since = new Date(0)) => reopenChanged(database.pool, deals, since);

  test("a chargeback of its order takes its deal up again, once, and is no deal of its own", async () => {
    await everflow({ id: "e1", order: "o-1" });
    await everflow({ id: "e2", order: "o-2" });
    expect(await deliver(deals, deal)).toEqual(["everflow:e1", "everflow:e2"]);
    expect(await reopened()).toBe(0);
    await everflow({ id: "back", order: "o-1", revenue: "-20" });
    expect(await fresh(deals, deal)).toEqual([]);
    expect(await reopened(new Date(Date.now() + 60_000))).toBe(0);
    expect(await reopened()).toBe(1);
    expect(await told()).toEqual([["everflow:e1", "stands", "-20.000000", true]]);
    expect(await reopened()).toBe(0);
    await everflow({ id: "rest", order: "o-1", revenue: "-40" });
    expect([await reopened(), await told()]).toEqual([1, [["everflow:e1", "charged_back", "-60.000000", true]]]);
    expect(await reopened()).toBe(0);
  });

  test("the conversions are read once, also when Postgres still takes the ledger for empty", async () => {
    await everflow({ id: "e1", order: "o-1" });
    await record(deals, deal);
    await database.pool.query("analyze everflow.conversions, ops.deliveries");
    for (const id of ["e2", "e3", "e4"]) await everflow({ id, order: id });
    await deliver(deals, deal);
    type Step = { "Relation Name"?: string; "Actual Loops": number; Plans?: Step[] };
    let plan: Step = { "Actual Loops": 0 };
    await reopenChanged(
      {
        query: async (text: string, values?: unknown[]) => {
          const { rows } = await database.pool.query(`explain (analyze, format json) ${text}`, values);
          plan = (rows[0] as { "QUERY PLAN": [{ Plan: Step }] })["QUERY PLAN"][0].Plan;
          return { rows: [], rowCount: 0 } as never;
        },
      } as Pick<TestDatabase["pool"], "query">,
      deals,
      new Date(0),
    );
    const readings = (step: Step): number[] => [
      ...(step["Relation Name"] === "conversions" ? [step["Actual Loops"]] : []),
      ...(step.Plans ?? []).flatMap(readings),
    ];
    const found = readings(plan);
    // Of each of the four its chargebacks are looked up, once.
    expect([found.length > 0, Math.max(...found)]).toEqual([true, 4]);
  });

  test("a chargeback without an order belongs to the conversion of its click; of another currency or order, to none", async () => {
    await everflow({ id: "e1", order: "o-1", click: "c-1" });
    await deliver(deals, deal);
    await everflow({ id: "other", order: "o-9", click: "c-1", revenue: "-60" });
    await everflow({ id: "lost", click: "c-8", revenue: "-5" });
    expect([await reopened(), keysOf(await fresh(deals, deal))]).toEqual([0, ["everflow:lost", "everflow:other"]]);
    expect(keysOf(await fresh(meta))).toEqual(["everflow:e1"]);
    await everflow({ id: "back", click: "c-1", revenue: "-60" });
    expect([await reopened(), await told()]).toEqual([1, [["everflow:e1", "charged_back", "-60.000000", true]]]);
  });

  test("Everflow's chargeback of an order that went out as AnyTrack's counts for that", async () => {
    await anytrack({ order: "o-1" });
    const routing = { ...deal, feeds: ["anytrack.conversions"] };
    expect(await deliver(deals, routing)).toEqual(["anytrack:order:o-1"]);
    await everflow({ id: "back", order: "o-1", revenue: "-60" });
    expect([await reopened(), await told()]).toEqual([1, [["anytrack:order:o-1", "charged_back", "-60.000000", true]]]);
  });

  test("one that its feed no longer approves, or says another amount of, is taken up again; at Meta it is not", async () => {
    await everflow({ id: "e1" });
    await everflow({ id: "e2" });
    await deliver(deals, deal);
    await deliver(meta);
    await database.pool.query("update everflow.conversions set status = 'rejected' where conversion_id = 'e1'");
    await database.pool.query("update everflow.conversions set revenue = 55 where conversion_id = 'e2'");
    expect([await reopened(), (await told()).sort()]).toEqual([
      2,
      [
        ["everflow:e1", "withdrawn", "0", true],
        ["everflow:e2", "stands", "0", true],
      ],
    ]);
    expect(await deliver(meta)).toEqual([]);
  });

  test("one that was rejected before it was ever sent is not sent", async () => {
    await everflow({ id: "e1" });
    await record(deals, deal);
    await database.pool.query("update everflow.conversions set status = 'rejected'");
    expect(await told()).toEqual([["everflow:e1", "withdrawn", "0", false]]);
  });
});

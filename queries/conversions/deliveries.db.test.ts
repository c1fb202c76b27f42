import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { addConversions, createDeliverables } from "../../test/deliverable.ts";
import { ageDeliveries, holdDeliveries, readWaiting } from "./age-deliveries.ts";
import type { Ledger, Routing } from "./delivery-ledger.ts";
import { readNewConversions, recordConversions } from "./record-deliveries.ts";
import { countRedelivery, reopenDeliveries, type RedeliveryRange } from "./redelivery.ts";
import { claimBatch, returnBatch, settleDeliveries } from "./send-deliveries.ts";

const routing: Routing = { feeds: ["anytrack.conversions"], types: ["SALE"], corrects: false, origin: "real" };
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await createDeliverables(database.pool);
});
beforeEach(() => database.pool.query("truncate public.test_conversions, ops.deliveries, ops.delivery_identity"));
afterAll(() => database.drop());

const ledger: Ledger = { client: "713", destination: "meta" };
const hour = 3_600_000;
const since = () => new Date(Date.now() - 30 * 24 * hour);

async function record(of = ledger): Promise<number> {
  return recordConversions(
    database.pool,
    of,
    await readNewConversions(database.pool, of, { from: since(), to: null, limit: 1_000, routing }),
  );
}

async function states(of = ledger): Promise<Record<string, string>> {
  const { rows } = await database.pool.query<{ key: string; state: string }>(
    "select conversion_key as key, state from ops.deliveries where _client_id = $1 and destination = $2 order by 1",
    [of.client, of.destination],
  );
  return Object.fromEntries(rows.map(({ key, state }) => [key, state]));
}

const claim = (name: string, limit = 100) => claimBatch(database.pool, ledger, { claim: name, limit, routing });
const keysOf = (claimed: { conversionKey: string }[]) => claimed.map(({ conversionKey }) => conversionKey);
const settle = (keys: string[], state: "delivered" | "failed" | "expired", of = ledger) =>
  settleDeliveries(
    database.pool,
    of,
    keys.map((conversionKey) => ({ conversionKey, state, answer: "x".repeat(900) })),
    { sentTo: ["meta"] },
  );
const later = (hours: number) =>
  database.pool.query(
    "update ops.deliveries set claimed_at = claimed_at - $1 * interval '1 hour', uncertain_since = uncertain_since - $1 * interval '1 hour', delivered_at = delivered_at - $1 * interval '1 hour'",
    [hours],
  );

test("a conversion is recorded once per destination and client, however often one looks", async () => {
  await addConversions(database.pool, [
    { key: "a" },
    { key: "b" },
    { key: "other", client: "acme" },
    { key: "ancient", hoursAgo: 24 * 40 },
  ]);
  expect([await record(), await record()]).toEqual([2, 0]);
  expect(await record({ ...ledger, destination: "hubspot" })).toBe(2);
  expect(Object.keys(await states())).toEqual(["a", "b"]);
});

test("two batches at a time never hold the same conversion", async () => {
  await addConversions(
    database.pool,
    Array.from({ length: 60 }, (_, index) => ({ key: `k${index}` })),
  );
  await record();
  const batches = await Promise.all(["one", "two", "three", "four"].map((name) => claim(name, 20)));
  const keys = batches.flatMap(keysOf);
  expect([keys.length, new Set(keys).size]).toEqual([60, 60]);
});

describe("an attempt that died", () => {
  test("gets its own conversions back under its claim, and nobody else does until it is long gone", async () => {
    await addConversions(database.pool, [{ key: "a" }, { key: "b" }]);
    await record();
    expect(keysOf(await claim("run/1", 1))).toEqual(["a"]);
    const again = await claim("run/1", 1);
    expect(again).toMatchObject([{ conversionKey: "a", uncertain: true }]);
    expect(await claim("run/2")).toMatchObject([{ conversionKey: "b", uncertain: false }]);
    expect(await claim("run/3")).toEqual([]);
    await later(1);
    expect(keysOf(await claim("run/4"))).toEqual(["a", "b"]);
  });

  test("beyond the time a repeat is told, it is a person's decision", async () => {
    await addConversions(database.pool, [{ key: "a" }]);
    await record();
    await claim("run/1");
    await later(48);
    expect(
      await ageDeliveries(database.pool, ledger, {
        now: new Date(),
        ageLimitMs: 7 * 24 * hour,
        repeatMs: 47 * hour,
        sentTo: ["meta"],
      }),
    ).toEqual({
      expired: 0,
      lost: 1,
    });
    expect(await states()).toEqual({ a: "failed" });
  });
});

test("amounts are those of the feed at the moment of sending; what it withdrew is not deliverable", async () => {
  await addConversions(database.pool, [{ key: "a" }, { key: "b" }]);
  await record();
  await database.pool.query("update public.test_conversions set value = 61.25 where key = 'a'");
  await database.pool.query("update public.test_conversions set approved = false where key = 'b'");
  expect(await claim("run/1")).toMatchObject([
    { conversionKey: "a", value: "61.250000", clickId: "click-1", deliverable: true },
    { conversionKey: "b", value: "60.000000", standing: "withdrawn", deliverable: false },
  ]);
});

test("what is delivered stays delivered, and answers are kept short", async () => {
  await addConversions(database.pool, [{ key: "a" }]);
  await record();
  await claim("run/1");
  await settle(["a"], "delivered");
  await settle(["a"], "failed");
  const { rows } = await database.pool.query(
    "select state, length(last_answer) as long, delivered_at is not null as at, uncertain_since, claim, attempts from ops.deliveries",
  );
  expect(rows).toEqual([{ state: "delivered", long: 500, at: true, uncertain_since: null, claim: null, attempts: 1 }]);
});

test("a batch given back is new again, but for what an earlier attempt may have sent", async () => {
  await addConversions(database.pool, [{ key: "a" }, { key: "b" }]);
  await record();
  await claim("run/1", 1);
  await later(1);
  const claimed = await claim("run/2");
  const certain = keysOf(claimed.filter(({ uncertain }) => !uncertain));
  expect(certain).toEqual(["b"]);
  await returnBatch(database.pool, ledger, { claim: "run/2", certain, answer: "no" });
  const { rows } = await database.pool.query(
    "select conversion_key as key, state, uncertain_since is not null as uncertain from ops.deliveries order by 1",
  );
  expect(rows).toEqual([
    { key: "a", state: "pending", uncertain: true },
    { key: "b", state: "pending", uncertain: false },
  ]);
});

test("what is held waits until its hour, then it is pending", async () => {
  await addConversions(database.pool, [{ key: "a" }]);
  await record();
  const until = new Date(Date.now() + hour);
  expect(await holdDeliveries(database.pool, ledger, { until, answer: "DAILY" })).toBe(1);
  expect(await readWaiting(database.pool, ledger)).toEqual({ waiting: 0, heldUntil: until });
  expect(await claim("run/1")).toEqual([]);
  await ageDeliveries(database.pool, ledger, { now: new Date(), ageLimitMs: null, repeatMs: null, sentTo: ["meta"] });
  expect(await states()).toEqual({ a: "held" });
  await database.pool.query("update ops.deliveries set held_until = now() - interval '1 second'");
  await ageDeliveries(database.pool, ledger, { now: new Date(), ageLimitMs: null, repeatMs: null, sentTo: ["meta"] });
  expect(await readWaiting(database.pool, ledger)).toEqual({ waiting: 1, heldUntil: null });
});

test("what is too old expires without being sent, where the destination has such a limit", async () => {
  await addConversions(database.pool, [{ key: "new" }, { key: "old", hoursAgo: 24 * 8 }]);
  const deals = { ...ledger, destination: "hubspot" };
  for (const each of [ledger, deals]) await record(each);
  await ageDeliveries(database.pool, ledger, {
    now: new Date(),
    ageLimitMs: 7 * 24 * hour,
    repeatMs: null,
    sentTo: ["meta"],
  });
  await ageDeliveries(database.pool, deals, { now: new Date(), ageLimitMs: null, repeatMs: null, sentTo: ["meta"] });
  expect([await states(), await states(deals)]).toEqual([
    { new: "pending", old: "expired" },
    { new: "pending", old: "pending" },
  ]);
});

test("what a mock server made up goes to no real destination: not anew, not when it is in the ledger, not asked for again", async () => {
  await addConversions(database.pool, [{ key: "real" }, { key: "before", origin: "unknown" }]);
  await addConversions(database.pool, [{ key: "made-up", origin: "sandbox" }]);
  await record();
  expect(Object.keys(await states())).toEqual(["before", "real"]);
  // In the ledger all the same, as when a key took the place of the sandbox between the two.
  const sandbox: Routing = { ...routing, origin: "sandbox" };
  const range = { from: since(), to: null, limit: 1_000, routing: sandbox };
  await recordConversions(database.pool, ledger, await readNewConversions(database.pool, ledger, range));
  expect(Object.keys(await states())).toEqual(["before", "made-up", "real"]);
  const sent = async (name: string) => keysOf((await claim(name)).filter(({ deliverable }) => deliverable)).sort();
  expect(await sent("run/1")).toEqual(["before", "real"]);
  // Also where the mock server has it already: what was delivered may be corrected, but not by somebody else.
  await database.pool.query("update ops.deliveries set state = 'pending', claim = null, delivered_at = now()");
  expect(await sent("run/2")).toEqual(["before", "real"]);
  await database.pool.query("update ops.deliveries set state = 'failed', attempts = 1");
  const asked = { includeDelivered: true, now: new Date(), ageLimitMs: null, repeatMs: null, routing };
  await reopenDeliveries(database.pool, ledger, { from: since(), to: new Date(), ...asked });
  expect(keysOf(await claim("run/3")).sort()).toEqual(["before", "real"]);
  // The mock destination does get it.
  const mock: Ledger = { ...ledger, destination: "hubspot" };
  await recordConversions(database.pool, mock, await readNewConversions(database.pool, mock, range));
  const claimed = await claimBatch(database.pool, mock, { claim: "run/4", limit: 100, routing: sandbox });
  expect(keysOf(claimed)).toContain("made-up");
});

test("a redelivery takes what was never delivered; what was, only when asked and while a repeat is told", async () => {
  const keys = ["delivered", "expired", "failed", "long-ago", "new", "pending", "too-old"];
  await addConversions(
    database.pool,
    keys.filter((key) => key !== "new").map((key) => ({ key, hoursAgo: key === "too-old" ? 24 * 8 : 1 })),
  );
  await record();
  await claim("run/1");
  await settle(["delivered", "long-ago"], "delivered");
  await settle(["failed", "too-old"], "failed");
  await settle(["expired"], "expired");
  await database.pool.query("update ops.deliveries set state = 'pending' where conversion_key = 'pending'");
  await database.pool.query(
    "update ops.deliveries set delivered_at = now() - interval '3 days' where conversion_key = 'long-ago'",
  );
  await addConversions(database.pool, [{ key: "new" }]);
  const range: RedeliveryRange = {
    from: since(),
    to: new Date(),
    includeDelivered: false,
    now: new Date(),
    ageLimitMs: 7 * 24 * hour,
    repeatMs: 47 * hour,
    routing,
  };
  const counts = async (more: Partial<RedeliveryRange> = {}) =>
    Object.fromEntries(
      (await countRedelivery(database.pool, ledger, { ...range, ...more })).map(
        ({ what, conversions, value, currency }) => [what, `${conversions} ${value} ${currency}`],
      ),
    );
  expect(await counts()).toEqual({
    send: "3 180.00 USD",
    delivered: "2 120.00 USD",
    under_way: "1 60.00 USD",
    too_old: "1 60.00 USD",
  });
  const withDelivered = { includeDelivered: true };
  expect(await counts(withDelivered)).toEqual({
    send: "4 240.00 USD",
    delivered_long_ago: "1 60.00 USD",
    under_way: "1 60.00 USD",
    too_old: "1 60.00 USD",
  });
  expect(await reopenDeliveries(database.pool, ledger, { ...range, ...withDelivered })).toBe(3);
  expect(await states()).toEqual({
    delivered: "pending",
    expired: "pending",
    failed: "pending",
    "long-ago": "delivered",
    pending: "pending",
    "too-old": "failed",
  });
});

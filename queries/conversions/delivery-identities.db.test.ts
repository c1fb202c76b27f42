import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { identityOf } from "../../rules/conversions/identity.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { addConversions, createDeliverables } from "../../test/deliverable.ts";
import { ageDeliveries } from "./age-deliveries.ts";
import type { Ledger } from "./delivery-ledger.ts";
import { readNewConversions, recordConversions } from "./record-deliveries.ts";
import { claimBatch, settleDeliveries } from "./send-deliveries.ts";
import { deleteExpiredIdentities, keepIdentities, readIdentities } from "./delivery-identities.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await createDeliverables(database.pool);
});
beforeEach(() => database.pool.query("truncate public.test_conversions, ops.deliveries, ops.delivery_identity"));
afterAll(() => database.drop());

const routing = { feeds: ["anytrack.conversions"], types: ["SALE"], corrects: false, origin: "real" as const };
const key = keyRing(randomBytes(32));
const meta: Ledger = { client: "713", destination: "meta" };
const deals: Ledger = { client: "713", destination: "hubspot" };
const identity = identityOf({ email: "someone@shop.example", ipAddress: "203.0.113.7" });
const keep = (conversionKey: string, orderKey: string | null = null, of = identity) =>
  keepIdentities(database.pool, key, { client: "713", sentTo: ["meta"] }, [{ conversionKey, orderKey, identity: of }]);
const known = (conversionKey = "a", orderKey: string | null = null) =>
  readIdentities(database.pool, key, "713", [{ conversionKey, orderKey }]);
const kept = async () => (await database.pool.query("select from ops.delivery_identity")).rowCount;

async function claim(ledger: Ledger): Promise<void> {
  const fresh = await readNewConversions(database.pool, ledger, { from: new Date(0), to: null, limit: 100, routing });
  await recordConversions(database.pool, ledger, fresh);
  await claimBatch(database.pool, ledger, { claim: "run/1", limit: 10, routing });
}
const settle = (ledger: Ledger, conversionKey: string, state: "delivered" | "failed") =>
  settleDeliveries(database.pool, ledger, [{ conversionKey, state, answer: "" }], {
    sentTo: ["meta"],
  });

test("goes with the delivery to the destination that was told, not with another's", async () => {
  await addConversions(database.pool, [{ key: "a" }]);
  await keep("a");
  await claim(deals);
  await settle(deals, "a", "delivered");
  expect(await known()).toEqual(new Map([["a", identity]]));
  await claim(meta);
  await settle(meta, "a", "failed");
  expect((await known()).size).toBe(1);
  await database.pool.query("update ops.deliveries set state = 'sending' where destination = 'meta'");
  await settle(meta, "a", "delivered");
  expect(await kept()).toBe(0);
  // A webhook that comes again after that brings it back in vain.
  await keep("a");
  expect(await kept()).toBe(0);
});

test("stays until the last of several destinations has it, by whichever key of the order", async () => {
  const sentTo = ["meta", "pier"];
  const pier: Ledger = { client: "713", destination: "pier" };
  const keepForBoth = () =>
    keepIdentities(database.pool, key, { client: "713", sentTo }, [
      { conversionKey: "anytrack:order:o-1", orderKey: "o-1", identity },
    ]);
  await addConversions(database.pool, [{ key: "everflow:1", orderId: "o-1" }]);
  await keepForBoth();
  for (const ledger of [meta, pier]) {
    await claim(ledger);
    expect(await kept()).toBe(1);
    await settleDeliveries(database.pool, ledger, [{ conversionKey: "everflow:1", state: "delivered", answer: "" }], {
      sentTo,
    });
    // A webhook that comes again brings it back as long as one of them waits for it.
    await keepForBoth();
  }
  expect(await kept()).toBe(0);
});

test("goes with a conversion that has become too old to be delivered", async () => {
  await addConversions(database.pool, [{ key: "a", hoursAgo: 24 * 8 }, { key: "b" }]);
  for (const one of ["a", "b"]) await keep(one);
  const fresh = await readNewConversions(database.pool, meta, { from: new Date(0), to: null, limit: 100, routing });
  await recordConversions(database.pool, meta, fresh);
  await ageDeliveries(database.pool, meta, {
    now: new Date(),
    ageLimitMs: 7 * 86_400_000,
    repeatMs: null,
    sentTo: ["meta"],
  });
  expect([(await known("a")).size, (await known("b")).size]).toEqual([0, 1]);
});

test("serves the order, whichever feed that goes out by, and ends with it", async () => {
  await addConversions(database.pool, [{ key: "everflow:1", orderId: "o-1" }]);
  await keep("anytrack:order:o-1", "o-1");
  await keep("anytrack:order:o-2", "o-2");
  expect(await known("everflow:1", "o-1")).toEqual(new Map([["everflow:1", identity]]));
  expect((await known("everflow:2", "o-3")).size).toBe(0);
  await claim(meta);
  await settle(meta, "everflow:1", "delivered");
  expect(await kept()).toBe(1);
  await keep("anytrack:order:o-1", "o-1");
  expect(await kept()).toBe(1);
  expect((await known("anytrack:order:o-2", "o-2")).size).toBe(1);
});

test("goes after seven days in any case, is never in clear, and is not kept when there is nothing", async () => {
  await keep("a");
  await keep("nobody", null, {});
  const { rows } = await database.pool.query(
    "select encode(sealed, 'escape') as text, round(extract(epoch from expires_at - now()) / 86400)::int as days from ops.delivery_identity",
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ days: 7, text: expect.not.stringMatching(/203\.0|client_ip/) });
  await database.pool.query("update ops.delivery_identity set expires_at = now()");
  expect((await known()).size).toBe(0);
  expect(await deleteExpiredIdentities(database.pool)).toBe(1);
});

test("a list that names one conversion twice keeps the later saying", async () => {
  const later = identityOf({ email: "other@shop.example" });
  await keepIdentities(database.pool, key, { client: "713", sentTo: ["meta"] }, [
    { conversionKey: "a", orderKey: null, identity },
    { conversionKey: "a", orderKey: null, identity: later },
  ]);
  expect(await known()).toEqual(new Map([["a", later]]));
});

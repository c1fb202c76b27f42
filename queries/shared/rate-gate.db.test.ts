import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Account } from "../../settings/config.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { openDatabase, type Database } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { claimTurn, endTurn, extendTurn, readGates } from "./rate-gate.ts";

jest.setTimeout(60_000);

let database: TestDatabase;
let pools: Database[];
let account: string;
let accounts = 0;

beforeAll(async () => {
  database = await testDatabase();
  pools = Array.from({ length: 5 }, (_, index) =>
    openDatabase({ url: database.url, poolSize: 3, name: `worker ${index}` }),
  );
});
beforeEach(() => {
  accounts += 1;
  account = `redtrack/${accounts}`;
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

const claim = (over: object = {}) =>
  claimTurn(database.pool, { account, intervalMs: 0, concurrent: 1, lease: "one", leaseMs: 60_000, ...over });
const end = (over: object = {}) => endTurn(database.pool, { account, lease: "one", waitMs: null, restMs: 0, ...over });
const gate = async () => (await readGates(database.pool)).find((state) => state.account === account);
const accountOf = (pace: Account["pace"]): Account => ({
  name: account,
  vendor: "redtrack",
  client: "1",
  isDestination: false,
  baseUrl: "",
  pace,
  secrets: {},
  settings: {},
  missing: [],
});

test("the first turn is ours at once; the next one is told how long to wait", async () => {
  expect(await claim({ intervalMs: 5_000 })).toBe(0);
  await end();
  const wait = await claim({ intervalMs: 5_000 });
  expect(wait).toBeGreaterThan(3_000);
  expect(wait).toBeLessThanOrEqual(5_000);
});

test("accounts do not wait for each other", async () => {
  expect(await claim({ intervalMs: 60_000 })).toBe(0);
  expect(await claim({ account: `${account}-other` })).toBe(0);
});

test("no more than the account's limit are under way; a place that is given back is free at once", async () => {
  const two = { concurrent: 2 };
  expect(await claim({ ...two, lease: "a" })).toBe(0);
  expect(await claim({ ...two, lease: "b" })).toBe(0);
  expect(await claim({ ...two, lease: "c" })).toBeGreaterThan(0);
  expect(await gate()).toMatchObject({ inFlight: 2 });
  await end({ lease: "a" });
  expect(await claim({ ...two, lease: "c" })).toBe(0);
});

test("a place whose worker was killed is free when its lease ends, unless it was renewed", async () => {
  expect(await claim({ lease: "killed", leaseMs: 150 })).toBe(0);
  expect(await claim({ lease: "next" })).toBeGreaterThan(0);
  const began = performance.now();
  while ((await claim({ lease: "next", leaseMs: 500 })) > 0) await pause(10);
  expect(performance.now() - began).toBeLessThan(1_000);
  await extendTurn(database.pool, { account, lease: "next", leaseMs: 60_000 });
  await pause(600);
  expect(await claim({ lease: "third" })).toBeGreaterThan(0);
  // Renewing what has ended does not bring it back.
  await end({ lease: "next" });
  await extendTurn(database.pool, { account, lease: "next", leaseMs: 60_000 });
  expect(await claim({ lease: "third" })).toBe(0);
});

test("a vendor's hint makes everybody wait, and a shorter one does not bring the moment forward", async () => {
  await claim();
  await end({ waitMs: 30_000 });
  const waits = await Promise.all(
    pools.map((pool) => claimTurn(pool, { account, intervalMs: 0, concurrent: 9, lease: "x", leaseMs: 1 })),
  );
  for (const wait of waits) {
    expect(wait).toBeGreaterThan(25_000);
    expect(wait).toBeLessThanOrEqual(30_000);
  }
  await end({ waitMs: 10 });
  expect(await claim()).toBeGreaterThan(25_000);
  const [held] = (
    await database.pool.query<{ held: boolean }>(
      "select held_until > now() + interval '20 seconds' as held from ops.rate_gate where account = $1",
      [account],
    )
  ).rows;
  expect(held).toEqual({ held: true });
  expect((await gate())?.waitMs).toBeGreaterThan(25_000);
});

test("an account that allows one at a time rests from the answer on", async () => {
  await claim();
  await end({ restMs: 20_000 });
  expect(await claim()).toBeGreaterThan(15_000);
});

test("twenty calls of five workers keep their distance and all get their turn", async () => {
  const intervalMs = 40;
  const gates = pools.map(createRateGate);
  const starts: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const done = await gates[index % gates.length]!.turn(accountOf({ intervalMs, concurrent: 1 }), {});
      starts.push(performance.now());
      await done({ waitMs: null });
    }),
  );
  starts.sort((one, other) => one - other);
  const gaps = starts.slice(1).map((start, index) => start - starts[index]!);
  expect(gaps).toHaveLength(19);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(intervalMs - 5);
});

test("five workers together never have more calls under way than the account allows", async () => {
  const gates = pools.map(createRateGate);
  let underWay = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const done = await gates[index % gates.length]!.turn(accountOf({ intervalMs: 0, concurrent: 3 }), {});
      underWay += 1;
      most = Math.max(most, underWay);
      await pause(5);
      underWay -= 1;
      await done({ waitMs: null });
    }),
  );
  expect(most).toBeLessThanOrEqual(3);
  expect(most).toBeGreaterThan(1);
});

test("after one worker's hint, no other starts before it ends", async () => {
  const gates = pools.map(createRateGate);
  const account = accountOf({ intervalMs: 0, concurrent: 1 });
  const first = await gates[0]!.turn(account, {});
  const waiting = gates.slice(1).map(async (other) => {
    const done = await other.turn(account, {});
    const at = performance.now();
    await done({ waitMs: null });
    return at;
  });
  const told = performance.now();
  await first({ waitMs: 300 });
  for (const at of await Promise.all(waiting)) expect(at - told).toBeGreaterThanOrEqual(300);
});

test("who waits can be called off, and holds nobody up", async () => {
  const [one] = pools.map(createRateGate);
  const account = accountOf({ intervalMs: 0, concurrent: 1 });
  const done = await one!.turn(account, {});
  const reason = new Error("cancelled");
  const inQueue = new AbortController();
  const queued = one!.turn(account, { signal: inQueue.signal });
  const next = one!.turn(account, {});
  inQueue.abort(reason);
  await expect(queued).rejects.toBe(reason);
  const already = new AbortController();
  already.abort(reason);
  await expect(one!.turn(account, { signal: already.signal })).rejects.toBe(reason);
  await done({ waitMs: 60_000 });
  const atGate = new AbortController();
  const held = createRateGate(pools[1]!).turn(account, { signal: atGate.signal });
  await pause(50);
  atGate.abort(reason);
  await expect(held).rejects.toBe(reason);
  // Let the one that is still in line go.
  await database.pool.query("update ops.rate_gate set next_at = now() where account = $1", [account.name]);
  await (
    await next
  )({ waitMs: null });
  expect(await gate()).toMatchObject({ inFlight: 0 });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { keyRing } from "../../../core/crypto.ts";
import { quarantineEvents } from "../../../queries/promo/quarantine.ts";
import type { Database } from "../../../schema/database.ts";
import { bearer, testServer } from "../../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { eventually } from "../../../test/eventually.ts";
import { keepClick } from "../click.ts";
import { AddressHashes } from "./address-hashes.ts";
import { Catalog } from "./catalog.ts";
import { tellUnreadable, watchSpool } from "./counting.ts";
import { Refusals } from "./refusals.ts";

let database: TestDatabase;
let folder: string;
beforeAll(async () => void (database = await testDatabase()), 60_000);
afterAll(() => database.drop());
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "counting-"));
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_quarantine, promo.promo_refusals, ops.alerts, ops.address_secrets;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'a', 'one', 'https://a.example'), ('713', 2, 'b', 'two', 'https://b.example'), ('acme', 3, 'c', 'three', 'https://c.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) values ('713', 11, 1, 'x')`);
});

const hanging = { query: () => new Promise(() => undefined) } as unknown as Database;
const away = { query: () => Promise.reject(new Error("away")) } as unknown as Database;
const rows = async (statement: string) => (await database.pool.query<Record<string, unknown>>(statement)).rows;
const post = (kind: string, payload: object) => ({
  method: "POST" as const,
  url: `/api/v1/promo/track-${kind}`,
  payload,
});

describe("hashes of addresses", () => {
  const keys = keyRing(randomBytes(32));
  const hashesAt = async (now: string, of: { keys?: typeof keys | null } = {}) => {
    const hashes = new AddressHashes({ database: database.pool, keys, now: () => new Date(now), ...of });
    await hashes.lookAfter();
    return hashes;
  };

  test("are the same in every process for a month, and differ from one subject or month to the next", async () => {
    const [one, other] = await Promise.all([hashesAt("2026-11-03T00:00:00Z"), hashesAt("2026-11-30T23:59:59Z")]);
    const hash = one.hash("variation 1", "203.0.113.7");
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(other.hash("variation 1", "203.0.113.7")).toBe(hash);
    expect(one.hash("variation 2", "203.0.113.7")).not.toBe(hash);
    expect(one.month()).toBe("2026-11");
    const next = await hashesAt("2026-12-01T00:00:00Z");
    expect(next.hash("variation 1", "203.0.113.7")).not.toBe(hash);
  });

  test("of a month that is over cannot be made again: its secret is gone here and in the database", async () => {
    let now = new Date("2026-11-30T00:00:00Z");
    const hashes = new AddressHashes({ database: database.pool, keys, now: () => now });
    await hashes.lookAfter();
    const hash = hashes.hash("s", "x");
    expect(await rows("select month from ops.address_secrets order by 1")).toEqual([
      { month: "2026-11-01" },
      { month: "2026-12-01" },
    ]);
    // The next month's is there already: no month begins without one.
    now = new Date("2026-12-01T00:00:00Z");
    expect(hashes.hash("s", "x")).toMatch(/^[0-9a-f]{64}$/);
    await hashes.lookAfter();
    expect(await rows("select month from ops.address_secrets order by 1")).toEqual([
      { month: "2026-12-01" },
      { month: "2027-01-01" },
    ]);
    now = new Date("2026-11-30T00:00:00Z");
    expect(hashes.hash("s", "x")).toBeNull();
    await hashes.lookAfter();
    expect(hashes.hash("s", "x")).not.toBe(hash);
  });

  test("go on with a new secret where the key of the old one is gone", async () => {
    await hashesAt("2026-11-03T00:00:00Z");
    const hashes = await hashesAt("2026-11-03T00:00:00Z", { keys: keyRing(randomBytes(32)) });
    expect(hashes.hash("s", "x")).toMatch(/^[0-9a-f]{64}$/);
  });

  test("are not made without a key or a database, and nobody waits for them", async () => {
    const without = await hashesAt("2026-11-03T00:00:00Z", { keys: null });
    expect([without.isReady, without.hash("s", "x")]).toEqual([true, null]);
    const lost = new AddressHashes({ database: away, keys });
    await lost.lookAfter();
    expect([lost.isReady, lost.hash("s", "x")]).toEqual([false, null]);
    const never = new AddressHashes({ database: hanging, keys });
    const keeper = { hashes: never, identityKey: null, storesAddressHash: true };
    const click = { variationId: 1, via: "api" as const, address: "203.0.113.7", agent: "x", eventId: "e" };
    expect(await keepClick(click, keeper)).toMatchObject({ ip_hash: null, body_hash: null, agent: null });
  });

  test("of the address are left out by a setting; agents without end are no reason to grow", async () => {
    const keeper = { hashes: await hashesAt(new Date().toISOString()), identityKey: keys, storesAddressHash: false };
    const click = { variationId: 1, via: "api" as const, eventId: "e", address: "203.0.113.7" };
    const [one, other] = [
      await keepClick(click, keeper),
      await keepClick({ ...click, address: "203.0.113.8" }, keeper),
    ];
    expect(one.ip_hash).toBeNull();
    expect(one.body_hash).toBe(other.body_hash);
    for (let n = 0; n < 2_010; n++) await keepClick({ ...click, agent: `agent ${n}` }, keeper);
    expect(await keepClick({ ...click, agent: "agent 1" }, keeper)).toMatchObject({ is_bot: expect.any(Boolean) });
  });
});

describe("the offers in memory", () => {
  const known = {
    offers: [
      {
        id: 1,
        client: "713",
        slug: "one",
        destinationUrl: "https://a.example",
        clickIdParameter: null,
        archived: false,
      },
      {
        id: 2,
        client: "713",
        slug: "two",
        destinationUrl: "https://b.example",
        clickIdParameter: null,
        archived: false,
      },
    ],
    variations: [{ id: 11, offerId: 1 }],
  };

  test("say what is certainly wrong with an event, and of what they do not know nothing", async () => {
    const catalog = new Catalog({ read: () => Promise.resolve(known), folder });
    await catalog.touch();
    const of = { event_id: "e", send_id: null, recipients: null, at: "", kind: "impression" as const };
    const problem = (offer: number, variation: number) =>
      catalog.problemOf({ ...of, offer_id: offer, variation_id: variation });
    expect([problem(1, 11), problem(2, 11), problem(9, 11), problem(1, 99)]).toEqual([
      null,
      "wrong_offer",
      "unknown_offer",
      null,
    ]);
  });

  test("are asked for once by all who ask, and no more than a few times a second for what there is not", async () => {
    let reads = 0;
    const catalog = new Catalog({ read: () => Promise.resolve(((reads += 1), known)), folder });
    expect(await Promise.all([catalog.offerOfSlug("one"), catalog.offerOf(11)])).toMatchObject([{ id: 1 }, { id: 1 }]);
    for (let n = 0; n < 20; n++) expect(await catalog.offerOfSlug(`none-${n}`)).toBeNull();
    expect(reads).toBeLessThan(4);
  });

  test("work where their file can be neither read nor written", async () => {
    const blocked = path.join(folder, "blocked");
    writeFileSync(blocked, "a file, not a folder");
    const catalog = new Catalog({ read: () => Promise.resolve(known), folder: blocked });
    expect(await catalog.offerOfSlug("one")).toMatchObject({ id: 1 });
  });
});

describe("refusals", () => {
  test("that cannot be stored now are stored with the next ones", async () => {
    let isAway = true;
    const flaky = {
      query: (...args: [string]) => (isAway ? Promise.reject(new Error("away")) : database.pool.query(...args)),
    } as unknown as Database;
    const refusals = new Refusals({ database: flaky, afterMs: 5 });
    const one = { client: "713", kind: "click" as const, caller: "site" };
    refusals.add(one);
    const failing = refusals.flush();
    refusals.add(one);
    await failing;
    isAway = false;
    await eventually(async () =>
      expect(await rows("select caller, refused from promo.promo_refusals")).toEqual([{ caller: "site", refused: 2 }]),
    );
    await refusals.flush();
  });

  test("of callers without end are counted together", async () => {
    const refusals = new Refusals({ database: database.pool, afterMs: 600_000 });
    for (let n = 0; n < 1_003; n++) refusals.add({ client: "713", kind: "impression", caller: `caller ${n}` });
    await refusals.flush();
    const [counted] = await rows("select refused from promo.promo_refusals where caller = 'others'");
    expect(counted).toEqual({ refused: 3 });
  });

  test("of events on unknown variations are the token's client's, or the first one's", async () => {
    const strict = await testServer({
      database: database.pool,
      clients: ["713", "acme"],
      env: { PROMO_SPOOL_DIR: folder, PROMO_CLICKS_PER_MINUTE: "1" },
    });
    for (const headers of [{}, await bearer({ client: "acme", subject: "site" })])
      for (const status of [400, 429])
        expect((await strict.inject({ ...post("click", { variation_id: 999 }), headers })).statusCode).toBe(status);
    await strict.close();
    expect(await rows("select _client_id as client, caller from promo.promo_refusals order by 1")).toEqual([
      { client: "713", caller: "address unknown" },
      { client: "acme", caller: "site" },
    ]);
  });
});

test("an event that Postgres itself refuses is an error of ours, spoils no other, and is not tried for ever", async () => {
  await database.pool.query(
    "alter table promo.promo_click_tracking add constraint no_boom check (referrer <> 'https://boom.example/')",
  );
  const api = await testServer({ database: database.pool, env: { PROMO_SPOOL_DIR: folder } });
  const answers = await Promise.all(
    ["fine", "boom", "good"].map((name) =>
      api.inject(post("click", { variation_id: 11, referrer: `https://${name}.example/` })),
    ),
  );
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([204, 500, 204]);
  await api.close();
  await database.pool.query("alter table promo.promo_click_tracking drop constraint no_boom");
});

test("while the database hangs, events are answered in time: what is recorded, and what is not", async () => {
  const started = performance.now();
  const api = await testServer({ database: hanging, counting: hanging, env: { PROMO_SPOOL_DIR: folder } });
  const full = await testServer({
    database: hanging,
    env: { PROMO_SPOOL_DIR: folder, PROMO_SPOOL_LIMIT_BYTES: "1024", PROMO_COMMIT_DEADLINE_MS: "50" },
  });
  const answer = await api.inject(post("impression", { offer_id: 1, variation_id: 11, event_id: "mine" }));
  expect([answer.statusCode, answer.headers["retry-after"], answer.json()]).toEqual([
    503,
    "5",
    {
      error: "tracking_failed",
      message: "Database connection failed; the event is recorded and will be counted: do not send it again",
      offer_id: 1,
      variation_id: 11,
      event_id: "mine",
      recorded: true,
    },
  ]);
  const answers = [];
  for (let n = 0; n < 8; n++) answers.push(await full.inject(post("click", { variation_id: 11 })));
  expect(answers.at(-1)?.json()).toEqual({
    error: "tracking_failed",
    message: "Database connection failed, and the event could not be recorded: send it again with this event_id",
    variation_id: 11,
    event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    recorded: false,
  });
  expect(performance.now() - started).toBeLessThan(20_000);
  await Promise.all([api.close(), full.close()]);
});

test("what waits in the spool for long is an alert, until everything is counted", async () => {
  const state = { bytes: 100, since: new Date(Date.now() - 9 * 60_000) };
  const alerts = () => rows("select message, resolved_at is null as open from ops.alerts where kind = 'spool_waiting'");
  await watchSpool(database.pool, "713", state);
  expect(await alerts()).toEqual([]);
  await watchSpool(database.pool, "713", { ...state, since: new Date(Date.now() - 11 * 60_000) });
  expect(await alerts()).toEqual([
    {
      open: true,
      message: "promo events have waited in the spool of the HTTP server for 11 minutes and are not counted yet",
    },
  ]);
  await watchSpool(database.pool, "713", { bytes: 0, since: null });
  expect(await alerts()).toMatchObject([{ open: false }]);
});

test("what cannot be read in the spool is an alert that names it", async () => {
  await tellUnreadable(database.pool, "713", "dead.damaged");
  expect(await rows("select kind, subject, resolved_at is null as open from ops.alerts")).toEqual([
    { kind: "spool_unreadable", subject: "dead.damaged", open: true },
  ]);
});

test("an event of the spool that cannot be counted is quarantined once, with its client where there is one", async () => {
  const event = {
    kind: "impression" as const,
    event_id: "q",
    offer_id: 9,
    variation_id: 11,
    send_id: null,
    recipients: null,
  };
  const at = new Date().toISOString();
  const quarantined = [
    { event: { ...event, at }, reason: "unknown_offer" as const },
    { event: { ...event, variation_id: 999, at }, reason: "unknown_variation" as const },
  ];
  for (let turn = 0; turn < 2; turn++) await quarantineEvents(database.pool, quarantined);
  expect(
    await rows(
      "select _client_id as client, reason, offer_id, event ->> 'event_id' as id from promo.promo_quarantine order by 1",
    ),
  ).toEqual([
    { client: "", reason: "unknown_variation", offer_id: 9, id: "q" },
    { client: "713", reason: "unknown_offer", offer_id: 9, id: "q" },
  ]);
  rmSync(folder, { recursive: true, force: true });
});

import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { sha256, keyRing } from "../../core/crypto.ts";
import { identityOf } from "../../rules/conversions/identity.ts";
import { keepIdentities } from "../../queries/conversions/delivery-identities.ts";
import type { RequestEntry } from "../../sandbox/request-log.ts";
import { plannedSchedules } from "../../temporal.config.ts";
import { addConversions, createDeliverables, type TestConversion } from "../../test/deliverable.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { everyRow } from "../../test/database.ts";
import { failureOf, loseAttempts, logLines, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";
import type { Delivered } from "./deliver-conversions.ts";

jest.setTimeout(120_000);

const identityKey = keyRing(randomBytes(32));

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({
    META_PIXEL_ID: "123456789012345",
    META_ACCESS_TOKEN: "sandbox-713",
    HUBSPOT_ACCESS_TOKEN: "sandbox-713",
    IDENTITY_ENCRYPTION_KEY: identityKey.current.toString("base64"),
  });
  await createDeliverables(stack.database.pool);
});
beforeEach(
  async () =>
    void (await stack.rows("truncate public.test_conversions, ops.deliveries, ops.delivery_identity, ops.alerts")),
);
afterEach(() =>
  stack.control("DELETE", "/faults?vendor=meta").then(() => stack.control("DELETE", "/faults?vendor=hubspot")),
);
afterAll(() => stack.stop());

const add = (conversions: TestConversion[]) => addConversions(stack.database.pool, conversions);
const many = (count: number, more: TestConversion = {}) => Array.from({ length: count }, () => more);
const start = (type: string, input: object = {}) => stack.start(type, uniqueId(type), input);
const deliver = async (input: object = {}) =>
  (await (await start("deliverConversions", input)).result()) as Delivered[];
const fault = (vendor: string, kind: string, more: object = {}) =>
  stack.control("POST", "/faults", { vendor, kind, ...more });

interface Held {
  key: string;
  times: number;
  event: Record<string, unknown>;
}

/** What a destination holds of these conversions. */
async function heldBy(destination: "meta" | "hubspot", keys: string[]): Promise<Held[]> {
  const rows = (await stack.control(
    "GET",
    `/dump?vendor=${destination}&client=713&from=2020-01-01&to=2100-01-01`,
  )) as Record<string, unknown>[];
  const held = rows.map((event) =>
    destination === "meta"
      ? { key: String(event["event_id"]), times: Number(event["received"]), event }
      : {
          key: (event["properties"] as Record<string, string>)["conversion_key"] ?? "",
          times: Number(event["writes"]),
          event,
        },
  );
  return held.filter(({ key }) => keys.includes(key));
}

async function calls(vendor: string): Promise<RequestEntry[]> {
  return ((await stack.control("GET", `/log?vendor=${vendor}`)) as { entries: RequestEntry[] }).entries.filter(
    ({ method }) => method === "POST",
  );
}

const states = (destination: string) =>
  stack.rows<{ state: string; count: number }>(
    "select state, count(*)::int from ops.deliveries where destination = $1 group by 1 order by 1",
    [destination],
  );

test("what is new goes to every destination once; a second run sends nothing", async () => {
  const keys = await add(many(250));
  const before = [(await calls("meta")).length, (await calls("hubspot")).length];
  expect(await deliver()).toEqual([
    expect.objectContaining({ destination: "meta", delivered: 250, failed: 0, expired: 0 }),
    expect.objectContaining({ destination: "hubspot", delivered: 250, failed: 0, expired: 0 }),
  ]);
  expect([(await calls("meta")).length, (await calls("hubspot")).length]).toEqual([
    (before[0] ?? 0) + 1,
    (before[1] ?? 0) + 3,
  ]);
  expect(await deliver()).toMatchObject([{ delivered: 0 }, { delivered: 0 }]);
  for (const destination of ["meta", "hubspot"] as const) {
    const held = await heldBy(destination, keys);
    expect([held.length, held.every(({ times }) => times === 1)]).toEqual([250, true]);
    expect(await states(destination)).toEqual([{ state: "delivered", count: 250 }]);
  }
  const [late] = await add([{}]);
  expect(await deliver({ destination: "hubspot" })).toMatchObject([{ destination: "hubspot", delivered: 1 }]);
  expect(await heldBy("hubspot", [late ?? ""])).toHaveLength(1);
});

test("a chargeback lowers its deal, then closes it, and says so; Meta is not asked again", async () => {
  const [key = ""] = await add([{ orderId: "ord-9" }]);
  await deliver();
  const deal = async () => {
    const [held] = await heldBy("hubspot", [key]);
    const { amount, dealstage, dealname } = held?.event["properties"] as Record<string, string>;
    return [amount, dealstage, dealname, held?.times];
  };
  expect(await deal()).toEqual(["60.00", "closedwon", "Base ord-9", 1]);
  const back = (amount: number) =>
    stack.rows("update public.test_conversions set charged_back = $1, changed_at = now()", [amount]);
  await back(-20);
  expect(await deliver()).toMatchObject([{ destination: "meta", delivered: 0 }, { delivered: 1 }]);
  expect(await deal()).toEqual(["40.00", "closedwon", "Base ord-9 (lowered by a chargeback of 20.00 USD)", 2]);
  await back(-60);
  await deliver();
  expect(await deal()).toEqual(["0.00", "closedlost", "Base ord-9 (charged back 60.00 USD)", 3]);
  expect(await stack.rows("select last_answer as says from ops.deliveries where destination = 'hubspot'")).toEqual([
    { says: "upserted: charged back 60.00 USD" },
  ]);
  expect(await deliver()).toMatchObject([{ delivered: 0 }, { delivered: 0 }]);
});

test("a conversion of a feed that nobody asked for stays here", async () => {
  await add([{}]);
  await stack.rows("update public.test_conversions set feed = 'everflow.conversions'");
  expect(await deliver()).toMatchObject([{ delivered: 0 }, { delivered: 0 }]);
  expect(await stack.rows("select from ops.deliveries")).toEqual([]);
});

test("a poisoned event in a batch of 500 fails alone, is named, and people are told", async () => {
  const keys = await add([...many(250), { key: "test:poison", currency: "XQZ" }, ...many(249)]);
  expect(await deliver()).toMatchObject([
    { destination: "meta", delivered: 499, failed: 1, refused: ["test:poison"] },
    { destination: "hubspot", delivered: 499, failed: 1, refused: ["test:poison"] },
  ]);
  expect(
    await stack.rows("select conversion_key as key, state from ops.deliveries where state <> 'delivered'"),
  ).toEqual([
    { key: "test:poison", state: "failed" },
    { key: "test:poison", state: "failed" },
  ]);
  for (const destination of ["meta", "hubspot"] as const) {
    const held = await heldBy(destination, keys);
    expect([held.length, held.every(({ times }) => times === 1)]).toEqual([499, true]);
  }
  expect(
    await stack.rows(
      "select subject, message from ops.alerts where kind = 'delivery_refused' and resolved_at is null order by 1",
    ),
  ).toEqual([
    { subject: "hubspot", message: expect.stringContaining("test:poison") },
    { subject: "meta", message: expect.stringContaining("test:poison") },
  ]);

  // Mended, a redelivery sends it, and it alone; the alert goes with it.
  await stack.rows("update public.test_conversions set currency = 'USD' where key = 'test:poison'");
  const today = new Date().toLocaleDateString("sv", { timeZone: "America/New_York" });
  const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString("sv", { timeZone: "America/New_York" });
  for (const destination of ["meta", "hubspot"]) {
    const range = { destination, from: yesterday, to: today };
    const sent = (await calls(destination)).length;
    const dry = (await (await start("redeliver", { ...range, dryRun: true })).result()) as object;
    expect(dry).toMatchObject({
      counts: [
        { what: "delivered", conversions: 499, value: "29940.00", currency: "USD" },
        { what: "send", conversions: 1, value: "60.00", currency: "USD" },
      ],
      sent: null,
    });
    expect([(await calls(destination)).length, (await states(destination)).length]).toEqual([sent, 2]);
    expect(await (await start("redeliver", range)).result()).toMatchObject({ sent: { delivered: 1, failed: 0 } });
    expect(await states(destination)).toEqual([{ state: "delivered", count: 500 }]);
  }
  expect(await stack.rows("select from ops.alerts where kind = 'delivery_refused' and resolved_at is null")).toEqual(
    [],
  );
});

test("what is older than seven days expires at Meta without a request, and goes to HubSpot all the same", async () => {
  const before = (await calls("meta")).length;
  const keys = await add([{ hoursAgo: 24 * 7 + 1 }, { hoursAgo: 24 * 20 }]);
  expect(await deliver()).toMatchObject([
    { delivered: 0, expired: 2 },
    { delivered: 2, expired: 0 },
  ]);
  expect(await states("meta")).toEqual([{ state: "expired", count: 2 }]);
  expect((await calls("meta")).length).toBe(before);
  expect(await heldBy("hubspot", keys)).toHaveLength(2);
});

test("where the stand-in's clock is set, new and too old count from its present", async () => {
  const past = await startStack({
    META_PIXEL_ID: "123456789012345",
    META_ACCESS_TOKEN: "sandbox-713",
    META_CLOCK: "2025-12-18T15:30:00-05:00",
  });
  try {
    await createDeliverables(past.database.pool);
    await past.control("PUT", "/clock", { now: "2025-12-18T15:30:00-05:00" });
    await past.rows(
      `insert into public.test_conversions (key, at, value, currency, click_id)
       select 'test:' || day, day::date, 60, 'USD', 'click' from unnest('{2025-11-01, 2025-12-10, 2025-12-12, 2025-12-18}'::text[]) day`,
    );
    const handle = await past.start("deliverConversions", uniqueId("past"), {});
    expect(await handle.result()).toMatchObject([{ destination: "meta", delivered: 2, failed: 0 }]);
    expect(await past.rows("select conversion_key as key, state from ops.deliveries order by event_time")).toEqual([
      { key: "test:2025-12-10", state: "expired" },
      { key: "test:2025-12-12", state: "delivered" },
      { key: "test:2025-12-18", state: "delivered" },
    ]);
  } finally {
    await past.stop();
  }
});

describe("a worker that dies between sending and recording", () => {
  let child: ChildProcess | undefined;
  afterEach(() => void child?.kill("SIGKILL"));

  /** A worker as a process of its own, so that it can die as processes do. */
  async function startProcess(): Promise<void> {
    const { temporal, database, sandboxUrl } = stack;
    child = spawn(process.execPath, ["--import", "./test/register-typescript.js", "workers/main.ts"], {
      cwd: projectRoot(),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        NODE_ENV: "test",
        LOG_LEVEL: "error",
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: temporal.namespace,
        META_BASE_URL: `${sandboxUrl}/meta`,
        META_PIXEL_ID: "123456789012345",
        META_ACCESS_TOKEN: "sandbox-713",
        HUBSPOT_BASE_URL: `${sandboxUrl}/hubspot`,
        HUBSPOT_ACCESS_TOKEN: "sandbox-713",
        IDENTITY_ENCRYPTION_KEY: identityKey.current.toString("base64"),
      },
    });
    await once(child, "message");
  }

  test("leaves each conversion at the destination once", async () => {
    await stack.stopWorkers();
    await startProcess();
    const keys = await add(many(300));
    // The requests arrive and are taken; their answers are still on the way when the worker is killed.
    for (const vendor of ["meta", "hubspot"])
      await fault(vendor, "latency", {
        ms: 60_000,
        times: vendor === "hubspot" ? 2 : 1,
        match: vendor === "hubspot" ? { path: "/crm/v3/objects/deals/batch/upsert" } : {},
      });
    const handle = await start("deliverConversions");
    await until(
      "both destinations to hold what was sent",
      async () => (await heldBy("meta", keys)).length === 300 && (await heldBy("hubspot", keys)).length === 100,
      60_000,
    );
    child?.kill("SIGKILL");
    expect(await states("meta")).toEqual([{ state: "sending", count: 300 }]);
    for (const vendor of ["meta", "hubspot"]) await stack.control("DELETE", `/faults?vendor=${vendor}`);
    await stack.startWorkers();
    await loseAttempts(stack, handle);
    expect(await handle.result()).toMatchObject([{ delivered: 300 }, { delivered: 300 }]);
    for (const destination of ["meta", "hubspot"] as const) {
      const held = await heldBy(destination, keys);
      expect(held.map(({ key }) => key).sort()).toEqual(keys.toSorted());
      // They were sent again: it is the ids that make it once.
      expect(held.some(({ times }) => times === 2)).toBe(true);
      expect(await states(destination)).toEqual([{ state: "delivered", count: 300 }]);
    }
  });
});

test("a daily limit stops the day: what waits is held, nothing is tried again, what comes later joins it", async () => {
  await add(many(150));
  await fault("hubspot", "rate_limited", { policy: "DAILY", match: { path: "/crm/v3/objects/deals/batch/upsert" } });
  const before = (await calls("hubspot")).length;
  const [sum] = await deliver({ destination: "hubspot" });
  const midnight = new Date(`${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`).toISOString();
  expect(sum).toMatchObject({ delivered: 0, failed: 0, heldUntil: midnight, stopped: null });
  await add(many(5));
  expect(await deliver({ destination: "hubspot" })).toMatchObject([{ delivered: 0, heldUntil: midnight }]);
  expect((await calls("hubspot")).length).toBe(before + 1);
  expect(await states("hubspot")).toEqual([{ state: "held", count: 155 }]);
  expect(await stack.rows("select kind from ops.alerts")).toEqual([{ kind: "delivery_held" }]);

  await stack.control("DELETE", "/faults?vendor=hubspot");
  await stack.rows("update ops.deliveries set held_until = now() - interval '1 second'");
  expect(await deliver({ destination: "hubspot" })).toMatchObject([{ delivered: 155, heldUntil: null }]);
  expect(await stack.rows("select from ops.alerts where resolved_at is null")).toEqual([]);
});

test("a refused key stops its own destination only, and costs no conversion", async () => {
  await add(many(3));
  await fault("meta", "unauthorized");
  const failure = await failureOf((await start("deliverConversions")).result());
  expect(failure).toEqual({
    type: "DeliveriesStopped",
    message: expect.stringMatching(/^meta, client 713: CredentialsRejected: .*code 190/),
  });
  expect([await states("meta"), await states("hubspot")]).toEqual([
    [{ state: "pending", count: 3 }],
    [{ state: "delivered", count: 3 }],
  ]);
  expect(await stack.rows("select kind, severity from ops.alerts")).toEqual([
    { kind: "delivery_blocked", severity: "critical" },
  ]);
  await stack.control("DELETE", "/faults?vendor=meta");
  expect(await deliver()).toMatchObject([{ delivered: 3 }, { delivered: 0 }]);
  expect(await stack.rows("select from ops.alerts where resolved_at is null")).toEqual([]);
});

test.each([
  ["deliverConversions", { destination: "nowhere" }, 'unknown destination "nowhere": there are meta, hubspot'],
  ["deliverConversions", { client: "nobody" }, 'unknown client "nobody"'],
  ["redeliver", { destination: "meta", from: "2026-02-30", to: "2026-03-01" }, "from: must be a day"],
])("%s %j is refused with what to type instead", async (type, input, message) => {
  expect(await failureOf((await start(type, input)).result())).toEqual({
    type: "InvalidInput",
    message: expect.stringContaining(message),
  });
});

test("where a destination is configured a schedule delivers every ten minutes", () => {
  const of = (accounts: typeof stack.config.accounts) =>
    plannedSchedules({ ...stack.config, accounts }).find(({ scheduleId }) => scheduleId === "deliver-conversions");
  expect(of(stack.config.accounts)?.options).toMatchObject({
    spec: { intervals: [{ every: "10 minutes" }] },
    action: { workflowType: "deliverConversions" },
    policies: { overlap: "SKIP" },
  });
  expect(of(new Map())).toBeUndefined();
});

test("of a person Meta gets what it wants, and nothing of it is in clear in any table, history or log", async () => {
  const canary = {
    email: "canary.person@shop.example",
    phone: "+1 (650) 555-0199",
    ipAddress: "203.0.113.199",
    userAgent: "Mozilla/5.0 (Canary)",
    fbc: "fb.1.1772960000000.CanaryClick",
  };
  const keys = await add([{ key: "test:known" }, { key: "test:refused", currency: "XQZ" }, { key: "test:echoed" }]);
  const identity = identityOf({ ...canary, externalId: "user-17" });
  await keepIdentities(
    stack.database.pool,
    identityKey,
    { client: "713", sentTo: ["meta"] },
    keys.map((conversionKey) => ({ conversionKey, orderKey: null, identity })),
  );
  const hashes = [sha256("canary.person@shop.example"), sha256("16505550199"), sha256("user-17")];
  const traces = [
    "canary",
    "5550199",
    "555-0199",
    "203.0.113.199",
    ...hashes,
    ...Object.values(canary).map((value) => Buffer.from(value).toString("hex")),
  ];
  const tracesIn = (text: string) => traces.filter((trace) => text.toLowerCase().includes(trace.toLowerCase()));
  expect(tracesIn(await everyRow(stack.database.pool))).toEqual([]);
  expect(await stack.rows("select from ops.delivery_identity")).toHaveLength(3);

  await fault("meta", "wrapped_error", { error: `no: ${canary.email} ${canary.ipAddress} ${hashes[0]}`, times: 1 });
  await failureOf((await start("deliverConversions", { destination: "meta" })).result());
  await stack.rows("update ops.deliveries set claimed_at = now() - interval '1 hour'");
  await fault("meta", "html", { status: 502, times: 1 });
  expect(await deliver({ destination: "meta" })).toMatchObject([{ delivered: 2, failed: 1 }]);

  const [known] = await heldBy("meta", ["test:known"]);
  expect(known?.event["user_data"]).toEqual({
    em: [hashes[0]],
    ph: [hashes[1]],
    external_id: [hashes[2]],
    client_ip_address: canary.ipAddress,
    client_user_agent: canary.userAgent,
    fbc: canary.fbc,
  });
  expect(tracesIn(await everyRow(stack.database.pool))).toEqual([]);
  expect(await stack.rows("select conversion_key as key from ops.delivery_identity")).toEqual([
    { key: "test:refused" },
  ]);
  const histories = await until("the runs to be listed", async () => {
    const found = await allHistories(stack);
    return found.length > 10 && found;
  });
  expect(
    histories.filter(({ history }) => tracesIn(readable(history)).length > 0).map(({ workflowId }) => workflowId),
  ).toEqual([]);
  expect(logLines.filter((line) => tracesIn(line).length > 0)).toEqual([]);
});

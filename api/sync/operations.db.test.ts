import net from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openDatabase } from "../../schema/database.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { recordSources } from "../../queries/sync/sources.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";
import { bearer, testServer } from "../../test/api-server.ts";

const source = "redtrack.daily_spend";
const clients = ["713", "acme"] as const;
let database: TestDatabase;
let api: Api;
const log: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  for (const client of clients) await fill(client);
  api = await testServer({ database: database.pool, log });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

/** Three days, the last one failed; one run per client. */
async function fill(client: string): Promise<void> {
  const { pool } = database;
  const run = `run-${client}`;
  await pool.query(
    `insert into ops.runs (run_id, _client_id, source, kind, workflow_id, outcome, slices_planned, slices_done, slices_failed, reason)
     values ($1, $2, $3, 'sync', 'sync/x', 'failed', 3, 2, 1, '2025-12-18: VendorUnavailable')`,
    [run, client, source],
  );
  await pool.query(
    `insert into ops.run_failures (run_id, _client_id, source, slice, type, reason) values ($1, $2, $3, '2025-12-18', 'VendorUnavailable', 'HTTP 500')`,
    [run, client, source],
  );
  await pool.query(`insert into ops.coverage (_client_id, source, covered_from) values ($1, $2, '2025-12-16')`, [
    client,
    source,
  ]);
  for (const [day, total, vendorTotal] of [
    ["2025-12-16", "26269.204999", "26269.2"],
    ["2025-12-17", "12345678901.005", null],
  ]) {
    await pool.query(
      `with receipt as (
         insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, outcome, pages, fetched, inserted, updated, unchanged, withdrawn,
                                   quarantined, quarantined_total, total, vendor_total, content_hash, run_id, workflow_id, workflow_run_id, attempt)
         values ($1, $2, $3, 'America/New_York', nextval('ops.fetch_seq'), now(), 'changed', 1, 16, 16, 0, 0, 0, 0, 0, $4, $5, 'hash', $6, 'w', 'r', 1)
         returning receipt_id, fetch_seq, fetched_at
       )
       insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, fetch_seq, fetched_at, is_final, outcome, rows, total, run_id)
       select $1, $2, $3, $3::date, 'America/New_York', receipt_id, fetch_seq, fetched_at, true, 'changed', 16, $4, $6 from receipt`,
      [client, source, day, total, vendorTotal, run],
    );
  }
  await pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, failure, failure_type, failed_at)
     values ($1, $2, '2025-12-18', '2025-12-18', 'America/New_York', 'HTTP 500', 'VendorUnavailable', now())`,
    [client, source],
  );
  await pool.query(
    `insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
     values ($1, $2, '2025-12-16', '{"source_id":"s1"}', 'changed', jsonb_build_object('cost', 8450.12::numeric(18,6), 'clicks', 7),
             jsonb_build_object('cost', 123456789012.123456::numeric(18,6), 'clicks', 8), 1, $3)`,
    [client, source, run],
  );
  await pool.query(
    `insert into ops.quarantine (_client_id, source, slice, reason, amount, content, content_hash, run_id)
     values ($1, $2, '2025-12-16', 'no source id', 1999.005, $3, $4, $5)`,
    [client, source, `{"of":"${client}"}`, `hash-${client}`, run],
  );
  await raiseAlert(pool, {
    client,
    area: "sync",
    kind: "failed_run",
    subject: source,
    severity: "critical",
    message: `of ${client}`,
  });
}

const get = async (url: string, claims: Parameters<typeof bearer>[0] = {}) =>
  api.inject({ url: `/api/v1/ops${url}`, headers: await bearer(claims) });
const items = async (url: string, claims?: Parameters<typeof bearer>[0]) =>
  (await get(url, claims)).json<{ items: Record<string, unknown>[]; next: string | null }>();

const lists = ["/freshness", "/slices", "/runs", "/receipts", "/restatements", "/quarantine", "/alerts"];

test.each(lists)("%s shows a client its own rows and no other's", async (url) => {
  const counts = [];
  for (const client of clients) {
    const answer = await get(url, { client });
    expect(answer.statusCode).toBe(200);
    const own = answer.json<{ items: unknown[] }>().items;
    counts.push(own.length);
    expect(own.length).toBeGreaterThan(0);
    expect(answer.payload).not.toMatch(client === "713" ? /acme/ : /713/);
  }
  expect(counts[0]).toBe(counts[1]);
  expect((await items(url, { client: "nobody" })).items).toEqual([]);
});

test.each(lists)("%s is closed without a token and to an advertiser", async (url) => {
  expect((await api.inject(`/api/v1/ops${url}`)).statusCode).toBe(401);
  expect((await get(url, { role: "advertiser", advertiser: "1" })).statusCode).toBe(403);
});

test("money is a decimal string, rounded to the cent, and the ledger's amounts keep every digit", async () => {
  expect((await items("/freshness?to=2025-12-17")).items).toMatchObject([
    { day: "2025-12-17", state: "final", total: "12345678901.01", rows: 16, reconciled: null },
    { day: "2025-12-16", state: "final", total: "26269.20", reconciled: true },
  ]);
  expect((await items("/slices?failed=true")).items).toMatchObject([
    {
      day: "2025-12-18",
      isFinal: false,
      total: "0.00",
      failureType: "VendorUnavailable",
      failedAt: expect.stringMatching(/Z$/),
    },
  ]);
  expect((await items("/receipts?day=2025-12-16")).items).toMatchObject([
    { total: "26269.20", vendorTotal: "26269.20", quarantinedTotal: "0.00" },
  ]);
  expect((await items("/quarantine?state=open")).items).toMatchObject([{ amount: "1999.01", content: "[sealed]" }]);
  expect((await items("/restatements?source=redtrack.daily_spend&day=2025-12-16")).items).toMatchObject([
    {
      rowKey: { source_id: "s1" },
      old: { cost: "8450.12", clicks: 7 },
      new: { cost: "123456789012.123456", clicks: 8 },
    },
  ]);
});

test("a run is found with its failures by its own client only", async () => {
  const own = await get("/runs/run-713");
  expect(own.json()).toMatchObject({
    runId: "run-713",
    outcome: "failed",
    planned: 3,
    failed: 1,
    failures: [{ slice: "2025-12-18", type: "VendorUnavailable", recoveredAt: null }],
  });
  const other = await get("/runs/run-acme");
  expect(other.statusCode).toBe(404);
  expect(other.json()).toEqual({ error: "not_found", message: "there is no such run" });
});

test("pages join without a gap or a repeat, also where rows share a moment", async () => {
  await database.pool.query(
    `insert into ops.runs (run_id, _client_id, source, kind, workflow_id, started_at)
     select 'p' || n, 'paged', $1, 'sync', 'w', '2025-12-18T10:00:00.123456Z'::timestamptz + (n / 3) * interval '1 microsecond' from generate_series(1, 20) n`,
    [source],
  );
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone) select 'paged', s, d::date::text, d::date, 'UTC'
       from unnest(array['a.x', 'b.y']) s, generate_series('2025-12-01'::timestamp, '2025-12-10', interval '1 day') d`,
  );
  for (const [url, key] of [
    ["/runs", "runId"],
    ["/slices", "slice"],
    ["/freshness", "day"],
  ] as const) {
    const seen: unknown[] = [];
    let cursor: string | null = "";
    for (let page = 0; cursor !== null; page += 1) {
      expect(page).toBeLessThan(10);
      const { items: found, next }: Awaited<ReturnType<typeof items>> = await items(
        `${url}?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
        { client: "paged" },
      );
      expect(found.length).toBeLessThanOrEqual(3);
      seen.push(...found.map((item) => `${String(item["source"])} ${String(item[key])}`));
      cursor = next;
    }
    expect(seen).toHaveLength(20);
    expect(new Set(seen).size).toBe(20);
    expect(seen).toEqual(
      (await items(`${url}?limit=500`, { client: "paged" })).items.map(
        (item) => `${String(item["source"])} ${String(item[key])}`,
      ),
    );
  }
});

test("an alert is resolved once, by whom the token names, and never another client's", async () => {
  const [open] = (await items("/alerts?state=open")).items;
  const put = async (claims: Parameters<typeof bearer>[0], notes = "key renewed") =>
    api.inject({
      method: "PUT",
      url: `/api/v1/ops/alerts/${String(open?.["alertId"])}/resolve`,
      headers: await bearer(claims),
      payload: { notes },
    });
  expect((await put({ client: "acme" })).statusCode).toBe(404);
  expect((await put({ role: "analyst" })).statusCode).toBe(403);
  const said = "key renewed, ask jane.canary@example.com";
  const done = await put({ subject: "ada" }, said);
  expect(done.statusCode).toBe(200);
  expect(done.json()).toMatchObject({
    resolvedBy: "ada",
    notes: "key renewed, ask [e-mail]",
    resolvedAt: expect.stringMatching(/Z$/),
  });
  expect((await put({ subject: "ada" }, said)).json()).toEqual(done.json());
  const kept = await database.pool.query(
    "select a::text as row from ops.alerts a union all select u::text from ops.audit u",
  );
  expect(JSON.stringify(kept.rows)).not.toContain("canary");
  expect((await put({ subject: "bob" })).statusCode).toBe(409);
  expect((await items("/alerts?state=open")).items).toEqual([]);
  expect((await items("/alerts?state=resolved")).items).toHaveLength(1);
  expect((await items("/alerts?state=open", { client: "acme" })).items).toHaveLength(1);
});

test("readiness and metrics come from Postgres, also while Temporal is away", async () => {
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, fetched_at, rows, total) select '713', $1, d::text, d, 'America/New_York', now(), 5, 10.5
       from (select (now() at time zone 'America/New_York')::date - 1 as d) y`,
    [source],
  );
  await recordSources(database.pool, [
    {
      source,
      vendor: "redtrack",
      timezone: "America/New_York",
      hours: { from: 7, to: 23 },
      minute: 0,
      comment: "hourly",
    },
  ]);
  const server = await testServer({
    database: database.pool,
    temporal: { probe: () => Promise.reject(new Error("away")) },
  });
  const ready = await server.inject("/readyz");
  expect(ready.statusCode).toBe(503);
  expect(ready.json()).toMatchObject({
    ready: false,
    postgres: { reachable: true },
    temporal: { reachable: false },
    alerts: { critical: 1 },
  });
  expect(ready.json<{ late: { client: string }[] }>().late.map(({ client }) => client)).toEqual(
    expect.arrayContaining(["713", "acme"]),
  );

  const { payload } = await server.inject("/metrics");
  for (const line of [
    "signal_room_postgres_up 1",
    "signal_room_temporal_up 0",
    /^signal_room_last_receipt_age_seconds\{client="713",source="redtrack.daily_spend"\} \d/m,
    /^signal_room_oldest_open_day_age_seconds\{client="acme",source="redtrack.daily_spend"\} [1-9]/m,
    'signal_room_source_late{client="acme",source="redtrack.daily_spend"} 1',
    'signal_room_failed_slices{client="713",source="redtrack.daily_spend"} 1',
    'signal_room_rows{client="713",source="redtrack.daily_spend",day="yesterday"} 5',
    'signal_room_money{client="713",source="redtrack.daily_spend",day="yesterday"} 10.5',
    /^signal_room_open_alerts\{client="acme",kind="failed_run",severity="critical"\} 1/m,
    'signal_room_quarantine_open{client="acme",source="redtrack.daily_spend"} 1',
    'signal_room_runs_24h{client="713",source="redtrack.daily_spend",kind="sync",outcome="failed"} 1',
    "signal_room_http_request_duration_seconds_count",
  ]) {
    expect(payload).toEqual(typeof line === "string" ? expect.stringContaining(line) : expect.stringMatching(line));
  }
  await server.close();
});

test("a server that others can reach tells amounts only to a token, and only that client's", async () => {
  const server = await testServer({ database: database.pool, host: "0.0.0.0" });
  expect((await server.inject("/metrics")).payload).not.toContain("signal_room_money");
  const { payload } = await server.inject({
    url: "/metrics",
    headers: await bearer({ client: "acme", role: "analyst" }),
  });
  expect(payload.split("\n").filter((line) => line.startsWith("signal_room_money"))).toEqual([
    expect.stringContaining('client="acme"'),
    expect.stringContaining('client="acme"'),
  ]);
  await server.close();
});

test("amounts stay hidden from whoever comes through a proxy on this machine, or through a browser by a false name", async () => {
  const server = await testServer({ database: database.pool });
  const amounts = async (headers: Record<string, string>) =>
    (await server.inject({ url: "/metrics", headers })).payload.includes("signal_room_money");
  expect(await amounts({ host: "127.0.0.1:3003" })).toBe(true);
  expect(await amounts({ host: "127.0.0.1:3003", "x-forwarded-for": "198.51.100.7" })).toBe(false);
  expect(await amounts({ host: "rebound.example:3003" })).toBe(false);
  expect(await amounts({ host: "127.0.0.1:3003", ...(await bearer({ role: "advertiser", advertiser: "1" })) })).toBe(
    false,
  );
  await server.close();
});

// Reads and forgets: without reading, it would not notice that a caller hung up either.
const silent = net.createServer((socket) => void socket.resume());
test.each(["a closed port", "a server that takes the connection and says nothing"])(
  "Postgres away (%s) is a 503 in under a second, and the server is alive",
  async (kind) => {
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const pool = openDatabase({
      url: `postgres://nobody:hidden-word@127.0.0.1:${kind === "a closed port" ? 1 : port}/none`,
      poolSize: 2,
      name: "tests",
      connectTimeoutMs: 600,
    });
    const server = await testServer({ database: pool });
    for (const url of ["/api/v1/ops/freshness", "/api/v1/ops/runs/x", "/readyz"]) {
      const started = Date.now();
      const answer = await server.inject({ url, headers: await bearer() });
      expect(Date.now() - started).toBeLessThan(1_000);
      expect(answer.statusCode).toBe(503);
      expect(answer.payload).not.toMatch(/127\.0\.0\.1|hidden-word|ECONN/);
    }
    expect((await server.inject("/api/v1/ops/runs")).statusCode).toBe(401);
    expect((await server.inject("/healthz")).statusCode).toBe(200);
    const started = Date.now();
    expect((await server.inject("/metrics")).payload).toContain("signal_room_postgres_up 0");
    expect(Date.now() - started).toBeLessThan(1_000);
    await server.close();
    await pool.end();
    await new Promise((resolve) => silent.close(resolve));
  },
);

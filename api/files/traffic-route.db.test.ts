import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { ingesting } from "../../test/ingesting.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let folder: string;
let api: Api;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "traffic-"))]);
  const env = { DATABASE_URL: database.url, IMPORT_DIR: folder, CLIENTS: "713,acme" };
  const config = loadConfig(env, vendors, sources);
  api = await testServer({
    database: database.pool,
    temporal: ingesting(database.pool, config),
    ingest: config.ingest,
  });
}, 60_000);
beforeEach(async () => {
  await database.pool.query(
    "truncate rtb.rtb_traffic, rtb.buyer_seats, ops.files, ops.report_days, ops.quarantine, ops.alerts",
  );
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const at = "2026-01-02T03:00:00Z";
const item = { timestamp: at, size: "300x250", format: "HTML", geo: "BR", deviceType: "mobile", requests: 9_000 };
async function post(
  body: object,
  { headers = {}, ...claims }: { headers?: object; role?: "analyst"; client?: string } = {},
) {
  const answer = await api.inject({
    method: "POST",
    url: "/api/v1/rtb/traffic",
    headers: { ...(await bearer(claims)), ...headers },
    payload: body,
  });
  return { status: answer.statusCode, body: answer.json<Record<string, never>>() };
}
const rows = async () =>
  (await database.pool.query("select buyer_id, size, requests, seconds from rtb.rtb_traffic order by size"))
    .rows as object[];

test("items are stored with a receipt; the same again changes nothing, and of a moment the later counts", async () => {
  const body = { buyerId: "A", items: [item, { ...item, size: "728X90", requests: undefined, qps: 0.5, seconds: 60 }] };
  expect(await post(body)).toMatchObject({ status: 200, body: { status: "ingested", inserted: 2, rejected: 0 } });
  const stored = [
    { buyer_id: "A", size: "300x250", requests: 9_000, seconds: 3_600 },
    { buyer_id: "A", size: "728x90", requests: 30, seconds: 60 },
  ];
  expect(await rows()).toEqual(stored);
  expect(await post(body)).toMatchObject({ status: 200, body: { status: "already_ingested" } });
  expect(await post({ buyerId: "A", items: [item] })).toMatchObject({
    status: 200,
    body: { unchanged: 1, inserted: 0 },
  });
  expect(await rows()).toEqual(stored);
  expect(await post({ buyerId: "A", items: [{ ...item, requests: 9_001 }] })).toMatchObject({ body: { updated: 1 } });
  expect(await rows()).toEqual([{ ...stored[0], requests: 9_001 }, stored[1]]);
});

test("an Idempotency-Key is one request, and with other items a conflict", async () => {
  const headers = { "idempotency-key": "one" };
  const body = { buyerId: "A", items: [item] };
  const first = await post(body, { headers });
  expect(await post(body, { headers })).toMatchObject({ status: 200, body: { importId: first.body["importId"] } });
  expect(await post({ buyerId: "A", items: [{ ...item, requests: 1 }] }, { headers })).toMatchObject({ status: 409 });
});

test("what cannot be read is said item by item, and stored by nobody", async () => {
  const answer = await post({ buyerId: "A", items: [{ ...item, size: "big" }, { ...item, geo: "Atlantis" }, item] });
  expect(answer).toMatchObject({
    status: 200,
    body: {
      inserted: 1,
      rejected: 2,
      errors: [
        { line: 2, column: "size" },
        { line: 3, column: "geo" },
      ],
    },
  });
  for (const wrong of [
    { items: [] },
    { items: [{ ...item, qps: 1 }] },
    { items: [{ ...item, requests: undefined }] },
    { items: [{ ...item, requests: -1 }] },
    { items: [{ ...item, sise: "1x1" }] },
    { items: [item], buyer: "A" },
  ])
    expect((await post(wrong)).status).toBe(400);
});

test("a seat that the exchange does not have is refused with the nearest it has, and becomes none of the client's", async () => {
  const seats = async (origin: string) =>
    void (await database.pool.query(
      "insert into rtb.buyer_seats (_client_id, buyer_id, bidder_account_id, origin) values ('713', $1, '731100200', $2)",
      [origin === "sandbox" ? "731100201" : "900000001", origin],
    ));
  await seats("sandbox");
  expect(await post({ buyerId: "731100021", items: [item] })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining("no seat 731100021 of this client: did you mean 731100201?") },
  });
  // Who tries the sandbox may have seats of their own; beside seats of the real exchange there are no others.
  expect(await post({ buyerId: "555", items: [item] })).toMatchObject({ status: 200, body: { inserted: 1 } });
  await seats("real");
  expect(await post({ buyerId: "444", items: [item] })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining("it has 731100201, 900000001") },
  });
  expect(await post({ buyerId: "900000001", items: [item] })).toMatchObject({ status: 200 });
  const { rows: known } = await database.pool.query("select buyer_id as id from rtb.buyer_seats order by 1");
  expect(known).toEqual([{ id: "555" }, { id: "731100201" }, { id: "900000001" }]);
});

test("is for operators, of their own client; without a seat it is the only one's, or refused", async () => {
  expect((await post({ buyerId: "A", items: [item] }, { role: "analyst" })).status).toBe(403);
  expect(await post({ items: [item] })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining("does not say which seat it is of") },
  });
  await database.pool.query("insert into rtb.buyer_seats (_client_id, buyer_id, origin) values ('acme', 'Z', 'real')");
  expect((await post({ items: [{ ...item, requests: 5 }] })).status).toBe(400);
  expect(await post({ items: [item] }, { client: "acme" })).toMatchObject({ status: 200, body: { inserted: 1 } });
  expect(await rows()).toMatchObject([{ buyer_id: "Z" }]);
  // Nothing half received is left.
  expect((await readdir(path.join(folder, "uploads", "713"))).filter((name) => name.endsWith(".part"))).toEqual([]);
});

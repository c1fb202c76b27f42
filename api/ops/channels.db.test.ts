import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import type { Role } from "../../core/tokens.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

const temporal = fakeTemporal();
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    temporal: temporal.access,
    credentialsKey: keyRing(randomBytes(32)),
    telling: {
      mail: { smtpUrl: "smtp://x", from: "s@example.com" },
      hosts: new Set(["inside", "10.0.0.5", "[fd00::5]"]),
      digestHours: new Map(),
    },
  });
});
beforeEach(() => database.pool.query("truncate ops.channels, ops.alerts cascade"));
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const base = "/api/v1/ops";
/** Not written out: it has the form of a real one. */
const secret = `https://hooks.slack.com/${["services", "T0", "B0", "canary-of-the-path"].join("/")}`;
async function call(
  method: "GET" | "POST" | "PUT" | "DELETE",
  url: string,
  body?: object,
  as: { role?: Role; client?: string } = {},
) {
  const headers = await bearer({ role: "admin", ...as });
  const answer = await api.inject({
    method,
    url: base + url,
    headers,
    ...(body === undefined ? {} : { payload: body }),
  });
  return {
    status: answer.statusCode,
    text: answer.body,
    body: answer.body === "" ? null : (answer.json() as Record<string, unknown>),
  };
}
const create = async (over: object = {}) =>
  (await call("POST", "/channels", { name: "team", kind: "slack", address: secret, ...over })).body?.[
    "channelId"
  ] as number;

test("a channel is made, changed, listed and removed, its address never shown, each act recorded without it", async () => {
  const made = await call("POST", "/channels", {
    name: "team",
    kind: "slack",
    address: secret,
    leastSeverity: "warning",
  });
  expect([made.status, made.body?.["hint"], made.body?.["leastSeverity"]]).toEqual([201, "hooks.slack.com", "warning"]);
  const url = `/channels/${String(made.body?.["channelId"])}`;
  const changed = await call("PUT", url, { name: "team of 713", quietFrom: "22:00", quietTo: "07:00" });
  expect(changed.body).toMatchObject({ name: "team of 713", quietFrom: "22:00", leastSeverity: "info" });
  const listed = await call("GET", "/channels");
  expect(listed.body).toMatchObject({ items: [{ name: "team of 713", pending: 0, failed: 0, brokenAt: null }] });
  expect((await call("DELETE", url)).status).toBe(204);
  expect((await call("GET", "/channels")).body).toEqual({ items: [] });
  const { rows } = await database.pool.query<{ action: string; details: unknown }>(
    "select action, details from ops.audit order by audit_id",
  );
  expect(rows.map(({ action }) => action)).toEqual(["channel_created", "channel_changed", "channel_deleted"]);
  expect([made.text, changed.text, listed.text, JSON.stringify(rows)].join("\n")).not.toContain("canary-of-the-path");
});

test.each([
  [
    { kind: "slack", address: "http://hooks.slack.com/x" },
    "must be an https:// address; http only to a host that CHANNEL_HOSTS names",
  ],
  [
    { kind: "webhook", address: "https://ada:secret@example.com/x" },
    "must not hold a name or password before the host",
  ],
  [
    { kind: "webhook", address: "file:///etc/passwd" },
    "must be an https:// address; http only to a host that CHANNEL_HOSTS names",
  ],
  [
    { kind: "email", address: "ada@example.com, eve@example.com" },
    "must be one mail address, such as team@example.com",
  ],
  [
    { kind: "email", address: "ada@example.com\r\nBcc: eve@example.com" },
    "must be one mail address, such as team@example.com",
  ],
])("%j is refused: %s", async (given, why) => {
  const { status, body } = await call("POST", "/channels", { name: "x", ...given });
  expect([status, body?.["details"]]).toEqual([400, { address: why }]);
});

test.each([
  "https://127.0.0.1/hook",
  "https://[::1]/hook",
  "https://[::ffff:10.0.0.1]/hook",
  "https://169.254.169.254/latest/meta-data",
  "https://0x7f.1/hook",
  "https://2130706433/hook",
  "https://localhost/hook",
  "https://api.localhost./hook",
  "https://metadata.google.internal/hook",
])("%s is refused as a channel, when it is made and when it is changed", async (inside) => {
  const refused = {
    address: "must be on the internet; inside your own network only a host that CHANNEL_HOSTS names",
  };
  for (const kind of ["slack", "webhook"]) {
    const made = await call("POST", "/channels", { name: "inside", kind, address: inside });
    expect([made.status, made.body?.["details"]]).toEqual([400, refused]);
  }
  const changed = await call("PUT", `/channels/${await create()}`, { name: "team", address: inside });
  expect([changed.status, changed.body?.["details"]]).toEqual([400, refused]);
});

test("an address inside that the settings name may be a channel", async () => {
  expect(await create({ kind: "webhook", address: "https://10.0.0.5/hook" })).toBeGreaterThan(0);
  expect(await create({ kind: "webhook", name: "v6", address: "https://[fd00::5]/hook" })).toBeGreaterThan(0);
});

test("a host that the settings name may be without TLS", async () => {
  expect(await create({ kind: "webhook", address: "http://inside/hook" })).toBeGreaterThan(0);
});

test("two channels of a client do not share a name; another client's are not seen or touched", async () => {
  const channelId = await create();
  const other = await create({ name: "other" });
  expect((await call("POST", "/channels", { name: "team", kind: "slack", address: secret })).status).toBe(409);
  expect((await call("PUT", `/channels/${other}`, { name: "team" })).status).toBe(409);
  const as = { client: "acme" };
  expect((await call("GET", "/channels", undefined, as)).body).toEqual({ items: [] });
  for (const [method, url, body] of [
    ["PUT", `/channels/${channelId}`, { name: "mine" }],
    ["DELETE", `/channels/${channelId}`, undefined],
    ["POST", `/channels/${channelId}/test`, undefined],
  ] as const)
    expect([method, (await call(method, url, body, as)).status]).toEqual([method, 404]);
  expect((await call("GET", `/channels/${channelId}/deliveries`, undefined, as)).status).toBe(404);
  expect(
    (await call("POST", "/channels", { name: "x", kind: "slack", address: secret }, { role: "analyst" })).status,
  ).toBe(403);
});

test("a test is a workflow, whose answer says what became of it", async () => {
  const channelId = await create();
  temporal.result = { value: { delivered: false, why: "answered 404: no_service" } };
  const { body } = await call("POST", `/channels/${channelId}/test`);
  expect(body).toMatchObject({ delivered: false, why: "answered 404: no_service" });
  expect(temporal.started.at(-1)).toMatchObject({ type: "testChannel", input: { client: "713", channelId } });
});

test("an alert is snoozed until a moment, and that is taken back; a resolved one is not", async () => {
  const alert = {
    client: "713",
    area: "sync",
    kind: "late_source",
    subject: "s",
    severity: "warning",
    message: "m",
  } as const;
  await raiseAlert(database.pool, alert);
  const { body } = await call("GET", "/alerts");
  const id = (body as { items: { alertId: number }[] }).items[0]?.alertId ?? 0;
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect((await call("PUT", `/alerts/${id}/snooze`, { until })).body).toMatchObject({ snoozedUntil: until });
  expect((await call("PUT", `/alerts/${id}/snooze`, { until: "2020-01-01T00:00:00Z" })).status).toBe(400);
  expect((await call("PUT", `/alerts/${id}/snooze`, { until: null })).body).toMatchObject({ snoozedUntil: null });
  expect((await call("PUT", `/alerts/${id}/snooze`, { until }, { client: "acme" })).status).toBe(404);
  await settleAlerts(database.pool, { ...alert, kinds: [alert.kind], notes: "over" });
  expect((await call("PUT", `/alerts/${id}/snooze`, { until })).status).toBe(409);
});

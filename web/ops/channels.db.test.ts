import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { keyRing } from "../../core/crypto.ts";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { markFailed, planDeliveries } from "../../queries/ops/channel-deliveries.ts";
import { markBroken } from "../../queries/ops/channels.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `<script>alert(1)</script> \u202etxt`;
const temporal = fakeTemporal();
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({
    database: database.pool,
    temporal: temporal.access,
    credentialsKey: keyRing(randomBytes(32)),
  }));
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, role: "admin" | "analyst" = "admin") =>
  api.inject({ url, headers: await loggedIn(database.pool, { role }) });
const send = async (url: string, fields: Record<string, string>, role: "admin" | "analyst" = "admin") => {
  const { payload, type } = formBody(fields);
  return api.inject({
    method: "POST",
    url,
    headers: { ...(await loggedIn(database.pool, { role })), ...type },
    payload,
  });
};
const make = async (name: string) => {
  const fields = { name, kind: "slack", address: "https://hooks.slack.com/services/canary", leastSeverity: "warning" };
  return String((await send("/channels/new", { ...fields, isActive: "on", isGrouped: "on" })).headers.location);
};

test("without a channel the page says the next step", async () => {
  expect((await open("/channels")).body).toContain("No channel yet");
});

test("a channel is made on the page, shown without its address, changed, made quiet and removed", async () => {
  const at = await make("team");
  expect(at).toMatch(/^\/channels\/\d+$/);
  const id = at.split("/").at(-1) ?? "";
  const { body } = await open(at);
  expect([body.includes("hooks.slack.com"), body.includes("canary")]).toEqual([true, false]);
  const set = {
    channel: id,
    name: "the team",
    leastSeverity: "critical",
    quietFrom: "22:00",
    quietTo: "07:00",
    isActive: "on",
  };
  expect((await send("/channels/change", set)).headers.location).toBe(at);
  expect((await send("/channels/snooze", { channel: id, hours: "8" })).statusCode).toBe(303);
  const { rows } = await database.pool.query(
    "select name, least_severity, quiet_from, is_grouped, snoozed_until > now() + interval '7 hours' as snoozed from ops.channels",
  );
  expect(rows).toEqual([
    { name: "the team", least_severity: "critical", quiet_from: "22:00", is_grouped: false, snoozed: true },
  ]);
  expect((await open(at)).body).toContain("quiet until");
  expect((await send("/channels/remove", { channel: id })).headers.location).toBe("/channels");
  expect((await open(at)).statusCode).toBe(404);
});

test("what was sent and what was not is listed with its reason, hostile names as text", async () => {
  const at = await make(hostile);
  const channelId = Number(at.split("/").at(-1));
  const alert = { client: "713", area: "sync", kind: "late_source", subject: hostile, severity: "warning" } as const;
  await raiseAlert(database.pool, { ...alert, message: hostile });
  await planDeliveries(database.pool);
  const { rows } = await database.pool.query<{ id: number }>("select delivery_id as id from ops.channel_deliveries");
  await markFailed(database.pool, { deliveryIds: rows.map(({ id }) => id), why: "answered 404: no_service" });
  await markBroken(database.pool, { client: "713", channelId, reason: "answered 404: no_service" });
  for (const url of ["/channels", at]) {
    const { body } = await open(url);
    expect([url, body.includes("does not work"), body.includes("<script>alert")]).toEqual([url, true, false]);
  }
  expect((await open(at)).body).toContain("answered 404: no_service");
});

test("an alert is snoozed and woken on its page: it stays open and says until when", async () => {
  const alert = { client: "713", area: "sync", kind: "late_source", subject: "snoozed", severity: "warning" } as const;
  await raiseAlert(database.pool, { ...alert, message: "late again" });
  const list = "/alerts?subject=snoozed";
  const id = /action="\/alerts\/(\d+)\/snooze"/.exec((await open(list)).body)?.[1] ?? "";
  const done = await send(`/alerts/${id}/snooze`, { hours: "24", back: list });
  expect([done.statusCode, done.headers.location]).toEqual([303, list]);
  const snoozed = (await open(list)).body;
  expect([snoozed.includes("snoozed until"), snoozed.includes("no longer snoozed")]).toEqual([true, true]);
  await send(`/alerts/${id}/snooze`, { hours: "0", back: list });
  expect((await open(list)).body).not.toContain("snoozed until");
  expect((await open(list, "analyst")).body).not.toContain("/snooze");
  const refused = await send(`/alerts/${id}/snooze`, { hours: "24" }, "analyst");
  expect([refused.statusCode, (await send(`/alerts/${id}/snooze`, { hours: "25" })).statusCode]).toEqual([404, 400]);
});

test("a test says whether it arrived; who only reads is offered nothing to change", async () => {
  const at = await make("tested");
  const id = at.split("/").at(-1) ?? "";
  temporal.result = { value: { delivered: true, why: null } };
  expect((await send("/channels/test", { channel: id })).headers.location).toBe(`${at}?tested=delivered`);
  expect((await open(`${at}?tested=delivered`)).body).toContain("The test has arrived.");
  expect((await open(at, "analyst")).body).not.toContain('<form class="stack');
  expect((await send("/channels/test", { channel: id }, "analyst")).statusCode).toBe(404);
});

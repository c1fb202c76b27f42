import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { raiseAlert, readAlerts, snoozeAlert } from "../../queries/ops/alerts.ts";
import { planDigest, readDueDeliveries } from "../../queries/ops/channel-deliveries.ts";
import { createChannel, type ChannelSettings } from "../../queries/ops/channels.ts";
import { isQuiet } from "../../rules/ops/channel.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { TellingContext } from "./channel-context.ts";
import { planAlertDeliveries } from "./plan-alert-deliveries.ts";

const client = "713";
const zone = "Pacific/Auckland";
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(() => database.pool.query("truncate ops.alerts, ops.channels cascade"));
afterAll(() => database.drop());

const settings: ChannelSettings = {
  ...{ name: "team", areas: null, leastSeverity: "info", isGrouped: true, tellsResolved: true, tellsMorning: true },
  ...{ quietFrom: null, quietTo: null, criticalPasses: true, snoozedUntil: null, isActive: true },
};
const channel = (over: Partial<ChannelSettings> = {}) =>
  createChannel(database.pool, {
    ...settings,
    ...over,
    ...{ client, by: "ada", kind: "slack", sealed: Buffer.from("sealed"), hint: "hooks.slack.com" },
  });
const raise = (subject: string, severity: "warning" | "critical" = "warning") =>
  raiseAlert(database.pool, { client, area: "sync", kind: "late_source", subject, severity, message: "read late" });
const plan = async () =>
  (
    await planAlertDeliveries({
      database: database.pool,
      config: {
        alertWebhookUrl: null,
        clients: [client],
        telling: { digestHours: new Map() },
        ingest: { clients: new Map([[client, { timezone: zone }]]) },
        queuePrefix: "",
      },
    } as unknown as TellingContext)
  ).channels.map(({ channelId }) => channelId);
const states = async () =>
  (
    await database.pool.query<{ state: string }>("select state from ops.channel_deliveries order by delivery_id")
  ).rows.map(({ state }) => state);
/** A clock of the client so many minutes from now, as settings name it. */
const clock = (minutes: number) =>
  new Date(Date.now() + minutes * 60_000).toLocaleTimeString("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
  });

test.each([
  ["22:00", "07:00", "2026-01-10T12:30:00Z", true],
  ["22:00", "07:00", "2026-01-10T18:00:00Z", false],
  ["22:00", "07:00", "2026-01-10T08:59:00Z", false],
  ["22:00", "07:00", "2026-01-10T09:00:00Z", true],
  ["01:00", "05:00", "2026-01-10T13:00:00Z", true],
  ["01:00", "05:00", "2026-01-10T16:00:00Z", false],
  [null, null, "2026-01-10T12:30:00Z", false],
])("quiet from %s to %s by the client's clock: at %s %s", (quietFrom, quietTo, at, quiet) => {
  expect(isQuiet({ quietFrom, quietTo }, new Date(at), zone)).toBe(quiet);
});

test("in quiet hours a warning waits, a critical alert and the morning's digest pass, unless nothing may", async () => {
  const night = { quietFrom: clock(-60), quietTo: clock(60) };
  const quiet = await channel(night);
  const silent = await channel({ ...night, name: "silent", criticalPasses: false, tellsMorning: false });
  const awake = await channel({ name: "awake", quietFrom: clock(60), quietTo: clock(120) });
  await raise("late");
  expect(await plan()).toEqual([awake]);
  await raise("broken", "critical");
  expect(await plan()).toEqual([quiet, awake]);
  expect(await plan()).not.toContain(silent);
  // What waited is not lost: it is due as soon as the hours are over.
  await database.pool.query("update ops.channels set quiet_from = null, quiet_to = null");
  expect(await plan()).toEqual([quiet, silent, awake]);
  expect(await states()).toEqual(Array(6).fill("pending"));
});

test("the digest goes out in quiet hours: its hour was chosen", async () => {
  const quiet = await channel({ quietFrom: clock(-60), quietTo: clock(60), criticalPasses: false });
  await planDigest(database.pool, { client, day: "2026-01-10" });
  expect(await plan()).toEqual([quiet]);
});

test("a snoozed alert is sent to nobody until then, and once it is over", async () => {
  const id = (await channel()) ?? 0;
  await raise("late");
  const [alert] = await readAlerts(database.pool, { client, limit: 1 });
  const alertId = alert?.alertId ?? 0;
  const due = async () => (await readDueDeliveries(database.pool, { client, channelId: id, limit: 10 })).length;
  await snoozeAlert(database.pool, { client, alertId, until: new Date(Date.now() + 3_600_000) });
  expect([await plan(), await due()]).toEqual([[], 0]);
  await snoozeAlert(database.pool, { client, alertId, until: null });
  expect([await plan(), await due()]).toEqual([[id], 1]);
});

test("a snoozed channel is sent nothing; what came meanwhile is sent when it is over", async () => {
  const id = await channel({ snoozedUntil: new Date(Date.now() + 3_600_000) });
  await raise("late");
  expect(await plan()).toEqual([]);
  await database.pool.query("update ops.channels set snoozed_until = now() - interval '1 second'");
  expect(await plan()).toEqual([id]);
});

test("what was closed before it was sent expires, as does what nobody took for three days and a digest of yesterday", async () => {
  await channel();
  await raise("closed");
  await raise("refused");
  await raise("snoozed");
  await planDigest(database.pool, { client, day: "2026-01-10" });
  await plan();
  const age = (interval: string, where: string) =>
    database.pool.query(
      `update ops.channel_deliveries d set created_at = now() - interval '${interval}', attempts = case when d.what = 'morning' then 0 else 1 end
         from ops.channel_deliveries o left join ops.alerts a on a.alert_id = o.alert_id where o.delivery_id = d.delivery_id and ${where}`,
    );
  await database.pool.query("update ops.alerts set resolved_at = now(), resolved_by = 'ada' where subject = 'closed'");
  await age("73 hours", "a.subject = 'refused'");
  await age("19 hours", "o.what = 'morning'");
  await plan();
  const { rows } = await database.pool.query(
    `select coalesce(a.subject, d.what) as subject, d.state, d.note from ops.channel_deliveries d left join ops.alerts a on a.alert_id = d.alert_id order by 1`,
  );
  expect(rows).toEqual([
    { subject: "closed", state: "expired", note: "closed before it was sent" },
    { subject: "morning", state: "expired", note: "not delivered within 18 hours" },
    { subject: "refused", state: "expired", note: "not delivered within three days" },
    { subject: "snoozed", state: "pending", note: null },
  ]);
});

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { seal } from "../../core/crypto.ts";
import { raiseAlert, settleAlerts, type RaisedAlert } from "../../queries/ops/alerts.ts";
import { createChannel, type ChannelSettings } from "../../queries/ops/channels.ts";
import { channelContext, hintOf, type ChannelKind } from "../../rules/ops/channel.ts";
import { projectRoot } from "../../settings/environment.ts";
import { hookStandIn, mailStandIn, type HookStandIn, type MailStandIn } from "../../test/channel-stand-ins.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { everyRow } from "../../test/database.ts";
import { logLines, loseAttempts, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";

jest.setTimeout(120_000);

const client = "713";
let stack: TestStack;
let hooks: HookStandIn;
let mails: MailStandIn;

beforeAll(async () => {
  [hooks, mails] = await Promise.all([hookStandIn(), mailStandIn()]);
  stack = await startStack({
    ALERT_WEBHOOK_URL: `${hooks.url}/of-the-settings-canary-1`,
    SMTP_URL: mails.url,
    MAIL_FROM: "signal-room@example.com",
    CREDENTIALS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    CHANNEL_HOSTS: "127.0.0.1",
    DIGEST_HOUR: "0",
  });
});
afterAll(async () => {
  await stack?.stop();
  hooks?.stop();
  await mails?.stop();
});
beforeEach(async () => {
  await stack.rows("delete from ops.channels");
  await stack.rows("delete from ops.alerts");
  hooks.calls.length = 0;
  mails.mails.length = 0;
  for (const known of [hooks.answers, hooks.always, hooks.headers, mails.refused]) known.clear();
});

const settings: ChannelSettings = {
  name: "",
  areas: null,
  leastSeverity: "info",
  isGrouped: true,
  tellsResolved: true,
  tellsMorning: false,
  quietFrom: null,
  quietTo: null,
  criticalPasses: true,
  snoozedUntil: null,
  isActive: true,
};

let made = 0;
async function channel(kind: ChannelKind, address: string, over: Partial<ChannelSettings> = {}): Promise<number> {
  const key = stack.config.credentialsKey;
  if (key === null) throw new Error("no key");
  const sealed = seal(key, Buffer.from(address), channelContext(client));
  made += 1;
  const name = `${kind} ${made}`;
  const id = await createChannel(stack.database.pool, {
    ...{ ...settings, ...over, name, client, by: "ada", kind, sealed },
    hint: hintOf(kind, address),
  });
  return id ?? 0;
}
const hook = (path: string, over?: Partial<ChannelSettings>) => channel("webhook", `${hooks.url}${path}`, over);

const alert: RaisedAlert = {
  client,
  area: "sync",
  kind: "late_source",
  subject: "redtrack.daily_spend",
  severity: "warning",
  message: "read late",
};
const raise = (over: Partial<RaisedAlert> = {}) => raiseAlert(stack.database.pool, { ...alert, ...over });
const settle = () =>
  settleAlerts(stack.database.pool, { ...alert, kinds: ["late_source"], subject: alert.subject, notes: "read again" });

const plan = async () => (await stack.start("deliverAlerts", uniqueId("deliver-alerts"))).result();
const tellers = async () => {
  const ids = await stack.rows<{ id: number }>("select channel_id as id from ops.channels");
  return ids.map(({ id }) => `${stack.config.queuePrefix}notify-channel/${id}`);
};
/** Tells every channel, and waits for those that can be told. */
async function deliver(): Promise<void> {
  await plan();
  for (const id of await tellers())
    await stack.client.workflow
      .getHandle(id)
      .result()
      .catch((error: unknown) => {
        if ((error as Error).name !== "WorkflowNotFoundError") throw error;
      });
}
/** A command as somebody types it; what it prints. The first one after a change builds dist/. */
async function command(...given: string[]): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: "", DATABASE_URL: stack.database.url, CLIENTS: client };
  const { stdout } = await promisify(execFile)(process.execPath, ["scripts/run.mjs", ...given], {
    cwd: projectRoot(),
    env,
  });
  return stdout.trim();
}
const soon = () => stack.rows("update ops.channel_deliveries set held_until = null where state = 'pending'");
const deliveries = (channelId: number) =>
  stack.rows<{ what: string; state: string; note: string | null }>(
    "select what, state, note from ops.channel_deliveries where channel_id = $1 order by delivery_id",
    [channelId],
  );
const broken = async (channelId: number) =>
  (
    await stack.rows<{ reason: string }>("select broken_reason as reason from ops.channels where channel_id = $1", [
      channelId,
    ])
  )[0]?.reason;

test("each channel is told of an alert once, in its own form, of news again, and when it is closed", async () => {
  const slack = await channel("slack", `${hooks.url}/slack`);
  await channel("email", "ada@example.com");
  await raise();
  await deliver();
  await raise();
  await deliver();
  expect(hooks.of("/slack").map(({ body }) => body["text"])).toEqual(["[warning] read late"]);
  expect(hooks.of("/of-the-settings-canary-1")).toMatchObject([
    { body: { text: expect.stringMatching(/^\[warning\] read late \(alert \d+ /), area: "sync", what: "opened" } },
  ]);
  expect(mails.mails).toMatchObject([
    { to: ["ada@example.com"], raw: expect.stringMatching(/^Message-ID: <alert-\d+-opened-1@/im) },
  ]);
  await raise({ message: "and more", isNews: true });
  await deliver();
  await settle();
  await deliver();
  await deliver();
  expect(hooks.of("/slack").map(({ body }) => body["text"])).toEqual([
    "[warning] read late",
    "[warning] and more",
    "[resolved] and more",
  ]);
  expect(await deliveries(slack)).toMatchObject(
    ["opened", "opened", "resolved"].map((what) => ({ what, state: "delivered" })),
  );
});

test("a channel is told of its areas from its severity on, and not of what was closed before it could be", async () => {
  await hook("/recon", { areas: ["recon"] });
  await hook("/critical", { leastSeverity: "critical" });
  await hook("/snoozed", { snoozedUntil: new Date(Date.now() + 3_600_000) });
  await raise({ area: "recon", subject: "a" });
  await raise({ severity: "critical", subject: "b" });
  await raise();
  await deliver();
  expect(hooks.of("/recon").map(({ body }) => body["subject"])).toEqual(["a"]);
  expect(hooks.of("/critical").map(({ body }) => body["subject"])).toEqual(["b"]);
  expect(hooks.of("/snoozed")).toEqual([]);
  await settle();
  await stack.rows("update ops.channels set snoozed_until = null");
  await deliver();
  expect(hooks.of("/snoozed").map(({ body }) => body["subject"])).toEqual(["a", "b"]);
});

test("more than five at once are one message; where that is refused, each is sent by itself", async () => {
  await hook("/grouped");
  const poisoned = await hook("/poisoned");
  await hook("/each", { isGrouped: false });
  hooks.answers.set("/poisoned", [400, 200, 200, 400]);
  for (const subject of "abcdef") await raise({ subject });
  await deliver();
  expect(hooks.of("/grouped")).toMatchObject([{ body: { text: expect.stringMatching(/^6 alerts\n/) } }]);
  expect(hooks.of("/each")).toHaveLength(6);
  expect(hooks.of("/poisoned")).toHaveLength(7);
  expect((await deliveries(poisoned)).map(({ state }) => state)).toEqual([
    "delivered",
    "delivered",
    "pending",
    "delivered",
    "delivered",
    "delivered",
  ]);
});

describe("a channel that answers", () => {
  test("400, 404, 410, 429 or never gets what the answer asks for, and the others are told", async () => {
    const refusing = await hook("/400");
    const closed = await channel("slack", `${hooks.url}/404`);
    const archived = await channel("slack", `${hooks.url}/410`);
    const busy = await channel("slack", `${hooks.url}/429`);
    const mute = await hook("/never");
    const good = await hook("/good");
    for (const status of [400, 404, 410]) hooks.always.set(`/${status}`, status);
    hooks.always.set("/never", "hang");
    hooks.answers.set("/429", [429]);
    hooks.headers.set("/429", { "retry-after": "2" });
    await raise();
    await plan();
    await until("the good one to be told", async () => hooks.of("/good").length > 0);
    await until("the busy one to be told", async () => (await deliveries(busy))[0]?.state === "delivered");
    expect(hooks.of("/429")).toHaveLength(2);
    await until("the mute one to be given up for now", async () => (await deliveries(mute))[0]?.note !== null);
    expect(await deliveries(mute)).toEqual([{ what: "opened", state: "pending", note: "no answer within 10000 ms" }]);
    expect(await deliveries(refusing)).toEqual([
      { what: "opened", state: "pending", note: "answered 400: invalid_payload" },
    ]);
    expect(await deliveries(closed)).toMatchObject([{ state: "failed", note: "answered 404: no_service" }]);
    expect([await broken(closed), await broken(archived), await broken(refusing)]).toEqual([
      "answered 404: no_service",
      "answered 410: channel_is_archived",
      null,
    ]);
    // The others are told of the broken ones, which are not asked again; the closed one is not told of itself.
    hooks.always.delete("/never");
    await deliver();
    expect(
      hooks
        .of("/good")
        .map(({ body }) => body["kind"])
        .sort(),
    ).toEqual(["channel_broken", "channel_broken", "late_source"]);
    expect([hooks.of("/404").length, hooks.of("/410").length]).toEqual([1, 1]);
    for (let times = 2; times <= 8; times += 1) {
      await soon();
      await deliver();
    }
    expect((await deliveries(refusing))[0]).toMatchObject({
      state: "failed",
      note: "given up after 8 refusals: answered 400: invalid_payload",
    });
    expect((await deliveries(good)).every(({ state }) => state === "delivered")).toBe(true);
  });

  test("that the password is wrong or the address unknown is broken, and says so without the address", async () => {
    const wrong = await channel("email", "ada@example.com");
    mails.password = "another";
    await raise();
    await deliver();
    expect(await broken(wrong)).toMatch(/^the mail server refuses our name and password \(EAUTH, 535/);
    mails.password = "the-right-password";
    mails.refused.add("bob@example.com");
    const refused = await channel("email", "bob@example.com");
    await deliver();
    expect(await broken(refused)).toMatch(/^the mail server refuses the address \(EENVELOPE, 550/);
    await deliver();
    expect(hooks.of("/of-the-settings-canary-1").map(({ body }) => body["kind"])).toEqual([
      "late_source",
      "channel_broken",
      "channel_broken",
    ]);
    // A test that arrives mends it, and what failed is sent.
    mails.refused.clear();
    const tested = await stack.start("testChannel", uniqueId("test-channel"), { client, channelId: refused });
    expect(await tested.result()).toEqual({ delivered: true, why: null });
    await deliver();
    expect(mails.mails.map(({ raw }) => /^Subject: (.*)$/m.exec(raw)?.[1]?.trim())).toContain("[warning] read late");
  });
});

test("the morning digest goes to the channels that get it, once a day", async () => {
  await channel("slack", `${hooks.url}/morning`, { tellsMorning: true });
  await hook("/no-morning");
  await deliver();
  await deliver();
  expect(hooks.of("/morning").map(({ body }) => body["text"])).toEqual([
    expect.stringMatching(/^Signal Room, \d{4}-\d\d-\d\d: nothing of yesterday yet$/),
  ]);
  expect(hooks.of("/no-morning")).toEqual([]);
});

test("npm run digest prints it and sends nothing; with --send it reaches a mailbox and a webhook, once", async () => {
  await channel("email", "buyer@example.com", { tellsMorning: true });
  await hook("/digest", { tellsMorning: true });
  await hook("/no-digest");
  const shown = await command("digest", "--client", client);
  expect(shown).toMatch(/^Signal Room, \d{4}-\d\d-\d\d: /);
  expect(await stack.rows("select from ops.channel_deliveries")).toEqual([]);
  expect(await command("digest", "--client", client, "--send")).toContain("2 channels get it within a minute");
  expect(await command("digest", "--client", client, "--send")).toContain("No channel is waiting for it");
  await deliver();
  const [title = ""] = shown.split("\n");
  expect(hooks.of("/digest").map(({ text }) => text.includes(title))).toEqual([true]);
  expect(mails.mails.map(({ to, raw }) => [to, raw.includes(`Subject: ${title}`)])).toEqual([
    [["buyer@example.com"], true],
  ]);
  expect(hooks.of("/no-digest")).toEqual([]);
});

test("a message whose worker is lost before it was recorded is sent again, with the same key", async () => {
  const slow = await hook("/slow");
  hooks.answers.set("/slow", ["hold"]);
  await raise();
  await plan();
  await until("the message to arrive", async () => hooks.of("/slow").length === 1);
  const handle = stack.client.workflow.getHandle(`${stack.config.queuePrefix}notify-channel/${slow}`);
  await loseAttempts(stack, handle as unknown as Parameters<typeof loseAttempts>[1]);
  await until("it to be recorded", async () => (await deliveries(slow))[0]?.state === "delivered", 60_000);
  hooks.release();
  expect(new Set(hooks.of("/slow").map(({ body }) => body["key"])).size).toBe(1);
  expect(hooks.of("/slow")).toHaveLength(2);
});

test("a hostile name pings nobody in Slack and adds no header to a mail", async () => {
  const hostile = "<!channel> @here <@U1> & <https://x|click>\r\nBcc: eve@example.com\u202e";
  await channel("slack", `${hooks.url}/slack`);
  await channel("email", "ada@example.com");
  await raise({ message: hostile, subject: hostile });
  await deliver();
  const [{ text = "" } = {}] = hooks.of("/slack");
  expect(text).toContain("&lt;!channel&gt;");
  expect(text).not.toMatch(/<[!@#h]|@here|\u202e/);
  const [{ raw = "", to = [] } = {}] = mails.mails;
  expect(to).toEqual(["ada@example.com"]);
  const [head = ""] = raw.split(/\r?\n\r?\n/);
  expect(head).not.toMatch(/^Bcc:/im);
  expect(raw).toContain("<strong>[warning] &lt;!channel&gt;");
});

test("an address within the own network is not reached, unless the settings name its host", async () => {
  const inside = await channel("webhook", "https://10.0.0.1/hook");
  await raise();
  await deliver();
  expect(await broken(inside)).toBe(
    "its address must be on the internet; inside your own network only a host that CHANNEL_HOSTS names",
  );
});

test("no address is in a table, a history or a log", async () => {
  const canaries = ["canary-path-9f8e7d", "canary.person", "of-the-settings-canary-1"];
  const reached = await hook("/canary-path-9f8e7d");
  await channel("slack", `${hooks.url}/closed/canary-path-9f8e7d`);
  await channel("email", "canary.person@example.com");
  hooks.always.set("/closed/canary-path-9f8e7d", 404);
  mails.refused.add("canary.person@example.com");
  await raise();
  await deliver();
  await stack
    .start("testChannel", uniqueId("test-channel"), { client, channelId: reached })
    .then((run) => run.result());
  const rows = await everyRow(stack.database.pool);
  const histories = (await allHistories(stack)).map(({ history }) => readable(history)).join("\n");
  expect(hooks.of("/canary-path-9f8e7d").length).toBeGreaterThan(1);
  for (const canary of canaries)
    expect([
      canary,
      rows.includes(canary),
      histories.includes(canary),
      logLines.some((line) => line.includes(canary)),
    ]).toEqual([canary, false, false, false]);
});

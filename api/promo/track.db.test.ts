import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { keyRing, openSealed, sha256 } from "../../core/crypto.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { eventually } from "../../test/eventually.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;
const spool = mkdtempSync(path.join(tmpdir(), "promo-"));
const identityKey = keyRing(randomBytes(32));
const env = { PROMO_SPOOL_DIR: spool, PROMO_IMPRESSIONS_PER_MINUTE: "1000", PROMO_CLICKS_PER_MINUTE: "1000" };

beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({ database: database.pool, identityKey, env, trustedProxies: ["127.0.0.1"] });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
  rmSync(spool, { recursive: true });
});
beforeEach(async () => {
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_impression_tracking, promo.promo_impression_repeats,
      promo.promo_click_tracking, promo.promo_performance_metrics, promo.promo_refusals, ops.alerts;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 4, 'No Code MBA', 'nocodemba', 'https://shop.example/'), ('acme', 5, 'other', 'other', 'https://other.example/');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved)
    values ('713', 42, 4, 'Build your dream startup', true), ('713', 43, 4, 'Learn', false), ('acme', 50, 5, 'x', true)`);
});

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  api.inject({ method: "POST", url: `/api/v1/promo${url}`, payload: payload as object, headers });
const shown = (of: object = {}) => post("/track-impression", { offer_id: 4, variation_id: 42, ...of });
const clicked = (of: object = {}, headers: Record<string, string> = {}) =>
  post("/track-click", { variation_id: 42, ...of }, headers);
async function row(statement: string): Promise<Record<string, unknown>> {
  const { rows } = await database.pool.query<Record<string, unknown>>(statement);
  return rows[0] ?? {};
}
const counters = () =>
  row(
    "select impressions, clicks, raw_clicks as raw, bot_clicks as bots, ctr from promo.promo_text_variations where id = 42",
  );

describe("an impression", () => {
  test("is answered 204 with nothing when it is stored and counted", async () => {
    const answer = await shown({ newsletter_send_id: "2025-10-18-daily" });
    expect([answer.statusCode, answer.body]).toEqual([204, ""]);
    expect(await row("select newsletter_send_id, offer_id, recipients from promo.promo_impression_tracking")).toEqual({
      newsletter_send_id: "2025-10-18-daily",
      offer_id: 4,
      recipients: 1,
    });
    expect(await row("select total_impressions from promo.promo_offers where id = 4")).toEqual({
      total_impressions: 1,
    });
  });

  test("of the same send counts once, and its recipients can be corrected", async () => {
    const of = { newsletter_send_id: "daily" };
    for (const recipients of [100, undefined, 250, null])
      expect((await shown({ ...of, recipients })).statusCode).toBe(204);
    expect(await counters()).toMatchObject({ impressions: 250 });
  });

  test("of the same send counts once, whatever blanks stand around its id and whichever way its accents are written", async () => {
    const ids = ["caf\u00e9-daily", "cafe\u0301-daily", " caf\u00e9-daily\t", "\u00a0cafe\u0301-daily\n"];
    for (const id of ids) expect((await shown({ newsletter_send_id: id })).statusCode).toBe(204);
    expect(await row("select newsletter_send_id as id from promo.promo_impression_tracking")).toEqual({ id: ids[0] });
    expect(await counters()).toMatchObject({ impressions: 1 });
    expect((await shown({ newsletter_send_id: " \t " })).statusCode).toBe(400);
  });

  test.each([
    [{ offer_id: 999 }, { offer_id: "Offer ID 999 does not exist" }],
    [{ variation_id: 999 }, { variation_id: "Variation ID 999 does not exist" }],
    [{ variation_id: 50, offer_id: 4 }, { offer_id: "Offer ID 4 does not exist" }],
  ])("of %j is refused and names it", async (of, details) => {
    const answer = await shown(of);
    expect([answer.statusCode, answer.json()]).toEqual([
      400,
      { error: "validation_error", message: "body is not valid", details },
    ]);
  });

  test("of a variation of another offer is refused", async () => {
    await database.pool.query(
      "insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 6, 'b', 'b', 'https://b.example')",
    );
    expect((await shown({ offer_id: 6 })).json()).toMatchObject({
      details: { variation_id: "Variation ID 42 does not belong to offer ID 6" },
    });
  });

  test.each([
    {},
    { offer_id: "4", variation_id: 42 },
    { offer_id: 4, variation_id: 2 ** 31 },
    { offer_id: 4, variation_id: 42, recipients: 0 },
    { offer_id: 4, variation_id: 42, recipients: 100_000_001 },
    { offer_id: 4, variation_id: 42, newsletter_send_id: "" },
    { offer_id: 4, variation_id: 42, newsletter_send_id: "a\u0000b" },
    { offer_id: 4, variation_id: 42, newsletter_send_id: "\ud800" },
    { offer_id: 4, variation_id: 42, event_id: "a b" },
    { offer_id: 4, variation_id: 42, event: "x" },
    [],
  ])("%j is no impression", async (body) => {
    const answer = await post("/track-impression", body);
    expect([answer.statusCode, answer.json()]).toMatchObject([400, { error: "validation_error" }]);
    expect(await row("select count(*)::int as rows from promo.promo_impression_tracking")).toEqual({ rows: 0 });
  });

  test("with a known event id counts once, and is a conflict with other content", async () => {
    const of = { event_id: "a-1" };
    expect([(await shown(of)).statusCode, (await shown(of)).statusCode]).toEqual([204, 204]);
    const other = await shown({ ...of, recipients: 2 });
    expect([other.statusCode, other.json()]).toMatchObject([409, { error: "conflict" }]);
    expect(await counters()).toMatchObject({ impressions: 1 });
  });
});

const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1";

describe("a click", () => {
  test("keeps nothing of a person in clear", async () => {
    const answer = await clicked({
      referrer: "https://ada:secret@mail.example/inbox?user=ada@example.com#x",
      user_agent: phone,
      ip_address: "203.0.113.7",
      event_id: "c-1",
    });
    expect(answer.statusCode).toBe(204);
    const stored = await row("select * from promo.promo_click_tracking");
    expect(stored).toMatchObject({
      offer_id: 4,
      variation_id: 42,
      via: "api",
      device: "mobile",
      is_bot: false,
      bot: null,
      referrer: "https://mail.example/inbox",
    });
    expect(stored["ip_hash"]).toMatch(/^[0-9a-f]{64}$/);
    expect(stored["ip_hash"]).not.toBe(sha256("203.0.113.7"));
    const text = JSON.stringify((await database.pool.query("select t::text from promo.promo_click_tracking t")).rows);
    for (const datum of ["203.0.113.7", "iPhone", "ada:", "secret", "ada@"]) expect(text).not.toContain(datum);
    expect(openSealed(identityKey, stored["user_agent_sealed"] as Buffer, "promo click c-1").toString()).toBe(phone);
  });

  test("without anything more counts, on a device that is unknown", async () => {
    expect((await clicked()).statusCode).toBe(204);
    expect(await row("select device, ip_hash, user_agent_sealed, referrer from promo.promo_click_tracking")).toEqual({
      device: "unknown",
      ip_hash: null,
      user_agent_sealed: null,
      referrer: null,
    });
    expect(await counters()).toEqual({ impressions: 0, clicks: 1, raw: 1, bots: 0, ctr: null });
  });

  test("of a bot or a link scanner is stored, and counted apart", async () => {
    await clicked({ user_agent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" });
    await clicked({ user_agent: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" });
    expect(await counters()).toMatchObject({ clicks: 0, raw: 2, bots: 2 });
    expect(await row("select count(bot)::int as named from promo.promo_click_tracking where is_bot")).toEqual({
      named: 2,
    });
  });

  test("of the same address shortly after is a repeat, however the address is written", async () => {
    await clicked({ ip_address: "203.0.113.7" });
    await clicked({ ip_address: "::ffff:203.0.113.7" });
    await clicked({ ip_address: " 203.0.113.8 " });
    await clicked({ ip_address: "2001:db8:0:0::1" });
    await clicked({ ip_address: "2001:db8::1" });
    await clicked({ ip_address: "203.0.113.7:5678" });
    await clicked({ ip_address: "[::ffff:203.0.113.7]:443" });
    await clicked({ ip_address: "[2001:db8::1]:443" });
    await clicked({ ip_address: "not an address" });
    await clicked({ ip_address: "not an address" });
    expect(await row("select clicks, repeat_clicks as repeats from promo.promo_text_variations where id = 42")).toEqual(
      {
        clicks: 5,
        repeats: 5,
      },
    );
  });

  test("with whatever a stranger writes is cut to fit, and never an error of ours", async () => {
    for (const text of ["x".repeat(19_900), "\u0000\ud800", "😀".repeat(251), "", "%00", "'; drop table x", " "]) {
      const answer = await clicked({ referrer: `https://h.example/${text}`, user_agent: text, ip_address: text });
      expect(answer.statusCode).toBe(204);
    }
    const { longest, agents } = await row(
      "select max(length(referrer)) as longest, max(length(user_agent_sealed)) as agents from promo.promo_click_tracking",
    );
    expect(longest).toBe(500);
    // Of 500 characters four bytes each, and what sealing adds.
    expect(agents).toBeLessThan(2_100);
  });

  test("on an unapproved variation, or of another client, counts where it belongs; on none it is refused", async () => {
    expect((await clicked({ variation_id: 43 })).statusCode).toBe(204);
    expect((await clicked({ variation_id: 50 })).statusCode).toBe(204);
    expect(await row("select _client_id as client from promo.promo_click_tracking where variation_id = 50")).toEqual({
      client: "acme",
    });
    expect((await clicked({ variation_id: 999 })).json()).toEqual({
      error: "validation_error",
      message: "body is not valid",
      details: { variation_id: "Variation ID 999 does not exist" },
    });
  });

  test("with a known event id counts once; from another address it is a conflict", async () => {
    const of = { event_id: "c-9", ip_address: "203.0.113.7", user_agent: phone };
    expect([(await clicked(of)).statusCode, (await clicked(of)).statusCode]).toEqual([204, 204]);
    expect((await clicked({ ...of, ip_address: "203.0.113.7:5678" })).statusCode).toBe(204);
    expect((await clicked({ ...of, ip_address: "203.0.113.8" })).statusCode).toBe(409);
    expect((await clicked({ ...of, user_agent: "x" })).statusCode).toBe(409);
    expect(await counters()).toMatchObject({ raw: 1 });
  });
});

test("100 impressions at once and 50 clicks at once are all counted: counters, rows and what was sent are the same", async () => {
  const answers = await Promise.all([
    ...Array.from({ length: 100 }, () => shown()),
    ...Array.from({ length: 50 }, () => clicked()),
  ]);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([204]));
  expect(await counters()).toEqual({ impressions: 100, clicks: 50, raw: 50, bots: 0, ctr: "50.00" });
  expect(
    await row(
      "select (select count(*)::int from promo.promo_impression_tracking) as shown, (select count(*)::int from promo.promo_click_tracking) as clicked",
    ),
  ).toEqual({ shown: 100, clicked: 50 });
});

describe("limits", () => {
  test("refuse what one caller sends beyond them, count it for the caller, and raise an alert; other callers are free", async () => {
    const strict = await testServer({
      database: database.pool,
      identityKey,
      env: { PROMO_SPOOL_DIR: spool, PROMO_CLICKS_PER_MINUTE: "2", PROMO_IMPRESSIONS_PER_MINUTE: "1" },
    });
    const send = (headers: Record<string, string>, address = "198.51.100.1", variation = 50) =>
      strict.inject({
        method: "POST",
        url: "/api/v1/promo/track-click",
        payload: { variation_id: variation },
        headers,
        remoteAddress: address,
      });
    try {
      const statuses = async (...answers: ReturnType<typeof send>[]) =>
        (await Promise.all(answers)).map(({ statusCode }) => statusCode).sort();
      expect(await statuses(send({}), send({}), send({}), send({}))).toEqual([204, 204, 429, 429]);
      expect((await send({})).headers["retry-after"]).toBeDefined();
      expect((await send({}, "198.51.100.2")).statusCode).toBe(204);
      // A site that tracks for all its visitors has a token, and a limit of its own.
      const site = await bearer({ subject: "news site" });
      expect(await statuses(send(site), send(site), send(site))).toEqual([204, 204, 429]);
      const show = () =>
        strict.inject({
          method: "POST",
          url: "/api/v1/promo/track-impression",
          payload: { offer_id: 4, variation_id: 42 },
        });
      expect([(await show()).statusCode, (await show()).statusCode]).toEqual([204, 429]);
      await eventually(async () => {
        const { rows } = await database.pool.query(
          "select _client_id as client, kind, caller, refused from promo.promo_refusals order by kind, caller",
        );
        expect(rows).toEqual([
          { client: "acme", kind: "click", caller: expect.stringMatching(/^address [0-9a-f]{12}$/), refused: 3 },
          { client: "acme", kind: "click", caller: "news site", refused: 1 },
          { client: "713", kind: "impression", caller: expect.stringMatching(/^address/), refused: 1 },
        ]);
        expect(
          await row(
            "select message, severity from ops.alerts where kind = 'events_refused' and subject = 'clicks of news site'",
          ),
        ).toEqual({
          severity: "warning",
          message: "Not counted today: 1 click of news site, who sends more than PROMO_CLICKS_PER_MINUTE allows",
        });
      });
    } finally {
      await strict.close();
    }
  });
});

test("a scrape counts what of the spool could not be counted, per client and reason", async () => {
  await database.pool.query(`
    insert into promo.promo_quarantine (_client_id, kind, event_id, reason, event)
    values ('713', 'click', 'a', 'conflict', '{}'), ('713', 'click', 'b', 'conflict', '{}'), ('', 'impression', 'c', 'unknown_variation', '{}')`);
  const { payload } = await api.inject("/metrics");
  await database.pool.query("truncate promo.promo_quarantine");
  expect(payload.split("\n").filter((line) => line.startsWith("signal_room_promo"))).toEqual([
    "signal_room_promo_spool_events 0",
    "signal_room_promo_spool_bytes 0",
    "signal_room_promo_spool_oldest_age_seconds 0",
    "signal_room_promo_spool_damaged_files 0",
    'signal_room_promo_quarantined{client="",reason="unknown_variation"} 1',
    'signal_room_promo_quarantined{client="713",reason="conflict"} 2',
  ]);
});

test("the access log names no address where a report or a redirect is refused, and does elsewhere", async () => {
  const log: string[] = [];
  const small = { ...env, PROMO_CLICKS_PER_MINUTE: "3" };
  const logging = await testServer({ database: database.pool, env: small, log });
  const call = (url: string, payload: object) =>
    logging.inject({ method: "POST", url: `/api/v1/promo${url}`, payload, remoteAddress: "203.0.113.77" });
  const statuses = [];
  for (const [url, payload] of [
    ["/track-click", { variation_id: 999 }],
    ["/track-click", { variation_id: "x" }],
    ["/track-impression", { offer_id: 999, variation_id: 42 }],
    ["/track-impression", { offer_id: 4, variation_id: 42, event_id: "twice" }],
    ["/track-impression", { offer_id: 4, variation_id: 42, event_id: "twice", recipients: 7 }],
    ["/track-click", { variation_id: 42 }],
    ["/track-click", { variation_id: 42 }],
    ["/track-click", { variation_id: 42 }],
  ] as const)
    statuses.push((await call(url, payload)).statusCode);
  await logging.inject({ url: "/r/nothing", remoteAddress: "203.0.113.77" });
  expect(statuses).toEqual([400, 400, 400, 204, 409, 204, 204, 429]);
  expect(log.filter((line) => line.includes("track-") || line.includes("/r/nothing"))).toHaveLength(9);
  expect(log.join("")).not.toContain("203.0.113.77");
  await logging.inject({ url: "/elsewhere", remoteAddress: "203.0.113.77" });
  await logging.close();
  expect(log.join("")).toContain("203.0.113.77");
});

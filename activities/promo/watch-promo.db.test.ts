import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { askLandingPage } from "../../connectors/landing-page.ts";
import { recordClicks, recordImpressions } from "../../queries/promo/record.ts";
import { prunePromo } from "../../queries/promo/retention.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { watchPromo, watchPromoBooks } from "./watch-promo.ts";

let database: TestDatabase;
let pages: Server;
let statusOfPage = 200;
let asked: string[];
beforeAll(async () => {
  database = await testDatabase();
  pages = createServer((request, response) => {
    asked.push(String(request.url));
    response.writeHead(statusOfPage, statusOfPage === 302 ? { location: "/elsewhere" } : {}).end("page");
  });
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
}, 60_000);
afterAll(async () => {
  pages.close();
  await database.drop();
});
beforeEach(async () => {
  asked = [];
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_impression_tracking, promo.promo_impression_repeats,
      promo.promo_click_tracking, promo.promo_performance_metrics, promo.promo_quarantine, promo.promo_refusals, ops.alerts, ops.address_secrets;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url) values ('713', 1, 'No Code MBA', 'a', 'https://a.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) values ('713', 11, 1, 'x')`);
});

const rows = async (statement: string) => (await database.pool.query<Record<string, unknown>>(statement)).rows;
const alerts = () => rows("select kind, message, resolved_at is null as open from ops.alerts order by alert_id");
const local = (url: string) => askLandingPage(url, { isAllowed: () => true });
const day = (month: number, date: number) => new Date(Date.UTC(2026, month, date, 18));
let times = 0;
/** Each look is on a day of its own: landing pages are asked once a day. */
const look = (of: { checksLandingPages?: boolean; now?: Date } = {}) =>
  watchPromo(database.pool, {
    client: "713",
    zone: "America/New_York",
    now: day(5, ++times),
    checksLandingPages: false,
    ask: local,
    ...of,
  });
const shown = (impressions: number, clicks: number, from: string, to: string) =>
  database.pool.query(
    `insert into promo.promo_performance_metrics (_client_id, variation_id, offer_id, date, impressions, clicks)
     select '713', 11, 1, d::date, $1, $2 from generate_series($3::date, $4::date, interval '1 day') d
     on conflict (_client_id, variation_id, date) do update set impressions = excluded.impressions, clicks = excluded.clicks`,
    [impressions, clicks, from, to],
  );

test("an offer whose click rate has collapsed against its own past is an alert, until it is back", async () => {
  const now = new Date("2026-03-31T18:00:00Z");
  await shown(1_000, 50, "2026-02-24", "2026-03-23");
  await shown(1_000, 10, "2026-03-24", "2026-03-30");
  // Today is not over.
  await shown(9_000, 900, "2026-03-31", "2026-03-31");
  await look({ now });
  expect(await alerts()).toEqual([
    {
      kind: "ctr_collapse",
      open: true,
      message: "No Code MBA: 1.00 % of recipients clicked in the last 7 days, 5.00 % in the 28 days before",
    },
  ]);
  await shown(10, 0, "2026-03-24", "2026-03-30");
  await look({ now });
  expect(await alerts()).toMatchObject([{ open: true }]);
  await shown(1_000, 40, "2026-03-24", "2026-03-30");
  await look({ now });
  expect(await alerts()).toMatchObject([{ open: false }]);
});

describe("a landing page", () => {
  const urlOf = (path: string) => `http://127.0.0.1:${(pages.address() as AddressInfo).port}${path}`;
  const landAt = (url: string | null) =>
    database.pool.query("update promo.promo_offers set landing_url = $1 where id = 1", [url]);

  test("that answers 404 is an alert, until it answers otherwise", async () => {
    await landAt(urlOf("/page"));
    statusOfPage = 404;
    await look({ checksLandingPages: true });
    expect(await alerts()).toEqual([
      { kind: "landing_page_gone", open: true, message: `No Code MBA: the landing page ${urlOf("/page")} answers 404` },
    ]);
    await landAt("http://127.0.0.1:1/");
    await look({ checksLandingPages: true });
    expect(await alerts()).toMatchObject([{ open: true }]);
    await landAt(urlOf("/page"));
    statusOfPage = 302;
    await look({ checksLandingPages: true });
    expect(await alerts()).toMatchObject([{ open: false }]);
    // No redirect is followed: it could lead through a network that counts it as a click.
    expect(asked).toEqual(["/page", "/page"]);
  });

  test("is asked once a day, and not at all where the setting is off or the offer names none", async () => {
    statusOfPage = 410;
    await landAt(urlOf("/once"));
    await look();
    const now = day(8, 1);
    await look({ checksLandingPages: true, now });
    await look({ checksLandingPages: true, now });
    await landAt(null);
    await look({ checksLandingPages: true });
    expect(asked).toEqual(["/once"]);
    expect(await alerts()).toMatchObject([{ open: false }]);
  });

  test("in our own network is not asked", async () => {
    expect(await askLandingPage(urlOf("/inside"))).toBeNull();
    expect(asked).toEqual([]);
  });
});

test("a caller within its limit for an hour closes the alert of its refusals", async () => {
  await database.pool.query(`
    insert into promo.promo_refusals (_client_id, kind, caller, date, refused, last_at)
    values ('713', 'click', 'site', current_date, 3, now()), ('713', 'click', 'old', current_date, 3, now() - interval '2 hours');
    insert into ops.alerts (_client_id, area, kind, subject, severity, message)
    select '713', 'promo', 'events_refused', 'clicks of ' || c, 'warning', c from unnest(array['site', 'old']) c`);
  const of = { client: "713", zone: "America/New_York", now: new Date(), checksLandingPages: false };
  await watchPromo(database.pool, of);
  expect(await alerts()).toMatchObject([
    { message: "site", open: true },
    { message: "old", open: false },
  ]);
});

describe("daily figures", () => {
  const counting = { zones: {}, repeatWindowMs: 10_000 };
  const count = async () => {
    const at = new Date().toISOString();
    const of = { variation_id: 11, at };
    await recordImpressions(
      database.pool,
      [{ event_id: "a", offer_id: 1, send_id: null, recipients: 7, ...of }],
      counting,
    );
    const click = { via: "api" as const, click_id: null, referrer: null, device: "mobile", bot: null, body_hash: null };
    const more = { ...click, is_bot: false, ip_hash: null, agent: Buffer.from("sealed").toString("base64") };
    await recordClicks(database.pool, [{ event_id: "b", ...of, ...more }], counting);
  };
  const pruned = { eventDays: 30, timezoneOf: () => undefined };
  const figures = () =>
    rows("select sends, impressions, clicks, raw_clicks as raw from promo.promo_performance_metrics order by date");

  test("that agree with their events are left alone", async () => {
    await count();
    await watchPromoBooks(database.pool);
    expect([await alerts(), await figures()]).toEqual([[], [{ sends: 1, impressions: 7, clicks: 1, raw: 1 }]]);
  });

  test("that somebody changed are set right, and an alert says so", async () => {
    await count();
    await database.pool.query("update promo.promo_performance_metrics set impressions = 99, clicks = 0");
    await watchPromoBooks(database.pool);
    expect(await figures()).toEqual([{ sends: 1, impressions: 7, clicks: 1, raw: 1 }]);
    expect(await alerts()).toMatchObject([{ kind: "promo_books", open: true }]);
    await database.pool.query("delete from promo.promo_performance_metrics");
    await watchPromoBooks(database.pool);
    expect(await figures()).toEqual([{ sends: 1, impressions: 7, clicks: 1, raw: 1 }]);
  });

  test("stay when their events are deleted by age, and so do counters; agents go after a week, secrets with their month", async () => {
    await count();
    await database.pool.query(
      "insert into ops.address_secrets (month, sealed) values ('2020-01-01', ''), (date_trunc('month', now() at time zone 'UTC')::date, '')",
    );
    const sealed = () => rows("select user_agent_sealed is not null as sealed from promo.promo_click_tracking");
    expect(await prunePromo(database.pool, pruned)).toBe(0);
    expect(await sealed()).toEqual([{ sealed: true }]);
    await database.pool.query(`
      update promo.promo_click_tracking set clicked_at = clicked_at - interval '8 days', clicked_date = clicked_date - 8;
      update promo.promo_impression_tracking set tracked_date = tracked_date - 31`);
    expect(await prunePromo(database.pool, pruned)).toBe(1);
    expect(await sealed()).toEqual([{ sealed: false }]);
    await database.pool.query("update promo.promo_click_tracking set clicked_date = clicked_date - 30");
    // More than one step of it.
    await database.pool.query(
      `insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, via)
       select '713', 'old ' || n, 1, 11, now() - interval '100 days', current_date - 100, 'api' from generate_series(1, 5000) n`,
    );
    expect(await prunePromo(database.pool, pruned)).toBe(5_001);
    expect(await sealed()).toEqual([]);
    expect(await figures()).toEqual([{ sends: 1, impressions: 7, clicks: 1, raw: 1 }]);
    expect(await rows("select impressions, clicks, ctr from promo.promo_text_variations")).toEqual([
      { impressions: 7, clicks: 1, ctr: "14.29" },
    ]);
    expect(await rows("select count(*)::int as secrets from ops.address_secrets")).toEqual([{ secrets: 1 }]);
  });
});

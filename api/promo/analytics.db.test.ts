import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addDays, clockTime, dayAt } from "../../core/days.ts";
import { readHours } from "../../queries/promo/analytics.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { promoEvents } from "../../test/promo-events.ts";
import type { Api } from "../server/parts.ts";
import type { Analytics } from "./analytics-shapes.ts";

const zone = "Pacific/Auckland";
const today = dayAt(new Date(), zone);
const day = (ago: number) => addDays(today, -ago);
const at = (ago: number, hour: number, minute = 0) => clockTime(day(ago), hour, minute, zone);

let database: TestDatabase;
let api: Api;

/** Offer 1: texts 11 (the better), 12, 13 (never shown); offer 2: text 21, of which more was clicked than shown; acme: offer 3. */
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'one', 'one', 'https://one.example'), ('713', 2, 'two', 'two', 'https://two.example'), ('acme', 3, 'of acme', 'three', 'https://three.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, cta_text, tone, approved)
    values ('713', 11, 1, repeat('long ', 20), 'Go', 'calm', true), ('713', 12, 1, 'b', null, null, false), ('713', 13, 1, 'c', null, null, true),
           ('713', 21, 2, 'd', null, null, true), ('acme', 31, 3, 'e', null, null, true)`);
  const { show, click } = promoEvents(database.pool, { "713": zone, acme: "UTC" });
  await show(1, 11, at(40, 6), { recipients: 1_000 });
  await show(1, 11, at(3, 6), { recipients: 1_500, sendId: "thursday" });
  await show(1, 12, at(3, 6, 30), { recipients: 1_500 });
  await show(1, 11, at(1, 9), { recipients: 500 });
  await show(2, 21, at(2, 7), { recipients: 3 });
  await show(3, 31, at(1, 7), { recipients: 10 });
  await click(11, at(40, 7), {}, 10);
  // Late at night in the client's zone: in UTC it is another day.
  await click(11, at(3, 23, 30), { device: "mobile", click_id: "click-a" });
  await click(11, at(2, 8), { device: "mobile", ip_hash: "m:1", click_id: "click-b" }, 1);
  await click(11, at(2, 8), { device: "mobile", ip_hash: "m:1" }, 1);
  await click(11, at(2, 9), { device: "bot", is_bot: true, bot: "Barracuda" }, 5);
  // Before the send of that day, and after it.
  await click(11, at(1, 8), {}, 200);
  await click(11, at(1, 10), { device: "unknown" }, 20);
  await click(12, at(3, 7), {}, 15);
  await click(21, at(2, 8), { click_id: "click-c" });
  await click(21, at(1, 8), {}, 6);
  await click(31, at(1, 8), { click_id: "click-acme" }, 1);
  await conversions();
  api = await testServer({
    database: database.pool,
    clients: ["713", "acme"],
    env: { PROMO_TIMEZONE: zone, PROMO_ANALYTICS_PER_MINUTE: "500", PROMO_ANALYTICS_CACHE_SECONDS: "0" },
  });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Converted {
  id: string;
  subs?: Record<string, string>;
  client?: string;
  status?: string;
  isEvent?: boolean;
  affiliate?: string;
  currency?: string;
  payout?: string;
  revenue?: string;
}

async function everflow(of: Converted): Promise<void> {
  const { sub1 = null, sub2 = null, sub5 = null } = of.subs ?? {};
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, currency, payout, revenue, sub1, sub2, sub5, _slice, _run_id)
     values ($1, $2, '2025-12-18', now(), $3, $4, $5, 'name of ' || $5, $6, $7, $8, $9, $10, $11, '2025-12-18', 'r')`,
    [
      of.client ?? "713",
      of.id,
      of.status ?? "approved",
      of.isEvent ?? false,
      of.affiliate ?? "7",
      of.currency ?? "USD",
      of.payout ?? "10",
      of.revenue ?? "15",
      sub1,
      sub2,
      sub5,
    ],
  );
}

async function conversions(): Promise<void> {
  await everflow({ id: "e1", subs: { sub1: "click-a" }, payout: "10.005", revenue: "30" });
  await everflow({ id: "e2", subs: { sub5: "click-a", sub2: "click-a" }, isEvent: true, payout: "1.5", revenue: "2" });
  await everflow({ id: "e3", subs: { sub2: "click-b" }, currency: "EUR", affiliate: "8" });
  await everflow({
    id: "back",
    subs: { sub2: "click-b" },
    currency: "EUR",
    affiliate: "8",
    payout: "-10",
    revenue: "-15",
  });
  await everflow({ id: "pending", subs: { sub1: "click-a" }, status: "pending", payout: "99" });
  await everflow({ id: "elsewhere", subs: { sub1: "click-acme" }, payout: "99" });
  await everflow({ id: "no promo", payout: "4", revenue: "6" });
  const anytrack = async (key: string, clickId: string, revenue: string | null, currency: string | null) =>
    database.pool.query(
      `insert into anytrack.conversions (_client_id, conversion_key, type, click_id, revenue, currency, event_time, version, date, seen_by_pull_at, _run_id, origin)
       values ('713', $1, 'SALE', $2, $3, $4, now(), now(), '2025-12-18', now(), 'r', 'sandbox')`,
      [key, clickId, revenue, currency],
    );
  await anytrack("order:both", "click-a", "500", "USD");
  await anytrack("order:c", "click-c", "7.10", "USD");
  await anytrack("order:c2", "click-c", null, null);
  // Affiliate 7 is our own: its conversion costs its share of the day's spend.
  await database.pool.query(`
    insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
    values ('713', 's7', '7', 'seven', true, 'test');
    insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id) values ('713', '2025-12-18', 's7', 's', 5, 0, 40, '2025-12-18', 'r');
    insert into everflow.daily_stats (_client_id, date, affiliate_id, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
    values ('713', '2025-12-18', '7', '1', '1', 'USD', 9, 2, 14, 36, 0, 0, '2025-12-18', 'r')`);
}

interface PlanNode {
  "Relation Name"?: string;
  "Actual Loops": number;
  Plans?: PlanNode[];
}

/** How often Postgres went to the table of clicks. */
function lookUps(plan: PlanNode): number {
  const own = plan["Relation Name"] === "promo_click_tracking" ? plan["Actual Loops"] : 0;
  return (plan.Plans ?? []).reduce((sum, part) => sum + lookUps(part), own);
}

const ask = async (query = "", claims: Parameters<typeof bearer>[0] = {}, headers = {}) =>
  api.inject({ url: `/api/v1/promo/analytics${query}`, headers: { ...(await bearer(claims)), ...headers } });
const read = async (query = "", claims = {}) => {
  const answer = await ask(query, claims);
  expect([answer.statusCode, query]).toEqual([200, query]);
  return answer.json<Analytics>();
};
const rows = async (statement: string) => (await database.pool.query<Record<string, unknown>>(statement)).rows;

test("a summary and the offers, best first, of the last 30 days in the client's zone; the other parts when asked for", async () => {
  const answer = await read();
  expect(answer.summary).toEqual({
    total_impressions: 3_503,
    total_clicks: 244,
    overall_ctr: 6.97,
    raw_clicks: 250,
    bot_clicks: 5,
    repeat_clicks: 1,
    raw_ctr: 7.14,
    interval: { low: 6.17, high: 7.86 },
    date_range: { start: day(29), end: today, days: 30 },
    timezone: zone,
  });
  expect(
    answer.offers.map(({ offer_id, clicks, ctr, interval, best_variation_id }) => ({
      offer_id,
      clicks,
      ctr,
      interval,
      best_variation_id,
    })),
  ).toEqual([
    { offer_id: 2, clicks: 7, ctr: 233.33, interval: null, best_variation_id: null },
    { offer_id: 1, clicks: 237, ctr: 6.77, interval: expect.anything(), best_variation_id: 11 },
  ]);
  expect(answer.offers.map(({ best_reason }) => best_reason)).toEqual([
    "variation 21 has more clicks than impressions, so its rate is not known",
    "the interval of variation 11 lies above that of variation 12",
  ]);
  expect(Object.keys(answer)).toEqual(["summary", "offers"]);
});

test("one offer, its variations sorted by CTR with zeros where nothing happened, over days of one's choosing", async () => {
  const { summary, offers, variations } = await read("?offer_id=1&days=90&include_variations=true");
  expect([summary.total_impressions, summary.total_clicks, offers.length]).toEqual([4_500, 247, 1]);
  expect(
    variations?.map((one) => [
      one.variation_id,
      one.impressions,
      one.clicks,
      one.raw_clicks,
      one.bot_clicks,
      one.repeat_clicks,
      one.ctr,
    ]),
  ).toEqual([
    [11, 3_000, 232, 238, 5, 1, 7.73],
    [12, 1_500, 15, 15, 0, 0, 1],
    [13, 0, 0, 0, 0, 0, null],
  ]);
  expect(variations?.[0]).toMatchObject({
    offer_name: "one",
    text_preview: "long ".repeat(10),
    cta_text: "Go",
    tone: "calm",
    approved: true,
  });
  const one = await read(
    "?variation_id=12&include_variations=true&include_timeline=true&include_cohorts=true&include_devices=true&include_hours=true&include_funnel=true",
  );
  expect([one.summary.total_clicks, one.variations?.length, one.offers[0]?.best_reason]).toEqual([
    15,
    1,
    "only one variation was shown: there is nothing to compare it with",
  ]);
  expect(one.funnel).toMatchObject({ clicks: 15, conversions: 0, payout: [], by_affiliate: [] });
  expect((await read("?include_variations=false")).variations).toBeUndefined();
});

test("days=7 is the last seven dates, today included; all begins with the first event", async () => {
  const week = await read("?days=7&include_timeline=true");
  expect(week.timeline?.map(({ date }) => date)).toEqual([0, 1, 2, 3, 4, 5, 6].map(day));
  expect(week.timeline?.slice(0, 4)).toEqual([
    { date: day(0), impressions: 0, clicks: 0, raw_clicks: 0, ctr: null },
    { date: day(1), impressions: 500, clicks: 226, raw_clicks: 226, ctr: 45.2 },
    { date: day(2), impressions: 3, clicks: 2, raw_clicks: 8, ctr: 66.67 },
    { date: day(3), impressions: 3_000, clicks: 16, raw_clicks: 16, ctr: 0.53 },
  ]);
  const all = await read("?days=all&include_timeline=true");
  expect(all.summary.date_range).toEqual({ start: day(40), end: today, days: 41 });
  expect(all.timeline).toHaveLength(41);
  const sum = (of: "impressions" | "clicks") => all.timeline?.reduce((total, one) => total + one[of], 0);
  expect([sum("impressions"), sum("clicks")]).toEqual([all.summary.total_impressions, all.summary.total_clicks]);
  expect((await read("?days=all", { client: "acme" })).summary).toMatchObject({
    total_impressions: 10,
    total_clicks: 1,
  });
});

test("a click belongs to its variation's last send before it", async () => {
  const { cohorts } = await read("?offer_id=1&days=90&include_cohorts=true");
  expect(
    cohorts?.map(({ date, sends, impressions, clicks, ctr }) => ({ date, sends, impressions, clicks, ctr })),
  ).toEqual([
    // The 200 clicks of that morning came before its send.
    { date: day(1), sends: 1, impressions: 500, clicks: 20, ctr: 4 },
    { date: day(3), sends: 2, impressions: 3_000, clicks: 217, ctr: 7.23 },
    { date: day(40), sends: 1, impressions: 1_000, clicks: 10, ctr: 1 },
  ]);
  expect((await read("?offer_id=1&days=7&include_cohorts=true")).cohorts).toHaveLength(2);
});

test("clicks of people by device, and by weekday and hour of the client's zone", async () => {
  const { devices, hours } = await read("?offer_id=1&include_devices=true&include_hours=true");
  expect(devices).toEqual([
    { device: "desktop", clicks: 215, raw_clicks: 215 },
    { device: "unknown", clicks: 20, raw_clicks: 20 },
    { device: "mobile", clicks: 2, raw_clicks: 3 },
    { device: "bot", clicks: 0, raw_clicks: 5 },
  ]);
  expect(hours).toHaveLength(168);
  const weekday = (ago: number) => ((new Date(`${day(ago)}T00:00:00Z`).getUTCDay() + 6) % 7) + 1;
  const clicked = hours?.filter(({ clicks }) => clicks > 0);
  expect(clicked).toHaveLength(5);
  expect(clicked).toEqual(
    expect.arrayContaining([
      { weekday: weekday(3), hour: 23, clicks: 1 },
      { weekday: weekday(3), hour: 7, clicks: 15 },
      { weekday: weekday(2), hour: 8, clicks: 1 },
      { weekday: weekday(1), hour: 8, clicks: 200 },
      { weekday: weekday(1), hour: 10, clicks: 20 },
    ]),
  );
});

test("of clicks whose hour was not recorded by the client's clock of now, also where that is not whole hours from UTC", async () => {
  await database.pool.query("update promo.promo_click_tracking set clicked_hour = null");
  const timezone = "Asia/Kathmandu";
  const everything = { client: "713", from: day(60), to: today, offerId: null, variationId: null };
  const hours = await readHours(database.pool, { ...everything, timezone });
  const { rows } = await database.pool.query<{ at: Date; weekday: number }>(
    "select clicked_at as at, extract(isodow from clicked_date)::int as weekday from promo.promo_click_tracking where _client_id = '713' and not is_bot and not is_repeat",
  );
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit" });
  const counted = new Map<string, number>();
  for (const { at: clicked, weekday } of rows) {
    const key = `${weekday} ${Number(clock.format(clicked))}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  expect(counted.size).toBeGreaterThan(4);
  const told = hours.filter(({ clicks }) => clicks > 0);
  expect(new Map(told.map(({ weekday, hour, clicks }) => [`${weekday} ${hour}`, clicks]))).toEqual(counted);
});

describe("the funnel", () => {
  test("joins conversions by click id, each once, and mixes no currencies and no origins", async () => {
    const { funnel } = await read("?days=30&include_funnel=true");
    expect(funnel).toMatchObject({ impressions: 3_503, clicks: 244, conversions: 4, conversion_rate: 1.64 });
    const paid = (of: "USD" | "EUR" | null, origin: string) =>
      funnel?.payout.find((one) => one.currency === of && one.origin === origin);
    // An event after the conversion pays and is none; what AnyTrack says of click-a, Everflow says too.
    expect(paid("USD", "unknown")).toEqual({
      currency: "USD",
      origin: "unknown",
      conversions: 1,
      payout: "11.51",
      revenue: "32.00",
    });
    expect(paid("EUR", "unknown")).toMatchObject({ conversions: 1, payout: "0.00", revenue: "0.00" });
    expect(paid("USD", "sandbox")).toMatchObject({ conversions: 1, payout: "7.10" });
    expect(paid(null, "sandbox")).toMatchObject({ conversions: 1, payout: null, revenue: null });
    expect(funnel?.payout).toHaveLength(4);
    expect(funnel?.by_offer.map(({ offer_id, conversions }) => [offer_id, conversions])).toEqual([
      [2, 2],
      [1, 2],
    ]);
    expect(funnel?.by_variation.find(({ variation_id }) => variation_id === 12)).toMatchObject({
      conversions: 0,
      conversion_rate: 0,
      payout: [],
    });
    expect((await read("?days=7&include_funnel=true", { client: "acme" })).funnel).toMatchObject({
      clicks: 1,
      conversions: 0,
    });
  });

  test("shows the commission and the return per affiliate, of what has a known cost", async () => {
    const { funnel } = await read("?days=30&include_funnel=true");
    expect(funnel?.by_affiliate).toEqual([
      // Ours: half of the day's spend of 40 for one of two conversions; its event after it costs nothing more.
      {
        affiliate_id: "7",
        affiliate: "name of 7",
        currency: "USD",
        origin: "unknown",
        conversions: 1,
        payout: "11.51",
        revenue: "32.00",
        spend: "20.00",
        cost: "20.00",
        profit: "12.00",
        roi: 60,
        conversions_without_cost: 0,
      },
      // Another one costs its payout, and it was taken back.
      {
        affiliate_id: "8",
        affiliate: "name of 8",
        currency: "EUR",
        origin: "unknown",
        conversions: 1,
        payout: "0.00",
        revenue: "0.00",
        spend: null,
        cost: "0.00",
        profit: "0.00",
        roi: null,
        conversions_without_cost: 0,
      },
      // From AnyTrack, whose affiliates the mapping does not know: one of them without a currency.
      ...["USD", null].map((currency) => ({
        affiliate_id: null,
        affiliate: null,
        currency,
        origin: "sandbox",
        conversions: 1,
        payout: currency === null ? null : "7.10",
        revenue: currency === null ? null : "7.10",
        spend: null,
        cost: null,
        profit: null,
        roi: null,
        conversions_without_cost: 1,
      })),
    ]);
  });

  test("of several clicks in one conversion the first sub id's has it, wherever that click's day lies", async () => {
    await everflow({ id: "two", subs: { sub1: "no click", sub2: "click-c", sub5: "click-b" }, payout: "3" });
    const having = "select variation_id, click_id from promo.clicked_conversions where conversion_id = 'two'";
    expect(await rows(having)).toEqual([{ variation_id: 21, click_id: "click-c" }]);
    expect(await rows(`${having} and variation_id = 11`)).toEqual([]);
    expect(await rows("select offer_id from promo.commission where conversion_id = 'two'")).toEqual([{ offer_id: 2 }]);
    await database.pool.query("delete from everflow.conversions where conversion_id = 'two'");
  });

  test("looks for no click: which one a conversion brought back is written down", async () => {
    const many = 400;
    await database.pool.query(`
      insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, via, click_id)
      select 'many', i, 4, 41, now(), '2025-12-18', 'redirect', i from generate_series(1, ${2 * many}) i;
      insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, sub1, _slice, _run_id)
      select 'many', i, '2025-12-18', now(), 'approved', false, '7', 'USD', 1, 1, i, '2025-12-18', 'r' from generate_series(1, ${many}) i;
      analyze everflow.conversions, promo.promo_click_tracking`);
    const asked =
      "select sum(payout)::int as payout from promo.commission where _client_id = 'many' and clicked_date > '2000-01-01'";
    expect(await rows(asked)).toEqual([{ payout: many }]);
    const [explained] = await rows(`explain (analyze, format json) ${asked}`);
    const [{ Plan: plan }] = explained?.["QUERY PLAN"] as [{ Plan: PlanNode }];
    expect(lookUps(plan)).toBe(0);
  });

  test("per conversion, an analyst sees payout, spend and the promo, also of conversions without one", async () => {
    const all = await rows(
      `select conversion_id, round(payout, 2)::text as payout, spend::float as spend, offer_id, variation_id from promo.commission where _client_id = '713' order by 1`,
    );
    expect(all).toEqual([
      { conversion_id: "back", payout: "-10.00", spend: null, offer_id: 1, variation_id: 11 },
      { conversion_id: "e1", payout: "10.01", spend: 20, offer_id: 1, variation_id: 11 },
      { conversion_id: "e2", payout: "1.50", spend: 0, offer_id: 1, variation_id: 11 },
      { conversion_id: "e3", payout: "10.00", spend: null, offer_id: 1, variation_id: 11 },
      { conversion_id: "elsewhere", payout: "99.00", spend: 20, offer_id: null, variation_id: null },
      { conversion_id: "no promo", payout: "4.00", spend: 20, offer_id: null, variation_id: null },
      { conversion_id: "order:c", payout: "7.10", spend: null, offer_id: 2, variation_id: 21 },
      { conversion_id: "order:c2", payout: null, spend: null, offer_id: 2, variation_id: 21 },
    ]);
    const [seven] = await rows(
      "select conversions, promo_conversions, roi::float from promo.commission_by_affiliate where _client_id = '713' and affiliate_id = '7'",
    );
    expect(seven).toEqual({ conversions: 3, promo_conversions: 1, roi: -11.67 });
  });
});

describe("the views say the same as the route:", () => {
  const columns = `impressions, clicks, raw_clicks, bot_clicks, repeat_clicks, ctr::float as ctr, raw_ctr::float as raw_ctr,
    case when interval_low is not null then json_build_object('low', interval_low, 'high', interval_high) end as interval`;

  test("offers and variations of all time", async () => {
    const { offers, variations } = await read("?days=all&include_variations=true");
    const without = offers.map(({ best_reason: _reason, ...offer }) => offer);
    expect(
      await rows(
        `select offer_id, offer_name, offer_type, origin, ${columns}, best_variation_id from promo.offer_performance where _client_id = '713' order by ctr desc`,
      ),
    ).toEqual(without);
    expect(
      await rows(`select variation_id, offer_id, offer_name, text_preview, cta_text, tone, approved, ${columns} from promo.variation_performance
                   where _client_id = '713' order by ctr desc nulls last`),
    ).toEqual(variations);
  });

  test("days, and the funnel", async () => {
    const { timeline, funnel } = await read("?days=90&include_timeline=true&include_funnel=true");
    expect(
      await rows(`select date, sum(impressions)::int as impressions, sum(clicks)::int as clicks, sum(raw_clicks)::int as raw_clicks
                    from promo.daily where _client_id = '713' group by 1 order by 1 desc`),
    ).toEqual(
      timeline
        ?.filter(({ impressions, raw_clicks }) => impressions + raw_clicks > 0)
        .map(({ ctr: _ctr, ...one }) => one),
    );
    expect(
      await rows(
        "select sum(impressions)::int as impressions, sum(clicks)::int as clicks, sum(conversions)::int as conversions from promo.funnel where _client_id = '713'",
      ),
    ).toEqual([{ impressions: funnel?.impressions, clicks: funnel?.clicks, conversions: funnel?.conversions }]);
    expect(
      await rows(`select currency, origin, sum(conversions)::int as conversions, round(sum(payout), 2)::text as payout, round(sum(revenue), 2)::text as revenue
                    from promo.funnel where _client_id = '713' and origin is not null group by 1, 2 order by coalesce(currency, 'zzz'), 2`),
    ).toEqual(
      [...(funnel?.payout ?? [])].sort((a, b) =>
        `${a.currency ?? "zzz"}${a.origin}`.localeCompare(`${b.currency ?? "zzz"}${b.origin}`),
      ),
    );
  });

  test("commission and return of each affiliate", async () => {
    const { funnel } = await read("?days=90&include_funnel=true");
    const told = (funnel?.by_affiliate ?? []).map(
      ({ affiliate: _name, payout: _payout, revenue: _revenue, ...one }) => one,
    );
    expect(told.map(({ spend }) => spend)).toContain("20.00");
    expect(
      await rows(`select affiliate_id, currency, origin, sum(conversions)::int as conversions, round(sum(spend), 2)::text as spend, round(sum(cost), 2)::text as cost,
                         round(sum(profit), 2)::text as profit, round(100 * sum(profit) / nullif(sum(cost) filter (where profit is not null), 0), 2)::float as roi,
                         coalesce(sum(conversions) filter (where cost is null), 0)::int as conversions_without_cost
                    from promo.commission where _client_id = '713' and offer_id is not null group by 1, 2, 3 order by 4 desc, 1`),
    ).toEqual([...told].sort((a, b) => b.conversions - a.conversions));
  });

  test("intervals and rates, of any counts", async () => {
    const { intervalOf, ctrOf } = await import("../../rules/promo/rate.ts");
    const counts = [
      [0, 0],
      [1, 0],
      [1, 1],
      [3, 5],
      [20_000, 29],
      [999, 7],
      [100_000_000, 12_345_678],
      [7, 7],
      [1_234_567, 1],
    ] as const;
    for (const [impressions, clicks] of counts) {
      const [row] = await rows(
        `select promo.wilson(${impressions}, ${clicks}, -1)::float as low, promo.wilson(${impressions}, ${clicks}, 1)::float as high,
                round(100.0 * ${clicks} / nullif(${impressions}, 0), 2)::float as ctr`,
      );
      const interval = intervalOf({ impressions, clicks });
      expect(row).toEqual({
        low: interval?.low ?? null,
        high: interval?.high ?? null,
        ctr: ctrOf({ impressions, clicks }),
      });
    }
  });
});

describe("the route", () => {
  test("is for those with a token, shows a client its own, and refuses what it does not know", async () => {
    expect((await api.inject({ url: "/api/v1/promo/analytics" })).statusCode).toBe(401);
    expect((await ask("", { role: "advertiser", advertiser: "1" })).statusCode).toBe(403);
    expect((await ask("", { role: "analyst" })).statusCode).toBe(200);
    for (const query of ["?offer_id=1", "?variation_id=11", "?offer_id=999"])
      expect([(await ask(query, { client: "acme" })).statusCode, query]).toEqual([404, query]);
    for (const query of ["?days=31", "?offer_id=x", "?offer_id=0", "?include_timeline=yes", "?offer=1"])
      expect([(await ask(query)).statusCode, query]).toEqual([400, query]);
    // An offer of the client and a variation of another one of its offers: there is no such thing.
    expect((await ask("?offer_id=1&variation_id=21")).statusCode).toBe(404);
  });

  test("answers 304 to who has the answer already, and a new one once something is counted", async () => {
    const first = await ask("?days=7");
    const etag = String(first.headers.etag);
    expect(first.headers["cache-control"]).toBe("private, no-cache");
    const same = await ask("?days=7", {}, { "if-none-match": `W/${etag}` });
    expect([same.statusCode, same.payload, same.headers.etag]).toEqual([304, "", etag]);
    await promoEvents(database.pool, { "713": zone }).show(2, 21, new Date());
    expect((await ask("?days=7", {}, { "if-none-match": etag })).statusCode).toBe(200);
  });

  test("remembers an answer for a moment, each caller's own, and is limited", async () => {
    const brief = await testServer({
      database: database.pool,
      clients: ["713", "acme"],
      env: { PROMO_ANALYTICS_PER_MINUTE: "4" },
    });
    const get = async (claims: Parameters<typeof bearer>[0] = {}) =>
      brief.inject({ url: "/api/v1/promo/analytics", headers: await bearer(claims) });
    const before = (await get()).payload;
    await promoEvents(database.pool, { "713": "UTC" }).show(2, 21, new Date());
    expect((await get()).payload).toBe(before);
    expect((await get({ client: "acme" })).payload).not.toBe(before);
    const more = [];
    for (let n = 0; n < 4; n++) more.push((await get()).statusCode);
    await brief.close();
    expect(more).toEqual([200, 200, 429, 429]);
  });
});

import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { devices } from "../../rules/promo/agent.ts";
import type { Click, Impression } from "../../rules/promo/events.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readCohorts, readDevices, readHours, readTimeline, type Scope } from "./analytics.ts";
import { sumClickDays } from "./click-days.ts";
import { recordClicks, recordImpressions } from "./record.ts";
import { prunePromo } from "./retention.ts";

// Neither its hours nor its days begin with one of UTC.
const timezone = "Asia/Kathmandu";
const counting = { zones: { "713": timezone }, repeatWindowMs: 10_000 };
const timezoneOf = () => timezone;

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());
beforeEach(forget);

/** Offer 1 with variations 11 and 12, offer 2 with 21. */
async function forget(): Promise<void> {
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_impression_tracking, promo.promo_impression_repeats,
      promo.promo_click_tracking, promo.promo_performance_metrics, promo.promo_click_days, promo.promo_click_days_summed,
      promo.promo_conversion_clicks, everflow.conversions, anytrack.conversions;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'one', 'one', 'https://one.example'), ('713', 2, 'two', 'two', 'https://two.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'a'), ('713', 12, 1, 'b'), ('713', 21, 2, 'c')`);
}
async function rows<Row extends object>(statement: string, values: unknown[] = []): Promise<Row[]> {
  return (await database.pool.query<Row>(statement, values)).rows;
}

let made = 0;
const click = (of: Partial<Click> = {}): Click => ({
  event_id: `e${++made}`,
  variation_id: 11,
  at: "2026-03-10T17:00:00.000Z",
  via: "redirect",
  click_id: null,
  referrer: null,
  device: "mobile",
  bot: null,
  is_bot: false,
  ip_hash: null,
  body_hash: null,
  agent: null,
  ...of,
});
const send = (of: Partial<Impression> = {}): Impression => ({
  event_id: `e${++made}`,
  offer_id: of.variation_id === 21 ? 2 : 1,
  variation_id: 11,
  send_id: null,
  recipients: null,
  at: "2026-03-10T17:00:00.000Z",
  ...of,
});
const press = (...clicks: Click[]) => recordClicks(database.pool, clicks, counting);
const shuffle = <Item>(items: readonly Item[], order: readonly number[]): Item[] =>
  items
    .map((item, place) => ({ item, key: order[place] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);

const scopes: Pick<Scope, "offerId" | "variationId">[] = [
  { offerId: null, variationId: null },
  { offerId: 1, variationId: null },
  { offerId: null, variationId: 12 },
];

async function answers(from: string): Promise<unknown> {
  const all: unknown[] = [];
  for (const part of scopes) {
    const scope: Scope = { client: "713", from, to: "2026-03-31", ...part };
    const hours = await readHours(database.pool, { ...scope, timezone });
    all.push({
      devices: await readDevices(database.pool, scope),
      hours: hours.filter(({ clicks }) => clicks > 0),
      cohorts: await readCohorts(database.pool, scope),
      days: (await readTimeline(database.pool, scope)).map(({ date, rawClicks }) => ({ date, rawClicks })),
    });
  }
  return all;
}

/** The same, by going through the events. */
async function plain(from: string): Promise<unknown> {
  const all: unknown[] = [];
  for (const { offerId, variationId } of scopes) {
    const clicks = `promo.promo_click_tracking c where c.clicked_date between $1 and '2026-03-31' and (${offerId ?? "null"}::int is null or c.offer_id = ${offerId ?? "null"})
      and (${variationId ?? "null"}::int is null or c.variation_id = ${variationId ?? "null"})`;
    const shown = clicks
      .replaceAll("clicked_date", "tracked_date")
      .replace("promo_click_tracking", "promo_impression_tracking");
    const person = "not c.is_bot and not c.is_repeat";
    const local = `c.clicked_at at time zone '${timezone}'`;
    all.push({
      devices: await rows(
        `select device, count(*) filter (where ${person}) as clicks, count(*) as "rawClicks" from ${clicks} group by 1 order by 2 desc, 3 desc, 1`,
        [from],
      ),
      hours: await rows(
        `select extract(isodow from ${local})::int as weekday, extract(hour from ${local})::int as hour, count(*)::int as clicks from ${clicks} and ${person}
          group by 1, 2 order by 1, 2`,
        [from],
      ),
      cohorts: await rows(
        `select date, sum(sends)::bigint as sends, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks
           from (select c.tracked_date as date, 1 as sends, c.recipients as impressions, 0 as clicks from ${shown}
                  union all
                 select (select max(i.tracked_date) from promo.promo_impression_tracking i where i.variation_id = c.variation_id and i.tracked_at <= c.clicked_at),
                        0, 0, 1 from ${clicks} and ${person}) parts
          where date between $1 and '2026-03-31' group by 1 order by 1 desc`,
        [from],
      ),
      days: await rows(
        `select d::date as date, (select count(*) from ${clicks} and c.clicked_date = d::date) as "rawClicks"
           from generate_series($1::date::timestamp, '2026-03-31', interval '1 day') d order by 1 desc`,
        [from],
      ),
    });
  }
  return all;
}

test("devices, hours and cohorts are what the events say, whenever their days are summed and however late events come", async () => {
  const some = fc.array(
    fc.record({
      hour: fc.constantFrom(0, 1, 7, 26, 27, 50, 74),
      second: fc.nat({ max: 30 }),
      what: fc.constantFrom("send", "click", "click", "bot"),
      device: fc.constantFrom(...devices),
      person: fc.constantFrom("a", null),
      variation: fc.constantFrom(11, 12, 21),
    }),
    { minLength: 8, maxLength: 24 },
  );
  let summed = 0;
  await fc.assert(
    fc.asyncProperty(
      some,
      fc.array(fc.nat(), { minLength: 24, maxLength: 24 }),
      fc.integer({ min: 1, max: 5 }),
      async (events, order, size) => {
        await forget();
        const stored = shuffle(
          events.map(({ hour, second, what, device, person, variation: variation_id }) => {
            const at = new Date(Date.parse("2026-03-10T14:00:00Z") + (hour * 3_600 + second) * 1_000).toISOString();
            return what === "send"
              ? { shown: send({ at, variation_id }) }
              : { pressed: click({ at, variation_id, device, ip_hash: person, is_bot: what === "bot" }) };
          }),
          order,
        );
        for (let start = 0; start < stored.length; start += size) {
          const batch = stored.slice(start, start + size);
          await press(...batch.flatMap(({ pressed }) => pressed ?? []));
          await recordImpressions(
            database.pool,
            batch.flatMap(({ shown }) => shown ?? []),
            counting,
          );
          if ((order[start] ?? 0) % 2 === 1) {
            await sumClickDays(database.pool, timezoneOf);
            // What comes after it comes for summed days.
            if (start + size < stored.length) summed += 1;
          }
        }
        for (const from of ["2026-03-01", "2026-03-12"]) expect(await answers(from)).toEqual(await plain(from));
        const before = await answers("2026-03-01");
        await sumClickDays(database.pool, timezoneOf);
        expect(await answers("2026-03-01")).toEqual(before);
      },
    ),
    { numRuns: 16 },
  );
  // It has been about something.
  expect(summed).toBeGreaterThan(3);
});

test("hours and devices stay when the clicks are deleted by age, also of days that nobody had summed", async () => {
  await press(
    click(),
    click({ device: "desktop", at: "2026-03-12T01:00:00.000Z" }),
    click({ is_bot: true, device: "bot" }),
  );
  const before = await answers("2026-03-01");
  await prunePromo(database.pool, { eventDays: 30, timezoneOf });
  expect(await rows("select from promo.promo_click_tracking")).toEqual([]);
  expect(await answers("2026-03-01")).toEqual(before);
  expect(before).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ devices: expect.arrayContaining([{ device: "bot", clicks: 0, rawClicks: 1 }]) }),
    ]),
  );
});

test("a click of a summed day that turns out to be a repeat is no longer in its sums", async () => {
  await press(click({ at: "2026-03-10T17:00:05.000Z", ip_hash: "a", device: "desktop" }));
  await sumClickDays(database.pool, timezoneOf);
  await press(click({ at: "2026-03-10T17:00:00.000Z", ip_hash: "a" }));
  expect(await answers("2026-03-01")).toEqual(await plain("2026-03-01"));
});

test("today's clicks are in the answer at once, before their day is summed and without it", async () => {
  const at = new Date().toISOString();
  await sumClickDays(database.pool, timezoneOf);
  await press(click({ at, device: "tablet" }));
  const scope: Scope = { client: "713", from: "2026-03-01", to: "2100-01-01", offerId: null, variationId: null };
  expect(await readDevices(database.pool, scope)).toEqual([{ device: "tablet", clicks: 1, rawClicks: 1 }]);
  await sumClickDays(database.pool, timezoneOf);
  expect(await rows("select from promo.promo_click_days")).toEqual([]);
  expect(await readDevices(database.pool, scope)).toEqual([{ device: "tablet", clicks: 1, rawClicks: 1 }]);
});

test("each device has its place in the sums, those that nobody knows among the others", async () => {
  const places = await rows<{ device: string; place: number }>(
    "select device, promo.device_place(device) as place from unnest($1::text[]) device",
    [[...devices, "fridge"]],
  );
  expect(places.map(({ device, place }) => devices[place - 1] ?? device)).toEqual([...devices, "other"]);
});

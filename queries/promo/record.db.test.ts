import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Click, Impression } from "../../rules/promo/events.ts";
import { recordClicks, recordImpressions } from "./record.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const counting = { zones: { "713": "America/New_York", acme: "Pacific/Auckland" }, repeatWindowMs: 10_000 };
const noon = Date.parse("2026-03-10T17:00:00Z");
const at = (seconds: number) => new Date(noon + seconds * 1_000).toISOString();

/** Offers 1 and 2 and variations 11, 12 (of 1), 21 (of 2) of client 713; offer 3 and its variation 31 of acme. */
beforeEach(async () => {
  await database.pool.query(`
    truncate promo.promo_offers, promo.promo_text_variations, promo.promo_impression_tracking, promo.promo_impression_repeats,
      promo.promo_click_tracking, promo.promo_performance_metrics;
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'one', 'one', 'https://one.example'), ('713', 2, 'two', 'two', 'https://two.example'),
           ('acme', 3, 'three', 'three', 'https://three.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'a'), ('713', 12, 1, 'b'), ('713', 21, 2, 'c'), ('acme', 31, 3, 'd')`);
});

let made = 0;
const impression = (of: Partial<Impression> = {}): Impression => ({
  event_id: `e${++made}`,
  offer_id: 1,
  variation_id: 11,
  send_id: null,
  recipients: null,
  at: at(0),
  ...of,
});
const click = (of: Partial<Click> = {}): Click => ({
  event_id: `e${++made}`,
  variation_id: 11,
  at: at(0),
  via: "api",
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
const show = (...impressions: Impression[]) => recordImpressions(database.pool, impressions, counting);
const press = (...clicks: Click[]) => recordClicks(database.pool, clicks, counting);

async function rows<Row extends object>(statement: string): Promise<Row[]> {
  return (await database.pool.query<Row>(statement)).rows;
}
const variations = () =>
  rows<{ id: number; impressions: number; clicks: number }>(
    `select id, impressions, clicks, raw_clicks as raw, bot_clicks as bots, repeat_clicks as repeats from promo.promo_text_variations
      where impressions > 0 or raw_clicks > 0 order by id`,
  );

/** Sums of what is stored, three ways: they must be one. */
async function sums() {
  const [rowSums] = await rows(
    `select (select coalesce(sum(recipients), 0)::int from promo.promo_impression_tracking) as impressions,
            (select count(*)::int from promo.promo_click_tracking) as raw,
            (select count(*)::int from promo.promo_click_tracking where is_bot) as bots,
            (select count(*)::int from promo.promo_click_tracking where is_repeat) as repeats,
            (select count(*)::int from promo.promo_click_tracking where not is_repeat and not is_bot) as clicks`,
  );
  const of = async (table: string, prefix: string) =>
    (
      await rows(
        `select coalesce(sum(${prefix}impressions), 0)::int as impressions, coalesce(sum(${prefix}raw_clicks), 0)::int as raw,
                coalesce(sum(${prefix}bot_clicks), 0)::int as bots, coalesce(sum(${prefix}repeat_clicks), 0)::int as repeats,
                coalesce(sum(${prefix}clicks), 0)::int as clicks from promo.${table}`,
      )
    )[0];
  expect(await of("promo_offers", "total_")).toEqual(rowSums);
  expect(await of("promo_text_variations", "")).toEqual(rowSums);
  expect(await of("promo_performance_metrics", "")).toEqual(rowSums);
  return rowSums as { impressions: number; raw: number; bots: number; repeats: number; clicks: number };
}

describe("impressions", () => {
  test("are counted where they belong, on the day of their client's zone", async () => {
    // 03:30 in UTC is the day before in New York, and the day itself in Auckland.
    const late = "2026-03-11T03:30:00.000Z";
    expect(
      await show(impression(), impression({ at: late }), impression({ offer_id: 3, variation_id: 31, at: late })),
    ).toEqual(["counted", "counted", "counted"]);
    expect(
      await rows("select variation_id, date, sends, impressions from promo.promo_performance_metrics order by 1"),
    ).toEqual([
      { variation_id: 11, date: "2026-03-10", sends: 2, impressions: 2 },
      { variation_id: 31, date: "2026-03-11", sends: 1, impressions: 1 },
    ]);
    expect(await sums()).toMatchObject({ impressions: 3 });
  });

  test("of what there is not are named and not counted, and hold up no other", async () => {
    expect(
      await show(
        impression({ variation_id: 999 }),
        impression({ offer_id: 999 }),
        impression({ offer_id: 2 }),
        // Another client's offer is none of this client's.
        impression({ offer_id: 3 }),
        impression(),
      ),
    ).toEqual(["unknown_variation", "unknown_offer", "wrong_offer", "unknown_offer", "counted"]);
    expect(await sums()).toMatchObject({ impressions: 1 });
  });

  test("an event id counts once, whether it comes again at once or later; with other content it is a conflict", async () => {
    const once = impression({ event_id: "same" });
    expect(await show(once, { ...once, at: at(1) }, { ...once, variation_id: 12 })).toEqual([
      "counted",
      "duplicate",
      "conflict",
    ]);
    expect(await show(once, { ...once, recipients: 5 }, { ...once, send_id: "s" })).toEqual([
      "duplicate",
      "conflict",
      "conflict",
    ]);
    // Each client has ids of its own.
    expect(await show(impression({ event_id: "same", offer_id: 3, variation_id: 31 }))).toEqual(["counted"]);
    expect(await sums()).toMatchObject({ impressions: 2 });
  });

  test("a send counts once per variation, whatever ids its reports have", async () => {
    const of = { send_id: "2026-03-10-daily" };
    expect(await show(impression(of), impression(of), impression({ ...of, variation_id: 12 }))).toEqual([
      "counted",
      "repeat",
      "counted",
    ]);
    expect(await show(impression(of))).toEqual(["repeat"]);
    expect(await sums()).toMatchObject({ impressions: 2 });
    expect(await rows("select count(*)::int as rows from promo.promo_impression_tracking")).toEqual([{ rows: 2 }]);
  });

  test("recipients weigh, and a later report of the send corrects them; one that says nothing changes nothing", async () => {
    const of = { send_id: "daily" };
    await show(impression({ ...of, recipients: 100 }));
    await show(impression({ ...of, at: at(10) }));
    expect(await sums()).toMatchObject({ impressions: 100 });
    const correction = impression({ ...of, recipients: 250, at: at(20) });
    expect(await show(correction)).toEqual(["repeat"]);
    expect(await sums()).toMatchObject({ impressions: 250 });
    // Received before the one that holds, and stored after it: it waited in the spool.
    await show(impression({ ...of, recipients: 9, at: at(15) }));
    expect(await sums()).toMatchObject({ impressions: 250 });
    // A known correction sent again is no news, also when another came after it.
    await show(impression({ ...of, recipients: 200, at: at(30) }));
    expect(await show({ ...correction, at: at(40) })).toEqual(["duplicate"]);
    expect(await show({ ...correction, recipients: 1 })).toEqual(["conflict"]);
    expect(await sums()).toMatchObject({ impressions: 200 });
  });

  test("several reports of one send in one batch are one, with the recipients that were received last", async () => {
    const of = { send_id: "daily" };
    await show(
      impression({ ...of, recipients: 5, at: at(3) }),
      impression({ ...of, recipients: 7, at: at(9) }),
      impression({ ...of, at: at(12) }),
      impression({ ...of, recipients: 6, at: at(6) }),
    );
    expect(await sums()).toMatchObject({ impressions: 7 });
    await show(impression({ ...of, recipients: 8, at: at(8) }));
    expect(await sums()).toMatchObject({ impressions: 7 });
  });
});

describe("clicks", () => {
  test("find their offer by their variation, and keep people, bots and repeats apart", async () => {
    expect(
      await press(
        click({ ip_hash: "a" }),
        click({ ip_hash: "a", at: at(10) }),
        click({ ip_hash: "a", at: at(21) }),
        click({ ip_hash: "b", is_bot: true, bot: "Slackbot" }),
        click({ ip_hash: "b", at: at(1) }),
        click({ variation_id: 999 }),
        click(),
        click(),
      ),
    ).toEqual([...Array(5).fill("counted"), "unknown_variation", "counted", "counted"]);
    expect(await variations()).toEqual([{ id: 11, impressions: 0, clicks: 5, raw: 7, bots: 1, repeats: 1 }]);
    expect(await sums()).toEqual({ impressions: 0, raw: 7, bots: 1, repeats: 1, clicks: 5 });
  });

  test("a repeat is one of the same address on the same variation, also in another batch", async () => {
    await press(click({ ip_hash: "a" }));
    await press(click({ ip_hash: "a", at: at(9) }), click({ ip_hash: "a", variation_id: 12, at: at(9) }));
    await press(click({ ip_hash: "a", at: at(18) }), click({ ip_hash: "b", at: at(18) }));
    expect(await sums()).toMatchObject({ clicks: 3, repeats: 2 });
  });

  test("an event sent again at a later moment makes no repeat of the next click", async () => {
    const first = click({ event_id: "again", ip_hash: "a" });
    await press(first);
    expect(await press({ ...first, at: at(15) }, click({ ip_hash: "a", at: at(20) }))).toEqual([
      "duplicate",
      "counted",
    ]);
    expect(await sums()).toMatchObject({ clicks: 2, repeats: 0 });
  });

  test("one that waited in the spool makes a repeat of those that overtook it", async () => {
    await press(click({ ip_hash: "a", at: at(8) }), click({ ip_hash: "a", at: at(30) }));
    await press(click({ ip_hash: "a", at: at(0) }));
    expect(await sums()).toMatchObject({ raw: 3, clicks: 2, repeats: 1 });
  });

  test("an event id counts once; content is compared as far as hashes of one month can be", async () => {
    const once = click({ event_id: "same", body_hash: "2026-03:x", referrer: "mail" });
    expect(await press(once, once)).toEqual(["counted", "duplicate"]);
    expect(
      await press(
        { ...once, body_hash: "2026-03:y" },
        { ...once, body_hash: "2026-04:z" },
        { ...once, referrer: "web" },
        { ...once, variation_id: 12 },
      ),
    ).toEqual(["conflict", "duplicate", "conflict", "conflict"]);
    // Impressions have ids of their own.
    expect(await show(impression({ event_id: "same" }))).toEqual(["counted"]);
    expect(await sums()).toMatchObject({ raw: 1, impressions: 1 });
  });
});

test("rates follow the counters, have no cap, and are null where nothing was shown", async () => {
  await press(click({ ip_hash: "a" }), click({ is_bot: true }));
  const rates = () => rows("select ctr, raw_ctr from promo.promo_text_variations where id = 11");
  expect(await rates()).toEqual([{ ctr: null, raw_ctr: null }]);
  await show(impression());
  expect(await rates()).toEqual([{ ctr: "100.00", raw_ctr: "200.00" }]);
  await show(impression({ recipients: 2 }));
  expect(await rates()).toEqual([{ ctr: "33.33", raw_ctr: "66.67" }]);
});

test("batches of many processes that hold the same offers in other orders neither block each other nor lose a count", async () => {
  const turn = async (process: number) => {
    for (let batch = 0; batch < 6; batch++) {
      const of = [11, 21, 12].map((variation) => ({ variation_id: variation, offer_id: variation === 21 ? 2 : 1 }));
      if (process % 2 === 0) of.reverse();
      const outcomes = await (batch % 2 === 0
        ? show(...of.map((one) => impression(one)))
        : press(...of.map(({ variation_id }) => click({ variation_id, ip_hash: `${process}/${batch}` }))));
      expect(outcomes).toEqual(["counted", "counted", "counted"]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, process) => turn(process)));
  expect(await sums()).toMatchObject({ impressions: 72, raw: 72, clicks: 72 });
});

test("one event id that many send at once counts once", async () => {
  const once = { event_id: "race", ip_hash: "a" };
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => press(click(once))));
  expect(outcomes.flat().sort()).toEqual(["counted", ...Array(7).fill("duplicate")]);
  // Of two offers: neither waits for the other's lock, and the key decides.
  const raced = await Promise.all(
    Array.from({ length: 8 }, (_, turn) =>
      show(impression({ event_id: "offers", ...(turn % 2 === 0 ? {} : { offer_id: 2, variation_id: 21 }) })),
    ),
  );
  expect(raced.flat().filter((outcome) => outcome === "counted")).toHaveLength(1);
  expect(await sums()).toMatchObject({ raw: 1, impressions: 1 });
});

const forgetAll = () =>
  database.pool.query(
    `truncate promo.promo_impression_tracking, promo.promo_impression_repeats, promo.promo_click_tracking, promo.promo_performance_metrics;
     update promo.promo_text_variations set impressions = 0, clicks = 0, raw_clicks = 0, bot_clicks = 0, repeat_clicks = 0;
     update promo.promo_offers set total_impressions = 0, total_clicks = 0, total_raw_clicks = 0, total_bot_clicks = 0, total_repeat_clicks = 0`,
  );
const inOrder =
  (order: readonly number[]) =>
  <Item>(items: Item[]): Item[] =>
    items
      .map((item, place) => ({ item, key: order[place] ?? 0 }))
      .sort((a, b) => a.key - b.key)
      .map(({ item }) => item);

test("each day knows its last send and the clicks before its first one, however late and in whatever order they are stored", async () => {
  const some = fc.array(
    fc.record({
      // Few hours, so that clicks fall into the seconds of a repeat.
      hour: fc.constantFrom(0, 1, 20, 24, 60, 61),
      what: fc.constantFrom("send", "click", "click", "bot"),
      person: fc.constantFrom("a", "b", null),
      variation: fc.constantFrom(11, 12),
    }),
    { maxLength: 16 },
  );
  let run = 0;
  let early = 0;
  let alone = 0;
  await fc.assert(
    fc.asyncProperty(some, fc.array(fc.nat()), fc.integer({ min: 1, max: 6 }), async (events, order, size) => {
      await forgetAll();
      const all = events.map(({ hour, what, person, variation: variation_id }, place) => {
        const of = { event_id: `c${++run}`, at: at(hour * 3_600 + place), variation_id };
        return what === "send"
          ? { shown: impression({ ...of, send_id: of.event_id }) }
          : { pressed: click({ ...of, ip_hash: person, is_bot: what === "bot" }) };
      });
      const stored = inOrder(order)(all);
      for (let start = 0; start < stored.length; start += size) {
        const batch = stored.slice(start, start + size);
        await press(...batch.flatMap(({ pressed }) => pressed ?? []));
        await show(...batch.flatMap(({ shown }) => shown ?? []));
      }
      const days = await rows<{ early: number; cohort: string | null; isSame: boolean }>(
        `select m.clicks_before_send as early, m.cohort,
                (m.cohort, m.first_sent_at) is not distinct from (
                  (select max(i.tracked_date) from promo.promo_impression_tracking i where i.variation_id = m.variation_id and i.tracked_date <= m.date),
                  (select min(i.tracked_at) from promo.promo_impression_tracking i where i.variation_id = m.variation_id and i.tracked_date = m.date))
                and m.clicks_before_send = (
                  select count(*) from promo.promo_click_tracking c
                   where c.variation_id = m.variation_id and c.clicked_date = m.date and not c.is_bot and not c.is_repeat and c.clicked_at < m.first_sent_at)
                and (m.clicks_before_send = 0 or m.cohort_before is not distinct from (
                  select max(i.tracked_date) from promo.promo_impression_tracking i where i.variation_id = m.variation_id and i.tracked_date < m.date)) as "isSame"
           from promo.promo_performance_metrics m`,
      );
      expect(days.filter(({ isSame }) => !isSame)).toEqual([]);
      early += days.filter((day) => Number(day.early) > 0).length;
      alone += days.filter(({ cohort }) => cohort !== null).length;
    }),
    { numRuns: 60 },
  );
  // It has been about something.
  expect(early).toBeGreaterThan(5);
  expect(alone).toBeGreaterThan(20);
});

test("a click before the day's first send that turns out to be a repeat is none of those before it", async () => {
  await show(impression({ at: at(7_200) }));
  await press(click({ at: at(3_605), ip_hash: "a" }));
  await press(click({ at: at(3_600), ip_hash: "a" }), click({ at: at(7_300), ip_hash: "b" }));
  expect(await rows("select clicks, clicks_before_send as early from promo.promo_performance_metrics")).toEqual([
    { clicks: 2, early: 1 },
  ]);
});

test("what is counted follows from the events, not from the order or the batches in which they are stored", async () => {
  const some = fc.array(
    fc.record({
      second: fc.integer({ min: 0, max: 60 }),
      person: fc.constantFrom("a", "b"),
      variation: fc.constantFrom(11, 12),
      isBot: fc.boolean(),
      send: fc.constantFrom("s", "t"),
      recipients: fc.option(fc.integer({ min: 1, max: 50 })),
    }),
    { maxLength: 12 },
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(some, fc.array(fc.nat()), fc.integer({ min: 1, max: 5 }), async (events, order, size) => {
      const clicks = events.map(({ second, person, variation, isBot }, place) =>
        click({
          event_id: `m${++run}`,
          at: at(second + place / 1_000),
          ip_hash: person,
          variation_id: variation,
          is_bot: isBot,
        }),
      );
      const shown = events.map(({ second, variation, send, recipients }, place) =>
        impression({
          event_id: `m${++run}`,
          at: at(second + place / 1_000),
          variation_id: variation,
          send_id: send,
          recipients,
        }),
      );
      await forgetAll();
      const shuffled = inOrder(order);
      for (let start = 0; start < events.length; start += size) {
        await press(...shuffled(clicks).slice(start, start + size));
        await show(...shuffled(shown).slice(start, start + size));
      }
      const people = clicks.filter((one) => !one.is_bot);
      const repeats = people.filter((one) =>
        people.some(
          (other) =>
            other.ip_hash === one.ip_hash &&
            other.variation_id === one.variation_id &&
            other.at < one.at &&
            Date.parse(one.at) - Date.parse(other.at) <= counting.repeatWindowMs,
        ),
      );
      const sends = new Map<string, Impression[]>();
      for (const one of shown) {
        const key = `${one.send_id}/${one.variation_id}`;
        sends.set(key, [...(sends.get(key) ?? []), one]);
      }
      const impressions = [...sends.values()].reduce((sum, reports) => {
        const last = reports
          .filter(({ recipients }) => recipients !== null)
          .sort((a, b) => a.at.localeCompare(b.at))
          .at(-1);
        return sum + (last?.recipients ?? 1);
      }, 0);
      expect(await sums()).toEqual({
        impressions,
        raw: clicks.length,
        bots: clicks.length - people.length,
        repeats: repeats.length,
        clicks: people.length - repeats.length,
      });
    }),
    { numRuns: 25 },
  );
});

test("a batch reads the days of its own variations alone, also where its plan was made while the tables were empty", async () => {
  const many = Array.from({ length: 60 }, (_, place) => 100 + place);
  const session = await database.pool.connect();
  try {
    await session.query(
      `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content) select '713', id, 1, 'e' from unnest($1::integer[]) id`,
      [many],
    );
    const batches = [
      () =>
        recordImpressions(
          session,
          many.map((variation_id) => impression({ variation_id })),
          counting,
        ),
      () =>
        recordClicks(
          session,
          many.map((variation_id) => click({ variation_id })),
          counting,
        ),
      // Of a day before those that are stored.
      () =>
        recordImpressions(
          session,
          many.map((variation_id) => impression({ variation_id, at: at(-86_400) })),
          counting,
        ),
    ];
    for (const batch of batches) await batch();
    await session.query(
      `insert into promo.promo_performance_metrics (_client_id, variation_id, offer_id, date)
       select '713', id, 1, date '2026-01-01' - day from unnest($1::integer[]) id cross join generate_series(1, 100) day`,
      [many],
    );
    const read = async () => {
      const { rows: read } = await session.query<{ rows: number }>(
        `select sum(seq_tup_read + idx_tup_fetch)::integer as rows from pg_stat_xact_user_tables
          where relname in ('promo_performance_metrics', 'promo_text_variations')`,
      );
      return Number(read[0]?.rows);
    };
    for (const batch of batches) {
      await session.query("begin");
      const before = await read();
      expect(new Set(await batch())).toEqual(new Set(["counted"]));
      expect((await read()) - before).toBeLessThan(20 * many.length);
      await session.query("rollback");
    }
  } finally {
    session.release();
  }
});

test("one id for two sends in one batch counts once, whichever of them was reported before", async () => {
  await show(impression({ send_id: "known" }));
  const outcomes = await show(
    impression({ event_id: "two", send_id: "known" }),
    impression({ event_id: "two", send_id: "new" }),
    impression({ event_id: "two", send_id: "new" }),
  );
  expect(outcomes).toEqual(["conflict", "counted", "duplicate"]);
  expect(await show(impression({ event_id: "two", send_id: "new" }))).toEqual(["duplicate"]);
  expect(await sums()).toMatchObject({ impressions: 2 });
});

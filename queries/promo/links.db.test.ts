import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Click } from "../../rules/promo/events.ts";
import { inTransaction, type Queryable } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { recordClicks } from "./record.ts";
import { prunePromo } from "./retention.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
    values ('713', 1, 'one', 'one', 'https://one.example'), ('713', 2, 'two', 'two', 'https://two.example'), ('acme', 3, 'three', 'three', 'https://three.example');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
    values ('713', 11, 1, 'a'), ('713', 21, 2, 'b'), ('acme', 31, 3, 'c')`);
});
afterAll(() => database.drop());

const forget = () =>
  database.pool.query(
    "truncate promo.promo_click_tracking, promo.promo_performance_metrics, promo.promo_conversion_clicks, everflow.conversions, anytrack.conversions",
  );

let made = 0;
async function press(clickId: string | null, of: Partial<Click> = {}): Promise<void> {
  const click: Click = {
    event_id: `e${++made}`,
    variation_id: 11,
    at: "2026-03-10T17:00:00.000Z",
    via: "redirect",
    click_id: clickId,
    referrer: null,
    device: "mobile",
    bot: null,
    is_bot: false,
    ip_hash: null,
    body_hash: null,
    agent: null,
    ...of,
  };
  expect(await recordClicks(database.pool, [click], { zones: {}, repeatWindowMs: 10_000 })).toEqual(["counted"]);
}

interface Converted {
  id: string;
  client?: string;
  status?: string;
  subs: readonly (string | null)[];
}
const everflow = ({ id, client = "713", status = "approved", subs }: Converted, session: Queryable = database.pool) =>
  session.query(
    `insert into everflow.conversions as c (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, sub1, sub2, sub3, sub4, sub5, _slice, _run_id)
     values ($1, $2, '2026-03-11', now(), $3, false, '7', 'USD', 10, 15, $4, $5, $6, $7, $8, '2026-03-11', 'r')
     on conflict (_client_id, conversion_id) do update
        set status = excluded.status, sub1 = excluded.sub1, sub2 = excluded.sub2, sub3 = excluded.sub3, sub4 = excluded.sub4, sub5 = excluded.sub5`,
    [client, id, status, ...Array.from({ length: 5 }, (_, place) => subs[place] ?? null)],
  );
const anytrack = (id: string, clickId: string | null) =>
  database.pool.query(
    `insert into anytrack.conversions as a (_client_id, conversion_key, type, click_id, revenue, currency, event_time, version, date, seen_by_pull_at, _run_id, origin)
     values ('713', $1, 'SALE', $2, 7, 'USD', now(), now(), '2026-03-11', now(), 'r', 'real')
     on conflict (_client_id, conversion_key) do update set click_id = excluded.click_id`,
    [id, clickId],
  );

const answer =
  "select feed, _client_id, conversion_id, click_id, offer_id, variation_id, clicked_date from promo.clicked_conversions order by 1, 2, 3";
/** By looking for everything, each time. */
const lookedUp = `
  select 'everflow' as feed, _client_id, conversion_id, click_id, offer_id, variation_id, clicked_date
    from (select e._client_id, e.conversion_id, c.click_id, c.offer_id, c.variation_id, c.clicked_date, row_number() over (partition by e._client_id, e.conversion_id order by s.place) as turn
            from everflow.conversions e
           cross join lateral (values (1, e.sub1), (2, e.sub2), (3, e.sub3), (4, e.sub4), (5, e.sub5)) s(place, value)
            join promo.promo_click_tracking c on c._client_id = e._client_id and c.click_id = s.value
           where e.status = 'approved') found where turn = 1
   union all
  select 'anytrack', a._client_id, a.conversion_key, c.click_id, c.offer_id, c.variation_id, c.clicked_date
    from anytrack.conversions a join promo.promo_click_tracking c on c._client_id = a._client_id and c.click_id = a.click_id
   where not exists (select from everflow.conversions e where e._client_id = a._client_id and e.status = 'approved' and a.click_id in (e.sub1, e.sub2, e.sub3, e.sub4, e.sub5))
   order by 1, 2, 3`;
const rows = async (statement: string) => (await database.pool.query<Record<string, unknown>>(statement)).rows;

test("conversions have the clicks that looking for each would find, in whatever order both come, change and go, and keep them when clicks are deleted by age", async () => {
  const clickId = fc.constantFrom("x", "y", "y", "nobody's", null);
  const steps = fc.array(
    fc.oneof(
      fc.record({
        step: fc.constant("click" as const),
        clickId: fc.constantFrom("x", "y"),
        of: fc.constantFrom(11, 21, 31),
      }),
      fc.record({
        step: fc.constant("everflow" as const),
        id: fc.constantFrom("e1", "e2"),
        client: fc.constantFrom("713", "713", "acme"),
        status: fc.constantFrom("approved", "approved", "pending"),
        subs: fc.array(clickId, { minLength: 5, maxLength: 5 }),
      }),
      fc.record({ step: fc.constant("anytrack" as const), id: fc.constantFrom("a1", "a2"), clickId }),
      fc.record({ step: fc.constant("withdraw" as const), id: fc.constantFrom("e1", "a1") }),
    ),
    { minLength: 4, maxLength: 12 },
  );
  let found = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      await forget();
      const clicked = new Set<string>();
      for (const one of taken) {
        if (one.step === "everflow") await everflow(one);
        else if (one.step === "anytrack") await anytrack(one.id, one.clickId);
        else if (one.step === "withdraw")
          await database.pool.query(
            one.id === "e1"
              ? "delete from everflow.conversions where conversion_id = 'e1'"
              : "delete from anytrack.conversions where conversion_key = 'a1'",
          );
        else {
          // A click id is given once.
          const once = `${one.clickId}/${one.of === 31 ? "acme" : "713"}`;
          if (!clicked.has(once)) await press(one.clickId, { variation_id: one.of });
          clicked.add(once);
        }
      }
      const told = await rows(answer);
      expect(told).toEqual(await rows(lookedUp));
      found += told.length;
      await prunePromo(database.pool, { eventDays: 30, timezoneOf: () => undefined });
      expect(await rows("select from promo.promo_click_tracking")).toEqual([]);
      expect(await rows(answer)).toEqual(told);
    }),
    { numRuns: 50 },
  );
  // It has been about something.
  expect(found).toBeGreaterThan(20);
});

test("a conversion that is restated keeps its click, also when that was deleted by age", async () => {
  await forget();
  await press("x");
  await everflow({ id: "e1", subs: ["x"] });
  await prunePromo(database.pool, { eventDays: 30, timezoneOf: () => undefined });
  await everflow({ id: "e1", subs: ["x", "y"], status: "pending" });
  expect(await rows(answer)).toEqual([]);
  await everflow({ id: "e1", subs: ["x", "y"] });
  expect(await rows(answer)).toMatchObject([{ click_id: "x", variation_id: 11 }]);
  await everflow({ id: "e1", subs: ["y"] });
  expect(await rows(answer)).toEqual([]);
});

test("a click that waited in the spool waits for a conversion that is just being stored, and has it", async () => {
  await forget();
  const waiting =
    "select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
  let pressed: Promise<void> | undefined;
  await inTransaction(database.pool, async (session) => {
    await everflow({ id: "e1", subs: ["x"] }, session);
    pressed = press("x");
    while ((await rows(waiting)).length === 0) await new Promise(setImmediate);
    // Nobody else has to wait.
    await press(null);
    await press("fresh", { at: new Date().toISOString() });
    expect(await rows(waiting)).toHaveLength(1);
  });
  await pressed;
  expect(await rows(answer)).toMatchObject([{ conversion_id: "e1", click_id: "x" }]);
});

test("conversions that were stored before this was written down have their clicks once it is", async () => {
  await forget();
  for (const table of ["everflow.conversions", "anytrack.conversions"])
    for (const trigger of ["links_promo_clicks", "relinks_promo_clicks", "unlinks_promo_clicks"])
      await database.pool.query(`drop trigger ${trigger} on ${table}`);
  await press("x");
  await press("y", { variation_id: 21 });
  await everflow({ id: "e1", subs: [null, "y"] });
  await anytrack("a1", "x");
  expect(await rows(answer)).toEqual([]);
  await database.pool.query(await readFile(new URL("../../schema/views/promo-links.sql", import.meta.url), "utf8"));
  expect(await rows(answer)).toMatchObject([
    { conversion_id: "a1", click_id: "x", offer_id: 1 },
    { conversion_id: "e1", click_id: "y", offer_id: 2 },
  ]);
  await everflow({ id: "e2", subs: ["x"] });
  expect(await rows(answer)).toHaveLength(2);
});

test("what our own affiliates cost is what the figures of cost say, in several currencies, origins and labels", async () => {
  // Affiliate 0 by its id, 1 by its label, 2 and 3 share an internal label, 4 and the rest are of others.
  await database.pool.query(`
    insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
    values ('713', 's0', '0', 'label 0', true, 'test'), ('713', 's1', null, 'label 1', true, 'test'), ('713', 's2', null, 'shared', true, 'test'),
           ('713', 's4', '4', 'label 4', false, 'test'), ('713', 's5', '0', 'label 0', true, 'test'), ('acme', 's0', '5', 'label 5', true, 'test');
    insert into public.account_currency (_client_id, vendor, currency) values ('713', 'redtrack', 'EUR') on conflict do nothing;
    insert into ops.slices (_client_id, source, slice, day, timezone, origin)
    select '713', source, date '2026-03-01' + d, date '2026-03-01' + d, 'UTC', (array['real', 'sandbox'])[1 + d % 2]
      from generate_series(0, 11) d cross join unnest(array['everflow.daily_stats', 'redtrack.daily_spend']) source where d % 3 > 0;
    select setseed(0.5);
    insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
    select '713', date '2026-03-01' + d, a, case when a in ('2', '3') then 'shared' else 'label ' || a end, '1', o::text, c, 1,
           (random() * 2)::integer, case when random() < 0.5 then 0 else 3.5 end, case when random() < 0.5 then 0 else 8.25 end, 0, 0,
           (date '2026-03-01' + case when random() < 0.8 then d else 0 end)::text, 'test'
      from generate_series(0, 11) d cross join unnest(array['0', '1', '2', '3', '4', '5']) a cross join unnest(array['EUR', 'USD']) c cross join generate_series(1, 2) o
     where random() < 0.6;
    insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
    select '713', date '2026-03-01' + d, s, s, 5, 0, case when random() < 0.2 then 0 else 10.01 end, (date '2026-03-01' + d)::text, 'test'
      from generate_series(0, 11) d cross join unnest(array['s0', 's1', 's2', 's4', 's5']) s where random() < 0.8`);
  const ordered = async (statement: string) => (await database.pool.query(`${statement} order by 1, 2, 3, 4`)).rows;
  const figures = await ordered(
    `select date, affiliate_id, currency, origin = 'sandbox' as is_sandbox, across_currencies, rt_spend, ef_conversions
       from promo.own_costs where _client_id = '713' and is_internal and date between '2026-03-02' and '2026-03-10'`,
  );
  expect(await ordered("select * from promo.own_costs_of('713', '2026-03-02', '2026-03-10')")).toEqual(figures);
  expect(new Set(figures.map((row) => row.affiliate_id))).toEqual(new Set(["0", "1", "2", "3"]));
  expect(new Set(figures.map((row) => `${row.is_sandbox} ${row.across_currencies}`)).size).toBe(4);
});

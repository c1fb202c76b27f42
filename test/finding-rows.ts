import { addDays } from "../core/days.ts";
import type { Database } from "../schema/database.ts";

/** What is planted among the rows, as identities of findings. */
export const plantedFindings = [
  "click_times affiliate/3",
  "clicks_without_spend source/s2",
  "paid_twice affiliate/5/USD",
  "paid_twice affiliate/7/USD",
  "parted_ways source/s3",
  "repeat_addresses anytrack/a2",
  "spend_without_clicks source/s1",
];

interface Of {
  /** The last final day. */
  to: string;
  client?: string;
  origin?: "real" | "sandbox";
}

/**
 * Ninety final days of Redtrack and Everflow, and conversions of AnyTrack: eight affiliates, six sources and six of AnyTrack's
 * affiliates that are alike, but for what is planted.
 */
export async function putFindingRows(database: Database, { to, client = "713", origin = "real" }: Of): Promise<void> {
  const from = addDays(to, -89);
  const month = addDays(to, -27);
  await database.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final, outcome, content_hash, origin)
     select $1, s.source, d::date::text, d::date, 'America/New_York', true, 'committed', md5(d::text), $4
       from generate_series($2::date, $3::date, interval '1 day') d, (values ('redtrack.daily_spend'), ('everflow.daily_stats'), ('everflow.conversions')) s(source)`,
    [client, from, to, origin],
  );
  // Half of affiliate 3's come at once; all others a quarter of an hour to a day after the click.
  await database.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, clicked_at, status, is_event, affiliate_id, affiliate_name, currency, payout, revenue, order_id, transaction_id, _slice, _run_id)
     select $1, format('c-%s-%s', a, n), d.day, d.at, d.at - case when a = 3 and n % 2 = 0 then interval '12 seconds' else interval '1 second' * (900 + (n * 7919 + a * 104729) % 80000) end,
            'approved', false, a::text, 'Partner ' || a, 'USD', 10 + a + 0.255, 40, format('Order-%s-%s', a, n), format('t-%s-%s', a, n), d.day::text, 'run'
       from generate_series(1, 8) a, generate_series(1, 120) n
      cross join lateral (select ($2::date + n % 28) as day, ($2::date + n % 28) + time '12:00' + interval '1 second' * (a * 1000 + n) as at) d`,
    [client, month],
  );
  // Two orders of affiliate 6 are paid to affiliate 7 as well, and an event after the order is no second payment.
  await database.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, clicked_at, status, is_event, event, affiliate_id, affiliate_name, currency, payout, revenue, order_id, transaction_id, _slice, _run_id)
     select _client_id, 'again-' || conversion_id, date, converted_at + interval '1 hour', clicked_at, 'approved', false, null, '7', 'Partner 7', 'USD', 21.5, 40, upper(order_id), 'again-' || transaction_id, _slice, 'run'
       from everflow.conversions where _client_id = $1 and conversion_id in ('c-6-1', 'c-6-2')
      union all
     select _client_id, 'event-' || conversion_id, date, converted_at + interval '1 minute', clicked_at, 'approved', true, 'Upsell', affiliate_id, affiliate_name, 'USD', 2, 4, order_id, transaction_id, _slice, 'run'
       from everflow.conversions where _client_id = $1 and affiliate_id = '8' and conversion_id like 'c-8-1%'`,
    [client],
  );
  // AnyTrack tracks a shop of its own; three of its orders are paid by Everflow too.
  await database.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, order_id, revenue, currency, source, affiliate_id, visitor, event_time, version, date, seen_by_webhook_at, _run_id, origin)
     select $1, 'order:' || o.order_id, 'SALE', o.order_id, o.revenue, 'USD', 'facebook', null, null, o.at, o.at, o.at::date, o.at, 'run', $3
       from (select case when n <= 3 then format(' #ORDER-5-%s', n) else format('shop-%s', n) end as order_id, case when n = 1 then 9.99 else 80 end as revenue, $2::date + n % 28 + time '15:00' as at
               from generate_series(1, 60) n) o`,
    [client, month, origin],
  );
  await database.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, revenue, currency, affiliate_id, visitor, event_time, version, date, seen_by_webhook_at, _run_id, origin)
     select $1, format('lead-%s-%s', a, n), 'LEAD', 3, 'USD', 'a' || a, format('v-%s-%s', a, case when a = 2 and n > 60 then n - 60 when n = 50 then 49 else n end), t.at, t.at, t.at::date, t.at, 'run', $3
       from generate_series(1, 6) a, generate_series(1, 100) n cross join lateral (select $2::date + n % 28 + time '16:00' + interval '1 minute' * n as at) t`,
    [client, month, origin],
  );
  await putSpend(database, { client, to });
}

/** Six sources: one day of s1 has no clicks, one of s2 no spend, and one of s3 a tenth of its conversions. */
async function putSpend(database: Database, { client, to }: { client: string; to: string }): Promise<void> {
  await database.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     select $1, d.day, 's' || s, 'Source ' || s, case when s = 1 and d.day = $2::date - 3 then 0 else u.clicks end,
            case when s = 3 and d.day = $2::date - 5 then 4 else u.clicks / 20 end, case when s = 2 and d.day = $2::date - 4 then 0 else u.cost end, d.day::text, 'run'
       from generate_series(1, 6) s, generate_series(0, 55) n
      cross join lateral (select $2::date - n as day) d
      cross join lateral (select 900 + (n * 37 + s * 11) % 200 as clicks, 400 + (n * 29 + s * 7) % 60 + 0.12 as cost) u`,
    [client, to],
  );
}

import { readFile } from "node:fs/promises";
import { addDays } from "../core/days.ts";
import type { Database } from "../schema/database.ts";

export const affiliates = 60;
export const internals = 12;
export const offers = 3;
export const sources = 200;
const days = 365;
/** So long ago each hour of a day is in the ledger; of older days, what was read after their end. */
const hourlyDays = 60;
const firstHour = 7;
const wholeReading = 20;

interface World {
  client: string;
  today: string;
  conversions: number;
}

/**
 * A year as pulls leave it: Redtrack's spend, Everflow's statistics and conversions, receipts, and the ledger. A fifth of all rows
 * restated after their day was first read whole. Written without the triggers, so that the sums are then filled as an upgrade fills them.
 */
export async function fillYear(to: Database, { client, today, conversions }: World): Promise<void> {
  const first = addDays(today, -days);
  await to.query(triggersOff);
  await to.query(
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, redtrack_source_name, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
     select $1, 's' || n, 'Source ' || n, (1000 + n % $2)::text, 'Affiliate ' || n % $2, n % $2 < $3, 'bench' from generate_series(1, $4::int) n`,
    [client, affiliates, internals, sources],
  );
  await to.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, offer_name, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     select $1, d.day, (1000 + n)::text, 'Affiliate ' || n, 'a', o::text, 'Offer ' || o, 'USD', 200 + (n * 7 + o + d.at) % 90, k.conversions, k.conversions * (20 + (d.at * 3 + n) % 9), k.conversions * (45 + (d.at + n) % 11), 0, 0, d.day::text, 'r'
       from (select $2::date + n as day, n as at from generate_series(0, $3::int) n) d, generate_series(0, $4::int - 1) n, generate_series(1, $5::int) o
      cross join lateral (select $6::int / ($3 * $4 * $5) - 5 + (d.at * 5 + n * 3 + o) % 11 as conversions) k`,
    [client, first, days, affiliates, offers, conversions],
  );
  await to.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, revenue, _slice, _run_id)
     select $1, d.day, 's' || n, 'Source ' || n, 150 + (n * 3 + d.at) % 70, (n + d.at) % 9, 90 + (n * 11 + d.at * 7) % 60 + 0.255, 120, d.day::text, 'r'
       from (select $2::date + n as day, n as at from generate_series(0, $3::int) n) d, generate_series(1, $4::int) n`,
    [client, first, days, sources],
  );
  await to.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, offer_id, currency, payout, revenue, transaction_id, _slice, _run_id)
     select $1, md5(n::text), d.day, d.day + interval '12 hours', 'approved', false, (1000 + n % $4)::text, 'Affiliate ' || n % $4, (1 + n % 3)::text, 'USD', 20, 45, 'tx' || n, d.day::text, 'r'
       from generate_series(1, $2::int) n cross join lateral (select $3::date + (n::bigint * $5::int / ($2::int + 1))::int as day) d`,
    [client, conversions, first, affiliates, days],
  );
  await to.query(readingsOfYear, [client, first, days, hourlyDays, firstHour, wholeReading]);
  await to.query("select setval('ops.fetch_seq', 1000000)");
  await to.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, fetch_seq, fetched_at, is_final, outcome, origin)
     select distinct on (r.source, r.slice) r._client_id, r.source, r.slice, r.slice::date, r.timezone, r.receipt_id, r.fetch_seq, r.fetched_at, r.fetched_at > (r.slice::date + 1)::timestamp at time zone r.timezone, r.outcome, 'real'
       from ops.receipts r where r._client_id = $1 order by r.source, r.slice, r.fetch_seq desc`,
    [client],
  );
  const ledger = (table: string, key: string, content: string) =>
    to.query(
      `insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
       select $1, '${table}', r.slice, ${key}, case when b.share is null then 'first' else 'changed' end, case when b.share is not null then ${content.replaceAll("?", "b.share")} end, ${content.replaceAll("?", "r.share")}, r.fetch_seq, 'r'
         from (select slice, fetch_seq, (total)::numeric as share, lag(total::numeric) over (partition by slice order by fetch_seq) as earlier from ops.receipts where _client_id = $1 and source = '${table}') r
        cross join lateral (select r.earlier as share) b
         join ${table} t on t._client_id = $1 and t._slice = r.slice
        where b.share is null or b.share < 0.9 or hashtext(t::text) % 5 = 0`,
      [client],
    );
  await ledger(
    "everflow.daily_stats",
    "jsonb_build_object('date', t.date, 'affiliate_id', t.affiliate_id, 'advertiser_id', t.advertiser_id, 'offer_id', t.offer_id, 'currency', t.currency)",
    "jsonb_build_object('affiliate_name', t.affiliate_name, 'offer_name', t.offer_name, 'clicks', t.clicks, 'conversions', round(t.conversions * ?)::int, 'payout', round(t.payout * ?, 6), 'revenue', round(t.revenue * ?, 6))",
  );
  await ledger(
    "redtrack.daily_spend",
    "jsonb_build_object('date', t.date, 'source_id', t.source_id)",
    "jsonb_build_object('source_name', t.source_name, 'clicks', t.clicks, 'conversions', t.conversions, 'cost', round(t.cost * ?, 6), 'revenue', t.revenue)",
  );
}

/** What an upgrade does with what is there. */
export async function fillSums(to: Database): Promise<void> {
  await to.query(await readFile(new URL("../schema/views/leaf-sums.sql", import.meta.url), "utf8"));
}

const triggersOff = `
  drop trigger feed_readings_kept on ops.receipts;
  drop trigger readings_forgotten on ops.slices;
  do $$
  declare feed text; name text;
  begin
    foreach feed in array array['redtrack.daily_spend', 'redtrack.campaign_spend', 'everflow.daily_stats'] loop
      foreach name in array array['inserted', 'updated', 'deleted', 'truncated'] loop
        execute format('drop trigger leaves_%s on %s', name, feed);
      end loop;
    end loop;
  end $$`;

/** While a day runs, what is known of it grows by the hour (in total: its share); after its end 95 % of a fifth of the rows are, later all. */
const readingsOfYear = `
  insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, committed_at, outcome, pages, fetched, inserted, updated, unchanged, withdrawn, quarantined, quarantined_total, total,
                            content_hash, run_id, workflow_id, workflow_run_id, attempt, origin)
  select $1, f.source, (d.day)::text, 'America/New_York', (d.at * 2 + f.place) * 100 + k.place, m.at, m.at, 'changed', 1, 1, 1, 0, 0, 0, 0, 0, k.share, 'h', 'r', 'w', 'w', 1, 'real'
    from (select $2::date + n as day, n as at from generate_series(0, $3::int) n) d
   cross join (values ('everflow.daily_stats', 0), ('redtrack.daily_spend', 1)) f(source, place)
   cross join lateral (
         select h as place, 0.05 * h as share, d.day + ($5::int - 1 + h) * interval '1 hour' as read_at from generate_series(1, case when d.at = $3 then 10 when d.at > $3 - $4::int then 17 else 0 end) h
          union all
         select $6::int, 0.95, d.day + interval '31 hours' where d.at < $3
          union all
         select $6::int + 1, 1, d.day + interval '79 hours' where d.at < $3 - 3) k
   cross join lateral (select k.read_at at time zone 'America/New_York' as at) m`;

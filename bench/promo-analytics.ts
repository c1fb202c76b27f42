// GET /analytics over a million impressions and 100,000 clicks, as its callers see it: a real API on a real Postgres, asked
// over HTTP with nothing remembered between two requests; beside the document's plain queries, which count the events.
// npm run bench:promo-analytics -- [impressions] [clicks] [requests of each]
import path from "node:path";
import type { Database } from "../schema/database.ts";
import { sumClickDays } from "../queries/promo/click-days.ts";
import { table } from "../scripts/shared/printing.ts";
import { measure, startApiBench } from "./api-bench.ts";

const [impressions = 1_000_000, clicks = 100_000, requests = 30] = process.argv.slice(2).map(Number);
const client = "713";
const offers = 20;
const variations = 100;
const aimMs = 50;

/** The document's: its queries 1 to 3, and the counts "from the tracking table" that its third flow names. */
const plainQueries = [
  [
    "query 1, counters of offers",
    `select o.id, o.name, o.offer_type, o.total_impressions, o.total_clicks, o.ctr, count(distinct v.id), max(v.ctr)
       from promo.promo_offers o left join promo.promo_text_variations v on v.offer_id = o.id and v.approved
      where o.total_impressions > 0 group by o._client_id, o.id order by o.ctr desc nulls last`,
  ],
  [
    "query 2, counters of variations",
    `select v.id, o.name, left(v.text_content, 50), v.impressions, v.clicks, v.ctr from promo.promo_text_variations v
       join promo.promo_offers o on o.id = v.offer_id where v.approved and v.impressions > 0 order by v.ctr desc nulls last, v.impressions desc`,
  ],
  ["query 3, events of 30 days per day and offer", timeline(30)],
  ["query 3, of 365 days", timeline(365)],
  ["counts per variation of one offer, 30 days", counted("where offer_id = 4 and", 30)],
  ["counts per variation of all offers, 365 days", counted("where", 365)],
] as const;

const bench = await startApiBench("promo", client);
const { database } = bench;
let isSlow = true;
try {
  const began = performance.now();
  await fill(database);
  console.log(`${impressions} impressions, ${clicks} clicks in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const get = await bench.startApi({
    PROMO_ANALYTICS_PER_MINUTE: "1000000",
    PROMO_ANALYTICS_CACHE_SECONDS: "0",
    PROMO_SPOOL_DIR: path.join(bench.folder, "spool"),
  });

  const all = "include_variations=true&include_timeline=true";
  const routes = [
    ["summary and offers, 30 days", "days=30"],
    ["one offer, its variations and days, 30 days", `offer_id=4&days=30&${all}`],
    ["all offers, variations and days, 90 days", `days=90&${all}`],
    ["the same, 365 days", `days=365&${all}`],
    ["the same, all time", `days=all&${all}`],
    ["cohorts, 30 days", "days=30&include_cohorts=true"],
    ["cohorts, all time", "days=all&include_cohorts=true"],
    ["devices and hours, 30 days", "days=30&include_devices=true&include_hours=true"],
    ["devices and hours, all time", "days=all&include_devices=true&include_hours=true"],
    ["funnel, 30 days", "days=30&include_funnel=true"],
    ["funnel, all time", "days=all&include_funnel=true"],
    [
      "everything, 30 days",
      `days=30&${all}&include_cohorts=true&include_devices=true&include_hours=true&include_funnel=true`,
    ],
  ].map(([name = "", query = ""]) => ({ name, ask: () => get(`/api/v1/promo/analytics?${query}`) }));
  const plain = plainQueries.map(([name, sql]) => ({ name: `plain: ${name}`, ask: () => database.query(sql) }));
  const rows: (string | number)[][] = [];
  for (const { name, ask } of [...routes, ...plain]) {
    const { median, p99 } = await measure(ask, requests);
    const isOurs = !name.startsWith("plain");
    rows.push([name, median.toFixed(1), p99.toFixed(1), isOurs ? (median < aimMs ? "ok" : "SLOW") : ""]);
  }
  console.log(table(["what", "median ms", "p99 ms", `under ${aimMs} ms`], rows).join("\n"));
  isSlow = rows.some((row) => row.at(-1) === "SLOW");
} finally {
  await bench.stop();
}
process.exit(isSlow ? 1 : 0);

async function fill(database: Database): Promise<void> {
  // A year of events, more of them lately and on the first offers; a click in five is a bot's.
  const moment = (i: string, of: number) => `now() - interval '365 days' * power((${of} - ${i})::float8 / ${of}, 1.5)`;
  const statements = [
    `insert into promo.promo_offers (_client_id, id, name, slug, destination_url, click_id_parameter)
     select '${client}', i, 'offer ' || i, 'offer-' || i, 'https://shop.example/', 'sub1' from generate_series(1, ${offers}) i`,
    `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved)
     select '${client}', i, 1 + (i - 1) % ${offers}, repeat('text ' || i || ' ', 20), true from generate_series(1, ${variations}) i`,
    `insert into promo.promo_impression_tracking (_client_id, event_id, offer_id, variation_id, newsletter_send_id, tracked_at, tracked_date)
     select '${client}', 'i' || i, 1 + (v - 1) % ${offers}, v, 'send-' || i, at, (at at time zone 'America/New_York')::date
       from generate_series(1, ${impressions}) i
      cross join lateral (select 1 + floor(${variations} * power(random(), 2))::int as v, ${moment("i", impressions)} as at where i > 0) one`,
    `insert into promo.promo_click_tracking (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, clicked_hour, via, click_id, device, is_bot)
     select '${client}', 'c' || i, 1 + (v - 1) % ${offers}, v, at, (at at time zone 'America/New_York')::date,
            extract(hour from at at time zone 'America/New_York'), 'redirect', 'click-' || i,
            case when i % 5 = 0 then 'bot' else (array['desktop', 'mobile', 'tablet', 'unknown'])[1 + i % 4] end, i % 5 = 0
       from generate_series(1, ${clicks}) i
      cross join lateral (select 1 + floor(${variations} * power(random(), 2))::int as v, ${moment("i", clicks)} as at where i > 0) one`,
    `insert into promo.promo_performance_metrics (_client_id, variation_id, offer_id, date, sends, impressions, clicks, raw_clicks, bot_clicks, first_sent_at)
     select _client_id, variation_id, offer_id, date, sum(sends), sum(sends), sum(raw - bots), sum(raw), sum(bots), min(at)
       from (select _client_id, variation_id, offer_id, tracked_date as date, 1 as sends, 0 as raw, 0 as bots, tracked_at as at from promo.promo_impression_tracking
              union all
             select _client_id, variation_id, offer_id, clicked_date, 0, 1, is_bot::int, null from promo.promo_click_tracking) events
      group by 1, 2, 3, 4`,
    `update promo.promo_performance_metrics m set cohort = c.cohort
       from (select variation_id, date, max(date) filter (where sends > 0) over (partition by variation_id order by date) as cohort
               from promo.promo_performance_metrics) c where m.variation_id = c.variation_id and m.date = c.date`,
    `update promo.promo_performance_metrics m set clicks_before_send = c.clicks
       from (select d.variation_id, d.date, count(*) as clicks from promo.promo_performance_metrics d
               join promo.promo_click_tracking k on k.variation_id = d.variation_id and k.clicked_date = d.date
              where k.clicked_at < d.first_sent_at and not k.is_bot group by 1, 2) c where m.variation_id = c.variation_id and m.date = c.date`,
    `update promo.promo_performance_metrics m set cohort_before = c.cohort
       from (select variation_id, date, lag(cohort) over (partition by variation_id order by date) as cohort
               from promo.promo_performance_metrics) c where m.variation_id = c.variation_id and m.date = c.date and m.clicks_before_send > 0`,
    `update promo.promo_text_variations v set impressions = m.impressions, clicks = m.clicks, raw_clicks = m.raw, bot_clicks = m.bots
       from (select variation_id, sum(impressions) as impressions, sum(clicks) as clicks, sum(raw_clicks) as raw, sum(bot_clicks) as bots
               from promo.promo_performance_metrics group by 1) m where m.variation_id = v.id`,
    `update promo.promo_offers o set total_impressions = m.impressions, total_clicks = m.clicks, total_raw_clicks = m.raw, total_bot_clicks = m.bots
       from (select offer_id, sum(impressions) as impressions, sum(clicks) as clicks, sum(raw_clicks) as raw, sum(bot_clicks) as bots
               from promo.promo_performance_metrics group by 1) m where m.offer_id = o.id`,
    // One click in ten converts, a quarter of that elsewhere; five of the twenty affiliates are our own, so their spend is a cost.
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, sub1, _slice, _run_id)
     select '${client}', 'e' || i, coalesce(c.clicked_date, current_date), now(), 'approved', false, (i % 20)::text, (array['USD', 'EUR'])[1 + i % 2], 5, 8,
            c.click_id, coalesce(c.clicked_date, current_date)::text, 'bench'
       from generate_series(1, ${Math.floor(clicks / 10)}) i
       left join promo.promo_click_tracking c on c._client_id = '${client}' and c.click_id = 'click-' || case when i % 4 > 0 then i * 10 - 9 end`,
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     select '${client}', current_date - d, a::text, 'affiliate ' || a, '1', '1', (array['USD', 'EUR'])[1 + a % 2], 50, 3, 15, 24, 9, 0, (current_date - d)::text, 'bench'
       from generate_series(0, 364) d cross join generate_series(0, 19) a`,
    `insert into public.affiliate_mapping (_client_id, redtrack_source_id, everflow_affiliate_id, everflow_affiliate_label, is_internal, _loaded_by)
     select '${client}', 's' || a, a::text, 'affiliate ' || a, true, 'bench' from generate_series(0, 4) a`,
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     select '${client}', current_date - d, 's' || a, 's', 5, 0, 40, (current_date - d)::text, 'bench' from generate_series(0, 364) d cross join generate_series(0, 4) a`,
    // As the document has them.
    "create index on promo.promo_impression_tracking (offer_id)",
    "create index on promo.promo_impression_tracking (variation_id)",
    "create index on promo.promo_impression_tracking (tracked_date)",
    "create index on promo.promo_click_tracking (offer_id)",
    "create index on promo.promo_click_tracking (variation_id)",
    "create index on promo.promo_click_tracking (clicked_date)",
  ];
  for (const statement of statements) await database.query(statement);
  // As maintenance does.
  await sumClickDays(database, () => "America/New_York");
  await database.query("vacuum analyze");
}

function timeline(days: number): string {
  return `with i as (select tracked_date, offer_id, count(*) as impressions from promo.promo_impression_tracking
                      where tracked_date >= current_date - ${days} group by 1, 2),
               c as (select clicked_date, offer_id, count(*) as clicks from promo.promo_click_tracking
                      where clicked_date >= current_date - ${days} group by 1, 2)
          select coalesce(i.tracked_date, c.clicked_date) as date, coalesce(i.offer_id, c.offer_id), coalesce(i.impressions, 0), coalesce(c.clicks, 0),
                 c.clicks::decimal / i.impressions * 100 as ctr
            from i full join c on i.tracked_date = c.clicked_date and i.offer_id = c.offer_id order by date desc, 2`;
}

function counted(where: string, days: number): string {
  return `select variation_id, sum(i) as impressions, sum(c) as clicks from (
            select variation_id, count(*) as i, 0 as c from promo.promo_impression_tracking ${where} tracked_date >= current_date - ${days} group by 1
             union all
            select variation_id, 0, count(*) from promo.promo_click_tracking ${where} clicked_date >= current_date - ${days} group by 1) e group by 1`;
}

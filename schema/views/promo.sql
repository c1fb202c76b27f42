-- Wilson's interval of a click rate at 95 %, in percent. The same arithmetic in the same order as rules/promo/rate.ts, so
-- that both say the same to the last digit. NULL where there is no rate to be sure of.
create or replace function promo.wilson(p_impressions numeric, p_clicks numeric, p_side integer)
returns numeric language sql immutable parallel safe as $$
  select case when n > 0 and k <= n
         then (floor(least(100, greatest(0, ((middle + p_side * reach) / (1 + (z * z) / n)) * 100)) * 100 + 0.5) / 100)::numeric end
    from (select p_impressions::float8 as n, p_clicks::float8 as k, 1.959963984540054::float8 as z) given
   cross join lateral (select k / nullif(n, 0) as p) rate
   cross join lateral (select p + (z * z) / (2 * nullif(n, 0)) as middle,
                              z * sqrt(greatest(0, (p * (1 - p)) / nullif(n, 0) + (z * z) / (4 * nullif(n, 0) * nullif(n, 0)))) as reach) parts
$$;
comment on function promo.wilson(numeric, numeric, integer) is 'One end of Wilson''s interval at 95 %, in percent: side -1 is the low one, 1 the high one.';

create or replace view promo.variation_performance as
select v._client_id, v.id as variation_id, v.offer_id, o.name as offer_name, left(v.text_content, 50) as text_preview, v.cta_text, v.tone,
       v.length_category, v.approved, v.impressions, v.clicks, v.raw_clicks, v.bot_clicks, v.repeat_clicks, v.ctr, v.raw_ctr,
       promo.wilson(v.impressions, v.clicks, -1) as interval_low, promo.wilson(v.impressions, v.clicks, 1) as interval_high
  from promo.promo_text_variations v
  join promo.promo_offers o on o._client_id = v._client_id and o.id = v.offer_id;

-- Nobody is best while one of the variations has more clicks than impressions: its rate is not known.
create or replace view promo.offer_performance as
with ranked as (
  select _client_id, offer_id, variation_id, impressions, ctr, interval_low,
         row_number() over by_rate as place, lead(interval_high) over by_rate as second_high
    from promo.variation_performance where impressions > 0
  window by_rate as (partition by _client_id, offer_id order by clicks::float8 / impressions desc, impressions desc, variation_id)
), texts as (
  select _client_id, offer_id, count(*) as variations, count(*) filter (where approved) as approved_variations,
         bool_or(clicks > impressions) as is_impossible
    from promo.variation_performance group by 1, 2
)
select o._client_id, o.id as offer_id, o.name as offer_name, o.offer_type, o.active, o.archived, coalesce(t.variations, 0) as variations,
       coalesce(t.approved_variations, 0) as approved_variations, o.total_impressions as impressions, o.total_clicks as clicks,
       o.total_raw_clicks as raw_clicks, o.total_bot_clicks as bot_clicks, o.total_repeat_clicks as repeat_clicks, o.ctr, o.raw_ctr,
       promo.wilson(o.total_impressions, o.total_clicks, -1) as interval_low, promo.wilson(o.total_impressions, o.total_clicks, 1) as interval_high,
       case when not t.is_impossible and r.impressions >= 1000 and r.interval_low > r.second_high then r.variation_id end as best_variation_id,
       case when not t.is_impossible and r.impressions >= 1000 and r.interval_low > r.second_high then r.ctr end as best_variation_ctr,
       o.origin
  from promo.promo_offers o
  left join texts t on t._client_id = o._client_id and t.offer_id = o.id
  left join ranked r on r._client_id = o._client_id and r.offer_id = o.id and r.place = 1;

create or replace view promo.daily as
select m._client_id, m.date, m.offer_id, o.name as offer_name, m.variation_id, m.sends, m.impressions, m.clicks, m.raw_clicks, m.bot_clicks,
       m.repeat_clicks, m.ctr, m.raw_ctr
  from promo.promo_performance_metrics m
  join promo.promo_offers o on o._client_id = m._client_id and o.id = m.offer_id;

-- Conversions that brought back the id of one of our clicks: Everflow's under a sub id, AnyTrack's as its click id. What both
-- report counts once, as Everflow says. What takes a payout back counts as no conversion.
create or replace view promo.clicked_conversions as
select e._client_id, l.offer_id, l.variation_id, l.click_id, l.clicked_at, l.clicked_date, 'everflow'::text as feed, e.conversion_id,
       e.converted_at, e.date, e.affiliate_id, e.affiliate_name as affiliate, e.currency,
       case when e.is_event or e.payout < 0 or e.revenue < 0 then 0 else 1 end as conversions, e.payout::numeric as payout,
       e.revenue::numeric as revenue, coalesce(o.origin, 'unknown') as origin
  from promo.promo_conversion_clicks l
  join everflow.conversions e on e._client_id = l._client_id and e.conversion_id = l.conversion_id
  left join ops.slices o on o._client_id = e._client_id and o.source = 'everflow.conversions' and o.slice = e._slice
 where l.feed = 'everflow' and e.status = 'approved'
   -- Of several clicks in one conversion the first sub id's: it counts once.
   and (l.place = 1
        or not exists (select from promo.promo_conversion_clicks before
                        where before._client_id = l._client_id and before.feed = 'everflow' and before.conversion_id = l.conversion_id
                          and before.place < l.place))
 union all
select a._client_id, l.offer_id, l.variation_id, l.click_id, l.clicked_at, l.clicked_date, 'anytrack', a.conversion_key, a.event_time, a.date,
       a.affiliate_id, null, a.currency, case when a.revenue < 0 then 0 else 1 end, a.revenue, a.revenue, a.origin
  from promo.promo_conversion_clicks l
  join anytrack.conversions a on a._client_id = l._client_id and a.conversion_key = l.conversion_id
 where l.feed = 'anytrack'
   and not exists (select from promo.promo_conversion_clicks other
                     join everflow.conversions e on e._client_id = other._client_id and e.conversion_id = other.conversion_id
                    where other._client_id = l._client_id and other.click_id = l.click_id and other.feed = 'everflow' and e.status = 'approved');

-- By the day of the impression or the click. Conversions stand on rows of their own, one per affiliate and currency: adding
-- up any column of any selection counts nothing twice, and no sum of amounts need mix currencies.
create or replace view promo.funnel as
select _client_id, date, offer_id, variation_id, null::text as affiliate_id, null::text as currency, null::text as origin,
       impressions, clicks, 0::bigint as conversions, null::numeric as payout, null::numeric as revenue
  from promo.promo_performance_metrics
 union all
select _client_id, clicked_date, offer_id, variation_id, affiliate_id, currency, origin, 0, 0, sum(conversions)::bigint, sum(payout), sum(revenue)
  from promo.clicked_conversions group by 1, 2, 3, 4, 5, 6, 7;

create or replace view everflow.affiliate_daily as
select _client_id, date, affiliate_id, max(affiliate_name) as affiliate_name, currency,
       sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, sum(events)::bigint as events,
       sum(payout) as payout, sum(revenue) as revenue, sum(profit) as profit
  from everflow.daily_stats group by _client_id, date, affiliate_id, currency;

-- Both sides summed before they meet, or several offers on one affiliate would multiply each other.
create or replace view everflow.conversion_differences as
with both_sides as (
  select _client_id, date, affiliate_id, currency, max(affiliate_name) as affiliate_name,
         sum(stats_conversions)::bigint as stats_conversions, sum(raw_conversions)::bigint as raw_conversions,
         sum(stats_events)::bigint as stats_events, sum(raw_events)::bigint as raw_events,
         sum(stats_payout) as stats_payout, sum(raw_payout) as raw_payout,
         sum(stats_revenue) as stats_revenue, sum(raw_revenue) as raw_revenue
    from (
      select _client_id, date, affiliate_id, currency, affiliate_name,
             conversions as stats_conversions, 0 as raw_conversions, events as stats_events, 0 as raw_events,
             payout as stats_payout, 0::numeric as raw_payout, revenue as stats_revenue, 0::numeric as raw_revenue
        from everflow.daily_stats
      union all
      select _client_id, date, affiliate_id, currency, affiliate_name,
             0, case when is_event then 0 else 1 end, 0, case when is_event then 1 else 0 end, 0, payout, 0, revenue
        from everflow.conversions where status = 'approved'
    ) sides
   group by _client_id, date, affiliate_id, currency
)
select d._client_id, d.date, d.affiliate_id, d.affiliate_name, d.currency,
       d.stats_conversions, d.raw_conversions, d.stats_events, d.raw_events,
       d.stats_payout, d.raw_payout, d.stats_revenue, d.raw_revenue
  from both_sides d
  join ops.slices s on s._client_id = d._client_id and s.source = 'everflow.daily_stats' and s.slice = d.date::text
  join ops.slices c on c._client_id = d._client_id and c.source = 'everflow.conversions' and c.slice = d.date::text
 where s.is_final and c.is_final and (s.origin = 'sandbox') = (c.origin = 'sandbox')
   and (d.stats_conversions <> d.raw_conversions or d.stats_events <> d.raw_events
        or abs(d.stats_payout - d.raw_payout) >= 0.005 or abs(d.stats_revenue - d.raw_revenue) >= 0.005);

create or replace view redtrack.spend_intraday as
select p._client_id, p.slice::date as date, p.fetched_at as pulled_at,
       p.fetched_at at time zone p.timezone as pulled_local,
       known.source_id, known.source_name, known.cost, known.clicks, known.conversions
  from ops.receipts p
 cross join lateral (
       select distinct on (r.row_key) r.kind, r.row_key ->> 'source_id' as source_id, r.new ->> 'source_name' as source_name,
              (r.new ->> 'cost')::numeric as cost, (r.new ->> 'clicks')::bigint as clicks, (r.new ->> 'conversions')::bigint as conversions
         from ops.restatements r
        where r._client_id = p._client_id and r.source = p.source and r.slice = p.slice and r.fetch_seq <= p.fetch_seq
        order by r.row_key, r.fetch_seq desc
       ) known
 where p.source = 'redtrack.daily_spend' and p.outcome not in ('emptied', 'shrunk') and known.kind <> 'withdrawn';

create or replace view redtrack.spend_by_hour as
with pulls as (
  select distinct on (_client_id, date, hour) _client_id, date, hour, pulled_at, cost, clicks, conversions
    from (select i._client_id, i.date, i.pulled_at,
                 -- What was pulled after the day's end is the day's whole, known as its hour 24.
                 case when i.pulled_local::date > i.date then 24 else extract(hour from i.pulled_local)::int end as hour,
                 -- The receipt's own sum, unrounded like the rows it adds up.
                 max(p.total) as cost, sum(i.clicks)::bigint as clicks, sum(i.conversions)::bigint as conversions
            from redtrack.spend_intraday i
            join ops.receipts p on p._client_id = i._client_id and p.source = 'redtrack.daily_spend' and p.slice = i.date::text and p.fetched_at = i.pulled_at
           group by 1, 2, 3, 4) each_pull
   order by _client_id, date, hour, pulled_at desc
)
select t._client_id, t.date, t.hour, t.pulled_at, t.cost, t.clicks, t.conversions,
       y.cost as cost_day_before, y.clicks as clicks_day_before, y.conversions as conversions_day_before,
       round(100 * (t.cost - y.cost) / nullif(y.cost, 0), 2) as cost_change_pct
  from pulls t
  left join lateral (
       select p.cost, p.clicks, p.conversions from pulls p
        where p._client_id = t._client_id and p.date = t.date - 1 and p.hour = t.hour) y on true;

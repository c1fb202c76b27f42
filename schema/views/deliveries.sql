-- What may be delivered: one row per approved conversion, from every feed that brings conversions. No feed does yet,
-- so the view has its columns and no rows; a feed is added here with `union all`. Nothing in it is about a person.
create or replace view ops.deliverable_conversions as
select null::text as _client_id, null::text as conversion_key, null::text as event_name, null::timestamptz as event_time,
       null::numeric(18, 6) as value, null::text as currency, null::text as order_id, null::jsonb as click_ids, null::text as source
 where false;

create or replace view ops.deliveries_daily as
select _client_id, destination, (event_time at time zone 'America/New_York')::date as date, state, currency,
       count(*) as conversions, round(sum(value), 2) as value, max(updated_at) as updated_at
  from ops.deliveries
 group by 1, 2, 3, 4, 5;

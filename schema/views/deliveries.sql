-- What may be delivered: one row per approved conversion, from every feed that brings conversions. A further feed is
-- added with `union all`, without the orders that an earlier one brings too. Nothing in it is about a person.
create or replace view ops.deliverable_conversions as
select c._client_id, 'everflow:' || c.conversion_id as conversion_key, c.event as event_name, c.converted_at as event_time,
       c.revenue as value, c.currency, c.order_id, jsonb_build_object('click_id', c.transaction_id) as click_ids,
       'everflow.conversions'::text as source
  from everflow.conversions c
 where c.status = 'approved' and c.revenue >= 0;

create or replace view ops.deliveries_daily as
select _client_id, destination, (event_time at time zone 'America/New_York')::date as date, state, currency,
       count(*) as conversions, round(sum(value), 2) as value, max(updated_at) as updated_at
  from ops.deliveries
 group by 1, 2, 3, 4, 5;

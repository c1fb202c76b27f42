-- What may be delivered: one row per approved conversion, from every feed that brings conversions. Nothing in it is about
-- a person. An order that two feeds have is delivered as the first one says; `is_twin` marks the other. It stays in the
-- view, as it may have been sent before its twin came. Follow-up events of an order are not the order.
create or replace view ops.deliverable_conversions as
select c._client_id, 'everflow:' || c.conversion_id as conversion_key, c.event as event_name, c.converted_at as event_time,
       c.revenue as value, c.currency, c.order_id, jsonb_build_object('click_id', c.transaction_id) as click_ids,
       'everflow.conversions'::text as source, case when not c.is_event then c.order_id end as order_key, false as is_twin
  from everflow.conversions c
 where c.status = 'approved' and c.revenue >= 0
 union all
select a._client_id, 'anytrack:' || a.conversion_key, a.type, a.event_time, a.revenue, a.currency, a.order_id, jsonb_build_object('click_id', a.click_id),
       'anytrack.conversions', a.order_id,
       exists (select from everflow.conversions e where e._client_id = a._client_id and e.order_id = a.order_id and not e.is_event)
  from anytrack.conversions a
 -- A sale without an amount waits for the event or the pull that names it.
 where coalesce(a.revenue, 0) >= 0 and (a.type <> 'SALE' or (a.revenue is not null and a.currency is not null));

create or replace view ops.deliveries_daily as
select _client_id, destination, (event_time at time zone 'America/New_York')::date as date, state, currency,
       count(*) as conversions, sum(value) as value, max(updated_at) as updated_at
  from ops.deliveries
 group by 1, 2, 3, 4, 5;

-- What may be delivered: one row per conversion, from every feed that brings conversions. Nothing in it is about a person.
-- Which feeds and types go where is a setting of each destination. An order that two feeds have is delivered as the first
-- one says; `is_twin` marks the other. It stays in the view, as it may have been sent before its twin came. Follow-up
-- events of an order are not the order.
create or replace view ops.deliverable_conversions as
select c._client_id, 'everflow:' || c.conversion_id as conversion_key, c.event as event_name, c.converted_at as event_time,
       c.revenue as value, c.currency, c.order_id, jsonb_build_object('click_id', c.transaction_id) as click_ids,
       'everflow.conversions'::text as source, case when not c.is_event then c.order_id end as order_key, false as is_twin,
       case when not c.is_event then 'SALE'
            when lower(c.event) in ('purchase', 'sale', 'order') then 'SALE'
            when lower(c.event) like 'lead%' then 'LEAD'
            when lower(c.event) ~ '^(sign[ _-]?up|(complete[ _-]?)?registration)' then 'SIGNUP'
            else 'CUSTOM' end as type,
       case when c.status <> 'approved' then 'withdrawn'
            when c.revenue < 0 or back.amount + c.revenue <= 0 then 'charged_back'
            else 'stands' end as standing,
       coalesce(back.amount, 0) as charged_back,
       greatest(c._loaded_at, back.changed_at) as changed_at, coalesce(s.origin, 'unknown') as origin
  from everflow.conversions c
  left join ops.slices s on s._client_id = c._client_id and s.source = 'everflow.conversions' and s.slice = c._slice
  -- A chargeback is a row of its own: of the order, or of the click where it names no order.
  left join lateral (
       select sum(n.revenue) as amount, max(n._loaded_at) as changed_at
         from (select o.revenue, o.currency, o._loaded_at from everflow.conversions o
                where o._client_id = c._client_id and o.order_id = c.order_id and o.revenue < 0 and o.status = 'approved'
                union all
               select t.revenue, t.currency, t._loaded_at from everflow.conversions t
                where t._client_id = c._client_id and t.transaction_id = c.transaction_id and t.revenue < 0 and t.status = 'approved'
                  and (t.order_id is null or c.order_id is null)) n
        where n.currency = c.currency) back on c.revenue >= 0 and not c.is_event
 where c.status in ('approved', 'rejected', 'invalid')
   -- One that takes back what is in here changes that; any other stands alone.
   and (c.revenue >= 0
        or c.status = 'approved'
           and not exists (select from everflow.conversions b where b._client_id = c._client_id and b.order_id = c.order_id and b.revenue >= 0 and not b.is_event)
           -- Rare, so looked up in one reading of the table instead of by an index that each conversion would have to fill.
           and (c.order_id is not null or c.transaction_id is null
                or (c._client_id, c.transaction_id) not in (
                   select b._client_id, b.transaction_id from everflow.conversions b
                    where b.transaction_id is not null and b.revenue >= 0 and not b.is_event)))
 union all
select a._client_id, 'anytrack:' || a.conversion_key, a.type, a.event_time, a.revenue, a.currency, a.order_id, jsonb_build_object('click_id', a.click_id),
       'anytrack.conversions', a.order_id,
       -- An order that one of the two only made up is no order of the other's.
       exists (select from everflow.conversions e
                 left join ops.slices s on s._client_id = e._client_id and s.source = 'everflow.conversions' and s.slice = e._slice
                where e._client_id = a._client_id and e.order_id = a.order_id and not e.is_event
                  and (coalesce(s.origin, 'unknown') = 'sandbox') = (a.origin = 'sandbox')),
       case when a.type in ('SALE', 'LEAD', 'SIGNUP') then a.type else 'CUSTOM' end,
       case when a.revenue < 0 or lower(a.type) in ('refund', 'chargeback') or back.amount + a.revenue <= 0 then 'charged_back' else 'stands' end,
       coalesce(back.amount, 0), greatest(a._loaded_at, back.changed_at), a.origin
  from anytrack.conversions a
  -- Everflow's chargebacks of the same order.
 cross join lateral (
       select sum(n.revenue) as amount, max(n._loaded_at) as changed_at
         from everflow.conversions n
        where n._client_id = a._client_id and n.order_id = a.order_id and n.revenue < 0 and n.status = 'approved' and n.currency = a.currency) back
 -- A sale without an amount waits for the event or the pull that names it.
 where a.type <> 'SALE' or (a.revenue is not null and a.currency is not null);

create or replace view ops.deliveries_daily as
select _client_id, destination, (event_time at time zone 'America/New_York')::date as date, state, currency,
       count(*) as conversions, sum(value) as value, max(updated_at) as updated_at, origin
  from ops.deliveries
 group by 1, 2, 3, 4, 5, origin;

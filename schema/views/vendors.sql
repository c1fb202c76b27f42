-- What Redtrack, AnyTrack and Everflow say of the same conversions. Redtrack reports numbers per day and source and no conversion by
-- itself; the other two are held against each other one by one. What the sandbox made up meets nothing real.

-- Each conversion of Everflow of these days, and each of AnyTrack that Everflow does not have, with what the other one says of it.
-- First by the order's number: within three days however it is written, else the very same number on whatever day. Then by the
-- click, the first with the first: of the same day, of the day after, of the day before. What is beside these days is read too,
-- as far as it can decide on what meets whom: six days of Everflow, and three more of AnyTrack, as what meets a conversion on the
-- last of the six may lie three days after it. What an order has far away is looked up by its number. So the answer for a day is
-- the same whichever days are asked for with it.
create or replace function findings.tie_out(p_client text, p_from date, p_to date)
returns table (item text, date date, difference text, matched_by text, affiliate_id text, affiliate text, order_id text, click_id text,
               everflow_id text, everflow_date date, everflow_at timestamptz, everflow_status text, everflow_conversions integer, everflow_currency text,
               everflow_revenue numeric, everflow_sale_amount numeric, everflow_payout numeric,
               anytrack_key text, anytrack_date date, anytrack_type text, anytrack_source text, anytrack_currency text, anytrack_revenue numeric,
               at_stake numeric, currency text, is_sandbox boolean, is_refused boolean, is_first boolean)
language sql stable set jit = off as $$
  with ef as materialized (
    select c.conversion_id, c.date, c.converted_at, c.status, c.status in ('rejected', 'invalid') as is_refused, c.is_event, c.affiliate_id, c.affiliate_name, c.currency, c.revenue,
           nullif(c.sale_amount, 0) as sale_amount, c.payout, c.order_id, findings.order_number(c.order_id) as number,
           array_remove(array[c.transaction_id, c.sub1, c.sub2, c.sub3, c.sub4, c.sub5], null) as named, coalesce(o.origin = 'sandbox', false) as is_sandbox
      from everflow.conversions c
      left join ops.slices o on o._client_id = p_client and o.source = 'everflow.conversions' and o.slice = c._slice
     where c._client_id = p_client and c.date between p_from - 6 and p_to + 6 and c.payout >= 0 and c.revenue >= 0
  ), at_ as materialized (
    select a.conversion_key, a.order_id, findings.order_number(a.order_id) as number, a.date, a.event_time, a.type, a.source, a.click_id, a.affiliate_id, a.currency, a.revenue, a.origin = 'sandbox' as is_sandbox
      from anytrack.conversions a
     where a._client_id = p_client and a.date between p_from - 9 and p_to + 9 and coalesce(a.revenue, 0) >= 0 and lower(a.type) not in ('refund', 'chargeback')
  ), near as materialized (
    -- A conversion without an order number may have been sent to AnyTrack by us, under Everflow's id of it.
    select distinct on (e.conversion_id) e.conversion_id, a.conversion_key
      from ef e join at_ a on a.number = coalesce(e.number, findings.order_number(e.conversion_id)) and a.is_sandbox = e.is_sandbox and a.date between e.date - 3 and e.date + 3
     where not e.is_event
     order by e.conversion_id, a.order_id is distinct from e.order_id, abs(a.date - e.date), a.date, a.conversion_key
  ), far as materialized (
    -- One after the other by the index: to the planner these are so many that it would read all there is.
    select e.conversion_id, coalesce(e.order_id, e.conversion_id) as name, e.is_sandbox, a.conversion_key, a.date, a.type, a.source, a.currency, a.revenue, near.is_there as is_near_too
      from ef e
     cross join lateral (select * from anytrack.conversions o where o._client_id = p_client and o.conversion_key = 'order:' || coalesce(e.order_id, e.conversion_id) offset 0) a
     cross join lateral (select exists (
       select from everflow.conversions c left join ops.slices o on o._client_id = p_client and o.source = 'everflow.conversions' and o.slice = c._slice
        where c._client_id = p_client and c.order_id = e.order_id and c.date between a.date - 3 and a.date + 3 and not c.is_event and c.payout >= 0 and c.revenue >= 0
          and coalesce(o.origin = 'sandbox', false) = e.is_sandbox) as is_there offset 0) near
     where not e.is_event and e.conversion_id not in (select n.conversion_id from near n) and (a.origin = 'sandbox') = e.is_sandbox and a.date not between e.date - 3 and e.date + 3
  ), ef_left as materialized (
    -- Here and below "not in": as joins the planner takes these for one row, and goes through all of the one for each of the other.
    select e.conversion_id, e.date, e.converted_at, e.is_sandbox, k.click
      from ef e
     cross join lateral (
       select c.click from unnest(e.named) with ordinality c(click, place)
        where exists (select from anytrack.clicks k where k._client_id = p_client and k.click_id = c.click and (k.origin = 'sandbox') = e.is_sandbox)
           or exists (select from anytrack.conversions k where k._client_id = p_client and k.click_id = c.click and (k.origin = 'sandbox') = e.is_sandbox and k.date between e.date - 6 and e.date + 6)
        order by c.place limit 1) k
     where not e.is_event and e.conversion_id not in (select n.conversion_id from near n) and e.conversion_id not in (select f.conversion_id from far f)
  ), without_order as materialized (
    select a.conversion_key, a.order_id, a.date, a.event_time, a.is_sandbox, a.click_id as click
      from at_ a
     where a.conversion_key not in (select n.conversion_key from near n)
       and not exists (select from ef e where e.number = a.number and e.is_sandbox = a.is_sandbox and e.date between a.date - 3 and a.date + 3)
       and not exists (select from everflow.conversions c left join ops.slices o on o._client_id = p_client and o.source = 'everflow.conversions' and o.slice = c._slice
                        where c._client_id = p_client and c.order_id = a.order_id and not c.is_event and c.payout >= 0 and c.revenue >= 0 and coalesce(o.origin = 'sandbox', false) = a.is_sandbox)
  ), at_left as materialized (
    select a.conversion_key, a.date, a.event_time, a.is_sandbox, a.click
      from without_order a
     where a.order_id is null or (
             select true from everflow.conversions c left join ops.slices o on o._client_id = p_client and o.source = 'everflow.conversions' and o.slice = c._slice
              where c._client_id = p_client and c.conversion_id = a.order_id and c.order_id is null and not c.is_event and c.payout >= 0 and c.revenue >= 0 and coalesce(o.origin = 'sandbox', false) = a.is_sandbox
              limit 1) is not true
  ), same_day as materialized (
    select e.conversion_id, a.conversion_key
      from (select *, row_number() over (partition by click, is_sandbox, date order by converted_at, conversion_id) as place from ef_left) e
      join (select *, row_number() over (partition by click, is_sandbox, date order by event_time, conversion_key) as place from at_left where click is not null) a
     using (click, is_sandbox, date, place)
  ), day_after as materialized (
    select e.conversion_id, a.conversion_key
      from (select *, row_number() over (partition by click, is_sandbox, date order by converted_at, conversion_id) as place from ef_left l
             where l.conversion_id not in (select m.conversion_id from same_day m)) e
      join (select *, row_number() over (partition by click, is_sandbox, date order by event_time, conversion_key) as place from at_left l
             where click is not null and l.conversion_key not in (select m.conversion_key from same_day m)) a
        on a.click = e.click and a.is_sandbox = e.is_sandbox and a.date = e.date + 1 and a.place = e.place
  ), day_before as materialized (
    select e.conversion_id, a.conversion_key
      from (select *, row_number() over (partition by click, is_sandbox, date order by converted_at, conversion_id) as place from ef_left l
             where l.conversion_id not in (select m.conversion_id from same_day m) and l.conversion_id not in (select m.conversion_id from day_after m)) e
      join (select *, row_number() over (partition by click, is_sandbox, date order by event_time, conversion_key) as place from at_left l
             where click is not null and l.conversion_key not in (select m.conversion_key from same_day m) and l.conversion_key not in (select m.conversion_key from day_after m)) a
        on a.click = e.click and a.is_sandbox = e.is_sandbox and a.date = e.date - 1 and a.place = e.place
  ), by_click as materialized (
    select * from same_day union all select * from day_after union all select * from day_before
  ), met as (
    select n.conversion_id, 'order' as matched_by, a.conversion_key, a.date, a.type, a.source, a.currency, a.revenue from near n join at_ a on a.conversion_key = n.conversion_key
     union all
    select f.conversion_id, 'order', f.conversion_key, f.date, f.type, f.source, f.currency, f.revenue from far f
     union all
    select b.conversion_id, 'click', a.conversion_key, a.date, a.type, a.source, a.currency, a.revenue from by_click b join at_ a on a.conversion_key = b.conversion_key
  ), far_kin as materialized (
    -- All that is far from the same conversion of AnyTrack, on whatever day.
    select a.conversion_key, c.conversion_id, c.converted_at, c.status in ('rejected', 'invalid') as is_refused, c.currency, c.revenue, nullif(c.sale_amount, 0) as sale_amount, c.payout
      from (select distinct f.conversion_key, f.name, f.is_sandbox, f.date from far f join ef e on e.conversion_id = f.conversion_id where e.date between p_from and p_to) a
     cross join lateral (
       select * from everflow.conversions o where o._client_id = p_client and o.order_id = a.name and not o.is_event
        union all
       select * from everflow.conversions o where o._client_id = p_client and o.conversion_id = a.name and o.order_id is null and not o.is_event offset 0) c
      left join ops.slices o on o._client_id = p_client and o.source = 'everflow.conversions' and o.slice = c._slice
     where c.payout >= 0 and c.revenue >= 0 and coalesce(o.origin = 'sandbox', false) = a.is_sandbox and a.date not between c.date - 3 and c.date + 3
       and not exists (select from anytrack.conversions n
                        where n._client_id = p_client and n.order_id is not null and findings.order_number(n.order_id) = coalesce(findings.order_number(c.order_id), findings.order_number(c.conversion_id))
                          and n.date between c.date - 3 and c.date + 3 and (n.origin = 'sandbox') = a.is_sandbox and coalesce(n.revenue, 0) >= 0 and lower(n.type) not in ('refund', 'chargeback'))
  ), kin as (
    select coalesce(m.conversion_key, e.conversion_id) as kin, false as is_far, e.conversion_id, e.converted_at, e.is_refused, e.currency, e.revenue, e.sale_amount, e.payout
      from ef e left join met m on m.conversion_id = e.conversion_id
     where not e.is_event and e.conversion_id not in (select f.conversion_id from far f)
     union all
    select k.conversion_key, true, k.conversion_id, k.converted_at, k.is_refused, k.currency, k.revenue, k.sale_amount, k.payout from far_kin k
  ), summed as materialized (
    -- Several conversions of one order are one of AnyTrack's, and it is their sum that it may know.
    select k.conversion_id, row_number() over each_one as place, count(*) over all_of as of_order, bool_and(k.is_refused) over all_of as all_refused,
           min(k.currency) over all_of = max(k.currency) over all_of as one_currency,
           sum(k.revenue) filter (where not k.is_refused) over all_of as all_revenue, sum(k.sale_amount) filter (where not k.is_refused) over all_of as all_sales,
           sum(k.payout) filter (where not k.is_refused) over all_of as all_payout
      from kin k
    window all_of as (partition by k.kin, k.is_far), each_one as (partition by k.kin, k.is_far order by k.is_refused, k.converted_at, k.conversion_id)
  ), grouped as (
    select e.*, m.matched_by, m.conversion_key, m.date as at_date, m.type as at_type, m.source as at_source, m.currency as at_currency, m.revenue as at_revenue,
           s.place, s.of_order, s.all_refused, s.one_currency, s.all_revenue, s.all_sales, s.all_payout
      from ef e join summed s on s.conversion_id = e.conversion_id left join met m on m.conversion_id = e.conversion_id
     where e.date between p_from and p_to
  ), upsold as (
    select g.conversion_id, sum(e.revenue) as revenue
      from grouped g join ef e on e.is_event and e.number = g.number and e.is_sandbox = g.is_sandbox and not e.is_refused and e.date between g.date - 6 and g.date + 6
     group by 1
  ), compared as (
    -- What AnyTrack has may be what the advertiser pays or what the customer did, with what was sold on the same order or without.
    select g.*, case when g.all_refused then g.revenue else g.all_revenue end as said_revenue, case when g.all_refused then g.sale_amount else g.all_sales end as said_sales,
           case when g.all_refused then g.payout else g.all_payout end as said_payout,
           case when g.at_revenue is not null and g.one_currency and g.at_currency = g.currency
                then (select min(abs(g.at_revenue - said)) from unnest(array[g.all_revenue, g.all_sales, g.all_revenue + u.revenue]) said) end as apart
      from grouped g left join upsold u on u.conversion_id = g.conversion_id
  ), judged as (
    select c.*,
           case when c.conversion_key is null then case when not c.is_refused then 'missing_in_anytrack' end
                when c.place > 1 then null
                when c.all_refused then 'refused_by_everflow'
                when c.at_revenue is null then case when c.at_type = 'SALE' and c.all_revenue > 0 then 'amount_differs' end
                when c.apart >= 0.005 or c.apart is null and (c.at_revenue > 0 or c.all_revenue > 0) then 'amount_differs' end as difference
      from compared c
  )
  select 'everflow:' || j.conversion_id, j.date, j.difference, j.matched_by, j.affiliate_id, j.affiliate_name, j.order_id, l.click,
         j.conversion_id, j.date, j.converted_at, j.status, case when j.conversion_key is null then 1 else j.of_order end::integer, j.currency,
         j.said_revenue, j.said_sales, j.said_payout,
         j.conversion_key, j.at_date, j.at_type, j.at_source, j.at_currency, j.at_revenue,
         round(case j.difference when 'missing_in_anytrack' then j.revenue when 'refused_by_everflow' then j.at_revenue
                                 when 'amount_differs' then case when j.at_revenue is null then j.said_revenue else j.apart end end, 2),
         case when j.difference = 'refused_by_everflow' then j.at_currency when j.difference is not null then j.currency end, j.is_sandbox, j.is_refused,
         -- AnyTrack's conversion counts once: where Everflow has its order on days near and far, with those near.
         j.place = 1 and f.is_near_too is not true
    from judged j left join ef_left l on l.conversion_id = j.conversion_id left join far f on f.conversion_id = j.conversion_id
   union all
  select 'anytrack:' || a.conversion_key, a.date, case when k.affiliate_id is not null and a.type in ('SALE', 'LEAD', 'SIGNUP') then 'missing_in_everflow' end, null, k.affiliate_id, k.name, a.order_id, a.click_id,
         null, null, null, null, null, null, null, null, null,
         a.conversion_key, a.date, a.type, a.source, a.currency, a.revenue,
         case when k.affiliate_id is not null then round(a.revenue, 2) end, a.currency, a.is_sandbox, false, true
    from at_left l
    join at_ a on a.conversion_key = l.conversion_key
    left join (select d.affiliate_id, max(d.affiliate_name) as name from everflow.daily_stats d where d._client_id = p_client group by 1) k on k.affiliate_id = a.affiliate_id
   where a.date between p_from and p_to and a.conversion_key not in (select b.conversion_key from by_click b)
$$;
comment on function findings.tie_out(text, date, date) is 'Each conversion of these days once, with what Everflow and AnyTrack say of it and how they differ.';

-- Compares days again and keeps what came of it. Nothing is written where nothing came out otherwise.
create or replace function findings.refresh_tie_out(p_client text, p_from date, p_to date) returns void language plpgsql set jit = off as $$
begin
  create temp table compared on commit drop as select * from findings.tie_out(p_client, p_from, p_to);
  delete from findings.tie_out_items i where i._client_id = p_client and i.date between p_from and p_to
     and not exists (select from compared c where c.item = i.item and (c.difference is not null or c.anytrack_date not between c.everflow_date - 3 and c.everflow_date + 3));
  insert into findings.tie_out_items as i (_client_id, item, date, difference, matched_by, affiliate_id, affiliate, order_id, click_id, everflow_id, everflow_date, everflow_at, everflow_status, everflow_conversions, everflow_currency, everflow_revenue, everflow_sale_amount, everflow_payout, anytrack_key, anytrack_date, anytrack_type, anytrack_source, anytrack_currency, anytrack_revenue, at_stake, currency, is_sandbox)
  select p_client, c.item, c.date, c.difference, c.matched_by, c.affiliate_id, c.affiliate, c.order_id, c.click_id, c.everflow_id, c.everflow_date, c.everflow_at, c.everflow_status, c.everflow_conversions,
         c.everflow_currency, c.everflow_revenue, c.everflow_sale_amount, c.everflow_payout, c.anytrack_key, c.anytrack_date, c.anytrack_type, c.anytrack_source, c.anytrack_currency, c.anytrack_revenue,
         c.at_stake, c.currency, c.is_sandbox
    from compared c where c.difference is not null or c.anytrack_date not between c.everflow_date - 3 and c.everflow_date + 3
  on conflict on constraint tie_out_items_key do update
     set (date, difference, matched_by, affiliate_id, affiliate, order_id, click_id, everflow_id, everflow_date, everflow_at, everflow_status, everflow_conversions, everflow_currency, everflow_revenue,
          everflow_sale_amount, everflow_payout, anytrack_key, anytrack_date, anytrack_type, anytrack_source, anytrack_currency, anytrack_revenue, at_stake, currency, is_sandbox)
       = (excluded.date, excluded.difference, excluded.matched_by, excluded.affiliate_id, excluded.affiliate, excluded.order_id, excluded.click_id, excluded.everflow_id, excluded.everflow_date, excluded.everflow_at,
          excluded.everflow_status, excluded.everflow_conversions, excluded.everflow_currency, excluded.everflow_revenue, excluded.everflow_sale_amount, excluded.everflow_payout, excluded.anytrack_key,
          excluded.anytrack_date, excluded.anytrack_type, excluded.anytrack_source, excluded.anytrack_currency, excluded.anytrack_revenue, excluded.at_stake, excluded.currency, excluded.is_sandbox)
   where i is distinct from excluded;
  create temp table counted on commit drop as
  select c.date, c.affiliate_id, max(c.affiliate) as affiliate, c.is_sandbox,
         count(*) filter (where c.everflow_id is not null and not c.is_refused)::integer as everflow, count(*) filter (where c.anytrack_key is not null and c.is_first)::integer as anytrack,
         count(*) filter (where c.everflow_id is not null and not c.is_refused and c.anytrack_key is not null)::integer as in_both,
         count(*) filter (where c.everflow_id is null or c.difference = 'refused_by_everflow')::integer as only_anytrack,
         count(*) filter (where c.difference = 'missing_in_anytrack')::integer as missing_in_anytrack, count(*) filter (where c.difference = 'missing_in_everflow')::integer as missing_in_everflow,
         count(*) filter (where c.difference = 'amount_differs')::integer as amount_differs, count(*) filter (where c.difference = 'refused_by_everflow')::integer as refused_by_everflow
    from compared c where c.anytrack_key is not null or not c.is_refused group by c.date, c.affiliate_id, c.is_sandbox;
  delete from findings.tie_out_days d where d._client_id = p_client and d.date between p_from and p_to
     and not exists (select from counted c where c.date = d.date and c.affiliate_id is not distinct from d.affiliate_id and c.is_sandbox = d.is_sandbox);
  insert into findings.tie_out_days as d (_client_id, date, affiliate_id, affiliate, is_sandbox, everflow, anytrack, in_both, only_anytrack, missing_in_anytrack, missing_in_everflow, amount_differs, refused_by_everflow)
  select p_client, c.date, c.affiliate_id, c.affiliate, c.is_sandbox, c.everflow, c.anytrack, c.in_both, c.only_anytrack, c.missing_in_anytrack, c.missing_in_everflow, c.amount_differs, c.refused_by_everflow from counted c
  on conflict on constraint tie_out_days_key do update
     set (affiliate, everflow, anytrack, in_both, only_anytrack, missing_in_anytrack, missing_in_everflow, amount_differs, refused_by_everflow)
       = (excluded.affiliate, excluded.everflow, excluded.anytrack, excluded.in_both, excluded.only_anytrack, excluded.missing_in_anytrack, excluded.missing_in_everflow, excluded.amount_differs, excluded.refused_by_everflow)
   where d is distinct from excluded;
  drop table compared, counted;
end $$;
comment on function findings.refresh_tie_out(text, date, date) is 'Compares the conversions of these days again and keeps what came of it.';

-- Days whose answer may have changed with these: those near enough to meet, or to lose whom they met, and those that an order
-- leads to, as it is now or was when it was last compared. What an order leads to may meet others by its click, two days around it.
create or replace function findings.tie_out_reach(p_client text, p_days date[]) returns table (day date) language sql stable set jit = off as $$
  with around as materialized (
    select distinct d + n as day from unnest(p_days) d cross join generate_series(-3, 3) n
  ), orders as materialized (
    select coalesce(e.order_id, e.conversion_id) as name, a.date
      from everflow.conversions e
     cross join lateral (select o.date from anytrack.conversions o where o._client_id = p_client and o.conversion_key = 'order:' || coalesce(e.order_id, e.conversion_id) offset 0) a
     where e._client_id = p_client and e.date in (select day from around) and not e.is_event and a.date not between e.date - 3 and e.date + 3
     union
    select a.order_id, a.date from anytrack.conversions a where a._client_id = p_client and a.date = any(p_days) and a.order_id is not null
     union
    select coalesce(i.order_id, i.everflow_id), i.anytrack_date
      from findings.tie_out_items i
     where i._client_id = p_client and i.anytrack_date not between i.everflow_date - 3 and i.everflow_date + 3 and (i.everflow_date in (select day from around) or i.anytrack_date in (select day from around))
  ), led as (
    select o.date from orders o
     union
    -- By the index here, too.
    select e.date from orders o cross join lateral (select c.date from everflow.conversions c where c._client_id = p_client and c.order_id = o.name and not c.is_event offset 0) e
     union
    select e.date from orders o cross join lateral (select c.date from everflow.conversions c where c._client_id = p_client and c.conversion_id = o.name offset 0) e
  )
  select d + n from unnest(p_days) d cross join generate_series(-9, 9) n
   union
  select l.date + n from led l cross join generate_series(-2, 2) n
$$;
comment on function findings.tie_out_reach(text, date[]) is 'Days whose comparison may come out otherwise where these days have changed.';

-- What is not final yet is counted and named nowhere as missing: Everflow is read once an hour, and AnyTrack sends at once.
create or replace view findings.tie_out_differences as
select i._client_id, i.item, i.date, i.difference, i.matched_by, i.affiliate_id, i.affiliate, i.order_id, i.click_id, i.everflow_id, i.everflow_date, i.everflow_at, i.everflow_status, i.everflow_conversions,
       i.everflow_currency, i.everflow_revenue, i.everflow_sale_amount, i.everflow_payout, i.anytrack_key, i.anytrack_date, i.anytrack_type, i.anytrack_source, i.anytrack_currency, i.anytrack_revenue,
       i.at_stake, i.currency, case when i.is_sandbox then 'sandbox' else 'real' end as origin
  from findings.tie_out_items i
  join ops.slices s on s._client_id = i._client_id and s.source = 'everflow.conversions' and s.slice = i.date::text and s.is_final
 where i.difference is not null;

-- Stacked and summed, not joined: a condition on client and date reaches both tables. Redtrack says how many and not which, so what
-- it has is taken to be what the others have, as far as its number goes. Numbers stay integers, what is known of a day is read once
-- a day, and of sources of no affiliate nothing is worked out: a year is some 70,000 rows of Redtrack's.
create or replace view findings.tie_out_daily as
with mapped as materialized (
  select m._client_id, m.redtrack_source_id, m.affiliate_id, m.everflow_affiliate_label
    from public.affiliate_matches m where m.affiliate_id is not null and m.redtrack_source_id is not null
), spent as (
  select r._client_id, r.date, m.affiliate_id, sum(r.conversions::integer)::integer as conversions
    from redtrack.daily_spend r join mapped m on m._client_id = r._client_id and m.redtrack_source_id = r.source_id
   group by r._client_id, r.date, m.affiliate_id
), days as not materialized (
  select s._client_id, s.day, coalesce(bool_or(s.is_final) filter (where s.source = 'everflow.conversions'), false) as is_final,
         coalesce(bool_or(s.is_final) filter (where s.source = 'redtrack.daily_spend'), false) as redtrack_is_final,
         coalesce(bool_or(s.origin = 'sandbox') filter (where s.source = 'redtrack.daily_spend'), false) as is_sandbox
    from ops.slices s where s.source in ('everflow.conversions', 'redtrack.daily_spend') and s.slice = s.day::text group by s._client_id, s.day
), stacked as (
  select d._client_id, d.date, d.affiliate_id, d.is_sandbox, d.affiliate, null::integer as redtrack, d.everflow, d.anytrack, d.in_both,
         d.everflow - d.in_both + d.only_anytrack as single, d.missing_in_anytrack, d.missing_in_everflow, d.amount_differs, d.refused_by_everflow
    from findings.tie_out_days d
   union all
  select r._client_id, r.date, r.affiliate_id, coalesce(d.is_sandbox, false), null, r.conversions, 0, 0, 0, 0, 0, 0, 0, 0
    from spent r left join days d on d._client_id = r._client_id and d.day = r.date
), summed as (
  -- One row of each at most, so that the greater one is both.
  select s._client_id, s.date, s.affiliate_id, s.is_sandbox, max(s.affiliate) as affiliate, max(s.redtrack) as redtrack, max(s.everflow) as everflow, max(s.anytrack) as anytrack,
         max(s.in_both) as in_both, max(s.single) as single, max(s.missing_in_anytrack) as missing_in_anytrack, max(s.missing_in_everflow) as missing_in_everflow,
         max(s.amount_differs) as amount_differs, max(s.refused_by_everflow) as refused_by_everflow
    from stacked s group by s._client_id, s.date, s.affiliate_id, s.is_sandbox
), labels as not materialized (
  select m._client_id, m.affiliate_id, max(m.everflow_affiliate_label) as label from mapped m group by m._client_id, m.affiliate_id
), known as (
  select s.*, m.label, coalesce(d.is_final, false) as is_final, coalesce(d.redtrack_is_final, false) as redtrack_is_final,
         -- A source that had nothing on a day is not in its answer.
         case when s.redtrack is null and d.redtrack_is_final and m.affiliate_id is not null then 0 else s.redtrack end as counted
    from summed s
    left join days d on d._client_id = s._client_id and d.day = s.date
    left join labels m on m._client_id = s._client_id and m.affiliate_id = s.affiliate_id
)
select d._client_id, d.date, d.affiliate_id, d.affiliate, d.source_id,
       -- Only where it is asked for: to gather the names takes longer than to add up the numbers.
       (select string_agg(distinct coalesce(r.source_name, r.source_id), ', ' order by coalesce(r.source_name, r.source_id))
          from redtrack.daily_spend r
         where r._client_id = d._client_id and r.date = d.date
           and (r.source_id = d.source_id or r.source_id in (select m.redtrack_source_id from mapped m where m._client_id = d._client_id and m.affiliate_id = d.affiliate_id))) as redtrack_sources,
       d.redtrack, d.everflow, d.anytrack, d.in_all, d.in_two, d.in_one, d.missing_in_redtrack, d.more_in_redtrack, d.missing_in_anytrack, d.missing_in_everflow, d.amount_differs,
       d.refused_by_everflow, d.is_final, d.redtrack_is_final, case when d.is_sandbox then 'sandbox' else 'real' end as origin, d.differences
  from (
select k._client_id, k.date, k.affiliate_id, coalesce(k.affiliate, k.label) as affiliate, null::text as source_id, k.counted as redtrack, k.everflow, k.anytrack,
       case when k.counted is not null then least(k.counted, k.in_both) end as in_all,
       k.in_both - case when k.counted is not null then least(k.counted, k.in_both) else 0 end + coalesce(least(greatest(k.counted - k.in_both, 0), k.single), 0) as in_two,
       k.single - coalesce(least(greatest(k.counted - k.in_both, 0), k.single), 0) + coalesce(greatest(k.counted - k.in_both - k.single, 0), 0) as in_one,
       case when k.is_final and k.redtrack_is_final then greatest(k.everflow - k.counted, 0) end as missing_in_redtrack,
       case when k.is_final and k.redtrack_is_final then greatest(k.counted - k.everflow, 0) end as more_in_redtrack,
       case when k.is_final then k.missing_in_anytrack end as missing_in_anytrack, case when k.is_final then k.missing_in_everflow end as missing_in_everflow,
       case when k.is_final then k.amount_differs end as amount_differs, case when k.is_final then k.refused_by_everflow end as refused_by_everflow,
       k.is_final, k.redtrack_is_final, k.is_sandbox,
       case when k.is_final and k.redtrack_is_final then coalesce(abs(k.everflow - k.counted), 0) else 0 end
       + case when k.is_final then k.missing_in_anytrack + k.missing_in_everflow + k.amount_differs + k.refused_by_everflow else 0 end as differences
  from known k
 union all
-- Sources of no affiliate are one row a day as they are: there may be more of them than of all else.
select r._client_id, r.date, null, coalesce(r.source_name, r.source_id), r.source_id, r.conversions::integer, null, null, 0, 0, r.conversions::integer,
       null, null, null, null, null, null, coalesce(d.is_final, false), coalesce(d.redtrack_is_final, false), coalesce(d.is_sandbox, false), 0
  from redtrack.daily_spend r
  left join mapped m on m._client_id = r._client_id and m.redtrack_source_id = r.source_id
  left join days d on d._client_id = r._client_id and d.day = r.date
 where m.redtrack_source_id is null and r.conversions > 0) d;

create or replace view public.affiliate_matches as
select m._client_id, m.redtrack_source_id, m.redtrack_source_name, m.everflow_affiliate_label, m.is_internal,
       case when given.id is not null then given.id
            when cardinality(found.ids) = 1 then found.ids[1] end as affiliate_id,
       case when given.id is not null then 'id'
            when cardinality(found.ids) = 1 then 'label'
            when cardinality(found.ids) > 1 then 'ambiguous'
            else 'unknown' end as matched_by,
       case when given.id is not null then array[given.id] else found.ids end as candidates
  from public.affiliate_mapping m
 -- An id that the label led to says no more than the label does today.
 cross join lateral (select case when m._matched_at is null then m.everflow_affiliate_id end as id) given
 -- Of any day: an affiliate that was renamed stays the one that had the label. `offset 0` keeps it a step of its own:
 -- merged into a join it would be looked up again for every day of spend.
 cross join lateral (
       select array(with recursive other(id) as (
                      -- From one id to the next by the index: an affiliate has a row for each of its days and offers.
                      select min(s.affiliate_id) from everflow.daily_stats s where s._client_id = m._client_id and s.affiliate_name = m.everflow_affiliate_label
                       union all
                      select (select min(s.affiliate_id) from everflow.daily_stats s
                               where s._client_id = m._client_id and s.affiliate_name = m.everflow_affiliate_label and s.affiliate_id > o.id)
                        from other o where o.id is not null)
                    select o.id from other o where o.id is not null order by 1) as ids
       offset 0) found;

-- Both sides summed on their own, then stacked and summed again: nothing is joined row to row, so nothing multiplies,
-- and a condition on client and date reaches both tables. What the sandbox made up is summed apart from what is real: its
-- spend never meets real conversions, nor the reverse.
create or replace view public.cpa_figures as
with stacked as (
  select s._client_id, s.date, s.affiliate_id, null::text as unmatched_label, s.affiliate_name as affiliate, s.currency,
         s.clicks as ef_clicks, s.conversions as ef_conversions, s.payout as ef_payout, s.revenue as revenue,
         null::numeric as rt_spend, null::bigint as rt_clicks, coalesce(o.origin, 'unknown') as origin
    from everflow.daily_stats s
    left join ops.slices o on o._client_id = s._client_id and o.source = 'everflow.daily_stats' and o.slice = s._slice
   union all
  select r._client_id, r.date, m.affiliate_id, case when m.affiliate_id is null then m.everflow_affiliate_label end, m.everflow_affiliate_label,
         coalesce(a.currency, 'USD'), null, null, null, null, r.cost, r.clicks, coalesce(o.origin, 'unknown')
    from redtrack.daily_spend r
    -- One row at most: a source is mapped once.
    join public.affiliate_matches m on m._client_id = r._client_id and m.redtrack_source_id = r.source_id
    left join public.account_currency a on a._client_id = r._client_id and a.vendor = 'redtrack'
    left join ops.slices o on o._client_id = r._client_id and o.source = 'redtrack.daily_spend' and o.slice = r._slice
), named as (
  select _client_id, affiliate_id, min(everflow_affiliate_label) as label
    from public.affiliate_matches where affiliate_id is not null group by 1, 2
), internal as (
  -- Also each of several affiliates that share an internal label: whose cost it is cannot be said, that it is a cost can.
  select distinct m._client_id, c.affiliate_id
    from public.affiliate_matches m cross join lateral unnest(m.candidates) c(affiliate_id) where m.is_internal
), summed as (
  select _client_id, date, affiliate_id, unmatched_label, currency, origin = 'sandbox' as is_sandbox, max(affiliate) as affiliate,
         case when origin = 'sandbox' then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin,
         sum(ef_clicks)::bigint as ef_clicks, sum(ef_conversions)::bigint as ef_conversions, sum(ef_payout) as ef_payout, sum(revenue) as revenue,
         sum(rt_spend) as rt_spend, sum(rt_clicks)::bigint as rt_clicks
    from stacked group by _client_id, date, affiliate_id, unmatched_label, currency, stacked.origin = 'sandbox'
), judged as (
  select f.*, coalesce(n.label, f.affiliate, f.affiliate_id) as name,
         case when f.affiliate_id is null
              then exists (select from public.affiliate_mapping u where u._client_id = f._client_id and u.everflow_affiliate_label = f.unmatched_label and u.is_internal)
              else i.affiliate_id is not null end as is_internal
    from summed f
    left join named n on n._client_id = f._client_id and n.affiliate_id = f.affiliate_id
    left join internal i on i._client_id = f._client_id and i.affiliate_id = f.affiliate_id
)
select _client_id, date, affiliate_id, name as affiliate, is_internal, currency, ef_clicks, ef_conversions, ef_payout, revenue, rt_spend, rt_clicks,
       case when is_internal then 'spend' else 'payout' end as cost_basis,
       case when is_internal then rt_spend else ef_payout end as final_cost,
       coalesce(is_internal and min(currency) filter (where carries) over same_day <> max(currency) filter (where carries) over same_day, false) as across_currencies,
       origin, bool_or(carries and not is_sandbox) over of_both and bool_or(carries and is_sandbox) over of_both as across_origins
  from (select *, coalesce(rt_spend, 0) <> 0 or coalesce(ef_conversions, 0) <> 0 or coalesce(ef_payout, 0) <> 0 or coalesce(revenue, 0) <> 0 as carries
          from judged) j
window same_day as (partition by _client_id, date, affiliate_id, unmatched_label, is_sandbox),
       of_both as (partition by _client_id, date, affiliate_id, unmatched_label);

create or replace view public.cpa_daily as
-- Amounts keep all their digits: whoever adds rows up and rounds then has the sum of the tables, to the cent.
select _client_id, date, affiliate_id, affiliate, is_internal, currency, ef_clicks, ef_conversions,
       ef_payout, rt_spend, rt_clicks, cost_basis, final_cost,
       case when not across_currencies then round(final_cost / nullif(ef_conversions, 0), 2) end as cpa,
       revenue,
       case when not across_currencies then revenue - final_cost end as margin,
       case when not across_currencies then round(revenue / nullif(final_cost, 0), 2) end as roas,
       nullif(concat_ws('; ',
         case when origin = 'sandbox' then 'made up by the sandbox' end,
         case when across_origins then case when origin = 'sandbox' then 'real figures are in a row of their own' else 'sandbox figures are left out' end end,
         case when across_currencies then 'spend and results are in several currencies'
              when ef_conversions is null then 'no row in Everflow'
              when final_cost is null then 'no spend in Redtrack'
              when ef_conversions = 0 then 'no conversions' end), '') as note,
       origin
  from public.cpa_figures;

-- Ratios of sums. What came on days whose cost is unknown is shown, and left out of the ratios and of the margin, named
-- in the note: a cost of some days over the conversions of all would flatter.
create or replace function public.cpa_by_affiliate(p_from date, p_to date, p_client text default null)
returns table (_client_id text, affiliate_id text, affiliate text, is_internal boolean, currency text, days bigint, ef_clicks bigint, ef_conversions bigint,
               ef_payout numeric, rt_spend numeric, rt_clicks bigint, cost_basis text, final_cost numeric, cpa numeric, revenue numeric,
               margin numeric, roas numeric, days_without_cost bigint, conversions_without_cost bigint, across_currencies boolean, note text, origin text)
language sql stable as $$
  with summed as (
    select f._client_id, f.affiliate_id, case when f.affiliate_id is null then f.affiliate end as unmatched_label, f.currency, f.cost_basis, f.is_internal,
           f.origin = 'sandbox' as is_sandbox,
           case when f.origin = 'sandbox' then 'sandbox' when bool_or(f.origin = 'unknown') then 'unknown' else 'real' end as origin,
           (array_agg(f.affiliate order by f.date desc))[1] as affiliate, count(*) as days,
           sum(f.ef_clicks)::bigint as ef_clicks, sum(f.ef_conversions)::bigint as ef_conversions, sum(f.ef_payout) as ef_payout,
           sum(f.rt_spend) as rt_spend, sum(f.rt_clicks)::bigint as rt_clicks, sum(f.final_cost) as final_cost, sum(f.revenue) as revenue,
           sum(f.ef_conversions) filter (where f.final_cost is not null) as costed_conversions,
           sum(f.revenue) filter (where f.final_cost is not null) as costed_revenue,
           count(*) filter (where f.final_cost is null and f.is_internal) as days_without_cost,
           count(*) filter (where f.is_internal and f.rt_spend <> 0 and f.ef_conversions is null) as days_without_results,
           sum(f.rt_spend) filter (where f.is_internal and f.ef_conversions is null) as spend_without_results,
           coalesce(sum(f.ef_conversions) filter (where f.final_cost is null), 0)::bigint as conversions_without_cost,
           bool_or(coalesce(f.rt_spend, 0) <> 0 or coalesce(f.ef_conversions, 0) <> 0 or coalesce(f.ef_payout, 0) <> 0 or coalesce(f.revenue, 0) <> 0) as carries
      from public.cpa_figures f
     where f.date between p_from and p_to and (p_client is null or f._client_id = p_client)
     group by 1, 2, 3, 4, 5, 6, f.origin = 'sandbox'
  ), judged as (
    -- Over the whole range: Monday's spend may have bought Tuesday's conversion.
    select *, coalesce(is_internal and min(currency) filter (where carries) over whole <> max(currency) filter (where carries) over whole, false) as across_currencies,
           bool_or(carries and not is_sandbox) over of_both and bool_or(carries and is_sandbox) over of_both as across_origins
      from summed window whole as (partition by _client_id, affiliate_id, unmatched_label, is_sandbox),
                         of_both as (partition by _client_id, affiliate_id, unmatched_label)
  )
  select s._client_id, s.affiliate_id, s.affiliate, s.is_internal, s.currency, s.days, s.ef_clicks, s.ef_conversions,
         s.ef_payout, s.rt_spend, s.rt_clicks, s.cost_basis, s.final_cost,
         case when not s.across_currencies then round(s.final_cost / nullif(s.costed_conversions, 0), 2) end,
         s.revenue,
         case when not s.across_currencies then s.costed_revenue - s.final_cost end,
         case when not s.across_currencies then round(s.costed_revenue / nullif(s.final_cost, 0), 2) end,
         s.days_without_cost, s.conversions_without_cost, s.across_currencies,
         nullif(concat_ws('; ',
           case when s.is_sandbox then 'made up by the sandbox' end,
           case when s.across_origins then case when s.is_sandbox then 'real figures are in a row of their own' else 'sandbox figures are left out' end end,
           case when s.across_currencies then 'spend and results are in several currencies'
              when s.ef_conversions is null then 'no row in Everflow'
              when s.final_cost is null then 'no spend in Redtrack'
              else nullif(concat_ws('; ',
                     case when s.days_without_results > 0
                          then format('no row in Everflow on %s of %s days: their spend of %s is in the cost', s.days_without_results, s.days, round(s.spend_without_results, 2)) end,
                     case when s.days_without_cost > 0
                          then format('no spend in Redtrack on %s of %s days: their %s conversions are not in the CPA', s.days_without_cost, s.days, s.conversions_without_cost) end,
                     case when s.ef_conversions = 0 then 'no conversions' end), '') end), ''),
         s.origin
    from judged s
$$;

create or replace view public.cpa_by_affiliate as
select f.*
  from (select (now() at time zone 'America/New_York')::date as today) t
 cross join lateral public.cpa_by_affiliate(t.today - 29, t.today) f;

create or replace view public.unmapped_spend as
select r._client_id, r.date, r.source_id, r.source_name, coalesce(a.currency, 'USD') as currency, r.cost::numeric as cost, r.clicks,
       coalesce(o.origin, 'unknown') as origin
  from redtrack.daily_spend r
  left join public.account_currency a on a._client_id = r._client_id and a.vendor = 'redtrack'
  left join ops.slices o on o._client_id = r._client_id and o.source = 'redtrack.daily_spend' and o.slice = r._slice
 where r.cost <> 0
   and not exists (select from public.affiliate_mapping m where m._client_id = r._client_id and m.redtrack_source_id = r.source_id);

-- The join that people write by hand, the right way up: each side is summed before they meet, and the cost is divided by
-- the conversions. Affiliates of the mapping alone; cpa_daily has everybody.
create or replace view public.merge_view as
select f._client_id, f.date, f.affiliate, f.affiliate_id, f.currency, f.ef_conversions, f.ef_payout, f.rt_spend, f.rt_clicks, f.final_cost,
       case when not f.across_currencies then round(f.final_cost / nullif(f.ef_conversions, 0), 2) end as cpa, f.origin
  from public.cpa_figures f
 where f.affiliate_id in (select m.affiliate_id from public.affiliate_matches m where m._client_id = f._client_id);

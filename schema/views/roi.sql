-- Stands on the figures of public.sql, which are made before it.

-- Of an internal affiliate a conversion costs its share of the affiliate's spend of the day, of another one its payout.
create or replace function promo.share_of_spend(is_internal boolean, across_currencies boolean, conversions bigint, day_spend numeric, day_conversions bigint)
returns numeric language sql immutable as $$
  select case when is_internal and not across_currencies then conversions * day_spend / nullif(day_conversions, 0) end;
$$;
comment on function promo.share_of_spend(boolean, boolean, bigint, numeric, bigint) is 'What conversions of an affiliate''s day cost where the affiliate is our own; NULL for others, and where it is not known.';

-- Of the others nothing is asked, so that their days are not added up.
create or replace view promo.own_costs as
select f._client_id, f.date, f.affiliate_id, f.currency, f.origin, f.is_internal, f.across_currencies, f.rt_spend, f.ef_conversions
  from public.cpa_figures f
 where f.affiliate_id = any(array(select i.affiliate_id from public.affiliate_matches m cross join lateral unnest(m.candidates) i(affiliate_id) where m.is_internal));

create or replace function promo.own_affiliates(p_client text) returns text[] language sql stable as $$
  select array_agg(i.affiliate_id) from public.affiliate_matches m cross join lateral unnest(m.candidates) i(affiliate_id)
   where m._client_id = p_client and m.is_internal
$$;
comment on function promo.own_affiliates(text) is 'Everflow''s ids of a client''s own affiliates; NULL where there are none.';

-- The same of one client's days, without what only the pages of costs show: each side is summed by itself, with the days
-- named to both, and then they meet. A test compares it with the view.
create or replace function promo.own_costs_of(p_client text, p_from date, p_to date)
returns table (date date, affiliate_id text, currency text, is_sandbox boolean, across_currencies boolean, rt_spend numeric, ef_conversions bigint)
language sql stable as $$
  with own as materialized (
    select promo.own_affiliates(p_client) as ids
  ), matches as materialized (
    select m.redtrack_source_id, m.affiliate_id from public.affiliate_matches m where m._client_id = p_client
  ), results as (
    select s.date, s.affiliate_id, s.currency, coalesce(o.origin = 'sandbox', false) as is_sandbox, sum(s.conversions)::bigint as ef_conversions,
           sum(s.conversions) <> 0 or sum(s.payout) <> 0 or sum(s.revenue) <> 0 as carries
      from everflow.daily_stats s
      left join ops.slices o on o._client_id = s._client_id and o.source = 'everflow.daily_stats' and o.slice = s._slice
     where s._client_id = p_client and s.date between p_from and p_to and s.affiliate_id = any((select ids from own)::text[])
     group by 1, 2, 3, 4
  ), spent as (
    select r.date, m.affiliate_id, coalesce(a.currency, 'USD') as currency, coalesce(o.origin = 'sandbox', false) as is_sandbox, sum(r.cost) as rt_spend
      from redtrack.daily_spend r
      join matches m on m.redtrack_source_id = r.source_id
      left join public.account_currency a on a._client_id = r._client_id and a.vendor = 'redtrack'
      left join ops.slices o on o._client_id = r._client_id and o.source = 'redtrack.daily_spend' and o.slice = r._slice
     where r._client_id = p_client and r.date between p_from and p_to and m.affiliate_id = any((select ids from own)::text[])
     group by 1, 2, 3, 4
  ), met as (
    select date, affiliate_id, currency, is_sandbox, rt_spend, ef_conversions, coalesce(carries, false) or coalesce(rt_spend, 0) <> 0 as carries
      from results full join spent using (date, affiliate_id, currency, is_sandbox)
  )
  select date, affiliate_id, currency, is_sandbox,
         coalesce(min(currency) filter (where carries) over same_day <> max(currency) filter (where carries) over same_day, false),
         rt_spend, ef_conversions
    from met window same_day as (partition by date, affiliate_id, is_sandbox)
$$;
comment on function promo.own_costs_of(text, date, date) is 'Spend and conversions of our own affiliates on some days of a client.';

create or replace view promo.commission as
with each_one as (
  select _client_id, feed, conversion_id, converted_at, date, affiliate_id, affiliate, currency, conversions, payout, revenue,
         offer_id, variation_id, clicked_at, clicked_date, origin
    from promo.clicked_conversions
   union all
  -- Of no click: whoever asks for those of clicks spares Postgres this half.
  select e._client_id, 'everflow', e.conversion_id, e.converted_at, e.date, e.affiliate_id, e.affiliate_name, e.currency,
         case when e.is_event or e.payout < 0 or e.revenue < 0 then 0 else 1 end, e.payout, e.revenue,
         null, null, null, null, coalesce(o.origin, 'unknown')
    from everflow.conversions e
    left join ops.slices o on o._client_id = e._client_id and o.source = 'everflow.conversions' and o.slice = e._slice
   where e.status = 'approved'
     and not exists (select from promo.clicked_conversions p
                      where p._client_id = e._client_id and p.feed = 'everflow' and p.conversion_id = e.conversion_id)
), costed as (
  select c.*, coalesce(f.is_internal, false) as is_internal, promo.share_of_spend(f.is_internal, f.across_currencies, c.conversions, f.rt_spend, f.ef_conversions) as spend
    from each_one c
    left join promo.own_costs f
      on f._client_id = c._client_id and f.date = c.date and f.affiliate_id = c.affiliate_id and f.currency = c.currency
     and (f.origin = 'sandbox') = (c.origin = 'sandbox') and c.feed = 'everflow'
)
select _client_id, feed, conversion_id, converted_at, date, affiliate_id, affiliate, is_internal, currency, conversions, payout, revenue, spend,
       case when is_internal then spend when feed = 'everflow' then payout end as cost,
       revenue - case when is_internal then spend when feed = 'everflow' then payout end as profit,
       offer_id, variation_id, clicked_at, clicked_date, origin
  from costed;

-- Ratios of sums. What has no known cost is counted apart and left out of the profit and the ROI.
create or replace view promo.commission_by_affiliate as
select _client_id, affiliate_id, max(affiliate) as affiliate, currency, origin, sum(conversions)::bigint as conversions, sum(payout) as payout, sum(revenue) as revenue, sum(spend) as spend, sum(cost) as cost,
       sum(profit) as profit, round(100 * sum(profit) / nullif(sum(cost) filter (where profit is not null), 0), 2) as roi,
       coalesce(sum(conversions) filter (where cost is null), 0)::bigint as conversions_without_cost,
       coalesce(sum(conversions) filter (where offer_id is not null), 0)::bigint as promo_conversions,
       sum(payout) filter (where offer_id is not null) as promo_payout
  from promo.commission group by _client_id, affiliate_id, currency, origin;

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

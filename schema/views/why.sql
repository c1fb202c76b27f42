-- What of a change comes from the first of two factors, where their order does not matter: each is changed before the other, and
-- after it, and the mean counts. Without a quantity on one side there is no price: all of it comes from the quantity.
create or replace function ops.first_of_two(v0 numeric, v1 numeric, x0 numeric, x1 numeric) returns numeric language sql immutable as $$
  select case when v0 = 0 or v1 = 0 then x1 - x0
              else round((v1 - v0) * (x0 * v1 + x1 * v0) * 1.0000000000000000 / (2 * v0 * v1), 6) end
$$;

-- The same of three factors: clicks, conversions per click, amount per conversion. The mean of all six orders.
create or replace function ops.first_of_three(v0 numeric, v1 numeric, n0 numeric, n1 numeric, x0 numeric, x1 numeric) returns numeric language sql immutable as $$
  select case when v0 = 0 or v1 = 0 then case when n0 = 0 or n1 = 0 then x1 - x0 else ops.first_of_two(n0, n1, x0, x1) end
              when n0 = 0 and n1 = 0 then 0
              when n0 = 0 then round((v1 - v0) * x1 * 1.0000000000000000 / (2 * v1), 6)
              when n1 = 0 then round((v1 - v0) * x0 * 1.0000000000000000 / (2 * v0), 6)
              else round((v1 - v0) * (2 * x0 * v1 * n0 * n1 + n1 * n1 * x0 * v0 + n0 * n0 * x1 * v1 + 2 * x1 * v0 * n0 * n1) * 1.0000000000000000
                         / (6 * v0 * v1 * n0 * n1), 6) end
$$;
create or replace function ops.second_of_three(v0 numeric, v1 numeric, n0 numeric, n1 numeric, x0 numeric, x1 numeric) returns numeric language sql immutable as $$
  select case when v0 = 0 or v1 = 0 or (n0 = 0 and n1 = 0) then 0
              when n0 = 0 then x1 - ops.first_of_three(v0, v1, n0, n1, x0, x1)
              when n1 = 0 then -x0 - ops.first_of_three(v0, v1, n0, n1, x0, x1)
              else round((n1 * v0 - n0 * v1) * ((2 * v0 + v1) * x0 * n1 + (v0 + 2 * v1) * x1 * n0) * 1.0000000000000000 / (6 * v0 * v1 * n0 * n1), 6) end
$$;

-- Why a figure changed, five parts per currency and origin; their sum is the change of the figures as they are shown, to the cent.
create or replace function public.explain_change(p_client text, p_metric text, p_from date, p_to date, p_before_from date, p_before_to date,
                                                 p_seen_before timestamptz default null, p_seen timestamptz default null,
                                                 p_affiliate_id text default null, p_label text default null, p_source_id text default null, p_campaign_id text default null)
returns table (currency text, origin text, before numeric, after numeric, change numeric, part text, amount numeric) language sql stable as $$
  with picked as (
    select w.currency, w.origin = 'sandbox' as is_sandbox, w.origin, w.part, w.basis in ('spend', 'source') as by_click,
           w.clicks_before as v0, w.clicks_after as v1, w.cost_before as c0, w.cost_after as c1,
           case when m.costed then w.costed_before else w.conversions_before end as n0, case when m.costed then w.costed_after else w.conversions_after end as n1,
           case when m.costed then w.costed_revenue_before else w.revenue_before end as r0, case when m.costed then w.costed_revenue_after else w.revenue_after end as r1,
           w.costs_before, w.costs_after, w.results_before, w.revenues_before, w.costed_results_before,
           w.results_after, w.revenues_after, w.costed_results_after
      from (select p_metric in ('cpa', 'margin') as costed) m
     cross join lateral public.cost_change_rows(p_client, p_from, p_to, p_before_from, p_before_to, p_seen_before, p_seen, p_affiliate_id, p_label, p_source_id, p_campaign_id) w
  ), split as (
    select p.*, ops.first_of_two(v0, v1, n0, n1) as n_mix,
           case when by_click then ops.first_of_two(v0, v1, c0, c1) else ops.first_of_three(v0, v1, n0, n1, c0, c1) end as c_mix,
           case when by_click then 0 else ops.second_of_three(v0, v1, n0, n1, c0, c1) end as c_rate,
           ops.first_of_three(v0, v1, n0, n1, r0, r1) as r_mix, ops.second_of_three(v0, v1, n0, n1, r0, r1) as r_rate
      from picked p
  ), ends as (
    select s.currency, s.is_sandbox, bool_or(s.origin = 'unknown') as is_unknown, sum(c0) as c0, sum(c1) as c1, sum(n0) as n0, sum(n1) as n1, sum(r0) as r0, sum(r1) as r1,
           sum(costs_before) > 0 as has_cost0, sum(costs_after) > 0 as has_cost1, sum(results_before) > 0 as has_results0, sum(results_after) > 0 as has_results1,
           sum(revenues_before) > 0 as has_revenue0, sum(revenues_after) > 0 as has_revenue1, sum(costed_results_before) > 0 as has_costed0, sum(costed_results_after) > 0 as has_costed1
      from split s group by 1, 2
  ), across as (
    -- An affiliate with spend and results in several currencies spoils the ratios of each of them.
    select a.currency, a.origin = 'sandbox' as is_sandbox, bool_or(r.side = 'before') as before, bool_or(r.side = 'after') as after
      from (values ('after', p_from, p_to), ('before', p_before_from, p_before_to)) r(side, first, last)
     cross join lateral public.cpa_by_affiliate(r.first, r.last, p_client) a
     where p_metric in ('cpa', 'margin') and coalesce(p_source_id, p_campaign_id) is null and a.across_currencies and (select count(distinct e.currency) from ends e) > 1
       and (p_affiliate_id is null or a.affiliate_id = p_affiliate_id) and (p_label is null or (a.affiliate_id is null and a.affiliate = p_label))
     group by 1, 2
  ), shown as (
    select e.*, case p_metric when 'conversions' then 1 else 0.01 end as unit,
           case p_metric when 'cost' then case when has_cost0 then round(c0, 2) end
                         when 'conversions' then case when has_results0 then n0 end
                         when 'revenue' then case when has_revenue0 then round(r0, 2) end
                         when 'margin' then case when has_cost0 and has_costed0 and x.before is not true then round(r0 - c0, 2) end
                         when 'cpa' then case when has_cost0 and x.before is not true then round(c0 / nullif(n0, 0), 2) end end as before,
           case p_metric when 'cost' then case when has_cost1 then round(c1, 2) end
                         when 'conversions' then case when has_results1 then n1 end
                         when 'revenue' then case when has_revenue1 then round(r1, 2) end
                         when 'margin' then case when has_cost1 and has_costed1 and x.after is not true then round(r1 - c1, 2) end
                         when 'cpa' then case when has_cost1 and x.after is not true then round(c1 / nullif(n1, 0), 2) end end as after
      from ends e left join across x on x.currency = e.currency and x.is_sandbox = e.is_sandbox
  ), shares as (
    select s.currency, s.is_sandbox, k.part, k.place, coalesce(sum(k.c), 0) as c, coalesce(sum(k.n), 0) as n, coalesce(sum(k.r), 0) as r
      from split s
     cross join lateral (values
           ('restatement', 1, case when s.part = 'restatement' then c1 - c0 end, case when s.part = 'restatement' then n1 - n0 end, case when s.part = 'restatement' then r1 - r0 end),
           ('lateness', 2, case when s.part = 'lateness' then c1 - c0 end, case when s.part = 'lateness' then n1 - n0 end, case when s.part = 'lateness' then r1 - r0 end),
           ('mix', 3, case when s.part = 'flow' then c_mix end, case when s.part = 'flow' then n_mix end, case when s.part = 'flow' then r_mix end),
           ('price', 4, case when s.part = 'flow' then c1 - c0 - c_mix - c_rate end, 0, case when s.part = 'flow' then r1 - r0 - r_mix - r_rate end),
           ('rate', 5, case when s.part = 'flow' then c_rate end, case when s.part = 'flow' then n1 - n0 - n_mix end, case when s.part = 'flow' then r_rate end)) k(part, place, c, n, r)
     group by 1, 2, 3, 4
  ), exact as (
    select h.*, s.part, s.place,
           case p_metric when 'cost' then s.c when 'conversions' then s.n when 'revenue' then s.r when 'margin' then s.r - s.c
                when 'cpa' then case when n0 = 0 or n1 = 0 then null
                     -- Half way between both ends a conversion costs their mean, and there are their mean number of conversions.
                     when n0 + n1 <> 0 then (s.c * 2 * n0 * n1 - (c1 * n0 + c0 * n1) * s.n) * 1.0000000000000000 / ((n0 + n1) * n0 * n1)
                     else (s.c * n0 - c0 * s.n) * 1.0000000000000000 / (n0 * n1) end end / h.unit as share
      from shown h join shares s on s.currency = h.currency and s.is_sandbox = h.is_sandbox
  ), ranked as (
    select e.*, (e.after - e.before) / e.unit - sum(floor(e.share)) over whole as left_over,
           row_number() over (partition by e.currency, e.is_sandbox order by round(e.share - floor(e.share), 9) desc, e.place) as rank
      from exact e window whole as (partition by e.currency, e.is_sandbox)
  )
  select r.currency, case when r.is_sandbox then 'sandbox' when r.is_unknown then 'unknown' else 'real' end, r.before, r.after, r.after - r.before, r.part,
         case when r.before is not null and r.after is not null
              then (floor(r.share) + case when r.rank <= r.left_over then 1 else 0 end) * r.unit end
    from ranked r order by r.currency, r.is_sandbox, r.place
$$;

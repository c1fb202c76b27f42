-- What the figures of each day were so many hours after the day's end (less than 0: while it ran), beside what they are now. Days
-- that a feed had not read by then are left out. Whose a source is, and whether a cost is known, is taken as it is now.
create or replace function public.known_figures(p_client text, p_from date, p_to date, p_hours numeric)
returns table (date date, currency text, origin text, cost_then numeric, conversions_then numeric, costed_then numeric, revenue_then numeric,
               cost_now numeric, conversions_now numeric, costed_now numeric, revenue_now numeric)
language plpgsql stable set plan_cache_mode = force_custom_plan set work_mem = '64MB' set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  return query
  with matched as materialized (
    select m.redtrack_source_id, m.affiliate_id, m.everflow_affiliate_label as label, m.is_internal, m.candidates from public.affiliate_matches m where m._client_id = p_client
  ), internal as materialized (
    select distinct c.affiliate_id from matched m cross join lateral unnest(m.candidates) c(affiliate_id) where m.is_internal
  ), whose as materialized (
    select m.redtrack_source_id as source_id, m.affiliate_id from matched m
     where case when m.affiliate_id is null then exists (select from matched u where u.label = m.label and u.is_internal)
                else exists (select from internal i where i.affiliate_id = m.affiliate_id) end
  ), account as materialized (
    select coalesce((select a.currency from public.account_currency a where a._client_id = p_client and a.vendor = 'redtrack'), 'USD') as currency
  ), readings as materialized (
    select f.source, f.source = 'everflow.daily_stats' as is_results, d.day, coalesce(s.origin, 'unknown') as origin, k.fetch_seq, k.origin = 'sandbox' as was_sandbox
      from unnest(array['everflow.daily_stats', 'redtrack.daily_spend']) f(source)
     cross join (select p_from + n as day from generate_series(0, p_to - p_from) n) d
     cross join lateral (
           select r.fetch_seq, r.origin
             from ops.receipts r cross join lateral (select (d.day + 1)::timestamp at time zone r.timezone as ended) e
            where r._client_id = p_client and r.source = f.source and r.slice = d.day::text and r.outcome not in ('emptied', 'shrunk')
              and r.fetched_at <= e.ended + p_hours * interval '1 hour'
              -- A reading while the day ran is none of a day that is over; and one of hours before says too little of a day that runs.
              and r.fetched_at >= e.ended + case when p_hours < 0 then p_hours - 1.5 else 0 end * interval '1 hour'
            order by r.fetch_seq desc limit 1) k
      left join ops.slices s on s._client_id = p_client and s.source = f.source and s.slice = d.day::text
  ), known as materialized (
    select r.is_results, r.day, v.snap, case when v.snap = 'now' then r.origin = 'sandbox' else r.was_sandbox end as is_sandbox, r.origin = 'unknown' as is_unknown,
           u.who, u.currency, u.conversions, u.cost, u.revenue
      from readings r
     cross join (values ('now'), ('then')) v(snap)
     cross join lateral (
           select k.* from ops.known_days k
            where k._client_id = p_client and k.source = r.source and k.date = r.day and (v.snap = 'now' or k.fetch_seq <= r.fetch_seq) order by k.fetch_seq desc limit 1) k
     cross join lateral unnest(k.who, k.currencies, k.conversions, k.costs, k.revenues) u(who, currency, conversions, cost, revenue)
  ), costed as materialized (
    select distinct k.day, w.affiliate_id, a.currency, k.is_sandbox
      from known k join whose w on w.source_id = k.who cross join account a
     where not k.is_results and k.snap = 'now' and w.affiliate_id is not null
  ), sides as (
    select k.day, k.snap, k.currency, k.is_sandbox, k.is_unknown, case when i.affiliate_id is null then k.cost else 0 end as cost, k.conversions,
           case when i.affiliate_id is null or c.day is not null then k.conversions else 0 end as costed, k.revenue
      from known k
      left join internal i on i.affiliate_id = k.who
      left join costed c on i.affiliate_id is not null and c.day = k.day and c.affiliate_id = k.who and c.currency = k.currency and c.is_sandbox = k.is_sandbox
     where k.is_results
     union all
    select k.day, k.snap, a.currency, k.is_sandbox, k.is_unknown, k.cost, 0, 0, 0
      from known k join whose w on w.source_id = k.who cross join account a where not k.is_results
  ), sums as (
    select s.day, s.currency, s.is_sandbox, bool_or(s.is_unknown) filter (where s.snap = 'now') as is_unknown, count(*) filter (where s.snap = 'now') as rows,
           coalesce(sum(s.cost) filter (where s.snap = 'then'), 0) as cost0, coalesce(sum(s.conversions) filter (where s.snap = 'then'), 0) as conversions0,
           coalesce(sum(s.costed) filter (where s.snap = 'then'), 0) as costed0, coalesce(sum(s.revenue) filter (where s.snap = 'then'), 0) as revenue0,
           sum(s.cost) filter (where s.snap = 'now') as cost1, sum(s.conversions) filter (where s.snap = 'now') as conversions1,
           sum(s.costed) filter (where s.snap = 'now') as costed1, sum(s.revenue) filter (where s.snap = 'now') as revenue1
      from sides s group by 1, 2, 3
  )
  select s.day, s.currency, case when s.is_sandbox then 'sandbox' when s.is_unknown then 'unknown' else 'real' end,
         s.cost0, s.conversions0, s.costed0, s.revenue0, s.cost1, s.conversions1, s.costed1, s.revenue1
    from sums s
   where s.rows > 0 and (select count(*) from readings r where r.day = s.day) = 2;
end
$$;

-- The same figures worked out from the rows and the ledger alone, without any sums that are kept: what tests and the bench hold
-- plain.cost_change_rows and plain.known_figures to.
create schema plain;

-- Rows as they stood at a look, or when their day was first read after its end: of each row that changed since, what it was.
-- `was` is null where there was no such row. All other rows stood as they stand in their table.
create function plain.changed_since(p_client text, p_sources text[], p_days date[], p_seen timestamptz)
returns table (source text, day date, row_key jsonb, was jsonb) language sql stable as $$
  with changes as materialized (
    select r.source, d.day, r.row_key, r.old, r.restatement_id, r.fetch_seq
      from unnest(p_sources) f(source)
     cross join unnest(p_days) d(day)
     cross join lateral (
           select case when p_seen is null
                       then (select p.fetch_seq from ops.receipts p
                              where p._client_id = p_client and p.source = f.source and p.slice = d.day::text and p.outcome not in ('emptied', 'shrunk')
                                and p.fetched_at >= (d.day + 1)::timestamp at time zone p.timezone
                              order by p.fetch_seq limit 1)
                       else coalesce((select max(p.fetch_seq) from ops.receipts p
                                       where p._client_id = p_client and p.source = f.source and p.slice = d.day::text
                                         and p.outcome not in ('emptied', 'shrunk') and p.committed_at <= p_seen), 0) end as fetch_seq) known
      join ops.restatements r on r._client_id = p_client and r.source = f.source and r.slice = d.day::text and r.fetch_seq > known.fetch_seq
  )
  -- The first change after it says what the row was. By hash: to sort by keys takes longer than to read them.
  select c.source, c.day, c.row_key, c.old
    from changes c
    join (select k.source, k.day, k.row_key, min(k.fetch_seq) as fetch_seq from changes k group by 1, 2, 3) first
      on first.source = c.source and first.day = c.day and first.row_key = c.row_key and first.fetch_seq = c.fetch_seq
$$;

-- What a change of the figures of cpa_figures is made of. `flow`: per leaf, days as they were first read whole (or the same on
-- both sides, of two looks); `restatement` and `lateness`: per day. All rows together are both ends of the change.
create function plain.cost_change_rows(p_client text, p_from date, p_to date, p_before_from date, p_before_to date,
                                                   p_seen_before timestamptz default null, p_seen timestamptz default null,
                                                   p_affiliate_id text default null, p_label text default null, p_source_id text default null)
returns table (currency text, origin text, part text, date date, is_of_after boolean, affiliate_id text, affiliate text, basis text, leaf text, leaf_name text,
               clicks_before numeric, conversions_before numeric, costed_before numeric, cost_before numeric, revenue_before numeric, costed_revenue_before numeric,
               clicks_after numeric, conversions_after numeric, costed_after numeric, cost_after numeric, revenue_after numeric, costed_revenue_after numeric,
               costs_before numeric, results_before numeric, revenues_before numeric, costed_results_before numeric,
               costs_after numeric, results_after numeric, revenues_after numeric, costed_results_after numeric)
-- Planned for what is asked: a plan for any question takes four times as long to carry out. Half a year of rows is sorted and
-- hashed in memory, and what is small on one side is hashed: to sort both took half as long again.
language plpgsql stable set plan_cache_mode = force_custom_plan set work_mem = '64MB' set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  return query
  with feeds as materialized (
    -- Of one Redtrack source there is nothing in Everflow.
    select case when p_source_id is null then array['everflow.daily_stats', 'redtrack.daily_spend'] else array['redtrack.daily_spend'] end as names
  ), days as materialized (
    select d.* from feeds f cross join lateral ops.compared_days(p_client, f.names, p_from, p_to, p_before_from, p_before_to, p_seen_before) d
  ), all_then as (
    select 'then' as snap, c.* from feeds f cross join lateral plain.changed_since(p_client, f.names,
           (select array_agg(distinct d.day) from days d where p_seen_before is not null or not d.is_open), p_seen_before) c
     union all
    select 'now', c.* from feeds f cross join lateral plain.changed_since(p_client, f.names,
           (select array_agg(d.day) from days d where p_seen is not null), p_seen) c
  ), then_rows as materialized (
    select * from all_then c
     where c.source = 'redtrack.daily_spend' or (p_label is null and (p_affiliate_id is null or c.row_key ->> 'affiliate_id' = p_affiliate_id))
  ), matched as materialized (
    select m.redtrack_source_id, m.affiliate_id, case when m.affiliate_id is null then m.everflow_affiliate_label end as label,
           m.everflow_affiliate_label, m.is_internal, m.candidates
      from public.affiliate_matches m where m._client_id = p_client
  ), named as materialized (
    select affiliate_id, min(everflow_affiliate_label) as name from matched where affiliate_id is not null group by 1
  ), internal as materialized (
    select distinct c.affiliate_id from matched m cross join lateral unnest(m.candidates) c(affiliate_id) where m.is_internal
  ), account as materialized (
    select coalesce((select a.currency from public.account_currency a where a._client_id = p_client and a.vendor = 'redtrack'), 'USD') as currency
  ), whose as materialized (
    -- Of each Redtrack source: whose cost it is. One that an external affiliate has spent is nobody's cost.
    select m.redtrack_source_id, m.affiliate_id, case when m.affiliate_id is null then 'label ' || m.label else 'id ' || m.affiliate_id end as place,
           m.everflow_affiliate_label as name
      from matched m
     where m.redtrack_source_id is not null
       and (p_affiliate_id is null or m.affiliate_id = p_affiliate_id) and (p_label is null or m.label = p_label)
       and case when m.affiliate_id is null then exists (select from matched u where u.everflow_affiliate_label = m.label and u.is_internal)
                else exists (select from internal i where i.affiliate_id = m.affiliate_id) end
       and p_source_id is null
     union all
    select p_source_id, null, 'source', null where p_source_id is not null
  ), slices as materialized (
    select s.source, s.slice, s.origin from ops.slices s
     where s._client_id = p_client and s.source in ('everflow.daily_stats', 'redtrack.daily_spend') and s.day in (select d.day from days d)
  ), stats as materialized (
    select s.date as day, s.affiliate_id, 'id ' || s.affiliate_id as place, s.affiliate_name, s.advertiser_id, s.offer_id, s.offer_name, s.currency,
           s.clicks, s.conversions, s.payout::numeric as payout, s.revenue::numeric as revenue, s._slice as slice
      from everflow.daily_stats s
     where s._client_id = p_client and (s.date between p_from and p_to or s.date between p_before_from and p_before_to)
       and p_label is null and p_source_id is null and (p_affiliate_id is null or s.affiliate_id = p_affiliate_id)
  ), spend as materialized (
    select r.date as day, w.affiliate_id, w.place, w.name, r.source_id, r.source_name, r.clicks, r.cost::numeric as cost, r.conversions, r.revenue::numeric as revenue, r._slice as slice
      from redtrack.daily_spend r join whose w on w.redtrack_source_id = r.source_id
     where r._client_id = p_client and (r.date between p_from and p_to or r.date between p_before_from and p_before_to)
  ), stats_then as materialized (
    select c.snap, c.day, c.row_key ->> 'affiliate_id' as affiliate_id, 'id ' || (c.row_key ->> 'affiliate_id') as place, c.was ->> 'affiliate_name' as affiliate_name,
           c.row_key ->> 'advertiser_id' as advertiser_id, c.row_key ->> 'offer_id' as offer_id, c.was ->> 'offer_name' as offer_name, c.row_key ->> 'currency' as currency,
           (c.was ->> 'clicks')::bigint as clicks, (c.was ->> 'conversions')::bigint as conversions, (c.was ->> 'payout')::numeric as payout,
           (c.was ->> 'revenue')::numeric as revenue, c.day::text as slice, c.was is not null as was_there
      from then_rows c where c.source = 'everflow.daily_stats'
  ), spend_then as materialized (
    select c.snap, c.day, w.affiliate_id, w.place, w.name, c.row_key ->> 'source_id' as source_id, c.was ->> 'source_name' as source_name, (c.was ->> 'clicks')::bigint as clicks,
           (c.was ->> 'cost')::numeric as cost, (c.was ->> 'conversions')::bigint as conversions, (c.was ->> 'revenue')::numeric as revenue, c.day::text as slice,
           c.was is not null as was_there
      from then_rows c join whose w on w.redtrack_source_id = c.row_key ->> 'source_id' where c.source = 'redtrack.daily_spend'
  ), touched as materialized (
    -- Days of affiliates that have a row that stood otherwise: these alone are worked out twice.
    select day, place from stats_then union select day, place from spend_then
  ), snaps as materialized (
    select t.day, t.place, v.snap from touched t cross join (values ('then'), ('now')) v(snap)
  ), all_stats as (
    select coalesce(n.snap, 'both') as snap, s.*
      from stats s left join snaps n on n.day = s.day and n.place = s.place
     where n.snap is null or not exists (
           select from stats_then c
            where c.snap = n.snap and c.day = s.day and c.affiliate_id = s.affiliate_id and c.advertiser_id = s.advertiser_id and c.offer_id = s.offer_id and c.currency = s.currency)
     union all
    select snap, day, affiliate_id, place, affiliate_name, advertiser_id, offer_id, offer_name, currency, clicks, conversions, payout, revenue, slice from stats_then where was_there
  ), all_spend as (
    select coalesce(n.snap, 'both') as snap, s.*
      from spend s left join snaps n on n.day = s.day and n.place = s.place
     where n.snap is null or not exists (select from spend_then c where c.snap = n.snap and c.day = s.day and c.source_id = s.source_id)
     union all
    select snap, day, affiliate_id, place, name, source_id, source_name, clicks, cost, conversions, revenue, slice from spend_then where was_there
  ), stated_spend as materialized (
    select d.is_after, d.is_open, s.*, a.currency, coalesce(o.origin, 'unknown') as origin
      from all_spend s join days d on d.day = s.day cross join account a left join slices o on o.source = 'redtrack.daily_spend' and o.slice = s.slice
  ), spent as materialized (
    select s.snap, s.is_after, s.is_open, s.day, s.affiliate_id, s.place, max(s.name) as name, s.currency, s.origin, s.origin = 'sandbox' as is_sandbox, sum(s.clicks) as clicks
      from stated_spend s where s.affiliate_id is not null group by 1, 2, 3, 4, 5, 6, 8, 9
  ), stated_stats as (
    select d.is_after, d.is_open, s.*, n.name, i.affiliate_id is not null as is_internal, coalesce(o.origin, 'unknown') as origin
      from all_stats s
      join days d on d.day = s.day
      left join named n on n.affiliate_id = s.affiliate_id
      left join internal i on i.affiliate_id = s.affiliate_id
      left join slices o on o.source = 'everflow.daily_stats' and o.slice = s.slice
  ), leaves as materialized (
    -- Results of an internal affiliate go by the clicks of its sources. What was counted while its cost is unknown is not costed.
    select s.snap, s.is_after, s.is_open, s.day, s.currency, s.origin, s.affiliate_id, s.place, coalesce(s.name, s.affiliate_name, s.affiliate_id) as affiliate,
           case when s.is_internal then 'results' else 'payout' end as basis,
           case when not s.is_internal then s.advertiser_id || '/' || s.offer_id end as leaf, case when not s.is_internal then s.offer_name end as leaf_name,
           case when s.is_internal then 0 else s.clicks end as clicks, s.conversions, case when s.is_internal and p.day is null then 0 else s.conversions end as costed,
           case when s.is_internal then 0 else s.payout end as cost, s.revenue, case when s.is_internal and p.day is null then 0 else s.revenue end as costed_revenue,
           case when s.is_internal then 0 else 1 end as costs, 1 as results, 1 as revenues, case when s.is_internal and p.day is null then 0 else 1 end as costed_results
      from stated_stats s
      left join spent p on s.is_internal and p.snap = s.snap and p.is_after = s.is_after and p.day = s.day and p.place = s.place and p.currency = s.currency
                       and p.is_sandbox = (s.origin = 'sandbox')
     union all
    select s.snap, s.is_after, s.is_open, s.day, s.currency, s.origin, s.affiliate_id, s.place, s.name, 'results', null, null, s.clicks, 0, 0, 0, 0, 0, 0, 0, 0, 0
      from spent s
     union all
    select s.snap, s.is_after, s.is_open, s.day, s.currency, s.origin, s.affiliate_id, s.place, coalesce(s.name, s.source_name), k.basis, s.source_id, s.source_name,
           s.clicks, k.counts * s.conversions, k.counts * s.conversions, s.cost, k.counts * coalesce(s.revenue, 0), k.counts * coalesce(s.revenue, 0),
           1, k.counts, case when s.revenue is not null then k.counts else 0 end, case when s.revenue is not null then k.counts else 0 end
      from stated_spend s cross join (select case when p_source_id is null then 'spend' else 'source' end as basis, case when p_source_id is null then 0 else 1 end as counts) k
  ), flow as (
    select l.currency, l.origin = 'sandbox' as is_sandbox, bool_or(l.origin = 'unknown') as is_unknown, 'flow' as part, null::date as day, null::boolean as is_after,
           l.affiliate_id, max(l.affiliate) as affiliate, l.basis, l.leaf, max(l.leaf_name) as leaf_name, l.place,
           coalesce(sum(l.clicks) filter (where k.is_before), 0) as clicks_before, coalesce(sum(l.conversions) filter (where k.is_before), 0) as conversions_before,
           coalesce(sum(l.costed) filter (where k.is_before), 0) as costed_before, coalesce(sum(l.cost) filter (where k.is_before), 0) as cost_before,
           coalesce(sum(l.revenue) filter (where k.is_before), 0) as revenue_before, coalesce(sum(l.costed_revenue) filter (where k.is_before), 0) as costed_revenue_before,
           coalesce(sum(l.clicks) filter (where l.is_after), 0) as clicks_after, coalesce(sum(l.conversions) filter (where l.is_after), 0) as conversions_after,
           coalesce(sum(l.costed) filter (where l.is_after), 0) as costed_after, coalesce(sum(l.cost) filter (where l.is_after), 0) as cost_after,
           coalesce(sum(l.revenue) filter (where l.is_after), 0) as revenue_after, coalesce(sum(l.costed_revenue) filter (where l.is_after), 0) as costed_revenue_after,
           coalesce(sum(l.costs) filter (where k.is_before), 0) as costs_before, coalesce(sum(l.results) filter (where k.is_before), 0) as results_before,
           coalesce(sum(l.revenues) filter (where k.is_before), 0) as revenues_before, coalesce(sum(l.costed_results) filter (where k.is_before), 0) as costed_results_before,
           coalesce(sum(l.costs) filter (where l.is_after), 0) as costs_after, coalesce(sum(l.results) filter (where l.is_after), 0) as results_after,
           coalesce(sum(l.revenues) filter (where l.is_after), 0) as revenues_after, coalesce(sum(l.costed_results) filter (where l.is_after), 0) as costed_results_after
      from leaves l
     -- Of two looks at one period, what did not change is at both ends.
     cross join lateral (select p_seen_before is not null or not l.is_after as is_before) k
     where case when p_seen_before is null then not l.is_open and l.snap <> 'now' else l.snap = 'both' end
     group by 1, 2, l.affiliate_id, l.place, l.basis, l.leaf
  ), by_day as (
    -- What days had when they were read now, and (less) then. Days that are open are taken as they stand.
    select l.currency, l.origin = 'sandbox' as is_sandbox, bool_or(l.origin = 'unknown') as is_unknown, case when l.is_open then 'lateness' else 'restatement' end as part,
           l.day, l.is_after, l.snap = 'then' as is_then, coalesce(sum(l.clicks) filter (where l.basis <> 'results'), 0) as clicks, sum(l.conversions) as conversions, sum(l.costed) as costed, sum(l.cost) as cost,
           sum(l.revenue) as revenue, sum(l.costed_revenue) as costed_revenue, sum(l.costs) as costs, sum(l.results) as results, sum(l.revenues) as revenues,
           sum(l.costed_results) as costed_results
      from leaves l
     where case when p_seen_before is not null then l.snap <> 'both' when l.is_open then l.snap <> 'then' else l.snap <> 'both' end
     group by 1, 2, 4, 5, 6, 7
  ), of_day as (
    select b.*, case when p_seen_before is not null then case when b.is_then then 1 else 0 end when b.is_after then 0 when b.is_then then -1 else 1 end as t0,
           case when p_seen_before is not null then case when b.is_then then 0 else 1 end when not b.is_after then 0 when b.is_then then -1 else 1 end as t1
      from by_day b
  ), all_rows as (
    select * from flow
     union all
    select currency, is_sandbox, bool_or(is_unknown), part, day, is_after, null, null, null, null, null, null,
           sum(clicks * t0), sum(conversions * t0), sum(costed * t0), sum(cost * t0), sum(revenue * t0), sum(costed_revenue * t0),
           sum(clicks * t1), sum(conversions * t1), sum(costed * t1), sum(cost * t1), sum(revenue * t1), sum(costed_revenue * t1),
           sum(costs * t0), sum(results * t0), sum(revenues * t0), sum(costed_results * t0), sum(costs * t1), sum(results * t1), sum(revenues * t1), sum(costed_results * t1)
      from of_day group by 1, 2, 4, 5, 6
  )
  select a.currency, case when a.is_sandbox then 'sandbox' when a.is_unknown then 'unknown' else 'real' end, a.part, a.day, a.is_after, a.affiliate_id, a.affiliate, a.basis, a.leaf,
         a.leaf_name, a.clicks_before, a.conversions_before, a.costed_before, a.cost_before, a.revenue_before, a.costed_revenue_before,
         a.clicks_after, a.conversions_after, a.costed_after, a.cost_after, a.revenue_after, a.costed_revenue_after,
         a.costs_before, a.results_before, a.revenues_before, a.costed_results_before, a.costs_after, a.results_after, a.revenues_after, a.costed_results_after
    from all_rows a;
end
$$;

-- What the figures of each day were so many hours after the day's end (less than 0: while it ran), beside what they are now. Days
-- that a feed had not read by then are left out. Counted from the nearer end of the ledger. Whose a source is, and whether a
-- cost is known, is taken as it is now.
create function plain.known_figures(p_client text, p_from date, p_to date, p_hours numeric)
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
  ), origins as materialized (
    select s.source, s.slice, s.origin from ops.slices s
     where s._client_id = p_client and s.source in ('everflow.daily_stats', 'redtrack.daily_spend') and s.day between p_from and p_to
  ), spent as materialized (
    select r.date as day, a.currency, coalesce(o.origin, 'unknown') as origin, w.affiliate_id, sum(r.cost::numeric) as cost
      from redtrack.daily_spend r
      join whose w on w.source_id = r.source_id
     cross join account a
      left join origins o on o.source = 'redtrack.daily_spend' and o.slice = r._slice
     where r._client_id = p_client and r.date between p_from and p_to group by 1, 2, 3, 4
  ), costed as materialized (
    select distinct s.day, s.affiliate_id, s.currency, s.origin = 'sandbox' as is_sandbox from spent s where s.affiliate_id is not null
  ), earned as (
    select s.date as day, s.currency, coalesce(o.origin, 'unknown') as origin, s.affiliate_id, sum(s.payout::numeric) as payout, sum(s.conversions) as conversions, sum(s.revenue::numeric) as revenue
      from everflow.daily_stats s left join origins o on o.source = 'everflow.daily_stats' and o.slice = s._slice
     where s._client_id = p_client and s.date between p_from and p_to group by 1, 2, 3, 4
  ), stood as (
    select e.day, e.currency, e.origin, case when i.affiliate_id is null then e.payout else 0 end as cost, e.conversions,
           case when i.affiliate_id is null or k.day is not null then e.conversions else 0 end as costed, e.revenue
      from earned e
      left join internal i on i.affiliate_id = e.affiliate_id
      left join costed k on i.affiliate_id is not null and k.day = e.day and k.affiliate_id = e.affiliate_id and k.currency = e.currency and k.is_sandbox = (e.origin = 'sandbox')
     union all
    select s.day, s.currency, s.origin, s.cost, 0, 0, 0 from spent s
  ), readings as materialized (
    select f.source, f.source = 'everflow.daily_stats' as is_results, d.day, k.fetch_seq, k.origin = 'sandbox' as is_sandbox
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
  ), changes as materialized (
    select k.is_results, k.day, k.is_sandbox, r.row_key, r.old, r.new
      from readings k
      join ops.restatements r on r._client_id = p_client and r.source = k.source and r.slice = k.day::text
       and case when p_hours < -9 then r.fetch_seq <= k.fetch_seq else r.fetch_seq > k.fetch_seq end
  ), moved as (
    select c.day, c.row_key ->> 'currency' as currency, c.is_sandbox, c.row_key ->> 'affiliate_id' as affiliate_id,
           coalesce((c.new ->> 'conversions')::bigint, 0) - coalesce((c.old ->> 'conversions')::bigint, 0) as conversions,
           coalesce((c.new ->> 'payout')::numeric, 0) - coalesce((c.old ->> 'payout')::numeric, 0) as payout,
           coalesce((c.new ->> 'revenue')::numeric, 0) - coalesce((c.old ->> 'revenue')::numeric, 0) as revenue
      from changes c where c.is_results
  ), sides as (
    select m.day, m.currency, m.is_sandbox, case when i.affiliate_id is null then m.payout else 0 end as cost, m.conversions,
           case when i.affiliate_id is null or k.day is not null then m.conversions else 0 end as costed, m.revenue
      from moved m
      left join internal i on i.affiliate_id = m.affiliate_id
      left join costed k on i.affiliate_id is not null and k.day = m.day and k.affiliate_id = m.affiliate_id and k.currency = m.currency and k.is_sandbox = m.is_sandbox
     union all
    select c.day, a.currency, c.is_sandbox, coalesce((c.new ->> 'cost')::numeric, 0) - coalesce((c.old ->> 'cost')::numeric, 0), 0, 0, 0
      from changes c join whose w on w.source_id = c.row_key ->> 'source_id' cross join account a where not c.is_results
  ), differences as (
    select s.day, s.currency, s.is_sandbox, sum(s.cost) as cost, sum(s.conversions) as conversions, sum(s.costed) as costed, sum(s.revenue) as revenue from sides s group by 1, 2, 3
  ), standing as (
    select t.day, t.currency, t.origin = 'sandbox' as is_sandbox, bool_or(t.origin = 'unknown') as is_unknown, sum(t.cost) as cost, sum(t.conversions) as conversions,
           sum(t.costed) as costed, sum(t.revenue) as revenue
      from stood t group by 1, 2, 3
  )
  select s.day, s.currency, case when s.is_sandbox then 'sandbox' when s.is_unknown then 'unknown' else 'real' end,
         k.times * s.cost + k.sign * coalesce(d.cost, 0), k.times * s.conversions + k.sign * coalesce(d.conversions, 0),
         k.times * s.costed + k.sign * coalesce(d.costed, 0), k.times * s.revenue + k.sign * coalesce(d.revenue, 0), s.cost, s.conversions, s.costed, s.revenue
    from standing s
    left join differences d on d.day = s.day and d.currency = s.currency and d.is_sandbox = s.is_sandbox
   cross join (select case when p_hours < -9 then 0 else 1 end as times, case when p_hours < -9 then 1 else -1 end as sign) k
   where (select count(*) from readings r where r.day = s.day) = 2;
end
$$;

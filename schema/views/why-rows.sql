-- The days that a change is between, each end of it. Open: what the day has is no whole: of two periods, a feed has no final
-- reading of it or of the day it stands against; of two looks at one period, the earlier look came before a whole reading.
create or replace function ops.compared_days(p_client text, p_sources text[], p_from date, p_to date, p_before_from date, p_before_to date, p_seen_before timestamptz)
returns table (is_after boolean, day date, is_open boolean) language sql stable as $$
  with days as (
    select true as is_after, n as place, p_from + n as day from generate_series(0, p_to - p_from) n
     union all
    select false, n, p_before_from + n from generate_series(0, p_before_to - p_before_from) n where p_seen_before is null
  ), known as materialized (
    select d.day, bool_or(not w.is_whole) as is_open
      from (select distinct day from days) d
     cross join unnest(p_sources) f(source)
     cross join lateral (
           select case when p_seen_before is null
                       then exists (select from ops.slices s where s._client_id = p_client and s.source = f.source and s.slice = d.day::text
                                       and s.is_final and s.failed_at is null and s.outcome not in ('emptied', 'shrunk'))
                       else exists (select from ops.receipts r where r._client_id = p_client and r.source = f.source and r.slice = d.day::text
                                       and r.committed_at <= p_seen_before and r.outcome not in ('emptied', 'shrunk')
                                       and r.fetched_at >= (d.day + 1)::timestamp at time zone r.timezone) end as is_whole) w
     group by 1
  )
  -- Against a period of which there is nothing, no change can be told: its days leave the others as they are.
  select d.is_after, d.day, case when b.is_there and a.is_there or p_seen_before is not null then bool_or(k.is_open) over (partition by d.place) else k.is_open end
    from days d join known k on k.day = d.day
   cross join (select exists (select from ops.leaf_days l where l._client_id = p_client and l.source = any(p_sources) and l.date between p_before_from and p_before_to) as is_there) b
   cross join (select exists (select from ops.leaf_days l where l._client_id = p_client and l.source = any(p_sources) and l.date between p_from and p_to) as is_there) a
$$;

-- Days that were read again after a look, with the number of the last reading before it: null where there was none.
create or replace function ops.read_since(p_client text, p_sources text[], p_days date[], p_seen timestamptz)
returns table (source text, day date, fetch_seq bigint) language sql stable as $$
  select f.source, d.day,
         (select max(p.fetch_seq) from ops.receipts p
           where p._client_id = p_client and p.source = f.source and p.slice = d.day::text and p.outcome not in ('emptied', 'shrunk') and p.committed_at <= p_seen)
    from unnest(p_sources) f(source)
   cross join unnest(p_days) d(day)
    join ops.slices s on s._client_id = p_client and s.source = f.source and s.slice = d.day::text
    join ops.receipts l on l.receipt_id = s.receipt_id and l.committed_at > p_seen
$$;
drop function if exists ops.changed_since(text, text[], date[], timestamptz);

-- What a change of the figures of cpa_figures is made of. `flow`: per leaf, days as they were first read whole (or the same on
-- both sides, of two looks); `restatement` and `lateness`: per day. All rows together are both ends of the change. Months that
-- are in the question whole are read from their sums, other days from theirs.
drop function if exists public.explain_change(text, text, date, date, date, date, timestamptz, timestamptz, text, text, text), public.cost_change_rows(text, date, date, date, date, timestamptz, timestamptz, text, text, text);
create or replace function public.cost_change_rows(p_client text, p_from date, p_to date, p_before_from date, p_before_to date,
                                                   p_seen_before timestamptz default null, p_seen timestamptz default null,
                                                   p_affiliate_id text default null, p_label text default null, p_source_id text default null, p_campaign_id text default null)
returns table (currency text, origin text, part text, date date, is_of_after boolean, affiliate_id text, affiliate text, basis text, leaf text, leaf_name text,
               clicks_before numeric, conversions_before numeric, costed_before numeric, cost_before numeric, revenue_before numeric, costed_revenue_before numeric,
               clicks_after numeric, conversions_after numeric, costed_after numeric, cost_after numeric, revenue_after numeric, costed_revenue_after numeric,
               costs_before numeric, results_before numeric, revenues_before numeric, costed_results_before numeric,
               costs_after numeric, results_after numeric, revenues_after numeric, costed_results_after numeric)
-- Planned for what is asked: a plan for any question takes four times as long to carry out. What is small on one side is hashed:
-- to sort both took half as long again.
language plpgsql stable set plan_cache_mode = force_custom_plan set work_mem = '64MB' set enable_mergejoin = off set enable_sort = off as $$
#variable_conflict use_column
declare
  -- One source or campaign goes by Redtrack's own results: there is nothing of it in Everflow.
  own_id constant text := coalesce(p_campaign_id, p_source_id);
  spend constant text := case when p_campaign_id is null then 'redtrack.daily_spend' else 'redtrack.campaign_spend' end;
begin
  return query
  with feeds as materialized (
    select f.source from unnest(case when own_id is null then array['everflow.daily_stats', spend] else array[spend] end) f(source)
  ), days as materialized (
    select d.is_after, d.day, d.is_open, date_trunc('month', d.day)::date as month
      from ops.compared_days(p_client, (select array_agg(f.source) from feeds f), p_from, p_to, p_before_from, p_before_to, p_seen_before) d
  ), origins as materialized (
    select f.source, d.day, coalesce(s.origin, 'unknown') as origin
      from feeds f cross join (select distinct d.day from days d) d
      left join ops.slices s on s._client_id = p_client and s.source = f.source and s.slice = d.day::text
  ), matched as materialized (
    select m.redtrack_source_id, m.affiliate_id, case when m.affiliate_id is null then m.everflow_affiliate_label end as label,
           m.everflow_affiliate_label, m.is_internal, m.candidates
      from public.affiliate_matches m where m._client_id = p_client and own_id is null
  ), named as materialized (
    select affiliate_id, min(everflow_affiliate_label) as name from matched where affiliate_id is not null group by 1
  ), internal as materialized (
    select distinct c.affiliate_id from matched m cross join lateral unnest(m.candidates) c(affiliate_id) where m.is_internal
  ), account as materialized (
    select coalesce((select a.currency from public.account_currency a where a._client_id = p_client and a.vendor = 'redtrack'), 'USD') as currency
  ), whose as materialized (
    -- Of each Redtrack source: whose cost it is. One that an external affiliate has spent is nobody's cost.
    select m.redtrack_source_id as source_id, m.affiliate_id, case when m.affiliate_id is null then 'label ' || m.label else 'id ' || m.affiliate_id end as place,
           m.everflow_affiliate_label as name
      from matched m
     where m.redtrack_source_id is not null
       and (p_affiliate_id is null or m.affiliate_id = p_affiliate_id) and (p_label is null or m.label = p_label)
       and case when m.affiliate_id is null then exists (select from matched u where u.everflow_affiliate_label = m.label and u.is_internal)
                else exists (select from internal i where i.affiliate_id = m.affiliate_id) end
     union all
    select own_id, null, 'own', null where own_id is not null
  ), wanted as materialized (
    -- Whose rows are asked for, of either feed.
    select spend as source, w.source_id as who from whose w
     union all
    select 'everflow.daily_stats', p_affiliate_id where p_affiliate_id is not null
  ), alike as materialized (
    -- Days that both feeds have of the same origin: what one made up never meets what is real.
    select date_trunc('month', o.day)::date as month, bit_or(case when o.is_alike then 1 << (extract(day from o.day)::int - 1) else 0 end) as bits
      from (select o.day, bool_and(o.origin = 'sandbox') or not bool_or(o.origin = 'sandbox') as is_alike from origins o group by 1) o group by 1
  ), spend_months as materialized (
    -- The days on which an affiliate's spend is known, now and when they were first read whole.
    select w.affiliate_id, m.month, bit_or(m.days) & a.bits as days, bit_or(m.whole_days) & a.bits as whole_days
      from ops.leaf_months m
      join whose w on w.source_id = m.leaf[1] and w.affiliate_id is not null
      join alike a on a.month = m.month
     where m._client_id = p_client and m.source = spend
     group by w.affiliate_id, m.month, a.bits
  ), reread as materialized (
    -- Of two looks: days that were read again since either.
    select v.snap, r.* from (values ('then', p_seen_before), ('now', p_seen)) v(snap, seen)
     cross join lateral ops.read_since(p_client, (select array_agg(f.source) from feeds f), (select array_agg(d.day) from days d), v.seen) r
     where p_seen_before is not null and v.seen is not null
  ), changes as materialized (
    select k.snap, k.source, k.day, r.row_key, r.old, r.fetch_seq
      from reread k join ops.restatements r on r._client_id = p_client and r.source = k.source and r.slice = k.day::text and r.fetch_seq > k.fetch_seq
  ), stood as materialized (
    -- The first change after a look says what the row was. By hash: to sort by keys takes longer than to read them.
    select c.snap, c.source, c.day, c.old is not null as is_there, coalesce(w.place, 'id ' || (c.row_key ->> 'affiliate_id')) as place,
           case when c.source = spend then array_remove(array[c.row_key ->> 'campaign_id', c.row_key ->> 'source_id'], null)
                else array[c.row_key ->> 'affiliate_id', c.row_key ->> 'advertiser_id', c.row_key ->> 'offer_id', c.row_key ->> 'currency'] end as leaf,
           (c.old ->> 'clicks')::bigint as clicks, (c.old ->> 'conversions')::bigint as conversions, coalesce(c.old ->> 'cost', c.old ->> 'payout')::numeric as cost,
           (c.old ->> 'revenue')::numeric as revenue
      from changes c
      join (select k.snap, k.source, k.day, k.row_key, min(k.fetch_seq) as fetch_seq from changes k group by 1, 2, 3, 4) first
        on first.snap = c.snap and first.source = c.source and first.day = c.day and first.row_key = c.row_key and first.fetch_seq = c.fetch_seq
      left join whose w on w.source_id = coalesce(c.row_key ->> 'campaign_id', c.row_key ->> 'source_id')
     where case when c.source = spend then w.place is not null
                else p_label is null and (p_affiliate_id is null or c.row_key ->> 'affiliate_id' = p_affiliate_id) end
  ), placed as materialized (
    -- All rows of days that were read again.
    select l.source, l.date as day, l.leaf, l.clicks, l.conversions, l.cost, l.revenue, case when l.source = 'everflow.daily_stats' then 'id ' || l.leaf[1] else w.place end as place
      from (select distinct r.day from reread r) d
     cross join feeds f
     cross join lateral (select * from ops.leaf_days l where l._client_id = p_client and l.source = f.source and l.date = d.day and l.is_there offset 0) l
      left join whose w on l.source = spend and w.source_id = l.leaf[1]
     where case when l.source = spend then w.place is not null else p_label is null and (p_affiliate_id is null or l.leaf[1] = p_affiliate_id) end
  ), touched as materialized (
    -- Days of affiliates with a row that stood otherwise at a look: these are worked out at both. Of a day that was not read by
    -- then there was nothing: no change has to be looked for.
    select s.day, s.place from stood s
     union
    select p.day, p.place from placed p join reread r on r.source = p.source and r.day = p.day and r.fetch_seq is null
  ), changing as materialized (
    select p.* from placed p join touched t on t.day = p.day and t.place = p.place
  ), flow_months as materialized (
    -- Months that are in the question for the greater part are read from their sums, less the days that are not.
    select f.source, d.is_after, d.month, bool_or(o.origin = 'sandbox') as is_sandbox, bool_or(o.origin = 'unknown') as is_unknown, bit_or(1 << (d.day - d.month)) as bits,
           min(o.origin) = max(o.origin) and 2 * count(*) > extract(day from d.month + interval '1 month' - interval '1 day') as is_summed
      from feeds f cross join days d join origins o on o.source = f.source and o.day = d.day
     where p_seen_before is not null or not d.is_open group by 1, 2, 3
  ), flow_days as materialized (
    select m.source, m.is_after, m.month, m.month + n as day, case when m.is_summed then -1 else 1 end as sign, case when m.is_summed then m.is_sandbox else o.origin = 'sandbox' end as is_sandbox,
           not m.is_summed and o.origin = 'unknown' as is_unknown
      from flow_months m
     cross join generate_series(0, 30) n
      left join origins o on o.source = m.source and o.day = m.month + n
     where m.is_summed = (m.bits & (1 << n) = 0) and m.month + n < m.month + interval '1 month'
  ), pieces as materialized (
    select m.source, m.is_after, m.month, m.is_sandbox, m.is_unknown, l.leaf, l.name, l.part_name, k.days & m.bits as days, bit_count(k.days::bit(32)) as rows, k.clicks, k.conversions, k.cost, k.revenue, k.revenues
      from flow_months m
      join ops.leaf_months l on l._client_id = p_client and l.source = m.source and l.month = m.month
     cross join lateral (select l.whole_days as days, l.whole_clicks as clicks, l.whole_conversions as conversions, l.whole_cost as cost, l.whole_revenue as revenue, l.whole_revenues as revenues
                          where p_seen_before is null
                          union all
                         select l.days, l.clicks, l.conversions, l.cost, l.revenue, l.revenues where p_seen_before is not null) k
     where m.is_summed and k.days <> 0
       and ((p_label is null and p_affiliate_id is null and l.source = 'everflow.daily_stats') or (l.source, l.leaf[1]) in (select w.source, w.who from wanted w))
     union all
    select d.source, d.is_after, d.month, d.is_sandbox, d.is_unknown, l.leaf, l.name, l.part_name, case when d.sign > 0 then 1 << (l.date - d.month) else 0 end, d.sign,
           d.sign * k.clicks, d.sign * k.conversions, d.sign * k.cost, d.sign * k.revenue, d.sign * k.revenues
      from flow_days d
     cross join lateral (select * from ops.leaf_days l where l._client_id = p_client and l.source = d.source and l.date = d.day offset 0) l
     cross join lateral (select l.whole_clicks as clicks, l.whole_conversions as conversions, l.whole_cost as cost, coalesce(l.whole_revenue, 0) as revenue, (l.whole_revenue is not null)::int as revenues
                          where p_seen_before is null and l.was_there
                          union all
                         select l.clicks, l.conversions, l.cost, coalesce(l.revenue, 0), (l.revenue is not null)::int where p_seen_before is not null and l.is_there) k
     where ((p_label is null and p_affiliate_id is null and l.source = 'everflow.daily_stats') or (l.source, l.leaf[1]) in (select w.source, w.who from wanted w))
  ), lacking as materialized (
    -- Days on which internal affiliates have results whose cost is unknown.
    select p.is_after, p.is_sandbox, p.leaf, p.month + n as day
      from (select p.is_after, p.is_sandbox, p.leaf, p.month, p.days & ~coalesce(case when p_seen_before is null then s.whole_days else s.days end, 0) as days
              from pieces p
             cross join account a
              left join spend_months s on s.affiliate_id = p.leaf[1] and s.month = p.month and p.leaf[4] = a.currency
             where p.source = 'everflow.daily_stats' and p.days <> 0 and p.leaf[1] = any((select array_agg(i.affiliate_id) from internal i)::text[]) offset 0) p
     cross join generate_series(0, 30) n
     where p.days <> 0 and p.days & (1 << n) <> 0
  ), uncosted as materialized (
    select k.is_after, k.is_sandbox, k.leaf, k.day, case when p_seen_before is null then l.whole_conversions else l.conversions end as conversions,
           case when p_seen_before is null then l.whole_revenue else l.revenue end as revenue
      from lacking k join ops.leaf_days l on l._client_id = p_client and l.source = 'everflow.daily_stats' and l.date = k.day and l.leaf = k.leaf
  ), sums as materialized (
    -- What does not change, per leaf: without what is worked out at both looks.
    select c.source, c.leaf, c.is_sandbox, bool_or(c.is_unknown) as is_unknown, max(c.name) as name, max(c.part_name) as part_name,
           coalesce(sum(c.rows) filter (where not c.is_after), 0) as rows0, coalesce(sum(c.clicks) filter (where not c.is_after), 0) as clicks0,
           coalesce(sum(c.conversions) filter (where not c.is_after), 0) as conversions0, coalesce(sum(c.cost) filter (where not c.is_after), 0) as cost0,
           coalesce(sum(c.revenue) filter (where not c.is_after), 0) as revenue0, coalesce(sum(c.revenues) filter (where not c.is_after), 0) as revenues0,
           coalesce(sum(c.lost) filter (where not c.is_after), 0) as lost0, coalesce(sum(c.lost_conversions) filter (where not c.is_after), 0) as lost_conversions0,
           coalesce(sum(c.lost_revenue) filter (where not c.is_after), 0) as lost_revenue0,
           coalesce(sum(c.rows) filter (where c.is_after), 0) as rows1, coalesce(sum(c.clicks) filter (where c.is_after), 0) as clicks1,
           coalesce(sum(c.conversions) filter (where c.is_after), 0) as conversions1, coalesce(sum(c.cost) filter (where c.is_after), 0) as cost1,
           coalesce(sum(c.revenue) filter (where c.is_after), 0) as revenue1, coalesce(sum(c.revenues) filter (where c.is_after), 0) as revenues1,
           coalesce(sum(c.lost) filter (where c.is_after), 0) as lost1, coalesce(sum(c.lost_conversions) filter (where c.is_after), 0) as lost_conversions1,
           coalesce(sum(c.lost_revenue) filter (where c.is_after), 0) as lost_revenue1
      from (select p.source, p.is_after, p.is_sandbox, p.is_unknown, p.leaf, p.name, p.part_name, p.rows, p.clicks, p.conversions, p.cost, p.revenue, p.revenues, 0 as lost, 0 as lost_conversions, 0 as lost_revenue
              from pieces p
             union all
            select 'everflow.daily_stats', u.is_after, u.is_sandbox, false, u.leaf, null, null, 0, 0, 0, 0, 0, 0, 1, u.conversions, coalesce(u.revenue, 0)
              from uncosted u where not exists (select from touched t where t.day = u.day and t.place = 'id ' || u.leaf[1])
             union all
            select c.source, true, o.origin = 'sandbox', false, c.leaf, null, null, -1, -c.clicks, -c.conversions, -c.cost, -coalesce(c.revenue, 0), -(c.revenue is not null)::int, 0, 0, 0
              from changing c join origins o on o.source = c.source and o.day = c.day) c
     group by 1, 2, 3
  ), both_sums as (
    -- Two looks are at the same days: what did not change is at both ends.
    select s.source, s.leaf, s.is_sandbox, s.is_unknown, s.name, s.part_name, k.*, s.rows1, s.clicks1, s.conversions1, s.cost1, s.revenue1, s.revenues1, s.lost1, s.lost_conversions1, s.lost_revenue1
      from sums s
     cross join lateral (
           select s.rows0, s.clicks0, s.conversions0, s.cost0, s.revenue0, s.revenues0, s.lost0, s.lost_conversions0, s.lost_revenue0 where p_seen_before is null
            union all
           select s.rows1, s.clicks1, s.conversions1, s.cost1, s.revenue1, s.revenues1, s.lost1, s.lost_conversions1, s.lost_revenue1 where p_seen_before is not null) k
     where k.rows0 <> 0 or s.rows1 <> 0
  ), flow as (
    select s.leaf[4] as currency, s.is_sandbox, s.is_unknown, s.leaf[1] as affiliate_id, coalesce(n.name, s.name, s.leaf[1]) as affiliate, case when i.affiliate_id is null then 'payout' else 'results' end as basis,
           case when i.affiliate_id is null then s.leaf[2] || '/' || s.leaf[3] end as leaf, case when i.affiliate_id is null then s.part_name end as leaf_name, 'id ' || s.leaf[1] as place,
           k.external * s.clicks0 as clicks0, s.conversions0, s.conversions0 - s.lost_conversions0 as costed0, k.external * s.cost0 as cost0, s.revenue0, s.revenue0 - s.lost_revenue0 as costed_revenue0,
           k.external * s.rows0 as costs0, s.rows0 as results0, s.rows0 as revenues0, s.rows0 - s.lost0 as costed_results0,
           k.external * s.clicks1 as clicks1, s.conversions1, s.conversions1 - s.lost_conversions1 as costed1, k.external * s.cost1 as cost1, s.revenue1, s.revenue1 - s.lost_revenue1 as costed_revenue1,
           k.external * s.rows1 as costs1, s.rows1 as results1, s.rows1 as revenues1, s.rows1 - s.lost1 as costed_results1
      from both_sums s
      left join named n on n.affiliate_id = s.leaf[1]
      left join internal i on i.affiliate_id = s.leaf[1]
     cross join lateral (select case when i.affiliate_id is null then 1 else 0 end as external) k
     where s.source = 'everflow.daily_stats'
     union all
    select a.currency, s.is_sandbox, s.is_unknown, w.affiliate_id, coalesce(w.name, s.name), k.basis, coalesce(s.leaf[2], s.leaf[1]), case when s.leaf[2] is null then s.name else s.part_name end, w.place,
           s.clicks0, k.counts * s.conversions0, k.counts * s.conversions0, s.cost0, k.counts * s.revenue0, k.counts * s.revenue0, s.rows0, k.counts * s.rows0, k.counts * s.revenues0, k.counts * s.revenues0,
           s.clicks1, k.counts * s.conversions1, k.counts * s.conversions1, s.cost1, k.counts * s.revenue1, k.counts * s.revenue1, s.rows1, k.counts * s.rows1, k.counts * s.revenues1, k.counts * s.revenues1
      from both_sums s
      join whose w on w.source_id = s.leaf[1]
     cross join account a
     cross join (select case when own_id is null then 'spend' else 'source' end as basis, case when own_id is null then 0 else 1 end as counts) k
     where s.source = spend
     union all
    -- Results of an internal affiliate go by the clicks of its sources.
    select a.currency, s.is_sandbox, s.is_unknown, w.affiliate_id, w.name, 'results', null, null, w.place, s.clicks0, 0, 0, 0, 0, 0, 0, 0, 0, 0, s.clicks1, 0, 0, 0, 0, 0, 0, 0, 0, 0
      from both_sums s join whose w on w.source_id = s.leaf[1] cross join account a
     where s.source = spend and w.affiliate_id is not null
  ), flips as materialized (
    -- Days on which an affiliate's cost came to be known, or no longer is, after they were first read whole.
    select s.affiliate_id, d.day, bool_or(d.is_after) as is_after
      from spend_months s join days d on d.month = s.month and not d.is_open
     where p_seen_before is null and (s.days # s.whole_days) & (1 << (d.day - d.month)) <> 0 group by 1, 2
  ), absent as materialized (
    -- Rows that have another content at a look, or were not there.
    select s.snap, s.day, s.source, s.leaf from stood s
     union all
    select r.snap, c.day, c.source, c.leaf from changing c join reread r on r.source = c.source and r.day = c.day and r.fetch_seq is null
  ), standing as (
    -- What days have now, and had: days that are open and rows that restated; of two looks, what is touched.
    select d.is_after, true as is_open, d.day, d.month, l.source, l.leaf, true as is_there, l.clicks, l.conversions, l.cost, l.revenue,
           false as was_there, 0::bigint as clicks0, 0::bigint as conversions0, 0::numeric as cost0, null::numeric as revenue0
      from days d
     cross join feeds f
     cross join lateral (select * from ops.leaf_days l where l._client_id = p_client and l.source = f.source and l.date = d.day and l.is_there offset 0) l
     where p_seen_before is null and d.is_open
       and ((p_label is null and p_affiliate_id is null and l.source = 'everflow.daily_stats') or (l.source, l.leaf[1]) in (select w.source, w.who from wanted w))
     union all
    select d.is_after, false, d.day, d.month, l.source, l.leaf, l.is_there, l.clicks, l.conversions, l.cost, l.revenue, l.was_there, l.whole_clicks, l.whole_conversions, l.whole_cost, l.whole_revenue
      from days d
     cross join feeds f
     cross join lateral (select * from ops.leaf_days l where l._client_id = p_client and l.source = f.source and l.date = d.day and l.is_restated offset 0) l
     where p_seen_before is null and not d.is_open
       and ((p_label is null and p_affiliate_id is null and l.source = 'everflow.daily_stats') or (l.source, l.leaf[1]) in (select w.source, w.who from wanted w))
     union all
    select d.is_after, false, d.day, d.month, l.source, l.leaf, true, l.clicks, l.conversions, l.cost, l.revenue, true, l.clicks, l.conversions, l.cost, l.revenue
      from flips i
      join days d on d.day = i.day and not d.is_open
      join ops.leaf_days l on l._client_id = p_client and l.source = 'everflow.daily_stats' and l.date = i.day and l.leaf[1] = i.affiliate_id and not l.is_restated
     where exists (select from feeds f where f.source = 'everflow.daily_stats')
     union all
    select d.is_after, d.is_open, d.day, d.month, c.source, c.leaf, n.day is null, c.clicks, c.conversions, c.cost, c.revenue, t.day is null, c.clicks, c.conversions, c.cost, c.revenue
      from changing c
      join days d on d.day = c.day
      left join absent n on n.snap = 'now' and n.day = c.day and n.source = c.source and n.leaf = c.leaf
      left join absent t on t.snap = 'then' and t.day = c.day and t.source = c.source and t.leaf = c.leaf
     union all
    select d.is_after, d.is_open, d.day, d.month, s.source, s.leaf, s.snap = 'now', s.clicks, s.conversions, s.cost, s.revenue, s.snap = 'then', s.clicks, s.conversions, s.cost, s.revenue
      from stood s join days d on d.day = s.day where s.is_there
  ), stated as materialized (
    select s.is_after, s.is_open, s.day, s.month, s.source, s.leaf, o.origin = 'sandbox' as is_sandbox, o.origin = 'unknown' as is_unknown,
           s.is_there::int as rows1, s.was_there::int as rows0, case when s.is_there then s.clicks else 0 end as clicks1, case when s.was_there then s.clicks0 else 0 end as clicks0,
           case when s.is_there then s.conversions else 0 end as conversions1, case when s.was_there then s.conversions0 else 0 end as conversions0,
           case when s.is_there then s.cost else 0 end as cost1, case when s.was_there then s.cost0 else 0 end as cost0,
           case when s.is_there then s.revenue end as revenue1, case when s.was_there then s.revenue0 end as revenue0
      from standing s join origins o on o.source = s.source and o.day = s.day
  ), spent as materialized (
    select w.affiliate_id, s.month, s.is_sandbox, bit_or(s.rows1 << (s.day - s.month)) as days1, bit_or(s.rows0 << (s.day - s.month)) as days0
      from stated s join whose w on w.source_id = s.leaf[1]
     where p_seen_before is not null and s.source = spend and w.affiliate_id is not null group by 1, 2, 3
  ), leaves as (
    -- Lost: results whose cost is unknown.
    select s.is_after, s.is_open, s.day, s.leaf[4] as currency, s.is_sandbox, s.is_unknown, i.affiliate_id is null as is_paid, true as counts,
           i.affiliate_id is not null and (coalesce(p.days1, m.days) & k.bit <> 0) is not true as is_lost1, i.affiliate_id is not null and (coalesce(p.days0, m.whole_days) & k.bit <> 0) is not true as is_lost0,
           s.rows1, s.clicks1, s.conversions1, s.cost1, s.revenue1, s.rows0, s.clicks0, s.conversions0, s.cost0, s.revenue0
      from stated s
      left join internal i on i.affiliate_id = s.leaf[1]
     cross join account a
      left join spend_months m on p_seen_before is null and m.affiliate_id = i.affiliate_id and m.month = s.month and s.leaf[4] = a.currency
      left join spent p on p.month = s.month and p.affiliate_id = i.affiliate_id and p.is_sandbox = s.is_sandbox and s.leaf[4] = a.currency
     cross join lateral (select 1 << (s.day - s.month) as bit) k
     where s.source = 'everflow.daily_stats'
     union all
    select s.is_after, s.is_open, s.day, a.currency, s.is_sandbox, s.is_unknown, true, own_id is not null, false, false,
           s.rows1, s.clicks1, s.conversions1, s.cost1, s.revenue1, s.rows0, s.clicks0, s.conversions0, s.cost0, s.revenue0
      from stated s join whose w on w.source_id = s.leaf[1] cross join account a
     where s.source = spend
  ), day_sums as (
    select l.currency, l.is_sandbox, bool_or(l.is_unknown) as is_unknown, case when l.is_open then 'lateness' else 'restatement' end as part, l.day, l.is_after,
           coalesce(sum(l.clicks1) filter (where l.is_paid), 0) as clicks1, coalesce(sum(l.conversions1) filter (where l.counts), 0) as conversions1,
           coalesce(sum(l.cost1) filter (where l.is_paid), 0) as cost1, coalesce(sum(l.revenue1) filter (where l.counts), 0) as revenue1,
           coalesce(sum(l.conversions1) filter (where l.is_lost1), 0) as lost1, coalesce(sum(l.revenue1) filter (where l.is_lost1), 0) as lost_revenue1,
           coalesce(sum(l.rows1) filter (where l.is_paid), 0) as costs1, coalesce(sum(l.rows1) filter (where l.counts), 0) as results1,
           coalesce(sum(l.rows1) filter (where l.counts and l.revenue1 is not null), 0) as revenues1, coalesce(sum(l.rows1) filter (where l.is_lost1), 0) as lost_results1,
           coalesce(sum(l.clicks0) filter (where l.is_paid), 0) as clicks0, coalesce(sum(l.conversions0) filter (where l.counts), 0) as conversions0,
           coalesce(sum(l.cost0) filter (where l.is_paid), 0) as cost0, coalesce(sum(l.revenue0) filter (where l.counts), 0) as revenue0,
           coalesce(sum(l.conversions0) filter (where l.is_lost0), 0) as lost0, coalesce(sum(l.revenue0) filter (where l.is_lost0), 0) as lost_revenue0,
           coalesce(sum(l.rows0) filter (where l.is_paid), 0) as costs0, coalesce(sum(l.rows0) filter (where l.counts), 0) as results0,
           coalesce(sum(l.rows0) filter (where l.counts and l.revenue0 is not null), 0) as revenues0, coalesce(sum(l.rows0) filter (where l.is_lost0), 0) as lost_results0
      from leaves l group by l.currency, l.is_sandbox, l.is_open, l.day, l.is_after
  ), by_day as (
    select s.currency, s.is_sandbox, s.is_unknown, s.part, s.day, s.is_after,
           s.clicks1, s.conversions1, s.conversions1 - s.lost1 as costed1, s.cost1, s.revenue1, s.revenue1 - s.lost_revenue1 as costed_revenue1, s.costs1, s.results1, s.revenues1, s.revenues1 - s.lost_results1 as costed_results1,
           s.clicks0, s.conversions0, s.conversions0 - s.lost0 as costed0, s.cost0, s.revenue0, s.revenue0 - s.lost_revenue0 as costed_revenue0, s.costs0, s.results0, s.revenues0, s.revenues0 - s.lost_results0 as costed_results0
      from day_sums s
  ), of_day as (
    -- Of two periods, what a day has come to have more since is a difference of its own end; of two looks, each is an end.
    select b.*, k.* from by_day b
     cross join lateral (select case when p_seen_before is not null then 0 when b.is_after then 0 else 1 end as n0, case when p_seen_before is not null then 1 when b.is_after then 0 else -1 end as t0,
                                case when p_seen_before is not null then 1 when b.is_after then 1 else 0 end as n1, case when p_seen_before is not null then 0 when b.is_after then -1 else 0 end as t1) k
  ), all_rows as (
    select f.currency, f.is_sandbox, bool_or(f.is_unknown) as is_unknown, 'flow' as part, null::date as day, null::boolean as is_after, f.affiliate_id, max(f.affiliate) as affiliate, f.basis, f.leaf, max(f.leaf_name) as leaf_name,
           sum(f.clicks0) as clicks0, sum(f.conversions0) as conversions0, sum(f.costed0) as costed0, sum(f.cost0) as cost0, sum(f.revenue0) as revenue0, sum(f.costed_revenue0) as costed_revenue0,
           sum(f.clicks1) as clicks1, sum(f.conversions1) as conversions1, sum(f.costed1) as costed1, sum(f.cost1) as cost1, sum(f.revenue1) as revenue1, sum(f.costed_revenue1) as costed_revenue1,
           sum(f.costs0) as costs0, sum(f.results0) as results0, sum(f.revenues0) as revenues0, sum(f.costed_results0) as costed_results0,
           sum(f.costs1) as costs1, sum(f.results1) as results1, sum(f.revenues1) as revenues1, sum(f.costed_results1) as costed_results1
      from flow f group by f.currency, f.is_sandbox, f.affiliate_id, f.place, f.basis, f.leaf
     union all
    select d.currency, d.is_sandbox, d.is_unknown, d.part, d.day, d.is_after, null, null, null, null, null,
           d.n0 * d.clicks1 + d.t0 * d.clicks0, d.n0 * d.conversions1 + d.t0 * d.conversions0, d.n0 * d.costed1 + d.t0 * d.costed0, d.n0 * d.cost1 + d.t0 * d.cost0, d.n0 * d.revenue1 + d.t0 * d.revenue0, d.n0 * d.costed_revenue1 + d.t0 * d.costed_revenue0,
           d.n1 * d.clicks1 + d.t1 * d.clicks0, d.n1 * d.conversions1 + d.t1 * d.conversions0, d.n1 * d.costed1 + d.t1 * d.costed0, d.n1 * d.cost1 + d.t1 * d.cost0, d.n1 * d.revenue1 + d.t1 * d.revenue0, d.n1 * d.costed_revenue1 + d.t1 * d.costed_revenue0,
           d.n0 * d.costs1 + d.t0 * d.costs0, d.n0 * d.results1 + d.t0 * d.results0, d.n0 * d.revenues1 + d.t0 * d.revenues0, d.n0 * d.costed_results1 + d.t0 * d.costed_results0, d.n1 * d.costs1 + d.t1 * d.costs0, d.n1 * d.results1 + d.t1 * d.results0, d.n1 * d.revenues1 + d.t1 * d.revenues0, d.n1 * d.costed_results1 + d.t1 * d.costed_results0
      from of_day d
  )
  select a.currency, case when a.is_sandbox then 'sandbox' when a.is_unknown then 'unknown' else 'real' end, a.part, a.day, a.is_after, a.affiliate_id, a.affiliate, a.basis, a.leaf, a.leaf_name,
         a.clicks0, a.conversions0, a.costed0, a.cost0, a.revenue0, a.costed_revenue0, a.clicks1, a.conversions1, a.costed1, a.cost1, a.revenue1, a.costed_revenue1,
         a.costs0, a.results0, a.revenues0, a.costed_results0, a.costs1, a.results1, a.revenues1, a.costed_results1
    from all_rows a;
end
$$;

-- Sums of spend and of Everflow's statistics, kept in the transaction that changes the rows: per leaf and day as the rows are and
-- as they were when the day was first read whole, the same per month, and what each reading of a day knew.

-- A feed's rows as leaves: how its columns are named here.
create or replace function ops.leaf_columns(p_source text) returns text language sql immutable as $$
  select case p_source
    when 'redtrack.daily_spend' then 'array[source_id] as leaf, source_name as name, null::text as part_name, clicks, conversions, cost, revenue'
    when 'redtrack.campaign_spend' then 'array[campaign_id, source_id] as leaf, campaign_name as name, source_name as part_name, clicks, conversions, cost, revenue'
    when 'everflow.daily_stats' then 'array[affiliate_id, advertiser_id, offer_id, currency] as leaf, affiliate_name as name, offer_name as part_name, clicks, conversions, payout as cost, revenue'
  end
$$;
comment on function ops.leaf_columns(text) is 'How a feed''s columns are named in the sums.';

-- Adds up a month of some leaves again: what its days have is always what it has.
create or replace function ops.sum_leaf_month(p_source text, p_client text, p_month date, p_leaves text[]) returns void language plpgsql as $$
begin
  delete from ops.leaf_months m where m._client_id = p_client and m.source = p_source and m.month = p_month and m.leaf::text = any(p_leaves);
  insert into ops.leaf_months (_client_id, source, month, leaf, name, part_name, days, clicks, conversions, cost, revenue, revenues,
                               whole_days, whole_clicks, whole_conversions, whole_cost, whole_revenue, whole_revenues)
  select p_client, p_source, p_month, d.leaf, max(d.name), max(d.part_name), coalesce(bit_or(k.bit) filter (where d.is_there), 0),
         sum(d.clicks), sum(d.conversions), sum(d.cost), coalesce(sum(d.revenue), 0), count(d.revenue), coalesce(bit_or(k.bit) filter (where d.was_there), 0),
         sum(d.whole_clicks), sum(d.whole_conversions), sum(d.whole_cost), coalesce(sum(d.whole_revenue), 0), count(d.whole_revenue)
    from ops.leaf_days d cross join lateral (select 1 << (d.date - p_month) as bit) k
   where d._client_id = p_client and d.source = p_source and d.date >= p_month and d.date < p_month + interval '1 month' and d.leaf::text = any(p_leaves)
   group by d.leaf;
end $$;
comment on function ops.sum_leaf_month(text, text, date, text[]) is 'Adds up a month of some leaves again.';

create or replace function ops.sum_leaves() returns trigger language plpgsql as $$
declare
  feed constant text := format('%s.%s', tg_table_schema, tg_table_name);
  leaves constant text := '_client_id, date, ' || ops.leaf_columns(feed);
  changes constant text := case tg_op
    when 'INSERT' then format('select true as is_there, %s from added', leaves)
    when 'DELETE' then format('select false as is_there, %s from gone', leaves)
    else format('with a as (select %1$s from added), g as (select %1$s from gone)
                 select true as is_there, a.* from a union all
                 select false, g.* from g where not exists (select from a where (a._client_id, a.date, a.leaf) = (g._client_id, g.date, g.leaf))', leaves) end;
  client text;
  changed record;
begin
  if tg_op = 'TRUNCATE' then
    delete from ops.leaf_days where source = feed;
    delete from ops.leaf_months where source = feed;
    return null;
  end if;
  -- Days of one month are added up by one transaction at a time: another's rows would be missing in the sum.
  for client in execute format('select distinct _client_id from (%s) c order by 1', changes) loop
    perform pg_advisory_xact_lock(hashtextextended('leaf sums/' || client, 0));
  end loop;
  execute format($sql$
    insert into ops.leaf_days (_client_id, source, date, leaf, name, part_name, is_there, clicks, conversions, cost, revenue,
                               was_there, whole_clicks, whole_conversions, whole_cost, whole_revenue, is_restated)
    select c._client_id, %1$L, c.date, c.leaf, c.name, c.part_name, c.is_there, n.clicks, n.conversions, n.cost, n.revenue,
           w.was_there, w.clicks, w.conversions, w.cost, w.revenue,
           (c.is_there, n.clicks, n.conversions, n.cost, n.revenue) is distinct from (w.was_there, w.clicks, w.conversions, w.cost, w.revenue)
      from (%2$s) c
      left join ops.first_whole f on f._client_id = c._client_id and f.source = %1$L and f.date = c.date
      left join ops.leaf_days o on o._client_id = c._client_id and o.source = %1$L and o.date = c.date and o.leaf = c.leaf
     cross join lateral (select case when c.is_there then c.clicks else 0 end as clicks, case when c.is_there then c.conversions else 0 end as conversions,
                                case when c.is_there then c.cost else 0 end as cost, case when c.is_there then c.revenue end as revenue) n
     -- Until a day was read whole, what it was is what it is.
     cross join lateral (
           select c.is_there as was_there, n.* where f.date is null
            union all
           select coalesce(o.was_there, false), coalesce(o.whole_clicks, 0), coalesce(o.whole_conversions, 0), coalesce(o.whole_cost, 0), o.whole_revenue where f.date is not null) w
    on conflict on constraint leaf_days_key do update
       set name = excluded.name, part_name = excluded.part_name, is_there = excluded.is_there, clicks = excluded.clicks, conversions = excluded.conversions,
           cost = excluded.cost, revenue = excluded.revenue, was_there = excluded.was_there, whole_clicks = excluded.whole_clicks,
           whole_conversions = excluded.whole_conversions, whole_cost = excluded.whole_cost, whole_revenue = excluded.whole_revenue, is_restated = excluded.is_restated
  $sql$, feed, changes);
  execute format('delete from ops.leaf_days d using (%2$s) c where d._client_id = c._client_id and d.source = %1$L and d.date = c.date and d.leaf = c.leaf and not d.is_there and not d.was_there', feed, changes);
  for changed in execute format('select _client_id as client, date_trunc(''month'', date)::date as month, array_agg(distinct leaf::text) as leaves from (%s) c group by 1, 2 order by 1, 2', changes) loop
    perform ops.sum_leaf_month(feed, changed.client, changed.month, changed.leaves);
  end loop;
  return null;
end $$;
comment on function ops.sum_leaves() is 'Brings a statement''s changes of a feed into its sums by day and month.';

-- What a reading knew of its day, and whether it is the first one after the day's end.
create or replace function ops.keep_reading() returns trigger language plpgsql as $$
declare
  read_day constant date := new.slice::date;
begin
  if new.outcome in ('emptied', 'shrunk') then return null; end if;
  if new.fetched_at >= (read_day + 1)::timestamp at time zone new.timezone then
    insert into ops.first_whole (_client_id, source, date, fetch_seq) values (new._client_id, new.source, read_day, new.fetch_seq) on conflict do nothing;
  end if;
  -- Of campaigns no reading is asked for: their spend is that of the sources.
  if new.inserted + new.updated + new.withdrawn > 0 and new.source <> 'redtrack.campaign_spend' then
    insert into ops.known_days (_client_id, source, date, fetch_seq, who, currencies, conversions, costs, revenues)
    select new._client_id, new.source, read_day, new.fetch_seq, coalesce(array_agg(s.who), '{}'), coalesce(array_agg(s.currency), '{}'),
           coalesce(array_agg(s.conversions), '{}'), coalesce(array_agg(s.cost), '{}'), coalesce(array_agg(s.revenue), '{}')
      from (select d.leaf[1] as who, coalesce(d.leaf[4], '') as currency, sum(d.conversions)::bigint as conversions, sum(d.cost) as cost, coalesce(sum(d.revenue), 0) as revenue
              from ops.leaf_days d where d._client_id = new._client_id and d.source = new.source and d.date = read_day and d.is_there group by 1, 2) s
    on conflict do nothing;
  end if;
  return null;
end $$;
comment on function ops.keep_reading() is 'Keeps what a reading knew of its day.';

-- A day of which nothing is stored any more was never read.
create or replace function ops.forget_readings() returns trigger language plpgsql as $$
declare
  client text;
  forgotten record;
begin
  for client in select distinct g._client_id from gone g where ops.leaf_columns(g.source) is not null order by 1 loop
    perform pg_advisory_xact_lock(hashtextextended('leaf sums/' || client, 0));
  end loop;
  delete from ops.first_whole f using gone g where f._client_id = g._client_id and f.source = g.source and f.date = g.day;
  delete from ops.known_days k using gone g where k._client_id = g._client_id and k.source = g.source and k.date = g.day;
  for forgotten in
    with d as (
      delete from ops.leaf_days d using gone g where d._client_id = g._client_id and d.source = g.source and d.date = g.day and not d.is_there
      returning d._client_id, d.source, d.date, d.leaf
    )
    select d._client_id as client, d.source, date_trunc('month', d.date)::date as month, array_agg(distinct d.leaf::text) as leaves from d group by 1, 2, 3 order by 1, 2, 3
  loop
    perform ops.sum_leaf_month(forgotten.source, forgotten.client, forgotten.month, forgotten.leaves);
  end loop;
  return null;
end $$;
comment on function ops.forget_readings() is 'Deletes what the readings of a day knew with the day.';

-- Once: triggers that are made wait for whoever writes, and keep others waiting until what is there has been summed.
do $$
declare
  feed text;
  feeds constant text[] := array['redtrack.daily_spend', 'redtrack.campaign_spend', 'everflow.daily_stats'];
begin
  foreach feed in array feeds loop
    if not exists (select from pg_trigger where tgname = 'leaves_inserted' and tgrelid = feed::regclass) then
      execute format('create trigger leaves_inserted after insert on %s referencing new table as added for each statement execute function ops.sum_leaves()', feed);
      execute format('create trigger leaves_updated after update on %s referencing old table as gone new table as added for each statement execute function ops.sum_leaves()', feed);
      execute format('create trigger leaves_deleted after delete on %s referencing old table as gone for each statement execute function ops.sum_leaves()', feed);
      execute format('create trigger leaves_truncated after truncate on %s for each statement execute function ops.sum_leaves()', feed);
      delete from ops.leaf_days where source = feed;
      delete from ops.leaf_months where source = feed;
      delete from ops.first_whole where source = feed;
      delete from ops.known_days where source = feed;
      insert into ops.first_whole (_client_id, source, date, fetch_seq)
      select r._client_id, r.source, r.slice::date, min(r.fetch_seq) from ops.receipts r
       where r.source = feed and r.outcome not in ('emptied', 'shrunk') and r.fetched_at >= (r.slice::date + 1)::timestamp at time zone r.timezone
       group by 1, 2, 3;
      execute format($sql$
        with now as (
          select _client_id, date, %2$s from %1$s
        ), restated as (
          -- The first change after the first whole reading says what the row was.
          select distinct on (r._client_id, f.date, r.row_key) r._client_id, f.date, r.row_key, r.old
            from ops.first_whole f
            join ops.restatements r on r._client_id = f._client_id and r.source = f.source and r.slice = f.date::text and r.fetch_seq > f.fetch_seq
           where f.source = %1$L
           order by r._client_id, f.date, r.row_key, r.fetch_seq
        ), was as (
          -- A column of the key is in the one, all others in the other.
          select s._client_id, s.date, s.old is not null as was_there, %2$s
            from (select r._client_id, r.date, r.old, p.* from restated r
                   cross join lateral jsonb_to_record(r.row_key || coalesce(r.old, '{}')) p(
                     source_id text, source_name text, campaign_id text, campaign_name text, affiliate_id text, affiliate_name text, advertiser_id text, offer_id text, offer_name text, currency text,
                     clicks bigint, conversions bigint, cost numeric, payout numeric, revenue numeric)) s
        )
        insert into ops.leaf_days (_client_id, source, date, leaf, name, part_name, is_there, clicks, conversions, cost, revenue,
                                   was_there, whole_clicks, whole_conversions, whole_cost, whole_revenue, is_restated)
        select coalesce(n._client_id, w._client_id), %1$L, coalesce(n.date, w.date), coalesce(n.leaf, w.leaf), coalesce(n.name, w.name), coalesce(n.part_name, w.part_name),
               n.leaf is not null, coalesce(n.clicks, 0), coalesce(n.conversions, 0), coalesce(n.cost, 0), n.revenue,
               t.was_there, t.clicks, t.conversions, t.cost, t.revenue,
               (n.leaf is not null, coalesce(n.clicks, 0), coalesce(n.conversions, 0), coalesce(n.cost, 0), n.revenue) is distinct from (t.was_there, t.clicks, t.conversions, t.cost, t.revenue)
          from now n full join was w on w._client_id = n._client_id and w.date = n.date and w.leaf = n.leaf
         cross join lateral (
               select coalesce(w.was_there, true) as was_there, case when w.leaf is null then n.clicks else coalesce(w.clicks, 0) end as clicks,
                      case when w.leaf is null then n.conversions else coalesce(w.conversions, 0) end as conversions,
                      case when w.leaf is null then n.cost else coalesce(w.cost, 0) end as cost, case when w.leaf is null then n.revenue else w.revenue end as revenue) t
         where n.leaf is not null or t.was_there
      $sql$, feed, ops.leaf_columns(feed));
      perform ops.sum_leaf_month(feed, m.client, m.month, m.leaves)
         from (select _client_id as client, date_trunc('month', date)::date as month, array_agg(distinct leaf::text) as leaves from ops.leaf_days where source = feed group by 1, 2) m;
      insert into ops.known_days (_client_id, source, date, fetch_seq, who, currencies, conversions, costs, revenues)
      with steps as materialized (
        select r._client_id, r.slice, r.fetch_seq, coalesce(r.row_key ->> 'affiliate_id', r.row_key ->> 'source_id') as who, coalesce(r.row_key ->> 'currency', '') as currency,
               sum((r.new is not null)::int - (r.old is not null)::int) as rows,
               sum(coalesce((r.new ->> 'conversions')::bigint, 0) - coalesce((r.old ->> 'conversions')::bigint, 0)) as conversions,
               sum(coalesce((r.new ->> k.cost)::numeric, 0) - coalesce((r.old ->> k.cost)::numeric, 0)) as cost,
               sum(coalesce((r.new ->> 'revenue')::numeric, 0) - coalesce((r.old ->> 'revenue')::numeric, 0)) as revenue
          from ops.restatements r cross join (select case when feed = 'redtrack.daily_spend' then 'cost' else 'payout' end as cost) k
         where r.source = feed and feed <> 'redtrack.campaign_spend' group by 1, 2, 3, 4, 5
      ), known as (
        select p._client_id, p.slice, p.fetch_seq, s.who, s.currency, sum(s.conversions)::bigint as conversions, sum(s.cost) as cost, sum(s.revenue) as revenue
          from (select distinct _client_id, slice, fetch_seq from steps) p
          join steps s on s._client_id = p._client_id and s.slice = p.slice and s.fetch_seq <= p.fetch_seq
         group by 1, 2, 3, 4, 5 having sum(s.rows) > 0
      )
      select r._client_id, feed, r.slice::date, r.fetch_seq, coalesce(array_agg(k.who) filter (where k.who is not null), '{}'), coalesce(array_agg(k.currency) filter (where k.who is not null), '{}'),
             coalesce(array_agg(k.conversions) filter (where k.who is not null), '{}'), coalesce(array_agg(k.cost) filter (where k.who is not null), '{}'),
             coalesce(array_agg(k.revenue) filter (where k.who is not null), '{}')
        from (select distinct _client_id, slice, fetch_seq from steps) r left join known k on k._client_id = r._client_id and k.slice = r.slice and k.fetch_seq = r.fetch_seq
       group by 1, 2, 3, 4;
    end if;
  end loop;
  if not exists (select from pg_trigger where tgname = 'feed_readings_kept' and tgrelid = 'ops.receipts'::regclass) then
    drop trigger if exists readings_kept on ops.receipts;
    create trigger feed_readings_kept after insert on ops.receipts for each row when (ops.leaf_columns(new.source) is not null) execute function ops.keep_reading();
  end if;
  if not exists (select from pg_trigger where tgname = 'readings_forgotten' and tgrelid = 'ops.slices'::regclass) then
    create trigger readings_forgotten after delete on ops.slices referencing old table as gone for each statement execute function ops.forget_readings();
  end if;
end $$;

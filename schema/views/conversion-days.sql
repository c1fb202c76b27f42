-- Sums of conversions by day, kept in the transaction that changes the rows: exact at every moment, also while others write. The days
-- are also noted, to be compared again between vendors.
-- Whoever writes adds to the part of its own session's number, and keeps that part to itself up to its commit: two that
-- touch the same days in another order would wait for each other for ever.
create or replace function anytrack.own_part(p_feed text) returns smallint language plpgsql as $$
declare
  part constant smallint := pg_backend_pid() % 16;
begin
  perform pg_advisory_xact_lock(hashtext(p_feed || ' conversion days'), part);
  return part;
end $$;
comment on function anytrack.own_part(text) is 'The part of the sums by day that this session adds to.';

create or replace function anytrack.sum_conversions() returns trigger language plpgsql as $$
declare
  -- What the statement added, less what it took away.
  changes constant text := case tg_op
    when 'INSERT' then 'select *, 1 as sign from added'
    when 'DELETE' then 'select *, -1 as sign from gone'
    else 'select *, 1 as sign from added union all select *, -1 from gone' end;
begin
  if tg_op = 'TRUNCATE' then
    insert into findings.changed_days (_client_id, date) select distinct _client_id, date from anytrack.conversion_days;
    delete from anytrack.conversion_days;
    return null;
  end if;
  -- Whatever changed: an order's number stands in no sum.
  execute format('insert into findings.changed_days (_client_id, date) select distinct r._client_id, r.date from (%s) r', changes);
  execute format($sql$
    insert into anytrack.conversion_days as d (_client_id, date, type, currency, origin, part, conversions, amounts, revenue)
    select c._client_id, c.date, c.type, c.currency, c.origin, anytrack.own_part('anytrack'), c.conversions, c.amounts, c.revenue
      from (select _client_id, date, type, currency, origin, sum(sign) as conversions, coalesce(sum(sign) filter (where revenue is not null), 0) as amounts,
                   coalesce(sum(sign * revenue), 0) as revenue
              from (%s) r group by 1, 2, 3, 4, 5) c
     where (c.conversions, c.amounts, c.revenue) <> (0, 0, 0)
    on conflict on constraint conversion_days_key do update
       set conversions = d.conversions + excluded.conversions, amounts = d.amounts + excluded.amounts, revenue = d.revenue + excluded.revenue
  $sql$, changes);
  return null;
end $$;
comment on function anytrack.sum_conversions() is 'Adds what a statement changed of conversions to their sums by day.';

create or replace function everflow.sum_conversions() returns trigger language plpgsql as $$
declare
  changes constant text := case tg_op
    when 'INSERT' then 'select *, 1 as sign from added'
    when 'DELETE' then 'select *, -1 as sign from gone'
    else 'select *, 1 as sign from added union all select *, -1 from gone' end;
begin
  if tg_op = 'TRUNCATE' then
    insert into findings.changed_days (_client_id, date) select _client_id, date from everflow.conversion_days union select _client_id, date from anytrack.conversion_days;
    delete from everflow.conversion_days;
    return null;
  end if;
  execute format('insert into findings.changed_days (_client_id, date) select distinct r._client_id, r.date from (%s) r', changes);
  if tg_op <> 'INSERT' then
    -- Afterwards nothing tells of which order they were: what AnyTrack has of it far away may be alone now.
    insert into findings.changed_days (_client_id, date)
    select distinct a._client_id, a.date
      from gone g join anytrack.conversions a on a._client_id = g._client_id and a.conversion_key = 'order:' || coalesce(g.order_id, g.conversion_id)
     where not g.is_event and a.date not between g.date - 3 and g.date + 3;
  end if;
  execute format($sql$
    insert into everflow.conversion_days as d (_client_id, date, _slice, status, currency, part, conversions, events, payout, revenue)
    select c._client_id, c.date, c._slice, c.status, c.currency, anytrack.own_part('everflow'), c.conversions, c.events, c.payout, c.revenue
      from (select _client_id, date, _slice, status, currency, coalesce(sum(sign) filter (where not is_event), 0) as conversions,
                   coalesce(sum(sign) filter (where is_event), 0) as events, sum(sign * payout) as payout, sum(sign * revenue) as revenue
              from (%s) r group by 1, 2, 3, 4, 5) c
     where (c.conversions, c.events, c.payout, c.revenue) <> (0, 0, 0, 0)
    on conflict on constraint conversion_days_key do update
       set conversions = d.conversions + excluded.conversions, events = d.events + excluded.events, payout = d.payout + excluded.payout,
           revenue = d.revenue + excluded.revenue
  $sql$, changes);
  return null;
end $$;
comment on function everflow.sum_conversions() is 'Adds what a statement changed of Everflow''s conversions to their sums by day.';

-- A click may come after its conversion: it decides whether AnyTrack can be sent it, and what meets whom. By which conversions it is
-- named is looked up when days are compared: a conversion that is stored meanwhile could not be seen here.
create or replace function anytrack.note_clicks() returns trigger language plpgsql as $$
begin
  execute format('insert into findings.changed_days (_client_id, date, click_id) select r._client_id, r.date, r.click_id from %I r', case tg_op when 'INSERT' then 'added' else 'gone' end);
  return null;
end $$;
comment on function anytrack.note_clicks() is 'Notes clicks that have come or gone, so that conversions which name them are compared again.';

do $$
begin
  if not exists (select from pg_trigger where tgname = 'clicks_inserted' and tgrelid = 'anytrack.clicks'::regclass) then
    create trigger clicks_inserted after insert on anytrack.clicks referencing new table as added for each statement execute function anytrack.note_clicks();
    create trigger clicks_deleted after delete on anytrack.clicks referencing old table as gone for each statement execute function anytrack.note_clicks();
  end if;
end $$;

-- Once: triggers that are made wait for whoever writes, and keep others waiting until what is there has been summed.
do $$
declare
  feed text;
begin
  foreach feed in array array['anytrack', 'everflow'] loop
    if not exists (select from pg_trigger where tgname = 'sums_inserted' and tgrelid = format('%I.conversions', feed)::regclass) then
      execute format('create trigger sums_inserted after insert on %1$I.conversions referencing new table as added for each statement execute function %1$I.sum_conversions()', feed);
      execute format('create trigger sums_updated after update on %1$I.conversions referencing old table as gone new table as added for each statement execute function %1$I.sum_conversions()', feed);
      execute format('create trigger sums_deleted after delete on %1$I.conversions referencing old table as gone for each statement execute function %1$I.sum_conversions()', feed);
      execute format('create trigger sums_truncated after truncate on %1$I.conversions for each statement execute function %1$I.sum_conversions()', feed);
      execute format('delete from %I.conversion_days', feed);
      if feed = 'anytrack' then
        insert into anytrack.conversion_days (_client_id, date, type, currency, origin, part, conversions, amounts, revenue)
        select _client_id, date, type, currency, origin, 0, count(*), count(revenue), coalesce(sum(revenue), 0) from anytrack.conversions group by 1, 2, 3, 4, 5;
      else
        insert into everflow.conversion_days (_client_id, date, _slice, status, currency, part, conversions, events, payout, revenue)
        select _client_id, date, _slice, status, currency, 0, count(*) filter (where not is_event), count(*) filter (where is_event), sum(payout), sum(revenue)
          from everflow.conversions group by 1, 2, 3, 4, 5;
      end if;
    end if;
  end loop;
end $$;

-- The same per affiliate, for payout statements.
create or replace function everflow.sum_payouts() returns trigger language plpgsql as $$
declare
  changes constant text := case tg_op
    when 'INSERT' then 'select *, 1 as sign from added'
    when 'DELETE' then 'select *, -1 as sign from gone'
    else 'select *, 1 as sign from added union all select *, -1 from gone' end;
begin
  if tg_op = 'TRUNCATE' then
    delete from everflow.affiliate_days;
    return null;
  end if;
  execute format($sql$
    insert into everflow.affiliate_days as d (_client_id, date, affiliate_id, affiliate_name, status, currency, part, conversions, payout, positive, positive_payout, nonzero)
    select c._client_id, c.date, c.affiliate_id, c.affiliate_name, c.status, c.currency, anytrack.own_part('everflow'), c.conversions, c.payout, c.positive, c.positive_payout, c.nonzero
      from (select _client_id, date, affiliate_id, affiliate_name, status, currency, sum(sign) as conversions, sum(sign * payout) as payout,
                   coalesce(sum(sign) filter (where payout > 0), 0) as positive, coalesce(sum(sign * payout) filter (where payout > 0), 0) as positive_payout,
                   coalesce(sum(sign) filter (where payout <> 0), 0) as nonzero
              from (%s) r group by 1, 2, 3, 4, 5, 6) c
     where (c.conversions, c.payout, c.positive, c.positive_payout, c.nonzero) <> (0, 0, 0, 0, 0)
    on conflict on constraint affiliate_days_key do update
       set conversions = d.conversions + excluded.conversions, payout = d.payout + excluded.payout, positive = d.positive + excluded.positive,
           positive_payout = d.positive_payout + excluded.positive_payout, nonzero = d.nonzero + excluded.nonzero
  $sql$, changes);
  return null;
end $$;
comment on function everflow.sum_payouts() is 'Adds what a statement changed of Everflow''s conversions to what affiliates earn by day.';

do $$
begin
  if not exists (select from pg_trigger where tgname = 'payouts_inserted' and tgrelid = 'everflow.conversions'::regclass) then
    create trigger payouts_inserted after insert on everflow.conversions referencing new table as added for each statement execute function everflow.sum_payouts();
    create trigger payouts_updated after update on everflow.conversions referencing old table as gone new table as added for each statement execute function everflow.sum_payouts();
    create trigger payouts_deleted after delete on everflow.conversions referencing old table as gone for each statement execute function everflow.sum_payouts();
    create trigger payouts_truncated after truncate on everflow.conversions for each statement execute function everflow.sum_payouts();
    delete from everflow.affiliate_days;
    insert into everflow.affiliate_days (_client_id, date, affiliate_id, affiliate_name, status, currency, part, conversions, payout, positive, positive_payout, nonzero)
    select _client_id, date, affiliate_id, affiliate_name, status, currency, 0, count(*), sum(payout), count(*) filter (where payout > 0), coalesce(sum(payout) filter (where payout > 0), 0),
           count(*) filter (where payout <> 0)
      from everflow.conversions group by 1, 2, 3, 4, 5, 6;
  end if;
end $$;

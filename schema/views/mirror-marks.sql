-- Which days have changed, for the column store: noted in the transaction that changes them, whoever it is. Of what files and
-- slices write, their books say it, a row for each day; of what is deleted, and of promo events, the rows themselves.
create or replace function ops.mark_changed_days() returns trigger language plpgsql as $$
declare
  changed constant text := case tg_op
    when 'INSERT' then 'select * from added'
    when 'DELETE' then 'select * from gone'
    else 'select * from added union all select * from gone' end;
begin
  if tg_op = 'TRUNCATE' then
    insert into ops.mirror_marks (feed, _client_id, day)
    select v.feed, v._client_id, v.day from ops.mirror_versions v where v.feed = tg_argv[0] and v.state = 'current';
    return null;
  end if;
  execute format('insert into ops.mirror_marks (feed, _client_id, day) select distinct %s, r._client_id, r.%I::date from (%s) r where %s',
                 tg_argv[0], tg_argv[1], changed, coalesce(tg_argv[2], 'true'));
  return null;
end $$;
comment on function ops.mark_changed_days() is 'Notes for the column store which days a statement changed. Takes the feed, the column of the day, and which rows count.';

-- Each statement waits for whoever writes to its table: so only where it was not yet.
do $$
declare
  books constant text[][] := array[
    ['ops.file_days', '''performance''', 'date', 'true'],
    ['ops.report_days', 'replace(r.source, ''rtb.'', '''')', 'date', 'true'],
    ['ops.receipts', 'replace(r.source, ''.'', ''_'')', 'slice',
     'r.source in (''redtrack.daily_spend'', ''everflow.daily_stats'', ''everflow.conversions'') and r.inserted + r.updated + r.withdrawn > 0']];
  held constant text[][] := array[
    ['rtb.performance_metrics', 'performance', 'date'], ['rtb.report_countries', 'report_countries', 'date'],
    ['rtb.report_publishers', 'report_publishers', 'date'], ['rtb.report_bids', 'report_bids', 'date'],
    ['rtb.report_quality', 'report_quality', 'date'], ['rtb.report_invalid', 'report_invalid', 'date'],
    ['rtb.report_filtering', 'report_filtering', 'date'], ['rtb.rtb_traffic', 'rtb_traffic', 'date'],
    ['redtrack.daily_spend', 'redtrack_daily_spend', '_slice'], ['everflow.daily_stats', 'everflow_daily_stats', '_slice'],
    ['everflow.conversions', 'everflow_conversions', '_slice'], ['promo.promo_performance_metrics', 'promo_days', 'date'],
    ['promo.promo_click_days', 'promo_click_days', 'date']];
  one text[];
begin
  foreach one slice 1 in array books loop
    if not exists (select from pg_trigger where tgname = 'mirror_inserted' and tgrelid = one[1]::regclass) then
      execute format('create trigger mirror_inserted after insert on %s referencing new table as added for each statement execute function ops.mark_changed_days(%L, %L, %L)', one[1], one[2], one[3], one[4]);
      execute format('create trigger mirror_updated after update on %s referencing old table as gone new table as added for each statement execute function ops.mark_changed_days(%L, %L, %L)', one[1], one[2], one[3], one[4]);
    end if;
  end loop;
  foreach one slice 1 in array held loop
    if not exists (select from pg_trigger where tgname = 'mirror_deleted' and tgrelid = one[1]::regclass) then
      execute format('create trigger mirror_deleted after delete on %s referencing old table as gone for each statement execute function ops.mark_changed_days(%L, %L)', one[1], quote_literal(one[2]), one[3]);
      execute format('create trigger mirror_truncated after truncate on %s for each statement execute function ops.mark_changed_days(%L)', one[1], one[2]);
      if one[1] like 'promo.%' then
        execute format('create trigger mirror_inserted after insert on %s referencing new table as added for each statement execute function ops.mark_changed_days(%L, %L)', one[1], quote_literal(one[2]), one[3]);
        execute format('create trigger mirror_updated after update on %s referencing old table as gone new table as added for each statement execute function ops.mark_changed_days(%L, %L)', one[1], quote_literal(one[2]), one[3]);
      end if;
    end if;
  end loop;
end $$;

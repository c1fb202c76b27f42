-- Sums of reports and posts for dashboards, kept in the transaction that changes the rows.

-- What each of these lines of posts adds to the sums. What the platform says of one post counts once, of the line that was verified last.
create or replace function recon.parts_of_posts(p_lines recon.post_totals[]) returns setof recon.post_sums language sql stable as $$
  select _client_id, campaign_id, affiliate_id, platform, post_currency, (nth = 1)::int, reports, (nth = 1 and spend is not null)::int, case when nth = 1 then coalesce(spend, 0) else 0 end,
         claimed_views, claimed_clicks, claimed_conversions,
         case when verified_views is null then 0 else claimed_views end, case when verified_clicks is null then 0 else claimed_clicks end,
         case when verified_conversions is null then 0 else claimed_conversions end,
         case when nth = 1 then coalesce(verified_views, 0) else 0 end, case when nth = 1 then coalesce(verified_clicks, 0) else 0 end,
         case when nth = 1 then coalesce(verified_conversions, 0) else 0 end,
         (nth = 1 and verified_views is not null)::int, (nth = 1 and verified_clicks is not null)::int, (nth = 1 and verified_conversions is not null)::int
    from (select t.*, first_value(t.currency) over same as post_currency, row_number() over same as nth from unnest(p_lines) t
          window same as (partition by t._client_id, t.campaign_id, t.platform, t.post_key order by t.verified_at desc nulls last, t.post_id)) t
$$;
comment on function recon.parts_of_posts(recon.post_totals[]) is 'What lines of posts add to the sums of their campaigns.';

create or replace function recon.sum_posts() returns trigger language plpgsql as $$
declare
  is_of recon.post_totals[] := '{}';
  was_of recon.post_totals[] := '{}';
  lines_now recon.post_totals[];
  post record;
begin
  if tg_op = 'TRUNCATE' then
    delete from recon.post_sums;
    return null;
  end if;
  if tg_op <> 'DELETE' then
    is_of := array(select row(a.*)::recon.post_totals from added a);
  end if;
  if tg_op <> 'INSERT' then
    was_of := array(select row(g.*)::recon.post_totals from gone g);
  end if;
  -- What a post adds depends on all who claim it: one transaction at a time.
  for post in select distinct _client_id, campaign_id, platform, post_key from unnest(is_of || was_of) order by 1, 2, 3, 4 loop
    perform pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'post sums', post._client_id, post.campaign_id, post.platform, post.post_key), 0));
  end loop;
  lines_now := array(
    select row(t.*)::recon.post_totals from recon.post_totals t
     where (t._client_id, t.campaign_id, t.platform, t.post_key) in (select _client_id, campaign_id, platform, post_key from unnest(is_of || was_of)));
  with steps as (
    select 1 as sign, p.* from recon.parts_of_posts(lines_now) p
     union all
    select -1, p.* from recon.parts_of_posts(
      was_of || array(select row(t.*)::recon.post_totals from unnest(lines_now) t where not exists (select from unnest(is_of) a where (a._client_id, a.post_id) = (t._client_id, t.post_id)))) p
  )
  insert into recon.post_sums as s
  select * from (
    select _client_id, campaign_id, affiliate_id, platform, currency, sum(sign * posts) as posts, sum(sign * reports) as reports, sum(sign * posts_with_spend) as posts_with_spend, sum(sign * spend) as spend,
           sum(sign * claimed_views) as claimed_views, sum(sign * claimed_clicks) as claimed_clicks, sum(sign * claimed_conversions) as claimed_conversions,
           sum(sign * comparable_views) as comparable_views, sum(sign * comparable_clicks) as comparable_clicks, sum(sign * comparable_conversions) as comparable_conversions,
           sum(sign * verified_views) as verified_views, sum(sign * verified_clicks) as verified_clicks, sum(sign * verified_conversions) as verified_conversions,
           sum(sign * posts_with_views) as posts_with_views, sum(sign * posts_with_clicks) as posts_with_clicks, sum(sign * posts_with_conversions) as posts_with_conversions
      from steps group by 1, 2, 3, 4, 5) d
   where (posts, reports, posts_with_spend, spend, claimed_views, claimed_clicks, claimed_conversions, comparable_views, comparable_clicks, comparable_conversions,
          verified_views, verified_clicks, verified_conversions, posts_with_views, posts_with_clicks, posts_with_conversions) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
   order by _client_id, campaign_id, affiliate_id, platform, currency
  on conflict on constraint post_sums_key do update
     set posts = s.posts + excluded.posts, reports = s.reports + excluded.reports, posts_with_spend = s.posts_with_spend + excluded.posts_with_spend, spend = s.spend + excluded.spend,
         claimed_views = s.claimed_views + excluded.claimed_views, claimed_clicks = s.claimed_clicks + excluded.claimed_clicks, claimed_conversions = s.claimed_conversions + excluded.claimed_conversions,
         comparable_views = s.comparable_views + excluded.comparable_views, comparable_clicks = s.comparable_clicks + excluded.comparable_clicks,
         comparable_conversions = s.comparable_conversions + excluded.comparable_conversions,
         verified_views = s.verified_views + excluded.verified_views, verified_clicks = s.verified_clicks + excluded.verified_clicks, verified_conversions = s.verified_conversions + excluded.verified_conversions,
         posts_with_views = s.posts_with_views + excluded.posts_with_views, posts_with_clicks = s.posts_with_clicks + excluded.posts_with_clicks,
         posts_with_conversions = s.posts_with_conversions + excluded.posts_with_conversions;
  -- No line of a post is without a report.
  delete from recon.post_sums s using (select distinct _client_id, campaign_id, platform from unnest(is_of || was_of)) w
   where s._client_id = w._client_id and s.campaign_id = w.campaign_id and s.platform = w.platform and s.reports = 0;
  return null;
end $$;
comment on function recon.sum_posts() is 'Brings a statement''s changes of recon.post_totals into recon.post_sums.';

-- Adds reports to a count, or takes them away; a count of none goes.
create or replace function recon.count_report(p recon.report_state, p_by int) returns void language plpgsql as $$
begin
  insert into recon.verdict_counts as c (_client_id, campaign_id, affiliate_id, verdict, level, reports)
  values (p._client_id, p.campaign_id, p.affiliate_id, p.verdict, p.level, p_by)
  on conflict on constraint verdict_counts_key do update set reports = c.reports + excluded.reports;
  if p.verdict is not null and p.reconciled_at is not null then
    insert into recon.verdict_days as d (_client_id, affiliate_id, date, verdict, level, says_nothing, reports)
    values (p._client_id, p.affiliate_id, (p.reconciled_at at time zone 'UTC')::date, p.verdict, p.level, p.says_nothing, p_by)
    on conflict on constraint verdict_days_key do update set reports = d.reports + excluded.reports;
  end if;
  if p_by < 0 then
    delete from recon.verdict_counts c
     where c._client_id = p._client_id and c.campaign_id = p.campaign_id and c.affiliate_id = p.affiliate_id and c.reports = 0
       and c.verdict is not distinct from p.verdict and c.level is not distinct from p.level;
    delete from recon.verdict_days d
     where d._client_id = p._client_id and d.affiliate_id = p.affiliate_id and d.date = (p.reconciled_at at time zone 'UTC')::date and d.reports = 0;
  end if;
end $$;
comment on function recon.count_report(recon.report_state, int) is 'Adds a report to the counts of its verdict, or takes it away.';

create or replace function recon.count_verdicts() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from recon.verdict_counts;
    delete from recon.verdict_days;
    return null;
  end if;
  if tg_op = 'UPDATE' and (old._client_id, old.campaign_id, old.affiliate_id, old.verdict, old.level, old.says_nothing, old.reconciled_at)
       is not distinct from (new._client_id, new.campaign_id, new.affiliate_id, new.verdict, new.level, new.says_nothing, new.reconciled_at) then
    return null;
  end if;
  if tg_op <> 'INSERT' then
    perform recon.count_report(old, -1);
  end if;
  if tg_op <> 'DELETE' then
    perform recon.count_report(new, 1);
  end if;
  return null;
end $$;
comment on function recon.count_verdicts() is 'Brings a report''s change into recon.verdict_counts and recon.verdict_days.';

-- Everything again from the rows.
create or replace function recon.sum_again() returns void language plpgsql as $$
begin
  delete from recon.verdict_counts;
  delete from recon.verdict_days;
  delete from recon.post_sums;
  insert into recon.verdict_counts (_client_id, campaign_id, affiliate_id, verdict, level, reports)
  select _client_id, campaign_id, affiliate_id, verdict, level, count(*) from recon.report_state group by 1, 2, 3, 4, 5;
  insert into recon.verdict_days (_client_id, affiliate_id, date, verdict, level, says_nothing, reports)
  select _client_id, affiliate_id, (reconciled_at at time zone 'UTC')::date, verdict, level, says_nothing, count(*)
    from recon.report_state where verdict is not null and reconciled_at is not null group by 1, 2, 3, 4, 5, 6;
  insert into recon.post_sums
  select p._client_id, p.campaign_id, p.affiliate_id, p.platform, p.currency, sum(p.posts), sum(p.reports), sum(p.posts_with_spend), sum(p.spend),
         sum(p.claimed_views), sum(p.claimed_clicks), sum(p.claimed_conversions), sum(p.comparable_views), sum(p.comparable_clicks), sum(p.comparable_conversions),
         sum(p.verified_views), sum(p.verified_clicks), sum(p.verified_conversions), sum(p.posts_with_views), sum(p.posts_with_clicks), sum(p.posts_with_conversions)
    from (select distinct _client_id, campaign_id from recon.post_totals) c
   cross join lateral (select p.* from recon.parts_of_posts(array(
           select row(t.*)::recon.post_totals from recon.post_totals t where t._client_id = c._client_id and t.campaign_id = c.campaign_id)) p) p
   group by 1, 2, 3, 4, 5;
end $$;
comment on function recon.sum_again() is 'Computes the sums of reports and posts again from their rows.';

do $$
begin
  if not exists (select from pg_trigger where tgname = 'verdicts_counted' and tgrelid = 'recon.report_state'::regclass) then
    lock table recon.report_state, recon.post_totals in share row exclusive mode;
    perform recon.sum_again();
    create trigger verdicts_counted after insert or delete or update of _client_id, campaign_id, affiliate_id, verdict, level, says_nothing, reconciled_at on recon.report_state
      for each row execute function recon.count_verdicts();
    create trigger verdicts_gone after truncate on recon.report_state for each statement execute function recon.count_verdicts();
    create trigger posts_added after insert on recon.post_totals referencing new table as added for each statement execute function recon.sum_posts();
    create trigger posts_changed after update on recon.post_totals referencing old table as gone new table as added for each statement execute function recon.sum_posts();
    create trigger posts_removed after delete on recon.post_totals referencing old table as gone for each statement execute function recon.sum_posts();
    create trigger posts_gone after truncate on recon.post_totals for each statement execute function recon.sum_posts();
  end if;
end $$;

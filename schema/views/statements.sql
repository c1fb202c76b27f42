-- Payout statements. Stands on the views of recon.sql, which are made before it.

-- What of an affiliate is held whatever Everflow says: a person's word first, then trust, then claims in dispute.
create or replace view payouts.affiliate_holds as
select a._client_id, a.affiliate_id, a.recon_affiliate_id,
       case when a.hold = 'all' then 'held_by_hand' when a.hold = 'none' then null
            when r.total_submissions > 0 and r.trust_score < 0.70 then 'affiliate_unreliable'
            when d.reports is not null then 'claim_disputed' end as reason,
       case when a.hold = 'all' then a.reason when a.hold = 'none' then null
            when r.total_submissions > 0 and r.trust_score < 0.70 then format('trust %s is below 0.70', r.trust_score)
            when d.reports is not null then format('claim %s is in dispute', d.reports) end as detail
  from payouts.accounts a
  left join recon.affiliates r on r._client_id = a._client_id and r.affiliate_id = a.recon_affiliate_id
  left join lateral (select string_agg(d.report_id::text, ', ' order by d.report_id) as reports from recon.disputes d
                      where d._client_id = a._client_id and d.affiliate_id = a.recon_affiliate_id and d.outcome is null) d on true;

-- Claims as a statement names them.
create or replace view payouts.claims as
select c._client_id, a.affiliate_id, c.report_id, (c.submitted_at at time zone 'America/New_York')::date as date,
       case when c.dispute_outcome = 'affiliate' then 'verified'
            when exists (select from recon.disputes d where d._client_id = c._client_id and d.report_id = c.report_id and d.outcome is null) then 'disputed'
            when c.verdict = 'MATCHED' then 'verified' when c.verdict = 'DISCREPANCY' then 'too_high'
            when c.verdict is null then 'pending' else 'cannot_be_checked' end as status,
       format('claimed %s views, %s clicks, %s conversions; ', c.claimed_views, c.claimed_clicks, c.claimed_conversions)
       || case when c.verdict is null then 'not checked yet'
               else format('%s has %s, %s, %s', c.platform, coalesce(c.verified_views::text, 'no number'), coalesce(c.verified_clicks::text, 'no number'), coalesce(c.verified_conversions::text, 'no number')) end as detail
  from payouts.accounts a
  join recon.claims c on c._client_id = a._client_id and c.affiliate_id = a.recon_affiliate_id;

-- Conversions of closed months that the ledger says have changed since the last closing, and what that carried on although it was
-- gone or lies in a month to come: the ledger of closed months does not say what becomes of it.
drop function if exists payouts.changed_since_closing(text);
create function payouts.changed_since_closing(p_client text) returns table (key text) language sql stable as $$
  with closed as materialized (
    select max(month) as month, (max(month) + interval '1 month')::date as next, min(month) as start,
           (select ledger_id from payouts.closings where _client_id = p_client order by month desc limit 1) as ledger_id
      from payouts.closings where _client_id = p_client having count(*) > 0
  )
  select r.row_key ->> 'conversion_id'
    from closed k cross join generate_series(k.start, k.next - 1, interval '1 day') d(day)
   cross join lateral (select r.row_key from ops.restatements r
                        where r._client_id = p_client and r.slice = d.day::date::text and r.restatement_id > k.ledger_id and r.source = 'everflow.conversions' offset 0) r
   union
  select r.row_key ->> 'conversion_id' from closed k join ops.restatements r on r._client_id = p_client and r.restatement_id > k.ledger_id
     and r.source = 'everflow.conversions' and r.kind = 'changed' and (r.old ->> 'date') <> r.slice
   where (r.old ->> 'date') < k.next::text
   union
  select l.key from closed k join payouts.statement_lines l on l._client_id = p_client and l.month = k.month and l.carried and (l.status = 'withdrawn' or l.date >= k.next)
$$;
comment on function payouts.changed_since_closing(text) is 'Conversions of closed months that may have changed since the last closing, from the ledger and from what that carried on.';

-- What has changed of closed months since they were stated, and what the last closing carried on: each conversion as it is now,
-- beside what statements have stated of it.
--
-- Without p_whole these are found from the ledger: every change since the last closing, and what that carried on as its lines say.
-- With p_whole each conversion is held against each line that there is: slower, and right even where the ledger was cut short.
create or replace function payouts.corrections(p_client text, p_whole boolean)
returns table (key text, affiliate_id text, affiliate_name text, date date, status text, currency text, payout numeric, offer_name text, stated numeric, stated_as text,
               is_there boolean, is_elsewhere boolean)
language sql stable as $$
  with closed as materialized (
    select max(month) as month, (max(month) + interval '1 month')::date as next, min(month) as start from payouts.closings where _client_id = p_client having count(*) > 0
  ), touched as materialized (
    select t.key from payouts.changed_since_closing(p_client) t where not p_whole
     union
    select c.conversion_id from closed k join everflow.conversions c on c._client_id = p_client and c.date >= k.start and c.date < k.next where p_whole
     union
    select l.key from payouts.statement_lines l where l._client_id = p_client and l.kind <> 'claim' and p_whole
  ), stated_lines as (
    -- By the index, key by key: the planner takes what has changed for all there is.
    select l.* from touched t cross join lateral (select s.key, s.affiliate_id, s.currency, s.amount, s.month, s.status, s.date, s.payout, s.offer, s.carried from payouts.statement_lines s where s._client_id = p_client and s.key = t.key and s.kind <> 'claim' offset 0) l
     where not p_whole
     union all
    select l.key, l.affiliate_id, l.currency, l.amount, l.month, l.status, l.date, l.payout, l.offer, l.carried from touched t join payouts.statement_lines l on l._client_id = p_client and l.key = t.key and l.kind <> 'claim' where p_whole
  ), stated as materialized (
    -- As the last statement has it: mostly the only one.
    select l.key, l.affiliate_id, l.currency, l.stated, l.status, l.date, l.payout, l.offer, l.is_carried
      from (select s.key, s.affiliate_id, s.currency, s.status, s.date, s.payout, s.offer, sum(s.amount) over alike as stated,
                   bool_or(s.carried and s.month = (select month from closed)) over alike as is_carried, s.month = max(s.month) over alike as is_last
              from stated_lines s window alike as (partition by s.key, s.affiliate_id, s.currency)) l
     where l.is_last
  ), carried as materialized (
    select l.key, l.affiliate_id, l.date, l.status, l.currency, l.payout, l.offer, l.stated + l.amount as stated
      from closed k join payouts.statement_lines l on l._client_id = p_client and l.month = k.month and l.carried left join touched t on t.key = l.key
     where not p_whole and t.key is null
  ), known as materialized (
    -- What is stated, or was carried on, stays with the statements wherever it is counted now. What was taken back whole and comes
    -- again is a conversion of its month, like any other.
    select key from stated where stated <> 0 or is_carried union all select key from carried
  ), again as materialized (
    select c.* from touched t
     cross join lateral (select e.conversion_id, e.affiliate_id, e.affiliate_name, e.date, e.status, e.currency, e.payout, e.offer_name from everflow.conversions e where e._client_id = p_client and e.conversion_id = t.key offset 0) c cross join closed k
     where not p_whole and ((c.date >= k.start and c.date < k.next) or exists (select from known n where n.key = t.key))
     union all
    select c.conversion_id, c.affiliate_id, c.affiliate_name, c.date, c.status, c.currency, c.payout, c.offer_name from touched t join everflow.conversions c on c._client_id = p_client and c.conversion_id = t.key cross join closed k
     where p_whole and ((c.date >= k.start and c.date < k.next) or exists (select from known n where n.key = t.key))
  )
  select coalesce(a.conversion_id, s.key), coalesce(a.affiliate_id, s.affiliate_id), a.affiliate_name, coalesce(a.date, s.date), coalesce(a.status, 'withdrawn'),
         coalesce(a.currency, s.currency), coalesce(a.payout, 0), coalesce(a.offer_name, s.offer), s.stated, s.status, a.conversion_id is not null,
         a.conversion_id is null and elsewhere.conversion_id is not null
    from again a full join stated s on s.key = a.conversion_id and s.affiliate_id = a.affiliate_id and s.currency = a.currency
    left join again elsewhere on a.conversion_id is null and elsewhere.conversion_id = s.key
   union all
  -- What the last closing carried on and nothing has changed since stands as its line says.
  select l.key, l.affiliate_id, null, l.date, l.status, l.currency, l.payout, l.offer, l.stated, l.status, true, false from carried l
$$;
comment on function payouts.corrections(text, boolean) is 'What has changed of closed months since they were stated, and what the last closing carried on; p_whole holds every conversion against every line.';

-- The statement of a month as it would be closed now, line by line. Of each conversion: what is owed of it by what Everflow
-- says now, less what earlier statements have stated. The first open month also has what has changed of closed ones.
create or replace function payouts.draft(p_client text, p_month date, p_affiliate text, p_whole boolean)
returns table (affiliate_id text, affiliate text, kind text, key text, date date, status text, currency text, payout numeric, stated numeric,
               amount numeric, held numeric, reason text, detail text, offer text, receipt_id bigint, carried boolean)
language sql stable as $$
  with closed as materialized (
    select (max(month) + interval '1 month')::date as next from payouts.closings where _client_id = p_client having count(*) > 0
  ), corrected as materialized (
    select * from payouts.corrections(p_client, p_whole)
  ), found as (
    select 'conversion' as kind, c.conversion_id as key, c.affiliate_id, c.affiliate_name, c.date, c.status, c.currency, c.payout, c.offer_name, null::numeric as stated,
           null::text as stated_as, true as is_there, false as is_elsewhere
      from everflow.conversions c
      left join (select distinct n.key from corrected n where n.is_there) n on n.key = c.conversion_id
     where c._client_id = p_client and c.date >= p_month and c.date < (p_month + interval '1 month')::date and (p_affiliate is null or c.affiliate_id = p_affiliate)
       and n.key is null
     union all
    select 'correction', k.key, k.affiliate_id, k.affiliate_name, k.date, k.status, k.currency, k.payout, k.offer_name, k.stated, k.stated_as, k.is_there, k.is_elsewhere
      from corrected k
     where p_month = (select next from closed) and (p_affiliate is null or k.affiliate_id = p_affiliate)
  ), standing as (
    -- What builds on one another is worked out row by row: written into each other, it would be worked out many times.
    select f.*, h.reason as held_for, h.detail as held_detail, s.receipt_id, k.is_pending, w.hold, v.amount, v.held
      from found f
      left join ops.slices s on s._client_id = p_client and s.source = 'everflow.conversions' and s.slice = f.date::text
      left join payouts.affiliate_holds h on h._client_id = p_client and h.affiliate_id = f.affiliate_id
     cross join lateral (select case when f.status = 'approved' then f.payout else 0 end - coalesce(f.stated, 0) as change,
                                f.status not in ('approved', 'rejected', 'invalid', 'withdrawn') as is_pending offset 0) k
     cross join lateral (select case when k.is_pending then 'pending' when k.change <= 0 then null when h.reason = 'held_by_hand' then h.reason
                                     when s.is_final is not true then 'day_not_final' else h.reason end as hold offset 0) w
     cross join lateral (select case when w.hold is null or k.is_pending then k.change else 0 end as amount,
                                case when k.is_pending then f.payout when w.hold is not null then k.change else 0 end as held offset 0) v
  )
  select c.affiliate_id, c.affiliate_name, c.kind, c.key, c.date, c.status, c.currency, c.payout, coalesce(c.stated, 0), c.amount, c.held,
         case when c.hold is not null then c.hold
              when c.is_elsewhere then 'moved' when not c.is_there then 'withdrawn'
              when c.kind = 'conversion' and c.status = 'approved' then 'owed'
              -- One after the other by the index: all that ever changed is read otherwise.
              when c.kind = 'conversion' then case when (
                   select true from ops.restatements r where r._client_id = p_client and r.row_key ->> 'conversion_id' = c.key and r.source = 'everflow.conversions'
                      and r.kind in ('changed', 'withdrawn') and r.old ->> 'status' = 'approved' limit 1) then 'rejected_since' else 'not_approved' end
              when c.amount = 0 then 'moved'
              when c.stated is null then 'arrived_late'
              when c.status <> 'approved' then 'rejected_since'
              when c.stated <> 0 then 'amount_changed'
              when c.stated_as <> 'approved' then 'approved_since'
              -- What was approved with nothing was not held.
              when (select l.held from payouts.statement_lines l where l._client_id = p_client and l.key = c.key and l.affiliate_id = c.affiliate_id and l.currency = c.currency
                       and l.kind <> 'claim' order by l.month desc limit 1) > 0 then 'released' else 'amount_changed' end,
         case when c.is_pending and c.status <> 'pending' then format('Everflow calls it %s', c.status)
              when c.hold = 'day_not_final' then format('%s is not final', c.date)
              when c.hold is not null and not c.is_pending then c.held_detail
              when c.is_elsewhere then 'another affiliate''s, or in another currency, now'
              when c.kind = 'correction' and c.is_there and not c.is_pending and c.amount = 0 then 'counted on another day now; the amount is the same'
              when c.kind = 'correction' and c.amount <> 0 and c.stated is not null and c.is_there then format('stated %s of it, as %s', trim_scale(c.stated), c.stated_as) end,
         c.offer_name, c.receipt_id, c.held <> 0 or c.date >= (p_month + interval '1 month')::date
    from standing c
   where c.kind = 'conversion' or c.amount <> 0 or c.held <> 0 or c.date >= (select next from closed)
   union all
  select l.affiliate_id, null, 'claim', l.report_id::text, l.date, l.status, null, 0, 0, 0, 0, l.status, l.detail, null, null, false
    from payouts.claims l
   where l._client_id = p_client and l.date >= p_month and l.date < (p_month + interval '1 month')::date and (p_affiliate is null or l.affiliate_id = p_affiliate)
$$;
comment on function payouts.draft(text, date, text, boolean) is 'The payout statements of a month that is not closed, line by line, as they would be closed now; p_affiliate null for all, p_whole holds every conversion against every line.';

-- What a month's conversions come to that no statement has stated yet, per affiliate, currency, day and status: from the sums
-- that are kept of all, less the few that were stated before and are counted in this month now.
create or replace function payouts.draft_sums(p_client text, p_month date, p_affiliate text, p_known text[])
returns table (affiliate_id text, affiliate text, currency text, date date, status text, lines bigint, payout numeric, positive bigint, positive_payout numeric, nonzero bigint)
language sql stable as $$
  select v.affiliate_id, v.affiliate_name, v.currency, v.date, v.status, sum(v.conversions), sum(v.payout), sum(v.positive), sum(v.positive_payout), sum(v.nonzero)
    from (select d.affiliate_id, d.affiliate_name, d.currency, d.date, d.status, d.conversions, d.payout, d.positive, d.positive_payout, d.nonzero
            from everflow.affiliate_days d
           where d._client_id = p_client and d.date >= p_month and d.date < (p_month + interval '1 month')::date and (p_affiliate is null or d.affiliate_id = p_affiliate)
           union all
          select c.affiliate_id, c.affiliate_name, c.currency, c.date, c.status, -1, -c.payout, -(c.payout > 0)::int, -greatest(c.payout, 0), -(c.payout <> 0)::int
            from unnest(p_known) k(key) join everflow.conversions c on c._client_id = p_client and c.conversion_id = k.key
           where c.date >= p_month and c.date < (p_month + interval '1 month')::date and (p_affiliate is null or c.affiliate_id = p_affiliate)) v
   group by 1, 2, 3, 4, 5 having sum(v.conversions) > 0
$$;
comment on function payouts.draft_sums(text, date, text, text[]) is 'What a month''s conversions come to that no statement has stated yet; p_known has those that one has.';

-- What draft lines come to, per affiliate and currency. A line's held amount is never in its amount. Without p_whole the month's
-- own conversions are read from their sums by day, and corrections are summed before they are judged.
create or replace function payouts.draft_totals(p_client text, p_month date, p_affiliate text, p_whole boolean)
returns table (affiliate_id text, affiliate text, currency text, approved int, approved_amount numeric, pending int, pending_amount numeric, rejected int, rejected_amount numeric,
               held int, held_amount numeric, new_amount numeric, corrections int, corrections_amount numeric, rounding_carried numeric, owed numeric, lines int)
-- To plan it anew for each question takes a fifth of the time.
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  with closed as materialized (
    select (max(month) + interval '1 month')::date as next from payouts.closings where _client_id = p_client having count(*) > 0
  ), corrected as materialized (
    select c.*, case when c.status = 'approved' then c.payout else 0 end - coalesce(c.stated, 0) as change from payouts.corrections(p_client, false) c where not p_whole
  ), known as materialized (
    -- Of the month, and stated before: they were moved there from a month that is closed.
    select array(select distinct c.key from corrected c where c.is_there and c.date >= p_month and c.date < (p_month + interval '1 month')::date) as keys where not p_whole
  ), own as (
    select c.affiliate_id, c.affiliate, c.currency, c.date, c.status, false as is_correction, c.lines, c.payout, c.positive, c.positive_payout, c.nonzero, 0::bigint as changed, 0::numeric as change
      from known k cross join lateral payouts.draft_sums(p_client, p_month, p_affiliate, k.keys) c
     union all
    -- Of corrections what counts as a gain or a loss is by how much each has changed.
    select c.affiliate_id, max(c.affiliate_name), c.currency, c.date, c.status, true, count(*), sum(c.payout),
           count(*) filter (where c.change > 0), coalesce(sum(c.change) filter (where c.change > 0), 0), count(*) filter (where c.payout <> 0), count(*) filter (where c.change <> 0), sum(c.change)
      from corrected c cross join closed n
     cross join lateral (select c.status not in ('approved', 'rejected', 'invalid', 'withdrawn') as is_pending) p
     where p_month = n.next and (p_affiliate is null or c.affiliate_id = p_affiliate) and (c.change <> 0 or p.is_pending and c.payout <> 0 or c.date >= n.next)
     group by c.affiliate_id, c.currency, c.date, c.status
  ), judged as (
    select c.*, c.status not in ('approved', 'rejected', 'invalid', 'withdrawn') as is_pending, h.reason = 'held_by_hand' or s.is_final is not true or h.reason is not null as is_held
      from own c
      left join ops.slices s on s._client_id = p_client and s.source = 'everflow.conversions' and s.slice = c.date::text
      left join payouts.affiliate_holds h on h._client_id = p_client and h.affiliate_id = c.affiliate_id
  ), parts as (
    select j.affiliate_id, max(j.affiliate) as affiliate, j.currency, coalesce(sum(j.lines) filter (where j.status = 'approved'), 0) as approved,
           coalesce(sum(j.payout) filter (where j.status = 'approved'), 0) as approved_amount, coalesce(sum(j.lines) filter (where j.is_pending), 0) as pending,
           coalesce(sum(j.payout) filter (where j.is_pending), 0) as pending_amount, coalesce(sum(j.lines) filter (where j.status in ('rejected', 'invalid')), 0) as rejected,
           coalesce(sum(j.payout) filter (where j.status in ('rejected', 'invalid')), 0) as rejected_amount,
           coalesce(sum(case when j.is_pending then j.nonzero when j.status = 'approved' and j.is_held then j.positive else 0 end), 0) as held,
           coalesce(sum(case when j.is_pending then j.payout when j.status = 'approved' and j.is_held then j.positive_payout else 0 end), 0) as held_amount,
           coalesce(sum(case when j.status <> 'approved' then 0 when j.is_held then j.payout - j.positive_payout else j.payout end), 0) as new_amount,
           0::bigint as corrections, 0::numeric as corrections_amount, sum(j.lines) as lines
      from judged j where not j.is_correction group by j.affiliate_id, j.currency
     union all
    select j.affiliate_id, max(j.affiliate), j.currency, 0, 0, 0, 0, 0, 0,
           sum(case when j.is_pending then j.nonzero when j.is_held then j.positive else 0 end), sum(case when j.is_pending then j.payout when j.is_held then j.positive_payout else 0 end), 0,
           sum(case when j.is_held and not j.is_pending then j.changed - j.positive else j.changed end), sum(case when j.is_held and not j.is_pending then j.change - j.positive_payout else j.change end), sum(j.lines)
      from judged j where j.is_correction group by j.affiliate_id, j.currency
     union all
    select d.affiliate_id, max(d.affiliate), d.currency,
           count(*) filter (where d.kind = 'conversion' and d.status = 'approved'), coalesce(sum(d.payout) filter (where d.kind = 'conversion' and d.status = 'approved'), 0),
           count(*) filter (where d.kind = 'conversion' and d.reason = 'pending'), coalesce(sum(d.payout) filter (where d.kind = 'conversion' and d.reason = 'pending'), 0),
           count(*) filter (where d.kind = 'conversion' and d.status in ('rejected', 'invalid')),
           coalesce(sum(d.payout) filter (where d.kind = 'conversion' and d.status in ('rejected', 'invalid')), 0),
           count(*) filter (where d.held <> 0), sum(d.held), coalesce(sum(d.amount) filter (where d.kind = 'conversion'), 0),
           count(*) filter (where d.kind = 'correction' and d.amount <> 0), coalesce(sum(d.amount) filter (where d.kind = 'correction'), 0), count(*)
      from payouts.draft(p_client, p_month, p_affiliate, true) d
     where p_whole and d.currency is not null
     group by d.affiliate_id, d.currency
  ), summed as (
    select p.affiliate_id, max(p.affiliate) as affiliate, p.currency, sum(p.approved)::int as approved, sum(p.approved_amount) as approved_amount, sum(p.pending)::int as pending,
           sum(p.pending_amount) as pending_amount, sum(p.rejected)::int as rejected, sum(p.rejected_amount) as rejected_amount, sum(p.held)::int as held,
           sum(p.held_amount) as held_amount, sum(p.new_amount) as new_amount, sum(p.corrections)::int as corrections, sum(p.corrections_amount) as corrections_amount,
           sum(p.lines)::int as lines
      from parts p group by p.affiliate_id, p.currency
  ), carried as (
    select s.affiliate_id, t.currency, sum(t.new_amount + t.corrections_amount - t.owed) as amount
      from payouts.statements s join payouts.statement_totals t on t._client_id = s._client_id and t.statement_id = s.statement_id
     where s._client_id = p_client and (p_affiliate is null or s.affiliate_id = p_affiliate)
       and p_month = (select (max(k.month) + interval '1 month')::date from payouts.closings k where k._client_id = p_client)
     group by s.affiliate_id, t.currency
  )
  -- One name in all currencies, as the statement will have it.
  select s.affiliate_id, max(s.affiliate) over (partition by s.affiliate_id), s.currency, s.approved, s.approved_amount, s.pending, s.pending_amount, s.rejected, s.rejected_amount, s.held, s.held_amount,
         s.new_amount, s.corrections, s.corrections_amount, coalesce(c.amount, 0), round(s.new_amount + s.corrections_amount + coalesce(c.amount, 0), 2), s.lines
    from summed s left join carried c on c.affiliate_id = s.affiliate_id and c.currency = s.currency;
end
$$;
comment on function payouts.draft_totals(text, date, text, boolean) is 'What the lines of payouts.draft come to, per affiliate and currency.';

-- Months that have conversions or a closing, and whether they are closed.
create or replace view payouts.months as
with recursive spans as (
  select b._client_id, least(b.first, k.first) as first, greatest(b.last, k.last) as last, k.first as start, k.last as closed
    from (select _client_id, date_trunc('month', min(day))::date as first, date_trunc('month', max(day))::date as last
            from ops.slices where source = 'everflow.conversions' and rows > 0 group by _client_id) b
    full join (select _client_id, min(month) as first, max(month) as last from payouts.closings group by _client_id) k using (_client_id)
), months as (
  select _client_id, coalesce(start, first) as month, last, closed from spans
   union all
  select _client_id, (month + interval '1 month')::date, last, closed from months where month < last
)
select _client_id, month, closed is not null and month <= closed as is_closed, closed is null or month = (closed + interval '1 month')::date as is_next from months;

-- What is owed, month by month: of closed months as it was stated, of open ones as it stands now.
create or replace view payouts.owed as
select s._client_id, s.month, s.affiliate_id, s.affiliate, t.currency, 'closed'::text as state, s.statement_id, t.approved, t.approved_amount, t.pending, t.pending_amount, t.rejected,
       t.rejected_amount, t.held, t.held_amount, t.new_amount, t.corrections, t.corrections_amount, t.rounding_carried, t.owed, s.origin
  from payouts.statements s join payouts.statement_totals t on t._client_id = s._client_id and t.statement_id = s.statement_id
 union all
select m._client_id, m.month, d.affiliate_id, d.affiliate, d.currency, 'draft', null, d.approved, d.approved_amount, d.pending, d.pending_amount, d.rejected,
       d.rejected_amount, d.held, d.held_amount, d.new_amount, d.corrections, d.corrections_amount, d.rounding_carried, d.owed,
       coalesce((select case when bool_or(o.origin = 'sandbox') then 'sandbox' when bool_or(o.origin = 'unknown') then 'unknown' else 'real' end from ops.slices o
                  where o._client_id = m._client_id and o.source = 'everflow.conversions' and o.day >= m.month and o.day < (m.month + interval '1 month')::date), 'unknown')
  from payouts.months m cross join lateral payouts.draft_totals(m._client_id, m.month, null, false) d
 where not m.is_closed;

-- One call records all the events that wait together, in its own transaction: events, counters and the day's row.
--
-- Each first locks the offers of its events, in the order of their ids: two calls cannot deadlock, and what a call reads
-- after that (which ids and sends are known, who clicked before) no other call is changing. An event's outcome follows
-- from the set of events and not from the order in which they were stored, so an event that waited in the spool counts
-- as it would have at once. Only what was not counted is returned:
--   unknown_variation, unknown_offer, wrong_offer   it names what there is not
--   duplicate                                       its id is known, with the same content
--   conflict                                        its id is known, with other content
--   repeat                                          its send is known: at most the recipients were corrected
--   raced                                           another call took its id at this moment: to be tried again
create or replace function promo.record_impressions(events jsonb, zones jsonb)
returns table (place integer, outcome text)
language plpgsql
-- Tables begin empty and plans are kept: whatever size they have, rows are found by their keys.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_column
begin
  perform from promo.promo_offers o
    where o.id in (select v.offer_id from promo.promo_text_variations v
                    where v.id in (select (e ->> 'variation_id')::integer from jsonb_array_elements(events) e))
    order by o.id for no key update;

  return query
  with asked as materialized (
    select e.place, e.event_id, e.offer_id, e.variation_id, e.send_id, e.recipients, e.at, v._client_id as client,
           (e.at at time zone coalesce(zones ->> v._client_id, 'UTC'))::date as day,
           case when v.id is null then 'unknown_variation'
                when v.offer_id = e.offer_id then null
                when exists (select from promo.promo_offers o where o.id = e.offer_id and o._client_id = v._client_id) then 'wrong_offer'
                else 'unknown_offer' end as problem
      from jsonb_to_recordset(events) as e (place integer, event_id text, offer_id integer, variation_id integer,
                                            send_id text, recipients integer, at timestamptz)
      left join promo.promo_text_variations v on v.id = e.variation_id
  ), known as materialized (
    select a.*, row_number() over same_id as copy,
           case when k.offer_id is not null then (k.offer_id, k.variation_id, k.send_id, k.recipients)
                                                 is not distinct from (a.offer_id, a.variation_id, a.send_id, a.recipients)
                else (first_value(a.offer_id) over same_id, first_value(a.variation_id) over same_id,
                      first_value(a.send_id) over same_id, first_value(a.recipients) over same_id)
                     is not distinct from (a.offer_id, a.variation_id, a.send_id, a.recipients) end as is_same,
           k.offer_id is not null as is_stored
      from asked a
      left join lateral (
        select i.offer_id, i.variation_id, i.newsletter_send_id as send_id, i.recipients_given as recipients
          from promo.promo_impression_tracking i where i._client_id = a.client and i.event_id = a.event_id
         union all
        select r.offer_id, r.variation_id, r.newsletter_send_id, r.recipients_given
          from promo.promo_impression_repeats r where r._client_id = a.client and r.event_id = a.event_id
         limit 1) k on true
     where a.problem is null
    window same_id as (partition by a.client, a.event_id order by a.place)
  ), fresh as materialized (
    select k.*, s.event_id as stored_id, s.recipients as stored_recipients, s.recipients_at as stored_at,
           row_number() over (of_send order by k.at, k.place) as turn,
           first_value(k.recipients) over latest as latest_recipients,
           case when first_value(k.recipients) over latest is not null then first_value(k.at) over latest end as latest_at
      from known k
      left join promo.promo_impression_tracking s
        on s._client_id = k.client and s.newsletter_send_id = k.send_id and s.variation_id = k.variation_id
     where not k.is_stored and k.copy = 1
    window of_send as (partition by k.client, k.variation_id, k.send_id, case when k.send_id is null then k.place end),
           latest as (of_send order by (k.recipients is not null) desc, k.at desc, k.place desc)
  ), counted as (
    insert into promo.promo_impression_tracking as i
           (_client_id, event_id, offer_id, variation_id, newsletter_send_id, recipients, recipients_given, recipients_at, tracked_at, tracked_date)
    select client, event_id, offer_id, variation_id, send_id, coalesce(latest_recipients, 1), recipients, latest_at, at, day
      from fresh where stored_id is null and turn = 1
    on conflict do nothing
    returning i._client_id, i.event_id, i.offer_id, i.variation_id, i.tracked_date, i.tracked_at, i.recipients
  ), repeated as (
    insert into promo.promo_impression_repeats as r
           (_client_id, event_id, offer_id, variation_id, newsletter_send_id, recipients_given, tracked_at)
    select client, event_id, offer_id, variation_id, send_id, recipients, at
      from fresh where stored_id is not null or turn > 1
    on conflict do nothing
  ), corrected as (
    update promo.promo_impression_tracking i set recipients = f.latest_recipients, recipients_at = f.latest_at
      from fresh f
     where f.turn = 1 and f.latest_at >= coalesce(f.stored_at, '-infinity')
       and i._client_id = f.client and i.event_id = f.stored_id
    returning i._client_id, i.offer_id, i.variation_id, i.tracked_date, i.recipients - f.stored_recipients as change
  ), changes as materialized (
    select _client_id, offer_id, variation_id, tracked_date, count(*) as sends, sum(recipients) as impressions, min(tracked_at) as first_at
      from counted group by 1, 2, 3, 4
     union all
    select _client_id, offer_id, variation_id, tracked_date, 0, sum(change), null from corrected group by 1, 2, 3, 4
  ), days as (
    insert into promo.promo_performance_metrics as m (_client_id, variation_id, offer_id, date, sends, impressions, first_sent_at, cohort, cohort_before)
    select _client_id, variation_id, offer_id, tracked_date, sum(sends), sum(impressions), min(first_at), case when sum(sends) > 0 then tracked_date end,
           max(case when sum(sends) > 0 then tracked_date end) over (partition by _client_id, variation_id order by tracked_date
                                                                     rows between unbounded preceding and 1 preceding)
      from changes group by 1, 2, 3, 4
    on conflict (_client_id, variation_id, date) do update
       set sends = m.sends + excluded.sends, impressions = m.impressions + excluded.impressions,
           first_sent_at = least(m.first_sent_at, excluded.first_sent_at), cohort = coalesce(excluded.cohort, m.cohort), updated_at = now(),
           -- Until its first send a day is of the last send before it.
           cohort_before = greatest(case when m.sends = 0 then m.cohort else m.cohort_before end, excluded.cohort_before),
           -- Looked for once a day, when its first send comes, and where one that waited in the spool was earlier.
           clicks_before_send = case when m.clicks > 0 and excluded.first_sent_at < coalesce(m.first_sent_at, 'infinity')
             then (select count(*) from promo.promo_click_tracking c
                    where c.clicked_date = m.date and c._client_id = m._client_id and c.variation_id = m.variation_id
                      and c.clicked_at < excluded.first_sent_at and not c.is_bot and not c.is_repeat)
             else m.clicks_before_send end
  ), later as (
    -- Days that came before a send which waited in the spool, up to the next day with one.
    update promo.promo_performance_metrics m set cohort = case when o.sends = 0 then s.day else m.cohort end, cohort_before = s.day
      from promo.promo_performance_metrics o
     cross join lateral (select max(c.tracked_date) as day from changes c
                          where c._client_id = o._client_id and c.variation_id = o.variation_id and c.sends > 0 and c.tracked_date < o.date) s
     where (o._client_id, o.variation_id) in (select c._client_id, c.variation_id from changes c where c.sends > 0)
       and o.date > (select min(c.tracked_date) from changes c where c.sends > 0)
       and coalesce(case when o.sends = 0 then o.cohort else o.cohort_before end, '-infinity') < s.day
       and not exists (select from changes c where c._client_id = o._client_id and c.variation_id = o.variation_id and c.tracked_date = o.date)
       and m._client_id = o._client_id and m.variation_id = o.variation_id and m.date = o.date
  ), variations as (
    update promo.promo_text_variations v set impressions = v.impressions + c.impressions
      from (select _client_id, variation_id, sum(impressions) as impressions from changes group by 1, 2) c
     where v._client_id = c._client_id and v.id = c.variation_id
  ), offers as (
    update promo.promo_offers o set total_impressions = o.total_impressions + c.impressions
      from (select _client_id, offer_id, sum(impressions) as impressions from changes group by 1, 2) c
     where o._client_id = c._client_id and o.id = c.offer_id
  )
  select a.place, a.problem from asked a where a.problem is not null
   union all
  select k.place, case when k.is_same then 'duplicate' else 'conflict' end from known k where k.is_stored or k.copy > 1
   union all
  select f.place, 'repeat' from fresh f where f.stored_id is not null or f.turn > 1
   union all
  select f.place, 'raced' from fresh f
   where f.stored_id is null and f.turn = 1
     and (select count(*) from fresh where stored_id is null and turn = 1) > (select count(*) from counted)
     and not exists (select from counted c where c._client_id = f.client and c.event_id = f.event_id);
end $$;

comment on function promo.record_impressions(jsonb, jsonb) is 'Counts impressions that were received together, each once.';

-- A click is a repeat where a person of the same address clicked the same variation within `window_ms` before it.
create or replace function promo.record_clicks(events jsonb, zones jsonb, window_ms integer)
returns table (place integer, outcome text)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_column
declare
  near constant interval := window_ms * interval '1 millisecond';
  told record;
  -- No conversion is reported within the second of its click: only later ones have to look for theirs.
  is_late constant boolean := events @? '$[*].click_id ? (@ != null)'
    and exists (select from jsonb_array_elements(events) e
                 where e ->> 'click_id' is not null and (e ->> 'at')::timestamptz < clock_timestamp() - interval '1 second');
begin
  if is_late then perform promo.hold_conversions(); end if;

  perform from promo.promo_offers o
    where o.id in (select v.offer_id from promo.promo_text_variations v
                    where v.id in (select (e ->> 'variation_id')::integer from jsonb_array_elements(events) e))
    order by o.id for no key update;

  for told in
  with asked as materialized (
    select e.*, v._client_id as client, v.offer_id, l.at::date as day, extract(hour from l.at)::smallint as hour
      from jsonb_to_recordset(events) as e (place integer, event_id text, variation_id integer, at timestamptz, via text, click_id text,
                                            referrer text, device text, bot text, is_bot boolean, ip_hash text, body_hash text, agent text)
      left join promo.promo_text_variations v on v.id = e.variation_id
     cross join lateral (select e.at at time zone coalesce(zones ->> v._client_id, 'UTC') as at) l
  ), known as materialized (
    select a.*, k.event_id is not null as is_stored, row_number() over same_id as copy,
           case when k.event_id is not null then k.variation_id else first_value(a.variation_id) over same_id end as earlier_variation,
           case when k.event_id is not null then k.referrer else first_value(a.referrer) over same_id end as earlier_referrer,
           case when k.event_id is not null then k.body_hash else first_value(a.body_hash) over same_id end as earlier_hash
      from asked a
      left join promo.promo_click_tracking k on k._client_id = a.client and k.event_id = a.event_id
     where a.client is not null
    window same_id as (partition by a.client, a.event_id order by a.place)
  ), fresh as materialized (
    select k.*,
           not k.is_bot and k.ip_hash is not null
           and (coalesce(lag(k.at) over same_person >= k.at - near, false)
                or exists (select from promo.promo_click_tracking c
                            where c.variation_id = k.variation_id and c.ip_hash = k.ip_hash and not c.is_bot
                              and c.clicked_at between k.at - near and k.at and (c.clicked_at, c.event_id) < (k.at, k.event_id))) as is_repeat
      from known k
     where not k.is_stored and k.copy = 1
    window same_person as (partition by k.variation_id, k.ip_hash, k.is_bot order by k.at, k.event_id)
  ), counted as (
    insert into promo.promo_click_tracking as c
           (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, clicked_hour, via, click_id, referrer, device, bot,
            is_bot, is_repeat, ip_hash, body_hash, user_agent_sealed)
    select client, event_id, offer_id, variation_id, at, day, hour, via, click_id, referrer, device, bot, is_bot, is_repeat,
           ip_hash, body_hash, decode(agent, 'base64')
      from fresh
    on conflict do nothing
    returning c._client_id, c.event_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_hour, c.clicked_at, c.device, c.is_bot, c.is_repeat
  ), overtaken as (
    -- Stored already and clicked later: an event that waited in the spool makes repeats of them.
    update promo.promo_click_tracking c set is_repeat = true
      from fresh f
     where not f.is_bot and c.variation_id = f.variation_id and c.ip_hash = f.ip_hash and not c.is_bot and not c.is_repeat
       and c.clicked_at between f.at and f.at + near and (c.clicked_at, c.event_id) > (f.at, f.event_id)
    returning c._client_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_at, c.device,
              coalesce(c.clicked_hour, extract(hour from c.clicked_at at time zone coalesce(zones ->> c._client_id, 'UTC')))::smallint as clicked_hour
  ), changes as materialized (
    select c._client_id, c.offer_id, c.variation_id, c.clicked_date, count(*) as raw,
           count(*) filter (where c.is_bot) as bots, count(*) filter (where c.is_repeat) as repeats,
           count(*) filter (where c.clicked_at < m.first_sent_at and not c.is_bot and not c.is_repeat) as early
      from counted c
      left join promo.promo_performance_metrics m on m._client_id = c._client_id and m.variation_id = c.variation_id and m.date = c.clicked_date
     group by 1, 2, 3, 4
     union all
    select c._client_id, c.offer_id, c.variation_id, c.clicked_date, 0, 0, count(*), -count(*) filter (where c.clicked_at < m.first_sent_at)
      from overtaken c
      left join promo.promo_performance_metrics m on m._client_id = c._client_id and m.variation_id = c.variation_id and m.date = c.clicked_date
     group by 1, 2, 3, 4
  ), days as (
    insert into promo.promo_performance_metrics as m
           (_client_id, variation_id, offer_id, date, clicks, raw_clicks, bot_clicks, repeat_clicks, clicks_before_send, cohort, cohort_before)
    select c.*, earlier.cohort, earlier.cohort
      from (select _client_id, variation_id, offer_id, clicked_date, sum(raw - bots - repeats), sum(raw), sum(bots), sum(repeats), sum(early)
              from changes group by 1, 2, 3, 4) c
      left join lateral (select p.cohort from promo.promo_performance_metrics p
                          where p._client_id = c._client_id and p.variation_id = c.variation_id and p.date < c.clicked_date
                          order by p.date desc limit 1) earlier on true
    on conflict (_client_id, variation_id, date) do update
       set clicks = m.clicks + excluded.clicks, raw_clicks = m.raw_clicks + excluded.raw_clicks,
           bot_clicks = m.bot_clicks + excluded.bot_clicks, repeat_clicks = m.repeat_clicks + excluded.repeat_clicks,
           clicks_before_send = m.clicks_before_send + excluded.clicks_before_send, updated_at = now(),
           cohort_before = case when excluded.clicks_before_send > 0 then excluded.cohort_before else m.cohort_before end
  ), variations as (
    update promo.promo_text_variations v
       set clicks = v.clicks + c.raw - c.bots - c.repeats, raw_clicks = v.raw_clicks + c.raw,
           bot_clicks = v.bot_clicks + c.bots, repeat_clicks = v.repeat_clicks + c.repeats
      from (select _client_id, variation_id, sum(raw) as raw, sum(bots) as bots, sum(repeats) as repeats from changes group by 1, 2) c
     where v._client_id = c._client_id and v.id = c.variation_id
  ), offers as (
    update promo.promo_offers o
       set total_clicks = o.total_clicks + c.raw - c.bots - c.repeats, total_raw_clicks = o.total_raw_clicks + c.raw,
           total_bot_clicks = o.total_bot_clicks + c.bots, total_repeat_clicks = o.total_repeat_clicks + c.repeats
      from (select _client_id, offer_id, sum(raw) as raw, sum(bots) as bots, sum(repeats) as repeats from changes group by 1, 2) c
     where o._client_id = c._client_id and o.id = c.offer_id
  )
  select a.place, 'unknown_variation' as outcome, null::text as client, null::integer as offer, null::integer as variation, null::date as day,
         null::integer as hour, null::text as device, null::integer as clicks, null::integer as raw
    from asked a where a.client is null
   union all
  select k.place,
         case when (k.earlier_variation, k.earlier_referrer) is not distinct from (k.variation_id, k.referrer)
               -- Hashes begin with their month: those of two months, made with two secrets, say nothing of each other.
               and (k.earlier_hash is not distinct from k.body_hash
                    or split_part(k.earlier_hash, ':', 1) is distinct from split_part(k.body_hash, ':', 1))
              then 'duplicate' else 'conflict' end,
         null, null, null, null, null, null, null, null
    from known k where k.is_stored or k.copy > 1
   union all
  select f.place, 'raced', null, null, null, null, null, null, null, null from fresh f
   where (select count(*) from fresh) > (select count(*) from counted)
     and not exists (select from counted c where c._client_id = f.client and c.event_id = f.event_id)
   union all
  -- Of days that may be summed already: what waited in the spool, and what came at midnight.
  select null, null, c._client_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_hour, c.device, (not c.is_bot and not c.is_repeat)::integer, 1
    from counted c where c.clicked_date <= (select max(s.until) from promo.promo_click_days_summed s)
   union all
  select null, null, c._client_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_hour, c.device, -1, 0
    from overtaken c where c.clicked_date <= (select max(s.until) from promo.promo_click_days_summed s)
  loop
    if told.place is null then
      perform promo.add_to_click_days(told.client, told.offer, told.variation, told.day, told.hour, told.device, told.clicks, told.raw);
    else
      place := told.place;
      outcome := told.outcome;
      return next;
    end if;
  end loop;

  if is_late then perform promo.link_clicks(events); end if;
end $$;

comment on function promo.record_clicks(jsonb, jsonb, integer) is 'Counts clicks that were received together, each once.';

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
--   raced                                           what it was like was deleted at this moment: to be tried again
--
-- What nearly every batch needs is in few statements with small plans, as to begin a statement costs as much as ten
-- events; what few need is in others, which run only then.
create or replace function promo.record_impressions(events jsonb, zones jsonb)
returns table (place integer, outcome text)
language plpgsql
-- Tables begin empty and plans are kept: whatever size they have, rows are found by their keys.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  new record;
  told record;
  today date;
  has_later boolean;
begin
  perform from promo.promo_offers o
    where o.id in (select v.offer_id from promo.promo_text_variations v
                    where v.id in (select (e ->> 'variation_id')::integer from jsonb_array_elements(events) e))
    order by o.id for no key update;

  -- Of several reports of a send the first is stored.
  with counted as (
    insert into promo.promo_impression_tracking as i
           (_client_id, event_id, offer_id, variation_id, newsletter_send_id, recipients, recipients_given, recipients_at, tracked_at, tracked_date)
    select v._client_id, e.event_id, e.offer_id, e.variation_id, e.send_id, coalesce(e.recipients, 1), e.recipients,
           case when e.recipients is not null then e.at end, e.at, (e.at at time zone coalesce(zones ->> v._client_id, 'UTC'))::date
      from jsonb_to_recordset(events) as e (place integer, event_id text, offer_id integer, variation_id integer,
                                            send_id text, recipients integer, at timestamptz)
      join promo.promo_text_variations v on v.id = e.variation_id and v.offer_id = e.offer_id
     where not exists (select from promo.promo_impression_repeats r where r._client_id = v._client_id and r.event_id = e.event_id)
     order by e.at, e.place
    on conflict do nothing
    returning i._client_id as client, i.event_id, i.offer_id, i.variation_id, i.tracked_date, i.tracked_at, i.recipients
  ), changes as (
    select client, offer_id, variation_id, tracked_date as day, count(*) as sends, sum(recipients) as shown, min(tracked_at) as first_at
      from counted group by 1, 2, 3, 4
  )
  select array_agg(client) as clients, array_agg(offer_id) as offers, array_agg(variation_id) as variations, array_agg(day) as days,
         array_agg(sends) as sends, array_agg(shown) as shown, array_agg(first_at) as firsts,
         (select array_agg(client) from counted) as id_clients, (select array_agg(event_id) from counted) as ids
    into new from changes;

  if coalesce(cardinality(new.ids), 0) < jsonb_array_length(events) then
    for told in
    with asked as materialized (
      select e.*, v._client_id as client,
             case when v.id is null then 'unknown_variation'
                  when v.offer_id = e.offer_id then null
                  when exists (select from promo.promo_offers o where o.id = e.offer_id and o._client_id = v._client_id) then 'wrong_offer'
                  else 'unknown_offer' end as problem
        from jsonb_to_recordset(events) as e (place integer, event_id text, offer_id integer, variation_id integer,
                                              send_id text, recipients integer, at timestamptz)
        left join promo.promo_text_variations v on v.id = e.variation_id
    ), compared as materialized (
      select a.*, row_number() over same_id as copy, k.offer_id is not null as is_stored,
             case when k.offer_id is not null then (k.offer_id, k.variation_id, k.send_id, k.recipients)
                                                   is not distinct from (a.offer_id, a.variation_id, a.send_id, a.recipients)
                  else (first_value(a.offer_id) over same_id, first_value(a.variation_id) over same_id,
                        first_value(a.send_id) over same_id, first_value(a.recipients) over same_id)
                       is not distinct from (a.offer_id, a.variation_id, a.send_id, a.recipients) end as is_same
        from asked a
        left join lateral (
          select i.offer_id, i.variation_id, i.newsletter_send_id as send_id, i.recipients_given as recipients
            from promo.promo_impression_tracking i where i._client_id = a.client and i.event_id = a.event_id
           union all
          select r.offer_id, r.variation_id, r.newsletter_send_id, r.recipients_given
            from promo.promo_impression_repeats r where r._client_id = a.client and r.event_id = a.event_id
           limit 1) k on true
       where a.problem is null
      window same_id as (partition by a.client, a.event_id order by a.at, a.place)
    ), known as materialized (
      -- Of the copies of what was counted just now, the first is what was counted.
      select c.*, c.is_same and row_number() over (partition by c.client, c.event_id, c.is_same order by c.at, c.place) = 1
                  and (c.client, c.event_id) in (select n.client, n.id from unnest(new.id_clients, new.ids) n(client, id)) as is_counted
        from compared c
    ), repeats as materialized (
      select k.*, s.event_id as stored_id, s.recipients as stored_recipients, s.tracked_date as stored_day
        from known k
        left join promo.promo_impression_tracking s
          on s._client_id = k.client and s.newsletter_send_id = k.send_id and s.variation_id = k.variation_id
       where not k.is_stored and k.copy = 1
    ), remembered as (
      insert into promo.promo_impression_repeats
             (_client_id, event_id, offer_id, variation_id, newsletter_send_id, recipients_given, tracked_at)
      select client, event_id, offer_id, variation_id, send_id, recipients, at from repeats where stored_id is not null
      on conflict do nothing
    ), latest as (
      select distinct on (client, stored_id) * from repeats where stored_id is not null and recipients is not null
       order by client, stored_id, at desc, place desc
    ), corrected as (
      update promo.promo_impression_tracking i set recipients = l.recipients, recipients_at = l.at
        from latest l
       where i._client_id = l.client and i.event_id = l.stored_id and l.at >= coalesce(i.recipients_at, '-infinity')
      returning i._client_id as client, i.offer_id, i.variation_id, i.tracked_date as day, i.recipients - l.stored_recipients as change
    )
    select a.place, a.problem as outcome, null::text as client, null::integer as offer_id, null::integer as variation_id,
           null::date as day, null::bigint as change
      from asked a where a.problem is not null
     union all
    select k.place, case when k.is_same then 'duplicate' else 'conflict' end, null, null, null, null, null
      from known k where (k.is_stored or k.copy > 1) and not k.is_counted
     union all
    select r.place, case when r.stored_id is null then 'raced' else 'repeat' end, null, null, null, null, null from repeats r
     union all
    select null, null, client, offer_id, variation_id, day, sum(change) from corrected group by client, offer_id, variation_id, day
    loop
      if told.place is null then
        new.clients := new.clients || told.client;
        new.offers := new.offers || told.offer_id;
        new.variations := new.variations || told.variation_id;
        new.days := new.days || told.day;
        new.sends := new.sends || 0::bigint;
        new.shown := new.shown || told.change;
        new.firsts := new.firsts || null::timestamptz;
      else
        place := told.place;
        outcome := told.outcome;
        return next;
      end if;
    end loop;
  end if;

  -- Nearly always there is one day. A later one builds on the cohorts of the one before.
  today := (select min(d) from unnest(new.days) d);
  while today is not null loop
    with changes as materialized (
      select client, offer_id, variation_id, sum(sends)::bigint as sends, sum(shown)::bigint as shown, min(first_at) as first_at
        from unnest(new.clients, new.offers, new.variations, new.days, new.sends, new.shown, new.firsts)
             as n(client, offer_id, variation_id, day, sends, shown, first_at)
       where day = today group by 1, 2, 3
    ), days as (
      insert into promo.promo_performance_metrics as m (_client_id, variation_id, offer_id, date, sends, impressions, first_sent_at, cohort)
      select client, variation_id, offer_id, today, sends, shown, first_at, case when sends > 0 then today end from changes
      on conflict (_client_id, variation_id, date) do update
         set sends = m.sends + excluded.sends, impressions = m.impressions + excluded.impressions,
             first_sent_at = least(m.first_sent_at, excluded.first_sent_at), cohort = coalesce(excluded.cohort, m.cohort), updated_at = now(),
             -- Until its first send a day is of the last send before it.
             cohort_before = case when m.sends = 0 then m.cohort else m.cohort_before end,
             -- Looked for once a day, when its first send comes, and where one that waited in the spool was earlier.
             clicks_before_send = case when m.clicks > 0 and excluded.first_sent_at < coalesce(m.first_sent_at, 'infinity')
               then promo.clicks_before(m._client_id, m.variation_id, m.date, excluded.first_sent_at) else m.clicks_before_send end
    ), variations as (
      update promo.promo_text_variations v set impressions = v.impressions + c.shown from changes c where v.id = c.variation_id
    ), offers as (
      update promo.promo_offers o set total_impressions = o.total_impressions + c.shown
        from (select offer_id, sum(shown)::bigint as shown from changes group by 1) c where o.id = c.offer_id
    )
    select exists (select from promo.promo_performance_metrics m where m.date > today) into has_later;

    if has_later then
      -- Days that came before a send which waited in the spool, up to the next day with one.
      update promo.promo_performance_metrics m set cohort = case when m.sends = 0 then today else m.cohort end, cohort_before = today
        from unnest(new.clients, new.variations, new.days, new.sends) as n(client, variation_id, day, sends)
       where n.day = today and n.sends > 0 and m._client_id = n.client and m.variation_id = n.variation_id and m.date > today
         and coalesce(case when m.sends = 0 then m.cohort else m.cohort_before end, '-infinity') < today;
    end if;
    today := (select min(d) from unnest(new.days) d where d > today);
  end loop;
end $$;

comment on function promo.record_impressions(jsonb, jsonb) is 'Counts impressions that were received together, each once.';

create or replace function promo.clicks_before(client text, variation integer, day date, moment timestamptz) returns bigint language sql stable as $$
  select count(*) from promo.promo_click_tracking c
   where c.clicked_date = day and c._client_id = client and c.variation_id = variation and c.clicked_at < moment
     and not c.is_bot and not c.is_repeat;
$$;
comment on function promo.clicks_before(text, integer, date, timestamptz) is 'Clicks of people on a variation''s day before a moment, without repeats.';

-- A click is a repeat where a person of the same address clicked the same variation within `window_ms` before it.
create or replace function promo.record_clicks(events jsonb, zones jsonb, window_ms integer)
returns table (place integer, outcome text)
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  near constant interval := window_ms * interval '1 millisecond';
  new record;
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

  with asked as (
    select e.*, v._client_id as client, v.offer_id, l.at::date as day, extract(hour from l.at)::smallint as hour,
           row_number() over (partition by v._client_id, e.event_id order by e.place) as copy
      from jsonb_to_recordset(events) as e (place integer, event_id text, variation_id integer, at timestamptz, via text, click_id text,
                                            referrer text, device text, bot text, is_bot boolean, ip_hash text, body_hash text, agent text)
      join promo.promo_text_variations v on v.id = e.variation_id
     cross join lateral (select e.at at time zone coalesce(zones ->> v._client_id, 'UTC') as at) l
  ), fresh as materialized (
    select a.*, n.overtakes,
           not a.is_bot and a.ip_hash is not null and (coalesce(lag(a.at) over same_person >= a.at - near, false) or coalesce(n.follows, false)) as is_repeat
      from asked a
      left join lateral (
        select bool_or((c.clicked_at, c.event_id) < (a.at, a.event_id)) as follows,
               bool_or((c.clicked_at, c.event_id) > (a.at, a.event_id) and not c.is_repeat) as overtakes
          from promo.promo_click_tracking c
         where c.variation_id = a.variation_id and c.ip_hash = a.ip_hash and not c.is_bot and not a.is_bot
           and c.clicked_at between a.at - near and a.at + near) n on true
     where a.copy = 1 and not exists (select from promo.promo_click_tracking k where k._client_id = a.client and k.event_id = a.event_id)
    window same_person as (partition by a.variation_id, a.ip_hash, a.is_bot order by a.at, a.event_id)
  ), counted as (
    insert into promo.promo_click_tracking as c
           (_client_id, event_id, offer_id, variation_id, clicked_at, clicked_date, clicked_hour, via, click_id, referrer, device, bot,
            is_bot, is_repeat, ip_hash, body_hash, user_agent_sealed)
    select client, event_id, offer_id, variation_id, at, day, hour, via, click_id, referrer, device, bot, is_bot, is_repeat,
           ip_hash, body_hash, decode(agent, 'base64')
      from fresh
    on conflict do nothing
    returning c._client_id as client, c.event_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_at, c.is_bot, c.is_repeat
  ), changes as (
    select client, offer_id, variation_id, clicked_date as day, count(*) as raw, count(*) filter (where is_bot) as bots,
           count(*) filter (where is_repeat) as repeats, min(clicked_at) filter (where not is_bot and not is_repeat) as first_at
      from counted group by 1, 2, 3, 4
  )
  select array_agg(client) as clients, array_agg(offer_id) as offers, array_agg(variation_id) as variations, array_agg(day) as days,
         array_agg(raw) as raw, array_agg(bots) as bots, array_agg(repeats) as repeats, array_agg(first_at) as firsts,
         (select array_agg(client) from counted) as id_clients, (select array_agg(event_id) from counted) as ids,
         (select bool_or(overtakes) from fresh) as overtakes,
         min(day) <= (select max(s.until) from promo.promo_click_days_summed s) as is_summed
    into new from changes;

  if coalesce(cardinality(new.ids), 0) < jsonb_array_length(events) then
    return query
    with asked as (
      select e.*, v._client_id as client, row_number() over (partition by v._client_id, e.event_id order by e.place) as copy
        from jsonb_to_recordset(events) as e (place integer, event_id text, variation_id integer, referrer text, body_hash text)
        left join promo.promo_text_variations v on v.id = e.variation_id
    )
    select a.place,
           case when a.client is null then 'unknown_variation'
                when k.event_id is null then 'raced'
                when (k.variation_id, k.referrer) is not distinct from (a.variation_id, a.referrer)
                 -- Hashes begin with their month: those of two months, made with two secrets, say nothing of each other.
                 and (k.body_hash is not distinct from a.body_hash
                      or split_part(k.body_hash, ':', 1) is distinct from split_part(a.body_hash, ':', 1))
                then 'duplicate' else 'conflict' end
      from asked a
      left join promo.promo_click_tracking k on k._client_id = a.client and k.event_id = a.event_id
     where a.client is null or a.copy > 1
        or (a.client, a.event_id) not in (select n.client, n.id from unnest(new.id_clients, new.ids) n(client, id));
  end if;
  if new.clients is null then return; end if;

  if new.overtakes then
    -- Stored already and clicked later: an event that waited in the spool makes repeats of them.
    for told in
    with late as materialized (
      select c.variation_id, c.ip_hash, c.clicked_at, c.event_id
        from unnest(new.id_clients, new.ids) n(client, id)
        join promo.promo_click_tracking c on c._client_id = n.client and c.event_id = n.id
       where not c.is_bot and c.ip_hash is not null
    )
    update promo.promo_click_tracking c set is_repeat = true
      from late l
     where c.variation_id = l.variation_id and c.ip_hash = l.ip_hash and not c.is_bot and not c.is_repeat
       and c.clicked_at between l.clicked_at and l.clicked_at + near and (c.clicked_at, c.event_id) > (l.clicked_at, l.event_id)
    returning c._client_id as client, c.offer_id, c.variation_id, c.clicked_date as day, c.clicked_at, c.device,
              coalesce(c.clicked_hour, extract(hour from c.clicked_at at time zone coalesce(zones ->> c._client_id, 'UTC')))::smallint as hour
    loop
      new.clients := new.clients || told.client;
      new.offers := new.offers || told.offer_id;
      new.variations := new.variations || told.variation_id;
      new.days := new.days || told.day;
      new.raw := new.raw || 0::bigint;
      new.bots := new.bots || 0::bigint;
      new.repeats := new.repeats || 1::bigint;
      new.firsts := new.firsts || told.clicked_at;
      perform promo.add_to_click_days(told.client, told.offer_id, told.variation_id, told.day, told.hour, told.device, -1, 0);
    end loop;
  end if;

  -- Of days that may be summed already: what waited in the spool, and what came at midnight.
  if new.is_summed then
    perform promo.add_to_click_days(c._client_id, c.offer_id, c.variation_id, c.clicked_date, c.clicked_hour, c.device,
                                    (not c.is_bot and not c.is_repeat)::integer, 1)
       from unnest(new.id_clients, new.ids) n(client, id)
       join promo.promo_click_tracking c on c._client_id = n.client and c.event_id = n.id;
  end if;

  with changes as materialized (
    select n.*, m.date is null as is_new, coalesce(n.first_at < m.first_sent_at, false) as is_early
      from (select client, offer_id, variation_id, day, sum(raw)::bigint as raw, sum(bots)::bigint as bots, sum(repeats)::bigint as repeats,
                   min(first_at) as first_at
              from unnest(new.clients, new.offers, new.variations, new.days, new.raw, new.bots, new.repeats, new.firsts)
                   as n(client, offer_id, variation_id, day, raw, bots, repeats, first_at)
             group by 1, 2, 3, 4) n
      -- Not "=": while the table is small, the index of days would be as good as the key, and the plan is kept.
      left join promo.promo_performance_metrics m on m._client_id = n.client and m.variation_id = n.variation_id and m.date between n.day and n.day
  ), days as (
    insert into promo.promo_performance_metrics as m
           (_client_id, variation_id, offer_id, date, clicks, raw_clicks, bot_clicks, repeat_clicks, clicks_before_send, cohort, cohort_before)
    select c.client, c.variation_id, c.offer_id, c.day, c.raw - c.bots - c.repeats, c.raw, c.bots, c.repeats, c.is_early::integer, l.cohort, l.cohort
      from changes c
     cross join lateral (
       select case when c.is_new or c.is_early
              then (select p.cohort from promo.promo_performance_metrics p
                     where p._client_id = c.client and p.variation_id = c.variation_id and p.date < c.day
                     order by p.date desc limit 1) end as cohort) l
    on conflict (_client_id, variation_id, date) do update
       set clicks = m.clicks + excluded.clicks, raw_clicks = m.raw_clicks + excluded.raw_clicks,
           bot_clicks = m.bot_clicks + excluded.bot_clicks, repeat_clicks = m.repeat_clicks + excluded.repeat_clicks, updated_at = now(),
           clicks_before_send = case when excluded.clicks_before_send > 0
             then promo.clicks_before(m._client_id, m.variation_id, m.date, m.first_sent_at) else m.clicks_before_send end,
           cohort_before = case when excluded.clicks_before_send > 0 then excluded.cohort_before else m.cohort_before end
  ), variations as (
    update promo.promo_text_variations v
       set clicks = v.clicks + c.raw - c.bots - c.repeats, raw_clicks = v.raw_clicks + c.raw,
           bot_clicks = v.bot_clicks + c.bots, repeat_clicks = v.repeat_clicks + c.repeats
      from (select variation_id, sum(raw)::bigint as raw, sum(bots)::bigint as bots, sum(repeats)::bigint as repeats from changes group by 1) c
     where v.id = c.variation_id
  )
  update promo.promo_offers o
     set total_clicks = o.total_clicks + c.raw - c.bots - c.repeats, total_raw_clicks = o.total_raw_clicks + c.raw,
         total_bot_clicks = o.total_bot_clicks + c.bots, total_repeat_clicks = o.total_repeat_clicks + c.repeats
    from (select offer_id, sum(raw)::bigint as raw, sum(bots)::bigint as bots, sum(repeats)::bigint as repeats from changes group by 1) c
   where o.id = c.offer_id;

  if is_late then perform promo.link_clicks(events); end if;
end $$;

comment on function promo.record_clicks(jsonb, jsonb, integer) is 'Counts clicks that were received together, each once.';

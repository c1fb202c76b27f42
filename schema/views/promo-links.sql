-- Which promo click a conversion brought back the id of is written down when the later of the two is stored: a conversion
-- looks for its click when it is merged, whoever merges it, and a click that waited in the spool looks for its conversions.
-- Two that are stored at the same moment would not see each other, so such a click first waits for the conversions under
-- way, and lets the next ones wait: promo.hold_conversions against the shared lock of the triggers. It has locked nothing
-- else by then, and no trigger waits for anything else of promo.
create or replace function promo.hold_conversions() returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended('promo conversions and clicks', 0));
$$;
comment on function promo.hold_conversions() is 'Waits until no conversion is being stored, and keeps it so up to the end of the transaction.';

create or replace function promo.link_everflow() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('promo conversions and clicks', 0));
  -- What held before holds on, also when its click was deleted by age.
  delete from promo.promo_conversion_clicks l using changed e
   where l._client_id = e._client_id and l.feed = 'everflow' and l.conversion_id = e.conversion_id
     and l.click_id is distinct from (array[e.sub1, e.sub2, e.sub3, e.sub4, e.sub5])[l.place];
  insert into promo.promo_conversion_clicks (_client_id, feed, conversion_id, place, click_id, offer_id, variation_id, clicked_at, clicked_date)
  select e._client_id, 'everflow', e.conversion_id, s.place, c.click_id, c.offer_id, c.variation_id, c.clicked_at, c.clicked_date
    from changed e
   cross join lateral (values (1, e.sub1), (2, e.sub2), (3, e.sub3), (4, e.sub4), (5, e.sub5)) s(place, value)
    join promo.promo_click_tracking c on c._client_id = e._client_id and c.click_id = s.value
   where s.value is not null
  on conflict do nothing;
  return null;
end $$;
comment on function promo.link_everflow() is 'Writes down which promo clicks the conversions that were just stored brought back.';

create or replace function promo.link_anytrack() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('promo conversions and clicks', 0));
  delete from promo.promo_conversion_clicks l using changed a
   where l._client_id = a._client_id and l.feed = 'anytrack' and l.conversion_id = a.conversion_key and l.click_id is distinct from a.click_id;
  insert into promo.promo_conversion_clicks (_client_id, feed, conversion_id, place, click_id, offer_id, variation_id, clicked_at, clicked_date)
  select a._client_id, 'anytrack', a.conversion_key, 0, c.click_id, c.offer_id, c.variation_id, c.clicked_at, c.clicked_date
    from changed a
    join promo.promo_click_tracking c on c._client_id = a._client_id and c.click_id = a.click_id
   where a.click_id is not null
  on conflict do nothing;
  return null;
end $$;
comment on function promo.link_anytrack() is 'The same for AnyTrack''s.';

create or replace function promo.unlink_everflow() returns trigger language plpgsql as $$
begin
  delete from promo.promo_conversion_clicks l using gone e
   where l._client_id = e._client_id and l.feed = 'everflow' and l.conversion_id = e.conversion_id;
  return null;
end $$;
comment on function promo.unlink_everflow() is 'A conversion that is withdrawn has no click.';

create or replace function promo.unlink_anytrack() returns trigger language plpgsql as $$
begin
  delete from promo.promo_conversion_clicks l using gone a
   where l._client_id = a._client_id and l.feed = 'anytrack' and l.conversion_id = a.conversion_key;
  return null;
end $$;
comment on function promo.unlink_anytrack() is 'The same for AnyTrack''s.';

-- Of clicks that were just stored.
create or replace function promo.link_clicks(events jsonb) returns void language sql as $$
  with clicks as materialized (
    select c.* from jsonb_array_elements(events) e
      join promo.promo_text_variations v on v.id = (e ->> 'variation_id')::integer
      join promo.promo_click_tracking c on c._client_id = v._client_id and c.click_id = e ->> 'click_id'
  )
  insert into promo.promo_conversion_clicks (_client_id, feed, conversion_id, place, click_id, offer_id, variation_id, clicked_at, clicked_date)
  select c._client_id, f.feed, f.conversion_id, f.place, c.click_id, c.offer_id, c.variation_id, c.clicked_at, c.clicked_date
    from clicks c
   cross join lateral (
     select 'everflow' as feed, e.conversion_id, s.place
       from everflow.conversions e
      cross join lateral (values (1, e.sub1), (2, e.sub2), (3, e.sub3), (4, e.sub4), (5, e.sub5)) s(place, value)
      -- As the index has it.
      where array_remove(array[e.sub1, e.sub2, e.sub3, e.sub4, e.sub5], null) @> array[c.click_id]
        and e._client_id = c._client_id and s.value = c.click_id
      union all
     select 'anytrack', a.conversion_key, 0 from anytrack.conversions a where a._client_id = c._client_id and a.click_id = c.click_id) f
  on conflict do nothing;
$$;
comment on function promo.link_clicks(jsonb) is 'Writes down which conversions brought back the clicks that were just stored.';

-- Once. The lock keeps everybody else from storing conversions until what is there is written down.
do $$
begin
  if not exists (select from pg_trigger where tgname = 'links_promo_clicks') then
    create trigger links_promo_clicks after insert on everflow.conversions referencing new table as changed for each statement execute function promo.link_everflow();
    create trigger relinks_promo_clicks after update on everflow.conversions referencing new table as changed for each statement execute function promo.link_everflow();
    create trigger unlinks_promo_clicks after delete on everflow.conversions referencing old table as gone for each statement execute function promo.unlink_everflow();
    create trigger links_promo_clicks after insert on anytrack.conversions referencing new table as changed for each statement execute function promo.link_anytrack();
    create trigger relinks_promo_clicks after update on anytrack.conversions referencing new table as changed for each statement execute function promo.link_anytrack();
    create trigger unlinks_promo_clicks after delete on anytrack.conversions referencing old table as gone for each statement execute function promo.unlink_anytrack();
    insert into promo.promo_conversion_clicks (_client_id, feed, conversion_id, place, click_id, offer_id, variation_id, clicked_at, clicked_date)
    select e._client_id, e.feed, e.conversion_id, e.place, c.click_id, c.offer_id, c.variation_id, c.clicked_at, c.clicked_date
      from (select e._client_id, 'everflow' as feed, e.conversion_id, s.place, s.value
              from everflow.conversions e
             cross join lateral (values (1, e.sub1), (2, e.sub2), (3, e.sub3), (4, e.sub4), (5, e.sub5)) s(place, value)
             where s.value is not null
             union all
            select _client_id, 'anytrack', conversion_key, 0, click_id from anytrack.conversions where click_id is not null) e
      join promo.promo_click_tracking c on c._client_id = e._client_id and c.click_id = e.value
    on conflict do nothing;
  end if;
end $$;

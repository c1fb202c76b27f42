-- Clicks per hour and per device of days that are over. Counting a click costs nothing of it: a day is summed once, when it
-- is over, and whoever asks adds the clicks of the days since. What comes later for a summed day is added to it by what
-- records clicks, so a sum is right at any moment, and stays when the clicks are deleted.
create or replace function promo.device_place(device text) returns integer language sql immutable as $$
  select coalesce(array_position(array['desktop', 'mobile', 'tablet', 'tv', 'bot', 'other', 'unknown'], device), 6);
$$;
comment on function promo.device_place(text) is 'Where a device stands in the arrays of promo.promo_click_days.';

create or replace function promo.counts_at(size integer, places integer[], counts integer[]) returns integer[] language plpgsql immutable as $$
declare
  sums integer[] := array_fill(0, array[size]);
begin
  for i in 1 .. cardinality(places) loop
    sums[places[i]] := sums[places[i]] + counts[i];
  end loop;
  return sums;
end $$;
comment on function promo.counts_at(integer, integer[], integer[]) is 'Counts summed where they belong in an array of zeros.';

-- A click, or one that turned out to be a repeat, of a day that may be summed.
create or replace function promo.add_to_click_days(p_client text, p_offer integer, p_variation integer, p_day date, p_hour integer, p_device text, p_clicks integer, p_raw integer)
returns void language sql as $$
  insert into promo.promo_click_days as m (_client_id, variation_id, date, offer_id, hours, devices, raw_devices)
  select p_client, v.id, p_day, p_offer, promo.counts_at(24, array[p_hour + 1], array[p_clicks]),
         promo.counts_at(7, array[promo.device_place(p_device)], array[p_clicks]), promo.counts_at(7, array[promo.device_place(p_device)], array[p_raw])
    from (values (0), (p_variation)) v(id)
    join promo.promo_click_days_summed s on s._client_id = p_client and s.until >= p_day
  on conflict (_client_id, variation_id, date, offer_id) do update
     set hours[p_hour + 1] = m.hours[p_hour + 1] + p_clicks,
         devices[promo.device_place(p_device)] = m.devices[promo.device_place(p_device)] + p_clicks,
         raw_devices[promo.device_place(p_device)] = m.raw_devices[promo.device_place(p_device)] + p_raw;
$$;
comment on function promo.add_to_click_days(text, integer, integer, date, integer, text, integer, integer) is 'Adds a click to the sums of its day, if that is summed.';

-- One day for each call, with the client's offers locked as counting locks them: nothing of it is counted meanwhile.
create or replace function promo.sum_click_day(p_client text, p_zone text, out is_more boolean) language plpgsql as $$
declare
  last_day constant date := (now() at time zone p_zone)::date - 1;
  day date;
begin
  if exists (select from promo.promo_click_days_summed s where s._client_id = p_client and s.until >= last_day) then
    is_more := false;
    return;
  end if;
  perform from promo.promo_offers o where o._client_id = p_client order by o.id for no key update;
  day := (select min(c.clicked_date) from promo.promo_click_tracking c
           where c._client_id = p_client and c.clicked_date <= last_day
             and c.clicked_date > coalesce((select s.until from promo.promo_click_days_summed s where s._client_id = p_client), '-infinity'));
  insert into promo.promo_click_days (_client_id, variation_id, date, offer_id, hours, devices, raw_devices)
  select p_client, coalesce(c.variation_id, 0), day, c.offer_id, promo.counts_at(24, array_agg(c.hour + 1), array_agg(c.clicks)),
         promo.counts_at(7, array_agg(c.device), array_agg(c.clicks)), promo.counts_at(7, array_agg(c.device), array_agg(c.raw))
    from (select k.offer_id, k.variation_id, promo.device_place(k.device) as device,
                 coalesce(k.clicked_hour, extract(hour from k.clicked_at at time zone p_zone))::integer as hour,
                 count(*) filter (where not k.is_bot and not k.is_repeat)::integer as clicks, count(*)::integer as raw
            from promo.promo_click_tracking k where k._client_id = p_client and k.clicked_date = day group by 1, 2, 3, 4) c
   group by grouping sets ((c.offer_id, c.variation_id), (c.offer_id));
  insert into promo.promo_click_days_summed (_client_id, until) values (p_client, coalesce(day, last_day))
  on conflict (_client_id) do update set until = excluded.until;
  is_more := coalesce(day < last_day, false);
end $$;
comment on function promo.sum_click_day(text, text) is 'Sums the next day of a client''s clicks that is over; false when there is none left.';

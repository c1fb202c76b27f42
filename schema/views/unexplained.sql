-- Double and missing money, row by row. Stands on the figures of promo.sql, public.sql and rtb.sql, which are made before it.
-- What the sandbox made up never meets what is real: where a feed has real days, its made-up ones are left out.

-- Shops write one order number with a # or in capitals here and without there; zeros at the front are part of it.
create or replace function findings.order_number(p_order text) returns text language sql immutable as $$
  select nullif(lower(ltrim(btrim(p_order), '#')), '')
$$;

create or replace function findings.final_days(p_client text, p_source text) returns table (slice text, day date, origin text) language sql stable as $$
  select s.slice, s.day, s.origin
    from ops.slices s
   where s._client_id = p_client and s.source = p_source and s.is_final
     and (s.origin = 'sandbox') = (select coalesce(bool_and(m.origin = 'sandbox'), true) from ops.slices m
                                    where m._client_id = p_client and m.source = p_source and m.is_final)
$$;

create or replace function findings.final_conversions(p_client text, p_from date, p_to date)
returns table (conversion_id text, date date, converted_at timestamptz, clicked_at timestamptz, status text, affiliate_id text, affiliate_name text, currency text,
               payout numeric, revenue numeric, order_id text, transaction_id text, origin text)
language sql stable as $$
  select c.conversion_id, c.date, c.converted_at, c.clicked_at, c.status, c.affiliate_id, c.affiliate_name, c.currency, c.payout, c.revenue, c.order_id, c.transaction_id, d.origin
    from everflow.conversions c
    join findings.final_days(p_client, 'everflow.conversions') d on d.slice = c._slice
   where c._client_id = p_client and c.date between p_from and p_to and not c.is_event
$$;

-- The second payment of an order, of whatever network the first was. Several conversions and follow-up events of one affiliate are
-- one payment in several parts, and what a chargeback took back was not paid. AnyTrack may well track the same conversions that
-- Everflow pays: then most of its orders are in Everflow too, and only those count for which it credits another of Everflow's affiliates.
create or replace function findings.orders_paid_twice(p_client text, p_from date, p_to date)
returns table (date date, order_number text, affiliate_id text, affiliate_name text, conversion_id text, paid numeric, currency text,
               other_said_by text, other_paid numeric, other_currency text, at_stake numeric, origin text)
language sql stable as $$
  with payments as materialized (
    select findings.order_number(c.order_id) as order_number, c.affiliate_id, c.currency, max(c.affiliate_name) as affiliate_name, max(c.origin) as origin,
           (array_agg(c.conversion_id order by c.converted_at, c.conversion_id))[1] as conversion_id, min(c.converted_at) as paid_at, min(c.date) as date, sum(c.payout) as paid
      from findings.final_conversions(p_client, p_from, p_to) c
     where c.order_id is not null and c.status = 'approved'
       and not exists (select from everflow.conversions b
                        where b._client_id = p_client and b.transaction_id = c.transaction_id and b.revenue < 0 and b.status = 'approved' and b.order_id is null)
     group by 1, 2, 3
  ), paid as materialized (
    select p.*, first_value(p.affiliate_id) over by_time as first_affiliate, first_value(p.affiliate_name) over by_time as first_name,
           first_value(p.paid) over by_time as first_paid, first_value(p.currency) over by_time as first_currency
      from payments p where p.paid > 0 and p.order_number is not null
    window by_time as (partition by p.order_number order by p.paid_at, p.conversion_id)
  ), tracked as materialized (
    select findings.order_number(a.order_id) as order_number, a.currency, sum(a.revenue) as revenue, min(a.affiliate_id) as affiliate_id, min(a.source) as source
      from anytrack.conversions a
     where a._client_id = p_client and a.date between p_from - 7 and p_to + 7 and a.order_id is not null and a.revenue > 0 and a.currency is not null
       and lower(a.type) not in ('refund', 'chargeback')
       and (a.origin = 'sandbox') = (select coalesce(bool_and(d.origin = 'sandbox'), true) from findings.final_days(p_client, 'everflow.conversions') d)
     group by 1, 2
  ), shared as (
    select coalesce(count(*) filter (where t.order_number in (select p.order_number from paid p))::numeric / nullif(count(*), 0), 0) as share from tracked t
  ), known as (
    select distinct p.affiliate_id from payments p
  )
  select p.date, p.order_number, p.affiliate_id, p.affiliate_name, p.conversion_id, p.paid, p.currency,
         'Everflow: ' || coalesce(p.first_name, p.first_affiliate), p.first_paid, p.first_currency, round(p.paid, 2), p.origin
    from paid p where p.affiliate_id <> p.first_affiliate
   union all
  select p.date, p.order_number, p.affiliate_id, p.affiliate_name, p.conversion_id, p.paid, p.currency,
         concat_ws(': ', 'AnyTrack', coalesce(t.affiliate_id, t.source)), t.revenue, t.currency,
         round(case when t.currency = p.currency then least(p.paid, t.revenue) else p.paid end, 2), p.origin
    from paid p
    join tracked t on t.order_number = p.order_number
   where p.affiliate_id = p.first_affiliate
     and ((select s.share from shared s) < 0.2
          or t.affiliate_id <> p.affiliate_id and t.affiliate_id in (select k.affiliate_id from known k))
$$;

-- A source's spend, clicks and conversions on each final day. The conversions are Everflow's approved ones where an affiliate has this
-- source alone, else Redtrack's own.
create or replace function findings.source_days(p_client text, p_from date, p_to date)
returns table (date date, source_id text, source_name text, currency text, cost numeric, clicks bigint, conversions bigint, counted_by text, origin text)
language sql stable as $$
  with alone as materialized (
    select m.affiliate_id, min(m.redtrack_source_id) as source_id
      from public.affiliate_matches m
     where m._client_id = p_client and m.affiliate_id is not null and m.redtrack_source_id is not null
     group by 1 having count(*) = 1
  ), approved as materialized (
    select e.date, a.source_id, sum(e.conversions)::bigint as conversions
      from alone a
      join everflow.daily_stats e on e._client_id = p_client and e.affiliate_id = a.affiliate_id and e.date between p_from and p_to
      join findings.final_days(p_client, 'everflow.daily_stats') d on d.slice = e._slice
     group by 1, 2
  ), counted as materialized (
    select d.day from findings.final_days(p_client, 'everflow.daily_stats') d
  )
  select r.date, r.source_id, coalesce(r.source_name, r.source_id), coalesce(c.currency, 'USD'), r.cost, r.clicks,
         case when a.affiliate_id is null then r.conversions else greatest(coalesce(e.conversions, 0), 0) end,
         case when a.affiliate_id is null then 'Redtrack' else 'Everflow' end, d.origin
    from redtrack.daily_spend r
    join findings.final_days(p_client, 'redtrack.daily_spend') d on d.slice = r._slice
    left join public.account_currency c on c._client_id = p_client and c.vendor = 'redtrack'
    left join alone a on a.source_id = r.source_id
    left join approved e on e.source_id = r.source_id and e.date = r.date
   where r._client_id = p_client and r.date between p_from and p_to
     and (a.affiliate_id is null or r.date in (select n.day from counted n))
$$;

-- Which conversion of its affiliate each is that came from one address: of Everflow's the address behind the promo click, of AnyTrack's
-- the visitor. Both are keyed hashes, and neither leaves this function but as a number of the row.
create or replace function findings.addressed_conversions(p_client text, p_from date, p_to date)
returns table (subject text, subject_name text, conversion_id text, date date, said_by text, currency text, amount numeric, place bigint, origin text)
language sql stable as $$
  select 'affiliate/' || c.affiliate_id, coalesce(c.affiliate, c.affiliate_id), c.conversion_id, c.date, 'Everflow', c.currency, c.payout,
         row_number() over (partition by c.affiliate_id, k.ip_hash order by c.converted_at, c.conversion_id), c.origin
    from promo.clicked_conversions c
    join promo.promo_click_tracking k on k._client_id = p_client and k.click_id = c.click_id
   where c._client_id = p_client and c.feed = 'everflow' and c.date between p_from and p_to and c.conversions > 0 and k.ip_hash is not null and not k.is_bot
   union all
  select 'anytrack/' || a.affiliate_id, a.affiliate_id, a.conversion_key, a.date, 'AnyTrack', coalesce(a.currency, ''), coalesce(a.revenue, 0),
         row_number() over (partition by a.affiliate_id, a.type, a.visitor order by a.event_time, a.conversion_key), a.origin
    from anytrack.conversions a
   where a._client_id = p_client and a.date between p_from and p_to and a.visitor is not null and a.affiliate_id is not null and coalesce(a.revenue, 0) >= 0
     and (a.origin = 'sandbox') = (select not exists (select from anytrack.conversions r where r._client_id = p_client and r.origin <> 'sandbox'))
$$;

-- Both of all subjects at once: reading the conversions again for each of them would take as many times as long.
create or replace function findings.paid_twice_rows(p_client text, p_from date, p_to date)
returns table (subject text, date date, item text, said_by text, amount numeric, currency text, count bigint,
               other_said_by text, other_amount numeric, other_currency text, usual numeric, at_stake numeric, origin text)
language sql stable as $$
  select concat('affiliate/', o.affiliate_id, '/', o.currency), o.date, o.order_number, 'Everflow: ' || o.conversion_id, o.paid, o.currency, null::bigint,
         o.other_said_by, o.other_paid, o.other_currency, null::numeric, o.at_stake, o.origin
    from findings.orders_paid_twice(p_client, p_from, p_to) o
$$;

create or replace function findings.repeat_rows(p_client text, p_from date, p_to date)
returns table (subject text, date date, item text, said_by text, amount numeric, currency text, count bigint,
               other_said_by text, other_amount numeric, other_currency text, usual numeric, at_stake numeric, origin text)
language sql stable as $$
  select a.subject, a.date, a.conversion_id, a.said_by, a.amount, a.currency, a.place, null::text, null::numeric, null::text, null::numeric, round(a.amount, 2), a.origin
    from findings.addressed_conversions(p_client, p_from, p_to) a
   where a.place > 1
$$;

-- The rows that a finding follows from, as they are now.
create or replace function findings.evidence_of(p_client text, p_kind text, p_subject text, p_from date, p_to date, p_facts jsonb)
returns table ("position" integer, date date, item text, said_by text, amount numeric, currency text, count bigint,
               other_said_by text, other_amount numeric, other_currency text, usual numeric, at_stake numeric, origin text)
language sql stable as $$
  select row_number() over (order by e.date, e.item, e.said_by, e.other_said_by)::integer, e.*
    from (
      select o.date, o.item, o.said_by, o.amount, o.currency, o.count, o.other_said_by, o.other_amount, o.other_currency, o.usual, o.at_stake, o.origin
        from findings.paid_twice_rows(p_client, p_from, p_to) o
       where p_kind = 'paid_twice' and o.subject = p_subject
       union all
      select s.date, s.source_name, 'Redtrack', s.cost, s.currency, case when p_kind = 'parted_ways' then s.conversions else s.clicks end, null, null, null,
             case when p_kind = 'parted_ways' then round(s.conversions * (p_facts -> 'days' ->> s.date::text)::numeric, 6) else (p_facts -> 'days' ->> s.date::text)::numeric end,
             case p_kind when 'spend_without_clicks' then round(s.cost, 2)
                         when 'clicks_without_spend' then round((p_facts -> 'days' ->> s.date::text)::numeric - s.cost, 2)
                         else abs(round(s.cost - s.conversions * (p_facts -> 'days' ->> s.date::text)::numeric, 2)) end, s.origin
        from findings.source_days(p_client, p_from, p_to) s
       where p_kind in ('spend_without_clicks', 'clicks_without_spend', 'parted_ways') and p_subject = 'source/' || s.source_id and p_facts -> 'days' ? s.date::text
       union all
      select k.date, k.campaign_name, 'Ad performance', k.spend, p_facts ->> 'currency', k.clicks, null, null, null, (p_facts -> 'days' ->> k.date::text)::numeric,
             case p_kind when 'spend_without_clicks' then round(k.spend, 2) else round((p_facts -> 'days' ->> k.date::text)::numeric - k.spend, 2) end, g.origin
        from rtb.campaign_days k
        join rtb.campaigns g on g._client_id = p_client and g.campaign_id = k.campaign_id
       where p_kind in ('spend_without_clicks', 'clicks_without_spend') and p_subject like 'campaign/%' and k._client_id = p_client
         and k.campaign_id = nullif(substr(p_subject, 10), '')::bigint and k.date between p_from and p_to and p_facts -> 'days' ? k.date::text
       union all
      select c.date, c.conversion_id, 'Everflow', c.payout, c.currency, t.seconds, null, null, null, null,
             case when c.currency = p_facts ->> 'currency' then round(c.payout, 2) end, c.origin
        from findings.final_conversions(p_client, p_from, p_to) c
       cross join lateral (select extract(epoch from c.converted_at - c.clicked_at)::bigint as seconds) t
       where p_kind = 'click_times' and c.affiliate_id = substr(p_subject, 11) and c.status in ('approved', 'pending') and c.payout >= 0
         and t.seconds >= coalesce((p_facts ->> 'fromSeconds')::bigint, t.seconds) and t.seconds < coalesce((p_facts ->> 'toSeconds')::bigint, t.seconds + 1)) e (date, item, said_by, amount, currency, count, other_said_by, other_amount, other_currency, usual, at_stake, origin)
$$;

create or replace function findings.evidence(p_client text, p_finding bigint)
returns table ("position" integer, date date, item text, said_by text, amount numeric, currency text, count bigint,
               other_said_by text, other_amount numeric, other_currency text, usual numeric, at_stake numeric, origin text)
language sql stable as $$
  select e.* from findings.findings f
   cross join lateral findings.evidence_of(f._client_id, f.kind, f.subject, f.window_from, f.window_to, f.facts) e
   where f._client_id = p_client and f.finding_id = p_finding and f.kind <> 'repeat_addresses'
   union all
  -- Who may read this may not read hashes of addresses: these rows are as they were found.
  select r.position, r.date, r.item, r.said_by, r.amount, r.currency, r.count, r.other_said_by, r.other_amount, r.other_currency, r.usual, r.at_stake, f.origin
    from findings.findings f
    join findings.finding_rows r on r._client_id = f._client_id and r.finding_id = f.finding_id
   where f._client_id = p_client and f.finding_id = p_finding and f.kind = 'repeat_addresses'
$$;

comment on function findings.order_number(text) is 'An order number as it is compared: without spaces around it, a # before it, or capitals.';
comment on function findings.final_days(text, text) is 'The final days of a source; without made-up ones where there are others.';
comment on function findings.final_conversions(text, date, date) is 'Everflow''s conversions of final days, without follow-up events.';
comment on function findings.orders_paid_twice(text, date, date) is 'Orders that two networks, or two affiliates of Everflow, are paid for: one row for each second payment.';
comment on function findings.source_days(text, date, date) is 'Spend, clicks and conversions of each traffic source on each final day.';
comment on function findings.addressed_conversions(text, date, date) is 'Which conversion of its affiliate each is that came from one hashed address or visitor.';
comment on function findings.evidence_of(text, text, text, date, date, jsonb) is 'The rows that a finding of this kind and subject follows from, but for repeat_addresses.';
comment on function findings.paid_twice_rows(text, date, date) is 'The rows of all findings of the kind paid_twice.';
comment on function findings.repeat_rows(text, date, date) is 'The rows of all findings of the kind repeat_addresses: conversions from an address that had brought one of the same affiliate before.';
comment on function findings.evidence(text, bigint) is 'The rows that a finding follows from, as they are now; those of repeat_addresses as they were found.';

-- What each finding was found by, beside the same sums of the rows as they are now: they differ where a vendor restated something since.
create or replace view findings.recomputed as
select f._client_id, f.finding_id, f.kind, f.subject, f.currency, f.at_stake as found_at_stake, f.cases as found_cases,
       coalesce(e.at_stake, 0) as at_stake, coalesce(e.cases, 0)::integer as cases
  from findings.findings f
 cross join lateral (select sum(at_stake) as at_stake, count(*) as cases from findings.evidence(f._client_id, f.finding_id)) e;

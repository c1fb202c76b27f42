create or replace view ops.freshness as
select s._client_id, s.source, s.day,
       case when s.failed_at is not null then 'failed'
            when s.outcome in ('emptied', 'shrunk') then 'emptied'
            when s.is_final then 'final'
            else 'provisional' end as state,
       s.fetched_at as loaded_at, s.rows, s.total::numeric as total,
       case when s.outcome = 'unreconciled' then false when s.outcome not in ('emptied', 'shrunk') and r.vendor_total is not null then true end as reconciled,
       s.failure, s.timezone, s.origin
  from ops.slices s
  left join ops.receipts r on r.receipt_id = s.receipt_id;

-- How days came to what they are, by the receipts of their readings: the total that was known so long after a day's end, and
-- how many days after it the day last changed and was last looked at.
create or replace view ops.settled_days as
select s._client_id, s.source, s.day, extract(isodow from s.day)::int as weekday, s.origin, s.total::numeric as total,
       k.first_read_hours, k.after_1h, k.after_6h, k.after_1d, k.after_2d, k.after_3d, k.after_7d, k.last_change_days, k.looked_for_days
  from ops.slices s
 cross join lateral (select (s.day + 1)::timestamp at time zone s.timezone as ended) e
 cross join lateral (
       select round(extract(epoch from min(r.fetched_at) - e.ended) / 3600, 1) as first_read_hours,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '1 hour'))[1] as after_1h,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '6 hours'))[1] as after_6h,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '24 hours'))[1] as after_1d,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '48 hours'))[1] as after_2d,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '72 hours'))[1] as after_3d,
              (array_agg(r.total::numeric order by r.fetch_seq desc) filter (where r.fetched_at <= e.ended + interval '168 hours'))[1] as after_7d,
              greatest(0, ceil(extract(epoch from max(r.fetched_at) filter (where r.inserted + r.updated + r.withdrawn > 0) - e.ended) / 86400))::int as last_change_days,
              greatest(0, ceil(extract(epoch from max(r.fetched_at) - e.ended) / 86400))::int as looked_for_days
         from ops.receipts r
        where r._client_id = s._client_id and r.source = s.source and r.slice = s.slice and r.outcome not in ('emptied', 'shrunk')) k
 where s.is_final;

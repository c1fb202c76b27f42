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

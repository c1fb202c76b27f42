ALTER TABLE "ops"."receipts" DROP CONSTRAINT "receipts_outcome";--> statement-breakpoint
ALTER TABLE "ops"."receipts" ADD CONSTRAINT "receipts_outcome" CHECK ("ops"."receipts"."outcome" in ('changed', 'unchanged', 'emptied', 'shrunk', 'unreconciled'));--> statement-breakpoint
-- What stands in a table was not always what the last answer held: an answer that may be partial leaves more.
update ops.slices s set rows = t.rows, total = t.total
  from (select _client_id, _slice, count(*)::int as rows, coalesce(sum(revenue), 0) as total from anytrack.pulled_conversions group by 1, 2) t
 where s.source = 'anytrack.pulled_conversions' and s._client_id = t._client_id and s.slice = t._slice;--> statement-breakpoint
update ops.slices s set rows = t.rows, total = t.total
  from (select _client_id, _slice, count(*)::int as rows, coalesce(sum(cost), 0) as total from redtrack.daily_spend group by 1, 2) t
 where s.source = 'redtrack.daily_spend' and s.outcome = 'unreconciled' and s._client_id = t._client_id and s.slice = t._slice;

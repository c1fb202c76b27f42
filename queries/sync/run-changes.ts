import type { Queryable } from "../../schema/database.ts";

/** What a run did to a day, in money. Amounts rounded to the cent. */
export interface RunChange {
  day: string;
  /** Of its last fetch; `failed` where the day could not be fetched. */
  outcome: string;
  /** Null where the day had never been read. */
  before: string | null;
  after: string | null;
  change: string | null;
  inserted: number;
  updated: number;
  withdrawn: number;
  receiptId: number | null;
  failure: string | null;
}

/** Day by day, the first day first. What an answer that was not taken says changes nothing. */
export async function readRunChanges(
  database: Queryable,
  { client, runId }: { client: string; runId: string },
): Promise<RunChange[]> {
  const { rows } = await database.query<RunChange>(
    `with read as (
       select source, slice, (array_agg(receipt_id order by fetch_seq desc))[1] as receipt_id, (array_agg(outcome order by fetch_seq desc))[1] as outcome,
              (array_agg(total order by fetch_seq desc) filter (where outcome not in ('emptied', 'shrunk')))[1] as total, min(fetch_seq) as first_seq,
              sum(inserted)::int as inserted, sum(updated)::int as updated, sum(withdrawn)::int as withdrawn
         from ops.receipts where _client_id = $1 and run_id = $2 group by 1, 2
     ), failed as (
       select source, slice, type || ': ' || reason as failure from ops.run_failures where _client_id = $1 and run_id = $2 and recovered_at is null
     )
     select s.day, case when f.failure is not null then 'failed' else r.outcome end as outcome, round(b.total, 2) as before,
            round(coalesce(r.total, b.total), 2) as after, round(coalesce(r.total, b.total, 0) - coalesce(b.total, 0), 2) as change,
            coalesce(r.inserted, 0) as inserted, coalesce(r.updated, 0) as updated, coalesce(r.withdrawn, 0) as withdrawn,
            r.receipt_id as "receiptId", f.failure
       from read r
       full join failed f using (source, slice)
       join ops.slices s on s._client_id = $1 and s.source = coalesce(r.source, f.source) and s.slice = coalesce(r.slice, f.slice)
       left join lateral (
            select p.total from ops.receipts p
             where p._client_id = $1 and p.source = s.source and p.slice = s.slice and p.fetch_seq < r.first_seq and p.outcome not in ('emptied', 'shrunk')
             order by p.fetch_seq desc limit 1) b on true
      order by s.day`,
    [client, runId],
  );
  return rows;
}

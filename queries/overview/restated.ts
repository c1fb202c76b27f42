import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";

/** A day of a feed whose total is another than when somebody last looked. */
export interface Restated {
  source: string;
  day: string;
  /** The day was over when it was read before: what was seen then was taken for whole. */
  wasWhole: boolean;
  before: string;
  after: string;
  change: string;
  rows: number;
  receiptId: number;
  origin: StoredOrigin;
  changedAt: Date;
}

/** What changed since a moment, per source and day; days first read since then are not changes. The greatest first. */
export async function readRestated(
  database: Queryable,
  { client, since, limit }: { client: string; since: Date; limit: number },
): Promise<Restated[]> {
  const { rows } = await database.query<Restated>(
    `with touched as (
       select source, slice, sum(inserted + updated + withdrawn)::int as rows, max(committed_at) as changed_at
         from ops.receipts
        where _client_id = $1 and committed_at > $2 and inserted + updated + withdrawn > 0 and outcome not in ('emptied', 'shrunk')
        group by 1, 2
     )
     select s.source, s.day, b.fetched_at >= (s.day + 1)::timestamp at time zone s.timezone as "wasWhole", round(b.total, 2) as before,
            round(s.total, 2) as after, round(s.total, 2) - round(b.total, 2) as change, t.rows, s.receipt_id as "receiptId", s.origin, t.changed_at as "changedAt"
       from touched t
       join ops.slices s on s._client_id = $1 and s.source = t.source and s.slice = t.slice
      cross join lateral (
            select p.total, p.fetched_at from ops.receipts p
             where p._client_id = $1 and p.source = t.source and p.slice = t.slice and p.committed_at <= $2 and p.outcome not in ('emptied', 'shrunk')
             order by p.fetch_seq desc limit 1) b
      order by 3 desc, abs(s.total - b.total) desc, s.day desc, s.source limit $3`,
    [client, since, limit],
  );
  return rows;
}
